/* Owns the form of `index`, little endian, replaced as a whole:
 *
 *     head       1024 bytes: "pawlidx4"  epoch: 32 bytes  next: u64  paths, instances, units,
 *                outputs: u32  has state: u32  0: u32  then for each section in the order of enum
 *                index_section: offset, bytes, checksum: u64; zeros; last: checksum of the head
 *     sections   in that order, each right behind the one before, the last up to the end
 *
 *     instance   name: u32 offset, u32 length  key: 32 bytes  state: u32  durations: u32 count
 *                peak: u64  8 durations: u64
 *     output     digest: 32 bytes  size: u64  state, type, executable, stored: u8  0: u32
 *     slots      a power of two of u32, more than rows: 0, or a row's number plus one, at the low
 *                bits of str_hash() of its name or the next free place behind
 *
 * A section is divided into blocks of 64 KiB, so that a few rows cost no look at all of it: its
 * blocks' checksums stand in the last section, behind those of the sections before it, and the
 * checksum of these is its own; the last section has none. Columns lie apart so that a look at all
 * signatures reads nothing else. A wrong checksum, number, offset or order is damage. */
#include "store/index_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/sys.h"
#include "os/signature.h"

enum {
    AT_EPOCH = 8,
    AT_NEXT = 40,
    AT_COUNTS = 48,
    AT_SECTIONS = 72,
    SECTION_ENTRY_BYTES = 24,
    AT_CHECKSUM = INDEX_HEAD_BYTES - 8,
    LEAN_BLOCKS = 16 /* of what is only checked, as much is in memory */
};
_Static_assert(AT_SECTIONS + SECTION_ENTRY_BYTES * INDEX_SECTIONS <= AT_CHECKSUM,
               "the table of sections fits into the head");

const char INDEX_MAGIC[8] = "pawlidx4";

/* What all who share a mapping know of it. */
struct index_mapping {
    uint32_t users;
    uint32_t checked; /* sections that are right as a whole */
    uint32_t summed;  /* sections whose checksums of blocks are right */
    bool changeable;
    uint64_t first[INDEX_SECTIONS]; /* its first block among those of all sections */
    uint8_t blocks[];               /* by block: it is right */
};

uint64_t index_map_blocks(uint64_t bytes)
{
    return bytes / INDEX_BLOCK_BYTES + (bytes % INDEX_BLOCK_BYTES != 0);
}

/* --- the head --- */

static bool map_head(struct index_map *map)
{
    const unsigned char *head = map->data;
    uint64_t end = INDEX_HEAD_BYTES;

    if (map->len < INDEX_HEAD_BYTES || memcmp(head, INDEX_MAGIC, sizeof(INDEX_MAGIC)) != 0 ||
        bytes_get_u64(head + AT_CHECKSUM) != bytes_checksum(head, AT_CHECKSUM)) {
        return false;
    }
    memcpy(map->epoch.bytes, head + AT_EPOCH, DIGEST_BYTES);
    map->next_seq = bytes_get_u64(head + AT_NEXT);
    map->paths = bytes_get_u32(head + AT_COUNTS);
    map->instances = bytes_get_u32(head + AT_COUNTS + 4);
    map->units = bytes_get_u32(head + AT_COUNTS + 8);
    map->outputs = bytes_get_u32(head + AT_COUNTS + 12);
    map->has_state = bytes_get_u32(head + AT_COUNTS + 16) != 0;
    for (unsigned i = 0; i < INDEX_SECTIONS; i++) {
        const unsigned char *entry = head + AT_SECTIONS + SECTION_ENTRY_BYTES * i;

        map->bytes[i] = bytes_get_u64(entry + 8);
        if (bytes_get_u64(entry) != end || map->bytes[i] > map->len - end) {
            return false;
        }
        map->at[i] = head + end;
        end += map->bytes[i];
    }
    return end == map->len && map->next_seq > 0;
}

static uint64_t map_blocks(const struct index_map *map)
{
    uint64_t blocks = 0;

    for (unsigned i = 0; i < INDEX_SUMS; i++) {
        blocks += index_map_blocks(map->bytes[i]);
    }
    return blocks;
}

static bool map_is_slots(uint64_t bytes, uint32_t rows, uint32_t *slots)
{
    uint64_t count = bytes / INDEX_SLOT_BYTES;

    *slots = (uint32_t)count;
    return bytes % INDEX_SLOT_BYTES == 0 && count <= UINT32_MAX && (count & (count - 1)) == 0 &&
           (count > rows || (count == 0 && rows == 0));
}

/* Every section has the size that the numbers of rows ask for. */
static bool map_sizes(struct index_map *map)
{
    const uint64_t *bytes = map->bytes;
    uint64_t paths = map->paths;

    map->users = (uint32_t)(bytes[INDEX_USERS] / 4);
    return bytes[INDEX_PATHS] == paths * INDEX_PATH_BYTES &&
           bytes[INDEX_SIGNATURES] == paths * SIGNATURE_BYTES &&
           bytes[INDEX_DIGESTS] == paths * DIGEST_BYTES && bytes[INDEX_WORTH] == paths * 8 &&
           map_is_slots(bytes[INDEX_PATH_SLOTS], map->paths, &map->path_slots) &&
           bytes[INDEX_INSTANCES] == (uint64_t)map->instances * INDEX_INSTANCE_BYTES &&
           map_is_slots(bytes[INDEX_INSTANCE_SLOTS], map->instances, &map->instance_slots) &&
           bytes[INDEX_CHECKS] == (map->has_state ? paths : 0) &&
           bytes[INDEX_UNITS] == map->units &&
           bytes[INDEX_USERS_FIRST] == (map->has_state ? (paths + 1) * 4 : 0) &&
           bytes[INDEX_USERS] == (uint64_t)map->users * 4 &&
           bytes[INDEX_OUTPUTS] == (uint64_t)map->outputs * INDEX_OUTPUT_BYTES &&
           bytes[INDEX_SUMS] == map_blocks(map) * 8;
}

static bool map_graph_sizes(struct index_map *map)
{
    const uint64_t *bytes = map->bytes;

    map->stages = (uint32_t)(bytes[INDEX_STAGES] / INDEX_STAGE_BYTES);
    map->producers = (uint32_t)(bytes[INDEX_PRODUCERS] / 4);
    map->consumers = (uint32_t)(bytes[INDEX_CONSUMERS] / 4);
    map->has_graph = bytes[INDEX_PLAN] != 0;
    return bytes[INDEX_PLAN] == (map->has_graph ? INDEX_PLAN_BYTES : 0) &&
           (map->has_state || !map->has_graph) &&
           bytes[INDEX_STAGES] == (uint64_t)map->stages * INDEX_STAGE_BYTES &&
           bytes[INDEX_GRAPH] ==
               (map->has_graph ? ((uint64_t)map->units + 1) * INDEX_GRAPH_BYTES : 0) &&
           bytes[INDEX_PRODUCERS] == (uint64_t)map->producers * 4 &&
           bytes[INDEX_CONSUMERS] == (uint64_t)map->consumers * 4;
}

/* --- what is in the sections --- */

/* Whole pages alone: what lies beside them may have been changed. The mapping begins with a page,
 * and the step is a multiple of every size of them. */
static void map_let_go(const struct index_map *map, const unsigned char *from, size_t len)
{
    enum { STEP = 64 << 10 };
    unsigned char *data = map->data;
    size_t begin = (size_t)(from - data);
    size_t first = (begin + STEP - 1) / STEP * STEP;
    size_t end = begin + len == map->len ? map->len : (begin + len) / STEP * STEP;

    if (first < end) {
        sys_madvise(data + first, end - first, MADV_DONTNEED);
    }
}

void index_map_let_go(const struct index_map *map, uint32_t sections)
{
    for (unsigned i = 0; i < INDEX_SECTIONS; i++) {
        if ((sections & 1u << i) != 0) {
            map_let_go(map, map->at[i], (size_t)map->bytes[i]);
        }
    }
}

/* The checksums of a section's blocks. */
static bool map_sums_hold(const struct index_map *map, enum index_section section)
{
    struct index_mapping *mapping = map->mapping;
    const unsigned char *entry =
        (const unsigned char *)map->data + AT_SECTIONS + SECTION_ENTRY_BYTES * section;
    const unsigned char *sums = map->at[INDEX_SUMS] + mapping->first[section] * 8;

    if ((mapping->summed & 1u << section) == 0 &&
        bytes_get_u64(entry + 16) ==
            bytes_checksum(sums, (size_t)index_map_blocks(map->bytes[section]) * 8)) {
        mapping->summed |= 1u << section;
    }
    return (mapping->summed & 1u << section) != 0;
}

/* After map_sums_hold(). */
static bool map_block_is_right(const struct index_map *map, enum index_section section,
                               uint64_t block)
{
    uint64_t number = map->mapping->first[section] + block;
    uint64_t offset = block * INDEX_BLOCK_BYTES;
    uint64_t left = map->bytes[section] - offset;
    size_t len = left < INDEX_BLOCK_BYTES ? (size_t)left : INDEX_BLOCK_BYTES;

    if (map->mapping->blocks[number] == 0) {
        map->mapping->blocks[number] = bytes_checksum(map->at[section] + offset, len) ==
                                       bytes_get_u64(map->at[INDEX_SUMS] + number * 8);
    }
    return map->mapping->blocks[number] != 0;
}

static bool map_is_right(const struct index_map *map, enum index_section section)
{
    uint64_t count = index_map_blocks(map->bytes[section]);
    bool right = map_sums_hold(map, section);

    for (uint64_t i = 0; right && i < count; i++) {
        right = map_block_is_right(map, section, i);
        if (map->lean && (i + 1) % LEAN_BLOCKS == 0) {
            map_let_go(map, map->at[section] + (i + 1 - LEAN_BLOCKS) * INDEX_BLOCK_BYTES,
                       LEAN_BLOCKS * INDEX_BLOCK_BYTES);
        }
    }
    if (map->lean) {
        index_map_let_go(map, 1u << section);
    }
    return right;
}

/* A name lies within the texts and ends in a NUL. */
static bool map_name_holds(const struct index_map *map, const unsigned char *row)
{
    uint64_t end = (uint64_t)bytes_get_u32(row) + bytes_get_u32(row + 4);

    return end < map->bytes[INDEX_NAMES] && map->at[INDEX_NAMES][end] == '\0';
}

static bool map_names_hold(const struct index_map *map, const unsigned char *rows, uint32_t count,
                           size_t row_bytes)
{
    for (uint32_t i = 0; i < count; i++, rows += row_bytes) {
        if (!map_name_holds(map, rows)) {
            return false;
        }
    }
    return true;
}

static bool map_numbers_are_below(const unsigned char *numbers, uint64_t count, uint64_t limit)
{
    for (uint64_t i = 0; i < count; i++) {
        if (bytes_get_u32(numbers + 4 * i) >= limit) {
            return false;
        }
    }
    return true;
}

/* A column of numbers that never fall and end with `end`. */
static bool map_firsts_hold(const unsigned char *rows, uint64_t count, size_t row_bytes,
                            uint64_t end)
{
    uint32_t before = 0;

    for (uint64_t i = 0; i < count; i++, rows += row_bytes) {
        uint32_t at = bytes_get_u32(rows);

        if (at < before) {
            return false;
        }
        before = at;
    }
    return before == end;
}

static bool map_users_hold(const struct index_map *map)
{
    uint64_t count = map->has_state ? (uint64_t)map->paths + 1 : 0;

    return map_firsts_hold(map->at[INDEX_USERS_FIRST], count, 4, map->users) &&
           map_numbers_are_below(map->at[INDEX_USERS], map->users, map->units);
}

static bool map_graph_holds(const struct index_map *map)
{
    const unsigned char *rows = map->at[INDEX_GRAPH];
    uint64_t count = map->has_graph ? (uint64_t)map->units + 1 : 0;

    return map_firsts_hold(rows, count, INDEX_GRAPH_BYTES, map->producers) &&
           map_firsts_hold(rows + 4, count, INDEX_GRAPH_BYTES, map->consumers) &&
           map_firsts_hold(rows + 8, count, INDEX_GRAPH_BYTES, map->has_graph ? map->outputs : 0);
}

/* What it says of its inputs, if anything, is part of it. */
static bool map_stage_text_holds(const unsigned char *row)
{
    uint32_t from = bytes_get_u32(row + 4);
    uint32_t to = bytes_get_u32(row + 8);
    uint32_t inputs_from = bytes_get_u32(row + 20);
    uint32_t inputs_to = bytes_get_u32(row + 24);

    return from <= to &&
           (inputs_to == 0 || (from <= inputs_from && inputs_from <= inputs_to && inputs_to <= to));
}

/* Every unit is of one stage. */
static bool map_stages_hold(const struct index_map *map)
{
    const unsigned char *rows = map->at[INDEX_STAGES];
    uint32_t unit = 0;

    for (uint32_t i = 0; i < map->stages; i++, rows += INDEX_STAGE_BYTES) {
        uint32_t first = bytes_get_u32(rows);

        if (first < unit || first > map->units || (i == 0 && first != 0) ||
            !map_stage_text_holds(rows)) {
            return false;
        }
        unit = first;
    }
    return true;
}

static bool map_section_holds(const struct index_map *map, enum index_section section)
{
    switch (section) {
    case INDEX_PATHS:
        return map_names_hold(map, map->at[section], map->paths, INDEX_PATH_BYTES);
    case INDEX_INSTANCES:
        return map_names_hold(map, map->at[section], map->instances, INDEX_INSTANCE_BYTES);
    case INDEX_PATH_SLOTS:
        return map_numbers_are_below(map->at[section], map->path_slots, (uint64_t)map->paths + 1);
    case INDEX_INSTANCE_SLOTS:
        return map_numbers_are_below(map->at[section], map->instance_slots,
                                     (uint64_t)map->instances + 1);
    case INDEX_USERS_FIRST:
        return map_users_hold(map);
    case INDEX_GRAPH:
        return map_graph_holds(map);
    case INDEX_STAGES:
        return map_stages_hold(map);
    case INDEX_PRODUCERS:
        return map_numbers_are_below(map->at[section], map->producers, map->units);
    case INDEX_CONSUMERS:
        return map_numbers_are_below(map->at[section], map->consumers, map->units);
    case INDEX_PLAN:
    case INDEX_NAMES:
    case INDEX_SIGNATURES:
    case INDEX_DIGESTS:
    case INDEX_WORTH:
    case INDEX_GUARDS:
    case INDEX_CHECKS:
    case INDEX_UNITS:
    case INDEX_USERS:
    case INDEX_OUTPUTS:
    case INDEX_SUMS:
    case INDEX_SECTIONS:
        break;
    }
    return true;
}

bool index_map_check(struct index_map *map, uint32_t sections)
{
    uint32_t fresh = map->mapping != NULL ? sections & ~map->mapping->checked : 0;

    for (unsigned i = 0; i < INDEX_SECTIONS; i++) {
        if ((fresh & 1u << i) != 0 && !map_is_right(map, (enum index_section)i)) {
            return false;
        }
    }
    for (unsigned i = 0; i < INDEX_SECTIONS; i++) {
        if ((fresh & 1u << i) == 0) {
            continue;
        }
        if (!map_section_holds(map, (enum index_section)i)) {
            return false;
        }
        if (map->lean) {
            map_let_go(map, map->data, map->len);
        }
    }
    if (fresh != 0) {
        map->mapping->checked |= fresh;
    }
    return true;
}

static size_t map_row_bytes(enum index_section section)
{
    switch (section) {
    case INDEX_DIGESTS:
        return DIGEST_BYTES;
    case INDEX_WORTH:
        return 8;
    case INDEX_PATH_SLOTS:
    case INDEX_INSTANCE_SLOTS:
        return INDEX_SLOT_BYTES;
    case INDEX_INSTANCES:
        return INDEX_INSTANCE_BYTES;
    case INDEX_OUTPUTS:
        return INDEX_OUTPUT_BYTES;
    case INDEX_NAMES:
    case INDEX_PATHS:
    case INDEX_SIGNATURES:
    case INDEX_GUARDS:
    case INDEX_CHECKS:
    case INDEX_UNITS:
    case INDEX_USERS_FIRST:
    case INDEX_USERS:
    case INDEX_PLAN:
    case INDEX_STAGES:
    case INDEX_GRAPH:
    case INDEX_PRODUCERS:
    case INDEX_CONSUMERS:
    case INDEX_SUMS:
    case INDEX_SECTIONS:
        break;
    }
    bug("section %d is checked as a whole", (int)section);
}

static bool map_row_holds(const struct index_map *map, enum index_section section, uint32_t row)
{
    const unsigned char *at = map->at[section] + row * map_row_bytes(section);

    switch (section) {
    case INDEX_PATH_SLOTS:
        return bytes_get_u32(at) <= map->paths;
    case INDEX_INSTANCE_SLOTS:
        return bytes_get_u32(at) <= map->instances;
    case INDEX_INSTANCES:
        return map_name_holds(map, at);
    default: /* what it says stands for itself */
        return true;
    }
}

bool index_map_has(const struct index_map *map, enum index_section section, uint32_t row)
{
    uint64_t from;
    uint64_t end;

    if ((map->mapping->checked & 1u << section) != 0) {
        return true;
    }
    from = row * map_row_bytes(section);
    end = from + map_row_bytes(section);
    if (end > map->bytes[section] || !map_sums_hold(map, section)) {
        return false;
    }
    for (uint64_t i = from / INDEX_BLOCK_BYTES; i <= (end - 1) / INDEX_BLOCK_BYTES; i++) {
        if (!map_block_is_right(map, section, i)) {
            return false;
        }
    }
    return map_row_holds(map, section, row);
}

uint64_t index_map_identity(const struct index_map *map)
{
    return bytes_get_u64((const unsigned char *)map->data + AT_CHECKSUM);
}

unsigned char *index_map_change(struct index_map *map, enum index_section section, uint64_t offset,
                                size_t len)
{
    if (offset > map->bytes[section] || len > map->bytes[section] - offset) {
        return NULL;
    }
    if (!map->mapping->changeable &&
        sys_mprotect(map->data, map->len, PROT_READ | PROT_WRITE) != 0) {
        return NULL;
    }
    map->mapping->changeable = true;
    return (unsigned char *)map->data + (map->at[section] - (const unsigned char *)map->data) +
           offset;
}

/* --- opening --- */

static bool map_file(struct index_map *map, int fd, bool *damaged)
{
    struct sys_stat stat;

    if (sys_fstat(fd, &stat) != 0) {
        return false;
    }
    if (stat.size_bytes < INDEX_HEAD_BYTES || stat.size_bytes > SIZE_MAX) {
        *damaged = true;
        return true;
    }
    map->data = sys_mmap((size_t)stat.size_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map->data == MAP_FAILED) {
        map->data = NULL;
        return false;
    }
    map->len = (size_t)stat.size_bytes;
    return true;
}

/* With nothing known yet of what is in it. */
static void map_begin(struct index_map *map)
{
    uint64_t blocks = 0;

    map->mapping = mem_calloc(1, sizeof(*map->mapping) + (size_t)map_blocks(map));
    map->mapping->users = 1;
    for (unsigned i = 0; i < INDEX_SECTIONS; i++) {
        map->mapping->first[i] = blocks;
        blocks += i < INDEX_SUMS ? index_map_blocks(map->bytes[i]) : 0;
    }
}

static bool map_begin_if_sound(struct index_map *map)
{
    if (!map_head(map) || !map_sizes(map) || !map_graph_sizes(map)) {
        return false;
    }
    map_begin(map);
    return true;
}

bool index_map_open(struct index_map *map, int dirfd, uint32_t sections, bool lean, bool *damaged,
                    struct err *err)
{
    int fd = sys_openat(dirfd, "index", O_RDONLY, 0);
    bool ok;

    *map = (struct index_map){.next_seq = 1, .lean = lean};
    if (fd < 0) {
        return errno == ENOENT || err_sys(err, "'.pawl/index': cannot be read");
    }
    ok = map_file(map, fd, damaged) || err_sys(err, "'.pawl/index': cannot be read");
    sys_close(fd);
    if (map->data != NULL && !(map_begin_if_sound(map) && index_map_check(map, sections))) {
        *damaged = true;
        index_map_close(map);
    }
    return ok;
}

void index_map_share(struct index_map *map, const struct index_map *other)
{
    *map = *other;
    if (map->mapping != NULL) {
        map->mapping->users++;
    }
}

void index_map_close(struct index_map *map)
{
    if (map->data != NULL && (map->mapping == NULL || --map->mapping->users == 0)) {
        sys_munmap(map->data, map->len);
        free(map->mapping);
    }
    *map = (struct index_map){.next_seq = 1};
}

/* --- rows --- */

static struct str map_name(const struct index_map *map, const unsigned char *row)
{
    return str_n((const char *)map->at[INDEX_NAMES] + bytes_get_u32(row), bytes_get_u32(row + 4));
}

struct str index_map_path(const struct index_map *map, uint32_t path)
{
    return map_name(map, map->at[INDEX_PATHS] + (size_t)path * INDEX_PATH_BYTES);
}

struct str index_map_instance(const struct index_map *map, uint32_t instance)
{
    return map_name(map, map->at[INDEX_INSTANCES] + (size_t)instance * INDEX_INSTANCE_BYTES);
}

/* A name behind a slot that is not right, or whose row is not, is not found. */
static uint32_t map_find(const struct index_map *map, struct str name, enum index_section section,
                         uint32_t slots, struct str (*of)(const struct index_map *, uint32_t))
{
    enum index_section rows = section == INDEX_PATH_SLOTS ? INDEX_PATHS : INDEX_INSTANCES;
    uint32_t at = (uint32_t)str_hash(name) & (slots - 1);

    /* More slots than rows: there is a free one. */
    for (uint32_t probes = 0; probes < slots; probes++, at = (at + 1) & (slots - 1)) {
        uint32_t number;

        if (!index_map_has(map, section, at)) {
            break;
        }
        number = bytes_get_u32(map->at[section] + (size_t)at * INDEX_SLOT_BYTES);
        if (number == INDEX_SLOT_FREE || !index_map_has(map, rows, number - 1)) {
            break;
        }
        if (str_equal(of(map, number - 1), name)) {
            return number - 1;
        }
    }
    return UINT32_MAX;
}

uint32_t index_map_find_path(const struct index_map *map, struct str name)
{
    return map_find(map, name, INDEX_PATH_SLOTS, map->path_slots, index_map_path);
}

uint32_t index_map_find_instance(const struct index_map *map, struct str name)
{
    return map_find(map, name, INDEX_INSTANCE_SLOTS, map->instance_slots, index_map_instance);
}

uint64_t index_map_seq(const struct index_map *map, uint32_t path)
{
    return bytes_get_u64(map->at[INDEX_WORTH] + (size_t)path * 8) >> 2;
}

bool index_map_is_firm(const struct index_map *map, uint32_t path)
{
    return (map->at[INDEX_WORTH][(size_t)path * 8] & INDEX_FIRM) != 0;
}

bool index_map_is_state_only(const struct index_map *map, uint32_t path)
{
    return (map->at[INDEX_WORTH][(size_t)path * 8] & INDEX_STATE_ONLY) != 0;
}
