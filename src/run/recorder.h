#ifndef PAWL_RUN_RECORDER_H
#define PAWL_RUN_RECORDER_H
/* The record step of the turn: events go into the log and through the fold, and are told to
 * observers only after they were written.
 *
 * Order: recorder_init; recorder_begin (a new run: makes its folder and log) or recorder_go_on (a
 * run that was interrupted: replays its log); then each turn recorder_emit for what was decided,
 * recorder_flush, and after the effects recorder_tell. recorder_fini at the end.
 *
 * An event that the fold refuses is a bug. Texts of an event must live until recorder_tell: make
 * them in `turn`.
 */
#include "model/observer.h"
#include "run/saved_state.h"
#include "run/session.h"
#include "store/event_log.h"
#include "store/run_dir.h"

enum {
    RECORDER_OBSERVERS = 4,
    RECORDER_SNAPSHOT_EVERY = 4096,
    RECORDER_ID_BYTES = 16, /* of a trace */
    RECORDER_RANDOM_BYTES = 1024
};

struct recorder {
    struct session *session;
    struct event_numbers numbers; /* of a slice: set before recorder_begin; the fold, and whoever
                                     watches, count in the slice */
    struct event_log *log;        /* NULL: no run yet */
    struct run_state state;
    struct run_id id;
    int dir_fd; /* runs/<id> */
    struct str run, trace;
    struct arena turn;
    struct strbuf members; /* of the event that is being recorded */
    struct event *pending; /* recorded, not told */
    uint32_t pending_count, pending_cap;
    uint32_t flushed_count; /* of these, written */
    uint64_t next_snapshot;
    struct saved_state saved;
    struct observer observers[RECORDER_OBSERVERS];
    uint32_t observer_count;
    unsigned char random[RECORDER_RANDOM_BYTES]; /* the first `random_left` are not used yet */
    size_t random_left;
};

void recorder_init(struct recorder *recorder, struct session *session);
void recorder_fini(struct recorder *recorder);
void recorder_watch(struct recorder *recorder, const struct observer *observer);

/* A new run. `started` is filled but for type, run and trace. `traceparent` may be NULL. */
bool recorder_begin(struct recorder *recorder, struct event *started, const char *traceparent,
                    struct err *err);
/* Goes on with a run: verifies and replays its events; `resumed` as above. */
bool recorder_go_on(struct recorder *recorder, const struct run_id *id, struct event *resumed,
                    struct err *err);

/* The record of a run that another process began, to add to it what is no part of the run itself:
 * verifies and replays its events, and records nothing. */
bool recorder_reopen(struct recorder *recorder, const struct run_id *id, struct err *err);

/* Instances of the whole plan beyond a slice, which are up to date: recorded, counted and told,
 * with the numbers of the whole plan. */
void recorder_emit_beyond(struct recorder *recorder, const struct event_ids *units);

/* How many instances are in each state, by name, in the turn's arena; those without any only with
 * `zeros`. */
struct event_pairs recorder_counts(struct recorder *recorder, bool zeros);

/* Adds time, run and trace, appends to the log, applies. */
void recorder_emit(struct recorder *recorder, struct event *event);
/* The last event of a run that is now `how`, with this exit status. */
void recorder_emit_end(struct recorder *recorder, enum run_status how, int status);
/* Writes what was recorded: results first, then made and index, then the events. */
bool recorder_flush(struct recorder *recorder, struct err *err);
/* Tells the observers what was flushed, in order, and empties `turn`. What was recorded since (an
 * effect has something to say) is told after the next flush; its texts must not lie in `turn`. */
void recorder_tell(struct recorder *recorder);
/* When the observers want to be woken. */
int64_t recorder_tick(struct recorder *recorder, int64_t now_ns);

/* Reads the events of a run into a state (for status, reports, recovery). Unknown types are counted
 * and passed over. False: damaged (status 12) or unreadable. */
bool recorder_replay(int pawl_fd, const struct run_id *id, struct run_state *state,
                     void (*each)(void *ctx, const struct event *event), void *ctx,
                     struct err *err);

/* The same for who looks at a run and decides nothing by it: of a large run only what was recorded
 * since its state was saved is read (run/saved_state.h). The state has no ids of attempts. */
bool recorder_look(int pawl_fd, const struct run_id *id, struct run_state *state, struct err *err);
/* False: what was saved counts and is not what the record says, so somebody made it up. A damaged
 * record says nothing of that. */
bool recorder_look_is_right(int pawl_fd, const struct run_id *id);

/* Random bits; and random hex digits, an even number up to 32: trace and span ids. */
uint64_t recorder_random64(struct recorder *recorder);
struct str recorder_random_hex(struct recorder *recorder, struct arena *arena, size_t digits);

#endif
