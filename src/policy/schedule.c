/* Owns the order of starting. One heap for each set of pools that instances use together: a full
 * pool closes a whole heap, so nothing is looked at twice for it. */
#include "policy/schedule.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/vec.h"

struct schedule_queue {
    uint32_t first_use, use_count; /* plan->pool_uses of the instances in it, all alike */
    uint32_t *heap;
    uint32_t count, cap;
};

static bool schedule_before(const struct schedule *schedule, uint32_t a, uint32_t b)
{
    const struct plan_instance *insts = schedule->plan->instances;

    if (insts[a].priority != insts[b].priority) {
        return insts[a].priority > insts[b].priority;
    }
    if (schedule->rank_ns[a] != schedule->rank_ns[b]) {
        return schedule->rank_ns[a] > schedule->rank_ns[b];
    }
    return a < b;
}

static void schedule_rank(struct schedule *schedule, const int64_t *duration_ns)
{
    const struct plan *plan = schedule->plan;

    for (uint32_t i = plan->instance_count; i-- > 0;) {
        const struct plan_instance *inst = &plan->instances[plan->topo[i].n];
        uint32_t n = plan->topo[i].n;
        int64_t behind = 0;

        for (uint32_t c = 0; c < inst->consumer_count; c++) {
            int64_t rank = schedule->rank_ns[plan->back_edges[inst->consumers_first + c].n];

            behind = rank > behind ? rank : behind;
        }
        /* One nanosecond for what is unknown: then the number of stages behind decides. */
        schedule->rank_ns[n] = behind + (duration_ns[n] > 0 ? duration_ns[n] : 1);
    }
}

static bool schedule_same_pools(const struct plan *plan, const struct schedule_queue *queue,
                                const struct plan_instance *inst)
{
    if (queue->use_count != inst->pool_count) {
        return false;
    }
    for (uint32_t i = 0; i < inst->pool_count; i++) {
        const struct plan_pool_use *a = &plan->pool_uses[queue->first_use + i];
        const struct plan_pool_use *b = &plan->pool_uses[inst->pools_first + i];

        if (a->pool != b->pool || a->slots != b->slots) {
            return false;
        }
    }
    return true;
}

static uint32_t schedule_queue_for(struct schedule *schedule, const struct plan_instance *inst)
{
    uint32_t i;

    for (i = 0; i < schedule->queue_count; i++) {
        if (schedule_same_pools(schedule->plan, &schedule->queues[i], inst)) {
            return i;
        }
    }
    schedule->queues = mem_realloc(schedule->queues, i + 1, sizeof(*schedule->queues));
    schedule->queues[i] = (struct schedule_queue){inst->pools_first, inst->pool_count, NULL, 0, 0};
    schedule->queue_count++;
    return i;
}

void schedule_init(struct schedule *schedule, const struct plan *plan, const int64_t *duration_ns,
                   uint32_t limit, uint64_t memory_limit_bytes)
{
    uint32_t count = plan->instance_count;

    assert(limit > 0);
    *schedule = (struct schedule){.plan = plan,
                                  .limit = limit,
                                  .processors = limit,
                                  .memory_limit_bytes = memory_limit_bytes};
    schedule->rank_ns = mem_calloc(count, sizeof(*schedule->rank_ns));
    schedule->queue_of = mem_calloc(count, sizeof(*schedule->queue_of));
    schedule->pool_taken = mem_calloc(plan->manifest->pool_count, sizeof(*schedule->pool_taken));
    schedule->stage_peak_bytes = mem_calloc(plan->stage_count, sizeof(*schedule->stage_peak_bytes));
    schedule_rank(schedule, duration_ns);
    for (uint32_t i = 0; i < count; i++) {
        const struct plan_instance *inst = &plan->instances[i];
        bool as_before =
            i > 0 && schedule->queue_count > 0 &&
            schedule_same_pools(plan, &schedule->queues[schedule->queue_of[i - 1]], inst);

        schedule->queue_of[i] =
            as_before ? schedule->queue_of[i - 1] : schedule_queue_for(schedule, inst);
    }
}

void schedule_fini(struct schedule *schedule)
{
    for (uint32_t i = 0; i < schedule->queue_count; i++) {
        free(schedule->queues[i].heap);
    }
    free(schedule->queues);
    free(schedule->rank_ns);
    free(schedule->queue_of);
    free(schedule->pool_taken);
    free(schedule->stage_peak_bytes);
    free(schedule->held);
    free(schedule->asked);
    *schedule = (struct schedule){0};
}

void schedule_saw_peak(struct schedule *schedule, struct inst_id instance, uint64_t peak_bytes)
{
    uint64_t *stage = &schedule->stage_peak_bytes[schedule->plan->instances[instance.n].stage.n];

    *stage = peak_bytes > *stage ? peak_bytes : *stage;
}

void schedule_learn(struct schedule *schedule, const uint64_t *peak_bytes)
{
    schedule->peak_bytes = peak_bytes;
    for (uint32_t i = 0; i < schedule->plan->instance_count; i++) {
        schedule_saw_peak(schedule, (struct inst_id){i}, peak_bytes[i]);
    }
}

void schedule_ask_memory(struct schedule *schedule, struct inst_id instance, uint64_t bytes)
{
    uint32_t at = 0;

    while (at < schedule->asked_count && schedule->asked[at].instance.n != instance.n) {
        at++;
    }
    if (at == schedule->asked_count) {
        schedule->asked = mem_realloc(schedule->asked, at + 1, sizeof(*schedule->asked));
        schedule->asked_count++;
    }
    schedule->asked[at] = (struct schedule_asked){instance, bytes};
}

uint64_t schedule_granted_memory(const struct schedule *schedule, struct inst_id instance)
{
    for (uint32_t i = 0; i < schedule->asked_count; i++) {
        if (schedule->asked[i].instance.n == instance.n) {
            return schedule->asked[i].bytes;
        }
    }
    return schedule->plan->instances[instance.n].memory_bytes;
}

uint64_t schedule_memory(const struct schedule *schedule, struct inst_id instance)
{
    const struct plan_instance *inst = &schedule->plan->instances[instance.n];
    uint64_t peak_bytes = schedule->peak_bytes != NULL ? schedule->peak_bytes[instance.n] : 0;

    uint64_t granted_bytes = schedule_granted_memory(schedule, instance);

    if (granted_bytes != 0) {
        return granted_bytes;
    }
    if (peak_bytes == 0) {
        peak_bytes = schedule->stage_peak_bytes[inst->stage.n];
    }
    return peak_bytes + peak_bytes / 10;
}

static void schedule_swap(struct schedule_queue *queue, uint32_t a, uint32_t b)
{
    uint32_t kept = queue->heap[a];

    queue->heap[a] = queue->heap[b];
    queue->heap[b] = kept;
}

static void schedule_up(const struct schedule *schedule, struct schedule_queue *queue, uint32_t at)
{
    while (at > 0 && schedule_before(schedule, queue->heap[at], queue->heap[(at - 1) / 2])) {
        schedule_swap(queue, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static void schedule_down(const struct schedule *schedule, struct schedule_queue *queue,
                          uint32_t at)
{
    for (;;) {
        uint32_t best = at;

        for (uint32_t child = at * 2 + 1; child <= at * 2 + 2 && child < queue->count; child++) {
            if (schedule_before(schedule, queue->heap[child], queue->heap[best])) {
                best = child;
            }
        }
        if (best == at) {
            return;
        }
        schedule_swap(queue, at, best);
        at = best;
    }
}

void schedule_push(struct schedule *schedule, struct inst_id instance)
{
    struct schedule_queue *queue = &schedule->queues[schedule->queue_of[instance.n]];

    if (queue->count == queue->cap) {
        queue->cap = queue->cap * 2 + 16;
        queue->heap = mem_realloc(queue->heap, queue->cap, sizeof(*queue->heap));
    }
    queue->heap[queue->count++] = instance.n;
    schedule_up(schedule, queue, queue->count - 1);
    schedule->ready++;
}

static void schedule_drop(struct schedule *schedule, struct schedule_queue *queue, uint32_t at)
{
    queue->heap[at] = queue->heap[--queue->count];
    if (at < queue->count) {
        schedule_up(schedule, queue, at);
        schedule_down(schedule, queue, at);
    }
    schedule->ready--;
}

bool schedule_remove(struct schedule *schedule, struct inst_id instance)
{
    struct schedule_queue *queue = &schedule->queues[schedule->queue_of[instance.n]];

    for (uint32_t i = 0; i < queue->count; i++) {
        if (queue->heap[i] == instance.n) {
            schedule_drop(schedule, queue, i);
            return true;
        }
    }
    return false;
}

static bool schedule_pools_free(const struct schedule *schedule, const struct schedule_queue *queue)
{
    for (uint32_t i = 0; i < queue->use_count; i++) {
        const struct plan_pool_use *use = &schedule->plan->pool_uses[queue->first_use + i];
        uint32_t taken = schedule->pool_taken[use->pool];

        if (taken != 0 && taken + use->slots > schedule->plan->pool_slots[use->pool]) {
            return false;
        }
    }
    return true;
}

uint32_t schedule_slots(const struct schedule *schedule, struct inst_id instance)
{
    const struct plan_instance *inst = &schedule->plan->instances[instance.n];

    uint32_t most = schedule->limit < schedule->processors ? schedule->limit : schedule->processors;

    return inst->cpu == PLAN_CPU_ALL || inst->cpu > most ? most : inst->cpu;
}

static bool schedule_is_exclusive(const struct plan_instance *inst)
{
    return inst->tty || inst->cpu == PLAN_CPU_ALL;
}

static bool schedule_has_memory(const struct schedule *schedule, struct inst_id instance)
{
    uint64_t need = schedule_memory(schedule, instance), limit = schedule->memory_limit_bytes;

    if (schedule->memory_stopped) {
        return false;
    }
    return limit == 0 || need == 0 ||
           (need <= limit && schedule->memory_base_bytes <= limit - need &&
            schedule->memory_taken_bytes <= limit - need - schedule->memory_base_bytes);
}

static enum schedule_answer schedule_fits(const struct schedule *schedule, struct inst_id instance)
{
    const struct plan_instance *inst = &schedule->plan->instances[instance.n];

    if (schedule->running == 0) {
        return SCHEDULE_ADMITTED;
    }
    if (schedule->exclusive || schedule_is_exclusive(inst) ||
        schedule->slots_taken + schedule_slots(schedule, instance) > schedule->limit) {
        return SCHEDULE_NO_SLOT;
    }
    return schedule_has_memory(schedule, instance) ? SCHEDULE_ADMITTED : SCHEDULE_NO_MEMORY;
}

/* The head of the best queue whose pools are free; NULL when all that is ready waits for a pool. */
static struct schedule_queue *schedule_best(const struct schedule *schedule)
{
    struct schedule_queue *best = NULL;

    for (uint32_t i = 0; i < schedule->queue_count; i++) {
        struct schedule_queue *queue = &schedule->queues[i];

        if (queue->count != 0 &&
            (best == NULL || schedule_before(schedule, queue->heap[0], best->heap[0])) &&
            schedule_pools_free(schedule, queue)) {
            best = queue;
        }
    }
    return best;
}

bool schedule_waits_for_slot(const struct schedule *schedule)
{
    const struct schedule_queue *queue = schedule_best(schedule);
    struct inst_id next;

    if (queue == NULL || schedule->exclusive) {
        return false;
    }
    next = (struct inst_id){queue->heap[0]};
    return !schedule_is_exclusive(&schedule->plan->instances[next.n]) &&
           schedule_fits(schedule, next) == SCHEDULE_NO_SLOT && schedule_has_memory(schedule, next);
}

static void schedule_take_pools(struct schedule *schedule, const struct plan_instance *inst,
                                bool take)
{
    for (uint32_t i = 0; i < inst->pool_count; i++) {
        const struct plan_pool_use *use = &schedule->plan->pool_uses[inst->pools_first + i];

        schedule->pool_taken[use->pool] += take ? use->slots : -use->slots;
    }
    if (schedule_is_exclusive(inst)) {
        schedule->exclusive = take;
    }
}

static void schedule_take(struct schedule *schedule, struct inst_id instance)
{
    struct schedule_held held = {instance, schedule_slots(schedule, instance),
                                 schedule_memory(schedule, instance)};

    if (schedule->running == schedule->held_cap) {
        schedule->held_cap = schedule->held_cap * 2 + 8;
        schedule->held = mem_realloc(schedule->held, schedule->held_cap, sizeof(*schedule->held));
    }
    schedule->held[schedule->running++] = held;
    schedule->slots_taken += held.slots;
    schedule->memory_taken_bytes += held.memory_bytes;
    schedule_take_pools(schedule, &schedule->plan->instances[instance.n], true);
}

enum schedule_answer schedule_peek(const struct schedule *schedule, struct inst_id *instance)
{
    struct schedule_queue *queue = schedule_best(schedule);

    if (schedule->ready == 0) {
        return SCHEDULE_NONE_READY;
    }
    if (queue == NULL) {
        return SCHEDULE_NO_POOL;
    }
    *instance = (struct inst_id){queue->heap[0]};
    return schedule_fits(schedule, *instance);
}

enum schedule_answer schedule_next(struct schedule *schedule, struct inst_id *instance)
{
    enum schedule_answer answer = schedule_peek(schedule, instance);

    if (answer == SCHEDULE_ADMITTED) {
        schedule_drop(schedule, &schedule->queues[schedule->queue_of[instance->n]], 0);
        schedule_take(schedule, *instance);
    }
    return answer;
}

void schedule_release(struct schedule *schedule, struct inst_id instance)
{
    uint32_t at = 0;

    while (at < schedule->running && schedule->held[at].instance.n != instance.n) {
        at++;
    }
    assert(at < schedule->running);
    schedule->slots_taken -= schedule->held[at].slots;
    schedule->memory_taken_bytes -= schedule->held[at].memory_bytes;
    schedule->held[at] = schedule->held[--schedule->running];
    schedule_take_pools(schedule, &schedule->plan->instances[instance.n], false);
}
