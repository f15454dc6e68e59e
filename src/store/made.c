/* Owns the file `made`: records (base/record.c) of kind "made".
 *
 *     1 made      path: string  kind: u8  executable: u8  digest  size: u64
 *                 stage, instance, run: strings
 *     2 removed   path: string
 *
 * Strings are a u32 length and bytes. Later records win. In memory: one row for each path ever
 * seen, marked when it is gone. */
#include "store/made.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/record.h"
#include "base/vec.h"

enum { RECORD_MADE = 1, RECORD_REMOVED = 2, COMPACT_LEAST_RECORDS = 256 };

struct slot {
    struct made_row row;
    bool gone;
};

struct made {
    struct record_file file;
    struct record_batch batch;
    struct arena arena;
    struct map map;      /* path to slot */
    struct intern names; /* stages, instances, runs: few, repeated */
    VEC(struct slot) slots;
    uint32_t count;   /* rows that are not gone */
    uint64_t records; /* in the file, dead ones too */
};

/* --- rows as bytes --- */

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

static bool made_decode(struct str payload, struct made_row *row)
{
    struct reader reader = reader_of(payload.data, payload.len);
    uint8_t kind;

    row->path = reader_str(&reader);
    kind = reader_u8(&reader);
    row->kind = (enum made_kind)kind;
    row->executable = reader_u8(&reader) != 0;
    row->digest = reader_digest(&reader);
    row->size_bytes = reader_u64(&reader);
    row->stage = reader_str(&reader);
    row->instance = reader_str(&reader);
    row->run = reader_str(&reader);
    return reader_done(&reader) && kind <= MADE_LINK;
}

static void made_batch_row(struct record_batch *batch, const struct made_row *row)
{
    struct strbuf payload;

    strbuf_init(&payload);
    made_encode(row, &payload);
    record_batch_add(batch, RECORD_MADE, strbuf_str(&payload));
    strbuf_fini(&payload);
}

/* --- rows in memory --- */

static struct str made_name(struct made *made, struct str name)
{
    return intern_str(&made->names, intern_add(&made->names, name));
}

static struct slot *made_slot(const struct made *made, struct str path)
{
    uint32_t n = map_get(&made->map, path);

    return n == MAP_MISSING ? NULL : &made->slots.items[n];
}

static struct slot *made_slot_for(struct made *made, struct str path)
{
    struct slot *slot = made_slot(made, path);

    if (slot == NULL) {
        struct slot fresh = {.row.path = str_dup(&made->arena, path), .gone = true};

        map_put(&made->map, fresh.row.path, (uint32_t)made->slots.count);
        VEC_PUSH(&made->slots, fresh);
        slot = &made->slots.items[made->slots.count - 1];
    }
    return slot;
}

static void made_set(struct made *made, const struct made_row *row)
{
    struct slot *slot = made_slot_for(made, row->path);
    struct str path = slot->row.path;

    made->count += slot->gone;
    slot->gone = false;
    slot->row = *row;
    slot->row.path = path;
    slot->row.stage = made_name(made, row->stage);
    slot->row.instance = made_name(made, row->instance);
    slot->row.run = made_name(made, row->run);
}

static bool made_unset(struct made *made, struct str path)
{
    struct slot *slot = made_slot(made, path);

    if (slot == NULL || slot->gone) {
        return false;
    }
    slot->gone = true;
    made->count--;
    return true;
}

static void made_load(struct made *made)
{
    struct made_row row;
    struct record record;

    for (uint64_t pos = 0; record_next(&made->file, &pos, &record); made->records++) {
        struct reader reader = reader_of(record.payload.data, record.payload.len);

        if (record.type == RECORD_MADE && made_decode(record.payload, &row)) {
            made_set(made, &row);
        } else if (record.type == RECORD_REMOVED) {
            made_unset(made, reader_str(&reader));
        }
    }
}

/* --- outside --- */

struct made *made_open(int dirfd, struct err *err)
{
    struct made *made = mem_calloc(1, sizeof(*made));

    if (!record_file_open(&made->file, dirfd, "made", "made", err)) {
        free(made);
        return NULL;
    }
    record_batch_init(&made->batch);
    arena_init(&made->arena);
    map_init(&made->map);
    intern_init(&made->names, &made->arena);
    made_load(made);
    return made;
}

void made_close(struct made *made)
{
    if (made != NULL) {
        record_file_close(&made->file);
        record_batch_fini(&made->batch);
        intern_fini(&made->names);
        map_fini(&made->map);
        arena_fini(&made->arena);
        VEC_FREE(&made->slots);
        free(made);
    }
}

bool made_find(const struct made *made, struct str path, struct made_row *row)
{
    const struct slot *slot = made_slot(made, path);

    if (slot == NULL || slot->gone) {
        return false;
    }
    *row = slot->row;
    return true;
}

bool made_next(const struct made *made, uint32_t *pos, struct made_row *row)
{
    while (*pos < made->slots.count) {
        const struct slot *slot = &made->slots.items[(*pos)++];

        if (!slot->gone) {
            *row = slot->row;
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
    const struct slot *slot = made_slot(made, row->path);

    if (slot == NULL || slot->gone || !made_row_equal(&slot->row, row)) {
        made_set(made, row);
        made_batch_row(&made->batch, row);
    }
}

void made_remove(struct made *made, struct str path)
{
    struct strbuf payload;

    if (made_unset(made, path)) {
        strbuf_init(&payload);
        bytes_put_str(&payload, path);
        record_batch_add(&made->batch, RECORD_REMOVED, strbuf_str(&payload));
        strbuf_fini(&payload);
    }
}

/* The rows of memory instead of all records: what is in the batch is among them. */
static bool made_compact(struct made *made, struct err *err)
{
    struct record_batch all;
    bool ok;

    record_batch_init(&all);
    VEC_EACH (slot, &made->slots) {
        if (!slot->gone) {
            made_batch_row(&all, &slot->row);
        }
    }
    ok = record_replace(&made->file, &all, err);
    made->records = ok ? all.count : made->records;
    record_batch_fini(&all);
    return ok;
}

bool made_flush(struct made *made, struct err *err)
{
    uint64_t records = made->records + made->batch.count;
    /* A damaged file is never rewritten: the damage stays to be seen. */
    bool compact = records > COMPACT_LEAST_RECORDS && made->count < records / 2 &&
                   made->file.damaged_bytes == 0 && made->batch.count > 0;

    if (compact ? !made_compact(made, err) : !record_append(&made->file, &made->batch, err)) {
        return false;
    }
    made->records = compact ? made->records : records;
    record_batch_clear(&made->batch);
    return true;
}

bool made_check(const struct made *made, struct err *err)
{
    return record_check(&made->file, err);
}
