/* Owns the question whether a file is there: asked once for each path. Where many of one folder are
 * asked for one after the other, as a hundred thousand sources are, the folder is listed instead:
 * an entry of a listing costs a tenth of a look at its path. As long as what was listed is asked
 * for, the next folder is listed at once. Such a listing is no guard of the plan
 * (it says nothing about other files), so it is not among plan->listed_dirs. */
#include "model/plan_build.h"

#include <string.h>

#include "base/path.h"

enum { PLAN_NEAR_ASKED = 8 }; /* files of one folder, before it is listed */

static int plan_entry_compare(const void *key, const void *item)
{
    return str_compare(*(const struct str *)key, ((const struct plan_entry *)item)->name);
}

static void plan_near_list(struct plan_build *build)
{
    struct plan_near *near = &build->near;
    struct str folder = str_dup(&near->arena, near->folder);

    near->listed =
        build->files->peek(build->files->ctx, folder, &near->arena, &near->entries, &near->count);
    near->all_listed += near->listed ? near->count : 0;
}

/* Another folder than before is asked about: what was listed is let go. */
static void plan_near_move(struct plan_near *near, struct str folder)
{
    arena_reset(&near->arena);
    near->folder = folder;
    near->asked = 0;
    near->next = 0;
    near->listed = false;
}

static bool plan_near_pays(const struct plan_near *near)
{
    return near->asked == PLAN_NEAR_ASKED ||
           (near->asked == 1 && near->all_listed != 0 && near->all_listed / 2 <= near->all_asked);
}

/* The entry of that name; mostly it is the one behind the last. NULL: there is none. */
static const struct plan_entry *plan_near_entry(struct plan_near *near, struct str name)
{
    const struct plan_entry *entry;

    if (near->next < near->count && str_equal(near->entries[near->next].name, name)) {
        return &near->entries[near->next++];
    }
    entry = near->count != 0 ? bsearch(&name, near->entries, near->count, sizeof(*near->entries),
                                       plan_entry_compare)
                             : NULL;
    if (entry != NULL) {
        near->next = (uint32_t)(entry - near->entries) + 1;
    }
    return entry;
}

static enum plan_exists plan_ask(struct plan_build *build, struct str path)
{
    struct plan_near *near = &build->near;
    struct str folder = path_dir(path);
    const struct plan_entry *entry;

    if (path.len == 0 || path_is_absolute(path)) {
        return build->files->exists(build->files->ctx, path);
    }
    if (near->asked == 0 || !str_equal(near->folder, folder)) {
        plan_near_move(near, folder);
    }
    near->asked++;
    near->all_asked++;
    if (!near->listed && plan_near_pays(near)) {
        plan_near_list(build);
    }
    if (!near->listed) {
        return build->files->exists(build->files->ctx, path);
    }
    entry = plan_near_entry(near, str_skip(path, folder.len != 0 ? folder.len + 1 : 0));
    if (entry == NULL) {
        return PLAN_EXISTS_NOT;
    }
    if (entry->is_link) {
        return build->files->exists(build->files->ctx, path);
    }
    return entry->is_folder ? PLAN_EXISTS_FOLDER : PLAN_EXISTS_FILE;
}

enum plan_exists plan_path_exists(struct plan_build *build, struct path_id path)
{
    if (build->exists.count <= path.n) {
        size_t more = build->plan->path_count - build->exists.count;

        VEC_RESERVE(&build->exists, more);
        memset(build->exists.items + build->exists.count, 0, more);
        build->exists.count += more;
    }
    if (build->exists.items[path.n] == 0) {
        build->exists.items[path.n] =
            (uint8_t)(plan_ask(build, plan_path_name(build->plan, path)) + 1);
    }
    return (enum plan_exists)(build->exists.items[path.n] - 1);
}
