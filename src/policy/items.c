/* Owns what becomes of an item, and how many are under way. */
#include "policy/items.h"

#include "policy/retry.h"

enum {
    ITEMS_PPM = 1000000,
    ITEMS_QUICK_NS = 4 * 1000 * 1000, /* a batch that is back sooner may be larger */
    ITEMS_SLOW_NS = 40 * 1000 * 1000  /* one that takes longer is to be smaller */
};

enum item_fate item_fate(const struct plan_retry *retry, uint32_t attempts,
                         const struct item_end *end)
{
    bool worth;

    if (end->cause == CAUSE_NONE) {
        return ITEM_IS_KEPT;
    }
    worth = !end->for_good && retry_names(retry, end->cause, end->exit_code);
    return worth && attempts <= retry->max ? ITEM_IS_TRIED_AGAIN : ITEM_IS_DEAD;
}

bool items_too_many_dead(const struct plan_stream *stream, uint64_t dead, uint64_t all,
                         bool all_counted)
{
    if (!stream->max_dead_is_share) {
        return dead > stream->max_dead;
    }
    /* dead / all > max_dead / PPM, without overflow: of what is dead no more than all can be. */
    return all_counted && dead != 0 &&
           (double)dead * ITEMS_PPM > (double)all * (double)stream->max_dead;
}

bool items_may_take(uint32_t queue, uint32_t in_flight, uint64_t bytes_in_flight)
{
    return in_flight == 0 || (in_flight < queue && bytes_in_flight < ITEMS_BYTES_IN_FLIGHT);
}

uint32_t items_batch_next(uint32_t batch, int64_t took_ns)
{
    if (took_ns < ITEMS_QUICK_NS) {
        return batch * 2 < ITEMS_BATCH_MOST ? batch * 2 : ITEMS_BATCH_MOST;
    }
    return took_ns > ITEMS_SLOW_NS && batch > 1 ? batch / 2 : batch;
}
