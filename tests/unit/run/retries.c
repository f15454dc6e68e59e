/* Retries and breakers in the engine, on a virtual clock: how many attempts are made, when, and
 * what holds a slot meanwhile. */
#include "simulation_world.h"

#define LASTS NS_PER_SEC /* an attempt */

enum { STARTS_MAX = 32 };

struct seen {
    int64_t start_ns; /* of the run */
    int64_t starts_ns[STARTS_MAX];
    uint32_t starts, retries, opened, closed, waits;
    uint32_t most_running, running, warned, over;
    int64_t warned_ns;
    int64_t memory_bytes[STARTS_MAX];
};

static struct seen seen;

static void see(void *ctx, const struct event *event, const struct run_state *state)
{
    world_tell(ctx, event, state);
    if (event->type == EVENT_ATTEMPT_STARTED) {
        assert_true(seen.starts < STARTS_MAX);
        seen.memory_bytes[seen.starts] = event->memory_bytes;
        seen.starts_ns[seen.starts++] = sim_now(ctx) - seen.start_ns;
    }
    if (event->type == EVENT_WARNING && str_is(event->about, "breaker")) {
        seen.warned++;
        seen.warned_ns = sim_now(ctx) - seen.start_ns;
    }
    seen.over += event->type == EVENT_WARNING_ENDED && str_is(event->about, "breaker");
    seen.retries += event->type == EVENT_RETRY;
    seen.opened += event->type == EVENT_BREAKER_OPENED;
    seen.closed += event->type == EVENT_BREAKER_CLOSED;
    seen.waits += event->type == EVENT_INSTANCE_WAITING;
    seen.running = state->counts[INST_RUNNING];
    seen.most_running = seen.running > seen.most_running ? seen.running : seen.most_running;
}

/* Runs `count` instances that do not need each other, each of which lasts a second, and whose
 * attempts end as `script` says. */
static int run(struct world *world, uint32_t count, const enum cause *script, uint32_t jobs)
{
    struct sim *sim = &world->sim;
    struct engine_world engine = world_engine(world);
    struct event first = {.instances = count, .pid = 1, .limit = jobs};
    struct decide decide;
    struct err err = {0};
    int status;

    memset(&seen, 0, sizeof(seen));
    seen.start_ns = sim_now(sim);
    world->signal_at_ns = world->ask_at_ns = INT64_MAX;
    world->script = script;
    world->options = (struct engine_options){.jobs = jobs,
                                             .keep_going = true,
                                             .no_retry = world->options.no_retry,
                                             .breakers = world->breakers,
                                             .duration_ns = world->duration_ns};
    sim_open(sim);
    recorder_watch(&sim->recorder, &(struct observer){.ctx = world, .tell = see});
    sim_decide(sim, &engine, &decide);
    assert_true(recorder_begin(&sim->recorder, &first, NULL, &err));
    status = sim_run(sim, &decide, &engine, &world->options, &err);
    check_record(world);
    sim_close(sim);
    return status;
}

static struct temp_folder folder;
static struct world *world;

static void make(uint32_t count, const struct plan_retry *retry)
{
    struct plan_fake *fake;

    world = mem_calloc(1, sizeof(*world));
    fake = &world->sim.fake;
    world->count = count;
    world->calm = true;
    world->sim.random = 1;
    sim_init(&world->sim, count, NULL, 0);
    fake->plan.retry_count = 2;
    fake->retries[1] = *retry;
    for (uint32_t i = 0; i < count; i++) {
        world->jobs[i] = (struct job){.duration_ns = LASTS, .source = mix(i, 0)};
        fake->plan.instances[i].retry = 1;
        fake->plan.instances[i].grace_ns = NS_PER_SEC;
    }
}

static int set_up(void **state)
{
    (void)state;
    temp_folder_in(&folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NULL);
    return fchdir(folder.fd);
}

static int tear_down(void **state)
{
    (void)state;
    sim_fini(&world->sim);
    free(world);
    if (chdir("/") == 0) {
        temp_folder_remove(&folder);
    }
    return 0;
}

static const struct plan_retry doubling = {.max = 3,
                                           .backoff = RETRY_EXPONENTIAL,
                                           .delay_ns = 2 * NS_PER_SEC,
                                           .max_delay_ns = 60 * NS_PER_SEC,
                                           .on = RETRY_ON_EXIT | RETRY_ON_OOM};

static void fails_twice_then_succeeds(void **state)
{
    static const enum cause script[] = {CAUSE_EXIT, CAUSE_EXIT, CAUSE_NONE};

    (void)state;
    make(1, &doubling);
    assert_int_equal(run(world, 1, script, 1), STATUS_OK);
    assert_int_equal(seen.starts, 3);
    assert_int_equal(seen.retries, 2);
}

/* Four attempts with max = 3; between them 2, 4 and 8 seconds. */
static void waits_longer_each_time(void **state)
{
    static const enum cause script[] = {CAUSE_EXIT, CAUSE_EXIT, CAUSE_EXIT, CAUSE_EXIT};

    (void)state;
    make(1, &doubling);
    assert_int_equal(run(world, 1, script, 1), STATUS_STAGE_FAILED);
    assert_int_equal(seen.starts, 4);
    for (uint32_t i = 1; i < 4; i++) {
        int64_t delay_ns = seen.starts_ns[i] - seen.starts_ns[i - 1] - LASTS;

        assert_int_equal(delay_ns, (2 << (i - 1)) * NS_PER_SEC);
    }
}

static void other_causes_are_final(void **state)
{
    static const enum cause script[] = {CAUSE_OUTPUT};

    (void)state;
    make(1, &doubling);
    assert_int_equal(run(world, 1, script, 1), STATUS_STAGE_FAILED);
    assert_int_equal(seen.starts, 1);
}

static void none_without_retries(void **state)
{
    static const enum cause script[] = {CAUSE_EXIT};

    (void)state;
    make(1, &doubling);
    world->options.no_retry = true;
    assert_int_equal(run(world, 1, script, 1), STATUS_STAGE_FAILED);
    assert_int_equal(seen.starts, 1);
}

/* With one slot the second starts while the first waits. */
static void waiting_holds_no_slot(void **state)
{
    static const enum cause script[] = {CAUSE_EXIT, CAUSE_NONE, CAUSE_NONE};
    struct plan_retry slow = doubling;

    (void)state;
    slow.delay_ns = 60 * NS_PER_SEC;
    make(2, &slow);
    assert_int_equal(run(world, 2, script, 1), STATUS_OK);
    assert_int_equal(seen.starts, 3);
    assert_int_equal(seen.starts_ns[1], LASTS);
    assert_int_equal(seen.starts_ns[2], LASTS + 60 * NS_PER_SEC);
}

static void more_memory_after_a_kill_for_want_of_it(void **state)
{
    static const enum cause script[] = {CAUSE_OOM, CAUSE_OOM, CAUSE_EXIT, CAUSE_NONE};

    (void)state;
    make(1, &doubling);
    world->sim.fake.plan.instances[0].memory_bytes = 1000;
    assert_int_equal(run(world, 1, script, 1), STATUS_OK);
    assert_int_equal(seen.memory_bytes[0], 1000);
    assert_int_equal(seen.memory_bytes[1], 2000);
    assert_int_equal(seen.memory_bytes[2], 4000);
    assert_int_equal(seen.memory_bytes[3], 4000);
}

/* --- breakers --- */

static void make_breaker(uint32_t count, bool fails)
{
    struct plan_fake *fake;

    make(count, &(struct plan_retry){0});
    fake = &world->sim.fake;
    fake->plan.breaker_count = 1;
    fake->breakers[0] = (struct plan_breaker){.name = STR("api"),
                                              .failure_ratio = 1,
                                              .min_calls = 2,
                                              .window_ns = 60 * NS_PER_SEC,
                                              .open_for_ns = 30 * NS_PER_SEC,
                                              .fails_when_open = fails};
    breaker_init(&world->breakers[0], &fake->breakers[0]);
    for (uint32_t i = 0; i < count; i++) {
        fake->plan.instances[i].retry = 0;
        fake->plan.instances[i].breaker = 1;
    }
}

/* Two fail, four wait; the probe is one, alone; then all. */
static void waits_until_the_probe_went_well(void **state)
{
    static const enum cause script[] = {CAUSE_EXIT, CAUSE_EXIT, CAUSE_NONE,
                                        CAUSE_NONE, CAUSE_NONE, CAUSE_NONE};

    (void)state;
    make_breaker(6, false);
    assert_int_equal(run(world, 6, script, 2), STATUS_STAGE_FAILED);
    assert_int_equal(seen.starts, 6);
    assert_int_equal(seen.opened, 1);
    assert_int_equal(seen.closed, 1);
    assert_int_equal(seen.starts_ns[2], LASTS + 30 * NS_PER_SEC);
    assert_int_equal(seen.starts_ns[3], 2 * LASTS + 30 * NS_PER_SEC);
    assert_int_equal(seen.starts_ns[5], 3 * LASTS + 30 * NS_PER_SEC);
    breaker_fini(&world->breakers[0]);
}

/* Opens after a second, and again after each of four probes: warned of once, two minutes later. */
static void stays_open_and_is_warned_of(void **state)
{
    static const enum cause script[] = {CAUSE_EXIT, CAUSE_EXIT, CAUSE_EXIT, CAUSE_EXIT,
                                        CAUSE_EXIT, CAUSE_EXIT, CAUSE_NONE, CAUSE_NONE};

    (void)state;
    make_breaker(8, false);
    assert_int_equal(run(world, 8, script, 2), STATUS_STAGE_FAILED);
    assert_int_equal(seen.starts, 8);
    assert_int_equal(seen.opened, 5);
    assert_int_equal(seen.warned, 1);
    assert_int_equal(seen.warned_ns, LASTS + 120 * NS_PER_SEC);
    assert_int_equal(seen.over, 1);
    breaker_fini(&world->breakers[0]);
}

static void fails_at_once(void **state)
{
    static const enum cause script[] = {CAUSE_EXIT, CAUSE_EXIT};

    (void)state;
    make_breaker(6, true);
    assert_int_equal(run(world, 6, script, 2), STATUS_STAGE_FAILED);
    assert_int_equal(seen.starts, 2);
    breaker_fini(&world->breakers[0]);
}

/* Nothing ran, and nothing was wrong with what would have run: try later. */
static void open_from_an_earlier_run(void **state)
{
    (void)state;
    make_breaker(3, true);
    breaker_set(&world->breakers[0], BREAKER_OPEN, world->sim.virtual_clock.real_ns);
    assert_int_equal(run(world, 3, NULL, 2), STATUS_TRANSIENT);
    assert_int_equal(seen.starts, 0);
    breaker_fini(&world->breakers[0]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(fails_twice_then_succeeds),       TEST(waits_longer_each_time),
        TEST(other_causes_are_final),          TEST(none_without_retries),
        TEST(waiting_holds_no_slot),           TEST(more_memory_after_a_kill_for_want_of_it),
        TEST(waits_until_the_probe_went_well), TEST(fails_at_once),
        TEST(open_from_an_earlier_run),        TEST(stays_open_and_is_warned_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
