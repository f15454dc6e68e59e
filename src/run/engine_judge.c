/* Owns the judgement of what ended well: after its result is on record, before anybody may read it.
 *
 * What is judged later, by commands, has ended but is not handed on: its consumers wait, its slots
 * are free, what it put aside lies there still. */
#include "run/engine_turn.h"

#include "run/judge.h"

enum { JUDGING = 1, JUDGED_CHANGED = 2, JUDGED_ATTEMPT = 4 }; /* engine->judging, by instance */

static void judge_tell(struct engine *engine, struct inst_id instance,
                       const struct judgement *judgement)
{
    for (uint32_t i = 0; i < judgement->count; i++) {
        const struct judge_row *row = &judgement->rows[i];
        struct event event = engine_event(engine, check_event(row->kind, row->weight), instance);

        event.reason = row->reason;
        event.check = row->name;
        event.expression = row->expression;
        event.wanted = row->wanted;
        event.metrics = row->values;
        recorder_emit(engine->recorder, &event);
    }
}

static void judge_refuse(struct engine *engine, struct inst_id instance, struct str attempt_id,
                         const struct judgement *judgement)
{
    struct event event = engine_event(engine, EVENT_INSTANCE_REFUSED, instance);

    event.attempt_id = attempt_id;
    event.cause = str_of(cause_name(judgement->cause));
    event.reason = judgement->reason;
    event.metrics = judgement->metrics;
    event.place = engine->world.place != NULL
                      ? engine->world.place(engine->world.ctx, instance, &engine->recorder->turn)
                      : STR("");
    recorder_emit(engine->recorder, &event);
    engine_act_later(engine, ACT_REFUSE, instance, 0);
    engine_failed(engine, instance, judgement->cause, cause_status(judgement->cause));
}

static void judge_pass(struct engine *engine, struct inst_id instance, struct str attempt_id,
                       unsigned flags, const struct judgement *judgement)
{
    struct event event = engine_event(engine, EVENT_CHECKS_PASSED, instance);

    if ((flags & JUDGED_ATTEMPT) != 0) {
        event.attempt_id = attempt_id;
        event.checks = judgement->checks;
        recorder_emit(engine->recorder, &event);
        engine->world.passed(engine->world.ctx, instance);
        engine_act_later(engine, ACT_ACCEPT, instance, 0);
    }
    engine_ended(engine, instance, (flags & JUDGED_CHANGED) != 0);
}

static void judge_now(struct engine *engine, struct inst_id instance, unsigned flags)
{
    struct arena *turn = &engine->recorder->turn;
    struct str attempt_id = STR("");
    struct judgement judgement;

    engine->world.judge(engine->world.ctx, instance, turn, &judgement);
    if (judgement.later) {
        engine->judging[instance.n] = (uint8_t)(flags | JUDGING);
        engine->judging_count++;
        engine_act_later(engine, ACT_JUDGE, instance, 0);
        return;
    }
    if ((flags & JUDGED_ATTEMPT) != 0) {
        attempt_id = engine->recorder->state.instances[instance.n].attempt_id;
    }
    judge_tell(engine, instance, &judgement);
    if (judgement.refused) {
        judge_refuse(engine, instance, attempt_id, &judgement);
    } else {
        judge_pass(engine, instance, attempt_id, flags, &judgement);
    }
}

void engine_ask_checks(struct engine *engine, struct inst_id instance, bool changed, bool attempt)
{
    if (engine->plan->instances[instance.n].checked && engine->world.judge != NULL) {
        judge_now(engine, instance,
                  (changed ? JUDGED_CHANGED : 0u) | (attempt ? JUDGED_ATTEMPT : 0u));
        return;
    }
    if (attempt) {
        engine_act_later(engine, ACT_ACCEPT, instance, 0);
    }
    engine_ended(engine, instance, changed);
}

void engine_refuse_known(struct engine *engine, struct inst_id instance)
{
    struct judgement judgement;

    engine->world.judge(engine->world.ctx, instance, &engine->recorder->turn, &judgement);
    judge_tell(engine, instance, &judgement);
    judge_refuse(engine, instance, STR(""), &judgement);
}

void engine_tell_warnings(struct engine *engine, struct inst_id instance)
{
    struct judgement judgement;

    if (!engine->plan->instances[instance.n].checked || engine->world.warned == NULL ||
        !engine->world.warned(engine->world.ctx, instance)) {
        return;
    }
    engine->world.judge(engine->world.ctx, instance, &engine->recorder->turn, &judgement);
    judge_tell(engine, instance, &judgement);
}

/* A command could not judge: the run is ended, or the world broke. What was made is as if it were
 * refused, and the next run judges it. */
static void judge_give_up(struct engine *engine, struct inst_id instance, struct str reason)
{
    struct event event = engine_event(engine, EVENT_INSTANCE_REOPENED, instance);

    event.reason = reason.len != 0 ? reason : STR("its checks were not asked to the end");
    recorder_emit(engine->recorder, &event);
    engine_act_later(engine, ACT_REFUSE, instance, 0);
    engine->world.made_nothing(engine->world.ctx, instance, false, false);
}

void engine_take_judged(struct engine *engine, const struct note *note)
{
    unsigned flags = engine->judging[note->instance.n];

    engine->judging[note->instance.n] = 0;
    engine->judging_count--;
    if (note->cause == CAUSE_NONE) {
        judge_now(engine, note->instance, flags & ~(unsigned)JUDGING);
    } else {
        judge_give_up(engine, note->instance, note->event.reason);
    }
}

void engine_end_judging(struct engine *engine)
{
    if (engine->judging_count != 0) {
        engine->world.end_judging(engine->world.ctx);
    }
}
