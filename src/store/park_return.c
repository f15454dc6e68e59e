/* Owns the way home: partial outputs aside, then what was parked back to its place. The order of
 * the steps, and why it may be killed between any two, is at the head of park.c. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/sys.h"
#include "os/remove.h"
#include "os/replace.h"
#include "os/walk.h"
#include "store/park_inside.h"

static bool mark_is_set(int attempt)
{
    struct sys_stat stat;
    return sys_statat(attempt, PARK_MARK_WHOLE, AT_SYMLINK_NOFOLLOW, &stat) == 0;
}

struct returning {
    const struct park_place *place;
    struct str run, attempt, instance;
    enum park_fate fate;
    int64_t started_ns;
    int folder;                /* the attempt's; -1: there is none */
    uint64_t room_bytes;       /* that failed outputs may still take */
    struct parked_attempt all; /* what lies parked, leaf by leaf */
};

static bool is_modified(int dir, const char *name, const struct sys_stat *stat, int64_t since_ns)
{
    static const struct walk_options everything = {.all = true};
    struct arena arena;
    struct walk_list list = {0};
    if (!S_ISDIR(stat->mode)) {
        return stat->mtime_ns >= since_ns;
    }
    int folder = folder_open(dir, name, NULL);
    if (folder < 0) {
        return false;
    }
    bool modified = false;
    arena_init(&arena);
    if (walk_folder(folder, "", &everything, &arena, &list, NULL)) {
        modified = list.count == 0 && stat->mtime_ns >= since_ns;
        for (uint32_t i = 0; i < list.count && !modified; i++) {
            struct sys_stat below;
            modified =
                list.items[i].type != FILE_FOLDER &&
                sys_statat(folder, list.items[i].path.data, AT_SYMLINK_NOFOLLOW, &below) == 0 &&
                below.mtime_ns >= since_ns;
        }
    }
    arena_fini(&arena);
    (void)sys_close(folder);
    return modified;
}

static bool move_away(struct returning *returning, const char *path, const struct park_spot *spot,
                      struct err *err)
{
    const char *fate = returning->fate == PARK_FATE_FAILED ? "failed" : "refused", *base;
    struct strbuf to;
    strbuf_init(&to);
    strbuf_printf(&to, "%s/%.*s/%.*s/%s", fate, STR_ARG(returning->run),
                  STR_ARG(returning->instance), path);
    int dir = folder_open_parent(returning->place->pawl_fd, to.data, true, &base, NULL, err);
    bool ok = dir >= 0 && tree_remove(dir, base, err) &&
              file_move(returning->place->clone, spot->dir, spot->base, dir, base, err);
    if (dir >= 0) {
        (void)sys_close(dir);
    }
    strbuf_fini(&to);
    return ok;
}

/* Partial outputs are a help for a person, no more: what is too large or cannot be moved goes. */
static bool clear_spot(struct returning *returning, const char *path, const struct park_spot *spot,
                       struct err *err)
{
    if (returning->fate == PARK_FATE_REFUSED) {
        return move_away(returning, path, spot, err);
    }
    uint64_t size = walk_size_bytes(spot->dir, spot->base, returning->room_bytes + 1);
    if (size <= returning->room_bytes && move_away(returning, path, spot, NULL)) {
        returning->room_bytes -= size;
        return true;
    }
    return tree_remove(spot->dir, spot->base, err);
}

static bool clear_path(struct returning *returning, struct str path, struct err *err)
{
    struct park_spot spot;
    if (!park_spot_open(returning->place, path.data, false, &spot, err)) {
        return false;
    }
    bool ok = true;
    if (spot.exists && returning->folder < 0 && returning->started_ns != 0) {
        /* Perhaps nothing was parked because nothing was started: what is old is good, what is new
         * is kept whatever its size. */
        if (is_modified(spot.dir, spot.base, &spot.stat, returning->started_ns)) {
            ok = move_away(returning, path.data, &spot, err);
        }
    } else if (spot.exists) {
        ok = clear_spot(returning, path.data, &spot, err);
    }
    park_spot_close(&spot);
    return ok;
}

/* From beside its place back to it. */
static bool return_beside(struct returning *returning, struct str path, struct err *err)
{
    struct park_spot spot;
    struct strbuf name;
    struct sys_stat stat;
    if (!park_spot_open(returning->place, path.data, false, &spot, err)) {
        return false;
    }
    bool ok = true;
    if (spot.dir >= 0) {
        strbuf_init(&name);
        park_beside_name(&name, spot.base, returning->attempt);
        if (sys_statat(spot.dir, name.data, AT_SYMLINK_NOFOLLOW, &stat) == 0) {
            ok = file_move(returning->place->clone, spot.dir, name.data, spot.dir, spot.base, err);
        }
        strbuf_fini(&name);
    }
    park_spot_close(&spot);
    return ok;
}

static bool return_path(struct returning *returning, struct str path, struct err *err)
{
    struct park_spot spot;
    struct sys_stat stat;
    if (!return_beside(returning, path, err)) {
        return false;
    }
    if (sys_statat(returning->folder, path.data, AT_SYMLINK_NOFOLLOW, &stat) < 0) {
        return errno == ENOENT || errno == ENOTDIR ||
               err_sys(err, "'.pawl/parked/…/%s': cannot be looked at", path.data);
    }
    if (!park_spot_open(returning->place, path.data, true, &spot, err)) {
        return false;
    }
    bool ok =
        file_move(returning->place->clone, returning->folder, path.data, spot.dir, spot.base, err);
    park_spot_close(&spot);
    return ok;
}

static bool clear_all(struct returning *returning, const struct str *paths, uint32_t count,
                      struct err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!clear_path(returning, paths[i], err)) {
            return false;
        }
    }
    return true;
}

/* The record was lost: by what lies parked. An empty folder may have been made only to hold what
 * was parked beside in the end; nothing is cleared for it. */
static bool clear_found(struct returning *returning, struct err *err)
{
    for (uint32_t i = 0; i < returning->all.count; i++) {
        struct str path = returning->all.paths[i];
        struct sys_stat stat;
        bool folder = sys_statat(returning->folder, path.data, AT_SYMLINK_NOFOLLOW, &stat) == 0 &&
                      S_ISDIR(stat.mode);
        if (!folder && !clear_path(returning, path, err)) {
            return false;
        }
    }
    return true;
}

static bool return_all(struct returning *returning, const struct str *paths, uint32_t count,
                       struct err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!return_path(returning, paths[i], err)) {
            return false;
        }
    }
    return true;
}

static bool return_parked(struct returning *returning, const struct str *paths, uint32_t count,
                          struct err *err)
{
    const struct parked_attempt *all = &returning->all;
    if (!mark_is_set(returning->folder)) {
        if (!clear_all(returning, paths, count, err) ||
            (count == 0 && !clear_found(returning, err)) ||
            !park_mark_set(returning->folder, err)) {
            return false;
        }
    }
    return return_all(returning, paths, count, err) &&
           return_all(returning, all->paths, all->count, err) &&
           park_attempt_remove(returning->place, returning->run, returning->attempt, err);
}

bool park_return(const struct park_place *place, struct str run, struct str attempt,
                 const struct str *paths, uint32_t count, enum park_fate fate, struct str instance,
                 int64_t started_ns, struct err *err)
{
    struct returning returning = {.place = place,
                                  .run = run,
                                  .attempt = attempt,
                                  .instance = instance,
                                  .fate = fate,
                                  .started_ns = started_ns,
                                  .room_bytes = PARK_FAILED_FILE_BYTES};
    assert(park_is_component(instance));
    returning.folder = park_attempt_open(place, run, attempt);
    if (returning.folder < 0) {
        return errno == ENOENT ? clear_all(&returning, paths, count, err)
                               : err_sys(err, "'.pawl/parked': cannot be opened");
    }
    struct arena arena;
    arena_init(&arena);
    bool ok = parked_paths(returning.folder, &arena, &returning.all, err) &&
              return_parked(&returning, paths, count, err);
    arena_fini(&arena);
    (void)sys_close(returning.folder);
    return ok;
}
