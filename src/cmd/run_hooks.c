/* Owns the hooks of one call of `run`: beside the run, behind its end, and of the run before it
 * that was killed while it told. */
#include "cmd/run_call.h"

#include "base/hex.h"
#include "base/mem.h"
#include "cmd/run_result.h"

static bool run_has_hooks(const struct run_call *call)
{
    return call->session.manifest.hook_count != 0;
}

void run_hooks_watch(struct run_call *call)
{
    struct observer observer = hooks_observer(&call->hooks);

    if (run_has_hooks(call)) {
        /* Told of nothing before run_hooks_open: the first events are told by the first turn. */
        recorder_watch(&call->recorder, &observer);
    }
}

bool run_hooks_open(struct run_call *call, struct err *err)
{
    struct hooks_world world = hook_process_world(&call->hook);

    if (!run_has_hooks(call)) {
        return true;
    }
    hook_process_init(&call->hook, &call->executor, &call->hooks);
    call->executor.hook = &call->hook;
    return hooks_open(&call->hooks, &call->session.manifest, &call->recorder, &world, call->goes_on,
                      err);
}

void run_hooks_close(struct run_call *call)
{
    if (call->executor.hook != NULL) {
        hook_process_fini(&call->hook);
        hooks_close(&call->hooks);
        call->executor.hook = NULL;
    }
}

/* Turn after turn until nothing is left, or a signal says to stop. */
static bool hooks_tell_all(struct hooks *hooks, struct executor *executor, int interrupts,
                           struct err *err)
{
    struct recorder *recorder = hooks->recorder;

    while (hooks_are_due(hooks) && executor->interrupts == interrupts) {
        int64_t now_ns = clock_mono_ns(executor->session->clock);
        int64_t next_ns = recorder_tick(recorder, now_ns);

        if (!recorder_flush(recorder, err)) {
            return false;
        }
        recorder_tell(recorder);
        if (next_ns > now_ns && hooks_are_due(hooks) &&
            !executor_wait_hook(executor, next_ns, err)) {
            return false;
        }
    }
    if (executor->interrupts == interrupts) {
        hooks_note_told(hooks);
    }
    if (!recorder_flush(recorder, err)) {
        return false;
    }
    recorder_tell(recorder);
    return true;
}

/* The signal that came last, as the status of a process that it ended. */
static int run_hooks_status(const struct executor *executor, int interrupts, int status)
{
    return executor->interrupts != interrupts && executor->note_count != 0
               ? STATUS_SIGNAL + executor->notes[executor->note_count - 1].signal
               : status;
}

int run_hooks_finish(struct run_call *call, int status, struct err *err)
{
    int interrupts = call->executor.interrupts;

    /* A hook that is told of the end may look at it. */
    if (!run_has_hooks(call) ||
        !run_result_write(call->cli, &call->recorder, &call->show.options, status, err) ||
        !hooks_tell_all(&call->hooks, &call->executor, interrupts, err)) {
        return status;
    }
    return run_hooks_status(&call->executor, interrupts, status);
}

/* --- of the run before --- */

struct run_left {
    struct recorder recorder;
    struct executor executor;
    struct hooks hooks;
    struct hook_process hook;
};

static int run_left_tell(struct run_call *call, struct run_left *left, struct err *err)
{
    struct hooks_world world = hook_process_world(&left->hook);
    struct observer observer = hooks_observer(&left->hooks);
    int status;

    if (!executor_init(&left->executor, &call->session, &call->facts, &left->recorder, err)) {
        return err->status;
    }
    hook_process_init(&left->hook, &left->executor, &left->hooks);
    left->executor.hook = &left->hook;
    recorder_watch(&left->recorder, &observer);
    status =
        hooks_open(&left->hooks, &call->session.manifest, &left->recorder, &world, true, err) &&
                hooks_tell_all(&left->hooks, &left->executor, 0, err)
            ? run_hooks_status(&left->executor, 0, STATUS_OK)
            : (int)err->status;
    hook_process_fini(&left->hook);
    hooks_close(&left->hooks);
    left->executor.hook = NULL;
    executor_fini(&left->executor);
    return status;
}

/* Hooks of another manifest are none of that run's. */
static bool run_left_is_ours(const struct run_call *call, const struct run_left *left)
{
    struct digest manifest;

    return digest_parse(left->recorder.state.manifest, &manifest) &&
           digest_equal(&manifest, &call->session.manifest_digest);
}

int run_hooks_tell_left(struct run_call *call, struct err *err)
{
    const struct recovered *recovered = &call->recovered;
    struct run_left *left;
    int status = STATUS_OK;

    if (!run_has_hooks(call) || call->goes_on || !recovered->has_last || recovered->was_told) {
        return STATUS_OK;
    }
    left = mem_calloc(1, sizeof(*left));
    recorder_init(&left->recorder, &call->session);
    if (!recorder_reopen(&left->recorder, &recovered->last, err)) {
        status = err->status;
    } else if (run_left_is_ours(call, left)) {
        status = run_left_tell(call, left, err);
    }
    recorder_fini(&left->recorder);
    free(left);
    return status;
}
