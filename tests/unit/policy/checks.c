/* What expressions say of results, and what follows. */
#include "policy/checks.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/diag.h"

/* sharpe 0.61, trades 12, hist.sharpe 1.02; `nan` is missing, `text` refused. */
static enum expr_lookup look_up(void *ctx, const struct expr_name *name, struct arena *arena,
                                struct expr_answer *answer)
{
    (void)ctx;
    (void)arena;
    if (str_is(name->text, "sharpe")) {
        answer->value = value_float(0.61);
    } else if (str_is(name->text, "trades")) {
        answer->value = value_int(12);
    } else if (str_is(name->text, "hist.sharpe")) {
        answer->value = value_float(1.02);
    } else if (str_is(name->text, "index")) {
        answer->value = value_string(STR("DAX"));
    } else if (str_is(name->text, "text")) {
        answer->reason = STR("is a string, not a number");
        return EXPR_REFUSED;
    } else if (str_is(name->text, "nan")) {
        answer->reason = STR("what was given is NaN");
        return EXPR_MISSING;
    } else {
        return EXPR_MISSING;
    }
    return EXPR_FOUND;
}

struct row {
    const char *expr;
    const char *reason; /* NULL: it passes */
    const char *wanted;
};

static void verdicts(void **state)
{
    static const struct row rows[] = {
        {"sharpe > 0.5", NULL, NULL},
        {"sharpe >= 0.8 * hist.sharpe", "sharpe = 0.61, hist.sharpe = 1.02",
         "sharpe >= 0.8160000000000001"},
        {"sharpe >= 1 and trades > 3", "sharpe = 0.61, trades = 12", "sharpe >= 1"},
        {"sharpe >= 1 and trades > 20", "sharpe = 0.61, trades = 12",
         "sharpe >= 1 and trades > 20"},
        {"sharpe >= 1 or trades > 20", "sharpe = 0.61, trades = 12", "sharpe >= 1 or trades > 20"},
        {"sharpe >= 1 or trades > 2", NULL, NULL},
        {"1 <= sharpe", "sharpe = 0.61", "1 <= sharpe"},
        {"(sharpe + 1) > 2 * 2", "sharpe = 0.61", "(sharpe + 1) > 4"},
        {"not (trades > 2)", "trades = 12", "not (trades > 2)"},
        {"trades == 13", "trades = 12", "trades == 13"},
        {"abs(sharpe) > 1", "sharpe = 0.61", "abs(sharpe) > 1"},
        {"index == 'SMI'", "index = 'DAX'", "index == 'SMI'"},
        {"sharpe > sharpe", "sharpe = 0.61", "sharpe > 0.61"},
        /* What is named must be there, whatever the rest decides. */
        {"sharpe > 0.5 or none > 1", "'none' is missing (sharpe = 0.61)", ""},
        {"none > 1", "'none' is missing", ""},
        {"default(none, 2) > 1", NULL, NULL},
        {"default(none, other) > 1", "'other' is missing", ""},
        {"nan > 1", "'nan' is missing: what was given is NaN", ""},
        {"default(nan, 2) > 1", NULL, NULL},
        {"text > 1", "'text' is a string, not a number", ""},
        {"default(text, 2) > 1", "'text' is a string, not a number", ""},
        /* What goes wrong is no pass. */
        {"1 / (trades - 12) > 0", "division by zero (trades = 12)", ""},
        {"trades", "the expression must give a boolean, not an integer (trades = 12)", ""},
        {"index > 1", "'>' cannot compare a string with an integer (index = 'DAX')", ""},
        {"9223372036854775807 + trades > 0",
         "9223372036854775807 + 12 does not fit into 64 bits (trades = 12)", ""},
        {"false", "it is false whatever the result is", "false"},
        {"1 > 2", "it is false whatever the result is", "1 > 2"},
    };
    struct expr_env env = {.lookup = look_up};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct str text = str_of(rows[i].expr);
        struct check_verdict verdict;
        struct diags diags;
        struct arena arena;
        const struct expr *expr;

        arena_init(&arena);
        diags_init(&diags);
        expr = expr_parse(
            &arena, text,
            (struct span){0, (uint32_t)text.len, diags_add_source(&diags, STR("t"), text)}, &diags);
        assert_non_null(expr);
        check_judge(expr, &env, &arena, &verdict);
        assert_int_equal(verdict.passed, rows[i].reason == NULL);
        if (rows[i].reason != NULL) {
            assert_string_equal(str_dup(&arena, verdict.reason).data, rows[i].reason);
            assert_string_equal(str_dup(&arena, verdict.wanted).data, rows[i].wanted);
        }
        diags_fini(&diags);
        arena_fini(&arena);
    }
}

static void values_are_listed_once(void **state)
{
    struct str text = STR("sharpe > 1 or sharpe < 0 or trades < sharpe");
    struct expr_env env = {.lookup = look_up};
    struct check_verdict verdict;
    struct diags diags;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    diags_init(&diags);
    check_judge(expr_parse(&arena, text, SPAN_NONE, &diags), &env, &arena, &verdict);
    assert_int_equal(verdict.values.count, 2);
    assert_true(str_is(verdict.values.items[0].name, "sharpe"));
    assert_true(str_is(verdict.values.items[0].value, "0.61"));
    assert_true(str_is(verdict.values.items[1].value, "12"));
    diags_fini(&diags);
    arena_fini(&arena);
}

static void weights(void **state)
{
    (void)state;
    assert_int_equal(check_weigh(true, CHECK_GATE, true, true), CHECK_PASSES);
    assert_int_equal(check_weigh(false, CHECK_GATE, false, false), CHECK_REFUSES);
    assert_int_equal(check_weigh(false, CHECK_GATE, true, false), CHECK_WARNS);
    assert_int_equal(check_weigh(false, CHECK_GATE, false, true), CHECK_REFUSES);
    assert_int_equal(check_weigh(false, CHECK_VALIDATE, false, true), CHECK_WARNS);
    assert_int_equal(check_weigh(false, CHECK_VALIDATE, false, false), CHECK_REFUSES);
    assert_int_equal(check_event(CHECK_GATE, CHECK_REFUSES), EVENT_GATE_REFUSED);
    assert_int_equal(check_event(CHECK_VALIDATE, CHECK_REFUSES), EVENT_VALIDATION_FAILED);
    assert_int_equal(check_event(CHECK_GATE, CHECK_WARNS), EVENT_CHECK_WARNED);
    assert_int_equal(cause_status(check_cause(CHECK_GATE)), STATUS_GATE);
    assert_int_equal(cause_status(check_cause(CHECK_VALIDATE)), STATUS_VALIDATION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),
        cmocka_unit_test(values_are_listed_once),
        cmocka_unit_test(weights),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
