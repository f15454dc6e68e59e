/* When a snapshot is taken, and what is gone on from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/checkpoint.h"

static void one_comes_no_sooner_than_every(void **state)
{
    struct checkpoint_asked asked = {.now_ns = 1000, .last_ns = 0, .every_ns = 100};

    (void)state;
    assert_true(checkpoint_is_due(&asked));
    asked.last_ns = 901;
    assert_false(checkpoint_is_due(&asked));
    asked.last_ns = 900;
    assert_true(checkpoint_is_due(&asked));
    asked.last_ns = 1000;
    asked.every_ns = 0;
    assert_true(checkpoint_is_due(&asked));
}

static void after_term_each_call_counts(void **state)
{
    struct checkpoint_asked asked = {
        .now_ns = 1000, .last_ns = 1000, .every_ns = 100, .told_to_end = true};

    (void)state;
    assert_true(checkpoint_is_due(&asked));
}

static void the_newest_good_one_is_gone_on_from(void **state)
{
    (void)state;
    assert_int_equal(checkpoint_start(0, 0, 0, false), CHECKPOINT_STARTS_EMPTY);
    assert_int_equal(checkpoint_start(0, 0, 0, true), CHECKPOINT_STARTS_EMPTY);
    assert_int_equal(checkpoint_start(2, 0, 0, true), CHECKPOINT_STARTS_FROM);
    assert_int_equal(checkpoint_start(2, 1, 0, true), CHECKPOINT_STARTS_FROM);
    assert_int_equal(checkpoint_start(2, 2, 0, false), CHECKPOINT_STARTS_EMPTY);
    assert_int_equal(checkpoint_start(2, 2, 0, true), CHECKPOINT_STARTS_NOT);
    /* What a power cut took before a sync was never promised. */
    assert_int_equal(checkpoint_start(2, 2, 1, true), CHECKPOINT_STARTS_NOT);
    assert_int_equal(checkpoint_start(2, 2, 2, true), CHECKPOINT_STARTS_EMPTY);
}

static void what_is_forced_goes_on_with_its_own_run_alone(void **state)
{
    (void)state;
    assert_true(checkpoint_counts(false, false));
    assert_true(checkpoint_counts(false, true));
    assert_true(checkpoint_counts(true, true));
    assert_false(checkpoint_counts(true, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_comes_no_sooner_than_every),
        cmocka_unit_test(after_term_each_call_counts),
        cmocka_unit_test(the_newest_good_one_is_gone_on_from),
        cmocka_unit_test(what_is_forced_goes_on_with_its_own_run_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
