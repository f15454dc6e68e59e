#ifndef PAWL_STORE_LAST_STATE_H
#define PAWL_STORE_LAST_STATE_H
/* The last state: of a whole plan, on which files each *unit* (an instance, by its number in the
 * plan) rests, so that a later call can tell without the plan that all still stands, or which units
 * do not. Part of the file `index`; saved by index_save_state().
 *
 * A unit *stands* as long as every path it rests on has the signature that the index has for it:
 * its inputs are what its key was made of, and its outputs are its result's. What the plan itself
 * depends on is in the guards, whose meaning is the caller's (run/guards.h).
 *
 * Reading:
 *
 *     state = last_state_open(pawlfd)                   NULL: none that counts
 *     last_state_guards(state) …                        the caller's
 *     for each path: last_state_path(state, i, &path) … a changed one: last_state_users(…)
 *     last_state_load_outputs(state)                    only to decide what does not stand
 *     last_state_close(state)
 *
 * A state counts only if nothing was noted since (there is no `index.log`, or a change of the state
 * is the last that it says), it is of the present epoch, and its checksums are right. It stays as
 * it was opened when the file is replaced: last_state_is_current() tells. Reading: any thread.
 *
 * Building: last_state_begin(&builder, units, outputs); last_state_unit(), last_state_rest(),
 * last_state_keep(), last_state_output(); index_save_state(); last_state_builder_fini().
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "base/sha256.h"
#include "base/vec.h"
#include "os/signature.h"
#include "store/index.h"
#include "store/tree.h"

/* How a path is looked at; numbers are on disk. */
enum last_check { LAST_UNCHECKED = 0, LAST_FOLLOWED = 1, LAST_AS_IT_IS = 2 };

/* What a unit was; numbers are on disk. */
enum last_unit {
    LAST_UNDECIDED = 0, /* to be decided anew whatever its paths say */
    LAST_STANDS = 1,    /* its result holds while its paths do */
    LAST_SKIPPED = 2    /* its stage's `when` was false */
};

/* What else is known of a unit, added to the byte on disk. */
enum last_flag {
    LAST_ASKED = 4,       /* it takes part when all is asked for */
    LAST_TARGET = 8,      /* its outputs must be there */
    LAST_READS_MORE = 16, /* what it reads besides, its command says: anything an ancestor makes */
    LAST_FLAGS = LAST_ASKED | LAST_TARGET | LAST_READS_MORE
};

enum last_output_state { LAST_OUTPUT_UNKNOWN = 0, LAST_OUTPUT_MADE = 1, LAST_OUTPUT_MISSING = 2 };

struct last_output {
    struct digest digest; /* of a folder: its tree */
    uint64_t size_bytes;
    enum last_output_state state;
    enum tree_type type;
    bool executable, stored;
};

/* --- reading --- */

struct last_state;

struct last_state *last_state_open(int dirfd);
/* Its rows are worth something: nothing but this epoch's page cache stands behind them. */
bool last_state_is_of(const struct last_state *state, const struct digest *epoch);
void last_state_close(struct last_state *state);
/* It is still what lies at `.pawl/index`, with nothing noted since. */
bool last_state_is_current(const struct last_state *state);

struct str last_state_guards(const struct last_state *state);
uint32_t last_state_units(const struct last_state *state);
enum last_unit last_state_unit_is(const struct last_state *state, uint32_t unit);

/* A set of enum last_flag. */
uint8_t last_state_unit_flags(const struct last_state *state, uint32_t unit);

uint32_t last_state_paths(const struct last_state *state);
struct last_path {
    const char *name; /* ends in a NUL */
    enum last_check check;
    struct signature signature;
};
/* False: nothing rests on this one. */
bool last_state_path(const struct last_state *state, uint32_t path, struct last_path *found);
/* The units that rest on a path: `*count` of them, from `first` on. */
uint32_t last_state_users(const struct last_state *state, uint32_t path, uint32_t *count);
uint32_t last_state_user(const struct last_state *state, uint32_t user);

/* All paths were looked at: from now on few are asked for, and their memory is let go of. */
void last_state_was_looked_at(const struct last_state *state);

/* Checks the outputs. False: they are damaged. */
bool last_state_load_outputs(struct last_state *state);
uint32_t last_state_outputs(const struct last_state *state);
void last_state_output_of(const struct last_state *state, uint32_t output,
                          struct last_output *found);

/* The plan's graph. False: it is damaged. */
bool last_state_load_graph(struct last_state *state);

enum last_digest { LAST_OF_PLAN, LAST_OF_MANIFEST, LAST_OF_LISTING };
struct digest last_state_digest(const struct last_state *state, enum last_digest of);

struct last_stage {
    uint32_t units_first, unit_count;
    struct str_range text; /* `to` 0: the manifest does not say it in one piece */
    uint32_t line, column; /* where that begins, from 1 */
    /* What it says of its inputs, which its outputs do not depend on; `to` 0: not in one piece. */
    struct str_range inputs;
};
uint32_t last_state_stages(const struct last_state *state);
struct last_stage last_state_stage(const struct last_state *state, uint32_t stage);

/* Units from `items` on, as numbers on disk: last_units_get() reads one. */
struct last_units {
    const unsigned char *items;
    uint32_t count;
};
uint32_t last_units_get(struct last_units units, uint32_t at);
struct last_units last_state_producers(const struct last_state *state, uint32_t unit);
struct last_units last_state_consumers(const struct last_state *state, uint32_t unit);
/* The number of its first output, and for the number of units that of all outputs. */
uint32_t last_state_outputs_first(const struct last_state *state, uint32_t unit);
/* It has this name, as far as 32 bits can tell. */
bool last_state_unit_is_named(const struct last_state *state, uint32_t unit, struct str name);

/* --- changing ---
 *
 * What a run left otherwise than the state says, if it rests on the same paths as before: noted in
 * `index.log` behind everything the run noted (index_note_change), and the state counts again.
 *
 *     last_change_begin(&change, state)
 *     last_change_path(), _unit(), _output(), _guard()
 *     index_note_change(index, &change, &err)
 *     last_change_fini(&change)
 */
struct last_change {
    uint64_t identity; /* of the file `index` */
    struct strbuf rows;
};
void last_change_begin(struct last_change *change, const struct last_state *state);
void last_change_fini(struct last_change *change);
/* The path's number, by last_state_find_path(). */
void last_change_path(struct last_change *change, uint32_t path, const struct signature *signature);
void last_change_unit(struct last_change *change, uint32_t unit, enum last_unit is);
void last_change_output(struct last_change *change, uint32_t output, const struct last_output *is);
/* A signature in the guards, `offset` bytes behind their first. */
void last_change_guard(struct last_change *change, uint32_t offset,
                       const struct signature *signature);

/* UINT32_MAX: the state does not know it. */
uint32_t last_state_find_path(const struct last_state *state, struct str name);
/* How much was noted in the log since the file was saved, and how large the file is. */
uint64_t last_state_log_bytes(const struct last_state *state);
uint64_t last_state_file_bytes(const struct last_state *state);

/* --- building --- */

struct last_state_path_row {
    struct str name;
    enum last_check check;
    /* Its own: of a folder, or of nothing there; NULL: that of the index's row. */
    const struct signature *signature;
};
struct last_state_rest_row {
    uint32_t path, unit;
};

enum { LAST_GRAPH_SECTIONS = 5 };

struct last_state_builder {
    struct arena arena;
    struct lookup numbers;
    VEC(struct last_state_path_row) paths;
    VEC(struct last_state_rest_row) rests;
    uint8_t *units; /* enum last_unit */
    uint8_t *flags; /* enum last_flag */
    uint32_t unit_count;
    struct last_output *outputs;
    uint32_t output_count;
    struct strbuf guards;                     /* the caller's to fill */
    struct strbuf graph[LAST_GRAPH_SECTIONS]; /* as on disk, in the order of the sections */
};

void last_state_begin(struct last_state_builder *builder, uint32_t units, uint32_t outputs);
void last_state_builder_fini(struct last_state_builder *builder);
void last_state_unit(struct last_state_builder *builder, uint32_t unit, enum last_unit is);
/* What else is known of it: a set of enum last_flag. */
void last_state_flag(struct last_state_builder *builder, uint32_t unit, uint8_t flags);
/* The unit rests on what the index's row says of the path. `name` must outlive the builder. */
void last_state_rest(struct last_state_builder *builder, uint32_t unit, struct str name,
                     enum last_check check);
/* The unit rests on this signature: of a folder, or with mode 0 on nothing being there. */
void last_state_rest_on(struct last_state_builder *builder, uint32_t unit, struct str name,
                        enum last_check check, const struct signature *signature);
/* All units for which `keep` is not 0 rest on what they rested on in an older state, as far as the
 * index still says the same of it; where it does not, they are undecided. */
void last_state_keep(struct last_state_builder *builder, const struct last_state *old,
                     const struct index *index, const uint8_t *keep);
void last_state_output(struct last_state_builder *builder, uint32_t output,
                       const struct last_output *is);

/* The graph: the digests, then stages and units in order, each unit with its producers; or that of
 * an older state of the same plan. */
void last_state_plan(struct last_state_builder *builder, const struct digest *plan,
                     const struct digest *manifest, const struct digest *listing);
void last_state_add_stage(struct last_state_builder *builder, const struct last_stage *stage);
void last_state_add_unit(struct last_state_builder *builder, struct str name,
                         uint32_t outputs_first);
void last_state_add_producer(struct last_state_builder *builder, uint32_t producer);
void last_state_end_graph(struct last_state_builder *builder);
void last_state_copy_graph(struct last_state_builder *builder, const struct last_state *old);

#endif
