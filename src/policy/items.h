#ifndef PAWL_POLICY_ITEMS_H
#define PAWL_POLICY_ITEMS_H
/* What becomes of the items of a stream. Pure: who works them is run/stream.h.
 *
 * An item that was worked is kept, is tried again after a delay, or is *dead*: it failed for good.
 * How many are in flight is bounded by `queue` and by their bytes, so that neither the number of
 * items nor a slow consumer makes memory grow.
 */
#include <stdbool.h>
#include <stdint.h>

#include "model/plan.h"
#include "policy/outcome.h"

/* How the work on an item ended. */
struct item_end {
    enum cause cause; /* NONE: well; TRANSIENT: the worker said that trying again is of use */
    int exit_code;
    bool for_good; /* the worker said that it is of none */
};

enum item_fate { ITEM_IS_KEPT, ITEM_IS_TRIED_AGAIN, ITEM_IS_DEAD };

/* `attempts`: made so far, from 1. Of a stage without `retry` the rule is all zeroes. */
enum item_fate item_fate(const struct plan_retry *retry, uint32_t attempts,
                         const struct item_end *end);

/* More of the items are dead than the stage may have; of a share only once all have been counted.
 */
bool items_too_many_dead(const struct plan_stream *stream, uint64_t dead, uint64_t all,
                         bool all_counted);

/* May another item be taken, with what is in flight? One always may. */
enum { ITEMS_BYTES_IN_FLIGHT = 64 << 20 };
bool items_may_take(uint32_t queue, uint32_t in_flight, uint64_t bytes_in_flight);

/* How many items a worker is handed at once after so many took so long: quick answers make it more,
 * slow ones less. From 1 to ITEMS_BATCH_MOST. */
enum { ITEMS_BATCH_MOST = 128 };
uint32_t items_batch_next(uint32_t batch, int64_t took_ns);

#endif
