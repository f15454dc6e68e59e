/* Owns tables: entries in a list, in order of definition, each allocated once so that pointers to
 * them stay good while the document is read; beyond a few entries a hash index beside it. */
#include "model/toml_parser.h"

#include <string.h>

enum { TOML_INDEX_FROM = 8, TOML_INDEX_FIRST_SLOTS = 32 };

struct toml_table *toml_table_new(struct arena *arena, enum toml_origin origin, uint32_t depth)
{
    struct toml_table *table = ARENA_NEW(arena, struct toml_table);

    table->origin = origin;
    table->depth = depth;
    return table;
}

/* --- where it stands --- */

static const struct str_range toml_fresh = {0, 0}, toml_scattered = {UINT32_MAX, 0};

static bool toml_same_range(struct str_range a, struct str_range b)
{
    return a.from == b.from && a.to == b.to;
}

void toml_owner_scatter(struct toml_table *table)
{
    table->text = toml_scattered;
}

void toml_owner_begin(struct toml_table *table, uint32_t at)
{
    if (table == NULL) {
        return;
    }
    table->text = toml_same_range(table->text, toml_fresh) ? (struct str_range){at, UINT32_MAX}
                                                           : toml_scattered;
}

void toml_owner_end(struct toml_table *table, uint32_t at)
{
    if (table != NULL && table->text.to == UINT32_MAX) {
        table->text.to = at;
    }
}

/* --- entries --- */

uint32_t toml_key_hash(struct str key)
{
    uint64_t hash = str_hash(key);

    return (uint32_t)(hash ^ hash >> 32);
}

static bool toml_entry_is(const struct toml_entry *entry, struct str key, uint32_t hash)
{
    return entry->hash == hash && entry->key.len == key.len &&
           (key.len == 0 || memcmp(entry->key.data, key.data, key.len) == 0);
}

struct toml_entry *toml_table_find(const struct toml_table *table, struct str key, uint32_t hash)
{
    if (table->index == NULL) {
        struct toml_entry *entry = table->first;

        while (entry != NULL && !toml_entry_is(entry, key, hash)) {
            entry = entry->next;
        }
        return entry;
    }
    for (uint32_t i = hash & table->index_mask;; i = (i + 1) & table->index_mask) {
        struct toml_entry *entry = table->index[i];

        if (entry == NULL || toml_entry_is(entry, key, hash)) {
            return entry;
        }
    }
}

static void toml_index_put(struct toml_table *table, struct toml_entry *entry)
{
    uint32_t i = entry->hash & table->index_mask;

    while (table->index[i] != NULL) {
        i = (i + 1) & table->index_mask;
    }
    table->index[i] = entry;
}

/* Makes or doubles the index; at least half of its slots stay free. */
static void toml_index_grow(struct arena *arena, struct toml_table *table)
{
    uint32_t slots = table->index == NULL ? TOML_INDEX_FIRST_SLOTS : (table->index_mask + 1) * 4;

    table->index = ARENA_ARRAY(arena, struct toml_entry *, slots);
    table->index_mask = slots - 1;
    for (struct toml_entry *entry = table->first; entry != NULL; entry = entry->next) {
        toml_index_put(table, entry);
    }
}

struct toml_entry *toml_table_add(struct arena *arena, struct toml_table *table, struct str key,
                                  uint32_t hash)
{
    struct toml_entry *entry = ARENA_NEW(arena, struct toml_entry);

    entry->key = key;
    entry->hash = hash;
    if (table->last != NULL) {
        table->last->next = entry;
    } else {
        table->first = entry;
    }
    table->last = entry;
    table->count++;
    if (table->index == NULL ? table->count > TOML_INDEX_FROM
                             : table->count > table->index_mask / 2) {
        toml_index_grow(arena, table);
    } else if (table->index != NULL) {
        toml_index_put(table, entry);
    }
    return entry;
}

struct toml_value *toml_array_add(struct arena *arena, struct toml_array *array)
{
    if (array->count == array->cap) {
        uint32_t cap = array->cap * 2 + 4;
        struct toml_value *items = ARENA_ARRAY(arena, struct toml_value, cap);

        if (array->count != 0) {
            memcpy(items, array->items, array->count * sizeof(*items));
        }
        array->items = items;
        array->cap = cap;
    }
    return &array->items[array->count++];
}

const struct toml_entry *toml_find(const struct toml_table *table, struct str key)
{
    return toml_table_find(table, key, toml_key_hash(key));
}

const struct toml_value *toml_get(const struct toml_table *table, const char *key)
{
    const struct toml_entry *entry = toml_find(table, str_of(key));

    return entry != NULL ? &entry->value : NULL;
}

const char *toml_kind_name(enum toml_kind kind)
{
    static const char *const names[TOML_KINDS] = {
        [TOML_STRING] = "a string",
        [TOML_INTEGER] = "an integer",
        [TOML_FLOAT] = "a float",
        [TOML_BOOLEAN] = "a boolean",
        [TOML_OFFSET_DATETIME] = "a date-time",
        [TOML_LOCAL_DATETIME] = "a local date-time",
        [TOML_LOCAL_DATE] = "a date",
        [TOML_LOCAL_TIME] = "a time",
        [TOML_ARRAY] = "an array",
        [TOML_TABLE] = "a table",
    };

    return names[kind];
}
