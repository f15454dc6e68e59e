#ifndef PAWL_POLICY_SCHEDULE_H
#define PAWL_POLICY_SCHEDULE_H
/* What runs next, and whether there is room for it. Pure.
 *
 * Among the ready instances: higher `priority` first, then the longest remaining critical path (by
 * durations of earlier runs), then order of the plan. Room is counted in slots (`cpu`), memory and
 * pools. An instance that does not fit because of memory or slots is waited for, so that small ones
 * cannot starve it; one that waits for a pool lets others pass. With nothing running the first is
 * always admitted, whatever it needs: a machine that is too small is slow, not stuck.
 *
 * What an instance needs of memory is what it declares, else a tenth more than the peak of its last
 * good attempt, else a tenth more than the largest peak of its stage; 0 where none of them is
 * known. What runs counts with its need until it ends, however little of it is taken yet.
 *
 * Order of calls: schedule_init (schedule_learn), schedule_push for each instance that becomes
 * ready, schedule_next until it answers none, schedule_release for each that ended. In between the
 * limit, `memory_base_bytes` and `memory_stopped` may change: they bind what is admitted later.
 */
#include <stdbool.h>
#include <stdint.h>

#include "model/plan.h"

struct schedule_queue; /* the ready instances that use the same pools */

struct schedule_held { /* what an instance that runs was given, whatever the limit is by now */
    struct inst_id instance;
    uint32_t slots;
    uint64_t memory_bytes;
};

struct schedule_asked { /* see schedule_ask_memory() */
    struct inst_id instance;
    uint64_t bytes;
};

struct schedule {
    const struct plan *plan;
    int64_t *rank_ns; /* by instance: longest remaining path, its own duration included */
    struct schedule_queue *queues;
    uint32_t queue_count;
    uint32_t *queue_of;          /* by instance */
    uint32_t *pool_taken;        /* by pool */
    const uint64_t *peak_bytes;  /* by instance, 0: unknown; NULL: of none */
    uint64_t *stage_peak_bytes;  /* by stage */
    uint64_t memory_limit_bytes; /* 0: no limit */
    uint64_t memory_taken_bytes; /* needs of what runs */
    uint64_t memory_base_bytes;  /* what is taken beside them */
    bool memory_stopped;         /* beside what runs nothing is admitted */
    struct schedule_held *held;  /* what runs */
    uint32_t held_cap;
    struct schedule_asked *asked;
    uint32_t asked_count;
    uint32_t limit;      /* slots */
    uint32_t processors; /* the limit at first: what `cpu = "all"` means */
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
/* Peaks of earlier runs, by instance (0: unknown); kept by pointer. */
void schedule_learn(struct schedule *schedule, const uint64_t *peak_bytes);
/* An instance takes, or took, that much. */
void schedule_saw_peak(struct schedule *schedule, struct inst_id instance, uint64_t peak_bytes);
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
/* It was killed for want of memory: from now on it needs that much. */
void schedule_ask_memory(struct schedule *schedule, struct inst_id instance, uint64_t bytes);
/* What it is told that it may take: declared, or asked for; 0: nothing is. */
uint64_t schedule_granted_memory(const struct schedule *schedule, struct inst_id instance);
/* Memory it needs; 0: not known. */
uint64_t schedule_memory(const struct schedule *schedule, struct inst_id instance);
/* Would another slot admit the next? */
bool schedule_waits_for_slot(const struct schedule *schedule);

#endif
