/* Owns the reading of control groups. Formats: cgroups(7), proc_pid_mountinfo(5).
 *
 * A line of /proc/self/cgroup says which group we are in, by its path in the hierarchy; a line of
 * mountinfo says where a part of that hierarchy (its field `root`) is mounted. Inside a container
 * the two may not fit together; then the mount point itself is taken, which is the container's own
 * group. A limit counts for all below it, so the groups above are looked at as well. */
#include "os/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "os/proc.h"

enum { TEXT_BYTES = 64 << 10 };

static const char *const controllers[] = {[CGROUP_MEMORY] = "memory", [CGROUP_CPU] = "cpu"};

/* Is `word` one of the comma-separated words of `list`? */
static bool has_word(struct str list, const char *word)
{
    struct str part;

    while (str_split(&list, ',', &part)) {
        if (str_is(part, word)) {
            return true;
        }
    }
    return false;
}

/* `id:controllers:path`: the path of the group in the hierarchy of that version. */
static bool find_path(struct str text, int version, const char *controller, struct str *path)
{
    struct str line, id, list;

    while (str_split(&text, '\n', &line)) {
        if (!str_split(&line, ':', &id) || !str_split(&line, ':', &list)) {
            continue;
        }
        if (version == 2 ? str_is(id, "0") && list.len == 0 : has_word(list, controller)) {
            *path = line;
            return true;
        }
    }
    return false;
}

struct mount {
    struct str root, point;
};

/* `id parent dev root point options [tags] - type source options` */
static bool parse_mount(struct str line, int version, const char *controller, struct mount *mount)
{
    ptrdiff_t dash = str_find_str(line, STR(" - "));
    struct str head, tail, word, type = STR_NONE;

    if (dash < 0) {
        return false;
    }
    head = str_head(line, (size_t)dash);
    tail = str_skip(line, (size_t)dash + 3);
    for (int i = 0; i < 5; i++) {
        if (!str_split(&head, ' ', &word)) {
            return false;
        }
        mount->root = i == 3 ? word : mount->root;
        mount->point = i == 4 ? word : mount->point;
    }
    if (!str_split(&tail, ' ', &type) || !str_split(&tail, ' ', &word)) {
        return false;
    }
    return version == 2 ? str_is(type, "cgroup2")
                        : str_is(type, "cgroup") && has_word(tail, controller);
}

static bool find_mount(struct str text, int version, const char *controller, struct mount *mount)
{
    struct str line;

    while (str_split(&text, '\n', &line)) {
        *mount = (struct mount){STR_NONE, STR_NONE};
        if (parse_mount(line, version, controller, mount)) {
            return true;
        }
    }
    return false;
}

static struct str path_below(struct str path, struct str root)
{
    if (str_is(root, "/")) {
        return str_is(path, "/") ? STR("") : path;
    }
    if (str_has_prefix(path, root) && (path.len == root.len || path.data[root.len] == '/')) {
        return str_skip(path, root.len);
    }
    return STR("");
}

static bool find_version(const char *root, struct str groups, struct str mounts, int version,
                         const char *controller, struct cgroup *group)
{
    struct str path, below;
    struct mount mount;
    int len;

    if (!find_path(groups, version, controller, &path) ||
        !find_mount(mounts, version, controller, &mount)) {
        return false;
    }
    below = path_below(path, mount.root);
    group->top_len = strlen(root) + mount.point.len;
    len = snprintf(group->folder, sizeof(group->folder), "%s%.*s%.*s", root, STR_ARG(mount.point),
                   STR_ARG(below));
    if (len < 0 || len >= (int)sizeof(group->folder)) {
        return false;
    }
    group->version = version;
    return true;
}

static struct str read_proc(const char *root, const char *file, char text[TEXT_BYTES])
{
    char path[CGROUP_PATH_BYTES];
    ssize_t len;

    snprintf(path, sizeof(path), "%s/proc/self/%s", root, file);
    len = proc_read_text(AT_FDCWD, path, text, TEXT_BYTES);
    return str_n(text, len > 0 ? (size_t)len : 0);
}

/* Version 2 counts only where it has the controller: an empty tree beside version 1 is common. */
static bool has_controller(const struct cgroup *group, const char *controller)
{
    char path[CGROUP_PATH_BYTES + 32], text[1024];
    struct str rest, word;
    ssize_t len;

    snprintf(path, sizeof(path), "%.*s/cgroup.controllers", (int)group->top_len, group->folder);
    len = proc_read_text(AT_FDCWD, path, text, sizeof(text));
    rest = str_trim(str_n(text, len > 0 ? (size_t)len : 0));
    while (str_split(&rest, ' ', &word)) {
        if (str_is(word, controller)) {
            return true;
        }
    }
    return false;
}

bool cgroup_find(const char *root, enum cgroup_kind kind, struct cgroup *group)
{
    char group_text[TEXT_BYTES], mount_text[TEXT_BYTES];
    struct str groups = read_proc(root, "cgroup", group_text);
    struct str mounts = read_proc(root, "mountinfo", mount_text);
    const char *controller = controllers[kind];

    *group = (struct cgroup){0};
    if (find_version(root, groups, mounts, 1, controller, group)) {
        return true;
    }
    if (find_version(root, groups, mounts, 2, controller, group) &&
        has_controller(group, controller)) {
        return true;
    }
    *group = (struct cgroup){0};
    return false;
}

/* The text of a small file of a folder without the blanks at its ends; false: not there. */
static bool read_file(const char *folder, const char *file, char *text, size_t size,
                      struct str *content)
{
    char path[CGROUP_PATH_BYTES + 64];
    ssize_t len;

    snprintf(path, sizeof(path), "%s/%s", folder, file);
    len = proc_read_text(AT_FDCWD, path, text, size);
    *content = str_trim(str_n(text, len > 0 ? (size_t)len : 0));
    return len > 0;
}

bool cgroup_read(const char *folder, const char *file, const char *key, uint64_t *value)
{
    char text[16 << 10];
    struct str content, line, name;

    if (!read_file(folder, file, text, sizeof(text), &content)) {
        return false;
    }
    if (key == NULL) {
        return str_to_u64(content, value);
    }
    while (str_split(&content, '\n', &line)) {
        if (str_split(&line, ' ', &name) && str_is(name, key)) {
            return str_to_u64(line, value);
        }
    }
    return false;
}

static bool memory_limit(int version, const char *folder, uint64_t *limit)
{
    const char *file = version == 2 ? "memory.max" : "memory.limit_in_bytes";

    /* `max` in version 2; version 1 says no limit by a number near 2^63. */
    return cgroup_read(folder, file, NULL, limit) && *limit < (UINT64_C(1) << 60);
}

static bool cpu_quota(int version, const char *folder, uint64_t *quota, uint64_t *period)
{
    char text[64];
    struct str content, word;

    if (version == 1) {
        return cgroup_read(folder, "cpu.cfs_quota_us", NULL, quota) &&
               cgroup_read(folder, "cpu.cfs_period_us", NULL, period);
    }
    return read_file(folder, "cpu.max", text, sizeof(text), &content) &&
           str_split(&content, ' ', &word) && str_to_u64(word, quota) &&
           str_to_u64(content, period);
}

static bool limit_at(int version, const char *folder, enum cgroup_kind kind, uint64_t *limit)
{
    uint64_t quota, period;

    if (kind == CGROUP_MEMORY) {
        return memory_limit(version, folder, limit);
    }
    if (!cpu_quota(version, folder, &quota, &period) || period == 0 || quota > UINT64_MAX / 1000) {
        return false;
    }
    *limit = quota * 1000 / period;
    return true;
}

bool cgroup_limit(const struct cgroup *group, enum cgroup_kind kind, uint64_t *limit, char *folder)
{
    char at[CGROUP_PATH_BYTES];
    bool found = false;
    uint64_t value;

    strcpy(at, group->folder);
    while (group->version != 0) {
        char *slash = strrchr(at, '/');

        if (limit_at(group->version, at, kind, &value) && (!found || value < *limit)) {
            found = true;
            *limit = value;
            strcpy(folder, at);
        }
        if (slash == NULL || (size_t)(slash - at) < group->top_len) {
            break;
        }
        *slash = '\0';
    }
    return found;
}
