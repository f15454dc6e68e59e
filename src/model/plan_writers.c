/* Owns who writes what: each path has at most one producer, and what one stage writes is apart from
 * what others write, from the manifest and from what is not ours.
 *
 * An output never lies below another, but stdout, depfile and metrics of a stage may lie below its
 * own folder output. */
#include "model/plan_build.h"

#include "base/path.h"

/* The folder output that `folder` is or lies in. */
static uint32_t plan_find_folder_writer(const struct plan *plan, struct str folder)
{
    for (; folder.len != 0 && !path_is_absolute(folder); folder = path_dir(folder)) {
        struct path_id id = plan_find_path(plan, folder);

        if (id.n != PLAN_NONE && inst_is_some(plan->paths[id.n].producer) &&
            plan->outputs[plan->paths[id.n].output].folder) {
            return plan->paths[id.n].output;
        }
    }
    return PLAN_NONE;
}

uint32_t plan_find_writer(const struct plan *plan, struct str path)
{
    struct path_id id = plan_find_path(plan, path);

    if (path.len == 0 || path_is_absolute(path)) {
        return PLAN_NONE;
    }
    if (id.n != PLAN_NONE && inst_is_some(plan->paths[id.n].producer)) {
        return plan->paths[id.n].output;
    }
    return plan_find_folder_writer(plan, path_dir(path));
}

uint32_t plan_find_output(const struct plan *plan, struct str path)
{
    return plan_find_writer(plan, path);
}

static const struct plan_above *plan_look_above(struct plan_build *build, struct str folder)
{
    struct plan_above *above = &build->above;

    if (!above->looked || !str_equal(folder, above->folder)) {
        *above = (struct plan_above){.looked = true,
                                     .folder = folder,
                                     .writer = plan_find_folder_writer(build->plan, folder),
                                     .in_tree = folder.len == 0 ||
                                                plan_tree_has_folder(&build->tree, folder)};
    }
    return above;
}

uint32_t plan_find_writer_of(struct plan_build *build, struct path_id path)
{
    const struct plan *plan = build->plan;
    struct str name = plan_path_name(plan, path);
    struct str folder = path_dir(name);

    if (name.len == 0 || path_is_absolute(name)) {
        return PLAN_NONE;
    }
    if (inst_is_some(plan->paths[path.n].producer)) {
        return plan->paths[path.n].output;
    }
    return plan_look_above(build, folder)->writer;
}

bool plan_is_above_outputs(struct plan_build *build, struct path_id path)
{
    struct str name = plan_path_name(build->plan, path);

    return plan_look_above(build, path_dir(name))->in_tree &&
           plan_tree_has_folder(&build->tree, name);
}

static struct span plan_output_span(const struct plan *plan, const struct plan_instance *inst,
                                    uint32_t output)
{
    const struct m_stage *source = plan->stages[inst->stage.n].source;
    uint32_t number = output - inst->outputs_first;

    if (number < source->output_count) {
        return source->outputs[number].path.span;
    }
    if (plan->outputs[output].is_metrics && !plan->outputs[output].is_stdout) {
        return source->settings->metrics.span;
    }
    if (plan->outputs[output].is_dead) {
        return source->settings->dead_letter.span;
    }
    return plan->outputs[output].is_stdout ? source->settings->std_out.span
                                           : source->settings->depfile.span;
}

static const struct plan_instance *plan_writer_of(const struct plan *plan, uint32_t output)
{
    return &plan->instances[plan->paths[plan->outputs[output].path.n].producer.n];
}

/* --- one path, one writer --- */

static bool plan_fault_twice(struct plan_build *build, const struct plan_instance *inst,
                             uint32_t output)
{
    struct plan *plan = build->plan;
    const struct plan_path *path = &plan->paths[plan->outputs[output].path.n];
    const struct plan_instance *other = &plan->instances[path->producer.n];
    struct span span = plan_output_span(plan, inst, output);
    struct str name = plan_path_name(plan, plan->outputs[output].path);

    if (other == inst) {
        diag_error(build->diags, span, "declare it once",
                   "output '%.*s' of stage '%.*s' is declared twice", STR_ARG(name),
                   STR_ARG(plan->stages[inst->stage.n].name));
    } else if (other->stage.n == inst->stage.n) {
        diag_error(build->diags, span, "let the axes be part of the path, as in \"out/{{axis}}\"",
                   "output '%.*s' is written by '%.*s' and '%.*s'", STR_ARG(name),
                   STR_ARG(other->name), STR_ARG(inst->name));
    } else {
        diag_error(build->diags, span, "a path has one writer: rename one of them",
                   "output '%.*s' is written by '%.*s' and '%.*s'", STR_ARG(name),
                   STR_ARG(other->name), STR_ARG(inst->name));
    }
    return false;
}

static bool plan_take_outputs(struct plan_build *build, struct inst_id number)
{
    struct plan *plan = build->plan;
    const struct plan_instance *inst = &plan->instances[number.n];

    for (uint32_t i = 0; i < inst->output_count; i++) {
        uint32_t output = inst->outputs_first + i;
        struct plan_path *path = &plan->paths[plan->outputs[output].path.n];

        if (inst_is_some(path->producer)) {
            return plan_fault_twice(build, inst, output);
        }
        path->producer = number;
        path->output = output;
    }
    return true;
}

/* --- one below another --- */

/* The output nearest above a path, file or folder. */
static uint32_t plan_find_above(const struct plan *plan, struct str path)
{
    for (path = path_dir(path); path.len != 0; path = path_dir(path)) {
        struct path_id id = plan_find_path(plan, path);

        if (id.n != PLAN_NONE && inst_is_some(plan->paths[id.n].producer)) {
            return plan->paths[id.n].output;
        }
    }
    return PLAN_NONE;
}

static void plan_check_above(struct plan_build *build, const struct plan_instance *inst,
                             uint32_t output, uint32_t above)
{
    struct plan *plan = build->plan;
    const struct plan_output *low = &plan->outputs[output];
    const struct plan_output *high = &plan->outputs[above];
    const struct plan_instance *other = plan_writer_of(plan, above);

    if (other == inst && high->folder && (low->is_stdout || low->is_depfile || low->is_metrics)) {
        return;
    }
    diag_error(build->diags, plan_output_span(plan, inst, output), "outputs must lie side by side",
               "output '%.*s' of '%.*s' lies below the %s '%.*s%s', which '%.*s' writes",
               STR_ARG(plan_path_name(plan, low->path)), STR_ARG(inst->name),
               high->folder ? "folder" : "file", STR_ARG(plan_path_name(plan, high->path)),
               high->folder ? "/" : "", STR_ARG(other->name));
}

/* Outputs of neighbours mostly share their folder: it is looked at once. */
static void plan_check_overlaps(struct plan_build *build)
{
    struct plan *plan = build->plan;
    struct str folder = STR("");
    uint32_t above = PLAN_NONE;

    for (uint32_t i = 0; i < plan->instance_count; i++) {
        const struct plan_instance *inst = &plan->instances[i];

        for (uint32_t k = 0; k < inst->output_count; k++) {
            struct str path = plan_path_name(plan, plan->outputs[inst->outputs_first + k].path);
            struct str dir = path_dir(path);

            if (!str_equal(dir, folder)) {
                folder = dir;
                above = plan_find_above(plan, path);
            }
            if (above != PLAN_NONE && build->diags->errors < DIAGS_SHOWN) {
                plan_check_above(build, inst, inst->outputs_first + k, above);
            }
        }
    }
}

/* --- what is not ours --- */

/* Why an output must not be there, or NULL. */
static const char *plan_protects(struct plan_build *build, const struct plan_output *output)
{
    struct str path = plan_path_name(build->plan, output->path);
    struct str manifest = path_base(build->manifest->file);
    struct str store = build->manifest->store;

    if (path_is_below(path, STR(".pawl"))) {
        return "lies in '.pawl', where pawl keeps its own files";
    }
    if (path_is_below(path, STR(".git"))) {
        return "lies in '.git'";
    }
    if (str_equal(path, manifest) || str_is(path, "pawl.local.toml")) {
        return "is the manifest";
    }
    if (store.len != 0 && !path_is_absolute(store) &&
        (path_is_below(path, store) || path_is_below(store, path))) {
        return "is where the store lies";
    }
    return NULL;
}

/* A folder output is replaced as a whole: what must not go away with it. */
static const char *plan_protects_below(struct plan_build *build, const struct plan_output *output)
{
    struct str path = plan_path_name(build->plan, output->path);
    const struct plan_files *files = build->files;

    if (!output->folder) {
        return NULL;
    }
    if (files->exists(files->ctx, path_join(&build->scratch, path, STR(".git"))) !=
        PLAN_EXISTS_NOT) {
        return "holds a '.git'";
    }
    if (files->exists(files->ctx, path_join(&build->scratch, path, STR(".pawl"))) !=
        PLAN_EXISTS_NOT) {
        return "holds a '.pawl'";
    }
    return NULL;
}

static void plan_check_protected(struct plan_build *build)
{
    struct plan *plan = build->plan;

    for (uint32_t i = 0; i < plan->output_count && build->diags->errors < DIAGS_SHOWN; i++) {
        const struct plan_output *output = &plan->outputs[i];
        const char *why = plan_protects(build, output);

        if (why == NULL) {
            why = plan_protects_below(build, output);
        }
        if (why != NULL) {
            const struct plan_instance *inst = plan_writer_of(plan, i);

            diag_error(build->diags, plan_output_span(plan, inst, i), "choose another path",
                       "output '%.*s%s' of '%.*s' %s", STR_ARG(plan_path_name(plan, output->path)),
                       output->folder ? "/" : "", STR_ARG(inst->name), why);
        }
    }
}

void plan_find_writers(struct plan_build *build)
{
    struct plan *plan = build->plan;
    uint32_t before = build->diags->errors;

    for (uint32_t i = 0; i < plan->stage_count; i++) {
        for (uint32_t k = 0; k < plan->stages[i].instance_count; k++) {
            if (!plan_take_outputs(build, (struct inst_id){plan->stages[i].instances_first + k})) {
                break;
            }
        }
    }
    if (plan_is_good(build, before)) {
        plan_check_overlaps(build);
        plan_check_protected(build);
    }
    build->outputs_are_known = true;
    plan_tree_build(build);
}
