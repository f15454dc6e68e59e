/* Owns the file `roots/lock` of a shared store: 8 bytes, the number of times that gc took the lock
 * to remove something (u64). Byte 0 is locked by commits and by removals, byte 1 by a gc as long as
 * it works, byte 2 by who is about to lock byte 0.
 *
 * Whoever wants byte 0 locks byte 2 the same way before, and lets go of that when he has it: so
 * those who commit do not overlap for ever while a removal waits, and a removal that comes again
 * finds those who waited for the last one before it. One that waits for somebody who holds the lock
 * for long, as an import does, keeps the others waiting for TURN_MS, and lets them pass for
 * PASS_MS.
 *
 * The number is made with the file and never grows it, so that a full disk does not hinder gc, and
 * is mapped by who commits, so that asking whether something was removed costs no call. Nobody cuts
 * the file; where it cannot be mapped the number is read. */
#include "store/store_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bytes.h"
#include "base/sys.h"
#include "os/files.h"

enum { LOCK_BYTES = 8, COMMIT_BYTE = 0, GC_BYTE = 1, TURN_BYTE = 2 };
enum { TURN_MS = 500, PASS_MS = 2500, TRY_MS = 2 };

static bool lock_fill(const struct store_lock *lock)
{
    unsigned char zero[LOCK_BYTES] = {0};
    struct sys_stat stat;

    return sys_fstat(lock->fd, &stat) == 0 &&
           (stat.size_bytes >= LOCK_BYTES || sys_pwrite_full(lock->fd, zero, LOCK_BYTES, 0) == 0);
}

static uint64_t lock_removals(const struct store_lock *lock)
{
    unsigned char bytes[LOCK_BYTES];

    if (lock->removals != NULL) {
        return bytes_get_u64(lock->removals);
    }
    /* Not known: as if something had been removed. */
    return sys_pread_full(lock->fd, bytes, LOCK_BYTES, 0) == LOCK_BYTES ? bytes_get_u64(bytes)
                                                                        : lock->seen + 1;
}

/* Read by who commits, so that asking whether something was removed costs no call. */
static void lock_map(struct store_lock *lock)
{
    void *map = sys_mmap(LOCK_BYTES, PROT_READ, MAP_SHARED, lock->fd, 0);

    lock->removals = map != MAP_FAILED ? map : NULL;
    lock->seen = lock_removals(lock);
}

bool store_lock_open(struct store_lock *lock, int store_fd, bool shared, struct err *err)
{
    *lock = (struct store_lock){.fd = -1};
    if (!shared) {
        return true;
    }
    if (!folder_make(store_fd, "roots", err)) {
        return false;
    }
    lock->fd = sys_openat(store_fd, "roots/lock", O_RDWR | O_CREAT | O_NOFOLLOW,
                          sys_mode_in(store_fd, 0666));
    if (lock->fd < 0 || !lock_fill(lock)) {
        return err_sys(err, "the store's 'roots/lock' cannot be opened");
    }
    lock_map(lock);
    return true;
}

void store_lock_look(struct store_lock *lock, int store_fd)
{
    *lock = (struct store_lock){.fd = -1};
    lock->fd = sys_openat(store_fd, "roots/lock", O_RDONLY | O_NOFOLLOW, 0);
    if (lock->fd >= 0) {
        lock->seen = lock_removals(lock);
    }
}

void store_lock_close(struct store_lock *lock)
{
    if (lock->removals != NULL) {
        sys_munmap(lock->removals, LOCK_BYTES);
    }
    if (lock->fd >= 0) {
        sys_close(lock->fd);
    }
    *lock = (struct store_lock){.fd = -1};
}

static bool lock_is_busy(void)
{
    return errno == EAGAIN || errno == EACCES;
}

static bool lock_failed(struct err *err)
{
    return err_sys(err, "the store's 'roots/lock' cannot be locked");
}

static bool lock_shared(struct store_lock *lock, struct err *err)
{
    if (sys_lock(lock->fd, F_RDLCK, TURN_BYTE, 1, true) != 0) {
        return lock_failed(err);
    }
    lock->held = sys_lock(lock->fd, F_RDLCK, COMMIT_BYTE, 1, true) == 0 || lock_failed(err);
    sys_lock(lock->fd, F_UNLCK, TURN_BYTE, 1, false);
    return lock->held;
}

/* For so long at most; false: an error. */
static bool lock_try(struct store_lock *lock, int limit_ms)
{
    for (int waited_ms = 0; !lock->held && waited_ms < limit_ms; waited_ms += TRY_MS) {
        lock->held = sys_lock(lock->fd, F_WRLCK, COMMIT_BYTE, 1, false) == 0;
        if (!lock->held && !lock_is_busy()) {
            return false;
        }
        if (!lock->held) {
            sys_poll(NULL, 0, TRY_MS);
        }
    }
    return true;
}

static bool lock_alone(struct store_lock *lock, struct err *err)
{
    while (!lock->held) {
        if (sys_lock(lock->fd, F_WRLCK, TURN_BYTE, 1, true) != 0 || !lock_try(lock, TURN_MS)) {
            return lock_failed(err);
        }
        sys_lock(lock->fd, F_UNLCK, TURN_BYTE, 1, false);
        if (!lock_try(lock, PASS_MS)) {
            return lock_failed(err);
        }
    }
    return true;
}

bool store_lock_enter(struct store_lock *lock, struct objects *objects, struct err *err)
{
    uint64_t removals;

    if (lock->fd < 0) {
        return true;
    }
    if (!lock->held) {
        if (!lock_shared(lock, err)) {
            return false;
        }
        removals = lock_removals(lock);
        if (removals != lock->seen) {
            objects_forget(objects);
            lock->seen = removals;
        }
    }
    lock->inside++;
    return true;
}

void store_lock_leave(struct store_lock *lock)
{
    lock->inside -= lock->fd >= 0;
}

void store_lock_settle(struct store_lock *lock)
{
    if (lock->held && lock->inside == 0) {
        store_lock_give(lock);
    }
}

bool store_lock_begin_gc(struct store_lock *lock, struct err *err)
{
    if (lock->fd < 0 || sys_lock(lock->fd, F_WRLCK, GC_BYTE, 1, false) == 0) {
        return true;
    }
    if (lock_is_busy()) {
        return err_set(err, STATUS_LOCKED, "another 'pawl gc' works on this store");
    }
    return lock_failed(err);
}

bool store_lock_take(struct store_lock *lock, struct err *err)
{
    unsigned char bytes[LOCK_BYTES];

    if (lock->fd < 0) {
        return true;
    }
    if (!lock_alone(lock, err)) {
        return false;
    }
    bytes_set_u64(bytes, lock_removals(lock) + 1);
    if (sys_pwrite_full(lock->fd, bytes, LOCK_BYTES, 0) != 0) {
        err_sys(err, "the store's 'roots/lock' cannot be written");
        store_lock_give(lock);
        return false;
    }
    return true;
}

void store_lock_give(struct store_lock *lock)
{
    if (lock->held) {
        sys_lock(lock->fd, F_UNLCK, COMMIT_BYTE, 1, false);
        lock->held = false;
    }
}
