/* Owns `variant.NAME` of a stage: a copy of the stage in which some keys are replaced.
 *
 * What says which files there are, and what a result must be, is the stage's and stays: a consumer,
 * a check or a gate need not know which variant made what it looks at. */
#include "model/manifest_read.h"

/* Keys of a stage that a variant may replace. */
static const char *const variant_keys[] = {
    "run",   "shell", "dir",     "env",     "pass_env", "secret_env", "tools",   "timeout",
    "grace", "retry", "recover", "breaker", "cpu",      "memory",     "log_max", NULL};

void m_key_variant(struct m_reader *reader, const struct manifest_key_row *row,
                   const struct toml_entry *entry, void *into)
{
    (void)row;
    (void)into;
    if (entry->value.kind != TOML_TABLE) {
        m_error_kind(reader, &entry->value, entry->key, "a table of variants by name",
                     "as in { new = { flag = \"…\", run = \"…\" } }");
    }
}

void m_key_variant_flag(struct m_reader *reader, const struct manifest_key_row *row,
                        const struct toml_entry *entry, void *into)
{
    struct m_variant *variant = into;
    struct str name;

    (void)row;
    if (!m_plain_string(reader, entry->key, &entry->value, &name)) {
        return;
    }
    variant->flag = manifest_flag(reader->manifest, name);
    if (variant->flag == NULL) {
        m_error(reader, entry->value.span, reader->manifest->flag_count == 0 ? "add [flags]" : NULL,
                entry->key, "names '%.*s', which is no flag", STR_ARG(name));
        m_flag_suggest(reader, name);
    }
}

void m_key_variant_fallback(struct m_reader *reader, const struct manifest_key_row *row,
                            const struct toml_entry *entry, void *into)
{
    struct m_variant *variant = into;

    (void)row;
    m_plain_bool(reader, entry->key, &entry->value, &variant->fallback);
}

static bool m_variant_replaces(struct str key)
{
    const char *const *name = variant_keys;

    while (*name != NULL && !str_is(key, *name)) {
        name++;
    }
    return *name != NULL;
}

static void m_variant_key_unknown(struct m_reader *reader, const struct toml_entry *entry)
{
    struct str owner = m_owner_text(reader, reader->owner);
    bool of_stage = map_get(&reader->keys[MANIFEST_STAGE], entry->key) != MAP_MISSING;

    diag_error(reader->diags, entry->key_span,
               of_stage ? "it is the same for all variants: say it in the stage"
                        : "a variant has flag, fallback, and keys of its stage such as run and env",
               of_stage ? "key '%.*s' cannot be replaced in %.*s" : "unknown key '%.*s' in %.*s",
               STR_ARG(entry->key), STR_ARG(owner));
}

static void m_variant_read_key(struct m_reader *reader, const struct toml_entry *entry,
                               struct m_variant *variant)
{
    uint32_t own = map_get(&reader->keys[MANIFEST_VARIANT], entry->key);
    const struct manifest_key_row *row;

    if (own != MAP_MISSING) {
        row = &manifest_keys[own];
        row->read(reader, row, entry, variant);
    } else if (m_variant_replaces(entry->key)) {
        row = &manifest_keys[map_get(&reader->keys[MANIFEST_STAGE], entry->key)];
        row->read(reader, row, entry,
                  row->of_settings ? (void *)m_stage_settings(reader, &variant->stage)
                                   : (void *)&variant->stage);
    } else {
        m_variant_key_unknown(reader, entry);
    }
}

static void m_variant_check(struct m_reader *reader, const struct toml_entry *entry,
                            const struct m_variant *variant)
{
    struct str owner = m_owner_text(reader, reader->owner);

    m_env_check(reader, variant->stage.settings);
    if (toml_get(entry->value.table, "flag") == NULL) {
        diag_error(reader->diags, entry->key_span, "add flag = \"…\", a name of [flags]",
                   "%.*s has no 'flag'", STR_ARG(owner));
    } else if (variant->stage.run_kind == M_RUN_NONE) {
        diag_error(reader->diags, entry->key_span, "add 'run' to the stage",
                   "%.*s has nothing to replace: its stage has no 'run'", STR_ARG(owner));
    }
}

static void m_variant_no_table(struct m_reader *reader, const struct toml_entry *entry)
{
    struct str owner = m_owner_text(reader, reader->owner);

    diag_error(reader->diags, entry->value.span, NULL, "%.*s must be a table, not %s",
               STR_ARG(owner), toml_kind_name(entry->value.kind));
}

static bool m_variant_read(struct m_reader *reader, const struct toml_entry *entry,
                           const struct m_stage *stage, struct m_variant *variant)
{
    struct m_owner owner = {.kind = "variant", .name = entry->key, .outer = reader->owner};

    if (!m_name_check(reader, "a variant", entry->key, entry->key_span, true)) {
        return false;
    }
    *variant = (struct m_variant){.name = entry->key, .span = entry->key_span, .stage = *stage};
    variant->stage.inputs = NULL;
    variant->stage.outputs = NULL;
    reader->owner = &owner;
    if (entry->value.kind != TOML_TABLE) {
        m_variant_no_table(reader, entry);
        reader->owner = owner.outer;
        return false;
    }
    variant->breaks = variant->fallback = toml_get(entry->value.table, "breaker") != NULL;
    m_shell_take(reader, entry->value.table, stage);
    TOML_EACH(key, entry->value.table)
    {
        m_variant_read_key(reader, key, variant);
    }
    m_variant_check(reader, entry, variant);
    reader->owner = owner.outer;
    return true;
}

void m_variants_read(struct m_reader *reader, const struct toml_table *table, struct m_stage *stage)
{
    const struct toml_value *value = toml_get(table, "variant");
    struct m_variants *variants;

    if (value == NULL || value->kind != TOML_TABLE) {
        return;
    }
    variants = ARENA_NEW(reader->arena, struct m_variants);
    variants->items = ARENA_ARRAY(reader->arena, struct m_variant, value->table->count);
    TOML_EACH(entry, value->table)
    {
        variants->count += m_variant_read(reader, entry, stage, &variants->items[variants->count]);
    }
    m_stage_settings(reader, stage)->variants = variants;
}
