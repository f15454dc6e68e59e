/* Owns what a name in [report] stands for: a param, a metric of the row, a metric or the state of
 * an instance, a score. On axes that are not selected an instance has the values of the row, where
 * the row has them. */
#include "report/figures.h"

#include "model/metric_value.h"

/* --- instances --- */

/* What the wanted instance has on an axis, as names have it; "": whatever. */
static struct str figures_wanted(const struct figures_scope *scope, const struct expr_name *name,
                                 struct str axis, struct strbuf *scratch)
{
    struct str part;
    struct str rest = scope->row != NULL ? scope->row->name : STR("");
    struct str stage;

    strbuf_clear(scratch);
    for (uint32_t i = 0; i < name->selector_count; i++) {
        if (str_equal(name->selectors[i].axis, axis)) {
            plan_add_axis(scratch, axis,
                          value_text(&name->selectors[i].value, scope->figures->arena));
            return strbuf_str(scratch);
        }
    }
    str_split(&rest, '@', &stage);
    while (str_split(&rest, ',', &part)) {
        if (part.len > axis.len && part.data[axis.len] == '=' && str_has_prefix(part, axis)) {
            return part;
        }
    }
    return STR("");
}

static bool figures_is_wanted(const struct figures_scope *scope, const struct expr_name *name,
                              const struct figures_instance *inst, struct strbuf *scratch)
{
    struct str rest = inst->name;
    struct str part;

    if (!str_equal(inst->stage, name->stage)) {
        return false;
    }
    str_split(&rest, '@', &part);
    while (str_split(&rest, ',', &part)) {
        struct str value = part;
        struct str axis;
        struct str wanted;

        str_split(&value, '=', &axis);
        wanted = figures_wanted(scope, name, axis, scratch);
        if (wanted.len != 0 && !str_equal(wanted, part)) {
            return false;
        }
    }
    return true;
}

/* By its whole name, if the manifest says its axes and each has a value; false: that is not known.
 */
static bool figures_find_named(const struct figures_scope *scope, const struct expr_name *name,
                               uint32_t *number, struct strbuf *scratch)
{
    const struct m_stage *stage = manifest_stage(scope->figures->manifest, name->stage);
    struct strbuf full = {0};
    bool all = true;

    strbuf_add_str(&full, name->stage);
    for (uint32_t a = 0; all && a < stage->settings->axis_count; a++) {
        struct str wanted = figures_wanted(scope, name, stage->settings->axes[a].name, scratch);

        strbuf_putc(&full, a == 0 ? '@' : ',');
        strbuf_add_str(&full, wanted);
        all = wanted.len != 0;
    }
    *number = map_get(&scope->figures->run->by_name, strbuf_str(&full));
    strbuf_fini(&full);
    return all;
}

static enum expr_lookup figures_find(const struct figures_scope *scope,
                                     const struct expr_name *name, struct arena *arena,
                                     const struct figures_instance **found,
                                     struct expr_answer *answer)
{
    const struct figures_run *run = scope->figures->run;
    struct strbuf scratch = {0};
    uint32_t number;
    uint32_t count = 0;

    if (figures_find_named(scope, name, &number, &scratch)) {
        *found = number != MAP_MISSING ? &run->instances[number] : NULL;
        count = number != MAP_MISSING;
    } else {
        for (uint32_t i = 0; i < run->count && count < 2; i++) {
            if (figures_is_wanted(scope, name, &run->instances[i], &scratch)) {
                *found = &run->instances[i];
                count++;
            }
        }
    }
    strbuf_fini(&scratch);
    if (count > 1) {
        answer->reason = str_printf(arena, "could be of several instances of stage '%.*s'",
                                    STR_ARG(name->stage));
        return EXPR_REFUSED;
    }
    answer->reason = STR("it is not in this run");
    return count == 1 ? EXPR_FOUND : EXPR_MISSING;
}

/* --- metrics --- */

/* Why an instance has no metrics. */
static struct str figures_no_metrics(const struct figures_instance *inst, struct arena *arena)
{
    const char *why = "has not ended yet";

    switch (inst->status->state) {
    case INST_DONE:
    case INST_REFUSED:
    case INST_COMPENSATED:
        why = "gave no metrics";
        break;
    case INST_UP_TO_DATE:
    case INST_RESTORED:
        why = inst->metrics != NULL ? "gave no metrics"
                                    : "was up to date, and its result is not on record any more";
        break;
    case INST_SKIPPED:
        why = "was skipped";
        break;
    case INST_BLOCKED:
        why = "was blocked";
        break;
    case INST_FAILED:
    case INST_UNSETTLED:
        why = "failed";
        break;
    case INST_CANCELLED:
        why = "was cancelled";
        break;
    case INST_PENDING:
    case INST_READY:
    case INST_WAITING:
    case INST_RUNNING:
    case INST_STATE_COUNT:
        break;
    }
    return str_printf(arena, "'%.*s' %s", STR_ARG(inst->name), why);
}

static enum expr_lookup figures_metric(const struct figures_instance *inst, struct str member,
                                       struct arena *arena, struct expr_answer *answer)
{
    const struct metric *metric =
        inst->metrics != NULL ? metrics_find(inst->metrics, member) : NULL;

    if (metric != NULL) {
        return metric_value(metric, arena, answer);
    }
    answer->reason = inst->metrics == NULL || inst->metrics->count == 0
                         ? figures_no_metrics(inst, arena)
                         : STR("");
    return EXPR_MISSING;
}

/* `STAGE.state`, where no metric has that name. */
static enum expr_lookup figures_member(const struct figures_instance *inst, struct str member,
                                       struct arena *arena, struct expr_answer *answer)
{
    bool is_state = str_is(member, "state");

    if (is_state && inst->metrics != NULL && metrics_find(inst->metrics, member) != NULL) {
        answer->reason = STR("is both the state of the stage and a metric");
        return EXPR_REFUSED;
    }
    if (is_state) {
        answer->value = value_string(str_of(inst_state_name(inst->status->state)));
        return EXPR_FOUND;
    }
    return figures_metric(inst, member, arena, answer);
}

static enum expr_lookup figures_own(const struct figures_scope *scope, struct str member,
                                    struct arena *arena, struct expr_answer *answer)
{
    if (scope->row->inst == NULL) {
        answer->reason = STR("it is not in this run");
        return EXPR_MISSING;
    }
    return figures_metric(scope->row->inst, member, arena, answer);
}

/* --- names --- */

static enum expr_lookup figures_bare(const struct figures_scope *scope,
                                     const struct expr_name *name, struct arena *arena,
                                     struct expr_answer *answer)
{
    const struct m_param *param = manifest_param(scope->figures->manifest, name->member);
    const struct figures_row *row = scope->row;

    if (param == NULL) {
        return figures_own(scope, name->member, arena, answer);
    }
    if (row != NULL && row->inst != NULL && row->inst->metrics != NULL &&
        metrics_find(row->inst->metrics, name->member) != NULL) {
        answer->reason = STR("is both a param and a metric");
        return EXPR_REFUSED;
    }
    answer->value = param->value;
    return EXPR_FOUND;
}

static enum expr_lookup figures_score_value(const struct figures_scope *scope,
                                            const struct expr_name *name,
                                            struct expr_answer *answer)
{
    const struct m_report *report = scope->figures->report;
    const struct figure *figure;
    uint32_t number = 0;

    while (!str_equal(report->scores[number].name, name->member)) {
        number++; /* it is there: the manifest was checked */
    }
    figure = report->scores[number].of_row ? &scope->row->scores[number]
                                           : &scope->figures->scores[number];
    if (!figure->known) {
        answer->reason = figure->why;
        return EXPR_MISSING;
    }
    answer->value = figure->value;
    return EXPR_FOUND;
}

static enum expr_lookup figures_lookup(void *ctx, const struct expr_name *name, struct arena *arena,
                                       struct expr_answer *answer)
{
    const struct figures_scope *scope = ctx;
    const struct figures_instance *inst = NULL;
    enum expr_lookup lookup;

    *answer = (struct expr_answer){.reason = STR_NONE};
    switch (name->kind) {
    case EXPR_NAME_BARE:
        return figures_bare(scope, name, arena, answer);
    case EXPR_NAME_METRIC:
        return figures_own(scope, name->member, arena, answer);
    case EXPR_NAME_STAGE:
        if (manifest_stage(scope->figures->manifest, name->stage) == NULL) {
            return figures_score_value(scope, name, answer);
        }
        lookup = figures_find(scope, name, arena, &inst, answer);
        return lookup == EXPR_FOUND ? figures_member(inst, name->member, arena, answer) : lookup;
    case EXPR_NAME_INPUTS:
    case EXPR_NAME_OUTPUTS:
    case EXPR_NAME_FLAG:
        break;
    }
    return EXPR_UNKNOWN;
}

/* --- evaluation --- */

struct figures_look {
    const struct expr_env *env;
    struct arena *arena;
    struct str why;
};

static bool figures_look_at(void *ctx, const struct expr_name *name, bool in_default)
{
    struct figures_look *look = ctx;
    struct expr_answer answer;
    enum expr_lookup lookup = look->env->lookup(look->env->ctx, name, look->arena, &answer);

    if (lookup == EXPR_FOUND || in_default) {
        return true;
    }
    if (lookup == EXPR_MISSING) {
        look->why = str_printf(look->arena, "'%.*s' is missing%s%.*s", STR_ARG(name->text),
                               answer.reason.len != 0 ? ": " : "", STR_ARG(answer.reason));
    } else {
        look->why =
            str_printf(look->arena, "'%.*s' %.*s", STR_ARG(name->text), STR_ARG(answer.reason));
    }
    return false;
}

static struct expr_env figures_env(struct figures_scope *scope)
{
    return (struct expr_env){.ctx = scope, .lookup = figures_lookup};
}

/* All names have values. */
static bool figures_have(const struct expr_env *env, const struct expr *expr, struct arena *arena,
                         struct str *why)
{
    struct figures_look look = {.env = env, .arena = arena};
    struct expr_error error = {.text = STR_NONE};

    if (expr_names_in(expr, env, arena, figures_look_at, &look, &error)) {
        return true;
    }
    *why = look.why.len != 0 ? look.why : error.text;
    return false;
}

bool figures_eval(struct figures_scope *scope, const struct expr *expr, struct figure *out)
{
    struct arena *arena = scope->figures->arena;
    struct expr_env env = figures_env(scope);
    struct expr_error error;

    *out = (struct figure){.known = false};
    if (!figures_have(&env, expr, arena, &out->why)) {
        return false;
    }
    if (!expr_eval(expr, &env, arena, &out->value, &error)) {
        out->why = error.text;
    } else if (out->value.kind == VALUE_LIST) {
        out->why = STR("it is a list");
    } else {
        out->known = true;
    }
    return out->known;
}

bool figures_holds(struct figures_scope *scope, const struct expr *when, struct str *why)
{
    struct arena *arena = scope->figures->arena;
    struct expr_env env = figures_env(scope);
    struct expr_error error;
    bool truth = false;

    if (figures_have(&env, when, arena, why) &&
        !expr_eval_bool(when, &env, arena, &truth, &error)) {
        *why = error.text;
    }
    return truth;
}

bool figures_text(struct figures_scope *scope, const struct m_text *text, struct str *out,
                  struct str *why)
{
    struct expr_env env = figures_env(scope);
    struct expr_error error;

    if (template_render(text, &env, scope->figures->arena, out, &error)) {
        return true;
    }
    *out = text->text;
    *why = error.text;
    return false;
}
