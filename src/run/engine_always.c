/* Owns the last part of a run: stages with `always`, each when all that it waits for has ended, in
 * whatever state. It begins when nothing else runs or can start.
 *
 * The engine stops for good in the part before; here `stop` begins anew, so that these stages are
 * admitted, retried and ended by the same rules as all. What ended the run counts on in `outcome`
 * and `main_stop`: one word from outside (a signal, a cancel) ends the run and leaves them alone,
 * the second one ends them as well. */
#include <stdlib.h>

#include "base/mem.h"
#include "run/engine_turn.h"

void engine_always_init(struct engine *engine)
{
    const struct plan *plan = engine->plan;

    engine->always = mem_calloc(plan->instance_count, sizeof(*engine->always));
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        struct inst_id instance = plan->topo[i];

        if (engine->decide.scope[instance.n] && plan->instances[instance.n].always) {
            engine->always[engine->always_count++] = instance;
        }
    }
}

bool engine_may_settle(const struct engine *engine, struct inst_id instance)
{
    return engine->decide.waiting[instance.n] == 0 || engine->plan->instances[instance.n].always;
}

bool engine_must_end(const struct engine *engine)
{
    return engine->stop >= ENGINE_ENDS || engine->main_stop >= ENGINE_ENDS ||
           (engine->last_part && (engine->outcome.signal != 0 || engine->outcome.cancelled));
}

/* --- the beginning --- */

/* Nothing of the part before is admitted or waited for any more. */
static void last_part_drop(struct engine *engine)
{
    for (uint32_t i = 0; i < engine->plan->instance_count; i++) {
        enum inst_state state = engine_state(engine, (struct inst_id){i});

        if (state == INST_READY) {
            schedule_remove(&engine->schedule, (struct inst_id){i});
        } else if (state == INST_WAITING) {
            engine_forget_wait(engine, (struct inst_id){i});
        }
    }
    engine->again_count = engine->held_count = engine->undo.before_count = 0;
    engine->undo.woken.n = PLAN_NONE;
}

void engine_begin_last_part(struct engine *engine)
{
    if (engine->last_part) {
        return;
    }
    last_part_drop(engine);
    engine_cancel_rest(engine, true);
    engine->main_stop = engine->stop;
    engine->stop = ENGINE_GOES;
    engine->deadline_ns = INT64_MAX;
    engine->last_part = true;
}

/* --- who starts --- */

static enum cause always_cause(const struct outcome *outcome)
{
    if (outcome->cancelled || outcome->signal != 0) {
        return CAUSE_CANCELLED;
    }
    return (outcome->seen >> STATUS_TIMEOUT & 1) != 0 ? CAUSE_TIMEOUT : CAUSE_NONE;
}

static void always_tell_how(const struct engine *engine)
{
    if (engine->world.stands != NULL) {
        engine->world.stands(engine->world.ctx, outcome_run_status(&engine->outcome),
                             always_cause(&engine->outcome));
    }
}

/* For others of its kind; all else has ended. */
static bool always_waits(const struct engine *engine, struct inst_id instance)
{
    const struct plan_instance *inst = &engine->plan->instances[instance.n];

    for (uint32_t i = 0; i < inst->producer_count; i++) {
        struct inst_id producer = engine->plan->edges[inst->producers_first + i];

        if (engine->decide.scope[producer.n] &&
            !inst_state_is_final(engine_state(engine, producer))) {
            return true;
        }
    }
    return false;
}

/* Their world did not break, and nobody wants them to end. */
static bool always_may_start(const struct engine *engine)
{
    return engine->broken.status == 0 && engine->signals_seen < 2 &&
           (!engine->last_part || engine->stop == ENGINE_GOES);
}

static bool always_settle(struct engine *engine)
{
    bool any = false;

    always_tell_how(engine);
    for (uint32_t i = 0; i < engine->always_count; i++) {
        struct inst_id instance = engine->always[i];

        if (engine_state(engine, instance) == INST_PENDING && !engine->decide.ended[instance.n] &&
            !always_waits(engine, instance)) {
            engine_settle(engine, instance);
            any = true;
        }
    }
    if (any) {
        engine_spread(engine);
    }
    return any;
}

static bool always_is_left(const struct engine *engine)
{
    for (uint32_t i = 0; i < engine->always_count; i++) {
        if (engine_state(engine, engine->always[i]) == INST_PENDING) {
            return true;
        }
    }
    return false;
}

bool engine_always_takes_over(struct engine *engine)
{
    if (!always_may_start(engine) || !always_is_left(engine)) {
        return false;
    }
    engine_begin_last_part(engine);
    engine->begins = always_settle(engine);
    engine_settle_pause(engine);
    return engine->begins;
}

void engine_always_go_on(struct engine *engine)
{
    if (engine->last_part && always_may_start(engine) && engine_undo_is_over(engine)) {
        always_settle(engine);
    }
}

/* --- how they end --- */

void engine_always_failed(struct engine *engine, struct inst_id instance, enum cause cause,
                          enum status status)
{
    struct event event = engine_event(engine, EVENT_WARNING, instance);

    if (cause == CAUSE_CANCELLED) {
        return;
    }
    if (engine->plan->instances[instance.n].ignore_failure) {
        engine_ended(engine, instance, true);
        return;
    }
    if (outcome_status(&engine->outcome) == STATUS_OK) {
        outcome_add(&engine->outcome, status);
    } else {
        event.reason = STR("it failed in a run that was not good before: the run's status stays");
        recorder_emit(engine->recorder, &event);
    }
    engine_ended(engine, instance, true);
}

/* What stands still goes on, so that it can end. */
void engine_let_last_part_end(struct engine *engine, int signal, struct str reason)
{
    struct event event = {.type = EVENT_STOPPING,
                          .signal = signal,
                          .running = engine->schedule.running,
                          .ready = engine->schedule.ready,
                          .limit = engine->schedule.limit};
    int64_t now_ns = engine_now(engine);

    event.reason = str_printf(&engine->recorder->turn, "%.*s: stages with 'always' are let end",
                              STR_ARG(reason));
    recorder_emit(engine->recorder, &event);
    engine->frozen = false;
    for (uint32_t i = 0; i < engine->live_count; i++) {
        engine_thaw(engine, &engine->live[i], now_ns);
    }
}
