/* Owns the walks over folders while planning: each is listed once.
 *
 * A walk finds *sources*: files that no stage declares and that pawl did not make earlier. What it
 * made and no stage declares now is an orphan: left out, and noted. Before the outputs are known
 * (axes) what pawl made is left out all the same. */
#include "model/plan_build.h"

#include <string.h>

#include "base/path.h"
#include "model/glob.h"

enum plan_entry_state { PLAN_ENTRY_UNKNOWN, PLAN_ENTRY_SOURCE, PLAN_ENTRY_OUT };

enum { PLAN_WALK_DEEPEST = 100 }; /* links can make a folder endless */

const struct plan_listing *plan_list(struct plan_build *build, struct str folder)
{
    uint32_t number = map_get(&build->listing_numbers, folder);
    struct plan_listing listing;

    if (number != MAP_MISSING) {
        return &build->listings.items[number];
    }
    listing = (struct plan_listing){.folder = str_dup(build->arena, folder)};
    if (!build->files->list(build->files->ctx, listing.folder, build->arena, &listing.entries,
                            &listing.count)) {
        diag_error(build->diags, SPAN_NONE, NULL, "folder '%.*s' cannot be listed",
                   STR_ARG(folder));
        listing.count = 0;
    }
    listing.states = ARENA_ARRAY(build->arena, uint8_t, listing.count);
    map_put(&build->listing_numbers, listing.folder, (uint32_t)build->listings.count);
    VEC_PUSH(&build->listings, listing);
    return &build->listings.items[build->listings.count - 1];
}

/* The first entry that is not before `name`. */
static uint32_t plan_listing_first(const struct plan_listing *listing, struct str name)
{
    uint32_t low = 0;
    uint32_t high = listing->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (str_compare(listing->entries[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool plan_listing_has(const struct plan_listing *listing, struct str name)
{
    uint32_t first = plan_listing_first(listing, name);

    return first < listing->count && str_equal(listing->entries[first].name, name);
}

/* --- is an entry a source? --- */

/* An output, or something below a folder that is one. */
static bool plan_is_output(const struct plan *plan, struct str path)
{
    for (; path.len != 0 && !path_is_absolute(path); path = path_dir(path)) {
        struct path_id id = plan_find_path(plan, path);

        if (id.n != PLAN_NONE && inst_is_some(plan->paths[id.n].producer)) {
            return true;
        }
    }
    return false;
}

static enum plan_entry_state plan_entry_look(struct plan_build *build, struct str path)
{
    if (build->outputs_are_known && plan_is_output(build->plan, path)) {
        return PLAN_ENTRY_OUT;
    }
    if (!build->files->was_made(build->files->ctx, path)) {
        return PLAN_ENTRY_SOURCE;
    }
    if (build->outputs_are_known) {
        VEC_PUSH(&build->orphans, plan_intern_path(build, path));
    }
    return PLAN_ENTRY_OUT;
}

static bool plan_entry_is_source(struct plan_build *build, const struct plan_listing *listing,
                                 uint32_t number, struct str path)
{
    enum plan_entry_state state = (enum plan_entry_state)listing->states[number];

    if (state == PLAN_ENTRY_UNKNOWN) {
        state = plan_entry_look(build, path);
        if (build->outputs_are_known) {
            listing->states[number] = (uint8_t)state;
        }
    }
    return state == PLAN_ENTRY_SOURCE;
}

/* --- walks --- */

struct plan_walk {
    struct plan_build *build;
    struct str pattern; /* STR_NONE: everything below a folder */
    struct str literal; /* what every match starts with */
};

/* The first entry that can start with the walk's literal text. */
static uint32_t plan_walk_first(const struct plan_walk *walk, const struct plan_listing *listing)
{
    size_t skip = listing->folder.len != 0 ? listing->folder.len + 1 : 0;

    return walk->literal.len <= skip ? 0
                                     : plan_listing_first(listing, str_skip(walk->literal, skip));
}

static void plan_walk_folder(struct plan_walk *walk, struct str folder, uint32_t depth);

static void plan_walk_entry(struct plan_walk *walk, uint32_t listing_number, uint32_t number,
                            struct str path, uint32_t depth)
{
    struct plan_build *build = walk->build;
    const struct plan_listing *listing = &build->listings.items[listing_number];
    const struct plan_entry *entry = &listing->entries[number];
    bool is_glob = walk->pattern.data != NULL;

    if (plan_is_ignored(build->manifest, entry->name, entry->is_folder, walk->pattern)) {
        return;
    }
    if (entry->is_folder) {
        if ((!is_glob || glob_could_be_below(walk->pattern, path)) &&
            plan_entry_is_source(build, listing, number, path)) {
            plan_walk_folder(walk, path, depth + 1);
        }
    } else if ((!is_glob || glob_match(walk->pattern, path)) &&
               plan_entry_is_source(build, listing, number, path)) {
        VEC_PUSH(&build->matches, plan_intern_path(build, path));
    }
}

static void plan_walk_folder(struct plan_walk *walk, struct str folder, uint32_t depth)
{
    struct plan_build *build = walk->build;
    const struct plan_listing *listing = plan_list(build, folder);
    /* The list of listings may move while it grows; a listing's number stays. */
    uint32_t listing_number = (uint32_t)(listing - build->listings.items);
    uint32_t count = listing->count;

    for (uint32_t i = plan_walk_first(walk, listing); i < count && depth < PLAN_WALK_DEEPEST; i++) {
        struct str name = build->listings.items[listing_number].entries[i].name;
        struct str path = path_join(&build->scratch, folder, name);

        if (!str_has_prefix(path, str_head(walk->literal, path.len))) {
            break;
        }
        if (path.len >= walk->literal.len) {
            plan_walk_entry(walk, listing_number, i, path, depth);
        }
    }
}

static int plan_match_compare(const void *a, const void *b, void *ctx)
{
    const struct plan *plan = ctx;

    return str_compare(plan_path_name(plan, *(const struct path_id *)a),
                       plan_path_name(plan, *(const struct path_id *)b));
}

static void plan_walk_sorted(struct plan_walk *walk, struct str folder)
{
    struct plan_build *build = walk->build;
    size_t first = build->matches.count;
    bool sorted = true;

    plan_walk_folder(walk, folder, 0);
    for (size_t i = first + 1; i < build->matches.count && sorted; i++) {
        sorted = plan_match_compare(&build->matches.items[i - 1], &build->matches.items[i],
                                    build->plan) < 0;
    }
    if (!sorted) {
        qsort_r(build->matches.items + first, build->matches.count - first,
                sizeof(*build->matches.items), plan_match_compare, build->plan);
    }
}

void plan_list_below(struct plan_build *build, struct str folder)
{
    struct plan_walk walk = {.build = build};

    plan_walk_sorted(&walk, folder);
}

struct str plan_glob_literal(struct str pattern)
{
    size_t len = 0;

    while (len < pattern.len && memchr("*?[", pattern.data[len], 3) == NULL) {
        len++;
    }
    return str_head(pattern, len);
}

void plan_list_matches(struct plan_build *build, struct str pattern)
{
    struct plan_walk walk = {
        .build = build, .pattern = pattern, .literal = plan_glob_literal(pattern)};

    if (!glob_has_magic(pattern)) {
        struct path_id path = plan_intern_path(build, pattern);

        if (plan_path_exists(build, path) == PLAN_EXISTS_FILE &&
            plan_entry_look(build, pattern) == PLAN_ENTRY_SOURCE) {
            VEC_PUSH(&build->matches, path);
        }
        return;
    }
    plan_walk_sorted(&walk, glob_static_prefix(pattern));
}
