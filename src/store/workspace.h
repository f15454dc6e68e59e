#ifndef PAWL_STORE_WORKSPACE_H
#define PAWL_STORE_WORKSPACE_H
/* The folder `.pawl` of a workspace: who it is, and its parts, made when first needed.
 *
 *     workspace_find(&ws, rootfd, &err)       looks; writes nothing; `exists` tells
 *     workspace_create(&ws, &err)             before the first write: makes what is missing
 *     workspace_folder(&ws, "tmp", &err)      makes a part of it
 *     workspace_close(&ws)
 *
 * `format` says "pawl 1" and the workspace's random id. Another number is a clear error (status 11)
 * and nothing is touched. `.gitignore` in it hides all of it from git.
 */
#include <stdbool.h>

#include "base/err.h"
#include "base/sha256.h"

enum { WORKSPACE_FORMAT = 1 };

struct workspace {
    int rootfd;       /* the workspace, not ours */
    int pawlfd;       /* .pawl, or -1 as long as it does not exist */
    bool exists;      /* .pawl with a good `format` is there */
    struct digest id; /* random, of this workspace; all zero as long as it does not exist */
};

bool workspace_find(struct workspace *ws, int rootfd, struct err *err);
/* Makes .pawl, .gitignore and format; nothing if it exists. Safe against another process doing the
 * same. Not writable: status 11 with the reason and what to do. */
bool workspace_create(struct workspace *ws, struct err *err);
/* Makes the folder `path` below .pawl (with its parents). The workspace must exist. */
bool workspace_folder(const struct workspace *ws, const char *path, struct err *err);
void workspace_close(struct workspace *ws);

#endif
