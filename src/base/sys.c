/* Owns the calls that open, close, read and write. */
#include "base/sys_inside.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

int sys_open(const char *path, int flags, mode_t mode)
{
    return sys_openat(AT_FDCWD, path, flags, mode);
}

int sys_openat(int dir, const char *path, int flags, mode_t mode)
{
    int result;

    RETRY(OPEN, openat(dir, sys_fault_path(path), flags | O_CLOEXEC, mode));
}

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

int sys_open_linkless(int dir, const char *path, int flags)
{
    const struct {
        uint64_t flags, mode, resolve;
    } how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = 4 /* RESOLVE_NO_SYMLINKS */};
    int result;

    RETRY(OPEN, (int)syscall(SYS_openat2, dir, path, &how, sizeof(how)));
}

int sys_close(int fd)
{
#ifdef PAWL_FAULT
    size_t one = 1;

    if (sys_fault_fails(SYS_CALL_CLOSE, &one)) {
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

int sys_dup_to(int fd, int to)
{
    int result;

    RETRY(DUP, dup2(fd, to));
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

    sys_fault_sync("begins");
    do {
        result = FAULT(SYNCFS, NULL) ? -1 : syncfs(fd);
    } while (result == -1 && errno == EINTR);
    sys_fault_sync(result == 0 ? "ended" : "failed");
    return result;
}
