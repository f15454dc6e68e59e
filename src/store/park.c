/* Owns `parked/`, and so the promise that a good output is never gone before its successor is
 * accepted.
 *
 *     parked/<run>/<attempt>/<workspace path>   what lay there
 *     parked/<run>/<attempt>/.pawl-whole        while this file is here, what lies at the output
 *                                               paths in the workspace is good too: parking or
 *                                               returning is not finished, no command wrote there
 *     parked/<run>/<attempt>/.pawl-beside       paths parked beside their place, a NUL after each,
 *                                               written before the rename
 *
 * The mark is what makes every step repeatable. Parking sets it first and takes it away last,
 * before the command starts. Returning moves partial outputs away only while it is missing, sets
 * it, then brings everything home: killed anywhere in between, the next call sees the mark, leaves
 * alone what has returned already and brings the rest. At the end the attempt's folder leaves
 * parked/ in one rename before it is removed, so no half-removed one is ever taken for an attempt.
 *
 * Without the mark and without the folder nothing was parked: see started_ns in park.h. */
#include "store/park.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/path.h"
#include "base/sys.h"
#include "os/remove.h"
#include "os/replace.h"
#include "store/park_inside.h"

bool park_is_component(struct str name)
{
    return name.len > 0 && !str_is(name, ".") && !str_is(name, "..") &&
           memchr(name.data, '/', name.len) == NULL;
}

/* "parked/<run>/<attempt>" */
static void attempt_path(struct strbuf *out, struct str run, struct str attempt)
{
    assert(park_is_component(run) && park_is_component(attempt));
    strbuf_init(out);
    strbuf_printf(out, "parked/%.*s/%.*s", STR_ARG(run), STR_ARG(attempt));
}

/* The attempt's folder; -1 with errno ENOENT when there is none. */
int park_attempt_open(const struct park_place *place, struct str run, struct str attempt)
{
    struct strbuf path;
    const char *name;
    bool missing;
    attempt_path(&path, run, attempt);
    int above = folder_open_parent(place->pawl_fd, path.data, false, &name, &missing, NULL);
    int fd = -1, sys = missing ? ENOENT : EIO;
    if (above >= 0) {
        fd = sys_openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        sys = errno;
        (void)sys_close(above);
    }
    strbuf_fini(&path);
    errno = sys;
    return fd;
}

bool park_mark_set(int attempt, struct err *err)
{
    int fd = sys_openat(attempt, PARK_MARK_WHOLE, O_WRONLY | O_CREAT | O_NOFOLLOW, SYS_OWN_FILE);
    if (fd < 0) {
        return err_sys(err, "'.pawl/parked': cannot be written");
    }
    (void)sys_close(fd);
    return true;
}

/* A new attempt's folder appears with its mark in it, never without. One that is there already is
 * marked. */
static bool attempt_place(int run, const char *name, struct err *err)
{
    char temp[FILE_TEMP_BYTES];
    if (!file_temp_name(temp) || sys_mkdirat(run, temp, SYS_OWN_FOLDER) < 0) {
        return err_sys(err, "'.pawl/parked': cannot be written");
    }
    int folder = folder_open(run, temp, err);
    bool ok = folder >= 0 && park_mark_set(folder, err);
    if (folder >= 0) {
        (void)sys_close(folder);
    }
    if (ok && sys_renameat(run, temp, run, name) < 0) {
        ok = errno == ENOTEMPTY || errno == EEXIST ||
             err_sys(err, "'.pawl/parked': cannot be written");
        (void)tree_remove(run, temp, NULL);
    }
    return ok;
}

static int attempt_make(const struct park_place *place, struct str run, struct str attempt,
                        struct err *err)
{
    struct strbuf path;
    const char *name;
    attempt_path(&path, run, attempt);
    int above = folder_open_parent(place->pawl_fd, path.data, true, &name, NULL, err);
    int fd = -1;
    if (above >= 0) {
        fd = attempt_place(above, name, err) ? folder_open(above, name, err) : -1;
        (void)sys_close(above);
    }
    strbuf_fini(&path);
    if (fd >= 0 && !park_mark_set(fd, err)) {
        (void)sys_close(fd);
        return -1;
    }
    return fd;
}

void park_beside_name(struct strbuf *out, const char *base, struct str attempt)
{
    strbuf_clear(out);
    strbuf_printf(out, "%s.pawl-parked.%.*s", base, STR_ARG(attempt));
}

/* ---- where an output lies */

bool park_spot_open(const struct park_place *place, const char *path, bool make,
                    struct park_spot *spot, struct err *err)
{
    struct err why = {0};
    bool missing = false;
    *spot = (struct park_spot){.dir = -1};
    spot->dir = folder_open_parent(place->workspace_fd, path, make, &spot->base, &missing, &why);
    if (spot->dir < 0) {
        if (missing && !make) {
            return true;
        }
        if (err != NULL) {
            *err = why;
        }
        return false;
    }
    spot->exists = sys_statat(spot->dir, spot->base, AT_SYMLINK_NOFOLLOW, &spot->stat) == 0;
    if (!spot->exists && errno != ENOENT) {
        int sys = errno;
        (void)sys_close(spot->dir);
        return err_errno(err, sys, "'%s': cannot be looked at", path);
    }
    return true;
}

void park_spot_close(struct park_spot *spot)
{
    if (spot->dir >= 0) {
        (void)sys_close(spot->dir);
    }
}

/* ---- parking */

struct parking {
    const struct park_place *place;
    struct str run, attempt;
    int folder; /* the attempt's; -1: not made yet */
    uint32_t parked;
};

static bool beside_record(int folder, const char *path, struct err *err)
{
    int fd = sys_openat(folder, PARK_MARK_BESIDE, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW,
                        SYS_OWN_FILE);
    if (fd < 0) {
        return err_sys(err, "'.pawl/parked': cannot be written");
    }
    bool ok = file_write_all(fd, path, strlen(path) + 1) ||
              err_sys(err, "'.pawl/parked': cannot be written");
    (void)sys_close(fd);
    return ok;
}

static bool park_beside(struct parking *parking, const char *path, const struct park_spot *spot)
{
    struct strbuf name;
    strbuf_init(&name);
    park_beside_name(&name, spot->base, parking->attempt);
    bool ok = beside_record(parking->folder, path, NULL) &&
              sys_renameat(spot->dir, spot->base, spot->dir, name.data) == 0;
    strbuf_fini(&name);
    return ok;
}

static bool park_fail(const char *path, const struct park_spot *spot, struct err *err)
{
    struct strbuf shown;
    strbuf_init(&shown);
    path_show(&shown, str_of(path));
    err_wrap(err, "output '%s' (owner %u) cannot be parked", shown.data, spot->stat.uid);
    strbuf_fini(&shown);
    if (err != NULL) {
        err->status = STATUS_ENVIRONMENT;
    }
    return false;
}

static bool is_elsewhere(const struct parking *parking, const struct park_spot *spot)
{
    struct sys_stat stat;
    return sys_fstat(parking->folder, &stat) == 0 &&
           (stat.dev_major != spot->stat.dev_major || stat.dev_minor != spot->stat.dev_minor);
}

static bool park_place_spot(struct parking *parking, const char *path, const struct park_spot *spot,
                            struct err *err)
{
    const char *base;
    bool elsewhere = is_elsewhere(parking, spot);
    if (elsewhere && park_beside(parking, path, spot)) {
        return true;
    }
    int to = folder_open_parent(parking->folder, path, true, &base, NULL, err);
    if (to < 0) {
        return park_fail(path, spot, err);
    }
    bool ok = (!elsewhere && (sys_renameat(spot->dir, spot->base, to, base) == 0 ||
                              park_beside(parking, path, spot))) ||
              file_move(parking->place->clone, spot->dir, spot->base, to, base, err) ||
              park_fail(path, spot, err);
    (void)sys_close(to);
    return ok;
}

static bool park_one(struct parking *parking, struct str path, struct err *err)
{
    struct park_spot spot;
    if (!park_spot_open(parking->place, path.data, false, &spot, err)) {
        return false;
    }
    bool ok = true;
    if (spot.exists) {
        if (parking->folder < 0) {
            parking->folder = attempt_make(parking->place, parking->run, parking->attempt, err);
            ok = parking->folder >= 0;
        }
        ok = ok && park_place_spot(parking, path.data, &spot, err);
        parking->parked += ok;
    }
    park_spot_close(&spot);
    return ok;
}

bool park_outputs(const struct park_place *place, struct str run, struct str attempt,
                  const struct str *paths, uint32_t count, uint32_t *parked, struct err *err)
{
    struct parking parking = {place, run, attempt, -1, 0};
    bool ok = true;
    for (uint32_t i = 0; ok && i < count; i++) {
        ok = park_one(&parking, paths[i], err);
    }
    if (ok && parking.folder >= 0) {
        ok = file_remove(parking.folder, PARK_MARK_WHOLE, err);
    }
    if (parking.folder >= 0) {
        (void)sys_close(parking.folder);
    }
    if (!ok) {
        /* The mark is there: nothing at the paths is taken for partial. */
        (void)park_return(place, run, attempt, paths, count, PARK_FATE_FAILED, STR("none"),
                          INT64_MAX, NULL);
    }
    if (parked != NULL) {
        *parked = parking.parked;
    }
    return ok;
}

bool park_find(const struct park_place *place, struct str run, struct str attempt, struct str path,
               struct strbuf *where, int *dirfd)
{
    struct strbuf folder;
    struct sys_stat stat;
    attempt_path(&folder, run, attempt);
    strbuf_clear(where);
    strbuf_printf(where, "%s/%.*s", folder.data, STR_ARG(path));
    strbuf_fini(&folder);
    *dirfd = place->pawl_fd;
    if (sys_statat(*dirfd, where->data, AT_SYMLINK_NOFOLLOW, &stat) == 0) {
        return true;
    }
    park_beside_name(where, path.data, attempt);
    *dirfd = place->workspace_fd;
    return sys_statat(*dirfd, where->data, AT_SYMLINK_NOFOLLOW, &stat) == 0;
}

/* ---- dropping */

/* The folder leaves parked/ at once, then goes. */
bool park_attempt_remove(const struct park_place *place, struct str run, struct str attempt,
                         struct err *err)
{
    struct strbuf path, gone;
    char temp[FILE_TEMP_BYTES];
    attempt_path(&path, run, attempt);
    strbuf_init(&gone);
    bool ok = file_temp_name(temp) || err_sys(err, "no random numbers");
    if (ok) {
        strbuf_printf(&gone, "parked/%s", temp);
        ok = sys_renameat(place->pawl_fd, path.data, place->pawl_fd, gone.data) == 0;
        ok = ok ? tree_remove(place->pawl_fd, gone.data, err)
                : errno == ENOENT || err_sys(err, "'.pawl/%s': cannot be removed", path.data);
    }
    strbuf_clear(&path);
    strbuf_printf(&path, "parked/%.*s", STR_ARG(run));
    /* Other attempts may be in it. */
    (void)sys_unlinkat(place->pawl_fd, path.data, AT_REMOVEDIR);
    strbuf_fini(&path);
    strbuf_fini(&gone);
    return ok;
}

static bool drop_beside(const struct park_place *place, struct str attempt, struct str path,
                        struct err *err)
{
    struct park_spot spot;
    struct strbuf name;
    if (!park_spot_open(place, path.data, false, &spot, err)) {
        return false;
    }
    bool ok = true;
    if (spot.dir >= 0) {
        strbuf_init(&name);
        park_beside_name(&name, spot.base, attempt);
        ok = tree_remove(spot.dir, name.data, err);
        strbuf_fini(&name);
    }
    park_spot_close(&spot);
    return ok;
}

bool park_drop_path(const struct park_place *place, struct str run, struct str attempt,
                    struct str path, struct err *err)
{
    int folder = park_attempt_open(place, run, attempt);
    if (folder < 0) {
        return errno == ENOENT || err_sys(err, "'.pawl/parked': cannot be opened");
    }
    bool ok = tree_remove(folder, path.data, err) && drop_beside(place, attempt, path, err);
    (void)sys_close(folder);
    return ok;
}

bool park_drop(const struct park_place *place, struct str run, struct str attempt,
               const struct str *paths, uint32_t count, struct err *err)
{
    struct parked_attempt all;
    struct arena arena;
    int folder = park_attempt_open(place, run, attempt);
    if (folder < 0) {
        /* Nothing was parked, or all is gone already. */
        return errno == ENOENT || err_sys(err, "'.pawl/parked': cannot be opened");
    }
    arena_init(&arena);
    bool ok = parked_paths(folder, &arena, &all, err);
    for (uint32_t i = 0; ok && i < all.beside_count; i++) {
        ok = drop_beside(place, attempt, all.paths[all.count - all.beside_count + i], err);
    }
    for (uint32_t i = 0; ok && all.beside_count > 0 && i < count; i++) {
        ok = drop_beside(place, attempt, paths[i], err);
    }
    arena_fini(&arena);
    (void)sys_close(folder);
    return ok && park_attempt_remove(place, run, attempt, err);
}

/* ---- keeping */

/* Moves what lies at `base` in `dir` to a free name below kept/. */
static bool park_move_to_kept(const struct park_place *place, struct str run, struct str path,
                              int dir, const char *base, struct strbuf *kept, struct err *err)
{
    struct sys_stat stat;
    const char *name;
    strbuf_clear(kept);
    strbuf_printf(kept, "kept/%.*s/%.*s", STR_ARG(run), STR_ARG(path));
    size_t len = kept->len;
    for (unsigned n = 2; sys_statat(place->pawl_fd, kept->data, AT_SYMLINK_NOFOLLOW, &stat) == 0;
         n++) {
        kept->len = len;
        strbuf_printf(kept, ".%u", n);
    }
    int to = folder_open_parent(place->pawl_fd, kept->data, true, &name, NULL, err);
    bool ok = to >= 0 && file_move(place->clone, dir, base, to, name, err);
    if (to >= 0) {
        (void)sys_close(to);
    }
    return ok || err_wrap(err, "'%s' cannot be moved to '.pawl/%s'", path.data, kept->data);
}

bool park_keep(const struct park_place *place, struct str run, struct str path, struct strbuf *kept,
               struct err *err)
{
    struct park_spot spot;
    if (!park_spot_open(place, path.data, false, &spot, err)) {
        return false;
    }
    if (!spot.exists) {
        park_spot_close(&spot);
        return err_errno(err, ENOENT, "'%s'", path.data);
    }
    bool ok = park_move_to_kept(place, run, path, spot.dir, spot.base, kept, err);
    park_spot_close(&spot);
    return ok;
}

bool park_keep_parked(const struct park_place *place, struct str run, struct str attempt,
                      struct str path, struct strbuf *kept, struct err *err)
{
    struct strbuf where;
    int dir;
    strbuf_init(&where);
    bool ok = park_find(place, run, attempt, path, &where, &dir)
                  ? park_move_to_kept(place, run, path, dir, where.data, kept, err)
                  : err_errno(err, ENOENT, "'%s': nothing of it is parked", path.data);
    strbuf_fini(&where);
    return ok;
}
