/* Owns the sending side: what was framed, how much of it has a place, how much was sent. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sys.h"
#include "base/bytes.h"
#include "run/stream_link.h"

enum { LINK_NUMBER_BYTES = 4, LINK_READ_BYTES = 256, LINK_KEPT_BYTES = 1 << 20 };

struct stream_link {
    int fd; /* -1: gone */
    struct loop_source source;
    struct stream_links *links;
    struct strbuf out; /* framed results to be sent from `at` on */
    size_t at;
    uint32_t credit;      /* places free in its queue */
    VEC(uint32_t) frames; /* bytes of each result in `out` that has no place there yet */
    size_t frame_next;
    uint64_t sendable; /* bytes of `out` that may be sent */
    bool watched;
    struct strbuf in; /* a part of a number */
};

static void link_drop(struct stream_link *link)
{
    loop_remove(link->links->loop, &link->source);
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
        loop_change(link->links->loop, &link->source, LOOP_READ | (watch ? LOOP_WRITE : 0), &err);
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

static void link_take(struct stream_link *link)
{
    ssize_t got = sys_recv(link->fd, strbuf_reserve(&link->in, LINK_READ_BYTES), LINK_READ_BYTES,
                           MSG_DONTWAIT);

    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) {
        link_drop(link);
        return;
    }
    link->in.len += got > 0 ? (size_t)got : 0;
    link_take_numbers(link);
    link_place(link);
}

static void link_on_event(void *ctx, unsigned events)
{
    struct stream_link *link = ctx;
    struct stream_links *links = link->links;

    if ((events & (LOOP_READ | LOOP_HANGUP | LOOP_ERROR)) != 0) {
        link_take(link);
    }
    if (link->fd >= 0) {
        link_send(link);
    }
    if (links->moved != NULL) {
        links->moved(links->ctx);
    }
}

bool stream_links_open(struct stream_links *links, struct loop *loop, const int *fds,
                       uint32_t count, struct err *err)
{
    bool ok = true;

    links->loop = loop;
    links->items = mem_calloc(count, sizeof(*links->items));
    links->count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct stream_link *link = &links->items[i];

        link->fd = fds[i];
        link->links = links;
        link->source.fd = -1;
        ok = ok && loop_add(loop, &link->source, link->fd, LOOP_READ, link_on_event, link, err);
    }
    return ok;
}

static void link_add(struct stream_link *link, struct str line)
{
    bytes_put_blob(&link->out, line.data, line.len);
    VEC_PUSH(&link->frames, (uint32_t)(line.len + LINK_NUMBER_BYTES));
}

void stream_links_send(struct stream_links *links, struct str result)
{
    for (uint32_t i = 0; i < links->count; i++) {
        struct stream_link *link = &links->items[i];
        struct str rest = result;

        while (link->fd >= 0 && rest.len != 0) {
            ptrdiff_t end = str_find(rest, '\n');
            struct str line = str_head(rest, end >= 0 ? (size_t)end : rest.len);

            rest = str_skip(rest, line.len + (end >= 0));
            link_add(link, line);
        }
        if (link->fd >= 0) {
            link_place(link);
            link_send(link);
        }
    }
}

bool stream_links_hold(const struct stream_links *links)
{
    for (uint32_t i = 0; i < links->count; i++) {
        if (links->items[i].fd >= 0 && links->items[i].frames.count != 0) {
            return true;
        }
    }
    return false;
}

bool stream_links_are_empty(const struct stream_links *links)
{
    for (uint32_t i = 0; i < links->count; i++) {
        const struct stream_link *link = &links->items[i];

        if (link->fd >= 0 && (link->frames.count != 0 || link->sendable != 0)) {
            return false;
        }
    }
    return true;
}

void stream_links_close(struct stream_links *links)
{
    for (uint32_t i = 0; i < links->count; i++) {
        if (links->items[i].fd >= 0) {
            link_drop(&links->items[i]);
        }
    }
    free(links->items);
    *links = (struct stream_links){0};
}
