/* Owns which items are in flight: a set by digest, so that one is not worked twice at once, and the
 * queues that they stand in. What is let go is kept for the next item, with its room. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "run/stream.h"

enum { FLIGHT_KEPT_BYTES = 64 << 10 }; /* of room that is kept for the next item */

void stream_queue_init(struct stream_queue *queue)
{
    *queue = (struct stream_queue){.last = &queue->first};
}

void stream_queue_push(struct stream_queue *queue, struct stream_item *item)
{
    item->next = NULL;
    *queue->last = item;
    queue->last = &item->next;
    queue->count++;
}

void stream_queue_push_first(struct stream_queue *queue, struct stream_item *item)
{
    item->next = queue->first;
    queue->first = item;
    if (item->next == NULL) {
        queue->last = &item->next;
    }
    queue->count++;
}

struct stream_item *stream_queue_pop(struct stream_queue *queue)
{
    struct stream_item *item = queue->first;

    if (item != NULL) {
        queue->first = item->next;
        queue->count--;
        if (queue->first == NULL) {
            queue->last = &queue->first;
        }
    }
    return item;
}

void stream_queue_insert(struct stream_queue *queue, struct stream_item *item)
{
    struct stream_item **at = &queue->first;

    while (*at != NULL && (*at)->due_ns <= item->due_ns) {
        at = &(*at)->next;
    }
    item->next = *at;
    *at = item;
    if (item->next == NULL) {
        queue->last = &item->next;
    }
    queue->count++;
}

/* --- the set --- */

static uint32_t flight_hash(const struct digest *digest)
{
    return bytes_get_u32(digest->bytes);
}

static uint32_t flight_find(const struct stream *stream, const struct digest *digest)
{
    uint32_t at = flight_hash(digest) & stream->flight_mask;

    while (stream->flight[at] != NULL && !digest_equal(&stream->flight[at]->digest, digest)) {
        at = (at + 1) & stream->flight_mask;
    }
    return at;
}

static void flight_grow(struct stream *stream)
{
    struct stream_item **old = stream->flight;
    uint32_t slots = old != NULL ? stream->flight_mask + 1 : 0;

    stream->flight_mask = slots != 0 ? slots * 2 - 1 : 63;
    stream->flight = mem_calloc((size_t)stream->flight_mask + 1, sizeof(struct stream_item *));
    for (uint32_t i = 0; i < slots; i++) {
        if (old[i] != NULL) {
            stream->flight[flight_find(stream, &old[i]->digest)] = old[i];
        }
    }
    free(old);
}

bool stream_flight_has(const struct stream *stream, const struct digest *digest)
{
    return stream->flight != NULL && stream->flight[flight_find(stream, digest)] != NULL;
}

struct stream_item *stream_flight_add(struct stream *stream, const struct digest *digest)
{
    struct stream_item *item = stream->spare;

    if (stream->flight == NULL || stream->in_flight * 2 > stream->flight_mask) {
        flight_grow(stream);
    }
    if (item != NULL) {
        stream->spare = item->next;
    } else {
        item = mem_calloc(1, sizeof(*item));
    }
    item->digest = *digest;
    item->attempts = 0;
    item->way = 0;
    item->alone = false;
    item->due_ns = 0;
    stream->flight[flight_find(stream, digest)] = item;
    stream->in_flight++;
    return item;
}

/* Those behind it move up, so that no gap hides them. */
static void flight_remove(struct stream *stream, uint32_t at)
{
    uint32_t next = at;

    for (;;) {
        uint32_t home;

        next = (next + 1) & stream->flight_mask;
        if (stream->flight[next] == NULL) {
            break;
        }
        home = flight_hash(&stream->flight[next]->digest) & stream->flight_mask;
        if (((next - home) & stream->flight_mask) >= ((next - at) & stream->flight_mask)) {
            stream->flight[at] = stream->flight[next];
            at = next;
        }
    }
    stream->flight[at] = NULL;
}

static void flight_trim(struct strbuf *bytes)
{
    if (bytes->cap > FLIGHT_KEPT_BYTES) {
        strbuf_fini(bytes);
    }
    strbuf_clear(bytes);
}

void stream_flight_drop(struct stream *stream, struct stream_item *item)
{
    uint32_t at = flight_find(stream, &item->digest);

    assert(stream->flight[at] == item);
    flight_remove(stream, at);
    stream->in_flight--;
    stream->bytes_in_flight -= item->bytes.len;
    flight_trim(&item->bytes);
    flight_trim(&item->path_bytes);
    item->path = STR("");
    item->next = stream->spare;
    stream->spare = item;
}

static void flight_free(struct stream_item *item)
{
    strbuf_fini(&item->bytes);
    strbuf_fini(&item->path_bytes);
    free(item);
}

void stream_flight_fini(struct stream *stream)
{
    for (uint32_t i = 0; stream->flight != NULL && i <= stream->flight_mask; i++) {
        if (stream->flight[i] != NULL) {
            flight_free(stream->flight[i]);
        }
    }
    free(stream->flight);
    while (stream->spare != NULL) {
        struct stream_item *item = stream->spare;

        stream->spare = item->next;
        flight_free(item);
    }
}
