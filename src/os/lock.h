#ifndef PAWL_OS_LOCK_H
#define PAWL_OS_LOCK_H
/* Locks that die with their holder. The kernel keeps them; the file's content only tells others who
 * holds it, and is never trusted for more. Lock files are never deleted.
 *
 * Two kinds. lock_take: exclusive, an open-file-description lock, not inherited by children. The
 * lives lock: shared by pawl and all its children through an inherited descriptor, so that the next
 * pawl can tell that some of them still live even where /proc says nothing.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

struct lock_holder {
    pid_t pid;        /* 0: not known */
    int64_t since_ns; /* real time */
    char run[64];     /* run id, or "" */
    char host[72];
    char what[32]; /* command: `run`, `gc`, … */
};

enum lock_answer { LOCK_HELD, LOCK_BUSY, LOCK_FAILED };

struct lock {
    int fd; /* -1: not held */
};

/* Takes `path` (made when missing) without waiting and writes `me` into it. LOCK_BUSY: `other` (may
 * be NULL) is who holds it, as far as it can be read; `err` is set with status 9. LOCK_FAILED:
 * `err` is set. */
enum lock_answer lock_take(struct lock *lock, const char *path, const struct lock_holder *me,
                           struct lock_holder *other, struct err *err);
/* Writes other facts (the run's id, once it is known). */
bool lock_tell(const struct lock *lock, const struct lock_holder *me, struct err *err);
void lock_release(struct lock *lock);

/* Opens `path` (made when missing) for shared and exclusive locks of ranges: see sys_lock. */
int lock_file_open(const char *path, struct err *err);

/* Takes the lives lock, shared. LOCK_BUSY: children of an earlier pawl still live (status 9); wait
 * or kill them, then try again. `lock->fd` goes to every child (spawn.fds, same number). Call with
 * the workspace lock held. */
enum lock_answer lock_take_lives(struct lock *lock, const char *path, struct err *err);

/* Do locks work in this folder? False: `err` says why (no locks at all, or locks that do not
 * exclude). Makes and removes one temporary file there. */
bool lock_probe(const char *dir, struct err *err);

#endif
