/* The engine on a machine that is simulated: processors shared by what runs and by others, memory
 * that fills up, pressure; all on a virtual clock, so that times are exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sim.h"

#define MS      NS_PER_MS
#define MIB     (UINT64_C(1) << 20)
#define GIB     (UINT64_C(1) << 30)
#define FOREVER (3600 * NS_PER_SEC)

enum { LOAD_MAX = 400, LOAD_CHANGES = 512 };

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

struct load_running {
    uint32_t number;
    double compute_ns, sleep_ns;
};

struct load {
    struct sim sim;
    uint32_t processors, count;
    uint64_t memory_bytes; /* of the machine */
    struct job jobs[LOAD_MAX];
    uint64_t peaks[LOAD_MAX];
    int64_t durations[LOAD_MAX];
    struct hog hogs[4];
    struct load_running running[LOAD_MAX];
    uint32_t running_count, started, finished;
    double busy_ns, own_ns, waited_ns;
    bool knows_nothing; /* but how busy processors are */
    int64_t start_ns;
    /* What was seen. */
    struct adapt_change changes[LOAD_CHANGES];
    int64_t changed_ns[LOAD_CHANGES];
    uint32_t change_count, most_running, most_computing, loads;
    uint64_t most_bytes;
};

static int64_t load_time(const struct load *load)
{
    return load->sim.virtual_clock.mono_ns - load->start_ns;
}

static const struct hog *load_hog(const struct load *load, uint32_t i)
{
    int64_t now_ns = load_time(load);

    return now_ns >= load->hogs[i].from_ns && now_ns < load->hogs[i].to_ns ? &load->hogs[i] : NULL;
}

static uint64_t load_used(const struct load *load)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < 4; i++) {
        bytes += load_hog(load, i) != NULL ? load->hogs[i].memory_bytes : 0;
    }
    for (uint32_t i = 0; i < load->running_count; i++) {
        bytes += load->jobs[load->running[i].number].memory_bytes;
    }
    return bytes;
}

/* --- the machine --- */

static int load_threads(const struct load *load, int *own)
{
    int threads = 0;

    *own = 0;
    for (uint32_t i = 0; i < load->running_count; i++) {
        *own += load->running[i].compute_ns > 0;
    }
    for (uint32_t i = 0; i < 4; i++) {
        threads += load_hog(load, i) != NULL ? load->hogs[i].threads : 0;
    }
    return threads + *own;
}

/* The next time at which something other than the clock moves. */
static int64_t load_next_end(const struct load *load, double speed)
{
    int64_t next_ns = INT64_MAX;

    for (uint32_t i = 0; i < 4; i++) {
        const struct hog *hog = &load->hogs[i];
        int64_t at_ns = hog->from_ns > load_time(load) ? hog->from_ns : hog->to_ns;

        if (at_ns > load_time(load) && load->start_ns + at_ns < next_ns) {
            next_ns = load->start_ns + at_ns;
        }
    }
    for (uint32_t i = 0; i < load->running_count; i++) {
        const struct load_running *running = &load->running[i];
        double left_ns = running->compute_ns > 0 ? running->compute_ns / speed : running->sleep_ns;
        int64_t at_ns = load->sim.virtual_clock.mono_ns + (int64_t)left_ns + 1;

        next_ns = at_ns < next_ns ? at_ns : next_ns;
    }
    return next_ns;
}

static void load_advance(struct load *load, int64_t until_ns, double speed, int threads, int own)
{
    double wall_ns = (double)(until_ns - load->sim.virtual_clock.mono_ns);
    int more = threads - (int)load->processors;

    load->busy_ns += wall_ns * speed * threads;
    load->own_ns += wall_ns * speed * own;
    if (more > 0) {
        /* As the kernel counts: processors with a queue, as a share of all. */
        load->waited_ns += wall_ns * (more < (int)load->processors ? more : (int)load->processors) /
                           (int)load->processors;
    }
    for (uint32_t i = 0; i < load->running_count; i++) {
        struct load_running *running = &load->running[i];

        *(running->compute_ns > 0 ? &running->compute_ns : &running->sleep_ns) -=
            running->compute_ns > 0 ? wall_ns * speed : wall_ns;
    }
    clock_virtual_advance(&load->sim.virtual_clock, until_ns - load->sim.virtual_clock.mono_ns);
}

static void load_take_ends(struct load *load)
{
    for (uint32_t i = 0; i < load->running_count;) {
        struct load_running running = load->running[i];
        struct note note = {.kind = NOTE_EXITED, .instance = {running.number}};

        if (running.compute_ns > 0 || running.sleep_ns > 0) {
            i++;
            continue;
        }
        load->running[i] = load->running[--load->running_count];
        sim_note(&load->sim, note);
        note.kind = NOTE_ENDED;
        note.event.attempt = 1;
        note.event.max_rss_bytes = (int64_t)load->jobs[running.number].memory_bytes;
        sim_note(&load->sim, note);
        load->finished++;
    }
}

static bool load_wait(void *ctx, int64_t deadline_ns, struct err *err)
{
    struct load *load = ctx;

    (void)err;
    while (!sim_has_note(load) && load->sim.virtual_clock.mono_ns < deadline_ns) {
        int own, threads = load_threads(load, &own);
        double speed = threads > (int)load->processors ? (double)load->processors / threads : 1;
        int64_t next_ns = load_next_end(load, speed);

        assert_true(next_ns != INT64_MAX || deadline_ns != INT64_MAX);
        load_advance(load, next_ns < deadline_ns ? next_ns : deadline_ns, speed, threads, own);
        load_take_ends(load);
    }
    return true;
}

static void load_look_at(void *ctx, bool adapts, struct adapt_facts *facts)
{
    struct load *load = ctx;

    load->loads++;
    *facts = (struct adapt_facts){.busy_ns = adapts ? (int64_t)load->busy_ns : -1,
                                  .own_ns = -1,
                                  .waited_ns = -1,
                                  .pressure = -1,
                                  .used_bytes = load_used(load),
                                  .total_bytes = load->memory_bytes};
    if (adapts && !load->knows_nothing) {
        facts->own_ns = (int64_t)load->own_ns;
        facts->waited_ns = (int64_t)load->waited_ns;
    }
    for (uint32_t i = 0; i < 4; i++) {
        if (load_hog(load, i) != NULL && load->hogs[i].pressure > facts->pressure) {
            facts->pressure = load->hogs[i].pressure;
        }
    }
}

static uint64_t load_memory(void *ctx, struct inst_id instance)
{
    const struct load *load = ctx;

    return load->jobs[instance.n].memory_bytes;
}

static void load_start(void *ctx, struct inst_id instance)
{
    struct load *load = ctx;
    const struct job *job = &load->jobs[instance.n];

    load->started++;
    load->running[load->running_count++] =
        (struct load_running){instance.n, job->compute_ns, job->sleep_ns};
    if (load->running_count > load->most_running) {
        load->most_running = load->running_count;
    }
    if (load_used(load) > load->most_bytes) {
        load->most_bytes = load_used(load);
    }
}

/* --- the rest of the world, in which nothing goes wrong --- */

static enum decide_verdict load_look(void *ctx, struct inst_id instance)
{
    (void)ctx;
    (void)instance;
    return DECIDE_MISS;
}

static enum decide_bytes load_bytes(void *ctx, struct inst_id instance)
{
    (void)ctx;
    (void)instance;
    return DECIDE_BYTES_PRESENT;
}

static void load_demand(void *ctx, struct inst_id instance, struct decide *decide)
{
    (void)ctx;
    (void)instance;
    (void)decide;
}

static void load_describe(void *ctx, struct inst_id instance, uint32_t attempt, uint32_t cpus,
                          struct arena *arena, struct event *event)
{
    (void)ctx;
    (void)cpus;
    event->attempt_id = str_printf(arena, "%u.%u", instance.n, attempt);
}

static void load_signal(void *ctx, struct inst_id instance, int signal)
{
    (void)ctx;
    (void)instance;
    (void)signal;
    fail_msg("nothing is ended here");
}

static void load_tell(void *ctx, const struct event *event, const struct run_state *state)
{
    struct load *load = ctx;
    struct adapt_change *change = &load->changes[load->change_count];

    (void)state;
    if (event->type != EVENT_LIMIT_CHANGED) {
        return;
    }
    assert_true(load->change_count < LOAD_CHANGES);
    load->changed_ns[load->change_count++] = load_time(load);
    change->before = (uint32_t)event->limit_before;
    change->limit = (uint32_t)event->limit;
    snprintf(change->reason, sizeof(change->reason), "%.*s", STR_ARG(event->reason));
    assert_true(event->reason.len != 0);
}

static struct engine_world load_world(struct load *load)
{
    return (struct engine_world){.ctx = load,
                                 .facts = {load, load_look, load_bytes, load_demand},
                                 .now_ns = sim_now,
                                 .wait = load_wait,
                                 .next_note = sim_next_note,
                                 .has_note = sim_has_note,
                                 .describe = load_describe,
                                 .start = load_start,
                                 .signal = load_signal,
                                 .accept = sim_nothing,
                                 .reject = sim_nothing,
                                 .consumed = sim_nothing,
                                 .load = load_look_at,
                                 .memory = load_memory};
}

/* --- one run --- */

/* On `processors`, with 16 GiB; jobs are 1 s of sleep until the test says otherwise. */
static struct load *load_new(uint32_t processors, uint32_t count)
{
    struct load *load = mem_calloc(1, sizeof(*load));

    load->processors = processors;
    load->count = count;
    load->memory_bytes = 16 * GIB;
    sim_init(&load->sim, count, NULL, 0);
    load->start_ns = sim_now(load);
    for (uint32_t i = 0; i < count; i++) {
        load->jobs[i].sleep_ns = 1000 * MS;
    }
    return load;
}

/* Every second one computes so long. */
static void load_mix(struct load *load, double compute_ns)
{
    for (uint32_t i = 1; i < load->count; i += 2) {
        load->jobs[i] = (struct job){.compute_ns = compute_ns};
    }
}

/* `fixed` 0: adapted. */
static void load_go(struct load *load, uint32_t fixed)
{
    struct engine_world world = load_world(load);
    struct engine_options options = {
        .jobs = fixed != 0 ? fixed : load->processors,
        .jobs_most = fixed != 0 ? 0 : load->processors * ADAPT_SLOTS_A_PROCESSOR,
        .memory_limit_bytes = load->memory_bytes / 100 * ADAPT_MEMORY_PERCENT,
        .duration_ns = load->durations,
        .peak_bytes = load->peaks};
    struct event started = {.instances = load->count};
    struct decide decide;
    struct err err = {0};

    sim_decide(&load->sim, &world, &decide);
    assert_true(recorder_begin(&load->sim.recorder, &started, NULL, &err));
    assert_int_equal(sim_run(&load->sim, &decide, &world, &options, &err), 0);
    assert_int_equal(err.status, 0);
}

/* Whatever the load: all ran once, each step is legal, and the record says so. */
static void load_check(const struct load *load, bool fixed)
{
    uint32_t limit = load->processors, most = load->processors * ADAPT_SLOTS_A_PROCESSOR;
    int64_t fell_ns = -NS_PER_SEC;

    assert_int_equal(load->started, load->count);
    assert_int_equal(run_state_ended(&load->sim.recorder.state), load->count);
    assert_int_equal(load->sim.engine.schedule.slots_taken, 0);
    assert_int_equal(load->sim.engine.schedule.memory_taken_bytes, 0);
    for (uint32_t i = 0; !fixed && i < load->change_count; i++) {
        const struct adapt_change *change = &load->changes[i];

        assert_int_equal(change->before, limit);
        limit = change->limit;
        assert_in_range(limit, 1, most);
        if (limit < change->before) {
            assert_int_equal(limit, change->before - 1);
            assert_true(load->changed_ns[i] - fell_ns >= NS_PER_SEC);
            fell_ns = load->changed_ns[i];
        }
    }
    assert_true(fixed || load->most_running <= most);
}

static void load_run(struct load *load, uint32_t fixed)
{
    struct temp_folder folder;

    temp_folder_make(&folder);
    assert_int_equal(fchdir(folder.fd), 0);
    sim_open(&load->sim);
    recorder_watch(&load->sim.recorder, &(struct observer){.ctx = load, .tell = load_tell});
    load_go(load, fixed);
    load_check(load, fixed != 0);
    sim_close(&load->sim);
    assert_int_equal(chdir("/"), 0);
    temp_folder_remove(&folder);
}

static void load_free(struct load *load)
{
    sim_fini(&load->sim);
    free(load);
}

/* The highest limit up to a time. */
static uint32_t load_limit_at(const struct load *load, int64_t at_ns)
{
    uint32_t limit = load->processors;

    for (uint32_t i = 0; i < load->change_count && load->changed_ns[i] <= at_ns; i++) {
        limit = load->changes[i].limit;
    }
    return limit;
}

static void assert_takes(const struct load *load, int64_t least_ns, int64_t most_ns)
{
    if (load_time(load) < least_ns || load_time(load) > most_ns) {
        for (uint32_t i = 0; i < load->change_count; i++) {
            print_message("%6.2f s: %u: %s\n", (double)load->changed_ns[i] / 1e9,
                          load->changes[i].limit, load->changes[i].reason);
        }
        fail_msg("it took %.2f s, not %.2f to %.2f", (double)load_time(load) / 1e9,
                 (double)least_ns / 1e9, (double)most_ns / 1e9);
    }
}

/* --- memory of our own --- */

static uint64_t calls_warm, calls_end;

static void tell_calls(void *ctx, const struct event *event, const struct run_state *state)
{
    const struct load *load = ctx;
    uint32_t done = state->counts[INST_DONE];

    if (event->type == EVENT_ATTEMPT_FINISHED && done == load->count / 4) {
        calls_warm = mem_calls();
    }
    calls_end = event->type == EVENT_ATTEMPT_FINISHED ? mem_calls() : calls_end;
}

/* Three hundred commands, in as many turns and more: a few arrays and arenas grow once more,
 * nothing is allocated for each. */
static void a_warm_turn_allocates_nothing(void **state)
{
    struct load *load = load_new(2, LOAD_MAX);
    struct temp_folder folder;

    (void)state;
    temp_folder_make(&folder);
    assert_int_equal(fchdir(folder.fd), 0);
    sim_open(&load->sim);
    load->sim.recorder.saved = saved_state_none(); /* as rarely as for anybody */
    recorder_watch(&load->sim.recorder, &(struct observer){.ctx = load, .tell = tell_calls});
    load_go(load, 2);
    sim_close(&load->sim);
    assert_int_equal(chdir("/"), 0);
    temp_folder_remove(&folder);
    assert_in_range(calls_end - calls_warm, 0, LOAD_MAX / 20);
    load_free(load);
}

/* --- processors --- */

static void sleepers_get_four_times_the_processors(void **state)
{
    struct load *load = load_new(2, 48);

    (void)state;
    load_run(load, 0);
    assert_int_equal(load->most_running, 8);
    assert_int_equal(load_limit_at(load, 1000 * MS), 8);
    /* 6 s with eight at once, and less than one to get there. */
    assert_takes(load, 6000 * MS, 7000 * MS);
    load_free(load);
}

static void what_computes_keeps_the_processors(void **state)
{
    struct load *load = load_new(2, 48);

    (void)state;
    for (uint32_t i = 0; i < load->count; i++) {
        load->jobs[i] = (struct job){.compute_ns = 1000 * MS};
    }
    load_run(load, 0);
    assert_int_equal(load->change_count, 0);
    assert_int_equal(load->most_running, 2);
    assert_takes(load, 24000 * MS, 24001 * MS);
    load_free(load);
}

/* Two at once would take (24 s + 24 s) / 2 = 24 s; no order is faster than 24 s / 2 = 12 s. */
static void half_sleeps_and_half_computes_a_second(void **state)
{
    struct load *load = load_new(2, 48);

    (void)state;
    load_mix(load, 1000 * MS);
    load_run(load, 0);
    assert_takes(load, 12000 * MS, 13500 * MS);
    load_free(load);
}

/* Two at once: (24 s + 12 s) / 2 = 18 s; the bound is 6 s. */
static void half_sleeps_and_half_computes_half_a_second(void **state)
{
    struct load *load = load_new(2, 48);

    (void)state;
    load_mix(load, 500 * MS);
    load_run(load, 0);
    assert_takes(load, 6000 * MS, 7200 * MS);
    load_free(load);
}

/* --- others --- */

static void a_hog_lowers_the_limit_and_its_end_raises_it(void **state)
{
    struct load *load = load_new(2, 120);
    uint32_t before;

    (void)state;
    load_mix(load, 1000 * MS);
    load->hogs[0] = (struct hog){.from_ns = 8300 * MS, .to_ns = 20000 * MS, .threads = 1};
    load_run(load, 0);
    before = load_limit_at(load, 8300 * MS);
    assert_true(before > 2);
    assert_int_equal(load_limit_at(load, 10300 * MS), before - 1);
    assert_int_equal(load_limit_at(load, 20000 * MS), 2);
    assert_true(load_limit_at(load, 27000 * MS) > 2);
    load_free(load);
}

static void what_computes_makes_room_for_a_hog(void **state)
{
    struct load *load = load_new(2, 40);

    (void)state;
    for (uint32_t i = 0; i < load->count; i++) {
        load->jobs[i] = (struct job){.compute_ns = 1000 * MS};
    }
    load->hogs[0] = (struct hog){.from_ns = 8300 * MS, .to_ns = 15000 * MS, .threads = 1};
    load_run(load, 0);
    assert_int_equal(load->change_count, 2);
    assert_int_equal(load->changes[0].limit, 1);
    assert_in_range(load->changed_ns[0], 8300 * MS, 10300 * MS);
    assert_int_equal(load->changes[1].limit, 2);
    assert_in_range(load->changed_ns[1], 15000 * MS, 17000 * MS);
    load_free(load);
}

/* One slot a second down to one, and there it stays. */
static void never_under_one(void **state)
{
    struct load *load = load_new(4, 60);
    uint32_t least = 4;

    (void)state;
    for (uint32_t i = 0; i < load->count; i++) {
        load->jobs[i] = (struct job){.compute_ns = 300 * MS};
    }
    load->hogs[0] = (struct hog){.from_ns = 1000 * MS, .to_ns = FOREVER, .threads = 4};
    load_run(load, 0);
    for (uint32_t i = 0; i < load->change_count; i++) {
        assert_int_equal(load->changes[i].limit, --least);
    }
    assert_int_equal(least, 1);
    load_free(load);
}

/* A crowd gets the slots beyond the processors, and nothing would come of giving more. */
static void a_crowd_is_competed_with(void **state)
{
    struct load *load = load_new(4, 100);

    (void)state;
    for (uint32_t i = 0; i < load->count; i++) {
        load->jobs[i] = (struct job){.compute_ns = 300 * MS, .sleep_ns = 700 * MS};
    }
    load->hogs[0] = (struct hog){.from_ns = 5000 * MS, .to_ns = FOREVER, .threads = 40};
    load_run(load, 0);
    assert_true(load_limit_at(load, 5000 * MS) > 8);
    for (uint32_t i = 0; i < load->change_count; i++) {
        assert_true(load->changes[i].limit >= 4);
    }
    assert_int_equal(load_limit_at(load, FOREVER), 4);
    load_free(load);
}

/* Where others and waiting are not known 80 % is the end, and the processors are never given up. */
static void with_busy_alone_eighty_percent_is_the_end(void **state)
{
    struct load *load = load_new(4, 400);
    uint32_t i;

    (void)state;
    load->knows_nothing = true;
    load->hogs[0] = (struct hog){.from_ns = 4000 * MS, .to_ns = 20000 * MS, .threads = 4};
    /* 75 %: too much to come back. */
    load->hogs[1] = (struct hog){.from_ns = 20000 * MS, .to_ns = 30000 * MS, .threads = 3};
    /* 50 %: ten points less than it takes. */
    load->hogs[2] = (struct hog){.from_ns = 30000 * MS, .to_ns = FOREVER, .threads = 2};
    load_run(load, 0);
    assert_int_equal(load_limit_at(load, 4000 * MS), 16);
    assert_int_equal(load_limit_at(load, 6000 * MS), 15);
    for (i = 0; load->changes[i].limit != 15; i++) {
    }
    for (uint32_t limit = 15; limit >= 4; limit--) {
        assert_int_equal(load->changes[i++].limit, limit);
    }
    assert_int_equal(load_limit_at(load, 30000 * MS), 4);
    assert_true(load_limit_at(load, 36000 * MS) > 4);
    load_free(load);
}

/* A load that comes and goes every second does not make the limit swing. */
static void does_not_swing(void **state)
{
    struct load *load = load_new(2, 200);
    uint32_t turns = 0;

    (void)state;
    for (uint32_t i = 0; i < load->count; i++) {
        load->jobs[i] = (struct job){.compute_ns = 300 * MS, .sleep_ns = 500 * MS};
    }
    load_run(load, 0);
    for (uint32_t i = 1; i < load->change_count; i++) {
        turns += (load->changes[i].limit > load->changes[i].before) !=
                 (load->changes[i - 1].limit > load->changes[i - 1].before);
    }
    /* In half a minute: there, back, and a few tries that come more and more seldom. */
    assert_in_range(turns, 0, 8);
    assert_takes(load, 30000 * MS, 40000 * MS); /* two at once: 80 s */
    load_free(load);
}

static void a_fixed_number_stays(void **state)
{
    struct load *load = load_new(2, 48);

    (void)state;
    load->hogs[0] = (struct hog){.from_ns = 1000 * MS, .to_ns = 9000 * MS, .threads = 8};
    load_run(load, 3);
    assert_int_equal(load->change_count, 0);
    assert_int_equal(load->most_running, 3);
    assert_takes(load, 16000 * MS, 16001 * MS);
    load_free(load);
}

/* Looked at while something waits, at most once a second but for the first steps. */
static void looks_are_few(void **state)
{
    struct load *load = load_new(2, 3);

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        load->jobs[i] = (struct job){.compute_ns = 10000 * MS};
    }
    load_run(load, 0);
    assert_in_range(load->loads, 10, 15); /* then the third is alone for 5 s */
    load_free(load);
    load = load_new(2, 1);
    load_run(load, 0);
    assert_int_equal(load->loads, 0);
    load_free(load);
}

/* --- memory --- */

enum memory_is { DECLARED, LEARNED, OF_ITS_STAGE, UNKNOWN };

static void load_need_a_gibibyte(struct load *load, enum memory_is is)
{
    load->memory_bytes = 4 * GIB;
    for (uint32_t i = 0; i < load->count; i++) {
        load->jobs[i].memory_bytes = GIB;
        load->sim.fake.plan.instances[i].memory_bytes = is == DECLARED ? GIB : 0;
        load->peaks[i] = is == LEARNED || (is == OF_ITS_STAGE && i == 7) ? GIB : 0;
    }
}

/* Three of them are 75 % of 4 GiB, four would be all. */
static void twenty_of_one_gibibyte_on_four(void **state)
{
    (void)state;
    for (enum memory_is is = DECLARED; is <= UNKNOWN; is++) {
        struct load *load = load_new(2, 20);

        load_need_a_gibibyte(load, is);
        load_run(load, 0);
        assert_true(load->most_bytes <= load->memory_bytes / 100 * 85);
        assert_int_equal(load->most_running, 3);
        assert_takes(load, 7000 * MS, is == UNKNOWN ? 8000 * MS : 7300 * MS);
        load_free(load);
    }
}

/* Also with more slots than it bears. */
static void memory_binds_a_fixed_number(void **state)
{
    struct load *load = load_new(2, 20);

    (void)state;
    load_need_a_gibibyte(load, LEARNED);
    load_run(load, 20);
    assert_int_equal(load->most_running, 3);
    load_free(load);
}

static void others_memory_counts(void **state)
{
    struct load *load = load_new(4, 20);

    (void)state;
    load_need_a_gibibyte(load, DECLARED);
    load->hogs[0] = (struct hog){.to_ns = FOREVER, .memory_bytes = 3 * GIB / 2};
    load_run(load, 0);
    assert_int_equal(load->most_running, 1);
    assert_takes(load, 20000 * MS, 20001 * MS);
    load_free(load);
}

/* Nothing is known of the instances, but others hold 90 % for a while; then they end. */
static void a_full_machine_admits_one_at_a_time(void **state)
{
    struct load *load = load_new(4, 40);

    (void)state;
    load->hogs[0] = (struct hog){.to_ns = 10000 * MS, .memory_bytes = 15 * GIB};
    load_run(load, 4);
    assert_int_equal(load->change_count, 2);
    assert_int_equal(load->changes[0].limit, 4);
    assert_int_equal(load->changed_ns[0], 0);
    assert_in_range(load->changed_ns[1], 10000 * MS, 11000 * MS);
    /* Ten alone, thirty by four. */
    assert_takes(load, 17000 * MS, 19000 * MS);
    load_free(load);
}

static void pressure_admits_one_at_a_time(void **state)
{
    struct load *load = load_new(4, 40);

    (void)state;
    load->hogs[0] = (struct hog){.to_ns = 5000 * MS, .pressure = 1000};
    load->hogs[1] = (struct hog){.from_ns = 5000 * MS, .to_ns = 10000 * MS, .pressure = 1001};
    load_run(load, 4);
    assert_int_equal(load->change_count, 2);
    assert_in_range(load->changed_ns[0], 5000 * MS, 6000 * MS);
    assert_in_range(load->changed_ns[1], 10000 * MS, 11000 * MS);
    load_free(load);
}

/* --- what takes more than a slot --- */

static void slots_and_pools_under_a_limit_that_moves(void **state)
{
    struct load *load = load_new(2, 60);

    (void)state;
    load->sim.fake.slots[0] = 1;
    for (uint32_t i = 0; i < load->count; i++) {
        struct plan_instance *inst = &load->sim.fake.plan.instances[i];

        inst->cpu = (uint16_t)(i % 10 == 0 ? PLAN_CPU_ALL : 1 + i % 2);
        if (i % 3 == 0) {
            load->sim.fake.plan.pool_uses[i] = (struct plan_pool_use){0, 1};
            inst->pools_first = i;
            inst->pool_count = 1;
        }
    }
    load->hogs[0] = (struct hog){.from_ns = 5000 * MS, .to_ns = 15000 * MS, .threads = 8};
    load_run(load, 0);
    assert_int_equal(load->sim.engine.schedule.running, 0);
    load_free(load);
}

/* --- any load --- */

static struct load *load_random_new(struct sim *dice)
{
    struct load *load = load_new(1 + sim_random(dice, 8), 1 + sim_random(dice, 100));

    load->knows_nothing = sim_random(dice, 3) == 0;
    for (uint32_t i = 0; i < load->count; i++) {
        struct plan_instance *inst = &load->sim.fake.plan.instances[i];

        load->jobs[i] =
            (struct job){1.0 + sim_random(dice, 1500) * (double)MS,
                         sim_random(dice, 1500) * (double)MS, sim_random(dice, 4096) * MIB};
        inst->cpu =
            (uint16_t)(sim_random(dice, 12) == 0 ? PLAN_CPU_ALL : 1 + sim_random(dice, 3) / 2);
        inst->memory_bytes = sim_random(dice, 2) == 0 ? load->jobs[i].memory_bytes : 0;
        load->peaks[i] = sim_random(dice, 2) == 0 ? load->jobs[i].memory_bytes : 0;
    }
    for (uint32_t i = 0; i < 4; i++) {
        load->hogs[i].from_ns = sim_random(dice, 20000) * MS;
        load->hogs[i].to_ns = load->hogs[i].from_ns + sim_random(dice, 20000) * MS;
        load->hogs[i].threads = (int)sim_random(dice, 10);
        load->hogs[i].memory_bytes = sim_random(dice, 8192) * MIB;
        load->hogs[i].pressure = (int32_t)sim_random(dice, 1200);
    }
    return load;
}

static void many_seeds(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 200; seed++) {
        struct sim dice = {.random = seed * UINT64_C(0x9e3779b97f4a7c15)};
        struct load *load = load_random_new(&dice);

        load_run(load, sim_random(&dice, 4) == 0 ? 1 + sim_random(&dice, 20) : 0);
        load_free(load);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_warm_turn_allocates_nothing),
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
