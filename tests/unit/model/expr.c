/* Expressions against the tables in testdata/expr: lines `expression => value` and
 * `expression !! column: error`, where the column is the error's first byte, from 1, and a hint
 * follows in parentheses. The names that the tables use are in `names`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/expr.h"

static const struct value three[] = {
    {.kind = VALUE_INT, .integer = 1},
    {.kind = VALUE_INT, .integer = 2},
    {.kind = VALUE_FLOAT, .number = 4.5},
};
static const struct value files[] = {
    {.kind = VALUE_STRING, .is_path = true, .text = {"out/a b.csv", 11}},
    {.kind = VALUE_STRING, .is_path = true, .text = {"-x.tar.gz", 9}},
};

static bool known(const struct expr_name *name, struct arena *arena, struct value *value)
{
    if (name->kind == EXPR_NAME_STAGE && str_is(name->stage, "fit")) {
        struct strbuf buf;
        strbuf_init(&buf);
        for (uint32_t i = 0; i < name->selector_count; i++) {
            strbuf_add_str(&buf, name->selectors[i].axis);
            strbuf_putc(&buf, '=');
            value_show(&name->selectors[i].value, &buf);
            strbuf_putc(&buf, ' ');
        }
        strbuf_add_str(&buf, name->member);
        *value = value_string(strbuf_dup(&buf, arena));
        strbuf_fini(&buf);
        return true;
    }
    if (name->kind == EXPR_NAME_STAGE && str_is(name->stage, "back-test")) {
        *value = value_float(1.25);
    } else if (name->kind == EXPR_NAME_METRIC && str_is(name->member, "p-value.low")) {
        *value = value_float(0.05);
    } else if (name->kind == EXPR_NAME_FLAG) {
        *value = value_bool(true);
    } else if (name->kind == EXPR_NAME_INPUTS && name->member.len == 0) {
        *value = value_list(files, 2);
    } else if (name->kind == EXPR_NAME_OUTPUTS && str_is(name->member, "log")) {
        *value = value_path(STR("-log"));
    } else if (str_is(name->text, "x")) {
        *value = value_int(3);
    } else if (str_is(name->text, "year")) {
        *value = value_int(2026);
    } else if (str_is(name->text, "y")) {
        *value = value_float(2.5);
    } else if (str_is(name->text, "s")) {
        *value = value_string(STR("Abc"));
    } else if (str_is(name->text, "list")) {
        *value = value_list(three, 3);
    } else if (str_is(name->text, "none")) {
        *value = value_list(NULL, 0);
    } else {
        return false;
    }
    return true;
}

static enum expr_lookup lookup(void *ctx, const struct expr_name *name, struct arena *arena,
                               struct expr_answer *answer)
{
    (void)ctx;
    if (known(name, arena, &answer->value)) {
        return EXPR_FOUND;
    }
    if (str_is(name->text, "gone")) {
        answer->reason = STR("'fit' was skipped");
        return EXPR_MISSING;
    }
    if (str_is(name->text, "later")) {
        answer->reason = STR("is not known yet in 'matrix'");
        return EXPR_REFUSED;
    }
    answer->hint = STR("did you mean 'x'?");
    return EXPR_UNKNOWN;
}

static void show_error(struct strbuf *out, struct span span, struct str text, struct str hint)
{
    strbuf_printf(out, "!! %u: %.*s", span.offset + 1, STR_ARG(text));
    if (hint.len > 0) {
        strbuf_printf(out, " (%.*s)", STR_ARG(hint));
    }
}

/* What the table should say behind the expression. */
static void outcome(struct str text, struct strbuf *out)
{
    struct arena arena;
    struct diags diags;
    struct value value;
    struct expr_error error;
    struct expr_env env = {.lookup = lookup};
    arena_init(&arena);
    diags_init(&diags);
    struct span where = {0, (uint32_t)text.len, diags_add_source(&diags, STR("t"), text)};
    const struct expr *expr = expr_parse(&arena, text, where, &diags);
    assert_int_equal(expr == NULL, diags_has_errors(&diags));
    if (expr == NULL) {
        assert_int_equal(diags.count, 1);
        show_error(out, diags.items[0].span, diags.items[0].text, diags.items[0].hint);
    } else if (expr_eval(expr, &env, &arena, &value, &error)) {
        strbuf_puts(out, "=> ");
        value_show(&value, out);
    } else {
        show_error(out, error.span, error.text, error.hint);
    }
    diags_fini(&diags);
    arena_fini(&arena);
}

static unsigned check_line(const char *path, unsigned number, struct str line)
{
    struct strbuf got;
    ptrdiff_t value = str_find_str(line, STR(" => ")), fault = str_find_str(line, STR(" !! "));
    ptrdiff_t at = value >= 0 ? value : fault;
    if (line.len == 0 || line.data[0] == '#') {
        return 0;
    }
    if (at < 0) {
        fail_msg("%s:%u: no => and no !!", path, number);
    }
    strbuf_init(&got);
    outcome(str_head(line, (size_t)at), &got);
    bool same = str_equal(strbuf_str(&got), str_skip(line, (size_t)at + 1));
    if (!same) {
        print_error("%s:%u: %.*s\n    got %s\n", path, number, STR_ARG(line), got.data);
    }
    strbuf_fini(&got);
    return same ? 0 : 1;
}

static void check_table(const char *path)
{
    char line[4096];
    unsigned number = 0, wrong = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        wrong += check_line(path, ++number, str_of(line));
    }
    fclose(file);
    assert_true(number > 10);
    assert_int_equal(wrong, 0);
}

static void test_values(void **state)
{
    (void)state;
    check_table("testdata/expr/values.txt");
}

static void test_errors(void **state)
{
    (void)state;
    check_table("testdata/expr/errors.txt");
}

static bool collect(void *ctx, const struct expr_name *name, bool in_default)
{
    struct strbuf *out = ctx;
    strbuf_printf(out, "%.*s%s;", STR_ARG(name->text), in_default ? "?" : "");
    return true;
}

static const struct expr *parse(struct arena *arena, struct str text, struct diags *diags)
{
    struct span where = {0, (uint32_t)text.len, diags_add_source(diags, STR("t"), text)};
    return expr_parse(arena, text, where, diags);
}

static void test_names(void **state)
{
    struct arena arena;
    struct diags diags;
    struct strbuf out;
    (void)state;
    arena_init(&arena);
    diags_init(&diags);
    strbuf_init(&out);
    const struct expr *expr = parse(
        &arena, STR("a + fit@year=(b - 1),r=c.m > default(metric.d, e) and not flag.f"), &diags);
    assert_non_null(expr);
    assert_true(expr_names(expr, collect, &out));
    assert_string_equal(out.data, "a;fit@year=(b - 1),r=c.m;b;c;metric.d?;e;flag.f;");
    assert_false(expr_is_constant(expr));
    assert_true(expr_is_constant(parse(&arena, STR("1 + 2"), &diags)));
    assert_true(expr_is_raw(parse(&arena, STR(" raw(x) "), &diags)));
    assert_false(expr_is_raw(parse(&arena, STR("lower(x)"), &diags)));
    strbuf_fini(&out);
    diags_fini(&diags);
    arena_fini(&arena);
}

/* Where the source text has another length, each node has the whole string's place. */
static void test_span_of_escaped_text(void **state)
{
    struct arena arena;
    struct diags diags;
    struct value value;
    struct expr_error error;
    (void)state;
    arena_init(&arena);
    diags_init(&diags);
    diags_add_source(&diags, STR("t"), STR("when = \"1 + \\u0027a'\""));
    const struct expr *expr = expr_parse(&arena, STR("1 + 'a'"), (struct span){8, 12, 1}, &diags);
    assert_non_null(expr);
    assert_false(expr_eval(expr, NULL, &arena, &value, &error));
    assert_int_equal(error.span.offset, 8);
    assert_int_equal(error.span.len, 12);
    diags_fini(&diags);
    arena_fini(&arena);
}

static void repeat(struct strbuf *out, const char *text, unsigned count)
{
    while (count-- > 0) {
        strbuf_puts(out, text);
    }
}

static bool parses(const struct strbuf *text)
{
    struct arena arena;
    struct diags diags;
    arena_init(&arena);
    diags_init(&diags);
    bool good = parse(&arena, strbuf_str(text), &diags) != NULL;
    assert_true(good != diags_has_errors(&diags));
    diags_fini(&diags);
    arena_fini(&arena);
    return good;
}

static void test_limits(void **state)
{
    struct strbuf text;
    (void)state;
    strbuf_init(&text);
    repeat(&text, "(", 199);
    strbuf_puts(&text, "1");
    repeat(&text, ")", 199);
    assert_true(parses(&text));
    strbuf_clear(&text);
    repeat(&text, "(", 60000);
    assert_false(parses(&text));
    strbuf_clear(&text);
    repeat(&text, "- ", 30000);
    strbuf_puts(&text, "x");
    assert_false(parses(&text));
    strbuf_clear(&text);
    repeat(&text, "not ", 15000);
    strbuf_puts(&text, "x");
    assert_false(parses(&text));
    strbuf_clear(&text);
    repeat(&text, "1+", 30000);
    strbuf_puts(&text, "1");
    assert_true(parses(&text)); /* a long sum is not a deep one */
    repeat(&text, "+1", 30000);
    assert_false(parses(&text));
    strbuf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_names),  cmocka_unit_test(test_span_of_escaped_text),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
