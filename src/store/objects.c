/* Owns the folders of the store and the question which objects are there.
 *
 * An object lies as `objects/<2 hex>/<62 hex>` once a sync covered it, before as
 * `fresh/<epoch>/<64 hex>`; both read-only, both with exactly the named bytes. Looking is one
 * search in the table of known names, else one or two statx. Names never go away under a session
 * that holds the store lock shared; objects_forget is for those that gave it up. */
#include "store/objects_inside.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/sys.h"
#include "os/remove.h"

const char *object_name(const struct digest *digest, char name[static OBJECT_NAME_BYTES])
{
    hex_encode(digest->bytes, 1, name);
    name[2] = '/';
    hex_encode(digest->bytes + 1, DIGEST_BYTES - 1, name + 3);
    return name;
}

static void objects_init(struct objects *objects, const struct objects_options *options)
{
    objects->dirfd = options->dirfd;
    objects->read_only = options->read_only;
    objects->objects_fd = objects->fresh_fd = objects->tmp_fd = -1;
    objects->lock_fd = objects->epoch_fd = -1;
    snprintf(objects->shown, sizeof(objects->shown), "%s", options->shown);
    pthread_rwlock_init(&objects->epoch_lock, NULL);
    pthread_mutex_init(&objects->mutex, NULL);
    known_init(&objects->known);
}

static void close_if_open(int fd)
{
    if (fd >= 0) {
        (void)sys_close(fd);
    }
}

void objects_close(struct objects *objects)
{
    if (objects == NULL) {
        return;
    }
    close_if_open(objects->objects_fd);
    close_if_open(objects->fresh_fd);
    close_if_open(objects->tmp_fd);
    close_if_open(objects->epoch_fd);
    close_if_open(objects->lock_fd);
    known_fini(&objects->known);
    VEC_FREE(&objects->fresh);
    pthread_mutex_destroy(&objects->mutex);
    pthread_rwlock_destroy(&objects->epoch_lock);
    free(objects);
}

/* A folder of the store; missing is fine when only looking. */
static bool open_part(struct objects *objects, const char *name, int *fd, struct err *err)
{
    if (!objects->read_only &&
        sys_mkdirat(objects->dirfd, name, sys_mode_in(objects->dirfd, 0777)) < 0 &&
        errno != EEXIST) {
        return err_sys(err, "'%s/%s': cannot be made", objects->shown, name);
    }
    *fd = sys_openat(objects->dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (*fd < 0 && !(objects->read_only && errno == ENOENT)) {
        return err_sys(err, "'%s/%s': cannot be opened", objects->shown, name);
    }
    return true;
}

static bool open_parts(struct objects *objects, struct err *err)
{
    return open_part(objects, "objects", &objects->objects_fd, err) &&
           open_part(objects, "fresh", &objects->fresh_fd, err) &&
           open_part(objects, "tmp", &objects->tmp_fd, err) &&
           (sys_getrandom(&objects->session, sizeof(objects->session)) == 0 ||
            err_sys(err, "no random numbers"));
}

/* Only looking: the epoch's folder may be missing. */
static bool look_at_epoch(struct objects *objects, struct err *err)
{
    char name[EPOCH_NAME_BYTES + 1];
    if (objects->fresh_fd < 0) {
        return true;
    }
    if (!epoch_read(objects->fresh_fd, false, &objects->epoch, err)) {
        return false;
    }
    objects->epoch_fd = sys_openat(objects->fresh_fd, epoch_name(&objects->epoch, name),
                                   O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    return true;
}

struct objects *objects_open(const struct objects_options *options, struct objects_settled *settled,
                             struct err *err)
{
    struct objects_settled ignored = {0};
    struct objects *objects = mem_calloc(1, sizeof(*objects));
    settled = settled != NULL ? settled : &ignored;
    *settled = (struct objects_settled){0};
    objects_init(objects, options);
    if (!open_parts(objects, err) ||
        !(options->read_only ? look_at_epoch(objects, err) : settle_open(objects, settled, err))) {
        objects_close(objects);
        return NULL;
    }
    return objects;
}

struct digest objects_epoch(const struct objects *objects)
{
    return objects->epoch.digest;
}

struct str objects_epoch_text(const struct objects *objects)
{
    return str_of(objects->epoch.text);
}

void objects_know(struct objects *objects, const struct digest *digest, enum known_state state)
{
    pthread_mutex_lock(&objects->mutex);
    known_set(&objects->known, digest, state);
    pthread_mutex_unlock(&objects->mutex);
}

void objects_note_fresh(struct objects *objects, const struct digest *digest, uint64_t size_bytes)
{
    pthread_mutex_lock(&objects->mutex);
    if (known_get(&objects->known, digest) == KNOWN_NOT) {
        known_set(&objects->known, digest, KNOWN_FRESH);
        VEC_PUSH(&objects->fresh, *digest);
        objects->fresh_bytes += size_bytes;
    }
    pthread_mutex_unlock(&objects->mutex);
}

static enum known_state objects_recall(struct objects *objects, const struct digest *digest)
{
    pthread_mutex_lock(&objects->mutex);
    enum known_state state = known_get(&objects->known, digest);
    pthread_mutex_unlock(&objects->mutex);
    return state;
}

enum known_state objects_look_old(struct objects *objects, const struct digest *digest)
{
    char name[OBJECT_NAME_BYTES];
    struct sys_stat stat;
    enum known_state state = objects_recall(objects, digest);
    if (state != KNOWN_NOT) {
        return state;
    }
    if (objects->objects_fd >= 0 && sys_statat(objects->objects_fd, object_name(digest, name),
                                               AT_SYMLINK_NOFOLLOW, &stat) == 0) {
        objects_know(objects, digest, KNOWN_DURABLE);
        return KNOWN_DURABLE;
    }
    return KNOWN_NOT;
}

enum known_state objects_look(struct objects *objects, const struct digest *digest)
{
    char hex[DIGEST_HEX_BYTES + 1];
    struct sys_stat stat;
    enum known_state state = objects_look_old(objects, digest);
    if (state != KNOWN_NOT) {
        return state;
    }
    if (objects->epoch_fd >= 0 &&
        sys_statat(objects->epoch_fd, digest_hex(digest, hex), AT_SYMLINK_NOFOLLOW, &stat) == 0) {
        objects_note_fresh(objects, digest, stat.size_bytes);
        return KNOWN_FRESH;
    }
    return KNOWN_NOT;
}

static enum known_state objects_state(struct objects *objects, const struct digest *digest)
{
    pthread_rwlock_rdlock(&objects->epoch_lock);
    enum known_state state = objects_look(objects, digest);
    pthread_rwlock_unlock(&objects->epoch_lock);
    return state;
}

bool objects_has(struct objects *objects, const struct digest *digest)
{
    return objects_state(objects, digest) != KNOWN_NOT;
}

bool objects_is_durable(struct objects *objects, const struct digest *digest)
{
    char name[OBJECT_NAME_BYTES];
    struct sys_stat stat;
    enum known_state state = objects_state(objects, digest);
    if (state != KNOWN_FRESH) {
        return state == KNOWN_DURABLE;
    }
    /* Another session's barrier may have covered it. */
    if (objects->objects_fd < 0 || sys_statat(objects->objects_fd, object_name(digest, name),
                                              AT_SYMLINK_NOFOLLOW, &stat) < 0) {
        return false;
    }
    objects_know(objects, digest, KNOWN_DURABLE);
    return true;
}

bool objects_has_output(struct objects *objects, enum tree_type type, const struct digest *digest)
{
    struct arena arena;
    struct tree tree;
    if (type != TREE_FOLDER) {
        return objects_has(objects, digest);
    }
    arena_init(&arena);
    bool has =
        objects_has(objects, digest) && objects_read_tree(objects, digest, &arena, &tree, NULL);
    for (uint32_t i = 0; has && i < tree.count; i++) {
        has = tree.items[i].type == TREE_FOLDER || objects_has(objects, &tree.items[i].digest);
    }
    arena_fini(&arena);
    return has;
}

static int object_open(struct objects *objects, const struct digest *digest)
{
    char name[OBJECT_NAME_BYTES], hex[DIGEST_HEX_BYTES + 1];
    int flags = O_RDONLY | O_NOFOLLOW, fd = -1;
    errno = ENOENT;
    if (objects->objects_fd >= 0) {
        fd = sys_openat(objects->objects_fd, object_name(digest, name), flags, 0);
    }
    if (fd < 0 && errno == ENOENT && objects->epoch_fd >= 0) {
        fd = sys_openat(objects->epoch_fd, digest_hex(digest, hex), flags, 0);
        /* A barrier may have moved it between the two looks. */
        if (fd < 0 && errno == ENOENT && objects->objects_fd >= 0) {
            fd = sys_openat(objects->objects_fd, name, flags, 0);
        }
    }
    return fd;
}

static bool object_link_unlocked(struct objects *objects, const struct digest *digest, int dir,
                                 const char *to)
{
    char name[OBJECT_NAME_BYTES], hex[DIGEST_HEX_BYTES + 1];
    if (sys_linkat(objects->objects_fd, object_name(digest, name), dir, to, 0) == 0) {
        return true;
    }
    /* A barrier may move it between the two looks. */
    return errno == ENOENT &&
           (sys_linkat(objects->epoch_fd, digest_hex(digest, hex), dir, to, 0) == 0 ||
            (errno == ENOENT && sys_linkat(objects->objects_fd, name, dir, to, 0) == 0));
}

bool object_link(struct objects *objects, const struct digest *digest, int dir, const char *name)
{
    pthread_rwlock_rdlock(&objects->epoch_lock);
    bool linked = object_link_unlocked(objects, digest, dir, name);
    pthread_rwlock_unlock(&objects->epoch_lock);
    return linked;
}

int objects_get(struct objects *objects, const struct digest *digest, struct err *err)
{
    char hex[DIGEST_HEX_BYTES + 1];
    pthread_rwlock_rdlock(&objects->epoch_lock);
    int fd = object_open(objects, digest);
    pthread_rwlock_unlock(&objects->epoch_lock);
    if (fd < 0 && errno == ENOENT) {
        objects_know(objects, digest, KNOWN_NOT);
        err_set(err, STATUS_CORRUPT, "object '%s' is missing from '%s'", digest_hex(digest, hex),
                objects->shown);
    } else if (fd < 0) {
        err_sys(err, "object '%s' in '%s': cannot be opened", digest_hex(digest, hex),
                objects->shown);
    }
    return fd;
}

static bool object_damaged(struct objects *objects, const struct digest *digest, struct err *err)
{
    char hex[DIGEST_HEX_BYTES + 1];
    return err_set(err, STATUS_CORRUPT,
                   "object '%s' in '%s' is damaged: its bytes have another "
                   "digest",
                   digest_hex(digest, hex), objects->shown);
}

bool objects_read(struct objects *objects, const struct digest *digest, uint64_t limit_bytes,
                  struct strbuf *out, struct err *err)
{
    char hex[DIGEST_HEX_BYTES + 1];
    size_t start = out->len;
    int fd = objects_get(objects, digest, err);
    if (fd < 0) {
        return false;
    }
    bool ok = file_read_fd(fd, digest_hex(digest, hex), limit_bytes, out, err);
    (void)sys_close(fd);
    if (!ok) {
        return false;
    }
    struct digest found = sha256_of(out->data + start, out->len - start);
    return digest_equal(&found, digest) || object_damaged(objects, digest, err);
}

static void object_drop_damaged(struct objects *objects, const struct digest *digest)
{
    struct err damage = {0};
    bool removed;

    if (objects_remove_damaged(objects, digest, &removed, NULL) && removed) {
        (void)object_damaged(objects, digest, &damage);
        pthread_mutex_lock(&objects->mutex);
        objects->damage = damage;
        pthread_mutex_unlock(&objects->mutex);
    }
}

bool objects_read_tree(struct objects *objects, const struct digest *digest, struct arena *arena,
                       struct tree *tree, struct err *err)
{
    char hex[DIGEST_HEX_BYTES + 1];
    struct strbuf bytes;
    strbuf_init(&bytes);
    bool read = objects_read(objects, digest, OBJECTS_TREE_BYTES, &bytes, err);
    bool ok = read && (tree_decode(strbuf_str(&bytes), arena, tree, err) ||
                       err_wrap(err, "object '%s'", digest_hex(digest, hex)));
    strbuf_fini(&bytes);
    if (!read && !objects->read_only) {
        object_drop_damaged(objects, digest);
    }
    return ok;
}

bool objects_take_damage(struct objects *objects, struct err *damage)
{
    pthread_mutex_lock(&objects->mutex);
    *damage = objects->damage;
    err_clear(&objects->damage);
    pthread_mutex_unlock(&objects->mutex);
    return damage->status != 0;
}

bool objects_verify(struct objects *objects, const struct digest *digest, uint64_t *size_bytes,
                    struct err *err)
{
    char hex[DIGEST_HEX_BYTES + 1];
    struct digest found;
    int fd = objects_get(objects, digest, err);
    if (fd < 0) {
        return false;
    }
    bool ok = file_hash_fd(fd, digest_hex(digest, hex), &found, size_bytes, err);
    (void)sys_close(fd);
    return ok && (digest_equal(&found, digest) || object_damaged(objects, digest, err));
}

/* A name that still is the file that was read. */
static bool object_remove_same(int dir, const char *name, const struct sys_stat *read,
                               struct err *err)
{
    struct sys_stat stat;

    return dir < 0 || sys_statat(dir, name, AT_SYMLINK_NOFOLLOW, &stat) != 0 ||
           stat.ino != read->ino || file_remove(dir, name, err);
}

static bool object_remove_file(struct objects *objects, const struct digest *digest, int fd,
                               struct err *err)
{
    char name[OBJECT_NAME_BYTES], hex[DIGEST_HEX_BYTES + 1];
    struct sys_stat read;
    bool ok = sys_fstat(fd, &read) == 0 || err_sys(err, "'%s': cannot be read", objects->shown);

    objects_know(objects, digest, KNOWN_NOT);
    pthread_rwlock_rdlock(&objects->epoch_lock);
    ok = ok && object_remove_same(objects->objects_fd, object_name(digest, name), &read, err) &&
         object_remove_same(objects->epoch_fd, digest_hex(digest, hex), &read, err);
    pthread_rwlock_unlock(&objects->epoch_lock);
    return ok;
}

bool objects_remove_damaged(struct objects *objects, const struct digest *digest, bool *removed,
                            struct err *err)
{
    char hex[DIGEST_HEX_BYTES + 1];
    struct digest found;
    struct err missing = {0};
    int fd = objects_get(objects, digest, &missing);
    bool ok;

    *removed = false;
    if (fd < 0) {
        return missing.status == STATUS_CORRUPT ||
               err_set(err, (enum status)missing.status, "%s", missing.text);
    }
    ok = file_hash_fd(fd, digest_hex(digest, hex), &found, NULL, err);
    if (ok && !digest_equal(&found, digest)) {
        ok = *removed = object_remove_file(objects, digest, fd, err);
    }
    (void)sys_close(fd);
    return ok;
}

bool objects_remove(struct objects *objects, const struct digest *digest, struct err *err)
{
    char name[OBJECT_NAME_BYTES], hex[DIGEST_HEX_BYTES + 1];
    objects_know(objects, digest, KNOWN_NOT);
    pthread_rwlock_rdlock(&objects->epoch_lock);
    bool ok =
        (objects->objects_fd < 0 ||
         file_remove(objects->objects_fd, object_name(digest, name), err)) &&
        (objects->epoch_fd < 0 || file_remove(objects->epoch_fd, digest_hex(digest, hex), err));
    pthread_rwlock_unlock(&objects->epoch_lock);
    return ok;
}

/* What this session put and no barrier noted stays on its list, if it is there: the barrier of
 * another session may have made it durable, and gc removed it since. */
static void objects_look_fresh(struct objects *objects)
{
    char hex[DIGEST_HEX_BYTES + 1];
    struct sys_stat stat;
    size_t count = 0;

    objects->fresh_bytes = 0;
    for (size_t i = 0; i < objects->fresh.count; i++) {
        struct digest digest = objects->fresh.items[i];

        if (sys_statat(objects->epoch_fd, digest_hex(&digest, hex), AT_SYMLINK_NOFOLLOW, &stat) ==
            0) {
            known_set(&objects->known, &digest, KNOWN_FRESH);
            objects->fresh.items[count++] = digest;
            objects->fresh_bytes += stat.size_bytes;
        }
    }
    objects->fresh.count = count;
}

void objects_forget(struct objects *objects)
{
    pthread_rwlock_rdlock(&objects->epoch_lock);
    pthread_mutex_lock(&objects->mutex);
    known_fini(&objects->known);
    objects_look_fresh(objects);
    pthread_mutex_unlock(&objects->mutex);
    pthread_rwlock_unlock(&objects->epoch_lock);
}

void objects_fresh(struct objects *objects, uint64_t *count, uint64_t *size_bytes)
{
    pthread_mutex_lock(&objects->mutex);
    *count = objects->fresh.count;
    *size_bytes = objects->fresh_bytes;
    pthread_mutex_unlock(&objects->mutex);
}

static bool prefix_ensure(struct objects *objects, const char *name)
{
    char prefix[3] = {name[0], name[1], '\0'};
    return sys_mkdirat(objects->objects_fd, prefix, sys_mode_in(objects->objects_fd, 0777)) == 0 ||
           errno == EEXIST;
}

bool objects_promote(struct objects *objects, int folder, const char *from,
                     const struct digest *digest, struct err *err)
{
    char name[OBJECT_NAME_BYTES];
    struct sys_stat stat;
    object_name(digest, name);
    bool moved = sys_renameat(folder, from, objects->objects_fd, name) == 0;
    if (!moved && errno == ENOENT) {
        moved = prefix_ensure(objects, name) &&
                sys_renameat(folder, from, objects->objects_fd, name) == 0;
    }
    if (!moved && errno == ENOENT) {
        /* Another session's barrier was faster, or somebody removed it. */
        bool there = sys_statat(objects->objects_fd, name, AT_SYMLINK_NOFOLLOW, &stat) == 0;
        objects_know(objects, digest, there ? KNOWN_DURABLE : KNOWN_NOT);
        return true;
    }
    if (!moved) {
        return err_sys(err, "'%s/objects/%s': cannot be made", objects->shown, name);
    }
    objects_know(objects, digest, KNOWN_DURABLE);
    return true;
}
