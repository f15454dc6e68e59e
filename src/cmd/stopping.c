/* Owns `stopping`: what the script of a stage asks to know whether it is told to end. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/sys.h"
#include "cmd/command.h"
#include "run/control_ask.h"

int cmd_stopping(struct cli *cli)
{
    const char *run_dir = getenv("PAWL_RUN_DIR"), *attempt = getenv("PAWL_ATTEMPT_ID");
    struct control_request request = {.ask = CONTROL_STOPPING, .reason = STR("")};
    struct control_reply reply;
    struct err err = {0};

    if (run_dir == NULL || attempt == NULL) {
        cli_warn("'stopping' is for the command of a stage: PAWL_RUN_DIR and PAWL_ATTEMPT_ID are "
                 "not set");
        return STATUS_USAGE;
    }
    request.attempt = str_of(attempt);
    /* The name of a socket is short: the folder may lie deep. */
    if (sys_chdir(run_dir) != 0 ||
        control_ask("control", &request, &cli->arena, &reply, NULL, &err) != CONTROL_ANSWERED ||
        reply.stop.len == 0) {
        return STATUS_STAGE_FAILED;
    }
    strbuf_printf(&cli->out, "%.*s %lld\n", STR_ARG(reply.stop),
                  (long long)((reply.left_ns + NS_PER_SEC - 1) / NS_PER_SEC));
    return STATUS_OK;
}
