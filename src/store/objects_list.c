/* Owns listing of all objects, for gc and verify. Names that are no digests are passed over. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/hex.h"
#include "base/sys.h"
#include "store/objects_inside.h"

struct listing {
    bool (*each)(void *ctx, const struct objects_item *item);
    void *ctx;
    bool durable, ended;
};

static bool list_name(struct listing *listing, int folder, const char *prefix, const char *name)
{
    char hex[DIGEST_HEX_BYTES + 1];
    struct objects_item item = {.durable = listing->durable};
    struct sys_stat stat;
    size_t head = strlen(prefix), len = strlen(name);
    if (head + len != DIGEST_HEX_BYTES) {
        return true;
    }
    memcpy(hex, prefix, head);
    memcpy(hex + head, name, len);
    if (!digest_parse(str_n(hex, DIGEST_HEX_BYTES), &item.digest) ||
        sys_statat(folder, name, AT_SYMLINK_NOFOLLOW, &stat) < 0) {
        return true;
    }
    item.size_bytes = stat.size_bytes;
    item.mtime_ns = stat.mtime_ns;
    listing->ended = !listing->each(listing->ctx, &item);
    return !listing->ended;
}

/* All names of a folder; `prefix` stands before each. A folder that is not there has none. */
static bool list_folder(struct listing *listing, int dir, const char *path, const char *prefix,
                        struct err *err)
{
    int fd = sys_openat(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR || err_sys(err, "'%s': cannot be listed", path);
    }
    DIR *stream = sys_fdopendir(fd);
    const struct dirent *entry = NULL;
    if (stream == NULL) {
        return err_sys(err, "'%s': cannot be listed", path);
    }
    do {
        errno = 0;
        entry = sys_readdir(stream);
    } while (entry != NULL && list_name(listing, fd, prefix, entry->d_name));
    bool ok = entry != NULL || errno == 0 || err_sys(err, "'%s': cannot be listed", path);
    (void)sys_closedir(stream);
    return ok;
}

bool objects_list(struct objects *objects, bool (*each)(void *ctx, const struct objects_item *item),
                  void *ctx, struct err *err)
{
    struct listing listing = {each, ctx, true, false};
    bool ok = true;
    for (unsigned i = 0; ok && !listing.ended && i < 256 && objects->objects_fd >= 0; i++) {
        unsigned char byte = (unsigned char)i;
        char prefix[3];
        hex_encode(&byte, 1, prefix);
        ok = list_folder(&listing, objects->objects_fd, prefix, prefix, err);
    }
    listing.durable = false;
    if (ok && !listing.ended && objects->epoch_fd >= 0) {
        ok = list_folder(&listing, objects->epoch_fd, ".", "", err);
    }
    return ok;
}
