#ifndef PAWL_REPORT_PROGRESS_H
#define PAWL_REPORT_PROGRESS_H
/* How far a run is, by expected time. Pure: events and the time of a clock in, a view out.
 *
 * The expected time of an instance is what it took in earlier runs; where that is not known, the
 * mean of what ended in this run (of the same stage if there is one, else of all), and before
 * anything ended the mean of what is known of others. What is up to date costs no time. The share
 * is time spent on what ended and runs, divided by that and what is left; it is held where it would
 * fall. The time left comes from a simulation: what is left is started on the slots there are,
 * along the edges of the plan, in the order of the engine (priority, longest path behind it,
 * number). Pools and memory are not simulated. Share and time left are computed at most once a
 * second, less often for large plans (about 1 % of a processor); between that the time left counts
 * down.
 *
 * Times are of one monotonic clock, in ns. Order of calls: progress_init, progress_tell for each
 * event after it was applied, progress_look whenever, progress_fini.
 */
#include "model/plan.h"
#include "model/run_state.h"

struct progress_running {
    uint32_t number;
    int64_t started_ns;
    /* By the last words of its command: when they came, 0: never; what is done of 1000; how long it
     * takes from then on, -1: not known. */
    int64_t said_ns, permille, left_ns;
};

struct progress_mean {
    int64_t sum_ns;
    uint32_t count;
};

struct progress {
    const struct plan *plan;
    const uint8_t *scope;        /* by instance; NULL: all */
    const int64_t *duration_ns;  /* by instance, 0: unknown; NULL: none known */
    uint32_t limit;              /* slots */
    uint32_t total;              /* instances in scope */
    int64_t started_ns;          /* when progress_init was called */
    int64_t spent_ns;            /* time of attempts that ended */
    struct progress_mean *means; /* by stage, of what ended in this run */
    struct progress_mean mean;   /* of all that ended */
    int64_t history_mean_ns;     /* of the durations that are known, 0: none */
    struct progress_running *running;
    uint32_t running_count, running_cap;
    int64_t *rank_ns;       /* by instance, once needed */
    bool estimated;         /* a mean stands in for something that is left */
    int percent;            /* -1: not known */
    int64_t left_ns;        /* at computed_at_ns; -1: not known */
    int64_t computed_at_ns; /* INT64_MIN: never */
    int64_t paused_at_ns;   /* since then nothing runs and no time counts; 0: it goes */
};

struct progress_view {
    uint32_t total, ended, running, up_to_date, failed;
    int percent; /* 0 to 100, -1: not known */
    bool estimated, paused;
    int64_t elapsed_ns;
    int64_t left_ns; /* -1: not known */
};

/* Plan, scope and durations are kept by pointer. `limit` is at least 1. */
void progress_init(struct progress *progress, const struct plan *plan, const int64_t *duration_ns,
                   const uint8_t *scope, uint32_t limit, int64_t now_ns);
void progress_fini(struct progress *progress);
void progress_tell(struct progress *progress, const struct event *event, int64_t now_ns);
void progress_look(struct progress *progress, const struct run_state *state, int64_t now_ns,
                   struct progress_view *view);
/* Now, or since when time stands still. */
int64_t progress_now(const struct progress *progress, int64_t now_ns);
/* What its command said of how far it is, `since_ns` ago: `42.5 % fitting, ETA 5m00s`. */
void progress_format_said(const struct inst_progress *said, int64_t since_ns, struct strbuf *out);
/* The same of one that runs, between these; nothing, when it said nothing. */
void progress_add_said(const struct progress *progress, const struct progress_running *running,
                       const struct run_state *state, int64_t now_ns, const char *before,
                       const char *after, struct strbuf *out);
/* The attempts that run longest, longest first: at most `count`; returns how many. */
uint32_t progress_longest(const struct progress *progress, struct progress_running *longest,
                          uint32_t count);

/* Text of a view: `43 % [12/28] 3 running, 9 up to date, 0 failed, 4m12s, ETA 5m (12:31)`.
 * `real_ns`: now, since 1970. */
void progress_format(const struct progress_view *view, int64_t real_ns, struct strbuf *out);
/* For narrow terminals: `43 % [12/28] ETA 5m00s (12:31)`. */
void progress_format_short(const struct progress_view *view, int64_t real_ns, struct strbuf *out);
/* `43 %`, `~43 %` or `? %`. */
void progress_format_percent(const struct progress_view *view, struct strbuf *out);
/* `ETA 5m00s (12:31)`, `ETA ~9s (12:31)` or `ETA ?`. */
void progress_format_eta(const struct progress_view *view, int64_t real_ns, struct strbuf *out);

#endif
