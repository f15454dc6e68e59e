/* Owns selections, what a user types to name instances:
 *
 *   stage                       all of its instances
 *   stage@axis=value,…          those where all these axes have these values
 *   path                        whoever makes this output
 *
 * In names and values `*` and `?` are glob. Values may be typed as they are or as in the names of
 * instances. A path with `*` is a glob over outputs, tried when no stage has such a name. */
#include "model/plan_build.h"

#include <string.h>

#include "base/err.h"
#include "base/path.h"
#include "base/suggest.h"
#include "model/glob.h"

static bool plan_has_wildcard(struct str text)
{
    return str_find(text, '*') >= 0 || str_find(text, '?') >= 0;
}

struct plan_selector {
    const struct plan *plan;
    struct arena *arena;
    struct str *reason, *hint;
    struct str stage, axes; /* before and behind the @ */
    bool has_axes;
    struct strbuf encoded; /* all values behind each other */
};

static bool plan_select_fault(struct plan_selector *selector, struct str reason)
{
    if (selector->reason->len == 0) {
        *selector->reason = reason;
    }
    return false;
}

static void plan_select_hint(struct plan_selector *selector, const struct suggest *suggest)
{
    if (suggest->best.len != 0) {
        *selector->hint =
            str_printf(selector->arena, "did you mean '%.*s'?", STR_ARG(suggest->best));
    }
}

/* --- axes --- */

/* The value of an axis as the instance's name has it. */
static struct str plan_axis_in_name(const struct plan_instance *inst,
                                    const struct plan_stage *stage, uint32_t axis)
{
    struct str rest = str_skip(inst->name, stage->name.len + 1);
    struct str part;

    for (uint32_t i = 0; str_split(&rest, ',', &part); i++) {
        if (i == axis) {
            return str_skip(part, stage->source->settings->axes[axis].name.len + 1);
        }
    }
    bug("instance '%.*s' has no axis %u", STR_ARG(inst->name), axis);
}

struct plan_wanted {
    uint32_t axis;
    struct str value; /* encoded, perhaps with wildcards */
};

/* Reads `axis=value,…` for one stage; false if it has no such axis. */
static bool plan_select_axes(struct plan_selector *selector, const struct plan_stage *stage,
                             struct plan_wanted *wanted, uint32_t *count)
{
    struct str rest = selector->axes;
    struct str part;

    *count = 0;
    while (str_split(&rest, ',', &part)) {
        ptrdiff_t at = str_find(part, '=');
        struct str name = at < 0 ? part : str_head(part, (size_t)at);
        struct suggest suggest;
        uint32_t axis = 0;

        suggest_init(&suggest, name);
        while (axis < stage->source->settings->axis_count &&
               !str_equal(stage->source->settings->axes[axis].name, name)) {
            suggest_offer(&suggest, stage->source->settings->axes[axis++].name);
        }
        if (at < 0 || axis == stage->source->settings->axis_count ||
            *count == stage->source->settings->axis_count) {
            plan_select_hint(selector, &suggest);
            return plan_select_fault(selector,
                                     str_printf(selector->arena,
                                                at < 0 ? "'%.*s' is not axis=value"
                                                       : "there is no axis '%.*s' in stage '%.*s'",
                                                STR_ARG(name), STR_ARG(stage->name)));
        }
        strbuf_clear(&selector->encoded);
        plan_encode(&selector->encoded, str_skip(part, (size_t)at + 1), "*?%");
        wanted[(*count)++] =
            (struct plan_wanted){axis, strbuf_dup(&selector->encoded, selector->arena)};
    }
    return true;
}

static bool plan_instance_is_wanted(const struct plan_instance *inst,
                                    const struct plan_stage *stage,
                                    const struct plan_wanted *wanted, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!name_match(wanted[i].value, plan_axis_in_name(inst, stage, wanted[i].axis))) {
            return false;
        }
    }
    return true;
}

static void plan_select_stage(struct plan_selector *selector, const struct plan_stage *stage,
                              plan_inst_vec *found)
{
    struct plan_wanted *wanted =
        ARENA_ARRAY(selector->arena, struct plan_wanted, stage->source->settings->axis_count + 1u);
    uint32_t count = 0;

    if (selector->has_axes && !plan_select_axes(selector, stage, wanted, &count)) {
        return;
    }
    for (uint32_t i = 0; i < stage->instance_count; i++) {
        uint32_t number = stage->instances_first + i;

        if (plan_instance_is_wanted(&selector->plan->instances[number], stage, wanted, count)) {
            VEC_PUSH(found, (struct inst_id){number});
        }
    }
}

/* --- stages --- */

static void plan_select_stages(struct plan_selector *selector, plan_inst_vec *found, bool *known)
{
    const struct plan *plan = selector->plan;
    const struct m_stage *stage = manifest_stage(plan->manifest, selector->stage);

    *known = stage != NULL;
    if (stage != NULL) {
        plan_select_stage(selector, &plan->stages[stage - plan->manifest->stages], found);
        return;
    }
    for (uint32_t i = 0; plan_has_wildcard(selector->stage) && i < plan->stage_count; i++) {
        if (name_match(selector->stage, plan->stages[i].name)) {
            *known = true;
            plan_select_stage(selector, &plan->stages[i], found);
        }
    }
}

bool plan_select_instances(const struct plan *plan, struct str selection, plan_inst_vec *found,
                           struct arena *arena, struct str *reason, struct str *hint)
{
    struct plan_selector selector = {
        .plan = plan, .arena = arena, .reason = reason, .hint = hint, .stage = selection};
    ptrdiff_t at = str_find(selection, '@');
    struct inst_id exact = plan_find_instance(plan, selection);
    struct suggest suggest;
    size_t before = found->count;
    bool known;

    *reason = *hint = STR_NONE;
    if (at >= 0) {
        selector.stage = str_head(selection, (size_t)at);
        selector.axes = str_skip(selection, (size_t)at + 1);
        selector.has_axes = true;
        if (inst_is_some(exact)) {
            VEC_PUSH(found, exact);
            return true;
        }
    }
    plan_select_stages(&selector, found, &known);
    strbuf_fini(&selector.encoded);
    if (found->count != before) {
        *reason = *hint = STR_NONE;
        return true;
    }
    if (known) {
        return plan_select_fault(
            &selector, str_printf(arena, "no instance matches '%.*s'", STR_ARG(selection)));
    }
    suggest_init(&suggest, selector.stage);
    for (uint32_t i = 0; i < plan->stage_count; i++) {
        suggest_offer(&suggest, plan->stages[i].name);
    }
    plan_select_hint(&selector, &suggest);
    return plan_select_fault(
        &selector, str_printf(arena, "there is no stage '%.*s'", STR_ARG(selector.stage)));
}

/* --- by names alone --- */

void plan_add_axis(struct strbuf *out, struct str axis, struct str value)
{
    strbuf_printf(out, "%.*s=", STR_ARG(axis));
    plan_encode(out, value, "");
}

/* Is one of the parts of an instance's name what is wanted? */
static bool plan_part_is_wanted(struct str axes, struct str wanted)
{
    struct str part;

    while (str_split(&axes, ',', &part)) {
        if (name_match(wanted, part)) {
            return true;
        }
    }
    return false;
}

bool plan_selects(struct str selection, struct str instance)
{
    struct str axes = instance;
    struct str wanted = selection;
    struct strbuf encoded = {0};
    struct str stage;
    struct str part;
    bool good;

    str_split(&axes, '@', &stage);
    str_split(&wanted, '@', &part);
    good = name_match(part, stage);
    while (good && str_split(&wanted, ',', &part)) {
        struct str value = part;
        struct str axis;

        strbuf_clear(&encoded);
        if (str_find(part, '=') >= 0) {
            str_split(&value, '=', &axis);
            strbuf_printf(&encoded, "%.*s=", STR_ARG(axis));
        }
        plan_encode(&encoded, value, "*?%");
        good = plan_part_is_wanted(axes, strbuf_str(&encoded));
    }
    strbuf_fini(&encoded);
    return good;
}

/* --- outputs --- */

static bool plan_select_output(const struct plan *plan, struct str selection, struct arena *arena,
                               uint8_t *selected)
{
    bool found = false;
    uint32_t output;
    struct str path;

    if (path_normalise(arena, selection, &path, NULL) != PATH_FINE) {
        return false;
    }
    output = plan_find_writer(plan, path);
    if (output != PLAN_NONE) {
        selected[plan->paths[plan->outputs[output].path.n].producer.n] = 1;
        return true;
    }
    for (uint32_t i = 0; glob_has_magic(path) && i < plan->output_count; i++) {
        const struct plan_path *row = &plan->paths[plan->outputs[i].path.n];

        if (!plan->outputs[i].is_depfile &&
            glob_match(path, plan_path_name(plan, plan->outputs[i].path))) {
            selected[row->producer.n] = 1;
            found = true;
        }
    }
    return found;
}

/* The reason for a stage that is not there, better with the outputs among what may be meant. */
static bool plan_select_unknown(const struct plan *plan, struct str selection, struct str reason,
                                struct str hint, struct err *err)
{
    struct suggest suggest;

    suggest_init(&suggest, selection);
    for (uint32_t i = 0; i < plan->output_count && i < 10000; i++) {
        suggest_offer(&suggest, plan_path_name(plan, plan->outputs[i].path));
    }
    if (hint.len != 0 || !str_has_prefix(reason, STR("there is no stage"))) {
        return err_set(err, STATUS_USAGE, "%.*s%s%.*s", STR_ARG(reason), hint.len != 0 ? ": " : "",
                       STR_ARG(hint));
    }
    if (suggest.best.len != 0) {
        return err_set(err, STATUS_USAGE,
                       "there is no stage or output '%.*s': did you mean '%.*s'?",
                       STR_ARG(selection), STR_ARG(suggest.best));
    }
    return err_set(err, STATUS_USAGE, "there is no stage or output '%.*s': see 'pawl list'",
                   STR_ARG(selection));
}

bool plan_select(const struct plan *plan, struct str selection, uint8_t *selected, struct err *err)
{
    plan_inst_vec found = {0};
    struct arena arena;
    struct str reason;
    struct str hint;
    bool good;

    arena_init(&arena);
    good = plan_select_instances(plan, selection, &found, &arena, &reason, &hint);
    VEC_EACH (inst, &found) {
        selected[inst->n] = 1;
    }
    good = good || plan_select_output(plan, selection, &arena, selected) ||
           plan_select_unknown(plan, selection, reason, hint, err);
    VEC_FREE(&found);
    arena_fini(&arena);
    return good;
}

/* --- closing over edges --- */

void plan_close_over_producers(const struct plan *plan, uint8_t *selected)
{
    for (uint32_t i = plan->instance_count; i-- > 0;) {
        const struct plan_instance *inst = &plan->instances[plan->topo[i].n];

        for (uint32_t k = 0; selected[plan->topo[i].n] != 0 && k < inst->producer_count; k++) {
            selected[plan->edges[inst->producers_first + k].n] = 1;
        }
    }
}

void plan_add_always(const struct plan *plan, uint8_t *selected)
{
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        const struct plan_instance *inst = &plan->instances[plan->topo[i].n];

        for (uint32_t k = 0; inst->always && k < inst->producer_count; k++) {
            selected[plan->topo[i].n] |= selected[plan->edges[inst->producers_first + k].n];
        }
    }
}

void plan_close_over_consumers(const struct plan *plan, uint8_t *selected)
{
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        const struct plan_instance *inst = &plan->instances[plan->topo[i].n];

        for (uint32_t k = 0; selected[plan->topo[i].n] != 0 && k < inst->consumer_count; k++) {
            selected[plan->back_edges[inst->consumers_first + k].n] = 1;
        }
    }
}
