/* Owns the writing of a run's record: lines collect in memory, one write appends them. The form of
 * a line is in event_line.c. */
#include "store/event_inside.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/sys.h"

struct event_log {
    int fd;
    char *path;
    struct strbuf pending;
    size_t last;         /* start of the last line in `pending` or `shown` */
    struct strbuf shown; /* the last line, once it was flushed */
    uint64_t size_bytes; /* of the file */
    uint64_t seq, flushed_seq;
    uint64_t last_offset; /* of the last line in the file, once this log has written one */
    bool wrote;
    struct digest before; /* the chain of the line before the last */
    struct digest chain;
};

static struct event_log *event_log_new(int fd, const char *path)
{
    struct event_log *log = mem_calloc(1, sizeof(*log));

    log->fd = fd;
    log->path = mem_alloc(strlen(path) + 1);
    memcpy(log->path, path, strlen(path) + 1);
    strbuf_init(&log->pending);
    strbuf_init(&log->shown);
    log->chain = event_genesis();
    return log;
}

struct event_log *event_log_create(int dirfd, const char *path, struct err *err)
{
    int fd = sys_openat(dirfd, path, O_WRONLY | O_CREAT | O_EXCL, SYS_OWN_FILE);

    if (fd < 0) {
        err_sys(err, "'%s': cannot make", path);
        return NULL;
    }
    return event_log_new(fd, path);
}

/* Reads all of it; where the good lines end, and what they end with. */
static bool event_log_verify(int dirfd, struct event_log *log, uint64_t *size_bytes,
                             struct err *err)
{
    struct event_reader *reader = event_reader_open(dirfd, log->path, err);
    struct event_line line;
    bool ok;

    if (reader == NULL) {
        return false;
    }
    ok = event_load(reader, 0, err);
    if (ok) {
        while (event_reader_next(reader, &line)) {
        }
        ok = event_reader_check(reader, err);
    }
    log->size_bytes = reader->at;
    log->seq = reader->seq;
    log->flushed_seq = reader->seq;
    log->chain = reader->chain;
    *size_bytes = reader->data.len;
    event_reader_close(reader);
    return ok;
}

struct event_log *event_log_append_to(int dirfd, const char *path, uint64_t *cut_bytes,
                                      struct err *err)
{
    int fd = sys_openat(dirfd, path, O_WRONLY, 0);
    struct event_log *log;
    uint64_t size_bytes;

    if (fd < 0) {
        err_sys(err, "'%s': cannot open", path);
        return NULL;
    }
    log = event_log_new(fd, path);
    if (!event_log_verify(dirfd, log, &size_bytes, err)) {
        event_log_close(log);
        return NULL;
    }
    if (size_bytes > log->size_bytes && sys_truncate(fd, (int64_t)log->size_bytes) != 0) {
        err_sys(err, "'%s': cannot cut its torn tail", path);
        event_log_close(log);
        return NULL;
    }
    if (cut_bytes != NULL) {
        *cut_bytes = size_bytes - log->size_bytes;
    }
    return log;
}

void event_log_close(struct event_log *log)
{
    if (log != NULL) {
        sys_close(log->fd);
        strbuf_fini(&log->pending);
        strbuf_fini(&log->shown);
        free(log->path);
        free(log);
    }
}

uint64_t event_log_add(struct event_log *log, int64_t time_ns, struct str type, struct str fields)
{
    char hex[DIGEST_HEX_BYTES + 1];
    char time[TIME_TEXT_BYTES];
    struct str body;

    if (fields.len > EVENT_LINE_BYTES / 2 || str_find(fields, '\n') >= 0) {
        bug("an event of type '%.*s' that is no line", STR_ARG(type));
    }
    time_format_rfc3339(time_ns, time);
    log->last = log->pending.len;
    strbuf_puts(&log->pending, EVENT_START);
    strbuf_put_u64(&log->pending, ++log->seq);
    strbuf_puts(&log->pending, ",\"time\":\"");
    strbuf_puts(&log->pending, time);
    strbuf_puts(&log->pending, "\",\"type\":\"");
    strbuf_add_str(&log->pending, type);
    strbuf_putc(&log->pending, '"');
    if (fields.len > 0) {
        strbuf_putc(&log->pending, ',');
        strbuf_add_str(&log->pending, fields);
    }
    body = str_skip(strbuf_str(&log->pending), log->last);
    log->before = log->chain;
    log->chain = event_chain(&log->chain, body);
    strbuf_puts(&log->pending, ",\"chain\":\"");
    strbuf_puts(&log->pending, digest_hex(&log->chain, hex));
    strbuf_puts(&log->pending, "\"}\n");
    return log->seq;
}

bool event_log_flush(struct event_log *log, struct err *err)
{
    if (log->pending.len == 0) {
        return true;
    }
    if (sys_pwrite_full(log->fd, log->pending.data, log->pending.len, (int64_t)log->size_bytes) !=
        0) {
        int reason = errno;

        sys_truncate(log->fd, (int64_t)log->size_bytes);
        return err_errno(err, reason, "'%s': cannot write", log->path);
    }
    log->last_offset = log->size_bytes + log->last;
    log->wrote = true;
    log->size_bytes += log->pending.len;
    log->flushed_seq = log->seq;
    strbuf_clear(&log->shown);
    strbuf_add_str(&log->shown, str_skip(strbuf_str(&log->pending), log->last));
    strbuf_clear(&log->pending);
    log->last = 0;
    return true;
}

bool event_log_sync(struct event_log *log, struct err *err)
{
    assert(log->pending.len == 0);
    return sys_fdatasync(log->fd) == 0 || err_sys(err, "'%s': cannot sync", log->path);
}

uint64_t event_log_seq(const struct event_log *log)
{
    return log->seq;
}

uint64_t event_log_flushed(const struct event_log *log)
{
    return log->flushed_seq;
}

struct digest event_log_head(const struct event_log *log)
{
    return log->chain;
}

bool event_log_place(const struct event_log *log, struct event_place *place)
{
    *place = (struct event_place){
        .offset = log->last_offset, .seq = log->seq, .before = log->before, .chain = log->chain};
    return log->wrote && log->pending.len == 0;
}

struct str event_log_last_line(const struct event_log *log)
{
    const struct strbuf *from = log->pending.len > 0 ? &log->pending : &log->shown;
    struct str line = str_skip(strbuf_str(from), log->last);

    return str_head(line, line.len > 0 ? line.len - 1 : 0);
}
