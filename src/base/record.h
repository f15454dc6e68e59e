#ifndef PAWL_BASE_RECORD_H
#define PAWL_BASE_RECORD_H
/* Append-only files of checksummed records, safe against torn writes, damage and several writing
 * processes. A record is a type (a number of its file's kind) and a payload of bytes.
 *
 *     record_file_open(&file, dirfd, "results", "results", &err);   a missing file is an empty one
 *     for (pos = 0; record_next(&file, &pos, &record);) …           all whole records
 *     struct record_batch batch = …; record_batch_add(&batch, …);
 *     record_append(&file, &batch, &err);                           one write; made if missing
 *     record_file_close(&file);
 *
 * The file is read whole into memory when it is opened and kept in step by record_append and
 * record_refresh: records that other processes appended meanwhile show up behind what was read, so
 * a caller goes on with its `pos`. When another process replaced the file (compaction), it is read
 * anew and `generation` grows: a caller that sees that starts again with pos 0.
 *
 * A *torn tail* (bytes behind the last whole record and nothing valid behind them) is what a crash
 * leaves: ignored by readers, cut by the next append. *Damage* is bytes that are no record with
 * whole records behind them: these are skipped, counted in `damaged_bytes`, and told by
 * record_damage; the records behind them count, as each stands for itself. Nothing is ever repaired
 * silently: damaged bytes stay until record_replace.
 *
 * Errors: status 11; status 12 when the file is of another kind or its header is damaged. One
 * thread. Slices of payloads are valid until the next append, refresh or close.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum { RECORD_KIND_BYTES = 8 };

struct record_file {
    int dirfd; /* not ours */
    int fd;    /* -1: no such file yet */
    char *path;
    char kind[RECORD_KIND_BYTES];
    uint64_t seed; /* of this file, in every checksum */
    uint64_t ino, dev;
    unsigned char *data; /* what was read: up to the end of the last whole record */
    size_t len, cap;
    size_t damaged_bytes;
    size_t damage_offset; /* of the first damaged byte, if damaged_bytes is not 0 */
    uint64_t torn_bytes;  /* seen behind `len` at the last look */
    uint32_t generation;  /* from 1 */
};

struct record {
    uint32_t type;
    uint64_t offset; /* in the file */
    struct str payload;
};

/* Records for one write. */
struct record_batch {
    struct strbuf bytes;
    uint32_t count;
};

/* Reads `path` (below `dirfd`). `kind`: up to 8 bytes, checked against the file's. */
bool record_file_open(struct record_file *file, int dirfd, const char *path, const char *kind,
                      struct err *err);
void record_file_close(struct record_file *file);
/* Takes in what others appended or replaced since. */
bool record_refresh(struct record_file *file, struct err *err);

/* The record at or behind `*pos` (0 at the start), leaves `*pos` behind it; false at the end. */
bool record_next(const struct record_file *file, uint64_t *pos, struct record *record);
/* The record whose offset is known; false when there is none. */
bool record_at(const struct record_file *file, uint64_t offset, struct record *record);

void record_batch_init(struct record_batch *batch);
void record_batch_fini(struct record_batch *batch);
void record_batch_clear(struct record_batch *batch);
/* At most LIMIT_RECORD_BYTES (asserted). */
void record_batch_add(struct record_batch *batch, uint32_t type, struct str payload);
/* Walks the batch as record_next walks a file; offsets are those in the batch. */
bool record_batch_next(const struct record_batch *batch, uint64_t *pos, struct record *record);

/* Appends all records of the batch with one write under the file's lock, after taking in what
 * others appended; on any failure the file is as it was (or ends in a torn tail, if even truncating
 * failed). An empty batch does nothing. The batch is left as it is. */
bool record_append(struct record_file *file, const struct record_batch *batch, struct err *err);
/* Replaces the whole file by these records, under its lock, durably (temporary file, fsync, rename,
 * fsync of the folder). Called with `file` in step: fails with status 9 if another process appended
 * since `file` was last read, then refresh and make the batch again. */
bool record_replace(struct record_file *file, const struct record_batch *batch, struct err *err);
/* False and status 12 with the place, if damage was seen. */
bool record_check(const struct record_file *file, struct err *err);

#endif
