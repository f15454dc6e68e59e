/* Owns the tables of commands and options. To add a command: a row here, a file with its function.
 * Plain ASCII in usage lines: they are shown wherever pawl runs. */
#include "cmd/command.h"

#define AT(member)           .at = offsetof(struct cli, member)
#define FLAG(member)         .kind = OPTION_FLAG, AT(member)
#define TEXT(member)         .kind = OPTION_TEXT, AT(member)
#define PAIR(member)         .kind = OPTION_PAIR, AT(member)
#define CHOICE(member, list) .kind = OPTION_CHOICE, AT(member), .choices = (list)
#define NAME(long_, letter_) .name = (long_), .letter = (letter_)
#define LONG(long_)          .name = (long_)
#define TAKES(argument_)     .argument = (argument_)
#define HELP(help_)          .help = (help_)
#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }

static const char *const color_words[] = {"auto", "always", "never", NULL};
static const char *const output_words[] = {"failed", "stream", "group", "none", NULL};
static const char *const progress_words[] = {"auto", "tty", "plain", "json", "none", NULL};
static const char *const report_words[] = {"text", "json", "csv", "markdown", NULL};
static const char *const format_words[] = {"dot", "mermaid", "json", NULL};

/* clang-format off: one row, one option */
const struct option_row global_options[] = {
    {NAME("directory", 'C'), TAKES("DIR"), TEXT(dir), HELP("work as if started in DIR")},
    {NAME("file", 'f'), TAKES("FILE"), TEXT(file),
     HELP("the manifest; default: pawl.toml, looked for here and upwards")},
    {LONG("store"), TAKES("DIR"), TEXT(store),
     HELP("the store; default: as the manifest says, else .pawl")},
    {LONG("color"), TAKES("WHEN"), CHOICE(color, color_words),
     HELP("auto, always or never; auto obeys NO_COLOR and CLICOLOR_FORCE")},
    {NAME("help", 'h'), FLAG(help), HELP("show help of pawl or of the command, and do nothing")},
    {LONG("version"), FLAG(version), HELP("show the version, and do nothing")},
    END,
};

#define ROW_PARAM                                                                                  \
    {                                                                                              \
        NAME("param", 'p'), TAKES("NAME=VALUE"), PAIR(params), HELP("set a param of the manifest") \
    }
#define ROW_PARAMS                                                                                 \
    {                                                                                              \
        LONG("params"), TAKES("FILE"), TEXT(params_file), HELP("set params from a TOML file")      \
    }
#define ROW_FLAG                                                                                   \
    {                                                                                              \
        LONG("flag"), TAKES("NAME=VALUE"), PAIR(flags),                                            \
            HELP("turn a flag of the manifest on or off, or on for N percent of its units")        \
    }
#define ROW_JSON                                                                                   \
    {                                                                                              \
        LONG("json"), FLAG(json), HELP("print JSON")                                               \
    }
#define ROW_FORCE                                                                                  \
    {                                                                                              \
        LONG("force"), TAKES("[SELECTION]"),                                                       \
            .kind = OPTION_OPTIONAL, AT(force),                                                    \
            HELP("run the targets, or what SELECTION names, even if up to date")                   \
    }
#define ROW_REHASH                                                                                 \
    {                                                                                              \
        LONG("rehash"), FLAG(rehash), HELP("read every file, trust no recorded signature")         \
    }
#define ROW_ONLY                                                                                   \
    {                                                                                              \
        LONG("only"), FLAG(only), HELP("the targets alone, their inputs as they lie")              \
    }
#define ROW_FROM                                                                                   \
    {                                                                                              \
        LONG("from"), TAKES("INSTANCE"), TEXT(from),                                               \
            HELP("run INSTANCE and all behind it, even if up to date")                             \
    }
#define ROW_WAIT                                                                                   \
    {                                                                                              \
        LONG("wait"), FLAG(wait), HELP("wait while another run holds the workspace")               \
    }

#define ROW_STRICT                                                                                 \
    {                                                                                              \
        LONG("fail-on-validation-error"),                                                          \
            .kind = OPTION_CLEAR, AT(lenient),                                                     \
            HELP("refuse a result of which a validation fails; the default")                       \
    }
#define ROW_LENIENT                                                                                \
    {                                                                                              \
        LONG("no-fail-on-validation-error"), FLAG(lenient),                                        \
            HELP("tell of failed validations as warnings")                                         \
    }

static const struct option_row run_options[] = {
    ROW_PARAM,
    ROW_PARAMS,
    {NAME("jobs", 'j'), TAKES("N|auto"), .kind = OPTION_JOBS, AT(jobs),
     HELP("how many at once; default: auto, what the machine bears")},
    {NAME("keep-going", 'k'), FLAG(keep_going),
     HELP("after a failure, go on with what does not depend on it")},
    {NAME("dry-run", 'n'), FLAG(dry), HELP("do as 'plan': say what would run")},
    ROW_FORCE,
    ROW_REHASH,
    ROW_ONLY,
    ROW_FROM,
    {LONG("no-retry"), FLAG(no_retry), HELP("a failed attempt is not made again")},
    ROW_STRICT,
    ROW_LENIENT,
    {LONG("label"), TAKES("NAME=VALUE"), PAIR(labels),
     HELP("note something of this run in its record")},
    ROW_FLAG,
    {LONG("detach"), FLAG(detach),
     HELP("go on in the background: print the run's id once it has begun, and return")},
    ROW_WAIT,
    {LONG("result"), TAKES("FILE"), TEXT(result_file), HELP("write the run's result as JSON")},
    {LONG("output"), TAKES("WHICH"), CHOICE(output, output_words),
     HELP("what commands print: of the failed, as it comes (stream), by instance (group), none")},
    {LONG("progress"), TAKES("HOW"), CHOICE(progress, progress_words),
     HELP("auto, tty, plain, json or none")},
    {NAME("quiet", 'q'), FLAG(quiet), HELP("say only what went wrong")},
    {NAME("verbose", 'v'), FLAG(verbose), HELP("say more: why each instance runs")},
    END,
};
static const char *const run_examples[] = {
    "pawl run",
    "bring everything up to date; after an interruption, go on",
    "pawl run -j4 -k report",
    "what 'report' needs, four at once, going on after failures",
    "pawl run -p index=DAX 'optimize@fast=5'",
    "the instances of 'optimize' with fast=5",
    NULL};

static const struct option_row plan_options[] = {
    ROW_PARAM,
    ROW_PARAMS,
    ROW_FLAG,
    ROW_FORCE,
    ROW_REHASH,
    ROW_ONLY,
    ROW_FROM,
    ROW_JSON,
    {LONG("check"), FLAG(check), HELP("end with status 6 if there is anything to do")},
    END,
};
static const char *const plan_examples[] = {
    "pawl plan", "what a run would do, and why", "pawl plan --check",
    "for scripts: status 0 if all is up to date, 6 if not", NULL};

static const struct option_row read_options[] = {ROW_PARAM, ROW_PARAMS, ROW_FLAG, ROW_JSON, END};
static const struct option_row json_options[] = {ROW_JSON, END};

static const struct option_row runs_options[] = {
    {LONG("stats"), FLAG(stats), HELP("what they say together: states, hits, failures, durations")},
    {LONG("last"), TAKES("N"), TEXT(last), HELP("of the last N runs only; with '--stats'")},
    ROW_JSON,
    END,
};
static const char *const runs_examples[] = {
    "pawl runs --stats --last 100", "how often runs failed, and how long each stage took", NULL};

static const struct option_row verify_options[] = {
    {LONG("repair"), FLAG(repair),
     HELP("take away what is damaged and can be made again; never an intact object")},
    {LONG("head"), TAKES("DIGEST"), TEXT(head),
     HELP("the record of the newest run must end in this head, which 'run' printed")},
    ROW_JSON,
    ROW_WAIT,
    END,
};
static const char *const verify_examples[] = {
    "pawl verify", "read everything, change nothing: status 0 if all is as it was written",
    "pawl verify --repair", "afterwards 'pawl run' makes again what is missing", NULL};

static const struct option_row graph_options[] = {
    ROW_PARAM,
    ROW_PARAMS,
    ROW_FLAG,
    {LONG("format"), TAKES("FORMAT"), CHOICE(format, format_words),
     HELP("dot (default), mermaid or json")},
    {LONG("instances"), FLAG(instances), HELP("every instance, not only stages")},
    END,
};
static const struct option_row report_options[] = {
    {LONG("format"), TAKES("FORMAT"), CHOICE(format, report_words),
     HELP("text (default), json, csv or markdown")},
    {LONG("all"), FLAG(all), HELP("every instance, not only those something happened to")},
    {LONG("compare"), TAKES("RUN"), TEXT(compare),
     HELP("show how its figures, params and stages differ from those of this run")},
    END,
};
static const char *const report_examples[] = {"pawl report --format markdown >report.md",
                                              "a page of the latest run",
                                              "pawl report previous --format csv",
                                              "one line for each instance of the run before",
                                              "pawl report --compare previous",
                                              "what has changed since the run before",
                                              NULL};

static const char *const graph_examples[] = {
    "pawl graph | dot -Tsvg >graph.svg", "a picture of the stages",
    "pawl graph --format mermaid --instances", "text for a page, every instance", NULL};

static const struct option_row clean_options[] = {
    ROW_PARAM,
    ROW_PARAMS,
    ROW_FLAG,
    {LONG("orphans"), FLAG(orphans), HELP("only files that no stage declares any more")},
    {NAME("dry-run", 'n'), FLAG(dry), HELP("say what would be removed, and remove nothing")},
    ROW_WAIT,
    END,
};
static const char *const clean_examples[] = {
    "pawl clean -n", "what would be removed", "pawl clean --orphans",
    "remove what earlier versions of the manifest made", NULL};

static const struct option_row gc_options[] = {
    {LONG("keep-runs"), TAKES("N"), TEXT(keep_runs),
     HELP("keep the last N runs, and the results they need; default: 10")},
    {LONG("max-age"), TAKES("DURATION"), TEXT(max_age),
     HELP("keep nothing older, as '30d', but what the last run needs")},
    {LONG("max-size"), TAKES("SIZE"), TEXT(max_size),
     HELP("remove the oldest results until the store is no larger, as '20G'")},
    {LONG("kept"), FLAG(kept), HELP("empty .pawl/kept, too")},
    {NAME("dry-run", 'n'), FLAG(dry), HELP("say what would be removed, and remove nothing")},
    ROW_JSON,
    ROW_WAIT,
    END,
};
static const char *const gc_examples[] = {
    "pawl gc -n", "how much would be freed", "pawl gc --max-age 30d --max-size 20G",
    "keep what the last runs need, not too old and not too large", NULL};

static const struct option_row evict_options[] = {ROW_PARAM, ROW_PARAMS, ROW_FLAG, ROW_WAIT, END};
static const char *const evict_examples[] = {"pawl evict 'fetch@day=2026-11-02'",
                                             "make this one anew with the next run", NULL};

static const struct option_row adopt_options[] = {ROW_PARAM, ROW_PARAMS, ROW_FLAG, ROW_WAIT, END};

#define ROW_RUN                                                                                    \
    {                                                                                              \
        LONG("run"), TAKES("RUN"), TEXT(run), HELP("an id, its beginning, 'latest' or 'previous'") \
    }
static const struct option_row log_options[] = {
    ROW_RUN,
    {NAME("follow", 'f'), FLAG(follow), HELP("go on printing until the run ends")},
    END,
};
static const struct option_row events_options[] = {
    {NAME("follow", 'f'), FLAG(follow), HELP("go on printing until the run ends")}, END};

static const struct option_row items_options[] = {
    {NAME("follow", 'f'), FLAG(follow), HELP("go on printing until the run ends")}, ROW_JSON, END};
static const struct option_row dead_options[] = {
    {LONG("retry"), FLAG(retry), HELP("give them another chance with the next run")},
    ROW_PARAM,
    ROW_PARAMS,
    ROW_JSON,
    ROW_WAIT,
    END,
};
static const char *const dead_examples[] = {
    "pawl dead embed", "which items failed for good, and why", "pawl dead embed --retry",
    "'pawl run' works them once more", NULL};

static const struct option_row restore_options[] = {
    ROW_PARAM,
    ROW_PARAMS,
    ROW_FLAG,
    ROW_RUN,
    {LONG("to"), TAKES("DIR"), TEXT(to), HELP("write below DIR, and leave the workspace as it is")},
    {LONG("force"), FLAG(overwrite),
     HELP("where files lie that pawl did not make, move them to .pawl/kept first")},
    {NAME("dry-run", 'n'), FLAG(dry), HELP("say what would be restored, and write nothing")},
    ROW_JSON,
    {NAME("quiet", 'q'), FLAG(quiet), HELP("say only what went wrong")},
    ROW_WAIT,
    END,
};
static const char *const restore_examples[] = {
    "pawl restore previous",
    "all outputs as the run before the latest had them",
    "pawl restore report out/report.txt",
    "one output of the last result of 'report'",
    "pawl restore --run 20261120T23 --to /tmp/old report",
    "what 'report' gave in that run, into a folder of its own",
    NULL};

#define ROW_QUIET                                                                                  \
    {                                                                                              \
        NAME("quiet", 'q'), FLAG(quiet), HELP("say only what went wrong")                          \
    }
static const struct option_row export_options[] = {ROW_PARAM, ROW_PARAMS, ROW_FLAG,
                                                   ROW_QUIET, ROW_JSON,   END};
static const struct option_row import_options[] = {ROW_WAIT, ROW_QUIET, ROW_JSON, END};
static const char *const export_examples[] = {
    "pawl export results.tar",
    "everything that is up to date now",
    "pawl export report.tar report latest",
    "what 'report' needs, and the record of the latest run",
    "pawl export - | ssh host 'cd work && pawl import -'",
    "from one machine to another",
    NULL};

static const struct option_row no_options[] = {END};

#define ROW_NO_WAIT                                                                                \
    {                                                                                              \
        LONG("no-wait"), FLAG(no_wait), HELP("return once it is decided")                          \
    }
static const struct option_row pause_options[] = {
    {LONG("now"), FLAG(now), HELP("freeze all that runs, whatever its stage says")},
    ROW_NO_WAIT,
    END,
};
static const struct option_row resume_options[] = {
    {LONG("as-recorded"), FLAG(as_recorded),
     HELP("of a run whose process is gone: use the manifest that it began with")},
    END,
};
static const struct option_row cancel_options[] = {
    {LONG("now"), FLAG(now), HELP("kill what runs at once")},
    {LONG("reason"), TAKES("TEXT"), TEXT(reason), HELP("why, for the record")},
    END,
};
static const char *const pause_examples[] = {
    "pawl pause latest", "nothing new starts; returns when nothing runs", "pawl pause --now latest",
    "also what runs stands still until 'pawl resume latest'", NULL};
static const char *const cancel_examples[] = {"pawl cancel --reason 'wrong data' latest",
                                              "ends the run, and notes why", NULL};
static const char *const progress_examples[] = {
    "\"$PAWL\" progress 42 fitting", "from a stage's script", "\"$PAWL\" progress 3/8 fold 3",
    "the same of things that are counted", NULL};
static const char *const checkpoint_examples[] = {
    "\"$PAWL\" checkpoint", "from a stage's script, once $PAWL_CHECKPOINT_DIR is as it should be",
    NULL};
static const char *const metric_examples[] = {"\"$PAWL\" metric sharpe=1.2 trades=31",
                                              "two figures, from a stage's script", NULL};
static const char *const completions_examples[] = {
    "pawl completions bash >~/.local/share/bash-completion/completions/pawl",
    "for bash",
    "pawl completions zsh >~/.zfunc/_pawl",
    "for zsh",
    "pawl completions fish >~/.config/fish/completions/pawl.fish",
    "for fish",
    NULL};

#define MANY .operands_most = COMMAND_MANY
const struct cli_command commands[] = {
    {.name = "run",
     .arguments = "[TARGET...]",
     .summary = "bring targets up to date",
     .text = "Runs what is out of date and nothing else. A target is a stage, an instance "
             "('simulate@year=2026'), a selection of instances ('simulate@region=north', with '*' "
             "and '?'), or the path of an output; without one the manifest's 'default', else all "
             "stages.\n\n"
             "After an interruption the same 'run' goes on: what is finished is kept.",
     .options = run_options,
     .examples = run_examples,
     MANY,
     .fn = cmd_run},
    {.name = "plan",
     .arguments = "[TARGET...]",
     .summary = "say what would run, and why",
     .text = "Says what 'run' would do with the same targets and options: what would run and why, "
             "what would be brought back from the store, what would be skipped, and which files "
             "that pawl did not make would be moved to .pawl/kept. Changes nothing.\n\n"
             "What depends on the outcome of something that runs is shown as 'may run'.",
     .options = plan_options,
     .examples = plan_examples,
     MANY,
     .fn = cmd_plan},
    {.name = "check",
     .arguments = "",
     .summary = "read the manifest and plan, without running",
     .text = "Reports every mistake that can be found without running. Warns of a file of the "
             "workspace that a command names but its stage does not declare as an input: a "
             "change of it would go unnoticed.",
     .options = read_options,
     .fn = cmd_check},
    {.name = "list",
     .arguments = "[SELECTION...]",
     .summary = "list stages",
     .text = "Shows each stage with its description, its axes, and the files that it reads and "
             "makes.",
     .options = read_options,
     MANY,
     .fn = cmd_list},
    {.name = "clean",
     .arguments = "[STAGE...]",
     .summary = "remove outputs that pawl made",
     .text = "Removes outputs whose bytes are recorded and unchanged, and nothing else: a file "
             "that was changed since, or that pawl did not make, stays and is named. What the "
             "store holds stays too, so the next run brings removed outputs back without "
             "running.",
     .options = clean_options,
     .examples = clean_examples,
     MANY,
     .fn = cmd_clean},
    {.name = "adopt",
     .arguments = "STAGE...",
     .summary = "take existing outputs as results",
     .text = "Takes the outputs that lie in the workspace as the result for the present inputs, "
             "without running: for files that were made before pawl was used. 'why' marks such a "
             "result as adopted. What the stage reads must be up to date or adopted before.",
     .options = adopt_options,
     .operands_least = 1,
     MANY,
     .fn = cmd_adopt},
    {.name = "why",
     .arguments = "STAGE...",
     .summary = "say why an instance is up to date or not",
     .text = "Compares the present key of each instance with that of its last result, field by "
             "field: command, environment, tools, inputs, outputs. Each difference is shown with "
             "its old and its new value.",
     .options = read_options,
     .operands_least = 1,
     MANY,
     .fn = cmd_why},
    {.name = "status",
     .arguments = "[RUN]",
     .summary = "say where a run stands",
     .text = "Shows the latest run, or the one named by its id, the beginning of it, 'latest' or "
             "'previous'.",
     .options = json_options,
     .operands_most = 1,
     .fn = cmd_status},
    {.name = "runs",
     .arguments = "",
     .summary = "list runs",
     .text =
         "Shows every run of the workspace that is still recorded, oldest first.\n\n"
         "With '--stats': how many ended in each state and the share of failed ones among those "
         "that completed or failed; for each stage how many instances were up to date or came "
         "back from the store (hits), attempts that ended well (ran) and instances that failed, "
         "the durations of good attempts that 50, 95 and 99 % of them did not exceed, and the "
         "peak of memory; and how many of the results that its gates and validations judged passed "
         "all of them, and each of those that ever said no. Records are not verified on the way: "
         "'pawl verify' does that.",
     .options = runs_options,
     .examples = runs_examples,
     .fn = cmd_runs},
    {.name = "log",
     .arguments = "STAGE",
     .summary = "show what a stage printed",
     .text = "Shows what the last attempt of each instance printed, in the latest run that "
             "started it. STAGE may be an instance or a selection.",
     .options = log_options,
     .operands_least = 1,
     .operands_most = 1,
     .fn = cmd_log},
    {.name = "events",
     .arguments = "[RUN]",
     .summary = "show the record of a run",
     .text = "Prints the events of a run as they were recorded, one JSON object a line, and "
             "checks their chain: a record that was damaged or tampered with ends with status "
             "12.",
     .options = events_options,
     .operands_most = 1,
     .fn = cmd_events},
    {.name = "items",
     .arguments = "STAGE",
     .summary = "show what the items of a stream gave",
     .text = "Prints the results that are kept of a stage with 'each', in the order in which they "
             "came, also those that no output holds yet, instance by instance. STAGE may be an "
             "instance or a selection. Of an instance that was worked by several commands, one "
             "after the other, those of the one that was used last. With '--json' one object a "
             "line: instance, variant if it was one, digest of the item, attempts, result.",
     .options = items_options,
     .operands_least = 1,
     .operands_most = 1,
     .fn = cmd_items},
    {.name = "dead",
     .arguments = "STAGE",
     .summary = "show the items of a stream that failed for good",
     .text =
         "Prints a line for each dead item of a stage with 'each': instance, reason, attempts and "
         "the beginning of the item. STAGE may be an instance or a selection. With '--json' one "
         "object a line, with the item as it was (the first 64 KiB of it).\n\n"
         "With '--retry' they are dead no more, and the results of their instances are forgotten, "
         "so that the next run works them again, and nothing else of the stream.",
     .options = dead_options,
     .examples = dead_examples,
     .operands_least = 1,
     .operands_most = 1,
     .fn = cmd_dead},
    {.name = "pause",
     .arguments = "RUN",
     .summary = "let a run stand still until it is resumed",
     .text =
         "Nothing of the run starts any more; what runs ends, is frozen or is stopped, as its "
         "stage's 'on_pause' says. Returns when nothing runs, and the run is paused: its process "
         "stays. Time in which it is paused counts for no timeout.\n\n"
         "RUN as in 'status'. Who asked is recorded. A run that is paused already stays so; one "
         "that is over, is being cancelled, or whose process is gone cannot be paused (status 2).",
     .options = pause_options,
     .examples = pause_examples,
     .operands_least = 1,
     .operands_most = 1,
     .fn = cmd_pause},
    {.name = "resume",
     .arguments = "RUN",
     .summary = "go on with a run that was paused or interrupted",
     .text =
         "A run that is paused goes on in its own process. One whose process is gone goes on in "
         "this one, with the params, targets and options that it began with; nothing that is "
         "finished runs again.\n\n"
         "If the manifest has changed since, nothing runs (status 3): 'run' uses the present "
         "manifest and keeps all finished work, '--as-recorded' uses the old one.",
     .options = resume_options,
     .operands_least = 1,
     .operands_most = 1,
     .fn = cmd_resume},
    {.name = "cancel",
     .arguments = "RUN",
     .summary = "end a run for good",
     .text =
         "What runs is told to end (TERM, its stage's 'grace', KILL), nothing else starts, and the "
         "run ends with status 8. Finished stages are kept. Returns when the run's process is "
         "gone. A run whose process is gone already is recorded as cancelled: it cannot be "
         "resumed.\n\n"
         "Who asked and why is recorded. A run that is cancelled already stays so; one that is "
         "over "
         "cannot be cancelled (status 2).",
     .options = cancel_options,
     .examples = cancel_examples,
     .operands_least = 1,
     .operands_most = 1,
     .fn = cmd_cancel},
    {.name = "wait",
     .arguments = "RUN",
     .summary = "wait until a run ends",
     .text = "Returns when the run has ended, with its exit status. A run whose process was killed "
             "has 137.",
     .options = no_options,
     .operands_least = 1,
     .operands_most = 1,
     .fn = cmd_wait},
    {.name = "report",
     .arguments = "[RUN]",
     .summary = "print what became of a run as tables",
     .text =
         "Shows the metrics of a run, and the scores, warnings and recommendation that [report] "
         "of the manifest makes of them; then its instances with times, processor time, memory "
         "and reasons, totals by stage, failures, and the chain of instances that took "
         "longest. RUN as in 'status'; a run that is not over yet is shown as far as it is.\n\n"
         "CSV has the instances with their metrics alone, or the comparison; JSON is the run's "
         "result.json with 'report' and 'compare'. Names of instances nothing happened to, and "
         "the chain, are known as long as the manifest still says what it said in that run.",
     .options = report_options,
     .examples = report_examples,
     .operands_most = 1,
     .fn = cmd_report},
    {.name = "graph",
     .arguments = "",
     .summary = "print the graph of stages",
     .text = "Prints stages, or instances, and what each depends on.",
     .options = graph_options,
     .examples = graph_examples,
     .fn = cmd_graph},
    {.name = "restore",
     .arguments = "RUN|STAGE [PATH...]",
     .summary = "bring outputs back as they were",
     .text =
         "Writes recorded outputs from the store: of a stage, an instance, a selection or what "
         "makes an output, those of its last result; of a run, those of every instance that "
         "was good in it, as it made or found them. With PATH only these outputs, or what is "
         "at PATH in a folder output. A word that names a stage and a run is the stage: "
         "'--run' always names a run, and then a stage may follow.\n\n"
         "Files, folders, links and x-bits are as they were; a folder is replaced as a whole. "
         "What lies there right already is left alone, and what pawl made is replaced. Where "
         "anything else lies, nothing is restored at all, and it is named (status 2): '--force' "
         "moves it to .pawl/kept.\n\n"
         "What is missing or damaged in the store is named (status 12), and the rest is "
         "restored. What a run found up to date is restored by the key that it had then, and "
         "the run that made it is named; where that is not on record any more, nothing is "
         "given for it (status 2). A manifest with mistakes does not stop the restoring of a "
         "run. 'run' goes on from whatever is restored: what is not the present result is "
         "replaced by it.",
     .options = restore_options,
     .examples = restore_examples,
     MANY,
     .fn = cmd_restore},
    {.name = "verify",
     .arguments = "",
     .summary = "check all that is stored and recorded",
     .text =
         "Reads every object, result, record and index of '.pawl', or of the store, and checks "
         "the chain of events of every run. Each problem is a line: what is damaged, where, and "
         "what that costs. It looks only, also while a run goes on. What a killed run left is "
         "named, too, and is no damage. Status 12: something is damaged; 11: something cannot "
         "be read.\n\n"
         "With '--repair' damaged objects are removed, outputs that the workspace still has are "
         "stored again, results whose bytes are nowhere are forgotten so that their stages run "
         "again, damaged records are written anew with what is whole in them, and a damaged "
         "index is removed. The record of a run is never touched. The status is 0 when nothing "
         "damaged is left.",
     .options = verify_options,
     .examples = verify_examples,
     .fn = cmd_verify},
    {.name = "gc",
     .arguments = "",
     .summary = "remove what is not needed any more",
     .text =
         "Removes results and objects from the store that neither the last runs of this "
         "workspace nor any run of another workspace of the store need, older runs, and what "
         "failed attempts of those left. What the last run needs stays always, and so does what "
         "a live or interrupted run needs. Of each stream what was used last stays. Only this "
         "command removes anything from a store.\n\n"
         "Works beside runs of other workspaces in a shared store, and on a full disk.",
     .options = gc_options,
     .examples = gc_examples,
     .fn = cmd_gc},
    {.name = "evict",
     .arguments = "KEY|STAGE",
     .summary = "forget results",
     .text = "Forgets the results of a key, of which the beginning is enough, or of a stage, an "
             "instance or a selection: the next run makes them anew. Outputs stay where they are; "
             "what the store holds of them goes with the next 'gc'.",
     .options = evict_options,
     .examples = evict_examples,
     .operands_least = 1,
     .operands_most = 1,
     .fn = cmd_evict},
    {.name = "export",
     .arguments = "FILE [RUN|STAGE...]",
     .summary = "write results and runs into one file for another machine",
     .text =
         "Writes a tar archive with results, the objects they need, and records of runs, which "
         "'pawl import' takes in on another machine: what is the same there is up to date "
         "without running. FILE '-' is the standard output.\n\n"
         "A STAGE (an instance, a selection or the path of an output) means its results and "
         "those of all stages before it; one that is not up to date is status 6. A RUN (an id, "
         "its beginning from the date on, 'latest' or 'previous') means its record, its logs and "
         "the results of its instances; it must be over. With neither, everything that is up to "
         "date.\n\n"
         "Only what stages stored is in it: not outputs with 'temp' or 'store = false'. Values of "
         "'secret_env' are in no record; what a command itself prints or writes is taken as it "
         "is. The same state gives the same bytes.",
     .options = export_options,
     .examples = export_examples,
     .operands_least = 1,
     MANY,
     .fn = cmd_export},
    {.name = "import",
     .arguments = "FILE",
     .summary = "take in what 'export' wrote",
     .text =
         "Checks all of FILE ('-': the standard input) and takes its objects, results and runs "
         "into the store: all of it, or, when anything in it is wrong (status 12) or the disk is "
         "full (status 11), nothing. Results and runs that are here already stay as they are. "
         "The workspace itself is not touched: the next 'run' brings outputs back from the "
         "store.\n\n"
         "A result of another workspace counts if its stage declares 'tools' or the manifest says "
         "'portable = true'. Digests tell damage, not malice: take in what comes from those "
         "whose stages you would run.",
     .options = import_options,
     .operands_least = 1,
     .operands_most = 1,
     .fn = cmd_import},
    {.name = "init",
     .arguments = "",
     .summary = "write a first manifest",
     .text = "Writes a pawl.toml that runs as it is and explains itself. A file that is there "
             "already is never touched.",
     .options = no_options,
     .fn = cmd_init},
    {.name = "doctor",
     .arguments = "",
     .summary = "say what this machine offers",
     .text = "Shows processors, memory, limits, and which features of the kernel and of the file "
             "system work here. Nothing that is missing stops pawl; it says what it does "
             "instead.",
     .options = json_options,
     .fn = cmd_doctor},
    {.name = "dump",
     .arguments = "WHAT NAME...",
     .summary = "print what tests and manuals are made of",
     .text = "'dump toml FILE' prints a TOML file as JSON with types ('-': the standard input). "
             "'dump man pawl.1' and 'dump man pawl.toml.5' print manual pages; 'dump docs' "
             "exit-status, events, manifest-keys, commands or states prints a page of the "
             "manual. 'dump digests FILE...' prints the SHA-256 of files as sha256sum does, by "
             "what a run reads its sources with ('-': their names from the standard input, one a "
             "line or each ended by NUL). 'dump plan FILE' reads and plans a manifest and prints "
             "how much there is; 'dump instances FILE' prints the whole plan.",
     .options = no_options,
     .operands_least = 2,
     .operands_most = COMMAND_MANY,
     .hidden = true,
     .fn = cmd_dump},
    {.name = "stream",
     .arguments = "FD",
     .summary = "work the items of a stream",
     .text = "Started by 'run' as the command of a stage with 'each': FD is an open file that says "
             "what is to be done.",
     .options = no_options,
     .operands_least = 1,
     .operands_most = 1,
     .hidden = true,
     .fn = cmd_stream},
    {.name = "progress",
     .arguments = "PERCENT|N/M [TEXT...]",
     .summary = "say how far a stage is",
     .text =
         "For the command of a stage, as \"$PAWL\" progress 42 fitting: shown while the stage "
         "runs, "
         "in 'status' and in the events, and the time left is reckoned from it. The last of many "
         "calls counts; none of them waits. Outside of a stage: status 2.",
     .options = no_options,
     .examples = progress_examples,
     .operands_least = 1,
     .operands_most = COMMAND_MANY,
     .fn = cmd_progress},
    {.name = "metric",
     .arguments = "NAME=VALUE...",
     .summary = "give figures of a stage's result",
     .text =
         "For the command of a stage, as \"$PAWL\" metric sharpe=1.2: the figures become part of "
         "its result, for checks and reports. Of one name the last value counts, and it counts "
         "before that of the file that 'metrics' names. After the attempt has ended nothing is "
         "taken any more. Outside of a stage: status 2.",
     .options = no_options,
     .examples = metric_examples,
     .operands_least = 1,
     .operands_most = COMMAND_MANY,
     .fn = cmd_metric},
    {.name = "completions",
     .arguments = "SHELL",
     .summary = "print completions for bash, zsh or fish",
     .text = "Prints a script that completes commands, options and their values.",
     .options = no_options,
     .examples = completions_examples,
     .operands_least = 1,
     .operands_most = 1,
     .fn = cmd_completions},
    {.name = "checkpoint",
     .arguments = "",
     .summary = "for a stage's script: take a snapshot",
     .text =
         "For the command of a stage with 'checkpoint', as \"$PAWL\" checkpoint: what lies in "
         "$PAWL_CHECKPOINT_DIR is kept, and found there again by the next attempt. It returns when "
         "the snapshot is safe in the store; at once, with status 0, when the last one is younger "
         "than 'every', but after TERM each call counts. While it waits TERM does not end it. "
         "Status 11: it could not be taken, and the last one stands. Outside of a stage: status 2.",
     .options = no_options,
     .examples = checkpoint_examples,
     .fn = cmd_checkpoint},
    {.name = "stopping",
     .arguments = "",
     .summary = "for a stage's script: is it told to end?",
     .text =
         "Called by the command of a stage as '\"$PAWL\" stopping': once it was sent TERM, prints "
         "why ('pause', 'cancel' or 'timeout') and how many seconds are left until it is "
         "killed, with status 0; else the status is 1.",
     .options = no_options,
     .fn = cmd_stopping},
    {.name = "version",
     .arguments = "",
     .summary = "show the version",
     .text = "Shows the version of pawl.",
     .options = no_options,
     .fn = cmd_version},
    {.name = "help",
     .arguments = "[COMMAND]",
     .summary = "show help",
     .text = "Shows all commands, or one with its options. 'pawl COMMAND --help' is the same.",
     .options = no_options,
     .operands_most = 1,
     .fn = cmd_help},
    {.name = NULL},
};
/* clang-format on */
