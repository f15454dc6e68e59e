/* Owns the first manifest. It must run as it is: tests/cli/init.bats runs it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/sys.h"
#include "cmd/command.h"
#include "os/files.h"
#include "run/session.h"

static const char init_text[] =
    "# What is made of what, for pawl: 'pawl run' brings it up to date, 'pawl plan' says what it\n"
    "# would do, 'pawl help' lists everything else. Paths are relative to this file's folder.\n"
    "\n"
    "[pipeline]\n"
    "name = \"first\"\n"
    "\n"
    "[params]\n"
    "# Values by name; 'pawl run -p count=20' overrides one. They stand in a stage as {{count}}.\n"
    "count = { value = 10, min = 1, max = 1000, help = \"how many numbers\" }\n"
    "\n"
    "# A stage is a command, what it reads and what it makes. It runs when its command, its "
    "inputs\n"
    "# or its environment changed, or when its outputs are gone.\n"
    "[stage.numbers]\n"
    "desc = \"the numbers from 1 to count\"\n"
    "run = \"awk 'BEGIN { for (i = 1; i <= ARGV[1]; i++) print i }' {{count}}\"\n"
    "stdout = \"out/numbers.txt\"\n"
    "\n"
    "# One instance for each value of the matrix. Because it reads what 'numbers' makes, it runs\n"
    "# after it.\n"
    "[stage.power]\n"
    "desc = \"each number raised to a power\"\n"
    "matrix = { exponent = [2, 3] }\n"
    "run = \"awk '{ print $1 ^ e }' e={{exponent}} {{inputs}}\"\n"
    "inputs = [\"out/numbers.txt\"]\n"
    "stdout = \"out/power-{{exponent}}.txt\"\n"
    "\n"
    "[stage.report]\n"
    "desc = \"the last line of each file\"\n"
    "run = '''for file in {{inputs}}; do echo \"$file: $(tail -n 1 \"$file\")\"; done'''\n"
    "inputs = [\"out/power-*.txt\"]\n"
    "stdout = \"out/report.txt\"\n";

static bool init_write(const char *file, struct err *err)
{
    int fd = sys_open(file, O_WRONLY | O_CREAT | O_EXCL, 0666);
    bool ok;

    if (fd < 0 && errno == EEXIST) {
        return err_set(err, STATUS_USAGE,
                       "'%s' is there already: it is left as it is; 'pawl check' reads it", file);
    }
    if (fd < 0) {
        return err_sys(err, "'%s': cannot be made", file);
    }
    ok = file_write_all(fd, init_text, sizeof(init_text) - 1) ||
         err_sys(err, "'%s': cannot be written", file);
    if (sys_close(fd) != 0 && ok) {
        ok = err_sys(err, "'%s': cannot be written", file);
    }
    if (!ok) {
        sys_unlinkat(AT_FDCWD, file, 0);
    }
    return ok;
}

int cmd_init(struct cli *cli)
{
    const char *file = cli->file != NULL ? cli->file : "pawl.toml";
    struct err err = {0};

    if (!session_go(cli->dir, &err)) {
        return cli_fail(&err);
    }
    if (!init_write(file, &err)) {
        return cli_fail(&err);
    }
    strbuf_printf(&cli->out, "wrote %s; 'pawl run' runs it\n", file);
    return STATUS_OK;
}
