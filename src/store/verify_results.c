/* Owns the question whether the bytes of each result are in the store, and if not, what that costs.
 *
 * A process that works there may add and forget results at any time: what seems to be lost is
 * looked at again with what it appended meanwhile. Bytes in a folder of another epoch are there:
 * the next process that opens the store takes them in. */
#include "store/verify_inside.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/hex.h"
#include "base/path.h"
#include "base/sys.h"
#include "os/walk.h"
#include "store/kinds.h"

struct results_look {
    struct verify *verify;
    struct objects *objects;
    struct results *results;
    struct arena arena; /* one result */
    bool speaks;        /* else it only asks whether there is anything to say */
    bool found;
};

/* --- is it in the store? --- */

static bool object_is_unsettled(const struct verify *verify, const struct digest *digest)
{
    char hex[DIGEST_HEX_BYTES + 1];
    struct sys_stat stat;

    digest_hex(digest, hex);
    VEC_EACH (epoch, &verify->foreign) {
        if (sys_statat(epoch->fd, hex, AT_SYMLINK_NOFOLLOW, &stat) == 0) {
            return true;
        }
    }
    return false;
}

bool verify_object_is_there(const struct verify *verify, struct objects *objects,
                            const struct digest *digest)
{
    enum known_state seen = known_get(&verify->seen, digest);

    return seen != KNOWN_NOT ? seen == KNOWN_DURABLE
                             : objects_has(objects, digest) || object_is_unsettled(verify, digest);
}

static bool tree_members_are_there(const struct verify *verify, struct objects *objects,
                                   const struct tree *tree)
{
    for (uint32_t i = 0; i < tree->count; i++) {
        if (tree->items[i].type != TREE_FOLDER &&
            !verify_object_is_there(verify, objects, &tree->items[i].digest)) {
            return false;
        }
    }
    return true;
}

bool verify_tree_is_there(struct verify *verify, struct objects *objects,
                          const struct digest *digest)
{
    enum known_state known = known_get(&verify->trees, digest);
    struct arena arena;
    struct tree tree;
    bool there;

    if (known != KNOWN_NOT) {
        return known == KNOWN_DURABLE;
    }
    if (!objects_has(objects, digest) && object_is_unsettled(verify, digest)) {
        return true;
    }
    arena_init(&arena);
    there = objects_read_tree(objects, digest, &arena, &tree, NULL) &&
            tree_members_are_there(verify, objects, &tree);
    arena_fini(&arena);
    if (there) {
        known_set(&verify->trees, digest, KNOWN_DURABLE);
    }
    return there;
}

static bool output_is_there(struct results_look *look, const struct result_output *output)
{
    return !output->stored ||
           (verify_object_is_there(look->verify, look->objects, &output->digest) &&
            (output->kind != RESULT_FOLDER ||
             verify_tree_is_there(look->verify, look->objects, &output->digest)));
}

/* --- is it in the workspace? --- */

static bool digest_entry(int dir, const char *path, struct tree_entry *entry)
{
    struct sys_stat stat;
    struct strbuf text = {0};
    bool ok = sys_statat(dir, path, AT_SYMLINK_NOFOLLOW, &stat) == 0;

    if (ok && S_ISREG(stat.mode)) {
        entry->type = TREE_FILE;
        entry->executable = (stat.mode & S_IXUSR) != 0;
        return file_hash(dir, path, &entry->digest, &entry->size_bytes, NULL);
    }
    if (ok && S_ISLNK(stat.mode)) {
        entry->type = TREE_LINK;
        ok = file_read_link(dir, path, &text, NULL);
        entry->digest = sha256_of(text.data, text.len);
        entry->size_bytes = text.len;
        strbuf_fini(&text);
        return ok;
    }
    entry->type = TREE_FOLDER;
    return ok && S_ISDIR(stat.mode);
}

static bool digest_folder(int root, const char *path, struct arena *arena, struct digest *digest)
{
    static const struct walk_options everything = {.all = true};
    struct walk_list list;
    struct tree tree;
    struct strbuf bytes = {0};
    int folder = folder_open(root, path, NULL);
    bool ok = folder >= 0 && walk_folder(folder, "", &everything, arena, &list, NULL);

    if (ok) {
        tree = (struct tree){ARENA_ARRAY(arena, struct tree_entry, list.count), list.count};
    }
    for (uint32_t i = 0; ok && i < list.count; i++) {
        tree.items[i].path = list.items[i].path;
        ok = tree_path_is_valid(list.items[i].path) &&
             digest_entry(folder, list.items[i].path.data, &tree.items[i]);
    }
    if (ok) {
        tree_encode(&tree, &bytes);
        *digest = sha256_of(bytes.data, bytes.len);
        strbuf_fini(&bytes);
    }
    if (folder >= 0) {
        sys_close(folder);
    }
    return ok;
}

static bool output_lies_here(struct results_look *look, const struct result_output *output)
{
    int root = look->verify->options.root_fd;
    const char *path = str_dup(&look->arena, output->path).data;
    struct tree_entry entry = {.executable = output->executable};

    return tree_path_is_valid(output->path) && digest_entry(root, path, &entry) &&
           entry.type == kind_of_result(output->kind) && entry.executable == output->executable &&
           (entry.type != TREE_FOLDER || digest_folder(root, path, &look->arena, &entry.digest)) &&
           digest_equal(&entry.digest, &output->digest);
}

/* --- what that costs --- */

static struct str lost_cost(struct results_look *look, struct result_ref ref,
                            const struct result *result, bool here)
{
    struct result_ref last = results_find_last(look->results, result->stage, result->instance,
                                               &look->verify->options.workspace);

    if (!digest_equal(&result->workspace, &look->verify->options.workspace)) {
        return STR("another workspace made it, where the stage runs again");
    }
    if (here) {
        return STR("nothing is lost: the workspace has it, a repair stores it again");
    }
    return last.n == ref.n ? STR("restored from nowhere: the stage runs again when it is needed")
                           : STR("an earlier result: going back to it runs the stage again");
}

static void lost_add(struct results_look *look, struct result_ref ref, const struct result *result,
                     struct verify_lost *lost)
{
    struct verify *verify = look->verify;
    struct arena *arena = &verify->arena;
    struct strbuf place = {0};
    struct strbuf reason = {0};

    strbuf_puts(&reason, "missing from the store, or damaged there: ");
    for (uint32_t i = 0; i < lost->output_count; i++) {
        lost->outputs[i].path = str_dup(arena, lost->outputs[i].path);
        strbuf_puts(&reason, i == 0 ? "'" : ", '");
        path_show(&reason, lost->outputs[i].path);
        strbuf_putc(&reason, '\'');
    }
    strbuf_puts(&place, "result of '");
    path_show(&place, result->instance);
    strbuf_putc(&place, '\'');
    lost->key = result->key;
    lost->problem = verify_say(verify, VERIFY_DAMAGED, strbuf_str(&place), strbuf_str(&reason),
                               lost_cost(look, ref, result, lost->here));
    strbuf_fini(&place);
    strbuf_fini(&reason);
    VEC_PUSH(&verify->lost, *lost);
}

static void look_result(struct results_look *look, struct result_ref ref,
                        const struct result *result)
{
    struct verify_lost lost = {
        .outputs = ARENA_ARRAY(&look->verify->arena, struct result_output, result->output_count)};

    lost.here = digest_equal(&result->workspace, &look->verify->options.workspace);
    for (uint32_t i = 0; i < result->output_count; i++) {
        if (!output_is_there(look, &result->outputs[i])) {
            lost.outputs[lost.output_count++] = result->outputs[i];
            lost.here = lost.here && (!look->speaks || output_lies_here(look, &result->outputs[i]));
        }
    }
    look->found = look->found || lost.output_count != 0;
    if (lost.output_count != 0 && look->speaks) {
        lost_add(look, ref, result, &lost);
    }
}

static void look_all(struct results_look *look)
{
    struct result_ref ref = results_next(look->results, 0);

    look->verify->counts.results = 0;
    for (; result_ref_is_some(ref); ref = results_next(look->results, ref.n + 1)) {
        struct result result;

        arena_reset(&look->arena);
        look->verify->counts.results++;
        if (results_read(look->results, ref, &look->arena, &result) &&
            (result.flags & RESULT_UNKEYED) == 0) {
            look_result(look, ref, &result);
        }
    }
}

void verify_results(struct verify *verify, struct objects *objects)
{
    struct results_look look = {.verify = verify, .objects = objects};
    struct err err = {0};

    look.results = results_open(verify->options.store_fd, &err);
    if (look.results != NULL) {
        arena_init(&look.arena);
        look_all(&look);
        look.speaks = look.found;
        if (look.speaks && results_refresh(look.results, &err)) {
            look_all(&look);
        }
        arena_fini(&look.arena);
        results_close(look.results);
    }
    if (err.status != 0) {
        verify_say_err(verify, verify_in_store(verify, "results"), &err, "");
    }
}
