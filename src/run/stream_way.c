/* Owns the ways by which items are worked: the stage's own command, and variants whose flag is
 * decided for each item. Each way has a log of its own, named by its key, so what an item gave by
 * one is never taken for what it gives by another. An item that a variant with `fallback` failed on
 * is dead there and known by the stage's own way. */
#include "run/stream.h"

#include <stdlib.h>

#include "base/mem.h"
#include "model/flag.h"

bool stream_ways_open(struct stream *stream, int pawl_fd, struct err *err)
{
    const struct stream_spec *spec = &stream->spec;

    stream->ways = mem_calloc(spec->way_count, sizeof(*stream->ways));
    for (uint32_t i = 0; i < spec->way_count; i++) {
        struct stream_way *way = &stream->ways[i];
        struct items_about about = {spec->stage, spec->instance};

        way->spec = &spec->ways[i];
        way->direct = way->spec->direct.argc != 0;
        stream_queue_init(&way->ready);
        if (way->spec->has_breaker) {
            breaker_init(&way->breaker, &way->spec->breaker);
            breaker_set(&way->breaker, way->spec->breaker_state, way->spec->breaker_opened_ns);
            breaker_take_move(&way->breaker);
        }
        if (i != 0) {
            about.instance =
                STR_JOIN(&stream->arena, spec->instance, STR(" variant "), way->spec->variant);
        }
        if (spec->last_only && !items_forget_others(pawl_fd, &about, &way->spec->key, err)) {
            return false;
        }
        way->has_items = items_open(&way->items, pawl_fd, &way->spec->key, &about, err);
        if (!way->has_items) {
            return false;
        }
    }
    return true;
}

void stream_ways_close(struct stream *stream)
{
    for (uint32_t i = 0; stream->ways != NULL && i < stream->spec.way_count; i++) {
        struct stream_way *way = &stream->ways[i];

        if (way->has_items) {
            items_close(&way->items);
        }
        if (way->spec != NULL && way->spec->has_breaker) {
            breaker_fini(&way->breaker);
        }
    }
    free(stream->ways);
}

bool stream_ways_flush(struct stream *stream, struct err *err)
{
    for (uint32_t i = 0; i < stream->spec.way_count; i++) {
        if (!items_flush(&stream->ways[i].items, err)) {
            return false;
        }
    }
    return true;
}

bool stream_ways_take_back(struct stream *stream, struct err *err)
{
    for (uint32_t i = 0; i < stream->spec.way_count; i++) {
        struct stream_way *way = &stream->ways[i];

        if (way->is_doubtful && !items_undo(&way->items, err)) {
            return false;
        }
    }
    return true;
}

bool stream_ways_accept(struct stream *stream, struct err *err)
{
    for (uint32_t i = 0; i < stream->spec.way_count; i++) {
        if (!items_accept(&stream->ways[i].items, err)) {
            return false;
        }
    }
    return true;
}

/* --- breakers --- */

void stream_way_tell_moves(struct stream *stream, struct stream_way *way)
{
    struct stream_word word = {.kind = STREAM_BREAKER,
                               .breaker = way->spec->breaker_number,
                               .state = way->breaker.state,
                               .opened_ns = way->breaker.opened_ns};

    if (breaker_take_move(&way->breaker)) {
        stream_tell_word(stream, &word);
    }
}

void stream_ways_tick(struct stream *stream)
{
    for (uint32_t i = 0; i < stream->spec.way_count; i++) {
        struct stream_way *way = &stream->ways[i];

        if (way->spec->has_breaker) {
            breaker_tick(&way->breaker, clock_real_ns(&stream->clock));
            stream_way_tell_moves(stream, way);
        }
    }
}

int64_t stream_ways_next_time(const struct stream *stream, int64_t now_ns)
{
    int64_t next_ns = INT64_MAX;

    for (uint32_t i = 0; i < stream->spec.way_count; i++) {
        const struct stream_way *way = &stream->ways[i];
        int64_t real_ns = clock_real_ns(&stream->clock);
        int64_t due_ns =
            way->spec->has_breaker ? breaker_next_ns(&way->breaker, real_ns) : INT64_MAX;

        if (due_ns != INT64_MAX && now_ns + due_ns - real_ns < next_ns) {
            next_ns = now_ns + due_ns - real_ns;
        }
    }
    return next_ns;
}

bool stream_ways_may_hand(const struct stream *stream)
{
    for (uint32_t i = 0; i < stream->spec.way_count; i++) {
        const struct stream_way *way = &stream->ways[i];

        if (way->ready.first != NULL &&
            (!way->spec->has_breaker || breaker_ask(&way->breaker) == BREAKER_CALL)) {
            return true;
        }
    }
    return false;
}

/* --- the choice --- */

uint8_t stream_way_choose(const struct stream *stream, struct str unit)
{
    for (uint32_t i = 1; i < stream->spec.way_count; i++) {
        const struct stream_way_spec *spec = &stream->spec.ways[i];
        struct m_flag flag = {.name = spec->flag, .percent = spec->percent};

        if (flag_is_on(&flag, unit)) {
            return (uint8_t)i;
        }
    }
    return 0;
}

static bool way_is_open(const struct stream_way *way)
{
    return way->spec->has_breaker && way->breaker.state == BREAKER_OPEN;
}

/* A variant that has no fallback now takes what one left to the stage's own way as not known. */
static bool way_is_left(struct stream *stream, const struct digest *digest, uint8_t way)
{
    struct item_result result;
    struct err err = {0};

    return items_get(&stream->ways[way].items, digest, &stream->text, &result, &err) &&
           (result.cause & ITEM_CAUSE_LEFT) != 0;
}

enum item_state stream_way_find(struct stream *stream, const struct digest *digest, uint8_t chosen,
                                uint8_t *way)
{
    enum item_state state = items_find(&stream->ways[chosen].items, digest);

    *way = chosen;
    if (chosen != 0 && state == ITEM_DEAD && !stream->spec.ways[chosen].fallback &&
        way_is_left(stream, digest, chosen)) {
        state = ITEM_UNKNOWN;
    }
    if (chosen == 0 || state == ITEM_DONE ||
        (state == ITEM_DEAD && !stream->spec.ways[chosen].fallback) ||
        (state == ITEM_UNKNOWN && !way_is_open(&stream->ways[chosen]))) {
        return state;
    }
    *way = 0;
    return items_find(&stream->ways[0].items, digest);
}
