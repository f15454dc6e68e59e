/* Owns [[on.NAME]]. */
#include "model/manifest_read.h"

#include <string.h>

#include "base/clock.h"
#include "base/suggest.h"
#include "base/units.h"

/* What is executed must end at its first NUL. */
static bool m_hook_word(struct m_reader *reader, const struct toml_entry *entry,
                        const struct toml_value *value, const char **word)
{
    struct str text;

    if (!m_plain_string(reader, entry->key, value, &text)) {
        return false;
    }
    if (memchr(text.data, '\0', text.len) != NULL) {
        m_error(reader, value->span, NULL, entry->key, "holds a NUL character");
        return false;
    }
    *word = str_dup(reader->arena, text).data;
    return true;
}

static void m_hook_array(struct m_reader *reader, const struct toml_entry *entry,
                         struct m_hook *hook)
{
    const struct toml_array *array = &entry->value.array;
    uint32_t count = 0;

    hook->argv = ARENA_ARRAY(reader->arena, const char *, (size_t)array->count + 1);
    if (array->count == 0) {
        m_error(reader, entry->value.span, NULL, entry->key, "must name a program");
    }
    TOML_ITEMS(item, array)
    {
        count += m_hook_word(reader, entry, item, &hook->argv[count]);
    }
}

void m_key_hook_run(struct m_reader *reader, const struct manifest_key_row *row,
                    const struct toml_entry *entry, void *into)
{
    struct m_hook *hook = into;

    (void)row;
    if (entry->value.kind == TOML_ARRAY) {
        m_hook_array(reader, entry, hook);
        return;
    }
    hook->argv = ARENA_ARRAY(reader->arena, const char *, 5);
    hook->argv[0] = "/bin/sh";
    hook->argv[1] = "-eu";
    hook->argv[2] = "-c";
    m_hook_word(reader, entry, &entry->value, &hook->argv[3]);
}

void m_key_hook_timeout(struct m_reader *reader, const struct manifest_key_row *row,
                        const struct toml_entry *entry, void *into)
{
    struct m_hook *hook = into;
    enum units_problem problem;
    struct str text;

    (void)row;
    if (!m_plain_string(reader, entry->key, &entry->value, &text)) {
        return;
    }
    problem = duration_parse(text, &hook->timeout_ns);
    if (problem != UNITS_FINE) {
        m_error(reader, entry->value.span, NULL, entry->key, "is no duration: %s",
                duration_problem(problem));
    } else if (hook->timeout_ns == 0 || hook->timeout_ns > HOOK_TIMEOUT_S * NS_PER_SEC) {
        m_error(reader, entry->value.span, NULL, entry->key,
                "must be more than nothing and %ds at "
                "most",
                HOOK_TIMEOUT_S);
    }
}

static void m_hook_unknown(struct m_reader *reader, const struct toml_entry *entry)
{
    struct suggest suggest;

    suggest_init(&suggest, entry->key);
    for (unsigned i = 0; i < HOOK_COUNT; i++) {
        suggest_offer(&suggest, str_of(hook_name((enum hook)i)));
    }
    diag_error(reader->diags, entry->key_span, NULL, "unknown event '%.*s' in [[on.EVENT]]",
               STR_ARG(entry->key));
    if (suggest.best.len != 0) {
        diag_hint(reader->diags, "did you mean '%.*s'?", STR_ARG(suggest.best));
    }
}

static void m_hook_read(struct m_reader *reader, const struct toml_entry *entry,
                        const struct toml_value *table, struct m_hook *hook)
{
    struct m_owner owner = {.kind = "a hook of", .name = entry->key};

    hook->span = table->span;
    hook->timeout_ns = HOOK_TIMEOUT_S * NS_PER_SEC;
    if (table->kind != TOML_TABLE) {
        diag_error(reader->diags, table->span, "write { run = \"…\" }",
                   "a hook of '%.*s' must be a table, not %s", STR_ARG(entry->key),
                   toml_kind_name(table->kind));
        return;
    }
    reader->owner = &owner;
    m_table_read(reader, MANIFEST_HOOK, table->table, hook);
    reader->owner = NULL;
    if (toml_get(table->table, "run") == NULL) {
        diag_error(reader->diags, table->span, "add run = \"…\"", "a hook of '%.*s' has no 'run'",
                   STR_ARG(entry->key));
    }
}

static void m_hooks_of(struct m_reader *reader, const struct toml_entry *entry, enum hook name)
{
    struct manifest *manifest = reader->manifest;
    uint32_t number = 0;

    TOML_ITEMS(item, &entry->value.array)
    {
        struct m_hook *hook = &manifest->hooks[manifest->hook_count++];

        hook->hook = name;
        hook->number = ++number;
        m_hook_read(reader, entry, item, hook);
    }
}

void m_hooks_read(struct m_reader *reader, const struct toml_value *on)
{
    struct manifest *manifest = reader->manifest;
    enum hook name;

    if (on == NULL) {
        return;
    }
    manifest->hooks = ARENA_ARRAY(reader->arena, struct m_hook, HOOK_COUNT * HOOK_MOST);
    TOML_EACH(entry, on->table)
    {
        if (!hook_from_name(entry->key, &name)) {
            m_hook_unknown(reader, entry);
        } else if (entry->value.kind != TOML_ARRAY) {
            diag_error(reader->diags, entry->key_span, "write it in double brackets",
                       "'on.%.*s' must be an array of tables, not %s", STR_ARG(entry->key),
                       toml_kind_name(entry->value.kind));
        } else if (entry->value.array.count > HOOK_MOST) {
            diag_error(reader->diags, entry->key_span, NULL, "'on.%.*s' has more than %d commands",
                       STR_ARG(entry->key), HOOK_MOST);
        } else {
            m_hooks_of(reader, entry, name);
        }
    }
}
