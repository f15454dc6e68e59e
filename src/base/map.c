/* Owns the hash table. Linear probing at a load of at most three quarters; the hash is kept beside
 * the key so that growing touches no key and most misses compare no bytes. */
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

enum { MAP_FIRST_SLOTS = 16 };

void map_init(struct map *map)
{
    *map = (struct map){0};
}

void map_fini(struct map *map)
{
    free(map->slots);
    *map = (struct map){0};
}

/* How many keys so many slots hold. */
static uint32_t map_room(uint32_t slots)
{
    return slots / 4 * 3;
}

/* The slot that holds `key`, or the free one where it belongs. */
static struct map_slot *map_slot(const struct map *map, struct str key, uint32_t hash)
{
    uint32_t at = hash & map->mask;

    while (map->slots[at].key.data != NULL &&
           (map->slots[at].hash != hash || !str_equal(map->slots[at].key, key))) {
        at = (at + 1) & map->mask;
    }
    return &map->slots[at];
}

static void map_grow(struct map *map, uint32_t slots)
{
    struct map bigger = {.count = map->count};

    assert(slots != 0);
    bigger.slots = mem_calloc(slots, sizeof(*bigger.slots));
    bigger.mask = slots - 1;
    for (uint32_t i = 0; map->slots != NULL && i <= map->mask; i++) {
        if (map->slots[i].key.data != NULL) {
            uint32_t at = map->slots[i].hash & bigger.mask;

            while (bigger.slots[at].key.data != NULL) {
                at = (at + 1) & bigger.mask;
            }
            bigger.slots[at] = map->slots[i];
        }
    }
    free(map->slots);
    *map = bigger;
}

uint32_t map_get(const struct map *map, struct str key)
{
    const struct map_slot *slot;

    if (map->slots == NULL) {
        return MAP_MISSING;
    }
    slot = map_slot(map, key, (uint32_t)str_hash(key));
    return slot->key.data != NULL ? slot->value : MAP_MISSING;
}

static struct map_slot *map_slot_for_put(struct map *map, struct str key)
{
    uint32_t hash = (uint32_t)str_hash(key);
    struct map_slot *slot;

    if (map->slots == NULL || map->count >= map_room(map->mask + 1)) {
        map_grow(map, map->slots == NULL ? MAP_FIRST_SLOTS : (map->mask + 1) * 2);
    }
    slot = map_slot(map, key, hash);
    if (slot->key.data == NULL) {
        slot->key = key.data != NULL ? key : STR("");
        slot->hash = hash;
        slot->value = MAP_MISSING;
        map->count++;
    }
    return slot;
}

void map_put(struct map *map, struct str key, uint32_t value)
{
    assert(value != MAP_MISSING);
    map_slot_for_put(map, key)->value = value;
}

uint32_t map_put_new(struct map *map, struct str key, uint32_t value)
{
    struct map_slot *slot = map_slot_for_put(map, key);
    uint32_t before = slot->value;

    assert(value != MAP_MISSING);
    if (before == MAP_MISSING) {
        slot->value = value;
    }
    return before;
}

/* --- interned strings --- */

void intern_init(struct intern *intern, struct arena *arena)
{
    *intern = (struct intern){.arena = arena};
}

void intern_fini(struct intern *intern)
{
    free(intern->slots);
    free(intern->items);
    *intern = (struct intern){0};
}

/* The slot that holds `s`, or the free one where it belongs. */
static struct intern_slot *intern_slot(const struct intern *intern, struct str s, uint32_t hash)
{
    uint32_t at = hash & intern->mask;

    while (intern->slots[at].number != 0 &&
           (intern->slots[at].hash != hash ||
            !str_equal(intern->items[intern->slots[at].number - 1], s))) {
        at = (at + 1) & intern->mask;
    }
    return &intern->slots[at];
}

static void intern_grow(struct intern *intern, uint32_t slots)
{
    struct intern_slot *bigger = mem_calloc(slots, sizeof(*bigger));

    assert(slots != 0);
    for (uint32_t i = 0; intern->slots != NULL && i <= intern->mask; i++) {
        if (intern->slots[i].number != 0) {
            uint32_t at = intern->slots[i].hash & (slots - 1);

            while (bigger[at].number != 0) {
                at = (at + 1) & (slots - 1);
            }
            bigger[at] = intern->slots[i];
        }
    }
    free(intern->slots);
    intern->slots = bigger;
    intern->mask = slots - 1;
}

static void intern_grow_items(struct intern *intern, uint32_t cap)
{
    intern->cap = cap;
    intern->items = mem_realloc(intern->items, cap, sizeof(*intern->items));
}

void intern_reserve(struct intern *intern, uint32_t count)
{
    uint32_t slots = MAP_FIRST_SLOTS;

    while (map_room(slots) < count) {
        slots *= 2;
    }
    if (intern->slots == NULL || slots > intern->mask + 1) {
        intern_grow(intern, slots);
    }
    if (intern->cap < count) {
        intern_grow_items(intern, count);
    }
}

uint32_t intern_add(struct intern *intern, struct str s)
{
    uint32_t hash = (uint32_t)str_hash(s);
    struct intern_slot *slot;

    if (intern->slots == NULL || intern->count >= map_room(intern->mask + 1)) {
        intern_grow(intern, intern->slots == NULL ? MAP_FIRST_SLOTS : (intern->mask + 1) * 2);
    }
    slot = intern_slot(intern, s, hash);
    if (slot->number != 0) {
        return slot->number - 1;
    }
    if (intern->count == intern->cap) {
        intern_grow_items(intern, intern->cap + intern->cap / 2 + 16);
    }
    intern->items[intern->count++] = str_dup(intern->arena, s);
    *slot = (struct intern_slot){hash, intern->count};
    return intern->count - 1;
}

uint32_t intern_find(const struct intern *intern, struct str s)
{
    if (intern->slots == NULL) {
        return MAP_MISSING;
    }
    return intern_slot(intern, s, (uint32_t)str_hash(s))->number - 1;
}

struct str intern_str(const struct intern *intern, uint32_t number)
{
    assert(number < intern->count);
    return intern->items[number];
}
