/* Owns putting: bytes to tmp/, digest of what was written, rename into this epoch's fresh/.
 *
 * A file up to FILES_SMALL_BYTES is read into one buffer, hashed, and written with one write, only
 * if it is new; a larger one is cloned or streamed, hashed on the way and dropped if it was there.
 * The epoch is held shared from the first byte to the name: bytes written before a failed sync
 * never get a name in the epoch after it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/hex.h"
#include "base/sys.h"
#include "store/objects_inside.h"

enum { FEED_BYTES = 32 << 10 };

const char *object_temp_name(struct objects *objects, char name[static OBJECT_TEMP_BYTES])
{
    char epoch[EPOCH_NAME_BYTES + 1];
    unsigned long long number = atomic_fetch_add(&objects->temp_count, 1);
    snprintf(name, OBJECT_TEMP_BYTES, "o.%s.%08x.%llx", epoch_name(&objects->epoch, epoch),
             objects->session, number);
    return name;
}

/* One object on its way. */
struct incoming {
    struct objects *objects;
    struct digest digest;
    uint64_t size_bytes;
    char temp[OBJECT_TEMP_BYTES];
    bool broken; /* a close failed: the epoch must end */
};

static int incoming_open(struct incoming *incoming, int flags, struct err *err)
{
    struct objects *objects = incoming->objects;
    int fd = sys_openat(objects->tmp_fd, object_temp_name(objects, incoming->temp),
                        flags | O_CREAT | O_EXCL, 0444);
    if (fd < 0) {
        err_sys(err, "'%s/tmp/%s': cannot be made", objects->shown, incoming->temp);
    }
    return fd;
}

static bool incoming_close(struct incoming *incoming, int fd, struct err *err)
{
    if (sys_close(fd) == 0) {
        return true;
    }
    incoming->broken = true;
    return err_sys(err, "'%s/tmp/%s': cannot be written", incoming->objects->shown, incoming->temp);
}

static void incoming_drop(struct incoming *incoming)
{
    (void)sys_unlinkat(incoming->objects->tmp_fd, incoming->temp, 0);
}

/* What another session has put meanwhile stays. */
static int incoming_rename(struct incoming *incoming, const char *name)
{
    struct objects *objects = incoming->objects;
    int result = sys_renameat2(objects->tmp_fd, incoming->temp, objects->epoch_fd, name,
                               SYS_RENAME_NOREPLACE);
    if (result < 0 && errno == EEXIST) {
        incoming_drop(incoming);
        return 0;
    }
    if (result < 0 && (errno == EINVAL || errno == ENOSYS)) {
        return sys_renameat(objects->tmp_fd, incoming->temp, objects->epoch_fd, name);
    }
    return result;
}

static bool incoming_name(struct incoming *incoming, struct err *err)
{
    struct objects *objects = incoming->objects;
    char hex[DIGEST_HEX_BYTES + 1];
    digest_hex(&incoming->digest, hex);
    if (incoming_rename(incoming, hex) < 0) {
        return err_sys(err, "'%s/fresh/…/%s': cannot be made", objects->shown, hex);
    }
    objects_note_fresh(objects, &incoming->digest, incoming->size_bytes);
    return true;
}

/* Bytes whose digest is known already. */
static bool put_buffer(struct incoming *incoming, const void *data, size_t len, struct err *err)
{
    incoming->size_bytes = len;
    if (objects_look_old(incoming->objects, &incoming->digest) != KNOWN_NOT) {
        return true;
    }
    int fd = incoming_open(incoming, O_WRONLY, err);
    if (fd < 0) {
        return false;
    }
    bool ok = file_write_all(fd, data, len) || err_sys(err, "'%s/tmp/%s': cannot be written",
                                                       incoming->objects->shown, incoming->temp);
    ok = incoming_close(incoming, fd, ok ? err : NULL) && ok && incoming_name(incoming, err);
    if (!ok) {
        incoming_drop(incoming);
    }
    return ok;
}

static bool put_stream(struct incoming *incoming, int in, const char *shown, struct copied *copied,
                       struct err *err)
{
    struct objects *objects = incoming->objects;
    int fd = incoming_open(incoming, O_RDWR, err);
    if (fd < 0) {
        return false;
    }
    bool ok = file_copy(&objects->clone, in, fd, shown, copied, err);
    ok = incoming_close(incoming, fd, ok ? err : NULL) && ok;
    if (ok) {
        incoming->digest = copied->digest;
        incoming->size_bytes = copied->size_bytes;
        if (objects_look(objects, &incoming->digest) != KNOWN_NOT) {
            incoming_drop(incoming);
            return true;
        }
        ok = incoming_name(incoming, err);
    }
    if (!ok) {
        incoming_drop(incoming);
    }
    return ok;
}

/* The whole of a small file in one read, or false in `*whole` when it has grown. */
static bool put_small(struct incoming *incoming, int in, size_t size, const char *shown,
                      bool *whole, struct err *err)
{
    char *buffer = mem_alloc(size + 1);
    ssize_t len = sys_pread_full(in, buffer, size + 1, 0);
    bool ok = len >= 0 || err_sys(err, "'%s': cannot be read", shown);
    *whole = ok && (size_t)len <= size;
    if (*whole) {
        incoming->digest = sha256_of(buffer, (size_t)len);
        ok = put_buffer(incoming, buffer, (size_t)len, err);
    }
    free(buffer);
    return ok;
}

static bool put_open_file(struct incoming *incoming, int in, const char *shown,
                          struct copied *copied, struct err *err)
{
    struct sys_stat stat;
    bool whole = false;
    if (sys_fstat(in, &stat) < 0) {
        return err_sys(err, "'%s': cannot be read", shown);
    }
    if (!S_ISREG(stat.mode)) {
        return err_set(err, STATUS_ENVIRONMENT, "'%s': is not a regular file", shown);
    }
    copied->cloned = false;
    if (stat.size_bytes <= FILES_SMALL_BYTES &&
        !put_small(incoming, in, (size_t)stat.size_bytes, shown, &whole, err)) {
        return false;
    }
    if (!whole && !put_stream(incoming, in, shown, copied, err)) {
        return false;
    }
    copied->digest = incoming->digest;
    copied->size_bytes = incoming->size_bytes;
    return true;
}

/* A failed close means that bytes may be lost that write had taken: nothing fresh is trusted. */
static bool put_finish(struct incoming *incoming, bool ok)
{
    pthread_rwlock_unlock(&incoming->objects->epoch_lock);
    if (incoming->broken) {
        (void)objects_break_epoch(incoming->objects, NULL);
    }
    return ok;
}

static void put_begin(struct incoming *incoming, struct objects *objects)
{
    *incoming = (struct incoming){.objects = objects};
    pthread_rwlock_rdlock(&objects->epoch_lock);
}

bool objects_put_fd(struct objects *objects, int fd, const char *shown, struct copied *copied,
                    struct err *err)
{
    struct incoming incoming;
    put_begin(&incoming, objects);
    return put_finish(&incoming, put_open_file(&incoming, fd, shown, copied, err));
}

bool objects_put_file(struct objects *objects, int dirfd, const char *path, bool follow,
                      struct copied *copied, struct err *err)
{
    int flags = O_RDONLY | O_NOCTTY | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW);
    int fd = sys_openat(dirfd, path, flags, 0);
    if (fd < 0) {
        return err_sys(err, "'%s': cannot be opened", path);
    }
    bool ok = objects_put_fd(objects, fd, path, copied, err);
    (void)sys_close(fd);
    return ok;
}

bool objects_put_bytes(struct objects *objects, struct str bytes, struct digest *digest,
                       struct err *err)
{
    struct incoming incoming;
    *digest = sha256_of(bytes.data, bytes.len);
    put_begin(&incoming, objects);
    incoming.digest = *digest;
    return put_finish(&incoming, put_buffer(&incoming, bytes.data, bytes.len, err));
}

/* Hashes what the feed gives and, with a descriptor, writes it. */
static bool put_fed(struct incoming *incoming, const struct objects_feed *feed, int fd,
                    struct digest *found, struct err *err)
{
    unsigned char data[FEED_BYTES];
    struct sha256 sha;
    ssize_t len;

    sha256_init(&sha);
    while ((len = feed->read(feed->ctx, data, sizeof(data), err)) > 0) {
        sha256_update(&sha, data, (size_t)len);
        incoming->size_bytes += (uint64_t)len;
        if (fd >= 0 && !file_write_all(fd, data, (size_t)len)) {
            return err_sys(err, "'%s/tmp/%s': cannot be written", incoming->objects->shown,
                           incoming->temp);
        }
    }
    sha256_finish(&sha, found);
    return len == 0;
}

static bool put_is_right(const struct incoming *incoming, const struct digest *found,
                         struct err *err)
{
    char hex[DIGEST_HEX_BYTES + 1];

    return digest_equal(found, &incoming->digest) ||
           err_set(err, STATUS_CORRUPT, "object '%s': its bytes have another digest",
                   digest_hex(&incoming->digest, hex));
}

static bool put_new_feed(struct incoming *incoming, const struct objects_feed *feed,
                         struct err *err)
{
    struct digest found;
    int fd = incoming_open(incoming, O_WRONLY, err);
    if (fd < 0) {
        return false;
    }
    bool ok = put_fed(incoming, feed, fd, &found, err);
    ok = incoming_close(incoming, fd, ok ? err : NULL) && ok &&
         put_is_right(incoming, &found, err) && incoming_name(incoming, err);
    if (!ok) {
        incoming_drop(incoming);
    }
    return ok;
}

bool objects_put_feed(struct objects *objects, const struct digest *expected,
                      const struct objects_feed *feed, bool *added, struct err *err)
{
    struct incoming incoming;
    struct digest found;
    put_begin(&incoming, objects);
    incoming.digest = *expected;
    *added = objects_look(objects, expected) == KNOWN_NOT;
    return put_finish(&incoming, *added ? put_new_feed(&incoming, feed, err)
                                        : put_fed(&incoming, feed, -1, &found, err) &&
                                              put_is_right(&incoming, &found, err));
}

bool objects_put_tree(struct objects *objects, struct tree *tree, struct digest *digest,
                      struct err *err)
{
    struct strbuf bytes;
    strbuf_init(&bytes);
    tree_encode(tree, &bytes);
    bool ok =
        bytes.len <= OBJECTS_TREE_BYTES
            ? objects_put_bytes(objects, strbuf_str(&bytes), digest, err)
            : err_set(err, STATUS_ENVIRONMENT, "a folder of %u entries is too large", tree->count);
    strbuf_fini(&bytes);
    return ok;
}
