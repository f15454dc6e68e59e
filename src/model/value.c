/* Values: making, rendering, comparing. The rules of text are at the head of value.h; how a float
 * becomes text is number.c's. */
#include "model/value.h"

#include <assert.h>
#include <inttypes.h>

#include "base/mem.h"
#include "model/number.h"

enum { VALUE_SHOWN_BYTES = 60, VALUE_SHOWN_ITEMS = 8 };

struct value value_int(int64_t integer)
{
    return (struct value){.kind = VALUE_INT, .integer = integer};
}

struct value value_float(double number)
{
    return (struct value){.kind = VALUE_FLOAT, .number = number};
}

struct value value_bool(bool truth)
{
    return (struct value){.kind = VALUE_BOOL, .truth = truth};
}

struct value value_string(struct str text)
{
    return (struct value){.kind = VALUE_STRING, .text = text};
}

struct value value_path(struct str path)
{
    return (struct value){.kind = VALUE_STRING, .is_path = true, .text = path};
}

struct value value_list(const struct value *items, size_t count)
{
    return (struct value){.kind = VALUE_LIST, .list = {items, count}};
}

const char *value_kind_name(enum value_kind kind)
{
    switch (kind) {
    case VALUE_INT:
        return "an integer";
    case VALUE_FLOAT:
        return "a float";
    case VALUE_STRING:
        return "a string";
    case VALUE_BOOL:
        return "a boolean";
    case VALUE_LIST:
        return "a list";
    }
    bug("value kind %d", (int)kind);
}

bool value_render(const struct value *value, struct strbuf *out)
{
    switch (value->kind) {
    case VALUE_INT:
        strbuf_put_i64(out, value->integer);
        return true;
    case VALUE_FLOAT:
        number_render_float(value->number, out);
        return true;
    case VALUE_STRING:
        strbuf_add_str(out, value->text);
        return true;
    case VALUE_BOOL:
        strbuf_puts(out, value->truth ? "true" : "false");
        return true;
    case VALUE_LIST:
        return false;
    }
    bug("value kind %d", (int)value->kind);
}

struct str value_text(const struct value *value, struct arena *arena)
{
    char digits[STR_INT_BYTES];
    struct str text = value_text_near(value, arena, digits);
    return value->kind == VALUE_INT ? str_dup(arena, text) : text;
}

struct str value_text_near(const struct value *value, struct arena *arena,
                           char digits[static STR_INT_BYTES])
{
    if (value->kind == VALUE_STRING) {
        return value->text;
    }
    if (value->kind == VALUE_INT) {
        return str_int(value->integer, digits);
    }
    struct strbuf buf;
    strbuf_init(&buf);
    struct str text = STR_NONE;
    if (value_render(value, &buf)) {
        text = strbuf_dup(&buf, arena);
    }
    strbuf_fini(&buf);
    return text;
}

static void value_show_string(struct str text, struct strbuf *out)
{
    char quote = str_find(text, '\'') >= 0 ? '"' : '\'';
    bool cut = text.len > VALUE_SHOWN_BYTES;
    strbuf_putc(out, quote);
    strbuf_add_str(out, str_head(text, VALUE_SHOWN_BYTES));
    strbuf_puts(out, cut ? "…" : "");
    strbuf_putc(out, quote);
}

void value_show(const struct value *value, struct strbuf *out)
{
    if (value->kind == VALUE_STRING) {
        value_show_string(value->text, out);
        return;
    }
    if (value->kind != VALUE_LIST) {
        value_render(value, out);
        return;
    }
    strbuf_putc(out, '[');
    for (size_t i = 0; i < value->list.count; i++) {
        strbuf_puts(out, i > 0 ? ", " : "");
        if (i == VALUE_SHOWN_ITEMS) {
            strbuf_puts(out, "…");
            break;
        }
        value_show(&value->list.items[i], out);
    }
    strbuf_putc(out, ']');
}

bool value_is_number(const struct value *value)
{
    return value->kind == VALUE_INT || value->kind == VALUE_FLOAT;
}

double value_as_double(const struct value *value)
{
    assert(value_is_number(value));
    return value->kind == VALUE_INT ? (double)value->integer : value->number;
}

static int order_of(bool less, bool more)
{
    return less ? -1 : more ? 1 : 0;
}

static int value_compare_numbers(const struct value *a, const struct value *b)
{
    if (a->kind == VALUE_INT && b->kind == VALUE_INT) {
        return order_of(a->integer<b->integer, a->integer> b->integer);
    }
    if (a->kind == VALUE_FLOAT && b->kind == VALUE_FLOAT) {
        return order_of(a->number<b->number, a->number> b->number);
    }
    if (a->kind == VALUE_INT) {
        return number_compare_int_float(a->integer, b->number);
    }
    return -number_compare_int_float(b->integer, a->number);
}

bool value_compare(const struct value *a, const struct value *b, int *order)
{
    if (value_is_number(a) && value_is_number(b)) {
        *order = value_compare_numbers(a, b);
        return true;
    }
    if (a->kind == VALUE_STRING && b->kind == VALUE_STRING) {
        int bytes = str_compare(a->text, b->text);
        *order = order_of(bytes<0, bytes> 0);
        return true;
    }
    return false;
}

static bool value_equal_lists(const struct value *a, const struct value *b)
{
    if (a->list.count != b->list.count) {
        return false;
    }
    for (size_t i = 0; i < a->list.count; i++) {
        if (!value_equal(&a->list.items[i], &b->list.items[i])) {
            return false;
        }
    }
    return true;
}

bool value_equal(const struct value *a, const struct value *b)
{
    int order;
    if (value_compare(a, b, &order)) {
        return order == 0;
    }
    if (a->kind != b->kind) {
        return false;
    }
    return a->kind == VALUE_BOOL ? a->truth == b->truth : value_equal_lists(a, b);
}
