/* Owns batches: records as they will lie in the file, but for their checksums, in which the file's
 * seed is. */
#include "base/record_inside.h"

#include <assert.h>

#include "base/bytes.h"
#include "base/limits.h"

void record_batch_init(struct record_batch *batch)
{
    *batch = (struct record_batch){0};
    strbuf_init(&batch->bytes);
}

void record_batch_fini(struct record_batch *batch)
{
    strbuf_fini(&batch->bytes);
    batch->count = 0;
}

void record_batch_clear(struct record_batch *batch)
{
    strbuf_clear(&batch->bytes);
    batch->count = 0;
}

/* The checksum is that of the payload alone until the record is sealed for its file. */
void record_batch_add(struct record_batch *batch, uint32_t type, struct str payload)
{
    assert(payload.len <= LIMIT_RECORD_BYTES);
    bytes_put_u32(&batch->bytes, RECORD_MAGIC);
    bytes_put_u32(&batch->bytes, type);
    bytes_put_u32(&batch->bytes, (uint32_t)payload.len);
    bytes_put_u64(&batch->bytes, bytes_checksum(payload.data, payload.len));
    strbuf_add(&batch->bytes, payload.data, payload.len);
    batch->count++;
}

struct record record_batch_at(const struct record_batch *batch, uint64_t offset)
{
    const char *head = batch->bytes.data + offset;

    assert(offset < batch->bytes.len);
    return (struct record){
        .type = bytes_get_u32(head + 4),
        .offset = offset,
        .payload = str_n(head + RECORD_HEAD_BYTES, bytes_get_u32(head + 8)),
    };
}

bool record_batch_next(const struct record_batch *batch, uint64_t *pos, struct record *record)
{
    if (*pos >= batch->bytes.len) {
        return false;
    }
    *record = record_batch_at(batch, *pos);
    *pos += RECORD_HEAD_BYTES + record->payload.len;
    return true;
}
