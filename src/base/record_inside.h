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

/* record.c: the checksum of a record, from that of its payload. */
uint64_t record_seal(uint64_t payload_sum, uint64_t seed, uint32_t type, uint32_t len);
void record_make_head(unsigned char head[RECORD_FILE_HEAD_BYTES], const char *kind, uint64_t seed);
/* Room for `size` bytes in all. */
void record_reserve(struct record_file *file, size_t size);
/* Opens the path as it is now; `create`: for writing, made if missing. */
bool record_open_path(struct record_file *file, bool create, struct err *err);
/* Forgets the file that was read. */
void record_forget(struct record_file *file);
/* If the path still is the file we have: takes in what lies behind `len`; else forgets the file. */
bool record_catch_up(struct record_file *file, bool *current, struct err *err);

#endif
