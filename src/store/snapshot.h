#ifndef PAWL_STORE_SNAPSHOT_H
#define PAWL_STORE_SNAPSHOT_H
/* A folder into the store, again and again: a file whose firm signature is that of the last time
 * costs a stat and is not read. What is new is read by several threads.
 *
 *     struct snapshot last = …;                            zeroes: nothing is known yet
 *     snapshot_take(&taking, &last, &put, &counts, &err)   `last` is what was put now
 *     snapshot_fini(&last)
 *
 * Links stay links and are never followed, out of the folder or in it; what is neither file, folder
 * nor link is an error, so is a file that changes while it is read, and more than
 * LIMIT_CHECKPOINT_ENTRIES entries. After an error `last` is what it was. Any thread, one at a time
 * for each `last`.
 */
#include "os/signature.h"
#include "store/objects.h"

struct snapshot {
    struct arena arena;
    struct output_row *rows; /* sorted; paths relative to the folder */
    uint32_t count;
};

struct snapshot_taking {
    struct objects *objects;
    struct signature_times *times;
    int dirfd;
    const char *path; /* of the folder, below `dirfd` */
    uint32_t threads;
};

struct snapshot_counts {
    uint32_t entries, read; /* files, links and folders; files that were read */
    uint64_t size_bytes;    /* of all files */
    uint64_t read_bytes;
};

bool snapshot_take(const struct snapshot_taking *taking, struct snapshot *last,
                   struct put_output *put, struct snapshot_counts *counts, struct err *err);
/* What restore_output() left at a path. */
void snapshot_restored(struct snapshot *last, struct str path, const struct output_rows *rows);
void snapshot_fini(struct snapshot *snapshot);

#endif
