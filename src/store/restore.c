/* Owns the way from objects back to the workspace. Everything is made under a temporary name,
 * checked there, and takes the place in one step: a file by rename, a folder (or a change of type)
 * by exchange, or where the kernel has no exchange, by moving the old one aside first. Killed in
 * between, the place holds the old, the new or nothing; the temporary one is nobody's.
 *
 * It is made in the store's tmp/, where the next session of the store removes what was left; beside
 * its place where a rename from there is not possible, or where the store is only looked at: what
 * is written there without a lock could be removed at any time. */
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
    const struct ways *ways;
    enum restore_place place;
    struct output_rows *rows; /* NULL: not wanted */
    const struct tree *tree;  /* of a folder; NULL: as its object says */
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

/* What one way did. */
enum tried { TRIED_DONE, TRIED_IN_VAIN, TRIED_WRONG };

static enum tried tried(bool ok)
{
    return ok ? TRIED_DONE : TRIED_WRONG;
}

/* The signature of the new file to the row, firm where a later write must show. */
static bool sign_row(struct restoring *restoring, int fd, struct output_row *row, struct err *err)
{
    if (restoring->rows == NULL) {
        return true;
    }
    row->firm = signature_tick_now(restoring->rows->times, fd).multigrain;
    return signature_read_fd(fd, &row->signature, err);
}

/* How a new file gets its bytes. */
typedef bool filler(struct clone_memory *memory, int in, int out, const char *shown,
                    struct copied *copied, struct err *err);

static bool fill_plainly(struct clone_memory *memory, int in, int out, const char *shown,
                         struct copied *copied, struct err *err)
{
    (void)memory;
    return file_copy(NULL, in, out, shown, copied, err);
}

static enum tried fill_open(struct restoring *restoring, int in, int out, filler *fill,
                            struct output_row *row, struct err *err)
{
    struct copied copied;
    if (!fill(&restoring->objects->clone, in, out, restoring->path, &copied, err)) {
        return TRIED_WRONG;
    }
    if (fill == file_clone && !copied.cloned) {
        return TRIED_IN_VAIN;
    }
    return tried((digest_equal(&copied.digest, &row->digest) || damaged(&row->digest, err)) &&
                 sign_row(restoring, out, row, err));
}

static enum tried fill_file(struct restoring *restoring, int dir, const char *name, filler *fill,
                            struct output_row *row, struct err *err)
{
    int in = objects_get(restoring->objects, &row->digest, err);
    if (in < 0) {
        return TRIED_WRONG;
    }
    int out = sys_openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
                         row->executable ? 0777 : 0666);
    enum tried did = out >= 0 ? fill_open(restoring, in, out, fill, row, err)
                              : tried(err_sys(err, "'%s': cannot be made", restoring->path));
    if (did == TRIED_IN_VAIN) {
        (void)sys_unlinkat(dir, name, 0);
    }
    if (out >= 0 && sys_close(out) < 0 && did == TRIED_DONE) {
        did = tried(err_sys(err, "'%s': cannot be written", restoring->path));
    }
    (void)sys_close(in);
    return did;
}

/* An object that got an x-bit, or a link that cannot be read, is left to the next way. */
static enum tried link_file(struct restoring *restoring, int dir, const char *name,
                            struct output_row *row, struct err *err)
{
    struct digest digest;
    struct signature signature;
    if (row->executable || !object_link(restoring->objects, &row->digest, dir, name)) {
        return TRIED_IN_VAIN;
    }
    int fd = sys_openat(dir, name, O_RDONLY | O_NOFOLLOW, 0);
    if (fd < 0 || !signature_read_fd(fd, &signature, NULL) || signature_is_executable(&signature)) {
        (void)sys_unlinkat(dir, name, 0);
        if (fd >= 0) {
            (void)sys_close(fd);
        }
        return TRIED_IN_VAIN;
    }
    bool ok = file_hash_fd(fd, restoring->path, &digest, NULL, err) &&
              (digest_equal(&digest, &row->digest) || damaged(&row->digest, err)) &&
              sign_row(restoring, fd, row, err);
    (void)sys_close(fd);
    return tried(ok);
}

static enum tried try_way(struct restoring *restoring, int dir, const char *name, uint32_t i,
                          struct output_row *row, struct err *err)
{
    const struct ways *ways = restoring->ways;
    switch (ways->items[i]) {
    case WAY_HARDLINK:
        return link_file(restoring, dir, name, row, err);
    case WAY_REFLINK:
        /* What is small is copied at once, unless a link could spare even that. */
        return fill_file(restoring, dir, name,
                         i + 1 < ways->count && ways->items[i + 1] == WAY_HARDLINK ? file_clone
                                                                                   : file_copy,
                         row, err);
    case WAY_COPY:
    case WAY_COUNT:
        break;
    }
    return fill_file(restoring, dir, name, fill_plainly, row, err);
}

/* Bytes to the new file `name`. */
static bool write_file(struct restoring *restoring, int dir, const char *name, bool executable,
                       const struct digest *digest, struct output_row *row, struct err *err)
{
    enum tried did = TRIED_IN_VAIN;
    *row = (struct output_row){.digest = *digest, .type = TREE_FILE, .executable = executable};
    for (uint32_t i = 0; i < restoring->ways->count && did == TRIED_IN_VAIN; i++) {
        did = try_way(restoring, dir, name, i, row, err);
    }
    if (did == TRIED_IN_VAIN) {
        did = fill_file(restoring, dir, name, fill_plainly, row, err);
    }
    return did == TRIED_DONE;
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
    struct tree read = {0};
    const struct tree *tree = restoring->tree != NULL ? restoring->tree : &read;
    arena_init(&arena);
    bool ok =
        (tree != &read || objects_read_tree(restoring->objects, digest, &arena, &read, err)) &&
        (sys_mkdirat(dir, name, 0777) == 0 ||
         err_sys(err, "'%s': the folder cannot be made", restoring->path));
    int folder = ok ? folder_open(dir, name, err) : -1;
    if (folder >= 0) {
        ok = write_entries(restoring, folder, tree, err);
        (void)sys_close(folder);
    }
    arena_fini(&arena);
    return ok && folder >= 0;
}

/* From where to where a finished output moves. */
struct placing {
    int from;
    const char *temp;
    int dir;
    const char *name;
    const char *path;
};

/* Without exchange: the old one aside, the new one in, the old one back if that fails. */
static bool take_place_slowly(const struct placing *placing, const char *aside, struct err *err)
{
    if (sys_renameat(placing->dir, placing->name, placing->from, aside) < 0) {
        return err_sys(err, "'%s': cannot be moved aside", placing->path);
    }
    if (sys_renameat(placing->from, placing->temp, placing->dir, placing->name) < 0) {
        int sys = errno;
        (void)sys_renameat(placing->from, aside, placing->dir, placing->name);
        return err_errno(err, sys, "'%s': cannot be replaced", placing->path);
    }
    return tree_remove(placing->from, aside, err);
}

/* A mount point stays where it is: what is in it gives way to what is in the new folder. All of
 * that is in the store; killed anywhere, the next call finds another folder than it wants and
 * begins anew. */
static bool take_mount_point(const struct placing *placing, struct clone_memory *memory,
                             struct err *err)
{
    struct err why = {0};
    if (!tree_remove(placing->dir, placing->name, &why) && why.sys != EBUSY) {
        return err_errno(err, why.sys, "'%s': cannot be replaced", placing->path);
    }
    return file_move(memory, placing->from, placing->temp, placing->dir, placing->name, err);
}

/* Where the file system has no such rename, what comes between a look and the rename is replaced.
 */
static int rename_new(const struct placing *placing)
{
    struct sys_stat stat;
    int result = sys_renameat2(placing->from, placing->temp, placing->dir, placing->name,
                               SYS_RENAME_NOREPLACE);

    if (result == 0 || (errno != EINVAL && errno != ENOSYS)) {
        return result;
    }
    if (sys_statat(placing->dir, placing->name, AT_SYMLINK_NOFOLLOW, &stat) == 0) {
        errno = EEXIST;
        return -1;
    }
    return sys_renameat(placing->from, placing->temp, placing->dir, placing->name);
}

static bool take_new_place(const struct placing *placing, struct err *err)
{
    return rename_new(placing) == 0 || err_sys(err, "'%s': cannot be made", placing->path);
}

static bool take_place(const struct placing *placing, const char *aside,
                       struct clone_memory *memory, struct err *err)
{
    bool unsupported;
    if (sys_renameat(placing->from, placing->temp, placing->dir, placing->name) == 0) {
        return true;
    }
    if (errno == EBUSY) {
        return take_mount_point(placing, memory, err);
    }
    if (errno != EISDIR && errno != ENOTDIR && errno != ENOTEMPTY && errno != EEXIST) {
        return err_sys(err, "'%s': cannot be replaced", placing->path);
    }
    if (file_exchange(placing->from, placing->temp, placing->dir, placing->name, &unsupported,
                      err)) {
        /* What was exchanged is the old one. */
        return tree_remove(placing->from, placing->temp, err);
    }
    return unsupported && take_place_slowly(placing, aside, err);
}

/* Naming changes a ctime, adding entries a folder's times, a second link the ctime of the first:
 * those signatures are read at the end. A write in between would have changed size or mtime. */
static bool settle_rows(struct restoring *restoring, int workspace_fd, struct err *err)
{
    bool links = ways_have(restoring->ways, WAY_HARDLINK);

    for (size_t i = 0; i < restoring->found.count; i++) {
        struct output_row *row = &restoring->found.items[i];
        struct signature now;
        if (i > 0 && row->type == TREE_FILE && !links) {
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
                         const struct put_output *output, struct err *err)
{
    struct output_row row = {0};
    bool ok = false;
    switch (output->type) {
    case TREE_FILE:
        ok = write_file(restoring, dir, temp, output->executable, &output->digest, &row, err);
        break;
    case TREE_LINK:
        ok = write_link(restoring, dir, temp, &output->digest, &row, err);
        break;
    case TREE_FOLDER:
        return write_folder(restoring, dir, temp, &output->digest, err);
    }
    if (ok) {
        restoring_row(restoring, STR_NONE, &row);
    }
    return ok;
}

/* Made under `placing->temp`, then moved. `*refused`: the finished output may not move from there
 * to its place. */
static bool restore_by(struct restoring *restoring, const struct placing *placing,
                       const char *aside, const struct put_output *output, bool *refused,
                       struct err *err)
{
    bool ok = write_output(restoring, placing->from, placing->temp, output, err);
    if (ok && !(restoring->place == RESTORE_IS_NEW
                    ? take_new_place(placing, err)
                    : take_place(placing, aside, &restoring->objects->clone, err))) {
        *refused = err->sys == EXDEV || err->sys == EACCES || err->sys == EPERM;
        ok = false;
    }
    /* A rename between two links of one file does nothing. */
    if (!ok || ways_have(restoring->ways, WAY_HARDLINK)) {
        (void)tree_remove(placing->from, placing->temp, NULL);
    }
    return ok;
}

static bool restore_beside(struct restoring *restoring, int dir, const char *name,
                           const struct put_output *output, struct err *err)
{
    char temp[FILE_TEMP_BYTES], aside[FILE_TEMP_BYTES];
    struct placing placing = {dir, temp, dir, name, restoring->path};
    bool refused;
    return ((file_temp_name(temp) && file_temp_name(aside)) || err_sys(err, "no random numbers")) &&
           restore_by(restoring, &placing, aside, output, &refused, err);
}

static bool is_same_device(int a, int b)
{
    struct sys_stat first, second;
    return a >= 0 && sys_fstat(a, &first) == 0 && sys_fstat(b, &second) == 0 &&
           first.dev_major == second.dev_major && first.dev_minor == second.dev_minor;
}

static bool restore_in(struct restoring *restoring, int dir, const char *name,
                       const struct put_output *output, struct err *err)
{
    struct objects *objects = restoring->objects;
    char temp[OBJECT_TEMP_BYTES], aside[OBJECT_TEMP_BYTES];
    struct placing placing = {objects->tmp_fd, temp, dir, name, restoring->path};
    bool refused = false;
    if (objects->read_only || !is_same_device(objects->tmp_fd, dir)) {
        return restore_beside(restoring, dir, name, output, err);
    }
    object_temp_name(objects, temp);
    object_temp_name(objects, aside);
    if (restore_by(restoring, &placing, aside, output, &refused, err)) {
        return true;
    }
    if (!refused) {
        return false;
    }
    err_clear(err);
    restoring->found.count = 0;
    return restore_beside(restoring, dir, name, output, err);
}

static bool restore_at(struct restoring *restoring, int workspace_fd,
                       const struct put_output *output, struct err *err)
{
    const char *name;
    int dir = folder_open_parent(workspace_fd, restoring->path, true, &name, NULL, err);
    if (dir < 0) {
        return false;
    }
    bool ok = restore_in(restoring, dir, name, output, err);
    (void)sys_close(dir);
    ok = ok && (restoring->rows == NULL || settle_rows(restoring, workspace_fd, err));
    VEC_FREE(&restoring->found);
    return ok;
}

bool restore_output(struct objects *objects, int workspace_fd, const char *path,
                    const struct put_output *output, const struct ways *ways,
                    enum restore_place place, struct output_rows *rows, struct err *err)
{
    struct restoring restoring = {
        .objects = objects, .ways = ways, .place = place, .rows = rows, .path = path};
    return restore_at(&restoring, workspace_fd, output, err);
}

bool restore_tree(struct objects *objects, int workspace_fd, const char *path,
                  const struct tree *tree, const struct ways *ways, enum restore_place place,
                  struct output_rows *rows, struct err *err)
{
    struct restoring restoring = {
        .objects = objects, .ways = ways, .place = place, .rows = rows, .tree = tree, .path = path};
    struct put_output output = {.type = TREE_FOLDER};
    return restore_at(&restoring, workspace_fd, &output, err);
}

static bool restore_is_damaged(struct objects *objects, const struct digest *digest)
{
    bool removed;

    return objects_remove_damaged(objects, digest, &removed, NULL) &&
           (removed || !objects_has(objects, digest));
}

void restore_drop_damaged(struct objects *objects, enum tree_type type, const struct digest *digest)
{
    struct arena arena;
    struct tree tree;

    if (restore_is_damaged(objects, digest) || type != TREE_FOLDER) {
        return;
    }
    arena_init(&arena);
    if (objects_read_tree(objects, digest, &arena, &tree, NULL)) {
        for (uint32_t i = 0; i < tree.count; i++) {
            if (tree.items[i].type != TREE_FOLDER) {
                restore_is_damaged(objects, &tree.items[i].digest);
            }
        }
    }
    arena_fini(&arena);
}
