/* Owns the file `results` and the tables over it.
 *
 * Format: a file of records (base/record.c) of kind "results". Types: 1, a result (result_codec.c);
 * 2, a key of 32 bytes whose results so far are forgotten. Other types are passed over: a later
 * version wrote them. Later records win over earlier ones.
 *
 * In memory each result is an entry: where its payload is and the next older entries of the same
 * declared key, key and instance. Three tables lead from 32-bit hashes to the newest entry; entries
 * of equal hash share a chain and are told apart by the payload.
 *
 * An entry is *shadowed* when a newer one has its key, workspace and machine, or when 16 newer ones
 * of its declared key are not shadowed. It is dead, and left out by compaction, when it is
 * shadowed, forgotten or without a key, and not the last of its instance. A forgotten one that is
 * the last is kept, with its forgetting, so that no older one takes its place. */
#include "store/results.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/record.h"
#include "base/vec.h"
#include "store/result_codec.h"

enum { RECORD_RESULT = 1, RECORD_FORGET = 2, COMPACT_LEAST_BYTES = 64 << 10 };

enum chain { CHAIN_DECLARED, CHAIN_KEY, CHAIN_INSTANCE, CHAIN_COUNT };

struct entry {
    uint64_t offset; /* of the payload: in the file, or in the batch */
    uint32_t len;
    uint32_t hash[CHAIN_COUNT];
    uint32_t older[CHAIN_COUNT]; /* RESULT_NONE: none */
    bool pending;                /* in the batch */
    bool unkeyed, shadowed, forgotten;
};

struct table {
    uint32_t *slots; /* newest entry of a hash, or RESULT_NONE */
    uint32_t count, mask;
};

struct results {
    struct record_file file;
    struct record_batch batch;
    VEC(struct entry) entries;
    struct table tables[CHAIN_COUNT];
    uint64_t pos; /* up to where the file was taken in */
    uint32_t generation;
    struct strbuf scratch; /* one payload */
};

/* --- tables --- */

static uint32_t *table_slot(const struct results *results, enum chain chain, uint32_t hash)
{
    const struct table *table = &results->tables[chain];
    uint32_t at = hash & table->mask;

    while (table->slots[at] != RESULT_NONE &&
           results->entries.items[table->slots[at]].hash[chain] != hash) {
        at = (at + 1) & table->mask;
    }
    return &table->slots[at];
}

static void table_grow(struct results *results, enum chain chain)
{
    struct table *table = &results->tables[chain];
    struct table old = *table;
    uint32_t size = old.slots == NULL ? 1024 : (old.mask + 1) * 2;

    table->slots = mem_alloc(size * sizeof(*table->slots));
    memset(table->slots, 0xff, size * sizeof(*table->slots));
    table->mask = size - 1;
    for (uint32_t i = 0; old.slots != NULL && i <= old.mask; i++) {
        if (old.slots[i] != RESULT_NONE) {
            uint32_t hash = results->entries.items[old.slots[i]].hash[chain];

            *table_slot(results, chain, hash) = old.slots[i];
        }
    }
    free(old.slots);
}

static void table_put(struct results *results, enum chain chain, uint32_t n)
{
    struct table *table = &results->tables[chain];
    struct entry *entry = &results->entries.items[n];
    uint32_t *slot;

    if (table->slots == NULL || table->count > table->mask / 2) {
        table_grow(results, chain);
    }
    slot = table_slot(results, chain, entry->hash[chain]);
    entry->older[chain] = *slot;
    table->count += *slot == RESULT_NONE;
    *slot = n;
}

static uint32_t table_newest(const struct results *results, enum chain chain, uint32_t hash)
{
    return results->tables[chain].slots == NULL ? RESULT_NONE : *table_slot(results, chain, hash);
}

/* --- entries --- */

static struct str entry_payload(const struct results *results, const struct entry *entry)
{
    const char *base =
        entry->pending ? results->batch.bytes.data : (const char *)results->file.data;

    return str_n(base + entry->offset, entry->len);
}

static struct result_head entry_head(const struct results *results, uint32_t n)
{
    struct result_head head = {0};

    result_decode_head(entry_payload(results, &results->entries.items[n]), &head);
    return head;
}

/* What the newest entry makes dead among the older ones of its declared key. */
static void entry_shadow(struct results *results, uint32_t n, const struct result_head *head)
{
    uint32_t kept = 1;

    for (uint32_t at = results->entries.items[n].older[CHAIN_DECLARED]; at != RESULT_NONE;
         at = results->entries.items[at].older[CHAIN_DECLARED]) {
        struct entry *entry = &results->entries.items[at];
        struct result_head other;

        if (entry->shadowed || entry->forgotten || entry->unkeyed) {
            continue;
        }
        other = entry_head(results, at);
        if (!digest_equal(&other.declared, &head->declared)) {
            continue;
        }
        entry->shadowed =
            kept == RESULTS_PER_KEY || (digest_equal(&other.key, &head->key) &&
                                        digest_equal(&other.workspace, &head->workspace) &&
                                        digest_equal(&other.machine, &head->machine));
        kept += !entry->shadowed;
    }
}

static void entry_add(struct results *results, struct str payload, uint64_t offset, bool pending)
{
    struct result_head head;
    uint32_t n = (uint32_t)results->entries.count;
    struct entry entry = {.offset = offset, .len = (uint32_t)payload.len, .pending = pending};

    if (!result_decode_head(payload, &head) || n == RESULT_NONE) {
        return;
    }
    entry.unkeyed = (head.flags & RESULT_UNKEYED) != 0;
    entry.hash[CHAIN_DECLARED] = (uint32_t)digest_hash(&head.declared);
    entry.hash[CHAIN_KEY] = (uint32_t)digest_hash(&head.key);
    entry.hash[CHAIN_INSTANCE] = (uint32_t)(head.instance_hash ^ head.instance_hash >> 32);
    VEC_PUSH(&results->entries, entry);
    for (enum chain chain = 0; chain < CHAIN_COUNT; chain++) {
        table_put(results, chain, n);
    }
    if (!entry.unkeyed) {
        entry_shadow(results, n, &head);
    }
}

static void entry_forget(struct results *results, const struct digest *key)
{
    uint32_t at = table_newest(results, CHAIN_KEY, (uint32_t)digest_hash(key));

    for (; at != RESULT_NONE; at = results->entries.items[at].older[CHAIN_KEY]) {
        struct result_head head = entry_head(results, at);

        results->entries.items[at].forgotten |= digest_equal(&head.key, key);
    }
}

/* --- the file --- */

static void results_clear(struct results *results)
{
    for (enum chain chain = 0; chain < CHAIN_COUNT; chain++) {
        free(results->tables[chain].slots);
        results->tables[chain] = (struct table){0};
    }
    VEC_CLEAR(&results->entries);
    results->pos = 0;
    results->generation = results->file.generation;
}

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

/* Takes in what is new in the file; all of it if it is another one. */
static void results_take(struct results *results)
{
    struct record record;

    if (results->generation != results->file.generation) {
        results_clear(results);
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
        results_clear(results);
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
        results_clear(results);
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
        results_clear(results);
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

/* --- look-ups --- */

static bool entry_is_found(const struct entry *entry)
{
    return !entry->unkeyed && !entry->forgotten;
}

uint32_t results_find_declared(const struct results *results, const struct digest *declared,
                               struct result_ref refs[static RESULTS_PER_KEY])
{
    uint32_t at = table_newest(results, CHAIN_DECLARED, (uint32_t)digest_hash(declared));
    uint32_t count = 0;

    for (; at != RESULT_NONE && count < RESULTS_PER_KEY;
         at = results->entries.items[at].older[CHAIN_DECLARED]) {
        const struct entry *entry = &results->entries.items[at];
        struct result_head head = entry_head(results, at);

        if (entry_is_found(entry) && !entry->shadowed && digest_equal(&head.declared, declared)) {
            refs[count++] = (struct result_ref){at};
        }
    }
    return count;
}

struct result_ref results_find(const struct results *results, const struct digest *key)
{
    uint32_t at = table_newest(results, CHAIN_KEY, (uint32_t)digest_hash(key));

    for (; at != RESULT_NONE; at = results->entries.items[at].older[CHAIN_KEY]) {
        struct result_head head = entry_head(results, at);

        if (entry_is_found(&results->entries.items[at]) && digest_equal(&head.key, key)) {
            break;
        }
    }
    return (struct result_ref){at};
}

static bool entry_is_of(const struct results *results, uint32_t n, struct str stage,
                        struct str instance, const struct digest *workspace)
{
    struct result_head head = entry_head(results, n);
    struct str a;
    struct str b;

    return digest_equal(&head.workspace, workspace) &&
           result_decode_names(entry_payload(results, &results->entries.items[n]), &a, &b) &&
           str_equal(a, stage) && str_equal(b, instance);
}

static uint32_t entry_last(const struct results *results, struct str stage, struct str instance,
                           const struct digest *workspace)
{
    uint64_t hash = result_instance_hash(stage, instance, workspace);
    uint32_t at = table_newest(results, CHAIN_INSTANCE, (uint32_t)(hash ^ hash >> 32));

    while (at != RESULT_NONE && !entry_is_of(results, at, stage, instance, workspace)) {
        at = results->entries.items[at].older[CHAIN_INSTANCE];
    }
    return at;
}

struct result_ref results_find_last(const struct results *results, struct str stage,
                                    struct str instance, const struct digest *workspace)
{
    uint32_t at = entry_last(results, stage, instance, workspace);

    if (at != RESULT_NONE && results->entries.items[at].forgotten) {
        at = RESULT_NONE;
    }
    return (struct result_ref){at};
}

static bool entry_is_last(const struct results *results, uint32_t n)
{
    const struct entry *entry = &results->entries.items[n];
    uint32_t newest = table_newest(results, CHAIN_INSTANCE, entry->hash[CHAIN_INSTANCE]);
    struct result_head head;
    struct str stage;
    struct str instance;

    if (newest == n) {
        return true;
    }
    head = entry_head(results, n);
    return result_decode_names(entry_payload(results, entry), &stage, &instance) &&
           entry_last(results, stage, instance, &head.workspace) == n;
}

static bool entry_is_live(const struct results *results, uint32_t n)
{
    const struct entry *entry = &results->entries.items[n];

    return (entry_is_found(entry) && !entry->shadowed) || entry_is_last(results, n);
}

struct result_ref results_next(const struct results *results, uint32_t from)
{
    for (size_t n = from; n < results->entries.count; n++) {
        if (!results->entries.items[n].forgotten && entry_is_live(results, (uint32_t)n)) {
            return (struct result_ref){(uint32_t)n};
        }
    }
    return (struct result_ref){RESULT_NONE};
}

uint32_t results_count(const struct results *results)
{
    struct result_ref ref = results_next(results, 0);
    uint32_t count = 0;

    for (; result_ref_is_some(ref); ref = results_next(results, ref.n + 1)) {
        count++;
    }
    return count;
}

static const struct entry *results_entry(const struct results *results, struct result_ref ref)
{
    assert(ref.n < results->entries.count);
    return &results->entries.items[ref.n];
}

bool results_read(const struct results *results, struct result_ref ref, struct arena *arena,
                  struct result *result)
{
    return result_decode(entry_payload(results, results_entry(results, ref)), arena, result);
}

struct digest results_key(const struct results *results, struct result_ref ref)
{
    assert(ref.n < results->entries.count);
    return entry_head(results, ref.n).key;
}

struct digest results_declared(const struct results *results, struct result_ref ref)
{
    assert(ref.n < results->entries.count);
    return entry_head(results, ref.n).declared;
}

/* --- compaction --- */

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
