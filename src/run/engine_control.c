/* Owns what the engine does about requests: policy/control decides, the decision is recorded, acts
 * follow, and who asked is answered at the end of the turn.
 *
 * While a run pauses nothing new starts: engine_admit asks engine_may_start. Time in which an
 * attempt is frozen moves its own limits, time in which the run is paused those of the run; whoever
 * adds a moment that waits (a delay, an end of something) moves it in control_move_times. */
#include <signal.h>

#include "base/mem.h"
#include "run/engine_turn.h"

bool engine_may_start(const struct engine *engine)
{
    enum run_status status = engine->recorder->state.status;

    return engine->stop == ENGINE_GOES && !engine->undo.inherited &&
           (status == RUN_RUNNING || (status == RUN_PAUSING && engine_must_end(engine)));
}

bool engine_is_paused(const struct engine *engine)
{
    return engine->recorder->state.status == RUN_PAUSED;
}

/* --- attempts --- */

static void control_freeze(struct engine *engine, struct engine_live *live, int64_t now_ns)
{
    if (!live->exited && !live->frozen && !live->told_to_end) {
        live->frozen = true;
        live->frozen_at_ns = now_ns;
        engine_act_later(engine, ACT_SIGNAL, live->instance, SIGSTOP);
    }
}

void engine_thaw(struct engine *engine, struct engine_live *live, int64_t now_ns)
{
    if (live->frozen) {
        live->frozen = false;
        live->term_at_ns = control_later(live->term_at_ns, live->frozen_at_ns, now_ns);
        live->slow_at_ns = control_later(live->slow_at_ns, live->frozen_at_ns, now_ns);
        engine_thaw_progress(live, now_ns);
        engine_act_later(engine, ACT_SIGNAL, live->instance, SIGCONT);
    }
}

static void control_quiet(struct engine *engine, struct engine_live *live, bool now, int64_t now_ns)
{
    const struct plan_instance *inst = &engine->plan->instances[live->instance.n];

    switch (control_deed((enum plan_on_pause)inst->on_pause, now)) {
    case CONTROL_LET_END:
        break;
    case CONTROL_FREEZE:
        control_freeze(engine, live, now_ns);
        break;
    case CONTROL_STOP:
        if (!live->frozen) {
            engine_end_live(engine, live, CONTROL_STOP_PAUSE, now_ns);
        }
        break;
    }
}

/* --- the run --- */

static void control_record(struct engine *engine, enum event_type type, const struct note *note)
{
    struct event event = note->event;

    event.type = type;
    event.running = engine->schedule.running;
    event.ready = engine->schedule.ready;
    event.limit = engine->schedule.limit;
    recorder_emit(engine->recorder, &event);
}

static void control_move_times(struct engine *engine, int64_t from_ns, int64_t to_ns)
{
    engine->deadline_ns = control_later(engine->deadline_ns, from_ns, to_ns);
    engine_move_due(engine, from_ns, to_ns);
}

static void control_pause(struct engine *engine, const struct note *note)
{
    int64_t now_ns = engine_now(engine);

    control_record(engine, EVENT_RUN_PAUSING, note);
    engine->frozen |= note->now;
    for (uint32_t i = 0; i < engine->live_count; i++) {
        control_quiet(engine, &engine->live[i], note->now, now_ns);
    }
}

static void control_go_on(struct engine *engine, const struct note *note)
{
    int64_t now_ns = engine_now(engine);

    if (engine_is_paused(engine)) {
        control_move_times(engine, engine->paused_at_ns, now_ns);
    }
    control_record(engine, EVENT_RUN_CONTINUED, note);
    engine->frozen = false;
    for (uint32_t i = 0; i < engine->live_count; i++) {
        engine_thaw(engine, &engine->live[i], now_ns);
    }
}

static void control_cancel(struct engine *engine, const struct note *note)
{
    struct str reason =
        str_printf(&engine->recorder->turn, "cancelled by %.*s%s%.*s", STR_ARG(note->event.user),
                   note->event.reason.len != 0 ? ": " : "", STR_ARG(note->event.reason));

    control_record(engine, EVENT_RUN_CANCELLING, note);
    engine->outcome.cancelled = true;
    engine_stop(engine, note->now ? ENGINE_KILLS : ENGINE_ENDS, 0, reason);
}

static void control_do(struct engine *engine, const struct note *note)
{
    switch (note->ask) {
    case CONTROL_PAUSE:
        control_pause(engine, note);
        break;
    case CONTROL_RESUME:
        control_go_on(engine, note);
        break;
    case CONTROL_CANCEL:
        control_cancel(engine, note);
        break;
    case CONTROL_STATE:
    case CONTROL_STOPPING:
    case CONTROL_CHECKPOINT:
    case CONTROL_ASK_COUNT:
        break;
    }
}

/* --- requests --- */

static void control_answer_later(struct engine *engine, const struct engine_answer *answer)
{
    if (engine->answer_count == engine->answer_cap) {
        engine->answer_cap = engine->answer_cap * 2 + 4;
        engine->answers =
            mem_realloc(engine->answers, engine->answer_cap, sizeof(*engine->answers));
    }
    engine->answers[engine->answer_count++] = *answer;
}

static void control_look_at(const struct engine *engine, struct inst_id instance,
                            struct engine_answer *answer)
{
    int64_t now_ns = engine_now(engine);

    for (uint32_t i = 0; i < engine->live_count; i++) {
        const struct engine_live *live = &engine->live[i];

        if (live->instance.n == instance.n) {
            answer->stop = live->why;
            answer->left_ns = live->kill_at_ns > now_ns && live->kill_at_ns != INT64_MAX
                                  ? live->kill_at_ns - now_ns
                                  : 0;
        }
    }
}

/* Too late for a request. A run that paused before it came to its effects can go on behind them. */
static bool control_is_ending(const struct engine *engine, const struct note *note)
{
    bool runs = engine->recorder->state.status == RUN_RUNNING;

    if (note->ask == CONTROL_CANCEL && note->now && engine->last_part &&
        engine->outcome.signal == 0) {
        return false;
    }
    return engine_must_end(engine) || (engine->undo.ends && (runs || note->ask == CONTROL_CANCEL));
}

void engine_take_asked(struct engine *engine, const struct note *note)
{
    struct control_facts facts = {
        .status = engine->recorder->state.status,
        .frozen = engine->frozen,
        .ending = control_is_ending(engine, note) && !engine->outcome.cancelled,
        .cancelled = engine->outcome.cancelled,
        .killed = engine->stop == ENGINE_KILLS,
    };
    struct engine_answer answer = {.ticket = note->ticket, .reason = ""};

    answer.verdict = control_decide(&facts, note->ask, note->now, &answer.reason);
    if (note->ask == CONTROL_STOPPING) {
        control_look_at(engine, note->instance, &answer);
    }
    if (answer.verdict == CONTROL_DO) {
        control_do(engine, note);
    }
    control_answer_later(engine, &answer);
}

void engine_settle_pause(struct engine *engine)
{
    struct event event = {.type = EVENT_RUN_PAUSED,
                          .running = engine->schedule.running,
                          .ready = engine->schedule.ready,
                          .limit = engine->schedule.limit};

    if (engine->recorder->state.status != RUN_PAUSING || engine_must_end(engine) ||
        engine->restoring != 0 || engine->again_count != 0 || engine->recovery_count != 0 ||
        engine->undo.state != UNDO_IDLE || engine->world.has_note(engine->world.ctx) ||
        engine_is_over(engine)) {
        return;
    }
    for (uint32_t i = 0; i < engine->live_count; i++) {
        if (engine->live[i].exited || !engine->live[i].frozen) {
            return;
        }
    }
    engine->paused_at_ns = engine_now(engine);
    recorder_emit(engine->recorder, &event);
}

void engine_answer(struct engine *engine)
{
    for (uint32_t i = 0; i < engine->answer_count; i++) {
        engine->world.answer(engine->world.ctx, &engine->answers[i]);
    }
    engine->answer_count = 0;
}
