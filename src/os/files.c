/* Owns reading, hashing and writing of single files. Buffers are as large as the file needs, at
 * most FILES_BUFFER_BYTES: a small file costs one small allocation and one read. */
#include "os/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/sys.h"

bool file_read_fd(int fd, const char *shown, uint64_t limit_bytes, struct strbuf *out,
                  struct err *err)
{
    struct sys_stat stat;
    size_t start = out->len;
    if (sys_fstat(fd, &stat) < 0) {
        return err_sys(err, "'%s': cannot be read", shown);
    }
    size_t room = stat.size_bytes < limit_bytes ? (size_t)stat.size_bytes + 1 : 4096;
    for (;;) {
        char *at = strbuf_reserve(out, room);
        ssize_t count = sys_read(fd, at, room);
        if (count < 0) {
            return err_sys(err, "'%s': cannot be read", shown);
        }
        if (count == 0) {
            at[0] = '\0';
            return true;
        }
        out->len += (size_t)count;
        out->data[out->len] = '\0';
        if (out->len - start > limit_bytes) {
            return err_set(err, STATUS_ENVIRONMENT, "'%s': is larger than %llu bytes", shown,
                           (unsigned long long)limit_bytes);
        }
        room = (size_t)count < room ? room - (size_t)count : FILES_BUFFER_BYTES;
    }
}

/* One piece of a text, which ends where it ends in the file. */
static bool file_read_piece(int fd, const char *shown, struct strbuf *out, uint64_t from,
                            uint64_t to, struct err *err)
{
    ssize_t count = sys_pread_full(fd, out->data + from, (size_t)(to - from), (int64_t)from);

    if (count < 0) {
        return err_sys(err, "'%s': cannot be read", shown);
    }
    return (uint64_t)count == to - from ||
           err_set(err, STATUS_ENVIRONMENT, "'%s': changed while it was read", shown);
}

/* A gap that is not worth a call of its own is read, too. */
enum { FILES_LEAST_GAP = 4096 };

bool file_read_between(int fd, const char *shown, uint64_t limit_bytes,
                       const struct str_range *gaps, uint32_t gap_count, struct strbuf *out,
                       struct err *err)
{
    struct sys_stat stat;
    uint64_t from = 0;

    strbuf_clear(out);
    if (sys_fstat(fd, &stat) < 0) {
        return err_sys(err, "'%s': cannot be read", shown);
    }
    if (stat.size_bytes > limit_bytes) {
        return err_set(err, STATUS_ENVIRONMENT, "'%s': is larger than %llu bytes", shown,
                       (unsigned long long)limit_bytes);
    }
    /* Memory that is not touched costs nothing. */
    strbuf_reserve(out, (size_t)stat.size_bytes);
    for (uint32_t i = 0; i < gap_count && gaps[i].to <= stat.size_bytes; i++) {
        if (gaps[i].from < from || gaps[i].to < gaps[i].from + FILES_LEAST_GAP) {
            continue;
        }
        if (!file_read_piece(fd, shown, out, from, gaps[i].from, err)) {
            return false;
        }
        from = gaps[i].to;
    }
    out->len = (size_t)stat.size_bytes;
    out->data[out->len] = '\0';
    return file_read_piece(fd, shown, out, from, stat.size_bytes, err);
}

bool file_read(int dirfd, const char *path, uint64_t limit_bytes, struct strbuf *out,
               struct err *err)
{
    int fd = sys_openat(dirfd, path, O_RDONLY | O_NOCTTY, 0);
    if (fd < 0) {
        return err_sys(err, "'%s': cannot be opened", path);
    }
    bool ok = file_read_fd(fd, path, limit_bytes, out, err);
    (void)sys_close(fd);
    return ok;
}

/* Where the file system knows no files without names. */
static int file_open_unlinked(int dirfd)
{
    char name[FILE_TEMP_BYTES];
    int fd = -1;

    if (file_temp_name(name)) {
        fd = sys_openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    }
    if (fd >= 0 && sys_unlinkat(dirfd, name, 0) != 0) {
        sys_close(fd);
        fd = -1;
    }
    return fd;
}

int file_open_nameless(int dirfd, const char *folder, struct err *err)
{
    int dir = folder_open(dirfd, folder, err);
    int fd;

    if (dir < 0) {
        return -1;
    }
    fd = sys_openat(dir, ".", O_RDWR | O_TMPFILE, 0600);
    if (fd < 0) {
        fd = file_open_unlinked(dir);
    }
    if (fd < 0) {
        err_sys(err, "'%s': no file can be made there", folder);
    }
    sys_close(dir);
    return fd;
}

bool file_write_all(int fd, const void *data, size_t len)
{
    return len == 0 || sys_write_full(fd, data, len) == 0;
}

/* Writes a new file and closes it; a close that reports an error counts. */
static bool write_new(int dir, const char *name, bool (*fill)(void *ctx, int fd), void *ctx,
                      mode_t mode, bool durable)
{
    int fd = sys_openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    if (fd < 0) {
        return false;
    }
    bool ok = fill(ctx, fd) && (!durable || sys_fsync(fd) == 0);
    int sys = errno;
    if (sys_close(fd) < 0 && ok) {
        return false;
    }
    errno = sys;
    return ok;
}

static bool folder_sync(int dirfd, const char *path)
{
    int fd = sys_openat(dirfd, path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) {
        return false;
    }
    /* EINVAL: a file system that cannot sync folders has nothing to lose there. */
    bool ok = sys_fsync(fd) == 0 || errno == EINVAL;
    int sys = errno;
    (void)sys_close(fd);
    errno = sys;
    return ok;
}

bool file_temp_name(char name[static FILE_TEMP_BYTES])
{
    uint64_t salt;
    if (sys_getrandom(&salt, sizeof(salt)) < 0) {
        return false;
    }
    snprintf(name, FILE_TEMP_BYTES, FILE_TEMP_PREFIX "%016llx", (unsigned long long)salt);
    return true;
}

bool file_is_temp_name(const char *name)
{
    return strncmp(name, FILE_TEMP_PREFIX, sizeof(FILE_TEMP_PREFIX) - 1) == 0;
}

bool file_write_replace_by(int dirfd, const char *path, bool (*fill)(void *ctx, int fd), void *ctx,
                           mode_t mode, bool durable, struct err *err)
{
    char folder[PATH_MAX], name[FILE_TEMP_BYTES], temp[PATH_MAX + FILE_TEMP_BYTES];
    const char *slash = strrchr(path, '/');
    size_t len = slash != NULL ? (size_t)(slash - path) + 1 : 0;
    if (len >= sizeof(folder) || !file_temp_name(name)) {
        return err_sys(err, "'%s': cannot be written", path);
    }
    memcpy(folder, path, len);
    folder[len] = '\0';
    snprintf(temp, sizeof(temp), "%s%s", folder, name);
    if (!write_new(dirfd, temp, fill, ctx, mode, durable) ||
        sys_renameat(dirfd, temp, dirfd, path) < 0) {
        int sys = errno;
        (void)sys_unlinkat(dirfd, temp, 0);
        return err_errno(err, sys, "'%s': cannot be written", path);
    }
    if (durable && !folder_sync(dirfd, len > 0 ? folder : ".")) {
        return err_sys(err, "'%s': cannot be made durable", path);
    }
    return true;
}

static bool write_str(void *ctx, int fd)
{
    const struct str *data = ctx;

    return file_write_all(fd, data->data, data->len);
}

bool file_write_replace(int dirfd, const char *path, struct str data, mode_t mode, bool durable,
                        struct err *err)
{
    return file_write_replace_by(dirfd, path, write_str, &data, mode, durable, err);
}

static bool hash_all(int fd, void *buffer, size_t room, struct sha256 *sha, uint64_t *size_bytes)
{
    for (;;) {
        ssize_t count = sys_read(fd, buffer, room);
        if (count <= 0) {
            return count == 0;
        }
        sha256_update(sha, buffer, (size_t)count);
        *size_bytes += (uint64_t)count;
    }
}

bool file_hash_fd(int fd, const char *shown, struct digest *digest, uint64_t *size_bytes,
                  struct err *err)
{
    struct sys_stat stat;
    struct sha256 sha;
    uint64_t size = 0;
    if (sys_fstat(fd, &stat) < 0) {
        return err_sys(err, "'%s': cannot be read", shown);
    }
    if (!S_ISREG(stat.mode)) {
        return err_set(err, STATUS_ENVIRONMENT, "'%s': is not a regular file", shown);
    }
    size_t room =
        stat.size_bytes < FILES_BUFFER_BYTES ? (size_t)stat.size_bytes + 1 : FILES_BUFFER_BYTES;
    void *buffer = mem_alloc(room);
    sha256_init(&sha);
    bool ok = hash_all(fd, buffer, room, &sha, &size);
    int sys = errno;
    free(buffer);
    if (!ok) {
        return err_errno(err, sys, "'%s': cannot be read", shown);
    }
    sha256_finish(&sha, digest);
    if (size_bytes != NULL) {
        *size_bytes = size;
    }
    return true;
}

bool file_hash(int dirfd, const char *path, struct digest *digest, uint64_t *size_bytes,
               struct err *err)
{
    /* O_NONBLOCK: a fifo is refused instead of waited for. */
    int fd = sys_openat(dirfd, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
    if (fd < 0) {
        return err_sys(err, "'%s': cannot be opened", path);
    }
    bool ok = file_hash_fd(fd, path, digest, size_bytes, err);
    (void)sys_close(fd);
    return ok;
}

bool file_read_link(int dirfd, const char *path, struct strbuf *out, struct err *err)
{
    char target[PATH_MAX];
    ssize_t len = sys_readlinkat(dirfd, path, target, sizeof(target));
    if (len < 0) {
        return err_sys(err, "'%s': the link cannot be read", path);
    }
    if ((size_t)len == sizeof(target)) {
        return err_errno(err, ENAMETOOLONG, "'%s': the link cannot be read", path);
    }
    strbuf_clear(out);
    strbuf_add(out, target, (size_t)len);
    return true;
}
