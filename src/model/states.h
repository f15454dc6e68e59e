#ifndef PAWL_MODEL_STATES_H
#define PAWL_MODEL_STATES_H
/* The states of a run and of an instance, and every legal move between them, as tables.
 *
 * State changes in one place only: run_state_apply() (model/run_state.h) asks states_may_move()
 * before it sets a state. A move that is not in the table is a bug when the engine makes it, and
 * damage when a record says it.
 */
#include <stdbool.h>

#include "model/event.h"

enum run_status {
    RUN_PENDING,     /* no event yet */
    RUN_RUNNING,     /* a process works on it */
    RUN_PAUSING,     /* a pause was asked for, attempts still end */
    RUN_PAUSED,      /* nothing runs, goes on when told */
    RUN_INTERRUPTED, /* its process ended before the run did */
    RUN_COMPLETED,   /* everything asked for is up to date */
    RUN_FAILED,      /* something asked for could not be made */
    RUN_CANCELLED,   /* ended by request */
    RUN_ABANDONED,   /* a newer run of another plan took its place */
    RUN_STATUS_COUNT
};

enum inst_state {
    INST_PENDING,     /* waits for producers, or is not decided yet */
    INST_READY,       /* may start as soon as there is a slot */
    INST_WAITING,     /* for something other than a slot: retry delay, breaker, memory, pool */
    INST_RUNNING,     /* an attempt is under way */
    INST_DONE,        /* an attempt ended well and its result is recorded */
    INST_UP_TO_DATE,  /* nothing to do: a known key, outputs in place or not asked for */
    INST_RESTORED,    /* a known key, outputs brought back from the store */
    INST_SKIPPED,     /* `when` was false, or an input it needs was skipped */
    INST_REFUSED,     /* ended well, a check said no */
    INST_FAILED,      /* for good */
    INST_UNSETTLED,   /* its inputs kept changing while it ran */
    INST_CANCELLED,   /* stopped by pawl, or never started because the run ended */
    INST_BLOCKED,     /* a producer failed, was refused or is blocked */
    INST_COMPENSATED, /* ended well, and what it did was undone */
    INST_STATE_COUNT
};

/* `up_to_date`, `run status` names as in events, result.json and output. */
const char *inst_state_name(enum inst_state state);
const char *inst_state_meaning(enum inst_state state);
bool inst_state_from_name(struct str name, enum inst_state *state);
/* Nothing more will happen to it in this run (but for a reopening, see the table). */
bool inst_state_is_final(enum inst_state state);
/* Its outputs may be read by consumers. */
bool inst_state_is_good(enum inst_state state);

const char *run_status_name(enum run_status status);
bool run_status_is_final(enum run_status status);

/* Whether an event of that type may move an instance or a run so. */
bool inst_state_may_move(enum inst_state from, enum inst_state to, enum event_type by);
bool run_status_may_move(enum run_status from, enum run_status to, enum event_type by);

#endif
