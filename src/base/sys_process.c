/* Owns the calls on processes, and what the kernel says of the machine. waitid goes through
 * syscall(2): unlike the C library's function it also gives the usage of the child. */
#include "base/sys_inside.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int sys_pidfd_open(pid_t pid)
{
    int result;

    RETRY(PIDFD_OPEN, (int)syscall(SYS_pidfd_open, pid, 0U));
}

int sys_pidfd_signal(int pidfd, int signal)
{
    int result;

    RETRY(PIDFD_SIGNAL, (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0U));
}

int sys_kill(pid_t pid, int signal)
{
    int result;

    RETRY(KILL, kill(pid, signal));
}

static int wait_call(int kind, id_t id, int options, siginfo_t *info, struct rusage *usage)
{
    int result;

    RETRY(WAIT, (int)syscall(SYS_waitid, kind, id, info, options, usage));
}

int sys_waitid(int kind, id_t id, int options, struct sys_wait *wait, struct rusage *usage)
{
    siginfo_t info;

    memset(&info, 0, sizeof(info));
    if (wait_call(kind, id, options, &info, usage) != 0) {
        return -1;
    }
    *wait = (struct sys_wait){.pid = info.si_pid, .code = info.si_code, .status = info.si_status};
    return 0;
}

pid_t sys_fork(void)
{
    pid_t result;

    RETRY(CLONE, fork());
}

pid_t sys_setsid(void)
{
    return setsid();
}

int sys_prctl(int option, unsigned long value)
{
    int result;

    RETRY(PRCTL, prctl(option, value, 0UL, 0UL, 0UL));
}

int sys_affinity(struct sys_affinity *set)
{
    long used;
    int count = 0;

    memset(set, 0, sizeof(*set));
    used = FAULT(GETAFFINITY, NULL)
               ? -1
               : syscall(SYS_sched_getaffinity, 0, sizeof(set->bits), set->bits);
    for (long i = 0; i < used / (long)sizeof(set->bits[0]); i++) {
        count += __builtin_popcountl(set->bits[i]);
    }
    return used < 0 ? -1 : count;
}

bool sys_affinity_has(const struct sys_affinity *set, uint64_t cpu)
{
    const unsigned width = 8 * sizeof(set->bits[0]);

    return cpu < 8 * sizeof(set->bits) && (set->bits[cpu / width] >> (cpu % width) & 1) != 0;
}

int sys_affinity_count(void)
{
    struct sys_affinity set;

    return sys_affinity(&set);
}

int sys_close_range_probe(void)
{
    return (int)syscall(SYS_close_range, UINT32_MAX, UINT32_MAX, 0U);
}

int sys_landlock_version(void)
{
    /* landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION); its number is the same on
     * all machines. */
    return (int)syscall(444, NULL, (size_t)0, 1U);
}

int sys_get_limit(int resource, struct sys_limit *limit)
{
    return (int)syscall(SYS_prlimit64, 0, resource, NULL, limit);
}

int sys_getrandom(void *data, size_t size)
{
    char *next = data;

    while (size > 0) {
        ssize_t count = FAULT(GETRANDOM, NULL) ? -1 : getrandom(next, size, 0);

        if (count < 0 && errno != EINTR) {
            return -1;
        }
        next += count > 0 ? count : 0;
        size -= count > 0 ? (size_t)count : 0;
    }
    return 0;
}
