#ifndef PAWL_STORE_PARK_H
#define PAWL_STORE_PARK_H
/* A good output is never gone before its successor is complete and accepted: what lies at an
 * attempt's output paths is *parked* before the command starts, and dropped or brought back
 * afterwards. Every function may be killed at any point and repeated: it ends the same.
 *
 *     parked/<run>/<attempt>/<workspace path>      below .pawl
 *     <workspace path>.pawl-parked.<attempt>       beside, where rename into .pawl is refused
 *
 * Order: record attempt.started with all paths, park_outputs, spawn; then one of park_drop
 * (accepted and durable, or the parked digest is durable) and park_return (failed, refused,
 * killed).
 *
 * Paths are workspace paths and NUL-terminated. `run` and `attempt` are single path components
 * (asserted: no slash, not empty, not dots).
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "os/files.h"

struct park_place {
    int workspace_fd;
    int pawl_fd; /* .pawl: parked/, failed/, refused/, kept/ are made in it */
    struct clone_memory *clone;
};

enum {
    PARK_FAILED_FILE_BYTES = 64 << 20, /* partial outputs kept of one attempt, in all */
};

/* Parks whatever exists at `paths` (files, links, folders; workspace paths). All or nothing: when
 * one cannot be moved, those parked so far return and the error (status 11) names path, owner,
 * errno.
 * `*parked` (may be NULL) counts what existed. */
bool park_outputs(const struct park_place *place, struct str run, struct str attempt,
                  const struct str *paths, uint32_t count, uint32_t *parked, struct err *err);
/* True if something is parked for `path`; where it lies goes to `where` (relative to *dirfd). */
bool park_find(const struct park_place *place, struct str run, struct str attempt, struct str path,
               struct strbuf *where, int *dirfd);

/* Where partial or refused outputs go before what was parked returns. */
enum park_fate { PARK_FATE_FAILED, PARK_FATE_REFUSED };
/* Moves what lies at `paths` now to failed/ or refused/<run>/<instance>/ (of failed ones no more
 * than the limit above: what is larger is removed), then brings back all that was parked.
 * `instance` is one path component. */
bool park_return(const struct park_place *place, struct str run, struct str attempt,
                 const struct str *paths, uint32_t count, enum park_fate fate, struct str instance,
                 int64_t started_ns, struct err *err);
/* Removes all that the attempt parked, or one path of it. */
bool park_drop(const struct park_place *place, struct str run, struct str attempt,
               const struct str *paths, uint32_t count, struct err *err);
bool park_drop_path(const struct park_place *place, struct str run, struct str attempt,
                    struct str path, struct err *err);

/* Somebody's bytes move to kept/<run>/<path>; a name taken there gets `.2`, `.3`, …. Where they
 * went, relative to .pawl, goes to `kept`. */
bool park_keep(const struct park_place *place, struct str run, struct str path, struct strbuf *kept,
               struct err *err);

/* The same for what the attempt parked at `path`: it was somebody's. Nothing parked there is
 * success, with `kept` as it was. */
bool park_keep_parked(const struct park_place *place, struct str run, struct str attempt,
                      struct str path, struct strbuf *kept, struct err *err);

/* What lies below parked/ after a crash. */
struct parked_attempt {
    struct str run, attempt;
    bool unfinished; /* killed while parking or returning: no command of it wrote anything since */
    struct str *paths; /* files, links and empty folders: where an output that is a folder begins
                          cannot be told any more; what lies beside its place comes last */
    uint32_t count, beside_count;
};
struct parked_list {
    struct parked_attempt *items;
    uint32_t count;
};
/* Everything below parked/, sorted by run and attempt, with what was parked beside. For each one
 * the caller ends what park_return or park_drop had begun, or was still to do. */
bool park_list(const struct park_place *place, struct arena *arena, struct parked_list *list,
               struct err *err);

#endif
