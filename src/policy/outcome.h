#ifndef PAWL_POLICY_OUTCOME_H
#define PAWL_POLICY_OUTCOME_H
/* How an attempt ended, what that means, and the exit status of a whole run. Pure. */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/states.h"

/* Why an attempt or an instance ended as it did. */
enum cause {
    CAUSE_NONE,      /* it ended well */
    CAUSE_EXIT,      /* another exit code than 0 */
    CAUSE_SIGNAL,    /* killed by a signal that pawl did not send */
    CAUSE_TIMEOUT,   /* ran longer than it may */
    CAUSE_OOM,       /* killed for memory */
    CAUSE_NOT_FOUND, /* the program is not there or cannot be executed (also 126, 127 of a shell) */
    CAUSE_ENVIRONMENT,  /* disk full, permission, a path that cannot be parked */
    CAUSE_OUTPUT,       /* a declared output was not made as declared */
    CAUSE_INPUT,        /* an input is missing when it becomes ready */
    CAUSE_UNSETTLED,    /* inputs kept changing */
    CAUSE_CORRUPT,      /* an object it needs is damaged */
    CAUSE_CANCELLED,    /* pawl stopped it because the run ends */
    CAUSE_BREAKER,      /* never started: its circuit breaker is open */
    CAUSE_PAUSED,       /* pawl stopped it because the run pauses: it is decided anew */
    CAUSE_GATE,         /* ended well, a gate said no */
    CAUSE_VALIDATION,   /* ended well, a validation failed */
    CAUSE_COMPENSATION, /* never started: what an earlier attempt did could not be undone */
    CAUSE_TRANSIENT,    /* a worker said of an item, until its retries were used up: try later */
    CAUSE_COUNT
};

const char *cause_name(enum cause cause);
bool cause_from_name(const char *name, enum cause *cause);
/* What it means for the exit status. */
enum status cause_status(enum cause cause);

/* Collects the statuses of all that failed; outcome_status() is the one that counts most: 13, 12,
 * the signal or the cancel that ended the run, 11, 1, 3, 7, 5, 4, 10, else 0. */
struct outcome {
    uint64_t seen; /* bit for each status below 64 */
    int signal;    /* that ended the run, or 0 */
    bool cancelled;
};

void outcome_add(struct outcome *outcome, enum status status);
int outcome_status(const struct outcome *outcome);
/* What a run is that ends so. */
enum run_status outcome_run_status(const struct outcome *outcome);

#endif
