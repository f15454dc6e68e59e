/* How fast an attempt gets on by its own words, and what of them is told, on a virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "policy/pace.h"

#define S(seconds) ((int64_t)(seconds)*NS_PER_SEC)

/* Within a twentieth. */
static void assert_left(const struct pace *pace, int64_t now_ns, int64_t left_s)
{
    int64_t off_ns = pace_left(pace, now_ns) - S(left_s);

    if (llabs(off_ns) > S(left_s) / 20 + S(1)) {
        fail_msg("%lld s, not %lld", (long long)(pace_left(pace, now_ns) / NS_PER_SEC),
                 (long long)left_s);
    }
}

static void nothing_is_known_before_the_first_step(void **state)
{
    struct pace pace = pace_of(S(5));

    (void)state;
    assert_int_equal(pace_left(&pace, S(5)), -1);
    assert_true(pace_hears(&pace, 0, false, S(6)));
    assert_int_equal(pace_left(&pace, S(60)), -1);
    /* All of it at once says nothing of how long it takes. */
    pace = pace_of(S(5));
    assert_true(pace_hears(&pace, 1000, false, S(5)));
    assert_int_equal(pace_left(&pace, S(5)), -1);
    assert_true(pace_hears(&pace, 400, false, S(45)));
}

static void steady_steps_are_a_straight_line(void **state)
{
    struct pace pace = pace_of(0);

    (void)state;
    for (uint32_t i = 1; i <= 1000; i++) {
        (void)pace_hears(&pace, i, false, S(i * 3));
        assert_left(&pace, S(i * 3), 3000 - i * 3);
    }
    assert_int_equal(pace_left(&pace, S(3000)), 0);
    assert_int_equal(pace_left(&pace, S(4000)), 0);
}

/* The first word is enough, and counts from the start. */
static void from_the_start(void **state)
{
    struct pace pace = pace_of(S(100));

    (void)state;
    assert_true(pace_hears(&pace, 250, false, S(160)));
    assert_left(&pace, S(160), 180);
    assert_left(&pace, S(161), 179);
}

/* Loading for ten minutes, then a per cent a second. */
static void a_slow_start_is_forgotten(void **state)
{
    struct pace pace = pace_of(0);

    (void)state;
    (void)pace_hears(&pace, 0, false, S(1));
    (void)pace_hears(&pace, 0, true, S(600));
    for (uint32_t i = 1; i <= 50; i++) {
        (void)pace_hears(&pace, i * 10, false, S(600 + i));
    }
    assert_left(&pace, S(650), 50);
    /* It slows down to a tenth: half of the time later that is what counts. */
    for (uint32_t i = 51; i <= 80; i++) {
        (void)pace_hears(&pace, i * 10, false, S(650 + (i - 50) * 10));
    }
    assert_left(&pace, S(950), 200);
}

static void what_goes_back_begins_anew(void **state)
{
    struct pace pace = pace_of(0);

    (void)state;
    (void)pace_hears(&pace, 900, false, S(1000));
    assert_true(pace_hears(&pace, 100, false, S(1001)));
    assert_int_equal(pace_left(&pace, S(1001)), -1);
    (void)pace_hears(&pace, 200, false, S(1011));
    assert_left(&pace, S(1011), 80);
}

/* What stands still takes longer and longer. */
static void an_overdue_step(void **state)
{
    struct pace pace = pace_of(0);
    int64_t left_ns = 0;

    (void)state;
    (void)pace_hears(&pace, 500, false, S(500));
    for (int i = 2000; i < 10000; i += 1000) {
        assert_true(pace_left(&pace, S(i)) > left_ns);
        left_ns = pace_left(&pace, S(i));
    }
}

static void time_that_stood_still_does_not_count(void **state)
{
    struct pace pace = pace_of(0);

    (void)state;
    assert_true(pace_hears(&pace, 500, false, S(100)));
    pace_move(&pace, S(3600));
    assert_left(&pace, S(3700), 100);
    assert_false(pace_hears(&pace, 510, false, S(3700)));
    pace = pace_of(0);
    pace_move(&pace, S(3600));
    assert_true(pace_hears(&pace, 500, false, S(3700)));
    assert_left(&pace, S(3700), 100);
}

static void what_is_worth_telling(void **state)
{
    struct pace pace = pace_of(0);
    uint32_t told = 0;

    (void)state;
    assert_true(pace_hears(&pace, 5, true, 1));
    assert_false(pace_hears(&pace, 20, true, NS_PER_SEC / 2)); /* too soon */
    assert_true(pace_hears(&pace, 20, false, S(1) + 1));
    assert_false(pace_hears(&pace, 20, false, S(100))); /* the same */
    assert_true(pace_hears(&pace, 20, true, S(101)));   /* other words */
    assert_false(pace_hears(&pace, 25, false, S(103))); /* half of a per cent */
    assert_true(pace_hears(&pace, 25, false, S(111)));
    assert_true(pace_hears(&pace, 10, false, S(113))); /* back */
    /* A thousand times a second. */
    for (int i = 0; i < 100000; i++) {
        told += pace_hears(&pace, (uint32_t)i / 100, true, S(200) + i * NS_PER_MS);
    }
    assert_in_range(told, 100, 112);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_before_the_first_step),
        cmocka_unit_test(steady_steps_are_a_straight_line),
        cmocka_unit_test(from_the_start),
        cmocka_unit_test(a_slow_start_is_forgotten),
        cmocka_unit_test(what_goes_back_begins_anew),
        cmocka_unit_test(an_overdue_step),
        cmocka_unit_test(time_that_stood_still_does_not_count),
        cmocka_unit_test(what_is_worth_telling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
