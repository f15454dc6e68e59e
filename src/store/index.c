/* Owns the rows of the index, and what they are worth.
 *
 * Every put of a path has the next number `seq`; the mark `synced N` covers all rows with a smaller
 * one. A row that a mark covered when the index was saved has seq 0. Rows of another epoch than the
 * present one that no mark covers are dropped after reading.
 *
 * What is read from `index` (index_file.c) is followed by `index.log` (index_log.c); damage empties
 * the file it is in. */
#include "store/index_inside.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* --- rows in memory --- */

static struct path_slot *path_slot(const struct index *index, struct str path)
{
    uint32_t n = map_get(&index->path_map, path);

    return n == MAP_MISSING ? NULL : &index->paths.items[n];
}

void index_set_path(struct index *index, struct str path, const struct index_path *row,
                    uint64_t seq, bool foreign)
{
    struct path_slot *slot = path_slot(index, path);

    if (slot == NULL) {
        struct path_slot fresh = {.name = str_dup(&index->arena, path), .gone = true};

        map_put(&index->path_map, fresh.name, (uint32_t)index->paths.count);
        VEC_PUSH(&index->paths, fresh);
        slot = &index->paths.items[index->paths.count - 1];
    }
    index->path_count += slot->gone;
    slot->gone = false;
    slot->row = *row;
    slot->seq = seq;
    slot->foreign = foreign;
}

bool index_unset_path(struct index *index, struct str path)
{
    struct path_slot *slot = path_slot(index, path);

    if (slot == NULL || slot->gone) {
        return false;
    }
    slot->gone = true;
    index->path_count--;
    return true;
}

void index_set_instance(struct index *index, struct str name, const struct index_instance *row)
{
    uint32_t n = map_get(&index->instance_map, name);

    if (n == MAP_MISSING) {
        struct instance_slot fresh = {.name = str_dup(&index->arena, name)};

        n = (uint32_t)index->instances.count;
        map_put(&index->instance_map, fresh.name, n);
        VEC_PUSH(&index->instances, fresh);
    }
    index->instances.items[n].row = *row;
}

void index_forget_all(struct index *index)
{
    map_fini(&index->path_map);
    map_fini(&index->instance_map);
    VEC_CLEAR(&index->paths);
    VEC_CLEAR(&index->instances);
    index->path_count = 0;
    index->next_seq = 1;
    index->synced_seq = 0;
}

/* --- opening --- */

static void index_drop_untrusted(struct index *index)
{
    VEC_EACH (slot, &index->paths) {
        if (!slot->gone && slot->foreign && slot->seq >= index->synced_seq && slot->seq != 0) {
            slot->gone = true;
            index->path_count--;
        }
        slot->foreign = false;
    }
}

static struct index *index_new(int dirfd, const struct digest *epoch)
{
    struct index *index = mem_calloc(1, sizeof(*index));

    index->dirfd = dirfd;
    index->epoch = *epoch;
    index->log.fd = -1;
    index->log.dirfd = -1;
    strbuf_init(&index->data);
    strbuf_init(&index->scratch);
    arena_init(&index->arena);
    map_init(&index->path_map);
    map_init(&index->instance_map);
    record_batch_init(&index->batch);
    index->next_seq = 1;
    return index;
}

struct index *index_open(int dirfd, const struct digest *epoch, bool *damaged, struct err *err)
{
    struct index *index = index_new(dirfd, epoch);
    bool broken = false;

    if (dirfd >= 0 &&
        (!index_file_read(index, &broken, err) || !index_log_open(index, &broken, err))) {
        index_close(index);
        return NULL;
    }
    index_drop_untrusted(index);
    if (damaged != NULL) {
        *damaged = broken;
    }
    return index;
}

void index_close(struct index *index)
{
    if (index != NULL) {
        record_file_close(&index->log);
        record_batch_fini(&index->batch);
        map_fini(&index->path_map);
        map_fini(&index->instance_map);
        arena_fini(&index->arena);
        strbuf_fini(&index->data);
        strbuf_fini(&index->scratch);
        VEC_FREE(&index->paths);
        VEC_FREE(&index->instances);
        free(index);
    }
}

/* --- questions --- */

bool index_path(const struct index *index, struct str path, struct index_path *row)
{
    const struct path_slot *slot = path_slot(index, path);

    if (slot == NULL || slot->gone) {
        return false;
    }
    *row = slot->row;
    return true;
}

bool index_instance(const struct index *index, struct str name, struct index_instance *row)
{
    uint32_t n = map_get(&index->instance_map, name);

    if (n == MAP_MISSING) {
        return false;
    }
    *row = index->instances.items[n].row;
    return true;
}

uint32_t index_path_count(const struct index *index)
{
    return index->path_count;
}

uint32_t index_instance_count(const struct index *index)
{
    return (uint32_t)index->instances.count;
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

void index_set_synced(struct index *index, uint64_t position)
{
    if (position > index->synced_seq) {
        index->synced_seq = position;
        index->next_seq = position > index->next_seq ? position : index->next_seq;
    }
}

void index_mark_synced(struct index *index, uint64_t position)
{
    if (position > index->synced_seq) {
        index_set_synced(index, position);
        index_log_synced(index, position);
    }
}

/* --- writing --- */

bool index_save(struct index *index, struct err *err)
{
    if (!index->changed) {
        return true;
    }
    if (!index_file_write(index, err) || !index_log_remove(index, err)) {
        return err_wrap(err, "'.pawl'");
    }
    record_batch_clear(&index->batch);
    index->changed = index->log_begun = false;
    return true;
}
