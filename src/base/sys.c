/* Owns the crossing into the kernel. Each wrapper is: ask for a fault, call, again on EINTR. Calls
 * that a C library may lack go through syscall(2) with layouts that are part of the kernel's ABI
 * and are spelled out here (statx, waitid's rusage).
 *
 * Faults: rules are parsed once into a table before any thread starts; counters are atomic; the
 * only mutable state at file level exists in the fault build alone. */
#include "base/sys.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const sys_call_names[SYS_CALL_COUNT] = {
#define SYS_CALL_NAME(upper, lower) #lower,
    SYS_CALLS(SYS_CALL_NAME)
#undef SYS_CALL_NAME
};

#ifdef PAWL_FAULT

enum { FAULT_RULES = 16, FAULT_ANY = SYS_CALL_COUNT, FAULT_SHORT = -1, FAULT_KILL = -2 };

struct fault_rule {
    unsigned call; /* enum sys_call, or FAULT_ANY */
    int what;      /* errno, FAULT_SHORT or FAULT_KILL */
    uint64_t nth;
    bool onwards;
    char text[64]; /* as given, for the report */
    atomic_uint_least64_t seen;
};

static struct fault_rule fault_rules[FAULT_RULES];
static unsigned fault_rule_count;
static const char *fault_report_path;

static const struct {
    const char *name;
    int what;
} fault_kinds[] = {
    {"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EMFILE", EMFILE},     {"ENFILE", ENFILE},
    {"EINTR", EINTR},   {"ENOMEM", ENOMEM}, {"EACCES", EACCES},     {"EPERM", EPERM},
    {"EROFS", EROFS},   {"EDQUOT", EDQUOT}, {"EXDEV", EXDEV},       {"ENOSYS", ENOSYS},
    {"EAGAIN", EAGAIN}, {"EINVAL", EINVAL}, {"short", FAULT_SHORT}, {"kill", FAULT_KILL},
};

static void fault_report(const struct fault_rule *rule)
{
    char line[80];
    int len = snprintf(line, sizeof(line), "%s\n", rule->text);
    int fd;

    if (fault_report_path == NULL) {
        return;
    }
    fd = open(fault_report_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd >= 0) {
        (void)!write(fd, line, (size_t)len);
        close(fd);
    }
}

/* 0: go on; an errno: fail with it; FAULT_SHORT. */
static int fault_ask(enum sys_call call)
{
    for (unsigned i = 0; i < fault_rule_count; i++) {
        struct fault_rule *rule = &fault_rules[i];
        uint64_t nth;

        if (rule->call != (unsigned)call && rule->call != FAULT_ANY) {
            continue;
        }
        nth = atomic_fetch_add(&rule->seen, 1) + 1;
        if (nth == rule->nth || (rule->onwards && nth > rule->nth)) {
            fault_report(rule);
            if (rule->what == FAULT_KILL) {
                kill(getpid(), SIGKILL);
            }
            return rule->what;
        }
    }
    return 0;
}

static bool fault_parse_call(const char *name, size_t len, unsigned *call)
{
    for (unsigned i = 0; i < SYS_CALL_COUNT; i++) {
        if (strlen(sys_call_names[i]) == len && memcmp(sys_call_names[i], name, len) == 0) {
            *call = i;
            return true;
        }
    }
    *call = FAULT_ANY;
    return len == 3 && memcmp(name, "any", 3) == 0;
}

static bool fault_parse_what(const char *name, int *what)
{
    for (size_t i = 0; i < sizeof(fault_kinds) / sizeof(fault_kinds[0]); i++) {
        if (strcmp(fault_kinds[i].name, name) == 0) {
            *what = fault_kinds[i].what;
            return true;
        }
    }
    return false;
}

static bool fault_parse_rule(const char *text, size_t len, struct fault_rule *rule)
{
    char *nth, *what;

    if (len == 0 || len >= sizeof(rule->text)) {
        return false;
    }
    memcpy(rule->text, text, len);
    rule->text[len] = '\0';
    nth = strchr(rule->text, ':');
    if (nth == NULL || !fault_parse_call(rule->text, (size_t)(nth - rule->text), &rule->call)) {
        return false;
    }
    rule->nth = strtoull(nth + 1, &what, 10);
    rule->onwards = *what == '+';
    what += rule->onwards;
    return rule->nth > 0 && *what == ':' && fault_parse_what(what + 1, &rule->what);
}

bool sys_fault_init(void)
{
    const char *rest = getenv("PAWL_FAULT");

    fault_rule_count = 0;
    fault_report_path = getenv("PAWL_FAULT_FILE");
    while (rest != NULL && *rest != '\0') {
        size_t len = strcspn(rest, ",");

        if (fault_rule_count == FAULT_RULES) {
            return false;
        }
        memset(&fault_rules[fault_rule_count], 0, sizeof(fault_rules[0]));
        if (!fault_parse_rule(rest, len, &fault_rules[fault_rule_count])) {
            return false;
        }
        fault_rule_count++;
        rest += len + (rest[len] == ',');
    }
    return true;
}

/* True: the call fails with errno set. */
static bool fault_fails(enum sys_call call, size_t *size)
{
    int what = fault_ask(call);

    if (what == FAULT_SHORT && size != NULL && *size > 1) {
        *size /= 2;
    }
    if (what > 0) {
        errno = what;
    }
    return what > 0;
}

#define FAULT(call, size) fault_fails(SYS_CALL_##call, (size))

#else

bool sys_fault_init(void)
{
    return true;
}

#define FAULT(call, size) false

#endif

/* Again while interrupted; an injected EINTR takes the same way. */
#define RETRY(call, expression)                                                                    \
    do {                                                                                           \
        do {                                                                                       \
            result = FAULT(call, NULL) ? -1 : (expression);                                        \
        } while (result == -1 && errno == EINTR);                                                  \
        return result;                                                                             \
    } while (0)
/* The same where an injected fault may shorten `size`. */
#define RETRY_SIZE(call, expression)                                                               \
    do {                                                                                           \
        do {                                                                                       \
            result = FAULT(call, &size) ? -1 : (expression);                                       \
        } while (result == -1 && errno == EINTR);                                                  \
        return result;                                                                             \
    } while (0)

int sys_open(const char *path, int flags, mode_t mode)
{
    return sys_openat(AT_FDCWD, path, flags, mode);
}

int sys_openat(int dir, const char *path, int flags, mode_t mode)
{
    int result;

    RETRY(OPEN, openat(dir, path, flags | O_CLOEXEC, mode));
}

int sys_close(int fd)
{
#ifdef PAWL_FAULT
    size_t one = 1;

    if (fault_fails(SYS_CALL_CLOSE, &one)) {
        int sys = errno;

        close(fd);
        errno = sys;
        return sys == EINTR ? 0 : -1;
    }
#endif
    return close(fd) == 0 || errno == EINTR ? 0 : -1;
}

int sys_dup(int fd)
{
    int result;

    RETRY(DUP, fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

int sys_pipe(int fds[2], int flags)
{
    int result;

    RETRY(PIPE, pipe2(fds, flags | O_CLOEXEC));
}

ssize_t sys_read(int fd, void *data, size_t size)
{
    ssize_t result;

    RETRY_SIZE(READ, read(fd, data, size));
}

ssize_t sys_pread(int fd, void *data, size_t size, int64_t offset)
{
    ssize_t result;

    RETRY_SIZE(PREAD, pread(fd, data, size, offset));
}

ssize_t sys_write(int fd, const void *data, size_t size)
{
    ssize_t result;

    RETRY_SIZE(WRITE, write(fd, data, size));
}

ssize_t sys_writev(int fd, const struct iovec *parts, int count)
{
    ssize_t result;

    RETRY(WRITE, writev(fd, parts, count));
}

ssize_t sys_pwrite(int fd, const void *data, size_t size, int64_t offset)
{
    ssize_t result;

    RETRY_SIZE(PWRITE, pwrite(fd, data, size, offset));
}

int sys_write_full(int fd, const void *data, size_t size)
{
    const char *next = data;

    while (size > 0) {
        ssize_t count = sys_write(fd, next, size);

        if (count <= 0) {
            errno = count == 0 ? ENOSPC : errno;
            return -1;
        }
        next += count;
        size -= (size_t)count;
    }
    return 0;
}

int sys_pwrite_full(int fd, const void *data, size_t size, int64_t offset)
{
    const char *next = data;

    while (size > 0) {
        ssize_t count = sys_pwrite(fd, next, size, offset);

        if (count <= 0) {
            errno = count == 0 ? ENOSPC : errno;
            return -1;
        }
        next += count;
        offset += count;
        size -= (size_t)count;
    }
    return 0;
}

ssize_t sys_read_full(int fd, void *data, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t count = sys_read(fd, (char *)data + done, size - done);

        if (count < 0) {
            return -1;
        }
        if (count == 0) {
            break;
        }
        done += (size_t)count;
    }
    return (ssize_t)done;
}

ssize_t sys_pread_full(int fd, void *data, size_t size, int64_t offset)
{
    size_t done = 0;

    while (done < size) {
        ssize_t count = sys_pread(fd, (char *)data + done, size - done, offset + (int64_t)done);

        if (count < 0) {
            return -1;
        }
        if (count == 0) {
            break;
        }
        done += (size_t)count;
    }
    return (ssize_t)done;
}

int64_t sys_seek(int fd, int64_t offset, int whence)
{
    int64_t result;

    RETRY(SEEK, lseek(fd, offset, whence));
}

int sys_truncate(int fd, int64_t size_bytes)
{
    int result;

    RETRY(TRUNCATE, ftruncate(fd, size_bytes));
}

int sys_fallocate(int fd, int mode, int64_t offset, int64_t len)
{
    int result;

    RETRY(FALLOCATE, fallocate(fd, mode, offset, len));
}

ssize_t sys_copy_file_range(int in, int64_t *in_offset, int out, int64_t *out_offset, size_t size)
{
    ssize_t result;

    RETRY_SIZE(COPY_FILE_RANGE,
               syscall(SYS_copy_file_range, in, in_offset, out, out_offset, size, 0U));
}

ssize_t sys_sendfile(int out, int in, int64_t *offset, size_t size)
{
    ssize_t result;
    off_t at = offset != NULL ? *offset : 0;

    do {
        result = FAULT(SENDFILE, &size) ? -1 : sendfile(out, in, offset != NULL ? &at : NULL, size);
    } while (result == -1 && errno == EINTR);
    if (offset != NULL) {
        *offset = at;
    }
    return result;
}

ssize_t sys_splice(int in, int64_t *in_offset, int out, int64_t *out_offset, size_t size,
                   unsigned flags)
{
    ssize_t result;

    RETRY_SIZE(SPLICE, syscall(SYS_splice, in, in_offset, out, out_offset, size, flags));
}

int sys_ficlone(int out, int in)
{
    int result;

    /* FICLONE of linux/fs.h: _IOW(0x94, 9, int). */
    RETRY(FICLONE, ioctl(out, (int)_IOW(0x94, 9, int), in));
}

int sys_fsync(int fd)
{
    int result;

    RETRY(FSYNC, fsync(fd));
}

int sys_fdatasync(int fd)
{
    int result;

    RETRY(FDATASYNC, fdatasync(fd));
}

int sys_syncfs(int fd)
{
    int result;

    RETRY(SYNCFS, syncfs(fd));
}

int sys_rename(const char *from, const char *to)
{
    return sys_renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int sys_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    int result;

    RETRY(RENAME, renameat(from_dir, from, to_dir, to));
}

int sys_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    int result;

    RETRY(RENAME, (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags));
}

int sys_link(const char *from, const char *to)
{
    return sys_linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int sys_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    int result;

    RETRY(LINK, linkat(from_dir, from, to_dir, to, flags));
}

int sys_unlink(const char *path)
{
    return sys_unlinkat(AT_FDCWD, path, 0);
}

int sys_unlinkat(int dir, const char *path, int flags)
{
    int result;

    RETRY(UNLINK, unlinkat(dir, path, flags));
}

int sys_rmdir(const char *path)
{
    return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int sys_mkdir(const char *path, mode_t mode)
{
    return sys_mkdirat(AT_FDCWD, path, mode);
}

int sys_mkdirat(int dir, const char *path, mode_t mode)
{
    int result;

    RETRY(MKDIR, mkdirat(dir, path, mode));
}

int sys_symlink(const char *target, const char *path)
{
    return sys_symlinkat(target, AT_FDCWD, path);
}

int sys_symlinkat(const char *target, int dir, const char *path)
{
    int result;

    RETRY(SYMLINK, symlinkat(target, dir, path));
}

ssize_t sys_readlink(const char *path, char *target, size_t size)
{
    return sys_readlinkat(AT_FDCWD, path, target, size);
}

ssize_t sys_readlinkat(int dir, const char *path, char *target, size_t size)
{
    ssize_t result;

    RETRY(READLINK, readlinkat(dir, path, target, size));
}

/* The kernel's struct statx, 256 bytes. */
struct statx_time {
    int64_t sec;
    uint32_t nsec;
    int32_t pad;
};

struct statx_raw {
    uint32_t mask, block_bytes;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, pad;
    uint64_t ino, size, blocks, attributes_mask;
    struct statx_time atime, btime, ctime, mtime;
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t mount_id;
    uint64_t spare[13];
};
_Static_assert(sizeof(struct statx_raw) == 256, "layout of the kernel's struct statx");

enum { STATX_WANT = 0x7ff | 0x1000, STATX_HAS_MOUNT = 0x1000 }; /* BASIC_STATS, MNT_ID */

static int64_t time_ns(int64_t sec, int64_t nsec)
{
    return sec * 1000000000 + nsec;
}

static void stat_from_statx(const struct statx_raw *raw, struct sys_stat *stat)
{
    *stat = (struct sys_stat){
        .ino = raw->ino,
        .size_bytes = raw->size,
        .blocks_512 = raw->blocks,
        .mtime_ns = time_ns(raw->mtime.sec, raw->mtime.nsec),
        .ctime_ns = time_ns(raw->ctime.sec, raw->ctime.nsec),
        .atime_ns = time_ns(raw->atime.sec, raw->atime.nsec),
        .mount_id = raw->mount_id,
        .mode = raw->mode,
        .nlink = raw->nlink,
        .uid = raw->uid,
        .gid = raw->gid,
        .dev_major = raw->dev_major,
        .dev_minor = raw->dev_minor,
        .has_mount_id = (raw->mask & STATX_HAS_MOUNT) != 0,
    };
}

/* Sandboxes that filter system calls answer ENOSYS to statx. */
static int stat_old(int dir, const char *path, int flags, struct sys_stat *out)
{
    struct stat raw;

    if (fstatat(dir, path, &raw, flags) != 0) {
        return -1;
    }
    *out = (struct sys_stat){
        .ino = raw.st_ino,
        .size_bytes = (uint64_t)raw.st_size,
        .blocks_512 = (uint64_t)raw.st_blocks,
        .mtime_ns = time_ns(raw.st_mtim.tv_sec, raw.st_mtim.tv_nsec),
        .ctime_ns = time_ns(raw.st_ctim.tv_sec, raw.st_ctim.tv_nsec),
        .atime_ns = time_ns(raw.st_atim.tv_sec, raw.st_atim.tv_nsec),
        .mode = raw.st_mode,
        .nlink = (uint32_t)raw.st_nlink,
        .uid = raw.st_uid,
        .gid = raw.st_gid,
        .dev_major = (uint32_t)major(raw.st_dev),
        .dev_minor = (uint32_t)minor(raw.st_dev),
    };
    return 0;
}

static int stat_call(int dir, const char *path, int flags, struct sys_stat *stat)
{
    struct statx_raw raw = {0};

    if (syscall(SYS_statx, dir, path, flags | AT_NO_AUTOMOUNT, STATX_WANT, &raw) == 0) {
        stat_from_statx(&raw, stat);
        return 0;
    }
    return errno == ENOSYS ? stat_old(dir, path, flags, stat) : -1;
}

int sys_statat(int dir, const char *path, int flags, struct sys_stat *stat)
{
    int result;

    RETRY(STAT, stat_call(dir, path, flags, stat));
}

int sys_stat(const char *path, struct sys_stat *stat)
{
    return sys_statat(AT_FDCWD, path, 0, stat);
}

int sys_lstat(const char *path, struct sys_stat *stat)
{
    return sys_statat(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, stat);
}

int sys_fstat(int fd, struct sys_stat *stat)
{
    return sys_statat(fd, "", AT_EMPTY_PATH, stat);
}

int sys_access(int dir, const char *path, int mode)
{
    int result;

    RETRY(ACCESS, faccessat(dir, path, mode, AT_EACCESS));
}

int sys_statfs(const char *path, struct statfs *stat)
{
    int result;

    RETRY(STATFS, statfs(path, stat));
}

int sys_fstatfs(int fd, struct statfs *stat)
{
    int result;

    RETRY(STATFS, fstatfs(fd, stat));
}

int sys_chmod(const char *path, mode_t mode)
{
    return sys_fchmodat(AT_FDCWD, path, mode);
}

int sys_fchmod(int fd, mode_t mode)
{
    int result;

    RETRY(CHMOD, fchmod(fd, mode));
}

int sys_fchmodat(int dir, const char *path, mode_t mode)
{
    int result;

    RETRY(CHMOD, fchmodat(dir, path, mode, 0));
}

int sys_utimensat(int dir, const char *path, const struct timespec times[2], int flags)
{
    int result;

    RETRY(UTIMENS, utimensat(dir, path, times, flags));
}

int sys_futimens(int fd, const struct timespec times[2])
{
    int result;

    RETRY(UTIMENS, futimens(fd, times));
}

mode_t sys_umask(mode_t mask)
{
    return umask(mask);
}

int sys_chdir(const char *path)
{
    int result;

    RETRY(CHDIR, chdir(path));
}

char *sys_realpath(const char *path)
{
    return FAULT(READLINK, NULL) ? NULL : realpath(path, NULL);
}

char *sys_getcwd(char *path, size_t size)
{
    return FAULT(GETCWD, NULL) ? NULL : getcwd(path, size);
}

DIR *sys_fdopendir(int fd)
{
    DIR *dir = FAULT(OPEN, NULL) ? NULL : fdopendir(fd);

    if (dir == NULL) {
        int sys = errno;

        close(fd);
        errno = sys;
    }
    return dir;
}

DIR *sys_opendir(const char *path)
{
    int fd = sys_open(path, O_RDONLY | O_DIRECTORY, 0);

    return fd < 0 ? NULL : sys_fdopendir(fd);
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

struct dirent *sys_readdir(DIR *dir)
{
    struct dirent *entry;

    if (FAULT(GETDENTS, NULL)) {
        return NULL;
    }
    do {
        errno = 0;
        entry = readdir(dir);
    } while (entry != NULL && is_dots(entry->d_name));
    return entry;
}

int sys_closedir(DIR *dir)
{
    return closedir(dir);
}

ssize_t sys_getdents(int fd, void *data, size_t size)
{
    ssize_t result;

    RETRY(GETDENTS, syscall(SYS_getdents64, fd, data, size));
}

void *sys_mmap(size_t size, int prot, int flags, int fd, int64_t offset)
{
    return FAULT(MMAP, NULL) ? MAP_FAILED : mmap(NULL, size, prot, flags, fd, offset);
}

int sys_munmap(void *data, size_t size)
{
    int result;

    RETRY(MUNMAP, munmap(data, size));
}

int sys_msync(void *data, size_t size, int flags)
{
    int result;

    RETRY(MSYNC, msync(data, size, flags));
}

int sys_madvise(void *data, size_t size, int advice)
{
    int result;

    RETRY(MADVISE, madvise(data, size, advice));
}

int sys_lock(int fd, int type, int64_t start, int64_t len, bool wait)
{
    struct flock lock = {
        .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
    int result;

    RETRY(LOCK, fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock));
}

static int lock_get(int fd, struct flock *lock)
{
    int result;

    RETRY(LOCK, fcntl(fd, F_OFD_GETLK, lock));
}

int sys_lock_probe(int fd, int type, int64_t start, int64_t len)
{
    struct flock lock = {
        .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};

    if (lock_get(fd, &lock) != 0) {
        return -1;
    }
    return lock.l_type == F_UNLCK ? 0 : 1;
}

int sys_flock(int fd, int operation)
{
    int result;

    RETRY(FLOCK, flock(fd, operation));
}

int sys_fcntl(int fd, int command, int value)
{
    int result;

    RETRY(FCNTL, fcntl(fd, command, value));
}

int sys_set_nonblock(int fd, bool nonblock)
{
    int flags = sys_fcntl(fd, F_GETFL, 0);

    if (flags < 0) {
        return -1;
    }
    return sys_fcntl(fd, F_SETFL, nonblock ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

int sys_set_cloexec(int fd, bool cloexec)
{
    return sys_fcntl(fd, F_SETFD, cloexec ? FD_CLOEXEC : 0);
}

int sys_pipe_set_size(int fd, int size_bytes)
{
    return sys_fcntl(fd, F_SETPIPE_SZ, size_bytes);
}

int sys_ioctl(int fd, unsigned long request, void *value)
{
    int result;

    /* The C libraries disagree on the type of the request: int or unsigned long. */
    RETRY(IOCTL, (int)syscall(SYS_ioctl, fd, request, value));
}

bool sys_isatty(int fd)
{
    return isatty(fd) == 1;
}

int sys_epoll_create(void)
{
    int result;

    RETRY(EPOLL_CREATE, epoll_create1(EPOLL_CLOEXEC));
}

int sys_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    int result;

    RETRY(EPOLL_CTL, epoll_ctl(epoll, operation, fd, event));
}

int sys_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout_ms)
{
    return FAULT(EPOLL_WAIT, NULL) ? -1 : epoll_wait(epoll, events, count, timeout_ms);
}

int sys_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    return FAULT(POLL, NULL) ? -1 : poll(fds, count, timeout_ms);
}

int sys_eventfd(unsigned value, int flags)
{
    int result;

    RETRY(EVENTFD, eventfd(value, flags | EFD_CLOEXEC));
}

int sys_timerfd_create(clockid_t clock, int flags)
{
    int result;

    RETRY(TIMERFD_CREATE, timerfd_create(clock, flags | TFD_CLOEXEC));
}

int sys_timerfd_set(int fd, int flags, int64_t value_ns)
{
    struct itimerspec spec = {
        .it_value = {.tv_sec = value_ns / 1000000000, .tv_nsec = value_ns % 1000000000}};
    int result;

    RETRY(TIMERFD_SET, timerfd_settime(fd, flags, &spec, NULL));
}

int sys_signalfd(int fd, const sigset_t *mask, int flags)
{
    int result;

    RETRY(SIGNALFD, signalfd(fd, mask, flags | SFD_CLOEXEC));
}

int sys_socket(int domain, int type, int protocol)
{
    int result;

    RETRY(SOCKET, socket(domain, type | SOCK_CLOEXEC, protocol));
}

int sys_bind(int fd, const struct sockaddr *address, socklen_t len)
{
    int result;

    RETRY(BIND, bind(fd, address, len));
}

int sys_listen(int fd, int backlog)
{
    int result;

    RETRY(LISTEN, listen(fd, backlog));
}

int sys_accept(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    int result;

    RETRY(ACCEPT, accept4(fd, address, len, flags | SOCK_CLOEXEC));
}

/* An interrupted connect goes on by itself; for a local socket it has not begun, so again is right.
 */
int sys_connect(int fd, const struct sockaddr *address, socklen_t len)
{
    int result;

    RETRY(CONNECT, connect(fd, address, len));
}

ssize_t sys_recv(int fd, void *data, size_t size, int flags)
{
    ssize_t result;

    RETRY_SIZE(RECV, recv(fd, data, size, flags));
}

ssize_t sys_send(int fd, const void *data, size_t size, int flags)
{
    ssize_t result;

    RETRY_SIZE(SEND, send(fd, data, size, flags | MSG_NOSIGNAL));
}

int sys_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    return getsockopt(fd, level, name, value, len);
}

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

/* The system call, unlike the C library's function, also gives the usage of the child. */
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

int sys_prctl(int option, unsigned long value)
{
    int result;

    RETRY(PRCTL, prctl(option, value, 0UL, 0UL, 0UL));
}

int sys_affinity_count(void)
{
    /* Room for 8,192 processors; a kernel built for more answers EINVAL to a smaller set. */
    unsigned long bits[8192 / (8 * sizeof(unsigned long))] = {0};
    long used;
    int count = 0;

    used = FAULT(GETAFFINITY, NULL) ? -1 : syscall(SYS_sched_getaffinity, 0, sizeof(bits), bits);
    for (long i = 0; i < used / (long)sizeof(bits[0]); i++) {
        count += __builtin_popcountl(bits[i]);
    }
    return used < 0 ? -1 : count;
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
