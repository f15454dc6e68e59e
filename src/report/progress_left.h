#ifndef PAWL_REPORT_PROGRESS_LEFT_H
#define PAWL_REPORT_PROGRESS_LEFT_H
/* What is left of a run, simulated; for progress.c alone. */
#include "report/progress.h"

struct progress_left {
    bool known;       /* every expected time is */
    bool estimated;   /* a mean stood in for one */
    int64_t spent_ns; /* by what runs now */
    int64_t work_ns;  /* sum of what is left to do */
    int64_t wall_ns;  /* until the last one ends */
};

struct progress_left progress_left(struct progress *progress, const struct run_state *state,
                                   int64_t now_ns);

/* -1: nothing is known. Sets `*estimated` when a mean stands in. */
int64_t progress_expected(const struct progress *progress, uint32_t number, bool *estimated);

#endif
