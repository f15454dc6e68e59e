/* Owns [flags] and what `--flag NAME=VALUE` sets of it. */
#include "model/manifest_read.h"

#include "base/suggest.h"
#include "model/expr.h"
#include "model/flag.h"

void m_flag_suggest(struct m_reader *reader, struct str name)
{
    const struct manifest *manifest = reader->manifest;
    struct suggest suggest;

    suggest_init(&suggest, name);
    for (uint32_t i = 0; i < manifest->flag_count; i++) {
        suggest_offer(&suggest, manifest->flags[i].name);
    }
    if (suggest.best.len != 0) {
        diag_hint(reader->diags, "did you mean '%.*s'?", STR_ARG(suggest.best));
    }
}

/* --- keys of { percent, by } --- */

void m_key_flag_percent(struct m_reader *reader, const struct manifest_key_row *row,
                        const struct toml_entry *entry, void *into)
{
    struct m_flag *flag = into;
    const struct toml_value *value = &entry->value;

    (void)row;
    if (value->kind != TOML_INTEGER && value->kind != TOML_FLOAT) {
        m_error_kind(reader, value, entry->key, "a number",
                     value->kind == TOML_STRING ? "write it without quotes" : NULL);
        return;
    }
    flag->percent = value->kind == TOML_INTEGER ? (double)value->integer : value->real;
    if (!(flag->percent >= 0 && flag->percent <= 100)) {
        m_error(reader, value->span, NULL, entry->key, "must be from 0 to 100");
    }
}

/* A unit is told by params and axes: all else comes after the choice. */
static bool m_flag_name_is_early(void *ctx, const struct expr_name *name, bool in_default)
{
    struct m_reader *reader = ctx;

    (void)in_default;
    if (name->kind != EXPR_NAME_BARE) {
        m_error(reader, name->span, NULL, STR("by"), "may speak of params and axes, not of '%.*s'",
                STR_ARG(name->text));
    }
    return true;
}

void m_key_flag_by(struct m_reader *reader, const struct manifest_key_row *row,
                   const struct toml_entry *entry, void *into)
{
    struct m_flag *flag = into;

    (void)row;
    if (entry->value.kind == TOML_STRING && str_is(entry->value.string, "instance") &&
        manifest_param(reader->manifest, STR("instance")) == NULL) {
        flag->by_instance = true;
        return;
    }
    flag->by = m_expr_read(reader, entry->key, &entry->value);
    if (flag->by != NULL) {
        expr_names(flag->by, m_flag_name_is_early, reader);
    }
}

/* --- whole flags --- */

static void m_flag_read(struct m_reader *reader, const struct toml_entry *entry,
                        struct m_flag *flag)
{
    struct m_owner owner = {.kind = "flag", .name = entry->key};

    *flag = (struct m_flag){.name = entry->key, .span = entry->key_span};
    if (entry->value.kind == TOML_BOOLEAN) {
        flag->percent = flag->preset = entry->value.boolean ? 100 : 0;
        return;
    }
    if (entry->value.kind != TOML_TABLE) {
        diag_error(reader->diags, entry->value.span,
                   "write true, false or { percent = 10, by = \"…\" }",
                   "flag '%.*s' must be a boolean or a table, not %s", STR_ARG(entry->key),
                   toml_kind_name(entry->value.kind));
        return;
    }
    reader->owner = &owner;
    m_table_read(reader, MANIFEST_FLAG, entry->value.table, flag);
    reader->owner = NULL;
    flag->preset = flag->percent;
    if (toml_get(entry->value.table, "percent") == NULL) {
        diag_error(reader->diags, entry->key_span, "add percent = …",
                   "flag '%.*s' has no 'percent'", STR_ARG(entry->key));
    }
}

static void m_flag_override(struct m_reader *reader, const struct m_override *override)
{
    struct m_flag *flag = (struct m_flag *)manifest_flag(reader->manifest, override->name);
    double percent;

    if (flag == NULL) {
        diag_error(reader->diags, SPAN_NONE, NULL, "--flag %.*s=%.*s: there is no flag '%.*s'",
                   STR_ARG(override->name), STR_ARG(override->text), STR_ARG(override->name));
        m_flag_suggest(reader, override->name);
    } else if (!flag_parse(override->text, &percent)) {
        diag_error(reader->diags, SPAN_NONE, NULL,
                   "--flag %.*s=%.*s: it must be on, off or a percentage from 0 to 100",
                   STR_ARG(override->name), STR_ARG(override->text));
    } else {
        flag->percent = percent;
    }
}

void m_flags_read(struct m_reader *reader, const struct toml_value *value)
{
    struct manifest *manifest = reader->manifest;
    uint32_t most = value != NULL ? value->table->count : 0;

    manifest->flags = ARENA_ARRAY(reader->arena, struct m_flag, most);
    for (const struct toml_entry *entry = most != 0 ? value->table->first : NULL; entry != NULL;
         entry = entry->next) {
        if (m_name_check(reader, "a flag", entry->key, entry->key_span, false)) {
            m_flag_read(reader, entry, &manifest->flags[manifest->flag_count++]);
        }
    }
    m_index_build(&manifest->flag_index, reader->arena, manifest->flags, manifest->flag_count,
                  sizeof(*manifest->flags));
    for (uint32_t i = 0; i < reader->request->flag_count; i++) {
        m_flag_override(reader, &reader->request->flags[i]);
    }
}

const struct m_flag *manifest_flag(const struct manifest *manifest, struct str name)
{
    uint32_t number =
        m_index_find(&manifest->flag_index, manifest->flags, sizeof(*manifest->flags), name);

    return number != MAP_MISSING ? &manifest->flags[number] : NULL;
}
