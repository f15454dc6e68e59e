#ifndef PAWL_CMD_CONTROL_H
#define PAWL_CMD_CONTROL_H
/* What the commands that ask something of a run share. */
#include "cmd/place.h"
#include "cmd/run_view.h"
#include "run/control_ask.h"

/* A run that is named, and what it answered. */
struct control_call {
    struct cli *cli;
    struct place place;
    struct run_id id;
    struct control_request request;
    enum control_reach reach;
    struct control_reply reply;
    int pidfd; /* of the process that answered; -1: not known */
};

/* Finds the run and asks it. A status, or 0: then `reach` is CONTROL_ANSWERED or CONTROL_NOBODY. */
int control_call_open(struct control_call *call, struct cli *cli, enum control_ask ask);
void control_call_close(struct control_call *call);
/* Says why it cannot be; status 2. */
int control_call_refuse(const struct control_call *call, const char *reason,
                        enum run_status status);
/* Prints what the run is now. */
void control_call_say(struct control_call *call, const char *word);
/* What the record says of a run of which no process is left. */
bool control_call_view(struct control_call *call, struct run_view *view, struct err *err);

/* cmd/resume.c: goes on, in this process, with a run that was interrupted. */
int run_go_on(struct cli *cli, const struct run_view *view, struct session *session);

#endif
