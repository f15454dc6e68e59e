#ifndef PAWL_BASE_MAP_H
#define PAWL_BASE_MAP_H
/* A hash table from byte strings to 32-bit values, an interner, and a look-up of rows by the name
 * in them, which is a third of the table's size. Keys are not copied by `struct map`: they must
 * outlive it. Open addressing, never shrinks; no removal (nothing here needs it). Not thread-safe.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct map_slot {
    struct str key;
    uint32_t hash;
    uint32_t value;
};

struct map {
    struct map_slot *slots;
    uint32_t count, mask; /* mask + 1 slots, a power of two; 0 before the first */
};

enum { MAP_MISSING = UINT32_MAX };

void map_init(struct map *map);
void map_fini(struct map *map);
/* The value, or MAP_MISSING. */
uint32_t map_get(const struct map *map, struct str key);
/* Sets or replaces. `value` must not be MAP_MISSING. */
void map_put(struct map *map, struct str key, uint32_t value);
/* The value there was, or MAP_MISSING after `value` was put: one look-up for both. */
uint32_t map_put_new(struct map *map, struct str key, uint32_t value);

/* Rows by a name that lies in each: `names` is where that of row 0 is, `stride` the size of a row.
 * The caller owns the rows; their order never changes. */
struct lookup_slot {
    uint32_t hash;
    uint32_t number; /* of the row + 1; 0: free */
};
struct lookup {
    struct lookup_slot *slots;
    uint32_t count, mask; /* mask + 1 slots, a power of two; 0 before the first */
};

void lookup_init(struct lookup *lookup);
void lookup_fini(struct lookup *lookup);
/* The number of the row of that name, or MAP_MISSING. */
uint32_t lookup_get(const struct lookup *lookup, const struct str *names, size_t stride,
                    struct str name);
/* The same of a VEC of rows with the name in `field`. */
#define LOOKUP_GET(lookup, rows, field, name)                                                      \
    ((rows)->items == NULL                                                                         \
         ? MAP_MISSING                                                                             \
         : lookup_get((lookup), &(rows)->items->field, sizeof(*(rows)->items), (name)))
/* The row `number` has this name, which no other has. */
void lookup_put(struct lookup *lookup, struct str name, uint32_t number);

/* Strings by dense number, each once, copied into the arena. */
struct intern {
    struct arena *arena;
    struct str *items;
    uint32_t count, cap;
    struct lookup lookup;
};

void intern_init(struct intern *intern, struct arena *arena);
void intern_fini(struct intern *intern); /* the texts live on with the arena */
/* Makes room for so many strings in all, at most 2^30. `sure` of them, at least, there will be. */
void intern_reserve(struct intern *intern, uint32_t count, uint32_t sure);
uint32_t intern_add(struct intern *intern, struct str s);

/* Many strings to be added to a large interner: where each belongs is on its way from memory while
 * others are made. The numbers are those that intern_add() would give, in the same order, and are
 * known after intern_batch_flush(); until then nothing is added otherwise. Begins as {0}. */
enum { INTERN_BATCH = 32, INTERN_BATCH_BYTES = 4096 };
struct intern_batch {
    uint32_t count, bytes;
    struct {
        uint32_t hash, len;
        uint32_t *number;
    } items[INTERN_BATCH];
    char text[INTERN_BATCH_BYTES];
};
void intern_batch_add(struct intern_batch *batch, struct intern *intern, struct str s,
                      uint32_t *number);
void intern_batch_flush(struct intern_batch *batch, struct intern *intern);

/* The number of a known string, or MAP_MISSING. */
uint32_t intern_find(const struct intern *intern, struct str s);
struct str intern_str(const struct intern *intern, uint32_t number);

#endif
