#ifndef PAWL_STORE_ROOTS_H
#define PAWL_STORE_ROOTS_H
/* What a store must keep for the workspaces that use it: for each run that ended, the keys that its
 * instances ended with, and the objects that its record speaks of. gc reads nothing else of other
 * workspaces.
 *
 *     roots_write(store_fd, &workspace, &run, &err)       at the end of a run
 *     roots_workspaces(store_fd, &arena, &list, &err)     who has written any
 *     roots_read(store_fd, &workspace, &arena, &all, &err)
 *
 * A run that knew the keys of its whole plan writes all of them; any other one is a *part*: the
 * instances that it does not name have the keys that they had. A missing or damaged file costs
 * nothing that is needed (store/gc_roots.c). The format is at the head of roots.c. One thread.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/sha256.h"
#include "base/str.h"
#include "store/run_dir.h"

struct roots_row {
    uint64_t instance; /* result_instance_hash */
    struct digest key;
};

struct roots_run {
    struct run_id run;
    struct str pipeline; /* of several manifests in a workspace each has its own runs */
    bool part;
    bool begun;      /* written at its beginning: a part of the keys that it found */
    bool merged;     /* all keys, but of several runs that were pruned into it */
    int64_t time_ns; /* when it was written, since 1970 */
    const struct digest *objects;
    uint32_t object_count;
    const struct roots_row *rows;
    uint32_t row_count;
    uint64_t ino; /* of its file, when read */
};

struct roots {
    struct roots_run *runs; /* oldest first */
    uint32_t count;
    struct run_id damaged; /* the newest whose file was no whole one; "": none */
};

struct roots_workspaces {
    struct digest *items;
    uint32_t count;
};

/* Makes or replaces the run's file. No sync: one that a power cut spoils only keeps more. */
/* The folder of a workspace, for reading; -1 with errno: ENOENT if it wrote none yet. */
int roots_open_own(int store_fd, const struct digest *workspace);
bool roots_write(int store_fd, const struct digest *workspace, const struct roots_run *run,
                 struct err *err);
bool roots_workspaces(int store_fd, struct arena *arena, struct roots_workspaces *list,
                      struct err *err);
/* All runs, but those that `skip` (may be NULL) says yes to, by name and inode. A workspace without
 * any has none. */
bool roots_read(int store_fd, const struct digest *workspace,
                bool (*skip)(void *ctx, const struct run_id *run, uint64_t ino), void *ctx,
                struct arena *arena, struct roots *roots, struct err *err);
/* The runs that have one, sorted; none if the workspace wrote none yet. */
bool roots_list(int store_fd, const struct digest *workspace, struct arena *arena,
                struct run_list *list, struct err *err);
/* Of one run. False: there is none, or no whole one. */
bool roots_read_run(int store_fd, const struct digest *workspace, const struct run_id *id,
                    struct arena *arena, struct roots_run *run);
bool roots_remove(int store_fd, const struct digest *workspace, const struct run_id *run,
                  struct err *err);

#endif
