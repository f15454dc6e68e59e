/* Owns what happens to a child once it runs: looking, signalling, reaping (see os/spawn.h).
 *
 * A process that has ended but is not reaped keeps its number, and as long as it does its group's
 * number cannot go to anybody else. So the order is always: see the end without reaping, signal the
 * group, reap. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "os/proc.h"
#include "os/spawn.h"

static struct child_end end_of(const struct sys_wait *wait)
{
    bool exited = wait->code == CLD_EXITED;

    return (struct child_end){
        .exit_code = exited ? wait->status : -1,
        .signal = exited ? 0 : wait->status,
        .core_dumped = wait->code == CLD_DUMPED,
    };
}

int child_ended(const struct child *child, struct child_end *end)
{
    struct sys_wait wait;

    if (sys_waitid(P_PID, (id_t)child->pid, WEXITED | WNOHANG | WNOWAIT, &wait, NULL) != 0) {
        return -1;
    }
    if (wait.pid == 0) {
        return 0;
    }
    *end = end_of(&wait);
    return 1;
}

static bool kill_group(const struct child *child, int signal)
{
    return child->pid > 1 && (sys_kill(-child->pid, signal) == 0 || errno == ESRCH);
}

bool child_kill_group(const struct child *child, int signal)
{
    /* It may not have come so far as to make its group: then it is made here. */
    if (child->early != NULL) {
        setpgid(child->pid, child->pid);
    }
    return kill_group(child, signal);
}

bool child_kill(const struct child *child, int signal)
{
    return child->pid > 1 && (sys_kill(child->pid, signal) == 0 || errno == ESRCH);
}

static int64_t timeval_ns(struct timeval time)
{
    return (int64_t)time.tv_sec * NS_PER_SEC + (int64_t)time.tv_usec * NS_PER_US;
}

/* Orphans of the group that became ours and have ended already. */
static void reap_group(pid_t pgid)
{
    struct sys_wait wait;

    while (sys_waitid(P_PGID, (id_t)pgid, WEXITED | WNOHANG, &wait, NULL) == 0 && wait.pid != 0) {
    }
}

int64_t child_own_peak(void)
{
    struct rusage usage = {0};

    getrusage(RUSAGE_SELF, &usage);
    return (int64_t)usage.ru_maxrss * 1024;
}

/* A floor that is too low is seen by a peak above it. */
static int64_t peak_above_floor(const struct child *child, int64_t peak_bytes)
{
    const int64_t *floor_bytes =
        child->rss_floor_bytes != NULL ? child->rss_floor_bytes : &child->own_floor_bytes;

    if (child->rss_floor_bytes != NULL && peak_bytes > *floor_bytes) {
        *child->rss_floor_bytes = child_own_peak();
    }
    return peak_bytes > *floor_bytes ? peak_bytes : 0;
}

bool child_reap(struct child *child, struct child_end *end)
{
    struct sys_wait wait = {0};
    struct rusage usage = {0};
    bool good;

    good = child->ended || sys_waitid(P_PID, (id_t)child->pid, WEXITED | WNOWAIT, &wait, NULL) == 0;
    if (good) {
        kill_group(child, SIGKILL);
        good = sys_waitid(P_PID, (id_t)child->pid, WEXITED, &wait, &usage) == 0;
    }
    if (good && !child->ended) {
        reap_group(child->pid);
    }
    *end = end_of(&wait);
    end->cpu_ns = timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime);
    end->peak_bytes = peak_above_floor(child, (int64_t)usage.ru_maxrss * 1024);
    if (child->pidfd >= 0) {
        sys_close(child->pidfd);
    }
    *child = (struct child){.pidfd = -1};
    return good;
}

bool child_tty_return(int tty_fd)
{
    pid_t group = getpgrp();

    return sys_ioctl(tty_fd, TIOCSPGRP, &group) == 0;
}

bool children_subreaper(struct err *err)
{
    if (sys_prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        return err_sys(err, "cannot take in orphaned processes");
    }
    return true;
}

pid_t children_next_ended(bool (*is_ours)(void *ctx, pid_t pid), void *ctx)
{
    struct sys_wait wait;

    while (sys_waitid(P_ALL, 0, WEXITED | WNOHANG | WNOWAIT, &wait, NULL) == 0) {
        if (wait.pid == 0 || is_ours(ctx, wait.pid)) {
            return wait.pid;
        }
        sys_waitid(P_PID, (id_t)wait.pid, WEXITED, &wait, NULL);
    }
    return errno == ECHILD ? 0 : -1;
}

unsigned children_reap_strays(void)
{
    struct sys_wait wait;
    unsigned count = 0;

    while (sys_waitid(P_ALL, 0, WEXITED | WNOHANG, &wait, NULL) == 0 && wait.pid != 0) {
        count++;
    }
    return count;
}

/* Children are not reaped meanwhile, so their numbers stay theirs. How many were alive. */
static unsigned kill_children(pid_t spared)
{
    struct proc_scan scan;
    struct proc_stat stat;
    pid_t self = getpid();
    unsigned count = 0;

    if (!proc_scan_open(&scan, "")) {
        return 0;
    }
    while (proc_scan_next(&scan, &stat)) {
        if (stat.ppid == self && stat.state != 'Z' && stat.pid != spared) {
            sys_kill(stat.pid, SIGKILL);
            count++;
        }
    }
    proc_scan_close(&scan);
    return count;
}

bool children_kill_all(int64_t limit_ns)
{
    int64_t deadline_ns = clock_mono_ns(&clock_system) + limit_ns;
    int pause_ms = 1;

    for (;;) {
        struct sys_wait wait;

        children_reap_strays();
        if (sys_waitid(P_ALL, 0, WEXITED | WNOHANG | WNOWAIT, &wait, NULL) != 0) {
            return errno == ECHILD;
        }
        kill_children(0);
        if (clock_mono_ns(&clock_system) >= deadline_ns) {
            return false;
        }
        sys_poll(NULL, 0, pause_ms);
        pause_ms = pause_ms < 20 ? pause_ms * 2 : pause_ms;
    }
}

bool children_kill_others(pid_t spared, int64_t limit_ns)
{
    int64_t deadline_ns = clock_mono_ns(&clock_system) + limit_ns;

    while (kill_children(spared) != 0) {
        if (clock_mono_ns(&clock_system) >= deadline_ns) {
            return false;
        }
        sys_poll(NULL, 0, 1);
    }
    return true;
}
