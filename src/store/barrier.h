#ifndef PAWL_STORE_BARRIER_H
#define PAWL_STORE_BARRIER_H
/* Making finished work durable, many objects with one sync.
 *
 * A barrier notes which names are fresh now (barrier_note, by the thread that puts, or any), then
 * barrier_run calls syncfs on the store's and the workspace's file systems and, only when both
 * returned 0, renames what was noted into objects/. barrier_run may run in a worker while others
 * keep putting: what they add is covered by the next barrier. One barrier at a time.
 *
 * Covered: everything put before barrier_note returned. When barrier_run fails the epoch was broken
 * (objects_break_epoch): nothing fresh counts unread.
 */
#include <stdbool.h>
#include <stdint.h>

#include "store/objects.h"

enum { BARRIER_PERIOD_S = 5, BARRIER_SIZE_BYTES = 256 << 20 };

struct barrier {
    struct digest *names; /* heap */
    uint32_t count;
    uint64_t size_bytes;
    uint64_t generation; /* of the epoch they were fresh in */
};

/* Takes the list of fresh names. Cheap. */
void barrier_note(struct objects *objects, struct barrier *barrier);
/* Syncs and moves; frees what was noted whatever comes. `workspace_fd` may be -1. Nothing noted:
 * syncs all the same (rows of signatures rely on it). */
bool barrier_run(struct objects *objects, struct barrier *barrier, int workspace_fd,
                 struct err *err);
/* Both, for the end of a run. */
bool barrier_now(struct objects *objects, int workspace_fd, struct err *err);
/* A barrier noted and not run. */
void barrier_drop(struct objects *objects, struct barrier *barrier);

#endif
