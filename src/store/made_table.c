/* Owns the file `made.table`: a table (base/record_table.c) of kind "made" with a row for each path
 * that was found in `made`, in the order in which they were first made, so that opening need not
 * walk all of it. Its extra number is that of the records in `made`.
 *
 *     row      place: u64, the offset of the last record of its row times 4 plus flags (2 gone)
 *              length of its payload: u32  str_hash of the path, low bits: u32
 *
 * Whoever appended writes it when he closes, once enough is new. What a row leads to counts only if
 * the record there is whole and is of the path that was asked for. */
#include "base/record_table.h"
#include "store/made_inside.h"

#include "base/bytes.h"
#include "base/sys.h"

#define TABLE_PATH "made.table"
enum { ROW_BYTES = 16 };

static void table_take(struct made *made, const struct record_table *table)
{
    VEC_RESERVE(&made->slots, table->count);
    for (uint32_t n = 0; n < table->count; n++) {
        const unsigned char *row = record_table_row(table, n);
        struct slot slot = {.place = bytes_get_u64(row) & ~(uint64_t)SLOT_PENDING,
                            .len = bytes_get_u32(row + 8),
                            .hash = bytes_get_u32(row + 12)};

        VEC_PUSH(&made->slots, slot);
        made->count += !slot_is(&slot, SLOT_GONE);
    }
    made->records = table->extra;
}

bool made_begin(struct made *made, uint64_t *pos, struct err *err)
{
    struct record_table table;
    bool there = record_table_read(&table, made->dirfd, TABLE_PATH, "made", ROW_BYTES);
    bool ok = record_file_begin(&made->file, made->dirfd, "made", "made",
                                there ? &table.mark : NULL, err);

    *pos = made->file.trusted;
    if (ok && made->file.trusted != 0) {
        table_take(made, &table);
    }
    record_table_fini(&table);
    return ok;
}

static void table_keep(struct made *made)
{
    struct record_table table;

    record_table_begin(&table, ROW_BYTES);
    table.extra = made->records;
    VEC_EACH (slot, &made->slots) {
        unsigned char *row = record_table_add(&table);

        bytes_set_u64(row, slot->place);
        bytes_set_u32(row + 8, slot->len);
        bytes_set_u32(row + 12, slot->hash);
    }
    if (record_mark(&made->file, &table.mark)) {
        record_table_write(&table, made->dirfd, TABLE_PATH, "made");
    }
    record_table_fini(&table);
}

void made_keep_table(struct made *made)
{
    if (made->looking->damaged) {
        sys_unlinkat(made->dirfd, TABLE_PATH, 0);
    } else if (made->batch.count == 0 && record_table_is_due(made->file.len, made->file.trusted)) {
        table_keep(made);
    }
}
