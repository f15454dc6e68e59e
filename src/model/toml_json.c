/* Owns the tagged JSON form of a tree, which the public conformance suite of TOML compares. */
#include "model/toml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const toml_tags[TOML_KINDS] = {
    [TOML_STRING] = "string",
    [TOML_INTEGER] = "integer",
    [TOML_FLOAT] = "float",
    [TOML_BOOLEAN] = "bool",
    [TOML_OFFSET_DATETIME] = "datetime",
    [TOML_LOCAL_DATETIME] = "datetime-local",
    [TOML_LOCAL_DATE] = "date-local",
    [TOML_LOCAL_TIME] = "time-local",
};

static void toml_dump_value(struct strbuf *out, const struct toml_value *value);

static void toml_dump_text(struct strbuf *out, struct str text)
{
    strbuf_putc(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c < 0x20 || c == 0x7f) {
            strbuf_printf(out, "\\u%04x", c);
        } else {
            if (c == '"' || c == '\\') {
                strbuf_putc(out, '\\');
            }
            strbuf_putc(out, (char)c);
        }
    }
    strbuf_putc(out, '"');
}

static void toml_dump_float(struct strbuf *out, double real)
{
    char text[32];

    if (isnan(real)) {
        strbuf_puts(out, "\"nan\"");
        return;
    }
    if (isinf(real)) {
        strbuf_puts(out, real < 0 ? "\"-inf\"" : "\"inf\"");
        return;
    }
    /* 17 digits always read back; fewer mostly do. */
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, real);
        if (strtod(text, NULL) == real) {
            break;
        }
    }
    strbuf_printf(out, "\"%s\"", text);
}

static void toml_dump_scalar(struct strbuf *out, const struct toml_value *value)
{
    switch (value->kind) {
    case TOML_STRING:
        toml_dump_text(out, value->string);
        break;
    case TOML_INTEGER:
        strbuf_printf(out, "\"%lld\"", (long long)value->integer);
        break;
    case TOML_FLOAT:
        toml_dump_float(out, value->real);
        break;
    case TOML_BOOLEAN:
        strbuf_puts(out, value->boolean ? "\"true\"" : "\"false\"");
        break;
    case TOML_OFFSET_DATETIME:
    case TOML_LOCAL_DATETIME:
    case TOML_LOCAL_DATE:
    case TOML_LOCAL_TIME:
        toml_dump_text(out, value->time);
        break;
    case TOML_ARRAY:
    case TOML_TABLE:
        break;
    }
}

static void toml_dump_table(struct strbuf *out, const struct toml_table *table)
{
    strbuf_putc(out, '{');
    TOML_EACH(entry, table)
    {
        if (entry != table->first) {
            strbuf_puts(out, ", ");
        }
        toml_dump_text(out, entry->key);
        strbuf_puts(out, ": ");
        toml_dump_value(out, &entry->value);
    }
    strbuf_putc(out, '}');
}

static void toml_dump_array(struct strbuf *out, const struct toml_array *array)
{
    strbuf_putc(out, '[');
    TOML_ITEMS(item, array)
    {
        if (item != array->items) {
            strbuf_puts(out, ", ");
        }
        toml_dump_value(out, item);
    }
    strbuf_putc(out, ']');
}

static void toml_dump_value(struct strbuf *out, const struct toml_value *value)
{
    if (value->kind == TOML_TABLE) {
        toml_dump_table(out, value->table);
    } else if (value->kind == TOML_ARRAY) {
        toml_dump_array(out, &value->array);
    } else {
        strbuf_printf(out, "{\"type\": \"%s\", \"value\": ", toml_tags[value->kind]);
        toml_dump_scalar(out, value);
        strbuf_putc(out, '}');
    }
}

void toml_dump_json(struct strbuf *out, const struct toml_value *root)
{
    toml_dump_value(out, root);
}
