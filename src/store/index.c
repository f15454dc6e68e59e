/* Owns the rows of the index, and what they are worth.
 *
 * Every put of a path has the next number `seq`; the mark `synced N` covers all rows with a smaller
 * one of its epoch: a sync in a later one says nothing of what was lost before. A row that a mark
 * covered when the index was saved has seq 0. Rows of another epoch than the present one that no
 * mark covers are never given.
 *
 * What is mapped from `index` (index_map.c) is followed by `index.log` (index_log.c); damage
 * empties the file it is in. */
#include "store/index_inside.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/sys.h"
#include "store/last_state_inside.h"

/* --- rows of the file --- */

bool index_mapped_path(const struct index *index, uint32_t path, struct index_path *row)
{
    const struct index_map *map = &index->map;
    uint64_t seq;

    if (!index_map_has(map, INDEX_WORTH, path) || !index_map_has(map, INDEX_DIGESTS, path) ||
        index_map_is_state_only(map, path)) {
        return false;
    }
    seq = index_map_seq(map, path);
    if (seq != 0 && seq >= index->mapped_synced_seq && !digest_equal(&map->epoch, &index->epoch)) {
        return false;
    }
    signature_decode(map->at[INDEX_SIGNATURES] + (size_t)path * SIGNATURE_BYTES, &row->signature);
    memcpy(row->digest.bytes, map->at[INDEX_DIGESTS] + (size_t)path * DIGEST_BYTES, DIGEST_BYTES);
    row->firm = index_map_is_firm(map, path);
    return true;
}

void index_mapped_instance(const struct index *index, uint32_t instance, struct index_instance *row)
{
    const unsigned char *data =
        index->map.at[INDEX_INSTANCES] + (size_t)instance * INDEX_INSTANCE_BYTES;
    uint32_t state = bytes_get_u32(data + 40);
    uint32_t count = bytes_get_u32(data + 44);

    *row = (struct index_instance){.peak_bytes = bytes_get_u64(data + 48)};
    memcpy(row->key.bytes, data + 8, DIGEST_BYTES);
    row->state = state <= INDEX_CANCELLED ? (enum index_state)state : INDEX_NEVER;
    row->duration_count = count <= INDEX_DURATIONS ? count : 0;
    for (size_t i = 0; i < row->duration_count; i++) {
        row->durations_ns[i] = bytes_get_u64(data + 56 + 8 * i);
    }
}

/* --- rows in memory --- */

uint32_t index_path_number(const struct index *index, struct str path)
{
    return LOOKUP_GET(&index->path_numbers, &index->paths, name, path);
}

static uint32_t instance_number(const struct index *index, struct str name)
{
    return LOOKUP_GET(&index->instance_numbers, &index->instances, name, name);
}

static struct path_slot *path_slot(const struct index *index, struct str path)
{
    uint32_t n = index_path_number(index, path);

    return n == MAP_MISSING ? NULL : &index->paths.items[n];
}

static bool index_same_content(const struct index_path *a, const struct index_path *b)
{
    return a->signature.mode == b->signature.mode && digest_equal(&a->digest, &b->digest);
}

/* A slot for the path, with what is known of it so far. */
static struct path_slot *path_slot_for_put(struct index *index, struct str path)
{
    struct path_slot *slot = path_slot(index, path);
    struct path_slot fresh = {.gone = true};
    uint32_t mapped;

    if (slot != NULL) {
        return slot;
    }
    mapped = index_map_find_path(&index->map, path);
    if (mapped != UINT32_MAX) {
        fresh.name = index_map_path(&index->map, mapped);
        fresh.gone = !index_mapped_path(index, mapped, &fresh.row);
    } else {
        fresh.name = str_dup(&index->arena, path);
    }
    lookup_put(&index->path_numbers, fresh.name, (uint32_t)index->paths.count);
    VEC_PUSH(&index->paths, fresh);
    return &index->paths.items[index->paths.count - 1];
}

void index_set_path(struct index *index, struct str path, const struct index_path *row,
                    uint64_t seq, bool foreign)
{
    struct path_slot *slot = path_slot_for_put(index, path);

    if (slot->gone || !index_same_content(&slot->row, row)) {
        slot->content_seq = seq;
    }
    slot->gone = false;
    slot->row = *row;
    slot->seq = seq;
    slot->foreign = foreign;
}

bool index_unset_path(struct index *index, struct str path)
{
    struct index_path row;
    bool was_there = index_path(index, path, &row);

    /* One of the file that is not given yet would be when a mark that covers it is read. */
    if (was_there || index_map_find_path(&index->map, path) != UINT32_MAX) {
        path_slot_for_put(index, path)->gone = true;
    }
    return was_there;
}

/* Most have one duration or few: room for all of them would be half of the row. */
static void instance_slot_set(struct index *index, struct instance_slot *slot,
                              const struct index_instance *row)
{
    uint64_t *durations = ARENA_ARRAY(&index->arena, uint64_t, row->duration_count);

    memcpy(durations, row->durations_ns, row->duration_count * sizeof(*durations));
    slot->key = row->key;
    slot->peak_bytes = row->peak_bytes;
    slot->durations_ns = durations;
    slot->state = (uint8_t)row->state;
    slot->duration_count = (uint8_t)row->duration_count;
}

static void instance_slot_get(const struct instance_slot *from, struct index_instance *row)
{
    *row = (struct index_instance){.key = from->key,
                                   .peak_bytes = from->peak_bytes,
                                   .state = (enum index_state)from->state,
                                   .duration_count = from->duration_count};
    memcpy(row->durations_ns, from->durations_ns,
           from->duration_count * sizeof(*from->durations_ns));
}

void index_set_instance(struct index *index, struct str name, const struct index_instance *row)
{
    uint32_t n = instance_number(index, name);

    if (n == MAP_MISSING) {
        struct instance_slot fresh = {.name = str_dup(&index->arena, name)};

        n = (uint32_t)index->instances.count;
        lookup_put(&index->instance_numbers, fresh.name, n);
        VEC_PUSH(&index->instances, fresh);
    }
    instance_slot_set(index, &index->instances.items[n], row);
}

/* --- opening --- */

void index_end_epoch(struct index *index)
{
    VEC_EACH (slot, &index->paths) {
        if (slot->seq < index->synced_seq) {
            slot->seq = 0;
        }
        slot->gone |= slot->foreign && slot->seq != 0;
        slot->foreign = false;
    }
}

static void index_drop_untrusted(struct index *index)
{
    index_end_epoch(index);
    /* Numbers of an earlier session say nothing about this one. */
    VEC_EACH (slot, &index->paths) {
        slot->content_seq = 0;
    }
}

static struct index *index_new(int dirfd, const struct digest *epoch)
{
    struct index *index = mem_calloc(1, sizeof(*index));

    index->dirfd = dirfd;
    index->epoch = *epoch;
    index->log.fd = -1;
    index->log.dirfd = -1;
    strbuf_init(&index->scratch);
    arena_init(&index->arena);
    lookup_init(&index->path_numbers);
    lookup_init(&index->instance_numbers);
    record_batch_init(&index->batch);
    index->map.next_seq = index->next_seq = 1;
    return index;
}

static bool index_read(struct index *index, const struct last_state *state, bool *damaged,
                       struct err *err)
{
    if ((state == NULL || !last_state_share(state, &index->map)) &&
        !index_map_open(&index->map, index->dirfd, INDEX_ROWS, true, damaged, err)) {
        return false;
    }
    index->next_seq = index->map.next_seq;
    return index_log_open(index, damaged, err);
}

struct index *index_open(int dirfd, const struct digest *epoch, bool *damaged, struct err *err)
{
    return index_open_beside(dirfd, epoch, NULL, damaged, err);
}

struct index *index_open_beside(int dirfd, const struct digest *epoch,
                                const struct last_state *state, bool *damaged, struct err *err)
{
    struct index *index = index_new(dirfd, epoch);
    bool broken = false;

    if (dirfd >= 0 && !index_read(index, state, &broken, err)) {
        index_close(index);
        return NULL;
    }
    index_drop_untrusted(index);
    if (damaged != NULL) {
        *damaged = broken;
    }
    return index;
}

void index_own(struct index *index)
{
    record_file_own(&index->log);
}

void index_close(struct index *index)
{
    if (index != NULL) {
        record_file_close(&index->log);
        record_batch_fini(&index->batch);
        lookup_fini(&index->path_numbers);
        lookup_fini(&index->instance_numbers);
        index_map_close(&index->map);
        arena_fini(&index->arena);
        strbuf_fini(&index->scratch);
        VEC_FREE(&index->paths);
        VEC_FREE(&index->instances);
        free(index);
    }
}

/* --- questions --- */

struct digest index_epoch(const struct index *index)
{
    return index->epoch;
}

bool index_path(const struct index *index, struct str path, struct index_path *row)
{
    const struct path_slot *slot = path_slot(index, path);
    uint32_t mapped;

    if (slot != NULL) {
        *row = slot->row;
        return !slot->gone;
    }
    mapped = index_map_find_path(&index->map, path);
    return mapped != UINT32_MAX && index_mapped_path(index, mapped, row);
}

bool index_path_since(const struct index *index, struct str path, uint64_t position)
{
    const struct path_slot *slot = path_slot(index, path);

    return slot != NULL && (slot->gone || slot->content_seq >= position);
}

bool index_instance(const struct index *index, struct str name, struct index_instance *row)
{
    uint32_t n = instance_number(index, name);

    if (n != MAP_MISSING) {
        instance_slot_get(&index->instances.items[n], row);
        return true;
    }
    n = index_map_find_instance(&index->map, name);
    if (n == UINT32_MAX) {
        return false;
    }
    index_mapped_instance(index, n, row);
    return true;
}

uint32_t index_path_count(const struct index *index)
{
    struct index_path row;
    uint32_t count = 0;

    for (uint32_t i = 0; i < index->map.paths; i++) {
        count += index_path_number(index, index_map_path(&index->map, i)) == MAP_MISSING &&
                 index_mapped_path(index, i, &row);
    }
    VEC_EACH (slot, &index->paths) {
        count += !slot->gone;
    }
    return count;
}

uint32_t index_instance_count(const struct index *index)
{
    uint32_t count = index->map.instances;

    VEC_EACH (slot, &index->instances) {
        count += index_map_find_instance(&index->map, slot->name) == UINT32_MAX;
    }
    return count;
}

uint64_t index_position(const struct index *index)
{
    return index->next_seq;
}

/* --- changes --- */

void index_put_path(struct index *index, struct str path, const struct index_path *row)
{
    index_log_path(index, path, row);
    index_set_path(index, path, row, index->next_seq++, false);
}

void index_drop_path(struct index *index, struct str path)
{
    if (index_unset_path(index, path)) {
        index_log_drop(index, path);
    }
}

void index_put_instance(struct index *index, struct str name, const struct index_instance *row)
{
    index_log_instance(index, name, row);
    index_set_instance(index, name, row);
}

void index_instance_add_duration(struct index_instance *row, uint64_t duration_ns)
{
    memmove(row->durations_ns + 1, row->durations_ns,
            (INDEX_DURATIONS - 1) * sizeof(row->durations_ns[0]));
    row->durations_ns[0] = duration_ns;
    row->duration_count += row->duration_count < INDEX_DURATIONS;
}

void index_set_synced(struct index *index, uint64_t position, const struct digest *epoch)
{
    if (digest_equal(epoch, &index->map.epoch) && position > index->mapped_synced_seq) {
        index->mapped_synced_seq = position;
    }
    if (position > index->synced_seq) {
        index->synced_seq = position;
        index->next_seq = position > index->next_seq ? position : index->next_seq;
    }
}

void index_mark_synced(struct index *index, uint64_t position)
{
    if (position > index->synced_seq) {
        index_set_synced(index, position, &index->epoch);
        index_log_synced(index, position);
    }
}

/* --- writing --- */

/* All rows are asked for: what of them was not looked at yet is now. False: some are damaged, and
 * none counts. */
static bool index_check_rows(struct index *index)
{
    if (index_map_check(&index->map, INDEX_ROWS)) {
        return true;
    }
    index->map.paths = index->map.path_slots = 0;
    index->map.instances = index->map.instance_slots = 0;
    return false;
}

/* A state is of the rows that were there when it was built. */
static bool index_replace(struct index *index, struct last_state_builder *state, struct err *err)
{
    if (!index_check_rows(index)) {
        state = NULL;
    }
    if (!index_file_write(index, state, err) || !index_log_remove(index, err)) {
        return err_wrap(err, "'.pawl'");
    }
    index_empty_batch(index);
    index->changed = index->log_begun = false;
    return true;
}

bool index_save(struct index *index, struct err *err)
{
    return !index->changed || index_replace(index, NULL, err);
}

bool index_save_state(struct index *index, struct last_state_builder *state, struct err *err)
{
    return index_replace(index, state, err);
}

/* Of another number than ours. */
static bool index_is_foreign(int dirfd)
{
    char magic[sizeof(INDEX_MAGIC)];
    int fd = sys_openat(dirfd, "index", O_RDONLY | O_NOFOLLOW, 0);
    ssize_t len = fd >= 0 ? sys_read_full(fd, magic, sizeof(magic)) : -1;
    size_t number = sizeof(magic) - 1;

    if (fd >= 0) {
        sys_close(fd);
    }
    return len == sizeof(magic) && memcmp(magic, INDEX_MAGIC, number) == 0 &&
           magic[number] >= '0' && magic[number] <= '9' && magic[number] != INDEX_MAGIC[number];
}

bool index_check(int dirfd, bool *foreign, struct err *err)
{
    uint32_t all = (1u << INDEX_SUMS) - 1;
    struct index_map map;
    bool damaged = false;

    *foreign = false;
    if (!index_map_open(&map, dirfd, all, true, &damaged, err)) {
        return false;
    }
    index_map_close(&map);
    *foreign = damaged && index_is_foreign(dirfd);
    return !damaged || err_set(err, STATUS_CORRUPT, "'.pawl/index': its checksums are wrong%s",
                               *foreign ? ", as it is of another version" : "");
}
