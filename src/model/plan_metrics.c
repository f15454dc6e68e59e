/* Owns names of metrics: which instance each speaks of, and the edges that follow.
 *
 * `STAGE.metric` speaks of the one instance of that stage that has the selected values on the axes
 * that are selected, and this instance's own values on the other axes that both have. In a check a
 * dotted name that is no stage's is one of this instance's own nested metrics. Each instance that
 * is spoken of comes before: its metrics are known by then. */
#include "model/plan_build.h"

#include "base/suggest.h"

/* --- who speaks of stages --- */

static bool plan_is_no_stage(void *ctx, const struct expr_name *name, bool in_default)
{
    (void)ctx;
    (void)in_default;
    return name->kind != EXPR_NAME_STAGE;
}

bool plan_text_names_stage(const struct m_text *text)
{
    return text->given && !template_names(text, plan_is_no_stage, NULL);
}

bool plan_expr_names_stage(const struct expr *expr)
{
    return !expr_names(expr, plan_is_no_stage, NULL);
}

static bool plan_list_names_stage(const struct m_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (plan_text_names_stage(&list->items[i])) {
            return true;
        }
    }
    return false;
}

static bool plan_checks_name_stage(const struct m_checks *checks)
{
    for (uint32_t i = 0; i < checks->count; i++) {
        const struct m_check *check = &checks->items[i];

        if ((check->expr != NULL && plan_expr_names_stage(check->expr)) ||
            plan_list_names_stage(&check->run) || check->inputs.count != 0) {
            return true;
        }
    }
    return false;
}

static bool plan_command_names_stage(const struct m_stage *source)
{
    bool names = plan_list_names_stage(&source->run);

    for (uint32_t i = 0; i < source->settings->env_count && !names; i++) {
        names = plan_text_names_stage(&source->settings->env[i].value);
    }
    return names;
}

static bool plan_some_command_names_stage(const struct m_stage *source)
{
    const struct m_variants *variants = source->settings->variants;
    bool names = plan_command_names_stage(source);

    for (uint32_t i = 0; variants != NULL && i < variants->count && !names; i++) {
        names = plan_command_names_stage(&variants->items[i].stage);
    }
    return names;
}

void plan_note_metrics(struct plan_build *build)
{
    for (uint32_t s = 0; s < build->plan->stage_count; s++) {
        struct plan_stage *stage = &build->plan->stages[s];
        const struct m_settings *settings = stage->source->settings;
        bool runs = stage->source->run_kind != M_RUN_NONE;
        bool checked = runs && settings->validate.count + settings->gate.count != 0;
        bool late = plan_some_command_names_stage(stage->source);

        stage->names_stage = late ||
                             (settings->when != NULL && plan_expr_names_stage(settings->when)) ||
                             (checked && (plan_checks_name_stage(&settings->validate) ||
                                          plan_checks_name_stage(&settings->gate)));
        build->plan->metrics_named |= stage->names_stage;
        for (uint32_t i = 0; i < stage->instance_count; i++) {
            struct plan_instance *inst = &build->plan->instances[stage->instances_first + i];

            inst->checked = checked;
            inst->dynamic |= late;
        }
    }
}

/* --- which instance --- */

static const struct plan_stage *plan_stage_named(const struct plan *plan, struct str name)
{
    const struct m_stage *source = manifest_stage(plan->manifest, name);

    return source != NULL ? &plan->stages[source - plan->manifest->stages] : NULL;
}

static enum expr_lookup plan_fault_stage(const struct plan_scope *scope,
                                         const struct expr_name *name, struct arena *arena,
                                         struct expr_answer *answer)
{
    const struct manifest *manifest = scope->plan->manifest;
    struct suggest suggest;

    suggest_init(&suggest, name->stage);
    for (uint32_t i = 0; i < manifest->stage_count; i++) {
        suggest_offer(&suggest, manifest->stages[i].name);
    }
    answer->hint = suggest.best.len != 0
                       ? str_printf(arena, "did you mean '%.*s'?", STR_ARG(suggest.best))
                       : STR("there is no stage of that name");
    return EXPR_UNKNOWN;
}

/* An own nested metric: `costs.total`. */
static bool plan_is_own_nested(const struct plan_scope *scope, const struct expr_name *name)
{
    return scope->phase == PLAN_PHASE_CHECK && name->selector_count == 0 &&
           manifest_stage(scope->plan->manifest, name->stage) == NULL;
}

/* In a stage that runs however the others went, `STAGE.state` says how. */
static bool plan_is_state(const struct plan_scope *scope, const struct expr_name *name)
{
    return name->kind == EXPR_NAME_STAGE && scope->stage != NULL &&
           scope->stage->settings->always && str_is(name->member, "state");
}

enum expr_lookup plan_find_metric_stage(const struct plan_scope *scope,
                                        const struct expr_name *name, struct arena *arena,
                                        struct expr_answer *answer)
{
    const struct m_stage *source = manifest_stage(scope->plan->manifest, name->stage);

    if (scope->phase != PLAN_PHASE_CHECK && scope->phase != PLAN_PHASE_WHEN && !scope->late) {
        answer->reason = STR("is known in 'run', 'env', 'when' and checks only");
        return EXPR_REFUSED;
    }
    if (plan_is_own_nested(scope, name)) {
        return EXPR_FOUND;
    }
    if (source == NULL) {
        return plan_fault_stage(scope, name, arena, answer);
    }
    if (source->run_kind == M_RUN_NONE && !plan_is_state(scope, name)) {
        answer->reason =
            str_printf(arena, "has no metrics: stage '%.*s' has no 'run'", STR_ARG(name->stage));
        return EXPR_REFUSED;
    }
    for (uint32_t i = 0; i < name->selector_count; i++) {
        if (manifest_axis(source, name->selectors[i].axis) == UINT32_MAX) {
            answer->reason = str_printf(arena, "selects '%.*s', which is no axis of stage '%.*s'",
                                        STR_ARG(name->selectors[i].axis), STR_ARG(name->stage));
            return EXPR_REFUSED;
        }
    }
    return EXPR_FOUND;
}

/* The value that the wanted instance has on an axis of its stage; NULL: whatever. */
static const struct value *plan_wanted_value(const struct plan_scope *scope,
                                             const struct expr_name *name, struct str axis)
{
    uint32_t own = manifest_axis(scope->stage, axis);

    for (uint32_t i = 0; i < name->selector_count; i++) {
        if (str_equal(name->selectors[i].axis, axis)) {
            return &name->selectors[i].value;
        }
    }
    return own != PLAN_NONE && scope->inst != NULL ? &scope->inst->axes[own] : NULL;
}

/* By its name, where each axis has a wanted value. False: one has none. */
static bool plan_find_named(const struct plan_scope *scope, const struct expr_name *name,
                            const struct m_stage *source, struct arena *arena,
                            struct inst_id *found)
{
    struct strbuf full = {0};
    bool all = true;

    strbuf_add_str(&full, source->name);
    for (uint32_t a = 0; a < source->settings->axis_count && all; a++) {
        struct str axis = source->settings->axes[a].name;
        const struct value *value = plan_wanted_value(scope, name, axis);

        all = value != NULL;
        if (all) {
            strbuf_printf(&full, "%c%.*s=", a == 0 ? '@' : ',', STR_ARG(axis));
            plan_encode(&full, value_text(value, arena), "");
        }
    }
    if (all) {
        *found = plan_find_instance(scope->plan, strbuf_str(&full));
    }
    strbuf_fini(&full);
    return all;
}

static bool plan_has_wanted(const struct plan_scope *scope, const struct expr_name *name,
                            const struct plan_stage *stage, const struct plan_instance *inst,
                            struct arena *arena)
{
    for (uint32_t a = 0; a < stage->source->settings->axis_count; a++) {
        const struct value *value =
            plan_wanted_value(scope, name, stage->source->settings->axes[a].name);

        if (value != NULL &&
            !str_equal(value_text(value, arena), value_text(&inst->axes[a], arena))) {
            return false;
        }
    }
    return true;
}

static enum expr_lookup plan_fault_many(const struct plan_stage *stage, struct arena *arena,
                                        struct expr_answer *answer)
{
    answer->reason =
        str_printf(arena, "could be of several instances of stage '%.*s'", STR_ARG(stage->name));
    answer->hint = str_printf(arena, "select one: %.*s@%.*s=(…).metric", STR_ARG(stage->name),
                              STR_ARG(stage->source->settings->axes[0].name));
    return EXPR_REFUSED;
}

static enum expr_lookup plan_metric_instance(const struct plan_scope *scope,
                                             const struct expr_name *name, struct arena *arena,
                                             struct inst_id *found, struct expr_answer *answer)
{
    const struct plan_stage *stage = plan_stage_named(scope->plan, name->stage);
    uint32_t count = 0;

    *found = (struct inst_id){PLAN_NONE};
    if (!plan_find_named(scope, name, stage->source, arena, found)) {
        for (uint32_t i = 0; i < stage->instance_count; i++) {
            struct inst_id inst = {stage->instances_first + i};

            if (plan_has_wanted(scope, name, stage, &scope->plan->instances[inst.n], arena)) {
                *found = inst;
                count++;
            }
        }
    }
    if (count > 1) {
        return plan_fault_many(stage, arena, answer);
    }
    if (!inst_is_some(*found)) {
        answer->reason =
            str_printf(arena, "stage '%.*s' has no such instance", STR_ARG(stage->name));
        return EXPR_MISSING;
    }
    return EXPR_FOUND;
}

/* --- values --- */

enum expr_lookup plan_metric_value(const struct plan_scope *scope, const struct expr_name *name,
                                   struct arena *arena, struct expr_answer *answer)
{
    struct inst_id of = {(uint32_t)(scope->inst - scope->plan->instances)};
    struct str member = name->member;
    enum expr_lookup lookup;

    *answer = (struct expr_answer){.reason = STR_NONE};
    if (name->kind == EXPR_NAME_STAGE && plan_is_own_nested(scope, name)) {
        member = STR_JOIN(arena, name->stage, STR("."), name->member);
    } else if (name->kind == EXPR_NAME_STAGE) {
        lookup = plan_metric_instance(scope, name, arena, &of, answer);
        if (lookup != EXPR_FOUND) {
            return lookup;
        }
        if (plan_is_state(scope, name) && scope->metrics.state != NULL) {
            answer->value = value_string(scope->metrics.state(scope->metrics.ctx, of));
            return EXPR_FOUND;
        }
    }
    if (scope->metrics.find == NULL || plan_is_state(scope, name)) {
        answer->reason = STR("is known only when its stage is done");
        answer->hint =
            name->kind == EXPR_NAME_BARE ? STR("a text as a value stands in quotes") : STR("");
        return EXPR_REFUSED;
    }
    return scope->metrics.find(scope->metrics.ctx, of, member, arena, answer);
}

struct expr_env plan_check_env(struct plan_check_names *names)
{
    const struct plan *plan = names->plan;
    const struct plan_instance *inst = &plan->instances[names->instance.n];

    names->scope = (struct plan_scope){.plan = plan,
                                       .stage = plan->stages[inst->stage.n].source,
                                       .inst = inst,
                                       .phase = PLAN_PHASE_CHECK,
                                       .metrics = names->metrics,
                                       .resolved = inst->dynamic ? names->resolved : NULL};
    return plan_scope_env(&names->scope);
}

/* --- when --- */

static struct plan_scope plan_when_scope(const struct plan *plan, struct inst_id instance,
                                         const struct plan_metrics *metrics)
{
    const struct plan_instance *inst = &plan->instances[instance.n];

    return (struct plan_scope){.plan = plan,
                               .stage = plan->stages[inst->stage.n].source,
                               .inst = inst,
                               .phase = PLAN_PHASE_WHEN,
                               .metrics = *metrics};
}

bool plan_when(const struct plan *plan, struct inst_id instance, const struct plan_metrics *metrics,
               struct arena *arena, bool *truth, struct str *reason)
{
    struct plan_scope scope = plan_when_scope(plan, instance, metrics);
    struct expr_env env = plan_scope_env(&scope);
    const struct expr *when = scope.stage->settings->when;
    struct expr_error error;

    if (!expr_eval_bool(when, &env, arena, truth, &error)) {
        *reason =
            str_printf(arena, "when = %.*s: %.*s", STR_ARG(expr_text(when)), STR_ARG(error.text));
        return false;
    }
    *reason = str_printf(arena, "when = %.*s is false", STR_ARG(expr_text(when)));
    return true;
}

struct plan_when_walk {
    struct plan_scope scope;
    struct arena *arena;
    plan_when_visitor visit;
    void *ctx;
};

static bool plan_when_name(void *ctx, const struct expr_name *name, bool in_default)
{
    struct plan_when_walk *walk = ctx;
    struct expr_answer answer;

    (void)in_default;
    if (name->kind == EXPR_NAME_STAGE) {
        bool found = plan_metric_value(&walk->scope, name, walk->arena, &answer) == EXPR_FOUND;

        walk->visit(walk->ctx, name->text,
                    found ? value_text(&answer.value, walk->arena) : STR("missing"));
    }
    return true;
}

void plan_when_values(const struct plan *plan, struct inst_id instance,
                      const struct plan_metrics *metrics, struct arena *arena,
                      plan_when_visitor visit, void *ctx)
{
    struct plan_when_walk walk = {plan_when_scope(plan, instance, metrics), arena, visit, ctx};
    struct expr_env env = plan_scope_env(&walk.scope);
    struct expr_error error;

    expr_names_in(walk.scope.stage->settings->when, &env, arena, plan_when_name, &walk, &error);
}

/* --- edges --- */

struct plan_metric_walk {
    struct plan_build *build;
    struct plan_scope scope;
    const struct expr_env *env;
    plan_inst_visitor visit;
    void *ctx;
    bool good;
};

static bool plan_walk_fault(struct plan_metric_walk *walk, const struct expr_error *error)
{
    plan_report(walk->build, &walk->scope, error);
    walk->good = false;
    return false;
}

static bool plan_walk_name(void *ctx, const struct expr_name *name, bool in_default)
{
    struct plan_metric_walk *walk = ctx;
    struct arena *arena = &walk->build->scratch;
    struct expr_answer answer = {.reason = STR_NONE};
    struct inst_id found;
    enum expr_lookup lookup;
    struct expr_error error = {.span = name->span};

    if (name->kind != EXPR_NAME_STAGE || plan_is_own_nested(&walk->scope, name)) {
        return true;
    }
    lookup = plan_metric_instance(&walk->scope, name, arena, &found, &answer);
    if (lookup == EXPR_FOUND && walk->scope.phase != PLAN_PHASE_CHECK &&
        &walk->scope.plan->instances[found.n] == walk->scope.inst) {
        lookup = EXPR_REFUSED;
        answer.reason = STR("is of this very instance, which is not done yet");
    }
    if (lookup == EXPR_FOUND) {
        walk->visit(walk->ctx, found);
        return true;
    }
    if (lookup == EXPR_MISSING && in_default) {
        return true;
    }
    error.text = str_printf(arena, "'%.*s'%s %.*s", STR_ARG(name->text),
                            lookup == EXPR_MISSING ? ":" : "", STR_ARG(answer.reason));
    error.hint = answer.hint;
    return plan_walk_fault(walk, &error);
}

static void plan_walk_expr(void *ctx, const struct expr *expr)
{
    struct plan_metric_walk *walk = ctx;
    struct expr_error error;

    if (walk->good &&
        !expr_names_in(expr, walk->env, &walk->build->scratch, plan_walk_name, walk, &error) &&
        walk->good) {
        plan_walk_fault(walk, &error);
    }
}

static void plan_walk_list(struct plan_metric_walk *walk, const struct m_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        template_exprs(&list->items[i], plan_walk_expr, walk);
    }
}

/* A file that the command of a check reads is made before, if a stage makes it. */
static void plan_walk_input(struct plan_metric_walk *walk, const struct m_text *text)
{
    struct str path;
    uint32_t output;

    if (!walk->good || !plan_render(walk->build, &walk->scope, text, &path)) {
        walk->good = false;
        return;
    }
    output = plan_find_writer(walk->scope.plan, path);
    if (output != PLAN_NONE) {
        walk->visit(walk->ctx,
                    walk->scope.plan->paths[walk->scope.plan->outputs[output].path.n].producer);
    }
}

static void plan_walk_checks(struct plan_metric_walk *walk, const struct m_checks *checks)
{
    for (uint32_t i = 0; i < checks->count; i++) {
        const struct m_check *check = &checks->items[i];

        if (check->expr != NULL) {
            plan_walk_expr(walk, check->expr);
        }
        plan_walk_list(walk, &check->run);
        for (uint32_t k = 0; k < check->inputs.count; k++) {
            plan_walk_input(walk, &check->inputs.items[k]);
        }
    }
}

static void plan_walk_command(struct plan_metric_walk *walk, const struct m_stage *source)
{
    plan_walk_list(walk, &source->run);
    for (uint32_t i = 0; i < source->settings->env_count; i++) {
        template_exprs(&source->settings->env[i].value, plan_walk_expr, walk);
    }
}

static void plan_walk_commands(struct plan_metric_walk *walk, const struct plan_instance *inst,
                               const struct m_stage *source)
{
    const struct plan *plan = walk->build->plan;
    const struct m_variants *variants = source->settings->variants;

    for (uint32_t i = 0; variants != NULL && i < variants->count; i++) {
        if (plan_may_run(plan, inst, i)) {
            plan_walk_command(walk, &variants->items[i].stage);
        }
    }
    if (plan_may_run_own(plan, inst)) {
        plan_walk_command(walk, source);
    }
}

bool plan_metric_producers(struct plan_build *build, uint32_t number, plan_inst_visitor visit,
                           void *ctx)
{
    const struct plan_instance *inst = &build->plan->instances[number];
    const struct plan_stage *stage = &build->plan->stages[inst->stage.n];
    const struct m_stage *source = stage->source;
    struct plan_metric_walk walk = {
        .build = build,
        .scope = {.plan = build->plan, .stage = source, .inst = inst, .phase = PLAN_PHASE_REST},
        .visit = visit,
        .ctx = ctx,
        .good = true};
    struct expr_env env = plan_scope_env(&walk.scope);

    if (!stage->names_stage) {
        return true;
    }
    walk.env = &env;
    plan_walk_commands(&walk, inst, source);
    if (source->settings->when != NULL) {
        plan_walk_expr(&walk, source->settings->when);
    }
    walk.scope.phase = PLAN_PHASE_CHECK;
    if (inst->checked) {
        plan_walk_checks(&walk, &source->settings->validate);
        plan_walk_checks(&walk, &source->settings->gate);
    }
    return walk.good;
}
