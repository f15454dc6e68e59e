#ifndef PAWL_REPORT_STORY_H
#define PAWL_REPORT_STORY_H
/* The lines that stay: what the plain display and the terminal both print of a run, event by event.
 * Every function appends whole lines to `out`.
 *
 * A failure is a block: how it ended, its place in the manifest, its command, the last lines of its
 * log and the log's path. When much was printed after it, story_end() says it again.
 *
 * Order of calls: story_init, story_tell for each event after it was applied (story_stream with
 * what commands print), story_end once, story_fini.
 */
#include "model/plan.h"
#include "model/run_state.h"

enum report_output {                       /* what commands print: */
                     REPORT_OUTPUT_FAILED, /* the end of the log of what failed */
                     REPORT_OUTPUT_STREAM, /* every line as it comes, with the instance's name
                                              before it */
                     REPORT_OUTPUT_GROUP,  /* the log of an instance, whole, when it ends */
                     REPORT_OUTPUT_NONE    /* never */
};
/* `failed`, `stream`, `group`, `none`. */
bool report_output_from(struct str text, enum report_output *output);

/* When the plan is a slice (struct plan_slice); all zero: it is whole. */
struct report_slice {
    struct event_numbers numbers; /* for events that are passed on */
    uint32_t beyond;              /* instances that are asked for beyond it */
    uint32_t up_to_date;          /* of these and its own, at the start */
};

/* How a run is shown; everything in it lives as long as the display. */
struct report_options {
    const struct plan *plan;
    const int64_t *duration_ns; /* by instance, of earlier runs, 0: unknown; NULL: none */
    const uint8_t *scope;       /* by instance; NULL: all */
    struct report_slice slice;
    uint32_t limit;       /* slots at the start, at least 1 */
    struct str runs_path; /* logs are at <runs_path>/<run>/<log>; "": .pawl/runs */
    enum report_output output;
    bool quiet, verbose, colored;
    void *ctx; /* of both functions, which may be NULL */
    /* Appends the command of an instance as it was run, one that is known only now included. */
    void (*command)(void *ctx, struct inst_id instance, struct strbuf *out);
    /* Appends why an instance runs (verbose). */
    void (*why)(void *ctx, struct inst_id instance, struct strbuf *out);
};

/* What the caller knows of the end. */
struct report_end {
    int status;           /* exit status of pawl */
    struct str run, head; /* run id and head digest of its events; "": nothing was recorded */
    int64_t elapsed_ns;
};

struct story_partial; /* a line of a command that is not ended yet */
struct story_block;   /* a failure */

struct story {
    const struct report_options *options;
    bool brief; /* no lines for what went well: a terminal shows that otherwise */
    bool said_up_to_date, said_out;
    uint64_t lines; /* printed so far */
    struct story_partial *partials;
    uint32_t partial_count, partial_cap;
    struct story_block *blocks;
    uint32_t block_count, failure_count;
    struct {
        uint32_t total, begun, undone;
    } effects;
};

void story_init(struct story *story, const struct report_options *options, bool brief);
void story_fini(struct story *story);
void story_tell(struct story *story, const struct event *event, const struct run_state *state,
                struct strbuf *out);
/* Bytes that a command printed, in pieces of any size. */
void story_stream(struct story *story, uint32_t number, const char *data, size_t len,
                  struct strbuf *out);
void story_end(struct story *story, const struct report_end *end, const struct run_state *state,
               struct strbuf *out);

/* What fallbacks.used says, in a line. */
void story_add_fallbacks(const struct event *event, struct strbuf *out);
/* `compensation completed: 3 of 3`, if anything was undone; part of story_end. */
void story_effects_end(const struct story *story, struct strbuf *out);
/* `28 of 28 up to date: 20 ran, 8 were up to date, 4m12s`, without line end. */
void story_add_summary(const struct run_state *state, uint32_t total, int64_t elapsed_ns,
                       struct strbuf *out);
/* The name of an instance, by the plan, the state, or its number. Made harmless. */
void story_add_name(const struct plan *plan, const struct run_state *state, uint32_t number,
                    struct strbuf *out);

#endif
