/* Owns the table of keys: what each is called, what it means, who reads it. */
#include "model/manifest.h"

#include <stddef.h>

#include "model/manifest_read.h"

#define ROW(table_, name_)    .table = (table_), .name = (name_)
#define TOP(name_)            ROW(MANIFEST_TOP, name_)
#define PIPELINE(name_)       ROW(MANIFEST_PIPELINE, name_)
#define STAGE(name_)          ROW(MANIFEST_STAGE, name_), .in_defaults = true
#define SETTING(name_)        STAGE(name_), .of_settings = true
#define STAGE_ALONE(name_)    ROW(MANIFEST_STAGE, name_)
#define PARAM(name_)          ROW(MANIFEST_PARAM, name_)
#define INPUT(name_)          ROW(MANIFEST_INPUT, name_)
#define OUTPUT(name_)         ROW(MANIFEST_OUTPUT, name_)
#define AXIS(name_)           ROW(MANIFEST_AXIS, name_)
#define RETAIN(name_)         ROW(MANIFEST_RETAIN, name_)
#define RETRY(name_)          ROW(MANIFEST_RETRY, name_)
#define BREAKER(name_)        ROW(MANIFEST_BREAKER, name_)
#define CHECKPOINT(name_)     ROW(MANIFEST_CHECKPOINT, name_)
#define CHECK(name_)          ROW(MANIFEST_CHECK, name_)
#define EACH(name_)           ROW(MANIFEST_EACH, name_)
#define FLAG(name_)           ROW(MANIFEST_FLAG, name_)
#define VARIANT(name_)        ROW(MANIFEST_VARIANT, name_)
#define REPORT(name_)         ROW(MANIFEST_REPORT, name_)
#define ADVICE(name_)         ROW(MANIFEST_ADVICE, name_)
#define OF_MANIFEST(member)   .at = offsetof(struct manifest, member)
#define OF_SETTINGS(member)   .at = offsetof(struct m_settings, member)
#define OF_INPUT(member)      .at = offsetof(struct m_input, member)
#define OF_OUTPUT(member)     .at = offsetof(struct m_output, member)
#define OF_AXIS(member)       .at = offsetof(struct m_axis, member)
#define OF_RETRY(member)      .at = offsetof(struct m_retry, member)
#define OF_BREAKER(member)    .at = offsetof(struct m_breaker, member)
#define OF_CHECKPOINT(member) .at = offsetof(struct m_checkpoint, member)
#define OF_REPORT(member)     .at = offsetof(struct m_report, member)
#define TYPE(type_, meaning_) .type = (type_), .meaning = (meaning_)

/* clang-format off: one row, one key */
const struct manifest_key_row manifest_keys[] = {
    {TOP("pipeline"), .in_local = true, .read = m_key_nothing,
     TYPE("table", "What is said of the whole.")},
    {TOP("params"), .read = m_key_nothing,
     TYPE("table", "Values by name: `name = value` or `name = { value, min, max, choices, help }`. "
                   "`-p name=value` and `--params FILE` override them; the type must agree.")},
    {TOP("defaults"), .in_local = true, .read = m_key_nothing,
     TYPE("table",
          "What a stage does not say: any key of a stage but `run`, `inputs` and `outputs`.")},
    {TOP("pool"), .in_local = true, .read = m_key_nothing,
     TYPE("tables by name", "At most so many at once among the stages that name the pool.")},
    {TOP("stage"), .read = m_key_nothing, TYPE("tables by name", "The stages.")},
    {TOP("flags"), .read = m_key_nothing,
     TYPE("table", "Switches: `name = true`, `false` or `{ percent, by }`; `--flag name=on|off|N` "
                   "overrides them. See [flags](flags.md).")},
    {TOP("rule"), .read = m_key_nothing,
     TYPE("tables by name", "Checks that `validate` and `gate` of stages use by name.")},
    {TOP("breaker"), .read = m_key_nothing,
     TYPE("tables by name", "Circuit breakers shared by stages: see [retries](retries.md).")},
    {TOP("report"), .read = m_key_nothing,
     TYPE("table", "What the report of a run shows: see [reports](reports.md).")},
    {TOP("on"), .read = m_key_nothing,
     TYPE("arrays of tables by event", "Commands that are told of events: `[[on.failed]]`.")},

    {PIPELINE("name"), .read = m_key_pipeline_name,
     TYPE("string", "The pipeline's name. Required.")},
    {PIPELINE("version"), .read = m_key_plain, OF_MANIFEST(version),
     TYPE("string", "Part of every key: change it to forget all old results.")},
    {PIPELINE("requires"), .read = m_key_requires,
     TYPE("version", "The least version of pawl that can read this manifest, such as `0.1`.")},
    {PIPELINE("default"), .read = m_key_targets,
     TYPE("array of strings", "Targets of a `run` that names none. Default: all stages.")},
    {PIPELINE("timeout"), .read = m_key_duration, OF_MANIFEST(timeout),
     TYPE("duration", "How long a run may take.")},
    {PIPELINE("grace"), .read = m_key_grace, OF_MANIFEST(grace),
     TYPE("duration", "From TERM to KILL. Default: `10s`.")},
    {PIPELINE("keep_going"), .read = m_key_bool, OF_MANIFEST(keep_going),
     TYPE("boolean", "After a failure, go on with what does not depend on it.")},
    {PIPELINE("store"), .in_local = true, .read = m_key_plain, OF_MANIFEST(store),
     TYPE("path", "A store shared by workspaces. Default: `.pawl`.")},
    {PIPELINE("link"), .read = m_key_link,
     TYPE("array of strings", "How outputs are brought from the store, the first that works: "
                              "`reflink`, `copy`, `hardlink` (the file in the workspace is "
                              "read-only then; first in the list, also after its command "
                              "made it). What none of them can do is copied. Default: "
                              "`[\"reflink\", \"copy\"]`.")},
    {PIPELINE("jobserver"), .in_local = true, .read = m_key_jobserver,
     TYPE("string", "How commands find the pool of job tokens that a `make` in them takes from: "
                    "`pipe` (two descriptors), `fifo` (a named pipe, for tools that know no other, "
                    "from make 4.4), `none`. Under a `make` that shares its own pool, commands "
                    "find that one as it is. Default: `pipe`.")},
    {PIPELINE("ignore"), .read = m_key_ignore,
     TYPE("array of strings",
          "Names that folders and globs skip, beyond the built-in ones; may hold `*` and `?`.")},
    {PIPELINE("portable"), .read = m_key_bool, OF_MANIFEST(portable),
     TYPE("boolean",
          "Results of other workspaces and machines count although no `tools` are declared.")},
    {PIPELINE("retain"), .read = m_key_retain,
     TYPE("table", "What a bare `gc` keeps: `{ runs = 20, age = \"30d\", size = \"10G\" }`.")},

    {RETAIN("runs"), .read = m_key_retain_runs, TYPE("integer", "So many runs are kept.")},
    {RETAIN("age"), .read = m_key_retain_age, TYPE("duration", "Runs younger than this are kept.")},
    {RETAIN("size"), .read = m_key_retain_size, TYPE("size", "The store is brought below this.")},

    {ROW(MANIFEST_HOOK, "run"), .read = m_key_hook_run,
     TYPE("string or array of strings",
          "The command: a string is given to `/bin/sh -eu -c`, an array is executed as it is. It "
          "finds the event, a JSON object, on standard input. Required.")},
    {ROW(MANIFEST_HOOK, "timeout"), .read = m_key_hook_timeout,
     TYPE("duration", "How long it may take, `30s` at most. Default: `30s`.")},

    {PARAM("value"), .read = m_key_param_value,
     TYPE("string, integer, float, boolean or array",
          "The value unless it is overridden. Required.")},
    {PARAM("min"), .read = m_key_param_min,
     TYPE("number", "The least value; of an array, of each element.")},
    {PARAM("max"), .read = m_key_param_max,
     TYPE("number", "The largest value; of an array, of each element.")},
    {PARAM("choices"), .read = m_key_param_choices,
     TYPE("array", "The values that are allowed; of an array, those of its elements.")},
    {PARAM("help"), .read = m_key_plain, .at = offsetof(struct m_param, help),
     TYPE("string", "A line for `list`.")},

    {ROW(MANIFEST_POOL, "slots"), .in_local = true, .read = m_key_slots,
     TYPE("integer", "How many at once. Required.")},

    {BREAKER("failure_ratio"), .read = m_key_breaker_ratio,
     TYPE("number", "Opens when at least this share of the calls in the window failed. Default: "
                    "0.5.")},
    {BREAKER("window"), .read = m_key_duration, OF_BREAKER(window),
     TYPE("duration", "Calls that ended in this time count. Default: `10s`.")},
    {BREAKER("min_calls"), .read = m_key_breaker_calls,
     TYPE("integer", "With fewer calls in the window it stays closed. Default: 10.")},
    {BREAKER("open_for"), .read = m_key_duration, OF_BREAKER(open_for),
     TYPE("duration", "So long nothing is called; then one probe decides. Default: `30s`.")},
    {BREAKER("when_open"), .read = m_key_breaker_when_open,
     TYPE("\"wait\" or \"fail\"", "`wait` (default): what would be called waits, without a slot. "
                                  "`fail`: it fails at once, status 10.")},
    {BREAKER("slow_call"), .read = m_key_duration, OF_BREAKER(slow_call),
     TYPE("duration", "A success that took longer counts as a failure.")},

    {RETRY("max"), .read = m_key_retry_max,
     TYPE("integer", "How many retries: with 3 there are four attempts at most. Default: 3.")},
    {RETRY("backoff"), .read = m_key_retry_backoff,
     TYPE("\"exponential\", \"linear\" or \"constant\"",
          "The delay before retry n: d * 2^(n-1), d * n or d. Default: exponential.")},
    {RETRY("delay"), .read = m_key_grace, OF_RETRY(delay),
     TYPE("duration", "d, the delay before the first retry. Default: `1s`.")},
    {RETRY("max_delay"), .read = m_key_grace, OF_RETRY(max_delay),
     TYPE("duration", "No delay is longer. Default: `1m`.")},
    {RETRY("jitter"), .read = m_key_text_bool, OF_RETRY(jitter),
     TYPE("boolean", "The delay is drawn between nothing and that. Default: true.")},
    {RETRY("on"), .read = m_key_retry_on,
     TYPE("array of strings", "Which failures are worth another attempt: `exit`, `timeout`, "
                              "`signal`, `oom`. Default: all; with `exit_codes`, `exit`.")},
    {RETRY("exit_codes"), .read = m_key_retry_exit_codes,
     TYPE("array of integers",
          "Of the exit codes only these; when they persist the status is 10.")},

    {CHECKPOINT("every"), .read = m_key_grace, OF_CHECKPOINT(every),
     TYPE("duration", "The least time from one snapshot to the next: a call that comes sooner "
                      "returns at once. Default: `5m`.")},
    {CHECKPOINT("keep"), .read = m_key_checkpoint_keep,
     TYPE("integer", "So many snapshots are kept, the newest. Default: 2.")},
    {CHECKPOINT("required"), .read = m_key_text_bool, OF_CHECKPOINT(required),
     TYPE("boolean", "`true`: where there are snapshots and none of them is good, the stage fails "
                     "(exit status 12) instead of beginning anew. Default: false.")},

    {SETTING("desc"), .read = m_key_text, OF_SETTINGS(desc),
     TYPE("string", "One line for `list` and reports.")},
    {STAGE_ALONE("run"), .read = m_key_run,
     TYPE("string or array of strings",
          "The command: a string is given to `shell`, an array is executed as it is. A stage "
          "without `run` is a name for its `needs`.")},
    {SETTING("shell"), .read = m_key_shell,
     TYPE("array of strings", "What a `run` string is given to. Default: `[\"/bin/sh\", \"-eu\", "
                              "\"-c\"]`, with `-o pipefail` where that shell accepts it.")},
    {SETTING("dir"), .read = m_key_dir, OF_SETTINGS(dir),
     TYPE("path", "Working directory, inside the workspace.")},
    {SETTING("stdin"), .read = m_key_stdin, OF_SETTINGS(std_in),
     TYPE("path", "A file that the command reads on standard input; an input.")},
    {SETTING("stdout"), .read = m_key_out_file, OF_SETTINGS(std_out),
     TYPE("path", "A file that the command's standard output becomes; an output that appears whole "
                  "or not at all.")},
    {STAGE_ALONE("inputs"), .read = m_key_inputs,
     TYPE("array or table",
          "Paths, globs (`*`, `?`, `[…]`, `**`) and folders (`data/`) that the command reads, each "
          "a string or `{ path, optional, keys }`; in a table, by name.")},
    {STAGE_ALONE("outputs"), .read = m_key_outputs,
     TYPE("array or table",
          "Paths and folders (`model/`) that the command writes, each a string or `{ path, "
          "optional, store, temp, persist, non_empty }`; in a table, by name.")},
    {STAGE("needs"), .read = m_key_needs, .at = offsetof(struct m_stage, needs),
     TYPE("array of strings",
          "Stages that must be done first, beyond those whose outputs are inputs here.")},
    {SETTING("tools"), .read = m_key_tools,
     TYPE("array", "Programs whose bytes count (found on PATH), or `{ run = \"python3 -V\" }`: a "
                   "command whose output counts.")},
    {SETTING("env"), .read = m_key_env,
     TYPE("table", "Environment variables that are set for the command.")},
    {SETTING("pass_env"), .read = m_key_pass_env,
     TYPE("array of strings", "Variables passed through and counted, with `*` as a wildcard; one "
                              "that is not set is an error unless written `NAME?`.")},
    {SETTING("secret_env"), .read = m_key_secret_env,
     TYPE("array of strings",
          "Variables passed through, never counted and never shown: in logs and on the "
          "terminal their values are masked.")},
    {SETTING("depfile"), .read = m_key_out_file, OF_SETTINGS(depfile),
     TYPE("path",
          "A dependency file in make's form that the command writes; its paths become inputs.")},
    {SETTING("cache"), .read = m_key_text_bool, OF_SETTINGS(cache),
     TYPE("boolean", "`false`: runs once in each run.")},
    {SETTING("when"), .read = m_key_when,
     TYPE("expression", "False: the stage is skipped, with the reason.")},
    {SETTING("matrix"), .read = m_key_matrix,
     TYPE("table", "Axes by name: one instance for each combination, less those in `exclude`.")},
    {SETTING("timeout"), .read = m_key_duration, OF_SETTINGS(timeout),
     TYPE("duration", "How long one attempt may take.")},
    {SETTING("grace"), .read = m_key_grace, OF_SETTINGS(grace),
     TYPE("duration", "From TERM to KILL. Default: that of the pipeline.")},
    {SETTING("on_failure"), .read = m_key_on_failure,
     TYPE("\"stop\" or \"ignore\"", "`stop` (default): nothing new starts. `ignore`: a warning; "
                                    "the outputs count as missing.")},
    {SETTING("cpu"), .in_local = true, .read = m_key_cpu,
     TYPE("integer or \"all\"", "Cores that an attempt takes. Default: 1.")},
    {SETTING("memory"), .in_local = true, .read = m_key_size, OF_SETTINGS(memory),
     TYPE("size", "Memory that an attempt takes.")},
    {SETTING("log_max"), .in_local = true, .read = m_key_size, OF_SETTINGS(log_max),
     TYPE("size", "How long the log of an attempt may be. Of a longer one head and tail are kept, "
                  "and a line between them says how much is left out. Default: `64M`; at least "
                  "`1K`.")},
    {SETTING("pool"), .in_local = true, .read = m_key_pool_use,
     TYPE("string or table", "A pool of which an attempt takes one slot, or `{ NAME = slots }`.")},
    {SETTING("priority"), .in_local = true, .read = m_key_priority,
     TYPE("integer", "Larger starts first. Default: 0.")},
    {SETTING("tty"), .read = m_key_text_bool, OF_SETTINGS(tty),
     TYPE("boolean", "The command gets the terminal, alone.")},
    {STAGE_ALONE("each"), .of_settings = true, .read = m_key_each,
     TYPE("table", "The items of a stream: the command is run for each, with the item on standard "
                   "input. See [streams](streams.md).")},
    {SETTING("mode"), .read = m_key_mode,
     TYPE("\"spawn\" or \"worker\"",
          "`spawn` (default): a process for each item. `worker`: long-lived processes that answer "
          "each line with a line.")},
    {SETTING("workers"), .read = m_key_workers,
     TYPE("integer or \"auto\"",
          "Items worked at once. `auto` (default): as many as there are slots.")},
    {SETTING("queue"), .read = m_key_queue,
     TYPE("integer", "Items in flight at most: a slow stage holds back a fast one. Default: 256.")},
    {SETTING("dedupe"), .read = m_key_text_bool, OF_SETTINGS(dedupe),
     TYPE("boolean", "The result of items of equal bytes is written once, at the first place.")},
    {SETTING("dead_letter"), .read = m_key_out_file, OF_SETTINGS(dead_letter),
     TYPE("path", "Items that failed for good, with the reason: JSON, one a line. An output.")},
    {SETTING("max_dead"), .read = m_key_max_dead,
     TYPE("integer or share",
          "With more dead items the stage fails; a share is written `\"1%\"`. Default: any number "
          "with `dead_letter`, else none.")},
    {SETTING("retry"), .read = m_key_retry,
     TYPE("table or integer", "How often and when a failed attempt is repeated; a number is `max`. "
                              "See [retries](retries.md).")},
    {SETTING("recover"), .read = m_key_recover,
     TYPE("string or array of strings",
          "A command that is run after a failed attempt, before the next. Without `retry` there is "
          "one more attempt. See [retries](retries.md#recover).")},
    {SETTING("breaker"), .read = m_key_breaker_use,
     TYPE("string", "The circuit breaker that its attempts are calls of.")},
    {SETTING("compensate"), .read = m_key_compensate,
     TYPE(
         "string or array of strings",
         "A command that undoes what the stage did outside the workspace, when the run fails or is "
         "cancelled. See [compensations](compensations.md).")},
    {SETTING("metrics"), .read = m_key_out_file, OF_SETTINGS(metrics),
     TYPE("path", "A JSON object of figures that the command writes: one of the outputs, or a file "
                  "of its own. Names of nested figures are joined by `.`.")},
    {SETTING("validate"), .read = m_key_checks, OF_SETTINGS(validate),
     TYPE("check or array of checks",
          "Whether the result is sound: expressions, names of rules, or `{ name, expr, run, "
          "severity, inputs }`. One that fails refuses the result: exit status 5.")},
    {SETTING("gate"), .read = m_key_checks, OF_SETTINGS(gate),
     TYPE("check or array of checks",
          "Whether the result is good enough, written as `validate`: exit status 4.")},
    {SETTING("checkpoint"), .read = m_key_checkpoint,
     TYPE("boolean or table",
          "The command finds `$PAWL_CHECKPOINT_DIR`, saves what lies there by `\"$PAWL\" "
          "checkpoint`, and an attempt after a failure, a cancel or a crash finds it again. See "
          "[checkpoints](checkpoints.md).")},
    {SETTING("always"), .read = m_key_bool, OF_SETTINGS(always),
     TYPE("boolean",
          "`true`: runs at the end of each run, however that went. See [always](always.md).")},
    {SETTING("on_pause"), .read = m_key_on_pause,
     TYPE(
         "\"finish\", \"freeze\" or \"stop\"",
         "What a pause does to an attempt that runs. `finish` (default): it is let end. `freeze`: "
         "it is stopped where it is (SIGSTOP to its process group) and goes on with the run. "
         "`stop`: it is told to end (TERM, `grace`, KILL) and made again when the run goes on; the "
         "default where there is a `checkpoint`.")},
    {STAGE_ALONE("variant"), .read = m_key_variant,
     TYPE("tables by name", "Keys that replace the stage's own while a flag is on. See "
                            "[flags](flags.md#variants).")},

    {INPUT("path"), .read = m_key_input_path,
     TYPE("path", "A path, a glob or a folder. Required.")},
    {INPUT("optional"), .read = m_key_bool, OF_INPUT(optional),
     TYPE("boolean", "It may be missing.")},
    {INPUT("keys"), .read = m_key_input_keys,
     TYPE("array of strings",
          "Only these values of a TOML or JSON file count, such as `model.alpha`.")},

    {OUTPUT("path"), .read = m_key_output_path, TYPE("path", "A path or a folder. Required.")},
    {OUTPUT("optional"), .read = m_key_bool, OF_OUTPUT(optional),
     TYPE("boolean", "The command need not write it.")},
    {OUTPUT("store"), .read = m_key_bool, OF_OUTPUT(store),
     TYPE("boolean", "`false`: only the digest is kept.")},
    {OUTPUT("temp"), .read = m_key_bool, OF_OUTPUT(temp),
     TYPE("boolean", "Removed once its last consumer is done, not stored.")},
    {OUTPUT("persist"), .read = m_key_bool, OF_OUTPUT(persist),
     TYPE("boolean", "The command finds the old content.")},
    {OUTPUT("non_empty"), .read = m_key_bool, OF_OUTPUT(non_empty),
     TYPE("boolean", "An empty file or folder is a failure.")},

    {ROW(MANIFEST_TOOL, "run"), .read = m_key_tool_run,
     TYPE("string", "A command whose output counts.")},

    {AXIS("from"), .read = m_key_axis_number, OF_AXIS(from), TYPE("number", "The first value.")},
    {AXIS("to"), .read = m_key_axis_number, OF_AXIS(to),
     TYPE("number", "The last value, included.")},
    {AXIS("step"), .read = m_key_axis_number, OF_AXIS(step),
     TYPE("number", "From one value to the next. Default: 1.")},
    {AXIS("glob"), .read = m_key_axis_glob, TYPE("glob", "One value for each file that matches.")},
    {AXIS("lines"), .read = m_key_axis_lines, TYPE("path", "One value for each line of a file.")},
    {AXIS("values"), .read = m_key_axis_values,
     TYPE("array or \"{{list}}\"", "The values, or a list that a template gives.")},

    {EACH("lines"), .read = m_key_each_source, TYPE("path", "One item for each line of a file.")},
    {EACH("files"), .read = m_key_each_source,
     TYPE("glob", "One item for each file that matches.")},
    {EACH("stage"), .read = m_key_each_source,
     TYPE("string", "One item for each line that another stage writes as its `stdout`.")},

    {CHECK("name"), .read = m_key_plain, .at = offsetof(struct m_check, name),
     TYPE("string", "What it is called in messages. Default: the rule's name, else the expression "
                    "or the command.")},
    {CHECK("expr"), .read = m_key_check_expr,
     TYPE("expression", "True: the result passes. Either this or `run`.")},
    {CHECK("run"), .read = m_key_check_run,
     TYPE("string or array of strings",
          "A command that exits 0 if the result passes. A string is given to the default shell.")},
    {CHECK("severity"), .read = m_key_check_severity,
     TYPE("\"error\" or \"warn\"", "`warn`: what does not pass is told, and refuses nothing. "
                                   "Default: `error`.")},
    {CHECK("inputs"), .read = m_key_check_inputs,
     TYPE("array of strings", "Files that `run` reads beside what the stage made.")},

    {FLAG("percent"), .read = m_key_flag_percent,
     TYPE("number", "The share of units for which it is on, from 0 to 100. Required.")},
    {FLAG("by"), .read = m_key_flag_by,
     TYPE("expression", "What the unit is, of params and axes: instances for which it gives the "
                        "same decide alike. Default: the instance, in a stream the item; "
                        "`\"instance\"`: the instance there, too.")},

    {VARIANT("flag"), .read = m_key_variant_flag,
     TYPE("string", "The flag that chooses it. Required.")},
    {VARIANT("fallback"), .read = m_key_variant_fallback,
     TYPE("boolean", "`true`: where it fails, after its retries, the stage's own command runs in "
                     "its place. Default: true with a `breaker` of its own, else false.")},

    {REPORT("rows"), .read = m_key_report_words, OF_REPORT(rows),
     TYPE("array of strings", "Which instances have a row, in this order: stages, instances, "
                              "selections with `@`, `*` and `?`. Default: all that have metrics.")},
    {REPORT("columns"), .read = m_key_report_words, OF_REPORT(columns),
     TYPE("array of strings", "The metrics that are shown. Default: all.")},
    {REPORT("score"), .read = m_key_report_scores,
     TYPE("expressions by name", "Figures made of metrics: one, or one for each row where it "
                                 "speaks of the row's own metrics.")},
    {REPORT("warn"), .read = m_key_report_advices, OF_REPORT(warn),
     TYPE("array of tables", "`{ when, text }`: each that holds is shown.")},
    {REPORT("recommend"), .read = m_key_report_advices, OF_REPORT(recommend),
     TYPE("array of tables", "`{ when, text }`: the first that holds is shown.")},

    {ADVICE("when"), .read = m_key_advice_when,
     TYPE("expression", "False where a metric that it names is missing. In `recommend`, without it "
                        "it always holds.")},
    {ADVICE("text"), .read = m_key_text, .at = offsetof(struct m_advice, text),
     TYPE("string", "What is said. Required.")},
    {0},
};
/* clang-format on */

const char *manifest_table_name(enum manifest_table table)
{
    static const char *const names[MANIFEST_TABLES] = {
        [MANIFEST_TOP] = "the top level",
        [MANIFEST_PIPELINE] = "[pipeline]",
        [MANIFEST_STAGE] = "a stage",
        [MANIFEST_POOL] = "a pool",
        [MANIFEST_PARAM] = "a param",
        [MANIFEST_INPUT] = "an item of 'inputs'",
        [MANIFEST_OUTPUT] = "an item of 'outputs'",
        [MANIFEST_TOOL] = "an item of 'tools'",
        [MANIFEST_AXIS] = "an axis of 'matrix'",
        [MANIFEST_RETAIN] = "'retain' of [pipeline]",
        [MANIFEST_RETRY] = "'retry' of a stage",
        [MANIFEST_BREAKER] = "a breaker",
        [MANIFEST_CHECKPOINT] = "'checkpoint' of a stage",
        [MANIFEST_HOOK] = "a hook",
        [MANIFEST_CHECK] = "a check",
        [MANIFEST_EACH] = "'each' of a stage",
        [MANIFEST_FLAG] = "a flag",
        [MANIFEST_VARIANT] = "a variant",
        [MANIFEST_REPORT] = "[report]",
        [MANIFEST_ADVICE] = "'warn' and 'recommend' of [report]",
    };

    return names[table];
}
