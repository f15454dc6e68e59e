/* Owns the topological order: of the instances whose producers are all placed, always the one that
 * is defined first (Kahn, with a heap). Those without producers are in order as they lie, so only
 * the others go through the heap. What is left over lies on a cycle or behind one; the cycle
 * is found by going from consumer to producer until an instance comes twice. */
#include "model/plan_build.h"

struct plan_heap {
    uint32_t *items;
    uint32_t count;
};

static void plan_heap_swap(struct plan_heap *heap, uint32_t a, uint32_t b)
{
    uint32_t item = heap->items[a];

    heap->items[a] = heap->items[b];
    heap->items[b] = item;
}

static void plan_heap_push(struct plan_heap *heap, uint32_t item)
{
    uint32_t at = heap->count++;

    heap->items[at] = item;
    while (at > 0 && heap->items[(at - 1) / 2] > heap->items[at]) {
        plan_heap_swap(heap, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static uint32_t plan_heap_pop(struct plan_heap *heap)
{
    uint32_t top = heap->items[0];
    uint32_t at = 0;

    heap->items[0] = heap->items[--heap->count];
    while (at * 2 + 1 < heap->count) {
        uint32_t child = at * 2 + 1;

        if (child + 1 < heap->count && heap->items[child + 1] < heap->items[child]) {
            child++;
        }
        if (heap->items[at] <= heap->items[child]) {
            break;
        }
        plan_heap_swap(heap, at, child);
        at = child;
    }
    return top;
}

/* The first instance from `number` on without producers. */
static uint32_t plan_order_root(const struct plan *plan, uint32_t number)
{
    while (number < plan->instance_count && plan->instances[number].producer_count != 0) {
        number++;
    }
    return number;
}

/* Fills plan->topo; returns how many could be placed. `left[i]` becomes the number of producers of
 * i that could not. */
static uint32_t plan_order_place(struct plan *plan, uint32_t *left)
{
    struct plan_heap heap = {mem_calloc((size_t)plan->instance_count + 1, 4), 0};
    uint32_t root = plan_order_root(plan, 0);
    uint32_t placed = 0;

    for (uint32_t i = 0; i < plan->instance_count; i++) {
        left[i] = plan->instances[i].producer_count;
    }
    while (heap.count != 0 || root < plan->instance_count) {
        bool take_root = heap.count == 0 || root < heap.items[0];
        uint32_t number = take_root ? root : plan_heap_pop(&heap);
        const struct plan_instance *inst = &plan->instances[number];

        if (take_root) {
            root = plan_order_root(plan, root + 1);
        }
        plan->topo[placed++] = (struct inst_id){number};
        for (uint32_t i = 0; i < inst->consumer_count; i++) {
            uint32_t consumer = plan->back_edges[inst->consumers_first + i].n;

            if (--left[consumer] == 0) {
                plan_heap_push(&heap, consumer);
            }
        }
    }
    free(heap.items);
    return placed;
}

/* --- a cycle --- */

static struct inst_id plan_left_producer(const struct plan *plan, const uint32_t *left,
                                         uint32_t number)
{
    const struct plan_instance *inst = &plan->instances[number];

    for (uint32_t i = 0; i < inst->producer_count; i++) {
        struct inst_id producer = plan->edges[inst->producers_first + i];

        if (left[producer.n] != 0) {
            return producer;
        }
    }
    bug("an instance is left without a producer that is");
}

/* What `consumer` reads of `producer`: an output; PLAN_NONE: it only needs it. */
static uint32_t plan_edge_output(const struct plan *plan, const struct plan_instance *consumer,
                                 const struct plan_instance *producer, uint32_t *input)
{
    for (uint32_t i = 0; i < consumer->input_count; i++) {
        *input = consumer->inputs_first + i;
        for (uint32_t k = 0; k < producer->output_count; k++) {
            uint32_t output = producer->outputs_first + k;

            if (!plan->outputs[output].is_depfile &&
                plan_input_takes(plan, &plan->inputs[*input], output)) {
                return output;
            }
        }
    }
    return PLAN_NONE;
}

static struct span plan_cycle_span(const struct plan *plan, const struct plan_instance *inst,
                                   uint32_t input, uint32_t output)
{
    const struct m_stage *source = plan->stages[inst->stage.n].source;
    uint32_t number = input - inst->inputs_first;

    if (output == PLAN_NONE) {
        return source->needs.count != 0 ? source->needs.items[0].span : source->span;
    }
    if (number < source->input_count) {
        return source->inputs[number].path.span;
    }
    if (plan->inputs[input].is_each) {
        return source->settings->each->source.span;
    }
    return plan->inputs[input].is_stdin ? source->settings->std_in.span : source->run_span;
}

enum { PLAN_CYCLE_SHOWN = 12 };

/* "'a' reads 'out/b', which 'b' makes; 'b' needs 'a'". */
static void plan_cycle_report(struct plan_build *build, const uint32_t *cycle, uint32_t count)
{
    const struct plan *plan = build->plan;
    struct strbuf text = {0};
    struct span span = SPAN_NONE;

    for (uint32_t i = 0; i < count && i < PLAN_CYCLE_SHOWN; i++) {
        const struct plan_instance *consumer = &plan->instances[cycle[i]];
        const struct plan_instance *producer = &plan->instances[cycle[(i + 1) % count]];
        uint32_t input = 0;
        uint32_t output = plan_edge_output(plan, consumer, producer, &input);

        if (i == 0) {
            span = plan_cycle_span(plan, consumer, input, output);
        }
        strbuf_printf(&text, "%s'%.*s' ", i == 0 ? "" : "; ", STR_ARG(consumer->name));
        if (output == PLAN_NONE) {
            strbuf_printf(&text, "needs '%.*s'", STR_ARG(producer->name));
        } else {
            strbuf_printf(&text, "reads '%.*s%s', which '%.*s' makes",
                          STR_ARG(plan_path_name(plan, plan->outputs[output].path)),
                          plan->outputs[output].folder ? "/" : "", STR_ARG(producer->name));
        }
    }
    if (count > PLAN_CYCLE_SHOWN) {
        strbuf_printf(&text, "; and so on, %u in all", count);
    }
    diag_error(build->diags, span, "one of these must not depend on the next", "a cycle: %s",
               text.data);
    strbuf_fini(&text);
}

static void plan_cycle_find(struct plan_build *build, const uint32_t *left)
{
    const struct plan *plan = build->plan;
    uint32_t *place = mem_calloc((size_t)plan->instance_count + 1, sizeof(*place));
    uint32_t *path = mem_calloc((size_t)plan->instance_count + 1, sizeof(*path));
    uint32_t count = 0;
    uint32_t number = 0;
    uint32_t first;
    uint32_t least;

    while (left[number] == 0) {
        number++;
    }
    while (place[number] == 0) {
        path[count++] = number;
        place[number] = count;
        number = plan_left_producer(plan, left, number).n;
    }
    first = place[number] - 1;
    count -= first;
    least = 0;
    for (uint32_t i = 1; i < count; i++) {
        least = path[first + i] < path[first + least] ? i : least;
    }
    for (uint32_t i = 0; i < count; i++) {
        place[i] = path[first + (least + i) % count];
    }
    plan_cycle_report(build, place, count);
    free(path);
    free(place);
}

void plan_make_order(struct plan_build *build)
{
    struct plan *plan = build->plan;
    uint32_t *left = mem_calloc((size_t)plan->instance_count + 1, sizeof(*left));

    plan->topo = ARENA_ARRAY(build->arena, struct inst_id, plan->instance_count);
    if (plan_order_place(plan, left) != plan->instance_count) {
        plan_cycle_find(build, left);
    }
    free(left);
}
