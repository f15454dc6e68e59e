/* Owns writing the sections of `index` that are the last state's. */
#include "store/index_save_inside.h"

#include <stdlib.h>

#include "base/mem.h"

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

bool save_state_content(struct save *save, enum index_section section)
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
