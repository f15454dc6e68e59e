#ifndef PAWL_RUN_STREAM_LINK_H
#define PAWL_RUN_STREAM_LINK_H
/* Sockets to those who take the items that a stage makes while it makes them: each line of a result
 * is sent, as a u32 length and its bytes, once there is a place for it in the queue on the other
 * side, which tells by u32 numbers how many there are. Whoever has something that has no place is
 * held: so a slow consumer holds back its producer. One that is gone is forgotten.
 *
 * Order: stream_links_open, which takes over the descriptors; stream_links_send;
 * stream_links_close. One thread, the loop's.
 */
#include "base/str.h"
#include "base/vec.h"
#include "os/loop.h"

struct stream_link;

struct stream_links {
    struct loop *loop;
    struct stream_link *items;
    uint32_t count;
    /* Something was sent, or one is gone; NULL: nobody asks. */
    void (*moved)(void *ctx);
    void *ctx;
};

bool stream_links_open(struct stream_links *links, struct loop *loop, const int *fds,
                       uint32_t count, struct err *err);
/* A result: each line of it is an item there. */
void stream_links_send(struct stream_links *links, struct str result);
/* Somebody has no place for what is to be sent. */
bool stream_links_hold(const struct stream_links *links);
/* All that was to be sent is sent, or nobody is there any more. */
bool stream_links_are_empty(const struct stream_links *links);
/* Also of zeroes. */
void stream_links_close(struct stream_links *links);

#endif
