#ifndef PAWL_REPORT_TERMINAL_H
#define PAWL_REPORT_TERMINAL_H
/* The display for a terminal: a few live lines at the bottom, above them the lines that stay.
 *
 *       4m12s  optimize@fast=5,index=DAX
 *       1m02s  ingest
 *     43 % [12/28] 3 running, 9 up to date, 0 failed, 4m12s, ETA 5m (12:31)
 *
 * The first paint comes after 300 ms, so that a short run shows nothing live; then at most ten
 * frames a second, one a second at rest. One write a frame. No live line is as wide as the
 * terminal, so nothing wraps. The cursor is never hidden and no mode of the terminal is changed, so
 * that nothing need be undone when the process is killed; terminal_suspend and terminal_finish take
 * the live lines away.
 *
 * Lines that stay wait for the next frame. Order of calls: terminal_init, terminal_observer (given
 * to the recorder); terminal_suspend before the process stops or lets a command have the terminal,
 * terminal_resume afterwards (they nest); terminal_finish once the run is over or is ended by a
 * signal; terminal_fini.
 */
#include "base/clock.h"
#include "model/observer.h"
#include "report/progress.h"
#include "report/sink.h"
#include "report/story.h"

struct terminal_size {
    uint32_t columns, rows;
    bool background; /* somebody else has the terminal: only what stays is written */
};

enum { TERMINAL_LIVE_LINES = 6 };

struct terminal {
    struct report_options options;
    struct sink sink;
    const struct clock *clock;
    void *size_ctx;
    struct terminal_size (*size)(void *ctx);
    struct story story;
    struct progress progress;
    struct strbuf lasting; /* lines that stay, not written yet */
    struct strbuf frame;
    uint32_t widths[TERMINAL_LIVE_LINES]; /* of the live lines on the screen */
    uint32_t live;                        /* how many they are */
    int64_t painted_at_ns;
    bool changed;       /* since the last frame */
    uint32_t suspended; /* suspends not resumed yet */
};

/* `size` may answer 0 for what it does not know: then 80 columns, 24 rows. */
void terminal_init(struct terminal *terminal, const struct report_options *options,
                   const struct sink *sink, const struct clock *clock,
                   struct terminal_size (*size)(void *ctx), void *size_ctx);
void terminal_fini(struct terminal *terminal);
struct observer terminal_observer(struct terminal *terminal);
/* As plain_stream. */
void terminal_stream(void *ctx, struct inst_id instance, const char *data, size_t len);
/* Takes the live lines away and leaves the cursor at the start of the line behind what stays. */
void terminal_suspend(struct terminal *terminal);
void terminal_resume(struct terminal *terminal);
/* Suspends, and prints the last lines. */
void terminal_finish(struct terminal *terminal, const struct report_end *end,
                     const struct run_state *state);

/* The terminal behind a descriptor; `fd` points to an int. */
struct terminal_size terminal_size_of_fd(void *fd);

#endif
