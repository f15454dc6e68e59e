/* Owns the loop and the bookkeeping around it. What makes an instance ready or done is in
 * engine_spread.c; ends, signals and time are here. */
#include "run/engine_turn.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "policy/retry.h"

uint32_t engine_work(const struct decide *decide)
{
    uint32_t work = 0;

    for (uint32_t i = 0; i < decide->plan->instance_count; i++) {
        work += decide->scope[i] && decide->action[i] != DECIDE_NOTHING &&
                decide->action[i] != DECIDE_END_SKIPPED;
    }
    return work;
}

void engine_init(struct engine *engine, const struct decide *decide,
                 const struct engine_world *world, const struct engine_options *options,
                 struct recorder *recorder)
{
    const struct plan *plan = decide->plan;
    uint32_t count = plan->instance_count;

    *engine = (struct engine){.plan = plan,
                              .world = *world,
                              .options = *options,
                              .recorder = recorder,
                              .decide = *decide,
                              .deadline_ns = INT64_MAX};
    if (options->timeout_ns != 0) {
        engine->deadline_ns = world->now_ns(world->ctx) + options->timeout_ns;
    }
    schedule_init(&engine->schedule, plan, options->duration_ns, options->jobs,
                  options->memory_limit_bytes);
    engine_adapt_init(engine);
    engine_retry_init(engine);
    engine_undo_init(engine);
    engine->ready = mem_calloc(count, sizeof(*engine->ready));
    engine->blocked = mem_calloc(count, sizeof(*engine->blocked));
    engine->batched = mem_calloc(count, sizeof(*engine->batched));
    engine->batch = mem_calloc(count, 1);
    engine->unsettled = mem_calloc(count, 1);
    engine->returning = mem_calloc(count, 1);
    engine->judging = mem_calloc(count, 1);
    engine->brought_back = mem_calloc(count, 1);
    engine->held = mem_calloc(count, sizeof(*engine->held));
    engine->again = mem_calloc(count, sizeof(*engine->again));
    engine->uses_left = mem_calloc(count, sizeof(*engine->uses_left));
    engine->released = mem_calloc(count, 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct plan_instance *inst = &plan->instances[i];

        for (uint32_t p = 0; engine->decide.scope[i] && p < inst->producer_count; p++) {
            engine->uses_left[plan->edges[inst->producers_first + p].n]++;
        }
    }
    engine_always_init(engine);
    engine_leave_again(engine);
}

void engine_fini(struct engine *engine)
{
    engine_retry_fini(engine);
    engine_undo_fini(engine);
    schedule_fini(&engine->schedule);
    decide_fini(&engine->decide);
    free(engine->live);
    free(engine->answers);
    free(engine->acts);
    free(engine->queue);
    free(engine->ready);
    free(engine->blocked);
    free(engine->batched);
    free(engine->batch);
    free(engine->unsettled);
    free(engine->returning);
    free(engine->judging);
    free(engine->brought_back);
    free(engine->held);
    free(engine->again);
    free(engine->uses_left);
    free(engine->always);
    free(engine->released);
}

/* --- small things the turn's parts share --- */

struct event engine_event(const struct engine *engine, enum event_type type,
                          struct inst_id instance)
{
    const struct plan_instance *inst = &engine->plan->instances[instance.n];

    return (struct event){.type = type,
                          .number = instance.n,
                          .instance = inst->name,
                          .stage = engine->plan->stages[inst->stage.n].name,
                          .running = engine->schedule.running,
                          .ready = engine->schedule.ready,
                          .limit = engine->schedule.limit};
}

enum inst_state engine_state(const struct engine *engine, struct inst_id instance)
{
    return engine->recorder->state.instances[instance.n].state;
}

void engine_act_later(struct engine *engine, int kind, struct inst_id instance, int signal)
{
    if (engine->act_count == engine->act_cap) {
        engine->act_cap = engine->act_cap * 2 + 16;
        engine->acts = mem_realloc(engine->acts, engine->act_cap, sizeof(*engine->acts));
    }
    engine->acts[engine->act_count].kind = kind;
    engine->acts[engine->act_count].instance = instance;
    engine->acts[engine->act_count++].signal = signal;
}

static struct engine_live *engine_live_of(struct engine *engine, struct inst_id instance)
{
    for (uint32_t i = 0; i < engine->live_count; i++) {
        if (engine->live[i].instance.n == instance.n) {
            return &engine->live[i];
        }
    }
    return NULL;
}

int64_t engine_now(const struct engine *engine)
{
    return engine->world.now_ns(engine->world.ctx);
}

/* --- notes --- */

static void engine_take_exited(struct engine *engine, const struct note *note)
{
    struct engine_live *live = engine_live_of(engine, note->instance);

    assert(live != NULL && !live->exited);
    live->exited = true;
    schedule_release(&engine->schedule, note->instance);
}

/* What an end means when pawl had a hand in it: a timeout, a pause, or the end of the run. */
static enum cause engine_judge(const struct engine *engine, const struct engine_live *live,
                               enum cause cause)
{
    if (cause == CAUSE_NONE) {
        return CAUSE_NONE;
    }
    if (live->timed_out) {
        return CAUSE_TIMEOUT;
    }
    if (live->why == CONTROL_STOP_PAUSE && engine->stop < ENGINE_ENDS &&
        (cause == CAUSE_EXIT || cause == CAUSE_SIGNAL || cause == CAUSE_CANCELLED)) {
        return CAUSE_PAUSED;
    }
    if (cause != CAUSE_EXIT && cause != CAUSE_SIGNAL) {
        return cause;
    }
    return live->told_to_end || engine->stop >= ENGINE_ENDS ? CAUSE_CANCELLED : cause;
}

/* An attempt whose inputs changed meanwhile is made again at once, once, if it was short. */
static bool engine_may_rerun(struct engine *engine, const struct note *note)
{
    enum { SHORT_ATTEMPT_S = 60 };

    return note->cause == CAUSE_UNSETTLED && !engine->unsettled[note->instance.n] &&
           engine->stop == ENGINE_GOES && note->event.wall_ns < SHORT_ATTEMPT_S * NS_PER_SEC;
}

static enum inst_state engine_end_state(enum cause cause)
{
    switch (cause) {
    case CAUSE_NONE:
        return INST_DONE;
    case CAUSE_UNSETTLED:
        return INST_UNSETTLED;
    case CAUSE_CANCELLED:
        return INST_CANCELLED;
    case CAUSE_PAUSED:
        return INST_READY;
    case CAUSE_EXIT:
    case CAUSE_SIGNAL:
    case CAUSE_TIMEOUT:
    case CAUSE_OOM:
    case CAUSE_NOT_FOUND:
    case CAUSE_ENVIRONMENT:
    case CAUSE_OUTPUT:
    case CAUSE_INPUT:
    case CAUSE_CORRUPT:
    case CAUSE_BREAKER:
    case CAUSE_GATE:
    case CAUSE_VALIDATION:
    case CAUSE_COMPENSATION:
    case CAUSE_TRANSIENT:
    case CAUSE_COUNT:
        break;
    }
    return INST_FAILED;
}

static enum status engine_end_status(const struct engine *engine, struct inst_id instance,
                                     enum cause cause, int64_t exit_code)
{
    const struct plan_instance *inst = &engine->plan->instances[instance.n];
    uint32_t retry =
        inst->stream != 0 ? engine->plan->streams[inst->stream - 1].retry : inst->retry;

    return retry != 0 ? retry_status(&engine->plan->retries[retry], cause, exit_code)
                      : cause_status(cause);
}

static void engine_drop_live(struct engine *engine, struct engine_live *live)
{
    *live = engine->live[--engine->live_count];
}

static void engine_take_ended(struct engine *engine, struct note *note)
{
    struct engine_live *live = engine_live_of(engine, note->instance);
    struct engine_live ended;
    struct event event = note->event;
    struct event frame = engine_event(engine, EVENT_ATTEMPT_FINISHED, note->instance);
    enum cause cause;
    bool rerun, retry, leave;

    assert(live != NULL);
    if (!live->exited) {
        engine_take_exited(engine, note);
    }
    cause = engine_judge(engine, live, note->cause);
    rerun = engine_may_rerun(engine, note);
    engine_call_ended(engine, live, note, cause);
    retry = !rerun && engine_may_retry(engine, note, cause);
    leave = !rerun && !retry && engine_may_leave(engine, note->instance, cause);
    ended = *live;
    engine_drop_live(engine, live);
    event.type = EVENT_ATTEMPT_FINISHED;
    event.number = frame.number;
    event.instance = frame.instance;
    event.stage = frame.stage;
    event.running = engine->schedule.running;
    event.ready = engine->schedule.ready;
    event.limit = engine->schedule.limit;
    schedule_saw_peak(&engine->schedule, note->instance, (uint64_t)event.max_rss_bytes);
    event.cause = str_of(cause_name(cause));
    event.variant = engine_variant(engine, note->instance);
    event.state = str_of(inst_state_name(rerun || leave ? INST_READY
                                         : retry        ? INST_WAITING
                                                        : engine_end_state(cause)));
    if (cause == CAUSE_TIMEOUT) {
        event.reason = STR("it took longer than its timeout");
    }
    recorder_emit(engine->recorder, &event);
    engine_watch_ended(engine, &ended);
    if (cause == CAUSE_NONE) {
        engine_ask_checks(engine, note->instance, note->changed, true);
        return;
    }
    engine_act_later(engine, ACT_REJECT, note->instance, 0);
    if (leave) {
        engine_leave_failed(engine, note->instance, cause, event.reason);
    } else if (rerun || cause == CAUSE_PAUSED) {
        engine->unsettled[note->instance.n] |= rerun;
        engine->again[engine->again_count++] = note->instance;
    } else if (retry) {
        engine_retry_later(engine, note, cause, event.reason);
    } else {
        engine_failed(engine, note->instance, cause,
                      engine_end_status(engine, note->instance, cause, event.exit_code));
    }
}

static void engine_take_restored(struct engine *engine, struct note *note)
{
    struct event event = note->event;
    struct event frame = engine_event(engine, EVENT_INSTANCE_RESTORED, note->instance);

    engine->restoring--;
    engine->returning[note->instance.n] = 0;
    event.number = frame.number;
    event.instance = frame.instance;
    event.stage = frame.stage;
    if (note->cause == CAUSE_NONE) {
        event.type = EVENT_INSTANCE_RESTORED;
        recorder_emit(engine->recorder, &event);
        engine_ask_checks(engine, note->instance, false, false);
        return;
    }
    /* What the store gave is damaged or cannot be written. A damaged object was set aside, so that
     * looking again makes its producer run. */
    if (note->cause == CAUSE_CORRUPT && !engine->unsettled[note->instance.n]) {
        struct event warning = engine_event(engine, EVENT_WARNING, note->instance);

        warning.reason = event.reason;
        recorder_emit(engine->recorder, &warning);
        engine->unsettled[note->instance.n] = 1;
        if (engine->decide.waiting[note->instance.n] == 0) {
            engine_settle(engine, note->instance);
        }
        return;
    }
    event.type = EVENT_INSTANCE_ENDED;
    event.cause = str_of(cause_name(note->cause));
    recorder_emit(engine->recorder, &event);
    engine_failed(engine, note->instance, note->cause, cause_status(note->cause));
}

/* Only now: the turn that ended the last attempt has also put back what was there before it. */
static void engine_take_again(struct engine *engine)
{
    for (uint32_t i = 0; i < engine->again_count; i++) {
        /* Else it is decided when the producer that came back has ended. */
        if (engine_may_settle(engine, engine->again[i])) {
            engine_settle(engine, engine->again[i]);
        }
    }
    engine->again_count = 0;
}

static void engine_take_notes(struct engine *engine)
{
    struct note note;

    engine_take_again(engine);
    engine_take_due(engine);
    engine_undo_wake(engine);
    while (engine->world.next_note(engine->world.ctx, &note)) {
        switch (note.kind) {
        case NOTE_EXITED:
            engine_take_exited(engine, &note);
            break;
        case NOTE_ENDED:
            engine_take_ended(engine, &note);
            break;
        case NOTE_RESTORED:
            engine_take_restored(engine, &note);
            break;
        case NOTE_JUDGED:
            engine_take_judged(engine, &note);
            break;
        case NOTE_SIGNAL:
            engine_take_signal(engine, note.signal);
            break;
        case NOTE_ASKED:
            engine_take_asked(engine, &note);
            break;
        case NOTE_RECOVERED:
            engine_take_recovered(engine, &note);
            break;
        case NOTE_PROGRESS:
            engine_take_progress(engine, engine_live_of(engine, note.instance), &note);
            break;
        case NOTE_BREAKER:
            engine_take_breaker(engine, &note);
            break;
        case NOTE_UNDONE:
            engine_take_undone(engine, &note);
            break;
        case NOTE_BROKEN:
            engine_take_broken(engine, &note);
            break;
        }
    }
    engine_take_time(engine);
    engine_release_held(engine);
    engine_spread(engine);
    engine_undo_turn(engine);
    engine_always_go_on(engine);
    engine_settle_pause(engine);
}

/* --- admitting --- */

static void engine_admit_one(struct engine *engine, struct inst_id instance)
{
    const struct plan_instance *inst = &engine->plan->instances[instance.n];
    const struct inst_status *status = &engine->recorder->state.instances[instance.n];
    struct event event = engine_event(engine, EVENT_ATTEMPT_STARTED, instance);
    int64_t now_ns = engine_now(engine);

    event.attempt = status->attempts + 1;
    event.ready_at_ns = status->ready_at_ns;
    event.admitted_at_ns = clock_real_ns(engine->recorder->session->clock);
    event.cpus = engine_granted_slots(engine, instance);
    event.variant = engine_variant(engine, instance);
    event.memory_bytes = (int64_t)schedule_granted_memory(&engine->schedule, instance);
    engine->world.describe(engine->world.ctx, instance, status->attempts + 1u, (uint32_t)event.cpus,
                           &engine->recorder->turn, &event);
    recorder_emit(engine->recorder, &event);
    if (engine->live_count == engine->live_cap) {
        engine->live_cap = engine->live_cap * 2 + 8;
        engine->live = mem_realloc(engine->live, engine->live_cap, sizeof(*engine->live));
    }
    engine->live[engine->live_count++] = (struct engine_live){
        .instance = instance,
        .started_ns = now_ns,
        .term_at_ns = inst->timeout_ns != 0 ? now_ns + inst->timeout_ns : INT64_MAX,
        .kill_at_ns = INT64_MAX};
    engine_call_begins(engine, &engine->live[engine->live_count - 1]);
    engine_watch_live(engine, &engine->live[engine->live_count - 1]);
    engine_act_later(engine, ACT_START, instance, 0);
}

/* Its last attempt ended in this very turn, and what that left is not settled before the turn's
 * acts: what it made was gone, or could not be looked at, when its consumers were decided on. */
static bool engine_is_closing(const struct engine *engine, struct inst_id instance)
{
    for (uint32_t i = 0; i < engine->act_count; i++) {
        const struct engine_act *act = &engine->acts[i];

        if (act->instance.n == instance.n &&
            (act->kind == ACT_ACCEPT || act->kind == ACT_REJECT || act->kind == ACT_REFUSE)) {
            return true;
        }
    }
    return false;
}

static void engine_admit(struct engine *engine)
{
    struct inst_id instance;

    enum { UNCOMMITTED_MAX = 64 };

    /* Commands that ended and are not committed yet hold memory: a store that is slower than they
     * are holds them back. */
    engine->closing = false;
    while (engine_may_start(engine) &&
           engine->live_count < engine->schedule.running + UNCOMMITTED_MAX &&
           schedule_peek(&engine->schedule, &instance) == SCHEDULE_ADMITTED) {
        engine->closing = engine->recorder->state.instances[instance.n].attempts != 0 &&
                          engine_is_closing(engine, instance);
        if (engine->closing) {
            break;
        }
        if (!engine_undo_lets(engine, instance) || !engine_may_call(engine, instance)) {
            continue;
        }
        if (!engine_take_tokens(engine, instance)) {
            break;
        }
        schedule_next(&engine->schedule, &instance);
        engine_admit_one(engine, instance);
    }
    engine_settle_tokens(engine);
}

static void engine_act(struct engine *engine)
{
    void *ctx = engine->world.ctx;

    for (uint32_t i = 0; i < engine->act_count; i++) {
        struct engine_act act = engine->acts[i];

        switch (act.kind) {
        case ACT_START:
            engine->world.start(ctx, act.instance);
            break;
        case ACT_SIGNAL:
            engine->world.signal(ctx, act.instance, act.signal);
            break;
        case ACT_RESTORE:
            engine->world.restore(ctx, act.instance);
            break;
        case ACT_ACCEPT:
            engine->world.accept(ctx, act.instance);
            break;
        case ACT_REJECT:
            engine->world.reject(ctx, act.instance);
            break;
        case ACT_RECOVER:
            engine_recover(engine, act.instance);
            break;
        case ACT_BREAKERS:
            engine->world.breakers_moved(ctx);
            break;
        case ACT_CONDEMN:
        case ACT_UNDO:
        case ACT_UNDONE:
            engine_undo_act(engine, (int)act.kind);
            break;
        case ACT_JUDGE:
            engine->world.run_checks(ctx, act.instance);
            break;
        case ACT_REFUSE:
            engine->world.refuse(ctx, act.instance);
            break;
        case ACT_CONSUMED:
            /* Somebody may have come back to it in this turn. */
            if (engine->uses_left[act.instance.n] == 0) {
                engine->world.consumed(ctx, act.instance);
            }
            break;
        }
    }
    engine->act_count = 0;
}

/* --- the end --- */

bool engine_work_is_over(const struct engine *engine)
{
    if (engine->live_count != 0 || engine_undo_works(engine) || engine->restoring != 0 ||
        engine->judging_count != 0 || engine->recovery_count != 0 ||
        engine->world.has_note(engine->world.ctx)) {
        return false;
    }
    return engine->stop != ENGINE_GOES ||
           (engine->schedule.ready == 0 && engine->again_count == 0 && !engine_waits(engine));
}

bool engine_is_over(const struct engine *engine)
{
    return engine_work_is_over(engine) && engine_undo_is_over(engine);
}

void engine_cancel_rest(struct engine *engine, bool but_always)
{
    struct event event = {.type = EVENT_INSTANCES_CANCELLED, .reason = STR("the run ended before")};

    for (uint32_t i = 0; i < engine->plan->instance_count; i++) {
        enum inst_state state = engine_state(engine, (struct inst_id){i});

        if (engine->decide.scope[i] && !inst_state_is_final(state) &&
            !(but_always && engine->plan->instances[i].always)) {
            if (engine->stop == ENGINE_GOES) {
                bug("instance '%.*s' is left %s", STR_ARG(engine->plan->instances[i].name),
                    inst_state_name(state));
            }
            event_ids_add(&event.ids, &engine->recorder->turn, i);
            event.count++;
        }
    }
    if (event.count != 0) {
        recorder_emit(engine->recorder, &event);
    }
}

static bool engine_turn(struct engine *engine, struct err *err)
{
    engine_adapt(engine);
    engine_watch(engine);
    engine_admit(engine);
    engine->waits = schedule_waits_for_slot(&engine->schedule);
    if (!recorder_flush(engine->recorder, err)) {
        return false;
    }
    engine_act(engine);
    recorder_tell(engine->recorder);
    engine_answer(engine);
    return true;
}

/* What the last part begins with starts at once: nobody would wake us. */
static bool engine_take_turn(struct engine *engine, struct err *err)
{
    int64_t deadline_ns, tick_ns;

    if (!engine->begins) {
        deadline_ns = engine_next_time(engine);
        tick_ns = recorder_tick(engine->recorder, engine_now(engine));
        if (!engine->world.wait(engine->world.ctx, tick_ns < deadline_ns ? tick_ns : deadline_ns,
                                err)) {
            return false;
        }
        engine_take_notes(engine);
    }
    engine->begins = false;
    return engine_turn(engine, err);
}

/* The record cannot be written any more: what runs is ended, nothing is told. */
static void engine_abort(struct engine *engine)
{
    for (uint32_t i = 0; i < engine->live_count; i++) {
        if (!engine->live[i].exited) {
            engine->world.signal(engine->world.ctx, engine->live[i].instance, SIGKILL);
        }
    }
}

int engine_run(struct engine *engine, struct err *err)
{
    engine_start_spread(engine);
    if (!engine_turn(engine, err)) {
        engine_abort(engine);
        return err->status;
    }
    while (!engine_is_over(engine) || engine_always_takes_over(engine)) {
        if (!engine_take_turn(engine, err)) {
            engine_abort(engine);
            return err->status;
        }
    }
    engine_cancel_rest(engine, false);
    return outcome_status(&engine->outcome);
}
