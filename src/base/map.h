#ifndef PAWL_BASE_MAP_H
#define PAWL_BASE_MAP_H
/* A hash table from byte strings to 32-bit values, and an interner on top of it. Keys are not
 * copied by `struct map`: they must outlive it. Open addressing, never shrinks; no removal (nothing
 * here needs it). Not thread-safe. */
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

/* Strings by dense number, each once, copied into the arena. */
struct intern_slot {
    uint32_t hash;
    uint32_t number; /* + 1; 0: free */
};
struct intern {
    struct arena *arena;
    struct str *items;
    uint32_t count, cap;
    struct intern_slot *slots;
    uint32_t mask; /* mask + 1 slots, a power of two; 0 before the first */
};

void intern_init(struct intern *intern, struct arena *arena);
void intern_fini(struct intern *intern); /* the texts live on with the arena */
/* Makes room for so many strings in all, at most 2^30. */
void intern_reserve(struct intern *intern, uint32_t count);
uint32_t intern_add(struct intern *intern, struct str s);
/* The number of a known string, or MAP_MISSING. */
uint32_t intern_find(const struct intern *intern, struct str s);
struct str intern_str(const struct intern *intern, uint32_t number);

#endif
