/* Owns the arithmetic of retries. */
#include "policy/retry.h"

static bool retry_lists(const struct plan_retry *retry, int64_t exit_code)
{
    for (uint32_t i = 0; i < retry->exit_code_count; i++) {
        if (retry->exit_codes[i] == exit_code) {
            return true;
        }
    }
    return false;
}

bool retry_names(const struct plan_retry *retry, enum cause cause, int64_t exit_code)
{
    switch (cause) {
    case CAUSE_EXIT:
        return (retry->on & RETRY_ON_EXIT) != 0 &&
               (retry->exit_code_count == 0 || retry_lists(retry, exit_code));
    case CAUSE_NOT_FOUND: /* 126 and 127 may be the program's own */
        return (retry->on & RETRY_ON_EXIT) != 0 && retry_lists(retry, exit_code);
    case CAUSE_TIMEOUT:
        return (retry->on & RETRY_ON_TIMEOUT) != 0;
    case CAUSE_SIGNAL:
        return (retry->on & RETRY_ON_SIGNAL) != 0;
    case CAUSE_OOM:
        return (retry->on & RETRY_ON_OOM) != 0;
    case CAUSE_OUTPUT:
        return (retry->on & RETRY_ON_OUTPUT) != 0;
    case CAUSE_TRANSIENT: /* whatever is named: who failed asks for it */
        return true;
    case CAUSE_NONE:
    case CAUSE_ENVIRONMENT:
    case CAUSE_INPUT:
    case CAUSE_UNSETTLED:
    case CAUSE_CORRUPT:
    case CAUSE_CANCELLED:
    case CAUSE_PAUSED:
    case CAUSE_BREAKER:
    case CAUSE_GATE:
    case CAUSE_VALIDATION:
    case CAUSE_COMPENSATION:
    case CAUSE_COUNT:
        break;
    }
    return false;
}

/* d * factor, at most the longest. */
static int64_t retry_times(const struct plan_retry *retry, int64_t factor)
{
    if (retry->delay_ns == 0 || factor <= retry->max_delay_ns / retry->delay_ns) {
        return retry->delay_ns * factor;
    }
    return retry->max_delay_ns;
}

/* Evenly from 0 to `most`, both ends included: the high half of a product, without division. */
static int64_t retry_draw(int64_t most, uint64_t draw)
{
    uint64_t range = (uint64_t)most + 1;
    uint64_t high = draw >> 32, low = draw & UINT32_MAX;
    uint64_t middle = high * (range & UINT32_MAX) + (low * (range & UINT32_MAX) >> 32);
    uint64_t upper = high * (range >> 32) + (middle >> 32);

    return (int64_t)(upper + ((low * (range >> 32) + (middle & UINT32_MAX)) >> 32));
}

int64_t retry_delay_ns(const struct plan_retry *retry, uint32_t number, uint64_t draw)
{
    enum { MOST_DOUBLINGS = 62 };
    int64_t delay_ns = 0;

    switch (retry->backoff) {
    case RETRY_CONSTANT:
        delay_ns = retry_times(retry, 1);
        break;
    case RETRY_LINEAR:
        delay_ns = retry_times(retry, number);
        break;
    case RETRY_EXPONENTIAL:
        delay_ns = number - 1 > MOST_DOUBLINGS ? retry_times(retry, INT64_MAX)
                                               : retry_times(retry, INT64_C(1) << (number - 1));
        break;
    }
    return retry->jitter ? retry_draw(delay_ns, draw) : delay_ns;
}

enum status retry_status(const struct plan_retry *retry, enum cause cause, int64_t exit_code)
{
    bool listed = (cause == CAUSE_EXIT || cause == CAUSE_NOT_FOUND) &&
                  (retry->on & RETRY_ON_EXIT) != 0 && retry_lists(retry, exit_code);

    return listed ? STATUS_TRANSIENT : cause_status(cause);
}
