#ifndef PAWL_CMD_COMMAND_H
#define PAWL_CMD_COMMAND_H
/* Commands as rows of a table (cmd/commands.c): parsing, help, the man page, completions and
 * suggestions come from the same rows.
 *
 * A call: cli_parse() fills a `struct cli` from the arguments, by the rows of the command they
 * name; then the row's function runs and returns the exit status. Results go to `cli->out` and so
 * to the standard output; everything else goes to stderr by cli_warn() and cli_fail().
 *
 * Options may follow operands, `--` ends them; `--option=VALUE` and `--option VALUE` both work;
 * short options combine (`-kj4`). Behind the command its own options are looked for first, then the
 * global ones.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "os/signals.h"

/* What an option takes, and the type of the member of `struct cli` at `at`. */
enum option_kind {
    OPTION_FLAG,     /* nothing; bool */
    OPTION_CLEAR,    /* nothing; bool that is false then: the last of both counts */
    OPTION_TEXT,     /* a text, the last one wins; const char * */
    OPTION_OPTIONAL, /* a text or none (`--force`, `--force=X`), each; struct cli_texts, "" */
    OPTION_PAIR,     /* NAME=VALUE, each; struct cli_pairs */
    OPTION_JOBS,     /* `auto` or a number; struct cli_jobs */
    OPTION_CHOICE    /* one of `choices`; int, its place among them */
};

struct option_row {
    const char *name;     /* without the dashes; NULL: the end of rows */
    char letter;          /* 0: none */
    const char *argument; /* what its value is called; NULL: takes none */
    const char *help;
    enum option_kind kind;
    size_t at;
    const char *const *choices; /* ended by NULL */
};

struct cli_texts {
    const char **items;
    uint32_t count;
};
struct cli_pair {
    struct str name, value;
};
struct cli_pairs {
    struct cli_pair *items;
    uint32_t count;
};
struct cli_jobs {
    bool given;
    uint32_t count; /* 0: auto */
};

/* In the order of the words in commands.c. */
enum cli_color { CLI_COLOR_AUTO, CLI_COLOR_ALWAYS, CLI_COLOR_NEVER };
enum cli_output { CLI_OUTPUT_FAILED, CLI_OUTPUT_STREAM, CLI_OUTPUT_GROUP, CLI_OUTPUT_NONE };
enum cli_progress {
    CLI_PROGRESS_AUTO,
    CLI_PROGRESS_TTY,
    CLI_PROGRESS_PLAIN,
    CLI_PROGRESS_JSON,
    CLI_PROGRESS_NONE
};
enum cli_format { CLI_FORMAT_DOT, CLI_FORMAT_MERMAID, CLI_FORMAT_JSON };
enum cli_report { CLI_REPORT_TEXT, CLI_REPORT_JSON, CLI_REPORT_CSV, CLI_REPORT_MARKDOWN };

struct cli_command;

struct cli {
    const struct cli_command *command;
    const struct origin *origin;
    int argc; /* as pawl was called */
    char **argv;
    struct arena arena;
    struct strbuf out; /* what goes to stdout: see cli_flush */
    struct err out_err;
    struct cli_texts operands;
    /* global */
    const char *dir, *file, *store;
    int color; /* enum cli_color */
    bool help, version;
    /* of commands; each says by its rows which it takes */
    struct cli_pairs params, labels, flags;
    const char *params_file, *from, *result_file, *run, *to;
    const char *head;
    const char *keep_runs, *max_age, *max_size;
    const char *last;
    struct cli_jobs jobs;
    struct cli_texts force;
    int output, progress, format;
    bool keep_going, dry, rehash, only, wait, quiet, verbose;
    bool json, check, follow, all, instances, orphans, overwrite;
    bool repair, no_retry, retry;
    bool lenient; /* failed validations are warnings */
    bool kept;
    bool detach, now, no_wait, as_recorded;
    const char *reason;
    const char *compare;    /* a run */
    struct cli_pairs given; /* options of the command, by name, as they were given */
    const char *resume;     /* of `resume`: the run that `run` goes on with */
    struct str manifest;    /* and the manifest's text, if not that of the file */
    bool stats;
};

/* Operands without end. */
enum { COMMAND_MANY = UINT16_MAX };

struct cli_command {
    const char *name;
    const char *arguments; /* "[TARGET...]" */
    const char *summary;   /* one line, lower case */
    const char *text;      /* paragraphs, divided by an empty line */
    const struct option_row *options;
    const char *const *examples; /* a call, then what it does, …; ended by NULL */
    uint16_t operands_least, operands_most;
    bool hidden;
    int (*fn)(struct cli *cli);
};

extern const struct cli_command commands[];      /* ended by name == NULL */
extern const struct option_row global_options[]; /* ended by name == NULL */

const struct cli_command *command_find(struct str name);
/* The row called `name`, or whose letter is `letter`; of the command first (may be NULL). */
const struct option_row *option_find(const struct cli_command *command, struct str name);
/* Is it one of all commands? */
bool option_find_global(struct str name);
const struct option_row *option_find_letter(const struct cli_command *command, char letter);

/* False: status 2, `err` says what is wrong. */
/* Sets an option of the command as if it had been given. */
bool cli_give(struct cli *cli, const char *name, const char *value, struct err *err);
bool cli_parse(struct cli *cli, int argc, char **argv, struct err *err);
void cli_init(struct cli *cli, const struct origin *origin);
void cli_fini(struct cli *cli);

/* Parses, runs the command, writes what it said; returns the exit status. */
int cmd_main(int argc, char **argv, const struct origin *origin);

/* --- for the commands (cmd/cli.c) --- */

/* Prints `pawl: TEXT` to stderr. */
void cli_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints the error; returns its status. */
int cli_fail(const struct err *err);
/* Writes what is in `out` to the standard output. The first failure stays in `out_err` and makes
 * the status of the call; after it everything is dropped. */
bool cli_flush(struct cli *cli);
/* Whether what goes to this descriptor is coloured: --color, NO_COLOR, CLICOLOR_FORCE, a terminal
 * that is not dumb. */
bool cli_is_colored(const struct cli *cli, int fd);

/* All default targets are asked for: afterwards a last state of the whole can be saved. */
bool cli_asks_for_all(const struct cli *cli);
/* And nothing is forced or read again: the last state may answer. */
bool cli_takes_last_state(const struct cli *cli);

/* cmd/help.c */
void help_show_all(struct strbuf *out);
void help_show_command(const struct cli_command *command, struct strbuf *out);

/* One function for each command. */
int cmd_adopt(struct cli *cli);
int cmd_cancel(struct cli *cli);
int cmd_check(struct cli *cli);
int cmd_clean(struct cli *cli);
int cmd_completions(struct cli *cli);
int cmd_dead(struct cli *cli);
int cmd_doctor(struct cli *cli);
int cmd_dump(struct cli *cli);
int cmd_events(struct cli *cli);
int cmd_evict(struct cli *cli);
int cmd_gc(struct cli *cli);
int cmd_export(struct cli *cli);
int cmd_graph(struct cli *cli);
int cmd_help(struct cli *cli);
int cmd_import(struct cli *cli);
int cmd_init(struct cli *cli);
int cmd_items(struct cli *cli);
int cmd_list(struct cli *cli);
int cmd_log(struct cli *cli);
int cmd_metric(struct cli *cli);
int cmd_pause(struct cli *cli);
int cmd_plan(struct cli *cli);
int cmd_progress(struct cli *cli);
int cmd_stream(struct cli *cli);
int cmd_report(struct cli *cli);
int cmd_restore(struct cli *cli);
int cmd_resume(struct cli *cli);
int cmd_run(struct cli *cli);
int cmd_runs(struct cli *cli);
int cmd_status(struct cli *cli);
int cmd_stopping(struct cli *cli);
int cmd_checkpoint(struct cli *cli);
int cmd_verify(struct cli *cli);
int cmd_version(struct cli *cli);
int cmd_wait(struct cli *cli);
int cmd_why(struct cli *cli);

#endif
