#ifndef PAWL_BASE_RECORD_TABLE_H
#define PAWL_BASE_RECORD_TABLE_H
/* What was found in a file of records, kept beside it so that the next opening need not walk all of
 * it: rows of one size and the mark up to which they speak (base/record.h).
 *
 *     record_table_read(&table, dirfd, "results.table", "results", bytes);   false: none
 *     record_file_begin(&file, …, &table.mark, &err);
 *     if (file.trusted != 0) …                              the rows are of this file
 *     row = record_table_row(&table, n);
 *     record_table_fini(&table);
 *
 *     record_table_begin(&table, bytes);
 *     bytes_set_u64(record_table_add(&table), …);
 *     if (record_mark(&file, &table.mark)) record_table_write(&table, dirfd, …);
 *     record_table_fini(&table);
 *
 * A table is a hint: a missing, damaged or foreign one costs the walk, and what it leads to is
 * checked when it is read. So it is written without a sync, replaced as a whole, and an error of
 * writing it is nobody's concern. One thread.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/record.h"

struct record_table {
    struct record_mark mark;
    uint64_t extra; /* one number of the owner's */
    uint32_t row_bytes;
    uint32_t count;
    struct strbuf bytes; /* as in the file */
};

/* True with the rows, to be freed; false and an empty table when there is none that is whole, of
 * this kind (up to 8 bytes) and of rows of this size. */
bool record_table_read(struct record_table *table, int dirfd, const char *path, const char *kind,
                       uint32_t row_bytes);
const void *record_table_row(const struct record_table *table, uint32_t n);

void record_table_begin(struct record_table *table, uint32_t row_bytes);
/* One more row, zeros, to be filled before the next one. */
void *record_table_add(struct record_table *table);
/* Best effort. */
void record_table_write(struct record_table *table, int dirfd, const char *path, const char *kind);
void record_table_fini(struct record_table *table);

/* Is it worth writing one for a file of `len` bytes of which a table covers `trusted`? */
bool record_table_is_due(uint64_t len, uint64_t trusted);

#endif
