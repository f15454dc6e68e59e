/* Owns the file `made`: records (base/record.c) of kind "made".
 *
 *     1 made      path: string  kind: u8  executable: u8  digest  size: u64
 *                 stage, instance, run: strings
 *     2 removed   path: string
 *
 * Strings are a u32 length and bytes. Later records win. Beside it lies a table of what is in it
 * (made_table.c). */
#include "store/made_inside.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/mem.h"

enum { COMPACT_LEAST_RECORDS = 256 };

static void made_encode(const struct made_row *row, struct strbuf *out)
{
    bytes_put_str(out, row->path);
    bytes_put_u8(out, (uint8_t)row->kind);
    bytes_put_u8(out, row->executable);
    bytes_put_digest(out, &row->digest);
    bytes_put_u64(out, row->size_bytes);
    bytes_put_str(out, row->stage);
    bytes_put_str(out, row->instance);
    bytes_put_str(out, row->run);
}

static void made_batch_row(struct record_batch *batch, const struct made_row *row)
{
    struct strbuf payload;

    strbuf_init(&payload);
    made_encode(row, &payload);
    record_batch_add(batch, RECORD_MADE, strbuf_str(&payload));
    strbuf_fini(&payload);
}

static bool made_take(struct made *made, uint64_t pos, struct err *err)
{
    struct record record;

    for (; record_next(&made->file, &pos, &record); made->records++) {
        struct reader reader = reader_of(record.payload.data, record.payload.len);
        struct made_row old;
        struct made_row row;
        uint32_t n;

        if (record.type == RECORD_MADE && made_decode(record.payload, &row)) {
            slot_set(made, slot_find(made, row.path, &old), row.path, &record, false);
        } else if (record.type == RECORD_REMOVED) {
            n = slot_find(made, reader_str(&reader), &old);
            if (n != MADE_NONE && !slot_is(&made->slots.items[n], SLOT_GONE)) {
                slot_unset(made, n);
            }
        }
    }
    return !record_failed(&made->file, err);
}

/* --- outside --- */

struct made *made_open(int dirfd, struct err *err)
{
    struct made *made = mem_calloc(1, sizeof(*made));
    uint64_t pos;

    made->dirfd = dirfd;
    made->looking = mem_calloc(1, sizeof(*made->looking));
    made->generation = 1;
    record_batch_init(&made->batch);
    if (!made_begin(made, &pos, err) || !made_take(made, pos, err)) {
        made_close(made);
        return NULL;
    }
    return made;
}

void made_own(struct made *made)
{
    record_file_own(&made->file);
}

void made_close(struct made *made)
{
    if (made != NULL) {
        if (made->appended) {
            made_keep_table(made);
        }
        slots_fini(made);
        record_file_close(&made->file);
        record_batch_fini(&made->batch);
        free(made);
    }
}

bool made_find(const struct made *made, struct str path, struct made_row *row)
{
    uint32_t n = slot_find(made, path, row);

    return n != MADE_NONE && !slot_is(&made->slots.items[n], SLOT_GONE);
}

bool made_next(const struct made *made, uint32_t *pos, struct made_row *row)
{
    while (*pos < made->slots.count) {
        uint32_t n = (*pos)++;

        if (!slot_is(&made->slots.items[n], SLOT_GONE) && slot_row(made, n, row)) {
            return true;
        }
    }
    return false;
}

uint32_t made_count(const struct made *made)
{
    return made->count;
}

static bool made_row_equal(const struct made_row *a, const struct made_row *b)
{
    return a->kind == b->kind && a->executable == b->executable &&
           digest_equal(&a->digest, &b->digest) && a->size_bytes == b->size_bytes &&
           str_equal(a->stage, b->stage) && str_equal(a->instance, b->instance) &&
           str_equal(a->run, b->run);
}

void made_put(struct made *made, const struct made_row *row)
{
    uint64_t offset = made->batch.bytes.len;
    struct made_row old;
    struct record record;
    uint32_t n = slot_find(made, row->path, &old);

    if (n == MADE_NONE || slot_is(&made->slots.items[n], SLOT_GONE) || !made_row_equal(&old, row)) {
        made_batch_row(&made->batch, row);
        record = record_batch_at(&made->batch, offset);
        slot_set(made, n, row->path, &record, true);
    }
}

void made_remove(struct made *made, struct str path)
{
    struct strbuf payload = {0};
    struct made_row row;
    uint32_t n = slot_find(made, path, &row);

    if (n != MADE_NONE && !slot_is(&made->slots.items[n], SLOT_GONE)) {
        slot_unset(made, n);
        bytes_put_str(&payload, path);
        record_batch_add(&made->batch, RECORD_REMOVED, strbuf_str(&payload));
        strbuf_fini(&payload);
    }
}

/* The file is not what it was when the slots were made of it. */
static bool made_reload(struct made *made, struct err *err)
{
    slots_clear(made);
    return made_take(made, 0, err);
}

/* --- writing --- */

/* All rows that are not gone, those of the batch among them; false if one cannot be read. */
static bool made_batch_all(const struct made *made, struct record_batch *all)
{
    for (uint32_t n = 0; n < made->slots.count; n++) {
        struct str payload;

        if (!slot_is(&made->slots.items[n], SLOT_GONE)) {
            if (!slot_payload(made, n, &payload)) {
                return false;
            }
            record_batch_add(all, RECORD_MADE, payload);
        }
    }
    return true;
}

static bool made_is_due(const struct made *made)
{
    uint64_t records = made->records + made->batch.count;

    /* A damaged file is never rewritten: the damage stays to be seen. */
    return records > COMPACT_LEAST_RECORDS && made->count < records / 2 &&
           made->file.damaged_bytes == 0 && !made->looking->damaged;
}

/* What was in the batch is in the file now, from `base` on. */
static void made_settle(struct made *made, uint64_t base)
{
    VEC_EACH (n, &made->pending) {
        struct slot *slot = &made->slots.items[*n];

        if (slot_is(slot, SLOT_PENDING)) {
            slot->place = (slot->place & ~(uint64_t)SLOT_PENDING) + (base << SLOT_FLAG_BITS);
        }
    }
    VEC_CLEAR(&made->pending);
    made->records += made->batch.count;
}

static bool made_append(struct made *made, struct err *err)
{
    uint64_t base = made->file.len;
    bool alone;

    if (!record_append(&made->file, &made->batch, err)) {
        return false;
    }
    alone = made->generation == made->file.generation && base > 0 &&
            made->file.len == base + made->batch.bytes.len;
    if (alone) {
        made_settle(made, base);
    }
    record_batch_clear(&made->batch);
    return alone || made_reload(made, err);
}

static bool made_replace(struct made *made, const struct record_batch *all, struct err *err)
{
    if (!record_replace(&made->file, all, err)) {
        return false;
    }
    record_batch_clear(&made->batch);
    return made_reload(made, err);
}

bool made_flush(struct made *made, struct err *err)
{
    struct record_batch all;
    bool ok;

    if (made->batch.count == 0) {
        return true;
    }
    record_batch_init(&all);
    ok = made_is_due(made) && made_batch_all(made, &all) ? made_replace(made, &all, err)
                                                         : made_append(made, err);
    record_batch_fini(&all);
    made->appended |= ok;
    return ok;
}

bool made_check(const struct made *made, struct err *err)
{
    return record_check(&made->file, err);
}
