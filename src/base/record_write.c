/* Owns appending to files of records and replacing them.
 *
 * Writers take an open-file-description lock on the whole file, then make sure that the path still
 * is that file: record_replace renames another one into place, and whoever waited for the lock of
 * the old one opens the new one and waits there. */
#include "base/record_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { RECORD_TRIES = 100 }; /* how often a file may be replaced while we wait for it */

/* Puts the batch, sealed, behind data[0, len), with the file's head before it if that is empty;
 * returns where it ends. `len` stays. */
static size_t record_put_batch(struct record_file *file, const struct record_batch *batch)
{
    size_t end = file->len;

    record_reserve(file, file->len + RECORD_FILE_HEAD_BYTES + batch->bytes.len);
    if (end == 0) {
        record_make_head(file->data, file->kind, file->seed);
        end = RECORD_FILE_HEAD_BYTES;
    }
    if (batch->count > 0) {
        memcpy(file->data + end, batch->bytes.data, batch->bytes.len);
    }
    for (size_t at = end, left = batch->count; left > 0; left--) {
        unsigned char *head = file->data + at;
        uint32_t len = bytes_get_u32(head + 8);

        bytes_set_u64(head + 12, record_seal(bytes_get_u64(head + 12), file->seed,
                                             bytes_get_u32(head + 4), len));
        at += RECORD_HEAD_BYTES + (size_t)len;
    }
    return end + batch->bytes.len;
}

static bool record_draw_seed(struct record_file *file, struct err *err)
{
    if (sys_getrandom(&file->seed, sizeof(file->seed)) != 0) {
        return err_sys(err, "'%s': cannot draw a random number", file->path);
    }
    return true;
}

/* One try to hold the lock of the file the path is now, in step with it. */
static bool record_try_lock(struct record_file *file, bool *locked, struct err *err)
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
    return record_catch_up(file, locked, err);
}

static bool record_lock(struct record_file *file, struct err *err)
{
    bool locked = false;

    for (int i = 0; i < RECORD_TRIES && !locked; i++) {
        if (!record_try_lock(file, &locked, err)) {
            if (file->fd >= 0) {
                sys_lock(file->fd, F_UNLCK, 0, 0, false);
            }
            return false;
        }
    }
    return locked ||
           err_set(err, STATUS_ENVIRONMENT, "'%s': is replaced again and again", file->path);
}

static void record_unlock(struct record_file *file)
{
    sys_lock(file->fd, F_UNLCK, 0, 0, false);
}

/* Under the lock: cuts the tail, writes, or leaves the file as it was. */
static bool record_write(struct record_file *file, const struct record_batch *batch,
                         struct err *err)
{
    size_t end;
    ssize_t wrote;

    if (file->torn_bytes > 0 && sys_truncate(file->fd, (int64_t)file->len) != 0) {
        return err_sys(err, "'%s': cannot cut its torn tail", file->path);
    }
    file->torn_bytes = 0;
    if (file->len == 0 && !record_draw_seed(file, err)) {
        return false;
    }
    end = record_put_batch(file, batch);
    wrote = sys_pwrite(file->fd, file->data + file->len, end - file->len, (int64_t)file->len);
    if (wrote != (ssize_t)(end - file->len)) {
        int reason = wrote < 0 ? errno : ENOSPC;

        if (sys_truncate(file->fd, (int64_t)file->len) != 0) {
            file->torn_bytes = 1; /* unknown; the next append looks */
        }
        return err_errno(err, reason, "'%s': cannot write", file->path);
    }
    file->len = end;
    return true;
}

bool record_append(struct record_file *file, const struct record_batch *batch, struct err *err)
{
    bool ok;

    if (batch->count == 0) {
        return true;
    }
    if (!record_lock(file, err)) {
        return false;
    }
    ok = record_write(file, batch, err);
    record_unlock(file);
    return ok;
}

/* Writes fresh->data[0, end) to a file beside the path and renames it into place. */
static bool record_write_new(struct record_file *fresh, const char *name, size_t end,
                             struct err *err)
{
    struct sys_stat stat;

    fresh->fd = sys_openat(fresh->dirfd, name, O_RDWR | O_CREAT | O_TRUNC, 0666);
    if (fresh->fd < 0 || sys_write_full(fresh->fd, fresh->data, end) != 0 ||
        sys_fsync(fresh->fd) != 0 || sys_fstat(fresh->fd, &stat) != 0 ||
        sys_renameat(fresh->dirfd, name, fresh->dirfd, fresh->path) != 0) {
        return err_sys(err, "'%s': cannot write", name);
    }
    fresh->ino = stat.ino;
    fresh->dev = (uint64_t)stat.dev_major << 32 | stat.dev_minor;
    fresh->len = end;
    /* Some file systems cannot sync a folder; the rename is whole either way. */
    sys_fsync(fresh->dirfd);
    return true;
}

/* Under the lock of the old file. */
static bool record_replace_locked(struct record_file *file, const struct record_batch *batch,
                                  struct err *err)
{
    struct record_file fresh = {
        .dirfd = file->dirfd, .fd = -1, .path = file->path, .generation = file->generation + 1};
    struct strbuf name;
    bool ok;

    memcpy(fresh.kind, file->kind, sizeof(fresh.kind));
    strbuf_init(&name);
    strbuf_printf(&name, "%s.new", file->path);
    ok = record_draw_seed(&fresh, err) &&
         record_write_new(&fresh, name.data, record_put_batch(&fresh, batch), err);
    if (!ok && fresh.fd >= 0) {
        sys_close(fresh.fd);
        sys_unlinkat(file->dirfd, name.data, 0);
    }
    strbuf_fini(&name);
    if (!ok) {
        free(fresh.data);
        return false;
    }
    sys_close(file->fd);
    free(file->data);
    *file = fresh;
    return true;
}

bool record_replace(struct record_file *file, const struct record_batch *batch, struct err *err)
{
    uint32_t generation = file->generation;
    size_t len = file->len;
    bool ok;

    if (!record_lock(file, err)) {
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
