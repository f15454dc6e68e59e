/* Owns the handing on of a standard output, while it is written, to those whose items its lines
 * are. It is read back from the file that it goes to. Where somebody has no place for a line,
 * nothing more is taken from the command's pipe: it waits in its next write. */
#include <fcntl.h>

#include "base/sys.h"
#include "run/stream_attempt.h"
#include "run/stream_link.h"

struct stream_relay {
    struct attempt *attempt;
    struct stream_links links;
    int fd; /* the file */
    uint64_t at;
    struct strbuf line; /* begun, without its end */
    bool held;
};

enum { RELAY_READ_BYTES = 64 << 10 };

static void relay_watch(struct stream_relay *relay)
{
    struct attempt *attempt = relay->attempt;
    bool hold = stream_links_hold(&relay->links);
    struct err err = {0};

    if (hold != relay->held && attempt->out_source.fd >= 0) {
        relay->held = hold;
        loop_change(&attempt->executor->loop, &attempt->out_source, hold ? 0U : (unsigned)LOOP_READ,
                    &err);
    }
}

/* Hands on the lines that are whole; `fresh` bytes were not looked at before. */
static void relay_lines(struct stream_relay *relay, size_t fresh)
{
    struct str text = strbuf_str(&relay->line);
    size_t seen = text.len - fresh;
    ptrdiff_t end = str_rfind(str_skip(text, seen), '\n');
    size_t taken = seen + (size_t)(end + 1);

    if (end >= 0) {
        stream_links_send(&relay->links, str_head(text, taken));
        memmove(relay->line.data, relay->line.data + taken, relay->line.len - taken);
        relay->line.len -= taken;
    }
}

static void relay_pump(struct stream_relay *relay)
{
    while (!stream_links_hold(&relay->links)) {
        ssize_t got = sys_pread(relay->fd, strbuf_reserve(&relay->line, RELAY_READ_BYTES),
                                RELAY_READ_BYTES, (int64_t)relay->at);

        if (got <= 0) {
            break;
        }
        relay->line.len += (size_t)got;
        relay->at += (uint64_t)got;
        relay_lines(relay, (size_t)got);
    }
    relay_watch(relay);
}

static void relay_moved(void *ctx)
{
    relay_pump(ctx);
}

bool stream_relay_open(struct attempt *attempt, struct err *err)
{
    int fds[STREAM_LINKS_MOST];
    uint32_t count;
    struct stream_relay *relay;

    if (!attempt->has_out || attempt->inst->stream != 0) {
        return true;
    }
    count = stream_earlies_start(attempt->executor, attempt->instance, fds);
    if (count == 0) {
        return true;
    }
    relay = ARENA_NEW(&attempt->arena, struct stream_relay);
    *relay = (struct stream_relay){.attempt = attempt, .fd = -1};
    attempt->relay = relay;
    if (!stream_links_open(&relay->links, &attempt->executor->loop, fds, count, err)) {
        return false;
    }
    relay->links.moved = relay_moved;
    relay->links.ctx = relay;
    relay->fd = sys_open(attempt->out_tmp.data, O_RDONLY | O_NOFOLLOW, 0);
    return relay->fd >= 0 || err_sys(err, "'%s': cannot be read", attempt->out_tmp.data);
}

void stream_relay_more(struct attempt *attempt)
{
    if (attempt->relay != NULL) {
        relay_pump(attempt->relay);
    }
}

void stream_relay_close(struct attempt *attempt)
{
    struct stream_relay *relay = attempt->relay;

    if (relay == NULL) {
        return;
    }
    attempt->relay = NULL;
    relay->links.moved = NULL;
    stream_links_close(&relay->links);
    if (relay->fd >= 0) {
        sys_close(relay->fd);
    }
    strbuf_fini(&relay->line);
}
