#ifndef PAWL_TESTS_SIM_H
#define PAWL_TESTS_SIM_H
/* What every simulated world around the engine has: a plan, a virtual clock, notes, random numbers
 * and a record in the working folder. A world is a struct whose first member is a struct sim, so
 * that its address is the context of these functions too. Included after cmocka.h.
 *
 *     sim_init; sim_open; recorder_begin or recorder_go_on; sim_run; sim_close; sim_fini
 *
 * From sim_open to sim_close is one process; there may be several one after the other.
 */
#include "../policy/plan_fake.h"
#include "../temp_folder.h"
#include "base/sys.h"
#include "base/vec.h"
#include "run/engine.h"

struct sim {
    struct plan_fake fake;
    struct session session;
    struct recorder recorder;
    struct clock_virtual virtual_clock;
    struct clock clock;
    struct engine engine;
    VEC(struct note) notes;
    size_t note_next;
    uint64_t random;
};

/* --- numbers --- */

static inline uint32_t sim_random(struct sim *sim, uint32_t below)
{
    sim->random ^= sim->random << 13;
    sim->random ^= sim->random >> 7;
    sim->random ^= sim->random << 17;
    return (uint32_t)(sim->random >> 33) % below;
}

/* One of so many times. */
static inline bool sim_chance(struct sim *sim, uint32_t of)
{
    return sim_random(sim, of) == 0;
}

/* --- what worlds answer alike --- */

static inline int64_t sim_now(void *ctx)
{
    return ((struct sim *)ctx)->virtual_clock.mono_ns;
}

static inline void sim_note(struct sim *sim, struct note note)
{
    VEC_PUSH(&sim->notes, note);
}

static inline bool sim_has_note(void *ctx)
{
    const struct sim *sim = ctx;

    return sim->note_next < sim->notes.count;
}

static inline bool sim_next_note(void *ctx, struct note *note)
{
    struct sim *sim = ctx;

    if (!sim_has_note(ctx)) {
        sim->note_next = sim->notes.count = 0;
        return false;
    }
    *note = sim->notes.items[sim->note_next++];
    return true;
}

static inline void sim_nothing(void *ctx, struct inst_id instance)
{
    (void)ctx;
    (void)instance;
}

/* --- one process --- */

/* A plan of `count` instances of one stage; see plan_fake_init. */
static inline void sim_init(struct sim *sim, uint32_t count, const uint32_t (*edges)[2],
                            uint32_t edge_count)
{
    sim->virtual_clock =
        (struct clock_virtual){.mono_ns = NS_PER_SEC, .real_ns = INT64_C(1800000000) * NS_PER_SEC};
    sim->clock = clock_of_virtual(&sim->virtual_clock);
    plan_fake_init(&sim->fake, count, edges, edge_count);
    sim->fake.plan.stages[0].name = STR("s");
    for (uint32_t i = 0; i < count; i++) {
        sim->fake.plan.instances[i].name = str_printf(&sim->fake.arena, "s@n=%u", i);
    }
}

static inline void sim_fini(struct sim *sim)
{
    VEC_FREE(&sim->notes);
    plan_fake_fini(&sim->fake);
}

static inline void sim_open(struct sim *sim)
{
    struct session_options options = {.command = "test"};
    struct err err = {0};

    sim->note_next = sim->notes.count = 0;
    session_init(&sim->session, &options, &sim->clock, NULL);
    sim->session.root_fd = sys_open(".", O_RDONLY | O_DIRECTORY, 0);
    if (!workspace_find(&sim->session.workspace, sim->session.root_fd, &err) ||
        !session_open_store(&sim->session, SESSION_CHANGE, false, &err)) {
        fail_msg("%s", err.text);
    }
    recorder_init(&sim->recorder, &sim->session);
    sim->recorder.saved.every_bytes = sim->recorder.saved.least_bytes = 1;
}

/* Decides all instances; the engine is made of it next. */
static inline void sim_decide(struct sim *sim, const struct engine_world *world,
                              struct decide *decide)
{
    uint32_t count = sim->fake.plan.instance_count;
    uint8_t *all = mem_alloc(count);

    memset(all, 1, count);
    decide_init(decide, &sim->fake.plan, &world->facts, all, all);
    decide_plan(decide);
    free(all);
}

static inline int sim_run(struct sim *sim, const struct decide *decide,
                          const struct engine_world *world, const struct engine_options *options,
                          struct err *err)
{
    engine_init(&sim->engine, decide, world, options, &sim->recorder);
    return engine_run(&sim->engine, err);
}

static inline void sim_close(struct sim *sim)
{
    engine_fini(&sim->engine);
    recorder_fini(&sim->recorder);
    session_fini(&sim->session);
}

#endif
