#ifndef PAWL_BASE_CHAINS_H
#define PAWL_BASE_CHAINS_H
/* From a 32-bit hash to the rows of its bucket, newest first: two numbers a row, whatever the rows
 * are and wherever they lie. Rows are dense numbers, linked in their order; a bucket holds other
 * hashes too, which the owner tells apart.
 *
 *     chains_fit(&chains, count);
 *     while (chains.linked < count) chains_link(&chains, rows[chains.linked].hash);
 *     for (n = chains_newest(&chains, hash); n != CHAINS_NONE; n = chains.older[n]) …
 *
 * Links may be made late, when somebody asks; making them anew costs a pass over the rows. */
#include <stddef.h>
#include <stdint.h>

struct chains {
    uint32_t *newest; /* by the hash's low bits */
    uint32_t *older;  /* by row */
    uint32_t mask;    /* mask + 1 buckets, and as many rows at most */
    uint32_t linked;  /* rows so far */
};
#define CHAINS_NONE UINT32_MAX

/* Nothing is linked, nothing held. */
void chains_clear(struct chains *chains);
/* Room for so many rows: where it was too small, buckets are made anew and nothing is linked. */
void chains_fit(struct chains *chains, size_t count);
/* Links the next row, or passes it by. */
void chains_link(struct chains *chains, uint32_t hash);
void chains_pass(struct chains *chains);
/* The newest row of the hash's bucket, or CHAINS_NONE; after chains_fit. */
uint32_t chains_newest(const struct chains *chains, uint32_t hash);

#endif
