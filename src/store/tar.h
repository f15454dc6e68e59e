#ifndef PAWL_STORE_TAR_H
#define PAWL_STORE_TAR_H
/* Tar archives of regular files: headers as bytes, and a reader of a stream that trusts nothing.
 * The format is at the head of tar.c. Neither touches a descriptor.
 *
 * Writing: for each member tar_put_header(), its bytes, tar_put_padding(); tar_put_end() last.
 *
 * Reading: tar_begin(&tar, &source); then tar_next() and, for each member, tar_read() until it
 * gives 0, in turn; after TAR_END nothing of the stream is left. Memory: the reader itself, however
 * large the archive or what it says of itself. After an error there is nothing more to read.
 *
 * Errors: status 12 for what is no such archive, with the offset of the header; others are the
 * source's.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

enum {
    TAR_BLOCK_BYTES = 512,
    TAR_NAME_BYTES = 1023, /* longest name of a member */
    TAR_PAX_BYTES = 4096   /* most that may be said of a member besides its header */
};

/* --- writing --- */

/* Appends the header of a regular file. `name`: as tar_name_is_valid() (asserted). */
void tar_put_header(struct strbuf *out, struct str name, uint64_t size_bytes);
/* Appends what fills up the last block of a member's bytes. */
void tar_put_padding(struct strbuf *out, uint64_t size_bytes);
/* Appends what ends the archive. */
void tar_put_end(struct strbuf *out);

/* Relative, normalised, printable ASCII, not longer than TAR_NAME_BYTES: a name that means the same
 * to everybody and leads nowhere else. */
bool tar_name_is_valid(struct str name);

/* --- reading --- */

/* Gives up to `size` bytes: how many, 0 at the end, -1 with `err` set. */
struct tar_source {
    ssize_t (*read)(void *ctx, void *data, size_t size, struct err *err);
    void *ctx;
};

struct tar {
    struct tar_source source;
    uint64_t offset;     /* in the stream: what was read */
    uint64_t header_at;  /* of the present member */
    uint64_t size_bytes; /* of the present member */
    uint64_t left_bytes; /* of these, not read yet */
    struct str name;     /* of the present member; until the next one */
    char name_text[TAR_NAME_BYTES + 1];
};

enum tar_answer { TAR_MEMBER, TAR_END, TAR_FAILED };

void tar_begin(struct tar *tar, const struct tar_source *source);
/* The next member: `name` and `size_bytes` say which. What was not read of the one before is passed
 * over. */
enum tar_answer tar_next(struct tar *tar, struct err *err);
/* Bytes of the present member: how many, 0 when all were read, -1: error. */
ssize_t tar_read(struct tar *tar, void *data, size_t size, struct err *err);

#endif
