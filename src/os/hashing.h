#ifndef PAWL_OS_HASHING_H
#define PAWL_OS_HASHING_H
/* Digests and firm signatures of many files at once, on as many threads as there are processors and
 * work for them. Small files are read in batches and hashed several at once (base/sha256_many.h);
 * of the large ones each thread takes one.
 *
 *     files[i].path = …
 *     hashing_look(files, count);          what lies there: `found`
 *     files[i].wanted = …                  by what is known already
 *     hashing_read(times, files, count);   `read`, `digest`, `signature`, `firm`
 *
 * Both come back when all is done; the calling thread takes its share. Nothing is an error here: a
 * file that could not be looked at or read, that is not a regular one, or that changed since the
 * look has `looked` or `read` false, and whoever needs it reads it by itself and learns why. What
 * is `read` has the digest that file_hash() would have given. Memory: HASHING_BATCH_BYTES a thread.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/sha256.h"
#include "os/signature.h"

enum {
    HASHING_BATCH_BYTES = 512 << 10,
    HASHING_BATCH_FILES = 256,
    HASHING_SMALL_BYTES = 64 << 10, /* what is larger is read alone */
    HASHING_FILES = 4096            /* a good number for one call: all of them are kept at once */
};

struct hashing_file {
    const char *path;           /* the caller's; links are followed */
    struct signature found;     /* before anything was read; mode 0: nothing there */
    struct signature signature; /* of what was read, after reading it */
    struct digest digest;
    int64_t looked_ns; /* the clock before `found` */
    bool looked, wanted, read;
    bool firm; /* the signature may be trusted later */
};

void hashing_look(struct hashing_file *files, uint32_t count);
/* Those that are `wanted` and regular files. `times` may be NULL, at the cost of a call for each.
 */
void hashing_read(struct signature_times *times, struct hashing_file *files, uint32_t count);

#endif
