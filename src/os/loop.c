/* Owns the epoll set, the timer that ends a wait, and the eventfd that breaks one.
 *
 * A deadline is a timerfd rather than epoll's own timeout: epoll counts whole milliseconds, and the
 * timer is set only when the deadline changes. One wait hands out one batch; a source that is
 * removed while the batch is handed out loses its entries in it, so a callback may remove, and its
 * owner free, any source. */
#include "os/loop.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/clock.h"
#include "base/sys.h"

static void drain_counter(void *fd, unsigned events)
{
    uint64_t count;

    (void)events;
    (void)!sys_read(*(const int *)fd, &count, sizeof(count));
}

bool loop_open(struct loop *loop, struct err *err)
{
    *loop = (struct loop){.timer_ns = LOOP_FOREVER};
    loop->timer_source.fd = loop->wake_source.fd = -1;
    loop->epoll_fd = sys_epoll_create();
    loop->timer_fd = sys_timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    loop->wake_fd = sys_eventfd(0, EFD_NONBLOCK);
    if (loop->epoll_fd < 0 || loop->timer_fd < 0 || loop->wake_fd < 0) {
        err_sys(err, "cannot set up waiting for events");
        loop_close(loop);
        return false;
    }
    if (!loop_add(loop, &loop->timer_source, loop->timer_fd, LOOP_READ, drain_counter,
                  &loop->timer_fd, err) ||
        !loop_add(loop, &loop->wake_source, loop->wake_fd, LOOP_READ, drain_counter, &loop->wake_fd,
                  err)) {
        loop_close(loop);
        return false;
    }
    return true;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        sys_close(*fd);
        *fd = -1;
    }
}

void loop_close(struct loop *loop)
{
    close_fd(&loop->timer_fd);
    close_fd(&loop->wake_fd);
    close_fd(&loop->epoll_fd);
}

static struct epoll_event epoll_event_of(struct loop_source *source, unsigned events)
{
    struct epoll_event event = {.events = 0};

    event.events |= (events & LOOP_READ) != 0 ? EPOLLIN : 0U;
    event.events |= (events & LOOP_WRITE) != 0 ? EPOLLOUT : 0U;
    event.events |= (events & LOOP_ONCE) != 0 ? EPOLLONESHOT : 0U;
    event.events |= (events & LOOP_EDGE) != 0 ? EPOLLET : 0U;
    event.data.ptr = source;
    return event;
}

bool loop_add(struct loop *loop, struct loop_source *source, int fd, unsigned events,
              void (*call)(void *ctx, unsigned events), void *ctx, struct err *err)
{
    struct epoll_event event = epoll_event_of(source, events);

    *source = (struct loop_source){.fd = fd, .call = call, .ctx = ctx};
    if (sys_epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        source->fd = -1;
        return err_sys(err, "cannot watch descriptor %d", fd);
    }
    loop->source_count++;
    return true;
}

bool loop_change(struct loop *loop, struct loop_source *source, unsigned events, struct err *err)
{
    struct epoll_event event = epoll_event_of(source, events);

    if (sys_epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event) != 0) {
        return err_sys(err, "cannot watch descriptor %d", source->fd);
    }
    return true;
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
    struct epoll_event event = {.events = 0};

    if (source->fd >= 0) {
        sys_epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, &event);
    }
    loop_forget(loop, source);
}

void loop_forget(struct loop *loop, struct loop_source *source)
{
    if (source->fd < 0) {
        return;
    }
    loop->source_count--;
    source->fd = -1;
    for (int i = 0; i < loop->batch_count; i++) {
        if (loop->batch[i].data.ptr == source) {
            loop->batch[i].data.ptr = NULL;
        }
    }
}

static bool set_timer(struct loop *loop, int64_t deadline_ns, struct err *err)
{
    int64_t value_ns = deadline_ns == LOOP_FOREVER ? 0 : deadline_ns;

    if (loop->timer_ns == deadline_ns) {
        return true;
    }
    if (sys_timerfd_set(loop->timer_fd, TFD_TIMER_ABSTIME, value_ns) != 0) {
        return err_sys(err, "cannot set a timer");
    }
    loop->timer_ns = deadline_ns;
    return true;
}

static unsigned loop_events_of(uint32_t epoll)
{
    unsigned events = 0;

    events |= (epoll & (EPOLLIN | EPOLLPRI)) != 0 ? LOOP_READ : 0U;
    events |= (epoll & EPOLLOUT) != 0 ? LOOP_WRITE : 0U;
    events |= (epoll & EPOLLHUP) != 0 ? LOOP_HANGUP : 0U;
    events |= (epoll & EPOLLERR) != 0 ? LOOP_ERROR : 0U;
    return events;
}

static void hand_out(struct loop *loop)
{
    for (int i = 0; i < loop->batch_count; i++) {
        const struct loop_source *source = loop->batch[i].data.ptr;

        if (source != NULL) {
            source->call(source->ctx, loop_events_of(loop->batch[i].events));
        }
    }
    loop->batch_count = 0;
}

bool loop_wait(struct loop *loop, int64_t deadline_ns, struct err *err)
{
    bool past = deadline_ns != LOOP_FOREVER && deadline_ns <= clock_mono_ns(&clock_system);
    int count;

    if (!past && !set_timer(loop, deadline_ns, err)) {
        return false;
    }
    count = sys_epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, past ? 0 : -1);
    if (count < 0 && errno != EINTR) {
        return err_sys(err, "cannot wait for events");
    }
    loop->batch_count = count > 0 ? count : 0;
    hand_out(loop);
    return true;
}

void loop_wake(struct loop *loop)
{
    uint64_t one = 1;
    int sys = errno;

    /* A full counter (EAGAIN) wakes as well. */
    (void)!sys_write(loop->wake_fd, &one, sizeof(one));
    errno = sys;
}

void loop_wake_any(void *loop)
{
    loop_wake(loop);
}
