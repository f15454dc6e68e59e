#ifndef PAWL_OS_WALK_H
#define PAWL_OS_WALK_H
/* Listing a folder and all below it, sorted by the bytes of the whole path (`a-b` before `a/b`
 * before `a0`, as a tree object wants it). Links are listed, never followed. */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "os/signature.h"

struct walk_entry {
    struct str path;     /* relative to the folder listed, NUL-terminated */
    enum file_type type; /* FILE_REGULAR, _FOLDER, _LINK or _OTHER */
};

struct walk_list {
    struct walk_entry *items;
    uint32_t count;
};

/* Who lists many folders, one after the other, keeps what a walk needs for itself: to ask for it
 * and to give it back each time costs as much as a short listing. */
struct walk_room {
    VEC(struct walk_entry) found;
};
void walk_room_fini(struct walk_room *room);

struct walk_options {
    const struct str
        *ignore; /* more patterns: names with `*` and `?`, or ending in `/` for folders */
    uint32_t ignore_count;
    bool all;               /* without the built-in ignore list */
    bool flat;              /* this folder alone, not what is below */
    uint32_t limit;         /* entries at most, 0: LIMIT_INSTANCES; more is an error */
    struct walk_room *room; /* NULL: the walk's own */
};

/* True if a listing leaves out an entry of this name (one component): `.git .pawl __pycache__` as
 * folders, `*.pyc .DS_Store *~ .*.sw?`, our own `.pawl-new.*` and `*.pawl-parked.*`, and the names
 * given. */
bool walk_is_ignored(const struct walk_options *options, struct str name, enum file_type type);

/* Lists `path` below `dirfd` (a folder itself reached through links). Memory from the arena. */
bool walk_folder(int dirfd, const char *path, const struct walk_options *options,
                 struct arena *arena, struct walk_list *list, struct err *err);
/* The bytes of all files in what lies at `path` (a file, a folder), counting no further than
 * `limit_bytes`. A missing path has none; what cannot be read counts as the limit. */
uint64_t walk_size_bytes(int dirfd, const char *path, uint64_t limit_bytes);

#endif
