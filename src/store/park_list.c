/* Owns looking at what lies parked. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"
#include "base/vec.h"
#include "os/remove.h"
#include "os/walk.h"
#include "store/park_inside.h"
#include "store/tree.h"

typedef VEC(struct str) paths_vec;

/* The next entry lies in this folder. */
static bool has_entries(const struct walk_list *list, uint32_t at)
{
    for (uint32_t i = at + 1; i < list->count; i++) {
        struct str path = list->items[i].path, above = list->items[at].path;
        if (!str_has_prefix(path, above)) {
            return false;
        }
        if (path.data[above.len] == '/') {
            return true;
        }
    }
    return false;
}

static bool is_ours(struct str path)
{
    return str_is(path, PARK_MARK_WHOLE) || str_is(path, PARK_MARK_BESIDE) ||
           file_is_temp_name(path.data);
}

/* Paths come from a file: only valid ones are taken. */
static bool read_beside(int folder, struct arena *arena, struct parked_attempt *attempt,
                        struct str **items, struct err *err)
{
    struct strbuf text;
    strbuf_init(&text);
    int fd = sys_openat(folder, PARK_MARK_BESIDE, O_RDONLY | O_NOFOLLOW, 0);
    bool ok = fd >= 0 ? file_read_fd(fd, PARK_MARK_BESIDE, LIMIT_RECORD_BYTES, &text, err)
                      : errno == ENOENT || err_sys(err, "'.pawl/parked': cannot be read");
    if (fd >= 0) {
        (void)sys_close(fd);
    }
    *items = ARENA_ARRAY(arena, struct str, text.len + 1);
    for (size_t at = 0; ok && at < text.len;) {
        struct str path = str_of(text.data + at);
        bool whole = at + path.len < text.len;
        if (whole && tree_path_is_valid(path)) {
            (*items)[attempt->beside_count++] = str_dup(arena, path);
        }
        at += path.len + 1;
    }
    strbuf_fini(&text);
    return ok;
}

bool parked_paths(int folder, struct arena *arena, struct parked_attempt *attempt, struct err *err)
{
    static const struct walk_options everything = {.all = true};
    struct walk_list list;
    struct str *beside;
    *attempt = (struct parked_attempt){0};
    if (!walk_folder(folder, "", &everything, arena, &list, err) ||
        !read_beside(folder, arena, attempt, &beside, err)) {
        return false;
    }
    attempt->paths = ARENA_ARRAY(arena, struct str, (size_t)list.count + attempt->beside_count);
    for (uint32_t i = 0; i < list.count; i++) {
        struct str path = list.items[i].path;
        attempt->unfinished = attempt->unfinished || str_is(path, PARK_MARK_WHOLE);
        if (!is_ours(path) && !(list.items[i].type == FILE_FOLDER && has_entries(&list, i))) {
            attempt->paths[attempt->count++] = path;
        }
    }
    for (uint32_t i = 0; i < attempt->beside_count; i++) {
        attempt->paths[attempt->count++] = beside[i];
    }
    return true;
}

/* Fills in one attempt. */
static bool list_attempt(int parked, struct str path, struct arena *arena,
                         struct parked_attempt *attempt, struct err *err)
{
    ptrdiff_t slash = str_find(path, '/');
    int folder = folder_open(parked, path.data, err);
    if (folder < 0) {
        return false;
    }
    bool ok = parked_paths(folder, arena, attempt, err);
    (void)sys_close(folder);
    attempt->run = str_dup(arena, str_head(path, (size_t)slash));
    attempt->attempt = str_dup(arena, str_skip(path, (size_t)slash + 1));
    return ok;
}

/* Takes one name of a listing: false for what was being made or removed when we were killed, which
 * goes. */
static bool list_takes(int folder, const struct walk_entry *entry)
{
    if (file_is_temp_name(path_base(entry->path).data)) {
        (void)tree_remove(folder, entry->path.data, NULL);
        return false;
    }
    return entry->type == FILE_FOLDER;
}

static bool list_run(int parked, struct str run, struct arena *arena, paths_vec *attempts,
                     struct err *err)
{
    static const struct walk_options flat = {.all = true, .flat = true};
    struct walk_list list;
    int folder = folder_open(parked, run.data, err);
    if (folder < 0) {
        return false;
    }
    bool ok = walk_folder(folder, "", &flat, arena, &list, err);
    for (uint32_t i = 0; ok && i < list.count; i++) {
        if (list_takes(folder, &list.items[i])) {
            VEC_PUSH(attempts, str_printf(arena, "%s/%s", run.data, list.items[i].path.data));
        }
    }
    (void)sys_close(folder);
    return ok;
}

/* Folders two levels down are attempts. A run's folder that is empty was about to be removed. */
static bool list_runs(int parked, struct arena *arena, paths_vec *attempts, struct err *err)
{
    static const struct walk_options flat = {.all = true, .flat = true};
    struct walk_list runs;
    bool ok = walk_folder(parked, "", &flat, arena, &runs, err);
    for (uint32_t i = 0; ok && i < runs.count; i++) {
        if (list_takes(parked, &runs.items[i])) {
            size_t before = attempts->count;

            ok = list_run(parked, runs.items[i].path, arena, attempts, err);
            if (ok && attempts->count == before) {
                (void)sys_unlinkat(parked, runs.items[i].path.data, AT_REMOVEDIR);
            }
        }
    }
    return ok;
}

bool park_list(const struct park_place *place, struct arena *arena, struct parked_list *list,
               struct err *err)
{
    paths_vec attempts = {0};
    *list = (struct parked_list){0};
    int parked = sys_openat(place->pawl_fd, "parked", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (parked < 0) {
        return errno == ENOENT || err_sys(err, "'.pawl/parked': cannot be opened");
    }
    bool ok = list_runs(parked, arena, &attempts, err);
    list->items = ARENA_ARRAY(arena, struct parked_attempt, attempts.count);
    for (size_t i = 0; ok && i < attempts.count; i++) {
        ok = list_attempt(parked, attempts.items[i], arena, &list->items[list->count], err);
        list->count += ok;
    }
    (void)sys_close(parked);
    VEC_FREE(&attempts);
    return ok;
}
