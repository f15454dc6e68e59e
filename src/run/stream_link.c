/* Owns who takes our results early: each line of a result is sent, as a u32 length and its bytes,
 * once there is a place for it in the queue on the other side, which tells how many there are. As
 * long as something has no place, nothing new is worked here: so a slow consumer holds back its
 * producer. One that is gone is forgotten. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sys.h"
#include "run/stream.h"

enum { LINK_NUMBER_BYTES = 4, LINK_READ_BYTES = 256, LINK_KEPT_BYTES = 1 << 20 };

static void link_drop(struct stream_link *link)
{
    loop_remove(&link->stream->loop, &link->source);
    sys_close(link->fd);
    link->fd = -1;
    strbuf_fini(&link->out);
    strbuf_fini(&link->in);
    VEC_FREE(&link->frames);
    link->frame_next = 0;
    link->sendable = 0;
}

/* What has a place now may be sent. */
static void link_place(struct stream_link *link)
{
    while (link->credit != 0 && link->frame_next < link->frames.count) {
        link->sendable += link->frames.items[link->frame_next++];
        link->credit--;
    }
    if (link->frame_next == link->frames.count) {
        VEC_CLEAR(&link->frames);
        link->frame_next = 0;
    }
}

static void link_watch(struct stream_link *link)
{
    bool watch = link->sendable != 0;
    struct err err = {0};

    if (watch != link->watched) {
        link->watched = watch;
        loop_change(&link->stream->loop, &link->source, LOOP_READ | (watch ? LOOP_WRITE : 0), &err);
    }
}

static void link_send(struct stream_link *link)
{
    while (link->sendable != 0) {
        ssize_t sent =
            sys_send(link->fd, link->out.data + link->at, (size_t)link->sendable, MSG_DONTWAIT);

        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            break;
        }
        if (sent < 0) {
            link_drop(link);
            return;
        }
        link->at += (size_t)sent;
        link->sendable -= (uint64_t)sent;
    }
    if (link->at == link->out.len) {
        link->at = 0;
        if (link->out.cap > LINK_KEPT_BYTES) {
            strbuf_fini(&link->out);
        }
        strbuf_clear(&link->out);
    }
    link_watch(link);
}

static void link_take_numbers(struct stream_link *link)
{
    size_t at = 0;

    while (link->in.len - at >= LINK_NUMBER_BYTES) {
        link->credit += bytes_get_u32(link->in.data + at);
        at += LINK_NUMBER_BYTES;
    }
    memmove(link->in.data, link->in.data + at, link->in.len - at);
    link->in.len -= at;
}

static void link_on_event(void *ctx, unsigned events)
{
    struct stream_link *link = ctx;

    if ((events & (LOOP_READ | LOOP_HANGUP | LOOP_ERROR)) != 0) {
        ssize_t got = sys_recv(link->fd, strbuf_reserve(&link->in, LINK_READ_BYTES),
                               LINK_READ_BYTES, MSG_DONTWAIT);

        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) {
            link_drop(link);
            return;
        }
        link->in.len += got > 0 ? (size_t)got : 0;
        link_take_numbers(link);
        link_place(link);
    }
    link_send(link);
}

bool stream_links_open(struct stream *stream, struct err *err)
{
    stream->links = mem_calloc(stream->spec.link_count, sizeof(*stream->links));
    for (uint32_t i = 0; i < stream->spec.link_count; i++) {
        struct stream_link *link = &stream->links[i];

        link->fd = stream->spec.links[i];
        link->stream = stream;
        if (!loop_add(&stream->loop, &link->source, link->fd, LOOP_READ, link_on_event, link,
                      err)) {
            return false;
        }
    }
    return true;
}

static void link_add(struct stream_link *link, struct str line)
{
    bytes_put_blob(&link->out, line.data, line.len);
    VEC_PUSH(&link->frames, (uint32_t)(line.len + LINK_NUMBER_BYTES));
}

void stream_links_send(struct stream *stream, struct str result)
{
    for (uint32_t i = 0; i < stream->spec.link_count; i++) {
        struct stream_link *link = &stream->links[i];
        struct str rest = result;
        struct str line;

        if (link->fd < 0) {
            continue;
        }
        while (rest.len != 0) {
            ptrdiff_t end = str_find(rest, '\n');

            line = str_head(rest, end >= 0 ? (size_t)end : rest.len);
            rest = str_skip(rest, line.len + (end >= 0));
            link_add(link, line);
        }
        link_place(link);
        link_send(link);
    }
}

bool stream_links_hold(const struct stream *stream)
{
    for (uint32_t i = 0; i < stream->spec.link_count; i++) {
        if (stream->links[i].fd >= 0 && stream->links[i].frames.count != 0) {
            return true;
        }
    }
    return false;
}

bool stream_links_are_empty(const struct stream *stream)
{
    for (uint32_t i = 0; i < stream->spec.link_count; i++) {
        if (stream->links[i].fd >= 0 &&
            (stream->links[i].frames.count != 0 || stream->links[i].sendable != 0)) {
            return false;
        }
    }
    return true;
}

void stream_links_close(struct stream *stream)
{
    for (uint32_t i = 0; stream->links != NULL && i < stream->spec.link_count; i++) {
        if (stream->links[i].fd >= 0) {
            link_drop(&stream->links[i]);
        }
    }
    free(stream->links);
}
