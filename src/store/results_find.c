/* Owns the look-ups: by declared key, by key, by instance, and of all that is not dead. */
#include "store/results_inside.h"

#include <assert.h>

uint32_t results_find_declared(const struct results *results, const struct digest *declared,
                               struct result_ref refs[static RESULTS_PER_KEY])
{
    uint32_t at = entry_newest(results, CHAIN_DECLARED, (uint32_t)digest_hash(declared));
    uint32_t count = 0;

    for (; at != RESULT_NONE && count < RESULTS_PER_KEY;
         at = entry_older(results, CHAIN_DECLARED, at)) {
        struct result_head head;

        if (!entry_is(&results->entries.items[at], ENTRY_FORGOTTEN) &&
            entry_head(results, at, &head) && digest_equal(&head.declared, declared)) {
            refs[count++] = (struct result_ref){at};
        }
    }
    return count;
}

struct result_ref results_find(const struct results *results, const struct digest *key)
{
    uint32_t at = entry_newest(results, CHAIN_KEY, (uint32_t)digest_hash(key));

    for (; at != RESULT_NONE; at = entry_older(results, CHAIN_KEY, at)) {
        struct result_head head;

        if (!entry_is(&results->entries.items[at], ENTRY_UNKEYED | ENTRY_FORGOTTEN) &&
            entry_head(results, at, &head) && digest_equal(&head.key, key)) {
            break;
        }
    }
    return (struct result_ref){at};
}

/* The instance of an entry, until the next payload is read. */
struct owner {
    struct digest workspace;
    struct str stage, instance;
};

static bool entry_owner(const struct results *results, uint32_t n, struct owner *owner)
{
    struct result_head head;
    struct str payload;

    if (!entry_payload(results, n, &payload) || !result_decode_head(payload, &head)) {
        return false;
    }
    owner->workspace = head.workspace;
    return result_decode_names(payload, &owner->stage, &owner->instance);
}

static uint32_t entry_last(const struct results *results, struct str stage, struct str instance,
                           const struct digest *workspace)
{
    uint64_t hash = result_instance_hash(stage, instance, workspace);
    uint32_t at = entry_newest(results, CHAIN_INSTANCE, (uint32_t)(hash ^ hash >> 32));

    for (; at != RESULT_NONE; at = entry_older(results, CHAIN_INSTANCE, at)) {
        struct owner owner;

        if (entry_owner(results, at, &owner) && digest_equal(&owner.workspace, workspace) &&
            str_equal(owner.stage, stage) && str_equal(owner.instance, instance)) {
            break;
        }
    }
    return at;
}

struct result_ref results_find_last(const struct results *results, struct str stage,
                                    struct str instance, const struct digest *workspace)
{
    uint32_t at = entry_last(results, stage, instance, workspace);

    if (at != RESULT_NONE && entry_is(&results->entries.items[at], ENTRY_FORGOTTEN)) {
        at = RESULT_NONE;
    }
    return (struct result_ref){at};
}

static bool entry_is_last(const struct results *results, uint32_t n)
{
    const struct entry *entry = &results->entries.items[n];
    struct strbuf names = {0};
    struct owner owner;
    bool last;

    if (entry_newest(results, CHAIN_INSTANCE, entry->hash[CHAIN_INSTANCE]) == n) {
        return true;
    }
    if (!entry_owner(results, n, &owner)) {
        return false;
    }
    /* The names lie in a payload that is not there for long. */
    strbuf_add_str(&names, owner.stage);
    strbuf_add_str(&names, owner.instance);
    last =
        entry_last(results, str_n(names.data, owner.stage.len),
                   str_n(names.data + owner.stage.len, owner.instance.len), &owner.workspace) == n;
    strbuf_fini(&names);
    return last;
}

bool entry_is_live(const struct results *results, uint32_t n)
{
    return !entry_is(&results->entries.items[n],
                     ENTRY_UNKEYED | ENTRY_FORGOTTEN | ENTRY_SHADOWED) ||
           entry_is_last(results, n);
}

struct result_ref results_next(const struct results *results, uint32_t from)
{
    struct str payload;

    for (size_t n = from; n < results->entries.count; n++) {
        if (!entry_is(&results->entries.items[n], ENTRY_FORGOTTEN) &&
            entry_is_live(results, (uint32_t)n) && entry_payload(results, (uint32_t)n, &payload)) {
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

bool results_read(const struct results *results, struct result_ref ref, struct arena *arena,
                  struct result *result)
{
    struct str payload;

    assert(ref.n < results->entries.count);
    return entry_payload(results, ref.n, &payload) && result_decode(payload, arena, result);
}
