/* Causes and the precedence of exit statuses. */
#include "policy/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void precedence(void **state)
{
    static const enum status order[] = {STATUS_TRANSIENT,  STATUS_GATE,     STATUS_VALIDATION,
                                        STATUS_TIMEOUT,    STATUS_MANIFEST, STATUS_STAGE_FAILED,
                                        STATUS_ENVIRONMENT};
    struct outcome outcome = {0};

    (void)state;
    assert_int_equal(outcome_status(&outcome), STATUS_OK);
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        outcome_add(&outcome, order[i]);
        assert_int_equal(outcome_status(&outcome), order[i]);
    }
    outcome.cancelled = true;
    assert_int_equal(outcome_status(&outcome), STATUS_CANCELLED);
    outcome.signal = 2;
    assert_int_equal(outcome_status(&outcome), 130);
    outcome_add(&outcome, STATUS_CORRUPT);
    assert_int_equal(outcome_status(&outcome), STATUS_CORRUPT);
    outcome_add(&outcome, STATUS_COMPENSATION);
    assert_int_equal(outcome_status(&outcome), STATUS_COMPENSATION);
}

static void causes(void **state)
{
    (void)state;
    assert_int_equal(cause_status(CAUSE_EXIT), STATUS_STAGE_FAILED);
    assert_int_equal(cause_status(CAUSE_OUTPUT), STATUS_STAGE_FAILED);
    assert_int_equal(cause_status(CAUSE_TIMEOUT), STATUS_TIMEOUT);
    assert_int_equal(cause_status(CAUSE_NOT_FOUND), STATUS_ENVIRONMENT);
    assert_int_equal(cause_status(CAUSE_OOM), STATUS_ENVIRONMENT);
    assert_int_equal(cause_status(CAUSE_UNSETTLED), STATUS_TRANSIENT);
    for (unsigned i = 0; i < CAUSE_COUNT; i++) {
        enum cause again = CAUSE_COUNT;

        assert_true(cause_from_name(cause_name((enum cause)i), &again));
        assert_int_equal(again, i);
    }
    assert_false(cause_from_name("gremlins", &(enum cause){CAUSE_NONE}));
}

static void a_bug_of_a_stage_is_its_failure(void **state)
{
    struct outcome outcome = {0};

    (void)state;
    outcome_add(&outcome, STATUS_BUG);
    assert_int_equal(outcome_status(&outcome), STATUS_STAGE_FAILED);
}

static void states_of_runs(void **state)
{
    struct outcome outcome = {0};

    (void)state;
    assert_int_equal(outcome_run_status(&outcome), RUN_COMPLETED);
    outcome_add(&outcome, STATUS_GATE);
    assert_int_equal(outcome_run_status(&outcome), RUN_FAILED);
    outcome.cancelled = true;
    assert_int_equal(outcome_run_status(&outcome), RUN_CANCELLED);
    outcome.signal = 15;
    assert_int_equal(outcome_run_status(&outcome), RUN_INTERRUPTED);
    outcome_add(&outcome, STATUS_CORRUPT);
    assert_int_equal(outcome_run_status(&outcome), RUN_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(precedence),
        cmocka_unit_test(causes),
        cmocka_unit_test(a_bug_of_a_stage_is_its_failure),
        cmocka_unit_test(states_of_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
