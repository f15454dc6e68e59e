/* Owns the file `results`.
 *
 * Format: a file of records (base/record.c) of kind "results". Types: 1, a result (result_codec.c);
 * 2, a key of 32 bytes whose results so far are forgotten. Other types are passed over: a later
 * version wrote them. Later records win over earlier ones. */
#include "store/results_inside.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void results_take_record(struct results *results, const struct record *record,
                                uint64_t offset, bool pending)
{
    if (record->type == RECORD_RESULT) {
        entry_add(results, record->payload, offset, pending);
    } else if (record->type == RECORD_FORGET && record->payload.len == DIGEST_BYTES) {
        struct digest key;

        memcpy(key.bytes, record->payload.data, DIGEST_BYTES);
        entry_forget(results, &key);
    }
}

void results_take(struct results *results)
{
    struct record record;

    if (results->generation != results->file.generation) {
        entries_clear(results);
    }
    while (record_next(&results->file, &results->pos, &record)) {
        results_take_record(results, &record,
                            (uint64_t)(record.payload.data - (const char *)results->file.data),
                            false);
    }
}

struct results *results_open(int dirfd, struct err *err)
{
    struct results *results = mem_calloc(1, sizeof(*results));

    if (!record_file_open(&results->file, dirfd, "results", "results", err)) {
        free(results);
        return NULL;
    }
    record_batch_init(&results->batch);
    strbuf_init(&results->scratch);
    results->generation = results->file.generation;
    results_take(results);
    return results;
}

void results_close(struct results *results)
{
    if (results != NULL) {
        entries_clear(results);
        VEC_FREE(&results->entries);
        record_batch_fini(&results->batch);
        strbuf_fini(&results->scratch);
        record_file_close(&results->file);
        free(results);
    }
}

/* The batch as entries, behind all of the file. */
static void results_take_batch(struct results *results)
{
    const char *base = results->batch.bytes.data;
    struct record record;

    for (uint64_t pos = 0; record_batch_next(&results->batch, &pos, &record);) {
        results_take_record(results, &record, (uint64_t)(record.payload.data - base), true);
    }
}

bool results_refresh(struct results *results, struct err *err)
{
    if (!record_refresh(&results->file, err)) {
        return false;
    }
    if (results->batch.count > 0 &&
        (results->file.len > results->pos || results->generation != results->file.generation)) {
        entries_clear(results);
        results_take(results);
        results_take_batch(results);
        return true;
    }
    results_take(results);
    return true;
}

/* What was in the batch is in the file now, from `base` on. */
static void results_settle(struct results *results, uint64_t base)
{
    for (size_t i = results->entries.count; i > 0 && results->entries.items[i - 1].pending; i--) {
        results->entries.items[i - 1].pending = false;
        results->entries.items[i - 1].offset += base;
    }
    results->pos = results->file.len;
}

bool results_flush(struct results *results, struct err *err)
{
    uint64_t base = results->file.len;
    bool alone;

    if (results->batch.count == 0) {
        return true;
    }
    if (!record_append(&results->file, &results->batch, err)) {
        return false;
    }
    alone = results->generation == results->file.generation && results->pos == base && base > 0 &&
            results->file.len == base + results->batch.bytes.len;
    record_batch_clear(&results->batch);
    if (alone) {
        results_settle(results, base);
    } else {
        entries_clear(results);
        results_take(results);
    }
    return true;
}

bool results_check(const struct results *results, struct err *err)
{
    return record_check(&results->file, err);
}

/* --- adding --- */

void results_add(struct results *results, const struct result *result)
{
    struct str payload;

    strbuf_clear(&results->scratch);
    result_encode(result, &results->scratch);
    payload = strbuf_str(&results->scratch);
    record_batch_add(&results->batch, RECORD_RESULT, payload);
    entry_add(results, payload, results->batch.bytes.len - payload.len, true);
}

void results_forget(struct results *results, const struct digest *key)
{
    record_batch_add(&results->batch, RECORD_FORGET, str_n((const char *)key->bytes, DIGEST_BYTES));
    entry_forget(results, key);
}
