/* Owns the beginning and the end of epochs in a store.
 *
 *     fresh/lock            exclusive while a session opens the store or breaks the epoch
 *     fresh/salt            see epoch.c
 *     fresh/<epoch>/        named by the first 16 digits of the epoch
 *     fresh/<epoch>/lock    held shared by every session of the epoch as long as it lives; holds
 * the boot id and a newline (nothing when that was unreadable) fresh/<epoch>/<hex>   objects that
 * no sync is known to have covered tmp/o.<epoch>.…       being written by a session of that epoch
 *
 * A session that opens the store looks at every other epoch's folder; if it can lock that folder's
 * lock exclusively, all its sessions are dead. Then each object in it is read. After another boot
 * what is read comes from the disk: right ones go to objects/, others are removed. In the same boot
 * (another mount, or a sync had failed) it may come from a page cache that will never be written:
 * right ones are *written again* into this epoch's fresh/, for the next barrier to cover.
 *
 * What a dead session of this same epoch left is good as it is: it is noted for the next barrier.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hex.h"
#include "base/sys.h"
#include "os/remove.h"
#include "store/objects_inside.h"

enum { BREAK_ROUNDS = 4 };

/* Calls `each` for every name in a folder until it answers false. */
static bool each_name(int dir, const char *path,
                      bool (*each)(void *ctx, int folder, const char *name, struct err *err),
                      void *ctx, struct err *err)
{
    int fd = sys_openat(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    DIR *stream = fd >= 0 ? sys_fdopendir(fd) : NULL;
    bool ok = true;
    if (stream == NULL) {
        return err_sys(err, "'%s': cannot be listed", path);
    }
    while (ok) {
        errno = 0;
        const struct dirent *entry = sys_readdir(stream);
        if (entry == NULL) {
            ok = errno == 0 || err_sys(err, "'%s': cannot be listed", path);
            break;
        }
        ok = each(ctx, fd, entry->d_name, err);
    }
    (void)sys_closedir(stream);
    return ok;
}

/* ---- temporary files of an epoch whose sessions are dead */

static bool remove_temp(void *ctx, int folder, const char *name, struct err *err)
{
    const char *prefix = ctx;
    return strncmp(name, prefix, strlen(prefix)) != 0 || tree_remove(folder, name, err);
}

static bool remove_temps(struct objects *objects, const char *epoch, struct err *err)
{
    char prefix[EPOCH_NAME_BYTES + 4] = "o.";
    memcpy(prefix + 2, epoch, EPOCH_NAME_BYTES);
    prefix[EPOCH_NAME_BYTES + 2] = '.';
    prefix[EPOCH_NAME_BYTES + 3] = '\0';
    return each_name(objects->tmp_fd, ".", remove_temp, prefix, err);
}

/* ---- this epoch */

static bool note_left(void *ctx, int folder, const char *name, struct err *err)
{
    struct objects *objects = ctx;
    struct digest digest;
    struct sys_stat stat;
    (void)err;
    if (digest_parse(str_of(name), &digest) &&
        sys_statat(folder, name, AT_SYMLINK_NOFOLLOW, &stat) == 0 && S_ISREG(stat.mode)) {
        objects_note_fresh(objects, &digest, stat.size_bytes);
    }
    return true;
}

static bool lock_say_boot(int fd, const struct epoch *epoch)
{
    struct str boot = str_of(epoch->boot);
    return sys_truncate(fd, 0) == 0 && file_write_all(fd, boot.data, boot.len) &&
           file_write_all(fd, "\n", 1);
}

/* Locks fresh/<epoch>/lock shared; the first one there cleans up after the dead. */
static bool epoch_lock_shared(struct objects *objects, const char *name, struct err *err)
{
    int fd = sys_openat(objects->epoch_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW,
                        sys_mode_in(objects->epoch_fd, 0666));
    if (fd < 0) {
        return err_sys(err, "'%s/fresh/%s/lock': cannot be opened", objects->shown, name);
    }
    objects->lock_fd = fd;
    bool alone = sys_lock(fd, F_WRLCK, 0, 0, false) == 0;
    if (alone && !lock_say_boot(fd, &objects->epoch)) {
        return err_sys(err, "'%s/fresh/%s/lock': cannot be written", objects->shown, name);
    }
    if (alone && !remove_temps(objects, name, err)) {
        return false;
    }
    return sys_lock(fd, F_RDLCK, 0, 0, true) == 0 ||
           err_sys(err, "'%s/fresh/%s/lock': cannot be locked", objects->shown, name);
}

static bool epoch_enter(struct objects *objects, struct err *err)
{
    char name[EPOCH_NAME_BYTES + 1];
    epoch_name(&objects->epoch, name);
    if (sys_mkdirat(objects->fresh_fd, name, sys_mode_in(objects->fresh_fd, 0777)) < 0 &&
        errno != EEXIST) {
        return err_sys(err, "'%s/fresh/%s': cannot be made", objects->shown, name);
    }
    objects->epoch_fd = sys_openat(objects->fresh_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (objects->epoch_fd < 0) {
        return err_sys(err, "'%s/fresh/%s': cannot be opened", objects->shown, name);
    }
    return epoch_lock_shared(objects, name, err) &&
           each_name(objects->epoch_fd, ".", note_left, objects, err);
}

/* ---- other epochs */

struct foreign {
    struct objects *objects;
    struct objects_settled *settled;
    bool same_boot;
};

static bool is_right(int folder, const char *name, const struct digest *digest)
{
    struct digest found;
    return file_hash(folder, name, &found, NULL, NULL) && digest_equal(&found, digest);
}

/* Writes an object of another epoch again, in this one, and takes the old one away. */
static bool write_again(struct foreign *foreign, int folder, const char *name,
                        const struct digest *digest, bool *right, struct err *err)
{
    struct copied copied;
    *right = is_right(folder, name, digest);
    return (!*right || objects_put_file(foreign->objects, folder, name, false, &copied, err)) &&
           file_remove(folder, name, err);
}

static bool settle_name(void *ctx, int folder, const char *name, struct err *err)
{
    struct foreign *foreign = ctx;
    struct digest digest;
    bool right;
    if (!digest_parse(str_of(name), &digest)) {
        return true;
    }
    if (foreign->same_boot) {
        if (!write_again(foreign, folder, name, &digest, &right, err)) {
            return false;
        }
    } else {
        right = is_right(folder, name, &digest);
        if (!(right ? objects_promote(foreign->objects, folder, name, &digest, err)
                    : file_remove(folder, name, err))) {
            return false;
        }
    }
    foreign->settled->moved += right;
    foreign->settled->removed += !right;
    return true;
}

static bool is_same_boot(struct objects *objects, int lock)
{
    char text[sizeof(objects->epoch.boot)];
    ssize_t len = sys_pread_full(lock, text, sizeof(text), 0);
    size_t boot = strlen(objects->epoch.boot);
    /* Not known: the careful answer. */
    return len <= 1 || boot == 0 ||
           ((size_t)len == boot + 1 && memcmp(text, objects->epoch.boot, boot) == 0);
}

static bool settle_dead(struct foreign *foreign, const char *name, int lock, struct err *err)
{
    struct objects *objects = foreign->objects;
    foreign->same_boot = is_same_boot(objects, lock);
    foreign->settled->sessions++;
    return each_name(objects->fresh_fd, name, settle_name, foreign, err) &&
           remove_temps(objects, name, err) && tree_remove(objects->fresh_fd, name, err);
}

static bool is_epoch_name(const char *name)
{
    unsigned char bytes[EPOCH_NAME_BYTES / 2];
    return hex_decode(str_of(name), bytes, sizeof(bytes));
}

static bool settle_epoch(void *ctx, int fresh, const char *name, struct err *err)
{
    struct foreign *foreign = ctx;
    char ours[EPOCH_NAME_BYTES + 1], path[EPOCH_NAME_BYTES + 8];
    if (!is_epoch_name(name) || strcmp(name, epoch_name(&foreign->objects->epoch, ours)) == 0) {
        return true;
    }
    memcpy(path, name, EPOCH_NAME_BYTES);
    memcpy(path + EPOCH_NAME_BYTES, "/lock", sizeof("/lock"));
    int lock = sys_openat(fresh, path, O_RDWR | O_CREAT | O_NOFOLLOW, sys_mode_in(fresh, 0666));
    if (lock < 0) {
        return err_sys(err, "'%s/fresh/%s': cannot be opened", foreign->objects->shown, path);
    }
    bool dead = sys_lock(lock, F_WRLCK, 0, 0, false) == 0;
    bool ok = !dead || settle_dead(foreign, name, lock, err);
    (void)sys_close(lock);
    return ok;
}

/* ---- opening and breaking */

/* fresh/lock, exclusive; -1: error. */
static int lock_fresh(struct objects *objects, struct err *err)
{
    int fd = sys_openat(objects->fresh_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW,
                        sys_mode_in(objects->fresh_fd, 0666));
    if (fd >= 0 && sys_lock(fd, F_WRLCK, 0, 0, true) == 0) {
        return fd;
    }
    err_sys(err, "'%s/fresh/lock': cannot be locked", objects->shown);
    if (fd >= 0) {
        (void)sys_close(fd);
    }
    return -1;
}

bool settle_open(struct objects *objects, struct objects_settled *settled, struct err *err)
{
    struct foreign foreign = {.objects = objects, .settled = settled};
    int lock = lock_fresh(objects, err);
    if (lock < 0) {
        return false;
    }
    /* A failing close meanwhile fails its put, and with it the opening. */
    atomic_store(&objects->breaking, true);
    bool ok = epoch_read(objects->fresh_fd, true, &objects->epoch, err) &&
              epoch_enter(objects, err) &&
              each_name(objects->fresh_fd, ".", settle_epoch, &foreign, err);
    atomic_store(&objects->breaking, false);
    (void)sys_close(lock);
    return ok;
}

/* Into another epoch: nothing that was only fresh is known any more. */
static bool epoch_change(struct objects *objects, struct err *err)
{
    pthread_rwlock_wrlock(&objects->epoch_lock);
    pthread_mutex_lock(&objects->mutex);
    known_fini(&objects->known);
    VEC_CLEAR(&objects->fresh);
    objects->fresh_bytes = 0;
    objects->generation++;
    pthread_mutex_unlock(&objects->mutex);
    int epoch_fd = objects->epoch_fd, lock_fd = objects->lock_fd;
    objects->epoch_fd = objects->lock_fd = -1;
    bool ok = epoch_break(objects->fresh_fd, &objects->epoch, err) && epoch_enter(objects, err);
    /* The old folder is settled like any other's; without our lock on it it may be dead. */
    if (epoch_fd >= 0) {
        (void)sys_close(epoch_fd);
    }
    if (lock_fd >= 0) {
        (void)sys_close(lock_fd);
    }
    pthread_rwlock_unlock(&objects->epoch_lock);
    return ok;
}

static bool break_once(struct objects *objects, struct err *err)
{
    struct objects_settled settled = {0};
    struct foreign foreign = {.objects = objects, .settled = &settled};
    int lock = lock_fresh(objects, err);
    if (lock < 0) {
        return false;
    }
    bool ok = epoch_change(objects, err) &&
              each_name(objects->fresh_fd, ".", settle_epoch, &foreign, err);
    (void)sys_close(lock);
    return ok;
}

bool objects_break_epoch(struct objects *objects, struct err *err)
{
    bool ok = true;
    atomic_fetch_add(&objects->breaks_wanted, 1);
    /* Settling writes, and a close of that may fail again; it, and other threads, only ask for one
     * more round. A disk that never takes a byte ends it with an error. */
    if (atomic_exchange(&objects->breaking, true)) {
        return true;
    }
    for (int round = 0; ok && atomic_load(&objects->breaks_wanted) > 0; round++) {
        atomic_store(&objects->breaks_wanted, 0);
        ok = round < BREAK_ROUNDS
                 ? break_once(objects, err)
                 : err_set(err, STATUS_ENVIRONMENT, "'%s': cannot be written", objects->shown);
    }
    atomic_store(&objects->breaking, false);
    return ok;
}
