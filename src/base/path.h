#ifndef PAWL_BASE_PATH_H
#define PAWL_BASE_PATH_H
/* Paths as text; nothing here looks at a file system. A *workspace path* is relative to the
 * workspace, normalised: no empty, `.` or `..` part, no leading or trailing slash. */
#include <stdbool.h>

#include "base/str.h"

enum path_problem {
    PATH_FINE,
    PATH_EMPTY,
    PATH_TOO_LONG,
    PATH_HAS_NUL,
    PATH_OUTSIDE /* `..` leads above where it starts */
};

/* True for most of what path_normalise would leave as it is, and that is no folder: no copy of such
 * a path is needed. */
bool path_is_plain(struct str path);
/* Normalises `path` as text (a/./b//c/../d becomes a/b/d); an absolute path stays absolute, "."
 * gives
 * "". `*folder` (may be NULL) tells whether it ended in a slash (or `.`). */
enum path_problem path_normalise(struct arena *arena, struct str path, struct str *normal,
                                 bool *folder);
/* a + "/" + b; with an empty a or an absolute b: b. */
struct str path_join(struct arena *arena, struct str a, struct str b);
/* Everything before the last slash ("" without one); of "/x" it is "/". */
struct str path_dir(struct str path);
/* Everything behind the last slash. */
struct str path_base(struct str path);
bool path_is_absolute(struct str path);
/* True if `path` is `above` or lies below it; both normalised. Everything lies below "". */
bool path_is_below(struct str path, struct str above);
/* Appends the path as a person should see it: as it is, or when it has control characters, quotes
 * or bytes that are not UTF-8, with those as \xNN. */
void path_show(struct strbuf *out, struct str path);

#endif
