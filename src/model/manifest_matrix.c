/* Owns `matrix`: axes in all their forms, and `exclude`.
 *
 *   [1, 2]               the values
 *   "{{list}}"           a list that a template gives; also { values = "{{list}}" }
 *   { values = [1, 2] }  the values
 *   { from, to, step }   exact decimals, `to` included
 *   { glob = "…" }       one value for each file
 *   { lines = "…" }      one value for each line of a file
 */
#include "model/manifest_read.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/suggest.h"
#include "model/number.h"

/* --- forms of an axis --- */

static void m_axis_read_array(struct m_reader *reader, struct str key,
                              const struct toml_value *value, struct m_axis *axis)
{
    uint32_t *count = &axis->values.count;

    axis->kind = M_AXIS_VALUES;
    axis->values.given = true;
    axis->values.items = ARENA_ARRAY(reader->arena, struct m_text, value->array.count);
    axis->types = ARENA_ARRAY(reader->arena, enum value_kind, value->array.count);
    if (value->array.count == 0) {
        m_error(reader, value->span, NULL, key, "has no values");
    }
    TOML_ITEMS(item, &value->array)
    {
        *count +=
            m_text_scalar(reader, key, item, &axis->values.items[*count], &axis->types[*count]);
    }
}

static void m_axis_read_list(struct m_reader *reader, struct str key,
                             const struct toml_value *value, struct m_axis *axis)
{
    axis->kind = M_AXIS_FROM_LIST;
    if (m_text_string(reader, key, value, TEMPLATE_TEXT, &axis->source) &&
        !template_is_sole(&axis->source)) {
        m_error(reader, value->span, "write [\"…\"] for one value", key,
                "must be one template that gives a list");
    }
}

void m_key_axis_number(struct m_reader *reader, const struct manifest_key_row *row,
                       const struct toml_entry *entry, void *into)
{
    struct m_axis *axis = into;
    struct m_text *text = (struct m_text *)((char *)into + row->at);
    struct decimal decimal;
    struct str constant;

    axis->kind = M_AXIS_RANGE;
    if (entry->value.kind != TOML_INTEGER && entry->value.kind != TOML_FLOAT &&
        entry->value.kind != TOML_STRING) {
        m_error_kind(reader, &entry->value, entry->key, "a number", NULL);
        return;
    }
    if (!m_text_scalar(reader, entry->key, &entry->value, text, NULL) ||
        !m_text_constant(text, &constant)) {
        return;
    }
    if (entry->value.kind == TOML_STRING) {
        m_error_kind(reader, &entry->value, entry->key, "a number", "write it without quotes");
    } else if (!decimal_parse(constant, &decimal)) {
        m_error(reader, entry->value.span, NULL, entry->key, "has more digits than 18");
    } else if (decimal.mantissa == 0 && text == &axis->step) {
        m_error(reader, entry->value.span, NULL, entry->key, "must not be 0");
    }
}

void m_key_axis_glob(struct m_reader *reader, const struct manifest_key_row *row,
                     const struct toml_entry *entry, void *into)
{
    struct m_axis *axis = into;

    (void)row;
    axis->kind = M_AXIS_GLOB;
    m_text_filled(reader, entry->key, &entry->value, TEMPLATE_PATH, &axis->source);
}

void m_key_axis_lines(struct m_reader *reader, const struct manifest_key_row *row,
                      const struct toml_entry *entry, void *into)
{
    struct m_axis *axis = into;

    (void)row;
    axis->kind = M_AXIS_LINES;
    m_text_filled(reader, entry->key, &entry->value, TEMPLATE_PATH, &axis->source);
}

void m_key_axis_values(struct m_reader *reader, const struct manifest_key_row *row,
                       const struct toml_entry *entry, void *into)
{
    struct m_axis *axis = into;

    (void)row;
    if (entry->value.kind == TOML_ARRAY) {
        m_axis_read_array(reader, entry->key, &entry->value, axis);
    } else {
        m_axis_read_list(reader, entry->key, &entry->value, axis);
    }
}

/* Exactly one form: from and to (and step), or one of glob, lines, values. */
static void m_axis_check_form(struct m_reader *reader, const struct toml_value *value)
{
    static const char *const forms[] = {"from", "glob", "lines", "values"};
    const struct toml_table *table = value->table;
    bool range = toml_get(table, "to") != NULL || toml_get(table, "step") != NULL;
    int count = 0;

    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        count += toml_get(table, forms[i]) != NULL || (i == 0 && range);
    }
    range = range || toml_get(table, "from") != NULL;
    if (count != 1 ||
        (range && (toml_get(table, "from") == NULL || toml_get(table, "to") == NULL))) {
        struct str owner = m_owner_text(reader, reader->owner);

        diag_error(reader->diags, value->span,
                   "write { from, to }, { from, to, step }, { glob }, { lines } or { values }",
                   "%.*s has no form that is known", STR_ARG(owner));
    }
}

static void m_axis_read_table(struct m_reader *reader, const struct toml_entry *entry,
                              struct m_axis *axis)
{
    struct m_owner owner = {.kind = "axis", .name = entry->key, .outer = reader->owner};
    uint32_t before = reader->diags->errors;

    reader->owner = &owner;
    m_table_read(reader, MANIFEST_AXIS, entry->value.table, axis);
    if (reader->diags->errors == before) {
        m_axis_check_form(reader, &entry->value);
    }
    reader->owner = owner.outer;
}

static void m_axis_read(struct m_reader *reader, const struct toml_entry *entry,
                        struct m_axis *axis)
{
    struct m_owner owner = {.kind = "'matrix'", .outer = reader->owner};

    *axis = (struct m_axis){.name = entry->key, .span = entry->key_span};
    if (entry->value.kind == TOML_TABLE) {
        m_axis_read_table(reader, entry, axis);
        return;
    }
    reader->owner = &owner;
    if (entry->value.kind == TOML_ARRAY) {
        m_axis_read_array(reader, entry->key, &entry->value, axis);
    } else if (entry->value.kind == TOML_STRING) {
        m_axis_read_list(reader, entry->key, &entry->value, axis);
    } else {
        m_error_kind(reader, &entry->value, entry->key, "an array, a table or \"{{list}}\"",
                     "write one value in [ ]");
    }
    reader->owner = owner.outer;
}

static int m_axis_compare(const void *a, const void *b)
{
    return str_compare(((const struct m_axis *)a)->name, ((const struct m_axis *)b)->name);
}

/* --- exclude --- */

static bool m_exclude_axis_is_known(struct m_reader *reader, const struct m_settings *settings,
                                    const struct toml_entry *entry)
{
    struct suggest suggest;

    suggest_init(&suggest, entry->key);
    for (uint32_t i = 0; i < settings->axis_count; i++) {
        if (str_equal(settings->axes[i].name, entry->key)) {
            return true;
        }
        suggest_offer(&suggest, settings->axes[i].name);
    }
    m_error(reader, entry->key_span, NULL, STR("exclude"), "names '%.*s', which is no axis",
            STR_ARG(entry->key));
    if (suggest.best.len != 0) {
        diag_hint(reader->diags, "did you mean '%.*s'?", STR_ARG(suggest.best));
    }
    return false;
}

static size_t m_exclude_room(const struct toml_table *table)
{
    size_t room = 0;

    TOML_EACH(entry, table)
    {
        room += entry->value.kind == TOML_ARRAY ? entry->value.array.count : 1;
    }
    return room;
}

static void m_exclude_read_value(struct m_reader *reader, struct str axis,
                                 const struct toml_value *value, struct m_exclude *exclude)
{
    if (m_text_scalar(reader, STR("exclude"), value, &exclude->values[exclude->count], NULL)) {
        exclude->axes[exclude->count++] = axis;
    }
}

static void m_exclude_read_axis(struct m_reader *reader, const struct toml_entry *entry,
                                struct m_exclude *exclude)
{
    if (entry->value.kind != TOML_ARRAY) {
        m_exclude_read_value(reader, entry->key, &entry->value, exclude);
        return;
    }
    if (entry->value.array.count == 0) {
        m_error(reader, entry->value.span, NULL, STR("exclude"), "has no value for '%.*s'",
                STR_ARG(entry->key));
    }
    TOML_ITEMS(item, &entry->value.array)
    {
        m_exclude_read_value(reader, entry->key, item, exclude);
    }
}

static void m_exclude_read(struct m_reader *reader, const struct toml_value *value,
                           struct m_settings *settings)
{
    struct m_exclude *exclude = &settings->excludes[settings->exclude_count];

    if (value->kind != TOML_TABLE || value->table->count == 0) {
        m_error(reader, value->span, "as in { year = 2027, region = \"south\" }", STR("exclude"),
                "holds %s where axes with values are expected",
                value->kind == TOML_TABLE ? "an empty table" : toml_kind_name(value->kind));
        return;
    }
    exclude->span = value->span;
    exclude->axes = ARENA_ARRAY(reader->arena, struct str, m_exclude_room(value->table));
    exclude->values = ARENA_ARRAY(reader->arena, struct m_text, m_exclude_room(value->table));
    TOML_EACH(entry, value->table)
    {
        if (m_exclude_axis_is_known(reader, settings, entry)) {
            m_exclude_read_axis(reader, entry, exclude);
        }
    }
    settings->exclude_count += exclude->count != 0;
}

static void m_excludes_read(struct m_reader *reader, const struct toml_value *value,
                            struct m_settings *settings)
{
    if (value->kind != TOML_ARRAY) {
        m_error_kind(reader, value, STR("exclude"), "an array of tables",
                     value->kind == TOML_TABLE ? "write it in [ ]" : NULL);
        return;
    }
    settings->excludes = ARENA_ARRAY(reader->arena, struct m_exclude, value->array.count);
    TOML_ITEMS(item, &value->array)
    {
        m_exclude_read(reader, item, settings);
    }
}

/* --- matrix --- */

void m_key_matrix(struct m_reader *reader, const struct manifest_key_row *row,
                  const struct toml_entry *entry, void *into)
{
    struct m_settings *settings = into;
    const struct toml_value *exclude;

    (void)row;
    settings->axis_count = settings->exclude_count = 0;
    if (entry->value.kind != TOML_TABLE) {
        m_error_kind(reader, &entry->value, entry->key, "a table", "as in { year = [2026, 2027] }");
        return;
    }
    exclude = toml_get(entry->value.table, "exclude");
    if (entry->value.table->count > LIMIT_AXES + (exclude != NULL)) {
        m_error(reader, entry->value.span, NULL, entry->key, "has more than %d axes", LIMIT_AXES);
        return;
    }
    settings->axes = ARENA_ARRAY(reader->arena, struct m_axis, entry->value.table->count);
    TOML_EACH(axis, entry->value.table)
    {
        if (&axis->value != exclude &&
            m_name_check(reader, "an axis", axis->key, axis->key_span, false)) {
            m_axis_read(reader, axis, &settings->axes[settings->axis_count++]);
        }
    }
    if (settings->axis_count != 0) {
        qsort(settings->axes, settings->axis_count, sizeof(*settings->axes), m_axis_compare);
    }
    if (exclude != NULL) {
        m_excludes_read(reader, exclude, settings);
    }
}
