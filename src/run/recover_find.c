/* Owns the question which run was the last, and whether it came to its end. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/path.h"
#include "base/sys.h"
#include "os/remove.h"
#include "os/walk.h"
#include "run/recover_inside.h"
#include "store/event_walk.h"

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

/* What is recorded of a run beside its course, and so behind its end. */
static bool recover_is_beside(struct str type)
{
    /* The effects of a run that is over may be undone later. */
    return str_has_prefix(type, STR("hook")) || str_has_prefix(type, STR("compensation.")) ||
           str_is(type, "instances.compensated") || str_is(type, "run.compensating") ||
           str_is(type, "synced") || str_is(type, "snapshot");
}

/* The last whole line of a text that is no such; false: there is none. `*told`: behind it stands
 * that all hooks were told. */
static bool recover_last_line(struct str tail, struct str *line, bool *told)
{
    *told = false;
    for (;;) {
        ptrdiff_t end = str_rfind(tail, '\n');
        ptrdiff_t start = end > 0 ? str_rfind(str_head(tail, (size_t)end), '\n') : -1;
        struct str type;

        if (end < 0) {
            return false;
        }
        *line = str_skip(str_head(tail, (size_t)end), (size_t)(start + 1));
        type = event_walk_type(*line);
        if (!recover_is_beside(type)) {
            return true;
        }
        *told |= str_is(type, "hooks.told");
        tail = str_head(tail, (size_t)(start + 1));
    }
}

/* The last line that is of the run's course, from the end of an open record backwards. */
static bool recover_read_last(int fd, struct strbuf *tail, struct str *line, bool *told,
                              struct err *err)
{
    int64_t size = sys_seek(fd, 0, SEEK_END);
    int64_t window = RECOVER_TAIL_BYTES;
    bool found = false;

    if (size < 0) {
        return err_sys(err, "'events.jsonl': cannot be read");
    }
    for (; size > 0 && !found; window *= 4) {
        int64_t from = size > window ? size - window : 0;
        ssize_t got;

        strbuf_clear(tail);
        got = sys_pread_full(fd, strbuf_reserve(tail, (size_t)window), (size_t)window, from);
        if (got < 0) {
            return err_sys(err, "'events.jsonl': cannot be read");
        }
        found = recover_last_line(str_n(tail->data, (size_t)got), line, told);
        size = from == 0 ? 0 : size;
    }
    *line = found ? *line : STR("");
    return true;
}

/* `*type` of the last line that is of the run's course, without reading it all; "" when there is
 * none that is known. What cannot be read is no such: a run that has ended must not be taken for
 * one that has not. */
static bool recover_last_type(int dir_fd, struct arena *arena, struct str *type, bool *told,
                              struct err *err)
{
    int fd = sys_openat(dir_fd, "events.jsonl", O_RDONLY, 0);
    struct strbuf tail = {0};
    struct str line = STR("");
    struct event event;
    bool known = false;
    bool ok;

    *type = STR("");
    if (fd < 0) {
        return err_sys(err, "'events.jsonl': cannot be read");
    }
    ok = recover_read_last(fd, &tail, &line, told, err);
    sys_close(fd);
    if (ok && line.len != 0 && event_from_json(line, arena, &event, &known, NULL) && known) {
        *type = str_of(event_types[event.type].name);
    }
    strbuf_fini(&tail);
    return ok;
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

/* `*blank`: there was nothing of it, and now there is no such run. */
static bool recover_look(struct session *session, struct arena *arena, struct recovered *recovered,
                         bool *blank, struct err *err)
{
    int dir_fd = run_dir_open(session->workspace.pawlfd, &recovered->last, err);
    struct str type = STR("");
    bool ok;

    if (dir_fd < 0) {
        return false;
    }
    *blank = recover_is_blank(dir_fd);
    ok = *blank || recover_last_type(dir_fd, arena, &type, &recovered->was_told, err);
    recovered->found = ok && !*blank && !recover_is_final(type);
    ok = ok && recover_remove_new(dir_fd, arena, err);
    sys_close(dir_fd);
    return ok && (!*blank || recover_remove_blank(session, &recovered->last, arena, err));
}

bool recover_find(struct session *session, struct arena *arena, struct recovered *recovered,
                  struct err *err)
{
    struct run_list list;
    bool blank = true;
    bool ok = run_dir_list(session->workspace.pawlfd, arena, &list, err) &&
              recover_remove_new(session->workspace.pawlfd, arena, err);

    while (ok && blank && list.count != 0) {
        recovered->last = list.ids[--list.count];
        ok = recover_look(session, arena, recovered, &blank, err);
    }
    recovered->has_last = !blank;
    return ok;
}
