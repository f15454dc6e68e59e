/* Owns the key `checkpoint` of a stage. */
#include "model/manifest_read.h"

#include "base/limits.h"

void m_key_checkpoint(struct m_reader *reader, const struct manifest_key_row *row,
                      const struct toml_entry *entry, void *into)
{
    const struct m_owner owner = {.kind = "'checkpoint'", .outer = reader->owner};
    struct m_settings *settings = into;
    struct m_checkpoint *checkpoint = ARENA_NEW(reader->arena, struct m_checkpoint);

    (void)row;
    settings->checkpoint = checkpoint;
    if (entry->value.kind == TOML_TABLE) {
        reader->owner = &owner;
        m_table_read(reader, MANIFEST_CHECKPOINT, entry->value.table, checkpoint);
        reader->owner = owner.outer;
    } else if (entry->value.kind != TOML_BOOLEAN) {
        m_error_kind(reader, &entry->value, entry->key, "a boolean or a table",
                     "as in { every = \"5m\", keep = 2 }");
    } else if (!entry->value.boolean) {
        settings->checkpoint = NULL;
    }
}

void m_key_checkpoint_keep(struct m_reader *reader, const struct manifest_key_row *row,
                           const struct toml_entry *entry, void *into)
{
    struct m_checkpoint *checkpoint = into;

    (void)row;
    m_text_integer(reader, entry->key, &entry->value, 1, LIMIT_CHECKPOINTS, &checkpoint->keep);
}

/* What a depfile names is known when the command has ended: until then nobody can tell whether it
 * is what a snapshot was made from. */
void m_checkpoint_check(struct m_reader *reader, const struct m_stage *stage)
{
    if (stage->settings->checkpoint == NULL) {
        return;
    }
    if (stage->settings->each != NULL) {
        diag_error(reader->diags, stage->span, "leave 'checkpoint' out, here with 'false'",
                   "stage '%.*s' has both 'checkpoint' and 'each': the result of each item is kept "
                   "by itself",
                   STR_ARG(stage->name));
    } else if (stage->settings->depfile.given) {
        diag_error(reader->diags, stage->span, "declare its inputs, or leave 'checkpoint' out",
                   "stage '%.*s' has both 'checkpoint' and 'depfile': what it reads is known too "
                   "late to tell whether a snapshot is of it",
                   STR_ARG(stage->name));
    }
}
