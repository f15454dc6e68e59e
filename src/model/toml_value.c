/* Owns values that hold values: arrays and inline tables, and which reader a value needs. */
#include "model/toml_parser.h"

#include <string.h>

#include "base/limits.h"

/* Goes one bracket deeper; false (reported) when that is too deep. */
static bool toml_nest(struct toml_parser *p, uint32_t depth)
{
    if (depth > LIMIT_TOML_DEPTH) {
        diag_error(p->diags, toml_span(p, p->at, p->at + 1), NULL,
                   "values are nested deeper than %d", LIMIT_TOML_DEPTH);
        return false;
    }
    p->nesting++;
    p->at++;
    return true;
}

static void toml_unnest(struct toml_parser *p)
{
    p->nesting--;
    p->at++;
}

/* What stands where a value, a comma or the closing bracket should be. If the bracket was opened on
 * another line, that place is told too: the fault may well be a bracket that was never closed. */
static bool toml_unclosed(struct toml_parser *p, const char *opened, const char *expected)
{
    toml_unexpected(p, expected);
    if (memchr(opened, '\n', (size_t)(p->at - opened)) != NULL) {
        struct str place =
            diags_place_text(p->diags, &p->diags->arena, toml_span(p, opened, opened + 1));

        diag_hint(p->diags, "'%c' was opened at %.*s", *opened, STR_ARG(place));
    }
    return false;
}

/* What an array has collected since `base` moves to the arena. */
static void toml_close_array(struct toml_parser *p, struct toml_array *array, size_t base)
{
    size_t count = p->items.count - base;

    array->count = (uint32_t)count;
    /* Not NULL even when empty, so that a walk may add 0 to it. */
    array->items = ARENA_ARRAY(p->arena, struct toml_value, count);
    if (count != 0) {
        memcpy(array->items, p->items.items + base, count * sizeof(*array->items));
    }
    p->items.count = base;
    toml_unnest(p);
}

static bool toml_read_array(struct toml_parser *p, struct toml_value *value, uint32_t depth)
{
    const char *opened = p->at;
    size_t base = p->items.count;
    struct toml_value item;

    value->kind = TOML_ARRAY;
    if (!toml_nest(p, depth)) {
        return false;
    }
    while (toml_skip_space(p)) {
        if (toml_next_is(p, ']')) {
            toml_close_array(p, &value->array, base);
            return true;
        }
        if (p->at == p->end) {
            return toml_unclosed(p, opened, "a value or ']'");
        }
        if (!toml_read_value(p, &item, depth + 1)) {
            return false;
        }
        VEC_PUSH(&p->items, item);
        if (!toml_skip_space(p)) {
            return false;
        }
        if (toml_next_is(p, ',')) {
            p->at++;
        } else if (!toml_next_is(p, ']')) {
            return toml_unclosed(p, opened, "',' or ']' in the array");
        }
    }
    return false;
}

static bool toml_read_inline_table(struct toml_parser *p, struct toml_value *value, uint32_t depth)
{
    const char *opened = p->at;

    value->kind = TOML_TABLE;
    value->table = toml_table_new(p->arena, TOML_ORIGIN_INLINE, depth);
    if (!toml_nest(p, depth)) {
        return false;
    }
    while (toml_skip_space(p)) {
        if (toml_next_is(p, '}')) {
            toml_unnest(p);
            return true;
        }
        if (p->at == p->end) {
            return toml_unclosed(p, opened, "a key or '}'");
        }
        if (!toml_read_pair(p, value->table) || !toml_skip_space(p)) {
            return false;
        }
        if (toml_next_is(p, ',')) {
            p->at++;
        } else if (!toml_next_is(p, '}')) {
            return toml_unclosed(p, opened, "',' or '}' in the inline table");
        }
    }
    return false;
}

static bool toml_read_kind(struct toml_parser *p, struct toml_value *value, uint32_t depth)
{
    switch (toml_peek(p)) {
    case '"':
    case '\'':
        value->kind = TOML_STRING;
        return toml_read_string(p, &value->string);
    case '[':
        return toml_read_array(p, value, depth);
    case '{':
        return toml_read_inline_table(p, value, depth);
    default:
        return toml_read_word(p, value);
    }
}

bool toml_read_value(struct toml_parser *p, struct toml_value *value, uint32_t depth)
{
    const char *from = p->at;

    *value = (struct toml_value){0};
    if (!toml_read_kind(p, value, depth)) {
        return false;
    }
    value->span = toml_span(p, from, p->at);
    return true;
}
