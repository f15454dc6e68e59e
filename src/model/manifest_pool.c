/* Owns [pool.NAME] and what a stage says of pools. */
#include "model/manifest_read.h"

#include <string.h>

#include "base/limits.h"
#include "base/suggest.h"

void m_key_slots(struct m_reader *reader, const struct manifest_key_row *row,
                 const struct toml_entry *entry, void *into)
{
    struct m_pool *pool = into;

    (void)row;
    m_text_integer(reader, entry->key, &entry->value, 1, LIMIT_JOBS, &pool->slots);
}

static void m_pool_read(struct m_reader *reader, const struct toml_entry *entry,
                        struct m_pool *pool)
{
    struct m_owner owner = {.kind = "pool", .name = entry->key};

    pool->name = entry->key;
    pool->span = entry->key_span;
    if (entry->value.kind != TOML_TABLE) {
        diag_error(reader->diags, entry->value.span, "write { slots = 2 }",
                   "pool '%.*s' must be a table, not %s", STR_ARG(entry->key),
                   toml_kind_name(entry->value.kind));
        return;
    }
    reader->owner = &owner;
    m_table_read(reader, MANIFEST_POOL, entry->value.table, pool);
    reader->owner = NULL;
    if (toml_get(entry->value.table, "slots") == NULL) {
        diag_error(reader->diags, entry->key_span, "add slots = 2", "pool '%.*s' has no 'slots'",
                   STR_ARG(entry->key));
    }
}

void m_pools_read(struct m_reader *reader, const struct toml_value *pools,
                  const struct toml_value *local)
{
    struct manifest *manifest = reader->manifest;
    const struct toml_value *tables[] = {pools, local};
    uint32_t most =
        (pools != NULL ? pools->table->count : 0) + (local != NULL ? local->table->count : 0);

    manifest->pools = ARENA_ARRAY(reader->arena, struct m_pool, most);
    for (int i = 0; i < 2; i++) {
        reader->local = i == 1;
        if (tables[i] == NULL) {
            continue;
        }
        TOML_EACH(entry, tables[i]->table)
        {
            struct m_pool pool = {0};
            uint32_t number =
                m_index_find(&manifest->pool_index, manifest->pools, sizeof(pool), entry->key);

            if (m_name_check(reader, "a pool", entry->key, entry->key_span, true)) {
                m_pool_read(reader, entry, &pool);
                manifest->pools[number != MAP_MISSING ? number : manifest->pool_count++] = pool;
            }
        }
        m_index_build(&manifest->pool_index, reader->arena, manifest->pools, manifest->pool_count,
                      sizeof(*manifest->pools));
    }
    reader->local = false;
}

/* --- the key 'pool' of a stage --- */

static bool m_pool_is_known(struct m_reader *reader, struct str name, struct span span)
{
    const struct manifest *manifest = reader->manifest;
    struct suggest suggest;

    if (manifest_pool(manifest, name) != NULL) {
        return true;
    }
    suggest_init(&suggest, name);
    for (uint32_t i = 0; i < manifest->pool_count; i++) {
        suggest_offer(&suggest, manifest->pools[i].name);
    }
    m_error(reader, span, NULL, STR("pool"), "names '%.*s', which is no pool", STR_ARG(name));
    if (suggest.best.len != 0) {
        diag_hint(reader->diags, "did you mean '%.*s'?", STR_ARG(suggest.best));
    } else {
        diag_hint(reader->diags, "add [pool.%.*s] with slots", STR_ARG(name));
    }
    return false;
}

static void m_pool_use_table(struct m_reader *reader, const struct toml_entry *key,
                             struct m_settings *settings)
{
    const struct toml_table *table = key->value.table;

    settings->pools = ARENA_ARRAY(reader->arena, struct m_pool_use, table->count);
    TOML_EACH(entry, table)
    {
        struct m_pool_use *use = &settings->pools[settings->pool_count];

        use->name = entry->key;
        use->span = entry->key_span;
        if (m_pool_is_known(reader, entry->key, entry->key_span) &&
            m_text_integer(reader, key->key, &entry->value, 1, LIMIT_JOBS, &use->slots)) {
            settings->pool_count++;
        }
    }
}

void m_key_pool_use(struct m_reader *reader, const struct manifest_key_row *row,
                    const struct toml_entry *entry, void *into)
{
    struct m_settings *settings = into;
    struct str name;

    (void)row;
    settings->pools = NULL;
    settings->pool_count = 0;
    if (entry->value.kind == TOML_TABLE) {
        m_pool_use_table(reader, entry, settings);
    } else if (entry->value.kind != TOML_STRING) {
        m_error_kind(reader, &entry->value, entry->key, "the name of a pool or a table",
                     "as in \"db\" or { db = 2 }");
    } else if (m_plain_string(reader, entry->key, &entry->value, &name) &&
               m_pool_is_known(reader, name, entry->value.span)) {
        settings->pools = ARENA_NEW(reader->arena, struct m_pool_use);
        settings->pools[0] = (struct m_pool_use){.name = name, .span = entry->value.span};
        settings->pool_count = 1;
    }
}
