/* Owns the form of `index`, little endian, replaced as a whole:
 *
 *     head       1024 bytes: "pawlidx3"  epoch: 32 bytes  next: u64  paths, instances, units,
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
 * A section's checksum c starts at 0; for each block of 1 MiB of it c becomes bytes_checksum of c
 * and the block's own, two u64. Columns lie apart so that a look at all signatures reads nothing
 * else. A wrong checksum, number, offset or order is damage. */
#include "store/index_map.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bytes.h"
#include "base/sys.h"
#include "os/signature.h"

enum {
    AT_EPOCH = 8,
    AT_NEXT = 40,
    AT_COUNTS = 48,
    AT_SECTIONS = 72,
    SECTION_ENTRY_BYTES = 24,
    AT_CHECKSUM = INDEX_HEAD_BYTES - 8
};
_Static_assert(AT_SECTIONS + SECTION_ENTRY_BYTES * INDEX_SECTIONS <= AT_CHECKSUM,
               "the table of sections fits into the head");

const char INDEX_MAGIC[8] = "pawlidx3";

uint64_t index_checksum_add(uint64_t checksum, const void *block, size_t len)
{
    unsigned char pair[16];

    bytes_set_u64(pair, checksum);
    bytes_set_u64(pair + 8, bytes_checksum(block, len));
    return bytes_checksum(pair, sizeof(pair));
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
           bytes[INDEX_OUTPUTS] == (uint64_t)map->outputs * INDEX_OUTPUT_BYTES;
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

static bool map_sum_is_right(const struct index_map *map, enum index_section section)
{
    const unsigned char *head = map->data;
    uint64_t want = bytes_get_u64(head + AT_SECTIONS + SECTION_ENTRY_BYTES * section + 16);
    uint64_t left = map->bytes[section];
    const unsigned char *next = map->at[section];
    uint64_t sum = 0;

    while (left > 0) {
        size_t len = left < INDEX_BLOCK_BYTES ? (size_t)left : INDEX_BLOCK_BYTES;

        sum = index_checksum_add(sum, next, len);
        if (map->lean) {
            map_let_go(map, next, len);
        }
        next += len;
        left -= len;
    }
    return sum == want;
}

/* A name lies within the texts and ends in a NUL. */
static bool map_names_hold(const struct index_map *map, const unsigned char *rows, uint32_t count,
                           size_t row_bytes)
{
    const unsigned char *names = map->at[INDEX_NAMES];

    for (uint32_t i = 0; i < count; i++, rows += row_bytes) {
        uint64_t end = (uint64_t)bytes_get_u32(rows) + bytes_get_u32(rows + 4);

        if (end >= map->bytes[INDEX_NAMES] || names[end] != '\0') {
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

/* Every unit is of one stage, and the texts do not overlap. */
static bool map_stages_hold(const struct index_map *map)
{
    const unsigned char *rows = map->at[INDEX_STAGES];
    uint32_t unit = 0;

    for (uint32_t i = 0; i < map->stages; i++, rows += INDEX_STAGE_BYTES) {
        uint32_t first = bytes_get_u32(rows);

        if (first < unit || first > map->units || (i == 0 && first != 0) ||
            bytes_get_u32(rows + 8) < bytes_get_u32(rows + 4)) {
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
    case INDEX_SECTIONS:
        break;
    }
    return true;
}

bool index_map_check(struct index_map *map, uint32_t sections)
{
    uint32_t fresh = sections & ~map->checked;

    for (unsigned i = 0; i < INDEX_SECTIONS; i++) {
        if ((fresh & 1u << i) != 0 && !map_sum_is_right(map, (enum index_section)i)) {
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
    map->checked |= fresh;
    return true;
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
    if (!map->changeable && sys_mprotect(map->data, map->len, PROT_READ | PROT_WRITE) != 0) {
        return NULL;
    }
    map->changeable = true;
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
    if (map->data != NULL && (!map_head(map) || !map_sizes(map) || !map_graph_sizes(map) ||
                              !index_map_check(map, sections))) {
        *damaged = true;
        index_map_close(map);
    }
    return ok;
}

void index_map_close(struct index_map *map)
{
    if (map->data != NULL) {
        sys_munmap(map->data, map->len);
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

static uint32_t map_find(const struct index_map *map, struct str name, enum index_section section,
                         uint32_t slots, struct str (*of)(const struct index_map *, uint32_t))
{
    uint32_t at = (uint32_t)str_hash(name) & (slots - 1);

    /* More slots than rows: there is a free one. */
    for (uint32_t probes = 0; probes < slots; probes++, at = (at + 1) & (slots - 1)) {
        uint32_t number = bytes_get_u32(map->at[section] + (size_t)at * INDEX_SLOT_BYTES);

        if (number == INDEX_SLOT_FREE) {
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
