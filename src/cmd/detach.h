#ifndef PAWL_CMD_DETACH_H
#define PAWL_CMD_DETACH_H
/* A call that goes on in the background. detach_start divides the process in two: the one that was
 * called waits for word of the other, which goes on. Word is given once the record of the run has
 * begun (detach_tell); until then what goes wrong is said and returned, and Ctrl-C ends both, as if
 * there was one process.
 */
#include "cmd/command.h"

struct detach {
    int fd; /* to the one that was called; -1: nobody waits */
};

/* True in the process that goes on. False in the one that was called: `*status`, with the run's id
 * printed. */
bool detach_start(struct detach *detach, struct cli *cli, int *status);
/* From here on it is of a session of its own, without a terminal, and all streams are the file
 * `output` in the run's folder. */
bool detach_tell(struct detach *detach, int run_dir_fd, const char *run, struct err *err);

#endif
