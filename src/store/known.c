/* Owns the table: linear probing by the first bytes of the digest, which are as good as any hash. A
 * forgotten slot keeps its place with state KNOWN_NOT and its digest, so that chains stay whole. */
#include "store/known.h"

#include <stdlib.h>

#include "base/mem.h"

enum { KNOWN_FIRST_SLOTS = 1024 };

void known_init(struct known *known)
{
    *known = (struct known){0};
}

void known_fini(struct known *known)
{
    free(known->slots);
    known_init(known);
}

/* The slot of a digest, or the empty one where it belongs. An empty slot has an all-zero digest,
 * which no object has. */
static struct known_slot *known_find(const struct known *known, const struct digest *digest)
{
    uint32_t at = (uint32_t)digest_hash(digest) & known->mask;
    while (!digest_is_zero(&known->slots[at].digest) &&
           !digest_equal(&known->slots[at].digest, digest)) {
        at = (at + 1) & known->mask;
    }
    return &known->slots[at];
}

static void known_grow(struct known *known)
{
    struct known old = *known;
    uint32_t count = old.slots != NULL ? 2 * (old.mask + 1) : KNOWN_FIRST_SLOTS;
    known->slots = mem_calloc(count, sizeof(*known->slots));
    known->mask = count - 1;
    known->used = 0;
    for (uint32_t i = 0; old.slots != NULL && i <= old.mask; i++) {
        if (old.slots[i].state != KNOWN_NOT) {
            *known_find(known, &old.slots[i].digest) = old.slots[i];
            known->used++;
        }
    }
    free(old.slots);
}

enum known_state known_get(const struct known *known, const struct digest *digest)
{
    return known->slots != NULL ? known_find(known, digest)->state : KNOWN_NOT;
}

void known_set(struct known *known, const struct digest *digest, enum known_state state)
{
    if (known->slots == NULL || known->used >= known->mask / 2) {
        known_grow(known);
    }
    struct known_slot *slot = known_find(known, digest);
    if (digest_is_zero(&slot->digest)) {
        if (state == KNOWN_NOT) {
            return;
        }
        slot->digest = *digest;
        known->used++;
    }
    slot->state = state;
}
