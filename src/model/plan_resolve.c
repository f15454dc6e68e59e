/* Owns which files an input stands for once its producers are done. */
#include "model/plan_build.h"

#include "base/path.h"
#include "model/glob.h"

bool plan_input_takes(const struct plan *plan, const struct plan_input *input, uint32_t output)
{
    struct str pattern = plan_path_name(plan, input->path);
    struct str path = plan_path_name(plan, plan->outputs[output].path);
    bool folder = plan->outputs[output].folder;

    switch (input->kind) {
    case PLAN_INPUT_FILE:
        return str_equal(path, pattern) || (folder && path_is_below(pattern, path));
    case PLAN_INPUT_FOLDER:
        return path_is_below(path, pattern) || (folder && path_is_below(pattern, path));
    case PLAN_INPUT_GLOB:
        return folder ? glob_may_match_below(pattern, path) : glob_match(pattern, path);
    }
    bug("an input of kind %d", (int)input->kind);
}

bool plan_input_takes_file(const struct plan *plan, const struct plan_input *input, struct str path)
{
    struct str pattern = plan_path_name(plan, input->path);

    if (input->kind == PLAN_INPUT_GLOB) {
        return glob_match(pattern, path) &&
               !plan_is_ignored_below(plan->manifest, path, glob_static_prefix(pattern), pattern);
    }
    return path_is_below(path, pattern) &&
           !plan_is_ignored_below(plan->manifest, path, pattern, STR_NONE);
}

struct plan_resolver {
    const struct plan *plan;
    const struct plan_instance *inst;
    const struct plan_made *made;
    struct arena *arena;
    struct resolved_inputs *resolved;
    VEC(struct resolved_input) items;
};

static void plan_resolve_add(struct plan_resolver *resolver, const struct plan_input *input,
                             struct str path, struct inst_id producer, uint32_t output)
{
    VEC_PUSH(&resolver->items,
             ((struct resolved_input){.input = (uint32_t)(input - resolver->plan->inputs),
                                      .path = path,
                                      .producer = producer,
                                      .output = output}));
}

static bool plan_resolve_fault(struct plan_resolver *resolver, struct str text)
{
    resolver->resolved->missing = text;
    return false;
}

/* --- one file --- */

static bool plan_resolve_file(struct plan_resolver *resolver, const struct plan_input *input)
{
    const struct plan *plan = resolver->plan;
    struct str path = plan_path_name(plan, input->path);
    const struct plan_instance *producer;
    uint32_t output;

    if (!inst_is_some(input->producer)) {
        if (!input->is_missing) {
            plan_resolve_add(resolver, input, path, input->producer, PLAN_NONE);
        }
        return true;
    }
    output = plan_find_writer(plan, path);
    if (resolver->made->has(resolver->made->ctx, input->producer, output, path)) {
        plan_resolve_add(resolver, input, path, input->producer, output);
        return true;
    }
    if (input->optional) {
        return true;
    }
    producer = &plan->instances[input->producer.n];
    if (producer->skip_reason.len != 0) {
        return plan_resolve_fault(
            resolver,
            str_printf(resolver->arena, "'%.*s' was not made: '%.*s' is skipped: %.*s",
                       STR_ARG(path), STR_ARG(producer->name), STR_ARG(producer->skip_reason)));
    }
    resolver->resolved->is_unmade = true;
    return plan_resolve_fault(resolver, str_printf(resolver->arena, "'%.*s' was not made by '%.*s'",
                                                   STR_ARG(path), STR_ARG(producer->name)));
}

/* --- folders and globs --- */

static void plan_resolve_output(struct plan_resolver *resolver, const struct plan_input *input,
                                struct inst_id producer, uint32_t output)
{
    const struct plan_made *made = resolver->made;
    struct str path = plan_path_name(resolver->plan, resolver->plan->outputs[output].path);
    struct str *paths;
    uint32_t count;

    if (!resolver->plan->outputs[output].folder) {
        if (plan_input_takes_file(resolver->plan, input, path) &&
            made->has(made->ctx, producer, output, path)) {
            plan_resolve_add(resolver, input, path, producer, output);
        }
        return;
    }
    made->list(made->ctx, producer, output, resolver->arena, &paths, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (plan_input_takes_file(resolver->plan, input, paths[i])) {
            plan_resolve_add(resolver, input, paths[i], producer, output);
        }
    }
}

static void plan_resolve_producers(struct plan_resolver *resolver, const struct plan_input *input)
{
    const struct plan *plan = resolver->plan;

    for (uint32_t i = 0; input->is_made && i < resolver->inst->producer_count; i++) {
        struct inst_id producer = plan->edges[resolver->inst->producers_first + i];
        const struct plan_instance *inst = &plan->instances[producer.n];

        for (uint32_t k = 0; k < inst->output_count; k++) {
            uint32_t output = inst->outputs_first + k;

            if (!plan->outputs[output].is_depfile && plan_input_takes(plan, input, output)) {
                plan_resolve_output(resolver, input, producer, output);
            }
        }
    }
}

static int plan_resolved_compare(const void *a, const void *b)
{
    return str_compare(((const struct resolved_input *)a)->path,
                       ((const struct resolved_input *)b)->path);
}

/* A folder with nothing in it still is one: in the workspace, or as the output of a stage. */
static bool plan_resolve_empty_folder(struct plan_resolver *resolver,
                                      const struct plan_input *input)
{
    const struct plan *plan = resolver->plan;
    const struct plan_made *made = resolver->made;
    struct str path = plan_path_name(plan, input->path);
    uint32_t output = plan_find_writer(plan, path);
    struct inst_id producer = {PLAN_NONE};

    if (input->is_missing) {
        return true;
    }
    if (output != PLAN_NONE) {
        producer = plan->paths[plan->outputs[output].path.n].producer;
    }
    if (output == PLAN_NONE ? !input->is_made : made->has(made->ctx, producer, output, path)) {
        plan_resolve_add(resolver, input, path, producer, output);
        resolver->items.items[resolver->items.count - 1].is_folder = true;
        return true;
    }
    return input->optional ||
           plan_resolve_fault(
               resolver, str_printf(resolver->arena, "no file was made in '%.*s/'", STR_ARG(path)));
}

static bool plan_resolve_pattern(struct plan_resolver *resolver, const struct plan_input *input)
{
    const struct plan *plan = resolver->plan;
    size_t first = resolver->items.count;

    for (uint32_t i = 0; i < input->source_count; i++) {
        struct path_id path = plan->source_matches[input->sources_first + i];

        plan_resolve_add(resolver, input, plan_path_name(plan, path), (struct inst_id){PLAN_NONE},
                         PLAN_NONE);
    }
    plan_resolve_producers(resolver, input);
    if (resolver->items.count != first) {
        qsort(resolver->items.items + first, resolver->items.count - first,
              sizeof(*resolver->items.items), plan_resolved_compare);
        return true;
    }
    if (input->kind == PLAN_INPUT_FOLDER) {
        return plan_resolve_empty_folder(resolver, input);
    }
    return input->optional ||
           plan_resolve_fault(resolver, str_printf(resolver->arena, "no file matches '%.*s'",
                                                   STR_ARG(plan_path_name(plan, input->path))));
}

bool plan_inputs_resolve(const struct plan *plan, struct inst_id instance,
                         const struct plan_made *made, struct arena *arena,
                         struct resolved_inputs *resolved)
{
    struct plan_resolver resolver = {.plan = plan,
                                     .inst = &plan->instances[instance.n],
                                     .made = made,
                                     .arena = arena,
                                     .resolved = resolved};
    bool good = true;

    *resolved = (struct resolved_inputs){0};
    for (uint32_t i = 0; i < resolver.inst->input_count && good; i++) {
        const struct plan_input *input = &plan->inputs[resolver.inst->inputs_first + i];

        if (input->is_each && made->but_each) {
            continue;
        }
        good = input->kind == PLAN_INPUT_FILE ? plan_resolve_file(&resolver, input)
                                              : plan_resolve_pattern(&resolver, input);
    }
    resolved->count = (uint32_t)resolver.items.count;
    resolved->items = ARENA_ARRAY(arena, struct resolved_input, resolver.items.count);
    for (size_t i = 0; i < resolver.items.count; i++) {
        resolved->items[i] = resolver.items.items[i];
    }
    VEC_FREE(&resolver.items);
    return good;
}
