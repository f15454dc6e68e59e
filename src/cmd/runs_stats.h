#ifndef PAWL_CMD_RUNS_STATS_H
#define PAWL_CMD_RUNS_STATS_H
/* What many records say together: runs by state, and of each stage how often it was a hit, ran,
 * failed, how long it took, and what its checks said. Records are gone through quickly, unverified,
 * in little memory: what is kept is one number an attempt that ended well.
 *
 * Order: runs_stats_init; runs_stats_take for each run; runs_stats_sort; then look;
 * runs_stats_fini.
 */
#include "base/map.h"
#include "base/vec.h"
#include "model/states.h"
#include "run/session.h"
#include "store/event_walk.h"
#include "store/run_dir.h"

struct stats_check { /* that said no at least once */
    struct str name;
    uint64_t refused;
};

struct stats_stage {
    struct str name;
    uint64_t hits;     /* instances that were up to date or came back from the store */
    uint64_t ran;      /* attempts that ended well */
    uint64_t failures; /* for good */
    uint64_t peak_bytes;
    VEC(uint64_t) durations_ns; /* of those that ended well */
    uint64_t passed, refused;   /* results that its gates and validations judged */
    VEC(struct stats_check) checks;
};

struct runs_stats {
    const struct session *session;
    struct arena arena;
    uint32_t runs, by_state[RUN_STATUS_COUNT];
    uint64_t unnamed_hits;          /* of runs whose instances have no names on record any more */
    VEC(struct stats_stage) stages; /* in order of name, once sorted */
    struct map by_name;
    struct objects *objects; /* NULL: not there */
    /* Of the last listing that was read: the stage of each instance. */
    struct str listing;
    VEC(uint32_t) stage_of;
};

void runs_stats_init(struct runs_stats *stats, const struct session *session);
void runs_stats_fini(struct runs_stats *stats);
/* `live`: a process works on that run now. */
bool runs_stats_take(struct runs_stats *stats, const struct run_id *id, bool live, struct err *err);
/* Durations and stages are in order now. */
void runs_stats_sort(struct runs_stats *stats);

#endif
