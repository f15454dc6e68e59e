/* Owns what one record says of instances, gathered by their names, because numbers are those of
 * each run's own plan. */
#include "run/history_inside.h"

#include "run/recorder.h"

static struct event_pairs gather_copy(struct arena *arena, const struct event_pairs *pairs)
{
    struct event_pairs copy = {.items = ARENA_ARRAY(arena, struct event_pair, pairs->count),
                               .count = pairs->count};

    for (uint32_t i = 0; i < pairs->count; i++) {
        copy.items[i] = (struct event_pair){str_dup(arena, pairs->items[i].name),
                                            str_dup(arena, pairs->items[i].value)};
    }
    return copy;
}

static bool gather_is_good(const struct event *event)
{
    return event->type == EVENT_INSTANCE_RESTORED ||
           (event->type == EVENT_ATTEMPT_FINISHED &&
            str_is(event->state, inst_state_name(INST_DONE)));
}

static void gather_take(void *ctx, const struct event *event)
{
    struct gather *gather = ctx;
    uint32_t number;

    if (!gather_is_good(event)) {
        return;
    }
    number = map_get(&gather->numbers, event->instance);
    if (number == MAP_MISSING) {
        if (gather->closed) {
            return;
        }
        number = (uint32_t)gather->seen.count;
        VEC_PUSH(&gather->seen, (struct seen){.time_ns = 0});
        map_put(&gather->numbers, str_dup(gather->arena, event->instance), number);
    }
    if (gather->closed && gather->keys.items[number].len != 0 &&
        !str_equal(gather->keys.items[number], event->key)) {
        return;
    }
    gather->seen.items[number] =
        (struct seen){.run = gather->run,
                      .key = str_dup(gather->arena, event->key),
                      .outputs = gather_copy(gather->arena, &event->outputs),
                      .time_ns = event->time_ns};
}

void gather_fini(struct gather *gather)
{
    map_fini(&gather->numbers);
    VEC_FREE(&gather->seen);
    VEC_FREE(&gather->keys);
}

bool gather_run(struct gather *gather, struct session *session, const struct run_id *id,
                struct run_state *state, struct err *err)
{
    gather->run = str_dup(gather->arena, str_of(id->text));
    return recorder_replay(session->workspace.pawlfd, id, state, gather_take, gather, err);
}
