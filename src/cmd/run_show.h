#ifndef PAWL_CMD_RUN_SHOW_H
#define PAWL_CMD_RUN_SHOW_H
/* What `run` says while it runs and at its end: which display watches, and the last lines.
 *
 * Order of calls: run_show_watch before the run begins, run_show_end once it is over,
 * run_show_fini.
 */
#include "cmd/command.h"
#include "cmd/reason.h"
#include "report/json.h"
#include "report/plain.h"
#include "report/terminal.h"
#include "run/facts.h"
#include "run/recorder.h"
#include "run/recover.h"

enum run_display { RUN_DISPLAY_NONE, RUN_DISPLAY_PLAIN, RUN_DISPLAY_TERMINAL, RUN_DISPLAY_JSON };

struct run_show {
    struct cli *cli;
    struct session *session;
    struct recorder *recorder;
    struct facts *facts;
    struct reason_view view; /* set before the engine starts, for `-v` */
    struct report_options options;
    struct sink_fd out;
    struct sink sink;
    int err_fd;
    enum run_display display;
    struct plain plain;
    struct terminal terminal;
    struct json_display json;
};

void run_show_watch(struct run_show *show, struct cli *cli, struct session *session,
                    struct recorder *recorder, struct facts *facts, const int64_t *duration_ns,
                    const uint8_t *scope, const struct report_slice *slice, uint32_t jobs);
/* Bytes that a command printed. `ctx` is the show. */
void run_show_stream(void *ctx, struct inst_id instance, const char *data, size_t len);
/* The process stops (Ctrl-Z) or a command gets the terminal; and goes on. `ctx` is the show. */
void run_show_pause(void *ctx, bool pause);
void run_show_end(struct run_show *show, int status);
void run_show_fini(struct run_show *show);

/* Everything is up to date: one line, and one about files that no stage declares now. */
void run_show_nothing(uint32_t scope, uint32_t skipped, uint32_t orphans);
/* What recovery moved to kept/. */
/* What checks that only warn say of results that are up to date. */
void run_show_warnings(struct facts *facts);
void run_show_kept(const struct recovered *recovered);
/* What was found after an interruption: one line. */
void run_show_recovered(const struct recovered *recovered, bool goes_on);

#endif
