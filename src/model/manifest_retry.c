/* Owns the keys `retry`, `recover` and `compensate` of a stage. */
#include "model/manifest_read.h"

#include "base/limits.h"

static void m_retry_init(struct m_reader *reader, struct m_settings *settings,
                         struct m_retry **retry)
{
    *retry = ARENA_NEW(reader->arena, struct m_retry);
    (*retry)->backoff = RETRY_EXPONENTIAL;
    settings->retry = *retry;
}

void m_key_retry(struct m_reader *reader, const struct manifest_key_row *row,
                 const struct toml_entry *entry, void *into)
{
    const struct m_owner owner = {.kind = "'retry'", .outer = reader->owner};
    struct m_retry *retry;

    (void)row;
    m_retry_init(reader, into, &retry);
    if (entry->value.kind == TOML_TABLE) {
        reader->owner = &owner;
        m_table_read(reader, MANIFEST_RETRY, entry->value.table, retry);
        reader->owner = owner.outer;
    } else if (entry->value.kind == TOML_INTEGER) {
        m_text_integer(reader, entry->key, &entry->value, 0, LIMIT_RETRIES, &retry->max);
    } else {
        m_error_kind(reader, &entry->value, entry->key, "a table or an integer",
                     "as in { max = 3, delay = \"1s\" }");
    }
    if (retry->on == 0) {
        retry->on = retry->exit_code_count != 0
                        ? RETRY_ON_EXIT
                        : RETRY_ON_EXIT | RETRY_ON_TIMEOUT | RETRY_ON_SIGNAL | RETRY_ON_OOM;
    }
}

void m_key_retry_max(struct m_reader *reader, const struct manifest_key_row *row,
                     const struct toml_entry *entry, void *into)
{
    struct m_retry *retry = into;

    (void)row;
    m_text_integer(reader, entry->key, &entry->value, 0, LIMIT_RETRIES, &retry->max);
}

void m_key_retry_backoff(struct m_reader *reader, const struct manifest_key_row *row,
                         const struct toml_entry *entry, void *into)
{
    static const char *const names[] = {[RETRY_CONSTANT] = "constant",
                                        [RETRY_LINEAR] = "linear",
                                        [RETRY_EXPONENTIAL] = "exponential"};
    struct m_retry *retry = into;
    struct str name;

    (void)row;
    if (!m_plain_string(reader, entry->key, &entry->value, &name)) {
        return;
    }
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (str_is(name, names[i])) {
            retry->backoff = (enum retry_backoff)i;
            return;
        }
    }
    m_error(reader, entry->value.span, NULL, entry->key,
            "must be \"exponential\", \"linear\" or \"constant\"");
}

void m_key_retry_on(struct m_reader *reader, const struct manifest_key_row *row,
                    const struct toml_entry *entry, void *into)
{
    static const struct {
        const char *name;
        enum retry_on bit;
    } causes[] = {{"exit", RETRY_ON_EXIT},
                  {"timeout", RETRY_ON_TIMEOUT},
                  {"signal", RETRY_ON_SIGNAL},
                  {"oom", RETRY_ON_OOM}};
    struct m_retry *retry = into;
    struct m_list list;

    (void)row;
    m_list_strings(reader, entry->key, &entry->value, TEMPLATE_TEXT, &list);
    for (uint32_t i = 0; i < list.count; i++) {
        unsigned before = retry->on;
        struct str name = STR_NONE;

        m_text_constant(&list.items[i], &name);
        for (unsigned c = 0; c < sizeof(causes) / sizeof(causes[0]); c++) {
            retry->on |= str_is(name, causes[c].name) ? (unsigned)causes[c].bit : 0;
        }
        if (retry->on == before) {
            m_error(reader, list.items[i].span, NULL, entry->key,
                    "may hold \"exit\", \"timeout\", \"signal\" and \"oom\", each once");
        }
    }
    if (entry->value.kind == TOML_ARRAY && entry->value.array.count == 0) {
        m_error(reader, entry->value.span, "leave 'retry' out for no retries", entry->key,
                "must not be empty");
    }
}

void m_key_retry_exit_codes(struct m_reader *reader, const struct manifest_key_row *row,
                            const struct toml_entry *entry, void *into)
{
    enum { MOST_EXIT_CODE = 255 };
    struct m_retry *retry = into;

    (void)row;
    if (entry->value.kind != TOML_ARRAY || entry->value.array.count == 0) {
        m_error_kind(reader, &entry->value, entry->key, "an array of exit codes", "as in [75]");
        return;
    }
    retry->exit_codes = ARENA_ARRAY(reader->arena, int32_t, entry->value.array.count);
    TOML_ITEMS(item, &entry->value.array)
    {
        if (item->kind != TOML_INTEGER || item->integer < 1 || item->integer > MOST_EXIT_CODE) {
            m_error(reader, item->span, NULL, entry->key, "holds what is no exit code of 1 to %d",
                    MOST_EXIT_CODE);
        } else {
            retry->exit_codes[retry->exit_code_count++] = (int32_t)item->integer;
        }
    }
}

static const struct m_command *m_command_read(struct m_reader *reader,
                                              const struct toml_entry *entry)
{
    struct m_command *command = ARENA_NEW(reader->arena, struct m_command);

    command->span = entry->value.span;
    m_run_read(reader, entry->key, &entry->value, &command->run_kind, &command->run);
    return command;
}

void m_key_recover(struct m_reader *reader, const struct manifest_key_row *row,
                   const struct toml_entry *entry, void *into)
{
    (void)row;
    ((struct m_settings *)into)->recover = m_command_read(reader, entry);
}

void m_key_compensate(struct m_reader *reader, const struct manifest_key_row *row,
                      const struct toml_entry *entry, void *into)
{
    (void)row;
    ((struct m_settings *)into)->compensate = m_command_read(reader, entry);
}
