/* Owns `graph`: stages or instances and what each depends on, in three notations. Nodes are
 * numbered; names stand only in labels, so that no name needs to be an identifier. */
#include <stdlib.h>

#include "base/json_write.h"
#include "base/mem.h"
#include "cmd/place.h"

struct graph_edge {
    uint32_t from, to;
};

struct graph {
    const struct plan *plan;
    bool instances;
    uint32_t node_count;
    struct graph_edge *edges; /* sorted, each once */
    uint32_t edge_count;
};

static struct str graph_name(const struct graph *graph, uint32_t node)
{
    return graph->instances ? graph->plan->instances[node].name : graph->plan->stages[node].name;
}

static uint32_t graph_node(const struct graph *graph, uint32_t instance)
{
    return graph->instances ? instance : graph->plan->instances[instance].stage.n;
}

static int graph_compare(const void *a, const void *b)
{
    const struct graph_edge *x = a;
    const struct graph_edge *y = b;

    if (x->from != y->from) {
        return x->from < y->from ? -1 : 1;
    }
    return x->to < y->to ? -1 : x->to > y->to;
}

static void graph_collect(struct graph *graph)
{
    const struct plan *plan = graph->plan;
    uint32_t count = 0;

    graph->edges = mem_calloc(plan->edge_count, sizeof(*graph->edges));
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        const struct plan_instance *inst = &plan->instances[i];

        for (uint32_t e = 0; e < inst->producer_count; e++) {
            graph->edges[count++] = (struct graph_edge){
                graph_node(graph, plan->edges[inst->producers_first + e].n), graph_node(graph, i)};
        }
    }
    qsort(graph->edges, count, sizeof(*graph->edges), graph_compare);
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || graph_compare(&graph->edges[i - 1], &graph->edges[i]) != 0) {
            graph->edges[graph->edge_count++] = graph->edges[i];
        }
    }
}

/* A label: a quote would end it, a backslash would change it. */
static void graph_label(struct strbuf *out, struct str name, const char *quote)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] == '"') {
            strbuf_puts(out, quote);
        } else if (name.data[i] == '\\') {
            strbuf_puts(out, "\\\\");
        } else {
            strbuf_putc(out, name.data[i]);
        }
    }
}

static void graph_dot(const struct graph *graph, struct strbuf *out)
{
    strbuf_puts(out, "digraph pawl {\n    rankdir=LR;\n    node [shape=box];\n");
    for (uint32_t i = 0; i < graph->node_count; i++) {
        strbuf_printf(out, "    n%u [label=\"", i);
        graph_label(out, graph_name(graph, i), "\\\"");
        strbuf_puts(out, "\"];\n");
    }
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        strbuf_printf(out, "    n%u -> n%u;\n", graph->edges[i].from, graph->edges[i].to);
    }
    strbuf_puts(out, "}\n");
}

static void graph_mermaid(const struct graph *graph, struct strbuf *out)
{
    strbuf_puts(out, "flowchart LR\n");
    for (uint32_t i = 0; i < graph->node_count; i++) {
        strbuf_printf(out, "    n%u[\"", i);
        graph_label(out, graph_name(graph, i), "#quot;");
        strbuf_puts(out, "\"]\n");
    }
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        strbuf_printf(out, "    n%u --> n%u\n", graph->edges[i].from, graph->edges[i].to);
    }
}

static void graph_json(const struct graph *graph, struct strbuf *out)
{
    struct json_writer w = json_writer_of(out, JSON_PRETTY);

    json_object_begin(&w);
    json_field_array(&w, "nodes");
    for (uint32_t i = 0; i < graph->node_count; i++) {
        json_str(&w, graph_name(graph, i));
    }
    json_array_end(&w);
    json_field_array(&w, "edges");
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        json_object_begin(&w);
        json_field_str(&w, "from", graph_name(graph, graph->edges[i].from));
        json_field_str(&w, "to", graph_name(graph, graph->edges[i].to));
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
    strbuf_putc(out, '\n');
}

static void graph_show(struct cli *cli, const struct plan *plan)
{
    struct graph graph = {.plan = plan,
                          .instances = cli->instances,
                          .node_count = cli->instances ? plan->instance_count : plan->stage_count};

    graph_collect(&graph);
    switch ((enum cli_format)cli->format) {
    case CLI_FORMAT_DOT:
        graph_dot(&graph, &cli->out);
        break;
    case CLI_FORMAT_MERMAID:
        graph_mermaid(&graph, &cli->out);
        break;
    case CLI_FORMAT_JSON:
        graph_json(&graph, &cli->out);
        break;
    }
    free(graph.edges);
}

int cmd_graph(struct cli *cli)
{
    struct place place;
    int status = place_open(&place, cli, PLACE_PLAN, SESSION_LOOK);

    if (status == STATUS_OK) {
        graph_show(cli, &place.session.plan);
    }
    place_close(&place);
    return status;
}
