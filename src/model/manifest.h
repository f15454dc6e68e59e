#ifndef PAWL_MODEL_MANIFEST_H
#define PAWL_MODEL_MANIFEST_H
/* The manifest as the user wrote it, typed and checked, before any expansion.
 *
 * Order of calls: toml_parse() for each document, then manifest_read() once, then plan_build()
 * (model/plan.h). manifest_read reports everything it finds as diagnostics and goes on, so that one
 * run shows up to twenty mistakes. Everything lives in the arena given; strings may point into the
 * documents' text, and those of the document that are no part of it where toml_parse_apart() put
 * them: the tree itself is not needed any more. Pure: no descriptor is touched.
 *
 * Strings of a manifest may hold templates (model/template.h), so most scalar keys are a
 * `struct m_text`: a parsed template with its place. Numbers and booleans written bare in TOML come
 * as their text. What has no `{{` in it is checked for its type at once; what has is checked when
 * the plan renders it.
 *
 * Keys are rows of one table, manifest_keys: name, type, meaning, reader. The reader, the
 * suggestions, the manual and the man page come from it.
 *
 * Overrides of params: text of `-p` is read as the type that the param has: a string as it is, an
 * integer, a float (an integer will do), `true` or `false`; a list as a TOML array if it starts
 * with `[`, else as elements between commas (blanks around them dropped, the empty text is the
 * empty list), each read as the kind that all elements of the preset have (a string if they differ
 * or there is none). Later overrides win.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/str.h"
#include "model/hook.h"
#include "model/template.h"
#include "model/toml.h"
#include "model/value.h"

struct expr;
struct toml_value;

enum m_run_kind { M_RUN_NONE, M_RUN_SHELL, M_RUN_ARGV };

struct m_list {
    struct m_text *items;
    uint32_t count;
    bool given; /* an empty list that was written differs from none */
};

struct m_input {
    struct str name;    /* "" in an array */
    struct m_text path; /* path, glob or folder (ends in '/') */
    struct str *keys;   /* only these values of a TOML or JSON file count */
    uint32_t key_count;
    bool optional;
};

struct m_output {
    struct str name;
    struct m_text path;
    bool optional, store, temp, persist, non_empty; /* store is true unless said otherwise */
};

struct m_tool {
    struct span span;
    struct m_text program; /* looked for on PATH */
    struct m_text run;     /* or: a command whose output counts */
};

struct m_env {
    struct str name;
    struct span span;
    struct m_text value;
};

struct m_pass {
    struct str name; /* may hold `*`; without the trailing '?' */
    struct span span;
    bool may_be_unset;
};

enum m_axis_kind { M_AXIS_VALUES, M_AXIS_RANGE, M_AXIS_GLOB, M_AXIS_LINES, M_AXIS_FROM_LIST };

struct m_axis {
    struct str name;
    struct span span;
    enum m_axis_kind kind;
    struct m_list values;   /* VALUES: each element; a TOML number keeps its type, see types */
    enum value_kind *types; /* VALUES: kind of each element as written */
    struct m_text from, to, step; /* RANGE */
    struct m_text source;         /* GLOB: pattern; LINES: file; FROM_LIST: "{{param}}" (a list) */
};

struct m_exclude {
    struct span span;
    struct str
        *axes; /* names; one for each value, so that an axis with a list stands more than once */
    struct m_text *values; /* texts as an axis value renders */
    uint32_t count;
};

struct m_pool_use {
    struct str name;
    struct m_text slots; /* how many; absent: 1 */
    struct span span;
};

/* How the delay before a retry grows. */
enum retry_backoff { RETRY_CONSTANT, RETRY_LINEAR, RETRY_EXPONENTIAL };
/* Failures that are worth another attempt. */
enum retry_on {
    RETRY_ON_EXIT = 1,
    RETRY_ON_TIMEOUT = 2,
    RETRY_ON_SIGNAL = 4,
    RETRY_ON_OOM = 8,
    RETRY_ON_OUTPUT = 16 /* of `recover` without `retry` */
};

struct m_retry {
    struct m_text max;              /* integer */
    enum retry_backoff backoff;     /* exponential unless said */
    struct m_text delay, max_delay; /* durations */
    struct m_text jitter;           /* bool */
    unsigned on;                    /* bits of enum retry_on; all unless said */
    int32_t *exit_codes;            /* only these; none: any */
    uint32_t exit_code_count;
};

/* `checkpoint`: see docs/checkpoints.md */
struct m_checkpoint {
    struct m_text every, keep, required; /* duration, integer, bool */
};

struct m_command { /* of `recover`, `compensate`: runs with all that its stage has, beside `run` */
    enum m_run_kind run_kind;
    struct span span;
    struct m_list run;
};

struct m_breaker_use {
    struct str name;
    struct span span;
};

/* A check of a result: a row of `validate` or `gate`, or a rule. Either an expression or a command.
 */
struct m_check {
    struct str name; /* as given, else the expression or the command as written */
    struct span span;
    bool warn; /* severity = "warn" */
    const struct expr *expr;
    enum m_run_kind run_kind;
    struct m_list run;    /* a string goes to the default shell, whatever shell the stage has */
    struct m_list inputs; /* files that its command reads beside what the stage made */
};
struct m_checks {
    struct m_check *items;
    uint32_t count;
};

/* `each`: where the items of a stream come from. */
enum m_each_kind { M_EACH_LINES, M_EACH_FILES, M_EACH_STAGE };
struct m_each {
    enum m_each_kind kind;
    bool given; /* one of the three was written */
    struct m_text
        source; /* LINES: a file; FILES: a glob, a folder or a file; STAGE: a stage's name */
};

/* What a stage may say beyond what it runs, reads and writes. One that says none of it shares these
 * with [defaults], so that a hundred thousand plain stages stay small. */
struct m_settings {
    struct m_text desc;
    struct m_list shell; /* argv before the string; not given: the default */
    struct m_text dir, std_in, std_out, depfile, metrics;
    struct m_checks validate, gate;
    struct m_tool *tools;
    uint32_t tool_count;
    bool tools_given;
    struct m_env *env;
    uint32_t env_count;
    struct m_pass *pass_env, *secret_env;
    uint32_t pass_env_count, secret_env_count;
    struct m_text cache; /* bool */
    const struct expr *when;
    struct span when_span;
    struct m_axis *axes; /* in order of name */
    uint32_t axis_count;
    struct m_exclude *excludes;
    uint32_t exclude_count;
    struct m_text timeout, grace; /* durations */
    struct m_text on_failure;     /* "stop" or "ignore" */
    struct m_text on_pause;       /* "finish", "freeze" or "stop" */
    struct m_text cpu;            /* cores or "all" */
    struct m_text memory;         /* size */
    struct m_text log_max;        /* size */
    struct m_text priority;       /* integer */
    struct m_pool_use *pools;
    uint32_t pool_count;
    struct m_text tty; /* bool */
    bool always;
    const struct m_retry *retry;                  /* NULL: none */
    const struct m_command *recover, *compensate; /* NULL: none */
    const struct m_checkpoint *checkpoint;        /* NULL: none */
    struct m_breaker_use breaker;
    const struct m_each *each;         /* NULL: the stage is no stream */
    struct m_text mode;                /* "spawn" or "worker" */
    struct m_text workers;             /* integer or "auto" */
    struct m_text queue;               /* integer */
    struct m_text dedupe;              /* bool */
    struct m_text dead_letter;         /* path */
    struct m_text max_dead;            /* integer or share: "1%" */
    const struct m_variants *variants; /* NULL: none */
};

struct m_stage {
    struct str name;
    struct span span; /* of the name in its header */
    enum m_run_kind run_kind;
    struct span run_span;
    struct m_list run; /* SHELL: one item; ARGV: its elements */
    struct m_input *inputs;
    struct m_output *outputs;
    uint32_t input_count, output_count;
    bool outputs_given; /* `outputs = []` was written */
    struct m_list needs;
    const struct m_settings *settings;
};

/* `variant.NAME` of a stage: while its flag is on, its keys replace those of the stage. */
struct m_variant {
    struct str name;
    struct span span;
    const struct m_flag *flag;
    bool fallback;        /* one that failed is followed by the stage's own command */
    bool breaks;          /* it has a breaker of its own: an open one gives way to that, too */
    struct m_stage stage; /* with the keys replaced; what it reads and makes is said by its own */
};
struct m_variants {
    struct m_variant *items; /* in order of definition: the first whose flag is on is chosen */
    uint32_t count;
};

/* A row of [flags]: see model/flag.h. */
struct m_flag {
    struct str name;
    struct span span;
    double percent;        /* after --flag; 0: off, 100: on */
    double preset;         /* as in the manifest */
    const struct expr *by; /* what the unit is; NULL: not said */
    bool by_instance;      /* it is the instance also where items are units */
};

struct m_param {
    struct str name;
    struct span span;
    struct value value;  /* after overrides */
    struct value preset; /* as in the manifest */
    bool has_min, has_max;
    struct value min, max; /* numbers; of a list, each element is held against them */
    struct value *choices;
    uint32_t choice_count;
    struct str help;
};

struct m_pool {
    struct str name;
    struct span span;
    struct m_text slots;
};

struct m_breaker {
    struct str name;
    struct span span;
    struct m_text failure_ratio;    /* float */
    struct m_text window, open_for; /* durations */
    struct m_text min_calls;        /* integer */
    struct m_text when_open;        /* "wait" or "fail" */
    struct m_text slow_call;        /* duration */
};

/* `[[on.NAME]]`: a command that is told of events. */
struct m_hook {
    enum hook hook;
    uint32_t number; /* of those of its name, from 1 */
    struct span span;
    const char **argv;  /* ended by NULL; of a string: the shell before it */
    int64_t timeout_ns; /* at most HOOK_TIMEOUT_S */
};

/* A word of [report] as it stands: a selection of rows, or the name of a metric. */
struct m_word {
    struct str text;
    struct span span;
};
struct m_words {
    struct m_word *items;
    uint32_t count;
    bool given;
};
/* `score.NAME`, and a row of `warn` or `recommend`. `of_row`: it speaks of a row's own metrics, so
 * each row has one. */
struct m_score {
    struct str name;
    struct span span;
    const struct expr *expr;
    bool of_row;
};
struct m_advice {
    struct span span;
    const struct expr *when; /* NULL: always */
    struct m_text text;
    bool of_row;
};
struct m_advices {
    struct m_advice *items;
    uint32_t count;
};
/* [report]: what the report of a run shows. */
struct m_report {
    struct m_words rows, columns;
    struct m_score *scores; /* one may speak of those before it */
    uint32_t score_count;
    struct m_advices warn, recommend;
};

enum m_link { M_LINK_REFLINK, M_LINK_COPY, M_LINK_HARDLINK };

/* How commands find the pool of job tokens. */
enum m_jobserver { M_JOBSERVER_PIPE, M_JOBSERVER_FIFO, M_JOBSERVER_NONE };

/* Numbers of named things by name: open addressing, in the arena. */
struct m_index {
    uint32_t *slots; /* number + 1; 0: free */
    uint32_t mask;
};

struct manifest {
    struct str file; /* as named in messages */
    struct str name, version;
    struct span name_span;
    struct m_list targets; /* pipeline.default */
    struct m_text timeout, grace;
    bool keep_going, portable;
    struct str store; /* path of a shared store; "" for .pawl */
    enum m_link links[3];
    uint32_t link_count;
    enum m_jobserver jobserver;
    struct str *ignore;
    uint32_t ignore_count;
    uint32_t retain_runs; /* 0: not said */
    int64_t retain_age_ns;
    uint64_t retain_size_bytes;
    struct m_param *params;
    uint32_t param_count;
    struct m_flag *flags; /* in order of definition */
    uint32_t flag_count;
    struct m_pool *pools;
    uint32_t pool_count;
    struct m_breaker *breakers;
    uint32_t breaker_count;
    struct m_hook *hooks; /* in order of definition */
    uint32_t hook_count;
    struct m_check *rules;
    uint32_t rule_count;
    const struct m_report *report; /* NULL: none, or only a part of the manifest was read */
    struct m_stage *stages;        /* in order of definition */
    uint32_t stage_count;
    struct str_range *stage_texts;  /* by stage: the part of the text that alone speaks of it; to 0:
                                        it stands in several places, or not in a table of its own */
    struct str_range *stage_inputs; /* by stage: in that part, what it says of its inputs, if its
                                       outputs do not depend on it; to 0: not in one piece */
    struct m_index stage_index, param_index, flag_index, pool_index, breaker_index, rule_index;
};

/* An override from the command line (`-p name=value`) or of a params file. */
struct m_override {
    struct str name;
    struct str text;                /* from -p: read as the parameter's type */
    const struct toml_value *value; /* from a file: NULL for -p */
    struct span span;               /* in the params file, or none */
};

struct manifest_request {
    const struct toml_value *document; /* pawl.toml */
    struct arena
        *document_arena; /* where it alone lies: given back while stages are read; or NULL */
    /* By stage of the document: 1 if only what it makes is wanted; NULL: all is. Its inputs are
     * then read only if its outputs speak of them. */
    const uint8_t *outlines;
    struct arena *files_arena; /* for `inputs` and `outputs`: manifest_forget_files(); or NULL */
    const struct toml_value *local; /* pawl.local.toml, or NULL */
    struct str file;
    const struct m_override *overrides;
    uint32_t override_count;
    const struct m_override *flags; /* --flag: name and text */
    uint32_t flag_count;
    uint32_t pawl_version; /* major * 1000000 + minor * 1000 + patch, for pipeline.requires */
};

/* Reads; false if there were errors (all in `diags`). */
bool manifest_read(struct manifest *manifest, const struct manifest_request *request,
                   struct arena *arena, struct diags *diags);

/* `inputs` and `outputs` of the stages are not asked for any more, as all is planned: their arena
 * may go. How many there are is still known, and their names are in the plan. */
void manifest_forget_files(struct manifest *manifest);

/* Do the paths of its outputs depend on those of its inputs? */
bool manifest_outputs_name_inputs(const struct m_stage *stage);

/* The stage of that name, or NULL. */
const struct m_stage *manifest_stage(const struct manifest *manifest, struct str name);
const struct m_param *manifest_param(const struct manifest *manifest, struct str name);
/* The number of the stage's axis of that name, or UINT32_MAX. */
uint32_t manifest_axis(const struct m_stage *stage, struct str name);
/* The value that a run recorded, as text; false, and nothing changed: it is of another type now, or
 * a list. */
bool manifest_param_take(struct m_param *param, struct str text);
const struct m_flag *manifest_flag(const struct manifest *manifest, struct str name);
const struct m_pool *manifest_pool(const struct manifest *manifest, struct str name);
const struct m_breaker *manifest_breaker(const struct manifest *manifest, struct str name);
const struct m_check *manifest_rule(const struct manifest *manifest, struct str name);

/* One row for each key of a table of the manifest: it drives the reader, the suggestions and the
 * manual. */
enum manifest_table {
    MANIFEST_TOP,
    MANIFEST_PIPELINE,
    MANIFEST_STAGE,
    MANIFEST_POOL,
    MANIFEST_PARAM,
    MANIFEST_INPUT,  /* { path, … } in `inputs` */
    MANIFEST_OUTPUT, /* { path, … } in `outputs` */
    MANIFEST_TOOL,   /* { run } in `tools` */
    MANIFEST_AXIS,   /* { from, … }, { glob }, … in `matrix` */
    MANIFEST_RETAIN, /* pipeline.retain */
    MANIFEST_RETRY,
    MANIFEST_BREAKER,
    MANIFEST_CHECKPOINT,
    MANIFEST_HOOK,    /* [[on.NAME]] */
    MANIFEST_CHECK,   /* { name, … } in `validate` and `gate`, and [rule.NAME] */
    MANIFEST_FLAG,    /* { percent, by } in [flags] */
    MANIFEST_VARIANT, /* variant.NAME of a stage, beside the keys that it replaces */
    MANIFEST_EACH,    /* `each` of a stage */
    MANIFEST_REPORT,
    MANIFEST_ADVICE /* { when, text } in `warn` and `recommend` of [report] */
};
enum { MANIFEST_TABLES = MANIFEST_ADVICE + 1 };

struct m_reader;
struct toml_entry;

struct manifest_key_row {
    enum manifest_table table;
    const char *name;
    const char *type;    /* "duration", "array of strings", … for the manual */
    const char *meaning; /* a sentence or two */
    bool in_defaults;    /* a stage key that [defaults] may set */
    bool in_local;       /* pawl.local.toml may set it */
    bool of_settings;    /* of a stage: in struct m_settings */
    /* The reader's (model/manifest_read.h): puts the value into the struct `into` that the table
     * stands for, or with `of_settings` into the settings of the stage; simple ones at `at`. */
    void (*read)(struct m_reader *reader, const struct manifest_key_row *row,
                 const struct toml_entry *entry, void *into);
    size_t at;
};
extern const struct manifest_key_row manifest_keys[]; /* ended by name == NULL */
/* Where a table stands, for messages and the manual: "[pipeline]", "a stage", … */
const char *manifest_table_name(enum manifest_table table);

#endif
