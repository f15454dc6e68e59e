/* Owns the walk over the records of a file, through a window that moves over it, and reading one
 * whose place is known.
 *
 * Every record is checked when it is handed out, not only when it is taken in: what the file holds
 * may have changed meanwhile, and nothing damaged is ever believed. */
#include "base/record_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/mem.h"

enum { WINDOW_BYTES = 64 << 10, ASIDE_BYTES = 512 };

uint64_t record_seal(uint64_t payload_sum, uint64_t seed, uint32_t type, uint32_t len)
{
    unsigned char all[24];

    bytes_set_u64(all, payload_sum);
    bytes_set_u64(all + 8, seed);
    bytes_set_u32(all + 16, type);
    bytes_set_u32(all + 20, len);
    return bytes_checksum(all, sizeof(all));
}

/* --- the window --- */

static void window_reserve(struct record_file *file, size_t size)
{
    if (size < WINDOW_BYTES) {
        size = WINDOW_BYTES;
    }
    /* One that grew for a large record does not stay. */
    if (file->window_cap < size || (size == WINDOW_BYTES && file->window_cap > size)) {
        free(file->window);
        file->window = mem_alloc(size);
        file->window_cap = size;
    }
}

const unsigned char *record_load(struct record_file *file, size_t at, size_t want)
{
    ssize_t got;

    if (at >= file->window_at && at - file->window_at <= file->window_len &&
        want <= file->window_len - (at - file->window_at)) {
        return file->window + (at - file->window_at);
    }
    window_reserve(file, want);
    file->window_at = at;
    file->window_len = 0;
    got = sys_pread_full(file->fd, file->window, file->window_cap, (int64_t)at);
    if (got < 0) {
        file->read_errno = errno;
        return NULL;
    }
    file->window_len = (size_t)got;
    return want <= file->window_len ? file->window : NULL;
}

/* Length with its head of the valid record at `at` and before `size`, or 0. */
static size_t record_valid(struct record_file *file, size_t at, size_t size)
{
    const unsigned char *head =
        size - at < RECORD_HEAD_BYTES ? NULL : record_load(file, at, RECORD_HEAD_BYTES);
    uint32_t len;

    if (head == NULL || bytes_get_u32(head) != RECORD_MAGIC) {
        return 0;
    }
    len = bytes_get_u32(head + 8);
    if (len > LIMIT_RECORD_BYTES || len > size - at - RECORD_HEAD_BYTES) {
        return 0;
    }
    head = record_load(file, at, RECORD_HEAD_BYTES + (size_t)len);
    return head != NULL && record_is_sealed(head, file->seed) ? RECORD_HEAD_BYTES + (size_t)len : 0;
}

bool record_is_sealed(const unsigned char *head, uint64_t seed)
{
    uint32_t len = bytes_get_u32(head + 8);

    return bytes_get_u64(head + 12) == record_seal(bytes_checksum(head + RECORD_HEAD_BYTES, len),
                                                   seed, bytes_get_u32(head + 4), len);
}

/* Offset of the first valid record behind `at`, or `size`. */
static size_t record_search(struct record_file *file, size_t at, size_t size)
{
    unsigned char magic[4];

    bytes_set_u32(magic, RECORD_MAGIC);
    at++;
    while (size >= sizeof(magic) && at <= size - sizeof(magic)) {
        const unsigned char *bytes = record_load(file, at, sizeof(magic));
        const unsigned char *found;
        size_t there;

        if (bytes == NULL) {
            break;
        }
        there = file->window_len - (at - file->window_at);
        found = memmem(bytes, there, magic, sizeof(magic));
        at += found == NULL ? there - sizeof(magic) + 1 : (size_t)(found - bytes);
        if (found != NULL) {
            if (at < size && record_valid(file, at, size) != 0) {
                return at;
            }
            at++;
        }
    }
    return size;
}

/* --- taking in --- */

/* The length of the valid record at or behind `*at` and before `size`, or 0. */
static size_t record_find(struct record_file *file, size_t *at, size_t size)
{
    size_t bytes = record_valid(file, *at, size);

    if (bytes == 0 && file->read_errno == 0) {
        *at = record_search(file, *at, size);
        bytes = *at == size ? 0 : record_valid(file, *at, size);
    }
    return bytes;
}

/* Takes in the next record behind `len`, with the damage before it: its length, 0 at the end. */
static size_t record_step(struct record_file *file)
{
    size_t at = file->len;
    size_t bytes = record_find(file, &at, file->size);

    if (bytes == 0) {
        file->torn_bytes = file->size - file->len;
        return 0;
    }
    if (at != file->len) {
        file->damage_offset = file->damaged_bytes == 0 ? file->len : file->damage_offset;
        file->damaged_bytes += at - file->len;
    }
    file->last = at;
    file->len = at + bytes;
    return bytes;
}

bool record_take_all(struct record_file *file, struct err *err)
{
    while (file->len != 0 && file->len < file->size && record_step(file) != 0) {
    }
    return !record_failed(file, err);
}

bool record_failed(const struct record_file *file, struct err *err)
{
    if (file->read_errno == 0) {
        return false;
    }
    err_errno(err, file->read_errno, "'%s': cannot read", file->path);
    return true;
}

/* --- reading --- */

static struct record record_of(const unsigned char *head, uint64_t offset)
{
    return (struct record){
        .type = bytes_get_u32(head + 4),
        .offset = offset,
        .payload = str_n((const char *)head + RECORD_HEAD_BYTES, bytes_get_u32(head + 8))};
}

/* The record at or behind `*at` that was taken in before. One that is not there any more, where no
 * damage was seen, is a failed read: what a caller knows of the whole file would be wrong. */
static size_t record_again(struct record_file *file, size_t *at)
{
    size_t start = *at;
    size_t bytes = record_find(file, at, file->len);

    if ((bytes == 0 || *at != start) && file->read_errno == 0 && start >= file->trusted &&
        (file->damaged_bytes == 0 || start < file->damage_offset)) {
        file->read_errno = EIO;
        bytes = 0;
    }
    return bytes;
}

bool record_next(struct record_file *file, uint64_t *pos, struct record *record)
{
    size_t at = *pos < RECORD_FILE_HEAD_BYTES ? RECORD_FILE_HEAD_BYTES : (size_t)*pos;
    size_t bytes = 0;

    if (at < file->len) {
        bytes = record_again(file, &at);
    } else if (file->len != 0 && file->len < file->size) {
        bytes = record_step(file);
        at = file->last;
    }
    if (bytes == 0) {
        return false;
    }
    *record = record_of(record_load(file, at, bytes), at);
    *pos = at + bytes;
    return true;
}

bool record_read(const struct record_file *file, uint64_t offset, uint32_t len,
                 struct strbuf *bytes, struct record *record)
{
    size_t size = RECORD_HEAD_BYTES + (size_t)len;
    unsigned char *head;

    if (file->fd < 0 || offset < RECORD_FILE_HEAD_BYTES || offset >= file->len ||
        size > file->len - offset) {
        return false;
    }
    strbuf_clear(bytes);
    head = (unsigned char *)strbuf_reserve(bytes, size);
    if (sys_pread_full(file->fd, head, size, (int64_t)offset) != (ssize_t)size ||
        bytes_get_u32(head) != RECORD_MAGIC || bytes_get_u32(head + 8) != len ||
        !record_is_sealed(head, file->seed)) {
        return false;
    }
    bytes->len = size;
    *record = record_of(head, offset);
    return true;
}

/* --- those whose places are known, through a window of their own --- */

/* At least `want` bytes of the file, all before `len`. Reads much at once where reading goes on
 * from what was asked for last, else little. */
static const unsigned char *record_reach(struct record_file *file, size_t at, size_t want)
{
    struct strbuf *aside = &file->aside;
    bool onward = at > file->asked && at - file->asked < WINDOW_BYTES;
    size_t size = onward ? WINDOW_BYTES : ASIDE_BYTES;
    ssize_t got;

    file->asked = at;
    if (at >= file->aside_at && at - file->aside_at <= aside->len &&
        want <= aside->len - (at - file->aside_at)) {
        return (const unsigned char *)aside->data + (at - file->aside_at);
    }
    if (aside->cap > 2 * WINDOW_BYTES) {
        strbuf_fini(aside);
    }
    size = size < want ? want : size < file->len - at ? size : file->len - at;
    strbuf_clear(aside);
    got = sys_pread_full(file->fd, strbuf_reserve(aside, size), size, (int64_t)at);
    file->aside_at = at;
    aside->len = got < 0 ? 0 : (size_t)got;
    file->read_errno = got < 0 ? errno : file->read_errno;
    return aside->len >= want ? (const unsigned char *)aside->data : NULL;
}

/* The head of the record that begins there, all of which lies before `len`. */
static const unsigned char *record_head_at(struct record_file *file, uint64_t offset)
{
    const unsigned char *head = NULL;

    if (file->fd >= 0 && offset >= RECORD_FILE_HEAD_BYTES && offset < file->len &&
        file->len - offset >= RECORD_HEAD_BYTES) {
        head = record_reach(file, (size_t)offset, RECORD_HEAD_BYTES);
    }
    return head != NULL && bytes_get_u32(head) == RECORD_MAGIC &&
                   bytes_get_u32(head + 8) <= file->len - offset - RECORD_HEAD_BYTES
               ? head
               : NULL;
}

bool record_glance(struct record_file *file, uint64_t offset, uint32_t want, struct record *record)
{
    const unsigned char *head = record_head_at(file, offset);
    uint32_t len = head == NULL ? 0 : bytes_get_u32(head + 8);

    len = want < len ? want : len;
    head =
        head == NULL ? NULL : record_reach(file, (size_t)offset, RECORD_HEAD_BYTES + (size_t)len);
    if (head == NULL) {
        return false;
    }
    *record = record_of(head, offset);
    record->payload.len = len;
    return true;
}

bool record_at(struct record_file *file, uint64_t offset, struct record *record, struct err *err)
{
    const unsigned char *head = record_head_at(file, offset);

    if (head != NULL) {
        head =
            record_reach(file, (size_t)offset, RECORD_HEAD_BYTES + (size_t)bytes_get_u32(head + 8));
    }
    if (head != NULL && record_is_sealed(head, file->seed)) {
        *record = record_of(head, offset);
        return true;
    }
    return !record_failed(file, err) &&
           err_set(err, STATUS_CORRUPT, "'%s': damaged: there is no record at offset %llu any more",
                   file->path, (unsigned long long)offset);
}

/* --- marks --- */

bool record_mark(struct record_file *file, struct record_mark *mark)
{
    const unsigned char *head;

    if (file->damaged_bytes != 0 || file->last == 0 ||
        record_valid(file, file->last, file->len) != file->len - file->last) {
        return false;
    }
    head = record_load(file, file->last, RECORD_HEAD_BYTES);
    *mark = (struct record_mark){.seed = file->seed,
                                 .last = file->last,
                                 .len = file->len,
                                 .checksum = bytes_get_u64(head + 12)};
    return true;
}

void record_trust(struct record_file *file, const struct record_mark *mark)
{
    const unsigned char *head;

    if (mark->seed != file->seed || mark->len > file->size || mark->last < RECORD_FILE_HEAD_BYTES ||
        mark->last >= mark->len ||
        record_valid(file, (size_t)mark->last, (size_t)mark->len) != mark->len - mark->last) {
        return;
    }
    head = record_load(file, (size_t)mark->last, RECORD_HEAD_BYTES);
    if (head != NULL && bytes_get_u64(head + 12) == mark->checksum) {
        file->last = (size_t)mark->last;
        file->len = file->trusted = (size_t)mark->len;
    }
}

/* --- checking --- */

static bool record_check_counts(const struct record_file *file, struct err *err)
{
    return file->damaged_bytes == 0 ||
           err_set(err, STATUS_CORRUPT, "'%s': damaged: %zu bytes from offset %zu on are no record",
                   file->path, file->damaged_bytes, file->damage_offset);
}

bool record_check(const struct record_file *file, struct err *err)
{
    struct record_file walk = {.fd = file->fd,
                               .path = file->path,
                               .seed = file->seed,
                               .len = RECORD_FILE_HEAD_BYTES,
                               .size = file->len};
    bool ok;

    if (file->trusted == 0) {
        return record_check_counts(file, err);
    }
    ok = record_take_all(&walk, err);
    if (ok && walk.len < walk.size) {
        /* Records lie behind: what is no record here is damage, not a torn tail. */
        walk.damage_offset = walk.damaged_bytes == 0 ? walk.len : walk.damage_offset;
        walk.damaged_bytes += walk.size - walk.len;
    }
    free(walk.window);
    return ok && record_check_counts(&walk, err);
}
