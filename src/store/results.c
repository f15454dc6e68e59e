/* Owns the file `results`.
 *
 * Format: a file of records (base/record.c) of kind "results". Types: 1, a result (result_codec.c);
 * 2, a key of 32 bytes whose results so far are forgotten. Other types are passed over: a later
 * version wrote them. Later records win over earlier ones. Beside it lies a table of what is in it
 * (results_table.c). */
#include "store/results_inside.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void results_take_record(struct results *results, const struct record *record, bool pending)
{
    if (record->type == RECORD_RESULT) {
        entry_add(results, record, pending);
    } else if (record->type == RECORD_FORGET && record->payload.len == DIGEST_BYTES) {
        struct digest key;

        memcpy(key.bytes, record->payload.data, DIGEST_BYTES);
        entry_forget(results, &key);
    }
}

bool results_take(struct results *results, struct err *err)
{
    struct record record;

    if (results->generation != results->file.generation) {
        entries_clear(results);
    }
    while (record_next(&results->file, &results->pos, &record)) {
        results_take_record(results, &record, false);
    }
    return !record_failed(&results->file, err);
}

struct results *results_open(int dirfd, struct err *err)
{
    struct results *results = mem_calloc(1, sizeof(*results));

    results->dirfd = dirfd;
    results->looking = mem_calloc(1, sizeof(*results->looking));
    record_batch_init(&results->batch);
    results->generation = 1;
    if (!results_begin(results, err) || !results_take(results, err)) {
        results_close(results);
        return NULL;
    }
    return results;
}

uint32_t results_generation(const struct results *results)
{
    return results->generation;
}

void results_own(struct results *results)
{
    record_file_own(&results->file);
}

void results_close(struct results *results)
{
    if (results != NULL) {
        if (results->appended) {
            results_keep_table(results);
        }
        entries_fini(results);
        record_batch_fini(&results->batch);
        strbuf_fini(&results->scratch);
        record_file_close(&results->file);
        free(results);
    }
}

/* The batch as entries, behind all of the file. */
static void results_take_batch(struct results *results)
{
    struct record record;

    for (uint64_t pos = 0; record_batch_next(&results->batch, &pos, &record);) {
        results_take_record(results, &record, true);
    }
}

bool results_refresh(struct results *results, struct err *err)
{
    bool ok;

    if (!record_refresh(&results->file, err)) {
        return false;
    }
    entries_drop_pending(results);
    ok = results_take(results, err);
    results_take_batch(results);
    return ok;
}

/* What was in the batch is in the file now, from `base` on. */
static void results_settle(struct results *results, uint64_t base)
{
    for (size_t i = results->entries.count; i > 0; i--) {
        struct entry *entry = &results->entries.items[i - 1];

        if (!entry_is(entry, ENTRY_PENDING)) {
            break;
        }
        entry->place = (entry->place & ~(uint64_t)ENTRY_PENDING) + (base << ENTRY_FLAG_BITS);
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
    results->appended = true;
    alone = results->generation == results->file.generation && results->pos == base && base > 0 &&
            results->file.len == base + results->batch.bytes.len;
    record_batch_clear(&results->batch);
    if (alone) {
        results_settle(results, base);
        return true;
    }
    entries_drop_pending(results);
    return results_take(results, err);
}

bool results_check(const struct results *results, struct err *err)
{
    return record_check(&results->file, err);
}

/* --- adding --- */

void results_add(struct results *results, const struct result *result)
{
    uint64_t offset = results->batch.bytes.len;
    struct record record;

    strbuf_clear(&results->scratch);
    result_encode(result, &results->scratch);
    record_batch_add(&results->batch, RECORD_RESULT, strbuf_str(&results->scratch));
    record = record_batch_at(&results->batch, offset);
    entry_add(results, &record, true);
}

void results_forget(struct results *results, const struct digest *key)
{
    record_batch_add(&results->batch, RECORD_FORGET, str_n((const char *)key->bytes, DIGEST_BYTES));
    entry_forget(results, key);
}
