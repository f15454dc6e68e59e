/* Owns the choice of variants, and the value of `flag.NAME`.
 *
 * The choice is made once names of instances are known and before anything else of them is: what a
 * variant replaces is rendered, limited and put into keys as if the stage had said it. */
#include "model/plan_build.h"

#include "base/suggest.h"
#include "model/flag.h"

/* --- what was chosen --- */

const struct m_variant *plan_variant(const struct plan *plan, const struct plan_instance *inst)
{
    return inst->variant != 0
               ? &plan->stages[inst->stage.n].source->settings->variants->items[inst->variant - 1]
               : NULL;
}

const struct m_stage *plan_source(const struct plan *plan, const struct plan_instance *inst)
{
    return inst->variant != 0 && inst->left == PLAN_STAYS ? &plan_variant(plan, inst)->stage
                                                          : plan->stages[inst->stage.n].source;
}

bool plan_may_run(const struct plan *plan, const struct plan_instance *inst, uint32_t variant)
{
    const struct m_settings *settings = plan->stages[inst->stage.n].source->settings;

    if (inst->variant != 0) {
        return inst->variant == variant + 1;
    }
    return settings->each != NULL && plan_variant_is_of_items(&settings->variants->items[variant]);
}

bool plan_may_run_own(const struct plan *plan, const struct plan_instance *inst)
{
    return inst->variant == 0 || inst->left != PLAN_STAYS || plan_may_leave(plan, inst);
}

bool plan_may_leave(const struct plan *plan, const struct plan_instance *inst)
{
    const struct m_variant *variant = plan_variant(plan, inst);

    return variant != NULL && inst->left == PLAN_STAYS && (variant->fallback || variant->breaks);
}

/* --- flags --- */

/* Names that `by` knows in this stage: params and axes. */
struct plan_by {
    struct plan_scope scope;
    struct arena *arena;
    struct str unknown;
};

static bool plan_by_knows(void *ctx, const struct expr_name *name, bool in_default)
{
    struct plan_by *by = ctx;
    struct expr_answer answer;
    enum expr_lookup lookup;

    (void)in_default;
    if (plan_name_is_known(&by->scope, name, by->arena, &lookup, &answer)) {
        return true;
    }
    by->unknown = name->text;
    return false;
}

static struct plan_scope plan_by_scope(const struct plan_scope *scope)
{
    return (struct plan_scope){
        .plan = scope->plan, .stage = scope->stage, .inst = scope->inst, .phase = PLAN_PHASE_WHEN};
}

enum expr_lookup plan_find_flag(const struct plan_scope *scope, struct str name,
                                struct arena *arena, const struct m_flag **flag,
                                struct expr_answer *answer)
{
    const struct manifest *manifest = scope->plan->manifest;
    struct plan_by by = {.scope = plan_by_scope(scope), .arena = arena};
    struct suggest suggest;

    *flag = manifest_flag(manifest, name);
    if (*flag != NULL && ((*flag)->by == NULL || expr_names((*flag)->by, plan_by_knows, &by))) {
        return EXPR_FOUND;
    }
    if (*flag != NULL) {
        answer->reason = str_printf(arena, "is decided by '%.*s', which stage '%.*s' does not have",
                                    STR_ARG(by.unknown), STR_ARG(scope->stage->name));
        return EXPR_REFUSED;
    }
    suggest_init(&suggest, name);
    for (uint32_t i = 0; i < manifest->flag_count; i++) {
        suggest_offer(&suggest, manifest->flags[i].name);
    }
    answer->hint = suggest.best.len != 0
                       ? str_printf(arena, "did you mean 'flag.%.*s'?", STR_ARG(suggest.best))
                       : STR("add it to [flags]");
    return EXPR_UNKNOWN;
}

/* The unit that the flag decides for; false: `error`. */
static bool plan_flag_unit(const struct plan_scope *scope, const struct m_flag *flag,
                           struct arena *arena, struct str *unit, struct expr_error *error)
{
    struct plan_scope by = plan_by_scope(scope);
    struct expr_env env = plan_scope_env(&by);
    struct strbuf text = {0};
    struct value value;

    *unit = scope->inst->name;
    if (flag->by == NULL) {
        return true;
    }
    if (!expr_eval(flag->by, &env, arena, &value, error)) {
        return false;
    }
    if (!value_render(&value, &text)) {
        value_show(&value, &text);
    }
    *unit = strbuf_dup(&text, arena);
    strbuf_fini(&text);
    return true;
}

static bool plan_flag_decide(const struct plan_scope *scope, const struct m_flag *flag,
                             struct arena *arena, bool *on, struct expr_error *error)
{
    struct str unit = STR("");

    if (!flag_is_settled(flag) && !plan_flag_unit(scope, flag, arena, &unit, error)) {
        return false;
    }
    *on = flag_is_on(flag, unit);
    return true;
}

enum expr_lookup plan_flag_value(const struct plan_scope *scope, const struct expr_name *name,
                                 struct arena *arena, struct expr_answer *answer)
{
    struct expr_error error;
    bool on;

    if (!plan_flag_decide(scope, manifest_flag(scope->plan->manifest, name->member), arena, &on,
                          &error)) {
        answer->reason =
            str_printf(arena, "cannot be decided: in its 'by', %.*s", STR_ARG(error.text));
        return EXPR_REFUSED;
    }
    answer->value = value_bool(on);
    return EXPR_FOUND;
}

/* --- the choice --- */

static bool plan_choose(struct plan_build *build, struct plan_scope *scope,
                        struct plan_instance *inst)
{
    const struct m_variants *variants = scope->stage->settings->variants;
    struct expr_error error;
    bool on = false;

    scope->inst = inst;
    arena_reset(&build->scratch);
    for (uint32_t i = 0; i < variants->count && !on; i++) {
        if (scope->stage->settings->each != NULL && plan_variant_is_of_items(&variants->items[i])) {
            continue;
        }
        if (!plan_flag_decide(scope, variants->items[i].flag, &build->scratch, &on, &error)) {
            plan_report(build, scope, &error);
            return false;
        }
        inst->variant = on ? (uint16_t)(i + 1) : 0;
    }
    return true;
}

static void plan_choose_of_stage(struct plan_build *build, const struct plan_stage *stage)
{
    struct plan_scope scope = {
        .plan = build->plan, .stage = stage->source, .phase = PLAN_PHASE_WHEN};
    struct plan_instance *instances = build->plan->instances + stage->instances_first;

    for (uint32_t i = 0; i < stage->instance_count; i++) {
        if (!instances[i].outline && !plan_choose(build, &scope, &instances[i])) {
            return;
        }
    }
}

void plan_choose_variants(struct plan_build *build)
{
    for (uint32_t i = 0; i < build->plan->stage_count; i++) {
        if (build->plan->stages[i].source->settings->variants != NULL) {
            plan_choose_of_stage(build, &build->plan->stages[i]);
        }
    }
}
