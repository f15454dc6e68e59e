/* All that holds for children holds where clone with shared memory is refused and fork must do. */
#include <errno.h>
#include <sched.h>

static int clone_refused(int (*call)(void *), void *stack, int flags, void *arg, ...)
{
    (void)call, (void)stack, (void)flags, (void)arg;
    errno = EINVAL;
    return -1;
}

#define clone clone_refused
#include "os/spawn.c"
#undef clone

/* The same tests, in this folder. */
#include "spawn.c"
