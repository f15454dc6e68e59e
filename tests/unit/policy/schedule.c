/* Order of starting and room. */
#include "policy/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan_fake.h"

static struct inst_id id(uint32_t n)
{
    return (struct inst_id){n};
}

static void admit(struct schedule *schedule, uint32_t expected)
{
    struct inst_id instance = {PLAN_NONE};

    assert_int_equal(schedule_next(schedule, &instance), SCHEDULE_ADMITTED);
    assert_int_equal(instance.n, expected);
}

static void longest_critical_path_first(void **state)
{
    static const uint32_t edges[][2] = {{1, 3}};
    static const int64_t durations[] = {50, 10, 60, 100};
    struct plan_fake fake;
    struct schedule schedule;
    struct inst_id none;

    (void)state;
    plan_fake_init(&fake, 4, edges, 1);
    schedule_init(&schedule, &fake.plan, durations, 8, 0);
    schedule_push(&schedule, id(0));
    schedule_push(&schedule, id(1));
    schedule_push(&schedule, id(2));
    admit(&schedule, 1); /* 10 + 100 behind it */
    admit(&schedule, 2);
    admit(&schedule, 0);
    assert_int_equal(schedule_next(&schedule, &none), SCHEDULE_NONE_READY);
    schedule_fini(&schedule);
    plan_fake_fini(&fake);
}

static void priority_goes_before_path(void **state)
{
    static const int64_t durations[] = {1000, 1, 1};
    struct plan_fake fake;
    struct schedule schedule;

    (void)state;
    plan_fake_init(&fake, 3, NULL, 0);
    fake.plan.instances[2].priority = 5;
    schedule_init(&schedule, &fake.plan, durations, 8, 0);
    for (uint32_t i = 0; i < 3; i++) {
        schedule_push(&schedule, id(i));
    }
    admit(&schedule, 2);
    admit(&schedule, 0);
    admit(&schedule, 1);
    schedule_fini(&schedule);
    plan_fake_fini(&fake);
}

static void ties_in_order_of_the_plan(void **state)
{
    static const int64_t durations[64] = {0};
    struct plan_fake fake;
    struct schedule schedule;

    (void)state;
    plan_fake_init(&fake, 64, NULL, 0);
    schedule_init(&schedule, &fake.plan, durations, 64, 0);
    for (uint32_t i = 64; i-- > 0;) {
        schedule_push(&schedule, id(i));
    }
    for (uint32_t i = 0; i < 64; i++) {
        admit(&schedule, i);
    }
    schedule_fini(&schedule);
    plan_fake_fini(&fake);
}

static void slots_and_all_of_them(void **state)
{
    static const int64_t durations[4] = {4, 3, 2, 1};
    struct plan_fake fake;
    struct schedule schedule;
    struct inst_id next;

    (void)state;
    plan_fake_init(&fake, 4, NULL, 0);
    fake.plan.instances[1].cpu = 2;
    fake.plan.instances[2].cpu = PLAN_CPU_ALL;
    schedule_init(&schedule, &fake.plan, durations, 2, 0);
    for (uint32_t i = 0; i < 4; i++) {
        schedule_push(&schedule, id(i));
    }
    admit(&schedule, 0);
    /* 1 needs both slots: nothing smaller passes it. */
    assert_int_equal(schedule_next(&schedule, &next), SCHEDULE_NO_SLOT);
    schedule_release(&schedule, id(0));
    admit(&schedule, 1);
    assert_int_equal(schedule_next(&schedule, &next), SCHEDULE_NO_SLOT);
    schedule_release(&schedule, id(1));
    admit(&schedule, 2);
    assert_int_equal(schedule_next(&schedule, &next), SCHEDULE_NO_SLOT);
    schedule_release(&schedule, id(2));
    admit(&schedule, 3);
    schedule_release(&schedule, id(3));
    assert_int_equal(schedule.slots_taken, 0);
    assert_int_equal(schedule.running, 0);
    schedule_fini(&schedule);
    plan_fake_fini(&fake);
}

static void memory_is_a_limit_unless_nothing_runs(void **state)
{
    static const int64_t durations[3] = {3, 2, 1};
    struct plan_fake fake;
    struct schedule schedule;
    struct inst_id next;

    (void)state;
    plan_fake_init(&fake, 3, NULL, 0);
    fake.plan.instances[0].memory_bytes = 5000; /* more than there is */
    fake.plan.instances[1].memory_bytes = 600;
    fake.plan.instances[2].memory_bytes = 600;
    schedule_init(&schedule, &fake.plan, durations, 8, 1000);
    for (uint32_t i = 0; i < 3; i++) {
        schedule_push(&schedule, id(i));
    }
    admit(&schedule, 0);
    assert_int_equal(schedule_next(&schedule, &next), SCHEDULE_NO_MEMORY);
    schedule_release(&schedule, id(0));
    admit(&schedule, 1);
    assert_int_equal(schedule_next(&schedule, &next), SCHEDULE_NO_MEMORY);
    schedule_release(&schedule, id(1));
    admit(&schedule, 2);
    schedule_fini(&schedule);
    plan_fake_fini(&fake);
}

static void a_full_pool_lets_others_pass(void **state)
{
    static const int64_t durations[4] = {9, 8, 2, 1};
    struct plan_fake fake;
    struct schedule schedule;
    struct inst_id next;

    (void)state;
    plan_fake_init(&fake, 4, NULL, 0);
    fake.slots[1] = 1;
    for (uint32_t i = 0; i < 2; i++) {
        fake.plan.pool_uses[i] = (struct plan_pool_use){1, 1};
        fake.plan.instances[i].pools_first = i;
        fake.plan.instances[i].pool_count = 1;
    }
    schedule_init(&schedule, &fake.plan, durations, 8, 0);
    for (uint32_t i = 0; i < 3; i++) {
        schedule_push(&schedule, id(i));
    }
    admit(&schedule, 0);
    admit(&schedule, 2);
    assert_int_equal(schedule_next(&schedule, &next), SCHEDULE_NO_POOL);
    schedule_release(&schedule, id(0));
    admit(&schedule, 1);
    schedule_fini(&schedule);
    plan_fake_fini(&fake);
}

static void removing_keeps_the_order(void **state)
{
    static const int64_t durations[8] = {1, 8, 3, 6, 5, 4, 7, 2};
    struct plan_fake fake;
    struct schedule schedule;

    (void)state;
    plan_fake_init(&fake, 8, NULL, 0);
    schedule_init(&schedule, &fake.plan, durations, 8, 0);
    for (uint32_t i = 0; i < 8; i++) {
        schedule_push(&schedule, id(i));
    }
    assert_true(schedule_remove(&schedule, id(1)));
    assert_false(schedule_remove(&schedule, id(1)));
    assert_true(schedule_remove(&schedule, id(4)));
    admit(&schedule, 6);
    admit(&schedule, 3);
    admit(&schedule, 5);
    admit(&schedule, 2);
    admit(&schedule, 7);
    admit(&schedule, 0);
    assert_int_equal(schedule.ready, 0);
    schedule_fini(&schedule);
    plan_fake_fini(&fake);
}

/* What runs keeps what it was given, whatever the limit is when it ends. */
static void a_limit_that_moves(void **state)
{
    static const int64_t durations[6] = {6, 5, 4, 3, 2, 1};
    struct plan_fake fake;
    struct schedule schedule;
    struct inst_id next;

    (void)state;
    plan_fake_init(&fake, 6, NULL, 0);
    fake.plan.instances[0].cpu = 2;
    fake.plan.instances[3].cpu = PLAN_CPU_ALL;
    schedule_init(&schedule, &fake.plan, durations, 2, 0);
    for (uint32_t i = 0; i < 6; i++) {
        schedule_push(&schedule, id(i));
    }
    admit(&schedule, 0);
    assert_true(schedule_waits_for_slot(&schedule));
    schedule.memory_stopped = true;
    assert_false(schedule_waits_for_slot(&schedule)); /* a slot alone would not help */
    schedule.memory_stopped = false;
    schedule.limit = 4;
    assert_false(schedule_waits_for_slot(&schedule));
    admit(&schedule, 1);
    schedule.limit = 1;
    assert_int_equal(schedule.slots_taken, 3);
    assert_int_equal(schedule_next(&schedule, &next), SCHEDULE_NO_SLOT);
    schedule_release(&schedule, id(0));
    assert_int_equal(schedule.slots_taken, 1);
    assert_int_equal(schedule_next(&schedule, &next), SCHEDULE_NO_SLOT);
    schedule.limit = 8;
    admit(&schedule, 2);
    /* All means the processors, and nothing beside it; more slots do not help it. */
    assert_int_equal(schedule_slots(&schedule, id(3)), 2);
    assert_int_equal(schedule_next(&schedule, &next), SCHEDULE_NO_SLOT);
    assert_false(schedule_waits_for_slot(&schedule));
    schedule_release(&schedule, id(1));
    schedule_release(&schedule, id(2));
    admit(&schedule, 3);
    schedule.limit = 1;
    assert_int_equal(schedule_next(&schedule, &next), SCHEDULE_NO_SLOT);
    schedule_release(&schedule, id(3));
    admit(&schedule, 4);
    schedule_release(&schedule, id(4));
    assert_int_equal(schedule.slots_taken, 0);
    schedule_fini(&schedule);
    plan_fake_fini(&fake);
}

static void memory_is_declared_or_learned(void **state)
{
    static const int64_t durations[4] = {4, 3, 2, 1};
    static const uint64_t peaks[4] = {1000, 500, 0, 0};
    struct plan_fake fake;
    struct schedule schedule;

    (void)state;
    plan_fake_init(&fake, 4, NULL, 0);
    fake.plan.stage_count = 2;
    fake.plan.instances[0].memory_bytes = 70;
    fake.plan.instances[3].stage.n = 1;
    schedule_init(&schedule, &fake.plan, durations, 8, 0);
    assert_int_equal(schedule_memory(&schedule, id(1)), 0);
    schedule_learn(&schedule, peaks);
    assert_int_equal(schedule_memory(&schedule, id(0)), 70);
    assert_int_equal(schedule_memory(&schedule, id(1)), 550);
    assert_int_equal(schedule_memory(&schedule, id(2)), 1100); /* the largest of its stage */
    assert_int_equal(schedule_memory(&schedule, id(3)), 0);
    schedule_saw_peak(&schedule, id(3), 200);
    schedule_saw_peak(&schedule, id(3), 100);
    assert_int_equal(schedule_memory(&schedule, id(3)), 220);
    schedule_fini(&schedule);
    plan_fake_fini(&fake);
}

static void memory_beside_what_runs(void **state)
{
    static const int64_t durations[4] = {4, 3, 2, 1};
    static const uint64_t peaks[4] = {300, 300, 300, 0};
    struct plan_fake fake;
    struct schedule schedule;
    struct inst_id next;

    (void)state;
    plan_fake_init(&fake, 4, NULL, 0);
    fake.plan.stage_count = 2;
    fake.plan.instances[3].stage.n = 1;
    schedule_init(&schedule, &fake.plan, durations, 8, 1000);
    schedule_learn(&schedule, peaks);
    for (uint32_t i = 0; i < 4; i++) {
        schedule_push(&schedule, id(i));
    }
    schedule.memory_stopped = true;
    schedule.memory_base_bytes = 5000;
    admit(&schedule, 0); /* nothing runs */
    assert_int_equal(schedule_next(&schedule, &next), SCHEDULE_NO_MEMORY);
    schedule.memory_base_bytes = 341;
    schedule.memory_stopped = false;
    assert_int_equal(schedule_next(&schedule, &next), SCHEDULE_NO_MEMORY); /* 341 + 330 + 330 */
    assert_false(schedule_waits_for_slot(&schedule));
    schedule.memory_base_bytes = 340;
    admit(&schedule, 1);
    assert_int_equal(schedule_next(&schedule, &next), SCHEDULE_NO_MEMORY);
    schedule_release(&schedule, id(0));
    admit(&schedule, 2);
    admit(&schedule, 3); /* of which nothing is known */
    schedule_release(&schedule, id(1));
    schedule_release(&schedule, id(2));
    schedule_release(&schedule, id(3));
    assert_int_equal(schedule.memory_taken_bytes, 0);
    schedule_fini(&schedule);
    plan_fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(longest_critical_path_first),
        cmocka_unit_test(priority_goes_before_path),
        cmocka_unit_test(ties_in_order_of_the_plan),
        cmocka_unit_test(slots_and_all_of_them),
        cmocka_unit_test(memory_is_a_limit_unless_nothing_runs),
        cmocka_unit_test(a_full_pool_lets_others_pass),
        cmocka_unit_test(removing_keeps_the_order),
        cmocka_unit_test(a_limit_that_moves),
        cmocka_unit_test(memory_is_declared_or_learned),
        cmocka_unit_test(memory_beside_what_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
