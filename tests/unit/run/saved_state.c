/* What is saved of a run's state: counts only for the record that it is of, and whoever looks sees
 * what the whole record says, whatever lies there. */
#include "run/recorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/run_state_pack.h"
#include "os/files.h"
#include "../temp_folder.h"

enum { INSTANCES = 40, FILE_BYTES = 64 << 10 };

struct scene {
    struct temp_folder folder;
    struct run_id id;
    int dir_fd; /* of the run */
    struct saved_state saved;
    struct run_state state;
    struct event_log *log;
    struct strbuf last; /* `state` as it was written last */
    uint32_t saved_count;
};

static void scene_read(struct scene *scene, const char *name, struct strbuf *bytes)
{
    strbuf_clear(bytes);
    file_read(scene->dir_fd, name, FILE_BYTES, bytes, NULL);
}

static void scene_write(struct scene *scene, const char *name, struct str bytes)
{
    assert_true(file_write_replace(scene->dir_fd, name, bytes, 0666, false, NULL));
}

static void scene_event(struct scene *scene, struct event event)
{
    struct strbuf members = {0};
    struct strbuf now = {0};
    struct err err = {0};

    event.time_ns = INT64_C(1795218072000000000) + (int64_t)scene->state.last_seq * 7654321;
    event_to_json(&event, &members);
    event.seq = event_log_add(scene->log, event.time_ns, str_of(event_types[event.type].name),
                              strbuf_str(&members));
    if (!run_state_apply(&scene->state, &event, &err)) {
        fail_msg("%s", err.text);
    }
    assert_true(event_log_flush(scene->log, NULL));
    saved_state_keep(&scene->saved, scene->dir_fd, &scene->state, scene->log);
    scene_read(scene, "state", &now);
    if (!str_equal(strbuf_str(&now), strbuf_str(&scene->last))) {
        scene->saved_count++;
        strbuf_clear(&scene->last);
        strbuf_add_str(&scene->last, strbuf_str(&now));
    }
    strbuf_fini(&now);
    strbuf_fini(&members);
}

static struct event scene_attempt(uint32_t number, enum event_type type, const char *to)
{
    static char names[INSTANCES][16];

    snprintf(names[number], sizeof(names[number]), "say@n=%u", (unsigned)number);
    return (struct event){.type = type,
                          .number = number,
                          .instance = str_of(names[number]),
                          .stage = STR("say"),
                          .place = STR("pawl.toml:4:8"),
                          .state = str_of(to),
                          .reason = str_of(number % 7 == 3 && to != NULL ? "it failed" : ""),
                          .wall_ns = 7 * number};
}

static void scene_begin(struct scene *scene)
{
    *scene = (struct scene){.saved = {.every_bytes = 1, .least_bytes = 1}};
    temp_folder_make(&scene->folder);
    assert_true(run_id_parse(STR("20261120T234112Z-7f3a"), &scene->id));
    assert_int_equal(mkdirat(scene->folder.fd, "runs", 0777), 0);
    assert_int_equal(mkdirat(scene->folder.fd, "runs/20261120T234112Z-7f3a", 0777), 0);
    scene->dir_fd = run_dir_open(scene->folder.fd, &scene->id, NULL);
    run_state_init(&scene->state);
    scene->log = event_log_create(scene->dir_fd, "events.jsonl", NULL);
    scene_event(scene, (struct event){.type = EVENT_RUN_STARTED,
                                      .instances = INSTANCES,
                                      .run = str_of(scene->id.text)});
}

static void scene_attempts(struct scene *scene, uint32_t from, uint32_t to)
{
    struct event_range range = {from, to - 1};

    scene_event(scene, (struct event){.type = EVENT_INSTANCES_READY, .ids = {&range, 1}});
    for (uint32_t i = from; i < to; i++) {
        scene_event(scene, scene_attempt(i, EVENT_ATTEMPT_STARTED, NULL));
        scene_event(scene,
                    scene_attempt(i, EVENT_ATTEMPT_FINISHED, i % 7 == 3 ? "failed" : "done"));
    }
}

static void scene_end(struct scene *scene)
{
    event_log_close(scene->log);
    run_state_fini(&scene->state);
    strbuf_fini(&scene->last);
    close(scene->dir_fd);
    temp_folder_remove(&scene->folder);
}

static bool scene_has_saved(struct scene *scene)
{
    struct run_state state;
    struct event_place place;
    bool has;

    run_state_init(&state);
    has = saved_state_read(scene->dir_fd, &state, &place);
    run_state_fini(&state);
    return has;
}

/* Looking gives what the whole record gives, also where that is an error. */
static void scene_looks_right(struct scene *scene)
{
    struct run_state states[2];
    struct strbuf packed[2] = {{0}, {0}};
    struct err errs[2] = {{0}, {0}};
    bool ok[2];

    run_state_init(&states[0]);
    run_state_init(&states[1]);
    ok[0] = recorder_replay(scene->folder.fd, &scene->id, &states[0], NULL, NULL, &errs[0]);
    ok[1] = recorder_look(scene->folder.fd, &scene->id, &states[1], &errs[1]);
    assert_int_equal(ok[0], ok[1]);
    assert_int_equal(errs[0].status, errs[1].status);
    for (int i = 0; i < 2; i++) {
        run_state_pack(&states[i], &packed[i]);
        run_state_fini(&states[i]);
    }
    assert_int_equal(packed[0].len, packed[1].len);
    assert_memory_equal(packed[0].data, packed[1].data, packed[0].len);
    strbuf_fini(&packed[0]);
    strbuf_fini(&packed[1]);
}

/* The record as it was after each byte, with each state that was saved until then or later: one
 * that speaks of lines that are not there does not count. */
static void every_prefix(void **unused)
{
    struct scene scene;
    struct strbuf record = {0};
    struct strbuf early = {0};
    struct strbuf late = {0};

    (void)unused;
    scene_begin(&scene);
    scene_attempts(&scene, 0, INSTANCES / 2);
    strbuf_add_str(&early, strbuf_str(&scene.last));
    scene_attempts(&scene, INSTANCES / 2, INSTANCES);
    scene_event(&scene, (struct event){.type = EVENT_RUN_FAILED, .status = 1});
    assert_true(scene.saved_count >= 3);
    strbuf_add_str(&late, strbuf_str(&scene.last));
    assert_false(str_equal(strbuf_str(&early), strbuf_str(&late)));
    scene_read(&scene, "events.jsonl", &record);
    for (size_t len = 0; len <= record.len; len += len % 97 == 0 ? 1 : 48) {
        scene_write(&scene, "events.jsonl", str_head(strbuf_str(&record), len));
        scene_write(&scene, "state", strbuf_str(&late));
        assert_true(scene_has_saved(&scene));
        scene_looks_right(&scene);
        scene_write(&scene, "state", strbuf_str(&early));
        scene_looks_right(&scene);
    }
    strbuf_fini(&record);
    strbuf_fini(&early);
    strbuf_fini(&late);
    scene_end(&scene);
}

/* It was read indeed: of a record that is damaged before the line, who looks sees nothing. */
static void only_the_end_is_read(void **unused)
{
    struct scene scene;
    struct strbuf record = {0};
    struct run_state state;

    (void)unused;
    scene_begin(&scene);
    scene_attempts(&scene, 0, 12);
    scene_event(&scene, (struct event){.type = EVENT_SYNCED, .through = 20});
    scene_read(&scene, "events.jsonl", &record);
    record.data[600] ^= 1;
    scene_write(&scene, "events.jsonl", strbuf_str(&record));
    run_state_init(&state);
    assert_false(recorder_replay(scene.folder.fd, &scene.id, &state, NULL, NULL, NULL));
    run_state_fini(&state);
    run_state_init(&state);
    assert_true(recorder_look(scene.folder.fd, &scene.id, &state, NULL));
    assert_int_equal(state.last_seq, scene.state.last_seq);
    assert_int_equal(state.counts[INST_DONE], 10);
    run_state_fini(&state);
    strbuf_fini(&record);
    scene_end(&scene);
}

static void damaged_ones_do_not_count(void **unused)
{
    struct scene scene;
    struct strbuf good = {0};

    (void)unused;
    scene_begin(&scene);
    scene_attempts(&scene, 0, 12);
    strbuf_add_str(&good, strbuf_str(&scene.last));
    assert_true(good.len > 0 && scene_has_saved(&scene));
    for (size_t i = 0; i < good.len; i += 3) {
        scene_write(&scene, "state", str_head(strbuf_str(&good), i));
        assert_false(scene_has_saved(&scene));
        good.data[i] ^= 0x10;
        scene_write(&scene, "state", strbuf_str(&good));
        assert_false(scene_has_saved(&scene));
        good.data[i] ^= 0x10;
    }
    scene_looks_right(&scene);
    unlinkat(scene.dir_fd, "state", 0);
    assert_int_equal(mkdirat(scene.dir_fd, "state", 0777), 0);
    assert_false(scene_has_saved(&scene));
    scene_looks_right(&scene);
    /* Nor does it disturb the run that it cannot be written. */
    scene_event(&scene, (struct event){.type = EVENT_RUN_FAILED, .status = 1});
    scene_looks_right(&scene);
    strbuf_fini(&good);
    scene_end(&scene);
}

/* A state of the same version and with the right checksum, of a record that another run has, or
 * that went on otherwise from some line on: it was cut there. */
static void foreign_ones_do_not_count(void **unused)
{
    struct scene scene;
    struct scene other;

    (void)unused;
    scene_begin(&scene);
    scene_attempts(&scene, 0, 10);
    scene_begin(&other);
    scene_event(&other, (struct event){.type = EVENT_LIMIT_CHANGED, .limit = 9});
    scene_attempts(&other, 0, 20);
    scene_write(&scene, "state", strbuf_str(&other.last));
    assert_true(scene_has_saved(&scene));
    scene_looks_right(&scene);
    scene_attempts(&scene, 10, 30); /* as long as the other by now */
    scene_write(&scene, "state", strbuf_str(&other.last));
    scene_looks_right(&scene);
    scene_end(&other);
    scene_end(&scene);
}

/* What somebody made up, with all that counts: `verify` tells. */
static void a_lie_is_found(void **unused)
{
    struct scene scene;
    struct run_state lie;
    struct strbuf record = {0};

    (void)unused;
    scene_begin(&scene);
    assert_true(recorder_look_is_right(scene.folder.fd, &scene.id));
    scene_attempts(&scene, 0, 12);
    assert_true(recorder_look_is_right(scene.folder.fd, &scene.id));
    lie = scene.state;
    lie.limit++;
    scene.saved.offset = scene.saved.size_bytes = 0;
    saved_state_keep(&scene.saved, scene.dir_fd, &lie, scene.log);
    assert_false(recorder_look_is_right(scene.folder.fd, &scene.id));
    scene_event(&scene, (struct event){.type = EVENT_LIMIT_CHANGED, .limit = 2});
    assert_false(recorder_look_is_right(scene.folder.fd, &scene.id));
    scene_read(&scene, "events.jsonl", &record); /* of another record it is none */
    scene_write(&scene, "events.jsonl", str_head(strbuf_str(&record), record.len / 2));
    assert_true(recorder_look_is_right(scene.folder.fd, &scene.id));
    scene_looks_right(&scene);
    strbuf_fini(&record);
    scene_end(&scene);
}

/* A small run has none, and a large one not more than is worth it. */
static void written_now_and_then(void **unused)
{
    struct saved_state usual = saved_state_none();
    struct scene scene;
    uint32_t count;

    (void)unused;
    scene_begin(&scene);
    scene.saved = usual;
    unlinkat(scene.dir_fd, "state", 0);
    scene_attempts(&scene, 0, 20);
    assert_false(scene_has_saved(&scene));
    scene.saved.every_bytes = 2000;
    count = scene.saved_count;
    scene_attempts(&scene, 20, 30);
    assert_in_range(scene.saved_count - count, 2, 6); /* of 21 events */
    count = scene.saved_count;
    scene.saved.least_bytes = 1 << 20;
    scene_event(&scene, (struct event){.type = EVENT_RUN_FAILED, .status = 1});
    assert_int_equal(scene.saved_count, count);
    scene.saved.least_bytes = 1;
    scene_event(&scene, (struct event){.type = EVENT_HOOKS_TOLD});
    assert_int_equal(scene.saved_count, count + 1);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_prefix),
        cmocka_unit_test(only_the_end_is_read),
        cmocka_unit_test(damaged_ones_do_not_count),
        cmocka_unit_test(foreign_ones_do_not_count),
        cmocka_unit_test(a_lie_is_found),
        cmocka_unit_test(written_now_and_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
