#ifndef PAWL_STORE_BUNDLE_H
#define PAWL_STORE_BUNDLE_H
/* Bundles: results, with the objects they need, and records of runs in one tar archive, from the
 * store of one machine to that of another. The format is at the head of bundle.c.
 *
 * Making one: bundle_export_new(); bundle_export_result(), _object() and _run() for what is wanted,
 * in any order, each as often as it comes; bundle_export_write(); bundle_export_free(). Nothing is
 * changed, so no lock is needed.
 *
 * Taking one in, with the workspace's lock held: bundle_import_open(); bundle_import_read(), which
 * checks all of it, puts the objects into the store and the rest below `.pawl/tmp`; the caller
 * looks at the runs; bundle_import_enter(); bundle_import_close(). Closed without having entered,
 * it takes back what it brought: in a store of one workspace objects too; in a shared one they
 * stay, for another workspace may count on them by now.
 *
 * One thread. Errors: status 12 for a damaged bundle or a damaged object, 11 for the machine.
 */
#include <stdbool.h>
#include <stdint.h>

#include "store/objects.h"
#include "store/results.h"
#include "store/run_dir.h"

/* --- making one --- */

struct bundle_export;

struct bundle_export *bundle_export_new(struct objects *objects, const struct results *results,
                                        int pawlfd);
void bundle_export_free(struct bundle_export *bundle);
/* A result with the bytes of all outputs that it stored. `*whole` false: some are not in the store,
 * or the result cannot be read; then nothing of it is taken. */
bool bundle_export_result(struct bundle_export *bundle, struct result_ref ref, bool *whole,
                          struct err *err);
/* One object; nothing if it is not there. */
bool bundle_export_object(struct bundle_export *bundle, const struct digest *digest,
                          struct err *err);
/* The record of a run that is over, with its logs. */
bool bundle_export_run(struct bundle_export *bundle, const struct run_id *id, struct err *err);

struct bundle_sums {
    uint64_t objects, results, runs;             /* in the bundle */
    uint64_t new_objects, new_results, new_runs; /* of these, not here before */
    uint64_t strangers;                          /* new results that only a stage with `tools`, or
                                                    `portable = true`, lets count here */
    uint64_t size_bytes;                         /* of the archive */
    struct digest manifest;                      /* of the first member: names all the others */
};
/* Writes it from the descriptor's present position on; every object is checked on its way. */
bool bundle_export_write(struct bundle_export *bundle, int fd, struct bundle_sums *sums,
                         struct err *err);

/* --- taking one in --- */

struct bundle_import;

struct bundle_place {
    struct objects *objects;
    struct results *results;
    int pawlfd;
    bool shared; /* the store belongs to other workspaces, too */
    struct digest workspace, machine;
};

/* Clears away what an import that was killed left. NULL on error. */
struct bundle_import *bundle_import_open(const struct bundle_place *place, struct err *err);
void bundle_import_close(struct bundle_import *import);
/* `fd` is read to its end. */
bool bundle_import_read(struct bundle_import *import, int fd, struct err *err);
/* The runs that are not here yet, by folders `runs/<id>` below `*fd`, which stays the import's. */
const struct run_id *bundle_import_runs(const struct bundle_import *import, uint32_t *count,
                                        int *fd);
/* Results, then runs; when it says true, all of it is on the disk. */
bool bundle_import_enter(struct bundle_import *import, struct bundle_sums *sums, struct err *err);

#endif
