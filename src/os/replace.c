/* Owns moving. The design: rename moves everything at once where it may; where it may not, a folder
 * is descended and each entry tried again, so that only what really crosses a file system is
 * copied. A copy gets its name only when its bytes are on the disk, and the old one goes only after
 * that: killed anywhere, the move can be repeated and ends the same. */
#include "os/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/sys.h"
#include "os/remove.h"

enum { MOVE_LEVELS = 200 }; /* two descriptors each */

struct move {
    struct clone_memory *memory;
    int from_dir, to_dir;
    const char *from, *to;
    unsigned level;
    struct err *err;
};

static bool move_fail(const struct move *move, const char *what)
{
    return err_sys(move->err, "'%s' to '%s': %s", move->from, move->to, what);
}

static struct timespec time_of(int64_t ns)
{
    int64_t s = ns / 1000000000, rest = ns % 1000000000;
    if (rest < 0) {
        rest += 1000000000;
        s--;
    }
    return (struct timespec){.tv_sec = (time_t)s, .tv_nsec = (long)rest};
}

/* Bytes, mode and times of `in` to the new file `name`, down to the disk. */
static bool copy_synced(const struct move *move, int in, const struct sys_stat *stat,
                        const char *name)
{
    struct copied copied;
    const struct timespec times[2] = {time_of(stat->atime_ns), time_of(stat->mtime_ns)};
    int out = sys_openat(move->to_dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (out < 0) {
        return move_fail(move, "cannot be copied");
    }
    bool ok = file_copy(move->memory, in, out, move->from, &copied, move->err);
    if (ok && (sys_fchmod(out, stat->mode & 07777) < 0 || sys_futimens(out, times) < 0 ||
               sys_fsync(out) < 0)) {
        ok = move_fail(move, "cannot be copied");
    }
    if (sys_close(out) < 0 && ok) {
        ok = move_fail(move, "cannot be copied");
    }
    return ok;
}

/* Gives `temp` its name and takes the old file away; takes the new one back if that fails. */
static bool finish_copy(const struct move *move, const char *temp)
{
    struct sys_stat there;
    bool fresh = sys_statat(move->to_dir, move->to, AT_SYMLINK_NOFOLLOW, &there) < 0;
    if (sys_renameat(move->to_dir, temp, move->to_dir, move->to) < 0) {
        return move_fail(move, "cannot be renamed");
    }
    if (sys_unlinkat(move->from_dir, move->from, 0) < 0 && errno != ENOENT) {
        int sys = errno;
        if (fresh) {
            (void)sys_unlinkat(move->to_dir, move->to, 0);
        }
        errno = sys;
        return move_fail(move, "the old one cannot be removed");
    }
    return true;
}

/* A temporary name beside `to`, which may be a path. */
static bool temp_beside(const struct move *move, struct strbuf *temp)
{
    char name[FILE_TEMP_BYTES];
    const char *slash = strrchr(move->to, '/');
    if (!file_temp_name(name)) {
        return move_fail(move, "no random numbers");
    }
    strbuf_init(temp);
    if (slash != NULL) {
        strbuf_add(temp, move->to, (size_t)(slash - move->to) + 1);
    }
    strbuf_puts(temp, name);
    return true;
}

static bool move_file(const struct move *move, const struct sys_stat *stat)
{
    struct strbuf temp;
    int in = sys_openat(move->from_dir, move->from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (in < 0) {
        return move_fail(move, "cannot be opened");
    }
    bool ok = temp_beside(move, &temp);
    if (ok) {
        ok = copy_synced(move, in, stat, temp.data) && finish_copy(move, temp.data);
        if (!ok) {
            (void)sys_unlinkat(move->to_dir, temp.data, 0);
        }
        strbuf_fini(&temp);
    }
    (void)sys_close(in);
    return ok;
}

static bool move_link(const struct move *move)
{
    struct strbuf target, temp;
    strbuf_init(&target);
    bool ok = file_read_link(move->from_dir, move->from, &target, move->err);
    if (ok && (ok = temp_beside(move, &temp))) {
        if (sys_symlinkat(target.data, move->to_dir, temp.data) < 0) {
            ok = move_fail(move, "the link cannot be made");
        } else if (!(ok = finish_copy(move, temp.data))) {
            (void)sys_unlinkat(move->to_dir, temp.data, 0);
        }
        strbuf_fini(&temp);
    }
    strbuf_fini(&target);
    return ok;
}

static bool move_any(const struct move *move);

static bool move_entries(const struct move *move, DIR *stream, int from, int to)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = sys_readdir(stream);
        if (entry == NULL) {
            return errno == 0 || move_fail(move, "cannot be listed");
        }
        if (file_is_temp_name(entry->d_name)) {
            if (!tree_remove(from, entry->d_name, move->err)) {
                return false;
            }
            continue;
        }
        struct move below = {move->memory,    from,     to, entry->d_name, entry->d_name,
                             move->level + 1, move->err};
        if (!move_any(&below)) {
            return false;
        }
    }
}

/* Takes the emptied folder away. A mount point, or a folder in one we may not write to, stays,
 * empty: that is as far as it can go. */
static bool finish_folder(const struct move *move, const struct sys_stat *stat, int to)
{
    const struct timespec times[2] = {time_of(stat->atime_ns), time_of(stat->mtime_ns)};
    (void)sys_fchmod(to, stat->mode & 07777);
    (void)sys_futimens(to, times);
    return sys_unlinkat(move->from_dir, move->from, AT_REMOVEDIR) == 0 || errno == ENOENT ||
           errno == EBUSY || errno == EACCES || errno == EPERM ||
           move_fail(move, "the old folder cannot be removed");
}

static int open_entries(const struct move *move)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    int from = sys_openat(move->from_dir, move->from, flags, 0);
    if (from >= 0) {
        /* Entries leave it: a folder of ours without the right to write gets it. The mode it had
         * is given to the new one. */
        struct sys_stat stat;
        if (sys_fstat(from, &stat) == 0 && (stat.mode & 0300) != 0300) {
            (void)sys_fchmod(from, (stat.mode & 07777) | 0700);
        }
    }
    return from;
}

static bool move_folder(const struct move *move, const struct sys_stat *stat)
{
    if (move->level >= MOVE_LEVELS) {
        errno = ELOOP;
        return move_fail(move, "folders are nested too deeply");
    }
    int from = open_entries(move);
    if (from < 0) {
        return move_fail(move, "cannot be opened");
    }
    bool ok = false;
    int to = -1, list = -1;
    DIR *stream = NULL;
    if ((sys_mkdirat(move->to_dir, move->to, 0700) < 0 && errno != EEXIST) ||
        (to = sys_openat(move->to_dir, move->to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)) < 0) {
        move_fail(move, "the folder cannot be made");
    } else if ((list = sys_openat(from, ".", O_RDONLY | O_DIRECTORY, 0)) < 0 ||
               (stream = sys_fdopendir(list)) == NULL) {
        move_fail(move, "cannot be listed");
    } else {
        ok = move_entries(move, stream, from, to);
        (void)sys_closedir(stream);
        ok = ok && finish_folder(move, stat, to);
    }
    if (to >= 0) {
        (void)sys_close(to);
    }
    (void)sys_close(from);
    return ok;
}

/* A folder needs the right to write in itself to be moved to another parent. */
static bool rename_writable(const struct move *move, const struct sys_stat *stat)
{
    if (!S_ISDIR(stat->mode) || (stat->mode & 0300) == 0300 ||
        sys_fchmodat(move->from_dir, move->from, (stat->mode & 07777) | 0700) < 0) {
        return false;
    }
    bool ok = sys_renameat(move->from_dir, move->from, move->to_dir, move->to) == 0;
    int sys = errno;
    (void)sys_fchmodat(ok ? move->to_dir : move->from_dir, ok ? move->to : move->from,
                       stat->mode & 07777);
    errno = sys;
    return ok;
}

static bool move_slowly(const struct move *move, int why)
{
    struct sys_stat stat;
    if (sys_statat(move->from_dir, move->from, AT_SYMLINK_NOFOLLOW, &stat) < 0) {
        return move_fail(move, "cannot be moved");
    }
    if ((why == EACCES || why == EPERM) && rename_writable(move, &stat)) {
        return true;
    }
    switch (stat.mode & S_IFMT) {
    case S_IFREG:
        return move_file(move, &stat);
    case S_IFLNK:
        return move_link(move);
    case S_IFDIR:
        return move_folder(move, &stat);
    default:
        errno = why;
        return move_fail(move, "is neither file, folder nor link and cannot be moved");
    }
}

static bool move_any(const struct move *move)
{
    if (sys_renameat(move->from_dir, move->from, move->to_dir, move->to) == 0) {
        return true;
    }
    switch (errno) {
    case EXDEV:
    case EBUSY:
    case EACCES:
    case EPERM:
    case EEXIST:
    case ENOTEMPTY:
        return move_slowly(move, errno);
    default:
        return move_fail(move, "cannot be moved");
    }
}

bool file_move(struct clone_memory *memory, int from_dir, const char *from, int to_dir,
               const char *to, struct err *err)
{
    struct move move = {memory, from_dir, to_dir, from, to, 0, err};
    return move_any(&move);
}

bool file_exchange(int a_dir, const char *a, int b_dir, const char *b, bool *unsupported,
                   struct err *err)
{
    *unsupported = false;
    if (sys_renameat2(a_dir, a, b_dir, b, SYS_RENAME_EXCHANGE) == 0) {
        return true;
    }
    if (errno == ENOSYS || errno == EINVAL || errno == EXDEV || errno == EOPNOTSUPP ||
        errno == EPERM) {
        *unsupported = true;
        return false;
    }
    return err_sys(err, "'%s' and '%s': cannot be exchanged", a, b);
}
