#ifndef PAWL_TESTS_SIMULATION_VARIANTS_H
#define PAWL_TESTS_SIMULATION_VARIANTS_H
/* Variants of simulated instances: some have one that gives way to the own command when it fails,
 * when its breaker is open, or both. Their limits differ, and a new process begins with the
 * variant. */
#include "simulation_laws.h"

/* In every third world that has retries and breakers, with numbers of its own. */
static inline void world_make_variants(struct world *world, uint64_t seed)
{
    struct plan *plan = &world->sim.fake.plan;
    struct m_stage *source = ARENA_NEW(&world->sim.fake.arena, struct m_stage);
    struct m_settings *settings = ARENA_NEW(&world->sim.fake.arena, struct m_settings);

    world->variant = (struct m_variant){
        .name = STR("new"), .fallback = mix(seed, 600) % 4 != 0, .breaks = mix(seed, 601) % 2 == 0};
    world->variants = (struct m_variants){&world->variant, 1};
    settings->variants = &world->variants;
    source->settings = settings;
    plan->stages[0].source = source;
    plan->owns = world->owns;
    for (uint32_t i = 0; mix(seed, 602) % 3 == 0 && i < world->count; i++) {
        struct plan_instance *inst = &plan->instances[i];

        if (mix(seed, 610 + i) % 3 != 0) {
            continue;
        }
        inst->variant = 1;
        if (!world->variant.fallback && !world->variant.breaks) {
            continue;
        }
        world->owns[i] = *inst;
        world->owns[i].retry = (uint32_t)(mix(seed, 700 + i) % (plan->retry_count));
        world->owns[i].recovers = inst->recovers && world->owns[i].retry != 0;
        world->owns[i].breaker = 0;
        world->owns[i].timeout_ns = 0;
        inst->own = i + 1;
    }
}

/* What the manifest says, whatever an earlier process did. */
static inline void world_reset_variants(struct world *world)
{
    for (uint32_t i = 0; i < world->count; i++) {
        struct plan_instance *inst = &world->sim.fake.plan.instances[i];

        if (inst->left != PLAN_STAYS) {
            *inst = world->chosen[i];
        }
        world->chosen[i] = *inst;
    }
}

static inline void world_leave_variant(void *ctx, struct inst_id instance, enum plan_left how)
{
    struct world *world = ctx;
    const struct plan_instance *inst = world_instance(world, instance.n);

    assert_true(inst->variant != 0 && inst->left == PLAN_STAYS);
    assert_true(how == PLAN_LEFT_OUT ? world->variant.breaks : world->variant.fallback);
    for (uint32_t i = 0; i < world->running_count; i++) {
        assert_int_not_equal(world->running[i].number, instance.n);
    }
    plan_leave_variant(&world->sim.fake.plan, instance, how);
}

/* Whoever left a variant that failed is never asked for it again in this run, after a kill either.
 */
static inline void check_variant(const struct world *world, uint32_t number, struct str variant)
{
    const struct plan_instance *inst = world_instance(world, number);
    const struct inst_told *told = inst_told(&world->sim.recorder.state.instances[number]);

    assert_int_equal(told->left, inst->left == PLAN_LEFT_FAILED);
    assert_int_equal(told->out, inst->left == PLAN_LEFT_OUT);
    assert_int_equal(variant.len != 0, inst->variant != 0 && inst->left == PLAN_STAYS);
}

#endif
