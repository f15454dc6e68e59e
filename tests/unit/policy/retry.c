/* Retries: which failures, how long until the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/retry.h"

#define SECOND INT64_C(1000000000)
#define ALL    (RETRY_ON_EXIT | RETRY_ON_TIMEOUT | RETRY_ON_SIGNAL | RETRY_ON_OOM)

static void delays(void **state)
{
    static const int64_t expected[3][6] = {
        [RETRY_CONSTANT] = {2, 2, 2, 2, 2, 2},
        [RETRY_LINEAR] = {2, 4, 6, 8, 10, 12},
        [RETRY_EXPONENTIAL] = {2, 4, 8, 16, 32, 60},
    };

    (void)state;
    for (int backoff = 0; backoff < 3; backoff++) {
        struct plan_retry retry = {.backoff = (enum retry_backoff)backoff,
                                   .delay_ns = 2 * SECOND,
                                   .max_delay_ns = 60 * SECOND};

        for (uint32_t n = 1; n <= 6; n++) {
            assert_int_equal(retry_delay_ns(&retry, n, 12345), expected[backoff][n - 1] * SECOND);
        }
    }
}

/* Nothing overflows, whatever the numbers. */
static void extremes(void **state)
{
    static const int64_t delays[] = {0, 1, SECOND, INT64_MAX / 2, INT64_MAX};
    static const uint32_t numbers[] = {1, 2, 62, 63, 64, 65, 1000, UINT32_MAX};

    (void)state;
    for (int backoff = 0; backoff < 3; backoff++) {
        for (unsigned d = 0; d < sizeof(delays) / sizeof(delays[0]); d++) {
            for (unsigned m = 0; m < sizeof(delays) / sizeof(delays[0]); m++) {
                for (unsigned n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
                    struct plan_retry retry = {.backoff = (enum retry_backoff)backoff,
                                               .delay_ns = delays[d],
                                               .max_delay_ns = delays[m]};
                    int64_t delay_ns = retry_delay_ns(&retry, numbers[n], 0);

                    assert_true(delay_ns >= 0 && delay_ns <= delays[m]);
                    assert_true(delays[d] == 0 || backoff != RETRY_EXPONENTIAL || numbers[n] < 64 ||
                                delay_ns == delays[m]);
                }
            }
        }
    }
}

/* Evenly between nothing and the delay, both ends included. */
static void jitter(void **state)
{
    struct plan_retry retry = {
        .backoff = RETRY_CONSTANT, .delay_ns = 3, .max_delay_ns = 60 * SECOND, .jitter = true};
    unsigned seen[4] = {0};
    uint64_t draw = 1;

    (void)state;
    assert_int_equal(retry_delay_ns(&retry, 1, 0), 0);
    assert_int_equal(retry_delay_ns(&retry, 1, UINT64_MAX), 3);
    for (int i = 0; i < 40000; i++) {
        draw = draw * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        seen[retry_delay_ns(&retry, 1, draw)]++;
    }
    for (int i = 0; i < 4; i++) {
        assert_in_range(seen[i], 9500, 10500);
    }
    retry.delay_ns = 60 * SECOND;
    assert_int_equal(retry_delay_ns(&retry, 1, UINT64_C(1) << 63), 30 * SECOND);
    assert_int_equal(retry_delay_ns(&retry, 1, UINT64_MAX), 60 * SECOND);
    retry.delay_ns = retry.max_delay_ns = INT64_MAX;
    assert_true(retry_delay_ns(&retry, 1, UINT64_MAX) == INT64_MAX);
}

static void which_failures(void **state)
{
    static const int32_t codes[] = {75, 127};
    struct plan_retry none = {0};
    struct plan_retry all = {.on = ALL};
    struct plan_retry timeouts = {.on = RETRY_ON_TIMEOUT};
    struct plan_retry some = {.on = ALL, .exit_codes = codes, .exit_code_count = 2};

    (void)state;
    for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
        bool named = cause == CAUSE_EXIT || cause == CAUSE_SIGNAL || cause == CAUSE_TIMEOUT ||
                     cause == CAUSE_OOM;

        bool asked = cause == CAUSE_TRANSIENT;

        assert_int_equal(retry_names(&none, (enum cause)cause, 1), asked);
        assert_int_equal(retry_names(&all, (enum cause)cause, 1), named || asked);
        assert_int_equal(retry_names(&timeouts, (enum cause)cause, 1),
                         cause == CAUSE_TIMEOUT || asked);
    }
    assert_true(retry_names(&some, CAUSE_EXIT, 75));
    assert_false(retry_names(&some, CAUSE_EXIT, 1));
    assert_true(retry_names(&some, CAUSE_NOT_FOUND, 127));
    assert_false(retry_names(&some, CAUSE_NOT_FOUND, 126));
    assert_false(retry_names(&all, CAUSE_NOT_FOUND, 127));
    assert_true(retry_names(&some, CAUSE_TIMEOUT, -1));
}

static void what_is_left(void **state)
{
    static const int32_t codes[] = {75};
    struct plan_retry some = {.on = RETRY_ON_EXIT, .exit_codes = codes, .exit_code_count = 1};
    struct plan_retry all = {.on = ALL};

    (void)state;
    assert_int_equal(retry_status(&some, CAUSE_EXIT, 75), STATUS_TRANSIENT);
    assert_int_equal(retry_status(&some, CAUSE_EXIT, 1), STATUS_STAGE_FAILED);
    assert_int_equal(retry_status(&all, CAUSE_EXIT, 75), STATUS_STAGE_FAILED);
    assert_int_equal(retry_status(&all, CAUSE_TIMEOUT, -1), STATUS_TIMEOUT);
    assert_int_equal(retry_status(&all, CAUSE_OOM, -1), STATUS_ENVIRONMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delays),         cmocka_unit_test(extremes),     cmocka_unit_test(jitter),
        cmocka_unit_test(which_failures), cmocka_unit_test(what_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
