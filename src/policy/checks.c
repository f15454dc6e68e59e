/* Owns the verdict of an expression, and what a verdict means. */
#include "policy/checks.h"

#include "base/mem.h"

/* --- what it sees --- */

struct check_look {
    const struct expr_env *env;
    struct arena *arena;
    struct check_verdict *verdict;
    struct strbuf saw; /* "sharpe = 0.61, historical.sharpe = 1.02" */
    uint32_t cap;
};

static bool check_saw(const struct check_look *look, struct str name)
{
    for (uint32_t i = 0; i < look->verdict->values.count; i++) {
        if (str_equal(look->verdict->values.items[i].name, name)) {
            return true;
        }
    }
    return false;
}

static void check_see(struct check_look *look, struct str name, const struct value *value)
{
    struct event_pairs *values = &look->verdict->values;
    struct strbuf text = {0};

    if (check_saw(look, name)) {
        return;
    }
    value_show(value, &text);
    strbuf_printf(&look->saw, "%s%.*s = %s", values->count != 0 ? ", " : "", STR_ARG(name),
                  text.data);
    if (values->count == look->cap) {
        struct event_pair *more;

        look->cap = look->cap * 2 + 4;
        more = ARENA_ARRAY(look->arena, struct event_pair, look->cap);
        for (uint32_t i = 0; i < values->count; i++) {
            more[i] = values->items[i];
        }
        values->items = more;
    }
    values->items[values->count++] =
        (struct event_pair){str_dup(look->arena, name), strbuf_dup(&text, look->arena)};
    strbuf_fini(&text);
}

/* Why a name has no value. */
static struct str check_fault(struct check_look *look, struct str name, enum expr_lookup lookup,
                              const struct expr_answer *answer)
{
    const char *blank = answer->reason.len != 0 ? " " : "";

    switch (lookup) {
    case EXPR_FOUND:
        break;
    case EXPR_UNKNOWN:
        return str_printf(look->arena, "'%.*s' is unknown", STR_ARG(name));
    case EXPR_MISSING:
        if (answer->reason.len == 0) {
            return str_printf(look->arena, "'%.*s' is missing", STR_ARG(name));
        }
        return str_printf(look->arena, "'%.*s' is missing: %.*s", STR_ARG(name),
                          STR_ARG(answer->reason));
    case EXPR_REFUSED:
        break;
    }
    return str_printf(look->arena, "'%.*s'%s%.*s", STR_ARG(name), blank, STR_ARG(answer->reason));
}

static bool check_look_at(void *ctx, const struct expr_name *name, bool in_default)
{
    struct check_look *look = ctx;
    struct expr_answer answer = {.reason = STR_NONE};
    enum expr_lookup lookup = look->env->lookup(look->env->ctx, name, look->arena, &answer);

    if (lookup == EXPR_FOUND) {
        check_see(look, name->text, &answer.value);
        return true;
    }
    if (!in_default && look->verdict->reason.len == 0) {
        look->verdict->reason = check_fault(look, name->text, lookup, &answer);
    }
    return true; /* all that was seen is told */
}

/* --- the verdict --- */

static void check_take_wanted(const struct expr *expr, const struct expr_env *env,
                              struct arena *arena, struct check_verdict *verdict)
{
    struct strbuf text = {0};

    expr_wanted(expr, env, arena, &text);
    verdict->wanted = strbuf_dup(&text, arena);
    strbuf_fini(&text);
}

static void check_take_reason(struct check_look *look)
{
    struct check_verdict *verdict = look->verdict;

    if (verdict->reason.len == 0) {
        verdict->reason = look->saw.len != 0 ? strbuf_dup(&look->saw, look->arena)
                                             : STR("it is false whatever the result is");
    } else if (look->saw.len != 0) {
        verdict->reason = str_printf(look->arena, "%.*s (%.*s)", STR_ARG(verdict->reason),
                                     STR_ARG(strbuf_str(&look->saw)));
    }
}

void check_judge(const struct expr *expr, const struct expr_env *env, struct arena *arena,
                 struct check_verdict *verdict)
{
    struct check_look look = {.env = env, .arena = arena, .verdict = verdict};
    struct expr_error error;
    bool truth = false;

    *verdict = (struct check_verdict){.passed = false};
    if (!expr_names_in(expr, env, arena, check_look_at, &look, &error)) {
        verdict->reason = error.text;
    } else if (verdict->reason.len == 0) {
        if (!expr_eval_bool(expr, env, arena, &truth, &error)) {
            verdict->reason = error.text;
        } else if (!truth) {
            check_take_wanted(expr, env, arena, verdict);
        }
    }
    verdict->passed = truth;
    if (!truth) {
        check_take_reason(&look);
    }
    strbuf_fini(&look.saw);
}

/* --- what follows --- */

enum check_weight check_weigh(bool passed, enum check_kind kind, bool warn, bool lenient)
{
    if (passed) {
        return CHECK_PASSES;
    }
    return warn || (lenient && kind == CHECK_VALIDATE) ? CHECK_WARNS : CHECK_REFUSES;
}

enum event_type check_event(enum check_kind kind, enum check_weight weight)
{
    if (weight == CHECK_WARNS) {
        return EVENT_CHECK_WARNED;
    }
    return kind == CHECK_GATE ? EVENT_GATE_REFUSED : EVENT_VALIDATION_FAILED;
}

enum cause check_cause(enum check_kind kind)
{
    return kind == CHECK_GATE ? CAUSE_GATE : CAUSE_VALIDATION;
}
