#ifndef PAWL_OS_SPAWN_H
#define PAWL_OS_SPAWN_H
/* Children: started, signalled as a group, reaped, and at the end of a run all gone.
 *
 * Order for one attempt: spawn_find, spawn_start, watch child.pidfd in the loop, at its readiness
 * child_ended says how (and leaves the zombie, so that the group's number cannot be taken by
 * somebody else), child_kill_group, child_reap. Who starts many has SIGCHLD tell (spawn.by_signal)
 * and children_next_ended say who it was. Main thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "os/signals.h"

struct spawn_early;

/* Finds the program that `name` means as execvp would: with a slash it is a path (relative to
 * `dir`, which may be NULL for here), else each folder of `path` (a PATH; empty parts mean `dir`).
 * The result, in the arena, is what spawn.program wants; relative results are relative to `dir`.
 * Errors: nothing there (sys ENOENT), there but not executable, or a folder (sys EACCES). */
bool spawn_find(struct arena *arena, struct str name, struct str path, const char *dir,
                struct str *program, struct err *err);

/* `from` in this process becomes `to` in the child. */
struct spawn_fd {
    int from, to;
};

struct spawn {
    const char *program; /* what is executed; see spawn_find; after the change to `dir` */
    /* Ended by NULL: what is executed instead if it can be, tried in this order; NULL: nothing. */
    const char *const *sooner;
    const char *const *argv;  /* ended by NULL; argv[0] is the name the program sees */
    const char *const *envp;  /* ended by NULL: the whole environment */
    const char *dir;          /* working folder; NULL: ours */
    int stdin_fd;             /* -1: empty (/dev/null, or a pipe that has ended) */
    int stdout_fd, stderr_fd; /* stay open here: the caller closes them */
    const struct spawn_fd
        *fds; /* further descriptors the child gets, `to` from 3; all else is closed */
    size_t fd_count;
    /* Not NULL: spawn_start need not wait for the exec. What the child needs until then is made in
     * this arena, which stays, as do program, sooner, argv, envp, dir and origin, until it is
     * reaped. */
    struct arena *early;
    bool fds_stay;  /* with `early`: all these descriptors stay open here as long as the arena, so
                     * that the child need not be given a copy of our table */
    bool by_signal; /* SIGCHLD tells its end: no pidfd, which costs its making */
    /* Our own peak as far as it is known, 0 at first; kept by who starts many, as long as they
     * live, and brought up to date where that matters. NULL: it is asked for at each start. */
    int64_t *rss_floor_bytes;
    int tty_fd;                  /* terminal handed to the child's group; -1: none */
    const struct origin *origin; /* mask, dispositions, limits, umask; NULL: as they are now */
};

struct child {
    pid_t pid; /* also the process group's number; 0: none */
    int pidfd; /* readable when the process has ended; -1: by_signal, or the kernel has none */
    int64_t own_floor_bytes;  /* our own peak when it was started: a smaller peak cannot be told */
    int64_t *rss_floor_bytes; /* of spawn: counts instead */
    bool ended; /* set by who had children_next_ended name it, and goes on with that: spares
                   child_reap its waiting and the orphans */
    const struct spawn_early *early; /* of one that nobody waited for; see child_never_ran */
};

enum spawn_step {
    SPAWN_STEP_PREPARE, /* in this process: pipes, memory */
    SPAWN_STEP_CLONE,
    SPAWN_STEP_GROUP,
    SPAWN_STEP_PARENT, /* pawl had ended meanwhile */
    SPAWN_STEP_LIMIT,
    SPAWN_STEP_DIR,
    SPAWN_STEP_FD,
    SPAWN_STEP_TERMINAL,
    SPAWN_STEP_SIGNALS,
    SPAWN_STEP_EXEC
};
const char *spawn_step_name(enum spawn_step step);

/* Starts it. When this returns true the program has been executed, or, with spawn.early, will be:
 * child_never_ran says at its end whether it was. False: nothing runs, `err` says the step and the
 * reason (a missing program: sys ENOENT; a script without #! line: sys ENOEXEC), `step` (may be
 * NULL) which step it was. */
bool spawn_start(const struct spawn *spawn, struct child *child, enum spawn_step *step,
                 struct err *err);

/* What reads as an empty standard input, for who starts many; -1 with errno. The caller closes it.
 */
int spawn_open_empty(void);

/* Gives a descriptor that children get a high number, if it can: with spawn.fds_stay what lies
 * below all of theirs is neither copied nor closed. */
int spawn_fd_up(int fd);

/* How a child ended. */
struct child_end {
    int exit_code; /* of a process that exited; else -1 */
    int signal;    /* that killed it; else 0 */
    bool core_dumped;
    int64_t cpu_ns;     /* user and system, with the children it waited for */
    int64_t peak_bytes; /* of its largest process; 0: not known (it was below our own) */
};

/* Has it ended? 1: yes, `end` without cpu_ns and peak_bytes; 0: no; -1: there is no such child
 * (errno). Does not reap. */
int child_ended(const struct child *child, struct child_end *end);
/* Of a child that has ended and is not reaped: was its program never executed? Then `err` says the
 * reason as spawn_start would have. */
bool child_never_ran(const struct child *child, struct err *err);
/* Signals the group of a child that is not yet reaped. True also when nobody was left. */
bool child_kill_group(const struct child *child, int signal);
/* Signals the process alone. */
bool child_kill(const struct child *child, int signal);
/* Waits for the end (blocking), kills what is left of its group, reaps it, closes the pidfd. False:
 * there was no such child; all is released anyway. */
bool child_reap(struct child *child, struct child_end *end);

/* The peak of our own memory: a child that is smaller shows it as its own. */
int64_t child_own_peak(void);

/* Takes the terminal back for our own group after a child that had it has ended. */
bool child_tty_return(int tty_fd);

/* Orphans of our children become ours, so that none escapes. False where the kernel refuses. */
bool children_subreaper(struct err *err);
/* After SIGCHLD, until it says 0: the number of a child known to `is_ours` that has ended and is
 * not reaped yet. Orphans that have ended are reaped on the way. -1 with errno: ask again. */
pid_t children_next_ended(bool (*is_ours)(void *ctx, pid_t pid), void *ctx);
/* Reaps all that have ended. How many. */
unsigned children_reap_strays(void);
/* Kills and reaps every child, and every orphan that becomes ours by it, for `limit_ns` at most.
 * True: none is left. For the end of a run; needs /proc to see whom to kill. */
bool children_kill_all(int64_t limit_ns);
/* Kills every child but one, which may be reaped or not, and reaps none: it is not told here which
 * is whose. True: only that one is alive. */
bool children_kill_others(pid_t spared, int64_t limit_ns);

#endif
