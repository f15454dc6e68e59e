#ifndef PAWL_BASE_SYS_H
#define PAWL_BASE_SYS_H
/* Every system call that touches descriptors, files or processes, one thin wrapper each. This is
 * the seam where faults are injected, and the place where differences between C libraries end.
 *
 * Returns are the kernel's: -1 and errno. Differences, the same everywhere:
 *  - descriptors are always made close-on-exec;
 *  - EINTR is retried inside, but for sys_epoll_wait; sys_close answers 0 to it, as the descriptor
 *    is gone;
 *  - times are nanoseconds since 1970 in one int64_t.
 *
 * All may be called from any thread. In a build with -DPAWL_FAULT each call first asks sys_fault(),
 * see the end; without it that costs nothing. The section between clone and exec (os/spawn.c) does
 * not come here.
 */
#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>

/* Constants of the kernel that not every C library's headers show. */
enum {
    SYS_RENAME_NOREPLACE = 1,
    SYS_RENAME_EXCHANGE = 2,
    SYS_P_PIDFD = 3,
    SYS_MADV_POPULATE_WRITE = 23,
    SYS_CLONE_PIDFD = 0x1000
};

/* Every kind of call, for fault injection; `sys_call_names` has the names used in PAWL_FAULT. */
#define SYS_CALLS(X)                                                                               \
    X(ACCEPT, accept)                                                                              \
    X(ACCESS, access)                                                                              \
    X(BIND, bind)                                                                                  \
    X(CHDIR, chdir)                                                                                \
    X(CHMOD, chmod)                                                                                \
    X(CLONE, clone)                                                                                \
    X(CLOSE, close)                                                                                \
    X(CONNECT, connect)                                                                            \
    X(COPY_FILE_RANGE, copy_file_range)                                                            \
    X(DUP, dup)                                                                                    \
    X(EPOLL_CREATE, epoll_create)                                                                  \
    X(EPOLL_CTL, epoll_ctl)                                                                        \
    X(EPOLL_WAIT, epoll_wait)                                                                      \
    X(EVENTFD, eventfd)                                                                            \
    X(FALLOCATE, fallocate)                                                                        \
    X(FCNTL, fcntl)                                                                                \
    X(FDATASYNC, fdatasync)                                                                        \
    X(FICLONE, ficlone)                                                                            \
    X(FLOCK, flock)                                                                                \
    X(FSYNC, fsync)                                                                                \
    X(GETAFFINITY, getaffinity)                                                                    \
    X(GETCWD, getcwd)                                                                              \
    X(GETDENTS, getdents)                                                                          \
    X(GETRANDOM, getrandom)                                                                        \
    X(IOCTL, ioctl)                                                                                \
    X(KILL, kill)                                                                                  \
    X(LINK, link)                                                                                  \
    X(LISTEN, listen)                                                                              \
    X(LOCK, lock)                                                                                  \
    X(MADVISE, madvise)                                                                            \
    X(MKDIR, mkdir)                                                                                \
    X(MKFIFO, mkfifo)                                                                              \
    X(MMAP, mmap)                                                                                  \
    X(MSYNC, msync)                                                                                \
    X(MUNMAP, munmap)                                                                              \
    X(MPROTECT, mprotect)                                                                          \
    X(OPEN, open)                                                                                  \
    X(PIDFD_OPEN, pidfd_open)                                                                      \
    X(PIDFD_SIGNAL, pidfd_signal)                                                                  \
    X(PIPE, pipe)                                                                                  \
    X(POLL, poll)                                                                                  \
    X(PRCTL, prctl)                                                                                \
    X(PREAD, pread)                                                                                \
    X(PWRITE, pwrite)                                                                              \
    X(READ, read)                                                                                  \
    X(READLINK, readlink)                                                                          \
    X(RECV, recv)                                                                                  \
    X(RENAME, rename)                                                                              \
    X(SEEK, seek)                                                                                  \
    X(SEND, send)                                                                                  \
    X(SENDFILE, sendfile)                                                                          \
    X(SIGNALFD, signalfd)                                                                          \
    X(SOCKET, socket)                                                                              \
    X(SPLICE, splice)                                                                              \
    X(STAT, stat)                                                                                  \
    X(STATFS, statfs)                                                                              \
    X(SYMLINK, symlink)                                                                            \
    X(SYNCFS, syncfs)                                                                              \
    X(TIMERFD_CREATE, timerfd_create)                                                              \
    X(TIMERFD_SET, timerfd_set)                                                                    \
    X(TRUNCATE, truncate)                                                                          \
    X(UNLINK, unlink)                                                                              \
    X(UTIMENS, utimens)                                                                            \
    X(WAIT, wait)                                                                                  \
    X(WRITE, write)

enum sys_call {
#define SYS_CALL_ENUM(upper, lower) SYS_CALL_##upper,
    SYS_CALLS(SYS_CALL_ENUM)
#undef SYS_CALL_ENUM
        SYS_CALL_COUNT
};

extern const char *const sys_call_names[SYS_CALL_COUNT];

/* What statx says. Times in ns. `mount_id` and `has_mount_id`: kernels from 5.8. */
struct sys_stat {
    uint64_t ino, size_bytes, blocks_512;
    int64_t mtime_ns, ctime_ns, atime_ns;
    uint64_t mount_id;
    uint32_t mode; /* as st_mode: type and permissions */
    uint32_t nlink, uid, gid;
    uint32_t dev_major, dev_minor;
    bool has_mount_id;
};

/* ---- opening and closing. `dir`: a descriptor or AT_FDCWD. O_CLOEXEC is added. */
int sys_open(const char *path, int flags, mode_t mode);
int sys_openat(int dir, const char *path, int flags, mode_t mode);
/* ELOOP where any part of the path is a link; ENOSYS (or what a filter of calls says) where the
 * kernel cannot do that in one call. */
int sys_open_linkless(int dir, const char *path, int flags);
int sys_close(int fd); /* reports write-back errors (EIO, ENOSPC); the descriptor is gone anyway */
int sys_dup(int fd);   /* to the lowest free number from 3 */
int sys_dup_to(int fd, int to);      /* as `to`, which is closed first and not close-on-exec */
int sys_pipe(int fds[2], int flags); /* O_NONBLOCK or 0 */

/* ---- bytes */
ssize_t sys_read(int fd, void *data, size_t size);
ssize_t sys_pread(int fd, void *data, size_t size, int64_t offset);
ssize_t sys_write(int fd, const void *data, size_t size);
ssize_t sys_writev(int fd, const struct iovec *parts, int count);
ssize_t sys_pwrite(int fd, const void *data, size_t size, int64_t offset);
/* All of it: 0, or -1 with errno. A write that makes no progress is ENOSPC. */
int sys_write_full(int fd, const void *data, size_t size);
int sys_pwrite_full(int fd, const void *data, size_t size, int64_t offset);
/* Until `size` bytes or the end: how many were read, or -1. */
ssize_t sys_read_full(int fd, void *data, size_t size);
ssize_t sys_pread_full(int fd, void *data, size_t size, int64_t offset);
int64_t sys_seek(int fd, int64_t offset, int whence);
int sys_truncate(int fd, int64_t size_bytes);
int sys_fallocate(int fd, int mode, int64_t offset, int64_t len);
/* Copies inside the kernel; offsets may be NULL (the file's own position). */
ssize_t sys_copy_file_range(int in, int64_t *in_offset, int out, int64_t *out_offset, size_t size);
ssize_t sys_sendfile(int out, int in, int64_t *offset, size_t size);
ssize_t sys_splice(int in, int64_t *in_offset, int out, int64_t *out_offset, size_t size,
                   unsigned flags);
int sys_ficlone(int out, int in); /* shares all blocks of `in`; EOPNOTSUPP, EXDEV, EINVAL: cannot */

/* ---- durability */
int sys_fsync(int fd);
int sys_fdatasync(int fd);
int sys_syncfs(int fd);

/* ---- names */
int sys_rename(const char *from, const char *to);
int sys_renameat(int from_dir, const char *from, int to_dir, const char *to);
/* flags: SYS_RENAME_*; ENOSYS or EINVAL where the kernel or file system has them not */
int sys_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int sys_link(const char *from, const char *to);
int sys_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int sys_unlink(const char *path);
int sys_unlinkat(int dir, const char *path, int flags); /* AT_REMOVEDIR */
int sys_rmdir(const char *path);
int sys_mkdir(const char *path, mode_t mode);
int sys_mkdirat(int dir, const char *path, mode_t mode);
int sys_mkfifo(const char *path, mode_t mode);
int sys_symlink(const char *target, const char *path);
int sys_symlinkat(const char *target, int dir, const char *path);
/* As the kernel: not NUL-terminated; a result equal to `size` may have been cut. */
ssize_t sys_readlink(const char *path, char *target, size_t size);
ssize_t sys_readlinkat(int dir, const char *path, char *target, size_t size);

/* ---- facts about files */
int sys_stat(const char *path, struct sys_stat *stat);  /* follows links */
int sys_lstat(const char *path, struct sys_stat *stat); /* does not */
int sys_fstat(int fd, struct sys_stat *stat);
int sys_statat(int dir, const char *path, int flags,
               struct sys_stat *stat);               /* AT_SYMLINK_NOFOLLOW */
int sys_access(int dir, const char *path, int mode); /* by the effective ids */
int sys_statfs(const char *path, struct statfs *stat);
int sys_fstatfs(int fd, struct statfs *stat);
int sys_chmod(const char *path, mode_t mode);
int sys_fchmod(int fd, mode_t mode);
int sys_fchmodat(int dir, const char *path, mode_t mode);
int sys_utimensat(int dir, const char *path, const struct timespec times[2], int flags);
int sys_futimens(int fd, const struct timespec times[2]);
mode_t sys_umask(mode_t mask);
/* What is made below a folder that not everybody may write, everybody may not write either. */
mode_t sys_mode_in(int dir, mode_t mode);
/* Of files and folders that are only pawl's own: the umask takes from it, nothing adds. */
enum { SYS_OWN_FILE = 0664, SYS_OWN_FOLDER = 0775 };
int sys_chdir(const char *path);
int sys_fchdir(int fd);
/* The path without links, `.` and `..`, for free(); NULL and errno. Needs no /proc. */
char *sys_realpath(const char *path);
char *sys_getcwd(char *path, size_t size);

/* ---- folders */
/* The stream owns `fd` from here on, also when this fails. */
DIR *sys_fdopendir(int fd);
DIR *sys_opendir(const char *path);
/* The next entry, never "." or ".."; NULL at the end with errno 0, or on error with errno. */
struct dirent *sys_readdir(DIR *dir);
int sys_closedir(DIR *dir);
/* One block of raw entries (records as in struct sys_dirent); 0 at the end. */
ssize_t sys_getdents(int fd, void *data, size_t size);
struct sys_dirent {
    uint64_t ino;
    int64_t next;
    uint16_t record_bytes; /* from this record to the next one */
    uint8_t type;          /* DT_REG, DT_DIR, … or DT_UNKNOWN */
    char name[];
};

/* ---- memory */
void *sys_mmap(size_t size, int prot, int flags, int fd, int64_t offset); /* MAP_FAILED on error */
int sys_munmap(void *data, size_t size);
int sys_mprotect(void *data, size_t size, int prot);
int sys_msync(void *data, size_t size, int flags);
int sys_madvise(void *data, size_t size, int advice);

/* ---- locks and flags of descriptors */
/* Open-file-description lock on a range: type F_RDLCK, F_WRLCK or F_UNLCK; len 0: to the end.
 * `wait` false: EAGAIN or EACCES when somebody else holds it. */
int sys_lock(int fd, int type, int64_t start, int64_t len, bool wait);
/* Whether `type` could be had: 0 free, 1 not, -1 error. */
int sys_lock_probe(int fd, int type, int64_t start, int64_t len);
int sys_flock(int fd, int operation);
int sys_set_nonblock(int fd, bool nonblock);
int sys_set_cloexec(int fd, bool cloexec);
int sys_pipe_set_size(int fd, int size_bytes);
int sys_fcntl(int fd, int command, int value);
int sys_ioctl(int fd, unsigned long request, void *value);
bool sys_isatty(int fd);

/* ---- waiting for events */
int sys_epoll_create(void);
int sys_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
/* EINTR is handed through: the caller looks at its clock and calls again. */
int sys_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout_ms);
int sys_poll(struct pollfd *fds, nfds_t count, int timeout_ms); /* EINTR is handed through */
int sys_eventfd(unsigned value, int flags);                     /* EFD_NONBLOCK */
int sys_timerfd_create(clockid_t clock, int flags);             /* TFD_NONBLOCK */
int sys_timerfd_set(int fd, int flags, int64_t value_ns);       /* once; 0 disarms */
int sys_signalfd(int fd, const sigset_t *mask, int flags);      /* SFD_NONBLOCK */

/* ---- sockets (SOCK_CLOEXEC is added) */
int sys_socket(int domain, int type, int protocol);
int sys_socketpair(int domain, int type, int protocol, int fds[2]); /* counted as a socket */
int sys_bind(int fd, const struct sockaddr *address, socklen_t len);
int sys_listen(int fd, int backlog);
int sys_accept(int fd, struct sockaddr *address, socklen_t *len, int flags);
int sys_connect(int fd, const struct sockaddr *address, socklen_t len);
ssize_t sys_recv(int fd, void *data, size_t size, int flags);
ssize_t sys_send(int fd, const void *data, size_t size, int flags); /* MSG_NOSIGNAL is added */
int sys_getsockopt(int fd, int level, int name, void *value, socklen_t *len);

/* ---- processes */
int sys_pidfd_open(pid_t pid);
int sys_pidfd_signal(int pidfd, int signal);
int sys_kill(pid_t pid, int signal);
/* What waitid says of one child. `pid` 0: nothing to tell (with WNOHANG). */
struct sys_wait {
    pid_t pid;
    int code;   /* CLD_EXITED, CLD_KILLED, CLD_DUMPED, CLD_STOPPED, CLD_CONTINUED */
    int status; /* exit code or signal */
};
/* `kind`: P_PID, P_PGID, P_ALL or SYS_P_PIDFD; `usage` may be NULL. */
int sys_waitid(int kind, id_t id, int options, struct sys_wait *wait, struct rusage *usage);
pid_t sys_fork(void); /* of a process without other threads */
pid_t sys_setsid(void);
int sys_prctl(int option, unsigned long value);
/* Processors this process may use, or -1. */
int sys_affinity_count(void);
/* Which they are. Room for 8,192; a kernel built for more answers EINVAL to a smaller set. */
struct sys_affinity {
    unsigned long bits[8192 / (8 * sizeof(unsigned long))];
};
int sys_affinity(struct sys_affinity *set);
bool sys_affinity_has(const struct sys_affinity *set, uint64_t cpu);
/* Only to see whether they are there: close_range of no descriptors; the version of Landlock. */
int sys_close_range_probe(void);
int sys_landlock_version(void);
/* A limit of this process (RLIMIT_*), as the kernel counts; UINT64_MAX: none. */
struct sys_limit {
    uint64_t soft, hard;
};
int sys_get_limit(int resource, struct sys_limit *limit);
/* All `size` bytes random, or -1. */
int sys_getrandom(void *data, size_t size);

/* ---- faults (only with -DPAWL_FAULT).
 *
 * The environment variable PAWL_FAULT holds rules separated by commas, `call:n:what`: the n-th call
 * (from 1) of that kind fails. `call` is a name of SYS_CALLS or `any` (all kinds counted together);
 * `n+` means the n-th and every later one; `what` is an errno by name (EIO ENOSPC EMFILE ENFILE
 * EINTR ENOMEM EACCES EPERM EROFS EDQUOT EXDEV ENOSYS EAGAIN EINVAL), `short` (a read, write, send
 * or copy moves half of what was asked, at least one byte; elsewhere nothing), `kill` (the process
 * is killed before the call), `torn` (short, and killed after it, before the next call) or `pass`
 * (nothing happens: to count). A rule that fires appends one line, itself and the kind of the call
 * (`any:7:kill write`), to the file that PAWL_FAULT_FILE names, so that a loop over n knows when to
 * end.
 *
 * PAWL_FAULT_COMMAND: only a process whose first argument is this obeys the rules.
 * PAWL_FAULT_BOOT: a file that is opened instead of the kernel's boot id: another boot.
 * PAWL_FAULT_SYNC: a program that is run with `begins` before each syncfs and `ended` or `failed`
 * after it: what it finds at `begins` is on the disk when `ended` is told.
 *
 * sys_fault_init is called first in main; a wrong rule ends the answer with false. EINTR is
 * retried by the wrapper, so it must never be seen by a caller. */
bool sys_fault_init(void);

#endif
