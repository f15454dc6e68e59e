#ifndef PAWL_CMD_RUN_REQUEST_H
#define PAWL_CMD_RUN_REQUEST_H
/* What a call of `run` asks for. Set `cli` and `session`, then run_request_take() once the plan is
 * built; run_request_fini() in any case. */
#include "cmd/command.h"
#include "run/session.h"
#include "run/slice.h"

struct run_request {
    struct cli *cli;
    struct session *session;
    uint8_t *scope, *target, *forced; /* by instance */
    struct event_strs targets;
    struct event_pairs flags; /* options that change what runs */
    struct digest plan_digest;
};

/* False: status 2, something asked for is not there. */
bool run_request_take(struct run_request *request, struct err *err);
/* The same of a slice: all is asked for, and nothing else was said. */
void run_request_take_slice(struct run_request *request, const struct slice *slice);
void run_request_fini(struct run_request *request);

#endif
