/* Owns the question which run was the last, and whether it came to its end. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/path.h"
#include "base/sys.h"
#include "os/remove.h"
#include "os/walk.h"
#include "run/recover_inside.h"

enum { RECOVER_TAIL_BYTES = 64 << 10 };

bool recover_remove_new(int dir_fd, struct arena *arena, struct err *err)
{
    struct walk_options all = {.flat = true, .all = true};
    struct walk_list list = {NULL, 0};
    bool ok = walk_folder(dir_fd, "", &all, arena, &list, err);

    for (uint32_t i = 0; ok && i < list.count; i++) {
        ok = !file_is_temp_name(list.items[i].path.data) ||
             file_remove(dir_fd, list.items[i].path.data, err);
    }
    return ok;
}

/* The type of the last whole line of a log, without reading it all; "" when there is none. */
static struct str recover_last_type(int dir_fd, struct arena *arena)
{
    int fd = sys_openat(dir_fd, "events.jsonl", O_RDONLY, 0);
    int64_t size = fd >= 0 ? sys_seek(fd, 0, SEEK_END) : -1;
    int64_t from = size > RECOVER_TAIL_BYTES ? size - RECOVER_TAIL_BYTES : 0;
    char *bytes = arena_bytes(arena, RECOVER_TAIL_BYTES);
    ssize_t got = size > 0 ? sys_pread_full(fd, bytes, RECOVER_TAIL_BYTES, from) : 0;
    struct str tail = str_n(bytes, got > 0 ? (size_t)got : 0);
    struct err err;
    struct event event;
    bool known = false;
    ptrdiff_t start;

    if (fd >= 0) {
        sys_close(fd);
    }
    while (tail.len != 0 && tail.data[tail.len - 1] != '\n') {
        tail.len--;
    }
    tail.len -= tail.len != 0;
    start = str_rfind(tail, '\n');
    tail = str_skip(tail, (size_t)(start + 1));
    if (tail.len == 0 || !event_from_json(tail, arena, &event, &known, &err) || !known) {
        return STR("");
    }
    return str_of(event_types[event.type].name);
}

static bool recover_is_final(struct str type)
{
    return str_is(type, "run.completed") || str_is(type, "run.failed") ||
           str_is(type, "run.cancelled") || str_is(type, "run.abandoned");
}

/* Its pawl was killed before it recorded anything, or the power failed before its record was on the
 * disk. Logs that are there nevertheless belong to attempts that nobody knows of. */
static bool recover_is_blank(int dir_fd)
{
    struct sys_stat events;

    return sys_statat(dir_fd, "events.jsonl", AT_SYMLINK_NOFOLLOW, &events) == 0
               ? S_ISREG(events.mode) && events.size_bytes == 0
               : errno == ENOENT;
}

static bool recover_remove_blank(struct session *session, const struct run_id *run,
                                 struct arena *arena, struct err *err)
{
    return tree_remove(session->workspace.pawlfd,
                       path_join(arena, STR("runs"), str_of(run->text)).data, err);
}

static bool recover_look(struct session *session, const struct run_id *run, struct arena *arena,
                         bool *blank, bool *found, struct err *err)
{
    int dir_fd = run_dir_open(session->workspace.pawlfd, run, err);
    bool ok;

    if (dir_fd < 0) {
        return false;
    }
    *blank = recover_is_blank(dir_fd);
    *found = !*blank && !recover_is_final(recover_last_type(dir_fd, arena));
    ok = recover_remove_new(dir_fd, arena, err);
    sys_close(dir_fd);
    return ok && (!*blank || recover_remove_blank(session, run, arena, err));
}

bool recover_find(struct session *session, struct arena *arena, struct run_id *run, bool *found,
                  struct err *err)
{
    struct run_list list;
    bool blank = true;
    bool ok = run_dir_list(session->workspace.pawlfd, arena, &list, err) &&
              recover_remove_new(session->workspace.pawlfd, arena, err);

    *found = false;
    while (ok && blank && list.count != 0) {
        *run = list.ids[--list.count];
        ok = recover_look(session, run, arena, &blank, found, err);
    }
    return ok;
}
