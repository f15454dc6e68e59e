/* Owns the check of all names before anything is evaluated: also those in templates that no
 * instance would come to, so that a mistake shows on the first day. */
#include "model/plan_build.h"

struct plan_check {
    struct plan_build *build;
    struct plan_scope scope;
};

/* What a variant does not replace was looked at in its stage. */
static bool plan_is_reported(const struct diags *diags, struct span span)
{
    for (uint32_t i = 0; i < diags->count; i++) {
        if (diags->items[i].span.source == span.source &&
            diags->items[i].span.offset == span.offset) {
            return true;
        }
    }
    return false;
}

static bool plan_check_name(void *ctx, const struct expr_name *name, bool in_default)
{
    struct plan_check *check = ctx;
    struct diags *diags = check->build->diags;
    struct expr_answer answer = {.reason = STR_NONE};
    enum expr_lookup lookup;

    (void)in_default;
    if (plan_name_is_known(&check->scope, name, &check->build->scratch, &lookup, &answer)) {
        return true;
    }
    if (plan_is_reported(diags, name->span)) {
        return true;
    }
    if (lookup == EXPR_UNKNOWN) {
        diag_error(diags, name->span, NULL, "unknown name '%.*s'", STR_ARG(name->text));
    } else {
        diag_error(diags, name->span, NULL, "'%.*s' %.*s", STR_ARG(name->text),
                   STR_ARG(answer.reason));
    }
    if (answer.hint.len != 0) {
        diag_hint(diags, "%.*s", STR_ARG(answer.hint));
    }
    return true;
}

static void plan_check_text(struct plan_check *check, const struct m_text *text)
{
    struct str constant;

    if (text->given && !template_is_literal(text, &constant)) {
        template_names(text, plan_check_name, check);
    }
}

static void plan_check_list(struct plan_check *check, const struct m_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        plan_check_text(check, &list->items[i]);
    }
}

/* Stops at the name that is looked for. */
static bool plan_is_other_name(void *ctx, const struct expr_name *name, bool in_default)
{
    const struct str *wanted = ctx;

    (void)in_default;
    return name->kind != EXPR_NAME_BARE || !str_equal(name->member, *wanted);
}

/* An axis may have the name of a param only if it walks over that param: else the name would mean
 * two things. */
static void plan_check_axis_name(struct plan_check *check, const struct m_stage *stage,
                                 const struct m_axis *axis)
{
    const struct m_text *texts[] = {&axis->source, &axis->from, &axis->to, &axis->step, NULL};
    struct str name = axis->name;
    bool other = true;

    if (manifest_param(check->build->manifest, axis->name) == NULL) {
        return;
    }
    for (const struct m_text *const *text = texts; *text != NULL && other; text++) {
        other = !(*text)->given || template_names(*text, plan_is_other_name, &name);
    }
    for (uint32_t i = 0; i < axis->values.count && other; i++) {
        other = template_names(&axis->values.items[i], plan_is_other_name, &name);
    }
    if (other) {
        diag_error(check->build->diags, axis->span, "rename one of them",
                   "'%.*s' is both an axis of stage '%.*s' and a param", STR_ARG(axis->name),
                   STR_ARG(stage->name));
    }
}

static void plan_check_matrix(struct plan_check *check, const struct m_stage *stage)
{
    check->scope.phase = PLAN_PHASE_MATRIX;
    for (uint32_t i = 0; i < stage->settings->axis_count; i++) {
        const struct m_axis *axis = &stage->settings->axes[i];

        plan_check_axis_name(check, stage, axis);
        plan_check_list(check, &axis->values);
        plan_check_text(check, &axis->from);
        plan_check_text(check, &axis->to);
        plan_check_text(check, &axis->step);
        plan_check_text(check, &axis->source);
    }
    for (uint32_t i = 0; i < stage->settings->exclude_count; i++) {
        for (uint32_t j = 0; j < stage->settings->excludes[i].count; j++) {
            plan_check_text(check, &stage->settings->excludes[i].values[j]);
        }
    }
}

static void plan_check_files(struct plan_check *check, const struct m_stage *stage)
{
    check->scope.phase = PLAN_PHASE_WHEN;
    if (stage->settings->when != NULL) {
        expr_names(stage->settings->when, plan_check_name, check);
    }
    check->scope.phase = PLAN_PHASE_INPUTS;
    for (uint32_t i = 0; i < stage->input_count; i++) {
        plan_check_text(check, &stage->inputs[i].path);
    }
    plan_check_text(check, &stage->settings->std_in);
    if (stage->settings->each != NULL) {
        plan_check_text(check, &stage->settings->each->source);
    }
    check->scope.phase = PLAN_PHASE_OUTPUTS;
    for (uint32_t i = 0; i < stage->output_count; i++) {
        plan_check_text(check, &stage->outputs[i].path);
    }
    plan_check_text(check, &stage->settings->std_out);
    plan_check_text(check, &stage->settings->dead_letter);
    plan_check_text(check, &stage->settings->depfile);
    plan_check_text(check, &stage->settings->metrics);
}

static void plan_check_rest(struct plan_check *check, const struct m_stage *stage)
{
    const struct m_text *texts[] = {
        &stage->settings->desc,     &stage->settings->dir,      &stage->settings->cache,
        &stage->settings->timeout,  &stage->settings->grace,    &stage->settings->on_failure,
        &stage->settings->on_pause, &stage->settings->cpu,      &stage->settings->memory,
        &stage->settings->log_max,  &stage->settings->priority, &stage->settings->tty,
        &stage->settings->mode,     &stage->settings->workers,  &stage->settings->queue,
        &stage->settings->dedupe,   &stage->settings->max_dead, NULL};

    check->scope.phase = PLAN_PHASE_REST;
    for (const struct m_text *const *text = texts; *text != NULL; text++) {
        plan_check_text(check, *text);
    }
    plan_check_list(check, &stage->settings->shell);
    plan_check_list(check, &stage->needs);
    for (uint32_t i = 0; i < stage->settings->tool_count; i++) {
        plan_check_text(check, &stage->settings->tools[i].program);
        plan_check_text(check, &stage->settings->tools[i].run);
    }
    for (uint32_t i = 0; i < stage->settings->pool_count; i++) {
        plan_check_text(check, &stage->settings->pools[i].slots);
    }
    if (stage->settings->recover != NULL) {
        plan_check_list(check, &stage->settings->recover->run);
    }
    if (stage->settings->compensate != NULL) {
        plan_check_list(check, &stage->settings->compensate->run);
    }
    if (stage->settings->checkpoint != NULL) {
        plan_check_text(check, &stage->settings->checkpoint->every);
        plan_check_text(check, &stage->settings->checkpoint->keep);
        plan_check_text(check, &stage->settings->checkpoint->required);
    }
    if (stage->settings->retry != NULL) {
        plan_check_text(check, &stage->settings->retry->max);
        plan_check_text(check, &stage->settings->retry->delay);
        plan_check_text(check, &stage->settings->retry->max_delay);
        plan_check_text(check, &stage->settings->retry->jitter);
    }
    check->scope.late = true;
    plan_check_list(check, &stage->run);
    for (uint32_t i = 0; i < stage->settings->env_count; i++) {
        plan_check_text(check, &stage->settings->env[i].value);
    }
    check->scope.late = false;
}

static void plan_check_checks(struct plan_check *check, const struct m_checks *checks)
{
    check->scope.phase = PLAN_PHASE_CHECK;
    for (uint32_t i = 0; i < checks->count; i++) {
        if (checks->items[i].expr != NULL) {
            expr_names(checks->items[i].expr, plan_check_name, check);
        }
        plan_check_list(check, &checks->items[i].run);
        plan_check_list(check, &checks->items[i].inputs);
    }
}

static void plan_check_breaker(struct plan_check *check, const struct m_breaker *breaker)
{
    plan_check_text(check, &breaker->failure_ratio);
    plan_check_text(check, &breaker->window);
    plan_check_text(check, &breaker->open_for);
    plan_check_text(check, &breaker->min_calls);
    plan_check_text(check, &breaker->when_open);
    plan_check_text(check, &breaker->slow_call);
}

/* Only what it makes is planned: what else it says may speak of stages that are not in the slice.
 */
static bool plan_is_outline(const struct plan_build *build, uint32_t stage)
{
    const struct plan_slice *slice = build->slice;
    bool outline = slice != NULL;

    for (uint32_t i = outline ? slice->first[stage] : 0; outline && i < slice->first[stage + 1];
         i++) {
        outline = slice->outline[i] != 0;
    }
    return outline;
}

/* The stage has what decides the flag. */
static void plan_check_variant_flag(struct plan_check *check, const struct m_variant *variant)
{
    const struct m_flag *flag;
    struct expr_answer answer = {.reason = STR_NONE};

    if (plan_find_flag(&check->scope, variant->flag->name, &check->build->scratch, &flag,
                       &answer) != EXPR_FOUND) {
        diag_error(check->build->diags, variant->span, NULL, "flag '%.*s' of variant '%.*s' %.*s",
                   STR_ARG(variant->flag->name), STR_ARG(variant->name), STR_ARG(answer.reason));
    }
}

static void plan_check_variants(struct plan_check *check, const struct m_stage *stage)
{
    const struct m_variants *variants = stage->settings->variants;

    for (uint32_t i = 0; variants != NULL && i < variants->count; i++) {
        plan_check_variant_flag(check, &variants->items[i]);
        plan_check_rest(check, &variants->items[i].stage);
    }
}

void plan_check_names(struct plan_build *build)
{
    struct plan_check check = {build, {.plan = build->plan}};

    for (uint32_t i = 0; i < build->manifest->pool_count; i++) {
        plan_check_text(&check, &build->manifest->pools[i].slots);
    }
    for (uint32_t i = 0; i < build->manifest->breaker_count; i++) {
        plan_check_breaker(&check, &build->manifest->breakers[i]);
    }
    for (uint32_t i = 0; i < build->manifest->stage_count; i++) {
        check.scope.stage = &build->manifest->stages[i];
        plan_check_matrix(&check, check.scope.stage);
        if (plan_is_outline(build, i)) {
            continue;
        }
        plan_check_files(&check, check.scope.stage);
        plan_check_rest(&check, check.scope.stage);
        plan_check_checks(&check, &check.scope.stage->settings->validate);
        plan_check_checks(&check, &check.scope.stage->settings->gate);
        plan_check_variants(&check, check.scope.stage);
    }
}
