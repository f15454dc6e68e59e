#ifndef PAWL_TESTS_SIMULATION_EFFECTS_H
#define PAWL_TESTS_SIMULATION_EFFECTS_H
/* Effects of the simulated world: a list that outlives processes, as `.pawl/effects` does, and its
 * laws. Nothing starts over what is unknown, nothing is undone that is not condemned, the newest
 * comes first, and a run that ends leaves nothing behind: of a good one all stays, of a bad one all
 * is undone. */
#include "simulation_laws.h"

static struct world_effect *effect_find(struct world *world, struct str id)
{
    for (uint32_t i = 0; i < world->effect_count; i++) {
        if (str_is(id, world->effects[i].id)) {
            return &world->effects[i];
        }
    }
    return NULL;
}

static void effect_drop(struct world *world, uint32_t at)
{
    world->effect_count--;
    memmove(&world->effects[at], &world->effects[at + 1],
            (world->effect_count - at) * sizeof(world->effects[0]));
}

/* Its result does not count: what it did is undone, or is to be. */
static bool effect_forgotten(const struct world *world, uint32_t number)
{
    for (uint32_t i = 0; i < world->effect_count; i++) {
        if (world->effects[i].number == number &&
            (world->effects[i].condemned || world->effects[i].undone)) {
            return true;
        }
    }
    return false;
}

/* An attempt starts. */
static void effect_begin(struct world *world, uint32_t number, uint32_t attempt)
{
    struct world_effect *row;

    for (uint32_t i = world->effect_count; i-- > 0;) {
        const struct world_effect *before = &world->effects[i];

        if (before->number == number && before->undone) {
            effect_drop(world, i);
        } else {
            assert_true(before->number != number || (before->good && !before->condemned));
        }
    }
    assert_true(world->effect_count < SIM_EFFECTS);
    row = &world->effects[world->effect_count++];
    *row = (struct world_effect){.number = number};
    snprintf(row->id, sizeof(row->id), "%u.%u", number, attempt);
}

/* It has ended, in a process that lives. */
static void effect_end(struct world *world, uint32_t number, uint32_t attempt, bool good)
{
    char id[SIM_EFFECT_ID_BYTES];
    struct world_effect *row;

    snprintf(id, sizeof(id), "%u.%u", number, attempt);
    row = effect_find(world, str_of(id));
    assert_non_null(row);
    row->good = good;
    row->ended = ++world->effect_ends;
}

/* --- what the engine asks --- */

static uint32_t world_effects(void *ctx, bool condemned)
{
    const struct world *world = ctx;
    uint32_t count = 0;

    for (uint32_t i = 0; i < world->effect_count; i++) {
        const struct world_effect *row = &world->effects[i];

        count += !row->undone && !row->given_up && (row->condemned || !condemned);
    }
    return count;
}

static void effect_show(struct world *world, const struct world_effect *row,
                        struct engine_effect *effect)
{
    const struct plan_instance *inst = world_instance(world, row->number);

    *effect = (struct engine_effect){.id = str_dup(&world->sim.session.arena, str_of(row->id)),
                                     .stage = STR("s"),
                                     .instance = inst->name,
                                     .number = {row->number},
                                     .retry = world->sim.fake.retries[inst->retry]};
}

static struct world_effect *effect_newest(struct world *world, bool condemned)
{
    struct world_effect *newest = NULL;

    for (uint32_t i = 0; i < world->effect_count; i++) {
        struct world_effect *row = &world->effects[i];

        if (row->undone || row->given_up || (condemned && !row->condemned)) {
            continue;
        }
        if (newest == NULL || row->ended == 0 ||
            (newest->ended != 0 && row->ended > newest->ended)) {
            newest = row;
        }
    }
    return newest;
}

static bool world_effect_next(void *ctx, bool condemned, struct engine_effect *effect)
{
    struct world_effect *row = effect_newest(ctx, condemned);

    if (row != NULL) {
        effect_show(ctx, row, effect);
    }
    return row != NULL;
}

static bool world_effect_unknown(void *ctx, struct inst_id instance, struct engine_effect *effect)
{
    struct world *world = ctx;

    for (uint32_t i = world->effect_count; i-- > 0;) {
        const struct world_effect *row = &world->effects[i];

        if (row->number == instance.n && !row->undone && !row->good) {
            effect_show(world, row, effect);
            return true;
        }
    }
    return false;
}

static void world_condemn(void *ctx, const struct engine_effect *effect)
{
    struct world *world = ctx;

    for (uint32_t i = 0; !world_dies(world) && i < world->effect_count; i++) {
        struct world_effect *row = &world->effects[i];

        row->condemned |= !row->undone && (effect == NULL || str_is(effect->id, row->id));
    }
}

/* At once; not at the first time, sometimes never in this process. */
static void world_undo(void *ctx, const struct engine_effect *effect, uint32_t tries,
                       bool cancelled)
{
    struct world *world = ctx;
    struct world_effect *row = effect_find(world, effect->id);
    struct note note = {.kind = NOTE_UNDONE};

    if (world_dies(world)) {
        return;
    }
    assert_true(row != NULL && row->condemned && !row->undone && !row->given_up);
    assert_true(tries >= 1 && tries <= effect->retry.max + 1);
    assert_true(!cancelled || world->sim.engine.outcome.cancelled);
    assert_true(!world->sim.engine.undo.ends || row == effect_newest(world, false));
    assert_true(!world->sim.engine.undo.ends || world->running_count + world->restoring_count == 0);
    for (uint32_t i = 0; i < world->running_count; i++) {
        assert_true(world->running[i].number != row->number);
    }
    if (!world->calm && effect_random(world, 5) == 0) {
        note.cause = CAUSE_EXIT;
        note.event.exit_code = 1;
        note.event.reason = STR("exit 1");
    }
    sim_note(&world->sim, note);
}

static void world_end_undoing(void *ctx)
{
    (void)ctx;
}

static void world_undone(void *ctx, const struct engine_effect *effect)
{
    struct world *world = ctx;
    struct world_effect *row = effect_find(world, effect->id);

    assert_non_null(row);
    if (!world_dies(world)) {
        row->undone = true;
        row->condemned = false;
    }
}

static void world_give_up(void *ctx, const struct engine_effect *effect)
{
    struct world_effect *row = effect_find(ctx, effect->id);

    assert_non_null(row);
    row->given_up = true;
}

/* --- processes --- */

/* The next process tries all again. */
static inline void effects_take_over(struct world *world)
{
    for (uint32_t i = 0; i < world->effect_count; i++) {
        world->effects[i].given_up = false;
    }
}

/* The run has ended with this status. */
static inline void effects_end(struct world *world, int status)
{
    const struct engine *engine = &world->sim.engine;
    uint32_t given_up = 0;

    for (uint32_t i = 0; i < world->effect_count; i++) {
        given_up += world->effects[i].given_up;
    }
    assert_true((given_up != 0) == (status == STATUS_COMPENSATION));
    if (status == STATUS_OK) {
        assert_int_equal(world_effects(world, true), 0);
        world->effect_count = 0; /* released */
    } else if (engine->signals_seen == 0) {
        assert_int_equal(world_effects(world, false), 0);
    }
}

#endif
