/* result.json, the tables of a report, and JSON lines, of one small run. */
#include "scene.h"

#include "report/json.h"
#include "report/tables.h"

static const char *const names[] = {"fetch@of=a", "fetch@of=b", "train", "publish", NULL};
static const uint32_t edges[][2] = {{0, 2}, {1, 2}, {2, 3}};

/* One was up to date, one ran, one failed, one is blocked. */
static void play(struct scene *scene)
{
    struct event event = scene_event(scene, EVENT_ATTEMPT_FINISHED, 2);

    scene_begin(scene);
    scene_set(scene, EVENT_INSTANCES_UP_TO_DATE, 0, 0, "");
    scene_start(scene, 1);
    scene_wait(scene, 1500);
    scene_done(scene, 1, 1500);
    scene_start(scene, 2);
    scene_wait(scene, 500);
    event.state = STR("failed");
    event.cause = STR("exit");
    event.reason = STR("exit 3");
    event.exit_code = 3;
    event.wall_ns = 500 * NS_PER_MS;
    event.log = STR("logs/train.1f");
    scene_tell(scene, event);
    scene_set(scene, EVENT_INSTANCES_BLOCKED, 3, 3, "something they need failed");
    scene_tell(scene, (struct event){.type = EVENT_RUN_FAILED, .status = 1});
}

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));

    scene_init(scene, names, edges, 3);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    scene_fini(*state);
    free(*state);
    return 0;
}

static const struct result_options by_events = {.status = -1};

static void print(struct scene *scene, const struct result_options *options,
                  enum report_format format)
{
    struct figures_run run;
    struct figures figures;

    figures_run_init(&run, &scene->state, options, &scene->arena);
    figures_make(&figures, &run, NULL, NULL);
    report_add(&(struct report_view){&scene->state, options, &figures, NULL}, format, &scene->out);
    figures_fini(&figures);
    figures_run_fini(&run);
}

static void test_result_json(void **state)
{
    struct scene *scene = *state;
    struct result_options options = {.plan = &scene->plan, .status = -1, .head = STR("4f3c")};

    play(scene);
    result_json(&scene->state, &options, &scene->out);
    scene_expect(scene, "{\n"
                        "  \"schema\": 1,\n"
                        "  \"run\": \"" SCENE_RUN "\",\n"
                        "  \"pipeline\": \"demo\",\n"
                        "  \"state\": \"failed\",\n"
                        "  \"status\": 1,\n"
                        "  \"name\": \"stage-failed\",\n"
                        "  \"started_at\": \"2026-11-20T23:41:12.000Z\",\n"
                        "  \"ended_at\": \"2026-11-20T23:41:14.000Z\",\n"
                        "  \"wall_ns\": 2000000000,\n"
                        "  \"head\": \"4f3c\",\n"
                        "  \"labels\": {},\n"
                        "  \"params\": {},\n"
                        "  \"flags\": [],\n"
                        "  \"targets\": [],\n"
                        "  \"command_line\": [],\n"
                        "  \"resumes\": 0,\n"
                        "  \"total\": 4,\n"
                        "  \"counts\": {\n"
                        "    \"pending\": 0,\n"
                        "    \"ready\": 0,\n"
                        "    \"waiting\": 0,\n"
                        "    \"running\": 0,\n"
                        "    \"done\": 1,\n"
                        "    \"up_to_date\": 1,\n"
                        "    \"restored\": 0,\n"
                        "    \"skipped\": 0,\n"
                        "    \"refused\": 0,\n"
                        "    \"failed\": 1,\n"
                        "    \"unsettled\": 0,\n"
                        "    \"cancelled\": 0,\n"
                        "    \"blocked\": 1,\n"
                        "    \"compensated\": 0\n"
                        "  },\n"
                        "  \"kept_files\": 0,\n"
                        "  \"differing_results\": 0,\n"
                        "  \"instances\": [\n"
                        "    {\n"
                        "      \"number\": 1,\n"
                        "      \"instance\": \"fetch@of=b\",\n"
                        "      \"stage\": \"fetch\",\n"
                        "      \"state\": \"done\",\n"
                        "      \"cause\": \"none\",\n"
                        "      \"attempts\": 1,\n"
                        "      \"ready_at\": \"2026-11-20T23:41:12.000Z\",\n"
                        "      \"started_at\": \"2026-11-20T23:41:12.000Z\",\n"
                        "      \"wall_ns\": 1500000000,\n"
                        "      \"usage\": {\n"
                        "        \"cpu_ns\": 750000000,\n"
                        "        \"max_rss_bytes\": 3145728\n"
                        "      },\n"
                        "      \"exit\": 0,\n"
                        "      \"ended_at\": \"2026-11-20T23:41:13.500Z\",\n"
                        "      \"place\": \"pawl.toml:4:1\"\n"
                        "    },\n"
                        "    {\n"
                        "      \"number\": 2,\n"
                        "      \"instance\": \"train\",\n"
                        "      \"stage\": \"train\",\n"
                        "      \"state\": \"failed\",\n"
                        "      \"cause\": \"exit\",\n"
                        "      \"reason\": \"exit 3\",\n"
                        "      \"attempts\": 1,\n"
                        "      \"ready_at\": \"2026-11-20T23:41:13.500Z\",\n"
                        "      \"started_at\": \"2026-11-20T23:41:13.500Z\",\n"
                        "      \"wall_ns\": 500000000,\n"
                        "      \"usage\": {\n"
                        "        \"cpu_ns\": 0,\n"
                        "        \"max_rss_bytes\": 0\n"
                        "      },\n"
                        "      \"exit\": 3,\n"
                        "      \"ended_at\": \"2026-11-20T23:41:14.000Z\",\n"
                        "      \"log\": \"logs/train.1f\",\n"
                        "      \"place\": \"pawl.toml:4:1\"\n"
                        "    },\n"
                        "    {\n"
                        "      \"number\": 3,\n"
                        "      \"instance\": \"publish\",\n"
                        "      \"stage\": \"publish\",\n"
                        "      \"state\": \"blocked\",\n"
                        "      \"reason\": \"something they need failed\",\n"
                        "      \"attempts\": 0,\n"
                        "      \"ended_at\": \"2026-11-20T23:41:14.000Z\"\n"
                        "    }\n"
                        "  ]\n"
                        "}\n");
}

/* A run that is not over, without a plan, one instance in scope. */
static void test_result_json_of_a_live_run(void **state)
{
    static const uint8_t scope[] = {0, 1, 0, 0};
    struct scene *scene = *state;
    struct result_options options = {
        .scope = scope, .all = true, .run_status = RUN_INTERRUPTED, .status = -1};

    scene_begin(scene);
    result_json(&scene->state, &options, &scene->out);
    assert_non_null(strstr(scene->out.data, "\"state\": \"interrupted\",\n  \"started_at\""));
    assert_non_null(strstr(scene->out.data, "\"total\": 1,\n"));
    assert_non_null(strstr(scene->out.data, "\"pending\": 1,\n"));
    assert_non_null(strstr(scene->out.data, "  \"instances\": [\n    {\n      \"number\": 1,\n"
                                            "      \"state\": \"pending\",\n"
                                            "      \"attempts\": 0\n    }\n  ]\n}\n"));
}

static void test_text(void **state)
{
    struct scene *scene = *state;
    struct result_options options = {.plan = &scene->plan, .status = -1};

    play(scene);
    print(scene, &options, REPORT_TEXT);
    scene_expect(
        scene, "run       " SCENE_RUN "\n"
               "pipeline  demo\n"
               "state     failed, status 1 (stage-failed)\n"
               "started   2026-11-20T23:41:12.000Z\n"
               "result    2 of 4 up to date: 1 ran, 1 was up to date, 1 failed, 1 blocked, 2.0s\n"
               "\n"
               "Instances\n"
               "\n"
               "state    instance     time  attempts    cpu   memory  reason\n"
               "done     fetch@of=b   1.5s         1  750ms  3.0 MiB\n"
               "failed   train       500ms         1    0ms           exit 3\n"
               "blocked  publish                                      something they need failed\n"
               "\n"
               "Stages\n"
               "\n"
               "stage    instances  up to date  ran  failed   time    cpu   memory\n"
               "fetch            2           2    1       0   1.5s  750ms  3.0 MiB\n"
               "train            1           0    1       1  500ms    0ms\n"
               "publish          1           0    0       0    0ms    0ms\n"
               "\n"
               "Failures\n"
               "\n"
               "instance  reason  place          log\n"
               "train     exit 3  pawl.toml:4:1  logs/train.1f\n"
               "\n"
               "Critical path\n"
               "\n"
               "instance     time  so far\n"
               "fetch@of=b   1.5s    1.5s\n"
               "train       500ms    2.0s\n");
}

static void test_csv_without_plan(void **state)
{
    struct scene *scene = *state;

    play(scene);
    print(scene, &by_events, REPORT_CSV);
    scene_expect(
        scene,
        "instance,stage,state,attempts,started_at,wall_ns,cpu_ns,max_rss_bytes,exit,signal,cause,"
        "reason,log,place\n"
        "fetch@of=b,fetch,done,1,2026-11-20T23:41:12.000Z,1500000000,750000000,3145728,0,0,none,,,"
        "pawl.toml:4:1\n"
        "train,train,failed,1,2026-11-20T23:41:13.500Z,500000000,0,0,3,0,exit,exit 3,"
        "logs/train.1f,pawl.toml:4:1\n"
        "#3,,blocked,0,,0,0,0,0,0,,something they need failed,,\n");
}

static void test_markdown(void **state)
{
    struct scene *scene = *state;

    scene_begin(scene);
    scene_start(scene, 1);
    print(scene, &by_events, REPORT_MARKDOWN);
    scene_expect(scene, "# Run " SCENE_RUN "\n"
                        "\n"
                        "- pipeline: demo\n"
                        "- state: running\n"
                        "- started: 2026-11-20T23:41:12.000Z\n"
                        "- result: 0 of 4 up to date: 0ms\n"
                        "\n"
                        "## Instances\n"
                        "\n"
                        "| state | instance | time | attempts | cpu | memory | reason |\n"
                        "| --- | --- | ---: | ---: | ---: | ---: | --- |\n"
                        "| running | fetch@of=b | 0ms | 1 | 0ms |  |  |\n"
                        "\n"
                        "## Stages\n"
                        "\n"
                        "| stage | instances | up to date | ran | failed | time | cpu | memory |\n"
                        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
                        "| (not named) | 3 | 0 | 0 | 0 | 0ms | 0ms |  |\n"
                        "| fetch | 1 | 0 | 1 | 0 | 0ms | 0ms |  |\n");
}

/* A state before its first event. */
static void test_nothing(void **state)
{
    struct scene *scene = *state;

    print(scene, &by_events, REPORT_TEXT);
    scene_expect(scene, "state     pending\n"
                        "result    0 of 0 up to date: 0ms\n");
}

static void test_json_lines(void **state)
{
    static const int64_t durations[] = {NS_PER_SEC, NS_PER_SEC, NS_PER_SEC, NS_PER_SEC};
    struct scene *scene = *state;
    struct json_display display;
    struct report_options options = {.plan = &scene->plan, .duration_ns = durations, .limit = 2};

    json_display_init(&display, &options, &scene->sink, &scene->clock);
    scene->observer = json_display_observer(&display);
    scene_begin(scene);
    strbuf_clear(&scene->out);
    scene_tell(scene, (struct event){.type = EVENT_WARNING, .reason = STR("hot \"x\"")});
    assert_true(
        str_has_prefix(strbuf_str(&scene->out), STR("{\"seq\":2,\"time\":\"2026-11-20T23:41:12."
                                                    "000Z\",\"type\":\"warning\",\"severity\":")));
    assert_non_null(strstr(scene->out.data, "\"reason\":\"hot \\\"x\\\"\""));
    assert_true(str_has_suffix(strbuf_str(&scene->out), STR("}\n")));
    strbuf_clear(&scene->out);
    scene_tick(scene);
    scene_expect(scene, "");
    scene_wait(scene, 1000);
    assert_int_equal(scene_tick(scene), scene->time.mono_ns + NS_PER_SEC);
    scene_expect(scene, "{\"type\":\"progress\",\"total\":4,\"ended\":0,\"running\":0,"
                        "\"up_to_date\":0,\"failed\":0,\"percent\":0,\"estimated\":false,"
                        "\"elapsed_ns\":1000000000,\"left_ns\":3000000000}\n");
    assert_int_equal(scene_tick(scene), INT64_MAX);
    json_display_finish(&display, &(struct report_end){.status = 130, .run = STR("r")});
    scene_expect(scene, "{\"type\":\"end\",\"status\":130,\"name\":\"signal\",\"run\":\"r\","
                        "\"head\":\"\"}\n");
    json_display_fini(&display);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_result_json), TEST(test_result_json_of_a_live_run),
        TEST(test_text),        TEST(test_csv_without_plan),
        TEST(test_markdown),    TEST(test_nothing),
        TEST(test_json_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
