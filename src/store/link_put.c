/* Owns the change of an output's files, just put, into hard links to their objects: so that they
 * are on disk once. The link is made beside the file and takes its place by rename: killed in
 * between, the file is as it was or the link, and the temporary one is nobody's.
 *
 * Another link to the object, and a barrier's rename of it, change the ctime of all its links, and
 * a link in a folder changes the folder's times. Such a signature is not equal to the row's, and
 * the file or folder is read once more: which costs a read, never truth. */
#include "store/restore.h"

#include "base/sys.h"
#include "store/objects_inside.h"

/* Whether `name` still is what was put. */
static bool link_is_put(int dir, const char *name, const struct output_row *row)
{
    struct signature now;
    return signature_read(dir, name, false, &now, NULL) && signature_equal(&now, &row->signature);
}

/* Inode of the link, or 0. */
static uint64_t link_file(struct objects *objects, int dir, const char *name,
                          const struct output_row *row)
{
    char temp[FILE_TEMP_BYTES];
    struct signature signature;
    if (!file_temp_name(temp) || !object_link(objects, &row->digest, dir, temp)) {
        return 0;
    }
    bool ok = signature_read(dir, temp, false, &signature, NULL) &&
              !signature_is_executable(&signature) && signature.size == row->signature.size &&
              link_is_put(dir, name, row) && sys_renameat(dir, temp, dir, name) == 0;
    /* There still if it was not wanted, or was the same file already: then the rename did nothing.
     */
    (void)sys_unlinkat(dir, temp, 0);
    return ok ? signature.ino : 0;
}

static uint64_t link_row(struct objects *objects, int workspace_fd, const struct output_row *row)
{
    const char *name;
    if (row->type != TREE_FILE || row->executable) {
        return 0;
    }
    int dir = folder_open_parent(workspace_fd, row->path.data, false, &name, NULL, NULL);
    if (dir < 0) {
        return 0;
    }
    uint64_t ino = link_file(objects, dir, name, row);
    (void)sys_close(dir);
    return ino;
}

/* Only of what is the link for sure: anything else keeps the signature of what was put. */
static void link_sign(int workspace_fd, struct signature_times *times, uint64_t ino,
                      struct output_row *row)
{
    struct signature now;
    if (signature_read(workspace_fd, row->path.data, false, &now, NULL) && now.ino == ino &&
        now.size == row->signature.size) {
        row->signature = now;
        row->firm = signature_tick_now(times, workspace_fd).multigrain;
    }
}

void restore_link_put(struct objects *objects, int workspace_fd, const struct ways *ways,
                      struct output_rows *rows)
{
    if (ways->count == 0 || ways->items[0] != WAY_HARDLINK) {
        return;
    }
    for (uint32_t i = 0; i < rows->count; i++) {
        uint64_t ino = link_row(objects, workspace_fd, &rows->items[i]);
        if (ino != 0) {
            link_sign(workspace_fd, rows->times, ino, &rows->items[i]);
        }
    }
}
