/* Owns the limits of warnings. */
#include "policy/warn.h"

#include "base/clock.h"
#include "policy/quantile.h"

int64_t warn_slow_limit_ns(uint64_t *durations_ns, size_t count)
{
    uint64_t p95_ns;

    if (count < WARN_SLOW_KNOWN) {
        return INT64_MAX;
    }
    quantile_sort(durations_ns, count);
    p95_ns = quantile(durations_ns, count, 95);
    if (p95_ns > (uint64_t)(INT64_MAX / WARN_SLOW_TIMES)) {
        return INT64_MAX;
    }
    return (int64_t)p95_ns * WARN_SLOW_TIMES > WARN_SLOW_LEAST_S * NS_PER_SEC
               ? (int64_t)p95_ns * WARN_SLOW_TIMES
               : WARN_SLOW_LEAST_S * NS_PER_SEC;
}

enum warn_change warn_disk(bool *low, uint32_t free_permille)
{
    bool was_low = *low;

    *low = free_permille < (was_low ? WARN_DISK_OVER_PERMILLE : WARN_DISK_PERMILLE);
    return *low == was_low ? WARN_SAME : *low ? WARN_BEGINS : WARN_ENDS;
}
