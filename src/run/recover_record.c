/* Owns what the record of a run says of its attempts: what they made, what they put aside, how they
 * ended. */
#include "run/recover_inside.h"

static struct event_pairs recover_pairs(struct arena *arena, const struct event_pairs *pairs)
{
    struct event_pairs copy = {ARENA_ARRAY(arena, struct event_pair, pairs->count), pairs->count};

    for (uint32_t i = 0; i < pairs->count; i++) {
        copy.items[i] = (struct event_pair){str_dup(arena, pairs->items[i].name),
                                            str_dup(arena, pairs->items[i].value)};
    }
    return copy;
}

static void recover_note_start(struct recovery *recovery, const struct event *event)
{
    struct recover_attempt attempt = {.id = str_dup(&recovery->arena, event->attempt_id),
                                      .instance = str_dup(&recovery->arena, event->instance),
                                      .stage = str_dup(&recovery->arena, event->stage),
                                      .boot = recovery->boot,
                                      .host = recovery->host,
                                      .number = event->number,
                                      .attempt = event->attempt,
                                      .started_ns = event->time_ns,
                                      .checked = event->checks != 0,
                                      .outputs = recover_pairs(&recovery->arena, &event->outputs),
                                      .parked = recover_pairs(&recovery->arena, &event->parked)};

    map_put(&recovery->by_id, attempt.id, (uint32_t)recovery->attempts.count);
    map_put(&recovery->last, attempt.instance, (uint32_t)recovery->attempts.count);
    VEC_PUSH(&recovery->attempts, attempt);
}

/* A run records that it was interrupted, or that it goes on, when all that the ends so far ask for
 * is done. */
static void recover_note_settled(struct recovery *recovery)
{
    VEC_EACH (attempt, &recovery->attempts) {
        attempt->settled = attempt->ended;
    }
}

void recover_note(void *ctx, const struct event *event)
{
    struct recovery *recovery = ctx;
    uint32_t at;

    if (event->type == EVENT_RUN_INTERRUPTED || event->type == EVENT_RUN_RESUMED) {
        recover_note_settled(recovery);
    }
    if (event->type == EVENT_RUN_STARTED || event->type == EVENT_RUN_RESUMED) {
        recovery->boot = str_dup(&recovery->arena, event->boot);
        recovery->host = str_dup(&recovery->arena, event->host);
    } else if (event->type == EVENT_ATTEMPT_STARTED) {
        recover_note_start(recovery, event);
    } else if (event->type == EVENT_CHECKS_PASSED) {
        at = map_get(&recovery->by_id, event->attempt_id);
        if (at != MAP_MISSING) {
            recovery->attempts.items[at].good = recovery->attempts.items[at].ended;
        }
    } else if (event->type == EVENT_ATTEMPT_FINISHED || event->type == EVENT_ATTEMPT_LOST) {
        at = map_get(&recovery->by_id, event->attempt_id);
        if (at != MAP_MISSING) {
            recovery->attempts.items[at].ended = true;
            recovery->attempts.items[at].ended_ns = event->time_ns;
            recovery->attempts.items[at].good =
                str_is(event->state, "done") && !recovery->attempts.items[at].checked;
            recovery->attempts.items[at].whole = str_is(event->state, "done");
            if (recovery->attempts.items[at].whole) {
                VEC_PUSH(&recovery->done, event->number);
            }
        }
    }
}

void recovery_init(struct recovery *recovery, struct session *session, struct recovered *recovered)
{
    *recovery = (struct recovery){.session = session, .recovered = recovered};
    arena_init(&recovery->arena);
    run_state_init(&recovery->state);
}

/* Which attempts have something parked. */
bool recovery_find_parked(struct recovery *recovery, struct err *err)
{
    struct session *session = recovery->session;
    struct clone_memory clone = {0};
    struct park_place place = {session->root_fd, session->workspace.pawlfd, &clone};
    struct parked_list list = {NULL, 0};

    if (!park_list(&place, &recovery->arena, &list, err)) {
        return false;
    }
    for (uint32_t i = 0; i < list.count; i++) {
        map_put(&recovery->parked, list.items[i].attempt, i);
    }
    return true;
}

void recovery_fini(struct recovery *recovery)
{
    map_fini(&recovery->parked);
    VEC_FREE(&recovery->done);
    map_fini(&recovery->by_id);
    map_fini(&recovery->last);
    VEC_FREE(&recovery->attempts);
    run_state_fini(&recovery->state);
    arena_fini(&recovery->arena);
}
