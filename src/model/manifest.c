/* Owns the entry, the order in which tables are read, the walk over a table by the rows of its
 * keys, and look-ups by name.
 *
 * What others lean on is read first, whatever its place in the document: `pipeline.requires` (a
 * manifest for a later pawl gives that one error), pipeline, params and their overrides,
 * flags, pools, rules, defaults, the report, stages. A stage starts as a copy of the defaults, so
 * what both share is shared.
 */
#include "model/manifest_read.h"

#include <string.h>

#include "base/suggest.h"

/* --- names to numbers --- */

static struct str m_index_name(const void *items, size_t size, size_t number)
{
    return *(const struct str *)((const char *)items + number * size);
}

void m_index_build(struct m_index *index, struct arena *arena, const void *items, size_t count,
                   size_t size)
{
    uint32_t slots = 4;

    while (slots < count * 2) {
        slots *= 2;
    }
    index->slots = ARENA_ARRAY(arena, uint32_t, slots);
    index->mask = slots - 1;
    for (size_t i = 0; i < count; i++) {
        uint32_t at = (uint32_t)str_hash(m_index_name(items, size, i)) & index->mask;

        while (index->slots[at] != 0) {
            at = (at + 1) & index->mask;
        }
        index->slots[at] = (uint32_t)i + 1;
    }
}

uint32_t m_index_find(const struct m_index *index, const void *items, size_t size, struct str name)
{
    if (index->slots == NULL) {
        return MAP_MISSING;
    }
    for (uint32_t at = (uint32_t)str_hash(name) & index->mask; index->slots[at] != 0;
         at = (at + 1) & index->mask) {
        if (str_equal(m_index_name(items, size, index->slots[at] - 1), name)) {
            return index->slots[at] - 1;
        }
    }
    return MAP_MISSING;
}

const struct m_stage *manifest_stage(const struct manifest *manifest, struct str name)
{
    uint32_t number =
        m_index_find(&manifest->stage_index, manifest->stages, sizeof(*manifest->stages), name);

    return number != MAP_MISSING ? &manifest->stages[number] : NULL;
}

const struct m_param *manifest_param(const struct manifest *manifest, struct str name)
{
    uint32_t number =
        m_index_find(&manifest->param_index, manifest->params, sizeof(*manifest->params), name);

    return number != MAP_MISSING ? &manifest->params[number] : NULL;
}

uint32_t manifest_axis(const struct m_stage *stage, struct str name)
{
    for (uint32_t i = 0; i < stage->settings->axis_count; i++) {
        if (str_equal(stage->settings->axes[i].name, name)) {
            return i;
        }
    }
    return UINT32_MAX;
}

const struct m_pool *manifest_pool(const struct manifest *manifest, struct str name)
{
    uint32_t number =
        m_index_find(&manifest->pool_index, manifest->pools, sizeof(*manifest->pools), name);

    return number != MAP_MISSING ? &manifest->pools[number] : NULL;
}

const struct m_breaker *manifest_breaker(const struct manifest *manifest, struct str name)
{
    uint32_t number = m_index_find(&manifest->breaker_index, manifest->breakers,
                                   sizeof(*manifest->breakers), name);

    return number != MAP_MISSING ? &manifest->breakers[number] : NULL;
}

const struct m_check *manifest_rule(const struct manifest *manifest, struct str name)
{
    uint32_t number =
        m_index_find(&manifest->rule_index, manifest->rules, sizeof(*manifest->rules), name);

    return number != MAP_MISSING ? &manifest->rules[number] : NULL;
}

/* --- the walk over a table --- */

/* A key that is unknown here: the nearest that is known, or where this very word is one. */
static void m_suggest(struct m_reader *reader, enum manifest_table kind, struct str word)
{
    struct suggest suggest;
    const struct manifest_key_row *elsewhere = NULL;

    suggest_init(&suggest, word);
    for (const struct manifest_key_row *row = manifest_keys; row->name != NULL; row++) {
        if (row->table == kind) {
            suggest_offer(&suggest, str_of(row->name));
        } else if (elsewhere == NULL && row->table != MANIFEST_RETAIN && str_is(word, row->name)) {
            elsewhere = row;
        }
    }
    if (kind == MANIFEST_STAGE && str_is(word, "exclude")) {
        diag_hint(reader->diags, "'exclude' goes into 'matrix'");
    } else if (suggest.best.len != 0) {
        diag_hint(reader->diags, "did you mean '%.*s'?", STR_ARG(suggest.best));
    } else if (elsewhere != NULL) {
        diag_hint(reader->diags, "it is a key of %s", manifest_table_name(elsewhere->table));
    }
}

static void m_key_unknown(struct m_reader *reader, enum manifest_table kind,
                          const struct toml_entry *entry)
{
    struct str owner = m_owner_text(reader, reader->owner);

    diag_error(reader->diags, entry->key_span, NULL, "unknown key '%.*s' in %.*s",
               STR_ARG(entry->key), STR_ARG(owner));
    m_suggest(reader, kind, entry->key);
}

/* Known, but not to be said here or now; true if it may be read. */
static bool m_key_is_allowed(struct m_reader *reader, const struct manifest_key_row *row,
                             const struct toml_entry *entry)
{
    struct str owner;

    if ((row->in_local || !reader->local) &&
        (row->in_defaults || !reader->in_defaults || row->table != MANIFEST_STAGE)) {
        return true;
    }
    owner = m_owner_text(reader, reader->owner);
    if (!row->in_local && reader->local) {
        diag_error(reader->diags, entry->key_span,
                   "only pipeline.store, pool, and cpu, memory, pool and priority of "
                   "defaults can be",
                   "key '%.*s' in %.*s cannot be set locally", STR_ARG(entry->key), STR_ARG(owner));
    } else {
        diag_error(reader->diags, entry->key_span, "say it in each stage",
                   "key '%.*s' cannot be set in %.*s", STR_ARG(entry->key), STR_ARG(owner));
    }
    return false;
}

void m_table_read(struct m_reader *reader, enum manifest_table kind, const struct toml_table *table,
                  void *into)
{
    TOML_EACH(entry, table)
    {
        uint32_t number = map_get(&reader->keys[kind], entry->key);
        const struct manifest_key_row *row;

        if (number == MAP_MISSING) {
            m_key_unknown(reader, kind, entry);
            continue;
        }
        row = &manifest_keys[number];
        if (m_key_is_allowed(reader, row, entry)) {
            row->read(reader, row, entry, row->of_settings ? m_stage_settings(reader, into) : into);
        }
    }
}

void m_key_nothing(struct m_reader *reader, const struct manifest_key_row *row,
                   const struct toml_entry *entry, void *into)
{
    (void)into;
    (void)row;
    if (entry->value.kind != TOML_TABLE) {
        m_error_kind(reader, &entry->value, entry->key, "a table",
                     entry->value.kind == TOML_ARRAY ? "write the name in single brackets" : NULL);
    }
}

/* --- the whole --- */

static void m_reader_init(struct m_reader *reader)
{
    template_cache_init(&reader->templates, reader->arena);
    arena_init(&reader->scratch);
    reader->defaults.settings = ARENA_NEW(reader->arena, struct m_settings);
    for (uint32_t i = 0; i < MANIFEST_TABLES; i++) {
        map_init(&reader->keys[i]);
    }
    for (uint32_t i = 0; manifest_keys[i].name != NULL; i++) {
        map_put(&reader->keys[manifest_keys[i].table], str_of(manifest_keys[i].name), i);
    }
}

static void m_reader_fini(struct m_reader *reader)
{
    template_cache_fini(&reader->templates);
    arena_fini(&reader->scratch);
    for (uint32_t i = 0; i < MANIFEST_TABLES; i++) {
        map_fini(&reader->keys[i]);
    }
}

/* A table of the top level, or NULL if it is not there (or is none: reported by m_key_nothing). */
static const struct toml_value *m_top_table(const struct toml_value *root, const char *key)
{
    const struct toml_value *value = root != NULL ? toml_get(root->table, key) : NULL;

    return value != NULL && value->kind == TOML_TABLE ? value : NULL;
}

static void m_local_read_top(struct m_reader *reader)
{
    static const struct m_owner owner = {.kind = "the local manifest"};
    const struct toml_value *pipeline = m_top_table(reader->request->local, "pipeline");
    static const struct m_owner pipeline_owner = {.kind = "[pipeline]"};

    reader->local = true;
    reader->plain = true;
    reader->owner = &owner;
    m_table_read(reader, MANIFEST_TOP, reader->request->local->table, reader->manifest);
    reader->owner = &pipeline_owner;
    if (pipeline != NULL) {
        m_table_read(reader, MANIFEST_PIPELINE, pipeline->table, reader->manifest);
    }
    reader->local = false;
    reader->plain = false;
}

static void m_document_read(struct m_reader *reader)
{
    static const struct m_owner owner = {.kind = "the manifest"};
    const struct toml_value *root = reader->request->document;
    const struct toml_value *local = reader->request->local;

    if (!m_requires_check(reader, root->table)) {
        return;
    }
    reader->owner = &owner;
    m_table_read(reader, MANIFEST_TOP, root->table, reader->manifest);
    m_pipeline_read(reader, m_top_table(root, "pipeline"));
    if (local != NULL) {
        m_local_read_top(reader);
    }
    m_params_read(reader, m_top_table(root, "params"));
    m_overrides_apply(reader);
    m_flags_read(reader, m_top_table(root, "flags"));
    m_pools_read(reader, m_top_table(root, "pool"), m_top_table(local, "pool"));
    m_breakers_read(reader, m_top_table(root, "breaker"));
    m_hooks_read(reader, m_top_table(root, "on"));
    m_rules_read(reader, m_top_table(root, "rule"));
    m_defaults_read(reader, m_top_table(root, "defaults"), false);
    m_defaults_read(reader, m_top_table(local, "defaults"), true);
    m_report_read(reader, m_top_table(root, "report"));
    m_stages_read(reader, m_top_table(root, "stage"));
    m_report_check(reader);
}

bool manifest_read(struct manifest *manifest, const struct manifest_request *request,
                   struct arena *arena, struct diags *diags)
{
    struct m_reader reader = {.arena = arena,
                              .files = request->files_arena != NULL ? request->files_arena : arena,
                              .diags = diags,
                              .manifest = manifest,
                              .request = request};
    uint32_t before = diags->errors;

    *manifest = (struct manifest){
        .file = request->file, .links = {M_LINK_REFLINK, M_LINK_COPY}, .link_count = 2};
    m_reader_init(&reader);
    m_document_read(&reader);
    m_reader_fini(&reader);
    return diags->errors == before;
}
