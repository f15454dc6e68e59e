#ifndef PAWL_MODEL_RUN_STATE_PACK_H
#define PAWL_MODEL_RUN_STATE_PACK_H
/* The state of a run as bytes, for whoever looks at a large run and need not fold all of its record
 * (run/saved_state.h). Times are in milliseconds, as in the record, so that the state of a live run
 * and what was folded from its record give the same bytes.
 *
 * All of the state is there but the ids of attempts, which only recovery and reports ask for: these
 * read the whole record.
 */
#include "model/run_state.h"

/* Of a whole plan: the state of a slice counts otherwise. Appends. */
void run_state_pack(const struct run_state *state, struct strbuf *out);
/* Into a state that run_state_init made, which can go on with the event behind. Texts are slices of
 * `packed`, followed by a NUL, and live as long as that. False: these are no such bytes; then only
 * run_state_fini is right. */
bool run_state_unpack(struct run_state *state, struct str packed);

#endif
