/* Owns the names that a template of a stage knows, and their values.
 *
 * Order: matrix, `when`, inputs, outputs, the rest; a template sees only what comes before. In
 * `matrix` and in pools only params are known; behind it an axis stands before the param that it
 * walks over, where both have one name. `inputs` is a list of paths in order of declaration,
 * `inputs.NAME` a path, or a list where NAME is a glob; a folder is its own path. Standard input
 * and output and the depfile are in neither list. An optional input that is not there is left out
 * of the list and has no value by its name: default(…) replaces it.
 *
 * Paths are workspace paths, but for a command with `dir` they are written as seen from there. */
#include "model/plan_build.h"

#include <assert.h>

#include "base/path.h"
#include "base/suggest.h"

/* --- what a name is --- */

enum plan_name_kind {
    PLAN_NAME_PARAM,
    PLAN_NAME_AXIS,
    PLAN_NAME_INPUTS,
    PLAN_NAME_OUTPUTS,
    PLAN_NAME_METRIC,
    PLAN_NAME_FLAG
};

enum { PLAN_ALL = UINT32_MAX }; /* `inputs`, `outputs` as a whole */

struct plan_name {
    enum plan_name_kind kind;
    uint32_t number; /* of an axis, an input, an output */
    const struct m_param *param;
};

static const char *plan_phase_name(enum plan_phase phase)
{
    static const char *const names[] = {
        [PLAN_PHASE_PLAIN] = "a pool",      [PLAN_PHASE_MATRIX] = "'matrix'",
        [PLAN_PHASE_WHEN] = "'when'",       [PLAN_PHASE_INPUTS] = "'inputs'",
        [PLAN_PHASE_OUTPUTS] = "'outputs'", [PLAN_PHASE_REST] = "the stage",
        [PLAN_PHASE_CHECK] = "a check",
    };

    return names[phase];
}

static enum expr_lookup plan_refuse_early(const struct plan_scope *scope, struct arena *arena,
                                          struct expr_answer *answer)
{
    answer->reason = str_printf(arena, "is not known yet in %s", plan_phase_name(scope->phase));
    answer->hint = STR("the order is: matrix, when, inputs, outputs, the rest");
    return EXPR_REFUSED;
}

/* Names of what a stage reads and makes: the plan has them too once the manifest let go of them
 * (manifest_forget_files), and for an instance alone. */
static struct str plan_input_name(const struct plan_scope *scope, uint32_t number)
{
    const struct plan *plan = scope->plan;

    return scope->stage->inputs != NULL
               ? scope->stage->inputs[number].name
               : intern_str(&plan->names, plan->inputs[scope->inst->inputs_first + number].role);
}

static struct str plan_output_name(const struct plan_scope *scope, uint32_t number)
{
    const struct plan *plan = scope->plan;

    return scope->stage->outputs != NULL
               ? scope->stage->outputs[number].name
               : intern_str(&plan->names, plan->outputs[scope->inst->outputs_first + number].role);
}

static bool plan_has_file_named(const struct plan_scope *scope, struct str word, const char **list)
{
    for (uint32_t i = 0; i < scope->stage->input_count; i++) {
        if (str_equal(plan_input_name(scope, i), word)) {
            *list = "inputs";
            return true;
        }
    }
    for (uint32_t i = 0; i < scope->stage->output_count; i++) {
        if (str_equal(plan_output_name(scope, i), word)) {
            *list = "outputs";
            return true;
        }
    }
    return false;
}

static void plan_suggest_name(const struct plan_scope *scope, struct str word, struct arena *arena,
                              struct expr_answer *answer)
{
    const struct manifest *manifest = scope->plan->manifest;
    struct suggest suggest;
    const char *list;

    if (scope->stage != NULL && plan_has_file_named(scope, word, &list)) {
        answer->hint = str_printf(arena, "did you mean '%s.%.*s'?", list, STR_ARG(word));
        return;
    }
    suggest_init(&suggest, word);
    for (uint32_t i = 0; scope->stage != NULL && i < scope->stage->settings->axis_count; i++) {
        suggest_offer(&suggest, scope->stage->settings->axes[i].name);
    }
    for (uint32_t i = 0; i < manifest->param_count; i++) {
        suggest_offer(&suggest, manifest->params[i].name);
    }
    if (scope->phase > PLAN_PHASE_INPUTS) {
        suggest_offer(&suggest, STR("inputs"));
    }
    if (scope->phase > PLAN_PHASE_OUTPUTS) {
        suggest_offer(&suggest, STR("outputs"));
    }
    if (suggest.best.len != 0) {
        answer->hint = str_printf(arena, "did you mean '%.*s'?", STR_ARG(suggest.best));
    } else {
        answer->hint = STR("add it to [params]");
    }
}

static enum expr_lookup plan_find_bare(const struct plan_scope *scope, const struct expr_name *name,
                                       struct arena *arena, struct plan_name *found,
                                       struct expr_answer *answer)
{
    bool is_axis = false;

    for (uint32_t i = 0; scope->stage != NULL && i < scope->stage->settings->axis_count; i++) {
        if (!str_equal(scope->stage->settings->axes[i].name, name->member)) {
            continue;
        }
        if (scope->phase > PLAN_PHASE_MATRIX) {
            found->kind = PLAN_NAME_AXIS;
            found->number = i;
            return EXPR_FOUND;
        }
        is_axis = true;
    }
    found->param = manifest_param(scope->plan->manifest, name->member);
    found->kind = PLAN_NAME_PARAM;
    if (found->param != NULL) {
        return EXPR_FOUND;
    }
    if (is_axis) {
        return plan_refuse_early(scope, arena, answer);
    }
    if (scope->phase == PLAN_PHASE_CHECK) {
        found->kind = PLAN_NAME_METRIC;
        return EXPR_FOUND;
    }
    plan_suggest_name(scope, name->member, arena, answer);
    return EXPR_UNKNOWN;
}

/* One of a stage's inputs, or of its outputs. */
static enum expr_lookup plan_find_item(const struct plan_scope *scope, struct str member,
                                       bool input, struct arena *arena, struct plan_name *found,
                                       struct expr_answer *answer)
{
    uint32_t count = input ? scope->stage->input_count : scope->stage->output_count;
    const char *list = input ? "inputs" : "outputs";
    struct suggest suggest;

    found->number = PLAN_ALL;
    if (member.len == 0) {
        return EXPR_FOUND;
    }
    suggest_init(&suggest, member);
    for (uint32_t i = 0; i < count; i++) {
        struct str name = input ? plan_input_name(scope, i) : plan_output_name(scope, i);

        if (str_equal(name, member)) {
            found->number = i;
            return EXPR_FOUND;
        }
        if (name.len != 0) {
            suggest_offer(&suggest, name);
        }
    }
    if (suggest.best.len != 0) {
        answer->hint = str_printf(arena, "did you mean '%s.%.*s'?", list, STR_ARG(suggest.best));
    } else {
        answer->hint = str_printf(arena, "name it: %s = { %.*s = \"…\" }", list, STR_ARG(member));
    }
    return EXPR_UNKNOWN;
}

static enum expr_lookup plan_find_file(const struct plan_scope *scope, const struct expr_name *name,
                                       struct arena *arena, struct plan_name *found,
                                       struct expr_answer *answer)
{
    bool input = name->kind == EXPR_NAME_INPUTS;

    found->kind = input ? PLAN_NAME_INPUTS : PLAN_NAME_OUTPUTS;
    if (scope->stage == NULL) {
        answer->reason = str_printf(arena, "is not known in %s", plan_phase_name(scope->phase));
        return EXPR_REFUSED;
    }
    if (scope->phase <= (input ? PLAN_PHASE_INPUTS : PLAN_PHASE_OUTPUTS)) {
        return plan_refuse_early(scope, arena, answer);
    }
    return plan_find_item(scope, name->member, input, arena, found, answer);
}

static enum expr_lookup plan_find_name(const struct plan_scope *scope, const struct expr_name *name,
                                       struct arena *arena, struct plan_name *found,
                                       struct expr_answer *answer)
{
    const struct m_flag *flag;

    switch (name->kind) {
    case EXPR_NAME_BARE:
        return plan_find_bare(scope, name, arena, found, answer);
    case EXPR_NAME_INPUTS:
    case EXPR_NAME_OUTPUTS:
        return plan_find_file(scope, name, arena, found, answer);
    case EXPR_NAME_METRIC:
        found->kind = PLAN_NAME_METRIC;
        if (scope->phase == PLAN_PHASE_CHECK) {
            return EXPR_FOUND;
        }
        answer->reason = STR("is known in checks and reports only");
        return EXPR_REFUSED;
    case EXPR_NAME_STAGE:
        found->kind = PLAN_NAME_METRIC;
        return plan_find_metric_stage(scope, name, arena, answer);
    case EXPR_NAME_FLAG:
        found->kind = PLAN_NAME_FLAG;
        return scope->phase <= PLAN_PHASE_MATRIX
                   ? plan_refuse_early(scope, arena, answer)
                   : plan_find_flag(scope, name->member, arena, &flag, answer);
    }
    bug("a name of kind %d", (int)name->kind);
}

/* --- values --- */

struct str plan_path_from(struct arena *arena, struct str dir, struct str path)
{
    struct strbuf out = {0};
    struct str result;

    if (dir.len == 0 || path_is_absolute(path)) {
        return path;
    }
    while (dir.len != 0 && !path_is_below(path, dir)) {
        strbuf_puts(&out, "../");
        dir = path_dir(dir);
    }
    path = str_skip(path, dir.len);
    if (dir.len != 0 && path.len != 0) {
        path = str_skip(path, 1);
    }
    strbuf_add_str(&out, path.len == 0 && out.len == 0 ? STR(".") : path);
    result = strbuf_dup(&out, arena);
    strbuf_fini(&out);
    return result;
}

static struct value plan_path_value(const struct plan_scope *scope, struct str path,
                                    struct arena *arena)
{
    return value_path(plan_path_from(arena, scope->dir, path.len != 0 ? path : STR(".")));
}

/* Values in the arena, with room for all that may come. */
struct plan_values {
    struct value *items;
    uint32_t count;
};

/* The resolved items of one input: [*first, return). */
static uint32_t plan_resolved_range(const struct resolved_inputs *resolved, uint32_t input,
                                    uint32_t *first)
{
    uint32_t low = 0;
    uint32_t high = resolved->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (resolved->items[middle].input < input) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *first = low;
    while (low < resolved->count && resolved->items[low].input == input) {
        low++;
    }
    return low;
}

static enum expr_lookup plan_refuse_late(const struct plan_scope *scope, struct expr_answer *answer)
{
    answer->reason = scope->phase == PLAN_PHASE_OUTPUTS
                         ? STR("has a glob, whose files are not known yet in 'outputs'")
                         : STR("is known only when the stages that make it are done");
    return EXPR_REFUSED;
}

/* How many paths one input gives at most. */
static uint32_t plan_input_most(const struct plan_scope *scope, uint32_t number)
{
    const struct plan_input *input = &scope->plan->inputs[number];
    uint32_t first = 0;
    uint32_t end;

    if (input->kind != PLAN_INPUT_GLOB) {
        return 1;
    }
    if (scope->resolved == NULL) {
        return input->source_count;
    }
    end = plan_resolved_range(scope->resolved, number, &first);
    return end - first;
}

/* Appends the paths of one input. */
static enum expr_lookup plan_add_input(const struct plan_scope *scope, uint32_t number,
                                       struct arena *arena, struct plan_values *values,
                                       struct expr_answer *answer)
{
    const struct plan *plan = scope->plan;
    const struct plan_input *input = &plan->inputs[number];
    bool is_glob = input->kind == PLAN_INPUT_GLOB;
    uint32_t first = 0;
    uint32_t end = 0;

    if (scope->resolved != NULL) {
        end = plan_resolved_range(scope->resolved, number, &first);
    } else if ((is_glob && (scope->phase == PLAN_PHASE_OUTPUTS || input->is_made)) ||
               (input->optional && input->is_made)) {
        return plan_refuse_late(scope, answer);
    }
    if (!is_glob) {
        bool missing =
            scope->resolved != NULL && input->optional ? first == end : input->is_missing;

        if (!missing) {
            values->items[values->count++] =
                plan_path_value(scope, plan_path_name(plan, input->path), arena);
        }
        return EXPR_FOUND;
    }
    for (; first < end; first++) {
        values->items[values->count++] =
            plan_path_value(scope, scope->resolved->items[first].path, arena);
    }
    for (uint32_t i = 0; scope->resolved == NULL && i < input->source_count; i++) {
        struct path_id path = plan->source_matches[input->sources_first + i];

        values->items[values->count++] = plan_path_value(scope, plan_path_name(plan, path), arena);
    }
    return EXPR_FOUND;
}

static enum expr_lookup plan_value_all_inputs(const struct plan_scope *scope, struct arena *arena,
                                              struct expr_answer *answer)
{
    struct plan_values values = {NULL, 0};
    uint32_t first = scope->inst->inputs_first;
    enum expr_lookup lookup = EXPR_FOUND;
    uint64_t most = 0;

    for (uint32_t i = 0; i < scope->stage->input_count; i++) {
        most += plan_input_most(scope, first + i);
    }
    values.items = ARENA_ARRAY(arena, struct value, most);
    for (uint32_t i = 0; i < scope->stage->input_count && lookup == EXPR_FOUND; i++) {
        lookup = plan_add_input(scope, first + i, arena, &values, answer);
    }
    answer->value = value_list(values.items, values.count);
    return lookup;
}

static enum expr_lookup plan_value_input(const struct plan_scope *scope, uint32_t input,
                                         struct arena *arena, struct expr_answer *answer)
{
    struct plan_values values = {ARENA_ARRAY(arena, struct value, plan_input_most(scope, input)),
                                 0};
    enum expr_lookup lookup = plan_add_input(scope, input, arena, &values, answer);

    if (scope->plan->inputs[input].kind == PLAN_INPUT_GLOB) {
        answer->value = value_list(values.items, values.count);
    } else if (values.count != 0) {
        answer->value = values.items[0];
    } else if (lookup == EXPR_FOUND) {
        answer->reason = STR("it is optional and not there");
        answer->hint = STR("default(…) gives another value then");
        return EXPR_MISSING;
    }
    return lookup;
}

static enum expr_lookup plan_value_outputs(const struct plan_scope *scope, uint32_t number,
                                           struct arena *arena, struct expr_answer *answer)
{
    const struct plan_output *outputs = scope->plan->outputs + scope->inst->outputs_first;
    uint32_t count = scope->stage->output_count;
    struct value *items;

    if (number != PLAN_ALL) {
        answer->value =
            plan_path_value(scope, plan_path_name(scope->plan, outputs[number].path), arena);
        return EXPR_FOUND;
    }
    items = ARENA_ARRAY(arena, struct value, count);
    for (uint32_t i = 0; i < count; i++) {
        items[i] = plan_path_value(scope, plan_path_name(scope->plan, outputs[i].path), arena);
    }
    answer->value = value_list(items, count);
    return EXPR_FOUND;
}

/* A bare name in a check that means two things is an error. */
static enum expr_lookup plan_is_metric_too(const struct plan_scope *scope,
                                           const struct expr_name *name, struct arena *arena,
                                           const char *what, struct expr_answer *answer)
{
    struct expr_answer other;

    if (scope->phase != PLAN_PHASE_CHECK || scope->metrics.find == NULL ||
        plan_metric_value(scope, name, arena, &other) == EXPR_MISSING) {
        return EXPR_FOUND;
    }
    answer->reason = str_printf(arena, "is both %s and a metric", what);
    answer->hint = str_printf(arena, "write metric.%.*s", STR_ARG(name->member));
    return EXPR_REFUSED;
}

static enum expr_lookup plan_lookup(void *ctx, const struct expr_name *name, struct arena *arena,
                                    struct expr_answer *answer)
{
    const struct plan_scope *scope = ctx;
    struct plan_name found;
    enum expr_lookup lookup = plan_find_name(scope, name, arena, &found, answer);

    if (lookup != EXPR_FOUND) {
        return lookup;
    }
    switch (found.kind) {
    case PLAN_NAME_PARAM:
        answer->value = found.param->value;
        return plan_is_metric_too(scope, name, arena, "a param", answer);
    case PLAN_NAME_AXIS:
        answer->value = scope->inst->axes[found.number];
        return plan_is_metric_too(scope, name, arena, "an axis", answer);
    case PLAN_NAME_METRIC:
        return plan_metric_value(scope, name, arena, answer);
    case PLAN_NAME_INPUTS:
        return found.number == PLAN_ALL
                   ? plan_value_all_inputs(scope, arena, answer)
                   : plan_value_input(scope, scope->inst->inputs_first + found.number, arena,
                                      answer);
    case PLAN_NAME_OUTPUTS:
        return plan_value_outputs(scope, found.number, arena, answer);
    case PLAN_NAME_FLAG:
        return plan_flag_value(scope, name, arena, answer);
    }
    bug("a name of kind %d", (int)found.kind);
}

struct expr_env plan_scope_env(struct plan_scope *scope)
{
    return (struct expr_env){.ctx = scope, .lookup = plan_lookup};
}

bool plan_name_is_known(const struct plan_scope *scope, const struct expr_name *name,
                        struct arena *arena, enum expr_lookup *lookup, struct expr_answer *answer)
{
    struct plan_name found;

    *lookup = plan_find_name(scope, name, arena, &found, answer);
    return *lookup == EXPR_FOUND;
}

uint32_t plan_name_axis(const struct plan_scope *scope, const struct expr_name *name,
                        struct arena *arena)
{
    struct expr_answer answer;
    struct plan_name found;

    return plan_find_name(scope, name, arena, &found, &answer) == EXPR_FOUND &&
                   found.kind == PLAN_NAME_AXIS
               ? found.number
               : PLAN_NONE;
}

enum template_known_value plan_name_value(const struct plan_scope *scope,
                                          const struct expr_name *name, struct arena *arena,
                                          const struct value **param)
{
    struct expr_answer answer;
    struct plan_name found;

    if (plan_find_name(scope, name, arena, &found, &answer) != EXPR_FOUND) {
        return TEMPLATE_VALUE_ANY;
    }
    switch (found.kind) {
    case PLAN_NAME_PARAM:
        *param = &found.param->value;
        return TEMPLATE_VALUE_ANY;
    case PLAN_NAME_AXIS:
        return TEMPLATE_VALUE_TEXT;
    case PLAN_NAME_INPUTS:
    case PLAN_NAME_OUTPUTS:
        return found.number == PLAN_ALL ? TEMPLATE_VALUE_LIST : TEMPLATE_VALUE_TEXT;
    case PLAN_NAME_METRIC:
    case PLAN_NAME_FLAG:
        return TEMPLATE_VALUE_ANY;
    }
    bug("a name of kind %d", (int)found.kind);
}
