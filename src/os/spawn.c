/* Owns the way from clone to exec.
 *
 * The parent prepares everything (`struct birth`), blocks all signals and clones with CLONE_VM and
 * CLONE_VFORK: the child runs on a small stack in our memory while this thread stands still, so
 * starting costs the same however large we are, and its last words (step and errno) are simply
 * written into `struct birth`. Between clone and exec there are only raw calls: no allocation, no
 * locks, no wrapper of base/sys. Where such a clone is refused (emulators), fork does, and the last
 * words come through a pipe that closes at exec.
 *
 * Order in the child: group, death signal (then a look whether the parent is still there), umask,
 * limits, terminal, folder, descriptors, closing of all others, dispositions, mask, exec. Limits
 * come before descriptors so that a low RLIMIT_NOFILE hits `to` numbers visibly. */
#include "os/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"

/* Code of the child must not be instrumented: it leaves our memory by exec, not by return. */
#define CHILD_SIDE __attribute__((noinline, no_sanitize("address", "thread", "undefined")))

/* The thread sanitizer keeps what it knows of a thread in memory that the child would share and
 * change. */
#if defined(__SANITIZE_THREAD__)
enum { CHILD_SHARES = 0 };
#else
enum { CHILD_SHARES = 1 };
#endif

enum { STACK_BYTES = 64 << 10, CLOSE_MAX = 65536 };

struct last_words {
    int step; /* enum spawn_step */
    int sys;  /* errno; 0: executed */
};

struct birth {
    const struct spawn *spawn;
    pid_t parent;
    struct spawn_fd *fds; /* all of them, sorted by `to`; `from` is changed in the child */
    size_t fd_count;
    bool fds_cross; /* a source has the number of another one's target */
    int words_fd;   /* writing end of the pipe, with fork only; -1 */
    sigset_t mask;
    sigset_t to_ignore, to_default;
    mode_t umask;
    bool sets_umask, sets_limit[ORIGIN_LIMITS];
    volatile struct last_words words;
};

const char *spawn_step_name(enum spawn_step step)
{
    switch (step) {
    case SPAWN_STEP_PREPARE:
        return "cannot prepare a process";
    case SPAWN_STEP_CLONE:
        return "cannot make a process";
    case SPAWN_STEP_GROUP:
        return "cannot make a process group";
    case SPAWN_STEP_PARENT:
        return "pawl has ended";
    case SPAWN_STEP_LIMIT:
        return "cannot set a resource limit";
    case SPAWN_STEP_DIR:
        return "cannot enter the working folder";
    case SPAWN_STEP_FD:
        return "cannot set up its descriptors";
    case SPAWN_STEP_TERMINAL:
        return "cannot hand over the terminal";
    case SPAWN_STEP_SIGNALS:
        return "cannot set up its signals";
    case SPAWN_STEP_EXEC:
        return "cannot execute";
    }
    bug("spawn step %d", (int)step);
}

/* ---- the child */

CHILD_SIDE static bool say(struct birth *birth, enum spawn_step step)
{
    birth->words.step = (int)step;
    birth->words.sys = errno != 0 ? errno : EIO;
    return false;
}

CHILD_SIDE static bool child_enter_group(struct birth *birth)
{
    if (setpgid(0, 0) != 0) {
        return say(birth, SPAWN_STEP_GROUP);
    }
    if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL) != 0) {
        return say(birth, SPAWN_STEP_PARENT);
    }
    /* Had the parent ended before that call, its death would not be told. */
    if (getppid() != birth->parent) {
        errno = ESRCH;
        return say(birth, SPAWN_STEP_PARENT);
    }
    return true;
}

CHILD_SIDE static bool child_set_limits(struct birth *birth)
{
    const struct origin *origin = birth->spawn->origin;

    if (birth->sets_umask) {
        umask(birth->umask);
    }
    for (int i = 0; i < ORIGIN_LIMITS; i++) {
        if (birth->sets_limit[i] && syscall(SYS_prlimit64, 0, i, &origin->limits[i], NULL) != 0) {
            return say(birth, SPAWN_STEP_LIMIT);
        }
    }
    return true;
}

CHILD_SIDE static bool child_enter_dir(struct birth *birth)
{
    const struct spawn *spawn = birth->spawn;
    pid_t group = getpid();

    if (spawn->tty_fd >= 0 && ioctl(spawn->tty_fd, TIOCSPGRP, &group) != 0) {
        return say(birth, SPAWN_STEP_TERMINAL);
    }
    if (spawn->dir != NULL && chdir(spawn->dir) != 0) {
        return say(birth, SPAWN_STEP_DIR);
    }
    return true;
}

/* Each in its place at once, where no source is another one's target. */
CHILD_SIDE static bool child_place_fds(struct birth *birth)
{
    for (size_t i = 0; i < birth->fd_count; i++) {
        const struct spawn_fd *fd = &birth->fds[i];

        if (fd->from == fd->to ? fcntl(fd->to, F_SETFD, 0) != 0 : dup2(fd->from, fd->to) < 0) {
            return say(birth, SPAWN_STEP_FD);
        }
    }
    return true;
}

/* Sources go above all targets first, so that no dup2 hits one that is still needed. */
CHILD_SIDE static bool child_move_fds(struct birth *birth)
{
    int top = birth->fds[birth->fd_count - 1].to;

    if (!birth->fds_cross) {
        return child_place_fds(birth);
    }

    for (size_t i = 0; i < birth->fd_count; i++) {
        int moved = fcntl(birth->fds[i].from, F_DUPFD_CLOEXEC, top + 1);

        if (moved < 0) {
            return say(birth, SPAWN_STEP_FD);
        }
        birth->fds[i].from = moved;
    }
    if (birth->words_fd >= 0) {
        birth->words_fd = fcntl(birth->words_fd, F_DUPFD_CLOEXEC, top + 1);
    }
    for (size_t i = 0; i < birth->fd_count; i++) {
        if (dup2(birth->fds[i].from, birth->fds[i].to) < 0) {
            return say(birth, SPAWN_STEP_FD);
        }
    }
    return true;
}

CHILD_SIDE static void child_close_range(struct birth *birth, int first, int last)
{
    uint64_t limit[2] = {CLOSE_MAX, CLOSE_MAX};

    /* The pipe for last words closes itself at exec. */
    if (birth->words_fd >= first && birth->words_fd <= last) {
        if (birth->words_fd > first) {
            syscall(SYS_close_range, first, birth->words_fd - 1, 0);
        }
        first = birth->words_fd + 1;
    }
    if (first > last || syscall(SYS_close_range, first, last, 0) == 0) {
        return;
    }
    syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, limit);
    for (int fd = first; fd <= last && fd < CLOSE_MAX && (uint64_t)fd < limit[0]; fd++) {
        close(fd);
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

CHILD_SIDE static bool child_set_signals(struct birth *birth)
{
    for (int i = 1; i < ORIGIN_SIGNALS; i++) {
        struct sigaction action = {.sa_handler = SIG_DFL};
        bool ignore = sigismember(&birth->to_ignore, i) == 1;

        if (!ignore && sigismember(&birth->to_default, i) != 1) {
            continue;
        }
        if (ignore) {
            action.sa_handler = SIG_IGN;
        }
        if (sigaction(i, &action, NULL) != 0) {
            return say(birth, SPAWN_STEP_SIGNALS);
        }
    }
    if (sigprocmask(SIG_SETMASK, &birth->mask, NULL) != 0) {
        return say(birth, SPAWN_STEP_SIGNALS);
    }
    return true;
}

CHILD_SIDE static bool child_become(struct birth *birth)
{
    const struct spawn *spawn = birth->spawn;

    if (!child_enter_group(birth) || !child_set_limits(birth) || !child_enter_dir(birth) ||
        !child_move_fds(birth)) {
        return false;
    }
    child_close_others(birth);
    if (!child_set_signals(birth)) {
        return false;
    }
    /* execve takes them without const and leaves them alone. */
    execve(spawn->program, (char *const *)(uintptr_t)spawn->argv,
           (char *const *)(uintptr_t)spawn->envp);
    return say(birth, SPAWN_STEP_EXEC);
}

CHILD_SIDE static int child_main(void *arg)
{
    struct birth *birth = arg;

    child_become(birth);
    if (birth->words_fd >= 0) {
        struct last_words words = {birth->words.step, birth->words.sys};

        (void)!write(birth->words_fd, &words, sizeof(words));
    }
    _exit(127);
}

/* ---- the parent */

/* What the child must change to be as its origin: signals and limits. */
static void prepare_origin(struct birth *birth, const struct origin *origin, const sigset_t *now)
{
    struct origin compared;

    sigemptyset(&birth->to_ignore);
    sigemptyset(&birth->to_default);
    birth->mask = origin != NULL ? origin->mask : *now;
    if (origin == NULL) {
        return;
    }
    if (!origin->compared) {
        compared = *origin;
        origin_compare(&compared);
        origin = &compared;
    }
    birth->to_ignore = origin->to_ignore;
    birth->to_default = origin->to_default;
    birth->sets_umask = true;
    birth->umask = origin->umask;
    memcpy(birth->sets_limit, origin->sets_limit, sizeof(birth->sets_limit));
}

static int compare_to(const void *a, const void *b)
{
    int left = ((const struct spawn_fd *)a)->to, right = ((const struct spawn_fd *)b)->to;

    return (left > right) - (left < right);
}

static bool fds_cross(const struct birth *birth)
{
    for (size_t i = 0; i < birth->fd_count; i++) {
        for (size_t j = 0; j < birth->fd_count; j++) {
            if (i != j && birth->fds[i].from == birth->fds[j].to) {
                return true;
            }
        }
    }
    return false;
}

static void prepare_fds(struct birth *birth, int stdin_fd)
{
    const struct spawn *spawn = birth->spawn;

    birth->fd_count = 3 + spawn->fd_count;
    birth->fds = mem_calloc(birth->fd_count, sizeof(*birth->fds));
    birth->fds[0] = (struct spawn_fd){stdin_fd, STDIN_FILENO};
    birth->fds[1] = (struct spawn_fd){spawn->stdout_fd, STDOUT_FILENO};
    birth->fds[2] = (struct spawn_fd){spawn->stderr_fd, STDERR_FILENO};
    for (size_t i = 0; i < spawn->fd_count; i++) {
        assert(spawn->fds[i].to > STDERR_FILENO);
        birth->fds[3 + i] = spawn->fds[i];
    }
    qsort(birth->fds, birth->fd_count, sizeof(*birth->fds), compare_to);
    birth->fds_cross = fds_cross(birth);
}

/* An empty root has no /dev/null; a pipe that has ended reads the same. */
int spawn_open_empty(void)
{
    struct sys_stat stat;
    int fds[2];
    int fd = sys_open("/dev/null", O_RDONLY, 0);

    if (fd >= 0 && sys_fstat(fd, &stat) == 0 && S_ISCHR(stat.mode)) {
        return fd;
    }
    if (fd >= 0) {
        sys_close(fd);
    }
    if (sys_pipe(fds, 0) != 0) {
        return -1;
    }
    sys_close(fds[1]);
    return fds[0];
}

/* The child runs on `stack` in our memory until it executes or ends. */
static pid_t clone_shared(struct birth *birth, int *pidfd)
{
    char stack[STACK_BYTES] __attribute__((aligned(16)));
    const int flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
    pid_t pid;

    *pidfd = -1;
    pid = clone(child_main, stack + sizeof(stack), flags | SYS_CLONE_PIDFD, birth, pidfd);
    if (pid < 0 && errno == EINVAL) {
        *pidfd = -1;
        pid = clone(child_main, stack + sizeof(stack), flags, birth);
    }
    return pid;
}

static pid_t clone_copied(struct birth *birth)
{
    struct last_words words;
    int fds[2];
    pid_t pid;

    if (sys_pipe(fds, 0) != 0) {
        return -1;
    }
    birth->words_fd = fds[1];
    birth->fds_cross = true; /* it too must be above all targets */
    pid = fork();
    if (pid == 0) {
        child_main(birth);
    }
    sys_close(fds[1]);
    if (pid > 0 && sys_read_full(fds[0], &words, sizeof(words)) == (ssize_t)sizeof(words)) {
        birth->words.step = words.step;
        birth->words.sys = words.sys;
    }
    sys_close(fds[0]);
    return pid;
}

static pid_t give_birth(struct birth *birth, int *pidfd)
{
    pid_t pid = -1;

    *pidfd = -1;
    errno = ENOSYS;
    if (CHILD_SHARES) {
        pid = clone_shared(birth, pidfd);
    }
    if (pid < 0 && (errno == EINVAL || errno == ENOSYS)) {
        pid = clone_copied(birth);
    }
    if (pid > 0 && *pidfd < 0) {
        *pidfd = sys_pidfd_open(pid);
    }
    return pid;
}

static pid_t clone_blocked(struct birth *birth, int *pidfd)
{
    sigset_t all, old;
    pid_t pid;
    int sys;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);
    prepare_origin(birth, birth->spawn->origin, &old);
    pid = give_birth(birth, pidfd);
    sys = errno;
    sigprocmask(SIG_SETMASK, &old, NULL);
    errno = sys;
    return pid;
}

static bool is_there(const struct spawn *spawn)
{
    int dir = spawn->dir != NULL ? sys_open(spawn->dir, O_PATH | O_DIRECTORY, 0) : AT_FDCWD;
    bool there = sys_access(dir, spawn->program, F_OK) == 0;

    if (dir >= 0) {
        sys_close(dir);
    }
    return there;
}

static void explain(const struct spawn *spawn, enum spawn_step step, int sys, struct err *err)
{
    const char *subject = step == SPAWN_STEP_DIR ? spawn->dir : spawn->program;

    err_errno(err, sys, "'%s': %s", subject, spawn_step_name(step));
    if (step != SPAWN_STEP_EXEC || err == NULL) {
        return;
    }
    if (sys == ENOENT && is_there(spawn)) {
        err_set(err, STATUS_ENVIRONMENT,
                "'%s': cannot execute: the interpreter that it names does not exist", subject);
    } else if (sys == ENOEXEC) {
        err_set(
            err, STATUS_ENVIRONMENT,
            "'%s': cannot execute: neither a program of this machine nor a script with a #! line",
            subject);
    } else if (sys == E2BIG) {
        err_set(err, STATUS_ENVIRONMENT,
                "'%s': cannot execute: its arguments and environment are too long together",
                subject);
    }
    err->sys = sys;
}

/* A child that never executed is reaped at once. */
static bool bury(const struct birth *birth, pid_t pid, int pidfd, enum spawn_step *step,
                 struct err *err)
{
    struct sys_wait wait;

    sys_waitid(P_PID, (id_t)pid, WEXITED, &wait, NULL);
    if (pidfd >= 0) {
        sys_close(pidfd);
    }
    *step = (enum spawn_step)birth->words.step;
    explain(birth->spawn, *step, birth->words.sys, err);
    return false;
}

static bool start_with_stdin(const struct spawn *spawn, int stdin_fd, struct child *child,
                             enum spawn_step *step, struct err *err)
{
    struct birth birth = {.spawn = spawn, .parent = getpid(), .words_fd = -1};
    struct rusage usage = {0};
    pid_t pid;
    int pidfd = -1;

    prepare_fds(&birth, stdin_fd);
    getrusage(RUSAGE_SELF, &usage);
    *step = SPAWN_STEP_CLONE;
    pid = clone_blocked(&birth, &pidfd);
    if (pid < 0) {
        err_sys(err, "'%s': %s", spawn->program, spawn_step_name(*step));
    }
    free(birth.fds);
    if (pid < 0) {
        return false;
    }
    if (birth.words.sys != 0) {
        return bury(&birth, pid, pidfd, step, err);
    }
    *child = (struct child){pid, pidfd, (int64_t)usage.ru_maxrss * 1024};
    return true;
}

bool spawn_start(const struct spawn *spawn, struct child *child, enum spawn_step *step,
                 struct err *err)
{
    enum spawn_step own_step = SPAWN_STEP_PREPARE;
    int stdin_fd = spawn->stdin_fd >= 0 ? spawn->stdin_fd : spawn_open_empty();
    bool good;

    *child = (struct child){.pidfd = -1};
    step = step != NULL ? step : &own_step;
    if (stdin_fd < 0) {
        *step = SPAWN_STEP_PREPARE;
        return err_sys(err, "'%s': %s", spawn->program, spawn_step_name(*step));
    }
    good = start_with_stdin(spawn, stdin_fd, child, step, err);
    if (stdin_fd != spawn->stdin_fd) {
        sys_close(stdin_fd);
    }
    return good;
}
