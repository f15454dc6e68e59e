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
 * Nothing of the file stays in memory but a window that moves over it, read and never mapped: a
 * file that somebody cuts is no danger. record_append and record_refresh keep in step with it:
 * records that other processes appended meanwhile show up behind what was read, so a caller goes on
 * with its `pos`. When another process replaced the file (compaction), it is read anew and
 * `generation` grows: a caller that sees that starts again with pos 0.
 *
 * Whoever keeps what he found in a file need not walk all of it again:
 *
 *     mark = record_mark(&file);                     up to where all was taken in; kept elsewhere
 *     record_file_begin(&file, dirfd, path, kind, &mark, &err);    without a walk
 *     for (pos = file.trusted; record_next(&file, &pos, &record);) …    what is new
 *     record_read(&file, offset, len, &bytes, &record);    one that was found before, checked now
 *
 * A *torn tail* (bytes behind the last whole record and nothing valid behind them) is what a crash
 * leaves: ignored by readers, cut by the next append. *Damage* is bytes that are no record with
 * whole records behind them: these are skipped, counted in `damaged_bytes`, and told by
 * record_damage; the records behind them count, as each stands for itself. Nothing is ever repaired
 * silently: damaged bytes stay until record_replace.
 *
 * Errors: status 11; status 12 when the file is of another kind or its header is damaged. One
 * thread. Slices of payloads are valid until the next call with this file.
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
    size_t len;     /* up to the end of the last whole record that was taken in */
    size_t size;    /* of the file at the last look */
    size_t last;    /* offset of the last whole record, 0: none */
    size_t trusted; /* up to where a mark was believed */
    size_t damaged_bytes;
    size_t damage_offset; /* of the first damaged byte, if damaged_bytes is not 0 */
    uint64_t torn_bytes;  /* behind `len`, once all was taken in */
    uint32_t generation;  /* from 1 */
    bool owned, held;     /* see record_file_own; the lock is held between appends */
    int read_errno;       /* of a read that failed in record_next */
    struct strbuf sealed; /* room for what an append writes */
    unsigned char *window;
    size_t window_at, window_len, window_cap;
    size_t asked;        /* what record_at and record_glance were asked for last */
    struct strbuf aside; /* their own window, from `aside_at` on */
    size_t aside_at;
};

/* Up to where a file was taken in: its seed, and where the last record there begins, ends, and its
 * checksum. All zero: nothing. */
struct record_mark {
    uint64_t seed, last, len, checksum;
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
/* The same without taking in any record: record_next does. The records before `mark` (may be NULL)
 * are passed by if the file is the one it is of and still holds its last record; else it counts for
 * nothing. */
bool record_file_begin(struct record_file *file, int dirfd, const char *path, const char *kind,
                       const struct record_mark *mark, struct err *err);
/* The same, made if missing, and record_file_own() from now on: waits for the lock. */
bool record_file_begin_own(struct record_file *file, int dirfd, const char *path, const char *kind,
                           struct err *err);
void record_file_close(struct record_file *file);
/* Whoever appends holds another lock on all that this file belongs to: from the first append on the
 * file's own lock is kept until record_file_close, and an append does not look what others did. A
 * second writer that knows nothing of that other lock waits so long. */
void record_file_own(struct record_file *file);
/* Takes in what others appended or replaced since. */
bool record_refresh(struct record_file *file, struct err *err);

/* The record at or behind `*pos` (0 at the start), leaves `*pos` behind it; false at the end, or
 * when reading failed, which record_failed tells. */
bool record_next(struct record_file *file, uint64_t *pos, struct record *record);
/* True and status 11, if record_next ended because of a failed read. */
bool record_failed(const struct record_file *file, struct err *err);
/* The whole record with a payload of `len` bytes at an offset, read into `bytes`; false when there
 * is no such one (any more), whatever the reason. */
bool record_read(const struct record_file *file, uint64_t offset, uint32_t len,
                 struct strbuf *bytes, struct record *record);
/* The same of whatever length. Whoever asks for records in the order of the file has few reads, any
 * other one for each. Status 12: there is no such one (any more). */
bool record_at(struct record_file *file, uint64_t offset, struct record *record, struct err *err);
/* Its type and the first bytes of its payload, `want` of them or fewer, without a look at the
 * checksum. */
bool record_glance(struct record_file *file, uint64_t offset, uint32_t want, struct record *record);
/* The mark of all that was taken in; false if there is nothing, or damage, which a mark would
 * hide. */
bool record_mark(struct record_file *file, struct record_mark *mark);

void record_batch_init(struct record_batch *batch);
void record_batch_fini(struct record_batch *batch);
void record_batch_clear(struct record_batch *batch);
/* At most LIMIT_RECORD_BYTES (asserted). */
void record_batch_add(struct record_batch *batch, uint32_t type, struct str payload);
/* Walks the batch as record_next walks a file; offsets are those in the batch. */
bool record_batch_next(const struct record_batch *batch, uint64_t *pos, struct record *record);
/* The one at an offset that record_batch_next gave. */
struct record record_batch_at(const struct record_batch *batch, uint64_t offset);

/* Appends all records of the batch with one write under the file's lock, after taking in what
 * others appended; on any failure the file is as it was (or ends in a torn tail, if even truncating
 * failed). An empty batch does nothing. The batch is left as it is. */
bool record_append(struct record_file *file, const struct record_batch *batch, struct err *err);
/* Replaces the whole file by these records, under its lock, durably (temporary file, fsync, rename,
 * fsync of the folder). Called with `file` in step: fails with status 9 if another process appended
 * since `file` was last read, then refresh and make the batch again. */
bool record_replace(struct record_file *file, const struct record_batch *batch, struct err *err);
/* False and status 12 with the place, if there is damage in what was taken in; what a mark passed
 * by is read for it. */
bool record_check(const struct record_file *file, struct err *err);

#endif
