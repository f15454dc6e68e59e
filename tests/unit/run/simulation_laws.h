#ifndef PAWL_TESTS_SIMULATION_LAWS_H
#define PAWL_TESTS_SIMULATION_LAWS_H
/* The simulated world and what must hold in it at every moment: what is asked when something
 * starts, and that the record read again is the state that is live. */
#include <signal.h>

#include "model/run_state_pack.h"
#include "run/hooks.h"
#include "simulation_files.h"

enum { SIM_WAITS = 20000, SIM_MEMORY = 1000, SIM_RETRIES = 3, SIM_BREAKERS = 2 };
enum { SIM_EFFECTS = 1000, SIM_EFFECT_ID_BYTES = 24 };

struct world_effect { /* see simulation_effects.h */
    uint32_t number;
    char id[SIM_EFFECT_ID_BYTES];
    uint32_t ended; /* 0: unknown */
    bool good, condemned, undone, given_up;
};

struct sim_running {
    uint32_t number, cpus, attempt;
    enum { GOES, COMMITS } phase;
    int64_t end_ns;
    uint64_t key;
    enum cause cause;
    bool hangs, frozen;
    int64_t started_ns, frozen_at_ns, frozen_ns; /* how long it stood still before */
};

struct sim_restoring {
    uint32_t number;
    int64_t end_ns;
};

struct world {
    struct sim sim;
    uint32_t count, attempts, waits;
    struct job jobs[SIM_MAX];
    struct engine_options options;
    int64_t duration_ns[SIM_MAX];
    bool loaded, calm;
    /* A pool of tokens, from which others take and to which they give back when time goes on. */
    uint32_t tokens_total, tokens_free, tokens_ours, tokens_others;
    bool token_wanted;
    /* The process. */
    struct fact facts[SIM_MAX];
    uint8_t cleaned[SIM_MAX]; /* by instance with `always`: attempts of the process */
    uint8_t ran[SIM_MAX];     /* in this run, by the record that it began with */
    struct sim_running running[SIM_MAX];
    uint32_t running_count;
    struct sim_restoring restoring[SIM_MAX];
    uint32_t restoring_count;
    uint32_t granted[SIM_MAX];
    int64_t signal_at_ns;
    /* What others ask of the run; with numbers of its own, so that a seed without is as it was. */
    bool controlled;
    uint64_t control_random;
    int64_t ask_at_ns;
    uint32_t asks_left, asked, answered;
    uint32_t dies_in; /* moments at which it could; 0: not */
    bool dead, failed, was_cut;
    struct breaker breakers[SIM_BREAKERS]; /* as the process knows them; kept when they move */
    struct breaker kept_breakers[SIM_BREAKERS];
    const enum cause *script; /* by attempts of the process: how they end, in no time; NULL: by
                                 chance */
    struct manifest manifest; /* of its hooks */
    struct hooks hooks;
    bool hook_runs, hook_killed;
    int64_t hook_end_ns;
    bool full; /* the disk */
    /* What stages did outside, in the order in which they started; with numbers of its own. */
    bool acts_outside;
    uint64_t effect_numbers;
    struct world_effect effects[SIM_EFFECTS];
    uint32_t effect_count, effect_ends;
    struct m_variant variant; /* of those instances that have one */
    struct m_variants variants;
    struct plan_instance owns[SIM_MAX], chosen[SIM_MAX];
};

static inline uint32_t effect_random(struct world *world, uint32_t below)
{
    world->effect_numbers =
        world->effect_numbers * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(world->effect_numbers >> 33) % below;
}

static const struct plan_instance *world_instance(const struct world *world, uint32_t number)
{
    return &world->sim.fake.plan.instances[number];
}

static uint32_t world_producer(const struct world *world, uint32_t number, uint32_t i)
{
    return world->sim.fake.plan.edges[world_instance(world, number)->producers_first + i].n;
}

/* A moment at which the process may die: from then on it does nothing. */
static bool world_dies(struct world *world)
{
    if (world->dies_in != 0 && --world->dies_in == 0) {
        world->dead = true;
    }
    return world->dead;
}

/* --- laws of every moment --- */

/* Nothing runs in a run that is paused but what stands still. */
static void check_pause(const struct world *world)
{
    for (uint32_t i = 0; world->sim.recorder.state.status == RUN_PAUSED && i < world->running_count;
         i++) {
        assert_true(world->running[i].phase == GOES && world->running[i].frozen);
    }
    assert_true(world->sim.recorder.state.status != RUN_PAUSED || world->restoring_count == 0);
}

/* Who is told to end for its time has had it, moments in which it stood still left out. */
static void check_timeout(const struct world *world, const struct sim_running *running)
{
    const struct engine *engine = &world->sim.engine;
    int64_t ran_ns = world->sim.virtual_clock.mono_ns - running->started_ns - running->frozen_ns;

    for (uint32_t i = 0; i < engine->live_count; i++) {
        if (engine->live[i].instance.n == running->number && engine->live[i].timed_out) {
            assert_true(ran_ns >= world_instance(world, running->number)->timeout_ns);
        }
    }
}

/* What a producer made must not be replaced while somebody reads it. */
static void check_nobody_reads(const struct world *world, uint32_t number)
{
    for (uint32_t i = 0; i < world->running_count; i++) {
        uint32_t reader = world->running[i].number;

        for (uint32_t p = 0; p < world_instance(world, reader)->producer_count; p++) {
            assert_true(world_producer(world, reader, p) != number);
        }
    }
}

static void check_pools(const struct world *world)
{
    const struct plan *plan = &world->sim.fake.plan;
    uint32_t taken[SIM_POOLS] = {0}, users[SIM_POOLS] = {0};

    for (uint32_t i = 0; i < world->running_count; i++) {
        const struct plan_instance *inst = world_instance(world, world->running[i].number);

        for (uint32_t u = 0; u < inst->pool_count && world->running[i].phase == GOES; u++) {
            const struct plan_pool_use *use = &plan->pool_uses[inst->pools_first + u];

            taken[use->pool] += use->slots;
            users[use->pool]++;
        }
    }
    for (uint32_t pool = 0; pool < SIM_POOLS; pool++) {
        assert_true(users[pool] <= 1 || taken[pool] <= plan->pool_slots[pool]);
    }
}

/* One alone may need whatever it needs, and who needs nothing that is known may come beside it;
 * else nothing is exceeded. `last` started just now. */
static void check_limits(const struct world *world, uint32_t last)
{
    uint32_t cpus = 0, alone = 0, goes = 0;
    uint64_t memory_bytes = 0;

    for (uint32_t i = 0; i < world->running_count; i++) {
        const struct plan_instance *inst = world_instance(world, world->running[i].number);

        if (world->running[i].phase == GOES) {
            goes++;
            cpus += world->running[i].cpus;
            memory_bytes += inst->memory_bytes;
            alone += inst->tty || inst->cpu == PLAN_CPU_ALL;
        }
    }
    assert_true(goes <= 1 || alone == 0);
    assert_true(goes <= 1 || cpus <= world->sim.engine.schedule.limit);
    assert_true(goes <= 1 || memory_bytes <= world->options.memory_limit_bytes ||
                world->options.memory_limit_bytes == 0 ||
                world_instance(world, last)->memory_bytes == 0);
    assert_true(world->tokens_total == 0 || cpus <= 1 + world->tokens_ours);
    assert_true(world->sim.engine.schedule.limit <=
                (world->options.jobs_most != 0 ? world->options.jobs_most : world->options.jobs));
    check_pools(world);
}

/* `last` started just now: its breaker let it through, and no other beside a probe. */
static void check_breaker(const struct world *world, uint32_t last)
{
    uint32_t number = world_instance(world, last)->breaker;
    const struct breaker *breaker = number != 0 ? &world->breakers[number - 1] : NULL;

    if (breaker == NULL || world->sim.engine.breakers == NULL) {
        return;
    }
    assert_true(breaker->state != BREAKER_OPEN);
    assert_true(breaker->state != BREAKER_HALF_OPEN || breaker->probing);
}

/* What failed is made again as often as its retries allow in this run, and no more. */
static void check_retries(const struct world *world, uint32_t last)
{
    const struct plan_instance *inst = world_instance(world, last);

    assert_true(world->sim.recorder.state.instances[last].retries <=
                world->sim.fake.retries[inst->retry].max);
}

static bool effect_forgotten(const struct world *world, uint32_t number);

/* What is on record and to be had is not made again. */
static void check_is_needed(struct world *world, uint32_t number, uint64_t key)
{
    const struct plan_instance *inst = world_instance(world, number);
    struct job *job = &world->jobs[number];
    const struct sim_result *known = job_find_result(job, key, inst->last_only);
    bool counts = known != NULL && (!inst->no_cache || (world->ran[number] && !inst->always));

    assert_false(counts && job_has(job, known->value) && !effect_forgotten(world, number));
    for (uint32_t i = 0; i < world->running_count; i++) {
        assert_true(world->running[i].number != number);
    }
}

/* Who starts last starts behind all that does not, and behind what it waits for. */
static void check_is_last(struct world *world, uint32_t number)
{
    const struct run_state *state = &world->sim.recorder.state;

    for (uint32_t i = 0; i < world->count; i++) {
        assert_true(world_instance(world, i)->always ||
                    inst_state_is_final(state->instances[i].state));
    }
    for (uint32_t i = 0; i < world_instance(world, number)->producer_count; i++) {
        assert_true(inst_state_is_final(state->instances[world_producer(world, number, i)].state));
    }
    assert_true(world->sim.engine.signals_seen < 2);
    world->cleaned[number]++;
}

/* --- two states that must be the same --- */

/* Times are written in milliseconds. */
static inline void assert_time(int64_t live_ns, int64_t read_ns)
{
    assert_int_equal(live_ns / NS_PER_MS, read_ns / NS_PER_MS);
}

static inline void assert_str(struct str live, struct str read)
{
    if (!str_equal(live, read)) {
        fail_msg("'%.*s' was recorded as '%.*s'", STR_ARG(live), STR_ARG(read));
    }
}

static inline void assert_inst_state(const struct inst_status *live, const struct inst_status *read)
{
    const struct inst_told *live_told = inst_told(live), *read_told = inst_told(read);

    assert_string_equal(inst_state_name(live->state), inst_state_name(read->state));
    assert_time(live->ready_at_ns, read->ready_at_ns);
    assert_time(live->started_at_ns, read->started_at_ns);
    assert_time(live->ended_at_ns, read->ended_at_ns);
    assert_int_equal(live->wall_ns, read->wall_ns);
    assert_int_equal(live->cpu_ns, read->cpu_ns);
    assert_int_equal(live->max_rss_bytes, read->max_rss_bytes);
    assert_int_equal(live->exit_code, read->exit_code);
    assert_int_equal(live->signal, read->signal);
    assert_int_equal(live->attempts, read->attempts);
    assert_int_equal(live->retries, read->retries);
    assert_str(live->name, read->name);
    assert_str(live->stage, read->stage);
    assert_str(live->attempt_id, read->attempt_id);
    assert_str(live->place, read->place);
    assert_str(live_told->reason, read_told->reason);
    assert_str(live_told->cause, read_told->cause);
    assert_str(live_told->log, read_told->log);
    assert_int_equal(live_told->left, read_told->left);
    assert_int_equal(live_told->out, read_told->out);
    assert_str(inst_progress_text(live_told->progress), inst_progress_text(read_told->progress));
    assert_int_equal(live_told->progress != NULL, read_told->progress != NULL);
    if (live_told->progress != NULL) {
        assert_int_equal(live_told->progress->permille, read_told->progress->permille);
        assert_true(live_told->progress->permille <= 1000);
        assert_true(live_told->progress->left_ns == read_told->progress->left_ns);
    }
}

static inline void assert_state(const struct run_state *live, const struct run_state *read)
{
    assert_string_equal(run_status_name(live->status), run_status_name(read->status));
    assert_str(live->run, read->run);
    assert_str(live->trace, read->trace);
    assert_str(live->reason, read->reason);
    assert_time(live->started_at_ns, read->started_at_ns);
    assert_time(live->ended_at_ns, read->ended_at_ns);
    assert_time(live->paused_at_ns, read->paused_at_ns);
    assert_str(live->asked_by, read->asked_by);
    assert_time(live->last_event_ns, read->last_event_ns);
    assert_int_equal(live->last_seq, read->last_seq);
    assert_int_equal(live->pid, read->pid);
    assert_int_equal(live->resumes, read->resumes);
    assert_int_equal(live->exit_status, read->exit_status);
    assert_int_equal(live->limit, read->limit);
    assert_int_equal(live->attempts_started, read->attempts_started);
    assert_int_equal(live->attempts_finished, read->attempts_finished);
    assert_int_equal(live->kept_files, read->kept_files);
    assert_int_equal(live->differing_results, read->differing_results);
    assert_int_equal(live->unknown_events, read->unknown_events);
    assert_memory_equal(live->counts, read->counts, sizeof(live->counts));
    assert_int_equal(live->instance_count, read->instance_count);
    for (uint32_t i = 0; i < live->instance_count; i++) {
        assert_inst_state(&live->instances[i], &read->instances[i]);
    }
}

/* Who only looks sees what the whole record says. */
static void check_look(const struct world *world, const struct run_id *id)
{
    int pawl_fd = world->sim.session.workspace.pawlfd;
    struct strbuf packed[2] = {{0}, {0}};
    struct run_state states[2];

    for (int i = 0; i < 2; i++) {
        run_state_init(&states[i]);
    }
    assert_true(recorder_replay(pawl_fd, id, &states[0], NULL, NULL, NULL));
    assert_true(recorder_look(pawl_fd, id, &states[1], NULL));
    for (int i = 0; i < 2; i++) {
        run_state_pack(&states[i], &packed[i]);
        run_state_fini(&states[i]);
    }
    assert_int_equal(packed[0].len, packed[1].len);
    assert_memory_equal(packed[0].data, packed[1].data, packed[0].len);
    strbuf_fini(&packed[0]);
    strbuf_fini(&packed[1]);
}

/* What the record says is what is live. */
static void check_record(struct world *world)
{
    const struct event_log *log = world->sim.recorder.log;
    struct run_state read;
    struct err err = {0};

    /* A hook that was announced is written by the next turn. */
    if (event_log_seq(log) != event_log_flushed(log)) {
        return;
    }
    run_state_init(&read);
    if (!recorder_replay(world->sim.session.workspace.pawlfd, &world->sim.recorder.id, &read, NULL,
                         NULL, &err)) {
        fail_msg("%s", err.text);
    }
    assert_state(&world->sim.recorder.state, &read);
    run_state_fini(&read);
    check_look(world, &world->sim.recorder.id);
}

#endif
