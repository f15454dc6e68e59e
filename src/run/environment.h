#ifndef PAWL_RUN_ENVIRONMENT_H
#define PAWL_RUN_ENVIRONMENT_H
/* What a command finds in its environment: a few names from outside, fixed ones, what its stage
 * sets or passes, and pawl's own. Nothing else, so that a forgotten variable breaks at once and
 * everywhere.
 */
#include "base/mask.h"
#include "model/plan.h"
#include "run/session.h"

/* PATH HOME USER LOGNAME TMPDIR from outside, LC_ALL and TZ fixed: for probes. Ended by NULL. */
const char *const *environment_plain(struct arena *arena);

/* Names passed through by the stage (`pass_env` if `counted`, else `secret_env`) and set now, as
 * "NAME=value", sorted, each once. False: a name without `?` is not set; `err` (status 11) says
 * which. */
bool environment_passed(const struct m_stage *stage, bool counted, struct arena *arena,
                        struct event_strs *passed, struct err *err);

/* Is a variable of that name a secret of the stage? What both lists match is, unless `pass_env` has
 * that very name: a `*` there passes no secret openly. */
bool environment_is_secret(const struct m_stage *stage, struct str name);
/* Adds the values of the stage's secrets that are set now. */
void environment_secrets(const struct m_stage *stage, struct mask_words *words);
/* The names, sorted, of the secrets of the stage that are set now and match the pattern. */
void environment_matching_secrets(struct str pattern, const struct m_stage *stage,
                                  struct arena *arena, struct event_strs *names);

/* The variables set now whose names match the pattern (`*`), as "NAME=value", sorted. */
void environment_matching(struct str pattern, struct arena *arena, struct event_strs *found);

struct environment_vars {
    struct str *items; /* NAME=value */
    size_t count, cap;
};

/* What all attempts of a run find alike: made once. */
struct environment_frame {
    struct str *outside; /* NAME=value, as all below */
    uint32_t outside_count;
    struct str pawl, run_dir, run, traceparent; /* of the last what stands before the span */
    struct environment_vars vars;               /* room for that of the next attempt */
};
/* `pawl`: the path of the program; `run_dir`: absolute; `trace`: 32 hexadecimal digits. */
void environment_frame_init(struct environment_frame *frame, struct arena *arena, struct str pawl,
                            struct str run_dir, struct str run, struct str trace);
void environment_frame_fini(struct environment_frame *frame);

/* What an attempt is told about itself. */
struct environment_attempt {
    struct str stage, instance, attempt_id, span;
    int64_t attempt, max_attempts;
    uint32_t cpus;
    uint64_t memory_bytes;
    struct str makeflags;      /* empty: none */
    struct str checkpoint_dir; /* empty: none */
    /* Of what helps after a failure: PAWL_CAUSE and what goes with it; cause empty: nothing. */
    struct str cause, exit_status, log;
    /* Of what runs however the run went: PAWL_RUN_STATE, and then those are set in any case. */
    struct str run_state;
    struct str effect; /* of `compensate`: the attempt that it undoes; else empty */
};
/* PAWL_EXIT_STATUS: as a shell has it. */
struct str environment_exit_status(int64_t exit_code, int64_t signal, struct arena *arena);
/* The whole environment of an attempt, ended by NULL. Later entries of the same name do not exist:
 * the stage's own settings win over what comes from outside and over MAKEFLAGS, pawl's own names
 * win over all. */
bool environment_build(struct environment_frame *frame, const struct m_stage *stage,
                       const struct plan_command *command,
                       const struct environment_attempt *attempt, struct arena *arena,
                       const char *const **envp, struct err *err);

/* What a stage sets and passes, without the values of its secrets: enough to build the environment
 * of a command of it when the manifest may have changed. */
struct environment_kept {
    struct event_strs passed, env; /* "NAME=value" */
    struct event_strs secrets;     /* names of those that were set */
};
bool environment_keep(const struct m_stage *stage, const struct plan_command *command,
                      struct arena *arena, struct environment_kept *kept, struct err *err);
/* As environment_build. False: a secret is not set now. */
bool environment_build_kept(struct environment_frame *frame, const struct environment_kept *kept,
                            const struct environment_attempt *attempt, struct arena *arena,
                            const char *const **envp, struct err *err);

/* What a hook is told beyond its standard input; what the event does not say is empty, and set all
 * the same. */
struct environment_hook {
    struct str hook, stage, instance, cause, exit_status, log, span;
    int64_t attempt; /* 0: none */
};
const char *const *environment_hook(const struct environment_frame *frame,
                                    const struct environment_hook *about, struct arena *arena);

/* PATH in such a list; "" without one. */
struct str environment_path(const char *const *envp);

/* How many variables set outside a stage's commands do not get. */
uint32_t environment_left_out(const struct m_stage *stage);

#endif
