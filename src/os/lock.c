/* Owns lock files.
 *
 * The lock is the kernel's; the text in the file is one line for others to show:
 *
 *     pawl-lock 1 <pid> <since_ns> <run or -> <host or -> <what or ->\n
 *
 * fields separated by one blank, no blank inside a field, at most 255 bytes with the newline; any
 * other content means that the holder is not known. It is written over by whoever takes the lock
 * and stays behind when he goes. The range that is locked lies far behind the content (byte
 * 2^62), so that file systems with mandatory ranges still let others read the line.
 *
 * Open-file-description locks rather than process locks: those vanish when any descriptor of the
 * file is closed, and flock() is turned into something else by some network file systems. The lives
 * lock must be flock(): it is kept by whoever inherited the descriptor, which is the point. */
#include "os/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"

enum { LINE_BYTES = 256, LIVES_FD_MIN = 46 };

#define LOCK_START (INT64_C(1) << 62)

static const char *or_dash(const char *text)
{
    return text[0] != '\0' && strpbrk(text, " \n") == NULL ? text : "-";
}

static bool holder_write(int fd, const struct lock_holder *me, struct err *err)
{
    char line[LINE_BYTES];
    int len =
        snprintf(line, sizeof(line), "pawl-lock 1 %ld %lld %s %s %s\n", (long)me->pid,
                 (long long)me->since_ns, or_dash(me->run), or_dash(me->host), or_dash(me->what));

    /* A full disk must not keep anybody from the lock: `gc` needs it to make room. */
    if (sys_truncate(fd, 0) != 0 ||
        (sys_pwrite_full(fd, line, (size_t)len, 0) != 0 && errno != ENOSPC && errno != EDQUOT)) {
        return err_sys(err, "cannot write the lock file");
    }
    return true;
}

static bool take_field(struct str *rest, struct str *field)
{
    return str_split(rest, ' ', field) && field->len > 0;
}

static bool take_text(struct str *rest, char *text, size_t size)
{
    struct str field;

    if (!take_field(rest, &field) || field.len >= size) {
        return false;
    }
    if (!str_is(field, "-")) {
        memcpy(text, field.data, field.len);
        text[field.len] = '\0';
    }
    return true;
}

static bool holder_parse(struct str line, struct lock_holder *holder)
{
    struct str field;
    uint64_t pid, since;

    *holder = (struct lock_holder){0};
    if (!str_has_prefix(line, STR("pawl-lock 1 ")) || line.data[line.len - 1] != '\n') {
        return false;
    }
    line = str_skip(str_head(line, line.len - 1), strlen("pawl-lock 1 "));
    if (!take_field(&line, &field) || !str_to_u64(field, &pid) || pid > INT32_MAX ||
        !take_field(&line, &field) || !str_to_u64(field, &since) || since > INT64_MAX ||
        !take_text(&line, holder->run, sizeof(holder->run)) ||
        !take_text(&line, holder->host, sizeof(holder->host)) ||
        !take_text(&line, holder->what, sizeof(holder->what))) {
        *holder = (struct lock_holder){0};
        return false;
    }
    holder->pid = (pid_t)pid;
    holder->since_ns = (int64_t)since;
    return true;
}

static void holder_read(int fd, struct lock_holder *holder)
{
    char line[LINE_BYTES];
    ssize_t len = sys_pread_full(fd, line, sizeof(line), 0);

    if (len <= 0 || !holder_parse(str_n(line, (size_t)len), holder)) {
        *holder = (struct lock_holder){0};
    }
}

/* Whoever has just taken the lock says in a moment who it is. */
static void holder_wait(int fd, struct lock_holder *holder)
{
    enum { TRIES = 50, TRY_MS = 2 };

    holder_read(fd, holder);
    for (int i = 0; i < TRIES && holder->pid == 0; i++) {
        sys_poll(NULL, 0, TRY_MS);
        holder_read(fd, holder);
    }
}

int lock_file_open(const char *path, struct err *err)
{
    int fd = sys_open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY, SYS_OWN_FILE);

    if (fd < 0) {
        err_sys(err, "'%s': cannot open the lock file", path);
    }
    return fd;
}

static enum lock_answer refused(int fd, const char *path, struct lock_holder *other,
                                struct err *err)
{
    struct lock_holder holder;

    if (errno != EAGAIN && errno != EACCES) {
        err_sys(err, "'%s': cannot be locked", path);
        return LOCK_FAILED;
    }
    holder_wait(fd, &holder);
    if (other != NULL) {
        *other = holder;
    }
    if (holder.pid == 0) {
        err_set(err, STATUS_LOCKED, "'%s': held by another process", path);
    } else {
        char since[TIME_TEXT_BYTES];

        time_format_rfc3339(holder.since_ns, since);
        err_set(err, STATUS_LOCKED, "'%s': held by process %ld%s%s%s%s%s%s, since %s", path,
                (long)holder.pid, holder.host[0] != '\0' ? " on " : "", holder.host,
                holder.what[0] != '\0' ? ", pawl " : "", holder.what,
                holder.run[0] != '\0' ? ", run " : "", holder.run, since);
    }
    return LOCK_BUSY;
}

enum lock_answer lock_take(struct lock *lock, const char *path, const struct lock_holder *me,
                           struct lock_holder *other, struct err *err)
{
    enum lock_answer answer = LOCK_FAILED;

    if (other != NULL) {
        *other = (struct lock_holder){0};
    }
    lock->fd = lock_file_open(path, err);
    if (lock->fd < 0) {
        return LOCK_FAILED;
    }
    if (sys_lock(lock->fd, F_WRLCK, LOCK_START, 1, false) != 0) {
        answer = refused(lock->fd, path, other, err);
    } else if (holder_write(lock->fd, me, err)) {
        return LOCK_HELD;
    } else {
        err_wrap(err, "'%s'", path);
    }
    lock_release(lock);
    return answer;
}

bool lock_tell(const struct lock *lock, const struct lock_holder *me, struct err *err)
{
    return holder_write(lock->fd, me, err);
}

void lock_release(struct lock *lock)
{
    if (lock->fd >= 0) {
        sys_close(lock->fd);
        lock->fd = -1;
    }
}

/* Out of the way of the numbers that scripts use, and with room below 64 (see run/tokens.c). */
static int move_up(int fd)
{
    int moved = sys_fcntl(fd, F_DUPFD_CLOEXEC, LIVES_FD_MIN);

    if (moved < 0) {
        return fd;
    }
    sys_close(fd);
    return moved;
}

enum lock_answer lock_take_lives(struct lock *lock, const char *path, struct err *err)
{
    enum lock_answer answer = LOCK_FAILED;

    lock->fd = lock_file_open(path, err);
    if (lock->fd < 0) {
        return LOCK_FAILED;
    }
    /* Exclusive first, to see that nobody has it; then shared is only the word for what follows. */
    if (sys_flock(lock->fd, LOCK_EX | LOCK_NB) == 0 &&
        sys_flock(lock->fd, LOCK_SH | LOCK_NB) == 0) {
        lock->fd = move_up(lock->fd);
        return LOCK_HELD;
    }
    if (errno == EWOULDBLOCK) {
        err_set(err, STATUS_LOCKED,
                "'%s': processes of an earlier run are still alive and cannot be told apart; end "
                "them, then run again",
                path);
        answer = LOCK_BUSY;
    } else {
        err_sys(err, "'%s': cannot be locked", path);
    }
    lock_release(lock);
    return answer;
}

static bool probe_excludes(int first, const char *path, struct err *err)
{
    int second;
    bool good;

    if (sys_lock(first, F_WRLCK, LOCK_START, 1, false) != 0) {
        return err_sys(err, "'%s': the file system has no locks", path);
    }
    second = lock_file_open(path, err);
    if (second < 0) {
        return false;
    }
    good = sys_lock(second, F_WRLCK, LOCK_START, 1, false) != 0 &&
           (errno == EAGAIN || errno == EACCES);
    sys_close(second);
    if (!good) {
        err_set(err, STATUS_ENVIRONMENT, "'%s': locks of this file system do not exclude", path);
    }
    return good;
}

bool lock_probe(const char *dir, struct err *err)
{
    char path[4096];
    uint64_t random = 0;
    bool good;
    int fd;

    sys_getrandom(&random, sizeof(random));
    if (snprintf(path, sizeof(path), "%s/.lock-probe-%016llx", dir, (unsigned long long)random) >=
        (int)sizeof(path)) {
        return err_errno(err, ENAMETOOLONG, "'%.80s…': cannot probe for locks", dir);
    }
    fd = lock_file_open(path, err);
    if (fd < 0) {
        return false;
    }
    good = probe_excludes(fd, path, err);
    sys_close(fd);
    sys_unlink(path);
    return good;
}
