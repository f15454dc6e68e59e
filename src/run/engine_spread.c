/* Owns what the end of one instance means for others. Nothing here recurses: ends go into a queue
 * that engine_spread works off. Sets of instances that move together in one turn are collected in
 * `batch` and become one event each; the fold has not applied them until then, so `batch` is asked
 * before the fold. */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

#include "run/engine_turn.h"

/* The state as it will be when this turn's sets are recorded. */
static enum inst_state spread_state(const struct engine *engine, struct inst_id instance)
{
    return engine->batch[instance.n] != 0 ? (enum inst_state)engine->batch[instance.n]
                                          : engine_state(engine, instance);
}

/* One instance may move twice in a turn (ready, then decided anew): the set it was in is recorded
 * first. */
static void spread_flush_sets(struct engine *engine);

static void spread_batch(struct engine *engine, struct inst_id instance, enum inst_state to)
{
    if (engine->batch[instance.n] != 0) {
        spread_flush_sets(engine);
    }
    engine->batch[instance.n] = (uint8_t)to;
    engine->batched[engine->batched_count++] = instance.n;
}

static void spread_queue(struct engine *engine, struct inst_id instance, bool changed)
{
    if (engine->queue_count == engine->queue_cap) {
        engine->queue_cap = engine->queue_cap * 2 + 64;
        engine->queue = mem_realloc(engine->queue, engine->queue_cap, sizeof(*engine->queue));
    }
    engine->queue[engine->queue_count++] = (struct engine_end){instance, changed};
}

void engine_ended(struct engine *engine, struct inst_id instance, bool changed)
{
    spread_queue(engine, instance, changed);
}

static void spread_ready(struct engine *engine, struct inst_id instance)
{
    if (spread_state(engine, instance) != INST_READY) {
        spread_batch(engine, instance, INST_READY);
    }
    schedule_push(&engine->schedule, instance);
}

static void spread_restore(struct engine *engine, struct inst_id instance)
{
    engine->restoring++;
    engine->returning[instance.n] = 1;
    engine_act_later(engine, ACT_RESTORE, instance, 0);
}

/* What a stage did not make is told as its consumer's failure, and is no fault of the manifest. */
static enum cause spread_lack_cause(enum status status)
{
    if (status == STATUS_ENVIRONMENT) {
        return CAUSE_ENVIRONMENT;
    }
    return status == STATUS_STAGE_FAILED ? CAUSE_OUTPUT : CAUSE_INPUT;
}

static void spread_lack(struct engine *engine, struct inst_id instance)
{
    struct event event = engine_event(engine, EVENT_INSTANCE_ENDED, instance);
    enum status status = STATUS_MANIFEST;

    spread_flush_sets(engine);
    event.reason = engine->world.lack(engine->world.ctx, instance, &status);
    event.cause = str_of(cause_name(spread_lack_cause(status)));
    recorder_emit(engine->recorder, &event);
    engine_failed(engine, instance, spread_lack_cause(status),
                  cause_status(spread_lack_cause(status)));
}

/* The plan does not know why. */
static void spread_skip_late(struct engine *engine, struct inst_id instance)
{
    struct event event = {.type = EVENT_INSTANCES_SKIPPED, .count = 1};
    enum status status;

    spread_flush_sets(engine);
    event_ids_add(&event.ids, &engine->recorder->turn, instance.n);
    event.reason = engine->world.lack(engine->world.ctx, instance, &status);
    recorder_emit(engine->recorder, &event);
}

static void spread_skip(struct engine *engine, struct inst_id instance)
{
    if (engine->plan->instances[instance.n].late_when) {
        spread_skip_late(engine, instance);
    } else {
        spread_batch(engine, instance, INST_SKIPPED);
    }
    engine->world.made_nothing(engine->world.ctx, instance, false, true);
    spread_queue(engine, instance, false);
}

/* It will read its inputs once more: they are not done with. */
static void spread_use_again(struct engine *engine, struct inst_id instance)
{
    const struct plan_instance *inst = &engine->plan->instances[instance.n];

    for (uint32_t i = 0; engine->released[instance.n] && i < inst->producer_count; i++) {
        engine->uses_left[engine->plan->edges[inst->producers_first + i].n]++;
    }
    engine->released[instance.n] = 0;
}

/* A final instance becomes pending again. */
static void spread_reopen(struct engine *engine, struct inst_id instance, struct str reason)
{
    struct event event = engine_event(engine, EVENT_INSTANCE_REOPENED, instance);

    spread_use_again(engine, instance);
    spread_flush_sets(engine);
    event.reason = reason;
    recorder_emit(engine->recorder, &event);
}

/* A consumer that runs reads what lies there now: its producer must not replace it under its hands.
 */
static bool engine_is_read_now(const struct engine *engine, struct inst_id producer)
{
    for (uint32_t i = 0; i < engine->live_count; i++) {
        const struct plan_instance *inst = &engine->plan->instances[engine->live[i].instance.n];

        for (uint32_t p = 0; p < inst->producer_count; p++) {
            if (engine->plan->edges[inst->producers_first + p].n == producer.n) {
                return true;
            }
        }
    }
    return false;
}

void engine_do(struct engine *engine, struct inst_id instance, enum decide_action action)
{
    if (engine->brought_back[instance.n] && (action == DECIDE_RESTORE || action == DECIDE_RUN) &&
        engine_is_read_now(engine, instance)) {
        engine->held[engine->held_count++] = instance;
        return;
    }
    switch (action) {
    case DECIDE_WAIT:
        break;
    case DECIDE_NOTHING:
        spread_batch(engine, instance, INST_UP_TO_DATE);
        engine_tell_warnings(engine, instance);
        spread_queue(engine, instance, engine->world.changed(engine->world.ctx, instance));
        break;
    case DECIDE_RESTORE:
        spread_restore(engine, instance);
        break;
    case DECIDE_RUN:
        spread_ready(engine, instance);
        break;
    case DECIDE_END_SKIPPED:
        spread_skip(engine, instance);
        break;
    case DECIDE_END_LACKING:
        spread_lack(engine, instance);
        break;
    case DECIDE_END_REFUSED:
        spread_flush_sets(engine);
        engine_refuse_known(engine, instance);
        break;
    }
}

void engine_release_held(struct engine *engine)
{
    uint32_t count = engine->held_count;

    engine->held_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        /* engine_do holds it again if it must: at most at the place that was just read. */
        engine_do(engine, engine->held[i],
                  (enum decide_action)engine->decide.action[engine->held[i].n]);
    }
}

/* Consumers of what was reopened that were ready wait again. */
static void spread_wait_again(struct engine *engine, struct inst_id producer, struct str reason)
{
    const struct plan_instance *inst = &engine->plan->instances[producer.n];

    for (uint32_t c = 0; c < inst->consumer_count; c++) {
        struct inst_id consumer = engine->plan->back_edges[inst->consumers_first + c];

        if (engine->decide.scope[consumer.n] && spread_state(engine, consumer) == INST_READY &&
            schedule_remove(&engine->schedule, consumer)) {
            spread_reopen(engine, consumer, reason);
        }
    }
}

/* Producers whose bytes must come back first. */
static void spread_bring_back(struct engine *engine, const struct inst_id *reopened, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct inst_id producer = reopened[i];
        uint32_t n = producer.n;

        engine->brought_back[n] = 1;
        if (inst_state_is_final(spread_state(engine, producer))) {
            spread_reopen(engine, producer, STR("its outputs are needed and are not there"));
        }
        spread_wait_again(engine, producer, STR("what it reads must be brought back"));
        if (engine->decide.waiting[n] == 0) {
            engine_do(engine, producer, (enum decide_action)engine->decide.action[n]);
        }
    }
}

void engine_settle(struct engine *engine, struct inst_id instance)
{
    const struct inst_id *reopened;
    uint32_t count;
    enum decide_action action;

    if (engine->plan->instances[instance.n].always) {
        engine_do(engine, instance, decide_settle_last(&engine->decide, instance));
        return;
    }
    action = decide_settle(&engine->decide, instance, &reopened, &count);
    if (count != 0) {
        spread_bring_back(engine, reopened, count);
    }
    engine_do(engine, instance, action);
}

/* A consumer waits for nothing any more. One whose outputs are on their way is looked at when they
 * are there: see engine_spread. */
static void spread_consumer(struct engine *engine, struct inst_id consumer)
{
    enum inst_state state = spread_state(engine, consumer);

    if (engine->returning[consumer.n] || engine->plan->instances[consumer.n].always) {
        return;
    }
    if (state == INST_PENDING || state == INST_READY) {
        if (!engine->decide.ended[consumer.n]) {
            engine_settle(engine, consumer);
        }
        return;
    }
    if (inst_state_is_good(state) && engine->decide.stale[consumer.n] &&
        engine->decide.ended[consumer.n]) {
        engine->brought_back[consumer.n] = 1;
        spread_reopen(engine, consumer, STR("what it reads came out differently"));
        decide_reopen(&engine->decide, consumer);
        spread_wait_again(engine, consumer, STR("what it reads is decided anew"));
        engine_settle(engine, consumer);
    }
}

static void spread_uses(struct engine *engine, struct inst_id instance)
{
    const struct plan_instance *inst = &engine->plan->instances[instance.n];

    if (engine->released[instance.n]) {
        return;
    }
    engine->released[instance.n] = 1;
    for (uint32_t i = 0; i < inst->producer_count; i++) {
        struct inst_id producer = engine->plan->edges[inst->producers_first + i];

        if (engine->uses_left[producer.n] != 0 && --engine->uses_left[producer.n] == 0 &&
            engine->decide.scope[producer.n]) {
            engine_act_later(engine, ACT_CONSUMED, producer, 0);
        }
    }
}

static void spread_flush_set(struct engine *engine, enum inst_state to, enum event_type type)
{
    struct event event = {.type = type};

    for (uint32_t i = 0; i < engine->batched_count; i++) {
        if (engine->batch[engine->batched[i]] == (uint8_t)to) {
            event_ids_add(&event.ids, &engine->recorder->turn, engine->batched[i]);
            event.count++;
        }
    }
    if (event.count != 0) {
        event.reason = to == INST_BLOCKED ? STR("something they need failed") : STR("");
        recorder_emit(engine->recorder, &event);
    }
}

static void spread_flush_sets(struct engine *engine)
{
    qsort(engine->batched, engine->batched_count, sizeof(*engine->batched), mem_compare_u32);
    spread_flush_set(engine, INST_UP_TO_DATE, EVENT_INSTANCES_UP_TO_DATE);
    spread_flush_set(engine, INST_SKIPPED, EVENT_INSTANCES_SKIPPED);
    spread_flush_set(engine, INST_BLOCKED, EVENT_INSTANCES_BLOCKED);
    spread_flush_set(engine, INST_READY, EVENT_INSTANCES_READY);
    for (uint32_t i = 0; i < engine->batched_count; i++) {
        engine->batch[engine->batched[i]] = 0;
    }
    engine->batched_count = 0;
}

void engine_spread(struct engine *engine)
{
    uint32_t at = 0;

    while (at < engine->queue_count) {
        struct engine_end end = engine->queue[at++];
        uint32_t count;

        if (engine->decide.ended[end.instance.n]) {
            continue;
        }
        count = decide_ended(&engine->decide, end.instance, end.changed, engine->ready);
        spread_uses(engine, end.instance);
        for (uint32_t i = 0; i < count; i++) {
            /* One before it in this list may have sent for what it reads as well. */
            if (engine->decide.waiting[engine->ready[i].n] == 0) {
                spread_consumer(engine, engine->ready[i]);
            }
        }
        /* What it reads came out differently while it was under way. */
        if (engine->decide.stale[end.instance.n] && engine->decide.waiting[end.instance.n] == 0) {
            spread_consumer(engine, end.instance);
        }
    }
    engine->queue_count = 0;
    spread_flush_sets(engine);
}

/* --- failure --- */

/* Everything behind a failed instance, each once. */
static void spread_block(struct engine *engine, struct inst_id failed)
{
    struct inst_id *list = engine->blocked;
    uint32_t count = 0;
    uint32_t at = 0;

    list[count++] = failed;
    while (at < count) {
        const struct plan_instance *inst = &engine->plan->instances[list[at++].n];

        for (uint32_t i = 0; i < inst->consumer_count; i++) {
            struct inst_id consumer = engine->plan->back_edges[inst->consumers_first + i];
            enum inst_state state = spread_state(engine, consumer);

            if (engine->decide.scope[consumer.n] && !engine->returning[consumer.n] &&
                !engine->plan->instances[consumer.n].always &&
                (state == INST_PENDING || state == INST_READY || state == INST_WAITING)) {
                if (state == INST_READY) {
                    schedule_remove(&engine->schedule, consumer);
                } else if (state == INST_WAITING) {
                    engine_forget_wait(engine, consumer);
                }
                spread_batch(engine, consumer, INST_BLOCKED);
                list[count++] = consumer;
            }
        }
    }
}

void engine_failed(struct engine *engine, struct inst_id instance, enum cause cause,
                   enum status status)
{
    const struct plan_instance *inst = &engine->plan->instances[instance.n];

    engine->world.made_nothing(engine->world.ctx, instance, inst->ignore_failure, false);
    if (inst->always) {
        engine_always_failed(engine, instance, cause, status);
        return;
    }
    if (cause == CAUSE_CANCELLED) {
        return;
    }
    if (inst->ignore_failure) {
        spread_queue(engine, instance, true);
        return;
    }
    outcome_add(&engine->outcome, status);
    spread_block(engine, instance);
    if (!engine->options.keep_going) {
        engine_stop(engine, ENGINE_DRAINS, 0,
                    str_printf(&engine->recorder->turn, "stage '%.*s' %s", STR_ARG(inst->name),
                               cause == CAUSE_GATE || cause == CAUSE_VALIDATION ? "was refused"
                                                                                : "failed"));
    }
}

/* --- the first turn --- */

void engine_start_spread(struct engine *engine)
{
    const struct plan *plan = engine->plan;

    for (uint32_t i = 0; i < plan->instance_count; i++) {
        struct inst_id instance = plan->topo[i];
        enum decide_action action = (enum decide_action)engine->decide.action[instance.n];

        if (!engine->decide.scope[instance.n] || plan->instances[instance.n].always ||
            spread_state(engine, instance) != INST_PENDING) {
            continue;
        }
        if (action == DECIDE_NOTHING) {
            spread_batch(engine, instance, INST_UP_TO_DATE);
            engine_tell_warnings(engine, instance);
            spread_uses(engine, instance);
        } else if (engine->decide.waiting[instance.n] == 0 || action == DECIDE_END_SKIPPED) {
            engine_do(engine, instance, action);
        }
    }
    engine_spread(engine);
}
