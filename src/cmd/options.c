/* Owns reading the arguments by the rows of the tables. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/suggest.h"
#include "cmd/command.h"

/* --- looking up --- */

const struct cli_command *command_find(struct str name)
{
    for (const struct cli_command *command = commands; command->name != NULL; command++) {
        if (str_is(name, command->name)) {
            return command;
        }
    }
    return NULL;
}

static const struct option_row *option_find_in(const struct option_row *rows, struct str name,
                                               char letter)
{
    for (const struct option_row *row = rows; row != NULL && row->name != NULL; row++) {
        if (letter != 0 ? row->letter == letter : str_is(name, row->name)) {
            return row;
        }
    }
    return NULL;
}

const struct option_row *option_find(const struct cli_command *command, struct str name)
{
    const struct option_row *row =
        command != NULL ? option_find_in(command->options, name, 0) : NULL;

    return row != NULL ? row : option_find_in(global_options, name, 0);
}

bool option_find_global(struct str name)
{
    return option_find_in(global_options, name, 0) != NULL;
}

const struct option_row *option_find_letter(const struct cli_command *command, char letter)
{
    const struct option_row *row =
        command != NULL ? option_find_in(command->options, STR(""), letter) : NULL;

    return row != NULL ? row : option_find_in(global_options, STR(""), letter);
}

/* --- mistakes --- */

static void option_offer(struct suggest *suggest, const struct option_row *rows)
{
    for (const struct option_row *row = rows; row->name != NULL; row++) {
        suggest_offer(suggest, str_of(row->name));
    }
}

static bool option_fail_unknown(const struct cli_command *command, struct str name, struct err *err)
{
    struct suggest suggest;

    suggest_init(&suggest, name);
    if (command != NULL) {
        option_offer(&suggest, command->options);
    }
    option_offer(&suggest, global_options);
    if (suggest.best.len != 0) {
        return err_set(err, STATUS_USAGE, "unknown option '--%.*s' of '%s': did you mean '--%.*s'?",
                       STR_ARG(name), command != NULL ? command->name : "pawl",
                       STR_ARG(suggest.best));
    }
    return err_set(err, STATUS_USAGE, "unknown option '--%.*s' of '%s': see 'pawl help%s%s'",
                   STR_ARG(name), command != NULL ? command->name : "pawl",
                   command != NULL ? " " : "", command != NULL ? command->name : "");
}

static bool option_fail_choice(const struct option_row *row, const char *value, struct err *err)
{
    struct strbuf words = {0};
    struct suggest suggest;

    suggest_init(&suggest, str_of(value));
    for (const char *const *choice = row->choices; *choice != NULL; choice++) {
        suggest_offer(&suggest, str_of(*choice));
        strbuf_printf(&words, "%s%s", choice == row->choices ? "" : ", ", *choice);
    }
    if (suggest.best.len != 0) {
        err_set(err, STATUS_USAGE, "unknown value '%s' of '--%s': did you mean '%.*s'?", value,
                row->name, STR_ARG(suggest.best));
    } else {
        err_set(err, STATUS_USAGE, "unknown value '%s' of '--%s': it takes one of %s", value,
                row->name, words.data);
    }
    strbuf_fini(&words);
    return false;
}

/* --- values --- */

static void *cli_grow(struct cli *cli, void *items, uint32_t count, size_t size)
{
    char *grown = items;

    /* Doubled at each power of two. */
    if ((count & (count - 1)) == 0) {
        grown = arena_calloc(&cli->arena, count == 0 ? 1 : 2 * (size_t)count, size);
        if (count != 0) {
            memcpy(grown, items, count * size);
        }
    }
    return grown;
}

static void cli_add_text(struct cli *cli, struct cli_texts *texts, const char *text)
{
    texts->items = cli_grow(cli, texts->items, texts->count, sizeof(*texts->items));
    texts->items[texts->count++] = text;
}

static bool cli_add_pair(struct cli *cli, const struct option_row *row, struct cli_pairs *pairs,
                         const char *text, struct err *err)
{
    struct str value = str_of(text);
    struct str name;

    if (str_find(value, '=') < 1) {
        return err_set(err, STATUS_USAGE, "'%s' of '--%s' is no %s", text, row->name,
                       row->argument);
    }
    str_split(&value, '=', &name);
    pairs->items = cli_grow(cli, pairs->items, pairs->count, sizeof(*pairs->items));
    pairs->items[pairs->count++] = (struct cli_pair){name, value};
    return true;
}

static bool cli_set_jobs(const struct option_row *row, struct cli_jobs *jobs, const char *text,
                         struct err *err)
{
    uint64_t count = 0;

    if (strcmp(text, "auto") != 0 &&
        (!str_to_u64(str_of(text), &count) || count == 0 || count > LIMIT_JOBS)) {
        return err_set(err, STATUS_USAGE,
                       "'%s' of '--%s' is no number from 1 to %d: give one, or 'auto'", text,
                       row->name, LIMIT_JOBS);
    }
    *jobs = (struct cli_jobs){.given = true, .count = (uint32_t)count};
    return true;
}

static bool cli_set_choice(const struct option_row *row, int *at, const char *text, struct err *err)
{
    for (int i = 0; row->choices[i] != NULL; i++) {
        if (strcmp(row->choices[i], text) == 0) {
            *at = i;
            return true;
        }
    }
    return option_fail_choice(row, text, err);
}

static bool cli_set_value(struct cli *cli, const struct option_row *row, const char *value,
                          struct err *err)
{
    void *at = (char *)cli + row->at;

    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)at = true;
        return true;
    case OPTION_CLEAR:
        *(bool *)at = false;
        return true;
    case OPTION_TEXT:
        *(const char **)at = value;
        return true;
    case OPTION_OPTIONAL:
        cli_add_text(cli, at, value != NULL ? value : "");
        return true;
    case OPTION_PAIR:
        return cli_add_pair(cli, row, at, value, err);
    case OPTION_JOBS:
        return cli_set_jobs(row, at, value, err);
    case OPTION_CHOICE:
        break;
    }
    return cli_set_choice(row, at, value, err);
}

static bool cli_set(struct cli *cli, const struct option_row *row, const char *value,
                    struct err *err)
{
    struct cli_pairs *given = &cli->given;

    given->items = cli_grow(cli, given->items, given->count, sizeof(*given->items));
    given->items[given->count++] =
        (struct cli_pair){str_of(row->name), str_of(value != NULL ? value : "")};
    return cli_set_value(cli, row, value, err);
}

bool cli_give(struct cli *cli, const char *name, const char *value, struct err *err)
{
    const struct option_row *row = option_find(cli->command, str_of(name));

    if (row == NULL) {
        return err_set(err, STATUS_USAGE, "there is no option '--%s' any more", name);
    }
    return cli_set(cli, row, value, err);
}

static bool option_is_flag(const struct option_row *row)
{
    return row->kind == OPTION_FLAG || row->kind == OPTION_CLEAR;
}

static bool option_needs_value(const struct option_row *row)
{
    return !option_is_flag(row) && row->kind != OPTION_OPTIONAL;
}

/* --- one argument after the other --- */

struct cli_reader {
    struct cli *cli;
    char **argv;
    int argc, next;
};

static bool cli_take_value(struct cli_reader *reader, const struct option_row *row,
                           const char **value, struct err *err)
{
    if (reader->next == reader->argc) {
        return err_set(err, STATUS_USAGE, "'--%s' needs a value: %s", row->name, row->argument);
    }
    *value = reader->argv[reader->next++];
    return true;
}

static bool cli_read_long(struct cli_reader *reader, const char *text, struct err *err)
{
    struct cli *cli = reader->cli;
    struct str name = str_of(text);
    const char *value = strchr(text, '=');
    const struct option_row *row;

    if (value != NULL) {
        name = str_head(name, (size_t)(value - text));
        value++;
    }
    row = option_find(cli->command, name);
    if (row == NULL) {
        return option_fail_unknown(cli->command, name, err);
    }
    if (value != NULL && option_is_flag(row)) {
        return err_set(err, STATUS_USAGE, "'--%s' takes no value, found '%s'", row->name, value);
    }
    if (value == NULL && option_needs_value(row) && !cli_take_value(reader, row, &value, err)) {
        return false;
    }
    return cli_set(cli, row, value, err);
}

static bool cli_read_letters(struct cli_reader *reader, const char *text, struct err *err)
{
    struct cli *cli = reader->cli;

    for (const char *at = text; *at != '\0'; at++) {
        const struct option_row *row = option_find_letter(cli->command, *at);
        const char *value = NULL;

        if (row == NULL) {
            return err_set(err, STATUS_USAGE, "unknown option '-%c' of '%s': see 'pawl help%s%s'",
                           *at, cli->command != NULL ? cli->command->name : "pawl",
                           cli->command != NULL ? " " : "",
                           cli->command != NULL ? cli->command->name : "");
        }
        if (option_needs_value(row)) {
            value = at + 1;
            at += strlen(at) - 1;
            if (*value == '=') {
                value++;
            }
            if (*value == '\0' && !cli_take_value(reader, row, &value, err)) {
                return false;
            }
        }
        if (!cli_set(cli, row, value, err)) {
            return false;
        }
    }
    return true;
}

static bool cli_read_command(struct cli *cli, const char *name, struct err *err)
{
    struct suggest suggest;

    cli->command = command_find(str_of(name));
    if (cli->command != NULL) {
        return true;
    }
    suggest_init(&suggest, str_of(name));
    for (const struct cli_command *command = commands; command->name != NULL; command++) {
        if (!command->hidden) {
            suggest_offer(&suggest, str_of(command->name));
        }
    }
    if (suggest.best.len != 0) {
        return err_set(err, STATUS_USAGE, "unknown command '%s': did you mean '%.*s'?", name,
                       STR_ARG(suggest.best));
    }
    return err_set(err, STATUS_USAGE, "unknown command '%s': 'pawl help' lists all", name);
}

static bool cli_read_word(struct cli *cli, const char *word, struct err *err)
{
    if (cli->command == NULL) {
        return cli_read_command(cli, word, err);
    }
    cli_add_text(cli, &cli->operands, word);
    return true;
}

static bool cli_read_all(struct cli_reader *reader, struct err *err)
{
    bool ended = false;
    bool ok = true;

    while (ok && reader->next < reader->argc) {
        const char *text = reader->argv[reader->next++];

        if (ended || text[0] != '-' || text[1] == '\0') {
            ok = cli_read_word(reader->cli, text, err);
        } else if (strcmp(text, "--") == 0) {
            ended = true;
        } else if (text[1] == '-') {
            ok = cli_read_long(reader, text + 2, err);
        } else {
            ok = cli_read_letters(reader, text + 1, err);
        }
    }
    return ok;
}

static bool cli_check_operands(const struct cli *cli, struct err *err)
{
    const struct cli_command *command = cli->command;

    if (cli->operands.count < command->operands_least) {
        return err_set(err, STATUS_USAGE, "'%s' needs %s: see 'pawl help %s'", command->name,
                       command->arguments, command->name);
    }
    if (command->operands_most != COMMAND_MANY && cli->operands.count > command->operands_most) {
        return err_set(err, STATUS_USAGE, "'%s' has no use for '%s': see 'pawl help %s'",
                       command->name, cli->operands.items[command->operands_most], command->name);
    }
    return true;
}

bool cli_parse(struct cli *cli, int argc, char **argv, struct err *err)
{
    struct cli_reader reader = {.cli = cli, .argv = argv, .argc = argc, .next = argc > 0 ? 1 : 0};

    cli->argc = argc;
    cli->argv = argv;
    if (!cli_read_all(&reader, err)) {
        return false;
    }
    if (cli->help || cli->version) {
        return true;
    }
    if (cli->command == NULL) {
        return err_set(err, STATUS_USAGE, "no command: 'pawl help' lists all");
    }
    return cli_check_operands(cli, err);
}
