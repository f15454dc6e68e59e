/* Owns the look-ups: by declared key, by key, by instance, and of all that is not dead. */
#include "store/results_inside.h"

#include <assert.h>

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

bool entry_is_live(const struct results *results, uint32_t n)
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
