/* Owns step 5 of the commit protocol: outputs enter the store; of those that do not, only the
 * digest is made. */
#include <fcntl.h>

#include "base/path.h"
#include "base/sys.h"
#include "os/files.h"
#include "os/walk.h"
#include "run/commit_inside.h"

static bool commit_hash_entry(struct attempt *attempt, struct str folder,
                              const struct walk_entry *found, struct tree_entry *entry,
                              struct err *err)
{
    struct str path = path_join(&attempt->arena, folder, found->path);
    struct strbuf text = {0};
    struct signature signature;
    bool ok = true;

    *entry = (struct tree_entry){.path = found->path};
    switch (found->type) {
    case FILE_FOLDER:
        entry->type = TREE_FOLDER;
        return true;
    case FILE_LINK:
        entry->type = TREE_LINK;
        ok = file_read_link(AT_FDCWD, path.data, &text, err);
        entry->digest = sha256_of(strbuf_str(&text).data, text.len);
        entry->size_bytes = text.len;
        strbuf_fini(&text);
        return ok;
    case FILE_REGULAR:
        entry->type = TREE_FILE;
        ok = file_hash(AT_FDCWD, path.data, &entry->digest, &entry->size_bytes, err) &&
             signature_read(AT_FDCWD, path.data, false, &signature, err);
        entry->executable = ok && signature_is_executable(&signature);
        return ok;
    case FILE_MISSING:
    case FILE_OTHER:
        break;
    }
    return err_set(err, STATUS_STAGE_FAILED, "'%.*s': neither a file nor a folder", STR_ARG(path));
}

/* A folder of which only the digest is kept: its tree is an object, its files are not. */
static bool commit_hash_folder(struct attempt *attempt, struct attempt_output *row, struct err *err)
{
    struct walk_options all = {.all = true};
    struct walk_list list;
    struct tree tree;

    if (!walk_folder(AT_FDCWD, row->path.data, &all, &attempt->arena, &list, err)) {
        return false;
    }
    tree.count = list.count;
    tree.items = ARENA_ARRAY(&attempt->arena, struct tree_entry, list.count);
    for (uint32_t i = 0; i < list.count; i++) {
        if (!commit_hash_entry(attempt, row->path, &list.items[i], &tree.items[i], err)) {
            return false;
        }
        row->put.size_bytes += tree.items[i].size_bytes;
    }
    row->put.type = TREE_FOLDER;
    row->put.files = tree.count;
    return objects_put_tree(attempt->executor->session->objects, &tree, &row->put.digest, err);
}

static bool commit_hash_output(struct attempt *attempt, struct attempt_output *row, struct err *err)
{
    struct signature signature;
    struct walk_entry self = {.path = row->path};
    struct tree_entry entry;

    if (!signature_read(AT_FDCWD, row->path.data, false, &signature, err)) {
        return false;
    }
    if (signature_type(&signature) == FILE_FOLDER) {
        return commit_hash_folder(attempt, row, err);
    }
    self.type = signature_type(&signature);
    if (!commit_hash_entry(attempt, STR(""), &self, &entry, err)) {
        return false;
    }
    row->put = (struct put_output){.type = entry.type,
                                   .digest = entry.digest,
                                   .size_bytes = entry.size_bytes,
                                   .files = 1,
                                   .executable = entry.executable};
    return true;
}

bool commit_is_stored(const struct plan_output *declared)
{
    return declared->store && !declared->temp && !declared->is_depfile;
}

/* The bytes of `persist` are written in place, so they are never a link to the object. */
static bool commit_put_output(struct attempt *attempt, const struct plan_output *declared,
                              struct attempt_output *row, struct err *err)
{
    struct session *session = attempt->executor->session;

    if (!objects_put_output(session->objects, session->root_fd, row->path.data, &row->rows,
                            &row->put, err)) {
        return false;
    }
    if (!declared->persist) {
        restore_link_put(session->objects, session->root_fd, &attempt->executor->ways, &row->rows);
    }
    return true;
}

void commit_put(struct attempt *attempt)
{
    struct err err = {0};

    for (uint32_t i = 0; i < attempt->output_count && attempt->cause == CAUSE_NONE; i++) {
        struct attempt_output *row = &attempt->outputs[i];
        const struct plan_output *declared = &attempt->executor->plan->outputs[row->output];
        bool stored = commit_is_stored(declared);

        if (!row->made) {
            continue;
        }
        if (stored ? !commit_put_output(attempt, declared, row, &err)
                   : !commit_hash_output(attempt, row, &err)) {
            commit_fail_err(attempt, &err);
        }
        attempt->put_bytes += stored ? row->put.size_bytes : 0;
    }
}
