#ifndef PAWL_POLICY_RETRY_H
#define PAWL_POLICY_RETRY_H
/* Whether a failed attempt is made again, and when. Pure.
 *
 * `max` counts retries: with 3 there are four attempts at most. The delay before retry n, from 1,
 * is d (constant), d * n (linear) or d * 2^(n-1) (exponential), cut at the longest; with jitter it
 * is drawn evenly between nothing and that ("full jitter": Brooker, "Exponential Backoff And
 * Jitter").
 */
#include "model/plan.h"
#include "policy/outcome.h"

/* Is it a failure that `retry` names? Of one without `retry` (all zeroes) none is. */
bool retry_names(const struct plan_retry *retry, enum cause cause, int64_t exit_code);
/* The delay before retry `number`, from 1. `draw`: any 64 random bits. */
int64_t retry_delay_ns(const struct plan_retry *retry, uint32_t number, uint64_t draw);
/* What the failure that is left after all retries means for the exit status: an exit code that the
 * manifest lists may pass, so status 10. */
enum status retry_status(const struct plan_retry *retry, enum cause cause, int64_t exit_code);

#endif
