#ifndef PAWL_RUN_STANDING_H
#define PAWL_RUN_STANDING_H
/* What still stands of the last state (store/last_state.h): the quick way to know that there is
 * nothing to do, or what alone has to be decided. It reads no manifest, digests no file, allocates
 * nothing a row, writes nothing and takes no lock.
 *
 *     standing_look(&standing, session)                after session_find
 *     STANDING_ALL: everything asked for is up to date, `counts` says how much that is
 *     STANDING_SOME: go on as ever; once planned and locked, standing_take() says for which
 *         instances the last state's answer counts
 *     standing_save(…)                                 at the end of a run of the whole plan
 *     standing_fini(&standing)
 *
 * The answer holds for the default targets without options that change what runs. Main thread; the
 * looks at files go in ranges on a few threads.
 */
#include "run/facts.h"
#include "run/guards.h"
#include "store/last_state.h"

enum standing_answer {
    STANDING_UNKNOWN, /* no state that counts, or somebody is changing the workspace */
    STANDING_ALL,
    STANDING_SOME
};

struct standing {
    struct last_state *state; /* NULL: none */
    struct guards_counts counts;
    uint8_t *changed;      /* by path: it is not as the state says */
    uint8_t *moved;        /* by unit: it must be decided anew */
    uint8_t *stands;       /* by instance, after standing_take: closed over consumers */
    const uint32_t *units; /* by instance of a slice: its unit; NULL: the same number */
};

enum standing_answer standing_look(struct standing *standing, struct session *session);
void standing_fini(struct standing *standing);

/* After planning, with the lock held: do the answers count for this plan? Then `stands` is set. */
bool standing_take(struct standing *standing, struct session *session);
/* The same for the plan of a slice. */
struct slice;
bool standing_take_slice(struct standing *standing, const struct slice *slice,
                         struct session *session);
void standing_forget_slice(struct standing *standing);
/* What the state says an instance was; its outputs go to `facts->outputs`. */
enum last_unit standing_load(const struct standing *standing, struct facts *facts,
                             struct inst_id instance);

/* Saves the index with a new last state, or without one if that is not sure. `good` by instance:
 * its end (enum last_unit). `target` by instance: its outputs must be there. Nothing may be
 * recorded or changed afterwards. */
struct standing_end {
    struct facts *facts;
    const struct digest *plan, *listing; /* of all instances, as a plain call asks for them */
    const struct standing *before; /* NULL, or with `stands`: who was not decided in this session */
    const uint8_t *scope, *target;
    const uint8_t *good;
};
bool standing_save(struct session *session, const struct standing_end *end, struct err *err);

#endif
