/* Quantiles and the limits of warnings, at their edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "policy/quantile.h"
#include "policy/warn.h"

static void quantiles_are_values_by_nearest_rank(void **state)
{
    uint64_t values[100];
    uint64_t few[] = {30, 10, 20};

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        values[i] = 100 - i;
    }
    quantile_sort(values, 100);
    assert_int_equal(quantile(values, 100, 1), 1);
    assert_int_equal(quantile(values, 100, 50), 50);
    assert_int_equal(quantile(values, 100, 95), 95);
    assert_int_equal(quantile(values, 100, 100), 100);
    quantile_sort(few, 3);
    assert_int_equal(quantile(few, 3, 50), 20);
    assert_int_equal(quantile(few, 3, 95), 30);
    assert_int_equal(quantile(few, 1, 50), 10);
}

static void slow_is_three_times_p95(void **state)
{
    uint64_t many[20];
    uint64_t few[] = {1, 1};
    uint64_t short_ones[] = {1, NS_PER_SEC / 3, 2};
    uint64_t huge[] = {1, 2, UINT64_MAX};

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        many[i] = (uint64_t)(20 - i) * NS_PER_SEC;
    }
    assert_int_equal(warn_slow_limit_ns(many, 20), 3 * 19 * NS_PER_SEC);
    assert_int_equal(warn_slow_limit_ns(few, 2), INT64_MAX);
    assert_int_equal(warn_slow_limit_ns(NULL, 0), INT64_MAX);
    assert_int_equal(warn_slow_limit_ns(short_ones, 3), NS_PER_SEC);
    assert_int_equal(warn_slow_limit_ns(huge, 3), INT64_MAX);
}

static void a_full_disk_is_told_once_and_does_not_flap(void **state)
{
    bool low = false;

    (void)state;
    assert_int_equal(warn_disk(&low, 1000), WARN_SAME);
    assert_int_equal(warn_disk(&low, 50), WARN_SAME);
    assert_int_equal(warn_disk(&low, 49), WARN_BEGINS);
    assert_int_equal(warn_disk(&low, 10), WARN_SAME);
    assert_int_equal(warn_disk(&low, 59), WARN_SAME);
    assert_int_equal(warn_disk(&low, 60), WARN_ENDS);
    assert_int_equal(warn_disk(&low, 51), WARN_SAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_values_by_nearest_rank),
        cmocka_unit_test(slow_is_three_times_p95),
        cmocka_unit_test(a_full_disk_is_told_once_and_does_not_flap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
