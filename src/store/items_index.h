#ifndef PAWL_STORE_ITEMS_INDEX_H
#define PAWL_STORE_ITEMS_INDEX_H
/* From the hash of an item to the offset of its record, for a log that is open: a file without a
 * name below `.pawl/tmp`, mapped, of which a bounded part stays in our memory whatever the number
 * of items (what leaves it is in the kernel's page cache, or on the disk).
 *
 *     items_index_open(&index, pawl_fd, &err)
 *     probe = items_index_probe(&index, hash);
 *     while ((slot = items_index_next(&probe)) != NULL) …   places that may be it: the caller looks
 *     items_index_add(&index, hash, offset, &err)           one that is not there
 *     items_index_close(&index)
 *
 * A hash is 64 bits that nobody can foresee (the caller salts it); few other items share what is
 * kept of it, so a place that is offered is almost always the right one, and one that is not there
 * costs no look anywhere else. A slot is valid until the next items_index_add(). Errors: status 11
 * (no room on the disk). One thread. */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct items_index {
    int fd;
    uint64_t *slots;  /* mapped */
    uint32_t bits;    /* 2^bits buckets */
    uint64_t count;   /* slots in use */
    uint8_t *touched; /* a bit for each chunk that may be in our memory */
    uint32_t touched_count;
    bool marked; /* some slot has its mark */
};

struct items_index_probe {
    uint64_t *bucket;
    uint32_t at, left, tag;
};

enum { ITEMS_INDEX_OFFSET_BITS = 40 };

bool items_index_open(struct items_index *index, int pawl_fd, struct err *err);
void items_index_close(struct items_index *index);

struct items_index_probe items_index_probe(struct items_index *index, uint64_t hash);
uint64_t *items_index_next(struct items_index_probe *probe);
/* Offsets are not 0 and have ITEMS_INDEX_OFFSET_BITS at most. */
bool items_index_add(struct items_index *index, uint64_t hash, uint64_t offset, struct err *err);

uint64_t items_index_offset(uint64_t slot);
void items_index_move(uint64_t *slot, uint64_t offset);
/* Marks it: true if it was not. */
bool items_index_mark(struct items_index *index, uint64_t *slot);
void items_index_unmark_all(struct items_index *index);

#endif
