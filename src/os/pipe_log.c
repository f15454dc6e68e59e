/* Owns what happens to the output of a command between its pipe and a file.
 *
 * O_NONBLOCK belongs to an open pipe end, not to the pipe, so setting it on ours leaves the child's
 * end as commands expect it. Draining is bounded by what FIONREAD says at its start: all that the
 * ended process wrote is in the pipe by then, and a stranger that holds the other end and writes on
 * cannot keep us here. */
#include "os/pipe_log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/mem.h"
#include "base/sys.h"

enum {
    PIPE_BYTES = 1 << 20,   /* asked for; what the kernel grants may be less */
    CHUNK_BYTES = 32 << 10, /* one read */
    TURN_BYTES = 256 << 10  /* one call */
};

#define SPLICE_NONBLOCK 2U /* SPLICE_F_NONBLOCK */

/* fds[0]: ours, not blocking. */
static bool make_pipe(int *our_fd, int *child_fd, struct err *err)
{
    int fds[2];

    if (sys_pipe(fds, 0) != 0) {
        return err_sys(err, "cannot make a pipe for output");
    }
    if (sys_fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0) {
        err_sys(err, "cannot make a pipe for output");
        sys_close(fds[0]);
        sys_close(fds[1]);
        return false;
    }
    *our_fd = fds[0];
    *child_fd = fds[1];
    return true;
}

/* At the first bytes: most commands print nothing. Fewer turns for loud ones; refused above the
 * user's share of pipe memory. */
static void widen_pipe(int fd, uint64_t bytes_before)
{
    if (bytes_before == 0) {
        sys_pipe_set_size(fd, PIPE_BYTES);
    }
}

static size_t pipe_bytes(int fd)
{
    int bytes = 0;

    return sys_ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        sys_close(*fd);
        *fd = -1;
    }
}

/* What a read says: how much, or that the pipe has ended (also by an error) or is empty. */
enum piece { PIECE_DATA, PIECE_EMPTY, PIECE_ENDED };

static enum piece piece_of(ssize_t count)
{
    if (count > 0) {
        return PIECE_DATA;
    }
    return count < 0 && errno == EAGAIN ? PIECE_EMPTY : PIECE_ENDED;
}

bool pipe_log_open(struct pipe_log *log, const char *path, size_t tail_bytes, int *child_fd,
                   struct err *err)
{
    *log = (struct pipe_log){.fd = -1, .log_fd = -1};
    if (!make_pipe(&log->fd, child_fd, err)) {
        return false;
    }
    log->path = mem_alloc(strlen(path) + 1);
    strcpy(log->path, path);
    log->tail_cap = tail_bytes;
    return true;
}

void pipe_log_on_data(struct pipe_log *log, void (*tell)(void *ctx, const char *data, size_t len),
                      void *ctx)
{
    log->tell = tell;
    log->ctx = ctx;
}

static void log_write(struct pipe_log *log, const char *data, size_t len)
{
    if (log->sys != 0) {
        return;
    }
    if (log->log_fd < 0) {
        log->log_fd = sys_open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, 0666);
    }
    if (log->log_fd < 0 || sys_write_full(log->log_fd, data, len) != 0) {
        log->sys = errno;
    }
}

/* Puts the bytes where they belong in a ring in which byte n of all output lies at n % cap. */
static void tail_add(struct pipe_log *log, const char *data, size_t len)
{
    size_t skip = len > log->tail_cap ? len - log->tail_cap : 0;
    size_t at, head;

    if (log->tail_cap == 0) {
        return;
    }
    if (log->tail == NULL) {
        log->tail = mem_alloc(log->tail_cap);
    }
    at = (size_t)((log->bytes + skip) % log->tail_cap);
    len -= skip;
    head = len < log->tail_cap - at ? len : log->tail_cap - at;
    memcpy(log->tail + at, data + skip, head);
    memcpy(log->tail, data + skip + head, len - head);
}

static void log_take(struct pipe_log *log, const char *data, size_t len)
{
    log_write(log, data, len);
    tail_add(log, data, len);
    log->bytes += len;
    if (log->tell != NULL) {
        log->tell(log->ctx, data, len);
    }
}

/* Up to `limit` bytes. */
static enum pipe_state log_read(struct pipe_log *log, size_t limit)
{
    char chunk[CHUNK_BYTES];

    while (limit > 0) {
        size_t want = limit < sizeof(chunk) ? limit : sizeof(chunk);
        ssize_t count = sys_read(log->fd, chunk, want);

        switch (piece_of(count)) {
        case PIECE_DATA:
            widen_pipe(log->fd, log->bytes);
            log_take(log, chunk, (size_t)count);
            limit -= (size_t)count;
            break;
        case PIECE_EMPTY:
            return PIPE_OPEN;
        case PIECE_ENDED:
            if (count < 0 && log->sys == 0) {
                log->sys = errno;
            }
            return PIPE_ENDED;
        }
    }
    return PIPE_OPEN;
}

enum pipe_state pipe_log_read(struct pipe_log *log)
{
    return log->fd < 0 ? PIPE_ENDED : log_read(log, TURN_BYTES);
}

void pipe_log_drain(struct pipe_log *log)
{
    if (log->fd >= 0) {
        log_read(log, pipe_bytes(log->fd));
    }
}

void pipe_log_add(struct pipe_log *log, struct str text)
{
    if (log->fd >= 0 && text.len > 0) {
        log_take(log, text.data, text.len);
    }
}

bool pipe_log_close(struct pipe_log *log)
{
    close_fd(&log->fd);
    if (log->log_fd >= 0 && sys_close(log->log_fd) != 0 && log->sys == 0) {
        log->sys = errno;
    }
    log->log_fd = -1;
    return log->sys == 0;
}

void pipe_log_free(struct pipe_log *log)
{
    pipe_log_close(log);
    free(log->path);
    free(log->tail);
    log->path = log->tail = NULL;
    log->tail_cap = 0;
}

bool pipe_log_tail(const struct pipe_log *log, struct strbuf *out)
{
    size_t at;

    if (log->bytes <= log->tail_cap) {
        strbuf_add(out, log->tail, (size_t)log->bytes);
        return false;
    }
    if (log->tail_cap > 0) {
        at = (size_t)(log->bytes % log->tail_cap);
        strbuf_add(out, log->tail + at, log->tail_cap - at);
        strbuf_add(out, log->tail, at);
    }
    return true;
}

bool pipe_file_open(struct pipe_file *pipe, int file_fd, int *child_fd, struct err *err)
{
    *pipe = (struct pipe_file){.fd = -1, .file_fd = file_fd};
    return make_pipe(&pipe->fd, child_fd, err);
}

/* Moves bytes through our memory; drops them once the file has failed. */
static ssize_t file_copy(struct pipe_file *pipe, size_t want)
{
    char chunk[CHUNK_BYTES];
    ssize_t count = sys_read(pipe->fd, chunk, want < sizeof(chunk) ? want : sizeof(chunk));

    if (count > 0 && pipe->sys == 0 && sys_write_full(pipe->file_fd, chunk, (size_t)count) != 0) {
        pipe->sys = errno;
    }
    return count;
}

static ssize_t file_move(struct pipe_file *pipe, size_t want)
{
    ssize_t count;

    if (pipe->no_splice || pipe->sys != 0) {
        return file_copy(pipe, want);
    }
    count = sys_splice(pipe->fd, NULL, pipe->file_fd, NULL, want, SPLICE_NONBLOCK);
    if (count < 0 && errno != EAGAIN) {
        /* Nothing was taken from the pipe: the plain way tells whether splice or the file is at
         * fault. */
        pipe->no_splice = true;
        return file_copy(pipe, want);
    }
    return count;
}

static enum pipe_state file_read(struct pipe_file *pipe, size_t limit)
{
    while (limit > 0) {
        ssize_t count = file_move(pipe, limit);

        switch (piece_of(count)) {
        case PIECE_DATA:
            widen_pipe(pipe->fd, pipe->bytes);
            pipe->bytes += (uint64_t)count;
            limit -= (size_t)count;
            break;
        case PIECE_EMPTY:
            return PIPE_OPEN;
        case PIECE_ENDED:
            if (count < 0 && pipe->sys == 0) {
                pipe->sys = errno;
            }
            return PIPE_ENDED;
        }
    }
    return PIPE_OPEN;
}

enum pipe_state pipe_file_read(struct pipe_file *pipe)
{
    return pipe->fd < 0 ? PIPE_ENDED : file_read(pipe, TURN_BYTES);
}

void pipe_file_drain(struct pipe_file *pipe)
{
    if (pipe->fd >= 0) {
        file_read(pipe, pipe_bytes(pipe->fd));
    }
}

bool pipe_file_close(struct pipe_file *pipe)
{
    close_fd(&pipe->fd);
    return pipe->sys == 0;
}
