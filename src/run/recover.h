#ifndef PAWL_RUN_RECOVER_H
#define PAWL_RUN_RECOVER_H
/* After a crash: whoever takes the workspace's lock sets right what the last process left, before
 * it does anything else. Idempotent; nobody has to unlock or repair by hand.
 *
 * Survivors of dead attempts are killed (found by the cookie in their environment, or, where that
 * cannot be known, waited for by the lives lock: status 9). Then for each attempt that has no end
 * on record: if its result is recorded its outputs stay and what it parked goes; else its partial
 * outputs move to failed/ and what it parked returns.
 */
#include "run/recorder.h"

struct recovered {
    bool found;         /* the last run is not finished */
    struct run_id run;  /* that run */
    struct digest plan; /* its plan digest */
    bool has_plan;
    bool has_last, was_told;  /* there is a last run, finished or not; its hooks were told all */
    struct run_id last;       /* that run */
    uint32_t attempts;        /* cleaned up */
    uint32_t done, instances; /* good ones, all */
    struct strbuf kept;       /* lines that name what was somebody's and where it is now */
    uint8_t *ran;             /* by instance: done in it; for `cache = false`; heap, may be NULL */
};

/* Without the lock, changing nothing: puts (0) the output paths at which recovery would first clear
 * away what a killed attempt of the last run left half done. Their texts go to the arena. */
bool recover_foresee(struct session *session, struct arena *arena, struct map *paths,
                     struct err *err);
/* With the workspace locked and the store open. */
bool recover_workspace(struct session *session, struct recovered *recovered, struct err *err);
void recovered_fini(struct recovered *recovered);
/* Closes the record of a run that will not be continued. */
bool recover_abandon(struct session *session, const struct recovered *recovered, struct err *err);

#endif
