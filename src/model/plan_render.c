/* Owns the rendering of a stage's texts while planning, and how what goes wrong is said: at the
 * place of the expression, with the instance where the stage has several. */
#include "model/plan_build.h"

struct str plan_whose(struct plan_build *build, const struct plan_instance *inst)
{
    const struct plan_stage *stage = &build->plan->stages[inst->stage.n];

    return str_printf(&build->scratch,
                      stage->source->settings->axis_count != 0 ? "'%.*s'" : "stage '%.*s'",
                      STR_ARG(inst->name));
}

void plan_report(struct plan_build *build, const struct plan_scope *scope,
                 const struct expr_error *error)
{
    if (scope->inst != NULL && scope->stage->settings->axis_count != 0) {
        diag_error(build->diags, error->span, NULL, "%.*s (in '%.*s')", STR_ARG(error->text),
                   STR_ARG(scope->inst->name));
    } else {
        diag_error(build->diags, error->span, NULL, "%.*s", STR_ARG(error->text));
    }
    if (error->hint.len != 0) {
        diag_hint(build->diags, "%.*s", STR_ARG(error->hint));
    }
}

bool plan_render_here(struct plan_build *build, struct plan_scope *scope, const struct m_text *text,
                      struct str *out)
{
    struct expr_env env = plan_scope_env(scope);
    struct expr_error error;

    if (template_is_literal(text->tmpl, out)) {
        return true;
    }
    strbuf_clear(&build->text);
    if (!template_render_to(text->tmpl, &env, &build->scratch, &build->text, &error)) {
        plan_report(build, scope, &error);
        return false;
    }
    *out = strbuf_str(&build->text);
    return true;
}

bool plan_render(struct plan_build *build, struct plan_scope *scope, const struct m_text *text,
                 struct str *out)
{
    if (!plan_render_here(build, scope, text, out)) {
        return false;
    }
    if (out->data == build->text.data) {
        *out = strbuf_dup(&build->text, &build->scratch);
    }
    return true;
}
