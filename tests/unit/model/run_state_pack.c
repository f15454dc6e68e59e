/* The state of a run as bytes and back; what is no such bytes. */
#include "model/run_state_pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { INSTANCES = 6 };

static int64_t time_of(uint64_t seq)
{
    return INT64_C(1795218072000000000) + (int64_t)seq * 1234567; /* finer than milliseconds */
}

static void apply(struct run_state *state, struct event event)
{
    struct err err = {0};

    event.seq = state->last_seq + 1;
    event.time_ns = time_of(event.seq);
    if (!run_state_apply(state, &event, &err)) {
        fail_msg("%s", err.text);
    }
}

static void apply_all(struct run_state *state, enum event_type type, struct event event)
{
    struct event_range range = {event.number, event.number};

    event.type = type;
    event.ids = (struct event_ids){&range, 1};
    apply(state, event);
}

static void apply_started(struct run_state *state)
{
    struct event_pair params[] = {{STR("index"), STR("DAX")}, {STR("odd\xff"), STR("")}};
    struct str words[] = {STR("pawl"), STR("run")};

    apply(state, (struct event){.type = EVENT_RUN_STARTED,
                                .instances = INSTANCES,
                                .pid = 4711,
                                .run = STR("20261120T234112Z-7f3a"),
                                .trace = STR("ab"),
                                .pipeline = STR("backtest"),
                                .workspace = STR("/w"),
                                .plan = STR("cd"),
                                .listing = STR("ef"),
                                .manifest = STR("01"),
                                .version = STR("0.1.0"),
                                .user = STR("u"),
                                .host = STR("h"),
                                .boot = STR("b"),
                                .params = {params, 2},
                                .labels = {params, 1},
                                .flags = {params, 1},
                                .options = {params, 2},
                                .targets = {words, 1},
                                .command_line = {words, 2}});
}

/* An attempt of an instance of a stage, by number. */
static struct event attempt(uint32_t number, struct str instance, const char *to)
{
    return (struct event){.number = number,
                          .instance = instance,
                          .stage = number == 4 ? STR("another") : STR("say"),
                          .place = number == 5 ? STR("pawl.toml:9:1") : STR("pawl.toml:4:8"),
                          .state = str_of(to),
                          .cause = STR("none"),
                          .wall_ns = 1000000007,
                          .cpu_user_ns = 5,
                          .max_rss_bytes = 1 << 20,
                          .exit_code = -1,
                          .signal = 9};
}

static void apply_attempt(struct run_state *state, enum event_type type, struct event event)
{
    event.type = type;
    apply(state, event);
}

static void apply_checks(struct run_state *state)
{
    struct event_pair figures[] = {{STR("loss"), STR("0.5")}};
    struct event event = {
        .number = 1, .check = STR("low"), .expression = STR("metrics.loss < 0.1")};

    event.metrics = (struct event_pairs){figures, 1};
    apply_attempt(state, EVENT_GATE_REFUSED, event);
    event.wanted = STR("< 0.1");
    apply_attempt(state, EVENT_CHECK_WARNED, event);
    apply_attempt(state, EVENT_INSTANCE_REFUSED, attempt(1, STR("say@n=1"), NULL));
    apply_attempt(state, EVENT_CHECKS_PASSED, (struct event){.number = 0, .checks = 3});
}

static void make_state(struct run_state *state)
{
    run_state_init(state);
    apply_started(state);
    apply_all(state, EVENT_INSTANCES_UP_TO_DATE, (struct event){.number = 3});
    for (uint32_t i = 0; i < 3; i++) {
        apply_all(state, EVENT_INSTANCES_READY, (struct event){.number = i});
    }
    apply_attempt(state, EVENT_ATTEMPT_STARTED, attempt(0, STR("say@n=0"), NULL));
    apply_attempt(state, EVENT_ATTEMPT_STARTED, attempt(1, STR("say@n=1"), NULL));
    apply_attempt(state, EVENT_ATTEMPT_FINISHED, attempt(0, STR("say@n=0"), "done"));
    apply_attempt(state, EVENT_ATTEMPT_FINISHED, attempt(1, STR("say@n=1"), "done"));
    apply_checks(state);
    apply_attempt(state, EVENT_ATTEMPT_STARTED, attempt(2, STR("say@n=2"), NULL));
    apply_attempt(state, EVENT_ATTEMPT_FINISHED, attempt(2, STR("say@n=2"), "waiting"));
    apply_all(state, EVENT_VARIANTS_CHOSEN, (struct event){.number = 2, .variant = STR("new")});
    apply_attempt(state, EVENT_VARIANT_LEFT, (struct event){.number = 2, .cause = STR("exit")});
    apply_attempt(state, EVENT_RETRY, (struct event){.number = 2});
    apply_all(state, EVENT_INSTANCES_READY, (struct event){.number = 4});
    apply_attempt(state, EVENT_ATTEMPT_STARTED, attempt(4, STR("other@n=4"), NULL));
    apply_attempt(state, EVENT_ATTEMPT_PROGRESS,
                  (struct event){.number = 4, .permille = 425, .left_ns = -1, .text = STR("fit")});
    apply_attempt(state, EVENT_INSTANCE_ENDED, attempt(5, STR("say@n=5"), NULL));
    apply(state, (struct event){.type = EVENT_LIMIT_CHANGED, .limit = 3});
    apply(state, (struct event){.type = EVENT_RUN_PAUSING, .user = STR("who")});
    apply(state, (struct event){.type = EVENT_RUN_PAUSED});
    state->unknown_events = 2;
}

static void packed_and_back(void **unused)
{
    struct run_state state;
    struct run_state back;
    struct strbuf bytes = {0};
    struct strbuf again = {0};
    const struct inst_check *check;

    (void)unused;
    make_state(&state);
    run_state_pack(&state, &bytes);
    run_state_init(&back);
    assert_true(run_state_unpack(&back, strbuf_str(&bytes)));
    run_state_pack(&back, &again);
    assert_int_equal(again.len, bytes.len);
    assert_memory_equal(again.data, bytes.data, bytes.len);
    assert_memory_equal(back.counts, state.counts, sizeof(back.counts));
    assert_int_equal(back.status, RUN_PAUSED);
    assert_true(back.paused_at_ns == state.paused_at_ns / 1000000 * 1000000);
    assert_true(str_is(back.asked_by, "who"));
    assert_true(str_equal(back.params.items[1].name, state.params.items[1].name));
    assert_true(str_is(back.command_line.items[1], "run"));
    assert_true(str_is(back.instances[1].name, "say@n=1") &&
                str_is(back.instances[1].stage, "say"));
    assert_true(str_is(back.instances[4].stage, "another"));
    assert_true(str_is(back.instances[5].place, "pawl.toml:9:1"));
    assert_int_equal(back.instances[2].retries, 1);
    assert_true(str_is(inst_told(&back.instances[2])->variant, "new"));
    assert_true(inst_told(&back.instances[2])->left && !inst_told(&back.instances[2])->out);
    assert_false(inst_told(&back.instances[1])->left);
    assert_int_equal(back.instances[0].exit_code, -1);
    assert_int_equal(inst_told(&back.instances[0])->checks_passed, 3);
    assert_int_equal(inst_told(&back.instances[4])->progress->permille, 425);
    assert_true(inst_told(&back.instances[4])->progress->left_ns == -1);
    assert_true(str_is(inst_progress_text(inst_told(&back.instances[4])->progress), "fit"));
    assert_null(inst_told(&back.instances[1])->progress);
    check = inst_told(&back.instances[1])->checks;
    assert_int_equal(check->type, EVENT_GATE_REFUSED);
    assert_true(str_is(check->metrics.items[0].value, "0.5"));
    assert_true(str_is(check->next->wanted, "< 0.1"));
    assert_null(check->next->next);
    strbuf_fini(&bytes);
    strbuf_fini(&again);
    run_state_fini(&state);
    run_state_fini(&back);
}

/* What was unpacked goes on like what was folded. */
static void goes_on(void **unused)
{
    struct run_state states[2];
    struct strbuf bytes[3] = {{0}, {0}, {0}};

    (void)unused;
    make_state(&states[0]);
    run_state_pack(&states[0], &bytes[2]);
    run_state_init(&states[1]);
    assert_true(run_state_unpack(&states[1], strbuf_str(&bytes[2])));
    for (int i = 0; i < 2; i++) {
        apply(&states[i], (struct event){.type = EVENT_RUN_CONTINUED, .user = STR("me")});
        apply_attempt(&states[i], EVENT_ATTEMPT_FINISHED, attempt(4, STR("other@n=4"), "failed"));
        apply_attempt(&states[i], EVENT_CHECK_WARNED, (struct event){.number = 1});
        apply(&states[i], (struct event){.type = EVENT_RUN_RESUMED, .pid = 1});
        apply(&states[i], (struct event){.type = EVENT_RUN_FAILED, .status = 1});
        run_state_pack(&states[i], &bytes[i]);
        run_state_fini(&states[i]);
    }
    assert_int_equal(bytes[0].len, bytes[1].len);
    assert_memory_equal(bytes[0].data, bytes[1].data, bytes[0].len);
    for (int i = 0; i < 3; i++) {
        strbuf_fini(&bytes[i]);
    }
}

/* Whatever the bytes are: no crash, and what is cut or has something behind it is refused. */
static void other_bytes(void **unused)
{
    struct run_state state;
    struct strbuf bytes = {0};

    (void)unused;
    make_state(&state);
    run_state_pack(&state, &bytes);
    run_state_fini(&state);
    for (size_t i = 0; i < bytes.len; i++) {
        char *copy = malloc(i + 1); /* exactly so long, so that a read beyond it is found */
        unsigned char was = (unsigned char)bytes.data[i];

        memcpy(copy, bytes.data, i);
        run_state_init(&state);
        assert_false(run_state_unpack(&state, str_n(copy, i)));
        run_state_fini(&state);
        free(copy);
        for (unsigned flip = 1; flip < 256; flip <<= 1) {
            bytes.data[i] = (char)(was ^ flip);
            run_state_init(&state);
            (void)run_state_unpack(&state, strbuf_str(&bytes));
            run_state_fini(&state);
        }
        bytes.data[i] = (char)was;
    }
    strbuf_putc(&bytes, '\0');
    run_state_init(&state);
    assert_false(run_state_unpack(&state, strbuf_str(&bytes)));
    run_state_fini(&state);
    strbuf_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_and_back),
        cmocka_unit_test(goes_on),
        cmocka_unit_test(other_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
