/* Owns gathering a last state; index_save_state.c writes it. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/last_state.h"

void last_state_begin(struct last_state_builder *builder, uint32_t units, uint32_t outputs)
{
    *builder = (struct last_state_builder){.unit_count = units, .output_count = outputs};
    arena_init(&builder->arena);
    lookup_init(&builder->numbers);
    strbuf_init(&builder->guards);
    builder->units = mem_calloc(units, 1);
    builder->flags = mem_calloc(units, 1);
    builder->outputs = mem_calloc(outputs, sizeof(*builder->outputs));
}

void last_state_builder_fini(struct last_state_builder *builder)
{
    lookup_fini(&builder->numbers);
    arena_fini(&builder->arena);
    strbuf_fini(&builder->guards);
    VEC_FREE(&builder->paths);
    VEC_FREE(&builder->rests);
    for (unsigned i = 0; i < LAST_GRAPH_SECTIONS; i++) {
        strbuf_fini(&builder->graph[i]);
    }
    free(builder->units);
    free(builder->flags);
    free(builder->outputs);
    *builder = (struct last_state_builder){0};
}

void last_state_unit(struct last_state_builder *builder, uint32_t unit, enum last_unit is)
{
    builder->units[unit] = (uint8_t)is;
}

void last_state_flag(struct last_state_builder *builder, uint32_t unit, uint8_t flags)
{
    builder->flags[unit] = flags;
}

/* One path is looked at in one way: whoever wants it otherwise cannot rest on it. */
static struct last_state_path_row *state_path(struct last_state_builder *builder, uint32_t unit,
                                              struct str name, enum last_check check)
{
    struct last_state_path_row fresh = {.name = name, .check = check};
    uint32_t number = LOOKUP_GET(&builder->numbers, &builder->paths, name, name);

    if (number == MAP_MISSING) {
        number = (uint32_t)builder->paths.count;
        lookup_put(&builder->numbers, name, number);
        VEC_PUSH(&builder->paths, fresh);
    }
    if (builder->paths.items[number].check != check) {
        builder->units[unit] = LAST_UNDECIDED;
    }
    VEC_PUSH(&builder->rests, (struct last_state_rest_row){number, unit});
    return &builder->paths.items[number];
}

void last_state_rest(struct last_state_builder *builder, uint32_t unit, struct str name,
                     enum last_check check)
{
    if (state_path(builder, unit, name, check)->signature != NULL) {
        builder->units[unit] = LAST_UNDECIDED;
    }
}

void last_state_rest_on(struct last_state_builder *builder, uint32_t unit, struct str name,
                        enum last_check check, const struct signature *signature)
{
    size_t before = builder->paths.count;
    struct last_state_path_row *row = state_path(builder, unit, name, check);

    if (before != builder->paths.count) {
        struct signature *own = ARENA_NEW(&builder->arena, struct signature);

        *own = *signature;
        row->signature = own;
    } else if (row->signature == NULL || !signature_equal(row->signature, signature)) {
        builder->units[unit] = LAST_UNDECIDED;
    }
}

/* Files have a row in the index, which must be the same; of the rest the old state alone knows. */
static void state_keep_rest(struct last_state_builder *builder, uint32_t unit,
                            const struct last_path *path, const struct index *index)
{
    enum file_type type = signature_type(&path->signature);
    struct str name = str_of(path->name);
    struct index_path row;

    if (type != FILE_REGULAR && type != FILE_LINK) {
        last_state_rest_on(builder, unit, name, path->check, &path->signature);
        return;
    }
    last_state_rest(builder, unit, name, path->check);
    if (!index_path(index, name, &row) || !row.firm ||
        !signature_equal(&row.signature, &path->signature)) {
        builder->units[unit] = LAST_UNDECIDED;
    }
}

void last_state_keep(struct last_state_builder *builder, const struct last_state *old,
                     const struct index *index, const uint8_t *keep)
{
    for (uint32_t i = 0; i < last_state_paths(old); i++) {
        struct last_path path;
        uint32_t count;
        uint32_t first;

        if (!last_state_path(old, i, &path)) {
            continue;
        }
        first = last_state_users(old, i, &count);
        for (uint32_t u = first; u < first + count; u++) {
            uint32_t unit = last_state_user(old, u);

            if (keep[unit]) {
                state_keep_rest(builder, unit, &path, index);
            }
        }
    }
}

void last_state_output(struct last_state_builder *builder, uint32_t output,
                       const struct last_output *is)
{
    builder->outputs[output] = *is;
}
