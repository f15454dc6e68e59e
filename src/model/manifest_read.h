#ifndef PAWL_MODEL_MANIFEST_READ_H
#define PAWL_MODEL_MANIFEST_READ_H
/* Inside of manifest_read(): what the files manifest_*.c share. Nobody else includes it.
 *
 * One struct m_reader lives as long as one manifest_read(). m_table_read() walks a TOML table and
 * hands each entry to the reader of its row in manifest_keys; readers report what they find with
 * m_error() and go on, so nothing here tells its caller to stop. A text that could not be read
 * stays absent.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/map.h"
#include "model/manifest.h"
#include "model/template.h"
#include "model/toml.h"

/* Whose keys are being read, for messages: "stage 'fetch'", "[pipeline]", "an input of stage 'x'".
 */
struct m_owner {
    const char *kind;
    struct str name; /* may be empty */
    const struct m_owner *outer;
};

struct m_reader {
    struct arena *arena;
    struct arena *files;  /* inputs and outputs of stages */
    struct arena scratch; /* of one check */
    struct diags *diags;
    struct manifest *manifest;
    const struct manifest_request *request;
    struct template_cache templates;
    struct map keys[MANIFEST_TABLES]; /* name to number of its row */
    const struct m_owner *owner;
    struct m_report *report; /* NULL: none, or only a part of the manifest is read */
    struct m_stage defaults;
    const struct m_stage *own_settings; /* the last stage that was given settings of its own */
    struct str shell;                   /* the word for template_parse */
    bool plain;                         /* templates are not known here */
    bool local;                         /* in pawl.local.toml */
    bool in_defaults;                   /* in [defaults] */
    bool outline;                       /* in a stage of which only the outputs are wanted */
};

/* --- manifest.c --- */

/* Reads every entry of a table by the rows of `kind` into the struct `into`. */
void m_table_read(struct m_reader *reader, enum manifest_table kind, const struct toml_table *table,
                  void *into);
/* The settings of a stage, to be written: from the first time they are its own. */
struct m_settings *m_stage_settings(struct m_reader *reader, struct m_stage *stage);
/* Makes the index of `count` elements of `size` bytes that start with their `struct str name`. */
void m_index_build(struct m_index *index, struct arena *arena, const void *items, size_t count,
                   size_t size);
/* The number of a name, or MAP_MISSING. */
uint32_t m_index_find(const struct m_index *index, const void *items, size_t size, struct str name);

/* --- manifest_text.c --- */

/* Adds "'key' in OWNER " + the text. */
void m_error(struct m_reader *reader, struct span span, const char *hint, struct str key,
             const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Adds "'key' in OWNER must be EXPECTED, not a KIND". */
void m_error_kind(struct m_reader *reader, const struct toml_value *value, struct str key,
                  const char *expected, const char *hint);
/* The owner in words, in the arena of the diags. */
struct str m_owner_text(struct m_reader *reader, const struct m_owner *owner);

/* The span of a string's content. */
struct span m_content_span(const struct m_reader *reader, const struct toml_value *value);
/* A string, without templates where none are known; false if it is none (reported). */
bool m_text_string(struct m_reader *reader, struct str key, const struct toml_value *value,
                   enum template_use use, struct m_text *text);
/* A string that is not empty. */
bool m_text_filled(struct m_reader *reader, struct str key, const struct toml_value *value,
                   enum template_use use, struct m_text *text);
/* A string, number or boolean as text; `*kind` (may be NULL) is what was written. */
bool m_text_scalar(struct m_reader *reader, struct str key, const struct toml_value *value,
                   struct m_text *text, enum value_kind *kind);
/* An integer of least to most, or a template. */
bool m_text_integer(struct m_reader *reader, struct str key, const struct toml_value *value,
                    int64_t least, int64_t most, struct m_text *text);
/* A number of 0 to 1, not 0, or a template. */
bool m_text_share(struct m_reader *reader, struct str key, const struct toml_value *value,
                  struct m_text *text);
/* A string without any template, not empty. */
bool m_plain_string(struct m_reader *reader, struct str key, const struct toml_value *value,
                    struct str *text);
bool m_plain_bool(struct m_reader *reader, struct str key, const struct toml_value *value,
                  bool *truth);
/* An array of strings that are not empty. */
void m_list_strings(struct m_reader *reader, struct str key, const struct toml_value *value,
                    enum template_use use, struct m_list *list);
/* The text if nothing is to be rendered. */
bool m_text_constant(const struct m_text *text, struct str *constant);
/* Puts text that we made into a m_text. */
bool m_text_made(struct m_reader *reader, struct str made, struct span span, struct m_text *text);

/* --- manifest_name.c --- */

/* Checks a name; `what` is "param", "stage", …; `dash`: may have `-` inside. */
bool m_name_check(struct m_reader *reader, const char *what, struct str name, struct span span,
                  bool dash);
bool m_name_is_word(struct str name); /* [A-Za-z_][A-Za-z0-9_]* */

/* --- readers of keys; `into` is the struct of the row's table --- */

typedef void m_key_reader(struct m_reader *reader, const struct manifest_key_row *row,
                          const struct toml_entry *entry, void *into);

/* manifest_text.c: a struct m_text, bool or struct str at row->at */
m_key_reader m_key_text;     /* any string */
m_key_reader m_key_duration; /* longer than nothing */
m_key_reader m_key_grace;    /* may be nothing */
m_key_reader m_key_size;
m_key_reader m_key_text_bool;
m_key_reader m_key_bool;
m_key_reader m_key_plain;

/* manifest.c: the tables of the top level, which are read in an order of their own */
m_key_reader m_key_nothing;

/* manifest_pipeline.c */
m_key_reader m_key_requires;
m_key_reader m_key_pipeline_name;
m_key_reader m_key_targets;
m_key_reader m_key_link;
m_key_reader m_key_jobserver;
m_key_reader m_key_ignore;
m_key_reader m_key_retain;
m_key_reader m_key_retain_runs;
m_key_reader m_key_retain_age;
m_key_reader m_key_retain_size;
/* False if the manifest wants a later pawl (reported). */
bool m_requires_check(struct m_reader *reader, const struct toml_table *root);
void m_pipeline_read(struct m_reader *reader, const struct toml_value *value);

/* manifest_pool.c */
m_key_reader m_key_slots;
m_key_reader m_key_pool_use;
void m_pools_read(struct m_reader *reader, const struct toml_value *pools,
                  const struct toml_value *local);

/* manifest_retry.c, manifest_breaker.c */
m_key_reader m_key_retry;
m_key_reader m_key_recover;
m_key_reader m_key_compensate;
m_key_reader m_key_retry_max;
m_key_reader m_key_retry_backoff;
m_key_reader m_key_retry_on;
m_key_reader m_key_retry_exit_codes;
m_key_reader m_key_breaker_use;
m_key_reader m_key_breaker_ratio;
m_key_reader m_key_breaker_calls;
m_key_reader m_key_breaker_when_open;
void m_breakers_read(struct m_reader *reader, const struct toml_value *value);

/* manifest_stream.c */
m_key_reader m_key_each;
m_key_reader m_key_each_source;
m_key_reader m_key_mode;
m_key_reader m_key_workers;
m_key_reader m_key_queue;
m_key_reader m_key_max_dead;
/* What only the whole stage shows; false (reported). */
bool m_stream_check(struct m_reader *reader, const struct m_stage *stage);

/* manifest_checkpoint.c */
m_key_reader m_key_checkpoint;
m_key_reader m_key_checkpoint_keep;
/* What does not go together. */
void m_checkpoint_check(struct m_reader *reader, const struct m_stage *stage);

/* manifest_hooks.c */
m_key_reader m_key_hook_run;
m_key_reader m_key_hook_timeout;
void m_hooks_read(struct m_reader *reader, const struct toml_value *on);

/* manifest_params.c, manifest_override.c */
m_key_reader m_key_param_value;
m_key_reader m_key_param_min;
m_key_reader m_key_param_max;
m_key_reader m_key_param_choices;
void m_params_read(struct m_reader *reader, const struct toml_value *value);
/* A param's value from TOML; false (reported) for what no param can be. */
bool m_value_read(struct m_reader *reader, struct str key, const struct toml_value *value,
                  struct value *out);
/* Bounds and choices; `before` stands before the message ("" or "-p slow=500: "). */
bool m_param_allows(struct m_reader *reader, const struct m_param *param, const struct value *value,
                    struct span span, struct str before);
void m_overrides_apply(struct m_reader *reader);

/* manifest_flags.c */
m_key_reader m_key_flag_percent;
m_key_reader m_key_flag_by;
void m_flags_read(struct m_reader *reader, const struct toml_value *value);
/* Adds the nearest flag as a hint. */
void m_flag_suggest(struct m_reader *reader, struct str name);

/* manifest_variant.c */
m_key_reader m_key_variant;
m_key_reader m_key_variant_flag;
m_key_reader m_key_variant_fallback;
/* Once all else of the stage is read. */
void m_variants_read(struct m_reader *reader, const struct toml_table *table,
                     struct m_stage *stage);

/* manifest_check.c */
m_key_reader m_key_checks; /* validate, gate */
m_key_reader m_key_check_run;
m_key_reader m_key_check_expr;
m_key_reader m_key_check_severity;
m_key_reader m_key_check_inputs;
void m_rules_read(struct m_reader *reader, const struct toml_value *rules);

/* manifest_report.c, manifest_report_names.c */
m_key_reader m_key_report_words; /* rows, columns */
m_key_reader m_key_report_scores;
m_key_reader m_key_report_advices; /* warn, recommend */
m_key_reader m_key_advice_when;
void m_report_read(struct m_reader *reader, const struct toml_value *value);
/* Once the stages are known: what it speaks of is there; sets `of_row` of its parts. */
void m_report_check(struct m_reader *reader);

/* manifest_stage.c */
/* A command: a string for a shell, or an array. */
void m_run_read(struct m_reader *reader, struct str key, const struct toml_value *value,
                enum m_run_kind *kind, struct m_list *run);
/* An expression in quotes, without {{ }}; NULL: reported. */
const struct expr *m_expr_read(struct m_reader *reader, struct str key,
                               const struct toml_value *value);
/* What a `run` string of this table may hold: before its keys are read. */
void m_shell_take(struct m_reader *reader, const struct toml_table *table,
                  const struct m_stage *stage);
m_key_reader m_key_run;
m_key_reader m_key_shell;
m_key_reader m_key_needs;
m_key_reader m_key_when;
m_key_reader m_key_on_failure;
m_key_reader m_key_on_pause;
m_key_reader m_key_cpu;
m_key_reader m_key_priority;
void m_defaults_read(struct m_reader *reader, const struct toml_value *value, bool local);
void m_stages_read(struct m_reader *reader, const struct toml_value *value);

/* manifest_files.c */
m_key_reader m_key_inputs;
m_key_reader m_key_outputs;
m_key_reader m_key_input_path;
m_key_reader m_key_input_keys;
m_key_reader m_key_output_path;
m_key_reader m_key_dir;
m_key_reader m_key_stdin;
m_key_reader m_key_out_file; /* stdout, depfile, … */
/* A path, glob or folder that is read. */
bool m_input_path_read(struct m_reader *reader, struct str key, const struct toml_value *value,
                       struct m_text *path);

/* manifest_tools.c */
m_key_reader m_key_tools;
m_key_reader m_key_tool_run;
m_key_reader m_key_env;
m_key_reader m_key_pass_env;
m_key_reader m_key_secret_env;
/* One name in two of env, pass_env, secret_env. */
void m_env_check(struct m_reader *reader, const struct m_settings *settings);

/* manifest_matrix.c */
m_key_reader m_key_matrix;
m_key_reader m_key_axis_number;
m_key_reader m_key_axis_glob;
m_key_reader m_key_axis_lines;
m_key_reader m_key_axis_values;

#endif
