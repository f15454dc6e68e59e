#ifndef PAWL_RUN_CONTROL_ASK_H
#define PAWL_RUN_CONTROL_ASK_H
/* The client's side of the control protocol. The working folder is the workspace.
 *
 *     switch (control_ask(path, &request, &arena, &reply, &pidfd, &err)) …
 *     control_wait_end(pidfd)          the run's process has ended: its record says how
 */
#include "run/control_line.h"
#include "run/session.h"
#include "store/run_dir.h"

enum control_reach {
    CONTROL_ANSWERED,
    CONTROL_NOBODY, /* nobody listens, or whoever did went away without an answer */
    CONTROL_FAILED  /* `err` */
};

/* `pidfd`: of the process that listens, for sys_close; -1: not known. NULL: not wanted. */
enum control_reach control_ask(const char *path, const struct control_request *request,
                               struct arena *arena, struct control_reply *reply, int *pidfd,
                               struct err *err);
/* Closes it. */
void control_wait_end(int pidfd);

#endif
