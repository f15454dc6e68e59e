#ifndef PAWL_MODEL_GLOB_H
#define PAWL_MODEL_GLOB_H
/* Patterns for paths, matched as text. A pattern and a path are workspace paths (base/path.h),
 * split at `/`; a component of the pattern matches one component of the path:
 *
 *   *      any bytes, also none; not a dot at the start of a component
 *   ?      one byte (one whole UTF-8 sequence where there is one); not a leading dot
 *   [a-z]  one of a set of bytes; `!` or `^` first: none of it; `]` first is itself; not a leading
 *          dot. A `[` without its `]` is itself
 *   **     alone as a component: any number of folders, also none, none of which starts with a dot
 *
 * There is no escape character: `[*]` matches a star. Time is bounded by the product of the
 * lengths.
 */
#include <stdbool.h>

#include "base/str.h"

bool glob_has_magic(struct str pattern);
bool glob_match(struct str pattern, struct str path);
/* The folder above the first component with magic, "" for the workspace; of a pattern without
 * magic, the whole of it. */
struct str glob_static_prefix(struct str pattern);
/* Can the pattern match `folder` itself or something below it? For edges to folder outputs. */
bool glob_may_match_below(struct str pattern, struct str folder);
/* Can the pattern match something strictly below `folder`? For a walk that looks only where matches
 * can be. */
bool glob_could_be_below(struct str pattern, struct str folder);
/* Selection of names: `*` any bytes, `?` one, everything else itself (also `/`, dots, brackets). */
bool name_match(struct str pattern, struct str name);

#endif
