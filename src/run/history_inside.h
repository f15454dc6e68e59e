#ifndef PAWL_RUN_HISTORY_INSIDE_H
#define PAWL_RUN_HISTORY_INSIDE_H
/* What the parts of looking into the history of a workspace share; nobody else includes this. */
#include "base/map.h"
#include "base/vec.h"
#include "model/run_state.h"
#include "run/history.h"
#include "run/history_keys.h"

/* The last good word of a record on one instance. */
struct seen {
    struct str run, key;
    struct event_pairs outputs;
    int64_t time_ns;
};

struct gather {
    struct arena *arena;
    struct map numbers; /* by name of the instance */
    VEC(struct seen) seen;
    bool closed;          /* only names that are there */
    VEC(struct str) keys; /* of these: the key it must be of; "": any */
    struct str run;       /* that is read; once something of it is kept */
};

/* What a run's record says: its state, and the last good word on each instance. */
bool gather_run(struct gather *gather, struct session *session, const struct run_id *id,
                struct run_state *state, struct err *err);
void gather_fini(struct gather *gather);

struct historian {
    struct session *session;
    struct arena *arena;
    struct history *history;
    struct run_id id;
    struct history_keys keys; /* of the run's own roots */
    bool has_keys;
    bool imported; /* its record came from elsewhere */
    struct str pipeline;
    bool asked_for_all; /* then what it left out lay there as it was put last */
    int64_t started_ns;
    struct seen *seen;          /* by item */
    bool *was_up_to_date;       /* by item: it lay there as it was put before the run */
    struct map hands;           /* digests of names to items, of those that were up to date */
    const struct result **near; /* by item: the newest of its key, with other bytes */
    struct gather earlier;      /* of those that the runs before are asked for, by name */
    VEC(uint32_t) asked;        /* the items of these */
    uint32_t open;              /* how many of them no run has said anything of */
};

static inline bool historian_is_open(const struct historian *historian, uint32_t item)
{
    return historian->seen[item].time_ns == 0;
}

/* The run has a folder, or this file in it. */
bool history_has(const struct session *session, const struct run_id *id, const char *what);
/* What lay here is another matter than what a run found that came from elsewhere. */
bool history_is_imported(const struct session *session, const struct run_id *id);

/* What the runs before say of all that are asked for. */
bool historian_read_all_earlier(struct historian *historian, struct err *err);
/* What the roots of runs before say of those that no record says anything of. */
bool historian_read_roots(struct historian *historian, struct err *err);

/* By its name an instance is in the map of hands. */
struct str history_hand_name(struct str instance, struct arena *arena);
/* What was touched by hand after this run, and not heard of since. */
bool historian_read_hands(struct historian *historian, const struct run_id *id, struct err *err);

void past_take(struct past *past, struct result_ref ref, const struct result *result,
               struct str said_by);
/* The results of all that was heard of. */
void historian_find_all(struct historian *historian);

#endif
