#ifndef PAWL_STORE_EFFECTS_H
#define PAWL_STORE_EFFECTS_H
/* `.pawl/effects`: what stages with `compensate` did outside of the workspace and what may have to
 * be undone. An effect is *outstanding* from its start until it is undone or released; *condemned*
 * from the decision to undo it on, so that whoever comes after a kill goes on with that. What was
 * undone stays on the list, no longer outstanding, until its instance is started again: its result
 * is forgotten that long.
 *
 * Each line is on the disk before its function returns, so that neither a kill nor a power cut
 * loses one. What is needed to undo an effect (`undo`) is bytes that the caller makes and reads:
 * they must be enough by themselves, since the manifest may have changed.
 *
 * Order: effects_open under the workspace's lock; effects_start before the command is started,
 * effects_finish when it has ended; effects_condemn before anything is undone, effects_undone when
 * it was; effects_release when the run is complete; effects_close. Main thread. Errors: status 11;
 * 12 when the file is damaged: an effect that cannot be read cannot be undone, so nothing is
 * started beside it.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/record.h"
#include "base/str.h"
#include "base/vec.h"

enum effect_state {
    EFFECT_RUNS,   /* no end is recorded: it is unknown how it ended */
    EFFECT_GOOD,   /* its command ended well */
    EFFECT_FAILED, /* it did not: how much of it was done is unknown */
    EFFECT_UNDONE
};

struct effect {
    struct str id; /* of the attempt */
    struct str run, stage, instance;
    uint32_t number; /* of the instance in the plan of `run` */
    struct str undo;
    enum effect_state state;
    bool condemned;
    bool given_up;  /* undoing it failed: not tried again by this process */
    uint64_t ended; /* counts ends; 0: none */
};

struct effects {
    int pawl_fd; /* not ours */
    struct record_file file;
    struct arena arena;
    VEC(struct effect) rows; /* in the order in which they started */
    uint64_t ends, records;
};

/* Whether a workspace may have any: without one nothing need be opened. */
bool effects_exist(int pawl_fd);

bool effects_open(struct effects *effects, int pawl_fd, struct err *err);
/* Also of zeroes. */
void effects_close(struct effects *effects);

bool effects_start(struct effects *effects, const struct effect *effect, struct err *err);
/* Of an effect that is not outstanding: nothing. */
bool effects_finish(struct effects *effects, struct str id, bool good, struct err *err);
/* An empty id: all that are outstanding. */
bool effects_condemn(struct effects *effects, struct str id, struct err *err);
bool effects_undone(struct effects *effects, struct str id, struct err *err);
/* All for which `covers` is true. */
bool effects_release(struct effects *effects, bool (*covers)(void *ctx, const struct effect *row),
                     void *ctx, struct err *err);

/* How many are outstanding but for those given up; `condemned`: that somebody decided to undo. */
uint32_t effects_count(const struct effects *effects, bool condemned);
/* The outstanding one that is to be undone first: those without an end, the latest start first,
 * then the others, the latest end first. NULL: none but those given up. */
const struct effect *effects_newest(const struct effects *effects, bool condemned);
/* The latest outstanding one of an instance of which it is unknown how much was done, or NULL. */
const struct effect *effects_unknown(const struct effects *effects, struct str instance);
/* The outstanding one of that id, or NULL. */
const struct effect *effects_get(const struct effects *effects, struct str id);
/* Undoing it failed: effects_newest passes it by from now on, in this process. */
void effects_give_up(struct effects *effects, struct str id);
/* Was the last effect of the instance undone, or is it to be? Then its result does not count. */
bool effects_forget(const struct effects *effects, struct str instance);

#endif
