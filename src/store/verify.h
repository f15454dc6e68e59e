#ifndef PAWL_STORE_VERIFY_H
#define PAWL_STORE_VERIFY_H
/* Looking at all that lies in a workspace's `.pawl` and in its store, and taking away what is no
 * good and can be made again.
 *
 *     verify_init(&verify, &options);
 *     verify_look(&verify);                               only reads
 *     verify.problems, verify.counts …
 *     verify_repair_records(&verify, &err);               the lock held, nothing opened yet
 *     verify_repair_objects(&verify, objects, results, &lock, &err);  the store opened for that
 *     verify_repair_left(&verify, &err);                  after what a killed run left was set
 * right verify_fini(&verify);
 *
 * Looking is right beside a process that works there: what it is writing, and what lies there while
 * it lives, is no problem. Nothing is an error: what cannot be read is a problem of its own.
 *
 * A repair never takes away an intact object, and never touches the record of a run: nothing gives
 * that back. It notes in each problem what became of it.
 *
 * One thread; hashing uses more.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"
#include "store/checkpoints.h"
#include "store/known.h"
#include "store/objects.h"
#include "store/results.h"
#include "store/run_dir.h"
#include "store/store_lock.h"

enum verify_level {
    VERIFY_DAMAGED,
    VERIFY_LEFT, /* what a killed run left: no damage, the next run sets it right */
    VERIFY_UNREADABLE
};

struct verify_problem {
    enum verify_level level;
    struct str place;        /* a path, or `result of 'INSTANCE'` */
    struct str reason, cost; /* what is wrong; what that means */
    struct str repair;       /* what a repair did; "": nothing */
    int dirfd;               /* with `name`: where it lies; "": nothing of its own */
    struct str name;
    bool removable; /* it may go as it is */
};

/* A result whose bytes are not all in the store. */
struct verify_lost {
    size_t problem;
    struct digest key;
    struct result_output *outputs; /* those whose bytes are missing */
    uint32_t output_count;
    bool here; /* the workspace has them */
};

/* A snapshot of an attempt whose bytes are not all in the store. */
struct verify_snapshot {
    size_t problem;
    struct checkpoint_whose whose;
    struct digest tree;
};

/* A folder of another epoch in fresh/. */
struct verify_epoch {
    int fd;
    struct str path; /* in the store */
};

enum verify_state { VERIFY_WHOLE, VERIFY_HOLES, VERIFY_NO_HEAD };

/* A damaged log of items. */
struct verify_items_log {
    size_t problem;
    struct str path; /* below .pawl */
    enum verify_state state;
};

struct verify_counts {
    uint64_t objects, object_bytes, results, checkpoints, runs, events;
    uint64_t damaged, left, unreadable;
};

struct verify_options {
    int root_fd, pawl_fd, store_fd; /* open as long as this */
    const char *store;              /* the store's folder, from the working folder */
    struct digest workspace;
    const struct digest *head; /* in which the newest run's record must end; NULL */
    /* Does another process change the workspace now? */
    bool (*is_held)(void *ctx);
    /* Does what was saved of a run's state agree with its record? */
    bool (*state_is_right)(void *ctx, const struct run_id *id);
    void *ctx;
};

enum verify_file {
    VERIFY_RESULTS,
    VERIFY_MADE,
    VERIFY_EFFECTS,
    VERIFY_CHECKPOINTS,
    VERIFY_INDEX_LOG,
    VERIFY_INDEX,
    VERIFY_FILES
};

struct verify {
    struct verify_options options;
    struct arena arena;
    struct verify_counts counts;
    VEC(struct verify_problem) problems;
    VEC(struct digest) damaged; /* objects */
    VEC(size_t) damaged_problems;
    VEC(struct verify_lost) lost;
    VEC(struct verify_snapshot) snapshots;
    VEC(struct verify_epoch) foreign;
    VEC(struct verify_items_log) items;
    struct known seen, trees; /* KNOWN_DURABLE: good, KNOWN_FRESH: not */
    enum verify_state files[VERIFY_FILES];
    size_t file_problems[VERIFY_FILES];
    struct str run; /* whose record ends in the head that was asked for, or "" */
};

void verify_init(struct verify *verify, const struct verify_options *options);
void verify_fini(struct verify *verify);
void verify_look(struct verify *verify);

/* Drops from the records what is no record, and a damaged index whole; sets aside a file whose head
 * is damaged, as nothing in it can be read. */
bool verify_repair_records(struct verify *verify, struct err *err);
/* Removes damaged objects; stores again what the workspace still has; forgets results and snapshots
 * whose bytes are nowhere, so that their stages run again, or begin anew. In a store that others
 * use, too, what these made again meanwhile stays. */
bool verify_repair_objects(struct verify *verify, struct objects *objects, struct results *results,
                           struct store_lock *lock, struct err *err);
bool verify_repair_left(struct verify *verify, struct err *err);

#endif
