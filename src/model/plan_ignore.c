/* Owns what folders and globs pass over: the built-in names and those of `pipeline.ignore`. A name
 * with a slash at its end is that of a folder. A glob names an entry itself by a component that is
 * its name, or that is the very pattern it would be ignored by: `*.pyc`. */
#include "model/plan_build.h"

#include "base/path.h"
#include "model/glob.h"

static const char *const builtin_ignore[] = {".git/",     ".pawl/", "__pycache__/", "*.pyc",
                                             ".DS_Store", "*~",     ".*.sw?"};

static bool plan_has_component(struct str pattern, struct str component)
{
    struct str part;

    while (pattern.len != 0 && str_split(&pattern, '/', &part)) {
        if (str_equal(part, component)) {
            return true;
        }
    }
    return false;
}

static bool plan_ignores(struct str ignore, struct str name, bool folder, struct str pattern)
{
    if (ignore.len != 0 && ignore.data[ignore.len - 1] == '/') {
        if (!folder) {
            return false;
        }
        ignore.len--;
    }
    return name_match(ignore, name) && !plan_has_component(pattern, ignore);
}

bool plan_is_ignored(const struct manifest *manifest, struct str name, bool folder,
                     struct str pattern)
{
    bool ignored = false;

    for (size_t i = 0; i < sizeof(builtin_ignore) / sizeof(*builtin_ignore) && !ignored; i++) {
        ignored = plan_ignores(str_of(builtin_ignore[i]), name, folder, pattern);
    }
    for (uint32_t i = 0; i < manifest->ignore_count && !ignored; i++) {
        ignored = plan_ignores(manifest->ignore[i], name, folder, pattern);
    }
    return ignored && !plan_has_component(pattern, name);
}

bool plan_is_ignored_below(const struct manifest *manifest, struct str path, struct str from,
                           struct str pattern)
{
    struct str rest = from.len != 0 ? str_skip(path, from.len + 1) : path;
    struct str name;

    while (rest.len != 0 && str_split(&rest, '/', &name)) {
        if (plan_is_ignored(manifest, name, rest.data != NULL, pattern)) {
            return true;
        }
    }
    return false;
}
