#ifndef PAWL_STORE_INDEX_MAP_H
#define PAWL_STORE_INDEX_MAP_H
/* The file `index` as it lies on disk, mapped: for the files of the index and of the last state
 * alone. index_map.c specifies the format and owns reading, index_save.c writing.
 *
 *     index_map_open(&map, dirfd, INDEX_ROWS, true, &damaged, &err)     head, sizes, these sections
 *     struct str name = index_map_path(&map, n) …                 plain reads
 *     index_map_share(&other, &map)                               the same mapping once more
 *     index_map_close(&map)
 *
 * The file is replaced, never changed in place, so a mapping stays as it is but for what its owner
 * changes in it (index_map_change), which only those see who share it. What a caller named when
 * opening was checked: checksums, and that every offset and number lies within. A row of a section
 * that was not is there once index_map_has() says so. A map of a missing or damaged file has no
 * rows. Reading what was checked: any thread; all else: one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sha256.h"
#include "base/str.h"

enum index_section {
    INDEX_NAMES,          /* texts, each followed by a NUL */
    INDEX_PATHS,          /* by path: offset, length: u32; sorted by bytes */
    INDEX_SIGNATURES,     /* by path: 40 bytes; mode 0: nothing is there */
    INDEX_DIGESTS,        /* by path: 32 bytes */
    INDEX_WORTH,          /* by path: u64: seq times four, plus INDEX_FIRM, plus INDEX_STATE_ONLY */
    INDEX_PATH_SLOTS,     /* hash table of path numbers */
    INDEX_INSTANCES,      /* by instance: 120 bytes */
    INDEX_INSTANCE_SLOTS, /* hash table of instance numbers */
    INDEX_GUARDS,         /* of the last state: see store/last_state.h */
    INDEX_CHECKS,         /* by path: u8, enum last_check */
    INDEX_UNITS,          /* by unit: u8: enum last_unit, plus enum last_flag */
    INDEX_USERS_FIRST,    /* by path and once more: u32 into INDEX_USERS */
    INDEX_USERS,          /* units that rest on a path, in order: u32 */
    INDEX_OUTPUTS,        /* by output: 48 bytes */
    INDEX_PLAN,           /* digests of the plan, the manifest and the listing of instances */
    INDEX_STAGES,         /* by stage: first unit, its text's first byte, end, line and column,
                             and the first byte and end of what it says of its inputs: u32 */
    INDEX_GRAPH,          /* by unit and once more: first producer, consumer and output, low half of
                             the hash of its name: u32 */
    INDEX_PRODUCERS,      /* units: u32 */
    INDEX_CONSUMERS,      /* units: u32 */
    INDEX_SUMS,           /* checksums of all blocks of all sections before: u64 */
    INDEX_SECTIONS
};

/* A row that the last state alone has: of a folder, or of nothing being there. */
enum { INDEX_FIRM = 1, INDEX_STATE_ONLY = 2 };

/* Bytes of a row; 1 for sections of bytes. */
enum {
    INDEX_PATH_BYTES = 8,
    INDEX_INSTANCE_BYTES = 120,
    INDEX_SLOT_BYTES = 4,
    INDEX_OUTPUT_BYTES = 48,
    INDEX_STAGE_BYTES = 28,
    INDEX_GRAPH_BYTES = 16,
    INDEX_PLAN_BYTES = 96,
    INDEX_HEAD_BYTES = 1024,
    INDEX_BLOCK_BYTES = 64 << 10, /* of a checksum */
    INDEX_SLOT_FREE = 0           /* else the number plus one */
};

/* Sets of sections: bits by enum index_section. */
enum {
    INDEX_ROWS = 1 << INDEX_NAMES | 1 << INDEX_PATHS | 1 << INDEX_SIGNATURES | 1 << INDEX_DIGESTS |
                 1 << INDEX_WORTH | 1 << INDEX_PATH_SLOTS | 1 << INDEX_INSTANCES |
                 1 << INDEX_INSTANCE_SLOTS,
    /* What a look whether all stands needs. */
    INDEX_STATE = 1 << INDEX_NAMES | 1 << INDEX_PATHS | 1 << INDEX_SIGNATURES | 1 << INDEX_GUARDS |
                  1 << INDEX_CHECKS | 1 << INDEX_UNITS | 1 << INDEX_USERS_FIRST | 1 << INDEX_USERS,
    /* What deciding from it needs besides. */
    INDEX_RESULTS = 1 << INDEX_OUTPUTS,
    /* What planning a slice needs. */
    INDEX_SLICE = 1 << INDEX_PLAN | 1 << INDEX_STAGES | 1 << INDEX_GRAPH | 1 << INDEX_PRODUCERS |
                  1 << INDEX_CONSUMERS
};

extern const char INDEX_MAGIC[8];

struct index_mapping;

struct index_map {
    struct index_mapping *mapping; /* NULL: no rows */
    void *data;
    size_t len;
    const unsigned char *at[INDEX_SECTIONS];
    uint64_t bytes[INDEX_SECTIONS];
    struct digest epoch;
    uint64_t next_seq;
    uint32_t paths, path_slots, instances, instance_slots, units, users, outputs;
    uint32_t stages, producers, consumers;
    bool has_state, has_graph, lean;
};

/* Missing: no rows. Damage and foreign versions: `*damaged`, no rows. False: it cannot be read.
 * `lean`: few rows will be asked for, so what was read to be checked is let go of again. */
bool index_map_open(struct index_map *map, int dirfd, uint32_t sections, bool lean, bool *damaged,
                    struct err *err);
/* The same mapping, and what is known of it, for one more who closes it. */
void index_map_share(struct index_map *map, const struct index_map *other);
void index_map_close(struct index_map *map);
/* Checks further sections of an open map; one that was right is not looked at again. */
bool index_map_check(struct index_map *map, uint32_t sections);
/* Is this row right? Looks at the blocks it lies in, each once; for sections with rows of one size
 * that were not checked as a whole. */
bool index_map_has(const struct index_map *map, enum index_section section, uint32_t row);
/* Lets go of the memory of sections in which nothing was changed; a row that is asked for comes
 * back from the page cache. */
void index_map_let_go(const struct index_map *map, uint32_t sections);
/* What tells this file from any other that was or will be at its place. */
uint64_t index_map_identity(const struct index_map *map);
/* `len` bytes of a section from `offset` on, to be changed in this mapping alone: after they were
 * checked. NULL: they lie outside, or there is no memory. */
unsigned char *index_map_change(struct index_map *map, enum index_section section, uint64_t offset,
                                size_t len);

struct str index_map_path(const struct index_map *map, uint32_t path);
struct str index_map_instance(const struct index_map *map, uint32_t instance);
/* A number by name; UINT32_MAX: none. */
uint32_t index_map_find_path(const struct index_map *map, struct str name);
uint32_t index_map_find_instance(const struct index_map *map, struct str name);

uint64_t index_map_seq(const struct index_map *map, uint32_t path);
bool index_map_is_firm(const struct index_map *map, uint32_t path);
bool index_map_is_state_only(const struct index_map *map, uint32_t path);

/* How many blocks a section of so many bytes has; the last one may be shorter. */
uint64_t index_map_blocks(uint64_t bytes);

#endif
