/* Owns [report]: what it says, each part by itself. Whether all that it speaks of is there is asked
 * when the stages are known: manifest_report_names.c. */
#include "model/manifest_read.h"

#include "base/limits.h"
#include "model/expr.h"

/* --- rows, columns --- */

static bool m_word_is_new(struct m_reader *reader, const struct m_words *words, struct str key,
                          const struct m_word *word)
{
    for (uint32_t i = 0; i < words->count; i++) {
        if (str_equal(words->items[i].text, word->text)) {
            m_error(reader, word->span, NULL, key, "has '%.*s' twice", STR_ARG(word->text));
            return false;
        }
    }
    return true;
}

void m_key_report_words(struct m_reader *reader, const struct manifest_key_row *row,
                        const struct toml_entry *entry, void *into)
{
    struct m_words *words = (struct m_words *)((char *)into + row->at);
    const struct toml_array *array = &entry->value.array;

    if (entry->value.kind != TOML_ARRAY) {
        m_error_kind(reader, &entry->value, entry->key, "an array of strings",
                     entry->value.kind == TOML_STRING ? "write it in [ ]" : NULL);
        return;
    }
    if (array->count == 0) {
        m_error(reader, entry->value.span, "leave it out for all", entry->key, "must not be empty");
    } else if (array->count > LIMIT_REPORT) {
        m_error(reader, entry->value.span, NULL, entry->key, "has more than %d items",
                LIMIT_REPORT);
        return;
    }
    words->given = true;
    words->items = ARENA_ARRAY(reader->arena, struct m_word, array->count);
    TOML_ITEMS(item, array)
    {
        struct m_word word = {.span = item->span};

        if (m_plain_string(reader, entry->key, item, &word.text) &&
            m_word_is_new(reader, words, entry->key, &word)) {
            words->items[words->count++] = word;
        }
    }
}

/* --- scores --- */

void m_key_report_scores(struct m_reader *reader, const struct manifest_key_row *row,
                         const struct toml_entry *entry, void *into)
{
    struct m_report *report = into;

    (void)row;
    if (entry->value.kind != TOML_TABLE) {
        m_error_kind(reader, &entry->value, entry->key, "expressions by name",
                     "write score.NAME = \"…\"");
        return;
    }
    if (entry->value.table->count > LIMIT_REPORT) {
        m_error(reader, entry->value.span, NULL, entry->key, "has more than %d names",
                LIMIT_REPORT);
        return;
    }
    report->scores = ARENA_ARRAY(reader->arena, struct m_score, entry->value.table->count);
    TOML_EACH(each, entry->value.table)
    {
        struct m_score *score = &report->scores[report->score_count];

        *score = (struct m_score){.name = each->key, .span = each->key_span};
        if (m_name_check(reader, "a score", each->key, each->key_span, false)) {
            score->expr = m_expr_read(reader, each->key, &each->value);
            report->score_count += score->expr != NULL;
        }
    }
}

/* --- warn, recommend --- */

void m_key_advice_when(struct m_reader *reader, const struct manifest_key_row *row,
                       const struct toml_entry *entry, void *into)
{
    struct m_advice *advice = into;
    static const struct expr_env no_names = {.lookup = NULL};
    struct expr_error error;
    bool truth;

    (void)row;
    advice->when = m_expr_read(reader, entry->key, &entry->value);
    arena_reset(&reader->scratch);
    if (advice->when != NULL && expr_is_constant(advice->when) &&
        !expr_eval_bool(advice->when, &no_names, &reader->scratch, &truth, &error)) {
        expr_error_report(&error, reader->diags);
    }
}

static bool m_advice_read(struct m_reader *reader, struct str key, const struct toml_value *value,
                          struct m_advice *advice)
{
    struct m_owner owner = {.kind = "an item of", .name = key, .outer = reader->owner};
    uint32_t before = reader->diags->errors;

    *advice = (struct m_advice){.span = value->span};
    if (value->kind != TOML_TABLE) {
        m_error_kind(reader, value, key, "tables", "write { when = \"…\", text = \"…\" }");
        return false;
    }
    reader->owner = &owner;
    m_table_read(reader, MANIFEST_ADVICE, value->table, advice);
    reader->owner = owner.outer;
    if (toml_get(value->table, "text") == NULL) {
        diag_error(reader->diags, value->span, "add text = \"…\"",
                   "an item of '%.*s' has no 'text'", STR_ARG(key));
    }
    if (str_is(key, "warn") && toml_get(value->table, "when") == NULL) {
        diag_error(reader->diags, value->span, "add when = \"…\"",
                   "an item of 'warn' has no 'when'");
    }
    return reader->diags->errors == before;
}

static void m_advice_add(struct m_reader *reader, struct str key, const struct toml_value *value,
                         struct m_advices *advices)
{
    struct m_advice *advice = &advices->items[advices->count];
    bool over = advices->count != 0 && advices->items[advices->count - 1].when == NULL;

    if (m_advice_read(reader, key, value, advice)) {
        if (over) {
            diag_error(reader->diags, value->span, "the one before has no 'when', so it holds",
                       "an item of '%.*s' that is never reached", STR_ARG(key));
        }
        advices->count++;
    }
}

void m_key_report_advices(struct m_reader *reader, const struct manifest_key_row *row,
                          const struct toml_entry *entry, void *into)
{
    struct m_advices *advices = (struct m_advices *)((char *)into + row->at);
    bool many = entry->value.kind == TOML_ARRAY;

    if (many && entry->value.array.count > LIMIT_REPORT) {
        m_error(reader, entry->value.span, NULL, entry->key, "has more than %d items",
                LIMIT_REPORT);
        return;
    }
    advices->items =
        ARENA_ARRAY(reader->arena, struct m_advice, many ? entry->value.array.count : 1);
    if (!many) {
        m_advice_add(reader, entry->key, &entry->value, advices);
        return;
    }
    TOML_ITEMS(item, &entry->value.array)
    {
        m_advice_add(reader, entry->key, item, advices);
    }
}

/* --- the whole --- */

/* Where only some stages are read nobody asks for it, and what it speaks of may not be among them.
 */
void m_report_read(struct m_reader *reader, const struct toml_value *value)
{
    static const struct m_owner owner = {.kind = "[report]"};

    if (value == NULL || reader->request->outlines != NULL) {
        return;
    }
    reader->report = ARENA_NEW(reader->arena, struct m_report);
    reader->owner = &owner;
    m_table_read(reader, MANIFEST_REPORT, value->table, reader->report);
    reader->owner = NULL;
    reader->manifest->report = reader->report;
}
