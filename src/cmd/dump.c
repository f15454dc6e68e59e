/* Owns `dump`: what tests and manuals are made of. */
#include "cmd/dump.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/suggest.h"
#include "cmd/command.h"
#include "model/toml.h"
#include "os/files.h"

static const struct {
    const char *what, *name;
    void (*write)(struct strbuf *out);
} dump_pages[] = {{"man", "pawl.1", dump_man_pawl},
                  {"man", "pawl.toml.5", dump_man_manifest},
                  {"docs", "exit-status", dump_docs_exit_status},
                  {"docs", "events", dump_docs_events},
                  {"docs", "manifest-keys", dump_docs_manifest_keys},
                  {"docs", "commands", dump_docs_commands},
                  {"docs", "states", dump_docs_states}};
enum { DUMP_PAGES = sizeof(dump_pages) / sizeof(*dump_pages) };

static bool dump_read(const char *file, struct strbuf *text, struct err *err)
{
    if (strcmp(file, "-") == 0) {
        return file_read_fd(STDIN_FILENO, "standard input", LIMIT_TOML_BYTES, text, err);
    }
    return file_read(AT_FDCWD, file, LIMIT_TOML_BYTES, text, err);
}

static int dump_toml_text(struct cli *cli, const char *file, struct str text)
{
    struct diags diags;
    struct strbuf said = {0};
    struct toml_value *root;

    diags_init(&diags);
    root = toml_parse(&cli->arena, text, diags_add_source(&diags, str_of(file), text), &diags);
    if (root != NULL) {
        toml_dump_json(&cli->out, root);
        strbuf_putc(&cli->out, '\n');
    }
    if (diags.count != 0) {
        diags_render(&diags, &said, cli_is_colored(cli, STDERR_FILENO));
        file_write_all(STDERR_FILENO, said.data, said.len);
    }
    strbuf_fini(&said);
    diags_fini(&diags);
    return root != NULL ? STATUS_OK : STATUS_MANIFEST;
}

static int dump_toml(struct cli *cli, const char *file)
{
    struct strbuf text = {0};
    struct err err = {0};
    int status;

    if (dump_read(file, &text, &err)) {
        status = dump_toml_text(cli, file, strbuf_str(&text));
    } else {
        status = cli_fail(&err);
    }
    strbuf_fini(&text);
    return status;
}

int cmd_dump(struct cli *cli)
{
    const char *what = cli->operands.items[0];
    const char *name = cli->operands.items[1];

    if (strcmp(what, "digests") == 0) {
        return dump_digests(cli);
    }
    if (cli->operands.count != 2) {
        cli_warn("'%s': is one too many: see 'pawl help dump'", cli->operands.items[2]);
        return STATUS_USAGE;
    }
    if (strcmp(what, "toml") == 0) {
        return dump_toml(cli, name);
    }
    if (strcmp(what, "plan") == 0 || strcmp(what, "instances") == 0) {
        return dump_plan(cli, name, strcmp(what, "instances") == 0);
    }
    for (size_t i = 0; i < DUMP_PAGES; i++) {
        if (strcmp(what, dump_pages[i].what) == 0 && strcmp(name, dump_pages[i].name) == 0) {
            dump_pages[i].write(&cli->out);
            return STATUS_OK;
        }
    }
    cli_warn("there is no '%s %s' to dump: see 'pawl help dump'", what, name);
    return STATUS_USAGE;
}
