#ifndef PAWL_CMD_RUN_SHOW_H
#define PAWL_CMD_RUN_SHOW_H
/* What `run` says while it runs and at its end: which observers watch, and the last lines. */
#include "cmd/command.h"
#include "run/recorder.h"
#include "run/recover.h"

struct run_show {
    struct cli *cli;
    struct session *session;
    struct recorder *recorder;
};

void run_show_watch(struct run_show *show, struct cli *cli, struct session *session,
                    struct recorder *recorder, const int64_t *duration_ns, const uint8_t *scope);
void run_show_end(struct run_show *show, int status);
void run_show_fini(struct run_show *show);

/* Everything is up to date: one line. */
void run_show_nothing(struct cli *cli, const struct session *session, uint32_t scope,
                      uint32_t skipped);
/* What was found after an interruption. */
void run_show_recovered(const struct recovered *recovered, bool goes_on);

#endif
