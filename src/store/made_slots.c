/* Owns the slots of `made` in memory: one for each path ever seen, with the place of its last row,
 * marked when it is gone, and the chains from a path's hash to them. The row itself is read from
 * the file and checked each time; one that is damaged is no row. */
#include "store/made_inside.h"

#include <stdlib.h>

#include "base/bytes.h"

/* Links what was added since the last question. */
static const struct chains *slot_chains(const struct made *made)
{
    struct chains *chains = &made->looking->chains;

    chains_fit(chains, made->slots.count);
    while (chains->linked < made->slots.count) {
        chains_link(chains, made->slots.items[chains->linked].hash);
    }
    return chains;
}

/* --- rows --- */

bool made_decode(struct str payload, struct made_row *row)
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

bool slot_payload(const struct made *made, uint32_t n, struct str *payload)
{
    const struct slot *slot = &made->slots.items[n];
    uint64_t offset = slot->place >> SLOT_FLAG_BITS;
    struct record record;

    if (slot_is(slot, SLOT_PENDING)) {
        record = record_batch_at(&made->batch, offset);
    } else if (!record_read(&made->file, offset, slot->len, &made->looking->payload, &record) ||
               record.type != RECORD_MADE) {
        made->looking->damaged = true;
        return false;
    }
    *payload = record.payload;
    return true;
}

bool slot_row(const struct made *made, uint32_t n, struct made_row *row)
{
    struct str payload;

    return slot_payload(made, n, &payload) && made_decode(payload, row);
}

/* --- slots --- */

uint32_t slot_find(const struct made *made, struct str path, struct made_row *row)
{
    const struct chains *chains = slot_chains(made);
    uint32_t hash = (uint32_t)str_hash(path);
    uint32_t n = chains_newest(chains, hash);

    while (n != MADE_NONE && (made->slots.items[n].hash != hash || !slot_row(made, n, row) ||
                              !str_equal(row->path, path))) {
        n = chains->older[n];
    }
    return n;
}

void slot_set(struct made *made, uint32_t n, struct str path, const struct record *record,
              bool pending)
{
    struct slot slot = {.place = record->offset << SLOT_FLAG_BITS,
                        .len = (uint32_t)record->payload.len,
                        .hash = (uint32_t)str_hash(path)};

    slot.place |= pending ? SLOT_PENDING : 0;
    if (n == MADE_NONE) {
        n = (uint32_t)made->slots.count;
        VEC_PUSH(&made->slots, slot);
        made->count++;
    } else {
        made->count += slot_is(&made->slots.items[n], SLOT_GONE);
        made->slots.items[n] = slot;
    }
    if (pending) {
        VEC_PUSH(&made->pending, n);
    }
}

void slot_unset(struct made *made, uint32_t n)
{
    made->slots.items[n].place |= SLOT_GONE;
    made->count--;
}

void slots_clear(struct made *made)
{
    chains_clear(&made->looking->chains);
    VEC_CLEAR(&made->slots);
    VEC_CLEAR(&made->pending);
    made->count = 0;
    made->records = 0;
    made->generation = made->file.generation;
}

void slots_fini(struct made *made)
{
    chains_clear(&made->looking->chains);
    strbuf_fini(&made->looking->payload);
    free(made->looking);
    VEC_FREE(&made->slots);
    VEC_FREE(&made->pending);
}
