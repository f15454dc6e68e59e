/* Owns compensations: what stages with `compensate` did outside the workspace is undone, one at a
 * time,
 *
 *   - first what an earlier process had to undo and did not,
 *   - before an attempt of an instance, when it is unknown how much an earlier one did,
 *   - all of it, the newest first, when nothing runs any more and the run failed or was cancelled.
 *
 * Each is condemned before its command starts, and undone on record when that has ended well, so
 * that whoever comes after a kill goes on. A signal ends the run and undoes nothing more; a second
 * one ends the command as well. */
#include "run/engine_turn.h"

#include <stdlib.h>

#include "base/mem.h"
#include "policy/retry.h"

void engine_undo_init(struct engine *engine)
{
    engine->undo.wanted_by.n = engine->undo.woken.n = PLAN_NONE;
    engine->undo.inherited =
        engine->world.effects != NULL && engine->world.effects(engine->world.ctx, true) != 0;
}

void engine_undo_fini(struct engine *engine)
{
    free(engine->undo.before);
}

/* --- what there is to do --- */

/* The run ends badly, and not by a signal: its effects do not stay. */
static bool undo_is_due(const struct engine *engine)
{
    return engine->outcome.signal == 0 && outcome_status(&engine->outcome) != STATUS_OK;
}

static bool undo_has_before(const struct engine *engine)
{
    return engine->undo.before_count != 0 && engine->stop == ENGINE_GOES;
}

bool engine_undo_works(const struct engine *engine)
{
    const struct engine_undo *undo = &engine->undo;

    return undo->state != UNDO_IDLE || undo_has_before(engine) ||
           (undo->woken.n != PLAN_NONE && engine->stop == ENGINE_GOES) ||
           (undo->inherited && engine->stop == ENGINE_GOES);
}

bool engine_undo_is_over(const struct engine *engine)
{
    const struct engine_undo *undo = &engine->undo;

    if (undo->state != UNDO_IDLE) {
        return false;
    }
    return engine->world.effects == NULL || !undo_is_due(engine) ||
           (undo->ends && engine->signals_seen != 0) ||
           engine->world.effects(engine->world.ctx, false) == 0;
}

int64_t engine_undo_next(const struct engine *engine)
{
    const struct engine_undo *undo = &engine->undo;
    bool wants;

    if (undo->state == UNDO_WAITS && engine->signals_seen == 0) {
        return undo->due_ns;
    }
    if (engine->world.effects == NULL || undo->state == UNDO_RUNS) {
        return INT64_MAX;
    }
    wants = undo->state != UNDO_IDLE || undo->woken.n != PLAN_NONE ||
            (undo->inherited && engine->signals_seen == 0) ||
            (undo_has_before(engine) && engine_may_start(engine)) ||
            (engine_work_is_over(engine) && !engine_undo_is_over(engine));
    return wants ? engine_now(engine) : INT64_MAX;
}

/* --- one --- */

static struct event undo_event(const struct engine *engine, enum event_type type)
{
    const struct engine_undo *undo = &engine->undo;

    return (struct event){.type = type,
                          .instance = undo->effect.instance,
                          .stage = undo->effect.stage,
                          .attempt_id = undo->effect.id,
                          .attempt = undo->tries};
}

static void undo_call(struct engine *engine)
{
    struct engine_undo *undo = &engine->undo;
    struct event event;

    undo->tries++;
    undo->state = UNDO_RUNS;
    event = undo_event(engine, EVENT_COMPENSATION_STARTED);
    recorder_emit(engine->recorder, &event);
    engine_act_later(engine, ACT_UNDO, undo->effect.number, 0);
}

static void undo_begin(struct engine *engine, struct inst_id wanted_by)
{
    engine->undo.wanted_by = wanted_by;
    engine->undo.tries = 0;
    undo_call(engine);
}

static bool undo_may_retry(const struct engine *engine, const struct note *note)
{
    const struct engine_undo *undo = &engine->undo;
    const struct plan_retry *retry = &undo->effect.retry;

    return !engine->options.no_retry && engine->signals_seen == 0 && undo->tries <= retry->max &&
           retry_names(retry, note->cause, note->event.exit_code);
}

/* What the instance did is undone: it is on the list, and what it made counts for nothing. */
static void undo_tell_state(struct engine *engine)
{
    struct event event = {.type = EVENT_INSTANCES_COMPENSATED, .count = 1};
    struct inst_id number = engine->undo.effect.number;

    if (number.n < engine->recorder->state.instance_count &&
        inst_state_may_move(engine_state(engine, number), INST_COMPENSATED, event.type)) {
        event_ids_add(&event.ids, &engine->recorder->turn, number.n);
        recorder_emit(engine->recorder, &event);
    }
}

/* For good. Nothing is started over what it did. */
static void undo_failed(struct engine *engine, const struct event *end)
{
    struct engine_undo *undo = &engine->undo;
    struct event event = undo_event(engine, EVENT_COMPENSATION_FAILED);
    struct inst_id wanted_by = undo->wanted_by;

    event.reason = end->reason;
    event.log = end->log;
    event.place = undo->effect.place;
    recorder_emit(engine->recorder, &event);
    engine->world.give_up(engine->world.ctx, &undo->effect);
    undo->state = UNDO_IDLE;
    undo->wanted_by.n = PLAN_NONE;
    outcome_add(&engine->outcome, STATUS_COMPENSATION);
    if (wanted_by.n != PLAN_NONE && engine_state(engine, wanted_by) == INST_WAITING) {
        struct event failed = engine_event(engine, EVENT_INSTANCE_ENDED, wanted_by);

        failed.cause = str_of(cause_name(CAUSE_COMPENSATION));
        failed.reason = STR("what an earlier attempt did could not be undone");
        recorder_emit(engine->recorder, &failed);
        engine_failed(engine, wanted_by, CAUSE_COMPENSATION, STATUS_COMPENSATION);
    }
    if (!undo->ends) {
        engine_stop(engine, ENGINE_DRAINS, 0,
                    str_printf(&engine->recorder->turn, "what stage '%.*s' did could not be undone",
                               STR_ARG(undo->effect.instance)));
    }
}

void engine_take_undone(struct engine *engine, const struct note *note)
{
    struct engine_undo *undo = &engine->undo;
    struct event event = undo_event(engine, EVENT_COMPENSATION_FINISHED);
    bool retry = undo_may_retry(engine, note);

    event.cause = str_of(cause_name(note->cause));
    event.reason = note->event.reason;
    event.exit_code = note->event.exit_code;
    event.signal = note->event.signal;
    event.log = note->event.log;
    if (note->cause == CAUSE_NONE) {
        event.state = str_of(inst_state_name(INST_COMPENSATED));
    } else if (retry) {
        event.delay_ns =
            retry_delay_ns(&undo->effect.retry, undo->tries, recorder_random64(engine->recorder));
    }
    recorder_emit(engine->recorder, &event);
    if (note->cause == CAUSE_NONE) {
        undo_tell_state(engine);
        undo->state = UNDO_SETTLES;
        undo->woken = undo->wanted_by;
        undo->wanted_by.n = PLAN_NONE;
        engine_act_later(engine, ACT_UNDONE, undo->effect.number, 0);
    } else if (retry) {
        undo->state = UNDO_WAITS;
        undo->due_ns = engine_now(engine) + event.delay_ns;
    } else if (note->cause == CAUSE_CANCELLED) {
        undo->state = UNDO_IDLE; /* it is condemned: the next command goes on */
    } else {
        undo_failed(engine, &event);
    }
}

void engine_undo_act(struct engine *engine, int kind)
{
    struct engine_undo *undo = &engine->undo;
    void *ctx = engine->world.ctx;

    if (kind == ACT_CONDEMN) {
        engine->world.condemn(ctx, undo->ends ? NULL : &undo->effect);
    } else if (kind == ACT_UNDO) {
        engine->world.undo(ctx, &undo->effect, undo->tries,
                           undo->ends && engine->outcome.cancelled);
    } else {
        engine->world.undone(ctx, &undo->effect);
        undo->state = UNDO_IDLE;
    }
}

void engine_undo_kill(struct engine *engine)
{
    if (engine->undo.state == UNDO_RUNS && engine->signals_seen > 1) {
        engine->world.end_undoing(engine->world.ctx);
    }
}

/* --- before an attempt --- */

bool engine_undo_lets(struct engine *engine, struct inst_id instance)
{
    struct engine_undo *undo = &engine->undo;
    struct event event = engine_event(engine, EVENT_INSTANCE_WAITING, instance);
    struct engine_effect effect;

    if (engine->world.effects == NULL || !engine->plan->instances[instance.n].compensates ||
        !engine->world.effect_unknown(engine->world.ctx, instance, &effect)) {
        return true;
    }
    if (undo->before == NULL) {
        undo->before = mem_calloc(engine->plan->instance_count, sizeof(*undo->before));
    }
    schedule_remove(&engine->schedule, instance);
    event.reason = STR("what an earlier attempt did is undone first");
    recorder_emit(engine->recorder, &event);
    undo->before[undo->before_count++] = instance;
    return false;
}

void engine_undo_wake(struct engine *engine)
{
    struct inst_id woken = engine->undo.woken;

    if (woken.n == PLAN_NONE || engine->undo.state != UNDO_IDLE) {
        return;
    }
    engine->undo.woken.n = PLAN_NONE;
    if (engine->stop == ENGINE_GOES && engine_state(engine, woken) == INST_WAITING) {
        engine_wake(engine, woken);
    }
}

static void undo_take_before(struct engine *engine)
{
    struct engine_undo *undo = &engine->undo;
    struct inst_id instance = undo->before[--undo->before_count];

    if (engine_state(engine, instance) != INST_WAITING) {
        return; /* blocked meanwhile */
    }
    if (engine->world.effect_unknown(engine->world.ctx, instance, &undo->effect)) {
        engine_act_later(engine, ACT_CONDEMN, instance, 0);
        undo_begin(engine, instance);
    } else {
        undo->woken = instance;
    }
}

/* --- all --- */

static void undo_tell_all(struct engine *engine, uint32_t count, struct str reason)
{
    struct event event = {.type = EVENT_RUN_COMPENSATING, .count = count, .reason = reason};

    recorder_emit(engine->recorder, &event);
}

static void undo_take_all(struct engine *engine)
{
    struct engine_undo *undo = &engine->undo;
    void *ctx = engine->world.ctx;
    struct inst_id nobody = {PLAN_NONE};

    if (!undo->ends) {
        if (engine->world.effects(ctx, false) == 0) {
            return;
        }
        undo->ends = true;
        undo_tell_all(engine, engine->world.effects(ctx, false),
                      engine->outcome.cancelled ? STR("the run was cancelled")
                                                : STR("the run failed"));
        engine_act_later(engine, ACT_CONDEMN, nobody, 0);
    }
    if (engine->signals_seen == 0 && engine->world.effect_next(ctx, false, &undo->effect)) {
        undo_begin(engine, nobody);
    }
}

static void undo_take_inherited(struct engine *engine)
{
    struct engine_undo *undo = &engine->undo;
    struct inst_id nobody = {PLAN_NONE};
    void *ctx = engine->world.ctx;

    if (!undo->told) {
        undo->told = true;
        undo_tell_all(engine, engine->world.effects(ctx, true),
                      STR("an earlier run was to undo them"));
    }
    undo->inherited =
        engine->signals_seen == 0 && engine->world.effect_next(ctx, true, &undo->effect);
    if (undo->inherited) {
        undo_begin(engine, nobody);
    }
}

void engine_undo_turn(struct engine *engine)
{
    struct engine_undo *undo = &engine->undo;

    if (engine->world.effects == NULL) {
        return;
    }
    if (undo->state == UNDO_WAITS && engine->signals_seen != 0) {
        undo->state = UNDO_IDLE;
    }
    if (undo->state == UNDO_WAITS && engine_now(engine) >= undo->due_ns) {
        undo_call(engine);
    }
    if (undo->state == UNDO_IDLE && undo->inherited) {
        undo_take_inherited(engine);
    }
    while (undo->state == UNDO_IDLE && undo->woken.n == PLAN_NONE && undo_has_before(engine) &&
           engine_may_start(engine)) {
        undo_take_before(engine);
    }
    if (undo->state == UNDO_IDLE && engine_work_is_over(engine) && undo_is_due(engine)) {
        undo_take_all(engine);
    }
}
