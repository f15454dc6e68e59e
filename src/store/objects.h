#ifndef PAWL_STORE_OBJECTS_H
#define PAWL_STORE_OBJECTS_H
/* The object store: bytes named by their SHA-256, read-only, below `.pawl` or a shared folder.
 *
 *     objects/ab/cdef…  durable: a name here means that its bytes reached the disk
 *     fresh/<epoch>/…   written in this epoch, not yet known to be on disk
 *     tmp/              being written
 *
 * The epoch (store/epoch.h) says how far the page cache can be trusted; a barrier (store/barrier.h)
 * moves fresh names into objects/.
 *
 * Order of calls: objects_open (settles what dead sessions left), put and get, barriers, a last
 * barrier, objects_close. Putting and asking: any thread (the table of known names has its own
 * lock). objects_open and objects_close: one thread.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sha256.h"
#include "base/str.h"
#include "os/files.h"
#include "os/signature.h"
#include "store/tree.h"

struct objects;

struct objects_options {
    /* The folders that hold objects/, fresh/ and tmp/, made when missing. The descriptor stays the
     * caller's and must live as long as the store is open. */
    int dirfd;
    const char *shown; /* how messages name the folder: ".pawl" */
    bool read_only;    /* nothing is made, settled or put: for commands that only look */
};

/* What objects_open found: counts for one line to the user. */
struct objects_settled {
    uint32_t sessions; /* dead ones */
    uint32_t moved;    /* right objects, now in objects/ */
    uint32_t removed;  /* damaged or unfinished ones */
};

struct objects *objects_open(const struct objects_options *options, struct objects_settled *settled,
                             struct err *err);
/* Does not wait for a barrier: what is in fresh/ stays there and counts in this epoch. */
void objects_close(struct objects *objects);

/* The epoch this session writes in; rows that tie signatures to digests carry it. */
struct digest objects_epoch(const struct objects *objects);
/* Its text (store/epoch.h), which stands until the epoch changes; "": nobody else can tell it. */
struct str objects_epoch_text(const struct objects *objects);
/* Starts another epoch: an error was reported by syncfs or a close, so nothing fresh can be trusted
 * unread. Called by the store itself; by others when their own close or sync failed. Known names
 * that were only fresh are read again before they count. */
bool objects_break_epoch(struct objects *objects, struct err *err);

/* Puts the regular file at `path` (reached through no link when `follow` is false: its last part
 * is none): clones or copies it to tmp/, hashes the copy, renames it into fresh/. One
 * that is there already is not written twice. */
bool objects_put_file(struct objects *objects, int dirfd, const char *path, bool follow,
                      struct copied *copied, struct err *err);
/* The same from an open descriptor, read from its start. */
bool objects_put_fd(struct objects *objects, int fd, const char *shown, struct copied *copied,
                    struct err *err);
bool objects_put_bytes(struct objects *objects, struct str bytes, struct digest *digest,
                       struct err *err);
/* Puts what a feed gives until its end, if that is what `expected` says: hashed on its way into
 * tmp/, named only when it is right, else status 12. What is there already is read and hashed all
 * the same. `*added`: it was not there. */
struct objects_feed {
    /* How many bytes, at most `size`; 0: the end; -1: `err` says why. */
    ssize_t (*read)(void *ctx, void *data, size_t size, struct err *err);
    void *ctx;
};
bool objects_put_feed(struct objects *objects, const struct digest *expected,
                      const struct objects_feed *feed, bool *added, struct err *err);
bool objects_put_tree(struct objects *objects, struct tree *tree, struct digest *digest,
                      struct err *err);

/* What an output at a workspace path is, put with all it holds. */
struct put_output {
    enum tree_type type;  /* TREE_FOLDER: `digest` names a tree object */
    struct digest digest; /* of the file's bytes, the link's text, the tree */
    uint64_t size_bytes;  /* of all files in it */
    uint32_t files;
    bool executable;
};

/* What lies in the workspace after an output was put or restored: for rows that tie signatures to
 * digests. The caller sets `arena` and `times` (may be NULL) and zeroes the rest. */
struct output_row {
    struct str path; /* workspace path */
    struct signature signature;
    struct digest digest; /* zero for a folder */
    enum tree_type type;
    bool executable;
    bool firm; /* the signature may be trusted later */
};
struct output_rows {
    struct arena *arena;
    struct signature_times *times;
    struct output_row *items; /* the file or link; of a folder: itself first, then each entry */
    uint32_t count;
};

/* Puts the file, folder or link at `path`; a link stays a link, in folders too. Ignored names are
 * put as well: an output is whole. Sockets, fifos and devices are errors. With `rows`, hashing is
 * put off by a tick (1 to 10 ms) where that makes a signature firm; `rows` may be NULL. */
bool objects_put_output(struct objects *objects, int dirfd, const char *path,
                        struct output_rows *rows, struct put_output *output, struct err *err);

/* In objects/ or in this epoch's fresh/: by the table of known names where it can, else one look. A
 * tree's own members are not looked at; objects_has_output does that. */
bool objects_has(struct objects *objects, const struct digest *digest);
bool objects_has_output(struct objects *objects, enum tree_type type, const struct digest *digest);
/* In objects/: durable. */
bool objects_is_durable(struct objects *objects, const struct digest *digest);
/* A descriptor for reading, or -1 with status 12 when it is nowhere. The bytes are not checked. */
int objects_get(struct objects *objects, const struct digest *digest, struct err *err);
/* The bytes of a small object, checked against the digest. */
bool objects_read(struct objects *objects, const struct digest *digest, uint64_t limit_bytes,
                  struct strbuf *out, struct err *err);
/* A damaged one leaves the store, unless that is read only: what makes it anew would else find it
 * there and write nothing. */
bool objects_read_tree(struct objects *objects, const struct digest *digest, struct arena *arena,
                       struct tree *tree, struct err *err);
/* Says once that a damaged tree left the store since the last call; false: none did. */
bool objects_take_damage(struct objects *objects, struct err *damage);
/* Reads it all: false with status 12 when missing or damaged. */
bool objects_verify(struct objects *objects, const struct digest *digest, uint64_t *size_bytes,
                    struct err *err);
/* Reads it all and takes it away if it is damaged: that file alone, never an intact one that
 * somebody put in its place meanwhile. A missing one is success. */
bool objects_remove_damaged(struct objects *objects, const struct digest *digest, bool *removed,
                            struct err *err);
/* Takes an unneeded object away. A missing one is success. */
bool objects_remove(struct objects *objects, const struct digest *digest, struct err *err);

/* Calls `each` for every object (objects/ and this epoch's fresh/); false from it ends the listing.
 * Any order. */
struct objects_item {
    struct digest digest;
    uint64_t size_bytes;
    int64_t mtime_ns;
    bool durable;
};
bool objects_list(struct objects *objects, bool (*each)(void *ctx, const struct objects_item *item),
                  void *ctx, struct err *err);

/* Forgets which names are known to be there: after a time in which gc may have removed some (the
 * store lock was given up and taken again). */
void objects_forget(struct objects *objects);

/* Names put or found here and not yet durable, and their bytes: when to start a barrier. */
void objects_fresh(struct objects *objects, uint64_t *count, uint64_t *size_bytes);

#endif
