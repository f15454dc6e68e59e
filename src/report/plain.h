#ifndef PAWL_REPORT_PLAIN_H
#define PAWL_REPORT_PLAIN_H
/* The display for pipes and files: one line for each instance that ran, no carriage returns, a
 * heartbeat after 10 s of silence.
 *
 *     9 up to date
 *     done      optimize@fast=5,index=DAX  420ms
 *     still running: train 4m12s; 43 %, ETA 5m (12:31)
 *     28 of 28 up to date: 19 ran, 9 were up to date, 4m12s
 *     run 20261120T234112Z-7f3a, head 4f3c…
 *
 * Order of calls: plain_init, plain_observer (given to the recorder), plain_finish once the run is
 * over, plain_fini. Errors of the sink are the sink's.
 */
#include "base/clock.h"
#include "model/observer.h"
#include "report/progress.h"
#include "report/sink.h"
#include "report/story.h"

struct plain {
    struct report_options options;
    struct sink sink;
    const struct clock *clock;
    struct story story;
    struct progress progress;
    struct strbuf out;
    int64_t said_at_ns;
    bool said;
};

void plain_init(struct plain *plain, const struct report_options *options, const struct sink *sink,
                const struct clock *clock);
void plain_fini(struct plain *plain);
struct observer plain_observer(struct plain *plain);
/* What a command prints, for `--output stream`; `ctx` is the struct plain. */
void plain_stream(void *ctx, struct inst_id instance, const char *data, size_t len);
/* The last lines. `end->elapsed_ns` 0: since plain_init. */
void plain_finish(struct plain *plain, const struct report_end *end, const struct run_state *state);

#endif
