/* Owns the paths of instances: `when`, then each path that an instance reads or writes, rendered,
 * normalised and interned.
 *
 * An instance has one input for each item of `inputs`, in that order, then stdin, then what `each`
 * names, then run[0] if it is a file; one output for each item of `outputs`, then stdout, then the
 * dead letters, then the depfile, then the metrics unless they are one of these.
 *
 * A path with magic is a glob, but not what one `{{ expr }}` gives that is a path itself (an axis
 * over files): there a bracket is a bracket. A glob with a slash at its end is everything below
 * what matches. */
#include "model/plan_build.h"

#include <string.h>

#include "base/path.h"
#include "model/glob.h"

/* A path for each name. */
static void plan_add_paths(struct plan *plan)
{
    while (plan->path_count < plan->path_names.count) {
        if (plan->path_count == plan->path_cap) {
            plan->path_cap = plan->path_cap + plan->path_cap / 2 + 64;
            plan->paths = mem_realloc(plan->paths, plan->path_cap, sizeof(*plan->paths));
        }
        plan->paths[plan->path_count++] = (struct plan_path){.producer = {PLAN_NONE}};
    }
}

struct path_id plan_intern_path(struct plan_build *build, struct str path)
{
    uint32_t number = intern_add(&build->plan->path_names, path);

    plan_add_paths(build->plan);
    return (struct path_id){number};
}

enum { PLAN_PATHS_AHEAD = 1 << 22 };

/* A path of a stage, before it is rendered. */
struct plan_path_text {
    const struct m_text *text;
    struct plan_pieces pieces;
    uint32_t role;
};

/* The stage whose instances are being looked at. */
struct plan_work {
    struct plan_build *build;
    struct plan_stage *stage;
    const struct m_stage *source;
    VEC(struct plan_path_text) texts; /* of inputs, then of outputs */
    struct intern_batch batch;        /* paths that have no number yet */
    bool names_stage_when;            /* `when` speaks of metrics */
    bool outlines_read; /* outlines, too, have to know their inputs: their outputs depend on them */
    struct plan_scope scope;
};

/* --- when --- */

static bool plan_decide_when(struct plan_work *work, struct plan_instance *inst)
{
    struct plan_build *build = work->build;
    struct expr_env env = plan_scope_env(&work->scope);
    struct expr_error error;
    bool truth = true;

    work->scope.phase = PLAN_PHASE_WHEN;
    if (work->source->settings->when == NULL) {
        return true;
    }
    if (work->names_stage_when) {
        inst->late_when = true;
        return true;
    }
    if (!expr_eval_bool(work->source->settings->when, &env, &build->scratch, &truth, &error)) {
        plan_report(build, &work->scope, &error);
        return false;
    }
    if (!truth) {
        inst->skip_reason = str_printf(build->arena, "when = %.*s is false",
                                       STR_ARG(expr_text(work->source->settings->when)));
    }
    return true;
}

/* --- one path --- */

static bool plan_path_fault(struct plan_work *work, const struct m_text *text, struct str rendered,
                            const char *hint, const char *fault)
{
    struct strbuf shown = {0};
    struct str whose = plan_whose(work->build, work->scope.inst);

    path_show(&shown, rendered);
    diag_error(work->build->diags, text->span, hint, "path '%s' of %.*s %s",
               shown.data != NULL ? shown.data : "", STR_ARG(whose), fault);
    strbuf_fini(&shown);
    return false;
}

static bool plan_path_normalise(struct plan_work *work, const struct m_text *text,
                                struct str rendered, bool input, struct str *path, bool *folder)
{
    switch (path_normalise(&work->build->scratch, rendered, path, folder)) {
    case PATH_FINE:
        return true;
    case PATH_EMPTY:
        return plan_path_fault(work, text, rendered, NULL, "is empty");
    case PATH_TOO_LONG:
        return plan_path_fault(work, text, str_head(rendered, 60), NULL, "is too long");
    case PATH_HAS_NUL:
        return plan_path_fault(work, text, rendered, NULL, "has a NUL byte");
    case PATH_OUTSIDE:
        return plan_path_fault(work, text, rendered,
                               input ? "name a file outside by its absolute path" : NULL,
                               "leads out of the workspace");
    }
    bug("a path is no path");
}

/* Gives numbers to all paths so far: before any text is rendered that may speak of them. */
static void plan_number_paths(struct plan_work *work)
{
    intern_batch_flush(&work->batch, &work->build->plan->path_names);
    plan_add_paths(work->build->plan);
}

/* What needs the number at once numbers them. */
static void plan_add_path(struct plan_work *work, struct str path, struct path_id *id)
{
    intern_batch_add(&work->batch, &work->build->plan->path_names, path, &id->n);
}

static bool plan_path_render_whole(struct plan_work *work, const struct m_text *text,
                                   struct str *rendered)
{
    if (template_is_literal(text, rendered)) {
        return true;
    }
    plan_number_paths(work);
    return plan_render_here(work->build, &work->scope, text, rendered);
}

/* The path may lie where the next rendering goes. */
static bool plan_path_render(struct plan_work *work, const struct plan_path_text *from, bool input,
                             struct str *path, bool *folder)
{
    struct plan_build *build = work->build;
    struct str rendered;

    if (!plan_render_pieces(build, work->scope.inst, &from->pieces, &rendered) &&
        !plan_path_render_whole(work, from->text, &rendered)) {
        return false;
    }
    *folder = false;
    *path = rendered;
    if (!path_is_plain(rendered) &&
        !plan_path_normalise(work, from->text, rendered, input, path, folder)) {
        return false;
    }
    if (!input && path_is_absolute(*path)) {
        return plan_path_fault(work, from->text, rendered, "write it relative to the workspace",
                               "is outside the workspace");
    }
    return true;
}

/* --- inputs --- */

/* A value that is a path as it is: no pattern, whatever its bytes. */
static bool plan_is_literal_path(struct plan_work *work, const struct m_text *text)
{
    struct expr_env env = plan_scope_env(&work->scope);
    struct expr_error error;
    struct value value;

    return template_is_sole(text) &&
           template_eval_sole(text, &env, &work->build->scratch, &value, &error) &&
           value.kind == VALUE_STRING && value.is_path;
}

static bool plan_read_input(struct plan_work *work, const struct plan_path_text *from,
                            struct plan_input *input)
{
    struct plan_build *build = work->build;
    struct str path;
    bool folder;

    *input = (struct plan_input){.path = {PLAN_NONE}, .producer = {PLAN_NONE}};
    if (!plan_path_render(work, from, true, &path, &folder)) {
        return false;
    }
    input->kind = folder ? PLAN_INPUT_FOLDER : PLAN_INPUT_FILE;
    if (glob_has_magic(path) && !plan_is_literal_path(work, from->text)) {
        input->kind = PLAN_INPUT_GLOB;
        path = folder ? path_join(&build->scratch, path, STR("**")) : path;
    }
    plan_add_path(work, path, &input->path);
    return true;
}

/* run[0] with a slash in it: settled later as an input if it is a file of the workspace. */
static bool plan_read_tool(struct plan_work *work, const struct m_stage *source,
                           struct plan_input *input)
{
    struct str program;
    struct str path;

    *input = (struct plan_input){
        .path = {PLAN_NONE}, .producer = {PLAN_NONE}, .is_tool = true, .optional = true};
    if (source->run_kind != M_RUN_ARGV || !template_is_literal(&source->run.items[0], &program) ||
        str_find(program, '/') < 0 || path_is_absolute(program) || source->settings->dir.given ||
        path_normalise(&work->build->scratch, program, &path, NULL) != PATH_FINE) {
        return false;
    }
    plan_add_path(work, path, &input->path);
    return true;
}

/* What the items of a stream come from. */
static bool plan_read_each(struct plan_work *work, struct plan_instance *inst,
                           struct plan_input *inputs)
{
    const struct m_each *each = work->source->settings->each;
    struct plan_path_text from = {.text = each != NULL ? &each->source : NULL};
    struct plan_input *input = &inputs[inst->input_count];
    uint32_t count = 1;
    bool good;

    if (each == NULL || !each->given) {
        return true;
    }
    if (each->kind == M_EACH_STAGE) {
        good = plan_stream_producers(work->build, inst, input, &count);
    } else {
        good = plan_read_input(work, &from, input);
        input->is_each = true;
        if (each->kind == M_EACH_LINES) {
            input->kind = PLAN_INPUT_FILE;
        }
    }
    inst->input_count += count;
    return good;
}

/* Of every command that it may run. */
static void plan_read_tools(struct plan_work *work, struct plan_instance *inst)
{
    const struct plan *plan = work->build->plan;
    const struct m_variants *variants = work->source->settings->variants;
    struct plan_input *inputs = plan->inputs + inst->inputs_first;

    for (uint32_t i = 0; variants != NULL && i < variants->count; i++) {
        if (plan_may_run(plan, inst, i) &&
            plan_read_tool(work, &variants->items[i].stage, &inputs[inst->input_count])) {
            inputs[inst->input_count++].variant = (uint16_t)(i + 1);
        }
    }
    if (plan_may_run_own(plan, inst)) {
        inst->input_count += plan_read_tool(work, work->source, &inputs[inst->input_count]);
    }
}

static bool plan_read_inputs(struct plan_work *work, struct plan_instance *inst)
{
    const struct m_stage *source = work->source;
    struct plan_input *inputs = work->build->plan->inputs + inst->inputs_first;
    bool good = true;

    work->scope.phase = PLAN_PHASE_INPUTS;
    for (uint32_t i = 0; i < source->input_count; i++) {
        good = plan_read_input(work, &work->texts.items[i], &inputs[i]) && good;
        inputs[i].role = work->texts.items[i].role;
        inputs[i].optional = source->inputs[i].optional;
        inputs[i].keys = source->inputs[i].keys;
        inputs[i].key_count = source->inputs[i].key_count;
    }
    inst->input_count = source->input_count;
    if (source->settings->std_in.given) {
        struct plan_input *input = &inputs[inst->input_count++];
        struct plan_path_text from = {.text = &source->settings->std_in};

        good = plan_read_input(work, &from, input) && good;
        input->is_stdin = true;
        input->kind = PLAN_INPUT_FILE;
    }
    good = plan_read_each(work, inst, inputs) && good;
    plan_read_tools(work, inst);
    return good;
}

/* --- outputs --- */

static bool plan_read_output(struct plan_work *work, const struct plan_path_text *from,
                             struct plan_output *output)
{
    struct str path;

    output->path = (struct path_id){PLAN_NONE};
    if (!plan_path_render(work, from, false, &path, &output->folder)) {
        return false;
    }
    if (path.len == 0) {
        return plan_path_fault(work, from->text, STR("."), "name a folder or a file in it",
                               "is the workspace itself");
    }
    plan_add_path(work, path, &output->path);
    return true;
}

static bool plan_read_output_file(struct plan_work *work, const struct m_text *text,
                                  struct plan_output *output)
{
    bool good;

    *output = (struct plan_output){.store = true};
    good = plan_read_output(work, &(struct plan_path_text){.text = text}, output);
    if (good && output->folder) {
        plan_number_paths(work);
        return plan_path_fault(work, text, plan_path_name(work->build->plan, output->path), NULL,
                               "must be a file, not a folder");
    }
    return good;
}

/* One of the outputs so far, or one of its own. */
static bool plan_read_metrics(struct plan_work *work, struct plan_instance *inst,
                              struct plan_output *outputs)
{
    struct plan_output *own = &outputs[inst->output_count];

    if (!plan_read_output_file(work, &work->source->settings->metrics, own)) {
        return false;
    }
    plan_number_paths(work);
    own->is_metrics = true;
    for (uint32_t i = 0; i < inst->output_count; i++) {
        if (outputs[i].path.n == own->path.n && !outputs[i].is_depfile) {
            outputs[i].is_metrics = true;
            return true;
        }
    }
    inst->output_count++;
    return true;
}

static bool plan_read_outputs(struct plan_work *work, struct plan_instance *inst)
{
    const struct m_stage *source = work->source;
    struct plan_output *outputs = work->build->plan->outputs + inst->outputs_first;
    bool good = true;

    work->scope.phase = PLAN_PHASE_OUTPUTS;
    for (uint32_t i = 0; i < source->output_count; i++) {
        const struct m_output *from = &source->outputs[i];
        const struct plan_path_text *text = &work->texts.items[source->input_count + i];

        outputs[i] = (struct plan_output){.role = text->role,
                                          .optional = from->optional,
                                          .store = from->store,
                                          .temp = from->temp,
                                          .persist = from->persist,
                                          .non_empty = from->non_empty};
        good = plan_read_output(work, text, &outputs[i]) && good;
    }
    inst->output_count = source->output_count;
    if (source->settings->std_out.given) {
        good =
            plan_read_output_file(work, &source->settings->std_out, &outputs[inst->output_count]) &&
            good;
        outputs[inst->output_count++].is_stdout = true;
    }
    if (source->settings->each != NULL && source->settings->dead_letter.given) {
        good = plan_read_output_file(work, &source->settings->dead_letter,
                                     &outputs[inst->output_count]) &&
               good;
        outputs[inst->output_count++].is_dead = true;
    }
    if (source->settings->depfile.given) {
        good =
            plan_read_output_file(work, &source->settings->depfile, &outputs[inst->output_count]) &&
            good;
        outputs[inst->output_count++].is_depfile = true;
    }
    if (source->settings->metrics.given) {
        good = plan_read_metrics(work, inst, outputs) && good;
    }
    return good;
}

/* --- all stages --- */

/* Few are read by many, so there are nearly as many paths as inputs and outputs; room that is not
 * needed is never touched. Each output has a path of its own. */
static void plan_reserve_paths(struct plan *plan, uint32_t count, uint32_t outputs)
{
    intern_reserve(&plan->path_names, count, outputs);
    if (plan->path_cap < count) {
        plan->path_cap = count;
        plan->paths = mem_realloc(plan->paths, count, sizeof(*plan->paths));
    }
}

/* Stdin, `each`, run[0] of two commands, stdout, dead letters, the depfile and metrics have room
 * that is mostly not needed. */
static bool plan_allocate_files(struct plan_build *build)
{
    struct plan *plan = build->plan;
    uint64_t instances = 0;
    uint64_t inputs = 0;
    uint64_t outputs = 0;
    uint32_t ahead = PLAN_PATHS_AHEAD;

    for (uint32_t i = 0; i < plan->stage_count; i++) {
        const struct m_stage *source = plan->stages[i].source;
        uint64_t count = plan->stages[i].instance_count;

        instances += count;
        inputs += count * (source->input_count + plan_stream_inputs_most(plan, source));
        inputs +=
            source->settings->variants != NULL ? count * source->settings->variants->count : 0;
        outputs += count * source->output_count;
    }
    if (inputs + instances * 2 > PLAN_FILES_MOST || outputs + instances * 4 > PLAN_FILES_MOST) {
        diag_error(build->diags, SPAN_NONE, NULL, "the plan has more than %d inputs or outputs",
                   PLAN_FILES_MOST);
        return false;
    }
    plan->inputs = mem_alloc((inputs + instances * 2) * sizeof(*plan->inputs));
    plan->outputs = mem_alloc((outputs + instances * 4) * sizeof(*plan->outputs));
    if (inputs + outputs < ahead) {
        ahead = (uint32_t)(inputs + outputs);
    }
    plan_reserve_paths(plan, ahead, (uint32_t)outputs);
    return true;
}

static bool plan_make_instance(struct plan_work *work, struct plan_instance *inst)
{
    struct plan *plan = work->build->plan;
    bool good;

    inst->inputs_first = plan->input_count;
    inst->outputs_first = plan->output_count;
    work->scope.inst = inst;
    arena_reset(&work->build->scratch);
    good = plan_decide_when(work, inst);
    if (!inst->outline || work->outlines_read) {
        good = plan_read_inputs(work, inst) && good;
    }
    plan->input_count += inst->input_count;
    good = good && plan_read_outputs(work, inst);
    plan->output_count += inst->output_count;
    return good;
}

static void plan_add_text(struct plan_work *work, struct str role, const struct m_text *from)
{
    struct plan_path_text text = {.text = from,
                                  .role = intern_add(&work->build->plan->names, role)};

    if (work->stage->instance_count > 1) {
        text.pieces = plan_pieces_of(work->build, &work->scope, from);
    }
    VEC_PUSH(&work->texts, text);
}

static void plan_make_stage_paths(struct plan_work *work, struct plan_stage *stage)
{
    struct plan_build *build = work->build;
    const struct m_stage *source = stage->source;

    work->stage = stage;
    work->source = source;
    work->scope =
        (struct plan_scope){.plan = build->plan, .stage = source, .phase = PLAN_PHASE_INPUTS};
    work->outlines_read = build->slice != NULL && manifest_outputs_name_inputs(source);
    work->names_stage_when =
        source->settings->when != NULL && plan_expr_names_stage(source->settings->when);
    VEC_CLEAR(&work->texts);
    for (uint32_t i = 0; i < source->input_count; i++) {
        plan_add_text(work, source->inputs[i].name, &source->inputs[i].path);
    }
    for (uint32_t i = 0; i < source->output_count; i++) {
        plan_add_text(work, source->outputs[i].name, &source->outputs[i].path);
    }
    for (uint32_t i = 0; i < stage->instance_count; i++) {
        if (!plan_make_instance(work, &build->plan->instances[stage->instances_first + i])) {
            break;
        }
    }
    plan_number_paths(work);
}

void plan_make_paths(struct plan_build *build)
{
    struct plan_work work = {.build = build};

    if (!plan_allocate_files(build)) {
        return;
    }
    for (uint32_t i = 0; i < build->plan->stage_count; i++) {
        plan_make_stage_paths(&work, &build->plan->stages[i]);
    }
    VEC_FREE(&work.texts);
}
