/* Owns the entry: the order of phases, what is allocated at the start and let go at the end, and
 * the short questions that a plan answers. */
#include "model/plan_build.h"

#include <string.h>

struct str plan_path_name(const struct plan *plan, struct path_id path)
{
    return intern_str(&plan->path_names, path.n);
}

struct path_id plan_find_path(const struct plan *plan, struct str name)
{
    uint32_t number = intern_find(&plan->path_names, name);

    return (struct path_id){number != MAP_MISSING ? number : PLAN_NONE};
}

struct inst_id plan_find_instance(const struct plan *plan, struct str name)
{
    uint32_t at = (uint32_t)str_hash(name) & plan->name_mask;

    while (plan->name_slots != NULL && plan->name_slots[at] != 0) {
        uint32_t number = plan->name_slots[at] - 1;

        if (str_equal(plan->instances[number].name, name)) {
            return (struct inst_id){number};
        }
        at = (at + 1) & plan->name_mask;
    }
    return (struct inst_id){PLAN_NONE};
}

static void plan_init(struct plan *plan, const struct manifest *manifest, struct arena *arena,
                      const struct diags *diags)
{
    *plan = (struct plan){.arena = arena, .manifest = manifest, .diags = diags};
    intern_init(&plan->path_names, arena);
    intern_init(&plan->names, arena);
    intern_add(&plan->names, STR(""));
    plan->stage_count = manifest->stage_count;
    plan->stages = ARENA_ARRAY(arena, struct plan_stage, manifest->stage_count);
    for (uint32_t i = 0; i < manifest->stage_count; i++) {
        plan->stages[i] = (struct plan_stage){.source = &manifest->stages[i],
                                              .name = str_dup(arena, manifest->stages[i].name)};
    }
}

void plan_fini(struct plan *plan)
{
    intern_fini(&plan->path_names);
    intern_fini(&plan->names);
    free(plan->name_slots);
    free(plan->instances);
    free(plan->inputs);
    free(plan->outputs);
    free(plan->paths);
    *plan = (struct plan){0};
}

static void plan_choose_shell(struct plan *plan, const struct plan_files *files)
{
    struct str *shell = plan->default_shell;
    uint32_t count = 0;

    shell[count++] = STR("/bin/sh");
    shell[count++] = STR("-eu");
    if (files->has_pipefail(files->ctx, shell[0])) {
        shell[count++] = STR("-o");
        shell[count++] = STR("pipefail");
    }
    shell[count++] = STR("-c");
    plan->default_shell_count = count;
}

static int plan_path_compare(const void *a, const void *b, void *ctx)
{
    const struct plan *plan = ctx;

    return str_compare(plan_path_name(plan, *(const struct path_id *)a),
                       plan_path_name(plan, *(const struct path_id *)b));
}

static struct path_id *plan_copy_paths(struct plan_build *build, const struct path_id *items,
                                       size_t count, bool sort)
{
    struct path_id *copy = ARENA_ARRAY(build->arena, struct path_id, count);

    if (count != 0) {
        memcpy(copy, items, count * sizeof(*copy));
        if (sort) {
            qsort_r(copy, count, sizeof(*copy), plan_path_compare, build->plan);
        }
    }
    return copy;
}

/* The growing lists of the builder become arrays of the plan. What inputs were settled with is let
 * go before the edges take their room. */
static void plan_keep_lists(struct plan_build *build)
{
    struct plan *plan = build->plan;
    VEC(struct path_id) listed = {0};

    VEC_EACH (listing, &build->listings) {
        VEC_PUSH(&listed, plan_intern_path(build, listing->folder));
    }
    plan->source_match_count = (uint32_t)build->matches.count;
    plan->source_matches =
        plan_copy_paths(build, build->matches.items, build->matches.count, false);
    plan->listed_dir_count = (uint32_t)listed.count;
    plan->listed_dirs = plan_copy_paths(build, listed.items, listed.count, true);
    plan->orphan_count = (uint32_t)build->orphans.count;
    plan->orphans = plan_copy_paths(build, build->orphans.items, build->orphans.count, true);
    VEC_FREE(&listed);
    VEC_FREE(&build->exists);
    plan_tree_fini(&build->tree);
}

static bool plan_run_phases(struct plan_build *build)
{
    static void (*const phases[])(struct plan_build *) = {
        plan_check_names,  plan_expand,      plan_choose_variants, plan_make_paths,
        plan_find_writers, plan_check_axes,  plan_settle_inputs,   plan_keep_lists,
        plan_make_edges,   plan_make_limits, plan_check_commands,
    };
    uint32_t before = build->diags->errors;

    for (size_t i = 0; i < sizeof(phases) / sizeof(*phases); i++) {
        phases[i](build);
        arena_reset(&build->scratch);
        if (!plan_is_good(build, before)) {
            return false;
        }
    }
    return true;
}

static void plan_build_fini(struct plan_build *build)
{
    arena_fini(&build->scratch);
    arena_fini(&build->near.arena);
    strbuf_fini(&build->text);
    plan_tree_fini(&build->tree);
    map_fini(&build->listing_numbers);
    VEC_FREE(&build->listings);
    map_fini(&build->pattern_numbers);
    VEC_FREE(&build->patterns);
    VEC_FREE(&build->matches);
    VEC_FREE(&build->pattern_producers);
    VEC_FREE(&build->orphans);
    VEC_FREE(&build->empty_axes);
    VEC_FREE(&build->exists);
}

bool plan_build(struct plan *plan, const struct manifest *manifest, const struct plan_files *files,
                struct arena *arena, struct diags *diags)
{
    return plan_build_slice(plan, manifest, NULL, files, arena, diags);
}

bool plan_build_slice(struct plan *plan, const struct manifest *manifest,
                      const struct plan_slice *slice, const struct plan_files *files,
                      struct arena *arena, struct diags *diags)
{
    struct plan_build build = {.plan = plan,
                               .manifest = manifest,
                               .slice = slice,
                               .files = files,
                               .arena = arena,
                               .diags = diags};
    bool good;

    plan_init(plan, manifest, arena, diags);
    plan_choose_shell(plan, files);
    arena_init(&build.scratch);
    good = plan_run_phases(&build);
    plan_build_fini(&build);
    return good;
}
