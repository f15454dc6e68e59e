#ifndef PAWL_RUN_HISTORY_KEYS_H
#define PAWL_RUN_HISTORY_KEYS_H
/* What the roots of a run say (store/roots.h): the key that each instance had in it, whether it ran
 * or was up to date; and the result that a key had at that time.
 *
 *     if (history_keys_read(&keys, session, &id, arena)) { … history_keys_find(&keys, name) … }
 *     history_keys_fini(&keys);          always
 *
 * Main thread, with the store open. */
#include "run/session.h"
#include "store/roots.h"

struct history_keys {
    struct session *session;
    struct roots_run run;
    struct map rows; /* hash of the instance to its row */
};

/* False: the run has no roots, or no whole ones. In `arena`. */
bool history_keys_read(struct history_keys *keys, struct session *session, const struct run_id *id,
                       struct arena *arena);
void history_keys_fini(struct history_keys *keys);
/* The key of an instance; NULL: the roots do not name it. */
const struct digest *history_keys_find(const struct history_keys *keys, struct str instance);

/* The result that this workspace found for a key until then. False: it is not on record any more,
 * or a newer one took its place. */
bool history_key_result(const struct session *session, const struct digest *key, int64_t until_ns,
                        struct arena *arena, struct result_ref *ref, struct result *result);

#endif
