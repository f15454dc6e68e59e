#ifndef PAWL_MODEL_PLAN_H
#define PAWL_MODEL_PLAN_H
/* The plan: all instances and the edges between them, immutable once built.
 *
 * Order of calls: manifest_read(), plan_build(), then read-only use from any thread; plan_fini() at
 * the end. Everything is dense: an id is an index into an array of the plan. Planning is pure; what
 * it must know of the file system it asks through `struct plan_files`, whose functions only look.
 *
 * **Paths.** All paths are workspace paths (base/path.h) except sources given as absolute paths,
 * which stay absolute. Each is interned once: `struct path_id`. A path has at most one producer.
 *
 * **Edges come from paths.** An input at or below a folder output, or a folder or glob that can
 * match at or below an output, makes an edge. `needs` makes one without a path.
 *
 * **Dynamic inputs.** A glob or a folder stands for: source files that match now (listed at
 * planning, without declared outputs and orphans), and what its producers made, known only when
 * they are done. plan_inputs_resolve() gives the list at that time. Only then can the command of an
 * instance with such inputs be rendered (plan_command()); all others were rendered for their
 * mistakes while planning, so that those show before anything runs, and are rendered again for who
 * asks.
 *
 * **Order.** `topo` lists all instances so that producers come before consumers; ties in order of
 * definition, so that the same manifest gives the same plan on every machine.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/map.h"
#include "base/str.h"
#include "model/expr.h"
#include "model/manifest.h"
#include "model/value.h"

struct stage_id {
    uint32_t n;
};
struct inst_id {
    uint32_t n;
};
struct path_id {
    uint32_t n;
};

#define PLAN_NONE UINT32_MAX /* in the .n of an id: none */

static inline bool inst_is_some(struct inst_id id)
{
    return id.n != PLAN_NONE;
}

enum plan_input_kind {
    PLAN_INPUT_FILE,
    PLAN_INPUT_FOLDER, /* all below, dot files too */
    PLAN_INPUT_GLOB
};

struct plan_input {
    struct path_id path; /* FILE, FOLDER: its path; GLOB: the pattern, interned like a path */
    uint32_t role;       /* plan->names: the name in a table of inputs, or "" */
    enum plan_input_kind kind;
    bool optional;
    bool is_stdin;
    bool is_each;            /* its items, or lines, are those of the stream */
    bool is_tool;            /* run[0], a file of the workspace: read without being declared */
    uint16_t variant;        /* is_tool: of which command, as plan_instance.variant */
    bool is_missing;         /* optional, neither exists nor is made */
    bool is_made;            /* some producer makes it, or part of it */
    struct inst_id producer; /* FILE: of this path, or of the folder output above it; else none */
    uint32_t sources_first, source_count; /* FOLDER, GLOB: plan->source_matches, sorted */
    struct str *keys;                     /* only these values of the file count */
    uint32_t key_count;
};

struct plan_output {
    struct path_id path;
    uint32_t role;
    bool folder;
    bool optional, store, temp, persist, non_empty;
    bool is_stdout;  /* also an output like any other, written by us */
    bool is_dead;    /* the dead letters of a stream: also an output like any other */
    bool is_depfile; /* not an output that others may name; removed with the attempt's rest */
    bool is_metrics; /* also an output like any other, whose figures are taken */
};

/* What a command is, rendered. */
struct plan_command {
    bool shell; /* argv is the shell's, its last element the string */
    struct str *argv;
    uint32_t argc;   /* 0: a stage without `run` */
    struct str dir;  /* workspace path, "" for the workspace itself */
    struct str *env; /* "NAME=value", sorted, only what the manifest sets */
    uint32_t env_count;
    struct str *tools; /* rendered names of programs that count by their bytes */
    uint32_t tool_count;
    struct str *tool_runs; /* rendered `{ run = … }` tools */
    uint32_t tool_run_count;
};

enum plan_cpu { PLAN_CPU_ALL = UINT16_MAX };

struct plan_pool_use {
    uint32_t pool;
    uint32_t slots;
};

struct plan_retry { /* see policy/retry.h */
    uint32_t max;
    enum retry_backoff backoff;
    int64_t delay_ns, max_delay_ns;
    bool jitter;
    unsigned on; /* bits of enum retry_on */
    const int32_t *exit_codes;
    uint32_t exit_code_count; /* 0: any */
};

struct plan_breaker { /* see policy/breaker.h */
    struct str name;
    double failure_ratio;
    uint32_t min_calls;
    int64_t window_ns, open_for_ns;
    int64_t slow_call_ns; /* 0: none is too slow */
    bool fails_when_open;
};

/* Of an instance with `each`: timeout, retry and breaker are for each item, not for its attempt. */
struct plan_stream {
    enum m_each_kind kind;
    bool worker; /* mode = "worker" */
    bool dedupe;
    uint32_t workers; /* 0: as many as there are slots */
    uint32_t queue;
    bool max_dead_is_share;
    uint64_t max_dead;  /* items, or millionths of all */
    int64_t timeout_ns; /* 0: none */
    uint32_t retry;     /* plan->retries; 0: none */
    uint32_t breaker;   /* plan->breakers[breaker - 1]; 0: none */
};

/* Whether the stage's own command took the place of the variant that was chosen, and why. */
enum plan_left {
    PLAN_STAYS,
    PLAN_LEFT_OUT,   /* the breaker of the variant is open: the result is the own command's */
    PLAN_LEFT_FAILED /* the variant failed: the result stands in for that of the variant */
};

enum plan_on_pause { PLAN_ON_PAUSE_FINISH, PLAN_ON_PAUSE_FREEZE, PLAN_ON_PAUSE_STOP };

struct plan_instance {
    struct stage_id stage;
    struct str name;        /* simulate@region=north,year=2026 */
    struct value *axes;     /* one value for each axis of the stage, in order of axis name */
    struct str skip_reason; /* not "": `when` was false */
    uint32_t inputs_first, input_count;
    uint32_t outputs_first, output_count;
    uint32_t producers_first, producer_count; /* plan->edges; sorted, each once */
    uint32_t consumers_first, consumer_count; /* plan->back_edges; sorted, each once */
    bool outline;   /* of a slice: it is only what it makes, see struct plan_slice */
    bool dynamic;   /* has an input only known when its producers are done */
    bool no_cache;  /* cache = false, or neither inputs nor outputs: runs in each run */
    bool last_only; /* inputs only, or compensate, or persist: only its own last result counts */
    bool ignore_failure; /* on_failure = "ignore" */
    bool checked;        /* its result is judged: `validate`, `gate` */
    bool late_when;      /* `when` speaks of metrics: decided when its producers are done */
    bool always;         /* runs at the end of each run; whoever waits for it does so, too */
    bool tty;
    bool recovers;    /* has a command of `recover` */
    bool compensates; /* has a command of `compensate`: acts on the world outside */
    uint8_t on_pause; /* enum plan_on_pause */
    uint8_t left;     /* enum plan_left: see plan_leave_variant() */
    uint16_t variant; /* of its stage's variants, from 1; 0: none is chosen */
    uint16_t cpu;     /* slots; PLAN_CPU_ALL */
    int32_t priority;
    uint64_t memory_bytes; /* declared; 0: none */
    uint64_t log_max_bytes;
    int64_t timeout_ns; /* 0: none */
    int64_t grace_ns;
    uint32_t pools_first, pool_count; /* plan->pool_uses */
    uint32_t retry;                   /* plan->retries; 0: none */
    uint32_t breaker;                 /* plan->breakers[breaker - 1]; 0: none */
    uint32_t stream;                  /* plan->streams[stream - 1]; 0: it is none */
    uint32_t own;                     /* plan->owns[own - 1]; 0: it cannot leave its variant */
    uint32_t checkpoints;             /* snapshots that are kept of it; 0: it has none */
    bool checkpoint_required;         /* fails when there are some and none is good */
    int64_t checkpoint_every_ns;
};

struct plan_stage {
    const struct m_stage *source;
    struct str name;
    uint32_t instances_first, instance_count; /* instances of a stage are neighbours */
    bool names_stage;                         /* it speaks of metrics of others */
};

struct plan_path {           /* its name: plan_path_name() */
    struct inst_id producer; /* PLAN_NONE: a source */
    uint32_t output;         /* index into plan->outputs if it has a producer */
};

struct plan {
    struct arena *arena;
    const struct manifest *manifest;
    struct plan_stage *stages;
    uint32_t stage_count;
    struct plan_instance *instances;
    uint32_t instance_count;
    struct plan_input *inputs;
    uint32_t input_count;
    struct plan_output *outputs;
    uint32_t output_count;
    struct plan_path *paths;
    uint32_t path_count, path_cap;
    struct intern path_names; /* number of a name == its path_id */
    struct intern names;      /* roles */
    struct path_id *source_matches;
    uint32_t source_match_count;
    struct inst_id *edges, *back_edges;
    uint32_t edge_count;
    struct plan_pool_use *pool_uses;
    uint32_t pool_use_count;
    uint32_t *pool_slots;       /* by index into manifest->pools */
    struct plan_retry *retries; /* [0] is that of a stage without `retry` */
    uint32_t retry_count;
    struct plan_stream *streams;
    uint32_t stream_count;
    struct plan_breaker *breakers; /* as in the manifest */
    uint32_t breaker_count;
    struct inst_id *topo;
    uint32_t *name_slots; /* numbers of instances + 1 by the hash of their name; 0: free */
    uint32_t name_mask;
    struct path_id *listed_dirs; /* every folder that was listed, sorted: guards of a later index */
    uint32_t listed_dir_count;
    struct path_id *orphans; /* found while listing, sorted */
    uint32_t orphan_count;
    struct plan_instance *owns; /* limits of the own commands of instances that have a variant */
    uint32_t own_count;
    bool metrics_named;          /* some stage speaks of metrics of others */
    struct str default_shell[5]; /* argv before the string, for stages without `shell` */
    uint32_t default_shell_count;
    const struct diags *diags; /* for the places in messages: it must outlive the plan */
};

/* What planning asks of the world. A fake of it makes planning testable without files. */
struct plan_entry {
    struct str name; /* one component */
    bool is_folder;  /* or a link to one */
    bool is_link;    /* perhaps to nothing */
};
enum plan_exists { PLAN_EXISTS_NOT, PLAN_EXISTS_FILE, PLAN_EXISTS_FOLDER };
struct plan_files {
    void *ctx;
    /* Entries of a folder (workspace path or absolute), sorted by bytes; false: it cannot be listed
     * (does not exist: count 0 and true). */
    bool (*list)(void *ctx, struct str folder, struct arena *arena, struct plan_entry **entries,
                 uint32_t *count);
    /* The same for who asks only whether some files are there: what else the folder holds is of no
     * account, it need not be remembered that it was listed, nor be said where links lead to. */
    bool (*peek)(void *ctx, struct str folder, struct arena *arena, struct plan_entry **entries,
                 uint32_t *count);
    enum plan_exists (*exists)(void *ctx, struct str path);
    /* True for a file that pawl made earlier and that is unchanged since. */
    bool (*was_made)(void *ctx, struct str path);
    /* The whole text of a `lines` file; false: it cannot be read. */
    bool (*read)(void *ctx, struct str path, struct arena *arena, struct str *text);
    /* Whether `shell` accepts `-o pipefail` (probed once for each shell). */
    bool (*has_pipefail)(void *ctx, struct str shell);
    /* A program on PATH, or STR_NONE. */
    struct str (*find_program)(void *ctx, struct str name, struct arena *arena);
};

/* Builds; false if there were errors (all in `diags`). */
bool plan_build(struct plan *plan, const struct manifest *manifest, const struct plan_files *files,
                struct arena *arena, struct diags *diags);

/* A slice of a plan: some instances, in the order of the whole plan, so that they can be decided
 * and run without planning the others. With each of them whoever makes what it reads must be there,
 * at least as an *outline*: its outputs are planned, but it reads nothing, waits for nobody, and
 * cannot be run. Whoever asks for a slice has seen the whole plan built from the same manifest and
 * the same files; `manifest` may lack stages that have no instance in the slice. */
struct plan_slice {
    const uint32_t *first;    /* by stage of the manifest, and once more: into the next two */
    const uint32_t *ordinals; /* by instance: its place among all of its stage, ascending */
    const uint8_t *outline;   /* by instance: an outline is enough */
};
bool plan_build_slice(struct plan *plan, const struct manifest *manifest,
                      const struct plan_slice *slice, const struct plan_files *files,
                      struct arena *arena, struct diags *diags);
void plan_fini(struct plan *plan);

/* --- What is asked of a plan --- */

struct str plan_path_name(const struct plan *plan, struct path_id path);
/* The path's id, or PLAN_NONE. */
struct path_id plan_find_path(const struct plan *plan, struct str name);

/* The output that is at that path, or the folder output above it; PLAN_NONE. */
uint32_t plan_find_output(const struct plan *plan, struct str path);

/* The instance of that full name, or PLAN_NONE. */
struct inst_id plan_find_instance(const struct plan *plan, struct str name);

/* Selection by what a user types: a stage, an instance, a partial instance (`simulate@year=2026`,
 * `*` and `?` are glob), or the path of an output. Sets `selected[i]` for each match; false and a
 * usage error with a suggestion when nothing matches. */
struct err;
/* The same by names alone, where there is no plan: does this selection of instances mean this one?
 * Values may be typed as they are or as in the names of instances. */
bool plan_selects(struct str selection, struct str instance);
/* `axis=value` as the names of instances have it. */
void plan_add_axis(struct strbuf *out, struct str axis, struct str value);
bool plan_select(const struct plan *plan, struct str selection, uint8_t *selected, struct err *err);
/* Adds everything the selected instances need, transitively. */
void plan_close_over_producers(const struct plan *plan, uint8_t *selected);
/* Adds each instance with `always` that waits for a selected one. */
void plan_add_always(const struct plan *plan, uint8_t *selected);
/* Adds everything that depends on the selected instances. */
void plan_close_over_consumers(const struct plan *plan, uint8_t *selected);

/* --- Variants (plan_variants.c) --- */

/* The variant that was chosen for an instance, NULL: none. It stays so when it is left. */
const struct m_variant *plan_variant(const struct plan *plan, const struct plan_instance *inst);
/* In a stage with `each`: is it chosen for each item, not for the instance? */
static inline bool plan_variant_is_of_items(const struct m_variant *variant)
{
    return variant->flag->by == NULL && !variant->flag->by_instance;
}
/* What the instance runs, and how: its stage, with the keys replaced that its variant replaces. */
const struct m_stage *plan_source(const struct plan *plan, const struct plan_instance *inst);
/* May the instance run that variant of its stage: for itself, or in a stream for some items? */
bool plan_may_run(const struct plan *plan, const struct plan_instance *inst, uint32_t variant);
/* May it run its stage's own command? */
bool plan_may_run_own(const struct plan *plan, const struct plan_instance *inst);
/* Would the stage's own command take the place of one that fails or is out? */
bool plan_may_leave(const struct plan *plan, const struct plan_instance *inst);
/* From here on the instance runs its stage's own command, with its limits. The one change of a plan
 * that is built: of an instance without an attempt under way, by the thread that runs it. */
void plan_leave_variant(struct plan *plan, struct inst_id instance, enum plan_left how);

/* The files an instance reads, settled: sorted by role then path for tables, in order of the
 * manifest within. `is_made(ctx, output)` says whether an output's producer is done in this run and
 * made it; `list_made(ctx, output)` gives the paths below a folder output. */
struct plan_made {
    void *ctx;
    bool but_each; /* what the items of a stream come from is left out */
    /* For a FILE output or a file below a folder output: is it there to be read in this run? */
    bool (*has)(void *ctx, struct inst_id producer, uint32_t output, struct str path);
    /* For a folder output: the files below it as workspace paths, sorted; count 0 if not made. */
    void (*list)(void *ctx, struct inst_id producer, uint32_t output, struct arena *arena,
                 struct str **paths, uint32_t *count);
};

struct resolved_input {
    uint32_t input;          /* index into plan->inputs it came from */
    struct str path;         /* workspace path */
    struct inst_id producer; /* or none: a source */
    uint32_t output;         /* of the producer: index into plan->outputs */
    bool is_folder;          /* only for an empty declared folder */
};

/* Figures that instances gave, known when they are done. */
struct plan_metrics {
    void *ctx;
    /* FOUND with the value, or MISSING or REFUSED with the reason; NULL: none is known yet. */
    enum expr_lookup (*find)(void *ctx, struct inst_id instance, struct str name,
                             struct arena *arena, struct expr_answer *answer);
    /* `STAGE.state` in a stage with `always`: how the instance went; NULL: not known yet. */
    struct str (*state)(void *ctx, struct inst_id instance);
};

struct resolved_inputs {
    struct resolved_input *items; /* in order of declaration, matches of one glob sorted by bytes */
    uint32_t count;
    struct str missing; /* not "": a required input that is not there (first) and why */
    bool is_unmade;     /* `missing` is what a stage did not make, which ran or was ignored */
    struct plan_metrics metrics; /* for plan_command */
};

/* In `arena`. False: a glob matches nothing or a required input is missing; `resolved->missing`
 * says which. */
bool plan_inputs_resolve(const struct plan *plan, struct inst_id instance,
                         const struct plan_made *made, struct arena *arena,
                         struct resolved_inputs *resolved);
/* Can the input stand for this output, or for something below it? */
bool plan_input_takes(const struct plan *plan, const struct plan_input *input, uint32_t output);
/* Does a folder or glob stand for this file? */
bool plan_input_takes_file(const struct plan *plan, const struct plan_input *input,
                           struct str path);
/* Decides `when` of an instance with late_when: `*truth`. False: `reason` says why it cannot be
 * told.
 */
bool plan_when(const struct plan *plan, struct inst_id instance, const struct plan_metrics *metrics,
               struct arena *arena, bool *truth, struct str *reason);
/* What `when` of such an instance speaks of, in order, each with its value, "missing" where there
 * is none: it is part of the key. */
typedef void (*plan_when_visitor)(void *ctx, struct str name, struct str value);
void plan_when_values(const struct plan *plan, struct inst_id instance,
                      const struct plan_metrics *metrics, struct arena *arena,
                      plan_when_visitor visit, void *ctx);
/* A template sees only what comes before it. */
enum plan_phase {
    PLAN_PHASE_PLAIN, /* no stage: params only */
    PLAN_PHASE_MATRIX,
    PLAN_PHASE_WHEN,
    PLAN_PHASE_INPUTS,
    PLAN_PHASE_OUTPUTS,
    PLAN_PHASE_REST,
    PLAN_PHASE_CHECK
};

struct plan_scope {
    const struct plan *plan;
    const struct m_stage *stage;      /* NULL in PLAN_PHASE_PLAIN */
    const struct plan_instance *inst; /* NULL before there are any */
    enum plan_phase phase;
    const struct resolved_inputs *resolved; /* NULL while planning */
    bool late;                              /* rendered when producers are done: `run`, `env` */
    struct plan_metrics metrics;
    struct str dir; /* paths are written as seen from this folder of the workspace */
};

/* The names that checks of an instance know, and their values. */
struct plan_check_names {
    const struct plan *plan;
    struct inst_id instance;
    struct plan_metrics metrics;
    const struct resolved_inputs *resolved; /* of a dynamic instance; NULL */
    struct plan_scope scope;                /* our own */
};
struct expr_env plan_check_env(struct plan_check_names *names);
/* Renders the command of a check, and the files that it reads. */
bool plan_command_of_check(struct plan_check_names *names, const struct m_check *check,
                           struct arena *arena, struct plan_command *command, struct str **inputs,
                           uint32_t *input_count, struct err *err);
/* Renders the command; that of a skipped instance is empty. `resolved` is needed for a dynamic
 * instance alone. False: a template could not be rendered, which of others than dynamic ones was
 * seen while planning; `err` says which, with its place. */
bool plan_command(const struct plan *plan, struct inst_id instance,
                  const struct resolved_inputs *resolved, struct arena *arena,
                  struct plan_command *command, struct err *err);
/* The same of the command of `source`: the stage's own, or of one of its variants. */
bool plan_command_of(const struct plan *plan, struct inst_id instance, const struct m_stage *source,
                     const struct resolved_inputs *resolved, struct arena *arena,
                     struct plan_command *command, struct err *err);
/* The same of another command of its stage: `recover`, `compensate`. */
bool plan_command_beside(const struct plan *plan, struct inst_id instance,
                         const struct m_command *beside, const struct resolved_inputs *resolved,
                         struct arena *arena, struct plan_command *command, struct err *err);

#endif
