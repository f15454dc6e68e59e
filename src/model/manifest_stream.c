/* Owns what a stage says of a stream: `each`, and how its items are worked. */
#include "model/manifest_read.h"

#include "base/limits.h"
#include "base/units.h"

void m_key_each(struct m_reader *reader, const struct manifest_key_row *row,
                const struct toml_entry *entry, void *into)
{
    const struct m_owner owner = {.kind = "'each'", .outer = reader->owner};
    struct m_settings *settings = into;
    struct m_each *each;

    (void)row;
    if (entry->value.kind != TOML_TABLE) {
        m_error_kind(reader, &entry->value, entry->key, "a table",
                     "as in { lines = \"list.txt\" }");
        return;
    }
    each = ARENA_NEW(reader->arena, struct m_each);
    settings->each = each;
    if (entry->value.table->count != 1) {
        m_error(reader, entry->value.span, NULL, entry->key,
                "must name one of 'lines', 'files' and 'stage'");
    }
    reader->owner = &owner;
    m_table_read(reader, MANIFEST_EACH, entry->value.table, each);
    reader->owner = owner.outer;
}

void m_key_each_source(struct m_reader *reader, const struct manifest_key_row *row,
                       const struct toml_entry *entry, void *into)
{
    struct m_each *each = into;
    struct str name;

    each->given = true;
    each->kind = row->name[0] == 'l'   ? M_EACH_LINES
                 : row->name[0] == 'f' ? M_EACH_FILES
                                       : M_EACH_STAGE;
    if (each->kind != M_EACH_STAGE) {
        m_input_path_read(reader, entry->key, &entry->value, &each->source);
    } else if (m_plain_string(reader, entry->key, &entry->value, &name)) {
        m_text_made(reader, name, m_content_span(reader, &entry->value), &each->source);
    }
}

void m_key_mode(struct m_reader *reader, const struct manifest_key_row *row,
                const struct toml_entry *entry, void *into)
{
    struct m_settings *settings = into;
    struct str constant;

    (void)row;
    if (m_text_string(reader, entry->key, &entry->value, TEMPLATE_TEXT, &settings->mode) &&
        m_text_constant(&settings->mode, &constant) && !str_is(constant, "spawn") &&
        !str_is(constant, "worker")) {
        m_error(reader, entry->value.span, NULL, entry->key, "must be \"spawn\" or \"worker\"");
    }
}

void m_key_workers(struct m_reader *reader, const struct manifest_key_row *row,
                   const struct toml_entry *entry, void *into)
{
    struct m_settings *settings = into;
    struct str constant;

    (void)row;
    if (entry->value.kind == TOML_INTEGER) {
        m_text_integer(reader, entry->key, &entry->value, 1, LIMIT_WORKERS, &settings->workers);
    } else if (entry->value.kind != TOML_STRING) {
        m_error_kind(reader, &entry->value, entry->key, "an integer or \"auto\"", NULL);
    } else if (m_text_string(reader, entry->key, &entry->value, TEMPLATE_TEXT,
                             &settings->workers) &&
               m_text_constant(&settings->workers, &constant) && !str_is(constant, "auto")) {
        m_error(reader, entry->value.span, "write a number without quotes", entry->key,
                "must be an integer or \"auto\"");
    }
}

void m_key_queue(struct m_reader *reader, const struct manifest_key_row *row,
                 const struct toml_entry *entry, void *into)
{
    struct m_settings *settings = into;

    (void)row;
    m_text_integer(reader, entry->key, &entry->value, 1, LIMIT_QUEUE, &settings->queue);
}

void m_key_max_dead(struct m_reader *reader, const struct manifest_key_row *row,
                    const struct toml_entry *entry, void *into)
{
    struct m_settings *settings = into;
    struct str constant;
    uint32_t share_ppm;

    (void)row;
    if (entry->value.kind == TOML_INTEGER) {
        m_text_integer(reader, entry->key, &entry->value, 0, INT64_MAX, &settings->max_dead);
    } else if (entry->value.kind != TOML_STRING) {
        m_error_kind(reader, &entry->value, entry->key, "an integer or a share", "as in \"1%\"");
    } else if (m_text_string(reader, entry->key, &entry->value, TEMPLATE_TEXT,
                             &settings->max_dead) &&
               m_text_constant(&settings->max_dead, &constant) &&
               !share_parse(constant, &share_ppm)) {
        m_error(reader, entry->value.span, "write a number without quotes, or a share as \"1%\"",
                entry->key, "must be an integer or a share of at most 100%%");
    }
}

/* --- what only the whole stage shows --- */

struct m_stream_key {
    const char *name;
    const struct m_text *own, *preset;
};

static bool m_stream_fault(struct m_reader *reader, const struct m_stage *stage, struct span span,
                           const char *hint, const char *key)
{
    diag_error(reader->diags, span, hint, "stage '%.*s' has both 'each' and '%s'",
               STR_ARG(stage->name), key);
    return false;
}

/* Keys of streams where there is none; what [defaults] says is for those that are. */
static bool m_stream_check_none(struct m_reader *reader, const struct m_stage *stage)
{
    const struct m_settings *own = stage->settings;
    const struct m_settings *preset = reader->defaults.settings;
    const struct m_stream_key keys[] = {
        {"mode", &own->mode, &preset->mode},
        {"workers", &own->workers, &preset->workers},
        {"queue", &own->queue, &preset->queue},
        {"dedupe", &own->dedupe, &preset->dedupe},
        {"dead_letter", &own->dead_letter, &preset->dead_letter},
        {"max_dead", &own->max_dead, &preset->max_dead},
    };

    for (unsigned i = 0; own != preset && i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (keys[i].own->given && !keys[i].preset->given) {
            diag_error(reader->diags, keys[i].own->span,
                       "add 'each', which says where the items come from",
                       "stage '%.*s' has '%s' but no 'each'", STR_ARG(stage->name), keys[i].name);
            return false;
        }
    }
    return true;
}

bool m_stream_check(struct m_reader *reader, const struct m_stage *stage)
{
    const struct m_settings *own = stage->settings;

    if (own->each == NULL) {
        return m_stream_check_none(reader, stage);
    }
    if (stage->run_kind == M_RUN_NONE) {
        diag_error(reader->diags, stage->span, "add 'run'", "stage '%.*s' has 'each' but no 'run'",
                   STR_ARG(stage->name));
        return false;
    }
    if (stage->output_count != 0) {
        return m_stream_fault(reader, stage, stage->outputs[0].path.span,
                              "the results of items become 'stdout'; let another stage make the "
                              "rest of it",
                              "outputs");
    }
    if (own->std_in.given) {
        return m_stream_fault(reader, stage, own->std_in.span,
                              "the item is the standard input: name the file in 'inputs'", "stdin");
    }
    if (own->depfile.given) {
        return m_stream_fault(reader, stage, own->depfile.span, "name the files in 'inputs'",
                              "depfile");
    }
    if (own->metrics.given) {
        return m_stream_fault(reader, stage, own->metrics.span,
                              "let a stage that reads its 'stdout' measure", "metrics");
    }
    if (own->tty.given) {
        return m_stream_fault(reader, stage, own->tty.span, NULL, "tty");
    }
    return true;
}
