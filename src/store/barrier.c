/* Owns the step from fresh to durable. The list of fresh names is handed over whole, so the worker
 * that syncs shares nothing with the threads that put; the epoch's generation tells it whether what
 * it noted still counts when the sync has returned. */
#include "store/barrier.h"

#include <stdlib.h>

#include "base/hex.h"
#include "base/sys.h"
#include "store/objects_inside.h"

void barrier_note(struct objects *objects, struct barrier *barrier)
{
    /* Exclusive against the epoch, and behind every put that has its name already. */
    pthread_rwlock_rdlock(&objects->epoch_lock);
    pthread_mutex_lock(&objects->mutex);
    barrier->names = objects->fresh.items;
    barrier->count = (uint32_t)objects->fresh.count;
    barrier->size_bytes = objects->fresh_bytes;
    barrier->generation = objects->generation;
    objects->fresh.items = NULL;
    objects->fresh.count = objects->fresh.cap = 0;
    objects->fresh_bytes = 0;
    pthread_mutex_unlock(&objects->mutex);
    pthread_rwlock_unlock(&objects->epoch_lock);
}

void barrier_drop(struct objects *objects, struct barrier *barrier)
{
    pthread_mutex_lock(&objects->mutex);
    if (barrier->generation == objects->generation) {
        for (uint32_t i = 0; i < barrier->count; i++) {
            VEC_PUSH(&objects->fresh, barrier->names[i]);
        }
        objects->fresh_bytes += barrier->size_bytes;
    }
    pthread_mutex_unlock(&objects->mutex);
    free(barrier->names);
    *barrier = (struct barrier){0};
}

static bool same_file_system(int a, int b)
{
    struct sys_stat x, y;
    return sys_fstat(a, &x) == 0 && sys_fstat(b, &y) == 0 && x.dev_major == y.dev_major &&
           x.dev_minor == y.dev_minor;
}

static bool barrier_sync(struct objects *objects, int workspace_fd, struct err *err)
{
    if (sys_syncfs(objects->fresh_fd) < 0) {
        return err_sys(err, "'%s': cannot be synced", objects->shown);
    }
    if (workspace_fd >= 0 && !same_file_system(objects->fresh_fd, workspace_fd) &&
        sys_syncfs(workspace_fd) < 0) {
        return err_sys(err, "the workspace cannot be synced");
    }
    return true;
}

/* Renames what was noted. What could not be renamed stays fresh, for the next barrier. */
static bool barrier_move(struct objects *objects, struct barrier *barrier, struct err *err)
{
    char hex[DIGEST_HEX_BYTES + 1];
    uint32_t done = 0;
    bool ok = true;
    pthread_rwlock_rdlock(&objects->epoch_lock);
    if (barrier->generation != objects->generation) {
        done = barrier->count;
    }
    while (ok && done < barrier->count) {
        const struct digest *digest = &barrier->names[done];
        ok = objects_promote(objects, objects->epoch_fd, digest_hex(digest, hex), digest, err);
        done += ok;
    }
    pthread_rwlock_unlock(&objects->epoch_lock);
    for (uint32_t i = done; i < barrier->count; i++) {
        barrier->names[i - done] = barrier->names[i];
    }
    barrier->count -= done;
    return ok;
}

bool barrier_run(struct objects *objects, struct barrier *barrier, int workspace_fd,
                 struct err *err)
{
    if (!barrier_sync(objects, workspace_fd, err)) {
        free(barrier->names);
        *barrier = (struct barrier){0};
        /* The first error is the one to tell. */
        (void)objects_break_epoch(objects, NULL);
        return false;
    }
    bool ok = barrier_move(objects, barrier, err);
    barrier_drop(objects, barrier);
    return ok;
}

bool barrier_now(struct objects *objects, int workspace_fd, struct err *err)
{
    struct barrier barrier;
    barrier_note(objects, &barrier);
    return barrier_run(objects, &barrier, workspace_fd, err);
}
