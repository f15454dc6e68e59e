/* Any text as an expression: it parses or has one error, evaluation ends, and a value that is text
 * as an expression reads back as itself. */
#include <assert.h>
#include <stdlib.h>

#include "model/expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum expr_lookup lookup(void *ctx, const struct expr_name *name, struct arena *arena,
                               struct expr_answer *answer)
{
    static const struct value items[] = {{.kind = VALUE_INT, .integer = -3},
                                         {.kind = VALUE_FLOAT, .number = 0.1}};
    (void)ctx, (void)arena;
    switch (name->member.len % 5) {
    case 0:
        return EXPR_MISSING;
    case 1:
        answer->value = value_int((int64_t)name->member.data[0] << 55);
        return EXPR_FOUND;
    case 2:
        answer->value = value_list(items, 2);
        return EXPR_FOUND;
    case 3:
        answer->value = value_path(name->member);
        return EXPR_FOUND;
    default:
        return EXPR_UNKNOWN;
    }
}

static bool count_name(void *ctx, const struct expr_name *name, bool in_default)
{
    (void)in_default;
    *(size_t *)ctx += name->text.len;
    return true;
}

static void check_number(struct arena *arena, struct diags *diags, const struct value *value)
{
    struct str text = value_text(value, arena);
    struct value again;
    struct expr_error error;
    const struct expr *expr = expr_parse(arena, text, SPAN_NONE, diags);
    assert(expr != NULL && expr_eval(expr, NULL, arena, &again, &error));
    assert(again.kind == value->kind && value_equal(value, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct diags diags;
    struct value value;
    struct expr_error error;
    struct expr_env env = {.lookup = lookup};
    size_t names = 0;
    struct str text = str_n((const char *)data, size);
    arena_init(&arena);
    diags_init(&diags);
    struct span where = {0, (uint32_t)size, diags_add_source(&diags, STR("t"), text)};
    const struct expr *expr = expr_parse(&arena, text, where, &diags);
    assert((expr == NULL) == diags_has_errors(&diags));
    if (expr != NULL) {
        expr_names(expr, count_name, &names);
        if (!expr_eval(expr, &env, &arena, &value, &error)) {
            assert(error.text.len > 0 && error.span.offset + error.span.len <= size);
        } else if (value_is_number(&value)) {
            check_number(&arena, &diags, &value);
        }
    }
    diags_fini(&diags);
    arena_fini(&arena);
    return 0;
}
