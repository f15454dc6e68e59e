#ifndef PAWL_MODEL_PLAN_BUILD_H
#define PAWL_MODEL_PLAN_BUILD_H
/* Inside of plan_build(): what the files plan_*.c share. Nobody else includes it.
 *
 * Planning goes through phases, each over all stages; one that found errors ends it, because what
 * comes after would only complain of their consequences:
 *
 *   names     every name in every template is known where it stands (plan_check.c)
 *   expand    values of axes, instances and their names (plan_axes.c, plan_expand.c)
 *   variants  which variant of its stage each instance is (plan_variants.c)
 *   paths     `when`, paths of inputs and outputs, who writes what (plan_paths.c, plan_writers.c)
 *   inputs    producers, files that are there, globs (plan_inputs.c; plan_tree.c, plan_list.c)
 *   edges     `needs`, edges, order, cycles (plan_edges.c, plan_order.c)
 *   rest      limits and commands (plan_limits.c, plan_command.c)
 *
 * Of a stage whose instances fail alike only the first is reported.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/map.h"
#include "base/vec.h"
#include "model/expr.h"
#include "model/plan.h"
#include "model/template.h"

/* --- scope: which names are known, and their values (plan_names.c) --- */

struct expr_env plan_scope_env(struct plan_scope *scope);
/* The path as seen from `dir`, both workspace paths. */
struct str plan_path_from(struct arena *arena, struct str dir, struct str path);

/* --- the builder --- */

/* A listed folder. */
struct plan_listing {
    struct str folder;
    struct plan_entry *entries;
    uint32_t count;
    uint8_t *states; /* enum plan_entry_state */
};

/* A glob or a folder that is read: settled once, however many instances read it. */
struct plan_pattern {
    uint32_t sources_first, source_count;     /* plan->source_matches */
    uint32_t producers_first, producer_count; /* build->pattern_producers */
};

/* Folders that hold outputs, and what is in each, sorted when first asked for. */
struct plan_rows {
    uint32_t *first; /* count of folders + 1 */
    uint32_t *items;
    uint8_t *sorted; /* by folder */
};
struct plan_tree {
    struct map numbers; /* folder to its number */
    VEC(struct str) folders;
    VEC(uint32_t) parents;
    struct plan_rows outputs;  /* numbers of outputs */
    struct plan_rows children; /* numbers of folders */
};

/* The folder of the file that was asked for last. */
struct plan_near {
    struct str folder;
    uint32_t asked; /* files of it, one after the other */
    bool listed;
    struct arena arena; /* of the listing */
    struct plan_entry *entries;
    uint32_t count;
    uint32_t next;                  /* the entry behind the last that was found */
    uint64_t all_asked, all_listed; /* files, and entries, of all folders so far */
};

/* The folder in which a writer was looked for last, and the folder output that it is or lies in. */
struct plan_above {
    bool looked;
    struct str folder;
    uint32_t writer; /* PLAN_NONE: none, as for the workspace itself */
    bool in_tree;    /* outputs lie below it */
};

struct plan_axis_ref {
    const struct m_axis *axis;
};

struct plan_build {
    struct plan *plan;
    const struct manifest *manifest;
    const struct plan_slice *slice; /* NULL: the whole plan */
    const struct plan_files *files;
    struct arena *arena;
    struct arena scratch; /* reset for each instance */
    struct strbuf text;   /* of one rendering */
    struct diags *diags;
    bool outputs_are_known;
    struct plan_tree tree;
    struct map listing_numbers;
    VEC(struct plan_listing) listings;
    struct map pattern_numbers; /* pattern, or folder with a slash behind it */
    VEC(struct plan_pattern) patterns;
    VEC(struct path_id) matches; /* becomes plan->source_matches */
    VEC(struct inst_id) pattern_producers;
    VEC(struct path_id) orphans;
    VEC(struct plan_axis_ref) empty_axes; /* of files that are not there: plan_check_axes */
    struct plan_near near;
    struct plan_above above;
    VEC(uint8_t) exists;  /* by path: enum plan_exists + 1; 0: not asked yet */
    uint32_t suggestions; /* made so far: each costs a walk */
};

enum {
    PLAN_SUGGESTIONS = 20,
    PLAN_FILES_MOST = 1 << 28 /* inputs, outputs, edges of one plan */
};

/* True if nothing went wrong since `before` (diags->errors then). */
static inline bool plan_is_good(const struct plan_build *build, uint32_t before)
{
    return build->diags->errors == before;
}

/* plan_render.c */
/* Renders a text of a stage into the scratch arena (a constant is not copied). False after the
 * error was reported. */
bool plan_render(struct plan_build *build, struct plan_scope *scope, const struct m_text *text,
                 struct str *out);
/* The same, but the text stands only until something else is rendered. */
bool plan_render_here(struct plan_build *build, struct plan_scope *scope, const struct m_text *text,
                      struct str *out);
/* What a text is made of whose expressions are axes alone: looked at once, rendered for each
 * instance. */
struct plan_piece {
    struct str text;
    uint32_t axis; /* PLAN_NONE: the text */
};
struct plan_pieces {
    struct plan_piece *items; /* in build->arena */
    uint32_t count;           /* 0: it is more than that */
};
struct plan_pieces plan_pieces_of(struct plan_build *build, const struct plan_scope *scope,
                                  const struct m_text *text);
/* As plan_render_here. False: not so simple after all, render the text. */
bool plan_render_pieces(struct plan_build *build, const struct plan_instance *inst,
                        const struct plan_pieces *pieces, struct str *out);
/* Reports an error of evaluation, with the instance where the stage has several. */
void plan_report(struct plan_build *build, const struct plan_scope *scope,
                 const struct expr_error *error);
/* "stage 'x'", for an instance of several "'x@year=2026'". In the scratch arena. */
struct str plan_whose(struct plan_build *build, const struct plan_instance *inst);

/* plan_names.c: only what the name is, without a value */
bool plan_name_is_known(const struct plan_scope *scope, const struct expr_name *name,
                        struct arena *arena, enum expr_lookup *lookup, struct expr_answer *answer);
/* The axis that a name stands for, PLAN_NONE: it is no axis. */
uint32_t plan_name_axis(const struct plan_scope *scope, const struct expr_name *name,
                        struct arena *arena);
/* What the value of a name is in every instance whose inputs are neither globs nor optional (for an
 * axis: if its value is); of a param the value itself, in `*param`. */
enum template_known_value plan_name_value(const struct plan_scope *scope,
                                          const struct expr_name *name, struct arena *arena,
                                          const struct value **param);
/* plan_check.c */
void plan_check_names(struct plan_build *build);

/* plan_axes.c */
struct plan_axis {
    const struct m_axis *source;
    struct value *values;
    struct str *texts;   /* as rendered */
    struct str *encoded; /* as in the names of instances */
    uint32_t count;
};
/* The values of one axis; false if there were errors, or no files, which is reported later. */
bool plan_axis_expand(struct plan_build *build, const struct m_stage *stage,
                      const struct m_axis *source, struct plan_axis *axis);
/* Axes must not look at what stages make, nor at files that are not there. */
void plan_check_axes(struct plan_build *build);
/* Appends with bytes outside A-Za-z0-9._/+:- as %XX; those in `kept` stay. */
void plan_encode(struct strbuf *out, struct str text, const char *kept);

/* plan_expand.c */
void plan_expand(struct plan_build *build);

/* plan_paths.c */
struct path_id plan_intern_path(struct plan_build *build, struct str path);
void plan_make_paths(struct plan_build *build);

/* plan_writers.c */
void plan_find_writers(struct plan_build *build);
/* The output that `path` is, or the folder output above it; PLAN_NONE: none. */
uint32_t plan_find_writer(const struct plan *plan, struct str path);
/* The same for a path of the plan, once all writers are known: of paths in one folder, one after
 * the other, only the first is looked for above. */
uint32_t plan_find_writer_of(struct plan_build *build, struct path_id path);
/* Do outputs lie below that path? As the last, for who asks about many of one folder. */
bool plan_is_above_outputs(struct plan_build *build, struct path_id path);

/* plan_tree.c */
void plan_tree_build(struct plan_build *build);
void plan_tree_fini(struct plan_tree *tree);
bool plan_tree_has_folder(const struct plan_tree *tree, struct str folder);
/* The numbers of the outputs at or below a folder, or that can match a glob at or below them;
 * calls for each, outputs above among them. */
typedef void (*plan_output_visitor)(void *ctx, uint32_t output);
void plan_tree_below(struct plan_build *build, struct str folder, plan_output_visitor visit,
                     void *ctx);
void plan_tree_matches(struct plan_build *build, struct str pattern, plan_output_visitor visit,
                       void *ctx);

/* plan_list.c */
const struct plan_listing *plan_list(struct plan_build *build, struct str folder);
bool plan_listing_has(const struct plan_listing *listing, struct str name);
/* Appends the source files below a folder, or those that match a glob, to build->matches, sorted.
 */
void plan_list_below(struct plan_build *build, struct str folder);
void plan_list_matches(struct plan_build *build, struct str pattern);
/* What every match of a glob starts with. */
struct str plan_glob_literal(struct str pattern);

/* plan_exists.c */
enum plan_exists plan_path_exists(struct plan_build *build, struct path_id path);

/* plan_ignore.c */
/* Is an entry of a folder passed over by a walk? `pattern`: the glob that may name it itself, or
 * STR_NONE. */
bool plan_is_ignored(const struct manifest *manifest, struct str name, bool folder,
                     struct str pattern);
/* The same for each part of `path` behind the folder `from`. */
bool plan_is_ignored_below(const struct manifest *manifest, struct str path, struct str from,
                           struct str pattern);

/* plan_stream.c: what a stream's items come from, as inputs of the instance. */
struct plan_work;
uint32_t plan_stream_inputs_most(const struct plan *plan, const struct m_stage *source);
/* Fills the inputs for `each = { stage }`, from `inputs` on, how many; their paths come when all
 * outputs are known. False: reported. */
bool plan_stream_producers(struct plan_build *build, const struct plan_instance *inst,
                           struct plan_input *inputs, uint32_t *count);
void plan_stream_settle(struct plan_build *build, const struct plan_instance *inst);

/* plan_inputs.c */
void plan_settle_inputs(struct plan_build *build);
const struct plan_pattern *plan_input_pattern(struct plan_build *build,
                                              const struct plan_input *input);

/* plan_metrics.c: names of metrics, and which instances they speak of */

/* Whether a text, or an expression, speaks of the metrics of a stage. */
bool plan_text_names_stage(const struct m_text *text);
bool plan_expr_names_stage(const struct expr *expr);
/* Is what the name says a stage and its axes? */
enum expr_lookup plan_find_metric_stage(const struct plan_scope *scope,
                                        const struct expr_name *name, struct arena *arena,
                                        struct expr_answer *answer);
/* The metric that a name stands for. */
enum expr_lookup plan_metric_value(const struct plan_scope *scope, const struct expr_name *name,
                                   struct arena *arena, struct expr_answer *answer);
/* Which instances have `checked`, `late_when` and so on. */
void plan_note_metrics(struct plan_build *build);
/* Calls for each instance of whose metrics the instance speaks. False: reported. */
typedef void (*plan_inst_visitor)(void *ctx, struct inst_id instance);
bool plan_metric_producers(struct plan_build *build, uint32_t number, plan_inst_visitor visit,
                           void *ctx);

/* plan_variants.c */
void plan_choose_variants(struct plan_build *build);
/* The flag that a name stands for: there is one, and the stage has what decides it. */
enum expr_lookup plan_find_flag(const struct plan_scope *scope, struct str name,
                                struct arena *arena, const struct m_flag **flag,
                                struct expr_answer *answer);
/* What plan_find_flag found is on, or not. */
enum expr_lookup plan_flag_value(const struct plan_scope *scope, const struct expr_name *name,
                                 struct arena *arena, struct expr_answer *answer);

/* plan_edges.c, plan_order.c */
void plan_make_edges(struct plan_build *build);
void plan_make_order(struct plan_build *build);

/* plan_limits.c */
void plan_make_limits(struct plan_build *build);

/* plan_proof.c */
struct plan_proof {
    bool holds;
    size_t bytes;   /* what the texts take at most, and for each of `names` … */
    uint32_t names; /* … as much as all axes and files of the instance */
};
struct plan_proof plan_prove_stage(struct plan_build *build, const struct m_stage *source);
/* True if rendering the command of the instance cannot fail; false where that is not clear. */
bool plan_prove(const struct plan_proof *proof, const struct plan *plan,
                const struct plan_instance *inst);

/* plan_command.c */
void plan_check_commands(struct plan_build *build);

/* plan_select.c */
/* The instances that a selection by stage and axes names, appended; false with the reason. */
typedef VEC(struct inst_id) plan_inst_vec;
bool plan_select_instances(const struct plan *plan, struct str selection, plan_inst_vec *found,
                           struct arena *arena, struct str *reason, struct str *hint);

#endif
