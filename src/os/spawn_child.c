/* Owns what a child does between clone and exec.
 *
 * It may run in its parent's memory (see spawn.c), and shares even errno with the thread that made
 * it: so there are only raw calls that do not set it; no allocation, no locks, no function of the C
 * library.
 *
 * With spawn.fds_stay the child begins in its parent's table of descriptors too (CLONE_FILES) and
 * leaves it first of all: close_range makes its own table without what lies below all that it
 * needs. Until then it changes nothing in it, and nobody closes what it is to take from it. A call
 * that cannot do that is followed by unshare, and where that fails too, the child ends.
 *
 * Order: own table, group, death signal (then a look whether the parent is still there), umask,
 * limits, terminal, folder, descriptors, closing of all others, dispositions, mask, exec. Limits
 * come before descriptors so that a low RLIMIT_NOFILE hits `to` numbers visibly. */
#include "os/spawn_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"

enum { CLOSE_MAX = 65536 };

#if defined(__x86_64__)
CHILD_SIDE static long call(long number, long a, long b, long c, long d)
{
    register long r10 __asm__("r10") = d;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
CHILD_SIDE static long call(long number, long a, long b, long c, long d)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;

    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}
#else
CHILD_SIDE static long call(long number, long a, long b, long c, long d)
{
    long result = syscall(number, a, b, c, d);

    return result == -1 ? -errno : result;
}
#endif

CHILD_SIDE static long address(const volatile void *at)
{
    return (long)(uintptr_t)at;
}

/* `result` of the call that failed: its errno, negative. */
CHILD_SIDE static bool say(struct birth *birth, enum spawn_step step, long result)
{
    birth->words.step = (int)step;
    birth->words.sys = result < 0 ? (int)-result : EIO;
    return false;
}

CHILD_SIDE static bool child_enter_group(struct birth *birth)
{
    long result = call(SYS_setpgid, 0, 0, 0, 0);

    if (result != 0) {
        return say(birth, SPAWN_STEP_GROUP, result);
    }
    result = call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
    if (result != 0) {
        return say(birth, SPAWN_STEP_PARENT, result);
    }
    /* Had the parent ended before that call, its death would not be told. */
    return call(SYS_getppid, 0, 0, 0, 0) == birth->parent || say(birth, SPAWN_STEP_PARENT, -ESRCH);
}

CHILD_SIDE static bool child_set_limits(struct birth *birth)
{
    const struct origin *origin = birth->spawn->origin;

    if (birth->sets_umask) {
        call(SYS_umask, (long)birth->umask, 0, 0, 0);
    }
    for (int i = 0; i < ORIGIN_LIMITS; i++) {
        long result =
            birth->sets_limit[i] ? call(SYS_prlimit64, 0, i, address(&origin->limits[i]), 0) : 0;

        if (result != 0) {
            return say(birth, SPAWN_STEP_LIMIT, result);
        }
    }
    return true;
}

CHILD_SIDE static bool child_enter_dir(struct birth *birth)
{
    const struct spawn *spawn = birth->spawn;
    long result = 0;

    if (spawn->tty_fd >= 0) {
        pid_t group = (pid_t)call(SYS_getpid, 0, 0, 0, 0);

        result = call(SYS_ioctl, spawn->tty_fd, TIOCSPGRP, address(&group), 0);
    }
    if (result != 0) {
        return say(birth, SPAWN_STEP_TERMINAL, result);
    }
    if (spawn->dir != NULL) {
        result = call(SYS_chdir, address(spawn->dir), 0, 0, 0);
    }
    return result == 0 || say(birth, SPAWN_STEP_DIR, result);
}

enum { LEAVE_CLOSING = 2 }; /* CLOSE_RANGE_UNSHARE */

/* A table of its own, without what lies below its sources: that is most of ours, so neither is it
 * copied nor need it be closed. */
CHILD_SIDE static bool child_leave_fds(struct birth *birth)
{
    long result = -ENOSYS;

    if (!birth->shares_fds) {
        return true;
    }
    if (birth->lowest_fd > 0) {
        result = call(SYS_close_range, 0, birth->lowest_fd - 1, LEAVE_CLOSING, 0);
    }
    if (result != 0) {
        result = call(SYS_unshare, CLONE_FILES, 0, 0, 0);
    }
    return result == 0 || say(birth, SPAWN_STEP_FD, result);
}

/* Each in its place at once, where no source is another one's target. */
CHILD_SIDE static bool child_place_fds(struct birth *birth)
{
    for (size_t i = 0; i < birth->fd_count; i++) {
        const struct spawn_fd *fd = &birth->fds[i];
        long result = fd->from == fd->to ? call(SYS_fcntl, fd->to, F_SETFD, 0, 0)
                                         : call(SYS_dup3, fd->from, fd->to, 0, 0);

        if (result < 0) {
            return say(birth, SPAWN_STEP_FD, result);
        }
    }
    return true;
}

/* Sources go above all targets first, so that no dup hits one that is still needed. */
CHILD_SIDE static bool child_move_fds(struct birth *birth)
{
    int top = birth->fds[birth->fd_count - 1].to;

    if (!birth->fds_cross) {
        return child_place_fds(birth);
    }
    for (size_t i = 0; i < birth->fd_count; i++) {
        long moved = call(SYS_fcntl, birth->fds[i].from, F_DUPFD_CLOEXEC, top + 1, 0);

        if (moved < 0) {
            return say(birth, SPAWN_STEP_FD, moved);
        }
        birth->fds[i].from = (int)moved;
    }
    if (birth->words_fd >= 0) {
        birth->words_fd = (int)call(SYS_fcntl, birth->words_fd, F_DUPFD_CLOEXEC, top + 1, 0);
    }
    return child_place_fds(birth);
}

CHILD_SIDE static void child_close_range(struct birth *birth, int first, int last)
{
    uint64_t limit[2] = {CLOSE_MAX, CLOSE_MAX};

    /* The pipe for last words closes itself at exec. */
    if (birth->words_fd >= first && birth->words_fd <= last) {
        if (birth->words_fd > first) {
            call(SYS_close_range, first, birth->words_fd - 1, 0, 0);
        }
        first = birth->words_fd + 1;
    }
    if (first > last || call(SYS_close_range, first, last, 0, 0) == 0) {
        return;
    }
    call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, address(limit));
    for (int fd = first; fd <= last && fd < CLOSE_MAX && (uint64_t)fd < limit[0]; fd++) {
        call(SYS_close, fd, 0, 0, 0);
    }
}

CHILD_SIDE static void child_close_others(struct birth *birth)
{
    int first = 0;

    for (size_t i = 0; i < birth->fd_count; i++) {
        if (birth->fds[i].to > first) {
            child_close_range(birth, first, birth->fds[i].to - 1);
        }
        first = birth->fds[i].to + 1;
    }
    child_close_range(birth, first, INT32_MAX);
}

#if CHILD_IS_RAW
enum { KERNEL_SIGSET_BYTES = 8 };

/* As the kernel of these machines has it. */
CHILD_SIDE static long child_set_action(int number, bool ignore)
{
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        unsigned char mask[KERNEL_SIGSET_BYTES];
    } volatile action;

    action.handler = ignore ? SIG_IGN : SIG_DFL;
    action.flags = 0;
    action.restorer = NULL;
    for (int i = 0; i < KERNEL_SIGSET_BYTES; i++) {
        action.mask[i] = 0;
    }
    return call(SYS_rt_sigaction, number, address(&action), 0, KERNEL_SIGSET_BYTES);
}

CHILD_SIDE static long child_set_mask(const sigset_t *mask)
{
    return call(SYS_rt_sigprocmask, SIG_SETMASK, address(mask), 0, KERNEL_SIGSET_BYTES);
}
#else
CHILD_SIDE static long child_set_action(int number, bool ignore)
{
    struct sigaction action = {.sa_handler = ignore ? SIG_IGN : SIG_DFL};

    return sigaction(number, &action, NULL) == 0 ? 0 : -errno;
}

CHILD_SIDE static long child_set_mask(const sigset_t *mask)
{
    return sigprocmask(SIG_SETMASK, mask, NULL) == 0 ? 0 : -errno;
}
#endif

CHILD_SIDE static bool child_has(const sigset_t *set, int number)
{
    const unsigned long *words = (const unsigned long *)(const void *)set;
    int bits = (int)sizeof(*words) * 8;

    return (words[(number - 1) / bits] >> ((number - 1) % bits) & 1) != 0;
}

CHILD_SIDE static bool child_set_signals(struct birth *birth)
{
    long result;

    for (int i = 1; i < ORIGIN_SIGNALS; i++) {
        bool ignore = child_has(&birth->to_ignore, i);

        if (!ignore && !child_has(&birth->to_default, i)) {
            continue;
        }
        result = child_set_action(i, ignore);
        if (result != 0) {
            return say(birth, SPAWN_STEP_SIGNALS, result);
        }
    }
    result = child_set_mask(&birth->mask);
    return result == 0 || say(birth, SPAWN_STEP_SIGNALS, result);
}

/* The errno, negative, for which it was not executed. */
CHILD_SIDE static long child_execute(const struct spawn *spawn, const char *program)
{
    return call(SYS_execve, address(program), address(spawn->argv), address(spawn->envp), 0);
}

/* As a search along PATH goes on: what is not there, or may not be executed, is passed over. */
CHILD_SIDE static long child_search(const struct spawn *spawn)
{
    for (const char *const *program = spawn->sooner; program != NULL && *program != NULL;
         program++) {
        long result = child_execute(spawn, *program);

        if (result != -ENOENT && result != -ENOTDIR && result != -EACCES) {
            return result;
        }
    }
    return child_execute(spawn, spawn->program);
}

CHILD_SIDE static bool child_become(struct birth *birth)
{
    const struct spawn *spawn = birth->spawn;

    if (!child_leave_fds(birth) || !child_enter_group(birth) || !child_set_limits(birth) ||
        !child_enter_dir(birth) || !child_move_fds(birth)) {
        return false;
    }
    child_close_others(birth);
    if (!child_set_signals(birth)) {
        return false;
    }
    return say(birth, SPAWN_STEP_EXEC, child_search(spawn));
}

CHILD_SIDE _Noreturn static void child_live(struct birth *birth)
{

    child_become(birth);
    if (birth->words_fd >= 0) {
        struct last_words words = {birth->words.step, birth->words.sys};

        call(SYS_write, birth->words_fd, address(&words), sizeof(words), 0);
    }
    for (;;) {
        call(SYS_exit_group, 127, 0, 0, 0);
    }
}

CHILD_SIDE int spawn_child_main(void *birth)
{
    child_live(birth);
}
