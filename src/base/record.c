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
#include "base/limits.h"
#include "base/mem.h"

static const char HEAD_MAGIC[8] = "pawlrec1";

/* --- the format --- */

uint64_t record_seal(uint64_t payload_sum, uint64_t seed, uint32_t type, uint32_t len)
{
    unsigned char all[24];

    bytes_set_u64(all, payload_sum);
    bytes_set_u64(all + 8, seed);
    bytes_set_u32(all + 16, type);
    bytes_set_u32(all + 20, len);
    return bytes_checksum(all, sizeof(all));
}

/* Length with its head of the valid record at `at`, or 0. */
static size_t record_valid(const unsigned char *data, size_t size, size_t at, uint64_t seed)
{
    const unsigned char *head = data + at;
    uint32_t len;

    if (size - at < RECORD_HEAD_BYTES || bytes_get_u32(head) != RECORD_MAGIC) {
        return 0;
    }
    len = bytes_get_u32(head + 8);
    if (len > LIMIT_RECORD_BYTES || len > size - at - RECORD_HEAD_BYTES ||
        bytes_get_u64(head + 12) != record_seal(bytes_checksum(head + RECORD_HEAD_BYTES, len), seed,
                                                bytes_get_u32(head + 4), len)) {
        return 0;
    }
    return RECORD_HEAD_BYTES + (size_t)len;
}

/* Offset of the first valid record behind `at`, or `size`. */
static size_t record_search(const unsigned char *data, size_t size, size_t at, uint64_t seed)
{
    unsigned char magic[4];

    bytes_set_u32(magic, RECORD_MAGIC);
    for (at++; at < size; at++) {
        const unsigned char *found = memmem(data + at, size - at, magic, sizeof(magic));

        if (found == NULL) {
            break;
        }
        at = (size_t)(found - data);
        if (record_valid(data, size, at, seed) != 0) {
            return at;
        }
    }
    return size;
}

/* Takes in the records of data[len, size): moves `len` behind the last whole one. */
static void record_scan(struct record_file *file, size_t size)
{
    size_t at = file->len;

    while (at < size) {
        size_t bytes = record_valid(file->data, size, at, file->seed);

        if (bytes == 0) {
            size_t next = record_search(file->data, size, at, file->seed);

            if (next == size) {
                break;
            }
            if (file->damaged_bytes == 0) {
                file->damage_offset = at;
            }
            file->damaged_bytes += next - at;
            at = next;
            continue;
        }
        at += bytes;
        file->len = at;
    }
    file->torn_bytes = size - file->len;
}

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

/* Checks the head of data[0, size) and moves `len` behind it; a lost first write leaves 0. */
static bool record_read_head(struct record_file *file, size_t size, struct err *err)
{
    const unsigned char *head = file->data;

    if (size < RECORD_FILE_HEAD_BYTES || record_is_zeros(head, size)) {
        file->torn_bytes = size;
        return true;
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

void record_forget(struct record_file *file)
{
    if (file->fd >= 0) {
        sys_close(file->fd);
    }
    file->fd = -1;
    file->ino = file->dev = file->seed = 0;
    file->len = file->damaged_bytes = file->damage_offset = 0;
    file->torn_bytes = 0;
    file->generation++;
}

void record_reserve(struct record_file *file, size_t size)
{
    if (file->cap < size) {
        file->cap = file->len == 0 ? size : size + size / 2;
        file->data = mem_realloc(file->data, file->cap, 1);
    }
}

bool record_open_path(struct record_file *file, bool create, struct err *err)
{
    struct sys_stat stat;

    if (file->dirfd < 0 && file->dirfd != AT_FDCWD) {
        return create
                   ? err_set(err, STATUS_ENVIRONMENT, "'%s': its folder does not exist", file->path)
                   : true;
    }
    file->fd = sys_openat(file->dirfd, file->path, create ? O_RDWR | O_CREAT : O_RDWR, 0666);
    if (file->fd < 0 && !create && (errno == EACCES || errno == EROFS || errno == EPERM)) {
        file->fd = sys_openat(file->dirfd, file->path, O_RDONLY, 0);
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
        file->len = file->damaged_bytes = 0;
        file->generation++;
    }
    file->ino = stat.ino;
    file->dev = (uint64_t)stat.dev_major << 32 | stat.dev_minor;
    return true;
}

static bool record_read_to(struct record_file *file, uint64_t size_bytes, struct err *err)
{
    ssize_t got;

    if (size_bytes < file->len) {
        /* Somebody cut it: what was read is no longer what is there. */
        file->len = file->damaged_bytes = 0;
        file->generation++;
    }
    file->torn_bytes = 0;
    if (size_bytes == file->len) {
        return true;
    }
    record_reserve(file, (size_t)size_bytes);
    got = sys_pread_full(file->fd, file->data + file->len, (size_t)size_bytes - file->len,
                         (int64_t)file->len);
    if (got < 0) {
        return err_sys(err, "'%s': cannot read", file->path);
    }
    size_t size = file->len + (size_t)got;

    if (file->len == 0 && !record_read_head(file, size, err)) {
        return false;
    }
    if (file->len > 0) {
        record_scan(file, size);
    }
    return true;
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

bool record_catch_up(struct record_file *file, bool *current, struct err *err)
{
    struct sys_stat stat;

    if (!record_look(file, &stat, current, err)) {
        return false;
    }
    if (!*current) {
        record_forget(file);
        return true;
    }
    return record_read_to(file, stat.size_bytes, err);
}

bool record_refresh(struct record_file *file, struct err *err)
{
    struct sys_stat stat;
    bool current = false;

    if (file->fd >= 0 && !record_catch_up(file, &current, err)) {
        return false;
    }
    if (current) {
        return true;
    }
    if (!record_open_path(file, false, err)) {
        return false;
    }
    if (file->fd < 0) {
        return true;
    }
    if (sys_fstat(file->fd, &stat) != 0) {
        return err_sys(err, "'%s': cannot read", file->path);
    }
    return record_read_to(file, stat.size_bytes, err);
}

bool record_file_open(struct record_file *file, int dirfd, const char *path, const char *kind,
                      struct err *err)
{
    size_t kind_len = strlen(kind);

    assert(kind_len <= RECORD_KIND_BYTES);
    *file = (struct record_file){.dirfd = dirfd, .fd = -1, .generation = 1};
    memcpy(file->kind, kind, kind_len);
    file->path = mem_alloc(strlen(path) + 1);
    memcpy(file->path, path, strlen(path) + 1);
    if (record_refresh(file, err)) {
        return true;
    }
    record_file_close(file);
    return false;
}

void record_file_close(struct record_file *file)
{
    if (file->fd >= 0) {
        sys_close(file->fd);
    }
    free(file->path);
    free(file->data);
    *file = (struct record_file){.dirfd = -1, .fd = -1};
}

/* --- reading --- */

bool record_at(const struct record_file *file, uint64_t offset, struct record *record)
{
    const unsigned char *head = file->data + offset;
    uint32_t len;

    if (offset < RECORD_FILE_HEAD_BYTES || offset >= file->len ||
        file->len - offset < RECORD_HEAD_BYTES || bytes_get_u32(head) != RECORD_MAGIC) {
        return false;
    }
    len = bytes_get_u32(head + 8);
    if (len > file->len - offset - RECORD_HEAD_BYTES) {
        return false;
    }
    *record = (struct record){.type = bytes_get_u32(head + 4),
                              .offset = offset,
                              .payload = str_n((const char *)head + RECORD_HEAD_BYTES, len)};
    return true;
}

bool record_next(const struct record_file *file, uint64_t *pos, struct record *record)
{
    size_t at = *pos < RECORD_FILE_HEAD_BYTES ? RECORD_FILE_HEAD_BYTES : (size_t)*pos;

    if (at >= file->len) {
        return false;
    }
    /* Only behind the first damage can there be something that is no record. */
    if (file->damaged_bytes != 0 && at >= file->damage_offset &&
        record_valid(file->data, file->len, at, file->seed) == 0) {
        at = record_search(file->data, file->len, at, file->seed);
    }
    if (!record_at(file, at, record)) {
        return false;
    }
    *pos = at + RECORD_HEAD_BYTES + record->payload.len;
    return true;
}

bool record_check(const struct record_file *file, struct err *err)
{
    if (file->damaged_bytes == 0) {
        return true;
    }
    return err_set(err, STATUS_CORRUPT, "'%s': damaged: %zu bytes from offset %zu on are no record",
                   file->path, file->damaged_bytes, file->damage_offset);
}
