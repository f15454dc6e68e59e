/* Owns writing `index` (its form: index_map.c): all rows sorted by path, section by section through
 * a buffer of one block, into a file that then takes the old one's place. */
#include "store/index_save_inside.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/sys.h"
#include "os/files.h"

/* --- sections --- */

static bool save_block(struct save *save)
{
    bytes_put_u64(&save->sums, bytes_checksum(save->block.data, save->block.len));
    save->offset += save->block.len;
    if (!file_write_all(save->fd, save->block.data, save->block.len)) {
        return false;
    }
    strbuf_clear(&save->block);
    return true;
}

bool save_bytes(struct save *save, const void *data, size_t len)
{
    const char *next = data;

    while (len > 0) {
        size_t room = INDEX_BLOCK_BYTES - save->block.len;
        size_t part = len < room ? len : room;

        strbuf_add(&save->block, next, part);
        next += part;
        len -= part;
        if (save->block.len == INDEX_BLOCK_BYTES && !save_block(save)) {
            return false;
        }
    }
    return true;
}

bool save_u32(struct save *save, uint32_t value)
{
    unsigned char bytes[4];

    bytes_set_u32(bytes, value);
    return save_bytes(save, bytes, sizeof(bytes));
}

bool save_u64(struct save *save, uint64_t value)
{
    unsigned char bytes[8];

    bytes_set_u64(bytes, value);
    return save_bytes(save, bytes, sizeof(bytes));
}

static uint64_t save_worth(const struct save_path *path)
{
    return path->seq << 2 | (path->state_only ? INDEX_STATE_ONLY : 0) |
           (path->row.firm ? INDEX_FIRM : 0);
}

/* --- names and instances --- */

static struct str save_instance_name(const struct save *save, uint32_t number)
{
    const struct index *index = save->index;

    return number < index->map.instances
               ? index_map_instance(&index->map, number)
               : index->instances.items[number - index->map.instances].name;
}

/* Numbers below `map.instances` are the file's, those from there on slots; a slot of a name that
 * the file has is not counted twice. */
static bool save_is_instance(const struct save *save, uint32_t number)
{
    const struct index *index = save->index;

    return number < index->map.instances ||
           index_map_find_instance(&index->map, save_instance_name(save, number)) == UINT32_MAX;
}

static uint32_t save_instance_limit(const struct save *save)
{
    return save->index->map.instances + (uint32_t)save->index->instances.count;
}

static bool save_name(struct save *save, struct str name)
{
    return save_bytes(save, name.data, name.len) && save_bytes(save, "", 1);
}

static bool save_names(struct save *save)
{
    bool ok = true;

    for (uint32_t i = 0; ok && i < save->rows.count; i++) {
        ok = save_name(save, save->rows.items[i].name);
    }
    for (uint32_t i = 0; ok && i < save_instance_limit(save); i++) {
        ok = !save_is_instance(save, i) || save_name(save, save_instance_name(save, i));
    }
    return ok;
}

static bool save_paths(struct save *save)
{
    uint32_t offset = 0;
    bool ok = true;

    for (uint32_t i = 0; ok && i < save->rows.count; i++) {
        uint32_t len = (uint32_t)save->rows.items[i].name.len;

        ok = save_u32(save, offset) && save_u32(save, len);
        offset += len + 1;
    }
    return ok;
}

static bool save_column(struct save *save, enum index_section section)
{
    bool ok = true;

    for (uint32_t i = 0; ok && i < save->rows.count; i++) {
        unsigned char signature[SIGNATURE_BYTES];
        struct save_path path;

        save_path_row(save, &save->rows.items[i], &path);
        if (section == INDEX_SIGNATURES) {
            signature_encode(&path.row.signature, signature);
            ok = save_bytes(save, signature, sizeof(signature));
        } else if (section == INDEX_DIGESTS) {
            ok = save_bytes(save, path.row.digest.bytes, DIGEST_BYTES);
        } else {
            ok = save_u64(save, save_worth(&path));
        }
    }
    return ok;
}

static uint32_t save_slots_for(uint32_t rows)
{
    uint32_t slots = 1;

    while (rows != 0 && slots <= rows + rows / 2) {
        slots *= 2;
    }
    return rows == 0 ? 0 : slots;
}

static void save_slot_put(uint32_t *slots, uint32_t count, struct str name, uint32_t number)
{
    uint32_t at = (uint32_t)str_hash(name) & (count - 1);

    while (slots[at] != INDEX_SLOT_FREE) {
        at = (at + 1) & (count - 1);
    }
    slots[at] = number + 1;
}

static bool save_slots(struct save *save, uint32_t *slots, uint32_t count)
{
    bool ok = true;

    for (uint32_t i = 0; ok && i < count; i++) {
        ok = save_u32(save, slots[i]);
    }
    free(slots);
    return ok;
}

static bool save_path_slots(struct save *save)
{
    uint32_t count = save_slots_for((uint32_t)save->rows.count);
    uint32_t *slots = mem_calloc(count, sizeof(*slots));

    for (uint32_t i = 0; i < save->rows.count; i++) {
        save_slot_put(slots, count, save->rows.items[i].name, i);
    }
    return save_slots(save, slots, count);
}

static bool save_instance_slots(struct save *save)
{
    uint32_t count = save_slots_for(save->instances);
    uint32_t *slots = mem_calloc(count, sizeof(*slots));
    uint32_t number = 0;

    for (uint32_t i = 0; i < save_instance_limit(save); i++) {
        if (save_is_instance(save, i)) {
            save_slot_put(slots, count, save_instance_name(save, i), number++);
        }
    }
    return save_slots(save, slots, count);
}

static bool save_instance(struct save *save, struct str name, uint32_t offset)
{
    struct index_instance row = {.state = INDEX_NEVER};
    bool ok;

    index_instance(save->index, name, &row);
    ok = save_u32(save, offset) && save_u32(save, (uint32_t)name.len) &&
         save_bytes(save, row.key.bytes, DIGEST_BYTES) && save_u32(save, (uint32_t)row.state) &&
         save_u32(save, row.duration_count) && save_u64(save, row.peak_bytes);
    for (uint32_t i = 0; ok && i < INDEX_DURATIONS; i++) {
        ok = save_u64(save, i < row.duration_count ? row.durations_ns[i] : 0);
    }
    return ok;
}

static bool save_instances(struct save *save)
{
    uint32_t offset = 0;
    bool ok = true;

    for (uint32_t i = 0; i < save->rows.count; i++) {
        offset += (uint32_t)save->rows.items[i].name.len + 1;
    }
    for (uint32_t i = 0; ok && i < save_instance_limit(save); i++) {
        if (save_is_instance(save, i)) {
            struct str name = save_instance_name(save, i);

            ok = save_instance(save, name, offset);
            offset += (uint32_t)name.len + 1;
        }
    }
    return ok;
}

static bool save_content(struct save *save, enum index_section section)
{
    switch (section) {
    case INDEX_NAMES:
        return save_names(save);
    case INDEX_PATHS:
        return save_paths(save);
    case INDEX_SIGNATURES:
    case INDEX_DIGESTS:
    case INDEX_WORTH:
        return save_column(save, section);
    case INDEX_PATH_SLOTS:
        return save_path_slots(save);
    case INDEX_INSTANCES:
        return save_instances(save);
    case INDEX_INSTANCE_SLOTS:
        return save_instance_slots(save);
    case INDEX_GUARDS:
    case INDEX_CHECKS:
    case INDEX_UNITS:
    case INDEX_USERS_FIRST:
    case INDEX_USERS:
    case INDEX_OUTPUTS:
    case INDEX_PLAN:
    case INDEX_STAGES:
    case INDEX_GRAPH:
    case INDEX_PRODUCERS:
    case INDEX_CONSUMERS:
    case INDEX_SUMS:
    case INDEX_SECTIONS:
        break;
    }
    return true;
}

static void save_entry(struct save *save, uint64_t from, uint64_t checksum)
{
    bytes_put_u64(&save->head, from);
    bytes_put_u64(&save->head, save->offset - from);
    bytes_put_u64(&save->head, checksum);
}

/* Writes one section and its entry in the head. */
static bool save_section(struct save *save, enum index_section section)
{
    uint64_t from = save->offset;
    size_t sums = save->sums.len;

    if (!save_content(save, section) || !save_state_content(save, section) ||
        (save->block.len != 0 && !save_block(save))) {
        return false;
    }
    save_entry(save, from, bytes_checksum(save->sums.data + sums, save->sums.len - sums));
    return true;
}

static bool save_sums(struct save *save)
{
    uint64_t from = save->offset;

    save->offset += save->sums.len;
    save_entry(save, from, 0);
    return file_write_all(save->fd, save->sums.data, save->sums.len);
}

/* --- the file --- */

static void save_begin_head(struct save *save)
{
    const struct last_state_builder *state = save->state;
    struct index *index = save->index;

    for (uint32_t i = 0; i < save_instance_limit(save); i++) {
        save->instances += save_is_instance(save, i);
    }
    strbuf_add(&save->head, INDEX_MAGIC, sizeof(INDEX_MAGIC));
    bytes_put_digest(&save->head, &index->epoch);
    bytes_put_u64(&save->head, index->next_seq);
    bytes_put_u32(&save->head, (uint32_t)save->rows.count);
    bytes_put_u32(&save->head, save->instances);
    bytes_put_u32(&save->head, state != NULL ? state->unit_count : 0);
    bytes_put_u32(&save->head, state != NULL ? state->output_count : 0);
    bytes_put_u32(&save->head, state != NULL);
    bytes_put_u32(&save->head, 0);
}

static bool save_end_head(struct save *save)
{
    char *room = strbuf_reserve(&save->head, INDEX_HEAD_BYTES - save->head.len);

    memset(room, 0, INDEX_HEAD_BYTES - save->head.len);
    save->head.len = INDEX_HEAD_BYTES;
    bytes_set_u64(save->head.data + INDEX_HEAD_BYTES - 8,
                  bytes_checksum(save->head.data, INDEX_HEAD_BYTES - 8));
    return sys_pwrite_full(save->fd, save->head.data, INDEX_HEAD_BYTES, 0) == 0;
}

static bool save_all(struct save *save)
{
    save_begin_head(save);
    save->offset = INDEX_HEAD_BYTES;
    if (sys_seek(save->fd, INDEX_HEAD_BYTES, SEEK_SET) < 0) {
        return false;
    }
    for (unsigned i = 0; i < INDEX_SUMS; i++) {
        if (!save_section(save, (enum index_section)i)) {
            return false;
        }
    }
    return save_sums(save) && save_end_head(save);
}

static bool save_names_fit(const struct save *save, struct err *err)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < save->rows.count; i++) {
        bytes += save->rows.items[i].name.len + 1;
    }
    for (uint32_t i = 0; i < save_instance_limit(save); i++) {
        bytes += save_instance_name(save, i).len + 1;
    }
    return bytes <= UINT32_MAX ||
           err_set(err, STATUS_ENVIRONMENT, "'index': more than 4 GiB of names");
}

static bool save_file(struct save *save, struct err *err)
{
    int dirfd = save->index->dirfd;
    char name[FILE_TEMP_BYTES];
    bool ok;

    if (!file_temp_name(name)) {
        return err_sys(err, "'index': cannot be written");
    }
    save->fd = sys_openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, SYS_OWN_FILE);
    if (save->fd < 0) {
        return err_sys(err, "'index': cannot be written");
    }
    ok = save_all(save) || err_sys(err, "'index': cannot be written");
    if (sys_close(save->fd) < 0 && ok) {
        ok = err_sys(err, "'index': cannot be written");
    }
    if (ok && sys_renameat(dirfd, name, dirfd, "index") < 0) {
        ok = err_sys(err, "'index': cannot be written");
    }
    if (!ok) {
        (void)sys_unlinkat(dirfd, name, 0);
    }
    return ok;
}

bool index_file_write(struct index *index, struct last_state_builder *state, struct err *err)
{
    struct save save = {.index = index, .state = state, .fd = -1};
    bool ok;

    strbuf_init(&save.head);
    strbuf_init(&save.block);
    strbuf_init(&save.sums);
    if (state != NULL) {
        /* All paths are in it: what finds them is not needed beside the rows. */
        lookup_fini(&state->numbers);
    }
    save_gather(&save);
    ok = save_names_fit(&save, err) && save_file(&save, err);
    VEC_FREE(&save.rows);
    free(save.row_of);
    strbuf_fini(&save.head);
    strbuf_fini(&save.block);
    strbuf_fini(&save.sums);
    return ok;
}
