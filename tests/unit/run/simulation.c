/* The engine, its policy and its record with a simulator in place of the kernel: random plans,
 * outcomes and loads on a virtual clock; processes that die at any moment and others that go on
 * from the record. Whatever the seed: nothing starts before its producers ended well and their
 * bytes are there, nothing that is on record and to be had is made again, no limit is exceeded at
 * any moment, nothing runs while it is paused and such time counts for nothing, the record read
 * again is the state that was live, every run ends, and once the world is calm all is done.
 *
 *     PAWL_SIM_SEEDS=5000     so many seeds
 *     PAWL_SIM_SEED=17        this one alone
 */
#include "simulation_world.h"

enum { SIM_SEEDS = 300, SIM_ROUNDS = 8 };

/* --- a random world --- */

static void world_make_graph(struct world *world)
{
    uint32_t edges[SIM_MAX * 3][2];
    uint32_t edge_count = 0;

    world->count = 2 + sim_random(&world->sim, SIM_MAX - 2);
    for (uint32_t i = 1; i < world->count; i++) {
        uint32_t last = UINT32_MAX;

        for (uint32_t wanted = sim_random(&world->sim, 4); wanted > 0; wanted--) {
            uint32_t from = sim_random(&world->sim, i);

            if (last == UINT32_MAX || from > last) {
                edges[edge_count][0] = last = from;
                edges[edge_count++][1] = i;
            }
        }
    }
    sim_init(&world->sim, world->count, (const uint32_t(*)[2])edges, edge_count);
}

static void world_make_instance(struct world *world, uint32_t number)
{
    struct sim *sim = &world->sim;
    struct plan_instance *inst = &sim->fake.plan.instances[number];
    struct plan_output *output = &sim->fake.plan.outputs[number];
    struct job *job = &world->jobs[number];

    inst->grace_ns = NS_PER_SEC;
    inst->cpu = (uint16_t)(sim_chance(sim, 10) ? PLAN_CPU_ALL : 1 + sim_random(sim, 2));
    inst->tty = sim_chance(sim, 20);
    inst->ignore_failure = sim_chance(sim, 6);
    inst->no_cache = sim_chance(sim, 12);
    inst->last_only = sim_chance(sim, 8);
    inst->skip_reason = sim_chance(sim, 15) ? STR("when") : STR("");
    inst->priority = (int32_t)sim_random(sim, 3);
    inst->memory_bytes = sim_chance(sim, 2) ? sim_random(sim, SIM_MEMORY) : 0;
    inst->timeout_ns = sim_chance(sim, 12) ? NS_PER_SEC : 0;
    output->temp = sim_chance(sim, 5);
    output->store = !sim_chance(sim, 5);
    if (sim_chance(sim, 3)) {
        sim->fake.plan.pool_uses[number] =
            (struct plan_pool_use){sim_random(sim, SIM_POOLS), 1 + sim_random(sim, 2)};
        inst->pools_first = number;
        inst->pool_count = 1;
    }
    *job = (struct job){.duration_ns = 1 + (int64_t)sim_random(sim, 5000) * NS_PER_MS,
                        .tolerates = sim_chance(sim, 2),
                        .coarse = sim_chance(sim, 5),
                        .moody = sim_chance(sim, 6),
                        .source = mix(number, 0)};
    world->duration_ns[number] = sim_chance(sim, 2) ? job->duration_ns : 0;
}

static uint32_t roll(uint64_t seed, uint32_t number, uint32_t below)
{
    return (uint32_t)(mix(seed, number) >> 8) % below;
}

/* Of its own numbers, in every third world. */
static void world_make_retries(struct world *world, uint64_t seed)
{
    struct plan_fake *fake = &world->sim.fake;

    fake->plan.retry_count = SIM_RETRIES + 1;
    for (uint32_t i = 1; i <= SIM_RETRIES; i++) {
        fake->retries[i] =
            (struct plan_retry){.max = roll(seed, i, 4),
                                .backoff = (enum retry_backoff)(roll(seed, i + 10, 3)),
                                .delay_ns = roll(seed, i + 20, 3) * NS_PER_SEC,
                                .max_delay_ns = 3 * NS_PER_SEC,
                                .on = RETRY_ON_EXIT | roll(seed, i + 40, 16)};
    }
    for (uint32_t i = 0; i < SIM_BREAKERS; i++) {
        fake->breakers[i] =
            (struct plan_breaker){.name = STR("b"),
                                  .failure_ratio = 0.25 * (double)(1 + roll(seed, i + 50, 4)),
                                  .min_calls = 1 + roll(seed, i + 60, 3),
                                  .window_ns = 20 * NS_PER_SEC,
                                  .open_for_ns = (1 + roll(seed, i + 70, 9)) * NS_PER_SEC,
                                  .fails_when_open = roll(seed, i + 80, 4) == 0};
        breaker_init(&world->kept_breakers[i], &fake->breakers[i]);
    }
    if (seed % 3 != 1) {
        return;
    }
    fake->plan.breaker_count = SIM_BREAKERS;
    for (uint32_t i = 0; i < world->count; i++) {
        struct plan_instance *inst = &fake->plan.instances[i];

        inst->retry = roll(seed, i + 100, SIM_RETRIES + 1);
        inst->recovers = inst->retry != 0 && roll(seed, i + 300, 3) == 0;
        inst->breaker = roll(seed, i + 200, SIM_BREAKERS + 2);
        inst->breaker = inst->breaker > SIM_BREAKERS ? 0 : inst->breaker;
    }
}

static void world_open_breakers(struct world *world)
{
    for (uint32_t i = 0; i < SIM_BREAKERS; i++) {
        breaker_init(&world->breakers[i], &world->sim.fake.breakers[i]);
        breaker_set(&world->breakers[i], world->kept_breakers[i].state,
                    world->kept_breakers[i].opened_ns);
    }
    world->options.breakers = world->breakers;
}

static void world_close_breakers(struct world *world)
{
    world_breakers_moved(world);
    for (uint32_t i = 0; i < SIM_BREAKERS; i++) {
        breaker_fini(&world->breakers[i]);
    }
}

/* In every other world some act outside. */
static void world_make_effects(struct world *world, uint64_t seed)
{
    world->acts_outside = seed % 2 == 0;
    world->effect_numbers = seed;
    for (uint32_t i = 0; world->acts_outside && i < world->count; i++) {
        struct plan_instance *inst = &world->sim.fake.plan.instances[i];

        inst->compensates = roll(seed, i + 400, 3) == 0;
        inst->last_only |= inst->compensates;
    }
}

/* Of its own numbers, in every second world: some of those that nobody waits for but their like. */
static void world_make_always(struct world *world, uint64_t seed)
{
    for (uint32_t i = world->count; seed % 2 == 0 && i-- > 0;) {
        struct plan_instance *inst = &world->sim.fake.plan.instances[i];
        bool last = roll(seed, i + 500, 2) == 0;

        for (uint32_t c = 0; c < inst->consumer_count; c++) {
            last = last && world_instance(
                               world, world->sim.fake.plan.back_edges[inst->consumers_first + c].n)
                               ->always;
        }
        inst->always = last;
        inst->no_cache |= last;
        inst->compensates &= !last;
    }
}

/* From here on numbers are drawn apart. */
static void world_control(struct world *world, uint64_t seed)
{
    world->controlled = true;
    world->control_random = seed;
    for (uint32_t i = 0; i < world->count; i++) {
        world->sim.fake.plan.instances[i].on_pause = (uint8_t)control_random(world, 3);
    }
}

/* What processes have in common with none of their like. */
static void world_make_process(struct world *world)
{
    struct sim *sim = &world->sim;

    world->options = (struct engine_options){.jobs = 1 + sim_random(sim, 6),
                                             .keep_going = world->calm || sim_chance(sim, 2),
                                             .duration_ns = world->duration_ns};
    world->full = sim_chance(sim, 2);
    world->options.slow_limit_ns = sim_chance(sim, 2) ? world_slow_limit : NULL;
    world->options.slow_limit_ctx = world;
    world->loaded = sim_chance(sim, 2);
    world->options.memory_limit_bytes = sim_chance(sim, 2) ? SIM_MEMORY * 85 / 100 : 0;
    world->options.jobs_most =
        world->loaded && sim_chance(sim, 2) ? world->options.jobs * ADAPT_SLOTS_A_PROCESSOR : 0;
    world->options.timeout_ns =
        !world->calm && sim_chance(sim, 8) ? sim_random(sim, 20) * NS_PER_SEC + 1 : 0;
    world->tokens_total = sim_chance(sim, 2) ? 1 + sim_random(sim, 5) : 0;
    world->tokens_others = sim_random(sim, world->tokens_total + 1);
    world->tokens_free = world->tokens_total - world->tokens_others;
    world->tokens_ours = 0;
    world->token_wanted = world->dead = world->failed = false;
    world->signal_at_ns = !world->calm && sim_chance(sim, 5)
                              ? sim_now(sim) + sim_random(sim, 20) * NS_PER_SEC
                              : INT64_MAX;
    world->asked = world->answered = 0;
    world->asks_left = world->controlled ? control_random(world, 12) : 0;
    world->ask_at_ns =
        world->asks_left != 0 ? sim_now(sim) + control_random(world, 5000) * NS_PER_MS : INT64_MAX;
    world->dies_in = !world->calm && sim_chance(sim, 2) ? 1 + sim_random(sim, 100) : 0;
    world->running_count = world->restoring_count = world->waits = 0;
    world_reset_variants(world);
    memset(world->facts, 0, sizeof(world->facts));
    memset(world->ran, 0, sizeof(world->ran));
    memset(world->cleaned, 0, sizeof(world->cleaned));
}

/* What happens while nobody looks. */
static void world_change(struct world *world)
{
    struct sim *sim = &world->sim;

    for (uint32_t i = 0; i < world->count; i++) {
        struct job *job = &world->jobs[i];

        if (sim_chance(sim, 12)) {
            job->source = sim_chance(sim, 8) ? 0 : mix(i, sim_random(sim, 3));
        }
        if (sim_chance(sim, 10)) {
            job->file = sim_chance(sim, 2) ? 0 : mix(i, sim_random(sim, 1000));
        }
        if (job->object_count != 0 && sim_chance(sim, 10)) {
            struct sim_object *object = &job->objects[sim_random(sim, job->object_count)];

            object->corrupt = true;
            if (sim_chance(sim, 2)) {
                job_drop_object(job, object);
            }
        }
    }
}

static void world_calm(struct world *world)
{
    world->calm = true;
    for (uint32_t i = 0; i < SIM_BREAKERS; i++) {
        world->sim.fake.breakers[i].fails_when_open = false;
    }
    for (uint32_t i = 0; i < world->count; i++) {
        world->sim.fake.plan.instances[i].timeout_ns = 0;
        world->jobs[i].source = world->jobs[i].source != 0 ? world->jobs[i].source : mix(i, 0);
        for (uint32_t o = 0; o < world->jobs[i].object_count; o++) {
            world->jobs[i].objects[o].corrupt = false;
        }
    }
}

/* --- one process --- */

static void world_note_done(void *ctx, const struct event *event)
{
    struct world *world = ctx;

    if (event->type == EVENT_ATTEMPT_FINISHED && str_is(event->state, "done")) {
        world->ran[event->number] = 1;
    }
}

/* A power cut takes the end of what was not synced; the record is read up to there. */
static void world_cut_record(struct world *world, int dir_fd)
{
    int fd = openat(dir_fd, "events.jsonl", O_WRONLY | O_CLOEXEC);
    struct stat stat;

    assert_true(fd >= 0 && fstat(fd, &stat) == 0);
    if (world->was_cut && sim_chance(&world->sim, 3)) {
        off_t lost = (off_t)sim_random(&world->sim, 2000);

        /* The first line stays, else there was no run. */
        assert_int_equal(
            ftruncate(fd, stat.st_size - lost > 1500 ? stat.st_size - lost : stat.st_size), 0);
    }
    close(fd);
}

/* What the dead process left is cleaned up, and its attempts are recorded as lost. */
static void world_recover(struct world *world, const struct run_id *id)
{
    struct session *session = &world->sim.session;
    int dir_fd = run_dir_open(session->workspace.pawlfd, id, NULL);
    struct event_log *log;
    struct run_state state;
    struct strbuf members = {0};

    world_cut_record(world, dir_fd);
    check_look(world, id);
    run_state_init(&state);
    log = event_log_append_to(dir_fd, "events.jsonl", NULL, NULL);
    assert_non_null(log);
    assert_true(
        recorder_replay(session->workspace.pawlfd, id, &state, world_note_done, world, NULL));
    for (uint32_t i = 0; i < world->count; i++) {
        const struct inst_status *inst = &state.instances[i];
        struct event event = {.type = EVENT_ATTEMPT_LOST,
                              .number = i,
                              .instance = inst->name,
                              .stage = inst->stage,
                              .attempt = inst->attempts,
                              .attempt_id = inst->attempt_id,
                              .state = STR("pending")};

        if (inst->state == INST_RUNNING) {
            strbuf_clear(&members);
            event_to_json(&event, &members);
            event_log_add(log, clock_real_ns(&world->sim.clock), STR("attempt.lost"),
                          strbuf_str(&members));
        }
    }
    assert_true(event_log_flush(log, NULL));
    event_log_close(log);
    strbuf_fini(&members);
    run_state_fini(&state);
    close(dir_fd);
}

static void world_record_end(struct world *world, int status)
{
    struct recorder *recorder = &world->sim.recorder;
    struct err err = {0};

    recorder_emit_end(recorder,
                      status == 0                           ? RUN_COMPLETED
                      : world->sim.engine.outcome.cancelled ? RUN_CANCELLED
                      : status >= STATUS_SIGNAL             ? RUN_INTERRUPTED
                                                            : RUN_FAILED,
                      status);
    assert_true(recorder_flush(recorder, &err));
    recorder_tell(recorder);
}

static bool state_is_bad(const struct world *world, uint32_t number)
{
    enum inst_state state = world->sim.recorder.state.instances[number].state;

    return state == INST_BLOCKED || state == INST_CANCELLED ||
           ((state == INST_FAILED || state == INST_UNSETTLED) &&
            !world_instance(world, number)->ignore_failure);
}

/* Who is blocked has somebody to blame, and with -k nobody else is left out. */
static void check_end_of(const struct world *world, uint32_t number, bool stopped)
{
    enum inst_state state = world->sim.recorder.state.instances[number].state;
    bool blamed = false;

    for (uint32_t i = 0; i < world_instance(world, number)->producer_count; i++) {
        blamed |= state_is_bad(world, world_producer(world, number, i));
    }
    assert_true(inst_state_is_final(state));
    assert_true(state != INST_BLOCKED || blamed);
    assert_true(state != INST_CANCELLED || stopped);
}

/* Each had its turn, unless two signals or a `cancel --now` ended it. */
static void check_cleaned(const struct world *world, uint32_t number)
{
    const struct engine *engine = &world->sim.engine;
    const struct plan_instance *inst = world_instance(world, number);
    enum inst_state state = world->sim.recorder.state.instances[number].state;

    if (state == INST_CANCELLED) {
        assert_true(engine->signals_seen > 1 || engine->stop == ENGINE_KILLS);
        return;
    }
    assert_true(state != INST_UP_TO_DATE && state != INST_RESTORED && state != INST_BLOCKED);
    assert_true(state != INST_DONE || world->cleaned[number] != 0);
    assert_true(world->cleaned[number] <= 1 || inst->retry != 0 || inst->variant != 0 ||
                engine->unsettled[number] || inst->on_pause == PLAN_ON_PAUSE_STOP);
}

static void check_end(const struct world *world, int status)
{
    const struct engine *engine = &world->sim.engine;
    const struct run_state *state = &world->sim.recorder.state;
    bool stopped = engine->stop != ENGINE_GOES || engine->main_stop != ENGINE_GOES ||
                   engine->outcome.signal != 0 || engine->outcome.cancelled;
    bool bad = false;

    assert_int_equal(run_state_ended(state), world->count);
    assert_true(!stopped || !world->options.keep_going || engine->signals_seen != 0 ||
                world->options.timeout_ns != 0 || engine->outcome.cancelled ||
                status == STATUS_COMPENSATION);
    assert_true(!engine->outcome.cancelled || status == STATUS_CANCELLED ||
                status == STATUS_CORRUPT || status == STATUS_COMPENSATION);
    assert_int_equal(world->asked, world->answered);
    for (uint32_t i = 0; i < world->count; i++) {
        check_end_of(world, i, stopped);
        if (world_instance(world, i)->always) {
            check_cleaned(world, i);
        }
        bad |= state_is_bad(world, i);
    }
    assert_int_equal(engine->schedule.slots_taken, 0);
    assert_int_equal(engine->schedule.memory_taken_bytes, 0);
    assert_int_equal(world->running_count + world->restoring_count, 0);
    assert_int_equal(world->tokens_ours, 0);
    assert_int_equal(world->tokens_free + world->tokens_others, world->tokens_total);
    assert_true(status != 0 || !bad);
    assert_true(status == 0 || bad || stopped);
}

/* After a run that went well: each result is that of what is there now, and its bytes as well. */
static void check_truth(struct world *world)
{
    for (uint32_t i = 0; i < world->count; i++) {
        const struct plan_instance *inst = world_instance(world, i);
        enum inst_state state = world->sim.recorder.state.instances[i].state;
        const struct sim_result *result;
        uint64_t key;
        bool skipped;

        if (!inst_state_is_good(state) || inst->always) {
            continue;
        }
        assert_true(world_key(world, i, &key, &skipped));
        result = job_find_result(&world->jobs[i], key, inst->last_only);
        assert_non_null(result);
        assert_true(result->recorded && world->facts[i].value == result->value);
        assert_true(world->sim.fake.plan.outputs[i].temp || world->jobs[i].file == result->value);
        assert_int_equal(world->jobs[i].parked_by, 0);
    }
}

static bool world_begin(struct world *world, const struct run_id *goes_on, struct err *err)
{
    struct event event = {.instances = world->count, .pid = 1, .limit = world->options.jobs};

    return goes_on != NULL ? recorder_go_on(&world->sim.recorder, goes_on, &event, err)
                           : recorder_begin(&world->sim.recorder, &event, NULL, err);
}

/* True if the run did not come to its end: then `id` says which goes on. */
static bool world_run_process(struct world *world, struct run_id *id, bool goes_on, int *status)
{
    struct sim *sim = &world->sim;
    struct engine_world engine = world_engine(world);
    struct decide decide;
    struct err err = {0};
    struct observer hooks = hooks_observer(&world->hooks);
    bool ended;

    sim_open(sim);
    recorder_watch(&sim->recorder, &(struct observer){.ctx = world, .tell = world_tell});
    recorder_watch(&sim->recorder, &hooks);
    for (uint32_t i = 0; i < world->count; i++) {
        job_recover(&world->jobs[i]);
    }
    effects_take_over(world);
    if (goes_on) {
        world_recover(world, id);
    }
    sim_decide(sim, &engine, &decide);
    world_open_breakers(world);
    if (!world_begin(world, goes_on ? id : NULL, &err)) {
        fail_msg("%s", err.text);
    }
    world_hooks_open(world, goes_on);
    *status = sim_run(sim, &decide, &engine, &world->options, &err);
    assert_true(err.status == 0 || world->dead);
    ended = !world->dead;
    if (ended) {
        check_end(world, *status);
        if (*status == 0) {
            check_truth(world);
        }
        effects_end(world, *status);
        world_record_end(world, *status);
        world_hooks_finish(world);
    }
    if (!world->dead || err.status != 0) {
        check_record(world);
    }
    *id = sim->recorder.id;
    hooks_close(&world->hooks);
    sim_close(sim);
    world_close_breakers(world);
    world->was_cut = world->dead;
    return !ended || *status >= STATUS_SIGNAL;
}

/* --- one seed --- */

static void run_seed(struct world *world, uint64_t seed, bool controlled)
{
    struct sim *sim = &world->sim;
    struct run_id id;
    bool goes_on = false;
    int status = 0;

    sim->random = seed * UINT64_C(0x9e3779b97f4a7c15);
    world_make_graph(world);
    for (uint32_t i = 0; i < world->count; i++) {
        world_make_instance(world, i);
    }
    world_make_retries(world, seed);
    world_make_effects(world, seed);
    world_make_always(world, seed);
    world_make_variants(world, seed);
    for (uint32_t pool = 0; pool < SIM_POOLS; pool++) {
        sim->fake.slots[pool] = 1 + sim_random(sim, 3);
    }
    if (controlled) {
        world_control(world, seed);
    }
    for (uint32_t round = sim_random(sim, SIM_ROUNDS); round > 0; round--) {
        world_make_process(world);
        goes_on = world_run_process(world, &id, goes_on, &status);
        if (sim_chance(sim, 2)) {
            world_change(world);
        }
    }
    world_calm(world);
    world_make_process(world);
    assert_false(world_run_process(world, &id, goes_on, &status));
    assert_int_equal(status, 0);
    sim_fini(sim);
}

static uint64_t asked(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 10) : otherwise;
}

/* The seed that is under way, for whoever has to say which one failed. */
static uint64_t seed_now;

static void tell_seed(void)
{
    if (seed_now != 0) {
        print_error("seed %llu failed: PAWL_SIM_SEED=%llu runs it alone\n",
                    (unsigned long long)seed_now, (unsigned long long)seed_now);
    }
}

static void on_abort(int signal)
{
    (void)signal;
    tell_seed();
}

static int tell_failed(void **state)
{
    (void)state;
    tell_seed();
    return 0;
}

/* `controlled`: pauses, goes on, is cancelled as others ask. */
static void seed_alone(uint64_t seed, bool controlled)
{
    struct temp_folder folder;
    struct world *world = mem_calloc(1, sizeof(*world));

    seed_now = seed;
    signal(SIGABRT, on_abort);
    /* In memory where there is a folder for it: nothing here is about disks. */
    temp_folder_in(&folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NULL);
    assert_int_equal(fchdir(folder.fd), 0);
    run_seed(world, seed, controlled);
    free(world);
    assert_int_equal(chdir("/"), 0);
    temp_folder_remove(&folder);
    seed_now = 0;
}

static void many_seeds(void **state)
{
    uint64_t first = asked("PAWL_SIM_SEED", 1);
    uint64_t last = asked("PAWL_SIM_SEED", asked("PAWL_SIM_SEEDS", SIM_SEEDS));

    (void)state;
    for (uint64_t seed = first; seed <= last; seed++) {
        seed_alone(seed, false);
        seed_alone(seed, true);
    }
}

/* 87: who reads what is decided anew started beside it. 5106: restored twice. */
static void seeds_that_failed_once(void **state)
{
    (void)state;
    seed_alone(87, false);
    seed_alone(5106, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(many_seeds, tell_failed),
        cmocka_unit_test_teardown(seeds_that_failed_once, tell_failed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
