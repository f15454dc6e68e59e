/* Owns writing to a descriptor that may be closed, full or non-blocking. */
#include "report/sink.h"

#include <errno.h>

#include "base/sys.h"

void sink_write(const struct sink *sink, struct str text)
{
    if (text.len != 0) {
        sink->write(sink->ctx, text.data, text.len);
    }
}

void sink_flush(const struct sink *sink, struct strbuf *buf)
{
    sink_write(sink, strbuf_str(buf));
    strbuf_clear(buf);
}

static void sink_fd_write(void *ctx, const char *data, size_t len)
{
    struct sink_fd *out = ctx;

    while (len != 0 && out->error == 0) {
        ssize_t wrote = sys_write(out->fd, data, len);

        if (wrote > 0) {
            data += wrote;
            len -= (size_t)wrote;
        } else if (wrote == 0) {
            out->error = ENOSPC;
        } else if (errno == EAGAIN) {
            struct pollfd room = {.fd = out->fd, .events = POLLOUT};

            (void)sys_poll(&room, 1, -1);
        } else {
            out->error = errno;
        }
    }
}

struct sink sink_of_fd(struct sink_fd *out, int fd)
{
    *out = (struct sink_fd){.fd = fd};
    return (struct sink){out, sink_fd_write};
}

static void sink_buffer_write(void *ctx, const char *data, size_t len)
{
    strbuf_add(ctx, data, len);
}

struct sink sink_of_buffer(struct strbuf *buf)
{
    return (struct sink){buf, sink_buffer_write};
}
