/* Owns [params]: values, bounds, choices. */
#include "model/manifest_read.h"

#include <math.h>
#include <string.h>

/* --- values --- */

static bool m_value_read_scalar(struct m_reader *reader, struct str key,
                                const struct toml_value *value, struct value *out)
{
    switch (value->kind) {
    case TOML_STRING:
        if (str_find_str(value->string, STR("{{")) >= 0) {
            m_error(reader, value->span, "templates are for stages, pools and axes", key,
                    "cannot hold a template");
            return false;
        }
        *out = value_string(value->string);
        return true;
    case TOML_INTEGER:
        *out = value_int(value->integer);
        return true;
    case TOML_FLOAT:
        if (!isfinite(value->real)) {
            m_error(reader, value->span, NULL, key, "must be finite");
            return false;
        }
        *out = value_float(value->real);
        return true;
    case TOML_BOOLEAN:
        *out = value_bool(value->boolean);
        return true;
    case TOML_OFFSET_DATETIME:
    case TOML_LOCAL_DATETIME:
    case TOML_LOCAL_DATE:
    case TOML_LOCAL_TIME:
        m_error(reader, value->span, "write it in quotes", key, "cannot be %s",
                toml_kind_name(value->kind));
        return false;
    case TOML_ARRAY:
    case TOML_TABLE:
        break;
    }
    m_error(reader, value->span, NULL, key, "cannot hold %s", toml_kind_name(value->kind));
    return false;
}

bool m_value_read(struct m_reader *reader, struct str key, const struct toml_value *value,
                  struct value *out)
{
    struct value *items;
    bool fine = true;

    if (value->kind != TOML_ARRAY) {
        return m_value_read_scalar(reader, key, value, out);
    }
    items = ARENA_ARRAY(reader->arena, struct value, value->array.count);
    for (uint32_t i = 0; i < value->array.count; i++) {
        fine = m_value_read_scalar(reader, key, &value->array.items[i], &items[i]) && fine;
    }
    *out = value_list(items, value->array.count);
    return fine;
}

/* --- bounds and choices --- */

static void m_param_complain(struct m_reader *reader, const struct m_param *param,
                             const struct value *value, struct span span, struct str before,
                             const char *relation, const struct value *bound)
{
    struct strbuf shown = {0};

    value_show(value, &shown);
    strbuf_puts(&shown, relation);
    value_show(bound, &shown);
    diag_error(reader->diags, span, NULL, "%.*sparam '%.*s' cannot be %s", STR_ARG(before),
               STR_ARG(param->name), shown.data);
    strbuf_fini(&shown);
}

static bool m_param_allows_one(struct m_reader *reader, const struct m_param *param,
                               const struct value *value, struct span span, struct str before)
{
    struct value choices = value_list(param->choices, param->choice_count);
    int order;

    if (param->has_min && value_compare(value, &param->min, &order) && order < 0) {
        m_param_complain(reader, param, value, span, before, ": the least value is ", &param->min);
        return false;
    }
    if (param->has_max && value_compare(value, &param->max, &order) && order > 0) {
        m_param_complain(reader, param, value, span, before, ": the largest value is ",
                         &param->max);
        return false;
    }
    for (uint32_t i = 0; i < param->choice_count; i++) {
        if (value_equal(value, &param->choices[i])) {
            return true;
        }
    }
    if (param->choice_count != 0) {
        m_param_complain(reader, param, value, span, before, ": the choices are ", &choices);
    }
    return param->choice_count == 0;
}

bool m_param_allows(struct m_reader *reader, const struct m_param *param, const struct value *value,
                    struct span span, struct str before)
{
    bool fine = true;

    if (value->kind != VALUE_LIST) {
        return m_param_allows_one(reader, param, value, span, before);
    }
    for (size_t i = 0; i < value->list.count; i++) {
        fine = m_param_allows_one(reader, param, &value->list.items[i], span, before) && fine;
    }
    return fine;
}

/* --- keys of { value, … } --- */

void m_key_param_value(struct m_reader *reader, const struct manifest_key_row *row,
                       const struct toml_entry *entry, void *into)
{
    struct m_param *param = into;

    (void)row;
    m_value_read(reader, entry->key, &entry->value, &param->preset);
}

static void m_key_bound(struct m_reader *reader, const struct toml_entry *entry, bool *has,
                        struct value *bound)
{
    if (entry->value.kind != TOML_INTEGER && entry->value.kind != TOML_FLOAT) {
        m_error_kind(reader, &entry->value, entry->key, "a number",
                     entry->value.kind == TOML_STRING ? "write it without quotes" : NULL);
        return;
    }
    *has = m_value_read(reader, entry->key, &entry->value, bound);
}

void m_key_param_min(struct m_reader *reader, const struct manifest_key_row *row,
                     const struct toml_entry *entry, void *into)
{
    struct m_param *param = into;

    (void)row;
    m_key_bound(reader, entry, &param->has_min, &param->min);
}

void m_key_param_max(struct m_reader *reader, const struct manifest_key_row *row,
                     const struct toml_entry *entry, void *into)
{
    struct m_param *param = into;

    (void)row;
    m_key_bound(reader, entry, &param->has_max, &param->max);
}

void m_key_param_choices(struct m_reader *reader, const struct manifest_key_row *row,
                         const struct toml_entry *entry, void *into)
{
    struct m_param *param = into;
    struct value choices;

    (void)row;
    if (entry->value.kind != TOML_ARRAY) {
        m_error_kind(reader, &entry->value, entry->key, "an array", NULL);
    } else if (entry->value.array.count == 0) {
        m_error(reader, entry->value.span, NULL, entry->key, "must not be empty");
    } else if (m_value_read(reader, entry->key, &entry->value, &choices)) {
        param->choices = ARENA_ARRAY(reader->arena, struct value, choices.list.count);
        memcpy(param->choices, choices.list.items, choices.list.count * sizeof(struct value));
        param->choice_count = (uint32_t)choices.list.count;
    }
}

/* --- whole params --- */

static bool m_value_all_numbers(const struct value *value)
{
    if (value->kind != VALUE_LIST) {
        return value_is_number(value);
    }
    for (size_t i = 0; i < value->list.count; i++) {
        if (!value_is_number(&value->list.items[i])) {
            return false;
        }
    }
    return true;
}

static void m_param_check(struct m_reader *reader, const struct m_param *param,
                          const struct toml_entry *entry, struct span value_span)
{
    int order;

    if ((param->has_min || param->has_max) && !m_value_all_numbers(&param->preset)) {
        diag_error(reader->diags, entry->key_span, "use 'choices'",
                   "param '%.*s' is no number and cannot have 'min' or 'max'",
                   STR_ARG(param->name));
    } else if (param->has_min && param->has_max &&
               value_compare(&param->min, &param->max, &order) && order > 0) {
        diag_error(reader->diags, entry->key_span, NULL,
                   "param '%.*s' allows no value: 'min' is larger than 'max'",
                   STR_ARG(param->name));
    } else {
        m_param_allows(reader, param, &param->preset, value_span, STR(""));
    }
}

static void m_param_read_table(struct m_reader *reader, const struct toml_entry *entry,
                               struct m_param *param)
{
    const struct toml_value *value = toml_get(entry->value.table, "value");
    struct m_owner owner = {.kind = "param", .name = entry->key};
    uint32_t before = reader->diags->errors;

    reader->owner = &owner;
    m_table_read(reader, MANIFEST_PARAM, entry->value.table, param);
    reader->owner = NULL;
    if (value == NULL) {
        diag_error(reader->diags, entry->key_span, "add value = …", "param '%.*s' has no 'value'",
                   STR_ARG(entry->key));
    } else if (reader->diags->errors == before) {
        m_param_check(reader, param, entry, value->span);
    }
}

static void m_param_read(struct m_reader *reader, const struct toml_entry *entry,
                         struct m_param *param)
{
    static const struct m_owner owner = {.kind = "[params]"};

    *param = (struct m_param){
        .name = entry->key, .span = entry->key_span, .preset = value_string(STR(""))};
    if (entry->value.kind == TOML_TABLE) {
        m_param_read_table(reader, entry, param);
    } else {
        reader->owner = &owner;
        m_value_read(reader, entry->key, &entry->value, &param->preset);
    }
    param->value = param->preset;
}

void m_params_read(struct m_reader *reader, const struct toml_value *value)
{
    struct manifest *manifest = reader->manifest;

    if (value == NULL) {
        return;
    }
    manifest->params = ARENA_ARRAY(reader->arena, struct m_param, value->table->count);
    TOML_EACH(entry, value->table)
    {
        if (m_name_check(reader, "a param", entry->key, entry->key_span, false)) {
            m_param_read(reader, entry, &manifest->params[manifest->param_count++]);
        }
    }
    m_index_build(&manifest->param_index, reader->arena, manifest->params, manifest->param_count,
                  sizeof(*manifest->params));
}
