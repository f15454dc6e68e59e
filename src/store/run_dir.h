#ifndef PAWL_STORE_RUN_DIR_H
#define PAWL_STORE_RUN_DIR_H
/* Run ids and the folders `runs/<run-id>` of a workspace.
 *
 * An id is the time of its start and four random hex digits, `20261120T234112Z-7f3a`: sorting by
 * text sorts by time. `pawlfd` is the folder `.pawl`; -1 (no such folder) means that there are no
 * runs.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { RUN_ID_BYTES = 21 };

struct run_id {
    char text[RUN_ID_BYTES + 1]; /* NUL-terminated */
};

/* Of a time in ns since 1970 and 16 random bits. */
struct run_id run_id_make(int64_t time_ns, uint16_t random);
bool run_id_parse(struct str text, struct run_id *id);
/* Seconds since 1970 when it started. */
int64_t run_id_seconds(const struct run_id *id);

/* Makes `runs/<id>` and `runs/<id>/logs` for a fresh id, which sorts behind all that are there: of
 * a run of the same second, or after the clock was set back, it is the next one. `random` gives 16
 * random bits a call. Returns the folder's descriptor, or -1. */
int run_dir_create(int pawlfd, int64_t time_ns, uint16_t (*random)(void *context), void *context,
                   struct run_id *id, struct err *err);
/* The folder of a run that exists; -1 on error. */
int run_dir_open(int pawlfd, const struct run_id *id, struct err *err);

struct run_list {
    struct run_id *ids; /* oldest first */
    uint32_t count;
};
/* The ids among the names in a folder, sorted; `shown` names it. No folder: none. */
bool run_list_read(int dirfd, const char *folder, const char *shown, struct arena *arena,
                   struct run_list *list, struct err *err);
/* The same of both, each once. */
void run_list_merge(struct run_list *list, const struct run_list *other, struct arena *arena);
/* An id, a prefix that fits one alone, `latest` or `previous` (the one before it). Status 2: no
 * such run, or several, which are listed. */
bool run_list_resolve(const struct run_list *list, struct str selector, struct run_id *id,
                      struct err *err);
/* All runs, names that are no id left out. No folder: none. */
bool run_dir_list(int pawlfd, struct arena *arena, struct run_list *list, struct err *err);
/* run_list_resolve of these. */
bool run_dir_resolve(int pawlfd, struct str selector, struct run_id *id, struct err *err);

#endif
