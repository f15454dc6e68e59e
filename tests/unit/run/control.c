/* Requests to a run in the engine, on a virtual clock: what is decided, what a pause does to
 * attempts, and that time that stands still counts for nothing. */
#include "simulation_world.h"

enum { ASKS_MAX = 8, STARTS_MAX = 16 };

struct asks {
    int64_t at_s; /* of the run */
    enum control_ask ask;
    bool now;
};

static const enum cause well[STARTS_MAX]; /* CAUSE_NONE, all of them */
static struct temp_folder folder;
static struct world *world;
static const struct asks *asks;
static uint32_t asks_next;
static enum control_verdict verdicts[ASKS_MAX];
static uint32_t starts, paused;
static int64_t begin_ns, starts_ns[STARTS_MAX];

static void see(void *ctx, const struct event *event, const struct run_state *state)
{
    world_tell(ctx, event, state);
    if (event->type == EVENT_ATTEMPT_STARTED) {
        assert_true(starts < STARTS_MAX);
        starts_ns[starts++] = sim_now(ctx) - begin_ns;
    }
    paused += event->type == EVENT_RUN_PAUSED;
}

static bool wait_asks(void *ctx, int64_t deadline_ns, struct err *err)
{
    const struct asks *next = &asks[asks_next];
    int64_t at_ns = begin_ns + next->at_s * NS_PER_SEC;

    if (next->ask == CONTROL_ASK_COUNT || sim_has_note(ctx) ||
        at_ns > world_next(ctx, deadline_ns)) {
        return world_wait(ctx, deadline_ns, err);
    }
    check_pause(ctx);
    clock_virtual_advance(&world->sim.virtual_clock, at_ns - sim_now(ctx));
    sim_note(ctx, (struct note){.kind = NOTE_ASKED,
                                .ask = next->ask,
                                .now = next->now,
                                .ticket = asks_next++,
                                .event = {.user = STR("somebody")}});
    return true;
}

static void take_answer(void *ctx, const struct engine_answer *answer)
{
    (void)ctx;
    verdicts[answer->ticket] = answer->verdict;
}

/* Runs what `make` made while somebody asks; the last of `script` has ask CONTROL_ASK_COUNT. */
static int run(const struct asks *script, int64_t timeout_ns)
{
    struct sim *sim = &world->sim;
    struct engine_world engine = world_engine(world);
    struct event first = {.instances = world->count, .pid = 1, .limit = 1};
    struct decide decide;
    struct err err = {0};
    int status;

    asks = script;
    asks_next = starts = paused = 0;
    begin_ns = sim_now(sim);
    engine.wait = wait_asks;
    engine.answer = take_answer;
    world->options = (struct engine_options){
        .jobs = 1, .duration_ns = world->duration_ns, .timeout_ns = timeout_ns};
    sim_open(sim);
    recorder_watch(&sim->recorder, &(struct observer){.ctx = world, .tell = see});
    sim_decide(sim, &engine, &decide);
    assert_true(recorder_begin(&sim->recorder, &first, NULL, &err));
    status = sim_run(sim, &decide, &engine, &world->options, &err);
    assert_true(recorder_flush(&sim->recorder, &err));
    check_record(world);
    assert_int_equal(asks[asks_next].ask, CONTROL_ASK_COUNT);
    sim_close(sim);
    return status;
}

/* `count` instances that do not need each other, one at a time, each of which lasts so long. */
static void make(uint32_t count, int64_t lasts_s, enum plan_on_pause on_pause)
{
    struct plan_fake *fake;

    world = mem_calloc(1, sizeof(*world));
    fake = &world->sim.fake;
    world->count = count;
    world->calm = true;
    world->script = well;
    world->sim.random = 1;
    world->signal_at_ns = world->ask_at_ns = INT64_MAX;
    sim_init(&world->sim, count, NULL, 0);
    for (uint32_t i = 0; i < count; i++) {
        world->jobs[i] = (struct job){.duration_ns = lasts_s * NS_PER_SEC, .source = mix(i, 0)};
        fake->plan.instances[i].grace_ns = NS_PER_SEC;
        fake->plan.instances[i].on_pause = (uint8_t)on_pause;
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

#define DONE                                                                                       \
    {                                                                                              \
        .ask = CONTROL_ASK_COUNT                                                                   \
    }

static void what_runs_is_let_end(void **state)
{
    static const struct asks script[] = {
        {1, CONTROL_PAUSE, false}, {500, CONTROL_RESUME, false}, DONE};

    (void)state;
    make(2, 2, PLAN_ON_PAUSE_FINISH);
    assert_int_equal(run(script, 0), STATUS_OK);
    assert_int_equal(starts, 2);
    assert_int_equal(paused, 1);
    assert_int_equal(starts_ns[1], 500 * NS_PER_SEC);
}

static void what_is_stopped_is_made_again(void **state)
{
    static const struct asks script[] = {
        {1, CONTROL_PAUSE, false}, {500, CONTROL_RESUME, false}, DONE};

    (void)state;
    make(1, 2, PLAN_ON_PAUSE_STOP);
    assert_int_equal(run(script, 0), STATUS_OK);
    assert_int_equal(starts, 2);
    assert_int_equal(starts_ns[1], 500 * NS_PER_SEC);
}

/* It lasts three seconds and may last four. */
static void frozen_time_counts_for_no_timeout(void **state)
{
    static const struct asks script[] = {{1, CONTROL_PAUSE, false},
                                         {1001, CONTROL_RESUME, false},
                                         {1002, CONTROL_PAUSE, true},
                                         {9000, CONTROL_RESUME, false},
                                         DONE};

    (void)state;
    make(1, 3, PLAN_ON_PAUSE_FREEZE);
    world->sim.fake.plan.instances[0].timeout_ns = 4 * NS_PER_SEC;
    assert_int_equal(run(script, 0), STATUS_OK);
    assert_int_equal(starts, 1);
    assert_int_equal(paused, 2);
    assert_int_equal(sim_now(world) - begin_ns, 9001 * NS_PER_SEC);
}

static void what_is_too_slow_still_times_out(void **state)
{
    static const struct asks script[] = {
        {1, CONTROL_PAUSE, false}, {1001, CONTROL_RESUME, false}, DONE};

    (void)state;
    make(1, 60, PLAN_ON_PAUSE_FREEZE);
    world->sim.fake.plan.instances[0].timeout_ns = 4 * NS_PER_SEC;
    assert_int_equal(run(script, 0), STATUS_TIMEOUT);
    assert_int_equal(sim_now(world) - begin_ns, 1004 * NS_PER_SEC);
}

/* Five seconds of work, of which the run may take six. */
static void paused_time_counts_for_no_timeout_of_the_run(void **state)
{
    static const struct asks script[] = {
        {1, CONTROL_PAUSE, false}, {500, CONTROL_RESUME, false}, DONE};

    (void)state;
    make(5, 1, PLAN_ON_PAUSE_FINISH);
    assert_int_equal(run(script, 6 * NS_PER_SEC), STATUS_OK);
    assert_int_equal(starts_ns[4], 503 * NS_PER_SEC);
}

/* It fails after a second, and would be made again ten seconds later. */
static void paused_time_counts_for_no_retry_delay(void **state)
{
    static const enum cause script[] = {CAUSE_EXIT, CAUSE_NONE};
    static const struct asks pause[] = {
        {3, CONTROL_PAUSE, false}, {500, CONTROL_RESUME, false}, DONE};

    (void)state;
    make(1, 1, PLAN_ON_PAUSE_FINISH);
    world->script = script;
    world->sim.fake.plan.retry_count = 2;
    world->sim.fake.retries[1] = (struct plan_retry){.max = 1,
                                                     .backoff = RETRY_CONSTANT,
                                                     .delay_ns = 10 * NS_PER_SEC,
                                                     .max_delay_ns = 10 * NS_PER_SEC,
                                                     .on = RETRY_ON_EXIT};
    world->sim.fake.plan.instances[0].retry = 1;
    assert_int_equal(run(pause, 0), STATUS_OK);
    assert_int_equal(paused, 1);
    assert_int_equal(starts_ns[1], (1 + 10 + 497) * NS_PER_SEC);
}

static void a_frozen_attempt_is_cancelled(void **state)
{
    static const struct asks script[] = {
        {1, CONTROL_PAUSE, true}, {500, CONTROL_CANCEL, false}, DONE};

    (void)state;
    make(2, 60, PLAN_ON_PAUSE_FINISH);
    assert_int_equal(run(script, 0), STATUS_CANCELLED);
    assert_int_equal(starts, 1);
    assert_int_equal(sim_now(world) - begin_ns, 500 * NS_PER_SEC);
}

static void who_comes_second_finds_it_so(void **state)
{
    static const struct asks script[] = {{1, CONTROL_PAUSE, false},   {1, CONTROL_PAUSE, false},
                                         {9, CONTROL_PAUSE, true},    {10, CONTROL_RESUME, false},
                                         {10, CONTROL_RESUME, false}, {11, CONTROL_CANCEL, false},
                                         {11, CONTROL_CANCEL, false}, DONE};
    static const enum control_verdict wanted[] = {CONTROL_DO,   CONTROL_IS_SO, CONTROL_IS_SO,
                                                  CONTROL_DO,   CONTROL_IS_SO, CONTROL_DO,
                                                  CONTROL_IS_SO};

    (void)state;
    make(9, 3, PLAN_ON_PAUSE_FINISH);
    assert_int_equal(run(script, 0), STATUS_CANCELLED);
    assert_memory_equal(verdicts, wanted, sizeof(wanted));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_runs_is_let_end),
        TEST(what_is_stopped_is_made_again),
        TEST(frozen_time_counts_for_no_timeout),
        TEST(what_is_too_slow_still_times_out),
        TEST(paused_time_counts_for_no_timeout_of_the_run),
        TEST(paused_time_counts_for_no_retry_delay),
        TEST(a_frozen_attempt_is_cancelled),
        TEST(who_comes_second_finds_it_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
