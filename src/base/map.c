/* Owns the hash table. Linear probing at a load of at most three quarters; the hash is kept beside
 * the key so that growing touches no key and most misses compare no bytes. */
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MAP_FIRST_SLOTS = 16, LOOKUP_SPREAD = 64 };

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
    mem_touch(bigger.slots, slots * sizeof(*bigger.slots));
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

/* --- rows by name --- */

void lookup_init(struct lookup *lookup)
{
    *lookup = (struct lookup){0};
}

void lookup_fini(struct lookup *lookup)
{
    free(lookup->slots);
    *lookup = (struct lookup){0};
}

static struct lookup_slot *lookup_free_slot(struct lookup_slot *slots, uint32_t mask, uint32_t hash)
{
    uint32_t at = hash & mask;

    while (slots[at].number != 0) {
        at = (at + 1) & mask;
    }
    return &slots[at];
}

/* `sure`: so many rows there will be at least. They are spread over all pages of the slots. */
static void lookup_grow(struct lookup *lookup, uint32_t count, uint32_t sure)
{
    struct lookup_slot *bigger = mem_calloc(count, sizeof(*bigger));

    assert(count != 0);
    if (sure >= count / LOOKUP_SPREAD) {
        mem_touch(bigger, count * sizeof(*bigger));
    }
    for (uint32_t i = 0; lookup->slots != NULL && i <= lookup->mask; i++) {
        if (lookup->slots[i].number != 0) {
            *lookup_free_slot(bigger, count - 1, lookup->slots[i].hash) = lookup->slots[i];
        }
    }
    free(lookup->slots);
    lookup->slots = bigger;
    lookup->mask = count - 1;
}

static void lookup_grow_by_one(struct lookup *lookup)
{
    if (lookup->slots == NULL || lookup->count >= map_room(lookup->mask + 1)) {
        lookup_grow(lookup, lookup->slots == NULL ? MAP_FIRST_SLOTS : (lookup->mask + 1) * 2,
                    lookup->count);
    }
}

/* The slot that holds the row of this name, or the free one where it belongs. */
static struct lookup_slot *lookup_slot(const struct lookup *lookup, const struct str *names,
                                       size_t stride, struct str name, uint32_t hash)
{
    uint32_t at = hash & lookup->mask;

    while (lookup->slots[at].number != 0 &&
           (lookup->slots[at].hash != hash ||
            !str_equal(*(const struct str *)((const char *)names +
                                             stride * (lookup->slots[at].number - 1)),
                       name))) {
        at = (at + 1) & lookup->mask;
    }
    return &lookup->slots[at];
}

/* MAP_MISSING is one before 0. */
uint32_t lookup_get(const struct lookup *lookup, const struct str *names, size_t stride,
                    struct str name)
{
    if (lookup->slots == NULL) {
        return MAP_MISSING;
    }
    return lookup_slot(lookup, names, stride, name, (uint32_t)str_hash(name))->number - 1;
}

void lookup_put(struct lookup *lookup, struct str name, uint32_t number)
{
    uint32_t hash = (uint32_t)str_hash(name);

    lookup_grow_by_one(lookup);
    *lookup_free_slot(lookup->slots, lookup->mask, hash) = (struct lookup_slot){hash, number + 1};
    lookup->count++;
}

/* --- interned strings --- */

void intern_init(struct intern *intern, struct arena *arena)
{
    *intern = (struct intern){.arena = arena};
}

void intern_fini(struct intern *intern)
{
    lookup_fini(&intern->lookup);
    free(intern->items);
    *intern = (struct intern){0};
}

static void intern_grow_items(struct intern *intern, uint32_t cap)
{
    intern->cap = cap;
    intern->items = mem_realloc(intern->items, cap, sizeof(*intern->items));
}

void intern_reserve(struct intern *intern, uint32_t count, uint32_t sure)
{
    uint32_t slots = MAP_FIRST_SLOTS;

    while (map_room(slots) < count) {
        slots *= 2;
    }
    if (intern->lookup.slots == NULL || slots > intern->lookup.mask + 1) {
        lookup_grow(&intern->lookup, slots, sure);
    }
    if (intern->cap < count) {
        intern_grow_items(intern, count);
    }
}

static uint32_t intern_add_hashed(struct intern *intern, struct str s, uint32_t hash)
{
    struct lookup_slot *slot;

    lookup_grow_by_one(&intern->lookup);
    slot = lookup_slot(&intern->lookup, intern->items, sizeof(*intern->items), s, hash);
    if (slot->number != 0) {
        return slot->number - 1;
    }
    if (intern->count == intern->cap) {
        intern_grow_items(intern, intern->cap + intern->cap / 2 + 16);
    }
    intern->items[intern->count++] = str_dup(intern->arena, s);
    *slot = (struct lookup_slot){hash, intern->count};
    intern->lookup.count++;
    return intern->count - 1;
}

uint32_t intern_add(struct intern *intern, struct str s)
{
    return intern_add_hashed(intern, s, (uint32_t)str_hash(s));
}

void intern_batch_flush(struct intern_batch *batch, struct intern *intern)
{
    const char *text = batch->text;

    for (uint32_t i = 0; i < batch->count; i++) {
        struct str s = str_n(text, batch->items[i].len);

        *batch->items[i].number = intern_add_hashed(intern, s, batch->items[i].hash);
        text += s.len;
    }
    batch->count = 0;
    batch->bytes = 0;
}

void intern_batch_add(struct intern_batch *batch, struct intern *intern, struct str s,
                      uint32_t *number)
{
    uint32_t hash = (uint32_t)str_hash(s);

    if (batch->count == INTERN_BATCH || s.len > INTERN_BATCH_BYTES - batch->bytes) {
        intern_batch_flush(batch, intern);
    }
    if (s.len > INTERN_BATCH_BYTES) {
        *number = intern_add_hashed(intern, s, hash);
        return;
    }
    if (intern->lookup.slots != NULL) {
        __builtin_prefetch(&intern->lookup.slots[hash & intern->lookup.mask], 1);
    }
    if (s.len != 0) {
        memcpy(batch->text + batch->bytes, s.data, s.len);
    }
    batch->items[batch->count].hash = hash;
    batch->items[batch->count].len = (uint32_t)s.len;
    batch->items[batch->count].number = number;
    batch->bytes += (uint32_t)s.len;
    batch->count++;
}

uint32_t intern_find(const struct intern *intern, struct str s)
{
    return lookup_get(&intern->lookup, intern->items, sizeof(*intern->items), s);
}

struct str intern_str(const struct intern *intern, uint32_t number)
{
    assert(number < intern->count);
    return intern->items[number];
}
