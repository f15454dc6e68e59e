/* Owns the graph of the plan in the last state: which unit reads what which other makes. */
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "store/last_state_inside.h"

/* Columns of a row of INDEX_GRAPH. */
enum { GRAPH_PRODUCERS = 0, GRAPH_CONSUMERS = 4, GRAPH_OUTPUTS = 8, GRAPH_NAME = 12 };

_Static_assert(INDEX_PLAN + LAST_GRAPH_SECTIONS == INDEX_SUMS,
               "the sections of the graph are the last ones");

/* --- reading --- */

bool last_state_load_graph(struct last_state *state)
{
    return state->map.has_graph && index_map_check(&state->map, INDEX_SLICE);
}

struct digest last_state_digest(const struct last_state *state, enum last_digest of)
{
    struct digest digest;

    memcpy(digest.bytes, state->map.at[INDEX_PLAN] + (size_t)of * DIGEST_BYTES, DIGEST_BYTES);
    return digest;
}

uint32_t last_state_stages(const struct last_state *state)
{
    return state->map.stages;
}

struct last_stage last_state_stage(const struct last_state *state, uint32_t stage)
{
    const unsigned char *row = state->map.at[INDEX_STAGES] + (size_t)stage * INDEX_STAGE_BYTES;
    uint32_t first = bytes_get_u32(row);
    uint32_t end =
        stage + 1 < state->map.stages ? bytes_get_u32(row + INDEX_STAGE_BYTES) : state->map.units;

    return (struct last_stage){.units_first = first,
                               .unit_count = end - first,
                               .text = {bytes_get_u32(row + 4), bytes_get_u32(row + 8)},
                               .line = bytes_get_u32(row + 12),
                               .column = bytes_get_u32(row + 16),
                               .inputs = {bytes_get_u32(row + 20), bytes_get_u32(row + 24)}};
}

static uint32_t graph_get(const struct last_state *state, uint32_t unit, unsigned column)
{
    return bytes_get_u32(state->map.at[INDEX_GRAPH] + (size_t)unit * INDEX_GRAPH_BYTES + column);
}

static struct last_units graph_units(const struct last_state *state, uint32_t unit, unsigned column,
                                     enum index_section section)
{
    uint32_t first = graph_get(state, unit, column);

    return (struct last_units){.items = state->map.at[section] + 4 * (size_t)first,
                               .count = graph_get(state, unit + 1, column) - first};
}

uint32_t last_units_get(struct last_units units, uint32_t at)
{
    return bytes_get_u32(units.items + 4 * (size_t)at);
}

struct last_units last_state_producers(const struct last_state *state, uint32_t unit)
{
    return graph_units(state, unit, GRAPH_PRODUCERS, INDEX_PRODUCERS);
}

struct last_units last_state_consumers(const struct last_state *state, uint32_t unit)
{
    return graph_units(state, unit, GRAPH_CONSUMERS, INDEX_CONSUMERS);
}

uint32_t last_state_outputs_first(const struct last_state *state, uint32_t unit)
{
    return graph_get(state, unit, GRAPH_OUTPUTS);
}

bool last_state_unit_is_named(const struct last_state *state, uint32_t unit, struct str name)
{
    return graph_get(state, unit, GRAPH_NAME) == (uint32_t)str_hash(name);
}

/* --- building --- */

static struct strbuf *graph_section(struct last_state_builder *builder, enum index_section section)
{
    return &builder->graph[section - INDEX_PLAN];
}

void last_state_plan(struct last_state_builder *builder, const struct digest *plan,
                     const struct digest *manifest, const struct digest *listing)
{
    struct strbuf *out = graph_section(builder, INDEX_PLAN);

    bytes_put_digest(out, plan);
    bytes_put_digest(out, manifest);
    bytes_put_digest(out, listing);
}

void last_state_add_stage(struct last_state_builder *builder, const struct last_stage *stage)
{
    struct strbuf *out = graph_section(builder, INDEX_STAGES);

    bytes_put_u32(out, stage->units_first);
    bytes_put_u32(out, stage->text.from);
    bytes_put_u32(out, stage->text.to);
    bytes_put_u32(out, stage->line);
    bytes_put_u32(out, stage->column);
    bytes_put_u32(out, stage->inputs.from);
    bytes_put_u32(out, stage->inputs.to);
}

/* Consumers are known once all units are there. */
static void graph_put_row(struct last_state_builder *builder, uint32_t outputs_first, uint32_t hash)
{
    struct strbuf *out = graph_section(builder, INDEX_GRAPH);

    bytes_put_u32(out, (uint32_t)(graph_section(builder, INDEX_PRODUCERS)->len / 4));
    bytes_put_u32(out, 0);
    bytes_put_u32(out, outputs_first);
    bytes_put_u32(out, hash);
}

void last_state_add_unit(struct last_state_builder *builder, struct str name,
                         uint32_t outputs_first)
{
    graph_put_row(builder, outputs_first, (uint32_t)str_hash(name));
}

void last_state_add_producer(struct last_state_builder *builder, uint32_t producer)
{
    bytes_put_u32(graph_section(builder, INDEX_PRODUCERS), producer);
}

/* The edges the other way: counted, then filled in order of consumers. */
static void graph_turn(char *rows, uint32_t units, const char *producers, uint32_t edges,
                       char *consumers)
{
    uint32_t *next = mem_calloc((size_t)units + 1, sizeof(*next));

    for (uint32_t i = 0; i < edges; i++) {
        next[bytes_get_u32(producers + 4 * (size_t)i) + 1]++;
    }
    for (uint32_t i = 0; i < units; i++) {
        next[i + 1] += next[i];
    }
    for (uint32_t i = 0; i <= units; i++) {
        bytes_set_u32(rows + (size_t)i * INDEX_GRAPH_BYTES + GRAPH_CONSUMERS, next[i]);
    }
    for (uint32_t unit = 0; unit < units; unit++) {
        const char *row = rows + (size_t)unit * INDEX_GRAPH_BYTES + GRAPH_PRODUCERS;
        uint32_t end = bytes_get_u32(row + INDEX_GRAPH_BYTES);

        for (uint32_t i = bytes_get_u32(row); i < end; i++) {
            uint32_t producer = bytes_get_u32(producers + 4 * (size_t)i);

            bytes_set_u32(consumers + 4 * (size_t)next[producer]++, unit);
        }
    }
    free(next);
}

void last_state_end_graph(struct last_state_builder *builder)
{
    const struct strbuf *producers = graph_section(builder, INDEX_PRODUCERS);
    struct strbuf *consumers = graph_section(builder, INDEX_CONSUMERS);

    graph_put_row(builder, builder->output_count, 0);
    strbuf_reserve(consumers, producers->len);
    consumers->len = producers->len;
    graph_turn(graph_section(builder, INDEX_GRAPH)->data, builder->unit_count, producers->data,
               (uint32_t)(producers->len / 4), consumers->data);
}

void last_state_copy_graph(struct last_state_builder *builder, const struct last_state *old)
{
    for (unsigned i = 0; i < LAST_GRAPH_SECTIONS; i++) {
        strbuf_add(&builder->graph[i], old->map.at[INDEX_PLAN + i],
                   (size_t)old->map.bytes[INDEX_PLAN + i]);
    }
}
