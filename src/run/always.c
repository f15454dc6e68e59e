/* Owns what stages with `always` are told of the run: how it stands, and its first failure. */
#include "run/executor.h"

void always_stands(void *ctx, enum run_status status, enum cause cause)
{
    struct executor *executor = ctx;

    executor->stands = status;
    executor->stands_cause = cause;
    executor->facts->last_part = true;
}

static bool always_is_failure(const struct plan_instance *inst, const struct inst_status *status)
{
    return !inst->ignore_failure &&
           (status->state == INST_FAILED || status->state == INST_REFUSED ||
            status->state == INST_UNSETTLED);
}

/* NULL: nothing failed. */
static const struct inst_status *always_first_failure(const struct executor *executor)
{
    const struct run_state *state = &executor->recorder->state;
    const struct inst_status *first = NULL;

    for (uint32_t i = 0; i < executor->plan->instance_count; i++) {
        const struct inst_status *status = &state->instances[i];

        if (always_is_failure(&executor->plan->instances[i], status) &&
            (first == NULL || status->ended_at_ns < first->ended_at_ns)) {
            first = status;
        }
    }
    return first;
}

/* The status as a shell has it; of what never ran there is none. */
static struct str always_exit_status(const struct inst_status *failed, struct arena *arena)
{
    if (failed->signal != 0) {
        return str_printf(arena, "%d", 128 + failed->signal);
    }
    return failed->state == INST_FAILED && failed->exit_code > 0
               ? str_printf(arena, "%d", failed->exit_code)
               : STR("");
}

void always_about(const struct executor *executor, struct arena *arena,
                  struct environment_attempt *about)
{
    const struct inst_status *failed = always_first_failure(executor);
    const struct inst_told *told;

    about->run_state = str_of(run_status_name(executor->stands));
    about->exit_status = about->log = STR("");
    about->cause =
        executor->stands_cause != CAUSE_NONE ? str_of(cause_name(executor->stands_cause)) : STR("");
    if (failed == NULL || executor->stands == RUN_COMPLETED) {
        return;
    }
    told = inst_told(failed);
    about->cause = failed->state == INST_REFUSED ? STR("refused") : told->cause;
    about->exit_status = always_exit_status(failed, arena);
    if (told->log.len != 0) {
        about->log = STR_JOIN(arena, executor->run_dir, STR("/"), told->log);
    }
}
