/* The engine on a machine that is simulated: processors shared by what runs and by others, memory
 * that fills up, pressure; all on a virtual clock, so that times are exact. */
#include "run/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../policy/plan_fake.h"
#include "../temp_folder.h"
#include "base/sys.h"

#define MS      NS_PER_MS
#define MIB     (UINT64_C(1) << 20)
#define GIB     (UINT64_C(1) << 30)
#define FOREVER (3600 * NS_PER_SEC)

enum { SIM_MAX = 400, SIM_CHANGES = 512 };

/* What an instance does: computes, sleeps, and holds memory all the while. */
struct job {
    double compute_ns, sleep_ns;
    uint64_t memory_bytes;
};

/* Others on the machine, from one time to another. */
struct hog {
    int64_t from_ns, to_ns;
    int threads;
    uint64_t memory_bytes;
    int32_t pressure;
};

struct sim_running {
    uint32_t number;
    double compute_ns, sleep_ns;
};

struct sim {
    struct plan_fake fake;
    struct session session;
    struct recorder recorder;
    struct clock_virtual virtual_clock;
    struct clock clock;
    struct engine engine;
    uint32_t processors, count;
    uint64_t memory_bytes; /* of the machine */
    struct job jobs[SIM_MAX];
    uint64_t peaks[SIM_MAX];
    int64_t durations[SIM_MAX];
    struct hog hogs[4];
    struct sim_running running[SIM_MAX];
    uint32_t running_count, started, finished;
    struct note notes[SIM_MAX * 2];
    uint32_t note_count, note_next;
    double busy_ns, own_ns, waited_ns;
    bool knows_nothing; /* but how busy processors are */
    int64_t start_ns;
    /* What was seen. */
    struct adapt_change changes[SIM_CHANGES];
    int64_t changed_ns[SIM_CHANGES];
    uint32_t change_count, most_running, most_computing, loads;
    uint64_t most_bytes;
};

static int64_t sim_now(void *ctx)
{
    return ((struct sim *)ctx)->virtual_clock.mono_ns;
}

static int64_t sim_time(const struct sim *sim)
{
    return sim->virtual_clock.mono_ns - sim->start_ns;
}

static const struct hog *sim_hog(const struct sim *sim, uint32_t i)
{
    int64_t now_ns = sim_time(sim);

    return now_ns >= sim->hogs[i].from_ns && now_ns < sim->hogs[i].to_ns ? &sim->hogs[i] : NULL;
}

static uint64_t sim_used(const struct sim *sim)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < 4; i++) {
        bytes += sim_hog(sim, i) != NULL ? sim->hogs[i].memory_bytes : 0;
    }
    for (uint32_t i = 0; i < sim->running_count; i++) {
        bytes += sim->jobs[sim->running[i].number].memory_bytes;
    }
    return bytes;
}

/* --- the machine --- */

static int sim_threads(const struct sim *sim, int *own)
{
    int threads = 0;

    *own = 0;
    for (uint32_t i = 0; i < sim->running_count; i++) {
        *own += sim->running[i].compute_ns > 0;
    }
    for (uint32_t i = 0; i < 4; i++) {
        threads += sim_hog(sim, i) != NULL ? sim->hogs[i].threads : 0;
    }
    return threads + *own;
}

/* The next time at which something other than the clock moves. */
static int64_t sim_next_end(const struct sim *sim, double speed)
{
    int64_t next_ns = INT64_MAX;

    for (uint32_t i = 0; i < 4; i++) {
        const struct hog *hog = &sim->hogs[i];
        int64_t at_ns = hog->from_ns > sim_time(sim) ? hog->from_ns : hog->to_ns;

        if (at_ns > sim_time(sim) && sim->start_ns + at_ns < next_ns) {
            next_ns = sim->start_ns + at_ns;
        }
    }
    for (uint32_t i = 0; i < sim->running_count; i++) {
        const struct sim_running *running = &sim->running[i];
        double left_ns = running->compute_ns > 0 ? running->compute_ns / speed : running->sleep_ns;
        int64_t at_ns = sim->virtual_clock.mono_ns + (int64_t)left_ns + 1;

        next_ns = at_ns < next_ns ? at_ns : next_ns;
    }
    return next_ns;
}

static void sim_advance(struct sim *sim, int64_t until_ns, double speed, int threads, int own)
{
    double wall_ns = (double)(until_ns - sim->virtual_clock.mono_ns);
    int more = threads - (int)sim->processors;

    sim->busy_ns += wall_ns * speed * threads;
    sim->own_ns += wall_ns * speed * own;
    if (more > 0) {
        /* As the kernel counts: processors with a queue, as a share of all. */
        sim->waited_ns += wall_ns * (more < (int)sim->processors ? more : (int)sim->processors) /
                          (int)sim->processors;
    }
    for (uint32_t i = 0; i < sim->running_count; i++) {
        struct sim_running *running = &sim->running[i];

        *(running->compute_ns > 0 ? &running->compute_ns : &running->sleep_ns) -=
            running->compute_ns > 0 ? wall_ns * speed : wall_ns;
    }
    clock_virtual_advance(&sim->virtual_clock, until_ns - sim->virtual_clock.mono_ns);
}

static void sim_note(struct sim *sim, struct note note)
{
    assert_true(sim->note_count < SIM_MAX * 2);
    sim->notes[sim->note_count++] = note;
}

static void sim_take_ends(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->running_count;) {
        struct sim_running running = sim->running[i];
        struct note note = {.kind = NOTE_EXITED, .instance = {running.number}};

        if (running.compute_ns > 0 || running.sleep_ns > 0) {
            i++;
            continue;
        }
        sim->running[i] = sim->running[--sim->running_count];
        sim_note(sim, note);
        note.kind = NOTE_ENDED;
        note.event.attempt = 1;
        note.event.max_rss_bytes = (int64_t)sim->jobs[running.number].memory_bytes;
        sim_note(sim, note);
        sim->finished++;
    }
}

static bool sim_wait(void *ctx, int64_t deadline_ns, struct err *err)
{
    struct sim *sim = ctx;

    (void)err;
    while (sim->note_next == sim->note_count && sim->virtual_clock.mono_ns < deadline_ns) {
        int own, threads = sim_threads(sim, &own);
        double speed = threads > (int)sim->processors ? (double)sim->processors / threads : 1;
        int64_t next_ns = sim_next_end(sim, speed);

        assert_true(next_ns != INT64_MAX || deadline_ns != INT64_MAX);
        sim_advance(sim, next_ns < deadline_ns ? next_ns : deadline_ns, speed, threads, own);
        sim_take_ends(sim);
    }
    return true;
}

static void sim_load(void *ctx, bool adapts, struct adapt_facts *facts)
{
    struct sim *sim = ctx;

    sim->loads++;
    *facts = (struct adapt_facts){.busy_ns = adapts ? (int64_t)sim->busy_ns : -1,
                                  .own_ns = -1,
                                  .waited_ns = -1,
                                  .pressure = -1,
                                  .used_bytes = sim_used(sim),
                                  .total_bytes = sim->memory_bytes};
    if (adapts && !sim->knows_nothing) {
        facts->own_ns = (int64_t)sim->own_ns;
        facts->waited_ns = (int64_t)sim->waited_ns;
    }
    for (uint32_t i = 0; i < 4; i++) {
        if (sim_hog(sim, i) != NULL && sim->hogs[i].pressure > facts->pressure) {
            facts->pressure = sim->hogs[i].pressure;
        }
    }
}

static uint64_t sim_memory(void *ctx, struct inst_id instance)
{
    const struct sim *sim = ctx;

    return sim->jobs[instance.n].memory_bytes;
}

static void sim_start(void *ctx, struct inst_id instance)
{
    struct sim *sim = ctx;
    const struct job *job = &sim->jobs[instance.n];

    sim->started++;
    sim->running[sim->running_count++] =
        (struct sim_running){instance.n, job->compute_ns, job->sleep_ns};
    if (sim->running_count > sim->most_running) {
        sim->most_running = sim->running_count;
    }
    if (sim_used(sim) > sim->most_bytes) {
        sim->most_bytes = sim_used(sim);
    }
}

/* --- the rest of the world, in which nothing goes wrong --- */

static enum decide_verdict sim_look(void *ctx, struct inst_id instance)
{
    (void)ctx;
    (void)instance;
    return DECIDE_MISS;
}

static enum decide_bytes sim_bytes(void *ctx, struct inst_id instance)
{
    (void)ctx;
    (void)instance;
    return DECIDE_BYTES_PRESENT;
}

static void sim_demand(void *ctx, struct inst_id instance, struct decide *decide)
{
    (void)ctx;
    (void)instance;
    (void)decide;
}

static bool sim_next_note(void *ctx, struct note *note)
{
    struct sim *sim = ctx;

    if (sim->note_next == sim->note_count) {
        sim->note_next = sim->note_count = 0;
        return false;
    }
    *note = sim->notes[sim->note_next++];
    return true;
}

static bool sim_has_note(void *ctx)
{
    const struct sim *sim = ctx;

    return sim->note_next < sim->note_count;
}

static void sim_describe(void *ctx, struct inst_id instance, uint32_t attempt, uint32_t cpus,
                         struct arena *arena, struct event *event)
{
    (void)ctx;
    (void)cpus;
    event->attempt_id = str_printf(arena, "%u.%u", instance.n, attempt);
}

static void sim_signal(void *ctx, struct inst_id instance, int signal)
{
    (void)ctx;
    (void)instance;
    (void)signal;
    fail_msg("nothing is ended here");
}

static void sim_nothing(void *ctx, struct inst_id instance)
{
    (void)ctx;
    (void)instance;
}

static void sim_tell(void *ctx, const struct event *event, const struct run_state *state)
{
    struct sim *sim = ctx;
    struct adapt_change *change = &sim->changes[sim->change_count];

    (void)state;
    if (event->type != EVENT_LIMIT_CHANGED) {
        return;
    }
    assert_true(sim->change_count < SIM_CHANGES);
    sim->changed_ns[sim->change_count++] = sim_time(sim);
    change->before = (uint32_t)event->limit_before;
    change->limit = (uint32_t)event->limit;
    snprintf(change->reason, sizeof(change->reason), "%.*s", STR_ARG(event->reason));
    assert_true(event->reason.len != 0);
}

static struct engine_world sim_world(struct sim *sim)
{
    return (struct engine_world){.ctx = sim,
                                 .facts = {sim, sim_look, sim_bytes, sim_demand},
                                 .now_ns = sim_now,
                                 .wait = sim_wait,
                                 .next_note = sim_next_note,
                                 .has_note = sim_has_note,
                                 .describe = sim_describe,
                                 .start = sim_start,
                                 .signal = sim_signal,
                                 .accept = sim_nothing,
                                 .reject = sim_nothing,
                                 .consumed = sim_nothing,
                                 .load = sim_load,
                                 .memory = sim_memory};
}

/* --- one run --- */

/* On `processors`, with 16 GiB; jobs are 1 s of sleep until the test says otherwise. */
static struct sim *sim_new(uint32_t processors, uint32_t count)
{
    struct sim *sim = mem_calloc(1, sizeof(*sim));

    sim->processors = processors;
    sim->count = count;
    sim->memory_bytes = 16 * GIB;
    plan_fake_init(&sim->fake, count, NULL, 0);
    sim->fake.plan.stages[0].name = STR("s");
    for (uint32_t i = 0; i < count; i++) {
        sim->fake.plan.instances[i].name = str_printf(&sim->fake.arena, "s@n=%u", i);
        sim->jobs[i].sleep_ns = 1000 * MS;
    }
    return sim;
}

/* Every second one computes so long. */
static void sim_mix(struct sim *sim, double compute_ns)
{
    for (uint32_t i = 1; i < sim->count; i += 2) {
        sim->jobs[i] = (struct job){.compute_ns = compute_ns};
    }
}

static void sim_open(struct sim *sim)
{
    struct session_options options = {.command = "test"};
    struct err err = {0};

    sim->virtual_clock =
        (struct clock_virtual){.mono_ns = NS_PER_SEC, .real_ns = INT64_C(1800000000) * NS_PER_SEC};
    sim->start_ns = sim->virtual_clock.mono_ns;
    sim->clock = clock_of_virtual(&sim->virtual_clock);
    session_init(&sim->session, &options, &sim->clock, NULL);
    sim->session.root_fd = sys_open(".", O_RDONLY | O_DIRECTORY, 0);
    if (!workspace_find(&sim->session.workspace, sim->session.root_fd, &err) ||
        !session_open_store(&sim->session, SESSION_CHANGE, false, &err)) {
        fail_msg("%s", err.text);
    }
    recorder_init(&sim->recorder, &sim->session);
    recorder_watch(&sim->recorder, &(struct observer){.ctx = sim, .tell = sim_tell});
}

/* `fixed` 0: adapted. */
static void sim_go(struct sim *sim, uint32_t fixed)
{
    struct engine_world world = sim_world(sim);
    struct engine_options options = {
        .jobs = fixed != 0 ? fixed : sim->processors,
        .jobs_most = fixed != 0 ? 0 : sim->processors * ADAPT_SLOTS_A_PROCESSOR,
        .memory_limit_bytes = sim->memory_bytes / 100 * ADAPT_MEMORY_PERCENT,
        .duration_ns = sim->durations,
        .peak_bytes = sim->peaks};
    struct event started = {.instances = sim->count};
    struct decide decide;
    uint8_t all[SIM_MAX];
    struct err err = {0};

    memset(all, 1, sizeof(all));
    decide_init(&decide, &sim->fake.plan, &world.facts, all, all);
    decide_plan(&decide);
    assert_true(recorder_begin(&sim->recorder, &started, NULL, &err));
    engine_init(&sim->engine, &decide, &world, &options, &sim->recorder);
    assert_int_equal(engine_run(&sim->engine, &err), 0);
    assert_int_equal(err.status, 0);
}

/* Whatever the load: all ran once, each step is legal, and the record says so. */
static void sim_check(const struct sim *sim, bool fixed)
{
    uint32_t limit = sim->processors, most = sim->processors * ADAPT_SLOTS_A_PROCESSOR;
    int64_t fell_ns = -NS_PER_SEC;

    assert_int_equal(sim->started, sim->count);
    assert_int_equal(run_state_ended(&sim->recorder.state), sim->count);
    assert_int_equal(sim->engine.schedule.slots_taken, 0);
    assert_int_equal(sim->engine.schedule.memory_taken_bytes, 0);
    for (uint32_t i = 0; !fixed && i < sim->change_count; i++) {
        const struct adapt_change *change = &sim->changes[i];

        assert_int_equal(change->before, limit);
        limit = change->limit;
        assert_in_range(limit, 1, most);
        if (limit < change->before) {
            assert_int_equal(limit, change->before - 1);
            assert_true(sim->changed_ns[i] - fell_ns >= NS_PER_SEC);
            fell_ns = sim->changed_ns[i];
        }
    }
    assert_true(fixed || sim->most_running <= most);
}

static void sim_run(struct sim *sim, uint32_t fixed)
{
    struct temp_folder folder;

    temp_folder_make(&folder);
    assert_int_equal(fchdir(folder.fd), 0);
    sim_open(sim);
    sim_go(sim, fixed);
    sim_check(sim, fixed != 0);
    engine_fini(&sim->engine);
    recorder_fini(&sim->recorder);
    session_fini(&sim->session);
    assert_int_equal(chdir("/"), 0);
    temp_folder_remove(&folder);
}

static void sim_free(struct sim *sim)
{
    plan_fake_fini(&sim->fake);
    free(sim);
}

/* The highest limit up to a time. */
static uint32_t sim_limit_at(const struct sim *sim, int64_t at_ns)
{
    uint32_t limit = sim->processors;

    for (uint32_t i = 0; i < sim->change_count && sim->changed_ns[i] <= at_ns; i++) {
        limit = sim->changes[i].limit;
    }
    return limit;
}

static void assert_takes(const struct sim *sim, int64_t least_ns, int64_t most_ns)
{
    if (sim_time(sim) < least_ns || sim_time(sim) > most_ns) {
        for (uint32_t i = 0; i < sim->change_count; i++) {
            print_message("%6.2f s: %u: %s\n", (double)sim->changed_ns[i] / 1e9,
                          sim->changes[i].limit, sim->changes[i].reason);
        }
        fail_msg("it took %.2f s, not %.2f to %.2f", (double)sim_time(sim) / 1e9,
                 (double)least_ns / 1e9, (double)most_ns / 1e9);
    }
}

/* --- processors --- */

static void sleepers_get_four_times_the_processors(void **state)
{
    struct sim *sim = sim_new(2, 48);

    (void)state;
    sim_run(sim, 0);
    assert_int_equal(sim->most_running, 8);
    assert_int_equal(sim_limit_at(sim, 1000 * MS), 8);
    /* 6 s with eight at once, and less than one to get there. */
    assert_takes(sim, 6000 * MS, 7000 * MS);
    sim_free(sim);
}

static void what_computes_keeps_the_processors(void **state)
{
    struct sim *sim = sim_new(2, 48);

    (void)state;
    for (uint32_t i = 0; i < sim->count; i++) {
        sim->jobs[i] = (struct job){.compute_ns = 1000 * MS};
    }
    sim_run(sim, 0);
    assert_int_equal(sim->change_count, 0);
    assert_int_equal(sim->most_running, 2);
    assert_takes(sim, 24000 * MS, 24001 * MS);
    sim_free(sim);
}

/* Two at once would take (24 s + 24 s) / 2 = 24 s; no order is faster than 24 s / 2 = 12 s. */
static void half_sleeps_and_half_computes_a_second(void **state)
{
    struct sim *sim = sim_new(2, 48);

    (void)state;
    sim_mix(sim, 1000 * MS);
    sim_run(sim, 0);
    assert_takes(sim, 12000 * MS, 13500 * MS);
    sim_free(sim);
}

/* Two at once: (24 s + 12 s) / 2 = 18 s; the bound is 6 s. */
static void half_sleeps_and_half_computes_half_a_second(void **state)
{
    struct sim *sim = sim_new(2, 48);

    (void)state;
    sim_mix(sim, 500 * MS);
    sim_run(sim, 0);
    assert_takes(sim, 6000 * MS, 7200 * MS);
    sim_free(sim);
}

/* --- others --- */

static void a_hog_lowers_the_limit_and_its_end_raises_it(void **state)
{
    struct sim *sim = sim_new(2, 120);
    uint32_t before;

    (void)state;
    sim_mix(sim, 1000 * MS);
    sim->hogs[0] = (struct hog){.from_ns = 8300 * MS, .to_ns = 20000 * MS, .threads = 1};
    sim_run(sim, 0);
    before = sim_limit_at(sim, 8300 * MS);
    assert_true(before > 2);
    assert_int_equal(sim_limit_at(sim, 10300 * MS), before - 1);
    assert_int_equal(sim_limit_at(sim, 20000 * MS), 2);
    assert_true(sim_limit_at(sim, 27000 * MS) > 2);
    sim_free(sim);
}

static void what_computes_makes_room_for_a_hog(void **state)
{
    struct sim *sim = sim_new(2, 40);

    (void)state;
    for (uint32_t i = 0; i < sim->count; i++) {
        sim->jobs[i] = (struct job){.compute_ns = 1000 * MS};
    }
    sim->hogs[0] = (struct hog){.from_ns = 8300 * MS, .to_ns = 15000 * MS, .threads = 1};
    sim_run(sim, 0);
    assert_int_equal(sim->change_count, 2);
    assert_int_equal(sim->changes[0].limit, 1);
    assert_in_range(sim->changed_ns[0], 8300 * MS, 10300 * MS);
    assert_int_equal(sim->changes[1].limit, 2);
    assert_in_range(sim->changed_ns[1], 15000 * MS, 17000 * MS);
    sim_free(sim);
}

/* One slot a second down to one, and there it stays. */
static void never_under_one(void **state)
{
    struct sim *sim = sim_new(4, 60);
    uint32_t least = 4;

    (void)state;
    for (uint32_t i = 0; i < sim->count; i++) {
        sim->jobs[i] = (struct job){.compute_ns = 300 * MS};
    }
    sim->hogs[0] = (struct hog){.from_ns = 1000 * MS, .to_ns = FOREVER, .threads = 4};
    sim_run(sim, 0);
    for (uint32_t i = 0; i < sim->change_count; i++) {
        assert_int_equal(sim->changes[i].limit, --least);
    }
    assert_int_equal(least, 1);
    sim_free(sim);
}

/* A crowd gets the slots beyond the processors, and nothing would come of giving more. */
static void a_crowd_is_competed_with(void **state)
{
    struct sim *sim = sim_new(4, 100);

    (void)state;
    for (uint32_t i = 0; i < sim->count; i++) {
        sim->jobs[i] = (struct job){.compute_ns = 300 * MS, .sleep_ns = 700 * MS};
    }
    sim->hogs[0] = (struct hog){.from_ns = 5000 * MS, .to_ns = FOREVER, .threads = 40};
    sim_run(sim, 0);
    assert_true(sim_limit_at(sim, 5000 * MS) > 8);
    for (uint32_t i = 0; i < sim->change_count; i++) {
        assert_true(sim->changes[i].limit >= 4);
    }
    assert_int_equal(sim_limit_at(sim, FOREVER), 4);
    sim_free(sim);
}

/* Where others and waiting are not known 80 % is the end, and the processors are never given up. */
static void with_busy_alone_eighty_percent_is_the_end(void **state)
{
    struct sim *sim = sim_new(4, 400);
    uint32_t i;

    (void)state;
    sim->knows_nothing = true;
    sim->hogs[0] = (struct hog){.from_ns = 4000 * MS, .to_ns = 20000 * MS, .threads = 4};
    /* 75 %: too much to come back. */
    sim->hogs[1] = (struct hog){.from_ns = 20000 * MS, .to_ns = 30000 * MS, .threads = 3};
    /* 50 %: ten points less than it takes. */
    sim->hogs[2] = (struct hog){.from_ns = 30000 * MS, .to_ns = FOREVER, .threads = 2};
    sim_run(sim, 0);
    assert_int_equal(sim_limit_at(sim, 4000 * MS), 16);
    assert_int_equal(sim_limit_at(sim, 6000 * MS), 15);
    for (i = 0; sim->changes[i].limit != 15; i++) {
    }
    for (uint32_t limit = 15; limit >= 4; limit--) {
        assert_int_equal(sim->changes[i++].limit, limit);
    }
    assert_int_equal(sim_limit_at(sim, 30000 * MS), 4);
    assert_true(sim_limit_at(sim, 36000 * MS) > 4);
    sim_free(sim);
}

/* A load that comes and goes every second does not make the limit swing. */
static void does_not_swing(void **state)
{
    struct sim *sim = sim_new(2, 200);
    uint32_t turns = 0;

    (void)state;
    for (uint32_t i = 0; i < sim->count; i++) {
        sim->jobs[i] = (struct job){.compute_ns = 300 * MS, .sleep_ns = 500 * MS};
    }
    sim_run(sim, 0);
    for (uint32_t i = 1; i < sim->change_count; i++) {
        turns += (sim->changes[i].limit > sim->changes[i].before) !=
                 (sim->changes[i - 1].limit > sim->changes[i - 1].before);
    }
    /* In half a minute: there, back, and a few tries that come more and more seldom. */
    assert_in_range(turns, 0, 8);
    assert_takes(sim, 30000 * MS, 40000 * MS); /* two at once: 80 s */
    sim_free(sim);
}

static void a_fixed_number_stays(void **state)
{
    struct sim *sim = sim_new(2, 48);

    (void)state;
    sim->hogs[0] = (struct hog){.from_ns = 1000 * MS, .to_ns = 9000 * MS, .threads = 8};
    sim_run(sim, 3);
    assert_int_equal(sim->change_count, 0);
    assert_int_equal(sim->most_running, 3);
    assert_takes(sim, 16000 * MS, 16001 * MS);
    sim_free(sim);
}

/* Looked at while something waits, at most once a second but for the first steps. */
static void looks_are_few(void **state)
{
    struct sim *sim = sim_new(2, 3);

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        sim->jobs[i] = (struct job){.compute_ns = 10000 * MS};
    }
    sim_run(sim, 0);
    assert_in_range(sim->loads, 10, 15); /* then the third is alone for 5 s */
    sim_free(sim);
    sim = sim_new(2, 1);
    sim_run(sim, 0);
    assert_int_equal(sim->loads, 0);
    sim_free(sim);
}

/* --- memory --- */

enum memory_is { DECLARED, LEARNED, OF_ITS_STAGE, UNKNOWN };

static void sim_need_a_gibibyte(struct sim *sim, enum memory_is is)
{
    sim->memory_bytes = 4 * GIB;
    for (uint32_t i = 0; i < sim->count; i++) {
        sim->jobs[i].memory_bytes = GIB;
        sim->fake.plan.instances[i].memory_bytes = is == DECLARED ? GIB : 0;
        sim->peaks[i] = is == LEARNED || (is == OF_ITS_STAGE && i == 7) ? GIB : 0;
    }
}

/* Three of them are 75 % of 4 GiB, four would be all. */
static void twenty_of_one_gibibyte_on_four(void **state)
{
    (void)state;
    for (enum memory_is is = DECLARED; is <= UNKNOWN; is++) {
        struct sim *sim = sim_new(2, 20);

        sim_need_a_gibibyte(sim, is);
        sim_run(sim, 0);
        assert_true(sim->most_bytes <= sim->memory_bytes / 100 * 85);
        assert_int_equal(sim->most_running, 3);
        assert_takes(sim, 7000 * MS, is == UNKNOWN ? 8000 * MS : 7300 * MS);
        sim_free(sim);
    }
}

/* Also with more slots than it bears. */
static void memory_binds_a_fixed_number(void **state)
{
    struct sim *sim = sim_new(2, 20);

    (void)state;
    sim_need_a_gibibyte(sim, LEARNED);
    sim_run(sim, 20);
    assert_int_equal(sim->most_running, 3);
    sim_free(sim);
}

static void others_memory_counts(void **state)
{
    struct sim *sim = sim_new(4, 20);

    (void)state;
    sim_need_a_gibibyte(sim, DECLARED);
    sim->hogs[0] = (struct hog){.to_ns = FOREVER, .memory_bytes = 3 * GIB / 2};
    sim_run(sim, 0);
    assert_int_equal(sim->most_running, 1);
    assert_takes(sim, 20000 * MS, 20001 * MS);
    sim_free(sim);
}

/* Nothing is known of the instances, but others hold 90 % for a while; then they end. */
static void a_full_machine_admits_one_at_a_time(void **state)
{
    struct sim *sim = sim_new(4, 40);

    (void)state;
    sim->hogs[0] = (struct hog){.to_ns = 10000 * MS, .memory_bytes = 15 * GIB};
    sim_run(sim, 4);
    assert_int_equal(sim->change_count, 2);
    assert_int_equal(sim->changes[0].limit, 4);
    assert_int_equal(sim->changed_ns[0], 0);
    assert_in_range(sim->changed_ns[1], 10000 * MS, 11000 * MS);
    /* Ten alone, thirty by four. */
    assert_takes(sim, 17000 * MS, 19000 * MS);
    sim_free(sim);
}

static void pressure_admits_one_at_a_time(void **state)
{
    struct sim *sim = sim_new(4, 40);

    (void)state;
    sim->hogs[0] = (struct hog){.to_ns = 5000 * MS, .pressure = 1000};
    sim->hogs[1] = (struct hog){.from_ns = 5000 * MS, .to_ns = 10000 * MS, .pressure = 1001};
    sim_run(sim, 4);
    assert_int_equal(sim->change_count, 2);
    assert_in_range(sim->changed_ns[0], 5000 * MS, 6000 * MS);
    assert_in_range(sim->changed_ns[1], 10000 * MS, 11000 * MS);
    sim_free(sim);
}

/* --- what takes more than a slot --- */

static void slots_and_pools_under_a_limit_that_moves(void **state)
{
    struct sim *sim = sim_new(2, 60);

    (void)state;
    sim->fake.slots[0] = 1;
    for (uint32_t i = 0; i < sim->count; i++) {
        struct plan_instance *inst = &sim->fake.plan.instances[i];

        inst->cpu = (uint16_t)(i % 10 == 0 ? PLAN_CPU_ALL : 1 + i % 2);
        if (i % 3 == 0) {
            sim->fake.plan.pool_uses[i] = (struct plan_pool_use){0, 1};
            inst->pools_first = i;
            inst->pool_count = 1;
        }
    }
    sim->hogs[0] = (struct hog){.from_ns = 5000 * MS, .to_ns = 15000 * MS, .threads = 8};
    sim_run(sim, 0);
    assert_int_equal(sim->engine.schedule.running, 0);
    sim_free(sim);
}

/* --- any load --- */

static uint32_t sim_random(uint64_t *random, uint32_t below)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (uint32_t)(*random >> 33) % below;
}

static struct sim *sim_random_new(uint64_t *random)
{
    struct sim *sim = sim_new(1 + sim_random(random, 8), 1 + sim_random(random, 100));

    sim->knows_nothing = sim_random(random, 3) == 0;
    for (uint32_t i = 0; i < sim->count; i++) {
        struct plan_instance *inst = &sim->fake.plan.instances[i];

        sim->jobs[i] =
            (struct job){1.0 + sim_random(random, 1500) * (double)MS,
                         sim_random(random, 1500) * (double)MS, sim_random(random, 4096) * MIB};
        inst->cpu =
            (uint16_t)(sim_random(random, 12) == 0 ? PLAN_CPU_ALL : 1 + sim_random(random, 3) / 2);
        inst->memory_bytes = sim_random(random, 2) == 0 ? sim->jobs[i].memory_bytes : 0;
        sim->peaks[i] = sim_random(random, 2) == 0 ? sim->jobs[i].memory_bytes : 0;
    }
    for (uint32_t i = 0; i < 4; i++) {
        sim->hogs[i].from_ns = sim_random(random, 20000) * MS;
        sim->hogs[i].to_ns = sim->hogs[i].from_ns + sim_random(random, 20000) * MS;
        sim->hogs[i].threads = (int)sim_random(random, 10);
        sim->hogs[i].memory_bytes = sim_random(random, 8192) * MIB;
        sim->hogs[i].pressure = (int32_t)sim_random(random, 1200);
    }
    return sim;
}

static void many_seeds(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 200; seed++) {
        uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15);
        struct sim *sim = sim_random_new(&random);

        sim_run(sim, sim_random(&random, 4) == 0 ? 1 + sim_random(&random, 20) : 0);
        sim_free(sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sleepers_get_four_times_the_processors),
        cmocka_unit_test(what_computes_keeps_the_processors),
        cmocka_unit_test(half_sleeps_and_half_computes_a_second),
        cmocka_unit_test(half_sleeps_and_half_computes_half_a_second),
        cmocka_unit_test(a_hog_lowers_the_limit_and_its_end_raises_it),
        cmocka_unit_test(what_computes_makes_room_for_a_hog),
        cmocka_unit_test(never_under_one),
        cmocka_unit_test(a_crowd_is_competed_with),
        cmocka_unit_test(with_busy_alone_eighty_percent_is_the_end),
        cmocka_unit_test(does_not_swing),
        cmocka_unit_test(a_fixed_number_stays),
        cmocka_unit_test(looks_are_few),
        cmocka_unit_test(twenty_of_one_gibibyte_on_four),
        cmocka_unit_test(memory_binds_a_fixed_number),
        cmocka_unit_test(others_memory_counts),
        cmocka_unit_test(a_full_machine_admits_one_at_a_time),
        cmocka_unit_test(pressure_admits_one_at_a_time),
        cmocka_unit_test(slots_and_pools_under_a_limit_that_moves),
        cmocka_unit_test(many_seeds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
