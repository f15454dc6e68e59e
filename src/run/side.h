#ifndef PAWL_RUN_SIDE_H
#define PAWL_RUN_SIDE_H
/* A command beside the attempts of a run: a check, what helps before a retry. It runs with the
 * environment of its stage, prints into a log of its own, takes no slot, makes no output that
 * anybody looks at, and ends with its timeout.
 *
 * Whoever starts one has a struct whose first member is a struct side. Order: side_init;
 * side_start; `done` is called from the loop when it has ended; side_fini. Main thread.
 */
#include "run/executor.h"

struct side {
    struct executor *executor;
    struct side *next; /* of those that run */
    void (*done)(struct side *side, const struct child_end *end);
    struct arena arena; /* of what runs: emptied by its owner between two */
    bool running, timed_out;
    int64_t due_ns; /* monotonic */
    struct child child;
    struct pipe_log log;
    struct loop_source log_source;
    int log_end;
    bool has_log;
    struct str log_name; /* in logs/ of the run */
    bool printed;        /* it ended, and there is something in its log */
};

struct side_start {
    struct str *argv;
    uint32_t argc;
    struct str dir; /* "": the workspace */
    const char *const *envp;
    struct str log_name;
    uint64_t log_max_bytes;
    int64_t timeout_ns;         /* 0: none */
    const struct spawn_fd *fds; /* beyond what all have */
    uint32_t fd_count;
};

/* What it is for. By the id that it finds as PAWL_ATTEMPT_ID recovery knows what lived on. */
enum side_kind { SIDE_CHECK, SIDE_RECOVER, SIDE_COMPENSATE, SIDE_EARLY, SIDE_KIND_COUNT };

struct str side_attempt_id(struct str run, enum side_kind kind, struct arena *arena);

void side_init(struct side *side, struct executor *executor,
               void (*done)(struct side *side, const struct child_end *end));
/* False: nothing runs. */
bool side_start(struct side *side, const struct side_start *start, struct err *err);
/* The same of a command of an instance, with what its stage says of environment, time and log. */
bool side_start_of(struct side *side, struct inst_id instance, const struct plan_command *command,
                   const struct environment_attempt *about, struct str log_name, struct err *err);
/* KILL to its group; its end comes by `done`. */
void side_kill(struct side *side);
/* Kills what still runs, without `done`. */
void side_fini(struct side *side);
/* Tells the engine: the note, with how it ended, why, and its log. */
void side_note(struct side *side, struct note *note, struct str reason,
               const struct child_end *end);
/* How it ended, in words; in its arena. */
struct str side_words(struct side *side, const struct child_end *end);

/* --- for the loop --- */

bool sides_have(const struct executor *executor, pid_t pid);
void sides_take_exit(struct executor *executor, pid_t pid);
/* Ends what took too long; the next time to look. */
int64_t sides_take_time(struct executor *executor, int64_t now_ns);

#endif
