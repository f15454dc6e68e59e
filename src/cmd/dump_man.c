/* Owns the manual pages in roff. Texts of the tables are plain, with names in backquotes. */
#include <assert.h>
#include <string.h>

#include "base/utf8.h"
#include "cmd/command.h"
#include "cmd/dump.h"
#include "model/manifest.h"
#include "run/version.h"

#define MAN_MADE ".\\\" Made by `make docs` from the tables in the source: edit those.\n"

/* A character beyond ASCII, in the form that every roff reads; how many bytes it takes. */
static size_t man_character(struct strbuf *out, struct str text)
{
    size_t len = utf8_sequence(text, 0);

    assert(len != 0);
    strbuf_printf(out, "\\[u%04X]", (unsigned)utf8_decode(text, 0));
    return len;
}

/* Text with roff's own characters escaped; what stands in backquotes becomes bold. */
static void man_text(struct strbuf *out, const char *text)
{
    bool bold = false;

    if (*text == '.' || *text == '\'') {
        strbuf_puts(out, "\\&");
    }
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text >= 0x80) {
            text += man_character(out, str_of(text)) - 1;
            continue;
        }
        switch (*text) {
        case '\\':
            strbuf_puts(out, "\\e");
            break;
        case '-':
            strbuf_puts(out, "\\-");
            break;
        case '\'':
            strbuf_puts(out, "\\(aq");
            break;
        case '`':
            bold = !bold;
            strbuf_puts(out, bold ? "\\fB" : "\\fR");
            break;
        case '\n':
            strbuf_puts(out, text[1] == '\n' ? "\n.PP" : "\n");
            break;
        default:
            strbuf_putc(out, *text);
        }
    }
    strbuf_putc(out, '\n');
}

static void man_head(struct strbuf *out, const char *name, int section, const char *summary)
{
    strbuf_puts(out, MAN_MADE);
    strbuf_printf(out, ".TH %s %d \"\" \"pawl %s\" \"pawl\"\n.SH NAME\n%s \\- %s\n", name, section,
                  PAWL_VERSION, name, summary);
}

static void man_option(struct strbuf *out, const struct option_row *row)
{
    strbuf_puts(out, ".TP\n");
    if (row->letter != 0) {
        strbuf_printf(out, "\\fB\\-%c\\fR, ", row->letter);
    }
    strbuf_puts(out, "\\fB\\-\\-");
    for (const char *at = row->name; *at != '\0'; at++) {
        strbuf_puts(out, *at == '-' ? "\\-" : (char[]){*at, '\0'});
    }
    strbuf_puts(out, "\\fR");
    if (row->kind == OPTION_OPTIONAL) {
        strbuf_printf(out, "[=\\fI%.*s\\fR]", (int)strlen(row->argument) - 2, row->argument + 1);
    } else if (row->argument != NULL) {
        strbuf_printf(out, " \\fI%s\\fR", row->argument);
    }
    strbuf_putc(out, '\n');
    man_text(out, row->help);
}

static void man_options(struct strbuf *out, const struct option_row *rows)
{
    for (const struct option_row *row = rows; row->name != NULL; row++) {
        man_option(out, row);
    }
}

static void man_command(struct strbuf *out, const struct cli_command *command)
{
    strbuf_printf(out, ".SS \"pawl %s%s%s%s\"\n", command->name,
                  command->options[0].name != NULL ? " [OPTION...]" : "",
                  command->arguments[0] != '\0' ? " " : "", command->arguments);
    man_text(out, command->text);
    man_options(out, command->options);
    for (const char *const *at = command->examples; at != NULL && *at != NULL; at += 2) {
        strbuf_puts(out, ".PP\n.EX\n");
        man_text(out, at[0]);
        strbuf_puts(out, ".EE\n.RS\n");
        man_text(out, at[1]);
        strbuf_puts(out, ".RE\n");
    }
}

static void man_statuses(struct strbuf *out)
{
    strbuf_puts(out, ".SH \"EXIT STATUS\"\nThe status says who must act.\n");
    for (const struct status_row *row = status_rows; row->name != NULL; row++) {
        if (row->status == STATUS_SIGNAL) {
            strbuf_printf(out, ".TP\n\\fB128+n\\fR %s\n", row->name);
        } else {
            strbuf_printf(out, ".TP\n\\fB%d\\fR %s\n", (int)row->status, row->name);
        }
        man_text(out, row->meaning);
    }
}

void dump_man_pawl(struct strbuf *out)
{
    man_head(out, "pawl", 1, "run what is out of date, and never lose finished work");
    strbuf_puts(out, ".SH SYNOPSIS\n\\fBpawl\\fR [\\fIOPTION\\fR...] \\fICOMMAND\\fR "
                     "[\\fIARGUMENT\\fR...]\n.SH DESCRIPTION\n");
    man_text(out, "pawl reads a manifest of stages (see pawl.toml(5)), runs what is out of date, "
                  "side by side where it can, and keeps what each stage made. A skip is right for "
                  "everything declared; a kill never costs a finished stage; a good output is "
                  "never gone before its successor is complete.");
    strbuf_puts(out, ".SH OPTIONS\nBefore or behind every command.\n");
    man_options(out, global_options);
    strbuf_puts(out, ".SH COMMANDS\n");
    for (const struct cli_command *command = commands; command->name != NULL; command++) {
        if (!command->hidden) {
            man_command(out, command);
        }
    }
    man_statuses(out);
    strbuf_puts(out,
                ".SH ENVIRONMENT\n.TP\n\\fBNO_COLOR\\fR, \\fBCLICOLOR_FORCE\\fR\n"
                "No colour; colour even without a terminal.\n.TP\n\\fBTRACEPARENT\\fR\n"
                "A W3C trace context that a new run belongs to.\n.TP\n\\fBMAKEFLAGS\\fR\n"
                "Where make's jobserver is, of which \\fBrun\\fR takes a token for each slot "
                "beyond its first (a recipe needs a + for it) unless \\fB\\-j\\fR \\fIN\\fR is "
                "given. Commands find in it the one they share, see \\fIjobserver\\fR in "
                "\\fBpawl.toml\\fR(5).\n"
                ".SH FILES\n.TP\n\\fIpawl.toml\\fR\nThe manifest.\n.TP\n"
                "\\fIpawl.local.toml\\fR\nSettings of this machine.\n.TP\n\\fI.pawl\\fR\n"
                "The store, and the record of every run.\n"
                ".SH \"SEE ALSO\"\n\\fBpawl.toml\\fR(5)\n");
}

void dump_man_manifest(struct strbuf *out)
{
    man_head(out, "pawl.toml", 5, "manifest of stages for pawl");
    strbuf_puts(out, ".SH DESCRIPTION\n");
    man_text(out, "A manifest is a TOML file. Its folder is the workspace; every path in it is "
                  "relative to that folder. `pawl init` writes a first one, `pawl check` reports "
                  "every mistake with its place.\n\nStages depend on each other by paths: a "
                  "stage that reads what another makes runs after it.");
    for (unsigned table = 0; table < MANIFEST_TABLES; table++) {
        strbuf_printf(out, ".SH \"KEYS OF ");
        man_text(out, manifest_table_name((enum manifest_table)table));
        out->len--; /* the line end: the quote comes first */
        strbuf_puts(out, "\"\n");
        for (const struct manifest_key_row *row = manifest_keys; row->name != NULL; row++) {
            if (row->table == (enum manifest_table)table) {
                strbuf_printf(out, ".TP\n\\fB%s\\fR (", row->name);
                man_text(out, row->type);
                out->len--;
                strbuf_puts(out, ")\n");
                man_text(out, row->meaning);
            }
        }
    }
    strbuf_puts(out, ".SH \"SEE ALSO\"\n\\fBpawl\\fR(1)\n");
}
