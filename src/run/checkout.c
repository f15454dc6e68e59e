/* Owns bringing outputs back by a person's word. What is read of a folder is its tree; a part of a
 * folder is the entry of its tree, or what lies below that, as a tree of its own. Objects are
 * looked for before anything moves, and read through before somebody's bytes move. */
#include "run/checkout.h"

#include <errno.h>
#include <fcntl.h>

#include "base/path.h"
#include "base/sys.h"
#include "run/executor.h"
#include "run/sources.h"
#include "store/kinds.h"
#include "store/park.h"
#include "store/restore.h"

static int checkout_open(struct str folder)
{
    return sys_open(folder.data, O_RDONLY | O_DIRECTORY, 0);
}

void checkout_init(struct checkout *checkout, struct session *session, struct str to,
                   struct arena *arena)
{
    *checkout = (struct checkout){.session = session,
                                  .arena = arena,
                                  .to = to,
                                  .to_fd = to.len == 0 ? -1 : checkout_open(to),
                                  .ways = executor_ways(&session->manifest)};
}

void checkout_fini(struct checkout *checkout)
{
    if (checkout->to_fd >= 0) {
        sys_close(checkout->to_fd);
    }
}

void checkout_add(struct checkout *checkout, const struct result *result,
                  const struct result_output *output, struct str path, struct checkout_item *item)
{
    *item = (struct checkout_item){
        .result = result,
        .output = output,
        .path = path,
        .place = checkout->to.len == 0 ? path : path_join(checkout->arena, checkout->to, path),
        .type = kind_of_result(output->kind),
        .executable = output->executable,
        .digest = output->digest};
}

static bool checkout_is_part(const struct checkout_item *item)
{
    return !str_equal(item->path, item->output->path);
}

/* --- parts of a folder --- */

/* What lies below the folder `below`, as a tree of its own. */
static struct tree checkout_cut(struct arena *arena, const struct tree *tree, struct str below)
{
    struct tree part = {.items = ARENA_ARRAY(arena, struct tree_entry, tree->count)};

    for (uint32_t i = 0; i < tree->count; i++) {
        struct tree_entry entry = tree->items[i];

        if (path_is_below(entry.path, below) && !str_equal(entry.path, below)) {
            entry.path = str_skip(entry.path, below.len + 1);
            part.items[part.count++] = entry;
        }
    }
    return part;
}

/* What is at `below` in a folder. */
static bool checkout_find(struct arena *arena, const struct tree *tree, struct str below,
                          struct tree_entry *entry, struct tree *part)
{
    const struct tree_entry *found = tree_find(tree, below);

    if (found == NULL) {
        return false;
    }
    *entry = *found;
    *part = found->type == TREE_FOLDER ? checkout_cut(arena, tree, below) : (struct tree){0};
    return true;
}

/* --- looking --- */

static bool checkout_lose(struct checkout_item *item)
{
    struct err *err = &item->err;

    item->fate = CHECKOUT_LOST;
    if (err->status == STATUS_OK) {
        err_set(err, STATUS_CORRUPT, "its bytes are not in the store");
    }
    return err_wrap(err, "'%.*s' of '%.*s' cannot be restored", STR_ARG(item->path),
                    STR_ARG(item->result->instance));
}

/* The tree of what comes back. False: it is not there (the fate says so), or `err`. */
static bool checkout_read_tree(struct checkout *checkout, struct checkout_item *item,
                               struct err *err)
{
    struct tree_entry entry;
    struct tree tree;
    struct str below;

    if (item->type != TREE_FOLDER) {
        return true;
    }
    if (!objects_read_tree(checkout->session->objects, &item->digest, checkout->arena, &tree,
                           &item->err)) {
        return checkout_lose(item);
    }
    item->tree = tree;
    if (!checkout_is_part(item)) {
        return true;
    }
    below = str_skip(item->path, item->output->path.len + 1);
    if (!checkout_find(checkout->arena, &tree, below, &entry, &item->tree)) {
        return err_set(err, STATUS_USAGE, "'%.*s' was not in the folder '%.*s' of '%.*s'",
                       STR_ARG(item->path), STR_ARG(item->output->path),
                       STR_ARG(item->result->instance));
    }
    item->type = entry.type;
    item->executable = entry.executable;
    item->digest = entry.digest;
    return true;
}

static bool checkout_has_objects(struct checkout *checkout, const struct checkout_item *item)
{
    struct objects *objects = checkout->session->objects;

    if (item->type != TREE_FOLDER) {
        return objects_has(objects, &item->digest);
    }
    for (uint32_t i = 0; i < item->tree.count; i++) {
        if (item->tree.items[i].type != TREE_FOLDER &&
            !objects_has(objects, &item->tree.items[i].digest)) {
            return false;
        }
    }
    return true;
}

/* Are the folders above it folders, as far as they are there? */
static bool checkout_has_way(const struct checkout *checkout, const struct checkout_item *item,
                             struct err *err)
{
    int top = checkout->to.len == 0 ? checkout->session->root_fd : checkout->to_fd;
    struct err why = {0};
    const char *base;
    bool missing;
    int dir;

    if (top < 0) {
        return true;
    }
    dir = folder_open_parent(top, item->path.data, false, &base, &missing, &why);
    if (dir >= 0) {
        sys_close(dir);
        return true;
    }
    if (missing && why.sys == ENOENT) {
        return true;
    }
    *err = why;
    return err_wrap(err, "'%.*s' of '%.*s' cannot be restored", STR_ARG(item->path),
                    STR_ARG(item->result->instance));
}

static bool checkout_is_same(struct checkout *checkout, const struct checkout_item *item,
                             bool *exists, bool *same, struct err *err)
{
    struct session *session = checkout->session;
    struct output_look look = {0};
    struct signature now;
    bool ok;

    *same = false;
    if (!signature_read(AT_FDCWD, item->place.data, false, &now, err)) {
        return false;
    }
    *exists = signature_type(&now) != FILE_MISSING;
    if ((item->type == TREE_FOLDER) != (signature_type(&now) == FILE_FOLDER) ||
        signature_type(&now) == FILE_OTHER) {
        return true;
    }
    if (item->type == TREE_FOLDER) {
        return source_is_tree(session, item->place, &item->tree, false, same, err);
    }
    ok = source_look_output(session, item->place, item->type, item->executable, &item->digest,
                            false, &look, err);
    *same = look.same;
    return ok;
}

/* What pawl put last at `path`, or in the folder that is above it. False: it is not known. */
static bool checkout_find_made(struct checkout *checkout, struct str path,
                               struct checkout_item *was)
{
    struct session *session = checkout->session;
    struct tree_entry entry;
    struct tree tree;
    struct made_row row;
    struct str top = path;

    while (!made_find(session->made, top, &row)) {
        top = path_dir(top);
        if (top.len == 0) {
            return false;
        }
    }
    *was = (struct checkout_item){.path = path,
                                  .place = path,
                                  .type = kind_of_made(row.kind),
                                  .executable = row.executable,
                                  .digest = row.digest};
    if (was->type != TREE_FOLDER) {
        return top.len == path.len;
    }
    if (!objects_read_tree(session->objects, &row.digest, checkout->arena, &tree, NULL)) {
        return false;
    }
    was->tree = tree;
    if (top.len == path.len) {
        return true;
    }
    if (!checkout_find(checkout->arena, &tree, str_skip(path, top.len + 1), &entry, &was->tree)) {
        return false;
    }
    was->type = entry.type;
    was->executable = entry.executable;
    was->digest = entry.digest;
    return true;
}

/* Nothing is lost with a folder that holds only what the other holds, too. */
static bool checkout_is_within(struct checkout *checkout, const struct checkout_item *item,
                               const struct checkout_item *other, bool *within, struct err *err)
{
    struct signature now;

    *within = false;
    if (other->type != TREE_FOLDER) {
        return true;
    }
    return signature_read(AT_FDCWD, item->place.data, false, &now, err) &&
           (signature_type(&now) != FILE_FOLDER ||
            source_is_within(checkout->session, item->place, &other->tree, within, err));
}

/* What lies there, and may it be replaced? */
static bool checkout_look_there(struct checkout *checkout, struct checkout_item *item,
                                struct err *err)
{
    struct checkout_item was;
    bool exists;
    bool known;

    item->fate = CHECKOUT_FOREIGN;
    if (checkout->to.len != 0) {
        return true;
    }
    if (!checkout_is_within(checkout, item, item, &known, err)) {
        return false;
    }
    if (known) {
        item->fate = CHECKOUT_FREE;
        return true;
    }
    if (!checkout_find_made(checkout, item->path, &was)) {
        return true;
    }
    if (!checkout_is_same(checkout, &was, &exists, &known, err) ||
        (!known && !checkout_is_within(checkout, item, &was, &known, err))) {
        return false;
    }
    if (known) {
        item->fate = checkout_has_objects(checkout, &was) ? CHECKOUT_FREE : CHECKOUT_ONLY;
    }
    return true;
}

bool checkout_is_news(const struct checkout *checkout, const struct checkout_item *item)
{
    struct made_row row;

    return !made_find(checkout->session->made, item->output->path, &row) ||
           !digest_equal(&row.digest, &item->output->digest);
}

bool checkout_look(struct checkout *checkout, struct checkout_item *item, struct err *err)
{
    bool same;

    /* A record may have come from elsewhere. */
    if (!tree_path_is_valid(item->path) || path_is_below(item->path, STR(".pawl"))) {
        err_set(&item->err, STATUS_CORRUPT, "its recorded path is none of a workspace");
        checkout_lose(item);
        return true;
    }
    /* Of a folder whose bytes were never stored nothing more can be said. */
    if (!item->output->stored && !objects_has(checkout->session->objects, &item->digest) &&
        item->type == TREE_FOLDER) {
        item->fate = CHECKOUT_UNSTORED;
        return true;
    }
    if (!checkout_read_tree(checkout, item, err)) {
        return item->fate == CHECKOUT_LOST;
    }
    if (!checkout_has_way(checkout, item, err) ||
        !checkout_is_same(checkout, item, &item->exists, &same, err)) {
        return false;
    }
    if (same) {
        item->fate = CHECKOUT_RIGHT;
        return true;
    }
    if (!checkout_has_objects(checkout, item)) {
        item->fate = CHECKOUT_UNSTORED;
        if (item->output->stored) {
            checkout_lose(item);
        }
        return true;
    }
    item->fate = CHECKOUT_FREE;
    return !item->exists || checkout_look_there(checkout, item, err);
}

/* --- doing --- */

static bool checkout_verify(struct checkout *checkout, struct checkout_item *item)
{
    struct objects *objects = checkout->session->objects;
    bool ok = true;

    if (item->type != TREE_FOLDER) {
        return objects_verify(objects, &item->digest, &item->size_bytes, &item->err);
    }
    for (uint32_t i = 0; ok && i < item->tree.count; i++) {
        const struct tree_entry *entry = &item->tree.items[i];
        uint64_t size_bytes;

        ok = entry->type == TREE_FOLDER ||
             objects_verify(objects, &entry->digest, &size_bytes, &item->err);
    }
    return ok;
}

/* A name for kept/<run>/: the run whose output takes the place. */
static struct str checkout_run(const struct checkout_item *item)
{
    struct run_id id;

    return run_id_parse(item->result->run, &id) ? item->result->run : STR("restored");
}

static bool checkout_keep(struct checkout *checkout, struct checkout_item *item, struct err *err)
{
    struct session *session = checkout->session;
    struct clone_memory clone = {0};
    struct park_place place = {
        .workspace_fd = session->root_fd, .pawl_fd = session->workspace.pawlfd, .clone = &clone};
    struct strbuf kept = {0};
    bool ok = park_keep(&place, checkout_run(item), item->path, &kept, err);

    if (ok) {
        item->kept = str_concat(checkout->arena, STR(".pawl/"), strbuf_str(&kept));
        index_drop_path(session->index, item->path);
        checkout->changed = true;
    }
    strbuf_fini(&kept);
    return ok;
}

/* The bytes of `persist` are written in place, so they are never a link to the object. */
static const struct ways *checkout_ways(const struct checkout *checkout, struct str path)
{
    const struct plan *plan = &checkout->session->plan;
    struct path_id id = {PLAN_NONE};

    if (checkout->session->planned) {
        id = plan_find_path(plan, path);
    }
    if (checkout->to.len != 0 || id.n == PLAN_NONE || !inst_is_some(plan->paths[id.n].producer) ||
        plan->outputs[plan->paths[id.n].output].persist) {
        return &WAYS_DEFAULT;
    }
    return &checkout->ways;
}

static bool checkout_open_to(struct checkout *checkout, struct err *err)
{
    const char *dir = checkout->to.data;

    if (checkout->to.len == 0 || checkout->to_fd >= 0) {
        return true;
    }
    if (sys_mkdir(dir, 0777) != 0 && errno != EEXIST) {
        return err_sys(err, "'%s': the folder cannot be made", dir);
    }
    checkout->to_fd = checkout_open(checkout->to);
    return checkout->to_fd >= 0 || err_sys(err, "'%s': cannot be opened", dir);
}

static bool checkout_write(struct checkout *checkout, struct checkout_item *item,
                           struct output_rows *rows, struct err *err)
{
    struct session *session = checkout->session;
    int dir_fd = checkout->to.len != 0 ? checkout->to_fd : session->root_fd;
    const struct ways *ways = checkout_ways(checkout, item->output->path);
    struct put_output put = {
        .type = item->type, .digest = item->digest, .executable = item->executable};

    enum restore_place place = item->exists ? RESTORE_REPLACES : RESTORE_IS_NEW;

    if (item->type == TREE_FOLDER) {
        return restore_tree(session->objects, dir_fd, item->path.data, &item->tree, ways, place,
                            rows, err);
    }
    return restore_output(session->objects, dir_fd, item->path.data, &put, ways, place, rows, err);
}

static uint64_t checkout_tree_size(const struct tree *tree)
{
    uint64_t size_bytes = 0;

    for (uint32_t i = 0; i < tree->count; i++) {
        size_bytes += tree->items[i].size_bytes;
    }
    return size_bytes;
}

static void checkout_put_made(struct checkout *checkout, const struct checkout_item *item)
{
    const struct result_output *output = item->output;

    made_put(checkout->session->made, &(struct made_row){.path = output->path,
                                                         .kind = kind_in_made(item->type),
                                                         .executable = output->executable,
                                                         .digest = output->digest,
                                                         .size_bytes = item->size_bytes,
                                                         .stage = item->result->stage,
                                                         .instance = item->result->instance,
                                                         .run = checkout_run(item)});
}

/* A part may have made its folder whole again: then that is what pawl put there. */
static bool checkout_note_whole(struct checkout *checkout, struct checkout_item *item,
                                struct err *err)
{
    struct checkout_item whole;
    bool exists;
    bool same;

    checkout_add(checkout, item->result, item->output, item->output->path, &whole);
    if (!checkout_read_tree(checkout, &whole, err)) {
        return true;
    }
    if (!checkout_is_same(checkout, &whole, &exists, &same, err)) {
        return false;
    }
    if (same) {
        whole.size_bytes = checkout_tree_size(&whole.tree);
        checkout_put_made(checkout, &whole);
    }
    return true;
}

static bool checkout_note(struct checkout *checkout, struct checkout_item *item,
                          const struct output_rows *rows, struct err *err)
{
    checkout->changed = true;
    source_put_rows(checkout->session, rows);
    if (checkout_is_part(item)) {
        return checkout_note_whole(checkout, item, err);
    }
    checkout_put_made(checkout, item);
    return true;
}

/* Somebody wrote there since it was looked at. */
static bool checkout_leave(struct checkout_item *item)
{
    item->fate = CHECKOUT_FOREIGN;
    err_clear(&item->err);
    err_set(&item->err, STATUS_USAGE, "'%.*s' changed while others were restored: it is left alone",
            STR_ARG(item->place));
    return true;
}

/* Much may have been copied since the first look. */
static bool checkout_look_again(struct checkout *checkout, struct checkout_item *item,
                                struct err *err)
{
    enum checkout_fate before = item->fate;

    checkout_add(checkout, item->result, item->output, item->path, item);
    if (!checkout_look(checkout, item, err)) {
        return false;
    }
    return item->fate != CHECKOUT_FOREIGN || before == CHECKOUT_FOREIGN || checkout_leave(item);
}

static bool checkout_is_to_do(const struct checkout_item *item)
{
    return item->err.status == STATUS_OK &&
           (item->fate == CHECKOUT_FREE || item->fate == CHECKOUT_ONLY ||
            item->fate == CHECKOUT_FOREIGN);
}

bool checkout_do(struct checkout *checkout, struct checkout_item *item, struct err *err)
{
    struct output_rows rows = {.arena = checkout->arena, .times = checkout->session->times};
    bool to = checkout->to.len != 0;

    if (!checkout_look_again(checkout, item, err)) {
        return false;
    }
    if (!checkout_is_to_do(item)) {
        return true;
    }
    if (item->fate != CHECKOUT_FREE) {
        if (!checkout_verify(checkout, item)) {
            checkout_lose(item);
            return true;
        }
        if (!checkout_keep(checkout, item, err)) {
            return false;
        }
        item->exists = false;
    }
    if (!checkout_open_to(checkout, err)) {
        return false;
    }
    if (!checkout_write(checkout, item, to ? NULL : &rows, &item->err)) {
        if (item->err.sys == EEXIST) {
            return checkout_leave(item);
        }
        checkout_lose(item);
        *err = item->err;
        return item->err.status == STATUS_CORRUPT;
    }
    if (item->type == TREE_FOLDER) {
        item->size_bytes = checkout_tree_size(&item->tree);
    } else if (rows.count != 0) {
        item->size_bytes = rows.items[0].signature.size;
    }
    item->fate = CHECKOUT_DONE;
    return to || checkout_note(checkout, item, &rows, err);
}

bool checkout_save(struct checkout *checkout, struct err *err)
{
    struct session *session = checkout->session;

    return !checkout->changed ||
           (made_flush(session->made, err) && index_flush(session->index, err));
}
