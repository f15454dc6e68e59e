#ifndef PAWL_CMD_RUN_CALL_H
#define PAWL_CMD_RUN_CALL_H
/* What the files of the command `run` share: one call, from what is asked for to the end of the
 * run. */
#include "cmd/command.h"
#include "cmd/detach.h"
#include "cmd/run_request.h"
#include "cmd/run_show.h"
#include "run/executor.h"
#include "run/hook_process.h"
#include "run/recover.h"
#include "run/roots_save.h"
#include "run/slice_save.h"

/* Everything that lives as long as one `pawl run`. */
struct run_call {
    struct cli *cli;
    struct session session;
    struct recovered recovered;
    struct facts facts;
    struct decide decide;
    struct recorder recorder;
    struct executor executor;
    struct breakers breakers;
    struct engine engine;
    struct hooks hooks;
    struct hook_process hook;
    struct run_show show;
    struct run_request request;
    struct standing standing;
    struct slice slice;
    struct digest listing; /* of the names of all instances */
    int64_t *duration_ns;
    uint64_t *peak_bytes;
    bool goes_on;
    bool sliced; /* the plan is that of `slice` alone */
    struct detach detach;
    bool worked; /* past all checks: what goes wrong now was not told yet */
};

/* run_prepare.c */
/* All stands as the last run left it, and was told so. */
bool run_has_nothing_to_do(struct run_call *call);
/* Up to the decision what is to be done, in `decide`: with the workspace locked, and recovered. */
bool run_prepare(struct run_call *call, struct err *err);
/* After a failure, what does not depend on it still runs. */
bool run_keeps_going(const struct run_call *call);

/* run_jobs.c: how many attempts at once to begin with, and at most (0: never other than that). */
uint32_t run_jobs(const struct run_call *call);
uint32_t run_jobs_most(const struct run_call *call);

/* run_save.c */
/* The manifest, and the names of all instances, for those who read the record when the manifest has
 * changed. */
bool run_keep_plan(struct run_call *call, struct err *err);
struct roots_end run_roots_end(const struct run_call *call);
/* `good`: by instance, enum last_unit. */
bool run_save_state(struct run_call *call, const uint8_t *good, struct err *err);
/* At the end of a run with this status: roots, and the last state. */
bool run_save(struct run_call *call, int status, struct err *err);

/* run_effects.c: what stages with `compensate` did, in earlier runs as well */
/* Is there something to undo, whatever else is to be done? */
bool run_effects_wait(const struct run_call *call);
/* Before the engine: effects that nobody answers for any more are to be undone. */
bool run_effects_take(struct run_call *call, struct err *err);
/* The run is complete: what it was about stays. */
bool run_effects_release(struct run_call *call, struct err *err);

/* run_history.c */
/* Expected durations and peaks of all instances. */
void run_load_history(struct run_call *call);
/* For engine_options; `ctx` is the call. */
int64_t run_slow_limit_ns(void *ctx, uint32_t stage);

/* run_hooks.c */
/* Before executor_init: hooks watch from the first event on. */
void run_hooks_watch(struct run_call *call);
/* Behind it, when the record has begun. */
bool run_hooks_open(struct run_call *call, struct err *err);
/* What is still to be told, once the run's end is on record. The exit status: of the run, or of a
 * signal that ended the telling. */
int run_hooks_finish(struct run_call *call, int status, struct err *err);
void run_hooks_close(struct run_call *call);
/* What the process before us could not tell any more of a run that nobody goes on with. */
int run_hooks_tell_left(struct run_call *call, struct err *err);

/* run_save.c: what the last state says of an instance that ended so. What a check has something to
 * say of is looked at each time, so that it is said each time; a slice knows nothing of a `when`
 * that speaks of metrics. */
enum last_unit run_last_unit(const struct run_call *call, uint32_t number, enum inst_state state);

#endif
