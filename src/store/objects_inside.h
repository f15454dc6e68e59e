#ifndef PAWL_STORE_OBJECTS_INSIDE_H
#define PAWL_STORE_OBJECTS_INSIDE_H
/* What the files of the object store share; nobody else includes this.
 *
 * Locks: `epoch_lock` is held shared while an object is written and named, and by a barrier while
 * it renames; exclusive while the epoch changes. `mutex` guards the table and the list of fresh
 * names. The first is taken before the second.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "base/vec.h"
#include "store/barrier.h"
#include "store/epoch.h"
#include "store/known.h"
#include "store/objects.h"

enum {
    OBJECT_NAME_BYTES = DIGEST_HEX_BYTES + 2, /* ab/cdef… and a NUL */
    OBJECT_TEMP_BYTES = 64,
    OBJECTS_TREE_BYTES = 1 << 30
};

struct objects {
    int dirfd, objects_fd, fresh_fd, tmp_fd; /* -1: not there (read only) */
    int lock_fd;                             /* fresh/<epoch>/lock, shared */
    int epoch_fd;                            /* fresh/<epoch> */
    char shown[256];
    bool read_only;

    pthread_rwlock_t epoch_lock;
    struct epoch epoch;
    uint64_t generation; /* of the epoch within this session */
    _Atomic bool breaking;
    _Atomic uint32_t breaks_wanted;

    pthread_mutex_t mutex;
    struct known known;
    VEC(struct digest) fresh; /* not yet noted by a barrier */
    uint64_t fresh_bytes;
    struct err damage; /* the last one that was met and removed */

    _Atomic uint64_t temp_count;
    uint32_t session; /* random; in names of temporary files */
    struct clone_memory clone;
};

/* objects.c */
const char *object_name(const struct digest *digest, char name[static OBJECT_NAME_BYTES]);
enum known_state objects_look(struct objects *objects, const struct digest *digest);
/* Without a look into fresh/, for who is about to put it there. */
enum known_state objects_look_old(struct objects *objects, const struct digest *digest);
void objects_know(struct objects *objects, const struct digest *digest, enum known_state state);
void objects_note_fresh(struct objects *objects, const struct digest *digest, uint64_t size_bytes);
/* Moves a name from an open folder into objects/. ENOENT there is success if it is in objects/. */
bool objects_promote(struct objects *objects, int folder, const char *from,
                     const struct digest *digest, struct err *err);

/* A hard link to the object, `name` below `dir`; false and errno. */
bool object_link(struct objects *objects, const struct digest *digest, int dir, const char *name);

/* settle.c: the epoch's folder, and what dead sessions left; see its head. */
bool settle_open(struct objects *objects, struct objects_settled *settled, struct err *err);

/* put.c */
const char *object_temp_name(struct objects *objects, char name[static OBJECT_TEMP_BYTES]);

/* put_output.c */
void output_rows_take(struct output_rows *rows, const struct output_row *items, size_t count);

#endif
