/* Owns how a run comes to an early end: signals, time limits, a world that breaks. Nothing is ended
 * here: what runs is told to by acts, and its end comes back as a note. */
#include <signal.h>
#include <string.h>

#include "run/engine_turn.h"

void engine_end_live(struct engine *engine, struct engine_live *live, enum control_stop why,
                     int64_t now_ns)
{
    if (!live->exited && !live->told_to_end) {
        live->told_to_end = true;
        live->why = why;
        live->kill_at_ns = now_ns + engine->plan->instances[live->instance.n].grace_ns;
        engine_act_later(engine, ACT_SIGNAL, live->instance, SIGTERM);
        engine_thaw(engine, live, now_ns);
    }
}

void engine_stop(struct engine *engine, enum engine_stop how, int signal, struct str reason)
{
    int64_t now_ns = engine_now(engine);
    enum control_stop why = (engine->outcome.seen >> STATUS_TIMEOUT & 1) != 0 && signal == 0 &&
                                    !engine->outcome.cancelled
                                ? CONTROL_STOP_TIMEOUT
                                : CONTROL_STOP_CANCEL;
    struct event event = {.type = EVENT_STOPPING,
                          .reason = reason,
                          .signal = signal,
                          .running = engine->schedule.running,
                          .ready = engine->schedule.ready,
                          .limit = engine->schedule.limit};

    if (engine->last_part && how < ENGINE_KILLS && engine->broken.status == 0) {
        if (how == ENGINE_ENDS) {
            engine_let_last_part_end(engine, signal, reason);
        }
        return;
    }
    if (how <= engine->stop) {
        return;
    }
    engine->stop = how;
    recorder_emit(engine->recorder, &event);
    if (how >= ENGINE_ENDS) {
        engine_end_judging(engine);
        engine_end_recovering(engine);
    }
    if (how == ENGINE_KILLS) {
        engine_undo_kill(engine);
    }
    for (uint32_t i = 0; i < engine->live_count; i++) {
        if (how == ENGINE_ENDS) {
            engine_end_live(engine, &engine->live[i], why, now_ns);
        } else if (how == ENGINE_KILLS && !engine->live[i].exited) {
            engine_act_later(engine, ACT_SIGNAL, engine->live[i].instance, SIGKILL);
        }
    }
}

void engine_take_signal(struct engine *engine, int signal)
{
    struct str reason =
        str_printf(&engine->recorder->turn, "signal %d (%s)", signal, strsignal(signal));

    engine->signals_seen++;
    if (engine->outcome.signal == 0 && !engine->outcome.cancelled) {
        engine->outcome.signal = signal;
    }
    engine_stop(engine, engine->signals_seen == 1 ? ENGINE_ENDS : ENGINE_KILLS, signal, reason);
}

void engine_take_broken(struct engine *engine, const struct note *note)
{
    if (engine->broken.status == 0) {
        err_set(&engine->broken, (enum status)note->event.status, "%.*s",
                STR_ARG(note->event.reason));
    }
    outcome_add(&engine->outcome, (enum status)note->event.status);
    engine_stop(engine, ENGINE_ENDS, 0, note->event.reason);
}

/* Timeouts of attempts and of the run, and the grace between TERM and KILL. */
void engine_take_time(struct engine *engine)
{
    int64_t now_ns = engine_now(engine);

    if (now_ns >= engine->deadline_ns && engine->stop < ENGINE_ENDS && !engine_is_paused(engine)) {
        outcome_add(&engine->outcome, STATUS_TIMEOUT);
        engine_stop(engine, ENGINE_ENDS, 0, STR("the run took longer than pipeline.timeout"));
    }
    for (uint32_t i = 0; i < engine->live_count; i++) {
        struct engine_live *live = &engine->live[i];

        if (live->exited || live->frozen) {
            continue;
        }
        if (now_ns >= live->term_at_ns && !live->told_to_end) {
            live->timed_out = true;
            engine_end_live(engine, live, CONTROL_STOP_TIMEOUT, now_ns);
        }
        if (now_ns >= live->kill_at_ns) {
            live->kill_at_ns = INT64_MAX;
            engine_act_later(engine, ACT_SIGNAL, live->instance, SIGKILL);
        }
    }
}

int64_t engine_next_time(const struct engine *engine)
{
    int64_t adapt_ns = engine_adapt_next(engine), due_ns = engine_next_due(engine);
    int64_t next = adapt_ns < due_ns ? adapt_ns : due_ns;
    int64_t watch_ns = engine_watch_next(engine), undo_ns = engine_undo_next(engine);

    if (engine->again_count != 0 || engine->closing) {
        return engine_now(engine);
    }
    next = watch_ns < next ? watch_ns : next;
    next = undo_ns < next ? undo_ns : next;
    if (engine->stop < ENGINE_ENDS && engine->deadline_ns < next && !engine_is_paused(engine)) {
        next = engine->deadline_ns;
    }
    for (uint32_t i = 0; i < engine->live_count; i++) {
        const struct engine_live *live = &engine->live[i];

        if (live->exited || live->frozen) {
            continue;
        }
        if (!live->told_to_end && live->term_at_ns < next) {
            next = live->term_at_ns;
        }
        if (live->kill_at_ns < next) {
            next = live->kill_at_ns;
        }
    }
    return next;
}
