/* Owns the simulation: list scheduling of what is left. Two heaps: what is ready, best first, and
 * what runs, by the time of its end. Everything is O(left * log(left)); scratch memory lives for
 * one call. */
#include "report/progress_left.h"

#include <stdlib.h>

#include "base/mem.h"

struct heap_item {
    int64_t key; /* smallest first */
    uint32_t number;
    int32_t priority; /* higher first, before the key */
};

struct heap {
    struct heap_item *items;
    uint32_t count, cap;
};

static bool heap_before(const struct heap_item *a, const struct heap_item *b)
{
    if (a->priority != b->priority) {
        return a->priority > b->priority;
    }
    return a->key != b->key ? a->key < b->key : a->number < b->number;
}

static void heap_push(struct heap *heap, struct heap_item item)
{
    uint32_t at = heap->count++;

    if (heap->count > heap->cap) {
        heap->cap = heap->cap * 2 + 16;
        heap->items = mem_realloc(heap->items, heap->cap, sizeof(*heap->items));
    }
    for (; at > 0 && heap_before(&item, &heap->items[(at - 1) / 2]); at = (at - 1) / 2) {
        heap->items[at] = heap->items[(at - 1) / 2];
    }
    heap->items[at] = item;
}

static struct heap_item heap_pop(struct heap *heap)
{
    struct heap_item first = heap->items[0], last = heap->items[--heap->count];
    uint32_t at = 0;

    for (;;) {
        uint32_t child = at * 2 + 1;

        if (child + 1 < heap->count && heap_before(&heap->items[child + 1], &heap->items[child])) {
            child++;
        }
        if (child >= heap->count || !heap_before(&heap->items[child], &last)) {
            break;
        }
        heap->items[at] = heap->items[child];
        at = child;
    }
    if (heap->count != 0) {
        heap->items[at] = last;
    }
    return first;
}

struct simulation {
    struct progress *progress;
    const struct run_state *state;
    uint32_t *missing; /* by instance: producers that have not ended */
    int64_t *expected; /* by instance that is left */
    struct heap ready, running;
    uint32_t slots_taken;
    int64_t time_ns;
};

static bool simulation_is_left(const struct simulation *sim, uint32_t number)
{
    return (sim->progress->scope == NULL || sim->progress->scope[number]) &&
           !inst_state_is_final(sim->state->instances[number].state);
}

/* The engine's order: the longest path behind an instance, by what earlier runs took. */
static void progress_rank(struct progress *progress)
{
    const struct plan *plan = progress->plan;

    progress->rank_ns = mem_calloc(plan->instance_count, sizeof(*progress->rank_ns));
    for (uint32_t i = plan->instance_count; i-- > 0;) {
        uint32_t n = plan->topo[i].n;
        const struct plan_instance *inst = &plan->instances[n];
        int64_t behind = 0;

        for (uint32_t c = 0; c < inst->consumer_count; c++) {
            int64_t rank = progress->rank_ns[plan->back_edges[inst->consumers_first + c].n];

            behind = rank > behind ? rank : behind;
        }
        progress->rank_ns[n] = behind + 1;
        if (progress->duration_ns != NULL && progress->duration_ns[n] > 0) {
            progress->rank_ns[n] += progress->duration_ns[n] - 1;
        }
    }
}

static uint32_t simulation_slots(const struct simulation *sim, uint32_t number)
{
    uint32_t cpu = sim->progress->plan->instances[number].cpu, limit = sim->progress->limit;

    return cpu > limit ? limit : cpu == 0 ? 1 : cpu;
}

static void simulation_start(struct simulation *sim, uint32_t number, int64_t ns)
{
    sim->slots_taken += simulation_slots(sim, number);
    heap_push(&sim->running, (struct heap_item){.key = sim->time_ns + ns, .number = number});
}

static void simulation_ready(struct simulation *sim, uint32_t number)
{
    heap_push(&sim->ready,
              (struct heap_item){.key = -sim->progress->rank_ns[number],
                                 .number = number,
                                 .priority = sim->progress->plan->instances[number].priority});
}

static void simulation_admit(struct simulation *sim)
{
    while (sim->ready.count != 0) {
        uint32_t number = sim->ready.items[0].number;

        if (sim->running.count != 0 &&
            sim->slots_taken + simulation_slots(sim, number) > sim->progress->limit) {
            return;
        }
        heap_pop(&sim->ready);
        simulation_start(sim, number, sim->expected[number]);
    }
}

static void simulation_end_one(struct simulation *sim)
{
    struct heap_item ended = heap_pop(&sim->running);
    const struct plan *plan = sim->progress->plan;
    const struct plan_instance *inst = &plan->instances[ended.number];

    sim->time_ns = ended.key;
    sim->slots_taken -= simulation_slots(sim, ended.number);
    for (uint32_t c = 0; c < inst->consumer_count; c++) {
        uint32_t consumer = plan->back_edges[inst->consumers_first + c].n;

        if (simulation_is_left(sim, consumer) && --sim->missing[consumer] == 0) {
            simulation_ready(sim, consumer);
        }
    }
}

/* What its command said counts from a twentieth on, and before that where nothing else is known. */
static bool simulation_has_word(const struct progress_running *running, int64_t expected_ns)
{
    enum { WORD_PERMILLE = 50 };

    return running->said_ns != 0 && running->left_ns >= 0 &&
           (running->permille >= WORD_PERMILLE || expected_ns <= 0);
}

/* What an attempt still takes. One that is over its time is taken to need a tenth more; where that
 * time was a mean of others only, as much again. */
static int64_t simulation_rest(int64_t expected_ns, int64_t elapsed_ns, bool estimated)
{
    if (expected_ns > elapsed_ns) {
        return expected_ns - elapsed_ns;
    }
    return estimated ? elapsed_ns : elapsed_ns / 10;
}

static void simulation_take_running(struct simulation *sim, struct progress_left *left,
                                    int64_t now_ns)
{
    const struct progress *progress = sim->progress;

    for (uint32_t i = 0; i < progress->running_count; i++) {
        const struct progress_running *running = &progress->running[i];
        int64_t elapsed_ns = now_ns - running->started_ns;
        bool estimated = false;
        int64_t expected_ns = progress_expected(progress, running->number, &estimated);
        int64_t rest_ns = running->left_ns - (now_ns - running->said_ns);

        if (simulation_has_word(running, estimated ? 0 : expected_ns)) {
            rest_ns = rest_ns > 0 ? rest_ns : simulation_rest(0, elapsed_ns, false);
        } else {
            rest_ns = simulation_rest(expected_ns > 0 ? expected_ns : 0, elapsed_ns, estimated);
            left->estimated |= estimated;
            left->known &= expected_ns >= 0;
        }

        left->spent_ns += elapsed_ns;
        left->work_ns += rest_ns;
        simulation_start(sim, running->number, rest_ns);
    }
}

/* Counts what is left; false where an expected time is not known. */
static bool simulation_take_left(struct simulation *sim, struct progress_left *left)
{
    const struct plan *plan = sim->progress->plan;
    bool known = true;

    for (uint32_t i = 0; i < plan->instance_count; i++) {
        const struct plan_instance *inst = &plan->instances[i];
        enum inst_state state = sim->state->instances[i].state;

        if (!simulation_is_left(sim, i) || state == INST_RUNNING) {
            continue;
        }
        sim->expected[i] = progress_expected(sim->progress, i, &left->estimated);
        if (sim->expected[i] < 0) {
            sim->expected[i] = 0;
            known = false;
        }
        left->work_ns += sim->expected[i];
        for (uint32_t p = 0; p < inst->producer_count; p++) {
            sim->missing[i] += simulation_is_left(sim, plan->edges[inst->producers_first + p].n);
        }
        if (sim->missing[i] == 0) {
            simulation_ready(sim, i);
        }
    }
    return known;
}

struct progress_left progress_left(struct progress *progress, const struct run_state *state,
                                   int64_t now_ns)
{
    uint32_t count = progress->plan->instance_count;
    struct progress_left left = {.known = state->instance_count == count};
    struct simulation sim = {.progress = progress, .state = state};

    if (!left.known) {
        return left;
    }
    if (progress->rank_ns == NULL) {
        progress_rank(progress);
    }
    sim.missing = mem_calloc(count, sizeof(*sim.missing));
    sim.expected = mem_calloc(count, sizeof(*sim.expected));
    left.known = simulation_take_left(&sim, &left);
    simulation_take_running(&sim, &left, now_ns);
    simulation_admit(&sim);
    while (sim.running.count != 0) {
        simulation_end_one(&sim);
        simulation_admit(&sim);
    }
    left.wall_ns = sim.time_ns;
    free(sim.missing);
    free(sim.expected);
    free(sim.ready.items);
    free(sim.running.items);
    return left;
}
