#ifndef PAWL_MODEL_OBSERVER_H
#define PAWL_MODEL_OBSERVER_H
/* Somebody who watches a run: a terminal, a plain stream, a hook, a test. Told of each event after
 * it was recorded, with the state it led to. The event's texts live only during the call. */
#include "model/run_state.h"

struct observer {
    void *ctx;
    void (*tell)(void *ctx, const struct event *event, const struct run_state *state);
    /* May be NULL. Called once a turn; returns the monotonic time when it wants to be called next
     * (INT64_MAX: not by itself). */
    int64_t (*tick)(void *ctx, int64_t now_ns, const struct run_state *state);
};

#endif
