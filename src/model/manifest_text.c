/* Owns texts: strings and bare scalars of the document as `struct m_text`, the types that a
 * constant text can be checked for at once, and the form of messages. */
#include "model/manifest_read.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>

#include "base/units.h"
#include "model/number.h"

static void m_owner_add(struct strbuf *out, const struct m_owner *owner)
{
    strbuf_puts(out, owner->kind);
    if (owner->name.len != 0) {
        strbuf_printf(out, " '%.*s'", STR_ARG(owner->name));
    }
    if (owner->outer != NULL) {
        strbuf_puts(out, " of ");
        m_owner_add(out, owner->outer);
    }
}

struct str m_owner_text(struct m_reader *reader, const struct m_owner *owner)
{
    struct strbuf out = {0};
    struct str text;

    m_owner_add(&out, owner);
    text = strbuf_dup(&out, &reader->diags->arena);
    strbuf_fini(&out);
    return text;
}

void m_error(struct m_reader *reader, struct span span, const char *hint, struct str key,
             const char *format, ...)
{
    struct strbuf out = {0};
    va_list args;

    strbuf_printf(&out, "'%.*s' in ", STR_ARG(key));
    m_owner_add(&out, reader->owner);
    strbuf_putc(&out, ' ');
    va_start(args, format);
    strbuf_vprintf(&out, format, args);
    va_end(args);
    diag_error(reader->diags, span, hint, "%s", out.data);
    strbuf_fini(&out);
}

void m_error_kind(struct m_reader *reader, const struct toml_value *value, struct str key,
                  const char *expected, const char *hint)
{
    m_error(reader, value->span, hint, key, "must be %s, not %s", expected,
            toml_kind_name(value->kind));
}

/* Most strings have no escapes: then the content is what is between two quotes. */
struct span m_content_span(const struct m_reader *reader, const struct toml_value *value)
{
    struct span span = value->span;

    if (span.len == value->string.len + 2) {
        return (struct span){span.offset + 1, span.len - 2, span.source};
    }
    if (span.source == 0 || span.source > reader->diags->source_count) {
        return span;
    }
    return toml_string_span(reader->diags->sources[span.source - 1].text, value, 0,
                            value->string.len);
}

bool m_text_constant(const struct m_text *text, struct str *constant)
{
    return text->given && template_is_literal(text, constant);
}

bool m_text_made(struct m_reader *reader, struct str made, struct span span, struct m_text *text)
{
    *text = (struct m_text){.span = span, .text = made};
    return template_parse(&reader->templates, text, span, TEMPLATE_TEXT, STR_NONE, reader->diags);
}

/* Reads a value known to be a string. */
static bool m_text_parse(struct m_reader *reader, struct str key, const struct toml_value *value,
                         enum template_use use, struct m_text *text)
{
    if (reader->plain && str_find_str(value->string, STR("{{")) >= 0) {
        m_error(reader, value->span, "templates are for stages, pools and axes", key,
                "cannot hold a template");
        return false;
    }
    *text = (struct m_text){.span = value->span, .text = value->string};
    return template_parse(&reader->templates, text, m_content_span(reader, value), use,
                          use == TEMPLATE_SHELL ? reader->shell : STR_NONE, reader->diags);
}

bool m_text_string(struct m_reader *reader, struct str key, const struct toml_value *value,
                   enum template_use use, struct m_text *text)
{
    if (value->kind != TOML_STRING) {
        m_error_kind(reader, value, key, "a string", NULL);
        return false;
    }
    return m_text_parse(reader, key, value, use, text);
}

bool m_text_filled(struct m_reader *reader, struct str key, const struct toml_value *value,
                   enum template_use use, struct m_text *text)
{
    if (value->kind == TOML_STRING && value->string.len == 0) {
        m_error(reader, value->span, NULL, key, "must not be empty");
        return false;
    }
    return m_text_string(reader, key, value, use, text);
}

static struct str m_float_text(struct m_reader *reader, double number)
{
    struct strbuf out = {0};
    struct str text;

    number_render_float(number, &out);
    text = strbuf_dup(&out, reader->arena);
    strbuf_fini(&out);
    return text;
}

bool m_text_scalar(struct m_reader *reader, struct str key, const struct toml_value *value,
                   struct m_text *text, enum value_kind *kind)
{
    enum value_kind unused = VALUE_STRING;

    kind = kind != NULL ? kind : &unused;
    if (value->kind == TOML_STRING) {
        *kind = VALUE_STRING;
        return m_text_parse(reader, key, value, TEMPLATE_TEXT, text);
    }
    if (value->kind == TOML_INTEGER) {
        *kind = VALUE_INT;
        return m_text_made(reader, str_printf(reader->arena, "%" PRId64, value->integer),
                           value->span, text);
    }
    if (value->kind == TOML_BOOLEAN) {
        *kind = VALUE_BOOL;
        return m_text_made(reader, value->boolean ? STR("true") : STR("false"), value->span, text);
    }
    if (value->kind == TOML_FLOAT && isfinite(value->real)) {
        *kind = VALUE_FLOAT;
        return m_text_made(reader, m_float_text(reader, value->real), value->span, text);
    }
    if (value->kind == TOML_FLOAT) {
        m_error(reader, value->span, NULL, key, "must be finite");
    } else {
        m_error_kind(reader, value, key, "a string, a number or a boolean", NULL);
    }
    return false;
}

/* A string where another type is meant: fine as a template, else false (reported). */
static bool m_text_template(struct m_reader *reader, struct str key, const struct toml_value *value,
                            const char *expected, const char *hint, struct m_text *text)
{
    struct str constant;

    if (value->kind != TOML_STRING) {
        m_error_kind(reader, value, key, expected, hint);
        return false;
    }
    if (!m_text_parse(reader, key, value, TEMPLATE_TEXT, text)) {
        return false;
    }
    if (m_text_constant(text, &constant)) {
        text->given = false;
        m_error_kind(reader, value, key, expected, hint);
        return false;
    }
    return true;
}

bool m_text_integer(struct m_reader *reader, struct str key, const struct toml_value *value,
                    int64_t least, int64_t most, struct m_text *text)
{
    if (value->kind != TOML_INTEGER) {
        return m_text_template(reader, key, value, "an integer",
                               value->kind == TOML_STRING ? "write it without quotes" : NULL, text);
    }
    if (value->integer < least || value->integer > most) {
        m_error(reader, value->span, NULL, key, "must be from %" PRId64 " to %" PRId64, least,
                most);
        return false;
    }
    return m_text_scalar(reader, key, value, text, NULL);
}

bool m_text_share(struct m_reader *reader, struct str key, const struct toml_value *value,
                  struct m_text *text)
{
    double number = value->kind == TOML_INTEGER ? (double)value->integer : value->real;

    if (value->kind != TOML_INTEGER && value->kind != TOML_FLOAT) {
        return m_text_template(reader, key, value, "a number",
                               value->kind == TOML_STRING ? "write it without quotes" : NULL, text);
    }
    if (!(number > 0 && number <= 1)) {
        m_error(reader, value->span, NULL, key, "must be above 0 and at most 1");
        return false;
    }
    return m_text_scalar(reader, key, value, text, NULL);
}

bool m_plain_string(struct m_reader *reader, struct str key, const struct toml_value *value,
                    struct str *text)
{
    if (value->kind != TOML_STRING) {
        m_error_kind(reader, value, key, "a string",
                     value->kind == TOML_INTEGER || value->kind == TOML_FLOAT ? "write it in quotes"
                                                                              : NULL);
    } else if (value->string.len == 0) {
        m_error(reader, value->span, NULL, key, "must not be empty");
    } else if (str_find_str(value->string, STR("{{")) >= 0) {
        m_error(reader, value->span, "templates are for stages, pools and axes", key,
                "cannot hold a template");
    } else {
        *text = value->string;
        return true;
    }
    return false;
}

bool m_plain_bool(struct m_reader *reader, struct str key, const struct toml_value *value,
                  bool *truth)
{
    if (value->kind != TOML_BOOLEAN) {
        m_error_kind(reader, value, key, "true or false",
                     value->kind == TOML_STRING ? "write it without quotes" : NULL);
        return false;
    }
    *truth = value->boolean;
    return true;
}

void m_list_strings(struct m_reader *reader, struct str key, const struct toml_value *value,
                    enum template_use use, struct m_list *list)
{
    *list = (struct m_list){.given = true};
    if (value->kind != TOML_ARRAY) {
        m_error_kind(reader, value, key, "an array of strings",
                     value->kind == TOML_STRING ? "write it in [ ]" : NULL);
        return;
    }
    list->items = ARENA_ARRAY(reader->arena, struct m_text, value->array.count);
    TOML_ITEMS(item, &value->array)
    {
        if (item->kind != TOML_STRING) {
            m_error(reader, item->span, "write it in quotes", key,
                    "holds %s where a string is expected", toml_kind_name(item->kind));
        } else if (m_text_filled(reader, key, item, use, &list->items[list->count])) {
            list->count++;
        }
    }
}

/* --- readers of keys --- */

void m_key_text(struct m_reader *reader, const struct manifest_key_row *row,
                const struct toml_entry *entry, void *into)
{
    m_text_string(reader, entry->key, &entry->value, TEMPLATE_TEXT,
                  (struct m_text *)((char *)into + row->at));
}

static void m_text_duration(struct m_reader *reader, const struct toml_entry *entry, bool zero,
                            struct m_text *text)
{
    const struct toml_value *value = &entry->value;
    enum units_problem problem;
    struct str constant;
    int64_t duration_ns;

    if (value->kind != TOML_STRING) {
        m_error_kind(reader, value, entry->key, "a duration",
                     "a duration has a unit, as in \"90s\"");
        return;
    }
    if (!m_text_parse(reader, entry->key, value, TEMPLATE_TEXT, text) ||
        !m_text_constant(text, &constant)) {
        return;
    }
    problem = duration_parse(constant, &duration_ns);
    if (problem != UNITS_FINE) {
        m_error(reader, value->span, NULL, entry->key, "is no duration: %s",
                duration_problem(problem));
    } else if (duration_ns == 0 && !zero) {
        m_error(reader, value->span, NULL, entry->key, "must be longer than nothing");
    }
}

void m_key_duration(struct m_reader *reader, const struct manifest_key_row *row,
                    const struct toml_entry *entry, void *into)
{
    m_text_duration(reader, entry, false, (struct m_text *)((char *)into + row->at));
}

void m_key_grace(struct m_reader *reader, const struct manifest_key_row *row,
                 const struct toml_entry *entry, void *into)
{
    m_text_duration(reader, entry, true, (struct m_text *)((char *)into + row->at));
}

void m_key_size(struct m_reader *reader, const struct manifest_key_row *row,
                const struct toml_entry *entry, void *into)
{
    const struct toml_value *value = &entry->value;
    struct m_text *text = (struct m_text *)((char *)into + row->at);
    enum units_problem problem;
    struct str constant;
    int64_t size_bytes;

    if (value->kind != TOML_STRING) {
        m_error_kind(reader, value, entry->key, "a size", "a size has a unit, as in \"2G\"");
        return;
    }
    if (!m_text_parse(reader, entry->key, value, TEMPLATE_TEXT, text) ||
        !m_text_constant(text, &constant)) {
        return;
    }
    problem = size_parse(constant, &size_bytes);
    if (problem != UNITS_FINE) {
        m_error(reader, value->span, NULL, entry->key, "is no size: %s", size_problem(problem));
    } else if (size_bytes == 0) {
        m_error(reader, value->span, NULL, entry->key, "must be more than nothing");
    }
}

void m_key_text_bool(struct m_reader *reader, const struct manifest_key_row *row,
                     const struct toml_entry *entry, void *into)
{
    struct m_text *text = (struct m_text *)((char *)into + row->at);

    if (entry->value.kind == TOML_BOOLEAN) {
        m_text_scalar(reader, entry->key, &entry->value, text, NULL);
        return;
    }
    m_text_template(reader, entry->key, &entry->value, "true or false",
                    entry->value.kind == TOML_STRING ? "write it without quotes" : NULL, text);
}

void m_key_bool(struct m_reader *reader, const struct manifest_key_row *row,
                const struct toml_entry *entry, void *into)
{
    m_plain_bool(reader, entry->key, &entry->value, (bool *)((char *)into + row->at));
}

void m_key_plain(struct m_reader *reader, const struct manifest_key_row *row,
                 const struct toml_entry *entry, void *into)
{
    m_plain_string(reader, entry->key, &entry->value, (struct str *)((char *)into + row->at));
}
