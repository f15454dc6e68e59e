#ifndef PAWL_STORE_CHECKPOINTS_H
#define PAWL_STORE_CHECKPOINTS_H
/* Which snapshots of `$PAWL_CHECKPOINT_DIR` a store holds: for each instance of a workspace and key
 * the newest ones, each a tree object. A snapshot is of this workspace, instance and key alone.
 *
 *     checkpoints_open(&all, store_fd, &err)                  a missing file is an empty one
 *     for (n = 0; (row = checkpoints_next(&all, &whose, &n)) != NULL;)     the newest first
 *     checkpoints_add(&all, &row, &err)                       its objects are in the store
 *     checkpoints_synced(&all, through, &err)                 and a barrier covered them
 *     checkpoints_drop(&all, &whose, &err)                    the work is done
 *     checkpoints_close(&all)
 *
 * Each change is one append. Objects are not looked at here: whoever uses a snapshot finds what is
 * missing. In a store that is shared others append, too: who writes takes in what they wrote. One
 * thread. Errors: status 11; 12 when the file is of another kind.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/record.h"
#include "base/sha256.h"
#include "base/vec.h"

struct checkpoint_whose {
    struct digest workspace, key;
    struct str instance;
};

struct checkpoint_row {
    struct checkpoint_whose whose;
    struct digest tree;
    struct str run, attempt; /* that took it */
    int64_t taken_ns;        /* since 1970 */
    uint64_t size_bytes;     /* of all files in it */
    uint32_t entries;        /* files, links and folders */
    uint32_t keep;           /* with it so many are kept */
    bool synced;             /* its objects reached the disk: no power cut takes it */
    uint64_t added;          /* by this process: its number; 0: by another */
};

struct checkpoints {
    struct record_file file;
    struct arena arena;
    VEC(struct checkpoint_row) rows; /* in the order in which they were taken */
    uint64_t pos, records;
    uint64_t added; /* by this process, so far */
    uint32_t generation;
};

bool checkpoints_open(struct checkpoints *all, int store_fd, struct err *err);
/* Also of zeroes. */
void checkpoints_close(struct checkpoints *all);
/* Takes in what others appended. */
bool checkpoints_refresh(struct checkpoints *all, struct err *err);
/* Of a file that is long, leaves what counts alone, for who may write. While others append, or
 * where there is damage, it stays as it is. */
void checkpoints_compact(struct checkpoints *all);
/* False and status 12: there are damaged bytes, of snapshots that are not known any more. */
bool checkpoints_check(const struct checkpoints *all, struct err *err);

/* The newest of these, or with `*n` from the call before the one before it; NULL: no more. */
const struct checkpoint_row *checkpoints_next(const struct checkpoints *all,
                                              const struct checkpoint_whose *whose, uint32_t *n);
/* Older ones than `row.keep` go. One that holds the same as the newest changes nothing. */
bool checkpoints_add(struct checkpoints *all, const struct checkpoint_row *row, struct err *err);
/* What this process added up to this number (`added`, read when the barrier was noted) reached the
 * disk. */
bool checkpoints_synced(struct checkpoints *all, uint64_t through, struct err *err);
/* All of them. */
bool checkpoints_drop(struct checkpoints *all, const struct checkpoint_whose *whose,
                      struct err *err);
/* The one of this tree. */
bool checkpoints_drop_one(struct checkpoints *all, const struct checkpoint_whose *whose,
                          const struct digest *tree, struct err *err);

#endif
