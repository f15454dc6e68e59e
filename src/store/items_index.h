#ifndef PAWL_STORE_ITEMS_INDEX_H
#define PAWL_STORE_ITEMS_INDEX_H
/* From the hash of an item to the offset of its record, for a log that is open: a file without a
 * name below `.pawl/tmp`, mapped, of which a bounded part stays in our memory whatever the number
 * of items (what leaves it is in the kernel's page cache, or on the disk).
 *
 *     items_index_open(&index, pawl_fd, &err)
 *     items_index_probe(&index, hash, &probe);
 *     while (items_index_next(&index, &probe)) …            probe.offset may be it: the caller
 * looks items_index_add(&index, hash, offset, &err)           one that is not there
 *     items_index_move(&index, place, offset)               the one at a probe's place
 *     items_index_close(&index)
 *
 * A hash is 64 bits that nobody can foresee (the caller salts it); few other items share what is
 * kept of it, so a place that is offered is almost always the right one, and one that is not there
 * costs no look anywhere else. A place is valid until the next items_index_add(). Who adds many
 * does so in the order of items_index_order(). Errors: status 11 (no room on the disk). One thread.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { ITEMS_INDEX_OFFSET_BITS = 40, ITEMS_INDEX_RUN = 16, ITEMS_INDEX_PART_BITS = 10 };

struct items_index {
    int fd;
    uint64_t *slots;  /* mapped */
    uint32_t bits;    /* 2^bits buckets */
    uint64_t count;   /* slots in use */
    uint8_t *touched; /* a bit for each bucket that may be in our memory */
    uint32_t touched_count;
    bool marked; /* some slot has its mark */
};

struct items_index_probe {
    uint64_t place, offset; /* of what items_index_next() found */
    uint64_t bucket;
    uint32_t at, left, tag;
    uint32_t from, to; /* of the bucket's slots are read, not mapped */
    uint64_t run[ITEMS_INDEX_RUN];
};

bool items_index_open(struct items_index *index, int pawl_fd, struct err *err);
void items_index_close(struct items_index *index);

void items_index_probe(struct items_index *index, uint64_t hash, struct items_index_probe *probe);
bool items_index_next(struct items_index *index, struct items_index_probe *probe);
/* Offsets are not 0 and have ITEMS_INDEX_OFFSET_BITS at most. */
bool items_index_add(struct items_index *index, uint64_t hash, uint64_t offset, struct err *err);
void items_index_move(struct items_index *index, uint64_t place, uint64_t offset);
/* Below 2^ITEMS_INDEX_PART_BITS: hashes of one part lie near each other. */
uint32_t items_index_part(const struct items_index *index, uint64_t hash);

/* Marks it: true if it was not. */
bool items_index_mark(struct items_index *index, uint64_t place);
void items_index_unmark_all(struct items_index *index);

#endif
