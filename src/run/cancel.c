/* Owns cancelling a run that no process works on. Effects are undone by the engine itself, over a
 * plan without instances. */
#include "run/cancel.h"

#include <unistd.h>

#include "run/executor.h"
#include "run/recorder.h"

struct cancel {
    struct session *session;
    struct recorder recorder;
    struct facts facts;
    struct executor executor;
    struct engine engine;
};

static void cancel_add_asked(struct cancel *cancel, struct str reason)
{
    const struct machine *machine = &cancel->session->machine;
    struct event event = {.type = EVENT_RUN_CANCELLING,
                          .uid = geteuid(),
                          .user = str_of(machine->user),
                          .pid = getpid(),
                          .host = str_of(machine->host),
                          .reason = reason};

    recorder_emit(&cancel->recorder, &event);
}

static void cancel_add_rest(struct cancel *cancel)
{
    struct run_state *state = &cancel->recorder.state;
    struct event event = {.type = EVENT_INSTANCES_CANCELLED,
                          .reason = STR("the run was cancelled")};

    for (uint32_t i = 0; i < state->instance_count; i++) {
        if (inst_state_may_move(state->instances[i].state, INST_CANCELLED, event.type)) {
            event_ids_add(&event.ids, &cancel->recorder.turn, i);
            event.count++;
        }
    }
    if (event.count != 0) {
        recorder_emit(&cancel->recorder, &event);
    }
}

/* The exit status: that of a cancelled run, or 13. */
static int cancel_undo(struct cancel *cancel, struct err *err)
{
    static const uint8_t nothing[1];
    struct facts_options none = {.rehash = false};
    struct engine_options options = {.jobs = 1};
    struct engine_world world;
    struct decide_facts decide_facts;
    struct decide decide;
    int status;

    cancel->session->plan = (struct plan){.manifest = &cancel->session->manifest};
    facts_init(&cancel->facts, cancel->session, &none);
    if (!executor_init(&cancel->executor, cancel->session, &cancel->facts, &cancel->recorder,
                       err)) {
        facts_fini(&cancel->facts);
        return err->status;
    }
    world = executor_world(&cancel->executor);
    decide_facts = facts_decide(&cancel->facts);
    decide_init(&decide, &cancel->session->plan, &decide_facts, nothing, nothing);
    engine_init(&cancel->engine, &decide, &world, &options, &cancel->recorder);
    cancel->engine.outcome.cancelled = true;
    cancel->engine.stop = ENGINE_ENDS;
    status = engine_run(&cancel->engine, err);
    engine_fini(&cancel->engine);
    if (!executor_finish(&cancel->executor, err) && status == STATUS_CANCELLED) {
        status = err->status;
    }
    executor_fini(&cancel->executor);
    facts_fini(&cancel->facts);
    return status;
}

static void cancel_work(struct cancel *cancel, struct str reason, struct cancel_end *end,
                        struct err *err)
{
    bool over = run_status_is_final(end->status);

    end->exit_status = STATUS_CANCELLED;
    if (!over) {
        cancel_add_asked(cancel, reason);
    }
    if (effects_count(&cancel->session->effects, false) != 0) {
        end->exit_status = cancel_undo(cancel, err);
    }
    if (err->status == 0 && !over) {
        cancel_add_rest(cancel);
        recorder_emit_end(&cancel->recorder, RUN_CANCELLED, end->exit_status);
    }
    if (err->status == 0 && recorder_flush(&cancel->recorder, err)) {
        recorder_tell(&cancel->recorder);
    }
}

/* What it is about is decided by its state; one that is over may have left something to undo. */
static bool cancel_may(const struct cancel *cancel, struct cancel_end *end)
{
    struct control_facts facts = {.status = run_status_is_final(end->status) ? end->status
                                                                             : RUN_INTERRUPTED};

    end->verdict = control_decide(&facts, CONTROL_CANCEL, false, &end->why);
    if (end->verdict != CONTROL_DO && effects_count(&cancel->session->effects, true) != 0) {
        end->verdict = CONTROL_DO;
    }
    return end->verdict == CONTROL_DO;
}

bool cancel_record(struct session *session, const struct run_id *id, struct str reason,
                   const struct observer *observer, struct cancel_end *end, struct err *err)
{
    struct cancel *cancel;

    *end = (struct cancel_end){.verdict = CONTROL_REFUSE, .status = RUN_PENDING, .why = ""};
    if (!session_has_effects(session, err)) {
        return false;
    }
    cancel = ARENA_NEW(&session->arena, struct cancel);
    cancel->session = session;
    recorder_init(&cancel->recorder, session);
    recorder_watch(&cancel->recorder, observer);
    if (recorder_reopen(&cancel->recorder, id, err)) {
        end->status = cancel->recorder.state.status;
        if (cancel_may(cancel, end)) {
            cancel_work(cancel, reason, end, err);
        }
        end->status = cancel->recorder.state.status;
    }
    recorder_fini(&cancel->recorder);
    return err->status == 0;
}
