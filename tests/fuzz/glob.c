/* Any two texts as a pattern and a path, with a line end between: what a pattern matches can be
 * below each folder that the path lies in, as the walk asks, and behind the pattern's prefix. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/path.h"
#include "model/glob.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/* Patterns and paths are normal where they are used, and no file is the root. */
static bool normal(struct arena *arena, struct str text, struct str *normal)
{
    bool folder;

    return memchr(text.data != NULL ? text.data : "", '\0', text.len) == NULL &&
           path_normalise(arena, text, normal, &folder) == PATH_FINE && normal->len != 0 &&
           !str_is(*normal, "/");
}

static void check_match(struct str pattern, struct str path)
{
    struct str folder = path_dir(path);

    assert(path_is_below(path, glob_static_prefix(pattern)));
    assert(glob_may_match_below(pattern, path));
    for (; folder.len != 0 && folder.len < path.len; folder = path_dir(folder)) {
        assert(glob_may_match_below(pattern, folder));
        assert(glob_could_be_below(pattern, folder));
        if (str_is(folder, "/")) {
            break;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct str path = str_n((const char *)data, size_bytes);
    struct str raw, pattern;
    struct arena arena;

    arena_init(&arena);
    if (str_split(&path, '\n', &raw)) {
        name_match(raw, path);
        assert(name_match(STR("*"), path) && name_match(raw, raw));
        if (normal(&arena, raw, &pattern) && normal(&arena, path, &path)) {
            bool matches = glob_match(pattern, path);

            if (matches) {
                check_match(pattern, path);
            }
            glob_may_match_below(pattern, path);
            glob_could_be_below(pattern, path);
            assert(glob_has_magic(pattern) || matches == str_equal(pattern, path));
        }
    }
    arena_fini(&arena);
    return 0;
}
