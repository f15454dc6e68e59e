/* Deciding in two passes, over a chain and a diamond with a fake world. */
#include "policy/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan_fake.h"

/* What the fake world says of each instance. */
struct fake_world {
    struct plan_fake fake;
    struct decide decide;
    enum decide_verdict verdict[16];
    enum decide_bytes bytes[16];
    uint32_t looked[16];
};

static enum decide_verdict fake_look(void *ctx, struct inst_id instance)
{
    struct fake_world *world = ctx;

    world->looked[instance.n]++;
    return world->verdict[instance.n];
}

static enum decide_bytes fake_bytes(void *ctx, struct inst_id instance)
{
    return ((struct fake_world *)ctx)->bytes[instance.n];
}

static void fake_demand(void *ctx, struct inst_id instance, struct decide *decide)
{
    struct fake_world *world = ctx;
    const struct plan_instance *inst = &world->fake.plan.instances[instance.n];

    for (uint32_t i = 0; i < inst->producer_count; i++) {
        struct inst_id producer = world->fake.plan.edges[inst->producers_first + i];

        decide_demand(decide, producer, producer.n);
    }
}

/* All hits with bytes present; only `target` (or all, if UINT32_MAX) is asked for. */
static void world_init(struct fake_world *world, uint32_t count, const uint32_t (*edges)[2],
                       uint32_t edge_count, uint32_t target)
{
    struct decide_facts facts = {world, fake_look, fake_bytes, fake_demand};
    uint8_t scope[16];
    uint8_t targets[16];

    memset(world, 0, sizeof(*world));
    plan_fake_init(&world->fake, count, edges, edge_count);
    for (uint32_t i = 0; i < count; i++) {
        world->verdict[i] = DECIDE_HIT;
        world->bytes[i] = DECIDE_BYTES_PRESENT;
        scope[i] = 1;
        targets[i] = target == UINT32_MAX || target == i;
    }
    decide_init(&world->decide, &world->fake.plan, &facts, scope, targets);
}

static void world_fini(struct fake_world *world)
{
    decide_fini(&world->decide);
    plan_fake_fini(&world->fake);
}

static const uint32_t chain[][2] = {{0, 1}, {1, 2}};
static const uint32_t diamond[][2] = {{0, 1}, {0, 2}, {1, 3}, {2, 3}};

static void all_up_to_date(void **state)
{
    struct fake_world world;

    (void)state;
    world_init(&world, 3, chain, 2, UINT32_MAX);
    decide_plan(&world.decide);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(world.decide.action[i], DECIDE_NOTHING);
        assert_true(world.decide.ended[i]);
        assert_int_equal(world.looked[i], 1);
        assert_int_equal(world.decide.waiting[i], 0);
    }
    world_fini(&world);
}

/* Bytes of what lies between are not asked for when only the end is a target. */
static void absent_in_between_is_left_alone(void **state)
{
    struct fake_world world;

    (void)state;
    world_init(&world, 3, chain, 2, 2);
    world.bytes[0] = world.bytes[1] = DECIDE_BYTES_NOWHERE;
    decide_plan(&world.decide);
    assert_int_equal(world.decide.action[0], DECIDE_NOTHING);
    assert_int_equal(world.decide.action[1], DECIDE_NOTHING);
    assert_int_equal(world.decide.action[2], DECIDE_NOTHING);
    world_fini(&world);
}

static void a_miss_demands_its_inputs(void **state)
{
    struct fake_world world;

    (void)state;
    world_init(&world, 3, chain, 2, 2);
    world.verdict[2] = DECIDE_MISS;
    world.bytes[1] = DECIDE_BYTES_IN_STORE;
    decide_plan(&world.decide);
    assert_int_equal(world.decide.action[0], DECIDE_NOTHING);
    assert_int_equal(world.decide.action[1], DECIDE_RESTORE);
    assert_int_equal(world.decide.action[2], DECIDE_RUN);
    assert_int_equal(world.decide.waiting[2], 1);
    assert_false(world.decide.ended[1]);
    world_fini(&world);
}

/* Bytes that are nowhere make their producers run again, all the way back, and what reads those is
 * decided only then. */
static void bytes_nowhere_go_backward(void **state)
{
    struct fake_world world;

    (void)state;
    world_init(&world, 3, chain, 2, 2);
    world.bytes[0] = world.bytes[1] = world.bytes[2] = DECIDE_BYTES_NOWHERE;
    decide_plan(&world.decide);
    assert_int_equal(world.decide.action[0], DECIDE_RUN);
    assert_int_equal(world.decide.action[1], DECIDE_WAIT);
    assert_int_equal(world.decide.action[2], DECIDE_WAIT);
    assert_int_equal(world.decide.verdict[1], DECIDE_UNKNOWN);
    world_fini(&world);
}

static void behind_a_miss_is_unknown(void **state)
{
    struct fake_world world;
    struct inst_id ready[4];
    const struct inst_id *reopened;
    uint32_t count;

    (void)state;
    world_init(&world, 4, diamond, 4, UINT32_MAX);
    world.verdict[1] = DECIDE_MISS;
    decide_plan(&world.decide);
    assert_int_equal(world.decide.action[1], DECIDE_RUN);
    assert_int_equal(world.decide.action[2], DECIDE_NOTHING);
    assert_int_equal(world.decide.action[3], DECIDE_WAIT);
    assert_int_equal(world.looked[3], 0);
    assert_int_equal(world.decide.waiting[3], 1);
    /* 1 ends; 3 has the same key as before: early cut-off. */
    assert_int_equal(decide_ended(&world.decide, (struct inst_id){1}, false, ready), 1);
    assert_int_equal(ready[0].n, 3);
    assert_int_equal(decide_settle(&world.decide, (struct inst_id){3}, &reopened, &count),
                     DECIDE_NOTHING);
    assert_int_equal(count, 0);
    world_fini(&world);
}

/* While settling, a producer that was left alone must bring its bytes back first. */
static void settling_reopens_a_producer(void **state)
{
    struct fake_world world;
    struct inst_id ready[4];
    const struct inst_id *reopened;
    uint32_t count;

    (void)state;
    world_init(&world, 4, diamond, 4, 3);
    world.verdict[1] = DECIDE_MISS;
    world.bytes[2] = DECIDE_BYTES_IN_STORE;
    decide_plan(&world.decide);
    assert_int_equal(world.decide.action[2], DECIDE_NOTHING);
    assert_int_equal(decide_ended(&world.decide, (struct inst_id){1}, true, ready), 1);
    world.verdict[3] = DECIDE_MISS;
    assert_int_equal(decide_settle(&world.decide, (struct inst_id){3}, &reopened, &count),
                     DECIDE_WAIT);
    assert_int_equal(count, 1);
    assert_int_equal(reopened[0].n, 2);
    assert_int_equal(world.decide.action[2], DECIDE_RESTORE);
    assert_int_equal(world.decide.waiting[3], 1);
    world.bytes[2] = DECIDE_BYTES_PRESENT;
    assert_int_equal(decide_ended(&world.decide, (struct inst_id){2}, false, ready), 1);
    assert_int_equal(decide_settle(&world.decide, (struct inst_id){3}, &reopened, &count),
                     DECIDE_RUN);
    world_fini(&world);
}

/* The same when its bytes are nowhere, and those of its own producer too. */
static void settling_reopens_a_chain(void **state)
{
    static const uint32_t edges[][2] = {{0, 1}, {1, 3}, {2, 3}};
    struct fake_world world;
    struct inst_id ready[4];
    const struct inst_id *reopened;
    uint32_t count;

    (void)state;
    world_init(&world, 4, edges, 3, 3);
    world.verdict[2] = DECIDE_MISS;
    world.bytes[0] = DECIDE_BYTES_NOWHERE;
    world.bytes[1] = DECIDE_BYTES_NOWHERE;
    decide_plan(&world.decide);
    assert_int_equal(decide_ended(&world.decide, (struct inst_id){2}, true, ready), 1);
    world.verdict[3] = DECIDE_MISS;
    assert_int_equal(decide_settle(&world.decide, (struct inst_id){3}, &reopened, &count),
                     DECIDE_WAIT);
    assert_int_equal(count, 2);
    assert_int_equal(world.decide.action[0], DECIDE_RUN);
    assert_int_equal(world.decide.action[1], DECIDE_RUN);
    assert_int_equal(world.decide.waiting[0], 0);
    assert_int_equal(world.decide.waiting[1], 1);
    assert_int_equal(world.decide.waiting[3], 1);
    world_fini(&world);
}

static void a_changed_producer_makes_consumers_stale(void **state)
{
    struct fake_world world;
    struct inst_id ready[4];

    (void)state;
    world_init(&world, 4, diamond, 4, UINT32_MAX);
    decide_plan(&world.decide);
    decide_reopen(&world.decide, (struct inst_id){0});
    assert_int_equal(world.decide.waiting[1], 1);
    assert_int_equal(world.decide.waiting[2], 1);
    assert_int_equal(decide_ended(&world.decide, (struct inst_id){0}, true, ready), 2);
    assert_true(world.decide.stale[1]);
    assert_true(world.decide.stale[2]);
    assert_false(world.decide.stale[3]);
    world_fini(&world);
}

static void temp_outputs_are_not_demanded_of_a_target(void **state)
{
    struct fake_world world;

    (void)state;
    world_init(&world, 3, chain, 2, UINT32_MAX);
    world.fake.plan.outputs[1].temp = true;
    world.bytes[1] = DECIDE_BYTES_NOWHERE;
    decide_plan(&world.decide);
    assert_int_equal(world.decide.action[1], DECIDE_NOTHING);
    assert_false(decide_is_demanded(&world.decide, 1));
    world_fini(&world);
}

static void skipped_and_lacking(void **state)
{
    struct fake_world world;

    (void)state;
    world_init(&world, 4, diamond, 4, UINT32_MAX);
    world.verdict[1] = DECIDE_SKIP;
    world.verdict[2] = DECIDE_LACK;
    decide_plan(&world.decide);
    assert_int_equal(world.decide.action[1], DECIDE_END_SKIPPED);
    assert_int_equal(world.decide.action[2], DECIDE_END_LACKING);
    assert_int_equal(world.decide.action[3], DECIDE_WAIT);
    assert_int_equal(world.decide.waiting[3], 2);
    world_fini(&world);
}

static void out_of_scope_is_never_asked(void **state)
{
    struct decide_facts facts;
    struct fake_world world;
    uint8_t scope[3] = {0, 0, 1};

    (void)state;
    world_init(&world, 3, chain, 2, 2);
    facts = world.decide.facts;
    decide_fini(&world.decide);
    decide_init(&world.decide, &world.fake.plan, &facts, scope, scope);
    world.verdict[2] = DECIDE_MISS;
    decide_plan(&world.decide);
    assert_int_equal(world.looked[0] + world.looked[1], 0);
    assert_int_equal(world.decide.action[2], DECIDE_RUN);
    assert_int_equal(world.decide.waiting[2], 0);
    world_fini(&world);
}

/* One that runs at the end must run, whatever those before it come to; what it reads is demanded,
 * and nothing is brought back when it is decided. */
static void always_runs_behind_whatever(void **state)
{
    struct fake_world world;

    (void)state;
    world_init(&world, 3, chain, 2, 2);
    world.fake.plan.instances[2].always = true;
    world.bytes[1] = DECIDE_BYTES_IN_STORE;
    decide_plan(&world.decide);
    assert_int_equal(world.decide.action[0], DECIDE_NOTHING);
    assert_int_equal(world.decide.action[1], DECIDE_RESTORE);
    assert_int_equal(world.decide.action[2], DECIDE_RUN);
    assert_int_equal(world.looked[2], 0);
    world.bytes[1] = DECIDE_BYTES_NOWHERE;
    world.verdict[2] = DECIDE_MISS;
    assert_int_equal(decide_settle_last(&world.decide, (struct inst_id){2}), DECIDE_RUN);
    assert_int_equal(world.decide.action[1], DECIDE_RESTORE);
    world.verdict[2] = DECIDE_SKIP;
    assert_int_equal(decide_settle_last(&world.decide, (struct inst_id){2}), DECIDE_END_SKIPPED);
    world.verdict[2] = DECIDE_LACK;
    assert_int_equal(decide_settle_last(&world.decide, (struct inst_id){2}), DECIDE_END_LACKING);
    world_fini(&world);
}

static void always_is_certain_behind_what_must_run(void **state)
{
    struct fake_world world;

    (void)state;
    world_init(&world, 3, chain, 2, UINT32_MAX);
    world.fake.plan.instances[2].always = true;
    world.verdict[0] = DECIDE_MISS;
    decide_plan(&world.decide);
    assert_int_equal(world.decide.action[1], DECIDE_WAIT);
    assert_int_equal(world.decide.action[2], DECIDE_RUN);
    world_fini(&world);
    world_init(&world, 3, chain, 2, UINT32_MAX);
    world.fake.plan.instances[2].always = true;
    world.fake.plan.instances[2].skip_reason = STR("when");
    world.verdict[2] = DECIDE_SKIP;
    decide_plan(&world.decide);
    assert_int_equal(world.decide.action[2], DECIDE_END_SKIPPED);
    world_fini(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_up_to_date),
        cmocka_unit_test(absent_in_between_is_left_alone),
        cmocka_unit_test(a_miss_demands_its_inputs),
        cmocka_unit_test(bytes_nowhere_go_backward),
        cmocka_unit_test(behind_a_miss_is_unknown),
        cmocka_unit_test(settling_reopens_a_producer),
        cmocka_unit_test(settling_reopens_a_chain),
        cmocka_unit_test(a_changed_producer_makes_consumers_stale),
        cmocka_unit_test(temp_outputs_are_not_demanded_of_a_target),
        cmocka_unit_test(skipped_and_lacking),
        cmocka_unit_test(out_of_scope_is_never_asked),
        cmocka_unit_test(always_runs_behind_whatever),
        cmocka_unit_test(always_is_certain_behind_what_must_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
