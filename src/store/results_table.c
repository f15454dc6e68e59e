/* Owns the file `results.table`: a table (base/record_table.c) of kind "results" with a row for
 * each result that was found in `results`, in its order, so that opening need not walk all of it.
 *
 *     row      place: u64, the record's offset times 16 plus flags (2 without a key, 4 shadowed,
 *              8 forgotten)  length of its payload: u32  hashes of declared key, key and instance:
 *              u32 each
 *
 * Whoever appended writes it when he closes, once enough is new. What a row leads to counts only if
 * the record there is whole and is what was asked for. A result that was damaged since is not
 * found; what it had shadowed comes back with the walk of the next opening, as the table then
 * goes. */
#include "base/record_table.h"
#include "store/results_inside.h"

#include "base/bytes.h"
#include "base/sys.h"

#define TABLE_PATH "results.table"
enum { ROW_BYTES = 24 };

static void table_take(struct results *results, const struct record_table *table)
{
    results->entries.items = mem_realloc(NULL, (size_t)table->count + 1, sizeof(struct entry));
    results->entries.cap = (size_t)table->count + 1;
    for (uint32_t n = 0; n < table->count; n++) {
        const unsigned char *row = record_table_row(table, n);
        struct entry entry = {.place = bytes_get_u64(row) & ~(uint64_t)ENTRY_PENDING,
                              .len = bytes_get_u32(row + 8)};

        for (enum chain chain = 0; chain < CHAIN_COUNT; chain++) {
            entry.hash[chain] = bytes_get_u32(row + 12 + 4 * chain);
        }
        results->entries.items[results->entries.count++] = entry;
    }
    results->pos = results->file.trusted;
}

bool results_begin(struct results *results, struct err *err)
{
    struct record_table table;
    bool there = record_table_read(&table, results->dirfd, TABLE_PATH, "results", ROW_BYTES);
    bool ok = record_file_begin(&results->file, results->dirfd, "results", "results",
                                there ? &table.mark : NULL, err);

    if (ok && results->file.trusted != 0) {
        table_take(results, &table);
    }
    record_table_fini(&table);
    return ok;
}

static void table_keep(struct results *results)
{
    struct record_table table;

    record_table_begin(&table, ROW_BYTES);
    for (size_t n = 0; n < results->entries.count; n++) {
        const struct entry *entry = &results->entries.items[n];
        unsigned char *row = record_table_add(&table);

        bytes_set_u64(row, entry->place);
        bytes_set_u32(row + 8, entry->len);
        for (enum chain chain = 0; chain < CHAIN_COUNT; chain++) {
            bytes_set_u32(row + 12 + 4 * chain, entry->hash[chain]);
        }
    }
    if (results->pos == results->file.len && record_mark(&results->file, &table.mark)) {
        record_table_write(&table, results->dirfd, TABLE_PATH, "results");
    }
    record_table_fini(&table);
}

void results_drop_table(const struct results *results)
{
    sys_unlinkat(results->dirfd, TABLE_PATH, 0);
}

void results_keep_table(struct results *results)
{
    if (results->looking->damaged) {
        results_drop_table(results);
    } else if (results->batch.count == 0 &&
               record_table_is_due(results->file.len, results->file.trusted)) {
        table_keep(results);
    }
}
