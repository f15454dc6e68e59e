#ifndef PAWL_STORE_STORE_LOCK_H
#define PAWL_STORE_STORE_LOCK_H
/* The lock of a store that several workspaces share: whoever commits holds it shared from his first
 * look at an object to the append of his result, gc exclusive while it removes some. So no object
 * goes between the question whether it is there and the result that says so.
 *
 *     store_lock_open(&lock, store_fd, shared, &err)    before the first look at an object
 *     store_lock_enter(&lock, objects, &err)  …  store_lock_leave(&lock)     each commit
 *     store_lock_settle(&lock)                what was committed is appended: given up if all left
 *     store_lock_close(&lock)
 *
 * So does whoever restores, as long as he needs objects to stay, and a run from its first decision
 * until its roots say what it found.
 *
 * Commits that overlap hold it together: four system calls for all of them. A store of one
 * workspace has none (`shared` false): the workspace's lock is enough, and every call here does
 * nothing. Main thread; the workers of a commit look and put between enter and leave. Errors:
 * status 11.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/objects.h"

struct store_lock {
    int fd;         /* -1: none */
    void *removals; /* their count, mapped; NULL: read by a call */
    uint64_t seen;  /* up to which what is known of objects holds */
    uint32_t inside;
    bool held;
};

bool store_lock_open(struct store_lock *lock, int store_fd, bool shared, struct err *err);
/* For who only reads, without writing anything: where there is no lock yet, there is none. */
void store_lock_look(struct store_lock *lock, int store_fd);
void store_lock_close(struct store_lock *lock);

/* Forgets which objects are known to be there if some were removed since. */
bool store_lock_enter(struct store_lock *lock, struct objects *objects, struct err *err);
void store_lock_leave(struct store_lock *lock);
void store_lock_settle(struct store_lock *lock);

/* For gc. One at a time in a store: status 9 while another one works. */
bool store_lock_begin_gc(struct store_lock *lock, struct err *err);
/* Waits for those who commit, who wait for it in their turn; tells them that objects may go. Nobody
 * who holds it shared through the same `lock` may call it. */
bool store_lock_take(struct store_lock *lock, struct err *err);
void store_lock_give(struct store_lock *lock);

#endif
