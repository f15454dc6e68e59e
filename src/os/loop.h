#ifndef PAWL_OS_LOOP_H
#define PAWL_OS_LOOP_H
/* The one place where pawl waits: an epoll set on the main thread. Sources are descriptors with a
 * callback; callbacks only note facts, the caller decides when loop_wait has returned.
 *
 * Order: loop_open; loop_add for each source; loop_wait again and again; loop_remove before the
 * descriptor is closed; loop_close. Only loop_wake may be called from other threads and from signal
 * handlers.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/err.h"

enum {
    LOOP_READ = 1,   /* bytes (or a connection, an ended process, an expired timer) are there */
    LOOP_WRITE = 2,  /* room to write */
    LOOP_HANGUP = 4, /* the other end is closed; always watched */
    LOOP_ERROR = 8,  /* always watched */
    LOOP_EDGE = 16,  /* asked for with others: told once, and again only when more has come */
    LOOP_ONCE = 32   /* asked for with others: told once, and never again */
};

#define LOOP_FOREVER INT64_MAX

/* Owned by the caller, at one address from loop_add to loop_remove; fields are the loop's. */
struct loop_source {
    int fd;
    void (*call)(void *ctx, unsigned events);
    void *ctx;
};

enum { LOOP_BATCH = 64 };

struct loop {
    int epoll_fd, timer_fd, wake_fd;
    int64_t timer_ns; /* what the timer is set to; LOOP_FOREVER: not set */
    size_t source_count;
    struct epoll_event batch[LOOP_BATCH]; /* being handed out */
    int batch_count;
    struct loop_source timer_source, wake_source;
};

bool loop_open(struct loop *loop, struct err *err);
void loop_close(struct loop *loop);

/* Watches `fd` (not owned) for `events`, level-triggered without LOOP_EDGE. A regular file cannot
 * be watched. */
bool loop_add(struct loop *loop, struct loop_source *source, int fd, unsigned events,
              void (*call)(void *ctx, unsigned events), void *ctx, struct err *err);
/* Watches for other events from now on (0: only hang-up and error). */
bool loop_change(struct loop *loop, struct loop_source *source, unsigned events, struct err *err);
/* Also from a callback, also of another source: what was waiting for it is dropped. A source that
 * was never added or is removed already (fd -1) is left alone. */
void loop_remove(struct loop *loop, struct loop_source *source);
/* The same for a source that was added with LOOP_ONCE and has been told, and that is closed soon:
 * the kernel says nothing more of it, and stops watching it once nobody has it open. A child that
 * has not executed yet has all that we had open when it was started. */
void loop_forget(struct loop *loop, struct loop_source *source);

/* Waits until something happened or the monotonic clock reads `deadline_ns` (LOOP_FOREVER: no
 * limit; a time that is past: looks and returns), then calls the callbacks of all sources that have
 * something to say. It may return early with nothing noted: look at the clock. False: the kernel
 * refused, `err` is set, there is no going on. */
bool loop_wait(struct loop *loop, int64_t deadline_ns, struct err *err);

/* Makes the present or the next loop_wait return. */
void loop_wake(struct loop *loop);
/* The same with the type that os/pool.h wants. */
void loop_wake_any(void *loop);

#endif
