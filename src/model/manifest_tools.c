/* Owns what a stage says of its surroundings: tools and environment variables. */
#include "model/manifest_read.h"

#include <string.h>

/* --- tools --- */

void m_key_tool_run(struct m_reader *reader, const struct manifest_key_row *row,
                    const struct toml_entry *entry, void *into)
{
    struct m_tool *tool = into;

    (void)row;
    m_text_filled(reader, entry->key, &entry->value, TEMPLATE_SHELL, &tool->run);
}

static bool m_tool_read(struct m_reader *reader, struct str key, const struct toml_value *value,
                        struct m_tool *tool)
{
    struct m_owner owner = {.kind = "a tool", .outer = reader->owner};

    *tool = (struct m_tool){.span = value->span};
    if (value->kind == TOML_STRING) {
        return m_text_filled(reader, key, value, TEMPLATE_TEXT, &tool->program);
    }
    if (value->kind != TOML_TABLE) {
        m_error(reader, value->span, NULL, key, "holds %s where a program or { run } is expected",
                toml_kind_name(value->kind));
        return false;
    }
    reader->owner = &owner;
    m_table_read(reader, MANIFEST_TOOL, value->table, tool);
    reader->owner = owner.outer;
    if (toml_get(value->table, "run") == NULL) {
        m_error(reader, value->span, "as in { run = \"python3 -V\" }", key,
                "holds a table without 'run'");
    }
    return tool->run.given;
}

void m_key_tools(struct m_reader *reader, const struct manifest_key_row *row,
                 const struct toml_entry *entry, void *into)
{
    struct m_settings *settings = into;
    const struct toml_value *value = &entry->value;

    (void)row;
    settings->tools_given = true;
    settings->tool_count = 0;
    settings->tools = ARENA_ARRAY(reader->arena, struct m_tool,
                                  value->kind == TOML_ARRAY ? value->array.count : 1);
    if (value->kind == TOML_TABLE) {
        settings->tool_count = m_tool_read(reader, entry->key, value, settings->tools);
    } else if (value->kind != TOML_ARRAY) {
        m_error_kind(reader, value, entry->key, "an array",
                     value->kind == TOML_STRING ? "write it in [ ]" : NULL);
    } else {
        TOML_ITEMS(item, &value->array)
        {
            settings->tool_count +=
                m_tool_read(reader, entry->key, item, &settings->tools[settings->tool_count]);
        }
    }
}

/* --- variables --- */

static bool m_env_name_is_ours(struct str name)
{
    return str_is(name, "PAWL") || str_has_prefix(name, STR("PAWL_")) ||
           str_is(name, "TRACEPARENT");
}

static bool m_env_read(struct m_reader *reader, const struct toml_entry *entry, struct m_env *env)
{
    if (!m_name_is_word(entry->key)) {
        m_error(reader, entry->key_span, NULL, STR("env"), "sets '%.*s', which is no variable",
                STR_ARG(entry->key));
        return false;
    }
    if (m_env_name_is_ours(entry->key)) {
        m_error(reader, entry->key_span, "choose another name", STR("env"),
                "sets '%.*s', which pawl itself sets", STR_ARG(entry->key));
        return false;
    }
    *env = (struct m_env){.name = entry->key, .span = entry->key_span};
    return m_text_scalar(reader, STR("env"), &entry->value, &env->value, NULL);
}

void m_key_env(struct m_reader *reader, const struct manifest_key_row *row,
               const struct toml_entry *entry, void *into)
{
    struct m_settings *settings = into;

    (void)row;
    settings->env_count = 0;
    if (entry->value.kind != TOML_TABLE) {
        m_error_kind(reader, &entry->value, entry->key, "a table", "as in { LEVEL = \"3\" }");
        return;
    }
    settings->env = ARENA_ARRAY(reader->arena, struct m_env, entry->value.table->count);
    TOML_EACH(item, entry->value.table)
    {
        settings->env_count += m_env_read(reader, item, &settings->env[settings->env_count]);
    }
}

static bool m_pass_parse(struct m_reader *reader, struct str key, const struct m_text *text,
                         struct m_pass *pass)
{
    struct str name = text->text;

    *pass = (struct m_pass){.span = text->span};
    if (name.data[name.len - 1] == '?') {
        pass->may_be_unset = true;
        name.len--;
    }
    pass->name = name;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i] == '*' ? '_' : name.data[i];

        if (!m_name_is_word((struct str){&c, 1}) && !(i > 0 && c >= '0' && c <= '9')) {
            name.len = 0;
        }
    }
    if (name.len == 0) {
        m_error(reader, text->span, "as in \"HOME\", \"LC_*\" or \"TERM?\"", key,
                "holds '%.*s', which is no variable", STR_ARG(text->text));
    }
    return name.len != 0;
}

static void m_pass_read(struct m_reader *reader, const struct toml_entry *entry,
                        struct m_pass **passes, uint32_t *count)
{
    struct m_list list;

    m_list_strings(reader, entry->key, &entry->value, TEMPLATE_TEXT, &list);
    *passes = ARENA_ARRAY(reader->arena, struct m_pass, list.count);
    *count = 0;
    for (uint32_t i = 0; i < list.count; i++) {
        *count += m_pass_parse(reader, entry->key, &list.items[i], &(*passes)[*count]);
    }
}

void m_key_pass_env(struct m_reader *reader, const struct manifest_key_row *row,
                    const struct toml_entry *entry, void *into)
{
    struct m_settings *settings = into;

    (void)row;
    m_pass_read(reader, entry, &settings->pass_env, &settings->pass_env_count);
}

void m_key_secret_env(struct m_reader *reader, const struct manifest_key_row *row,
                      const struct toml_entry *entry, void *into)
{
    struct m_settings *settings = into;

    (void)row;
    m_pass_read(reader, entry, &settings->secret_env, &settings->secret_env_count);
}

/* --- one variable said twice --- */

static void m_env_twice(struct m_reader *reader, struct span span, struct str name, const char *one,
                        const char *other)
{
    struct str owner = m_owner_text(reader, reader->owner);

    diag_error(reader->diags, span, "say it once", "variable '%.*s' is in '%s' and '%s' of %.*s",
               STR_ARG(name), one, other, STR_ARG(owner));
}

static void m_env_check_list(struct m_reader *reader, const struct m_settings *settings,
                             const struct m_pass *passes, uint32_t count, const char *other)
{
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < settings->env_count; j++) {
            if (str_equal(passes[i].name, settings->env[j].name)) {
                m_env_twice(reader, passes[i].span, passes[i].name, "env", other);
            }
        }
    }
}

void m_env_check(struct m_reader *reader, const struct m_settings *settings)
{
    m_env_check_list(reader, settings, settings->pass_env, settings->pass_env_count, "pass_env");
    m_env_check_list(reader, settings, settings->secret_env, settings->secret_env_count,
                     "secret_env");
    for (uint32_t i = 0; i < settings->secret_env_count; i++) {
        for (uint32_t j = 0; j < settings->pass_env_count; j++) {
            if (str_equal(settings->secret_env[i].name, settings->pass_env[j].name)) {
                m_env_twice(reader, settings->secret_env[i].span, settings->secret_env[i].name,
                            "pass_env", "secret_env");
            }
        }
    }
}
