/* Owns the table: linear probing by the first bytes of the digest, which are as good as any hash. A
 * forgotten digest keeps its row with state KNOWN_NOT, so that chains stay whole. */
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
    VEC_FREE(&known->rows);
    free(known->slots);
    known_init(known);
}

/* The slot of a digest, or the free one where it belongs. */
static uint32_t *known_slot(const struct known *known, const struct digest *digest)
{
    uint32_t at = (uint32_t)digest_hash(digest) & known->mask;

    while (known->slots[at] != 0 &&
           !digest_equal(&known->rows.items[known->slots[at] - 1].digest, digest)) {
        at = (at + 1) & known->mask;
    }
    return &known->slots[at];
}

static void known_grow(struct known *known)
{
    uint32_t count = known->slots != NULL ? 2 * (known->mask + 1) : KNOWN_FIRST_SLOTS;

    free(known->slots);
    known->slots = mem_calloc(count, sizeof(*known->slots));
    known->mask = count - 1;
    for (uint32_t i = 0; i < known->rows.count; i++) {
        *known_slot(known, &known->rows.items[i].digest) = i + 1;
    }
}

enum known_state known_get(const struct known *known, const struct digest *digest)
{
    uint32_t row = known->slots != NULL ? *known_slot(known, digest) : 0;

    return row != 0 ? (enum known_state)known->rows.items[row - 1].state : KNOWN_NOT;
}

void known_set(struct known *known, const struct digest *digest, enum known_state state)
{
    uint32_t *slot;

    if (known->slots == NULL || known->rows.count >= known->mask / 2) {
        known_grow(known);
    }
    slot = known_slot(known, digest);
    if (*slot != 0) {
        known->rows.items[*slot - 1].state = (uint8_t)state;
    } else if (state != KNOWN_NOT) {
        VEC_PUSH(&known->rows, (struct known_row){*digest, (uint8_t)state});
        *slot = (uint32_t)known->rows.count;
    }
}
