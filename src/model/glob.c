/* Globs. A pattern is matched component by component: `reach` holds, for each number of pattern
 * components used up, whether the path read so far can have used exactly those; one pass over the
 * path's components moves it on. `**` uses any number of components, so it both stays and steps.
 * The cost is components of the pattern times components of the path, times that of one component,
 * which is linear but for `*`, where only the last star is ever tried again.
 */
#include "model/glob.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

static bool component_has_magic(struct str component)
{
    for (size_t i = 0; i < component.len; i++) {
        char c = component.data[i];
        if (c == '*' || c == '?' || c == '[') {
            return true;
        }
    }
    return false;
}

bool glob_has_magic(struct str pattern)
{
    return component_has_magic(pattern);
}

/* Offset behind the `]` of the set that starts at `at`, or 0 when it has none. */
static size_t set_end(struct str pattern, size_t at)
{
    size_t i = at + 1;
    if (i < pattern.len && (pattern.data[i] == '!' || pattern.data[i] == '^')) {
        i++;
    }
    for (size_t first = i; i < pattern.len; i++) {
        if (pattern.data[i] == ']' && i > first) {
            return i + 1;
        }
    }
    return 0;
}

/* Is `c` in the set pattern[at, end)? Both brackets are included. */
static bool set_has(struct str pattern, size_t at, size_t end, unsigned char c)
{
    size_t i = at + 1;
    bool negated = pattern.data[i] == '!' || pattern.data[i] == '^';
    bool found = false;
    for (i += negated ? 1 : 0; i < end - 1; i++) {
        unsigned char low = (unsigned char)pattern.data[i], high = low;
        if (i + 2 < end - 1 && pattern.data[i + 1] == '-') {
            high = (unsigned char)pattern.data[i + 2];
            i += 2;
        }
        found = found || (low <= c && c <= high);
    }
    return found != negated;
}

/* Matches the one element (not a star) at pattern[*p] against name[*n] and steps over both. */
static bool element_match(struct str pattern, size_t *p, struct str name, size_t *n)
{
    char c = pattern.data[*p];
    size_t end = c == '[' ? set_end(pattern, *p) : 0;
    if (c == '?') {
        size_t len = utf8_sequence(name, *n);
        *p += 1;
        *n += len > 0 ? len : 1;
        return true;
    }
    if (end > 0 ? !set_has(pattern, *p, end, (unsigned char)name.data[*n]) : name.data[*n] != c) {
        return false;
    }
    *p = end > 0 ? end : *p + 1;
    *n += 1;
    return true;
}

static bool component_match(struct str pattern, struct str name)
{
    if (name.len > 0 && name.data[0] == '.' && pattern.len > 0 && pattern.data[0] != '.') {
        return false; /* no magic matches a leading dot */
    }
    size_t p = 0, n = 0, star = SIZE_MAX, star_name = 0;
    while (n < name.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            star = p++;
            star_name = n;
        } else if (p == pattern.len || !element_match(pattern, &p, name, &n)) {
            if (star == SIZE_MAX) {
                return false;
            }
            p = star + 1;
            n = ++star_name;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

enum { COMPONENTS_INLINE = 64 };

/* The pattern's components and the states that the path read so far can be in. */
struct glob_walk {
    struct str *parts;
    bool *reach; /* count + 1 */
    size_t count;
    struct str parts_inline[COMPONENTS_INLINE];
    bool reach_inline[COMPONENTS_INLINE + 1];
};

static bool is_double_star(struct str part)
{
    return part.len == 2 && part.data[0] == '*' && part.data[1] == '*';
}

/* `**` may stand for nothing. */
static void glob_walk_close(struct glob_walk *walk)
{
    for (size_t i = 0; i < walk->count; i++) {
        if (walk->reach[i] && is_double_star(walk->parts[i])) {
            walk->reach[i + 1] = true;
        }
    }
}

static void glob_walk_init(struct glob_walk *walk, struct str pattern)
{
    size_t count = pattern.len > 0 ? 1 : 0;
    for (size_t i = 0; i < pattern.len; i++) {
        count += pattern.data[i] == '/' ? 1 : 0;
    }
    bool fits = count <= COMPONENTS_INLINE;
    walk->parts = fits ? walk->parts_inline : mem_calloc(count, sizeof(struct str));
    walk->reach = fits ? walk->reach_inline : mem_calloc(count + 1, sizeof(bool));
    walk->count = 0;
    struct str rest = pattern;
    while (walk->count < count) {
        str_split(&rest, '/', &walk->parts[walk->count++]);
    }
    memset(walk->reach, 0, count + 1);
    walk->reach[0] = true;
    glob_walk_close(walk);
}

static void glob_walk_fini(struct glob_walk *walk)
{
    if (walk->parts != walk->parts_inline) {
        free(walk->parts);
        free(walk->reach);
    }
}

static bool glob_walk_is_alive(const struct glob_walk *walk)
{
    return memchr(walk->reach, true, walk->count + 1) != NULL;
}

static void glob_walk_step(struct glob_walk *walk, struct str name)
{
    bool hidden = name.len > 0 && name.data[0] == '.';
    for (size_t i = walk->count + 1; i-- > 0;) {
        bool stays = i < walk->count && walk->reach[i] && !hidden && is_double_star(walk->parts[i]);
        bool comes = i > 0 && walk->reach[i - 1] && !is_double_star(walk->parts[i - 1]) &&
                     component_match(walk->parts[i - 1], name);
        walk->reach[i] = stays || comes;
    }
    glob_walk_close(walk);
}

/* Reads all components of `path`; false when the pattern cannot go on from there. */
static bool glob_walk_path(struct glob_walk *walk, struct str path)
{
    struct str rest = path, name;
    while (rest.len > 0 && glob_walk_is_alive(walk) && str_split(&rest, '/', &name)) {
        glob_walk_step(walk, name);
    }
    return glob_walk_is_alive(walk);
}

/* The folders that a pattern names without magic, up to and with the last slash. */
static size_t literal_folders(struct str pattern)
{
    size_t end = 0;
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.data[i];
        if (c == '*' || c == '?' || c == '[') {
            break;
        }
        end = c == '/' ? i + 1 : end;
    }
    return end;
}

/* `**` at the end has matched a file only if it stands for at least that file's name. */
bool glob_match(struct str pattern, struct str path)
{
    struct glob_walk walk;
    size_t folders = literal_folders(pattern);
    if (folders < pattern.len && folders < path.len) {
        if (memcmp(pattern.data, path.data, folders) != 0) {
            return false;
        }
        pattern = str_skip(pattern, folders);
        path = str_skip(path, folders);
        if (str_find(pattern, '/') < 0 && !is_double_star(pattern)) {
            return str_find(path, '/') < 0 && component_match(pattern, path);
        }
    }
    glob_walk_init(&walk, pattern);
    bool matched = glob_walk_path(&walk, path) && walk.reach[walk.count];
    glob_walk_fini(&walk);
    return matched;
}

bool glob_could_be_below(struct str pattern, struct str folder)
{
    struct glob_walk walk;
    glob_walk_init(&walk, pattern);
    bool could = glob_walk_path(&walk, folder);
    /* What has used the whole pattern can match nothing more. */
    could = could && walk.count > 0 && memchr(walk.reach, true, walk.count) != NULL;
    glob_walk_fini(&walk);
    return could;
}

bool glob_may_match_below(struct str pattern, struct str folder)
{
    return glob_match(pattern, folder) || glob_could_be_below(pattern, folder);
}

struct str glob_static_prefix(struct str pattern)
{
    struct str rest = pattern, part;
    size_t prefix = 0, at = 0;
    while (rest.len > 0 && str_split(&rest, '/', &part)) {
        if (component_has_magic(part)) {
            return str_head(pattern, prefix);
        }
        at += part.len;
        prefix = at;
        at += 1;
    }
    return pattern;
}

bool name_match(struct str pattern, struct str name)
{
    size_t p = 0, n = 0, star = SIZE_MAX, star_name = 0;
    while (n < name.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            star = p++;
            star_name = n;
        } else if (p < pattern.len && (pattern.data[p] == '?' || pattern.data[p] == name.data[n])) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            n = ++star_name;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*') {
        p++;
    }
    return p == pattern.len;
}
