/* Owns [breaker.NAME] and the key `breaker` of a stage. */
#include "model/manifest_read.h"

#include "base/limits.h"
#include "base/suggest.h"

void m_key_breaker_ratio(struct m_reader *reader, const struct manifest_key_row *row,
                         const struct toml_entry *entry, void *into)
{
    struct m_breaker *breaker = into;

    (void)row;
    m_text_share(reader, entry->key, &entry->value, &breaker->failure_ratio);
}

void m_key_breaker_calls(struct m_reader *reader, const struct manifest_key_row *row,
                         const struct toml_entry *entry, void *into)
{
    struct m_breaker *breaker = into;

    (void)row;
    m_text_integer(reader, entry->key, &entry->value, 1, LIMIT_BREAKER_CALLS, &breaker->min_calls);
}

void m_key_breaker_when_open(struct m_reader *reader, const struct manifest_key_row *row,
                             const struct toml_entry *entry, void *into)
{
    struct m_breaker *breaker = into;
    struct str constant;

    (void)row;
    if (m_text_string(reader, entry->key, &entry->value, TEMPLATE_TEXT, &breaker->when_open) &&
        m_text_constant(&breaker->when_open, &constant) && !str_is(constant, "wait") &&
        !str_is(constant, "fail")) {
        m_error(reader, entry->value.span, NULL, entry->key, "must be \"wait\" or \"fail\"");
    }
}

void m_breakers_read(struct m_reader *reader, const struct toml_value *value)
{
    struct manifest *manifest = reader->manifest;

    if (value == NULL) {
        return;
    }
    manifest->breakers = ARENA_ARRAY(reader->arena, struct m_breaker, value->table->count);
    TOML_EACH(entry, value->table)
    {
        struct m_breaker *breaker = &manifest->breakers[manifest->breaker_count];
        struct m_owner owner = {.kind = "breaker", .name = entry->key};

        if (!m_name_check(reader, "a breaker", entry->key, entry->key_span, true)) {
            continue;
        }
        breaker->name = entry->key;
        breaker->span = entry->key_span;
        manifest->breaker_count++;
        if (entry->value.kind != TOML_TABLE) {
            diag_error(reader->diags, entry->value.span, "write { open_for = \"30s\" }",
                       "breaker '%.*s' must be a table, not %s", STR_ARG(entry->key),
                       toml_kind_name(entry->value.kind));
            continue;
        }
        reader->owner = &owner;
        m_table_read(reader, MANIFEST_BREAKER, entry->value.table, breaker);
        reader->owner = NULL;
    }
    m_index_build(&manifest->breaker_index, reader->arena, manifest->breakers,
                  manifest->breaker_count, sizeof(*manifest->breakers));
}

void m_key_breaker_use(struct m_reader *reader, const struct manifest_key_row *row,
                       const struct toml_entry *entry, void *into)
{
    const struct manifest *manifest = reader->manifest;
    struct m_settings *settings = into;
    struct suggest suggest;
    struct str name;

    (void)row;
    if (!m_plain_string(reader, entry->key, &entry->value, &name)) {
        return;
    }
    settings->breaker = (struct m_breaker_use){name, entry->value.span};
    if (manifest_breaker(manifest, name) != NULL) {
        return;
    }
    suggest_init(&suggest, name);
    for (uint32_t i = 0; i < manifest->breaker_count; i++) {
        suggest_offer(&suggest, manifest->breakers[i].name);
    }
    m_error(reader, entry->value.span, NULL, entry->key, "names '%.*s', which is no breaker",
            STR_ARG(name));
    if (suggest.best.len != 0) {
        diag_hint(reader->diags, "did you mean '%.*s'?", STR_ARG(suggest.best));
    } else {
        diag_hint(reader->diags, "add [breaker.%.*s]", STR_ARG(name));
    }
}
