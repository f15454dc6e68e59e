/* Owns the edges: from what an instance reads to who makes it, from `needs`, and
 * from metrics of others that it speaks of. An instance that
 * is skipped waits for nobody. Both directions are arrays of ranges (CSR), each range sorted. */
#include "model/plan_build.h"

struct plan_edge_maker {
    struct plan_build *build;
    plan_inst_vec edges;
    uint32_t *seen;           /* by instance: consumer + 1 of the last edge from it */
    struct map need_numbers;  /* rendered selection to its range */
    VEC(uint32_t) need_first; /* into `needed`; one more than there are selections */
    plan_inst_vec needed;
};

static void plan_edge_add(struct plan_edge_maker *maker, uint32_t consumer, struct inst_id producer)
{
    if (maker->seen[producer.n] != consumer + 1) {
        maker->seen[producer.n] = consumer + 1;
        VEC_PUSH(&maker->edges, producer);
    }
}

static void plan_edges_of_input(struct plan_edge_maker *maker, uint32_t consumer,
                                const struct plan_input *input)
{
    const struct plan_pattern *pattern;

    if (!input->is_made) {
        return;
    }
    if (input->kind == PLAN_INPUT_FILE) {
        plan_edge_add(maker, consumer, input->producer);
        return;
    }
    pattern = plan_input_pattern(maker->build, input);
    for (uint32_t i = 0; i < pattern->producer_count; i++) {
        plan_edge_add(maker, consumer,
                      maker->build->pattern_producers.items[pattern->producers_first + i]);
    }
}

/* --- needs --- */

/* The number of a selection, PLAN_NONE if it selects nothing (reported). */
static uint32_t plan_need_number(struct plan_edge_maker *maker, const struct m_text *text,
                                 struct str selection)
{
    struct plan_build *build = maker->build;
    uint32_t number = map_get(&maker->need_numbers, selection);
    struct str reason;
    struct str hint;

    if (number != MAP_MISSING) {
        return number;
    }
    if (!plan_select_instances(build->plan, selection, &maker->needed, &build->scratch, &reason,
                               &hint)) {
        diag_error(build->diags, text->span, NULL, "'needs': %.*s", STR_ARG(reason));
        if (hint.len != 0) {
            diag_hint(build->diags, "%.*s", STR_ARG(hint));
        }
        return PLAN_NONE;
    }
    number = (uint32_t)maker->need_first.count - 1;
    map_put(&maker->need_numbers, str_dup(build->arena, selection), number);
    VEC_PUSH(&maker->need_first, (uint32_t)maker->needed.count);
    return number;
}

static bool plan_edges_of_need(struct plan_edge_maker *maker, uint32_t consumer,
                               struct plan_scope *scope, const struct m_text *text)
{
    struct str selection;
    uint32_t number;

    if (!plan_render(maker->build, scope, text, &selection)) {
        return false;
    }
    number = plan_need_number(maker, text, selection);
    if (number == PLAN_NONE) {
        return false;
    }
    for (uint32_t i = maker->need_first.items[number]; i < maker->need_first.items[number + 1];
         i++) {
        if (maker->needed.items[i].n == consumer) {
            diag_error(maker->build->diags, text->span, NULL, "'%.*s' needs itself",
                       STR_ARG(scope->inst->name));
            return false;
        }
        plan_edge_add(maker, consumer, maker->needed.items[i]);
    }
    return true;
}

static bool plan_edges_of_needs(struct plan_edge_maker *maker, uint32_t consumer)
{
    struct plan *plan = maker->build->plan;
    const struct plan_instance *inst = &plan->instances[consumer];
    const struct m_stage *source = plan->stages[inst->stage.n].source;
    struct plan_scope scope = {
        .plan = plan, .stage = source, .inst = inst, .phase = PLAN_PHASE_REST};
    bool good = true;

    for (uint32_t i = 0; i < source->needs.count; i++) {
        good = plan_edges_of_need(maker, consumer, &scope, &source->needs.items[i]) && good;
    }
    return good;
}

/* --- metrics, and what checks read --- */

struct plan_metric_edges {
    struct plan_edge_maker *maker;
    uint32_t consumer;
};

static void plan_edge_of_metric(void *ctx, struct inst_id producer)
{
    const struct plan_metric_edges *edges = ctx;

    if (producer.n != edges->consumer) {
        plan_edge_add(edges->maker, edges->consumer, producer);
    }
}

static bool plan_edges_of_metrics(struct plan_edge_maker *maker, uint32_t consumer)
{
    struct plan_metric_edges edges = {maker, consumer};

    return plan_metric_producers(maker->build, consumer, plan_edge_of_metric, &edges);
}

/* --- all --- */

static int plan_edge_compare(const void *a, const void *b)
{
    uint32_t x = ((const struct inst_id *)a)->n;
    uint32_t y = ((const struct inst_id *)b)->n;

    return (x > y) - (x < y);
}

static void plan_edges_sort(struct inst_id *edges, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        if (edges[i - 1].n > edges[i].n) {
            qsort(edges, count, sizeof(*edges), plan_edge_compare);
            return;
        }
    }
}

/* Stages with `always` come last. */
static bool plan_edges_are_in_time(struct plan_edge_maker *maker, const struct plan_instance *inst)
{
    const struct plan *plan = maker->build->plan;
    const struct m_stage *source = plan->stages[inst->stage.n].source;

    for (size_t i = inst->producers_first; !source->settings->always && i < maker->edges.count;
         i++) {
        const struct plan_instance *producer = &plan->instances[maker->edges.items[i].n];
        const struct m_stage *needed = plan->stages[producer->stage.n].source;

        if (needed->settings->always) {
            diag_error(maker->build->diags, source->span,
                       "say 'always = true' here as well, or take it away there",
                       "stage '%.*s' waits for '%.*s', which runs when all others have ended",
                       STR_ARG(source->name), STR_ARG(needed->name));
            return false;
        }
    }
    return true;
}

static bool plan_edges_of(struct plan_edge_maker *maker, uint32_t consumer)
{
    struct plan *plan = maker->build->plan;
    struct plan_instance *inst = &plan->instances[consumer];
    bool good = true;

    inst->producers_first = (uint32_t)maker->edges.count;
    if (inst->skip_reason.len == 0 && !inst->outline) {
        for (uint32_t i = 0; i < inst->input_count; i++) {
            plan_edges_of_input(maker, consumer, &plan->inputs[inst->inputs_first + i]);
        }
        good = plan_edges_of_needs(maker, consumer) && plan_edges_of_metrics(maker, consumer) &&
               plan_edges_are_in_time(maker, inst);
    }
    inst->producer_count = (uint32_t)maker->edges.count - inst->producers_first;
    if (inst->producer_count > 1) {
        plan_edges_sort(maker->edges.items + inst->producers_first, inst->producer_count);
    }
    return good;
}

/* The other direction: counted, then filled in order of consumers. */
static void plan_edges_turn(struct plan *plan)
{
    uint32_t first = 0;

    plan->back_edges = ARENA_ARRAY(plan->arena, struct inst_id, plan->edge_count);
    for (uint32_t i = 0; i < plan->edge_count; i++) {
        plan->instances[plan->edges[i].n].consumer_count++;
    }
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        plan->instances[i].consumers_first = first;
        first += plan->instances[i].consumer_count;
        plan->instances[i].consumer_count = 0;
    }
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        const struct plan_instance *consumer = &plan->instances[i];

        for (uint32_t k = 0; k < consumer->producer_count; k++) {
            struct plan_instance *inst =
                &plan->instances[plan->edges[consumer->producers_first + k].n];

            plan->back_edges[inst->consumers_first + inst->consumer_count++] = (struct inst_id){i};
        }
    }
}

static void plan_collect_edges(struct plan_edge_maker *maker)
{
    struct plan *plan = maker->build->plan;

    for (uint32_t s = 0; s < plan->stage_count; s++) {
        const struct plan_stage *stage = &plan->stages[s];

        for (uint32_t i = 0; i < stage->instance_count; i++) {
            arena_reset(&maker->build->scratch);
            if (!plan_edges_of(maker, stage->instances_first + i)) {
                break;
            }
            if (maker->edges.count > PLAN_FILES_MOST) {
                diag_error(maker->build->diags, stage->source->span, NULL,
                           "the plan has more than %d edges", PLAN_FILES_MOST);
                return;
            }
        }
    }
}

void plan_make_edges(struct plan_build *build)
{
    struct plan_edge_maker maker = {.build = build};
    struct plan *plan = build->plan;
    uint32_t before = build->diags->errors;

    plan_note_metrics(build);
    maker.seen = mem_calloc((size_t)plan->instance_count + 1, sizeof(*maker.seen));
    VEC_PUSH(&maker.need_first, 0);
    plan_collect_edges(&maker);
    free(maker.seen);
    plan->edge_count = (uint32_t)maker.edges.count;
    plan->edges = VEC_DUP(&maker.edges, build->arena);
    map_fini(&maker.need_numbers);
    VEC_FREE(&maker.need_first);
    VEC_FREE(&maker.needed);
    VEC_FREE(&maker.edges);
    if (plan_is_good(build, before)) {
        plan_edges_turn(plan);
        plan_make_order(build);
    }
}
