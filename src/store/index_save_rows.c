/* Owns which rows go to `index`: those of the file that still count, those put since, and those
 * that only the last state has, merged by path. */
#include "store/index_save_inside.h"

#include <stdlib.h>

#include "base/mem.h"

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

void save_gather(struct save *save)
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

/* --- one row --- */

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

void save_path_row(const struct save *save, const struct save_row *row, struct save_path *path)
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
