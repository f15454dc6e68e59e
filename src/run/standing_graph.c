/* Owns what the last state knows of the plan itself: stages, instances, and who waits for whom. */
#include "run/standing_inside.h"

static void graph_add_stage(struct saving *saving, uint32_t number)
{
    const struct plan_stage *stage = &saving->plan->stages[number];
    struct session *session = saving->session;
    struct last_stage row = {.units_first = stage->instances_first,
                             .unit_count = stage->instance_count,
                             .text = session->manifest.stage_texts[number],
                             .inputs = session->manifest.stage_inputs[number]};
    struct span begin = {row.text.from, 0, stage->source->span.source};

    if (!diags_place(&session->diags, begin, &row.line, &row.column)) {
        row.text.to = 0;
        row.inputs = (struct str_range){0, 0};
    }
    last_state_add_stage(&saving->builder, &row);
}

static void graph_add_unit(struct saving *saving, const struct plan_instance *inst)
{
    last_state_add_unit(&saving->builder, inst->name, inst->outputs_first);
    for (uint32_t i = 0; i < inst->producer_count; i++) {
        last_state_add_producer(&saving->builder, saving->plan->edges[inst->producers_first + i].n);
    }
}

static uint8_t graph_flags(const struct saving *saving, uint32_t unit)
{
    const struct plan_instance *inst = &saving->plan->instances[unit];
    uint8_t flags = 0;

    flags |= saving->end->scope[unit] ? LAST_ASKED : 0;
    flags |= saving->end->target[unit] ? LAST_TARGET : 0;
    for (uint32_t i = 0; i < inst->output_count; i++) {
        flags |= saving->plan->outputs[inst->outputs_first + i].is_depfile ? LAST_READS_MORE : 0;
    }
    return flags;
}

/* The record says of each instance which variant it is, which a slice does not know of others. */
static bool graph_has_variants(const struct plan *plan)
{
    uint32_t i = 0;

    while (i < plan->stage_count && plan->stages[i].source->settings->variants == NULL) {
        i++;
    }
    return i < plan->stage_count;
}

void save_graph(struct saving *saving)
{
    const struct plan *plan = saving->plan;

    if (graph_has_variants(plan)) {
        return;
    }
    last_state_plan(&saving->builder, saving->end->plan, &saving->session->manifest_digest,
                    saving->end->listing);
    for (uint32_t i = 0; i < plan->stage_count; i++) {
        graph_add_stage(saving, i);
    }
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        graph_add_unit(saving, &plan->instances[i]);
        last_state_flag(&saving->builder, i, graph_flags(saving, i));
    }
    last_state_end_graph(&saving->builder);
}
