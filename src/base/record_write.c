/* Owns appending to files of records and replacing them.
 *
 * Writers take an open-file-description lock on the whole file, then make sure that the path still
 * is that file: record_replace renames another one into place, and whoever waited for the lock of
 * the old one opens the new one and waits there. A file that is owned is locked once: while its
 * lock is kept nobody who keeps to this can have appended to it or replaced it. */
#include "base/record_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum {
    RECORD_TRIES = 100,           /* how often a file may be replaced while we wait for it */
    RECORD_ROOM_BYTES = 256 << 10 /* kept from one append to the next */
};

/* The batch, sealed, as it goes behind `len`: with the file's head before it if that is 0. `last`:
 * where its last record begins in `out`. */
static void record_seal_batch(const struct record_file *file, const struct record_batch *batch,
                              struct strbuf *out, size_t *last)
{
    unsigned char head[RECORD_FILE_HEAD_BYTES];
    size_t at;

    if (file->len == 0) {
        record_make_head(head, file->kind, file->seed);
        strbuf_add(out, head, sizeof(head));
    }
    at = out->len;
    strbuf_add(out, batch->bytes.data, batch->bytes.len);
    for (uint32_t left = batch->count; left > 0; left--) {
        char *record = out->data + at;
        uint32_t len = bytes_get_u32(record + 8);

        bytes_set_u64(record + 12, record_seal(bytes_get_u64(record + 12), file->seed,
                                               bytes_get_u32(record + 4), len));
        *last = at;
        at += RECORD_HEAD_BYTES + (size_t)len;
    }
}

static bool record_draw_seed(struct record_file *file, struct err *err)
{
    if (sys_getrandom(&file->seed, sizeof(file->seed)) != 0) {
        return err_sys(err, "'%s': cannot draw a random number", file->path);
    }
    return true;
}

/* Let go where it is not to be kept. */
static void record_unlock(struct record_file *file)
{
    if (!file->held && file->fd >= 0) {
        sys_lock(file->fd, F_UNLCK, 0, 0, false);
    }
}

/* One try to hold the lock of the file the path is now, in step with it. */
static bool record_try_lock(struct record_file *file, bool all, bool *locked, struct err *err)
{
    *locked = false;
    if (file->fd < 0 && !record_open_path(file, true, err)) {
        return false;
    }
    if (sys_lock(file->fd, F_WRLCK, 0, 0, true) != 0) {
        if (errno != EBADF) {
            return err_sys(err, "'%s': cannot lock", file->path);
        }
        sys_close(file->fd); /* open for reading alone; now for writing, or the reason why not */
        file->fd = -1;
        return record_open_path(file, true, err);
    }
    return record_catch_up(file, all, locked, err);
}

static bool record_lock(struct record_file *file, bool all, struct err *err)
{
    bool locked = file->held;

    for (int i = 0; i < RECORD_TRIES && !locked; i++) {
        if (!record_try_lock(file, all, &locked, err)) {
            record_unlock(file);
            return false;
        }
    }
    file->held = locked && file->owned;
    return locked ||
           err_set(err, STATUS_ENVIRONMENT, "'%s': is replaced again and again", file->path);
}

bool record_file_begin_own(struct record_file *file, int dirfd, const char *path, const char *kind,
                           struct err *err)
{
    record_file_init(file, dirfd, path, kind);
    record_file_own(file);
    if (!record_lock(file, false, err)) {
        record_file_close(file);
        return false;
    }
    return true;
}

/* `bytes` behind `len`, with one write where the system takes them at once, or the file as it was.
 */
static bool record_write_bytes(struct record_file *file, struct str bytes, struct err *err)
{
    int reason;

    if (sys_pwrite_full(file->fd, bytes.data, bytes.len, (int64_t)file->len) == 0) {
        return true;
    }
    reason = errno;
    if (sys_truncate(file->fd, (int64_t)file->len) != 0) {
        file->torn_bytes = 1; /* unknown; the next append looks */
    }
    return err_errno(err, reason, "'%s': cannot write", file->path);
}

/* Under the lock: cuts the tail, writes, or leaves the file as it was. */
static bool record_write(struct record_file *file, const struct record_batch *batch,
                         struct err *err)
{
    struct strbuf *bytes = &file->sealed;
    size_t last = 0;
    bool ok;

    if (file->torn_bytes > 0 && sys_truncate(file->fd, (int64_t)file->len) != 0) {
        return err_sys(err, "'%s': cannot cut its torn tail", file->path);
    }
    file->torn_bytes = 0;
    if (file->len == 0 && !record_draw_seed(file, err)) {
        return false;
    }
    strbuf_clear(bytes);
    record_seal_batch(file, batch, bytes, &last);
    file->window_len = 0;
    ok = record_write_bytes(file, strbuf_str(bytes), err);
    if (ok) {
        file->last = file->len + last;
        file->len += bytes->len;
        file->size = file->len;
    }
    if (bytes->cap > RECORD_ROOM_BYTES) {
        strbuf_fini(bytes);
    }
    return ok;
}

bool record_append(struct record_file *file, const struct record_batch *batch, struct err *err)
{
    bool ok;

    if (batch->count == 0) {
        return true;
    }
    if (!record_lock(file, true, err)) {
        return false;
    }
    ok = record_write(file, batch, err);
    record_unlock(file);
    return ok;
}

/* Writes the bytes to a file beside the path and renames it into place. */
static bool record_write_new(struct record_file *fresh, const char *name, struct str bytes,
                             struct err *err)
{
    struct sys_stat stat;

    fresh->fd = sys_openat(fresh->dirfd, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW,
                           sys_mode_in(fresh->dirfd, 0666));
    if (fresh->fd < 0 || sys_write_full(fresh->fd, bytes.data, bytes.len) != 0 ||
        sys_fsync(fresh->fd) != 0 || sys_fstat(fresh->fd, &stat) != 0 ||
        sys_renameat(fresh->dirfd, name, fresh->dirfd, fresh->path) != 0) {
        return err_sys(err, "'%s': cannot write", name);
    }
    fresh->ino = stat.ino;
    fresh->dev = (uint64_t)stat.dev_major << 32 | stat.dev_minor;
    fresh->len = fresh->size = bytes.len;
    /* Some file systems cannot sync a folder; the rename is whole either way. */
    sys_fsync(fresh->dirfd);
    return true;
}

/* Under the lock of the old file. */
static bool record_replace_locked(struct record_file *file, const struct record_batch *batch,
                                  struct err *err)
{
    struct record_file fresh = {.dirfd = file->dirfd,
                                .fd = -1,
                                .path = file->path,
                                .generation = file->generation + 1,
                                .owned = file->owned};
    struct strbuf name = {0};
    struct strbuf bytes = {0};
    bool ok = record_draw_seed(&fresh, err);

    memcpy(fresh.kind, file->kind, sizeof(fresh.kind));
    strbuf_printf(&name, "%s.new", file->path);
    if (ok) {
        record_seal_batch(&fresh, batch, &bytes, &fresh.last);
        ok = record_write_new(&fresh, name.data, strbuf_str(&bytes), err);
    }
    if (!ok && fresh.fd >= 0) {
        sys_close(fresh.fd);
        sys_unlinkat(file->dirfd, name.data, 0);
    }
    strbuf_fini(&name);
    strbuf_fini(&bytes);
    if (ok) {
        sys_close(file->fd);
        strbuf_fini(&file->sealed);
        strbuf_fini(&file->aside);
        free(file->window);
        *file = fresh;
    }
    return ok;
}

bool record_replace(struct record_file *file, const struct record_batch *batch, struct err *err)
{
    uint32_t generation = file->generation;
    size_t len = file->len;
    bool ok;

    if (!record_lock(file, true, err)) {
        return false;
    }
    if (len != file->len || generation != file->generation) {
        ok = err_set(err, STATUS_LOCKED, "'%s': another process appended to it", file->path);
        record_unlock(file);
        return ok;
    }
    ok = record_replace_locked(file, batch, err);
    if (!ok) {
        record_unlock(file);
    }
    return ok;
}
