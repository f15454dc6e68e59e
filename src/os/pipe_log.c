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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/mem.h"
#include "base/sys.h"

enum {
    PIPE_BYTES = 1 << 20,   /* asked for; what the kernel grants may be less */
    CHUNK_BYTES = 32 << 10, /* one read */
    TURN_BYTES = 256 << 10, /* one call */
    TAIL_BYTES = 1 << 20    /* of a log that is too long, at most half of it */
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

bool pipe_log_open(struct pipe_log *log, const char *path, uint64_t limit_bytes, int *child_fd,
                   struct err *err)
{
    *log = (struct pipe_log){.fd = -1, .log_fd = -1};
    if (!make_pipe(&log->fd, child_fd, err)) {
        return false;
    }
    log->path = mem_alloc(strlen(path) + 1);
    strcpy(log->path, path);
    log->limit_bytes = limit_bytes;
    log->tail_cap = limit_bytes / 2 < TAIL_BYTES ? (size_t)(limit_bytes / 2) : TAIL_BYTES;
    log->head_bytes = limit_bytes - log->tail_cap;
    return true;
}

void pipe_log_mask(struct pipe_log *log, const struct mask_words *words)
{
    log->mask.words = words->count != 0 ? words : NULL;
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
        log->log_fd = sys_open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NOCTTY,
                               SYS_OWN_FILE);
    }
    if (log->log_fd < 0 || sys_write_full(log->log_fd, data, len) != 0) {
        log->sys = errno;
    }
}

/* The line between head and tail is begun when the tail cannot hold the rest and ended when the
 * rest is known: the file only grows, for those who follow it. */
static void log_begin_cut(struct pipe_log *log)
{
    char line[80];
    int len = snprintf(line, sizeof(line),
                       "%s[pawl: log_max of %llu bytes is reached: ", log->in_line ? "\n" : "",
                       (unsigned long long)log->limit_bytes);

    log->is_cut = true;
    log_write(log, line, (size_t)len);
}

/* Puts the bytes where they belong in a ring in which byte n behind the head lies at n % cap;
 * `before`: how many came before them. */
static void tail_add(struct pipe_log *log, uint64_t before, const char *data, size_t len)
{
    size_t skip = len > log->tail_cap ? len - log->tail_cap : 0;
    size_t at, head;

    if (log->tail == NULL) {
        log->tail = mem_alloc(log->tail_cap);
    }
    if (!log->is_cut && before + len > log->tail_cap) {
        log_begin_cut(log);
    }
    at = (size_t)((before + skip) % log->tail_cap);
    len -= skip;
    head = len < log->tail_cap - at ? len : log->tail_cap - at;
    memcpy(log->tail + at, data + skip, head);
    memcpy(log->tail, data + skip + head, len - head);
}

static void log_keep(struct pipe_log *log, const char *data, size_t len)
{
    uint64_t room = log->bytes < log->head_bytes ? log->head_bytes - log->bytes : 0;
    size_t head = len < room ? len : (size_t)room;

    if (head != 0) {
        log_write(log, data, head);
        log->in_line = data[head - 1] != '\n';
    }
    if (head != len) {
        tail_add(log, log->bytes + head - log->head_bytes, data + head, len - head);
    }
    log->bytes += len;
    if (len != 0 && log->tell != NULL) {
        log->tell(log->ctx, data, len);
    }
}

static void log_take(struct pipe_log *log, const char *data, size_t len)
{
    struct strbuf known = {0};

    if (log->mask.words == NULL) {
        log_keep(log, data, len);
        return;
    }
    mask_add(&log->mask, data, len, &known);
    log_keep(log, known.data, known.len);
    strbuf_fini(&known);
}

static void log_end_mask(struct pipe_log *log)
{
    struct strbuf rest = {0};

    mask_end(&log->mask, &rest);
    log_keep(log, rest.data, rest.len);
    strbuf_fini(&rest);
}

/* The tail begins with a whole line where it has one. */
static void log_end_cut(struct pipe_log *log, uint64_t behind, struct strbuf *tail)
{
    const char *end = memchr(tail->data, '\n', tail->len - 1);
    size_t part = end != NULL ? (size_t)(end - tail->data) + 1 : 0;
    unsigned long long left_out = behind - tail->len + part;
    char line[60];
    int len = snprintf(line, sizeof(line), "%llu bytes are left out here]\n", left_out);

    log_write(log, line, (size_t)len);
    log_write(log, tail->data + part, tail->len - part);
}

static void log_write_tail(struct pipe_log *log)
{
    uint64_t behind = log->bytes > log->head_bytes ? log->bytes - log->head_bytes : 0;
    size_t at = (size_t)(behind % log->tail_cap);
    struct strbuf tail = {0};

    if (log->is_cut) {
        strbuf_add(&tail, log->tail + at, log->tail_cap - at);
        strbuf_add(&tail, log->tail, at);
        log_end_cut(log, behind, &tail);
        strbuf_fini(&tail);
    } else {
        log_write(log, log->tail, (size_t)behind);
    }
    free(log->tail);
    log->tail = NULL;
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
    if (log->mask.words != NULL) {
        log_end_mask(log);
        log->mask.words = NULL;
    }
    if (log->tail != NULL) {
        log_write_tail(log);
    }
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
    log->path = NULL;
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
