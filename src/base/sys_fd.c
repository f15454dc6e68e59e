/* Owns the calls on descriptors beside their bytes: mappings, locks, flags; events and sockets. */
#include "base/sys_inside.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

void *sys_mmap(size_t size, int prot, int flags, int fd, int64_t offset)
{
    return FAULT(MMAP, NULL) ? MAP_FAILED : mmap(NULL, size, prot, flags, fd, offset);
}

int sys_munmap(void *data, size_t size)
{
    int result;

    RETRY(MUNMAP, munmap(data, size));
}

int sys_mprotect(void *data, size_t size, int prot)
{
    int result;

    RETRY(MPROTECT, mprotect(data, size, prot));
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

int sys_socketpair(int domain, int type, int protocol, int fds[2])
{
    int result;

    RETRY(SOCKET, socketpair(domain, type | SOCK_CLOEXEC, protocol, fds));
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
