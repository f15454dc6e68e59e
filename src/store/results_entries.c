/* Owns the entries of results in memory and the tables over them.
 *
 * Each result is an entry: where its payload is and the next older entries of the same declared
 * key, key and instance. Three tables lead from 32-bit hashes to the newest entry; entries
 * of equal hash share a chain and are told apart by the payload.
 *
 * An entry is *shadowed* when a newer one has its key, workspace and machine, or when 16 newer ones
 * of its declared key are not shadowed. It is dead, and left out by compaction, when it is
 * shadowed, forgotten or without a key, and not the last of its instance. A forgotten one that is
 * the last is kept, with its forgetting, so that no older one takes its place. */
#include "store/results_inside.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

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

uint32_t table_newest(const struct results *results, enum chain chain, uint32_t hash)
{
    return results->tables[chain].slots == NULL ? RESULT_NONE : *table_slot(results, chain, hash);
}

/* --- entries --- */

struct str entry_payload(const struct results *results, const struct entry *entry)
{
    const char *base =
        entry->pending ? results->batch.bytes.data : (const char *)results->file.data;

    return str_n(base + entry->offset, entry->len);
}

struct result_head entry_head(const struct results *results, uint32_t n)
{
    struct result_head head = {0};

    result_decode_head(entry_payload(results, &results->entries.items[n]), &head);
    return head;
}

/* Is an older entry of the chain shadowed by the newest, before which `kept` are not? */
static bool entry_is_shadowed(const struct results *results, uint32_t n,
                              const struct result_head *newest, uint32_t *kept)
{
    const struct entry *entry = &results->entries.items[n];
    struct result_head head = entry_head(results, n);
    bool shadowed;

    if (entry->forgotten || entry->unkeyed || !digest_equal(&head.declared, &newest->declared)) {
        return false;
    }
    shadowed = *kept == RESULTS_PER_KEY || (digest_equal(&head.key, &newest->key) &&
                                            digest_equal(&head.workspace, &newest->workspace) &&
                                            digest_equal(&head.machine, &newest->machine));
    *kept += !shadowed;
    return shadowed;
}

/* Shadowed ones leave the chain of their declared key: a thousand commands of one key would else
 * each pass by all before. */
static void entry_shadow(struct results *results, uint32_t n, const struct result_head *newest)
{
    uint32_t *link = &results->entries.items[n].older[CHAIN_DECLARED];
    uint32_t kept = 1;

    while (*link != RESULT_NONE) {
        struct entry *entry = &results->entries.items[*link];

        if (entry_is_shadowed(results, *link, newest, &kept)) {
            entry->shadowed = true;
            *link = entry->older[CHAIN_DECLARED];
        } else {
            link = &entry->older[CHAIN_DECLARED];
        }
    }
}

void entry_add(struct results *results, struct str payload, uint64_t offset, bool pending)
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

void entry_forget(struct results *results, const struct digest *key)
{
    uint32_t at = table_newest(results, CHAIN_KEY, (uint32_t)digest_hash(key));

    for (; at != RESULT_NONE; at = results->entries.items[at].older[CHAIN_KEY]) {
        struct result_head head = entry_head(results, at);

        results->entries.items[at].forgotten |= digest_equal(&head.key, key);
    }
}

void entries_clear(struct results *results)
{
    for (enum chain chain = 0; chain < CHAIN_COUNT; chain++) {
        free(results->tables[chain].slots);
        results->tables[chain] = (struct table){0};
    }
    VEC_CLEAR(&results->entries);
    results->pos = 0;
    results->generation = results->file.generation;
}
