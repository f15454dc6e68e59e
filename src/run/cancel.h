#ifndef PAWL_RUN_CANCEL_H
#define PAWL_RUN_CANCEL_H
/* Cancelling a run of which no process is left: its record says so from now on, and what stages
 * with `compensate` did is undone, that of earlier runs included. Also of a run that is over, whose
 * effects could not be undone: then only that is tried again.
 *
 * With the workspace locked and recovered; the manifest is not needed, and may be broken.
 */
#include "model/observer.h"
#include "policy/control.h"
#include "run/session.h"
#include "store/run_dir.h"

struct cancel_end {
    enum control_verdict verdict;
    enum run_status status; /* of the run, before and, unless it was refused, now */
    const char *why;        /* it was refused */
    int exit_status;        /* of the run: cancelled (8), or worse; of a refused one 0 */
};

bool cancel_record(struct session *session, const struct run_id *id, struct str reason,
                   const struct observer *observer, struct cancel_end *end, struct err *err);

#endif
