/* Owns compaction: the file is replaced by one without what is dead. What the walk of an opening
 * found damaged goes too; what is found so only now stays until the next one, as it might be the
 * reading that fails. */
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

/* False: it is damaged by now, or cannot be read. */
static bool results_keep(const struct results *results, uint32_t n, struct record_batch *batch)
{
    struct result_head head;
    struct str payload;

    if (!entry_payload(results, n, &payload) || !result_decode_head(payload, &head)) {
        return false;
    }
    record_batch_add(batch, RECORD_RESULT, payload);
    if (entry_is(&results->entries.items[n], ENTRY_FORGOTTEN)) {
        record_batch_add(batch, RECORD_FORGET, str_n((const char *)head.key.bytes, DIGEST_BYTES));
    }
    return true;
}

bool results_compact(struct results *results,
                     bool (*keep)(void *context, const struct results *results,
                                  struct result_ref ref),
                     void *context, struct err *err)
{
    struct record_batch batch;
    bool ok = true;

    assert(results->batch.count == 0);
    results->looking->damaged = false;
    record_batch_init(&batch);
    for (uint32_t n = 0; ok && n < results->entries.count; n++) {
        struct result_ref ref = {n};

        if (entry_is_live(results, n) &&
            (keep == NULL || entry_is(&results->entries.items[n], ENTRY_FORGOTTEN) ||
             keep(context, results, ref))) {
            ok = results_keep(results, n, &batch);
        }
    }
    if (results->looking->damaged) {
        results_drop_table(results);
        ok =
            err_set(err, STATUS_CORRUPT, "'%s': a result in it cannot be read", results->file.path);
    }
    ok = ok && record_replace(&results->file, &batch, err);
    record_batch_fini(&batch);
    results->appended |= ok;
    return results_take(results, ok ? err : NULL) && ok;
}
