/* Owns the way from clone to exec, as the parent sees it; the child's side is spawn_child.c.
 *
 * The parent prepares everything (`struct birth`), blocks all signals and clones with CLONE_VM: the
 * child runs on a small stack in our memory, so starting costs the same however large we are, and
 * its last words (step and errno) are simply written into `struct birth`. With CLONE_VFORK this
 * thread stands still until it executes; without (spawn.early) the stack and all that the child
 * reads belong to it until it is reaped. valgrind knows no such clone: for it compile with
 * -DPAWL_SPAWN_WAITS, and every child is waited for. Where such a clone is refused (emulators),
 * fork does, and the last words come through a pipe that closes at exec. */
#include "os/spawn_inside.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"

/* The thread sanitizer keeps what it knows of a thread in memory that the child would share and
 * change. */
#if defined(__SANITIZE_THREAD__)
enum { CHILD_SHARES = 0 };
#else
enum { CHILD_SHARES = 1 };
#endif

#ifdef PAWL_SPAWN_WAITS
enum { CHILD_MAY_BE_EARLY = 0 };
#else
enum { CHILD_MAY_BE_EARLY = CHILD_SHARES };
#endif

/* The child's functions need a few hundred bytes. */
enum { STACK_BYTES = 8 << 10, STACK_ALIGN = 16, HIGH_FD_MIN = 48 };

/* What a child that nobody waits for needs until it has executed. */
struct spawn_early {
    struct spawn spawn;
    struct birth birth;
    char *stack;
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
    birth->fds = spawn->early != NULL ? ARENA_ARRAY(spawn->early, struct spawn_fd, birth->fd_count)
                                      : mem_calloc(birth->fd_count, sizeof(*birth->fds));
    birth->fds[0] = (struct spawn_fd){stdin_fd, STDIN_FILENO};
    birth->fds[1] = (struct spawn_fd){spawn->stdout_fd, STDOUT_FILENO};
    birth->fds[2] = (struct spawn_fd){spawn->stderr_fd, STDERR_FILENO};
    for (size_t i = 0; i < spawn->fd_count; i++) {
        assert(spawn->fds[i].to > STDERR_FILENO);
        birth->fds[3 + i] = spawn->fds[i];
    }
    qsort(birth->fds, birth->fd_count, sizeof(*birth->fds), compare_to);
    birth->fds_cross = fds_cross(birth);
    birth->lowest_fd = birth->fds[0].from;
    for (size_t i = 1; i < birth->fd_count; i++) {
        if (birth->fds[i].from < birth->lowest_fd) {
            birth->lowest_fd = birth->fds[i].from;
        }
    }
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

int spawn_fd_up(int fd)
{
    int moved = fd >= 0 ? sys_fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD_MIN) : -1;

    if (moved < 0) {
        return fd;
    }
    sys_close(fd);
    return moved;
}

static pid_t clone_shared(struct birth *birth, char stack[static STACK_BYTES], int more_flags,
                          int *pidfd)
{
    char *end = stack + STACK_BYTES;
    char *top = end - (uintptr_t)end % STACK_ALIGN;
    const int flags = CLONE_VM | SIGCHLD | more_flags | (birth->shares_fds ? CLONE_FILES : 0);
    pid_t pid = -1;

    *pidfd = -1;
    errno = EINVAL;
    if (!birth->spawn->by_signal) {
        pid = clone(spawn_child_main, top, flags | SYS_CLONE_PIDFD, birth, pidfd);
    }
    if (pid < 0 && errno == EINVAL) {
        *pidfd = -1;
        pid = clone(spawn_child_main, top, flags, birth);
    }
    return pid;
}

/* The child runs on this function's stack until it executes or ends. */
static pid_t clone_waiting(struct birth *birth, int *pidfd)
{
    char stack[STACK_BYTES];

    birth->waited = true;
    return clone_shared(birth, stack, CLONE_VFORK, pidfd);
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
    birth->waited = true;
    birth->shares_fds = false;
    birth->fds_cross = true; /* it too must be above all targets */
    pid = fork();
    if (pid == 0) {
        spawn_child_main(birth);
    }
    sys_close(fds[1]);
    if (pid > 0 && sys_read_full(fds[0], &words, sizeof(words)) == (ssize_t)sizeof(words)) {
        birth->words.step = words.step;
        birth->words.sys = words.sys;
    }
    sys_close(fds[0]);
    return pid;
}

static pid_t give_birth(struct birth *birth, struct spawn_early *early, int *pidfd)
{
    pid_t pid = -1;

    *pidfd = -1;
    errno = ENOSYS;
    if (CHILD_SHARES) {
        pid = early != NULL ? clone_shared(birth, early->stack, 0, pidfd)
                            : clone_waiting(birth, pidfd);
    }
    if (pid < 0 && (errno == EINVAL || errno == ENOSYS)) {
        pid = clone_copied(birth);
    }
    if (pid > 0 && *pidfd < 0 && !birth->spawn->by_signal) {
        *pidfd = sys_pidfd_open(pid);
    }
    return pid;
}

static pid_t clone_blocked(struct birth *birth, struct spawn_early *early, int *pidfd)
{
    sigset_t all, old;
    pid_t pid;
    int sys;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);
    prepare_origin(birth, birth->spawn->origin, &old);
    pid = give_birth(birth, early, pidfd);
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

/* Only where the child sets no errno of ours, and has a memory of its own for what it needs. */
static struct spawn_early *make_early(const struct spawn *spawn)
{
    struct spawn_early *early;

    if (!CHILD_IS_RAW || !CHILD_MAY_BE_EARLY || spawn->early == NULL || spawn->tty_fd >= 0) {
        return NULL;
    }
    early = ARENA_NEW(spawn->early, struct spawn_early);
    early->spawn = *spawn;
    early->stack = arena_bytes(spawn->early, STACK_BYTES);
    return early;
}

static bool start_with_stdin(const struct spawn *spawn, int stdin_fd, struct child *child,
                             enum spawn_step *step, struct err *err)
{
    struct spawn_early *early = make_early(spawn);
    struct birth own = {.words_fd = -1};
    struct birth *birth = early != NULL ? &early->birth : &own;
    int64_t floor_bytes = spawn->rss_floor_bytes == NULL ? child_own_peak() : 0;
    pid_t pid;
    int pidfd = -1;

    *birth = (struct birth){
        .spawn = early != NULL ? &early->spawn : spawn, .parent = getpid(), .words_fd = -1};
    prepare_fds(birth, stdin_fd);
    birth->shares_fds = early != NULL && spawn->fds_stay && stdin_fd == spawn->stdin_fd;
    *step = SPAWN_STEP_CLONE;
    pid = clone_blocked(birth, early, &pidfd);
    if (pid < 0) {
        err_sys(err, "'%s': %s", spawn->program, spawn_step_name(*step));
    }
    if (spawn->early == NULL) {
        free(birth->fds);
    }
    if (pid < 0) {
        return false;
    }
    if (birth->waited && birth->words.sys != 0) {
        return bury(birth, pid, pidfd, step, err);
    }
    *child = (struct child){.pid = pid,
                            .pidfd = pidfd,
                            .own_floor_bytes = floor_bytes,
                            .rss_floor_bytes = spawn->rss_floor_bytes,
                            .early = early};
    return true;
}

bool child_never_ran(const struct child *child, struct err *err)
{
    const struct spawn_early *early = child->early;

    if (early == NULL || early->birth.words.sys == 0) {
        return false;
    }
    explain(&early->spawn, (enum spawn_step)early->birth.words.step, early->birth.words.sys, err);
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
