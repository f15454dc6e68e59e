/* Owns paths as text. */
#include "base/path.h"

#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"

/* Takes the last part off what was written; false if there is none to take. */
static bool path_pop(char *data, size_t *len, size_t floor)
{
    if (*len == floor) {
        return false;
    }
    while (*len > floor && data[*len - 1] != '/') {
        (*len)--;
    }
    if (*len > floor) {
        (*len)--;
    }
    return true;
}

/* No part is empty or starts with a point. */
bool path_is_plain(struct str path)
{
    bool starts = true;

    if (path.len > LIMIT_PATH_BYTES) {
        return false;
    }
    for (size_t i = 0; i < path.len; i++) {
        char c = path.data[i];

        if (c == '\0' || (starts && (c == '/' || c == '.') && (c == '.' || i != 0))) {
            return false;
        }
        starts = c == '/';
    }
    return !starts;
}

enum path_problem path_normalise(struct arena *arena, struct str path, struct str *normal,
                                 bool *folder)
{
    bool absolute = path_is_absolute(path);
    size_t floor = absolute ? 1 : 0;
    struct str rest = path;
    struct str part;
    char *data;
    size_t len = 0;
    bool is_folder = false;

    if (path.len == 0) {
        return PATH_EMPTY;
    }
    if (path.len > LIMIT_PATH_BYTES) {
        return PATH_TOO_LONG;
    }
    if (path_is_plain(path)) {
        *normal = str_dup(arena, path);
        if (folder != NULL) {
            *folder = false;
        }
        return PATH_FINE;
    }
    if (memchr(path.data, '\0', path.len) != NULL) {
        return PATH_HAS_NUL;
    }
    data = arena_bytes(arena, path.len + 2);
    if (absolute) {
        data[len++] = '/';
    }
    while (str_split(&rest, '/', &part)) {
        is_folder = part.len == 0 || str_is(part, ".") || str_is(part, "..");
        if (part.len == 0 || str_is(part, ".")) {
            continue;
        }
        if (str_is(part, "..")) {
            if (!path_pop(data, &len, floor) && !absolute) {
                return PATH_OUTSIDE;
            }
            continue;
        }
        if (len > floor) {
            data[len++] = '/';
        }
        memcpy(data + len, part.data, part.len);
        len += part.len;
    }
    data[len] = '\0';
    *normal = str_n(data, len);
    if (folder != NULL) {
        *folder = is_folder;
    }
    return PATH_FINE;
}

struct str path_join(struct arena *arena, struct str a, struct str b)
{
    if (a.len == 0 || path_is_absolute(b)) {
        return str_dup(arena, b);
    }
    if (b.len == 0) {
        return str_dup(arena, a);
    }
    return str_printf(arena, "%.*s%s%.*s", STR_ARG(a), a.data[a.len - 1] == '/' ? "" : "/",
                      STR_ARG(b));
}

struct str path_dir(struct str path)
{
    ptrdiff_t at = str_rfind(path, '/');

    if (at == 0) {
        return str_head(path, 1);
    }
    return at < 0 ? STR("") : str_head(path, (size_t)at);
}

struct str path_base(struct str path)
{
    ptrdiff_t at = str_rfind(path, '/');

    return at < 0 ? path : str_skip(path, (size_t)at + 1);
}

bool path_is_absolute(struct str path)
{
    return path.len != 0 && path.data[0] == '/';
}

bool path_is_below(struct str path, struct str above)
{
    if (above.len == 0) {
        return true;
    }
    return str_has_prefix(path, above) &&
           (path.len == above.len || path.data[above.len] == '/' || str_is(above, "/"));
}

void path_show(struct strbuf *out, struct str path)
{
    size_t at = 0;

    while (at < path.len) {
        size_t len = utf8_sequence(path, at);
        unsigned char c = (unsigned char)path.data[at];

        if (len == 0 || c < 0x20 || c == 0x7f || c == '\'' || c == '\\') {
            strbuf_printf(out, "\\x%02x", c);
            at++;
        } else {
            strbuf_add(out, path.data + at, len);
            at += len;
        }
    }
}
