#ifndef PAWL_STORE_INDEX_H
#define PAWL_STORE_INDEX_H
/* The workspace's cache: what each path held when it was last looked at, how each instance last
 * ended, and the last state of all (store/last_state.h). Only a cache: deleting it, or any damage
 * to it, costs planning and hashing, never truth.
 *
 *     index = index_open(pawlfd, &epoch, &err);            maps `index`, folds `index.log` in
 *     if (index_path(index, path, &row) && signature_equal(&row.signature, &now)) … row.digest …
 *     index_put_path(index, …); index_put_instance(index, …);
 *     index_flush(index, &err);                            once a turn: one append to index.log
 *     index_save(index, &err);                             at the end of a run: replaces `index`
 *     index_close(index);
 *
 * A row that ties a signature to a digest belongs to an *epoch* (boot, mount, store session): rows
 * of the present epoch are trusted; rows of another one only if a `synced` mark covers them. So a
 * barrier notes index_position() before its syncfs, and index_mark_synced() with it after. Rows
 * that cannot be trusted are dropped when the index is opened: index_path never gives one.
 *
 * One thread. The caller holds the workspace's lock when it writes.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sha256.h"
#include "base/str.h"
#include "os/signature.h"

struct index;

struct index_path {
    struct signature signature;
    struct digest digest; /* FOLDER: of the tree object */
    bool firm;            /* the signature may be trusted later */
};

enum { INDEX_DURATIONS = 8 };

/* How an instance last ended; numbers are on disk, so only add. */
enum index_state {
    INDEX_NEVER = 0,
    INDEX_OK = 1,
    INDEX_FAILED = 2,
    INDEX_REFUSED = 3,
    INDEX_UNSETTLED = 4,
    INDEX_CANCELLED = 5
};

struct index_instance {
    struct digest key; /* of the last finished attempt; all zero: none */
    enum index_state state;
    uint64_t peak_bytes;
    uint64_t durations_ns[INDEX_DURATIONS]; /* of good attempts, newest first */
    uint32_t duration_count;
};

/* `dirfd`: the folder `.pawl`, not taken over. Damage and foreign versions give an empty index and
 * set `*damaged` (may be NULL); only real errors of reading fail. */
struct index *index_open(int dirfd, const struct digest *epoch, bool *damaged, struct err *err);
/* The same beside an open last state: while that is current its mapping is shared, and a row is
 * looked at for damage when it is first asked for; one that is damaged is not known. */
struct last_state;
struct index *index_open_beside(int dirfd, const struct digest *epoch,
                                const struct last_state *state, bool *damaged, struct err *err);
/* The workspace's lock is held: see record_file_own. */
void index_own(struct index *index);
void index_close(struct index *index);

/* The one that it was opened for: its rows are of it. */
struct digest index_epoch(const struct index *index);
bool index_path(const struct index *index, struct str path, struct index_path *row);
bool index_instance(const struct index *index, struct str name, struct index_instance *row);
uint32_t index_path_count(const struct index *index);
uint32_t index_instance_count(const struct index *index);

/* Since `position` (see index_position), in this session: was a row with other bytes or another
 * type put for the path, or its row dropped? */
bool index_path_since(const struct index *index, struct str path, uint64_t position);

/* Seen at once, written by the next flush. */
void index_put_path(struct index *index, struct str path, const struct index_path *row);
void index_drop_path(struct index *index, struct str path);
void index_put_instance(struct index *index, struct str name, const struct index_instance *row);
/* `duration_ns` becomes the newest of the row's durations. */
void index_instance_add_duration(struct index_instance *row, uint64_t duration_ns);

/* Everything put so far lies before this position. */
uint64_t index_position(const struct index *index);
/* Both file systems answered a syncfs that began after `position` was taken. */
void index_mark_synced(struct index *index, uint64_t position);

/* One write to index.log of what was put since the last flush; nothing if nothing was. */
bool index_flush(struct index *index, struct err *err);
/* Replaces `index` by all rows and empties the log, if anything changed since it was read. A last
 * state that was in it is gone then. */
bool index_save(struct index *index, struct err *err);
/* The same in any case, with a last state, to which nothing is added any more. */
struct last_state_builder;
bool index_save_state(struct index *index, struct last_state_builder *state, struct err *err);
/* Flushes, and says what has become of the last state in the file: it counts again. */
struct last_change;
bool index_note_change(struct index *index, const struct last_change *change, struct err *err);

/* False, status 12, if any checksum, offset or number of the file `index` is wrong (`verify`).
 * `*foreign`: another version of pawl wrote it, and nothing is known of it. */
bool index_check(int dirfd, bool *foreign, struct err *err);

#endif
