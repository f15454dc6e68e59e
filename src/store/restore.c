/* Owns the way from objects back to the workspace. Everything is made under a temporary name beside
 * its place, checked there, and takes the place in one step: a file by rename, a folder (or a
 * change of type) by exchange, or where the kernel has no exchange, by moving the old one aside
 * first. Killed in between, the place holds the old, the new or nothing; the temporary one is
 * nobody's. */
#include "store/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/hex.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"
#include "os/remove.h"
#include "os/replace.h"
#include "store/objects_inside.h"

struct restoring {
    struct objects *objects;
    struct output_rows *rows; /* NULL: not wanted */
    const char *path;         /* workspace path of the output */
    VEC(struct output_row) found;
};

static void restoring_row(struct restoring *restoring, struct str below,
                          const struct output_row *row)
{
    if (restoring->rows == NULL) {
        return;
    }
    VEC_PUSH(&restoring->found, *row);
    restoring->found.items[restoring->found.count - 1].path =
        below.len > 0 ? path_join(restoring->rows->arena, str_of(restoring->path), below)
                      : str_dup(restoring->rows->arena, str_of(restoring->path));
}

static bool damaged(const struct digest *digest, struct err *err)
{
    char hex[DIGEST_HEX_BYTES + 1];
    return err_set(err, STATUS_CORRUPT, "object '%s' is damaged: its bytes have another digest",
                   digest_hex(digest, hex));
}

/* Bytes to the new file `name`; its signature to the row, firm where a later write must show. */
static bool write_file(struct restoring *restoring, int dir, const char *name, bool executable,
                       const struct digest *digest, struct output_row *row, struct err *err)
{
    struct copied copied;
    int in = objects_get(restoring->objects, digest, err);
    if (in < 0) {
        return false;
    }
    int out =
        sys_openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, executable ? 0777 : 0666);
    bool ok = out >= 0 || err_sys(err, "'%s': cannot be made", restoring->path);
    ok = ok && file_copy(&restoring->objects->clone, in, out, restoring->path, &copied, err) &&
         (digest_equal(&copied.digest, digest) || damaged(digest, err));
    *row = (struct output_row){.digest = *digest, .type = TREE_FILE, .executable = executable};
    if (ok && restoring->rows != NULL) {
        ok = signature_read_fd(out, &row->signature, err);
        row->firm = ok && signature_tick_now(restoring->rows->times, out).multigrain;
    }
    if (out >= 0 && sys_close(out) < 0 && ok) {
        ok = err_sys(err, "'%s': cannot be written", restoring->path);
    }
    (void)sys_close(in);
    return ok;
}

static bool write_link(struct restoring *restoring, int dir, const char *name,
                       const struct digest *digest, struct output_row *row, struct err *err)
{
    struct strbuf target;
    *row = (struct output_row){.digest = *digest, .type = TREE_LINK};
    strbuf_init(&target);
    bool ok = objects_read(restoring->objects, digest, LIMIT_PATH_BYTES, &target, err);
    if (ok && (target.len == 0 || memchr(target.data, '\0', target.len) != NULL)) {
        ok = err_set(err, STATUS_CORRUPT, "'%s': the recorded link has no valid text",
                     restoring->path);
    }
    if (ok && sys_symlinkat(target.data, dir, name) < 0) {
        ok = err_sys(err, "'%s': the link cannot be made", restoring->path);
    }
    strbuf_fini(&target);
    return ok && signature_read(dir, name, false, &row->signature, err);
}

static bool write_entry(struct restoring *restoring, int folder, const struct tree_entry *entry,
                        struct err *err)
{
    struct output_row row = {.type = TREE_FOLDER};
    const char *name = entry->path.data;
    bool ok = true;
    switch (entry->type) {
    case TREE_FILE:
        ok = write_file(restoring, folder, name, entry->executable, &entry->digest, &row, err);
        break;
    case TREE_LINK:
        ok = write_link(restoring, folder, name, &entry->digest, &row, err);
        break;
    case TREE_FOLDER:
        ok = sys_mkdirat(folder, name, 0777) == 0 ||
             err_sys(err, "'%s/%s': the folder cannot be made", restoring->path, name);
        break;
    }
    restoring_row(restoring, entry->path, &row);
    return ok;
}

static bool write_entries(struct restoring *restoring, int folder, const struct tree *tree,
                          struct err *err)
{
    struct output_row top = {.type = TREE_FOLDER};
    restoring_row(restoring, STR_NONE, &top);
    for (uint32_t i = 0; i < tree->count; i++) {
        if (!write_entry(restoring, folder, &tree->items[i], err)) {
            return false;
        }
    }
    return true;
}

/* A valid tree names its folders before what is in them and no link as a parent: paths below the
 * new folder stay in it. */
static bool write_folder(struct restoring *restoring, int dir, const char *name,
                         const struct digest *digest, struct err *err)
{
    struct arena arena;
    struct tree tree;
    arena_init(&arena);
    bool ok = objects_read_tree(restoring->objects, digest, &arena, &tree, err) &&
              (sys_mkdirat(dir, name, 0777) == 0 ||
               err_sys(err, "'%s': the folder cannot be made", restoring->path));
    int folder = ok ? folder_open(dir, name, err) : -1;
    if (folder >= 0) {
        ok = write_entries(restoring, folder, &tree, err);
        (void)sys_close(folder);
    }
    arena_fini(&arena);
    return ok && folder >= 0;
}

/* Without exchange: the old one aside, the new one in, the old one back if that fails. */
static bool take_place_slowly(int dir, const char *temp, const char *name, const char *path,
                              struct err *err)
{
    char aside[FILE_TEMP_BYTES];
    if (!file_temp_name(aside)) {
        return err_sys(err, "'%s': cannot be replaced", path);
    }
    if (sys_renameat(dir, name, dir, aside) < 0) {
        return err_sys(err, "'%s': cannot be moved aside", path);
    }
    if (sys_renameat(dir, temp, dir, name) < 0) {
        int sys = errno;
        (void)sys_renameat(dir, aside, dir, name);
        return err_errno(err, sys, "'%s': cannot be replaced", path);
    }
    return tree_remove(dir, aside, err);
}

static bool take_place(int dir, const char *temp, const char *name, const char *path,
                       struct err *err)
{
    bool unsupported;
    if (sys_renameat(dir, temp, dir, name) == 0) {
        return true;
    }
    if (errno != EISDIR && errno != ENOTDIR && errno != ENOTEMPTY && errno != EEXIST) {
        return err_sys(err, "'%s': cannot be replaced", path);
    }
    if (file_exchange(dir, temp, dir, name, &unsupported, err)) {
        /* What was exchanged is the old one. */
        return tree_remove(dir, temp, err);
    }
    return unsupported && take_place_slowly(dir, temp, name, path, err);
}

/* Naming changes a ctime, adding entries a folder's times: those signatures are read at the end. A
 * write in between would have changed size or mtime. */
static bool settle_rows(struct restoring *restoring, int workspace_fd, struct err *err)
{
    for (size_t i = 0; i < restoring->found.count; i++) {
        struct output_row *row = &restoring->found.items[i];
        struct signature now;
        if (i > 0 && row->type == TREE_FILE) {
            continue;
        }
        if (!signature_read(workspace_fd, row->path.data, false, &now, err)) {
            return false;
        }
        row->firm = row->firm && now.ino == row->signature.ino && now.size == row->signature.size &&
                    now.mtime_ns == row->signature.mtime_ns;
        row->signature = now;
    }
    output_rows_take(restoring->rows, restoring->found.items, restoring->found.count);
    return true;
}

static bool write_output(struct restoring *restoring, int dir, const char *temp,
                         enum tree_type type, bool executable, const struct digest *digest,
                         struct err *err)
{
    struct output_row row;
    bool ok = false;
    switch (type) {
    case TREE_FILE:
        ok = write_file(restoring, dir, temp, executable, digest, &row, err);
        break;
    case TREE_LINK:
        ok = write_link(restoring, dir, temp, digest, &row, err);
        break;
    case TREE_FOLDER:
        return write_folder(restoring, dir, temp, digest, err);
    }
    restoring_row(restoring, STR_NONE, &row);
    return ok;
}

bool restore_output(struct objects *objects, int workspace_fd, const char *path,
                    enum tree_type type, bool executable, const struct digest *digest,
                    struct output_rows *rows, struct err *err)
{
    struct restoring restoring = {.objects = objects, .rows = rows, .path = path};
    char temp[FILE_TEMP_BYTES];
    const char *name;
    int dir = folder_open_parent(workspace_fd, path, true, &name, NULL, err);
    if (dir < 0) {
        return false;
    }
    bool ok = file_temp_name(temp) || err_sys(err, "no random numbers");
    if (ok) {
        ok = write_output(&restoring, dir, temp, type, executable, digest, err) &&
             take_place(dir, temp, name, path, err);
        if (!ok) {
            (void)tree_remove(dir, temp, NULL);
        }
    }
    (void)sys_close(dir);
    ok = ok && (rows == NULL || settle_rows(&restoring, workspace_fd, err));
    VEC_FREE(&restoring.found);
    return ok;
}
