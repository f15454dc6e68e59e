/* Owns the two passes. The invariant of `waiting`: for every instance in scope it is the number of
 * its producers in scope whose `ended` is not set. Only decide_plan, decide_ended and decide_reopen
 * touch it. */
#include "policy/decide.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static uint8_t *decide_copy(const uint8_t *bytes, uint32_t count)
{
    uint8_t *copy = mem_alloc(count);

    memcpy(copy, bytes, count);
    return copy;
}

void decide_init(struct decide *decide, const struct plan *plan, const struct decide_facts *facts,
                 const uint8_t *scope, const uint8_t *target)
{
    uint32_t count = plan->instance_count;

    *decide = (struct decide){.plan = plan, .facts = *facts};
    decide->scope = decide_copy(scope, count);
    decide->target = decide_copy(target, count);
    decide->verdict = mem_calloc(count, 1);
    decide->action = mem_calloc(count, 1);
    decide->ended = mem_calloc(count, 1);
    decide->stale = mem_calloc(count, 1);
    decide->demanded = mem_calloc(plan->output_count, 1);
    decide->waiting = mem_calloc(count, sizeof(*decide->waiting));
}

void decide_fini(struct decide *decide)
{
    free(decide->scope);
    free(decide->target);
    free(decide->verdict);
    free(decide->action);
    free(decide->ended);
    free(decide->stale);
    free(decide->demanded);
    free(decide->waiting);
    free(decide->touched);
    *decide = (struct decide){0};
}

static const struct inst_id *decide_producers(const struct decide *decide, uint32_t number,
                                              uint32_t *count)
{
    const struct plan_instance *inst = &decide->plan->instances[number];

    *count = inst->producer_count;
    return decide->plan->edges + inst->producers_first;
}

static const struct inst_id *decide_consumers(const struct decide *decide, uint32_t number,
                                              uint32_t *count)
{
    const struct plan_instance *inst = &decide->plan->instances[number];

    *count = inst->consumer_count;
    return decide->plan->back_edges + inst->consumers_first;
}

/* Whether some producer in scope must still run or is itself unknown. */
static bool decide_must_wait(const struct decide *decide, uint32_t number)
{
    uint32_t count;
    const struct inst_id *producers = decide_producers(decide, number, &count);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t p = producers[i].n;

        if (decide->scope[p] &&
            (decide->verdict[p] == DECIDE_UNKNOWN || decide->verdict[p] == DECIDE_MISS ||
             decide->verdict[p] == DECIDE_LACK || decide->verdict[p] == DECIDE_REFUSED ||
             decide->verdict[p] == DECIDE_UNJUDGED)) {
            return true;
        }
    }
    return false;
}

/* It runs, whatever its producers come to. */
static bool decide_is_last(const struct decide *decide, uint32_t number)
{
    const struct plan_instance *inst = &decide->plan->instances[number];

    return inst->always && inst->skip_reason.len == 0;
}

static enum decide_verdict decide_look(struct decide *decide, struct inst_id instance)
{
    if (decide_is_last(decide, instance.n)) {
        return DECIDE_MISS;
    }
    return decide_must_wait(decide, instance.n) ? DECIDE_UNKNOWN
                                                : decide->facts.look(decide->facts.ctx, instance);
}

static void decide_forward(struct decide *decide)
{
    for (uint32_t i = 0; i < decide->plan->instance_count; i++) {
        struct inst_id inst = decide->plan->topo[i];

        if (decide->scope[inst.n]) {
            decide->verdict[inst.n] = (uint8_t)decide_look(decide, inst);
        }
    }
}

void decide_demand(struct decide *decide, struct inst_id producer, uint32_t output)
{
    if (!decide->scope[producer.n]) {
        return;
    }
    decide->demanded[output] = 1;
    if (decide->touched_count == decide->touched_cap) {
        decide->touched_cap = decide->touched_cap * 2 + 64;
        decide->touched =
            mem_realloc(decide->touched, decide->touched_cap, sizeof(*decide->touched));
    }
    if (decide->touched_count == 0 || decide->touched[decide->touched_count - 1].n != producer.n) {
        decide->touched[decide->touched_count++] = producer;
    }
}

bool decide_is_demanded(const struct decide *decide, uint32_t output)
{
    return decide->demanded[output] != 0;
}

static void decide_demand_own(struct decide *decide, uint32_t number)
{
    const struct plan_instance *inst = &decide->plan->instances[number];

    for (uint32_t i = 0; i < inst->output_count; i++) {
        uint32_t output = inst->outputs_first + i;

        if (!decide->plan->outputs[output].temp && !decide->plan->outputs[output].is_depfile) {
            decide->demanded[output] = 1;
        }
    }
}

static bool decide_has_demand(const struct decide *decide, uint32_t number)
{
    const struct plan_instance *inst = &decide->plan->instances[number];

    for (uint32_t i = 0; i < inst->output_count; i++) {
        if (decide->demanded[inst->outputs_first + i]) {
            return true;
        }
    }
    return false;
}

/* What an up-to-date instance has to do for the bytes demanded of it. */
static enum decide_action decide_bytes_action(struct decide *decide, uint32_t number)
{
    if (!decide_has_demand(decide, number)) {
        return DECIDE_NOTHING;
    }
    switch (decide->facts.bytes(decide->facts.ctx, (struct inst_id){number})) {
    case DECIDE_BYTES_PRESENT:
        return DECIDE_NOTHING;
    case DECIDE_BYTES_IN_STORE:
        return DECIDE_RESTORE;
    case DECIDE_BYTES_NOWHERE:
        break;
    }
    return DECIDE_RUN;
}

static enum decide_action decide_action_of(enum decide_verdict verdict)
{
    switch (verdict) {
    case DECIDE_UNKNOWN:
        return DECIDE_WAIT;
    case DECIDE_HIT:
        return DECIDE_NOTHING;
    case DECIDE_MISS:
        return DECIDE_RUN;
    case DECIDE_SKIP:
        return DECIDE_END_SKIPPED;
    case DECIDE_LACK:
        return DECIDE_END_LACKING;
    case DECIDE_REFUSED:
        return DECIDE_END_REFUSED;
    case DECIDE_UNJUDGED:
        break;
    }
    return DECIDE_RESTORE;
}

/* What an instance with a known key has to do. Checks that must look at outputs ask for all of
 * them; where they are there already nothing is brought back, but they are asked. */
static enum decide_action decide_known_action(struct decide *decide, uint32_t number,
                                              enum decide_verdict verdict)
{
    enum decide_action action;

    if (verdict == DECIDE_UNJUDGED) {
        decide_demand_own(decide, number);
    }
    action = decide_bytes_action(decide, number);
    return action == DECIDE_NOTHING ? decide_action_of(verdict) : action;
}

static void decide_backward(struct decide *decide)
{
    for (uint32_t i = decide->plan->instance_count; i-- > 0;) {
        struct inst_id inst = decide->plan->topo[i];
        uint32_t n = inst.n;

        if (!decide->scope[n]) {
            continue;
        }
        if (decide->target[n]) {
            decide_demand_own(decide, n);
        }
        decide->action[n] = (uint8_t)decide_action_of((enum decide_verdict)decide->verdict[n]);
        if (decide->verdict[n] == DECIDE_HIT || decide->verdict[n] == DECIDE_UNJUDGED) {
            decide->action[n] =
                (uint8_t)decide_known_action(decide, n, (enum decide_verdict)decide->verdict[n]);
            if (decide->action[n] == DECIDE_RUN) {
                decide->verdict[n] = DECIDE_MISS;
            }
        }
        if (decide->action[n] == DECIDE_RUN) {
            decide->facts.demand_inputs(decide->facts.ctx, inst, decide);
        }
    }
    decide->touched_count = 0;
}

/* A producer that the backward pass sends to run again may come out differently: what reads it is
 * decided when it is done. */
static void decide_unsettle(struct decide *decide)
{
    for (uint32_t i = 0; i < decide->plan->instance_count; i++) {
        uint32_t n = decide->plan->topo[i].n;

        if (decide->scope[n] && decide->verdict[n] != DECIDE_UNKNOWN &&
            !decide_is_last(decide, n) && decide_must_wait(decide, n)) {
            decide->verdict[n] = DECIDE_UNKNOWN;
            decide->action[n] = DECIDE_WAIT;
        }
    }
}

static void decide_count_waiting(struct decide *decide)
{
    for (uint32_t i = 0; i < decide->plan->instance_count; i++) {
        uint32_t n = decide->plan->topo[i].n;

        decide->ended[n] = !decide->scope[n] || decide->action[n] == DECIDE_NOTHING;
    }
    for (uint32_t n = 0; n < decide->plan->instance_count; n++) {
        uint32_t count;
        const struct inst_id *producers = decide_producers(decide, n, &count);

        decide->waiting[n] = 0;
        for (uint32_t i = 0; decide->scope[n] && i < count; i++) {
            decide->waiting[n] += !decide->ended[producers[i].n];
        }
    }
}

void decide_plan(struct decide *decide)
{
    decide_forward(decide);
    decide_backward(decide);
    decide_unsettle(decide);
    decide_count_waiting(decide);
}

void decide_reopen(struct decide *decide, struct inst_id instance)
{
    uint32_t count;
    const struct inst_id *consumers = decide_consumers(decide, instance.n, &count);

    if (!decide->ended[instance.n]) {
        return;
    }
    decide->ended[instance.n] = 0;
    decide->stale[instance.n] = 0;
    for (uint32_t i = 0; i < count; i++) {
        decide->waiting[consumers[i].n] += decide->scope[consumers[i].n];
    }
}

/* Looks at the producers demanded in `touched`; those whose bytes are not in place are
 * reopened, those that must run demand in turn. Leaves in `touched` only what was reopened. */
static void decide_bring_back(struct decide *decide)
{
    uint32_t kept = 0;

    /* `touched` grows while we walk it: a producer that must run again demands its own inputs. */
    for (uint32_t i = 0; i < decide->touched_count; i++) {
        struct inst_id producer = decide->touched[i];
        uint32_t n = producer.n;

        if (!decide->ended[n] || decide->verdict[n] == DECIDE_SKIP ||
            decide->verdict[n] == DECIDE_REFUSED) {
            continue;
        }
        decide->action[n] = (uint8_t)decide_bytes_action(decide, n);
        if (decide->action[n] == DECIDE_NOTHING) {
            continue;
        }
        if (decide->action[n] == DECIDE_RUN) {
            decide->verdict[n] = DECIDE_MISS;
            decide->facts.demand_inputs(decide->facts.ctx, producer, decide);
        }
        decide_reopen(decide, producer);
        decide->touched[kept++] = producer;
    }
    decide->touched_count = kept;
}

enum decide_action decide_settle(struct decide *decide, struct inst_id instance,
                                 const struct inst_id **reopened, uint32_t *reopened_count)
{
    uint32_t n = instance.n;
    enum decide_verdict verdict;
    enum decide_action action;

    assert(decide->waiting[n] == 0 && !decide->ended[n]);
    verdict = decide->facts.look(decide->facts.ctx, instance);
    assert(verdict != DECIDE_UNKNOWN);
    action = verdict == DECIDE_HIT || verdict == DECIDE_UNJUDGED
                 ? decide_known_action(decide, n, verdict)
                 : decide_action_of(verdict);
    if (action == DECIDE_RUN) {
        verdict = DECIDE_MISS;
    }
    decide->verdict[n] = (uint8_t)verdict;
    decide->stale[n] = 0;
    decide->touched_count = 0;
    if (action == DECIDE_RUN) {
        decide->facts.demand_inputs(decide->facts.ctx, instance, decide);
        decide_bring_back(decide);
    }
    *reopened = decide->touched;
    *reopened_count = decide->touched_count;
    if (decide->waiting[n] != 0) {
        action = DECIDE_WAIT;
    }
    decide->action[n] = (uint8_t)action;
    return action;
}

enum decide_action decide_settle_last(struct decide *decide, struct inst_id instance)
{
    enum decide_verdict verdict = decide->facts.look(decide->facts.ctx, instance);

    assert(verdict != DECIDE_UNKNOWN && !decide->ended[instance.n]);
    decide->verdict[instance.n] = (uint8_t)verdict;
    decide->stale[instance.n] = 0;
    decide->action[instance.n] = (uint8_t)decide_action_of(verdict);
    return decide_action_of(verdict);
}

uint32_t decide_ended(struct decide *decide, struct inst_id instance, bool changed,
                      struct inst_id *ready)
{
    uint32_t count;
    uint32_t found = 0;
    const struct inst_id *consumers = decide_consumers(decide, instance.n, &count);

    assert(!decide->ended[instance.n]);
    decide->ended[instance.n] = 1;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t c = consumers[i].n;

        if (!decide->scope[c]) {
            continue;
        }
        assert(decide->waiting[c] != 0);
        decide->stale[c] |= changed;
        if (--decide->waiting[c] == 0) {
            ready[found++] = consumers[i];
        }
    }
    return found;
}
