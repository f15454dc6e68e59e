#ifndef PAWL_POLICY_WARN_H
#define PAWL_POLICY_WARN_H
/* When a person should be warned, and when that is over. Pure; the effects are in
 * run/engine_watch.c.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WARN_SLOW_TIMES = 3,         /* as long as 95 % of earlier attempts */
    WARN_SLOW_LEAST_S = 1,       /* a shorter attempt is never slow */
    WARN_SLOW_KNOWN = 3,         /* fewer durations say nothing */
    WARN_BREAKER_S = 120,        /* not closed for so long */
    WARN_DISK_PERMILLE = 50,     /* begins below this */
    WARN_DISK_OVER_PERMILLE = 60 /* ends from here on, so that it does not flap */
};

/* How long an attempt of a stage may run unnoticed, by the durations of earlier good ones, which
 * are sorted on the way; INT64_MAX: too little is known. */
int64_t warn_slow_limit_ns(uint64_t *durations_ns, size_t count);

enum warn_change { WARN_SAME, WARN_BEGINS, WARN_ENDS };
/* `*low` is kept from call to call. */
enum warn_change warn_disk(bool *low, uint32_t free_permille);

#endif
