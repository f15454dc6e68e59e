/* Owns what commands at the end of a run are told of its first failure. */
#include "run/executor.h"

static bool failure_is_one(const struct plan_instance *inst, const struct inst_status *status)
{
    return !inst->ignore_failure &&
           (status->state == INST_FAILED || status->state == INST_REFUSED ||
            status->state == INST_UNSETTLED);
}

/* NULL: nothing failed. */
static const struct inst_status *failure_first(const struct executor *executor)
{
    const struct run_state *state = &executor->recorder->state;
    const struct inst_status *first = NULL;

    for (uint32_t i = 0; i < executor->plan->instance_count; i++) {
        const struct inst_status *status = &state->instances[i];

        if (failure_is_one(&executor->plan->instances[i], status) &&
            (first == NULL || status->ended_at_ns < first->ended_at_ns)) {
            first = status;
        }
    }
    return first;
}

/* Of what never ran there is none. */
static struct str failure_exit_status(const struct inst_status *failed, struct arena *arena)
{
    bool ran = failed->signal != 0 || (failed->state == INST_FAILED && failed->exit_code > 0);

    return ran ? environment_exit_status(failed->exit_code, failed->signal, arena) : STR("");
}

bool failure_about(const struct executor *executor, struct arena *arena,
                   struct environment_attempt *about)
{
    const struct inst_status *failed = failure_first(executor);
    const struct inst_told *told;

    about->cause = about->exit_status = about->log = STR("");
    if (failed == NULL) {
        return false;
    }
    told = inst_told(failed);
    about->cause = failed->state == INST_REFUSED ? STR("refused") : told->cause;
    about->exit_status = failure_exit_status(failed, arena);
    if (told->log.len != 0) {
        about->log = STR_JOIN(arena, executor->run_dir, STR("/"), told->log);
    }
    return true;
}
