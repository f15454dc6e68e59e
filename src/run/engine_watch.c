/* Owns what the engine warns of while a run goes on: an attempt that takes far longer than its
 * like, a breaker that stays open, a disk that is nearly full. Each is told when it begins and when
 * it is over. A queue that stays full belongs here, too, when there are queues. */
#include "base/units.h"
#include "policy/warn.h"
#include "run/engine_turn.h"

enum { WATCH_DISK_PERIOD_S = 10 };

/* --- attempts that take long --- */

void engine_watch_live(const struct engine *engine, struct engine_live *live)
{
    live->slow_at_ns = engine->options.slow_limit_ns != NULL
                           ? live->started_ns + WARN_SLOW_LEAST_S * NS_PER_SEC
                           : INT64_MAX;
}

static void watch_emit(struct engine *engine, enum event_type type, struct inst_id instance,
                       struct str reason)
{
    struct event event = engine_event(engine, type, instance);

    event.about = STR("slow");
    event.reason = reason;
    recorder_emit(engine->recorder, &event);
}

/* What its like took is asked for only of an attempt that has run for a while. */
static void watch_live(struct engine *engine, struct engine_live *live, int64_t now_ns)
{
    uint32_t stage = engine->plan->instances[live->instance.n].stage.n;
    char limit[UNITS_TEXT_BYTES];

    if (live->slow_limit_ns == 0) {
        live->slow_limit_ns = engine->options.slow_limit_ns(engine->options.slow_limit_ctx, stage);
        /* It may have been frozen meanwhile, which counts for nothing. */
        live->slow_at_ns =
            live->slow_limit_ns < INT64_MAX - live->slow_at_ns
                ? live->slow_at_ns - WARN_SLOW_LEAST_S * NS_PER_SEC + live->slow_limit_ns
                : INT64_MAX;
    }
    if (now_ns >= live->slow_at_ns) {
        live->slow = true;
        live->slow_at_ns = INT64_MAX;
        duration_format(live->slow_limit_ns, limit);
        watch_emit(engine, EVENT_WARNING, live->instance,
                   str_printf(&engine->recorder->turn,
                              "it runs for longer than %s, over three times what 95 %% of its "
                              "attempts took",
                              limit));
    }
}

void engine_watch_ended(struct engine *engine, const struct engine_live *live)
{
    char took[UNITS_TEXT_BYTES];

    if (live->slow) {
        duration_format(engine_now(engine) - live->started_ns, took);
        watch_emit(engine, EVENT_WARNING_ENDED, live->instance,
                   str_printf(&engine->recorder->turn, "it ended after %s", took));
    }
}

/* --- the disk --- */

static void watch_disk(struct engine *engine)
{
    struct engine_disk disk;
    struct event event = {.about = STR("disk")};
    enum warn_change change;
    char bytes[UNITS_TEXT_BYTES];

    if (!engine->world.disk(engine->world.ctx, &disk)) {
        return;
    }
    change = warn_disk(&engine->disk_low, disk.free_permille);
    if (change == WARN_SAME) {
        return;
    }
    size_format(disk.free_bytes, bytes);
    event.type = change == WARN_BEGINS ? EVENT_WARNING : EVENT_WARNING_ENDED;
    event.reason =
        str_printf(&engine->recorder->turn, "%s%u.%u %% of the disk of '%.*s' is free: %s",
                   change == WARN_BEGINS ? "only " : "", disk.free_permille / 10,
                   disk.free_permille % 10, STR_ARG(disk.path), bytes);
    recorder_emit(engine->recorder, &event);
}

/* --- breakers --- */

static void watch_tell_breaker(struct engine *engine, struct engine_breaker *breaker, bool begins)
{
    struct event event = {.type = begins ? EVENT_WARNING : EVENT_WARNING_ENDED,
                          .about = STR("breaker")};

    breaker->warned = begins;
    event.reason = str_printf(&engine->recorder->turn, "breaker '%.*s' is %s",
                              STR_ARG(breaker->breaker->rule->name),
                              begins ? "open for 2 minutes" : "closed again");
    recorder_emit(engine->recorder, &event);
}

static int64_t watch_breaker_due(const struct engine_breaker *breaker)
{
    return breaker->open_ns == 0 || breaker->warned
               ? INT64_MAX
               : breaker->open_ns + WARN_BREAKER_S * NS_PER_SEC;
}

/* Half-open is not closed: one that opens again and again stays open for this. */
static void watch_breaker(struct engine *engine, struct engine_breaker *breaker, int64_t now_ns)
{
    if (breaker->breaker->state == BREAKER_CLOSED) {
        breaker->open_ns = 0;
        if (breaker->warned) {
            watch_tell_breaker(engine, breaker, false);
        }
        return;
    }
    if (breaker->open_ns == 0) {
        breaker->open_ns = now_ns;
    }
    if (now_ns >= watch_breaker_due(breaker)) {
        watch_tell_breaker(engine, breaker, true);
    }
}

static uint32_t watch_breakers(const struct engine *engine)
{
    return engine->breakers != NULL ? engine->plan->breaker_count : 0;
}

/* --- all --- */

void engine_watch(struct engine *engine)
{
    int64_t now_ns = engine_now(engine);

    for (uint32_t i = 0; i < engine->live_count; i++) {
        struct engine_live *live = &engine->live[i];

        if (!live->exited && !live->frozen && now_ns >= live->slow_at_ns) {
            watch_live(engine, live, now_ns);
        }
    }
    for (uint32_t i = 0; i < watch_breakers(engine); i++) {
        watch_breaker(engine, &engine->breakers[i], now_ns);
    }
    if (engine->world.disk != NULL && now_ns >= engine->next_disk_ns) {
        engine->next_disk_ns = now_ns + WATCH_DISK_PERIOD_S * NS_PER_SEC;
        watch_disk(engine);
    }
}

int64_t engine_watch_next(const struct engine *engine)
{
    int64_t next = engine->world.disk != NULL ? engine->next_disk_ns : INT64_MAX;

    for (uint32_t i = 0; i < engine->live_count; i++) {
        const struct engine_live *live = &engine->live[i];

        next = !live->exited && !live->frozen && live->slow_at_ns < next ? live->slow_at_ns : next;
    }
    for (uint32_t i = 0; i < watch_breakers(engine); i++) {
        int64_t due_ns = watch_breaker_due(&engine->breakers[i]);

        next = due_ns < next ? due_ns : next;
    }
    return next;
}
