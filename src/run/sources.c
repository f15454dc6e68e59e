/* Owns the use of the stat cache: a row is believed only if it is firm and the signature is the
 * same now. What was read unfirmly is put in all the same, marked so: it names the right bytes at
 * this moment and is read again by whoever needs to know later. */
#include "run/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/path.h"
#include "base/sys.h"
#include "os/files.h"
#include "os/walk.h"
#include "store/kinds.h"

bool source_is_cached(const struct session *session, struct str path,
                      const struct signature *signature, struct digest *digest)
{
    struct index_path row;

    if (session->index == NULL || !index_path(session->index, path, &row) || !row.firm ||
        !signature_equal(&row.signature, signature)) {
        return false;
    }
    *digest = row.digest;
    return true;
}

void source_note(struct session *session, struct str path, const struct signature *signature,
                 const struct digest *digest, bool firm)
{
    if (session->index != NULL) {
        index_put_path(
            session->index, path,
            &(struct index_path){.signature = *signature, .digest = *digest, .firm = firm});
    }
}

static bool source_hash_fd(struct session *session, int fd, struct str path,
                           struct source_fact *fact, struct err *err)
{
    struct signature_tick tick = signature_tick_now(session->times, fd);
    struct signature before;
    struct signature after;

    /* The signature that counts is of what was opened, not of what the path named before. */
    if (!signature_read_fd(fd, &before, err) ||
        !file_hash_fd(fd, path.data, &fact->digest, &fact->size_bytes, err) ||
        !signature_read_fd(fd, &after, err)) {
        return false;
    }
    fact->firm = signature_is_firm(&before, &after, &tick);
    fact->signature = after;
    return true;
}

static bool source_hash(struct session *session, struct str path, struct source_fact *fact,
                        struct err *err)
{
    int fd = sys_open(path.data, O_RDONLY, 0);
    bool ok;

    if (fd < 0) {
        return err_sys(err, "'%s': cannot be read", path.data);
    }
    ok = source_hash_fd(session, fd, path, fact, err);
    sys_close(fd);
    return ok;
}

static bool source_hash_link(struct str path, struct source_fact *fact, struct err *err)
{
    struct strbuf text = {0};
    struct signature after;
    bool ok = file_read_link(AT_FDCWD, path.data, &text, err) &&
              signature_read(AT_FDCWD, path.data, false, &after, err);

    if (ok) {
        fact->digest = sha256_of(text.data, text.len);
        fact->size_bytes = text.len;
        /* A link is never changed in place: another text is another inode. */
        fact->firm = signature_equal(&after, &fact->signature);
    }
    strbuf_fini(&text);
    return ok;
}

static bool source_read(struct session *session, struct str path, struct source_fact *fact,
                        struct err *err)
{
    switch (signature_type(&fact->signature)) {
    case FILE_REGULAR:
        return source_hash(session, path, fact, err);
    case FILE_LINK:
        return source_hash_link(path, fact, err);
    case FILE_MISSING:
    case FILE_FOLDER:
    case FILE_OTHER:
        break;
    }
    return err_set(err, STATUS_ENVIRONMENT, "'%s': neither a file nor a folder", path.data);
}

bool source_look_cached(struct session *session, struct str path, bool follow, bool rehash,
                        struct source_fact *fact, bool *unread, struct err *err)
{
    enum file_type type;

    *fact = (struct source_fact){0};
    *unread = false;
    if (!signature_read(AT_FDCWD, path.data, follow, &fact->signature, err)) {
        return false;
    }
    type = signature_type(&fact->signature);
    fact->exists = type != FILE_MISSING;
    fact->folder = type == FILE_FOLDER;
    fact->executable = signature_is_executable(&fact->signature);
    fact->size_bytes = fact->signature.size;
    if (!fact->exists || fact->folder) {
        return true;
    }
    fact->firm = !rehash && source_is_cached(session, path, &fact->signature, &fact->digest);
    *unread = !fact->firm;
    return true;
}

bool source_look(struct session *session, struct str path, bool follow, bool rehash,
                 struct source_fact *fact, struct err *err)
{
    bool unread;

    if (!source_look_cached(session, path, follow, rehash, fact, &unread, err)) {
        return false;
    }
    if (unread) {
        if (!source_read(session, path, fact, err)) {
            return false;
        }
        source_note(session, path, &fact->signature, &fact->digest, fact->firm);
    }
    return true;
}

/* --- outputs --- */

static bool source_same_file(struct session *session, struct str path, enum tree_type type,
                             bool executable, const struct digest *digest, bool rehash, bool *same,
                             struct err *err)
{
    struct source_fact fact;
    enum file_type found;

    *same = false;
    if (!source_look(session, path, false, rehash, &fact, err)) {
        return false;
    }
    found = signature_type(&fact.signature);
    *same = fact.exists && found == (type == TREE_LINK ? FILE_LINK : FILE_REGULAR) &&
            (type == TREE_LINK || fact.executable == executable) &&
            digest_equal(&fact.digest, digest);
    return true;
}

static bool source_same_entry(struct session *session, struct str folder,
                              const struct walk_entry *found, const struct tree_entry *entry,
                              bool rehash, bool *same, struct err *err)
{
    *same = false;
    if (!str_equal(found->path, entry->path)) {
        return true;
    }
    if (entry->type == TREE_FOLDER) {
        *same = found->type == FILE_FOLDER;
        return true;
    }
    return source_same_file(session, path_join(&session->arena, folder, entry->path), entry->type,
                            entry->executable, &entry->digest, rehash, same, err);
}

/* Whether each entry of the folder is one of the tree; `whole`: and each of the tree is there. */
static bool source_fits_tree(struct session *session, struct str path, const struct tree *tree,
                             bool whole, bool rehash, bool *fits, struct err *err)
{
    struct arena scratch;
    struct walk_options all = {.all = true};
    struct walk_list list;
    bool ok;

    arena_init(&scratch);
    ok = walk_folder(AT_FDCWD, path.data, &all, &scratch, &list, err);
    *fits = ok && (!whole || list.count == tree->count);
    for (uint32_t i = 0; ok && *fits && i < list.count; i++) {
        const struct tree_entry *entry =
            whole ? &tree->items[i] : tree_find(tree, list.items[i].path);

        *fits = entry != NULL;
        ok = entry == NULL ||
             source_same_entry(session, path, &list.items[i], entry, rehash, fits, err);
    }
    arena_fini(&scratch);
    return ok;
}

bool source_is_tree(struct session *session, struct str path, const struct tree *tree, bool rehash,
                    bool *same, struct err *err)
{
    return source_fits_tree(session, path, tree, true, rehash, same, err);
}

bool source_is_within(struct session *session, struct str path, const struct tree *tree,
                      bool *within, struct err *err)
{
    return source_fits_tree(session, path, tree, false, false, within, err);
}

static bool source_same_folder(struct session *session, struct str path,
                               const struct digest *digest, bool rehash, bool *same,
                               struct err *err)
{
    struct arena scratch;
    struct tree tree;
    bool ok = true;

    *same = false;
    arena_init(&scratch);
    /* Without its tree nothing can be said of a folder: it counts as another. */
    if (session->objects != NULL &&
        objects_read_tree(session->objects, digest, &scratch, &tree, NULL)) {
        ok = source_is_tree(session, path, &tree, rehash, same, err);
    }
    arena_fini(&scratch);
    return ok;
}

static bool source_same(struct session *session, struct str path, enum tree_type type,
                        bool executable, const struct digest *digest, bool rehash, bool *same,
                        struct err *err)
{
    if (type == TREE_FOLDER) {
        return source_same_folder(session, path, digest, rehash, same, err);
    }
    return source_same_file(session, path, type, executable, digest, rehash, same, err);
}

bool source_look_known(struct session *session, struct str path, struct output_look *look,
                       struct err *err)
{
    struct signature now;
    struct made_row row;
    enum tree_type type;

    *look = (struct output_look){0};
    if (!signature_read(AT_FDCWD, path.data, false, &now, err)) {
        return false;
    }
    look->exists = signature_type(&now) != FILE_MISSING;
    if (!look->exists || session->made == NULL || !made_find(session->made, path, &row)) {
        return true;
    }
    type = kind_of_made(row.kind);
    if ((type == TREE_FOLDER) != (signature_type(&now) == FILE_FOLDER)) {
        return true;
    }
    return source_same(session, path, type, row.executable, &row.digest, false, &look->known, err);
}

bool source_look_output(struct session *session, struct str path, enum tree_type type,
                        bool executable, const struct digest *digest, bool rehash,
                        struct output_look *look, struct err *err)
{
    struct signature now;

    *look = (struct output_look){0};
    if (!signature_read(AT_FDCWD, path.data, false, &now, err)) {
        return false;
    }
    look->exists = signature_type(&now) != FILE_MISSING;
    if (!look->exists) {
        return true;
    }
    if ((type == TREE_FOLDER) == (signature_type(&now) == FILE_FOLDER) &&
        !source_same(session, path, type, executable, digest, rehash, &look->same, err)) {
        return false;
    }
    if (look->same) {
        look->known = true;
        return true;
    }
    return source_look_known(session, path, look, err);
}

void source_put_rows(struct session *session, const struct output_rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct output_row *row = &rows->items[i];

        if (row->type != TREE_FOLDER) {
            source_note(session, row->path, &row->signature, &row->digest, row->firm);
        }
    }
}
