/* Events as JSON and back, and the fold over them. */
#include "model/run_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct event numbered(enum event_type type, uint64_t seq)
{
    return (struct event){.type = type, .seq = seq, .time_ns = (int64_t)seq * 1000000000};
}

static struct event_ids ids_of(struct arena *arena, const uint32_t *numbers, uint32_t count)
{
    struct event_ids ids = {NULL, 0};

    for (uint32_t i = 0; i < count; i++) {
        event_ids_add(&ids, arena, numbers[i]);
    }
    return ids;
}

/* --- JSON --- */

static struct event round_trip(struct arena *arena, const struct event *event)
{
    struct strbuf line = {0};
    struct event back;
    struct err err;
    bool known;

    strbuf_printf(&line, "{\"seq\":%llu,\"time\":\"2026-11-20T23:41:12.345Z\",\"type\":\"%s\",",
                  (unsigned long long)event->seq, event_types[event->type].name);
    event_to_json(event, &line);
    strbuf_putc(&line, '}');
    assert_true(event_from_json(strbuf_str(&line), arena, &back, &known, &err));
    assert_true(known);
    strbuf_fini(&line);
    return back;
}

static void started_round_trip(void **state)
{
    struct arena arena;
    struct event_pair params[] = {{STR("index"), STR("DAX")}, {STR("odd\xff"), STR("a\"b\n")}};
    struct str words[] = {STR("pawl"), STR("run")};
    struct event event = numbered(EVENT_RUN_STARTED, 1);
    struct event back;

    (void)state;
    arena_init(&arena);
    event.instances = 12;
    event.pipeline = STR("backtest");
    event.params = (struct event_pairs){params, 2};
    event.command_line = (struct event_strs){words, 2};
    event.pid = 4711;
    back = round_trip(&arena, &event);
    assert_int_equal(back.instances, 12);
    assert_int_equal(back.pid, 4711);
    assert_true(str_is(back.pipeline, "backtest"));
    assert_int_equal(back.params.count, 2);
    assert_true(str_equal(back.params.items[1].name, params[1].name));
    assert_true(str_equal(back.params.items[1].value, params[1].value));
    assert_true(str_is(back.command_line.items[1], "run"));
    assert_int_equal(back.time_ns, INT64_C(1795218072345000000));
    arena_fini(&arena);
}

/* Another writer may put members as it likes; of one given twice the first counts. */
static void members_may_come_in_any_order(void **state)
{
    struct str line =
        STR("{\"limit\":4,\"signal\":9,\"type\":\"attempt.finished\",\"new\":[1],\"key\":\"ab\","
            "\"seq\":7,\"number\":3,\"number\":4,\"instance\":\"a@x=1\",\"trace\":\"cd\","
            "\"time\":\"2026-11-20T23:41:12.345Z\",\"limit\":5,\"metrics\":{\"loss\":0.5}}");
    struct arena arena;
    struct event event;
    struct err err;
    bool known;

    (void)state;
    arena_init(&arena);
    assert_true(event_from_json(line, &arena, &event, &known, &err));
    assert_true(known);
    assert_int_equal(event.type, EVENT_ATTEMPT_FINISHED);
    assert_int_equal(event.seq, 7);
    assert_int_equal(event.number, 3);
    assert_int_equal(event.signal, 9);
    assert_int_equal(event.limit, 4);
    assert_int_equal(event.metrics.count, 1);
    assert_true(str_is(event.instance, "a@x=1"));
    assert_true(str_is(event.key, "ab"));
    assert_true(str_is(event.trace, "cd"));
    arena_fini(&arena);
}

static void every_type_round_trips(void **state)
{
    (void)state;
    for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++) {
        struct arena arena;
        struct event event = numbered((enum event_type)type, 7);
        struct event back;

        arena_init(&arena);
        event.number = 3;
        event.instance = STR("fit@k=1");
        event.reason = STR("because");
        event.wall_ns = INT64_MAX;
        event.ready_at_ns = 1700000000123000000;
        back = round_trip(&arena, &event);
        assert_int_equal(back.type, type);
        if ((event_types[type].fields >> EVENT_FIELD_REASON & 1) != 0) {
            assert_true(str_is(back.reason, "because"));
        }
        if ((event_types[type].fields >> EVENT_FIELD_WALL_NS & 1) != 0) {
            assert_true(back.wall_ns == INT64_MAX);
        }
        if ((event_types[type].fields >> EVENT_FIELD_READY_AT & 1) != 0) {
            assert_true(back.ready_at_ns == event.ready_at_ns);
        }
        assert_non_null(event_types[type].meaning);
        arena_fini(&arena);
    }
}

static void ids_are_ranges(void **state)
{
    static const uint32_t numbers[] = {0, 1, 2, 5, 7, 8};
    struct arena arena;
    struct event event = numbered(EVENT_INSTANCES_READY, 2);
    struct event back;
    struct strbuf text = {0};

    (void)state;
    arena_init(&arena);
    event.ids = ids_of(&arena, numbers, 6);
    event_to_json(&event, &text);
    assert_non_null(strstr(text.data, "\"ids\":\"0-2,5,7-8\""));
    back = round_trip(&arena, &event);
    assert_int_equal(back.ids.count, 3);
    assert_int_equal(back.ids.items[2].first, 7);
    assert_int_equal(back.ids.items[2].last, 8);
    strbuf_fini(&text);
    arena_fini(&arena);
}

static void bad_lines_are_refused(void **state)
{
    static const char *const lines[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"seq\":1}",
        "{\"seq\":1,\"type\":\"synced\"}",
        "{\"seq\":1,\"time\":\"yesterday\",\"type\":\"synced\"}",
        "{\"seq\":1,\"time\":\"2026-11-20T23:41:12Z\",\"type\":\"instances.ready\",\"ids\":\"3-"
        "1\"}",
        "{\"seq\":1,\"time\":\"2026-11-20T23:41:12Z\",\"type\":\"instances.ready\",\"ids\":\"x\"}",
        "{\"seq\":1,\"time\":\"2026-11-20T23:41:12Z\",\"type\":\"instances.ready\",\"ids\":"
        "\"99999999\"}",
    };
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct event event;
        struct err err = {0};
        bool known;

        assert_false(event_from_json(str_of(lines[i]), &arena, &event, &known, &err));
        assert_int_equal(err.status, STATUS_CORRUPT);
    }
    arena_fini(&arena);
}

static void unknown_types_are_passed_over(void **state)
{
    struct arena arena;
    struct event event;
    struct err err;
    bool known = true;

    (void)state;
    arena_init(&arena);
    assert_true(
        event_from_json(STR("{\"seq\":9,\"time\":\"2026-11-20T23:41:12Z\",\"type\":\"moon.rose\"}"),
                        &arena, &event, &known, &err));
    assert_false(known);
    assert_int_equal(event.seq, 9);
    arena_fini(&arena);
}

/* --- the fold --- */

static void begin(struct run_state *state, int64_t instances)
{
    struct event event = numbered(EVENT_RUN_STARTED, 1);

    run_state_init(state);
    event.instances = instances;
    event.run = STR("20261120T234112Z-7f3a");
    assert_true(run_state_apply(state, &event, NULL));
}

static void apply_set(struct run_state *state, enum event_type type, uint64_t seq, uint32_t first,
                      uint32_t last)
{
    struct event_range range = {first, last};
    struct event event = numbered(type, seq);

    event.ids = (struct event_ids){&range, 1};
    assert_true(run_state_apply(state, &event, NULL));
}

static void apply_attempt(struct run_state *state, enum event_type type, uint64_t seq,
                          uint32_t number, const char *to)
{
    struct event event = numbered(type, seq);

    event.number = number;
    event.state = str_of(to);
    assert_true(run_state_apply(state, &event, NULL));
}

static void a_whole_run(void **unused)
{
    struct run_state state;
    struct event event = numbered(EVENT_RUN_COMPLETED, 8);

    (void)unused;
    begin(&state, 5);
    assert_int_equal(state.counts[INST_PENDING], 5);
    apply_set(&state, EVENT_INSTANCES_UP_TO_DATE, 2, 0, 1);
    apply_set(&state, EVENT_INSTANCES_READY, 3, 2, 3);
    apply_set(&state, EVENT_INSTANCES_SKIPPED, 4, 4, 4);
    apply_attempt(&state, EVENT_ATTEMPT_STARTED, 5, 2, NULL);
    assert_int_equal(state.counts[INST_RUNNING], 1);
    apply_attempt(&state, EVENT_ATTEMPT_FINISHED, 6, 2, "done");
    apply_attempt(&state, EVENT_ATTEMPT_STARTED, 7, 3, NULL);
    apply_attempt(&state, EVENT_ATTEMPT_FINISHED, 8, 3, "failed");
    assert_int_equal(state.counts[INST_DONE], 1);
    assert_int_equal(state.counts[INST_FAILED], 1);
    assert_int_equal(run_state_ended(&state), 5);
    assert_int_equal(state.instances[2].attempts, 1);
    assert_true(state.instances[2].ready_at_ns == 3000000000);
    assert_true(state.instances[2].started_at_ns == 5000000000);
    assert_true(state.instances[2].ended_at_ns == 6000000000);
    assert_true(run_state_apply(&state, &event, NULL));
    assert_int_equal(state.status, RUN_COMPLETED);
    run_state_fini(&state);
}

static void illegal_moves_change_nothing(void **unused)
{
    struct run_state state;
    struct event_range range = {1, 9};
    struct event set = numbered(EVENT_INSTANCES_READY, 2);
    struct event attempt = numbered(EVENT_ATTEMPT_STARTED, 3);
    struct err err = {0};

    (void)unused;
    begin(&state, 3);
    set.ids = (struct event_ids){&range, 1};
    assert_false(run_state_apply(&state, &set, &err));
    assert_int_equal(err.status, STATUS_CORRUPT);
    assert_int_equal(state.counts[INST_PENDING], 3);
    attempt.number = 0; /* pending cannot run */
    assert_false(run_state_apply(&state, &attempt, &err));
    attempt.number = 77;
    assert_false(run_state_apply(&state, &attempt, &err));
    assert_int_equal(state.counts[INST_PENDING], 3);
    assert_int_equal(state.last_seq, 1);
    attempt.type = EVENT_RUN_STARTED;
    assert_false(run_state_apply(&state, &attempt, &err));
    run_state_fini(&state);
}

/* A record that somebody wrote by hand: each event is refused, and changes nothing. */
static void hostile_events_change_nothing(void **unused)
{
    struct run_state state = {0};
    struct event_range endless = {1, UINT32_MAX};
    struct event ready = numbered(EVENT_INSTANCES_READY, 2);
    struct event ended = numbered(EVENT_ATTEMPT_FINISHED, 3);
    struct event started = numbered(EVENT_RUN_STARTED, 1);
    struct event waiting = numbered(EVENT_INSTANCE_WAITING, 2);
    struct err err = {0};

    (void)unused;
    run_state_init(&state);
    started.instances = -1;
    assert_false(run_state_apply(&state, &started, &err));
    assert_int_equal(err.status, STATUS_CORRUPT);
    started.instances = INT64_MAX;
    assert_false(run_state_apply(&state, &started, &err));
    run_state_fini(&state);
    begin(&state, 3);
    ready.ids = (struct event_ids){&endless, 1};
    err_clear(&err);
    assert_false(run_state_apply(&state, &ready, &err));
    assert_int_equal(err.status, STATUS_CORRUPT);
    apply_set(&state, EVENT_INSTANCES_READY, 2, 0, 0);
    apply_attempt(&state, EVENT_ATTEMPT_STARTED, 3, 0, NULL);
    ended.seq = 4;
    ended.state = STR("finished");
    err_clear(&err);
    assert_false(run_state_apply(&state, &ended, &err));
    assert_int_equal(err.status, STATUS_CORRUPT);
    ended.state = STR("up_to_date");
    assert_false(run_state_apply(&state, &ended, &err));
    waiting.number = 3;
    assert_false(run_state_apply(&state, &waiting, &err));
    assert_int_equal(state.counts[INST_RUNNING], 1);
    assert_int_equal(state.counts[INST_PENDING], 2);
    assert_int_equal(state.last_seq, 3);
    run_state_fini(&state);
}

static void resuming_decides_everything_anew(void **unused)
{
    struct run_state state;
    struct event resumed = numbered(EVENT_RUN_RESUMED, 9);

    (void)unused;
    begin(&state, 3);
    apply_set(&state, EVENT_INSTANCES_READY, 2, 0, 1);
    apply_attempt(&state, EVENT_ATTEMPT_STARTED, 3, 0, NULL);
    apply_attempt(&state, EVENT_ATTEMPT_FINISHED, 4, 0, "done");
    apply_attempt(&state, EVENT_ATTEMPT_STARTED, 5, 1, NULL);
    apply_attempt(&state, EVENT_ATTEMPT_LOST, 6, 1, "pending");
    assert_true(run_state_apply(&state, &resumed, NULL));
    assert_int_equal(state.counts[INST_PENDING], 3);
    assert_int_equal(state.instances[0].attempts, 1);
    assert_int_equal(state.resumes, 1);
    run_state_fini(&state);
}

static void ended_runs_stay_ended(void **unused)
{
    struct run_state state;
    struct event failed = numbered(EVENT_RUN_FAILED, 2);
    struct event again = numbered(EVENT_RUN_RESUMED, 3);

    (void)unused;
    begin(&state, 1);
    failed.status = 1;
    assert_true(run_state_apply(&state, &failed, NULL));
    assert_int_equal(state.exit_status, 1);
    assert_false(run_state_apply(&state, &again, NULL));
    assert_true(run_status_is_final(state.status));
    run_state_fini(&state);
}

/* Every move that the tables allow is made by the fold and no other: exhaustively. */
static void the_table_is_the_law(void **unused)
{
    uint32_t legal = 0;

    (void)unused;
    for (unsigned from = 0; from < INST_STATE_COUNT; from++) {
        for (unsigned to = 0; to < INST_STATE_COUNT; to++) {
            for (unsigned by = 0; by < EVENT_TYPE_COUNT; by++) {
                bool may = inst_state_may_move((enum inst_state)from, (enum inst_state)to,
                                               (enum event_type)by);

                legal += may;
                if (may && by == EVENT_INSTANCE_REFUSED) {
                    /* What was made or brought back is judged then. */
                    assert_int_equal(to, INST_REFUSED);
                } else if (may && by == EVENT_INSTANCES_COMPENSATED) {
                    /* What was done outside is undone. */
                    assert_int_equal(to, INST_COMPENSATED);
                } else if (may && inst_state_is_final((enum inst_state)from)) {
                    assert_int_equal(to, INST_PENDING);
                }
                if (may) {
                    assert_int_not_equal(from, to);
                }
            }
        }
    }
    assert_true(legal > 20);
    for (unsigned s = 0; s < INST_STATE_COUNT; s++) {
        enum inst_state back;

        assert_true(inst_state_from_name(str_of(inst_state_name((enum inst_state)s)), &back));
        assert_int_equal(back, s);
        assert_true(strlen(inst_state_meaning((enum inst_state)s)) > 5);
        if (inst_state_is_good((enum inst_state)s)) {
            assert_true(inst_state_is_final((enum inst_state)s));
        }
    }
    assert_false(inst_state_from_name(STR("fine"), &(enum inst_state){INST_DONE}));
    for (unsigned s = 0; s < RUN_STATUS_COUNT; s++) {
        for (unsigned to = 0; to < RUN_STATUS_COUNT; to++) {
            for (unsigned by = 0; by < EVENT_TYPE_COUNT; by++) {
                if (run_status_is_final((enum run_status)s)) {
                    assert_false(run_status_may_move((enum run_status)s, (enum run_status)to,
                                                     (enum event_type)by));
                }
            }
        }
    }
}

/* It belongs to the attempt that runs: the next one begins at nothing. */
static void an_attempt_says_how_far_it_is(void **unused)
{
    struct event said = numbered(EVENT_ATTEMPT_PROGRESS, 4);
    char text[2 * PROGRESS_TEXT_BYTES];
    const struct inst_progress *progress;
    struct run_state state;
    struct err err = {0};

    (void)unused;
    begin(&state, 2);
    memset(text, 'x', sizeof(text));
    said.permille = 425;
    said.left_ns = 7;
    said.text = str_n(text, sizeof(text));
    assert_false(run_state_apply(&state, &said, &err));
    apply_set(&state, EVENT_INSTANCES_READY, 2, 0, 0);
    apply_attempt(&state, EVENT_ATTEMPT_STARTED, 3, 0, NULL);
    assert_true(run_state_apply(&state, &said, NULL));
    progress = inst_told(&state.instances[0])->progress;
    assert_int_equal(progress->permille, 425);
    assert_int_equal(progress->left_ns, 7);
    assert_int_equal(progress->at_ns, said.time_ns);
    assert_int_equal(inst_progress_text(progress).len, PROGRESS_TEXT_BYTES);
    said.text = STR("");
    said.permille = INT64_MAX;
    assert_true(run_state_apply(&state, &said, NULL));
    assert_int_equal(progress->permille, 0);
    assert_int_equal(inst_progress_text(progress).len, 0);
    apply_attempt(&state, EVENT_ATTEMPT_FINISHED, 5, 0, "waiting");
    assert_non_null(inst_told(&state.instances[0])->progress);
    said.number = 7;
    assert_false(run_state_apply(&state, &said, &err));
    apply_set(&state, EVENT_INSTANCES_READY, 6, 0, 0);
    apply_attempt(&state, EVENT_ATTEMPT_STARTED, 7, 0, NULL);
    assert_null(inst_told(&state.instances[0])->progress);
    run_state_fini(&state);
}

static void a_variant_is_left(void **unused)
{
    struct event_range all = {0, 1};
    struct event chosen = numbered(EVENT_VARIANTS_CHOSEN, 2);
    struct event left = numbered(EVENT_VARIANT_LEFT, 6);
    struct event used = numbered(EVENT_FALLBACKS_USED, 7);
    struct event resumed = numbered(EVENT_RUN_RESUMED, 8);
    const struct inst_told *told;
    struct run_state state;
    struct err err = {0};

    (void)unused;
    begin(&state, 2);
    chosen.ids = used.ids = (struct event_ids){&all, 1};
    chosen.variant = used.variant = left.variant = STR("new");
    assert_true(run_state_apply(&state, &chosen, NULL));
    told = inst_told(&state.instances[0]);
    assert_true(str_is(told->variant, "new") && str_is(state.instances[1].told->variant, "new"));
    assert_false(told->left || told->out || told->fallback);
    state.instances[0].retries = 2;
    left.cause = STR("exit");
    assert_true(run_state_apply(&state, &left, NULL));
    assert_true(told->left && !told->out);
    assert_int_equal(state.instances[0].retries, 0);
    left.cause = STR("breaker");
    left.number = 1;
    assert_true(run_state_apply(&state, &left, NULL));
    assert_true(state.instances[1].told->out && !state.instances[1].told->left);
    assert_true(run_state_apply(&state, &used, NULL));
    assert_true(told->fallback);
    /* Who failed stays away from it, who found it out asks again. */
    state.instances[0].retries = state.instances[1].retries = 1;
    assert_true(run_state_apply(&state, &resumed, NULL));
    assert_true(told->left && !told->fallback && !state.instances[1].told->out);
    assert_int_equal(state.instances[0].retries, 1);
    assert_int_equal(state.instances[1].retries, 0);
    left.number = all.last = 2;
    assert_false(run_state_apply(&state, &left, &err));
    assert_false(run_state_apply(&state, &chosen, &err));
    run_state_fini(&state);
}

static void other_events_count(void **unused)
{
    struct run_state state;
    struct str paths[] = {STR("a"), STR("b")};
    struct event kept = numbered(EVENT_OUTPUT_KEPT, 2);
    struct event differs = numbered(EVENT_RESULT_DIFFERS, 3);
    struct event limit = numbered(EVENT_LIMIT_CHANGED, 4);
    struct event ended = numbered(EVENT_INSTANCE_ENDED, 5);

    (void)unused;
    begin(&state, 1);
    kept.paths = (struct event_strs){paths, 2};
    limit.limit = 6;
    ended.reason = STR("input 'x' is not there");
    assert_true(run_state_apply(&state, &kept, NULL));
    assert_true(run_state_apply(&state, &differs, NULL));
    assert_true(run_state_apply(&state, &limit, NULL));
    assert_true(run_state_apply(&state, &ended, NULL));
    assert_int_equal(state.kept_files, 2);
    assert_int_equal(state.differing_results, 1);
    assert_int_equal(state.limit, 6);
    assert_int_equal(state.instances[0].state, INST_FAILED);
    assert_true(str_is(inst_told(&state.instances[0])->reason, "input 'x' is not there"));
    run_state_fini(&state);
}

static struct event check_event_of(enum event_type type, uint64_t seq, struct event_pair *value)
{
    struct event event = numbered(type, seq);

    event.check = STR("level");
    event.expression = STR("sharpe >= 1");
    event.reason = STR("sharpe = 0.5");
    event.wanted = STR("sharpe >= 1");
    event.metrics = (struct event_pairs){value, 1};
    return event;
}

static void a_result_is_refused(void **unused)
{
    struct event_pair value = {STR("sharpe"), STR("0.5")};
    struct event warned = check_event_of(EVENT_CHECK_WARNED, 5, &value);
    struct event gate = check_event_of(EVENT_GATE_REFUSED, 6, &value);
    struct event refused = numbered(EVENT_INSTANCE_REFUSED, 7);
    struct event resumed = numbered(EVENT_RUN_RESUMED, 8);
    const struct inst_told *told;
    struct run_state state;

    (void)unused;
    begin(&state, 2);
    apply_set(&state, EVENT_INSTANCES_READY, 2, 0, 0);
    apply_attempt(&state, EVENT_ATTEMPT_STARTED, 3, 0, NULL);
    apply_attempt(&state, EVENT_ATTEMPT_FINISHED, 4, 0, "done");
    refused.cause = STR("gate");
    refused.reason = STR("gate 'level' says no");
    refused.metrics = (struct event_pairs){&value, 1};
    assert_true(run_state_apply(&state, &warned, NULL));
    assert_true(run_state_apply(&state, &gate, NULL));
    assert_int_equal(state.instances[0].state, INST_DONE);
    assert_true(run_state_apply(&state, &refused, NULL));
    assert_int_equal(state.instances[0].state, INST_REFUSED);
    assert_int_equal(state.counts[INST_REFUSED], 1);
    told = inst_told(&state.instances[0]);
    assert_true(str_is(told->cause, "gate"));
    assert_true(str_is(told->metrics.items[0].value, "0.5"));
    assert_int_equal(told->checks->type, EVENT_CHECK_WARNED);
    assert_int_equal(told->checks->next->type, EVENT_GATE_REFUSED);
    assert_true(str_is(told->checks->next->wanted, "sharpe >= 1"));
    assert_null(told->checks->next->next);
    /* One that was never looked at cannot be refused twice. */
    assert_false(run_state_apply(&state, &refused, &(struct err){0}));
    assert_true(run_state_apply(&state, &resumed, NULL));
    assert_int_equal(state.instances[0].state, INST_PENDING);
    assert_null(inst_told(&state.instances[0])->checks);
    refused.seq = 9;
    assert_true(run_state_apply(&state, &refused, NULL)); /* of a known result */
    gate.number = 7;
    assert_false(run_state_apply(&state, &gate, &(struct err){0}));
    run_state_fini(&state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_is_refused),
        cmocka_unit_test(started_round_trip),
        cmocka_unit_test(members_may_come_in_any_order),
        cmocka_unit_test(every_type_round_trips),
        cmocka_unit_test(ids_are_ranges),
        cmocka_unit_test(bad_lines_are_refused),
        cmocka_unit_test(unknown_types_are_passed_over),
        cmocka_unit_test(a_whole_run),
        cmocka_unit_test(illegal_moves_change_nothing),
        cmocka_unit_test(hostile_events_change_nothing),
        cmocka_unit_test(resuming_decides_everything_anew),
        cmocka_unit_test(ended_runs_stay_ended),
        cmocka_unit_test(the_table_is_the_law),
        cmocka_unit_test(an_attempt_says_how_far_it_is),
        cmocka_unit_test(a_variant_is_left),
        cmocka_unit_test(other_events_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
