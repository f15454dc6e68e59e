/* Owns what the engine warns of while a run goes on: an attempt that takes far longer than its
 * like, a disk that is nearly full. Each is told when it begins and when it is over. What else is
 * to be watched (a breaker that stays open, a queue that stays full) belongs here, beside these. */
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
        live->slow_at_ns = live->slow_limit_ns < INT64_MAX - live->started_ns
                               ? live->started_ns + live->slow_limit_ns
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

/* --- both --- */

void engine_watch(struct engine *engine)
{
    int64_t now_ns = engine_now(engine);

    for (uint32_t i = 0; i < engine->live_count; i++) {
        struct engine_live *live = &engine->live[i];

        if (!live->exited && now_ns >= live->slow_at_ns) {
            watch_live(engine, live, now_ns);
        }
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

        next = !live->exited && live->slow_at_ns < next ? live->slow_at_ns : next;
    }
    return next;
}
