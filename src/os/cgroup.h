#ifndef PAWL_OS_CGROUP_H
#define PAWL_OS_CGROUP_H
/* Control groups, version 1 and 2: which folder holds the limit that binds us. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum cgroup_kind { CGROUP_MEMORY, CGROUP_CPU };
enum { CGROUP_PATH_BYTES = 512 };

struct cgroup {
    int version;                    /* 0: none found */
    char folder[CGROUP_PATH_BYTES]; /* ours, `root` before it; "" with version 0 */
    size_t top_len;                 /* length of the part of `folder` that is the mount point */
};

/* Finds our group for a controller by /proc/self/cgroup and /proc/self/mountinfo. `root` is put
 * before all paths ("" but in tests). */
bool cgroup_find(const char *root, enum cgroup_kind kind, struct cgroup *group);

/* The lowest limit of the group and those above it: bytes, or processors in thousandths. `folder`
 * (CGROUP_PATH_BYTES) is where it stands. False: no limit. */
bool cgroup_limit(const struct cgroup *group, enum cgroup_kind kind, uint64_t *limit, char *folder);

/* A number in a file of a folder; with `key` that of the line `key N`. False: not there. */
bool cgroup_read(const char *folder, const char *file, const char *key, uint64_t *value);

#endif
