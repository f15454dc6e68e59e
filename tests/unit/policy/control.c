/* Which requests to a run are done, are so already, or are refused; what a pause does to attempts;
 * time that stands still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "policy/control.h"

static enum control_verdict decide(struct control_facts facts, enum control_ask ask, bool now)
{
    const char *reason = "";
    enum control_verdict verdict = control_decide(&facts, ask, now, &reason);

    assert_int_equal(verdict == CONTROL_REFUSE, reason[0] != '\0');
    return verdict;
}

/* status -> pause, pause now, resume, cancel, cancel now */
static void every_status(void **state)
{
    enum { D = CONTROL_DO, S = CONTROL_IS_SO, N = CONTROL_REFUSE };
    static const struct {
        enum run_status status;
        int pause, pause_now, resume, cancel, cancel_now;
    } rows[] = {
        {RUN_RUNNING, D, D, S, D, D},   {RUN_PAUSING, S, D, D, D, D},
        {RUN_PAUSED, S, S, D, D, D},    {RUN_INTERRUPTED, N, N, D, D, D},
        {RUN_COMPLETED, N, N, N, N, N}, {RUN_FAILED, N, N, N, N, N},
        {RUN_CANCELLED, N, N, N, S, S}, {RUN_ABANDONED, N, N, N, N, N},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct control_facts facts = {.status = rows[i].status};

        assert_int_equal(decide(facts, CONTROL_PAUSE, false), rows[i].pause);
        assert_int_equal(decide(facts, CONTROL_PAUSE, true), rows[i].pause_now);
        assert_int_equal(decide(facts, CONTROL_RESUME, false), rows[i].resume);
        assert_int_equal(decide(facts, CONTROL_CANCEL, false), rows[i].cancel);
        assert_int_equal(decide(facts, CONTROL_CANCEL, true), rows[i].cancel_now);
    }
}

static void looking_changes_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RUN_STATUS_COUNT; i++) {
        struct control_facts facts = {.status = (enum run_status)i};

        assert_int_not_equal(decide(facts, CONTROL_STATE, false), CONTROL_DO);
        assert_int_not_equal(decide(facts, CONTROL_STOPPING, false), CONTROL_DO);
    }
}

static void a_pause_may_become_stricter(void **state)
{
    struct control_facts facts = {.status = RUN_PAUSING, .frozen = true};

    (void)state;
    assert_int_equal(decide(facts, CONTROL_PAUSE, true), CONTROL_IS_SO);
    assert_int_equal(decide(facts, CONTROL_PAUSE, false), CONTROL_IS_SO);
}

static void what_is_cancelled_can_only_be_killed(void **state)
{
    struct control_facts facts = {.status = RUN_RUNNING, .cancelled = true};

    (void)state;
    assert_int_equal(decide(facts, CONTROL_PAUSE, true), CONTROL_REFUSE);
    assert_int_equal(decide(facts, CONTROL_RESUME, false), CONTROL_REFUSE);
    assert_int_equal(decide(facts, CONTROL_CANCEL, false), CONTROL_IS_SO);
    assert_int_equal(decide(facts, CONTROL_CANCEL, true), CONTROL_DO);
    facts.killed = true;
    assert_int_equal(decide(facts, CONTROL_CANCEL, true), CONTROL_IS_SO);
}

static void what_ends_by_itself_is_left_alone(void **state)
{
    struct control_facts facts = {.status = RUN_RUNNING, .ending = true};

    (void)state;
    assert_int_equal(decide(facts, CONTROL_PAUSE, false), CONTROL_REFUSE);
    assert_int_equal(decide(facts, CONTROL_RESUME, false), CONTROL_REFUSE);
    assert_int_equal(decide(facts, CONTROL_CANCEL, true), CONTROL_REFUSE);
}

static void deeds(void **state)
{
    (void)state;
    assert_int_equal(control_deed(PLAN_ON_PAUSE_FINISH, false), CONTROL_LET_END);
    assert_int_equal(control_deed(PLAN_ON_PAUSE_FREEZE, false), CONTROL_FREEZE);
    assert_int_equal(control_deed(PLAN_ON_PAUSE_STOP, false), CONTROL_STOP);
    for (unsigned i = PLAN_ON_PAUSE_FINISH; i <= PLAN_ON_PAUSE_STOP; i++) {
        assert_int_equal(control_deed((enum plan_on_pause)i, true), CONTROL_FREEZE);
    }
}

/* A limit of 10 s, and two nights in between. */
static void time_that_stands_still_does_not_count(void **state)
{
    struct clock_virtual time = {.mono_ns = 5 * NS_PER_SEC};
    int64_t limit_ns = time.mono_ns + 10 * NS_PER_SEC;

    (void)state;
    for (int night = 0; night < 2; night++) {
        int64_t from_ns = time.mono_ns += 4 * NS_PER_SEC;

        time.mono_ns += INT64_C(30000) * NS_PER_SEC;
        limit_ns = control_later(limit_ns, from_ns, time.mono_ns);
    }
    assert_int_equal(limit_ns - time.mono_ns, 2 * NS_PER_SEC);
    assert_true(control_later(INT64_MAX, 1, 2) == INT64_MAX);
}

static void names(void **state)
{
    enum control_ask ask;

    (void)state;
    for (unsigned i = 0; i < CONTROL_ASK_COUNT; i++) {
        assert_true(control_ask_from_name(str_of(control_ask_name((enum control_ask)i)), &ask));
        assert_int_equal(ask, i);
    }
    assert_false(control_ask_from_name(STR("stop"), &ask));
    assert_string_equal(control_stop_name(CONTROL_GOES), "");
    assert_string_equal(control_stop_name(CONTROL_STOP_TIMEOUT), "timeout");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status),
        cmocka_unit_test(looking_changes_nothing),
        cmocka_unit_test(a_pause_may_become_stricter),
        cmocka_unit_test(what_is_cancelled_can_only_be_killed),
        cmocka_unit_test(what_ends_by_itself_is_left_alone),
        cmocka_unit_test(deeds),
        cmocka_unit_test(time_that_stands_still_does_not_count),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
