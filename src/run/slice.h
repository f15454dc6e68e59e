#ifndef PAWL_RUN_SLICE_H
#define PAWL_RUN_SLICE_H
/* A slice of the plan: what has to be decided anew after some files changed, and who makes what
 * that reads. It is found by the last state alone, and planned from the part of the manifest that
 * speaks of it, so that a change costs what depends on it and not what the plan is large.
 *
 *     slice_choose(&slice, &standing)                 after standing_look() answered STANDING_SOME
 *     slice_read(&slice, session, &err)               instead of session_read_manifest
 *     session_open_store(…)
 *     slice_plan(&slice, session, &err)               instead of session_plan
 *     standing_take_slice(&standing, &slice, session) under the lock
 *     slice_fini(&slice)
 *
 * Members are planned as they are in the whole plan; the others of the slice, and all that `when`
 * leaves out, are outlines (struct plan_slice): they stand as the last state says. slice_plan()
 * compares what came out with the graph in the last state; whoever gets false from any of these
 * goes on without a slice (session_forget_plan). Main thread.
 */
#include "run/standing.h"

struct slice {
    const struct last_state *state;
    uint32_t *units;  /* by instance of the slice: its number in the whole plan, ascending */
    uint8_t *outline; /* by instance of the slice */
    uint32_t count;
    uint8_t *taken;         /* by unit: it is in the slice */
    uint32_t beyond;        /* units that are asked for and not in it */
    struct str_range *gaps; /* of the manifest */
    uint32_t gap_count;
    uint32_t *firsts; /* by stage that is read, and once more: into `units` */
    uint32_t *ordinals;
    uint8_t *outlines; /* by stage that is read: only what it makes is asked */
    struct diag_part *parts;
    uint32_t part_count, stage_count;
};

bool slice_choose(struct slice *slice, const struct standing *standing);
void slice_fini(struct slice *slice);
bool slice_read(struct slice *slice, struct session *session, struct err *err);
bool slice_plan(struct slice *slice, struct session *session, struct err *err);

/* A unit that is asked for, and not in the slice. */
bool slice_is_beyond(const struct slice *slice, uint32_t unit);
/* A path that nobody of the slice makes is made by somebody beyond it: `*maker`, in `arena`. */
bool slice_is_made_beyond(const struct slice *slice, const struct session *session, struct str path,
                          struct arena *arena, struct str *maker);

#endif
