#ifndef PAWL_BASE_RECORD_INSIDE_H
#define PAWL_BASE_RECORD_INSIDE_H
/* What the files of base/record share; nobody else includes this. */
#include "base/record.h"
#include "base/sys.h"

enum {
    RECORD_FILE_HEAD_BYTES = 32,
    RECORD_HEAD_BYTES = 20,
    RECORD_MAGIC = 0x4352b7a5 /* little endian: a5 b7 'R' 'C' */
};

/* record_walk.c: the checksum of a record, from that of its payload. */
uint64_t record_seal(uint64_t payload_sum, uint64_t seed, uint32_t type, uint32_t len);
/* Is the checksum of the record right, all of which lies in memory? */
bool record_is_sealed(const unsigned char *head, uint64_t seed);
/* The bytes of the file from `at` on, at least `want` of them; NULL when they are not all there or
 * reading fails (read_errno). Valid until the next one. */
const unsigned char *record_load(struct record_file *file, size_t at, size_t want);
/* Takes in all records between `len` and `size`. */
bool record_take_all(struct record_file *file, struct err *err);
/* Moves `len` to the mark if it is of this file. */
void record_trust(struct record_file *file, const struct record_mark *mark);

/* record.c */
void record_make_head(unsigned char head[RECORD_FILE_HEAD_BYTES], const char *kind, uint64_t seed);
/* Opens the path as it is now; `create`: for writing, made if missing. */
bool record_open_path(struct record_file *file, bool create, struct err *err);
void record_file_init(struct record_file *file, int dirfd, const char *path, const char *kind);
/* If the path still is the file we have: takes in all that lies behind `len` (`all`), or only looks
 * how long it is; else forgets it. */
bool record_catch_up(struct record_file *file, bool all, bool *current, struct err *err);

#endif
