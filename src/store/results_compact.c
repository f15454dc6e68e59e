/* Owns compaction: the file is replaced by one without what is dead. */
#include "store/results_inside.h"

#include <assert.h>

enum { COMPACT_LEAST_BYTES = 64 << 10 };

bool results_should_compact(const struct results *results)
{
    uint64_t live = 0;

    if (results->file.len < COMPACT_LEAST_BYTES) {
        return false;
    }
    for (uint32_t n = 0; n < results->entries.count; n++) {
        live += entry_is_live(results, n) ? results->entries.items[n].len : 0;
    }
    return live < results->file.len / 2;
}

static void results_keep(const struct results *results, uint32_t n, struct record_batch *batch)
{
    const struct entry *entry = &results->entries.items[n];

    record_batch_add(batch, RECORD_RESULT, entry_payload(results, entry));
    if (entry->forgotten) {
        struct digest key = entry_head(results, n).key;

        record_batch_add(batch, RECORD_FORGET, str_n((const char *)key.bytes, DIGEST_BYTES));
    }
}

bool results_compact(struct results *results,
                     bool (*keep)(void *context, const struct results *results,
                                  struct result_ref ref),
                     void *context, struct err *err)
{
    struct record_batch batch;
    bool ok;

    assert(results->batch.count == 0);
    record_batch_init(&batch);
    for (uint32_t n = 0; n < results->entries.count; n++) {
        struct result_ref ref = {n};

        if (entry_is_live(results, n) &&
            (keep == NULL || results->entries.items[n].forgotten || keep(context, results, ref))) {
            results_keep(results, n, &batch);
        }
    }
    ok = record_replace(&results->file, &batch, err);
    record_batch_fini(&batch);
    results_take(results);
    return ok;
}
