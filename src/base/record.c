/* Owns files of records.
 *
 * Format, little endian:
 *
 *     file      "pawlrec1"  kind: 8 bytes, padded with NUL  seed: u64
 *               checksum of these 24 bytes: u64  then records, back to back
 *     record    magic: u32  type: u32  length: u32  checksum: u64  payload: `length` bytes
 *
 * A record's checksum is that of (checksum of the payload, seed, type, length). The seed is random
 * for each file, so that no bytes of another file, of an older one on the same blocks or inside a
 * payload can pass for a record of this one. The place is not in it: where bytes were lost or put
 * in, the records behind them still count.
 *
 * Rule of validity: a record is valid if its magic, a length of at most LIMIT_RECORD_BYTES that
 * fits in the file, and the checksum are right. Reading goes from record to record; where none is
 * valid it looks for the next valid one byte by byte. Bytes skipped on the way to one are damage,
 * bytes without one behind them are the torn tail. A file shorter than its head, or all zeros, is
 * one whose first write was lost: it is empty. */
#include "base/record_inside.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/mem.h"

static const char HEAD_MAGIC[8] = "pawlrec1";

/* --- the format --- */

static bool record_is_zeros(const unsigned char *data, size_t size)
{
    return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

void record_make_head(unsigned char head[RECORD_FILE_HEAD_BYTES], const char *kind, uint64_t seed)
{
    memcpy(head, HEAD_MAGIC, sizeof(HEAD_MAGIC));
    memcpy(head + 8, kind, RECORD_KIND_BYTES);
    bytes_set_u64(head + 16, seed);
    bytes_set_u64(head + 24, bytes_checksum(head, 24));
}

/* Are there zeros alone? As far as the file can be read. */
static bool record_is_blank(struct record_file *file)
{
    size_t at = 0;

    while (at < file->size) {
        const unsigned char *bytes = record_load(file, at, 1);

        if (bytes == NULL || !record_is_zeros(bytes, file->window_len - (at - file->window_at))) {
            return bytes == NULL && file->read_errno == 0;
        }
        at = file->window_at + file->window_len;
    }
    return true;
}

/* Checks the file's head and moves `len` behind it; a lost first write leaves 0. */
static bool record_read_head(struct record_file *file, struct err *err)
{
    const unsigned char *head;

    if (file->size < RECORD_FILE_HEAD_BYTES || record_is_blank(file)) {
        file->torn_bytes = file->size;
        return true;
    }
    head = record_load(file, 0, RECORD_FILE_HEAD_BYTES);
    if (head == NULL) {
        return !record_failed(file, err);
    }
    if (memcmp(head, HEAD_MAGIC, sizeof(HEAD_MAGIC)) != 0 ||
        bytes_get_u64(head + 24) != bytes_checksum(head, 24)) {
        return err_set(err, STATUS_CORRUPT, "'%s': damaged: its head is no head of records",
                       file->path);
    }
    if (memcmp(head + 8, file->kind, RECORD_KIND_BYTES) != 0) {
        return err_set(err, STATUS_CORRUPT, "'%s': damaged: holds '%.8s', not '%.8s'", file->path,
                       (const char *)head + 8, file->kind);
    }
    file->seed = bytes_get_u64(head + 16);
    file->len = RECORD_FILE_HEAD_BYTES;
    return true;
}

/* --- being in step with the file --- */

static bool record_same_file(const struct record_file *file, const struct sys_stat *stat)
{
    return stat->ino == file->ino &&
           ((uint64_t)stat->dev_major << 32 | stat->dev_minor) == file->dev;
}

/* As before anything was taken in. */
static void record_restart(struct record_file *file)
{
    file->seed = 0;
    file->len = file->size = file->last = file->trusted = 0;
    file->damaged_bytes = file->damage_offset = 0;
    file->torn_bytes = 0;
    file->window_len = 0;
    strbuf_clear(&file->aside);
    file->generation++;
}

static void record_forget(struct record_file *file)
{
    if (file->fd >= 0) {
        sys_close(file->fd);
    }
    file->fd = -1;
    file->held = false;
    file->ino = file->dev = 0;
    record_restart(file);
}

bool record_open_path(struct record_file *file, bool create, struct err *err)
{
    struct sys_stat stat;

    if (file->dirfd < 0 && file->dirfd != AT_FDCWD) {
        return create
                   ? err_set(err, STATUS_ENVIRONMENT, "'%s': its folder does not exist", file->path)
                   : true;
    }
    file->fd = sys_openat(file->dirfd, file->path, O_RDWR | O_NOFOLLOW | (create ? O_CREAT : 0),
                          create ? sys_mode_in(file->dirfd, 0666) : 0);
    if (file->fd < 0 && !create && (errno == EACCES || errno == EROFS || errno == EPERM)) {
        file->fd = sys_openat(file->dirfd, file->path, O_RDONLY | O_NOFOLLOW, 0);
    }
    if (file->fd < 0) {
        return !create && errno == ENOENT ? true : err_sys(err, "'%s': cannot open", file->path);
    }
    if (sys_fstat(file->fd, &stat) != 0) {
        return err_sys(err, "'%s': cannot read", file->path);
    }
    if ((stat.mode & S_IFMT) != S_IFREG) {
        return err_set(err, STATUS_ENVIRONMENT, "'%s': is not a file", file->path);
    }
    if (file->len > 0 && !record_same_file(file, &stat)) {
        record_restart(file);
    }
    file->ino = stat.ino;
    file->dev = (uint64_t)stat.dev_major << 32 | stat.dev_minor;
    return true;
}

/* The file is so long now: reads its head, if that was not done. */
static bool record_look_to(struct record_file *file, uint64_t size_bytes, struct err *err)
{
    if (size_bytes < file->len) {
        /* Somebody cut it: what was read is no longer what is there. */
        record_restart(file);
    }
    file->size = (size_t)size_bytes;
    file->torn_bytes = 0;
    file->window_len = 0;
    file->read_errno = 0;
    return file->len > 0 || record_read_head(file, err);
}

static bool record_read_to(struct record_file *file, uint64_t size_bytes, struct err *err)
{
    return record_look_to(file, size_bytes, err) && record_take_all(file, err);
}

/* Is the path still this file, and how long is it? */
static bool record_look(const struct record_file *file, struct sys_stat *stat, bool *current,
                        struct err *err)
{
    *current = sys_statat(file->dirfd, file->path, 0, stat) == 0;
    if (!*current && errno != ENOENT) {
        return err_sys(err, "'%s': cannot read", file->path);
    }
    *current = *current && record_same_file(file, stat);
    return true;
}

bool record_catch_up(struct record_file *file, bool all, bool *current, struct err *err)
{
    struct sys_stat stat;

    if (!record_look(file, &stat, current, err)) {
        return false;
    }
    if (!*current) {
        record_forget(file);
        return true;
    }
    return record_look_to(file, stat.size_bytes, err) && (!all || record_take_all(file, err));
}

/* Opens what the path is now; its size, 0 when there is no such file. */
static bool record_open_now(struct record_file *file, uint64_t *size_bytes, struct err *err)
{
    struct sys_stat stat;

    *size_bytes = 0;
    if (!record_open_path(file, false, err)) {
        return false;
    }
    if (file->fd < 0) {
        return true;
    }
    if (sys_fstat(file->fd, &stat) != 0) {
        return err_sys(err, "'%s': cannot read", file->path);
    }
    *size_bytes = stat.size_bytes;
    return true;
}

bool record_refresh(struct record_file *file, struct err *err)
{
    uint64_t size_bytes;
    bool current = false;

    if (file->fd >= 0 && !record_catch_up(file, true, &current, err)) {
        return false;
    }
    return current || (record_open_now(file, &size_bytes, err) &&
                       (file->fd < 0 || record_read_to(file, size_bytes, err)));
}

void record_file_init(struct record_file *file, int dirfd, const char *path, const char *kind)
{
    size_t kind_len = strlen(kind);

    assert(kind_len <= RECORD_KIND_BYTES);
    *file = (struct record_file){.dirfd = dirfd, .fd = -1, .generation = 1};
    memcpy(file->kind, kind, kind_len);
    file->path = mem_alloc(strlen(path) + 1);
    memcpy(file->path, path, strlen(path) + 1);
}

bool record_file_begin(struct record_file *file, int dirfd, const char *path, const char *kind,
                       const struct record_mark *mark, struct err *err)
{
    uint64_t size_bytes;

    record_file_init(file, dirfd, path, kind);
    if (!record_open_now(file, &size_bytes, err) ||
        (file->fd >= 0 && !record_look_to(file, size_bytes, err))) {
        record_file_close(file);
        return false;
    }
    if (mark != NULL && file->len > 0) {
        record_trust(file, mark);
    }
    return true;
}

bool record_file_open(struct record_file *file, int dirfd, const char *path, const char *kind,
                      struct err *err)
{
    if (!record_file_begin(file, dirfd, path, kind, NULL, err)) {
        return false;
    }
    if (!record_take_all(file, err)) {
        record_file_close(file);
        return false;
    }
    return true;
}

void record_file_own(struct record_file *file)
{
    file->owned = true;
}

void record_file_close(struct record_file *file)
{
    if (file->fd >= 0) {
        sys_close(file->fd);
    }
    strbuf_fini(&file->sealed);
    strbuf_fini(&file->aside);
    free(file->path);
    free(file->window);
    *file = (struct record_file){.dirfd = -1, .fd = -1};
}
