/* Circuit breakers: each move at its edge, on a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "policy/breaker.h"

#define SECOND INT64_C(1000000000)
#define START  (INT64_C(1800000000) * SECOND)

static const struct plan_breaker usual = {
    .failure_ratio = 0.5, .min_calls = 10, .window_ns = 10 * SECOND, .open_for_ns = 30 * SECOND};

static void call(struct breaker *breaker, bool failed, int64_t now_ns)
{
    uint32_t began;

    assert_int_equal(breaker_ask(breaker), BREAKER_CALL);
    began = breaker_begin(breaker);
    breaker_end(breaker, began, failed ? BREAKER_FAILED : BREAKER_GOOD, now_ns);
}

static void calls(struct breaker *breaker, unsigned good, unsigned failed, int64_t now_ns)
{
    for (unsigned i = 0; i < good + failed; i++) {
        call(breaker, i >= good, now_ns);
    }
}

/* At least so many calls, at least that share of them. */
static void opens(void **state)
{
    struct breaker breaker;

    (void)state;
    breaker_init(&breaker, &usual);
    calls(&breaker, 0, 9, START);
    assert_int_equal(breaker.state, BREAKER_CLOSED);
    assert_false(breaker_take_move(&breaker));
    call(&breaker, true, START);
    assert_int_equal(breaker.state, BREAKER_OPEN);
    assert_true(breaker_take_move(&breaker));
    assert_false(breaker_take_move(&breaker));
    assert_int_equal(breaker_ask(&breaker), BREAKER_WAIT);
    breaker_fini(&breaker);

    breaker_init(&breaker, &usual);
    calls(&breaker, 6, 5, START);
    assert_int_equal(breaker.state, BREAKER_CLOSED); /* 5 of 11 */
    call(&breaker, true, START);
    assert_int_equal(breaker.state, BREAKER_OPEN); /* 6 of 12 */
    breaker_fini(&breaker);
}

/* The share is held against the number as it was written: 55 of 100 are 0.55. */
static void share_is_exact(void **state)
{
    (void)state;
    for (unsigned percent = 1; percent <= 100; percent++) {
        struct plan_breaker rule = usual;
        struct breaker breaker;

        rule.failure_ratio = (double)percent / 100;
        rule.min_calls = 100;
        breaker_init(&breaker, &rule);
        calls(&breaker, 100 - percent, percent, START);
        assert_int_equal(breaker.state, BREAKER_OPEN);
        breaker_fini(&breaker);
        breaker_init(&breaker, &rule);
        calls(&breaker, 101 - percent, percent - 1, START);
        assert_int_equal(breaker.state, BREAKER_CLOSED);
        breaker_fini(&breaker);
    }
}

/* Calls leave the window when they are as old as it is. */
static void window_slides(void **state)
{
    struct breaker breaker;

    (void)state;
    breaker_init(&breaker, &usual);
    calls(&breaker, 0, 9, START);
    call(&breaker, true, START + 10 * SECOND);
    assert_int_equal(breaker.state, BREAKER_CLOSED);
    assert_int_equal(breaker.count, 1);
    breaker_fini(&breaker);

    breaker_init(&breaker, &usual);
    calls(&breaker, 0, 9, START);
    call(&breaker, true, START + 10 * SECOND - 1);
    assert_int_equal(breaker.state, BREAKER_OPEN);
    breaker_fini(&breaker);
}

static void open_breaker(struct breaker *breaker, const struct plan_breaker *rule)
{
    breaker_init(breaker, rule);
    calls(breaker, 0, rule->min_calls, START);
    assert_int_equal(breaker->state, BREAKER_OPEN);
}

static void half_opens_in_time(void **state)
{
    struct breaker breaker;

    (void)state;
    open_breaker(&breaker, &usual);
    assert_int_equal(breaker_next_ns(&breaker, START), START + 30 * SECOND);
    breaker_tick(&breaker, START + 30 * SECOND - 1);
    assert_int_equal(breaker.state, BREAKER_OPEN);
    breaker_tick(&breaker, START + 30 * SECOND);
    assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
    assert_true(breaker_next_ns(&breaker, START) == INT64_MAX);
    breaker_fini(&breaker);
}

/* One probe; its end decides. */
static void probe_decides(void **state)
{
    (void)state;
    for (int failed = 0; failed < 2; failed++) {
        struct breaker breaker;
        uint32_t began;

        open_breaker(&breaker, &usual);
        breaker_tick(&breaker, START + 30 * SECOND);
        assert_int_equal(breaker_ask(&breaker), BREAKER_CALL);
        began = breaker_begin(&breaker);
        assert_int_equal(breaker_ask(&breaker), BREAKER_WAIT);
        breaker_end(&breaker, began, failed ? BREAKER_FAILED : BREAKER_GOOD, START + 40 * SECOND);
        assert_int_equal(breaker.state, failed ? BREAKER_OPEN : BREAKER_CLOSED);
        if (failed) {
            assert_int_equal(breaker_next_ns(&breaker, START + 40 * SECOND), START + 70 * SECOND);
        } else {
            calls(&breaker, 0, 9, START + 40 * SECOND); /* from nothing */
            assert_int_equal(breaker.state, BREAKER_CLOSED);
        }
        breaker_fini(&breaker);
    }
}

/* A probe that was cancelled says nothing: another one goes. */
static void probe_cancelled(void **state)
{
    struct breaker breaker;
    uint32_t began;

    (void)state;
    open_breaker(&breaker, &usual);
    breaker_tick(&breaker, START + 30 * SECOND);
    began = breaker_begin(&breaker);
    breaker_end(&breaker, began, BREAKER_NOT_COUNTED, START + 31 * SECOND);
    assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
    assert_int_equal(breaker_ask(&breaker), BREAKER_CALL);
    breaker_fini(&breaker);
}

/* What began before it opened moves nothing when it ends: neither a probe's place nor the window.
 */
static void late_ends(void **state)
{
    struct breaker breaker;
    uint32_t early, probe;

    (void)state;
    breaker_init(&breaker, &usual);
    early = breaker_begin(&breaker);
    calls(&breaker, 0, 10, START);
    breaker_end(&breaker, early, BREAKER_GOOD, START + SECOND);
    assert_int_equal(breaker.state, BREAKER_OPEN);
    breaker_tick(&breaker, START + 30 * SECOND);
    probe = breaker_begin(&breaker);
    breaker_end(&breaker, early, BREAKER_GOOD, START + 31 * SECOND);
    assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
    breaker_end(&breaker, probe, BREAKER_GOOD, START + 32 * SECOND);
    assert_int_equal(breaker.state, BREAKER_CLOSED);
    breaker_end(&breaker, early, BREAKER_FAILED, START + 33 * SECOND);
    assert_int_equal(breaker.count, 0);
    breaker_fini(&breaker);
}

static void fails_when_open(void **state)
{
    struct plan_breaker rule = usual;
    struct breaker breaker;

    (void)state;
    rule.fails_when_open = true;
    open_breaker(&breaker, &rule);
    assert_int_equal(breaker_ask(&breaker), BREAKER_FAIL);
    breaker_tick(&breaker, START + 30 * SECOND);
    assert_int_equal(breaker_ask(&breaker), BREAKER_CALL);
    breaker_begin(&breaker);
    assert_int_equal(breaker_ask(&breaker), BREAKER_FAIL);
    breaker_fini(&breaker);
}

static void slow_calls(void **state)
{
    struct plan_breaker rule = usual;

    (void)state;
    assert_int_equal(breaker_judge(&rule, false, 3600 * SECOND), BREAKER_GOOD);
    rule.slow_call_ns = 5 * SECOND;
    assert_int_equal(breaker_judge(&rule, false, 5 * SECOND), BREAKER_GOOD);
    assert_int_equal(breaker_judge(&rule, false, 5 * SECOND + 1), BREAKER_FAILED);
    assert_int_equal(breaker_judge(&rule, true, 0), BREAKER_FAILED);
}

/* It is never open for longer than it may be, wherever the clock went. */
static void clock_set_back(void **state)
{
    struct breaker breaker;

    (void)state;
    open_breaker(&breaker, &usual);
    breaker_tick(&breaker, START - 3600 * SECOND);
    assert_int_equal(breaker_next_ns(&breaker, START - 3600 * SECOND),
                     START - 3600 * SECOND + 30 * SECOND);
    breaker_tick(&breaker, START - 3600 * SECOND + 30 * SECOND);
    assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
    breaker_fini(&breaker);

    breaker_init(&breaker, &usual);
    calls(&breaker, 0, 9, START);
    call(&breaker, false, START - 3600 * SECOND);
    assert_int_equal(breaker.state, BREAKER_OPEN); /* 9 of 10: they count as of now */
    breaker_fini(&breaker);
}

/* The oldest go when there are too many. */
static void many_calls(void **state)
{
    struct plan_breaker rule = usual;
    struct breaker breaker;

    (void)state;
    rule.failure_ratio = 1;
    rule.min_calls = LIMIT_BREAKER_CALLS;
    breaker_init(&breaker, &rule);
    calls(&breaker, LIMIT_BREAKER_CALLS, 0, START);
    calls(&breaker, 0, LIMIT_BREAKER_CALLS - 1, START);
    assert_int_equal(breaker.count, LIMIT_BREAKER_CALLS);
    assert_int_equal(breaker.failed, LIMIT_BREAKER_CALLS - 1);
    assert_int_equal(breaker.state, BREAKER_CLOSED);
    call(&breaker, true, START);
    assert_int_equal(breaker.state, BREAKER_OPEN);
    breaker_fini(&breaker);
}

static void names(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        enum breaker_state again;

        assert_true(
            breaker_state_from_name(str_of(breaker_state_name((enum breaker_state)i)), &again));
        assert_int_equal(again, i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens),         cmocka_unit_test(share_is_exact),
        cmocka_unit_test(window_slides), cmocka_unit_test(half_opens_in_time),
        cmocka_unit_test(probe_decides), cmocka_unit_test(probe_cancelled),
        cmocka_unit_test(late_ends),     cmocka_unit_test(fails_when_open),
        cmocka_unit_test(slow_calls),    cmocka_unit_test(clock_set_back),
        cmocka_unit_test(many_calls),    cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
