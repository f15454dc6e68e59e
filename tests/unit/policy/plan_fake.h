#ifndef PAWL_TESTS_PLAN_FAKE_H
#define PAWL_TESTS_PLAN_FAKE_H
/* A plan from a list of edges, for tests of policy: instance n has one output, number n, named
 * "o<n>". */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/plan.h"

struct plan_fake {
    struct plan plan;
    struct manifest manifest;
    struct arena arena;
    struct m_pool pools[4];
    uint32_t slots[4];
    struct plan_retry retries[4]; /* [0]: none */
    struct plan_breaker breakers[2];
};

/* `edges`: pairs producer, consumer with producer < consumer; so 0..count-1 is a topological order.
 */
static void plan_fake_init(struct plan_fake *fake, uint32_t count, const uint32_t (*edges)[2],
                           uint32_t edge_count)
{
    struct plan *plan = &fake->plan;
    uint32_t at = 0;
    uint32_t back = 0;

    memset(fake, 0, sizeof(*fake));
    arena_init(&fake->arena);
    plan->manifest = &fake->manifest;
    fake->manifest.pools = fake->pools;
    fake->manifest.pool_count = 4;
    plan->pool_slots = fake->slots;
    plan->retries = fake->retries;
    plan->breakers = fake->breakers;
    plan->instance_count = plan->output_count = plan->path_count = count;
    plan->stage_count = 1;
    plan->stages = ARENA_ARRAY(&fake->arena, struct plan_stage, 1);
    plan->instances = ARENA_ARRAY(&fake->arena, struct plan_instance, count);
    plan->outputs = ARENA_ARRAY(&fake->arena, struct plan_output, count);
    plan->topo = ARENA_ARRAY(&fake->arena, struct inst_id, count);
    plan->edges = ARENA_ARRAY(&fake->arena, struct inst_id, edge_count);
    plan->back_edges = ARENA_ARRAY(&fake->arena, struct inst_id, edge_count);
    plan->pool_uses = ARENA_ARRAY(&fake->arena, struct plan_pool_use, count);
    plan->edge_count = edge_count;
    for (uint32_t i = 0; i < count; i++) {
        struct plan_instance *inst = &plan->instances[i];

        plan->topo[i].n = i;
        inst->cpu = 1;
        inst->outputs_first = i;
        inst->output_count = 1;
        plan->outputs[i].path.n = i;
        plan->outputs[i].store = true;
        inst->producers_first = at;
        inst->consumers_first = back;
        for (uint32_t e = 0; e < edge_count; e++) {
            if (edges[e][1] == i) {
                plan->edges[at++].n = edges[e][0];
                inst->producer_count++;
            }
            if (edges[e][0] == i) {
                plan->back_edges[back++].n = edges[e][1];
                inst->consumer_count++;
            }
        }
    }
}

static void plan_fake_fini(struct plan_fake *fake)
{
    arena_fini(&fake->arena);
}

#endif
