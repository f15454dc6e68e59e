/* Owns `checkpoint`: the command of a stage asks its run for a snapshot, and waits for it. */
#include <signal.h>
#include <stdlib.h>

#include "base/sys.h"
#include "cmd/command.h"
#include "cmd/inside.h"
#include "run/control_ask.h"

/* TERM goes to all of the attempt's group: its script is told, and the snapshot that it waits for
 * is its last word but for one. */
static void checkpoint_outlive_term(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigaction(SIGTERM, &ignore, NULL);
}

static bool checkpoint_find(struct cli *cli, struct str *attempt, struct err *err)
{
    struct str pawl;

    if (!inside_find("checkpoint", &cli->arena, &pawl, attempt, err)) {
        return false;
    }
    return getenv("PAWL_CHECKPOINT_DIR") != NULL ||
           err_set(err, STATUS_USAGE,
                   "no PAWL_CHECKPOINT_DIR here: the stage says no 'checkpoint = true'");
}

static bool checkpoint_ask_for(struct cli *cli, struct str attempt, struct err *err)
{
    struct control_request request = {
        .ask = CONTROL_CHECKPOINT, .reason = STR(""), .attempt = attempt};
    struct control_reply reply;
    enum control_reach reach;

    /* The name of a socket is short: the folder may lie deep. */
    if (sys_chdir(getenv("PAWL_RUN_DIR")) != 0) {
        return err_sys(err, "no checkpoint: the folder of the run cannot be entered");
    }
    reach = control_ask("control", &request, &cli->arena, &reply, NULL, err);
    if (reach == CONTROL_FAILED) {
        return err_wrap(err, "no checkpoint");
    }
    if (reach == CONTROL_NOBODY) {
        return err_set(err, STATUS_ENVIRONMENT, "no checkpoint: the run does not answer");
    }
    return reply.verdict != CONTROL_REFUSE ||
           err_set(err, STATUS_ENVIRONMENT, "no checkpoint: %.*s", STR_ARG(reply.reason));
}

int cmd_checkpoint(struct cli *cli)
{
    struct err err = {0};
    struct str attempt;

    checkpoint_outlive_term();
    return checkpoint_find(cli, &attempt, &err) && checkpoint_ask_for(cli, attempt, &err)
               ? STATUS_OK
               : cli_fail(&err);
}
