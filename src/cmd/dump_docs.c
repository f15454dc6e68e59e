/* Owns the pages of the manual in Markdown. */
#include <string.h>

#include "cmd/command.h"
#include "cmd/dump.h"
#include "model/event.h"
#include "model/manifest.h"
#include "model/states.h"

#define DOCS_MADE "<!-- Made by `make docs` from the tables in the source: edit those. -->\n\n"

/* A cell of a table: a bar would end it. */
static void docs_cell(struct strbuf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') {
            strbuf_putc(out, '\\');
        }
        strbuf_putc(out, *text);
    }
}

void dump_docs_exit_status(struct strbuf *out)
{
    strbuf_puts(out, "# Exit statuses\n\n" DOCS_MADE "The status says who must act.\n\n"
                     "| status | name | means |\n| ---: | --- | --- |\n");
    for (const struct status_row *row = status_rows; row->name != NULL; row++) {
        if (row->status == STATUS_SIGNAL) {
            strbuf_printf(out, "| 128+n | %s | ", row->name);
        } else {
            strbuf_printf(out, "| %d | %s | ", (int)row->status, row->name);
        }
        docs_cell(out, row->meaning);
        strbuf_puts(out, " |\n");
    }
}

/* --- events --- */

static const char *docs_field_kind(enum event_field_kind kind)
{
    switch (kind) {
    case EVENT_KIND_STR:
    case EVENT_KIND_NAME:
        return "string";
    case EVENT_KIND_INT:
    case EVENT_KIND_U32:
        return "integer";
    case EVENT_KIND_TIME:
        return "time";
    case EVENT_KIND_PAIRS:
        return "object of strings";
    case EVENT_KIND_STRS:
        return "array of strings";
    case EVENT_KIND_FIGURES:
        return "object of numbers";
    case EVENT_KIND_IDS:
        break;
    }
    return "array of numbers and [first, last] ranges";
}

static void docs_event_type(struct strbuf *out, const struct event_type_row *row)
{
    bool first = true;

    strbuf_printf(out, "| `%s` | %s | ", row->name, event_severity_name(row->severity));
    docs_cell(out, row->meaning);
    strbuf_puts(out, " | ");
    for (unsigned i = 0; i < EVENT_FIELD_TOTAL; i++) {
        if ((row->fields >> i & 1u) != 0) {
            strbuf_printf(out, "%s`%s`", first ? "" : " ", event_fields[i].name);
            first = false;
        }
    }
    strbuf_puts(out, " |\n");
}

void dump_docs_events(struct strbuf *out)
{
    strbuf_puts(
        out,
        "# Events\n\n" DOCS_MADE
        "The record of a run is `.pawl/runs/RUN/events.jsonl`: one JSON object a line. `pawl "
        "events` prints it and checks it. A type is never renamed and a field never changes its "
        "meaning; new ones may come, so pass over what you do not know.\n\n"
        "Every event has `seq` (from 1), `time` (UTC), `type`, `severity`, `run`, `trace` and, "
        "last, `chain`: the SHA-256 over the chain before and the bytes of the line up to it.\n\n"
        "## Types\n\n| type | severity | means | fields |\n| --- | --- | --- | --- |\n");
    for (unsigned i = 0; i < EVENT_TYPE_COUNT; i++) {
        docs_event_type(out, &event_types[i]);
    }
    strbuf_puts(out, "\n## Fields\n\nA field that has nothing to say may be left out.\n\n"
                     "| field | is | means |\n| --- | --- | --- |\n");
    for (unsigned i = 0; i < EVENT_FIELD_TOTAL; i++) {
        strbuf_printf(out, "| `%s` | %s | ", event_fields[i].name,
                      docs_field_kind(event_fields[i].kind));
        docs_cell(out, event_fields[i].meaning);
        strbuf_puts(out, " |\n");
    }
}

/* --- the manifest --- */

static void docs_manifest_table(struct strbuf *out, enum manifest_table table)
{
    strbuf_printf(out, "\n## %s\n\n| key | is | means |\n| --- | --- | --- |\n",
                  manifest_table_name(table));
    for (const struct manifest_key_row *row = manifest_keys; row->name != NULL; row++) {
        if (row->table == table) {
            strbuf_printf(out, "| `%s` | ", row->name);
            docs_cell(out, row->type);
            strbuf_puts(out, " | ");
            docs_cell(out, row->meaning);
            strbuf_puts(out, " |\n");
        }
    }
}

void dump_docs_manifest_keys(struct strbuf *out)
{
    strbuf_puts(out, "# Keys of the manifest\n\n" DOCS_MADE
                     "What each key of `pawl.toml` means; an unknown key is an error.\n");
    for (unsigned table = 0; table < MANIFEST_TABLES; table++) {
        docs_manifest_table(out, (enum manifest_table)table);
    }
}

/* --- commands --- */

void dump_docs_commands(struct strbuf *out)
{
    strbuf_puts(out, "# Commands\n\n" DOCS_MADE
                     "What `pawl help COMMAND` says of each command.\n\n```\n");
    help_show_all(out);
    strbuf_puts(out, "```\n");
    for (const struct cli_command *command = commands; command->name != NULL; command++) {
        if (!command->hidden) {
            strbuf_printf(out, "\n## %s\n\n```\n", command->name);
            help_show_command(command, out);
            strbuf_puts(out, "```\n");
        }
    }
}

/* --- states --- */

/* The events that may move an instance or a run from one state to another. */
static void docs_moves(struct strbuf *out, unsigned from, unsigned count,
                       bool (*may)(unsigned from, unsigned to, enum event_type by),
                       const char *(*name)(unsigned state))
{
    for (unsigned to = 0; to < count; to++) {
        bool first = true;

        for (unsigned by = 0; by < EVENT_TYPE_COUNT; by++) {
            if (may(from, to, (enum event_type)by)) {
                if (first) {
                    strbuf_printf(out, "| %s | %s |", name(from), name(to));
                }
                strbuf_printf(out, " `%s`", event_types[by].name);
                first = false;
            }
        }
        if (!first) {
            strbuf_puts(out, " |\n");
        }
    }
}

static bool docs_inst_may(unsigned from, unsigned to, enum event_type by)
{
    return inst_state_may_move((enum inst_state)from, (enum inst_state)to, by);
}

static const char *docs_inst_name(unsigned state)
{
    return inst_state_name((enum inst_state)state);
}

static bool docs_run_may(unsigned from, unsigned to, enum event_type by)
{
    return run_status_may_move((enum run_status)from, (enum run_status)to, by);
}

static const char *docs_run_name(unsigned state)
{
    return run_status_name((enum run_status)state);
}

void dump_docs_states(struct strbuf *out)
{
    strbuf_puts(out, "# States\n\n" DOCS_MADE "## Instances\n\n| state | means |\n| --- | --- |\n");
    for (unsigned i = 0; i < INST_STATE_COUNT; i++) {
        strbuf_printf(out, "| %s | %s |\n", docs_inst_name(i),
                      inst_state_meaning((enum inst_state)i));
    }
    strbuf_puts(out, "\n| from | to | by |\n| --- | --- | --- |\n");
    for (unsigned i = 0; i < INST_STATE_COUNT; i++) {
        docs_moves(out, i, INST_STATE_COUNT, docs_inst_may, docs_inst_name);
    }
    strbuf_puts(out, "\n## Runs\n\n| from | to | by |\n| --- | --- | --- |\n");
    for (unsigned i = 0; i < RUN_STATUS_COUNT; i++) {
        docs_moves(out, i, RUN_STATUS_COUNT, docs_run_may, docs_run_name);
    }
}
