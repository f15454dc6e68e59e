/* Owns writing `index` (its form: index_map.c): all rows sorted by path, section by section through
 * a buffer of one block, into a file that then takes the old one's place. */
#include "store/index_inside.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/sys.h"
#include "os/files.h"
#include "store/last_state_inside.h"

/* Where a row comes from. */
enum save_kind { SAVE_MAPPED, SAVE_SLOT, SAVE_STATE };

struct save_row {
    struct str name;
    enum save_kind kind;
    uint32_t from;  /* number there */
    uint32_t state; /* path of the last state plus one; 0: none */
};

struct save {
    struct index *index;
    struct last_state_builder *state; /* NULL: none */
    VEC(struct save_row) rows;
    uint32_t *row_of; /* by path of the last state */
    uint32_t instances;
    struct strbuf head, block, sums; /* `sums`: of all blocks so far */
    uint64_t offset;
    int fd;
};

/* --- gathering --- */

/* By path in the file, by slot: the state's path plus one. */
struct save_links {
    uint32_t *mapped, *slots;
};

static void save_push(struct save *save, struct str name, enum save_kind kind, uint32_t from,
                      uint32_t state)
{
    struct save_row row = {name, kind, from, state};

    VEC_PUSH(&save->rows, row);
}

/* Rows that only the state has, and which of the others it rests on. */
static void save_link_state(struct save *save, struct save_links *links)
{
    struct index *index = save->index;

    for (uint32_t i = 0; save->state != NULL && i < save->state->paths.count; i++) {
        struct str name = save->state->paths.items[i].name;
        uint32_t slot = index_path_number(index, name);
        uint32_t mapped = slot == MAP_MISSING ? index_map_find_path(&index->map, name) : UINT32_MAX;

        if (slot != MAP_MISSING) {
            links->slots[slot] = i + 1;
        } else if (mapped != UINT32_MAX) {
            links->mapped[mapped] = i + 1;
        } else {
            save_push(save, name, SAVE_STATE, i, i + 1);
        }
    }
}

static void save_add_slots(struct save *save, const struct save_links *links)
{
    struct index *index = save->index;

    for (uint32_t i = 0; i < index->paths.count; i++) {
        const struct path_slot *slot = &index->paths.items[i];

        if (!slot->gone || links->slots[i] != 0) {
            save_push(save, slot->name, SAVE_SLOT, i, links->slots[i]);
        }
    }
}

static int save_compare(const void *a, const void *b)
{
    return str_compare(((const struct save_row *)a)->name, ((const struct save_row *)b)->name);
}

static bool save_is_sorted(const struct save_row *rows, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (str_compare(rows[i - 1].name, rows[i].name) >= 0) {
            return false;
        }
    }
    return true;
}

/* The next row of the file that still counts. */
static bool save_next_mapped(const struct save *save, const struct save_links *links,
                             uint32_t *next)
{
    const struct index *index = save->index;
    struct index_path row;

    for (; *next < index->map.paths; (*next)++) {
        struct str name = index_map_path(&index->map, *next);

        if (index_path_number(index, name) == MAP_MISSING &&
            (links->mapped[*next] != 0 || index_mapped_path(index, *next, &row))) {
            return true;
        }
    }
    return false;
}

/* Merges the file's rows, which are sorted, with the new ones. */
static void save_merge(struct save *save, const struct save_links *links)
{
    const struct index_map *map = &save->index->map;
    struct save_row *fresh = save->rows.items;
    size_t count = save->rows.count;
    size_t at = 0;
    uint32_t mapped = 0;

    if (map->paths == 0) {
        return;
    }
    save->rows.items = NULL;
    save->rows.count = save->rows.cap = 0;
    VEC_RESERVE(&save->rows, count + map->paths);
    while (save_next_mapped(save, links, &mapped)) {
        struct str name = index_map_path(map, mapped);

        for (; at < count && str_compare(fresh[at].name, name) < 0; at++) {
            VEC_PUSH(&save->rows, fresh[at]);
        }
        save_push(save, name, SAVE_MAPPED, mapped, links->mapped[mapped]);
        mapped++;
    }
    for (; at < count; at++) {
        VEC_PUSH(&save->rows, fresh[at]);
    }
    free(fresh);
}

static void save_gather(struct save *save)
{
    struct index *index = save->index;
    struct save_links links = {
        .mapped = mem_calloc(index->map.paths, sizeof(*links.mapped)),
        .slots = mem_calloc(index->paths.count, sizeof(*links.slots)),
    };

    save_link_state(save, &links);
    save_add_slots(save, &links);
    if (!save_is_sorted(save->rows.items, save->rows.count)) {
        qsort(save->rows.items, save->rows.count, sizeof(*save->rows.items), save_compare);
    }
    save_merge(save, &links);
    free(links.mapped);
    free(links.slots);
    if (save->state == NULL) {
        return;
    }
    save->row_of = mem_calloc(save->state->paths.count, sizeof(*save->row_of));
    for (uint32_t i = 0; i < save->rows.count; i++) {
        if (save->rows.items[i].state != 0) {
            save->row_of[save->rows.items[i].state - 1] = i;
        }
    }
}

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

/* Bytes of a section; whole blocks are written. */
static bool save_bytes(struct save *save, const void *data, size_t len)
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

static bool save_u32(struct save *save, uint32_t value)
{
    unsigned char bytes[4];

    bytes_set_u32(bytes, value);
    return save_bytes(save, bytes, sizeof(bytes));
}

static bool save_u64(struct save *save, uint64_t value)
{
    unsigned char bytes[8];

    bytes_set_u64(bytes, value);
    return save_bytes(save, bytes, sizeof(bytes));
}

/* What is known of a row's path. */
struct save_path {
    struct index_path row;
    uint64_t seq;
    bool state_only;
};

static bool save_find(const struct save *save, const struct save_row *row, struct save_path *path)
{
    const struct index *index = save->index;

    switch (row->kind) {
    case SAVE_SLOT:
        path->row = index->paths.items[row->from].row;
        path->seq = index->paths.items[row->from].seq;
        return !index->paths.items[row->from].gone;
    case SAVE_MAPPED:
        path->seq = index_map_seq(&index->map, row->from);
        return index_mapped_path(index, row->from, &path->row);
    case SAVE_STATE:
        break;
    }
    return false;
}

static void save_path_row(const struct save *save, const struct save_row *row,
                          struct save_path *path)
{
    const struct last_state_path_row *own =
        row->state != 0 ? &save->state->paths.items[row->state - 1] : NULL;

    *path = (struct save_path){.state_only = false};
    if ((own != NULL && own->signature != NULL) || !save_find(save, row, path)) {
        *path = (struct save_path){.seq = save->index->next_seq, .state_only = true};
        if (own != NULL && own->signature != NULL) {
            path->row.signature = *own->signature;
        }
    }
    path->seq = path->seq < save->index->synced_seq ? 0 : path->seq;
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

/* --- the last state --- */

static bool save_checks(struct save *save)
{
    bool ok = true;

    for (uint32_t i = 0; ok && i < save->rows.count; i++) {
        uint32_t state = save->rows.items[i].state;
        uint8_t check =
            state != 0 ? (uint8_t)save->state->paths.items[state - 1].check : LAST_UNCHECKED;

        ok = save_bytes(save, &check, 1);
    }
    return ok;
}

/* Where each row's users begin, by counting. */
static uint32_t *save_count_users(const struct save *save)
{
    uint32_t rows = (uint32_t)save->rows.count;
    uint32_t *first = mem_calloc(rows + 2u, sizeof(*first));

    VEC_EACH (rest, &save->state->rests) {
        first[save->row_of[rest->path] + 2]++;
    }
    for (uint32_t i = 2; i < rows + 2; i++) {
        first[i] += first[i - 1];
    }
    return first;
}

static bool save_users_first(struct save *save)
{
    uint32_t *first = save_count_users(save);
    bool ok = true;

    for (uint32_t i = 0; ok && i <= save->rows.count; i++) {
        ok = save_u32(save, first[i + 1]);
    }
    free(first);
    return ok;
}

/* Units come nearly in order: most ranges are sorted. */
static void save_sort_users(uint32_t *users, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        if (users[i - 1] > users[i]) {
            qsort(users, count, sizeof(*users), mem_compare_u32);
            return;
        }
    }
}

static bool save_users(struct save *save)
{
    uint32_t *first = save_count_users(save);
    uint32_t *users = mem_calloc(save->state->rests.count, sizeof(*users));
    bool ok = true;

    VEC_EACH (rest, &save->state->rests) {
        users[first[save->row_of[rest->path] + 1]++] = rest->unit;
    }
    /* Where a row's users begin is now where the next one's do. */
    for (size_t i = 0; i < save->rows.count; i++) {
        save_sort_users(users + first[i], first[i + 1] - first[i]);
    }
    for (size_t i = 0; ok && i < save->state->rests.count; i++) {
        ok = save_u32(save, users[i]);
    }
    free(users);
    free(first);
    return ok;
}

static bool save_outputs(struct save *save)
{
    bool ok = true;

    for (uint32_t i = 0; ok && i < save->state->output_count; i++) {
        unsigned char row[INDEX_OUTPUT_BYTES];

        last_output_encode(&save->state->outputs[i], row);
        ok = save_bytes(save, row, sizeof(row));
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

static bool save_units(struct save *save)
{
    const struct last_state_builder *state = save->state;
    bool ok = true;

    for (uint32_t i = 0; ok && i < state->unit_count; i++) {
        uint8_t byte = state->units[i] | state->flags[i];

        ok = save_bytes(save, &byte, 1);
    }
    return ok;
}

static bool save_graph(struct save *save, enum index_section section)
{
    const struct strbuf *bytes = &save->state->graph[section - INDEX_PLAN];

    return save_bytes(save, bytes->data, bytes->len);
}

static bool save_state_content(struct save *save, enum index_section section)
{
    struct last_state_builder *state = save->state;

    if (state == NULL) {
        return true;
    }
    switch (section) {
    case INDEX_GUARDS:
        return save_bytes(save, state->guards.data, state->guards.len);
    case INDEX_CHECKS:
        return save_checks(save);
    case INDEX_UNITS:
        return save_units(save);
    case INDEX_USERS_FIRST:
        return save_users_first(save);
    case INDEX_USERS:
        return save_users(save);
    case INDEX_OUTPUTS:
        return save_outputs(save);
    case INDEX_PLAN:
    case INDEX_STAGES:
    case INDEX_GRAPH:
    case INDEX_PRODUCERS:
    case INDEX_CONSUMERS:
        return save_graph(save, section);
    case INDEX_NAMES:
    case INDEX_PATHS:
    case INDEX_SIGNATURES:
    case INDEX_DIGESTS:
    case INDEX_WORTH:
    case INDEX_PATH_SLOTS:
    case INDEX_INSTANCES:
    case INDEX_INSTANCE_SLOTS:
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
