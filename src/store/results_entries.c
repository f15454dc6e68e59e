/* Owns the entries of results in memory and the chains over them.
 *
 * Each result is an entry: where its record is, and hashes of its declared key, key and instance.
 * Chains lead from a hash to the entries of its bucket, newest first; what the hash cannot tell
 * apart is told apart by the record, which is read from the file and checked each time. A record
 * that is damaged is no result. Chains are made when first asked: a run without the need of one
 * does not pay for it.
 *
 * An entry is *shadowed* when a newer one has its key, workspace and machine, or when 16 newer ones
 * of its declared key are not shadowed. It is dead, and left out by compaction, when it is
 * shadowed, forgotten or without a key, and not the last of its instance. A forgotten one that is
 * the last is kept, with its forgetting, so that no older one takes its place. */
#include "store/results_inside.h"

#include <stdlib.h>

_Static_assert(CHAINS_NONE == RESULT_NONE, "what is no row is no result");

/* --- chains --- */

/* Links what was added since the last question. Shadowed ones are not in the chain of their
 * declared key: a thousand commands of one key would else each pass by all before. */
static const struct chains *chain_of(const struct results *results, enum chain chain)
{
    struct chains *chains = &results->looking->chains[chain];

    chains_fit(chains, results->entries.count);
    while (chains->linked < results->entries.count) {
        const struct entry *entry = &results->entries.items[chains->linked];

        if (chain == CHAIN_DECLARED && entry_is(entry, ENTRY_UNKEYED | ENTRY_SHADOWED)) {
            chains_pass(chains);
        } else {
            chains_link(chains, entry->hash[chain]);
        }
    }
    return chains;
}

/* The first entry of this hash in a bucket from `n` on. */
static uint32_t chain_skip(const struct results *results, enum chain chain, uint32_t hash,
                           uint32_t n)
{
    while (n != RESULT_NONE && results->entries.items[n].hash[chain] != hash) {
        n = results->looking->chains[chain].older[n];
    }
    return n;
}

uint32_t entry_newest(const struct results *results, enum chain chain, uint32_t hash)
{
    return chain_skip(results, chain, hash, chains_newest(chain_of(results, chain), hash));
}

uint32_t entry_older(const struct results *results, enum chain chain, uint32_t n)
{
    return chain_skip(results, chain, results->entries.items[n].hash[chain],
                      results->looking->chains[chain].older[n]);
}

/* --- entries --- */

bool entry_payload(const struct results *results, uint32_t n, struct str *payload)
{
    const struct entry *entry = &results->entries.items[n];
    uint64_t offset = entry->place >> ENTRY_FLAG_BITS;
    struct record record;

    if (entry_is(entry, ENTRY_PENDING)) {
        record = record_batch_at(&results->batch, offset);
    } else if (!record_read(&results->file, offset, entry->len, &results->looking->payload,
                            &record) ||
               record.type != RECORD_RESULT) {
        results->looking->damaged = true;
        return false;
    }
    *payload = record.payload;
    return true;
}

bool entry_head(const struct results *results, uint32_t n, struct result_head *head)
{
    struct str payload;

    return entry_payload(results, n, &payload) && result_decode_head(payload, head);
}

static bool head_is_superseded(const struct result_head *head, const struct result_head *newest)
{
    return digest_equal(&head->key, &newest->key) &&
           digest_equal(&head->workspace, &newest->workspace) &&
           digest_equal(&head->machine, &newest->machine);
}

/* Is an older entry of the chain shadowed by the newest, before which `kept` are not? */
static bool entry_is_shadowed(const struct results *results, uint32_t n,
                              const struct result_head *newest, uint32_t *kept)
{
    struct result_head head;
    bool shadowed;

    if (entry_is(&results->entries.items[n], ENTRY_FORGOTTEN) || !entry_head(results, n, &head) ||
        !digest_equal(&head.declared, &newest->declared)) {
        return false;
    }
    shadowed = *kept == RESULTS_PER_KEY || head_is_superseded(&head, newest);
    *kept += !shadowed;
    return shadowed;
}

static void entry_shadow(struct results *results, uint32_t n, const struct result_head *newest)
{
    uint32_t *older = chain_of(results, CHAIN_DECLARED)->older;
    uint32_t hash = results->entries.items[n].hash[CHAIN_DECLARED];
    uint32_t *link = &older[n];
    uint32_t kept = 1;

    while (*link != RESULT_NONE) {
        struct entry *entry = &results->entries.items[*link];

        if (entry->hash[CHAIN_DECLARED] == hash &&
            entry_is_shadowed(results, *link, newest, &kept)) {
            entry->place |= ENTRY_SHADOWED;
            *link = older[*link];
        } else {
            link = &older[*link];
        }
    }
}

void entry_add(struct results *results, const struct record *record, bool pending)
{
    struct result_head head;
    uint32_t n = (uint32_t)results->entries.count;
    struct entry entry = {.place = record->offset << ENTRY_FLAG_BITS,
                          .len = (uint32_t)record->payload.len};

    if (!result_decode_head(record->payload, &head) || n == RESULT_NONE) {
        return;
    }
    entry.place |= pending ? ENTRY_PENDING : 0;
    entry.place |= (head.flags & RESULT_UNKEYED) != 0 ? ENTRY_UNKEYED : 0;
    entry.hash[CHAIN_DECLARED] = (uint32_t)digest_hash(&head.declared);
    entry.hash[CHAIN_KEY] = (uint32_t)digest_hash(&head.key);
    entry.hash[CHAIN_INSTANCE] = (uint32_t)(head.instance_hash ^ head.instance_hash >> 32);
    VEC_PUSH(&results->entries, entry);
    if (!entry_is(&entry, ENTRY_UNKEYED)) {
        entry_shadow(results, n, &head);
    }
}

void entry_forget(struct results *results, const struct digest *key)
{
    uint32_t at = entry_newest(results, CHAIN_KEY, (uint32_t)digest_hash(key));

    for (; at != RESULT_NONE; at = entry_older(results, CHAIN_KEY, at)) {
        struct result_head head;

        if (entry_head(results, at, &head) && digest_equal(&head.key, key)) {
            results->entries.items[at].place |= ENTRY_FORGOTTEN;
        }
    }
}

static void entries_unlink(struct results *results)
{
    for (enum chain chain = 0; chain < CHAIN_COUNT; chain++) {
        chains_clear(&results->looking->chains[chain]);
    }
}

void entries_drop_pending(struct results *results)
{
    size_t count = results->entries.count;

    while (results->entries.count > 0 &&
           entry_is(&results->entries.items[results->entries.count - 1], ENTRY_PENDING)) {
        results->entries.count--;
    }
    if (results->entries.count != count) {
        entries_unlink(results);
    }
}

void entries_clear(struct results *results)
{
    entries_unlink(results);
    VEC_CLEAR(&results->entries);
    results->pos = 0;
    results->generation = results->file.generation;
}

void entries_fini(struct results *results)
{
    entries_unlink(results);
    strbuf_fini(&results->looking->payload);
    free(results->looking);
    VEC_FREE(&results->entries);
}
