#ifndef PAWL_OS_SPAWN_INSIDE_H
#define PAWL_OS_SPAWN_INSIDE_H
/* What the two sides of a birth share; nobody else includes this. The parent (spawn.c) prepares all
 * that the child (spawn_child.c) reads. */
#include <signal.h>
#include <sys/types.h>

#include "os/spawn.h"

/* Code of the child must not be instrumented: it leaves our memory by exec, not by return. */
#define CHILD_SIDE __attribute__((noinline, no_sanitize("address", "thread", "undefined")))

/* Are the child's system calls raw, so that it sets no errno of ours? */
#if defined(__x86_64__) || defined(__aarch64__)
#define CHILD_IS_RAW 1
#else
#define CHILD_IS_RAW 0
#endif

struct last_words {
    int step; /* enum spawn_step */
    int sys;  /* errno; 0: executed */
};

struct birth {
    const struct spawn *spawn;
    pid_t parent;
    struct spawn_fd *fds; /* all of them, sorted by `to`; `from` is changed in the child */
    size_t fd_count;
    bool fds_cross;  /* a source has the number of another one's target */
    bool waited;     /* it has executed, or said why not */
    bool shares_fds; /* the table of descriptors is ours, until the child leaves it */
    int lowest_fd;   /* of all sources */
    int words_fd;    /* writing end of the pipe, with fork only; -1 */
    sigset_t mask;
    sigset_t to_ignore, to_default;
    mode_t umask;
    bool sets_umask, sets_limit[ORIGIN_LIMITS];
    volatile struct last_words words;
};

/* What the child does, from its first instruction on; `birth`: a struct birth. */
int spawn_child_main(void *birth);

#endif
