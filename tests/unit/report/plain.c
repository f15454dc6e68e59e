/* The plain display, event by event, with its exact text. */
#include "scene.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/template.h"
#include "report/plain.h"

static const char *const names[] = {"fetch@of=a", "fetch@of=b", "train", "publish", NULL};
static const uint32_t edges[][2] = {{0, 2}, {1, 2}, {2, 3}};

struct fixture {
    struct scene scene;
    struct plain plain;
    struct report_options options;
    char dir[64];
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    scene_init(&fixture->scene, names, edges, 3);
    strcpy(fixture->dir, "/tmp/pawl-plain-XXXXXX");
    *state = fixture;
    return mkdtemp(fixture->dir) == NULL;
}

static void show(struct fixture *fixture)
{
    struct scene *scene = &fixture->scene;

    fixture->options.plan = &scene->plan;
    fixture->options.limit = 2;
    fixture->options.runs_path = str_of(fixture->dir);
    plain_init(&fixture->plain, &fixture->options, &scene->sink, &scene->clock);
    scene->observer = plain_observer(&fixture->plain);
    scene_begin(scene);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char path[200];

    plain_fini(&fixture->plain);
    scene_fini(&fixture->scene);
    snprintf(path, sizeof(path), "%s/" SCENE_RUN "/log", fixture->dir);
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    rmdir(fixture->dir);
    free(fixture);
    return 0;
}

static void write_log(struct fixture *fixture, const char *text)
{
    char path[200];
    FILE *file;

    snprintf(path, sizeof(path), "%s/" SCENE_RUN, fixture->dir);
    assert_int_equal(mkdir(path, 0777), 0);
    strcat(path, "/log");
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void expect_printf(struct fixture *fixture, const char *format, ...)
{
    char text[4000];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    scene_expect(&fixture->scene, text);
}

static void test_good_run(void **state)
{
    struct fixture *fixture = *state;
    struct scene *scene = &fixture->scene;

    show(fixture);
    scene_set(scene, EVENT_INSTANCES_UP_TO_DATE, 0, 0, "");
    scene_expect(scene, "1 up to date\n");
    scene_start(scene, 1);
    scene_expect(scene, "");
    scene_wait(scene, 420);
    scene_done(scene, 1, 420);
    scene_expect(scene, "done      fetch@of=b  420ms\n");
    scene_tell(scene, scene_event(scene, EVENT_INSTANCE_RESTORED, 2));
    scene_expect(scene, "restored  train\n");
    scene_set(scene, EVENT_INSTANCES_SKIPPED, 3, 3, "its 'when' is false");
    scene_expect(scene, "skipped   publish: its 'when' is false\n");
    scene_tell(scene, (struct event){.type = EVENT_RUN_COMPLETED});
    plain_finish(&fixture->plain, &(struct report_end){0, STR(SCENE_RUN), STR("4f3c"), 0},
                 &scene->state);
    scene_expect(scene, "3 of 4 up to date: 1 ran, 1 restored, 1 was up to date, 1 skipped, 420ms\n"
                        "run " SCENE_RUN ", head 4f3c\n");
}

static void test_failure(void **state)
{
    struct fixture *fixture = *state;
    struct scene *scene = &fixture->scene;

    show(fixture);
    write_log(fixture, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n"
                       "10 %\r100 %\r\n\033[31mred\033[0m\a\n\xff\n");
    scene_start(scene, 0);
    scene_end(scene, 0, INST_FAILED, 4200, "exit 1", "log");
    expect_printf(fixture,
                  "failed    fetch@of=a: exit 1, after 4.2s\n"
                  "  at pawl.toml:4:1\n"
                  "  last lines of %s/" SCENE_RUN "/log:\n"
                  "    | 2\n    | 3\n    | 4\n    | 5\n    | 6\n    | 7\n    | 8\n    | 9\n"
                  "    | 10\n    | 11\n    | 12\n    | 13\n    | 14\n    | 15\n    | 16\n"
                  "    | 17\n    | 18\n    | 100 %%\n    | red\\x07\n    | \\xff\n",
                  fixture->dir);
    scene_set(scene, EVENT_INSTANCES_BLOCKED, 2, 3, "something they need failed");
    scene_expect(scene, "blocked   train and 1 more: something they need failed\n");
    plain_finish(&fixture->plain, &(struct report_end){.status = 1, .elapsed_ns = 5 * NS_PER_SEC},
                 &scene->state);
    scene_expect(scene, "failed with status 1 (stage-failed): 0 of 4 up to date: 1 failed, "
                        "2 blocked, 5.0s\n");
}

static void test_command_and_silence(void **state)
{
    struct fixture *fixture = *state;
    struct scene *scene = &fixture->scene;
    const char *words[] = {"cp", "a file", "out/b"};
    struct m_settings settings = {.cpu = {.given = false}};
    struct m_text run[3] = {{.given = false}};
    struct m_stage source = {.run_kind = M_RUN_ARGV, .run = {run, 3, true}, .settings = &settings};
    struct template_cache templates;
    struct arena arena;

    arena_init(&arena);
    template_cache_init(&templates, &arena);
    for (uint32_t i = 0; i < 3; i++) {
        run[i].text = str_of(words[i]);
        assert_true(template_parse(&templates, &run[i], SPAN_NONE, TEMPLATE_ARGV, STR_NONE, NULL));
    }
    show(fixture);
    scene->plan.stages[0].source = &source;
    scene_start(scene, 0);
    scene_end(scene, 0, INST_UNSETTLED, 12, "", "");
    scene_expect(scene, "unsettled fetch@of=a: exit 1, after 12ms\n"
                        "  at pawl.toml:4:1\n"
                        "  command: cp 'a file' out/b\n"
                        "  it printed nothing\n");
    template_cache_fini(&templates);
    arena_fini(&arena);
}

static void test_lost_log(void **state)
{
    struct fixture *fixture = *state;

    show(fixture);
    scene_start(&fixture->scene, 0);
    scene_end(&fixture->scene, 0, INST_FAILED, 1, "killed by signal 9 (Killed)", "gone");
    expect_printf(fixture,
                  "failed    fetch@of=a: killed by signal 9 (Killed), after 1ms\n"
                  "  at pawl.toml:4:1\n"
                  "  log %s/" SCENE_RUN "/gone cannot be read: No such file or directory\n",
                  fixture->dir);
}

/* A failure is said again at the end only when much came after it. */
static void test_failure_is_repeated(void **state)
{
    struct fixture *fixture = *state;
    struct scene *scene = &fixture->scene;
    struct event warning = scene_event(scene, EVENT_WARNING, 1);

    show(fixture);
    scene_start(scene, 0);
    scene_end(scene, 0, INST_FAILED, 1, "exit 1", "");
    warning.reason = STR("hot");
    for (int i = 0; i < 21; i++) {
        scene_tell(scene, warning);
    }
    strbuf_clear(&scene->out);
    plain_finish(&fixture->plain, &(struct report_end){.status = 1, .elapsed_ns = 1},
                 &scene->state);
    scene_expect(scene, "failed    fetch@of=a: exit 1, after 1ms\n"
                        "  at pawl.toml:4:1\n"
                        "  it printed nothing\n"
                        "failed with status 1 (stage-failed): 0 of 4 up to date: 1 failed, 0ms\n");
}

static void test_notices(void **state)
{
    struct fixture *fixture = *state;
    struct scene *scene = &fixture->scene;
    struct str paths[] = {STR("out/a"), STR("b\n")};
    struct event event = scene_event(scene, EVENT_OUTPUT_KEPT, 0);

    show(fixture);
    event.paths = (struct event_strs){paths, 1};
    event.place = STR(".pawl/kept/" SCENE_RUN "/out/a");
    scene_tell(scene, event);
    scene_expect(scene, "kept      'out/a' was not made by pawl: it is at '.pawl/kept/" SCENE_RUN
                        "/out/a' now\n");
    event = scene_event(scene, EVENT_RESULT_DIFFERS, 2);
    event.paths = (struct event_strs){paths, 2};
    scene_tell(scene, event);
    scene_expect(scene, "differs   train: the same inputs gave other bytes: 'out/a', 'b\\x0a'\n");
    scene_tell(scene, (struct event){.type = EVENT_ORPHANS_FOUND, .paths = {paths, 1}});
    scene_expect(scene, "orphans   'out/a': made by pawl, declared by no stage now; 'pawl clean "
                        "--orphans' removes them\n");
    scene_tell(scene,
               (struct event){.type = EVENT_STOPPING, .reason = STR("signal 2 (Interrupt)")});
    scene_expect(scene, "stopping  signal 2 (Interrupt)\n");
    scene_start(scene, 0);
    scene_end(scene, 0, INST_READY, 5, "its input 'x' changed while it ran", "");
    scene_expect(scene, "again     fetch@of=a: its input 'x' changed while it ran\n");
}

static void test_heartbeat(void **state)
{
    static const int64_t durations[] = {NS_PER_SEC, 40 * NS_PER_SEC, 10 * NS_PER_SEC,
                                        10 * NS_PER_SEC};
    struct fixture *fixture = *state;
    struct scene *scene = &fixture->scene;

    fixture->options.duration_ns = durations;
    show(fixture);
    scene_set(scene, EVENT_INSTANCES_UP_TO_DATE, 0, 0, "");
    scene_start(scene, 1);
    strbuf_clear(&scene->out);
    assert_int_equal(scene_tick(scene), scene->time.mono_ns + 10 * NS_PER_SEC);
    scene_wait(scene, 9999);
    scene_tick(scene);
    scene_expect(scene, "");
    scene_wait(scene, 1);
    assert_int_equal(scene_tick(scene), scene->time.mono_ns + 10 * NS_PER_SEC);
    scene_expect(scene, "still running: fetch@of=b 10s; 16 % [1/4], ETA 50s (23:42)\n");
    scene_wait(scene, 9999);
    scene_tick(scene);
    scene_expect(scene, "");
}

static void test_quiet(void **state)
{
    struct fixture *fixture = *state;
    struct scene *scene = &fixture->scene;

    fixture->options.quiet = true;
    show(fixture);
    scene_set(scene, EVENT_INSTANCES_UP_TO_DATE, 0, 0, "");
    scene_start(scene, 1);
    scene_done(scene, 1, 3);
    assert_int_equal(scene_tick(scene), INT64_MAX);
    plain_finish(&fixture->plain, &(struct report_end){.run = STR(SCENE_RUN)}, &scene->state);
    scene_expect(scene, "");
}

static void why(void *ctx, struct inst_id instance, struct strbuf *out)
{
    (void)ctx;
    strbuf_printf(out, "input %u changed", instance.n);
}

static void test_verbose(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.verbose = true;
    fixture->options.why = why;
    show(fixture);
    scene_start(&fixture->scene, 1);
    scene_expect(&fixture->scene, "start     fetch@of=b: input 1 changed\n");
}

static void test_stream(void **state)
{
    struct fixture *fixture = *state;
    struct scene *scene = &fixture->scene;

    fixture->options.output = REPORT_OUTPUT_STREAM;
    show(fixture);
    scene_start(scene, 1);
    plain_stream(&fixture->plain, (struct inst_id){1}, "on", 2);
    scene_expect(scene, "");
    plain_stream(&fixture->plain, (struct inst_id){1}, "e\ntwo\nthr", 9);
    scene_expect(scene, "fetch@of=b | one\nfetch@of=b | two\n");
    scene_done(scene, 1, 3);
    scene_expect(scene, "fetch@of=b | thr\ndone      fetch@of=b  3ms\n");
}

static void test_group(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.output = REPORT_OUTPUT_GROUP;
    show(fixture);
    write_log(fixture, "one\n\ntwo\n");
    scene_start(&fixture->scene, 1);
    scene_end(&fixture->scene, 1, INST_DONE, 3, "", "log");
    expect_printf(fixture,
                  "done      fetch@of=b  3ms\n  log %s/" SCENE_RUN "/log:\n"
                  "    | one\n    | \n    | two\n",
                  fixture->dir);
}

static void test_sink_errors_are_remembered(void **state)
{
    struct sink_fd out;
    struct sink sink;
    int fd = open("/dev/full", O_WRONLY);

    (void)state;
    assert_true(fd >= 0);
    sink = sink_of_fd(&out, fd);
    sink_write(&sink, STR("text"));
    assert_int_equal(out.error, ENOSPC);
    sink_write(&sink, STR("text"));
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_good_run),
        TEST(test_failure),
        TEST(test_command_and_silence),
        TEST(test_lost_log),
        TEST(test_failure_is_repeated),
        TEST(test_notices),
        TEST(test_heartbeat),
        TEST(test_quiet),
        TEST(test_verbose),
        TEST(test_stream),
        TEST(test_group),
        cmocka_unit_test(test_sink_errors_are_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
