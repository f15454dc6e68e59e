/* Owns `completions`: scripts for three shells from the tables. Words of the tables are plain
 * (letters, digits, dashes); help texts are quoted for the shell in question. */
#include <string.h>

#include "base/suggest.h"
#include "cmd/command.h"

/* The text in single quotes of a POSIX shell; for zsh, whose _arguments reads them once more, with
 * brackets and colons escaped. */
static void complete_quote(struct strbuf *out, const char *text, const char *escaped)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            strbuf_puts(out, "'\\''");
            continue;
        }
        if (strchr(escaped, *text) != NULL) {
            strbuf_putc(out, '\\');
        }
        strbuf_putc(out, *text);
    }
}

static void complete_command_words(struct strbuf *out)
{
    bool first = true;

    for (const struct cli_command *command = commands; command->name != NULL; command++) {
        if (!command->hidden) {
            strbuf_printf(out, "%s%s", first ? "" : " ", command->name);
            first = false;
        }
    }
}

static void complete_option_words(struct strbuf *out, const struct option_row *rows)
{
    for (const struct option_row *row = rows; row->name != NULL; row++) {
        strbuf_printf(out, " --%s", row->name);
        if (row->letter != 0) {
            strbuf_printf(out, " -%c", row->letter);
        }
    }
}

static bool option_takes_file(const struct option_row *row)
{
    return row->argument != NULL &&
           (strcmp(row->argument, "FILE") == 0 || strcmp(row->argument, "DIR") == 0);
}

/* --- bash --- */

/* Words by command and option; `command` may be `*`. */
static void bash_values(struct strbuf *out, const char *command, const struct option_row *rows)
{
    for (const struct option_row *row = rows; row->name != NULL; row++) {
        if (row->choices != NULL) {
            strbuf_printf(out, "        %s:--%s) words='", command, row->name);
            for (const char *const *choice = row->choices; *choice != NULL; choice++) {
                strbuf_printf(out, "%s%s", choice == row->choices ? "" : " ", *choice);
            }
            strbuf_puts(out, "' ;;\n");
        } else if (option_takes_file(row)) {
            strbuf_printf(out,
                          "        %s:--%s) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n",
                          command, row->name);
        }
    }
}

static void complete_bash(struct strbuf *out)
{
    strbuf_puts(out, "# bash completion of pawl\n"
                     "_pawl() {\n"
                     "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
                     "    local command='' words='' at known='");
    complete_command_words(out);
    strbuf_puts(out, "'\n"
                     "    for ((at = 1; at < COMP_CWORD; at++)); do\n"
                     "        case \" $known \" in *\" ${COMP_WORDS[at]} \"*) "
                     "command=${COMP_WORDS[at]}; break ;; esac\n"
                     "    done\n"
                     "    case $command:$before in\n");
    bash_values(out, "*", global_options);
    for (const struct cli_command *command = commands; command->name != NULL; command++) {
        bash_values(out, command->name, command->options);
    }
    strbuf_puts(out, "    esac\n"
                     "    if [ -z \"$words\" ]; then\n"
                     "        case $command in\n");
    for (const struct cli_command *command = commands; command->name != NULL; command++) {
        if (!command->hidden) {
            strbuf_printf(out, "        %s) words='", command->name);
            complete_option_words(out, command->options);
            strbuf_puts(out, "' ;;\n");
        }
    }
    strbuf_puts(out, "        '') words=$known ;;\n"
                     "        esac\n"
                     "        case $command in\n"
                     "        help) words=$known ;;\n"
                     "        completions) words='bash zsh fish' ;;\n"
                     "        esac\n"
                     "        words+='");
    complete_option_words(out, global_options);
    strbuf_puts(out, "'\n"
                     "    fi\n"
                     "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
                     "}\n"
                     "complete -o default -F _pawl pawl\n");
}

/* --- zsh --- */

static void zsh_options(struct strbuf *out, const struct option_row *rows)
{
    for (const struct option_row *row = rows; row->name != NULL; row++) {
        strbuf_printf(out, " \\\n            '--%s%s[", row->name,
                      row->argument != NULL ? "=" : "");
        complete_quote(out, row->help, "[]:\\");
        strbuf_putc(out, ']');
        if (row->argument != NULL) {
            strbuf_puts(out, row->kind == OPTION_OPTIONAL ? "::" : ":");
            complete_quote(out, row->argument, "[]:\\");
            strbuf_putc(out, ':');
        }
        if (row->choices != NULL) {
            strbuf_putc(out, '(');
            for (const char *const *choice = row->choices; *choice != NULL; choice++) {
                strbuf_printf(out, "%s%s", choice == row->choices ? "" : " ", *choice);
            }
            strbuf_putc(out, ')');
        } else if (option_takes_file(row)) {
            strbuf_puts(out, "_files");
        }
        strbuf_putc(out, '\'');
    }
}

static void complete_zsh(struct strbuf *out)
{
    strbuf_puts(out, "#compdef pawl\n"
                     "_pawl() {\n"
                     "    local -a known\n"
                     "    known=(\n");
    for (const struct cli_command *command = commands; command->name != NULL; command++) {
        if (!command->hidden) {
            strbuf_printf(out, "        '%s:", command->name);
            complete_quote(out, command->summary, ":\\");
            strbuf_puts(out, "'\n");
        }
    }
    strbuf_puts(out, "    )\n"
                     "    local command=${words[(r)(");
    for (const struct cli_command *command = commands; command->name != NULL; command++) {
        if (!command->hidden) {
            strbuf_printf(out, "%s%s", command == commands ? "" : "|", command->name);
        }
    }
    strbuf_puts(out, ")]}\n"
                     "    case $command in\n");
    for (const struct cli_command *command = commands; command->name != NULL; command++) {
        if (!command->hidden) {
            strbuf_printf(out, "    %s)\n        _arguments", command->name);
            zsh_options(out, command->options);
            zsh_options(out, global_options);
            strbuf_puts(out, " \\\n            '*: :_files'\n        ;;\n");
        }
    }
    strbuf_puts(out, "    *)\n        _describe command known\n        ;;\n"
                     "    esac\n"
                     "}\n"
                     "compdef _pawl pawl\n");
}

/* --- fish --- */

static void fish_quote(struct strbuf *out, const char *text)
{
    strbuf_putc(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\') {
            strbuf_putc(out, '\\');
        }
        strbuf_putc(out, *text);
    }
    strbuf_putc(out, '\'');
}

static void fish_options(struct strbuf *out, const struct option_row *rows, const char *command)
{
    for (const struct option_row *row = rows; row->name != NULL; row++) {
        strbuf_puts(out, "complete -c pawl");
        if (command != NULL) {
            strbuf_printf(out, " -n '__fish_seen_subcommand_from %s'", command);
        }
        strbuf_printf(out, " -l %s", row->name);
        if (row->letter != 0) {
            strbuf_printf(out, " -s %c", row->letter);
        }
        if (row->argument != NULL && row->kind != OPTION_OPTIONAL) {
            strbuf_puts(out, option_takes_file(row) ? " -r -F" : " -x");
        }
        if (row->choices != NULL) {
            strbuf_puts(out, " -a '");
            for (const char *const *choice = row->choices; *choice != NULL; choice++) {
                strbuf_printf(out, "%s%s", choice == row->choices ? "" : " ", *choice);
            }
            strbuf_putc(out, '\'');
        }
        strbuf_puts(out, " -d ");
        fish_quote(out, row->help);
        strbuf_putc(out, '\n');
    }
}

static void complete_fish(struct strbuf *out)
{
    strbuf_puts(out, "# fish completion of pawl\n");
    fish_options(out, global_options, NULL);
    for (const struct cli_command *command = commands; command->name != NULL; command++) {
        if (!command->hidden) {
            strbuf_printf(out, "complete -c pawl -n __fish_use_subcommand -f -a %s -d ",
                          command->name);
            fish_quote(out, command->summary);
            strbuf_putc(out, '\n');
            fish_options(out, command->options, command->name);
        }
    }
    strbuf_puts(out, "complete -c pawl -n '__fish_seen_subcommand_from completions' -x "
                     "-a 'bash zsh fish'\n");
}

int cmd_completions(struct cli *cli)
{
    static const struct {
        const char *name;
        void (*write)(struct strbuf *out);
    } shells[] = {{"bash", complete_bash}, {"zsh", complete_zsh}, {"fish", complete_fish}};

    for (size_t i = 0; i < sizeof(shells) / sizeof(*shells); i++) {
        if (strcmp(cli->operands.items[0], shells[i].name) == 0) {
            shells[i].write(&cli->out);
            return STATUS_OK;
        }
    }
    cli_warn("unknown shell '%s': there are completions for bash, zsh and fish",
             cli->operands.items[0]);
    return STATUS_USAGE;
}
