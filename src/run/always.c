/* Owns what stages with `always` are told of the run: how it stands, and its first failure. */
#include "run/executor.h"

void always_stands(void *ctx, enum run_status status, enum cause cause)
{
    struct executor *executor = ctx;

    executor->stands = status;
    executor->stands_cause = cause;
    executor->facts->last_part = true;
}

void always_about(const struct executor *executor, struct arena *arena,
                  struct environment_attempt *about)
{
    about->cause = about->exit_status = about->log = STR("");
    about->run_state = str_of(run_status_name(executor->stands));
    if (executor->stands != RUN_COMPLETED && failure_about(executor, arena, about)) {
        return;
    }
    if (executor->stands_cause != CAUSE_NONE) {
        about->cause = str_of(cause_name(executor->stands_cause));
    }
}
