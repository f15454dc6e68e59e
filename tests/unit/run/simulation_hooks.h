#ifndef PAWL_TESTS_SIMULATION_HOOKS_H
#define PAWL_TESTS_SIMULATION_HOOKS_H
/* Hooks in the simulated world: commands that take a while, hang or do not start. Whatever happens,
 * what is started is on record, once, one at a time and in the order of events; and a process that
 * comes to its end has told all. */
#include "simulation_effects.h"

static struct m_hook world_hooks[] = {
    {.hook = HOOK_STAGE_FINISHED, .number = 1, .timeout_ns = HOOK_TIMEOUT_S * NS_PER_SEC},
    {.hook = HOOK_STARTED, .number = 1, .timeout_ns = HOOK_TIMEOUT_S * NS_PER_SEC},
    {.hook = HOOK_STAGE_FINISHED, .number = 2, .timeout_ns = NS_PER_SEC},
    {.hook = HOOK_STAGE_FAILED, .number = 1, .timeout_ns = NS_PER_SEC},
    {.hook = HOOK_WARNING, .number = 1, .timeout_ns = NS_PER_SEC},
    {.hook = HOOK_FAILED, .number = 1, .timeout_ns = NS_PER_SEC},
    {.hook = HOOK_COMPLETED, .number = 1, .timeout_ns = HOOK_TIMEOUT_S * NS_PER_SEC},
    {.hook = HOOK_INTERRUPTED, .number = 1, .timeout_ns = HOOK_TIMEOUT_S * NS_PER_SEC},
};

/* What the record says of hooks. */
struct told {
    uint64_t last_event, last_number; /* of the last that was started */
    uint32_t started, wanted;
};

static void told_note(void *ctx, const struct event *event)
{
    struct told *told = ctx;
    enum hook hook;
    uint32_t number;

    for (size_t i = 0; i < sizeof(world_hooks) / sizeof(*world_hooks); i++) {
        told->wanted += world_hooks[i].hook == hook_of(event);
    }
    if (event->type == EVENT_HOOK_STARTED) {
        assert_true(hook_parse(event->hook, &hook, &number));
        assert_true((uint64_t)event->told > told->last_event ||
                    ((uint64_t)event->told == told->last_event && number > told->last_number));
        told->last_event = (uint64_t)event->told;
        told->last_number = number;
        told->started++;
    }
}

static struct told told_read(struct world *world)
{
    struct told told = {0};
    struct run_state read;
    struct err err = {0};

    run_state_init(&read);
    if (!recorder_replay(world->sim.session.workspace.pawlfd, &world->sim.recorder.id, &read,
                         told_note, &told, &err)) {
        fail_msg("%s", err.text);
    }
    run_state_fini(&read);
    return told;
}

static bool world_hook_start(void *ctx, const struct m_hook *hook, const struct event *event,
                             struct str line, struct err *err)
{
    struct world *world = ctx;
    struct sim *sim = &world->sim;

    assert_false(world->hook_runs);
    assert_true(line.len != 0);
    if (sim_chance(sim, 32)) {
        struct told told = told_read(world);

        assert_int_equal(told.last_event, event->seq);
        assert_int_equal(told.last_number, hook->number);
    }
    if (sim_chance(sim, 10)) {
        return err_set(err, STATUS_ENVIRONMENT, "no such program");
    }
    world->hook_runs = true;
    world->hook_killed = false;
    world->hook_end_ns =
        sim_chance(sim, 10) ? INT64_MAX : sim_now(sim) + sim_random(sim, 3000) * NS_PER_MS;
    return true;
}

static void world_hook_kill(void *ctx)
{
    struct world *world = ctx;

    assert_true(world->hook_runs && !world->hook_killed);
    world->hook_killed = true;
    world->hook_end_ns = sim_now(world);
}

static void world_hook_take_end(struct world *world)
{
    struct hooks_end end = {.exit_code = (int)sim_random(&world->sim, 2)};

    if (world->hook_runs && world->hook_end_ns <= sim_now(world)) {
        world->hook_runs = false;
        if (world->hook_killed) {
            end = (struct hooks_end){.exit_code = -1, .signal = SIGKILL};
        }
        hooks_take_end(&world->hooks, &end);
    }
}

static inline void world_hooks_open(struct world *world, bool goes_on)
{
    struct hooks_world hooks = {world, world_hook_start, world_hook_kill, sim_now};
    struct err err = {0};

    world->hook_runs = false;
    world->manifest = (struct manifest){.hooks = world_hooks,
                                        .hook_count = sizeof(world_hooks) / sizeof(*world_hooks)};
    if (!hooks_open(&world->hooks, &world->manifest, &world->sim.recorder, &hooks, goes_on, &err)) {
        fail_msg("%s", err.text);
    }
}

/* Behind the end of a run: turns that only hooks want. */
static inline void world_hooks_finish(struct world *world)
{
    struct recorder *recorder = &world->sim.recorder;
    struct told told;

    while (hooks_are_due(&world->hooks) && !world_dies(world)) {
        int64_t next = recorder_tick(recorder, sim_now(world));

        assert_true(recorder_flush(recorder, NULL));
        recorder_tell(recorder);
        next = world->hook_runs && world->hook_end_ns < next ? world->hook_end_ns : next;
        if (next != INT64_MAX && next > sim_now(world)) {
            clock_virtual_advance(&world->sim.virtual_clock, next - sim_now(world));
        }
        world_hook_take_end(world);
    }
    if (!world->dead) {
        told = told_read(world);
        assert_int_equal(told.started, told.wanted);
    }
}

#endif
