/* Owns the index of an open log of items.
 *
 * 2^bits buckets of 512 slots. A slot is 0 or, from the low bits on: offset (40 bits), mark (1),
 * tag (23). The bucket is the lowest `bits` of the hash, the tag the 23 bits behind the lowest
 * FIRST_BITS of it; so the next bit, by which a bucket is halved when their number doubles, is in
 * the tag, and growing needs nothing but the slots. In a bucket an entry lies where its tag says or
 * in the next free slot behind, around its end.
 *
 * The file's blocks are there before they are mapped: a full disk is an error of fallocate, never a
 * signal. It is nobody's but ours, has no name and no form that anybody else reads.
 *
 * What was touched is counted in chunks of as much as the kernel maps around a fault; at their
 * limit all is let go of, which leaves it in the page cache. */
#include "store/items_index.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "base/sys.h"
#include "os/files.h"

enum {
    BUCKET_SLOTS = 512,
    BUCKET_BYTES = BUCKET_SLOTS * 8,
    FIRST_BITS = 4,
    TAG_BITS = 23,
    MARK_BIT = ITEMS_INDEX_OFFSET_BITS,
    TAG_SHIFT = MARK_BIT + 1,
    SMALL_BYTES = 16 << 20,
    TOUCHED_LIMIT = (8 << 20) / BUCKET_BYTES,
    ZEROS_BYTES = 64 << 10
};

static uint64_t index_bytes(uint32_t bits)
{
    return (uint64_t)BUCKET_BYTES << bits;
}

static size_t index_touched_bytes(uint32_t bits)
{
    return (size_t)1 << (bits - 3);
}
_Static_assert(FIRST_BITS >= 3, "a bit for each bucket");

/* --- the file --- */

static bool index_open_file(struct items_index *index, int pawl_fd, struct err *err)
{
    if (!folder_make(pawl_fd, "tmp", err)) {
        return err_wrap(err, "'.pawl'");
    }
    index->fd = file_open_nameless(pawl_fd, "tmp", err);
    return index->fd >= 0 || err_wrap(err, "an index of items");
}

static bool index_write_zeros(int fd, uint64_t from, uint64_t to)
{
    void *zeros = mem_calloc(1, ZEROS_BYTES);
    bool ok = true;

    for (; ok && from < to; from += ZEROS_BYTES) {
        ok = sys_pwrite_full(fd, zeros, ZEROS_BYTES, (int64_t)from) == 0;
    }
    free(zeros);
    return ok;
}

/* So that it has blocks, and zeros, up to there. */
static bool index_allocate(int fd, uint64_t from, uint64_t to, struct err *err)
{
    if (sys_fallocate(fd, 0, (int64_t)from, (int64_t)(to - from)) == 0 ||
        ((errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL) &&
         index_write_zeros(fd, from, to))) {
        return true;
    }
    return err_sys(err, "'.pawl/tmp': no room for the index of items, %llu bytes",
                   (unsigned long long)to);
}

/* Maps it with so many buckets, those that were there and new ones. */
static bool index_map(struct items_index *index, uint32_t bits, struct err *err)
{
    uint64_t old = index->slots == NULL ? 0 : index_bytes(index->bits);
    void *slots;

    if (!index_allocate(index->fd, old, index_bytes(bits), err)) {
        return false;
    }
    slots = sys_mmap(index_bytes(bits), PROT_READ | PROT_WRITE, MAP_SHARED, index->fd, 0);
    if (slots == MAP_FAILED) {
        return err_sys(err, "'.pawl/tmp': cannot map the index of items");
    }
    if (index->slots != NULL) {
        sys_munmap(index->slots, old);
    }
    free(index->touched);
    index->slots = slots;
    index->bits = bits;
    index->touched = mem_calloc(index_touched_bytes(bits), 1);
    index->touched_count = 0;
    return true;
}

bool items_index_open(struct items_index *index, int pawl_fd, struct err *err)
{
    *index = (struct items_index){.fd = -1};
    if (!index_open_file(index, pawl_fd, err) || !index_map(index, FIRST_BITS, err)) {
        items_index_close(index);
        return false;
    }
    return true;
}

void items_index_close(struct items_index *index)
{
    if (index->slots != NULL) {
        sys_munmap(index->slots, index_bytes(index->bits));
    }
    if (index->fd >= 0) {
        sys_close(index->fd);
    }
    free(index->touched);
    *index = (struct items_index){.fd = -1};
}

/* --- buckets and slots --- */

static void index_let_go(struct items_index *index)
{
    sys_madvise(index->slots, index_bytes(index->bits), MADV_DONTNEED);
    memset(index->touched, 0, index_touched_bytes(index->bits));
    index->touched_count = 0;
}

/* Does all of it stay in our memory? */
static bool index_is_small(const struct items_index *index)
{
    return index_bytes(index->bits) <= SMALL_BYTES;
}

static bool index_is_touched(const struct items_index *index, uint64_t bucket)
{
    return (index->touched[bucket / 8] >> bucket % 8 & 1) != 0;
}

static uint64_t *index_bucket(struct items_index *index, uint64_t bucket)
{
    uint64_t *slots = index->slots + bucket * BUCKET_SLOTS;

    if (!index_is_small(index) && !index_is_touched(index, bucket)) {
        if (index->touched_count == TOUCHED_LIMIT) {
            index_let_go(index);
        }
        index->touched[bucket / 8] |= (uint8_t)(1U << bucket % 8);
        index->touched_count++;
        sys_madvise(slots, BUCKET_BYTES, SYS_MADV_POPULATE_WRITE);
    }
    return slots;
}

static uint32_t index_tag(uint64_t hash)
{
    return (uint32_t)(hash >> FIRST_BITS) & ((1U << TAG_BITS) - 1);
}

/* Of tags that share their low bits, as all in a bucket do, the places differ. */
static uint32_t index_place(uint32_t tag)
{
    return (tag * UINT32_C(0x9e3779b1)) >> 23;
}
_Static_assert(BUCKET_SLOTS == 1 << (32 - 23), "a place is nine bits");

static uint32_t slot_tag(uint64_t slot)
{
    return (uint32_t)(slot >> TAG_SHIFT);
}

static uint64_t slot_offset(uint64_t slot)
{
    return slot & ((UINT64_C(1) << ITEMS_INDEX_OFFSET_BITS) - 1);
}

static uint64_t *index_slot(struct items_index *index, uint64_t place)
{
    return index_bucket(index, place / BUCKET_SLOTS) + place % BUCKET_SLOTS;
}

static uint64_t index_bucket_of(const struct items_index *index, uint64_t hash)
{
    return hash & ((UINT64_C(1) << index->bits) - 1);
}

uint32_t items_index_part(const struct items_index *index, uint64_t hash)
{
    return index->bits <= ITEMS_INDEX_PART_BITS
               ? 0
               : (uint32_t)(index_bucket_of(index, hash) >> (index->bits - ITEMS_INDEX_PART_BITS));
}

/* --- looking --- */

/* Some slots of a bucket that is not in our memory, without getting all around it there. */
static void probe_read(const struct items_index *index, struct items_index_probe *probe)
{
    uint32_t left = BUCKET_SLOTS - probe->at;
    uint32_t count = left < ITEMS_INDEX_RUN ? left : ITEMS_INDEX_RUN;
    size_t size = count * sizeof(*probe->run);
    uint64_t offset = (probe->bucket * BUCKET_SLOTS + probe->at) * sizeof(*probe->run);

    if (sys_pread_full(index->fd, probe->run, size, (int64_t)offset) == (ssize_t)size) {
        probe->from = probe->at;
        probe->to = probe->at + count;
    }
}

void items_index_probe(struct items_index *index, uint64_t hash, struct items_index_probe *probe)
{
    probe->tag = index_tag(hash);
    probe->bucket = index_bucket_of(index, hash);
    probe->at = index_place(probe->tag);
    probe->left = BUCKET_SLOTS;
    probe->from = probe->to = 0;
    if (!index_is_small(index) && !index_is_touched(index, probe->bucket)) {
        probe_read(index, probe);
    }
}

bool items_index_next(struct items_index *index, struct items_index_probe *probe)
{
    for (; probe->left > 0; probe->left--) {
        uint32_t at = probe->at;
        uint64_t slot = at >= probe->from && at < probe->to
                            ? probe->run[at - probe->from]
                            : index_bucket(index, probe->bucket)[at];

        if (slot == 0) {
            break;
        }
        probe->at = (at + 1) % BUCKET_SLOTS;
        if (slot_tag(slot) == probe->tag) {
            probe->left--;
            probe->place = probe->bucket * BUCKET_SLOTS + at;
            probe->offset = slot_offset(slot);
            return true;
        }
    }
    probe->left = 0;
    return false;
}

/* --- changing --- */

void items_index_move(struct items_index *index, uint64_t place, uint64_t offset)
{
    uint64_t *slot = index_slot(index, place);

    assert(offset >> ITEMS_INDEX_OFFSET_BITS == 0 && offset != 0);
    *slot = *slot - slot_offset(*slot) + offset;
}

/* False: the bucket is full. */
static bool bucket_put(uint64_t *bucket, uint64_t entry)
{
    uint32_t at = index_place(slot_tag(entry));

    for (uint32_t i = 0; i < BUCKET_SLOTS; i++, at = (at + 1) % BUCKET_SLOTS) {
        if (bucket[at] == 0) {
            bucket[at] = entry;
            return true;
        }
    }
    return false;
}

/* The number of buckets was doubled: those whose next bit says so go to the new one. */
static void index_split(struct items_index *index, uint64_t number)
{
    uint64_t old[BUCKET_SLOTS];
    uint32_t bit = index->bits - 1 - FIRST_BITS;

    memcpy(old, index_bucket(index, number), sizeof(old));
    memset(index_bucket(index, number), 0, sizeof(old));
    for (uint32_t i = 0; i < BUCKET_SLOTS; i++) {
        uint64_t upper = (uint64_t)(slot_tag(old[i]) >> bit & 1) << (index->bits - 1);

        if (old[i] != 0) {
            bucket_put(index_bucket(index, number + upper), old[i]);
        }
    }
}

static bool index_grow(struct items_index *index, struct err *err)
{
    uint64_t buckets = UINT64_C(1) << index->bits;

    if (index->bits == FIRST_BITS + TAG_BITS) {
        return err_set(err, STATUS_ENVIRONMENT, "'.pawl/tmp': the index of items is full");
    }
    if (!index_map(index, index->bits + 1, err)) {
        return false;
    }
    for (uint64_t number = 0; number < buckets; number++) {
        index_split(index, number);
    }
    return true;
}

static bool index_has_room(const struct items_index *index)
{
    return index->count < (index_bytes(index->bits) / 8) / 4 * 3;
}

bool items_index_add(struct items_index *index, uint64_t hash, uint64_t offset, struct err *err)
{
    uint64_t entry = (uint64_t)index_tag(hash) << TAG_SHIFT | offset;
    bool put = false;

    assert(offset >> ITEMS_INDEX_OFFSET_BITS == 0 && offset != 0);
    while (!put) {
        uint64_t *bucket = index_bucket(index, index_bucket_of(index, hash));

        put = index_has_room(index) && bucket_put(bucket, entry);
        if (!put && !index_grow(index, err)) {
            return false;
        }
    }
    index->count++;
    return true;
}

/* --- marks --- */

bool items_index_mark(struct items_index *index, uint64_t place)
{
    uint64_t *slot = index_slot(index, place);
    uint64_t mark = UINT64_C(1) << MARK_BIT;
    bool fresh = (*slot & mark) == 0;

    *slot |= mark;
    index->marked = true;
    return fresh;
}

void items_index_unmark_all(struct items_index *index)
{
    for (uint64_t number = 0; index->marked && number >> index->bits == 0; number++) {
        uint64_t *bucket = index_bucket(index, number);

        for (uint32_t i = 0; i < BUCKET_SLOTS; i++) {
            bucket[i] &= ~(UINT64_C(1) << MARK_BIT);
        }
    }
    index->marked = false;
}
