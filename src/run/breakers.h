#ifndef PAWL_RUN_BREAKERS_H
#define PAWL_RUN_BREAKERS_H
/* What circuit breakers remember from run to run: `.pawl/breakers`. The caller holds the
 * workspace's lock from breakers_load to the last breakers_save. `status` reads without it.
 *
 * Format: one JSON object in UTF-8,
 *
 *     {"format":"pawl breakers 1","breakers":{"NAME":{"state":"open","opened_ns":N,
 *      "calls":[[N,true],…]},…}}
 *
 * `state` is closed, open or half-open; times are nanoseconds since 1970; `calls` are those in the
 * window, the oldest first: when it ended, whether it failed. Breakers that the manifest does not
 * have stay as they are. The file is written whole (a new one, renamed) whenever a breaker moves
 * and at the end of a run: after a kill the window of that run is lost, a move is not.
 *
 * A file that is damaged, or of another version, is told and counts as none: every breaker is
 * closed.
 */
#include "policy/breaker.h"
#include "run/session.h"

struct breakers {
    struct session *session;
    struct breaker *items; /* by plan->breakers */
    uint32_t count;
    struct strbuf others; /* members of those that the manifest does not have */
    struct err damage;    /* status 0: none */
};

/* Of the session's plan. False: it cannot be read (status 11). */
bool breakers_load(struct breakers *breakers, struct session *session, struct err *err);
bool breakers_save(const struct breakers *breakers, struct err *err);
void breakers_fini(struct breakers *breakers);

/* Each breaker of the file that is not closed, for `status`. Best effort. */
void breakers_each_open(int pawl_fd,
                        void (*each)(void *ctx, struct str name, enum breaker_state state,
                                     int64_t opened_ns),
                        void *ctx);

#endif
