/* Owns the tree of folders that hold outputs, so that a glob or a folder finds the outputs it can
 * stand for without looking at all of them: only folders where matches can be are entered, and in
 * each the text before a glob's first magic byte is found by halving. What a folder holds is sorted
 * when it is first asked for.
 *
 * Depfiles are not in the tree: nobody reads them but pawl. */
#include "model/plan_build.h"

#include "base/path.h"
#include "model/glob.h"

static uint32_t plan_tree_add_folder(struct plan_tree *tree, struct str folder)
{
    uint32_t number = map_get(&tree->numbers, folder);
    uint32_t parent = PLAN_NONE;

    if (number != MAP_MISSING) {
        return number;
    }
    if (folder.len != 0) {
        parent = plan_tree_add_folder(tree, path_dir(folder));
    }
    number = (uint32_t)tree->folders.count;
    map_put(&tree->numbers, folder, number);
    VEC_PUSH(&tree->folders, folder);
    VEC_PUSH(&tree->parents, parent);
    return number;
}

/* Sorts items into rows by their folder; PLAN_NONE is left out. */
static void plan_rows_build(struct plan_rows *rows, uint32_t row_count, const uint32_t *folders,
                            uint32_t count)
{
    rows->first = mem_calloc((size_t)row_count + 2, sizeof(*rows->first));
    rows->items = mem_calloc((size_t)count + 1, sizeof(*rows->items));
    rows->sorted = mem_calloc((size_t)row_count + 1, 1);
    for (uint32_t i = 0; i < count; i++) {
        if (folders[i] != PLAN_NONE) {
            rows->first[folders[i] + 2]++;
        }
    }
    for (uint32_t i = 2; i < row_count + 2; i++) {
        rows->first[i] += rows->first[i - 1];
    }
    for (uint32_t i = 0; i < count; i++) {
        if (folders[i] != PLAN_NONE) {
            rows->items[rows->first[folders[i] + 1]++] = i;
        }
    }
}

static void plan_rows_fini(struct plan_rows *rows)
{
    free(rows->first);
    free(rows->items);
    free(rows->sorted);
}

void plan_tree_build(struct plan_build *build)
{
    struct plan *plan = build->plan;
    struct plan_tree *tree = &build->tree;
    uint32_t *folders = mem_calloc((size_t)plan->output_count + 1, sizeof(*folders));

    plan_tree_add_folder(tree, STR(""));
    for (uint32_t i = 0; i < plan->output_count; i++) {
        folders[i] = PLAN_NONE;
        if (!plan->outputs[i].is_depfile) {
            folders[i] =
                plan_tree_add_folder(tree, path_dir(plan_path_name(plan, plan->outputs[i].path)));
        }
    }
    plan_rows_build(&tree->outputs, (uint32_t)tree->folders.count, folders, plan->output_count);
    plan_rows_build(&tree->children, (uint32_t)tree->folders.count, tree->parents.items,
                    (uint32_t)tree->folders.count);
    free(folders);
}

void plan_tree_fini(struct plan_tree *tree)
{
    map_fini(&tree->numbers);
    VEC_FREE(&tree->folders);
    VEC_FREE(&tree->parents);
    plan_rows_fini(&tree->outputs);
    plan_rows_fini(&tree->children);
    *tree = (struct plan_tree){.numbers = {0}};
}

bool plan_tree_has_folder(const struct plan_tree *tree, struct str folder)
{
    return folder.len != 0 && map_get(&tree->numbers, folder) != MAP_MISSING;
}

/* --- rows in order --- */

static struct str plan_output_name(const struct plan_build *build, uint32_t output)
{
    return plan_path_name(build->plan, build->plan->outputs[output].path);
}

static int plan_output_compare(const void *a, const void *b, void *ctx)
{
    const struct plan_build *build = ctx;

    return str_compare(plan_output_name(build, *(const uint32_t *)a),
                       plan_output_name(build, *(const uint32_t *)b));
}

static int plan_child_compare(const void *a, const void *b, void *ctx)
{
    const struct plan_build *build = ctx;

    return str_compare(build->tree.folders.items[*(const uint32_t *)a],
                       build->tree.folders.items[*(const uint32_t *)b]);
}

static void plan_rows_sort(struct plan_build *build, struct plan_rows *rows, uint32_t row,
                           int (*compare)(const void *, const void *, void *))
{
    uint32_t *items = rows->items + rows->first[row];
    uint32_t count = rows->first[row + 1] - rows->first[row];
    bool sorted = rows->sorted[row] != 0;

    rows->sorted[row] = 1;
    for (uint32_t i = 1; i < count && !sorted; i++) {
        if (compare(&items[i - 1], &items[i], build) > 0) {
            qsort_r(items, count, sizeof(*items), compare, build);
            sorted = true;
        }
    }
}

/* --- walks --- */

struct plan_tree_walk {
    struct plan_build *build;
    struct str pattern; /* STR_NONE: everything below a folder */
    struct str literal;
    plan_output_visitor visit;
    void *ctx;
};

typedef struct str (*plan_row_name)(const struct plan_build *build, uint32_t item);

static struct str plan_child_name(const struct plan_build *build, uint32_t child)
{
    return build->tree.folders.items[child];
}

/* The first item of a sorted row that is not before the walk's literal text. */
static uint32_t plan_row_first(const struct plan_tree_walk *walk, const struct plan_rows *rows,
                               uint32_t row, plan_row_name name)
{
    uint32_t low = rows->first[row];
    uint32_t high = rows->first[row + 1];

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (str_compare(name(walk->build, rows->items[middle]), walk->literal) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool plan_output_fits(const struct plan_tree_walk *walk, uint32_t output, struct str name)
{
    if (walk->pattern.data == NULL) {
        return true;
    }
    return walk->build->plan->outputs[output].folder ? glob_may_match_below(walk->pattern, name)
                                                     : glob_match(walk->pattern, name);
}

static void plan_tree_walk_folder(struct plan_tree_walk *walk, uint32_t folder)
{
    struct plan_build *build = walk->build;
    struct plan_rows *outputs = &build->tree.outputs;
    struct plan_rows *children = &build->tree.children;

    plan_rows_sort(build, outputs, folder, plan_output_compare);
    for (uint32_t i = plan_row_first(walk, outputs, folder, plan_output_name);
         i < outputs->first[folder + 1]; i++) {
        struct str name = plan_output_name(build, outputs->items[i]);

        if (!str_has_prefix(name, walk->literal)) {
            break;
        }
        if (plan_output_fits(walk, outputs->items[i], name)) {
            walk->visit(walk->ctx, outputs->items[i]);
        }
    }
    plan_rows_sort(build, children, folder, plan_child_compare);
    for (uint32_t i = plan_row_first(walk, children, folder, plan_child_name);
         i < children->first[folder + 1]; i++) {
        struct str name = build->tree.folders.items[children->items[i]];

        if (!str_has_prefix(name, walk->literal)) {
            break;
        }
        if (walk->pattern.data == NULL || glob_could_be_below(walk->pattern, name)) {
            plan_tree_walk_folder(walk, children->items[i]);
        }
    }
}

/* Folder outputs at or above `folder`, where the walk's matches can lie below them. */
static void plan_tree_walk_above(struct plan_tree_walk *walk, struct str folder)
{
    const struct plan *plan = walk->build->plan;
    uint32_t output = plan_find_writer(plan, folder);

    if (output == PLAN_NONE || !plan->outputs[output].folder) {
        return;
    }
    if (walk->pattern.data == NULL ||
        glob_may_match_below(walk->pattern, plan_output_name(walk->build, output))) {
        walk->visit(walk->ctx, output);
    }
}

static void plan_tree_walk_from(struct plan_tree_walk *walk, struct str folder)
{
    uint32_t number = map_get(&walk->build->tree.numbers, folder);

    plan_tree_walk_above(walk, folder);
    if (number != MAP_MISSING) {
        plan_tree_walk_folder(walk, number);
    }
}

void plan_tree_below(struct plan_build *build, struct str folder, plan_output_visitor visit,
                     void *ctx)
{
    struct plan_tree_walk walk = {.build = build, .literal = STR(""), .visit = visit, .ctx = ctx};

    plan_tree_walk_from(&walk, folder);
}

void plan_tree_matches(struct plan_build *build, struct str pattern, plan_output_visitor visit,
                       void *ctx)
{
    struct plan_tree_walk walk = {.build = build,
                                  .pattern = pattern,
                                  .literal = plan_glob_literal(pattern),
                                  .visit = visit,
                                  .ctx = ctx};

    if (!glob_has_magic(pattern)) {
        uint32_t output = plan_find_writer(build->plan, pattern);

        if (output != PLAN_NONE) {
            visit(ctx, output);
        }
        return;
    }
    plan_tree_walk_from(&walk, glob_static_prefix(pattern));
}
