#ifndef PAWL_STORE_MADE_H
#define PAWL_STORE_MADE_H
/* What pawl made in this workspace: `.pawl/made`, append-only records, one row a path, the last one
 * counts. Not a hint: from it follow orphans (made earlier, unchanged, no stage declares it now),
 * kept files (bytes at an output path that no row and no result knows) and what `clean` may remove.
 *
 *     made = made_open(pawlfd, &err);
 *     if (made_find(made, path, &row)) …
 *     made_put(made, &row); made_remove(made, path); made_flush(made, &err);   once a turn
 *     made_close(made);
 *
 * In memory are hashes and places alone, taken from a table beside the file (`made.table`) and from
 * what was appended since that was written; a row is read from the file and checked each time.
 *
 * One thread; the caller holds the workspace's lock when it writes. Strings of a row are valid
 * until the next call.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sha256.h"
#include "base/str.h"

enum made_kind { MADE_FILE, MADE_FOLDER, MADE_LINK };

struct made_row {
    struct str path; /* workspace path */
    enum made_kind kind;
    bool executable;
    struct digest digest; /* FOLDER: of the tree object */
    uint64_t size_bytes;
    struct str stage, instance;
    struct str run; /* id of the run that made or restored it */
};

struct made;

/* `dirfd`: the folder `.pawl`; -1: there is none, no rows. NULL on error; a damaged line is
 * skipped (made_check tells). */
struct made *made_open(int dirfd, struct err *err);
/* The workspace's lock is held: see record_file_own. */
void made_own(struct made *made);
void made_close(struct made *made);

bool made_find(const struct made *made, struct str path, struct made_row *row);
/* Rows in the order in which their paths were first made: `*pos` starts at 0. */
bool made_next(const struct made *made, uint32_t *pos, struct made_row *row);
uint32_t made_count(const struct made *made);

/* Seen at once, written by made_flush. A row equal to the one there is writes nothing. */
void made_put(struct made *made, const struct made_row *row);
void made_remove(struct made *made, struct str path);
/* Appends what is new with one write; compacts first when more than half of the file is dead. */
bool made_flush(struct made *made, struct err *err);
/* False, status 12, with the place, if the file has damaged lines. */
bool made_check(const struct made *made, struct err *err);

#endif
