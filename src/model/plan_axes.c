/* Owns the values of an axis: written down, a range of exact decimals, a list that a template
 * gives, the lines of a file, the files that a glob matches. Each value has three forms: itself,
 * its text, and its text in the name of an instance. Two values with one text are an error.
 *
 * A line of a file is a string: without its line end, empty ones left out. A file of a glob is a
 * path, by bytes in order; what stages make and orphans are not among them. */
#include "model/plan_build.h"

#include <string.h>

#include "base/limits.h"
#include "base/path.h"
#include "model/glob.h"
#include "model/number.h"

/* One axis while it grows. */
struct plan_growth {
    struct plan_build *build;
    const struct m_stage *stage;
    const struct m_axis *source;
    struct plan_scope scope;
    VEC(struct value) values;
    VEC(struct span) spans;
};

static bool plan_axis_fault(struct plan_growth *growth, struct span span, const char *hint,
                            const char *text)
{
    diag_error(growth->build->diags, span, hint, "axis '%.*s' of stage '%.*s' %s",
               STR_ARG(growth->source->name), STR_ARG(growth->stage->name), text);
    return false;
}

static void plan_axis_add(struct plan_growth *growth, struct value value, struct span span)
{
    if (value.kind == VALUE_STRING) {
        bool is_path = value.is_path;

        value = value_string(str_dup(growth->build->arena, value.text));
        value.is_path = is_path;
    }
    VEC_PUSH(&growth->values, value);
    VEC_PUSH(&growth->spans, span);
}

/* A text as a value: what one `{{ expr }}` gives keeps its kind. */
static bool plan_axis_value(struct plan_growth *growth, const struct m_text *text,
                            enum value_kind kind, struct value *value)
{
    struct expr_env env = plan_scope_env(&growth->scope);
    struct expr_error error;
    struct str rendered;

    if (template_is_sole(text)) {
        if (!template_eval_sole(text, &env, &growth->build->scratch, value, &error)) {
            plan_report(growth->build, &growth->scope, &error);
            return false;
        }
        return true;
    }
    if (!plan_render(growth->build, &growth->scope, text, &rendered)) {
        return false;
    }
    *value = value_string(rendered);
    if (kind == VALUE_BOOL) {
        *value = value_bool(str_is(rendered, "true"));
    } else if (kind == VALUE_INT) {
        *value = value_int(0);
        return number_parse_int(rendered, &value->integer);
    } else if (kind == VALUE_FLOAT) {
        *value = value_float(0);
        return number_parse_float(rendered, &value->number);
    }
    return true;
}

/* --- the forms --- */

static bool plan_axis_from_values(struct plan_growth *growth)
{
    const struct m_axis *axis = growth->source;

    for (uint32_t i = 0; i < axis->values.count; i++) {
        const struct m_text *text = &axis->values.items[i];
        struct value value;

        if (!plan_axis_value(growth, text, axis->types[i], &value)) {
            return false;
        }
        if (value.kind == VALUE_LIST) {
            return plan_axis_fault(growth, text->span, "for a list write \"{{…}}\" without [ ]",
                                   "has a list among its values");
        }
        plan_axis_add(growth, value, text->span);
    }
    return true;
}

static bool plan_axis_from_list(struct plan_growth *growth)
{
    const struct m_text *text = &growth->source->source;
    struct value list;

    if (!plan_axis_value(growth, text, VALUE_STRING, &list)) {
        return false;
    }
    if (list.kind != VALUE_LIST) {
        return plan_axis_fault(growth, text->span, "write [\"{{…}}\"] for one value",
                               "must be given a list");
    }
    for (size_t i = 0; i < list.list.count; i++) {
        plan_axis_add(growth, list.list.items[i], text->span);
    }
    return true;
}

static bool plan_axis_decimal(struct plan_growth *growth, const struct m_text *text,
                              struct decimal *decimal)
{
    struct value value;

    if (!text->given) {
        *decimal = (struct decimal){1, 0};
        return true;
    }
    if (!plan_axis_value(growth, text, VALUE_STRING, &value)) {
        return false;
    }
    if (value.kind == VALUE_STRING ? decimal_parse(value.text, decimal)
                                   : decimal_of_value(&value, decimal)) {
        return true;
    }
    return plan_axis_fault(growth, text->span, NULL,
                           "needs numbers of at most 18 digits for from, to and step");
}

static bool plan_axis_from_range(struct plan_growth *growth)
{
    const struct m_axis *axis = growth->source;
    struct span span = axis->from.span;
    struct decimal from;
    struct decimal to;
    struct decimal step;
    uint64_t count;
    uint8_t scale;

    if (!plan_axis_decimal(growth, &axis->from, &from) ||
        !plan_axis_decimal(growth, &axis->to, &to) ||
        !plan_axis_decimal(growth, &axis->step, &step)) {
        return false;
    }
    if (step.mantissa == 0) {
        return plan_axis_fault(growth, axis->step.span, NULL, "has a step of 0");
    }
    scale = from.scale > step.scale ? from.scale : step.scale;
    if (!decimal_count(from, to, step, LIMIT_INSTANCES, &count) || !decimal_rescale(&from, scale)) {
        return plan_axis_fault(growth, span, NULL, "has too many values");
    }
    for (uint64_t i = 0; i < count; i++) {
        plan_axis_add(growth, decimal_value(from), span);
        if (i + 1 < count && !decimal_add(from, step, &from)) {
            return plan_axis_fault(growth, span, NULL, "has too many values");
        }
    }
    return true;
}

static bool plan_axis_path(struct plan_growth *growth, struct str *path)
{
    const struct m_text *text = &growth->source->source;
    struct str rendered;

    if (!plan_render(growth->build, &growth->scope, text, &rendered)) {
        return false;
    }
    if (path_normalise(growth->build->arena, rendered, path, NULL) != PATH_FINE) {
        return plan_axis_fault(growth, text->span, "a path is relative to the workspace",
                               "names a path that cannot be");
    }
    return true;
}

static bool plan_axis_from_lines(struct plan_growth *growth)
{
    struct plan_build *build = growth->build;
    struct span span = growth->source->source.span;
    struct str path;
    struct str text;
    struct str line;

    if (!plan_axis_path(growth, &path)) {
        return false;
    }
    if (!build->files->read(build->files->ctx, path, build->arena, &text)) {
        VEC_PUSH(&build->empty_axes, ((struct plan_axis_ref){growth->source}));
        return false;
    }
    while (str_split(&text, '\n', &line)) {
        if (line.len != 0 && line.data[line.len - 1] == '\r') {
            line.len--;
        }
        if (str_find(line, '\0') >= 0) {
            return plan_axis_fault(growth, span, NULL, "has a line with a NUL byte");
        }
        if (line.len != 0) {
            plan_axis_add(growth, value_string(line), span);
        }
        if (growth->values.count > LIMIT_INSTANCES) {
            return plan_axis_fault(growth, span, NULL, "has too many values");
        }
    }
    return true;
}

static bool plan_axis_from_glob(struct plan_growth *growth)
{
    struct plan_build *build = growth->build;
    struct str pattern;

    if (!plan_axis_path(growth, &pattern)) {
        return false;
    }
    plan_list_matches(build, pattern);
    VEC_EACH (path, &build->matches) {
        plan_axis_add(growth, value_path(plan_path_name(build->plan, *path)),
                      growth->source->source.span);
    }
    VEC_CLEAR(&build->matches);
    if (growth->values.count == 0) {
        VEC_PUSH(&build->empty_axes, ((struct plan_axis_ref){growth->source}));
    }
    return growth->values.count != 0;
}

static bool plan_axis_grow(struct plan_growth *growth)
{
    switch (growth->source->kind) {
    case M_AXIS_VALUES:
        return plan_axis_from_values(growth);
    case M_AXIS_RANGE:
        return plan_axis_from_range(growth);
    case M_AXIS_GLOB:
        return plan_axis_from_glob(growth);
    case M_AXIS_LINES:
        return plan_axis_from_lines(growth);
    case M_AXIS_FROM_LIST:
        return plan_axis_from_list(growth);
    }
    bug("an axis of kind %d", (int)growth->source->kind);
}

/* --- the three forms of a value --- */

static bool plan_is_plain(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           memchr("._/+:-", c, 6) != NULL;
}

void plan_encode(struct strbuf *out, struct str text, const char *kept)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (plan_is_plain(c) || (c != '\0' && strchr(kept, c) != NULL)) {
            strbuf_putc(out, c);
        } else {
            strbuf_printf(out, "%%%02X", (unsigned char)c);
        }
    }
}

static bool plan_axis_finish(struct plan_growth *growth, struct plan_axis *axis)
{
    struct arena *arena = growth->build->arena;
    struct strbuf encoded = {0};
    struct map seen;
    bool good = true;

    map_init(&seen);
    axis->count = (uint32_t)growth->values.count;
    axis->values = ARENA_ARRAY(arena, struct value, axis->count);
    axis->texts = ARENA_ARRAY(arena, struct str, axis->count);
    axis->encoded = ARENA_ARRAY(arena, struct str, axis->count);
    for (uint32_t i = 0; i < axis->count && good; i++) {
        axis->values[i] = growth->values.items[i];
        axis->texts[i] = value_text(&axis->values[i], arena);
        strbuf_clear(&encoded);
        plan_encode(&encoded, axis->texts[i], "");
        axis->encoded[i] = strbuf_dup(&encoded, arena);
        if (map_put_new(&seen, axis->encoded[i], i) != MAP_MISSING) {
            diag_error(growth->build->diags, growth->spans.items[i], "each value makes an instance",
                       "axis '%.*s' of stage '%.*s' has the value '%.*s' twice",
                       STR_ARG(growth->source->name), STR_ARG(growth->stage->name),
                       STR_ARG(axis->texts[i]));
            good = false;
        }
    }
    map_fini(&seen);
    strbuf_fini(&encoded);
    return good;
}

bool plan_axis_expand(struct plan_build *build, const struct m_stage *stage,
                      const struct m_axis *source, struct plan_axis *axis)
{
    struct plan_growth growth = {
        .build = build,
        .stage = stage,
        .source = source,
        .scope = {.plan = build->plan, .stage = stage, .phase = PLAN_PHASE_MATRIX}};
    bool good = plan_axis_grow(&growth);

    axis->source = source;
    if (good && growth.values.count == 0) {
        good = plan_axis_fault(&growth, source->span, NULL, "has no values");
    }
    good = good && plan_axis_finish(&growth, axis);
    VEC_FREE(&growth.values);
    VEC_FREE(&growth.spans);
    return good;
}

/* --- an axis over what stages make, or over nothing --- */

/* Whether there is nothing because a stage has yet to make it shows only here. */
static void plan_axis_fault_empty(struct plan_growth *growth, struct str path)
{
    const struct m_axis *axis = growth->source;

    VEC_EACH (empty, &growth->build->empty_axes) {
        if (empty->axis == axis) {
            diag_error(growth->build->diags, axis->source.span, NULL,
                       axis->kind == M_AXIS_GLOB
                           ? "no file matches '%.*s' for axis '%.*s' of stage '%.*s'"
                           : "'%.*s' cannot be read for axis '%.*s' of stage '%.*s'",
                       STR_ARG(path), STR_ARG(axis->name), STR_ARG(growth->stage->name));
            return;
        }
    }
}

static void plan_axis_note_output(void *ctx, uint32_t output)
{
    uint32_t *found = ctx;

    *found = *found == PLAN_NONE || output < *found ? output : *found;
}

static void plan_check_axis(struct plan_build *build, const struct m_stage *stage,
                            const struct m_axis *axis)
{
    struct plan_growth growth = {
        .build = build,
        .stage = stage,
        .source = axis,
        .scope = {.plan = build->plan, .stage = stage, .phase = PLAN_PHASE_MATRIX}};
    const struct plan *plan = build->plan;
    uint32_t found = PLAN_NONE;
    struct str path;
    const struct plan_path *row;

    if ((axis->kind != M_AXIS_GLOB && axis->kind != M_AXIS_LINES) ||
        !plan_axis_path(&growth, &path)) {
        return;
    }
    if (axis->kind == M_AXIS_GLOB) {
        plan_tree_matches(build, path, plan_axis_note_output, &found);
    } else {
        found = plan_find_writer(plan, path);
    }
    if (found == PLAN_NONE) {
        plan_axis_fault_empty(&growth, path);
        return;
    }
    row = &plan->paths[plan->outputs[found].path.n];
    diag_error(build->diags, axis->source.span,
               "instances are made before anything runs: say 'each'",
               "axis '%.*s' of stage '%.*s' goes over '%.*s', which stage '%.*s' makes",
               STR_ARG(axis->name), STR_ARG(stage->name),
               STR_ARG(plan_path_name(plan, plan->outputs[found].path)),
               STR_ARG(plan->stages[plan->instances[row->producer.n].stage.n].name));
}

void plan_check_axes(struct plan_build *build)
{
    for (uint32_t i = 0; i < build->manifest->stage_count; i++) {
        const struct m_stage *stage = &build->manifest->stages[i];

        for (uint32_t a = 0; a < stage->settings->axis_count; a++) {
            plan_check_axis(build, stage, &stage->settings->axes[a]);
        }
    }
}
