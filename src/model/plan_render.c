/* Owns the rendering of a stage's texts while planning, and how what goes wrong is said: at the
 * place of the expression, with the instance where the stage has several. */
#include "model/plan_build.h"

#include "base/limits.h"

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

    if (template_is_literal(text, out)) {
        return true;
    }
    strbuf_clear(&build->text);
    if (!template_render_to(text, &env, &build->scratch, &build->text, &error)) {
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

/* --- texts of axes --- */

struct plan_cutter {
    struct plan_build *build;
    const struct plan_scope *scope;
    VEC(struct plan_piece) pieces;
};

static bool plan_cut(void *ctx, struct str literal, const struct expr_name *name)
{
    struct plan_cutter *cutter = ctx;
    struct plan_piece piece = {.text = literal, .axis = PLAN_NONE};

    if (name != NULL) {
        piece.axis = plan_name_axis(cutter->scope, name, &cutter->build->scratch);
        if (piece.axis == PLAN_NONE) {
            return false;
        }
    }
    VEC_PUSH(&cutter->pieces, piece);
    return true;
}

struct plan_pieces plan_pieces_of(struct plan_build *build, const struct plan_scope *scope,
                                  const struct m_text *text)
{
    struct plan_cutter cutter = {.build = build, .scope = scope};
    struct plan_pieces pieces = {.count = 0};

    if (template_parts(text, plan_cut, &cutter)) {
        pieces.count = (uint32_t)cutter.pieces.count;
        pieces.items = VEC_DUP(&cutter.pieces, build->arena);
    }
    VEC_FREE(&cutter.pieces);
    return pieces;
}

/* Only numbers and texts without a NUL; where nothing comes of it, the error is the template's. */
bool plan_render_pieces(struct plan_build *build, const struct plan_instance *inst,
                        const struct plan_pieces *pieces, struct str *out)
{
    char digits[STR_INT_BYTES];

    strbuf_clear(&build->text);
    for (uint32_t i = 0; i < pieces->count; i++) {
        struct str text = pieces->items[i].text;

        if (pieces->items[i].axis != PLAN_NONE) {
            const struct value *value = &inst->axes[pieces->items[i].axis];

            text = value_text_near(value, &build->scratch, digits);
            if (value->kind != VALUE_INT &&
                (value->kind != VALUE_STRING || str_find(text, '\0') >= 0)) {
                return false;
            }
        }
        if (text.len > LIMIT_PATH_BYTES - build->text.len) {
            return false;
        }
        strbuf_add_str(&build->text, text);
    }
    *out = strbuf_str(&build->text);
    return out->len != 0;
}
