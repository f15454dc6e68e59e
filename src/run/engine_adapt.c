/* Owns how the engine follows the machine: facts from the world, the decision in policy/adapt, the
 * change on record, the schedule told. */
#include "run/engine_turn.h"

void engine_adapt_init(struct engine *engine)
{
    engine->waits = true; /* not known yet: look again soon */
    adapt_init(&engine->adapt, engine->options.jobs, engine->options.jobs_most);
    if (engine->options.peak_bytes != NULL) {
        schedule_learn(&engine->schedule, engine->options.peak_bytes);
    }
}

/* The first is admitted whatever the machine is at: only what would be beside another needs facts.
 */
static bool engine_adapts(const struct engine *engine)
{
    const struct schedule *schedule = &engine->schedule;

    return engine->world.load != NULL && engine_may_start(engine) && schedule->ready != 0 &&
           schedule->running + schedule->ready > 1;
}

int64_t engine_adapt_next(const struct engine *engine)
{
    return engine_adapts(engine) ? adapt_next_ns(&engine->adapt) : INT64_MAX;
}

static void engine_take_memory(struct engine *engine, const struct adapt_facts *facts)
{
    struct schedule *schedule = &engine->schedule;
    uint64_t own_bytes = 0, above_bytes = 0;

    for (uint32_t i = 0; i < schedule->running; i++) {
        const struct schedule_held *held = &schedule->held[i];
        uint64_t bytes = engine->world.memory(engine->world.ctx, held->instance);

        own_bytes += bytes;
        above_bytes += bytes > held->memory_bytes ? bytes - held->memory_bytes : 0;
        schedule_saw_peak(schedule, held->instance, bytes);
    }
    schedule->memory_base_bytes = adapt_memory_base(facts, own_bytes, above_bytes);
}

static void engine_tell_limit(struct engine *engine, const struct adapt_change *change)
{
    struct event event = {.type = EVENT_LIMIT_CHANGED,
                          .reason = str_dup(&engine->recorder->turn, str_of(change->reason)),
                          .limit_before = change->before,
                          .running = engine->schedule.running,
                          .ready = engine->schedule.ready,
                          .limit = change->limit};

    recorder_emit(engine->recorder, &event);
}

void engine_adapt(struct engine *engine)
{
    int64_t now_ns = engine_now(engine);
    struct adapt_facts facts;
    struct adapt_change change;

    if (!engine_adapts(engine) || now_ns < adapt_next_ns(&engine->adapt)) {
        return;
    }
    engine->world.load(engine->world.ctx, engine->options.jobs_most != 0, &facts);
    engine_take_memory(engine, &facts);
    if (adapt_take(&engine->adapt, &facts, now_ns, engine->waits, &change)) {
        engine->schedule.limit = change.limit;
        engine->schedule.memory_stopped = engine->adapt.stopped;
        engine_tell_limit(engine, &change);
    }
}
