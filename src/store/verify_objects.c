/* Owns reading all objects: in batches, several at once; what a batch could not read, or has
 * another digest, is read once more by itself. What is gone by then was taken away meanwhile, which
 * the results tell. */
#include "store/verify_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/sys.h"
#include "os/hashing.h"
#include "os/walk.h"
#include "store/epoch.h"
#include "store/objects_inside.h"

enum { OBJECT_PATH_BYTES = 4096 };

struct objects_look {
    struct verify *verify;
    struct objects *objects;
    struct digest digests[HASHING_FILES];
    struct hashing_file files[HASHING_FILES];
    uint32_t count;
    struct arena arena; /* paths of the batch */
};

static void object_damaged_here(struct verify *verify, const struct digest *digest,
                                struct str place)
{
    size_t problem = verify_say(verify, VERIFY_DAMAGED, place, STR("its bytes have another digest"),
                                STR("results that need it are named below"));

    known_set(&verify->seen, digest, KNOWN_FRESH);
    VEC_PUSH(&verify->damaged, *digest);
    VEC_PUSH(&verify->damaged_problems, problem);
}

static void look_alone(struct objects_look *look, const struct digest *digest, struct str place)
{
    struct err err = {0};
    struct digest found;
    int fd = objects_get(look->objects, digest, &err);
    bool read;

    if (fd < 0) {
        if (err.status != STATUS_CORRUPT) {
            verify_say_err(look->verify, place, &err, "");
        }
        return;
    }
    read = file_hash_fd(fd, place.data, &found, NULL, &err);
    sys_close(fd);
    if (!read) {
        verify_say_err(look->verify, place, &err, "");
    } else if (digest_equal(&found, digest)) {
        known_set(&look->verify->seen, digest, KNOWN_DURABLE);
    } else {
        object_damaged_here(look->verify, digest, place);
    }
}

static void look_flush(struct objects_look *look)
{
    hashing_look(look->files, look->count);
    for (uint32_t i = 0; i < look->count; i++) {
        look->files[i].wanted = true;
    }
    hashing_read(NULL, look->files, look->count);
    for (uint32_t i = 0; i < look->count; i++) {
        const struct hashing_file *file = &look->files[i];

        if (file->read && digest_equal(&file->digest, &look->digests[i])) {
            known_set(&look->verify->seen, &look->digests[i], KNOWN_DURABLE);
        } else {
            look_alone(look, &look->digests[i], str_of(file->path));
        }
    }
    look->count = 0;
    arena_reset(&look->arena);
}

static bool look_add(void *ctx, const struct objects_item *item)
{
    struct objects_look *look = ctx;
    char name[OBJECT_NAME_BYTES], hex[DIGEST_HEX_BYTES + 1], epoch[EPOCH_NAME_BYTES + 1];
    const char *store = look->verify->options.store;
    struct str path;

    if (item->durable) {
        path = str_printf(&look->arena, "%s/objects/%s", store, object_name(&item->digest, name));
    } else {
        path = str_printf(&look->arena, "%s/fresh/%s/%s", store,
                          epoch_name(&look->objects->epoch, epoch), digest_hex(&item->digest, hex));
    }
    look->digests[look->count] = item->digest;
    look->files[look->count++] = (struct hashing_file){.path = path.data};
    look->verify->counts.objects++;
    look->verify->counts.object_bytes += item->size_bytes;
    if (look->count == HASHING_FILES) {
        look_flush(look);
    }
    return true;
}

/* --- of other epochs --- */

/* One that is not whole was being written when the machine stopped, and never counted. */
static void look_unsettled(struct verify *verify, const struct verify_epoch *epoch, struct str name)
{
    struct digest digest;
    struct digest found;
    uint64_t size_bytes = 0;

    if (!digest_parse(name, &digest) ||
        !file_hash(epoch->fd, name.data, &found, &size_bytes, NULL)) {
        return;
    }
    verify->counts.objects++;
    verify->counts.object_bytes += size_bytes;
    if (known_get(&verify->seen, &digest) == KNOWN_DURABLE) {
        return;
    }
    if (digest_equal(&digest, &found)) {
        known_set(&verify->seen, &digest, KNOWN_DURABLE);
        return;
    }
    known_set(&verify->seen, &digest, KNOWN_FRESH);
    verify_say_left(verify, verify->options.store_fd, verify->options.store,
                    STR_JOIN(&verify->arena, epoch->path, STR("/"), name),
                    "did not reach the disk whole before the machine stopped", false);
}

static void look_epoch(struct verify *verify, const struct verify_epoch *epoch)
{
    static const struct walk_options flat = {.flat = true, .all = true};
    struct walk_list list = {NULL, 0};
    struct arena arena;

    arena_init(&arena);
    (void)walk_folder(epoch->fd, "", &flat, &arena, &list, NULL);
    for (uint32_t i = 0; i < list.count; i++) {
        look_unsettled(verify, epoch, list.items[i].path);
    }
    arena_fini(&arena);
}

void verify_objects(struct verify *verify, struct objects *objects)
{
    struct objects_look *look = mem_calloc(1, sizeof(*look));
    struct err err = {0};

    look->verify = verify;
    look->objects = objects;
    arena_init(&look->arena);
    if (!objects_list(objects, look_add, look, &err)) {
        verify_say_err(verify, verify_in_store(verify, "objects"), &err, "");
    }
    look_flush(look);
    VEC_EACH (epoch, &verify->foreign) {
        look_epoch(verify, epoch);
    }
    arena_fini(&look->arena);
    free(look);
}
