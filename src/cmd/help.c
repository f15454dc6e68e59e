/* Owns `help`, `--help` and `version`: the tables as text for a terminal. */
#include <string.h>

#include "base/suggest.h"
#include "cmd/command.h"
#include "run/version.h"

enum { HELP_WIDTH = 80, HELP_COLUMN = 24 };

/* Adds words, broken so that no line is longer than HELP_WIDTH; lines but the first start at
 * `indent`. `column` is where the first one starts. */
static void help_wrap(struct strbuf *out, struct str text, size_t indent, size_t column)
{
    struct str word;
    bool first = true;

    while (str_split(&text, ' ', &word)) {
        if (!first && column + 1 + word.len > HELP_WIDTH) {
            strbuf_printf(out, "\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        if (!first) {
            strbuf_putc(out, ' ');
            column++;
        }
        strbuf_add_str(out, word);
        column += word.len;
        first = false;
    }
    strbuf_putc(out, '\n');
}

/* A term at two blanks, its meaning at HELP_COLUMN. */
static void help_row(struct strbuf *out, struct str term, const char *meaning)
{
    strbuf_printf(out, "  %.*s", STR_ARG(term));
    if (term.len + 4 > HELP_COLUMN) {
        strbuf_printf(out, "\n%*s", HELP_COLUMN, "");
    } else {
        strbuf_printf(out, "%*s", HELP_COLUMN - 2 - (int)term.len, "");
    }
    help_wrap(out, str_of(meaning), HELP_COLUMN, HELP_COLUMN);
}

static void help_option_term(const struct option_row *row, struct strbuf *term)
{
    if (row->letter != 0) {
        strbuf_printf(term, "-%c, ", row->letter);
    } else {
        strbuf_puts(term, "    ");
    }
    strbuf_printf(term, "--%s", row->name);
    if (row->kind == OPTION_OPTIONAL) {
        /* "[X]" becomes "[=X]" */
        strbuf_printf(term, "[=%s", row->argument + 1);
    } else if (row->argument != NULL) {
        strbuf_printf(term, " %s", row->argument);
    }
}

static void help_options(struct strbuf *out, const struct option_row *rows)
{
    struct strbuf term = {0};

    for (const struct option_row *row = rows; row->name != NULL; row++) {
        strbuf_clear(&term);
        help_option_term(row, &term);
        help_row(out, strbuf_str(&term), row->help);
    }
    strbuf_fini(&term);
}

void help_show_all(struct strbuf *out)
{
    strbuf_puts(out, "usage: pawl [OPTION...] COMMAND [ARGUMENT...]\n\n"
                     "Runs what is out of date in a manifest of stages, and never loses finished "
                     "work.\n\ncommands:\n");
    for (const struct cli_command *command = commands; command->name != NULL; command++) {
        if (!command->hidden) {
            help_row(out, str_of(command->name), command->summary);
        }
    }
    strbuf_puts(out, "\noptions of all commands:\n");
    help_options(out, global_options);
    strbuf_puts(out, "\n'pawl help COMMAND' says more.\n");
}

static void help_examples(struct strbuf *out, const char *const *examples)
{
    strbuf_puts(out, "\nexamples:\n");
    for (const char *const *at = examples; at[0] != NULL; at += 2) {
        strbuf_printf(out, "  %s\n      %s\n", at[0], at[1]);
    }
}

void help_show_command(const struct cli_command *command, struct strbuf *out)
{
    struct str text = str_of(command->text);
    struct str paragraph;

    strbuf_printf(out, "usage: pawl %s%s%s%s\n\n", command->name,
                  command->options[0].name != NULL ? " [OPTION...]" : "",
                  command->arguments[0] != '\0' ? " " : "", command->arguments);
    while (str_split(&text, '\n', &paragraph)) {
        help_wrap(out, paragraph, 0, 0);
    }
    if (command->options[0].name != NULL) {
        strbuf_puts(out, "\noptions:\n");
        help_options(out, command->options);
    }
    strbuf_puts(out, "\noptions of all commands:\n");
    help_options(out, global_options);
    if (command->examples != NULL) {
        help_examples(out, command->examples);
    }
}

int cmd_help(struct cli *cli)
{
    const struct cli_command *command;
    struct suggest suggest;

    if (cli->operands.count == 0) {
        help_show_all(&cli->out);
        return STATUS_OK;
    }
    command = command_find(str_of(cli->operands.items[0]));
    if (command != NULL) {
        help_show_command(command, &cli->out);
        return STATUS_OK;
    }
    suggest_init(&suggest, str_of(cli->operands.items[0]));
    for (command = commands; command->name != NULL; command++) {
        suggest_offer(&suggest, str_of(command->name));
    }
    if (suggest.best.len != 0) {
        cli_warn("unknown command '%s': did you mean '%.*s'?", cli->operands.items[0],
                 STR_ARG(suggest.best));
    } else {
        cli_warn("unknown command '%s': 'pawl help' lists all", cli->operands.items[0]);
    }
    return STATUS_USAGE;
}

int cmd_version(struct cli *cli)
{
    strbuf_puts(&cli->out, "pawl " PAWL_VERSION "\n");
    return STATUS_OK;
}
