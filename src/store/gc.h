#ifndef PAWL_STORE_GC_H
#define PAWL_STORE_GC_H
/* Takes from a store what no workspace needs any more: results, and objects that no result and no
 * record of a run speaks of.
 *
 * Needed are the keys that the roots of other workspaces name (store/roots.h), those of the last
 * `keep_runs` runs of each pipeline of the own one, and every result of which no roots say anything
 * yet (store/gc_roots.c): of live, resumable and given up runs, and of workspaces without roots.
 * What only earlier runs of the own workspace need goes, too, when it is older than `cutoff_ns`,
 * and, the oldest first, as long as the store is larger than `max_bytes`. What its last run needs
 * never goes. Snapshots of attempts (store/checkpoints.h) are needed by other workspaces; in the
 * own one those of the last key of each instance are, as long as the run that took them is kept.
 *
 * The caller holds his workspace's lock unless `dry`. In a shared store others commit meanwhile
 * (store/store_lock.h). Removes before it writes, and needs no room on the disk. One thread.
 */
#include "store/objects.h"
#include "store/results.h"
#include "store/store_lock.h"

struct gc_store {
    int fd;
    bool shared;
    struct store_lock *lock;
    struct objects *objects;
    struct results *results;
    struct digest workspace;
    const struct digest *needed; /* objects that the records of its kept runs speak of */
    uint32_t needed_count;
    const char *first_run; /* the oldest run that is kept; "": none is */
};

struct gc_options {
    uint32_t keep_runs; /* at least 1 */
    int64_t cutoff_ns;  /* since 1970; INT64_MIN: none */
    uint64_t max_bytes; /* UINT64_MAX: none */
    bool dry;           /* only counts */
};

struct gc_done {
    uint32_t results, objects; /* gone, or that would be */
    uint32_t checkpoints;      /* the same of snapshots */
    uint64_t freed_bytes;
    uint32_t kept_objects;
    uint64_t kept_bytes;
    uint32_t unreadable_roots; /* workspaces whose needs are not known: all results are needed */
};

bool gc_store(const struct gc_store *store, const struct gc_options *options, struct gc_done *done,
              struct err *err);

#endif
