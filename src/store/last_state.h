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
 * A state counts only if nothing was noted since (there is no `index.log`), it is of the present
 * epoch, and its checksums are right. It stays as it was opened when the file is replaced:
 * last_state_is_current() tells. Reading: any thread.
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

/* Checks the outputs. False: they are damaged. */
bool last_state_load_outputs(const struct last_state *state);
uint32_t last_state_outputs(const struct last_state *state);
void last_state_output_of(const struct last_state *state, uint32_t output,
                          struct last_output *found);

/* --- building --- */

struct last_state_path_row {
    struct str name;
    enum last_check check;
    bool has_signature; /* its own: of a folder, or of nothing there; else the index's row's */
    struct signature signature;
};
struct last_state_rest_row {
    uint32_t path, unit;
};

struct last_state_builder {
    struct arena arena;
    struct map names;
    VEC(struct last_state_path_row) paths;
    VEC(struct last_state_rest_row) rests;
    uint8_t *units; /* enum last_unit */
    uint32_t unit_count;
    struct last_output *outputs;
    uint32_t output_count;
    struct strbuf guards; /* the caller's to fill */
};

void last_state_begin(struct last_state_builder *builder, uint32_t units, uint32_t outputs);
void last_state_builder_fini(struct last_state_builder *builder);
void last_state_unit(struct last_state_builder *builder, uint32_t unit, enum last_unit is);
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

#endif
