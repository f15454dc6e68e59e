/* Owns one call: parse, do, write what was said. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"
#include "cmd/command.h"

void cli_init(struct cli *cli, const struct origin *origin)
{
    *cli = (struct cli){.origin = origin};
    arena_init(&cli->arena);
    strbuf_init(&cli->out);
}

void cli_fini(struct cli *cli)
{
    strbuf_fini(&cli->out);
    arena_fini(&cli->arena);
}

void cli_warn(const char *format, ...)
{
    struct strbuf text = {0};
    va_list args;

    strbuf_puts(&text, "pawl: ");
    va_start(args, format);
    strbuf_vprintf(&text, format, args);
    va_end(args);
    strbuf_putc(&text, '\n');
    /* Where stderr cannot be written there is nobody to tell. */
    sys_write_full(STDERR_FILENO, text.data, text.len);
    strbuf_fini(&text);
}

int cli_fail(const struct err *err)
{
    cli_warn("%s", err->text);
    return err->status;
}

bool cli_flush(struct cli *cli)
{
    if (cli->out_err.status == 0 && cli->out.len != 0 &&
        sys_write_full(STDOUT_FILENO, cli->out.data, cli->out.len) != 0) {
        err_sys(&cli->out_err, "the standard output cannot be written");
    }
    strbuf_clear(&cli->out);
    return cli->out_err.status == 0;
}

bool cli_is_colored(const struct cli *cli, int fd)
{
    const char *no_color = getenv("NO_COLOR");
    const char *force = getenv("CLICOLOR_FORCE");
    const char *term = getenv("TERM");

    if (cli->color != CLI_COLOR_AUTO) {
        return cli->color == CLI_COLOR_ALWAYS;
    }
    if (no_color != NULL && no_color[0] != '\0') {
        return false;
    }
    if (force != NULL && force[0] != '\0' && strcmp(force, "0") != 0) {
        return true;
    }
    return sys_isatty(fd) && term != NULL && strcmp(term, "dumb") != 0;
}

static int cli_run(struct cli *cli, int argc, char **argv)
{
    struct err err = {0};

    if (!cli_parse(cli, argc, argv, &err)) {
        return cli_fail(&err);
    }
    if (cli->version) {
        return cmd_version(cli);
    }
    if (cli->help) {
        if (cli->command != NULL) {
            help_show_command(cli->command, &cli->out);
        } else {
            help_show_all(&cli->out);
        }
        return STATUS_OK;
    }
    return cli->command->fn(cli);
}

/* A result that could not be written is none, whatever else went well. */
static int cli_end(struct cli *cli, int status)
{
    cli_flush(cli);
    if (cli->out_err.status == 0 && sys_close(STDOUT_FILENO) != 0) {
        err_sys(&cli->out_err, "the standard output cannot be written");
    }
    if (cli->out_err.status == 0) {
        return status;
    }
    cli_fail(&cli->out_err);
    return status == STATUS_OK ? cli->out_err.status : status;
}

int cmd_main(int argc, char **argv, const struct origin *origin)
{
    struct cli cli;
    int status;

    cli_init(&cli, origin);
    status = cli_end(&cli, cli_run(&cli, argc, argv));
    cli_fini(&cli);
    return status;
}

bool cli_asks_for_all(const struct cli *cli)
{
    return cli->operands.count == 0 && !cli->only;
}

bool cli_takes_last_state(const struct cli *cli)
{
    return cli_asks_for_all(cli) && cli->force.count == 0 && cli->from == NULL && !cli->rehash;
}
