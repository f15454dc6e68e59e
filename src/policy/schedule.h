#ifndef PAWL_POLICY_SCHEDULE_H
#define PAWL_POLICY_SCHEDULE_H
/* What runs next, and whether there is room for it. Pure.
 *
 * Among the ready instances: higher `priority` first, then the longest remaining critical path (by
 * durations of earlier runs), then order of the plan. Room is counted in slots (`cpu`), declared
 * memory and pools. An instance that does not fit because of memory or slots is waited for, so that
 * small ones cannot starve it; one that waits for a pool lets others pass. With nothing running the
 * first is always admitted, whatever it declares: a machine that is too small is slow, not stuck.
 *
 * Order of calls: schedule_init, schedule_push for each instance that becomes ready, schedule_next
 * until it answers none, schedule_release for each that ended.
 */
#include <stdbool.h>
#include <stdint.h>

#include "model/plan.h"

struct schedule_queue; /* the ready instances that use the same pools */

struct schedule {
    const struct plan *plan;
    int64_t *rank_ns; /* by instance: longest remaining path, its own duration included */
    struct schedule_queue *queues;
    uint32_t queue_count;
    uint32_t *queue_of;          /* by instance */
    uint32_t *pool_taken;        /* by pool */
    uint64_t memory_limit_bytes; /* 0: no limit */
    uint64_t memory_taken_bytes;
    uint32_t limit; /* slots */
    uint32_t slots_taken, running, ready;
    bool exclusive; /* what runs takes all slots or the terminal */
};

enum schedule_answer {
    SCHEDULE_ADMITTED,
    SCHEDULE_NONE_READY,
    SCHEDULE_NO_SLOT,
    SCHEDULE_NO_MEMORY,
    SCHEDULE_NO_POOL
};

/* `duration_ns` by instance (0: unknown) is only read here. */
void schedule_init(struct schedule *schedule, const struct plan *plan, const int64_t *duration_ns,
                   uint32_t limit, uint64_t memory_limit_bytes);
void schedule_fini(struct schedule *schedule);
void schedule_push(struct schedule *schedule, struct inst_id instance);
/* Takes an instance out that was ready (it is decided anew); false if it was not in. */
bool schedule_remove(struct schedule *schedule, struct inst_id instance);
/* Which would be admitted next. */
enum schedule_answer schedule_peek(const struct schedule *schedule, struct inst_id *instance);
/* Admits the best that fits and takes its room. */
enum schedule_answer schedule_next(struct schedule *schedule, struct inst_id *instance);
void schedule_release(struct schedule *schedule, struct inst_id instance);
/* Slots an instance takes under the present limit. */
uint32_t schedule_slots(const struct schedule *schedule, struct inst_id instance);

#endif
