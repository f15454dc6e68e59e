/* Owns the quick way through a record. The form of a line is in event_line.c: members stand in the
 * order of the table of fields, and no text holds a quote that is not escaped, so that the first
 * `,"name":` behind the head is the member itself. */
#include "store/event_walk.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sys.h"
#include "store/event_log.h"

enum { WALK_WINDOW_BYTES = 256 << 10 };

bool event_walk_open(struct event_walk *walk, int dirfd, const char *path, struct err *err)
{
    *walk = (struct event_walk){.fd = sys_openat(dirfd, path, O_RDONLY, 0)};
    if (walk->fd < 0) {
        return err_sys(err, "'%s': cannot open", path);
    }
    return true;
}

void event_walk_close(struct event_walk *walk)
{
    if (walk->data != NULL || walk->fd > 0) {
        sys_close(walk->fd);
        free(walk->data);
    }
    *walk = (struct event_walk){.fd = -1};
}

/* Room behind what is not given yet: that moves to the front, and the window grows for a line that
 * does not fit. */
static bool walk_make_room(struct event_walk *walk)
{
    if (walk->at != 0) {
        memmove(walk->data, walk->data + walk->at, walk->len - walk->at);
        walk->offset += walk->at;
        walk->len -= walk->at;
        walk->at = 0;
    }
    if (walk->len == walk->cap) {
        if (walk->cap > EVENT_LINE_BYTES) {
            return false;
        }
        walk->cap = walk->cap == 0 ? WALK_WINDOW_BYTES : walk->cap * 2;
        walk->data = mem_realloc(walk->data, walk->cap, 1);
    }
    return true;
}

static bool walk_read(struct event_walk *walk)
{
    ssize_t got;

    if (!walk_make_room(walk)) {
        return false;
    }
    got = sys_pread_full(walk->fd, walk->data + walk->len, walk->cap - walk->len,
                         (int64_t)(walk->offset + walk->len));
    walk->len += got > 0 ? (size_t)got : 0;
    return got > 0;
}

bool event_walk_next(struct event_walk *walk, struct str *line)
{
    size_t seen = 0;

    for (;;) {
        const char *from = walk->data + walk->at;
        size_t rest = walk->len - walk->at;
        const char *end = rest > seen ? memchr(from + seen, '\n', rest - seen) : NULL;

        if (end != NULL) {
            *line = str_n(from, (size_t)(end - from));
            walk->at += line->len + 1;
            return true;
        }
        seen = rest;
        if (!walk_read(walk)) {
            return false;
        }
    }
}

/* What stands behind `,"name":`. */
static bool walk_member(struct str line, const char *name, struct str *rest)
{
    char key[64];
    size_t len = strlen(name);
    const char *at;

    if (len + 5 > sizeof(key)) {
        return false;
    }
    key[0] = ',';
    key[1] = '"';
    memcpy(key + 2, name, len);
    memcpy(key + 2 + len, "\":", 2);
    at = memmem(line.data, line.len, key, len + 4);
    if (at == NULL) {
        return false;
    }
    *rest = str_skip(line, (size_t)(at - line.data) + len + 4);
    return true;
}

bool event_walk_text(struct str line, const char *name, struct str *text)
{
    struct str rest;
    size_t len = 1;

    if (!walk_member(line, name, &rest) || rest.len < 2 || rest.data[0] != '"') {
        return false;
    }
    while (len < rest.len && rest.data[len] != '"') {
        len += rest.data[len] == '\\' ? 2 : 1;
    }
    *text = str_n(rest.data + 1, len - 1);
    return len < rest.len;
}

bool event_walk_number(struct str line, const char *name, uint64_t *number)
{
    struct str rest;
    size_t len = 0;

    if (!walk_member(line, name, &rest)) {
        return false;
    }
    while (len < rest.len && rest.data[len] >= '0' && rest.data[len] <= '9') {
        len++;
    }
    return str_to_u64(str_head(rest, len), number);
}

struct str event_walk_type(struct str line)
{
    struct str type;

    return event_walk_text(str_head(line, line.len < 256 ? line.len : 256), "type", &type)
               ? type
               : STR("");
}
