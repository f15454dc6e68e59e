/* The engine with a simulator in place of the kernel: random graphs, durations, failures and
 * signals on a virtual clock. Whatever the seed: nothing starts before its producers ended well,
 * slots and pools are kept, every instance ends in a final state, and the engine's end comes. */
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

enum { SIM_MAX = 64, SIM_SEEDS = 300 };

struct sim_running {
    uint32_t number;
    uint32_t cpus;
    int64_t end_ns;
    bool exited, told;
    int signal;
};

struct sim {
    struct plan_fake fake;
    struct session session;
    struct recorder recorder;
    struct clock_virtual virtual_clock;
    struct clock clock;
    struct engine engine;
    uint32_t count;
    uint64_t random;
    int64_t duration_ns[SIM_MAX];
    uint8_t fails[SIM_MAX], hit[SIM_MAX], absent[SIM_MAX];
    uint32_t started[SIM_MAX];
    struct sim_running running[SIM_MAX];
    uint32_t running_count;
    struct note notes[SIM_MAX * 8];
    uint32_t note_count, note_next;
    int64_t signal_at_ns;
    uint32_t most_slots;
    /* A pool of tokens, from which others take and to which they give back when time goes on. */
    uint32_t pool_total, pool_free, pool_ours, pool_others;
    uint32_t granted[SIM_MAX];
    bool token_wanted;
    bool loaded, adapts;
};

static uint32_t sim_random(struct sim *sim, uint32_t below)
{
    sim->random ^= sim->random << 13;
    sim->random ^= sim->random >> 7;
    sim->random ^= sim->random << 17;
    return (uint32_t)(sim->random >> 33) % below;
}

static void sim_note(struct sim *sim, struct note note)
{
    assert_true(sim->note_count < SIM_MAX * 8);
    sim->notes[sim->note_count++] = note;
}

/* --- the facts --- */

static enum decide_verdict sim_look(void *ctx, struct inst_id instance)
{
    struct sim *sim = ctx;

    return sim->hit[instance.n] ? DECIDE_HIT : DECIDE_MISS;
}

static enum decide_bytes sim_bytes(void *ctx, struct inst_id instance)
{
    struct sim *sim = ctx;

    return (enum decide_bytes)sim->absent[instance.n];
}

static void sim_demand(void *ctx, struct inst_id instance, struct decide *decide)
{
    struct sim *sim = ctx;
    const struct plan_instance *inst = &sim->fake.plan.instances[instance.n];

    for (uint32_t i = 0; i < inst->producer_count; i++) {
        struct inst_id producer = sim->fake.plan.edges[inst->producers_first + i];

        decide_demand(decide, producer, producer.n);
    }
}

/* --- the world --- */

static bool sim_changed(void *ctx, struct inst_id instance)
{
    (void)ctx;
    (void)instance;
    return false;
}

static struct str sim_lack(void *ctx, struct inst_id instance, enum status *status)
{
    (void)ctx;
    (void)instance;
    *status = STATUS_MANIFEST;
    return STR("nothing");
}

static void sim_made_nothing(void *ctx, struct inst_id instance, bool ignored, bool skipped)
{
    /* As the real facts have it: what was not made is not asked for. */
    ((struct sim *)ctx)->absent[instance.n] = DECIDE_BYTES_PRESENT;
    (void)ignored;
    (void)skipped;
}

static int64_t sim_now(void *ctx)
{
    return ((struct sim *)ctx)->virtual_clock.mono_ns;
}

static void sim_describe(void *ctx, struct inst_id instance, uint32_t attempt, uint32_t cpus,
                         struct arena *arena, struct event *event)
{
    struct sim *sim = ctx;
    const struct plan_instance *inst = &sim->fake.plan.instances[instance.n];

    assert_true(cpus > 0);
    sim->granted[instance.n] = cpus;
    event->attempt_id = str_printf(arena, "%u.%u", instance.n, attempt);
    /* The law: what it reads has ended well. */
    for (uint32_t i = 0; i < inst->producer_count; i++) {
        struct inst_id producer = sim->fake.plan.edges[inst->producers_first + i];

        enum inst_state state = sim->recorder.state.instances[producer.n].state;

        if (!(state == INST_FAILED && sim->fake.plan.instances[producer.n].ignore_failure)) {
            assert_true(inst_state_is_good(state));
        }
    }
}

static void sim_start(void *ctx, struct inst_id instance)
{
    struct sim *sim = ctx;
    uint32_t cpus = 0;

    sim->started[instance.n]++;
    sim->running[sim->running_count++] =
        (struct sim_running){.number = instance.n,
                             .cpus = sim->granted[instance.n],
                             .end_ns = sim->virtual_clock.mono_ns + sim->duration_ns[instance.n]};
    /* The law: the first is paid for, each further slot has a token. */
    for (uint32_t i = 0; i < sim->running_count; i++) {
        cpus += sim->running[i].cpus;
    }
    assert_true(sim->pool_total == 0 || cpus <= 1 + sim->pool_ours);
}

static void sim_signal(void *ctx, struct inst_id instance, int signal)
{
    struct sim *sim = ctx;

    for (uint32_t i = 0; i < sim->running_count; i++) {
        if (sim->running[i].number == instance.n) {
            sim->running[i].signal = signal;
            /* Half of them need the second word. */
            if (signal == 9 || instance.n % 2 == 0) {
                sim->running[i].end_ns = sim->virtual_clock.mono_ns;
            } else {
                sim->running[i].end_ns = INT64_MAX;
            }
        }
    }
}

static void sim_restore(void *ctx, struct inst_id instance)
{
    struct sim *sim = ctx;

    sim->absent[instance.n] = DECIDE_BYTES_PRESENT;
    sim_note(sim, (struct note){.kind = NOTE_RESTORED, .instance = instance});
}

static void sim_nothing(void *ctx, struct inst_id instance)
{
    (void)ctx;
    (void)instance;
}

static void sim_end(struct sim *sim, uint32_t at)
{
    struct sim_running running = sim->running[at];
    struct note note = {.kind = NOTE_EXITED, .instance = {running.number}};

    sim->running[at] = sim->running[--sim->running_count];
    sim_note(sim, note);
    note.kind = NOTE_ENDED;
    note.event.exit_code = running.signal != 0 ? -1 : sim->fails[running.number];
    note.event.attempt = sim->started[running.number];
    note.cause = running.signal != 0               ? CAUSE_SIGNAL
                 : sim->fails[running.number] != 0 ? CAUSE_EXIT
                                                   : CAUSE_NONE;
    if (note.cause == CAUSE_NONE) {
        sim->hit[running.number] = 1;
        sim->absent[running.number] = DECIDE_BYTES_PRESENT;
    }
    sim_note(sim, note);
}

static bool sim_others_move(struct sim *sim);

/* What could start and did not waits for a token, and says so. */
static void sim_check_wanted(const struct sim *sim)
{
    struct inst_id next;
    bool fits = schedule_peek(&sim->engine.schedule, &next) == SCHEDULE_ADMITTED;

    assert_true(!fits || sim->engine.stop != ENGINE_GOES || sim->token_wanted);
}

static bool sim_wait(void *ctx, int64_t deadline_ns, struct err *err)
{
    struct sim *sim = ctx;
    int64_t next = deadline_ns;

    (void)err;
    if (sim->note_next < sim->note_count) {
        return true;
    }
    sim_check_wanted(sim);
    for (uint32_t i = 0; i < sim->running_count; i++) {
        next = sim->running[i].end_ns < next ? sim->running[i].end_ns : next;
    }
    next = sim->signal_at_ns < next ? sim->signal_at_ns : next;
    assert_true(next != INT64_MAX); /* else it would wait for ever */
    if (sim_others_move(sim)) {
        return true;
    }
    if (next > sim->virtual_clock.mono_ns) {
        clock_virtual_advance(&sim->virtual_clock, next - sim->virtual_clock.mono_ns);
    }
    if (sim->virtual_clock.mono_ns >= sim->signal_at_ns) {
        sim->signal_at_ns = INT64_MAX;
        sim_note(sim, (struct note){.kind = NOTE_SIGNAL, .signal = 2});
    }
    for (uint32_t i = 0; i < sim->running_count;) {
        if (sim->running[i].end_ns <= sim->virtual_clock.mono_ns) {
            sim_end(sim, i);
        } else {
            i++;
        }
    }
    if (sim->engine.schedule.slots_taken > sim->most_slots) {
        sim->most_slots = sim->engine.schedule.slots_taken;
    }
    return true;
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

/* Any load: it may slow the run down, never harm it. */
static void sim_load(void *ctx, bool adapts, struct adapt_facts *facts)
{
    struct sim *sim = ctx;
    int64_t now_ns = sim->virtual_clock.mono_ns;

    *facts = (struct adapt_facts){.busy_ns = -1, .own_ns = -1, .waited_ns = -1, .pressure = -1};
    facts->total_bytes = 1000;
    facts->used_bytes = sim_random(sim, 1100);
    facts->pressure = (int32_t)sim_random(sim, 1200) - 1;
    if (adapts) {
        facts->busy_ns = now_ns / 1000 * sim_random(sim, 8000);
        facts->own_ns = now_ns / 1000 * sim_random(sim, 8000);
        facts->waited_ns = sim_random(sim, 2) == 0 ? -1 : now_ns / 1000 * sim_random(sim, 1000);
    }
}

static uint64_t sim_memory(void *ctx, struct inst_id instance)
{
    (void)instance;
    return sim_random(ctx, 300);
}

static struct engine_world sim_world(struct sim *sim)
{
    return (struct engine_world){.ctx = sim,
                                 .facts = {sim, sim_look, sim_bytes, sim_demand},
                                 .changed = sim_changed,
                                 .lack = sim_lack,
                                 .made_nothing = sim_made_nothing,
                                 .now_ns = sim_now,
                                 .wait = sim_wait,
                                 .next_note = sim_next_note,
                                 .has_note = sim_has_note,
                                 .describe = sim_describe,
                                 .start = sim_start,
                                 .signal = sim_signal,
                                 .restore = sim_restore,
                                 .accept = sim_nothing,
                                 .reject = sim_nothing,
                                 .consumed = sim_nothing,
                                 .load = sim->loaded ? sim_load : NULL,
                                 .memory = sim_memory};
}

/* --- tokens --- */

static uint32_t sim_take_tokens(void *ctx, uint32_t least, uint32_t most)
{
    struct sim *sim = ctx;
    uint32_t count = sim->pool_free < most ? sim->pool_free : most;

    assert_true(least <= most);
    if (count < least) {
        return 0;
    }
    sim->pool_free -= count;
    sim->pool_ours += count;
    return count;
}

static void sim_give_tokens(void *ctx, uint32_t count)
{
    struct sim *sim = ctx;

    assert_true(count != 0 && count <= sim->pool_ours);
    sim->pool_ours -= count;
    sim->pool_free += count;
}

static void sim_want_token(void *ctx, bool wanted)
{
    ((struct sim *)ctx)->token_wanted = wanted;
}

static void sim_limit_tokens(void *ctx, uint32_t slots)
{
    (void)ctx;
    assert_true(slots > 0);
}

/* Others take and give back. Only who wants a token is woken by one. */
static bool sim_others_move(struct sim *sim)
{
    bool before = sim->pool_free != 0;

    if (sim->pool_others != 0 && sim_random(sim, 2) == 0) {
        sim->pool_others--;
        sim->pool_free++;
    } else if (sim->pool_free != 0 && sim_random(sim, 2) == 0) {
        sim->pool_free--;
        sim->pool_others++;
    }
    return sim->token_wanted && !before && sim->pool_free != 0;
}

static struct engine_tokens_world sim_tokens(struct sim *sim)
{
    return (struct engine_tokens_world){.ctx = sim,
                                        .take = sim->pool_total != 0 ? sim_take_tokens : NULL,
                                        .give = sim_give_tokens,
                                        .want = sim_want_token,
                                        .limit = sim_limit_tokens};
}

/* --- one run --- */

static void sim_graph(struct sim *sim)
{
    static uint32_t edges[SIM_MAX * 4][2];
    uint32_t edge_count = 0;

    sim->count = 2 + sim_random(sim, SIM_MAX - 2);
    for (uint32_t i = 1; i < sim->count; i++) {
        uint32_t wanted = sim_random(sim, 4);
        uint32_t last = UINT32_MAX;

        for (uint32_t k = 0; k < wanted; k++) {
            uint32_t from = sim_random(sim, i);

            if (last == UINT32_MAX || from > last) {
                edges[edge_count][0] = from;
                edges[edge_count++][1] = i;
                last = from;
            }
        }
    }
    plan_fake_init(&sim->fake, sim->count, (const uint32_t(*)[2])edges, edge_count);
    sim->fake.plan.stages = ARENA_ARRAY(&sim->fake.arena, struct plan_stage, 1);
    sim->fake.plan.stages[0].name = STR("s");
    for (uint32_t i = 0; i < sim->count; i++) {
        struct plan_instance *inst = &sim->fake.plan.instances[i];

        inst->name = str_printf(&sim->fake.arena, "s@n=%u", i);
        inst->grace_ns = NS_PER_SEC;
        inst->cpu = (uint16_t)(sim_random(sim, 8) == 0 ? PLAN_CPU_ALL : 1 + sim_random(sim, 2));
        inst->ignore_failure = sim_random(sim, 5) == 0;
        sim->duration_ns[i] = 1 + (int64_t)sim_random(sim, 5000) * NS_PER_MS;
        inst->timeout_ns = sim_random(sim, 10) == 0 ? NS_PER_SEC : 0;
        sim->hit[i] = sim_random(sim, 3) == 0;
        sim->absent[i] = (uint8_t)sim_random(sim, 3);
        sim->fails[i] = sim_random(sim, 12) == 0;
    }
}

static void sim_open(struct sim *sim)
{
    struct session_options options = {.command = "test"};
    struct err err = {0};

    sim->virtual_clock =
        (struct clock_virtual){.mono_ns = NS_PER_SEC, .real_ns = INT64_C(1800000000) * NS_PER_SEC};
    sim->clock = clock_of_virtual(&sim->virtual_clock);
    session_init(&sim->session, &options, &sim->clock, NULL);
    sim->session.root_fd = sys_open(".", O_RDONLY | O_DIRECTORY, 0);
    if (!workspace_find(&sim->session.workspace, sim->session.root_fd, &err) ||
        !session_open_store(&sim->session, SESSION_CHANGE, false, &err)) {
        fail_msg("%s", err.text);
    }
    recorder_init(&sim->recorder, &sim->session);
}

static int sim_run(struct sim *sim, bool keep_going, uint32_t jobs)
{
    struct engine_world world = sim_world(sim);
    struct engine_options options = {.jobs = jobs,
                                     .jobs_most = sim->adapts ? jobs * ADAPT_SLOTS_A_PROCESSOR : 0,
                                     .memory_limit_bytes = sim->loaded ? 850 : 0,
                                     .keep_going = keep_going,
                                     .duration_ns = sim->duration_ns};
    struct event started = {.instances = sim->count};
    struct decide decide;
    uint8_t all[SIM_MAX];
    struct err err = {0};
    int status;

    world.tokens = sim_tokens(sim);
    memset(all, 1, sizeof(all));
    decide_init(&decide, &sim->fake.plan, &world.facts, all, all);
    decide_plan(&decide);
    assert_true(recorder_begin(&sim->recorder, &started, NULL, &err));
    engine_init(&sim->engine, &decide, &world, &options, &sim->recorder);
    status = engine_run(&sim->engine, &err);
    assert_int_equal(err.status, 0);
    return status;
}

static void sim_close(struct sim *sim)
{
    engine_fini(&sim->engine);
    recorder_fini(&sim->recorder);
    session_fini(&sim->session);
    plan_fake_fini(&sim->fake);
}

static void sim_check(struct sim *sim, int status, bool keep_going, uint32_t jobs)
{
    const struct run_state *state = &sim->recorder.state;
    bool bad = false;

    assert_int_equal(run_state_ended(state), sim->count);
    assert_true(sim->most_slots <= (sim->adapts ? jobs * ADAPT_SLOTS_A_PROCESSOR : jobs));
    assert_int_equal(sim->engine.schedule.slots_taken, 0);
    assert_int_equal(sim->running_count, 0);
    assert_int_equal(sim->pool_ours, 0);
    assert_int_equal(sim->pool_free + sim->pool_others, sim->pool_total);
    for (uint32_t i = 0; i < sim->count; i++) {
        enum inst_state end = state->instances[i].state;

        assert_true(sim->started[i] <= 2);
        bad |= end == INST_BLOCKED || end == INST_CANCELLED ||
               (end == INST_FAILED && !sim->fake.plan.instances[i].ignore_failure);
        if (keep_going && sim->engine.signals_seen == 0) {
            assert_int_not_equal(end, INST_CANCELLED);
        }
    }
    assert_int_equal(status == 0, !bad);
}

static void many_seeds(void **unused)
{
    (void)unused;
    for (uint32_t seed = 1; seed <= SIM_SEEDS; seed++) {
        struct temp_folder folder;
        struct sim *sim = mem_calloc(1, sizeof(*sim));
        bool keep_going;
        uint32_t jobs;
        int status;

        temp_folder_make(&folder);
        assert_int_equal(fchdir(folder.fd), 0);
        sim->random = seed * UINT64_C(0x9e3779b97f4a7c15);
        sim_graph(sim);
        keep_going = sim_random(sim, 2) != 0;
        jobs = 1 + sim_random(sim, 6);
        sim->signal_at_ns =
            sim_random(sim, 4) == 0 ? (int64_t)sim_random(sim, 20) * NS_PER_SEC : INT64_MAX;
        if (sim_random(sim, 2) == 0) {
            sim->pool_total = 1 + sim_random(sim, 5);
            sim->pool_others = sim_random(sim, sim->pool_total + 1);
            sim->pool_free = sim->pool_total - sim->pool_others;
        }
        sim->loaded = seed % 3 != 0;
        sim->adapts = sim->loaded && seed % 2 == 0;
        sim_open(sim);
        status = sim_run(sim, keep_going, jobs);
        sim_check(sim, status, keep_going, jobs);
        sim_close(sim);
        free(sim);
        assert_int_equal(chdir("/"), 0);
        temp_folder_remove(&folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_seeds)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
