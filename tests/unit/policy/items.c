/* Items: what becomes of one, how many may be dead, how many are under way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/items.h"
#include "policy/retry.h"

enum { PPM = 1000000, MS = 1000 * 1000 };

static enum item_fate fate(const struct plan_retry *retry, uint32_t attempts, struct item_end end)
{
    return item_fate(retry, attempts, &end);
}

static void fates(void **state)
{
    static const int32_t codes[] = {75};
    const struct plan_retry none = {0};
    const struct plan_retry exits = {.max = 2, .on = RETRY_ON_EXIT};
    const struct plan_retry listed = {
        .max = 2, .on = RETRY_ON_EXIT, .exit_codes = codes, .exit_code_count = 1};
    const struct item_end good = {.cause = CAUSE_NONE};
    const struct item_end exit_1 = {.cause = CAUSE_EXIT, .exit_code = 1};
    const struct item_end exit_75 = {.cause = CAUSE_EXIT, .exit_code = 75};
    const struct item_end late = {.cause = CAUSE_TIMEOUT, .exit_code = -1};
    const struct item_end fail = {.cause = CAUSE_EXIT, .exit_code = -1, .for_good = true};
    const struct item_end retry = {.cause = CAUSE_TRANSIENT, .exit_code = -1};

    (void)state;
    for (uint32_t attempts = 1; attempts <= 4; attempts++) {
        enum item_fate again = attempts <= 2 ? ITEM_IS_TRIED_AGAIN : ITEM_IS_DEAD;

        assert_int_equal(fate(&none, attempts, good), ITEM_IS_KEPT);
        assert_int_equal(fate(&exits, attempts, good), ITEM_IS_KEPT);
        assert_int_equal(fate(&none, attempts, exit_1), ITEM_IS_DEAD);
        assert_int_equal(fate(&none, attempts, retry), ITEM_IS_DEAD);
        assert_int_equal(fate(&exits, attempts, exit_1), again);
        assert_int_equal(fate(&exits, attempts, late), ITEM_IS_DEAD);
        assert_int_equal(fate(&exits, attempts, fail), ITEM_IS_DEAD);
        assert_int_equal(fate(&exits, attempts, retry), again);
        assert_int_equal(fate(&listed, attempts, exit_75), again);
        assert_int_equal(fate(&listed, attempts, exit_1), ITEM_IS_DEAD);
        assert_int_equal(fate(&listed, attempts, retry), again);
    }
}

static void dead_by_number(void **state)
{
    static const uint64_t numbers[] = {0, 1, 2, 1000, INT64_MAX - 1};

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const struct plan_stream rule = {.max_dead = numbers[i]};

        /* At once: more will not make it fewer. */
        for (int counted = 0; counted < 2; counted++) {
            assert_false(items_too_many_dead(&rule, numbers[i], numbers[i], counted != 0));
            assert_true(items_too_many_dead(&rule, numbers[i] + 1, UINT64_MAX, counted != 0));
        }
    }
}

static void dead_by_share(void **state)
{
    static const struct {
        uint64_t dead, all;
        uint32_t share_ppm;
        bool too_many;
    } rows[] = {
        {0, 0, 0, false},
        {0, 5, 0, false},
        {1, 5, 0, true},
        {1, UINT32_MAX, 0, true},
        {1, 100, 10000, false},
        {2, 100, 10000, true},
        {1, 99, 10000, true},
        {1, 4, 250000, false},
        {1, 3, 333333, true},
        {1, 3, 333334, false},
        {5, 5, PPM, false},
        {1, 1000000, 1, false},
        {2, 1000000, 1, true},
        {1, 999999, 1, true},
        {10000000, 1000000000, 10000, false},
        {10000001, 1000000000, 10000, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct plan_stream rule = {.max_dead_is_share = true, .max_dead = rows[i].share_ppm};

        assert_int_equal(items_too_many_dead(&rule, rows[i].dead, rows[i].all, true),
                         rows[i].too_many);
        assert_false(items_too_many_dead(&rule, rows[i].dead, rows[i].all, false));
    }
}

static void under_way(void **state)
{
    (void)state;
    assert_true(items_may_take(1, 0, 0));
    assert_false(items_may_take(1, 1, 0));
    assert_true(items_may_take(10, 9, ITEMS_BYTES_IN_FLIGHT - 1));
    assert_false(items_may_take(10, 10, 0));
    assert_false(items_may_take(10, 1, ITEMS_BYTES_IN_FLIGHT));
    /* One always may, however large what is there is. */
    assert_true(items_may_take(1, 0, UINT64_MAX));
}

static void batches(void **state)
{
    uint32_t batch = 1;

    (void)state;
    for (int i = 0; i < 20; i++) {
        batch = items_batch_next(batch, 0);
        assert_in_range(batch, 2, ITEMS_BATCH_MOST);
    }
    assert_int_equal(batch, ITEMS_BATCH_MOST);
    assert_int_equal(items_batch_next(batch, 10 * MS), batch);
    for (int i = 0; i < 20; i++) {
        batch = items_batch_next(batch, INT64_MAX);
        assert_in_range(batch, 1, ITEMS_BATCH_MOST / 2);
    }
    assert_int_equal(batch, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fates),         cmocka_unit_test(dead_by_number),
        cmocka_unit_test(dead_by_share), cmocka_unit_test(under_way),
        cmocka_unit_test(batches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
