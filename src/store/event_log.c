/* Owns the record of a run.
 *
 * Format: UTF-8 text, one JSON object a line, each line exactly
 *
 *     {"seq":N,"time":"T","type":"TYPE",FIELDS,"chain":"C"}\n
 *
 * without blanks between members; `,FIELDS` may be missing. N counts from 1 without gaps. T is
 * RFC 3339 in UTC. C is 64 hex digits: SHA-256 over the 32 bytes of the chain of the line before
 * (of the first line: the SHA-256 of "pawl events 1\n") and the bytes of this line before
 * `,"chain"`. The last C is the run's head digest: who knows it can tell that nothing was changed
 * or left out.
 *
 * Rule of validity: a line is good if it has this form, ends in a newline, and N and C follow from
 * the line before. Behind the first line that is not good nothing counts. If the text of a line of
 * type `synced` begins behind its start, the bytes had reached the disk when that mark was written:
 * corruption, reported, never repaired; so is a whole mark that does not follow from the line
 * before. Else it is a torn tail: what a crash leaves, cut by the next writer. */
#include "store/event_log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/sys.h"

enum { EVENT_CHAIN_BYTES = 76, EVENT_WINDOW_BYTES = 256 << 10 };

static const char EVENT_GENESIS[] = "pawl events 1\n";
static const char EVENT_MARK[] = "Z\",\"type\":\"synced\"";
static const char EVENT_START[] = "{\"seq\":";

/* --- lines --- */

static struct digest event_genesis(void)
{
    return sha256_of(EVENT_GENESIS, sizeof(EVENT_GENESIS) - 1);
}

static struct digest event_chain(const struct digest *before, struct str body)
{
    struct sha256 sha;
    struct digest chain;

    sha256_init(&sha);
    sha256_update(&sha, before->bytes, DIGEST_BYTES);
    sha256_update(&sha, body.data, body.len);
    sha256_finish(&sha, &chain);
    return chain;
}

static bool event_take(struct str *rest, const char *text)
{
    struct str prefix = str_of(text);

    if (!str_has_prefix(*rest, prefix)) {
        return false;
    }
    *rest = str_skip(*rest, prefix.len);
    return true;
}

/* Up to the next quote; these members have no escapes. */
static bool event_take_text(struct str *rest, struct str *text)
{
    return str_split(rest, '"', text) && str_find(*text, '\\') < 0 && rest->len > 0;
}

/* Splits a line; checks form, not chain. `json` has no newline. */
static bool event_parse(struct str json, struct event_line *line, struct str *body,
                        struct digest *chain)
{
    struct str rest = json;
    struct str number;
    struct str tail;
    ptrdiff_t comma;

    if (json.len <= EVENT_CHAIN_BYTES || json.len > EVENT_LINE_BYTES) {
        return false;
    }
    *body = str_head(json, json.len - EVENT_CHAIN_BYTES);
    tail = str_skip(json, body->len);
    if (!event_take(&tail, ",\"chain\":\"") ||
        !digest_parse(str_head(tail, DIGEST_HEX_BYTES), chain) ||
        !str_is(str_skip(tail, DIGEST_HEX_BYTES), "\"}") || !event_take(&rest, EVENT_START)) {
        return false;
    }
    comma = str_find(rest, ',');
    number = str_head(rest, comma < 0 ? 0 : (size_t)comma);
    rest = str_skip(rest, number.len);
    line->json = json;
    return str_to_u64(number, &line->seq) && event_take(&rest, ",\"time\":\"") &&
           event_take_text(&rest, &line->time) && event_take(&rest, ",\"type\":\"") &&
           event_take_text(&rest, &line->type);
}

/* --- reading --- */

struct event_reader {
    int fd;
    char *path;
    struct strbuf data; /* a window of the file that ends at its end */
    uint64_t base;      /* offset of data[0] */
    size_t at;          /* the next line */
    bool loaded;
    struct digest chain; /* of the line before `at` */
    uint64_t seq;        /* of it */
    uint64_t line;       /* number of it; counts only when `numbered` */
    bool numbered;
    bool ended;
    enum event_end end;
    struct err failure; /* of reading the file */
};

struct event_reader *event_reader_open(int dirfd, const char *path, struct err *err)
{
    struct event_reader *reader;
    int fd = sys_openat(dirfd, path, O_RDONLY, 0);

    if (fd < 0) {
        err_sys(err, "'%s': cannot open", path);
        return NULL;
    }
    reader = mem_calloc(1, sizeof(*reader));
    reader->fd = fd;
    reader->path = mem_alloc(strlen(path) + 1);
    memcpy(reader->path, path, strlen(path) + 1);
    strbuf_init(&reader->data);
    reader->chain = event_genesis();
    reader->numbered = true;
    return reader;
}

void event_reader_close(struct event_reader *reader)
{
    if (reader != NULL) {
        sys_close(reader->fd);
        strbuf_fini(&reader->data);
        free(reader->path);
        free(reader);
    }
}

/* Replaces the window by the file from `base` to its end. */
static bool event_load(struct event_reader *reader, uint64_t base, struct err *err)
{
    struct sys_stat stat;
    ssize_t got;
    size_t size;

    if (sys_fstat(reader->fd, &stat) != 0) {
        return err_sys(err, "'%s': cannot read", reader->path);
    }
    size = stat.size_bytes > base ? (size_t)(stat.size_bytes - base) : 0;
    strbuf_clear(&reader->data);
    got = sys_pread_full(reader->fd, strbuf_reserve(&reader->data, size), size, (int64_t)base);
    if (got < 0) {
        return err_sys(err, "'%s': cannot read", reader->path);
    }
    reader->data.len = (size_t)got;
    reader->base = base;
    reader->at = 0;
    reader->loaded = true;
    reader->ended = false;
    return true;
}

bool event_reader_refresh(struct event_reader *reader, struct err *err)
{
    return event_load(reader, reader->base + reader->at, err);
}

/* The line that starts at `at` of the window; false without a newline. */
static bool event_line_at(const struct event_reader *reader, size_t at, struct str *json)
{
    struct str rest = str_skip(strbuf_str(&reader->data), at);
    ptrdiff_t newline = rest.len == 0 ? -1 : str_find(rest, '\n');

    if (newline < 0) {
        return false;
    }
    *json = str_head(rest, (size_t)newline);
    return true;
}

/* Whether a mark's line begins behind the start of the bad line at `at`. */
static bool event_mark_behind(const struct event_reader *reader, size_t at)
{
    struct str all = strbuf_str(&reader->data);
    struct str rest = str_skip(all, at);

    for (;;) {
        ptrdiff_t mark = rest.len == 0 ? -1 : str_find_str(rest, str_of(EVENT_MARK));
        size_t start;

        if (mark < 0) {
            return false;
        }
        start = (size_t)(rest.data - all.data) + (size_t)mark;
        rest = str_skip(rest, (size_t)mark + 1);
        while (start > at &&
               !str_has_prefix(str_skip(all, start), str_n(EVENT_START, sizeof(EVENT_START) - 1))) {
            start--;
        }
        if (start > at) {
            return true;
        }
    }
}

/* Whether the line at `at` is a mark, whole and well formed, that only does not follow from what is
 * before it. */
static bool event_mark_at(const struct event_reader *reader, size_t at)
{
    struct event_line line;
    struct digest chain;
    struct str json;
    struct str body;

    return event_line_at(reader, at, &json) && event_parse(json, &line, &body, &chain) &&
           str_is(line.type, "synced");
}

static bool event_end_here(struct event_reader *reader)
{
    bool whole = reader->at == reader->data.len;

    reader->ended = true;
    reader->end = whole ? EVENT_END_WHOLE
                  : event_mark_at(reader, reader->at) || event_mark_behind(reader, reader->at)
                      ? EVENT_END_DAMAGED
                      : EVENT_END_TORN;
    return false;
}

bool event_reader_next(struct event_reader *reader, struct event_line *line)
{
    struct digest chain;
    struct digest expected;
    struct str json;
    struct str body;

    if (!reader->loaded && !event_load(reader, 0, &reader->failure)) {
        return event_end_here(reader);
    }
    *line = (struct event_line){0};
    if (reader->ended || !event_line_at(reader, reader->at, &json) ||
        !event_parse(json, line, &body, &chain) || line->seq != reader->seq + 1) {
        return event_end_here(reader);
    }
    expected = event_chain(&reader->chain, body);
    if (!digest_equal(&expected, &chain)) {
        return event_end_here(reader);
    }
    line->offset = reader->base + reader->at;
    line->line = reader->numbered ? ++reader->line : 0;
    reader->chain = chain;
    reader->seq = line->seq;
    reader->at += json.len + 1;
    return true;
}

enum event_end event_reader_end(const struct event_reader *reader, uint64_t *line)
{
    if (line != NULL) {
        *line = reader->numbered ? reader->line + 1 : 0;
    }
    return reader->end;
}

bool event_reader_check(const struct event_reader *reader, struct err *err)
{
    if (reader->failure.status != 0) {
        return err_set(err, STATUS_ENVIRONMENT, "%s", reader->failure.text);
    }
    if (reader->end != EVENT_END_DAMAGED) {
        return true;
    }
    if (!reader->numbered) {
        return err_set(err, STATUS_CORRUPT, "'%s': damaged behind event %llu", reader->path,
                       (unsigned long long)reader->seq);
    }
    return err_set(err, STATUS_CORRUPT, "'%s': damaged: line %llu is not what was written",
                   reader->path, (unsigned long long)reader->line + 1);
}

struct digest event_reader_head(const struct event_reader *reader)
{
    return reader->chain;
}

/* Whether the line at [start, end) of the window is a snapshot with a whole line before it; then
 * reading starts there. */
static bool event_start_at(struct event_reader *reader, size_t before, size_t start)
{
    struct event_line line;
    struct event_line previous;
    struct digest chain;
    struct str json;
    struct str body;

    if (!event_line_at(reader, start, &json) || !event_parse(json, &line, &body, &chain) ||
        !str_is(line.type, "snapshot") || !event_line_at(reader, before, &json) ||
        !event_parse(json, &previous, &body, &chain) || previous.seq + 1 != line.seq) {
        return false;
    }
    reader->chain = chain;
    reader->seq = previous.seq;
    reader->at = start;
    reader->numbered = false;
    return true;
}

/* Offset of the line before the one that starts at `start` of the window. */
static size_t event_line_before(const struct event_reader *reader, size_t start)
{
    ptrdiff_t newline = start < 2 ? -1 : str_rfind(str_n(reader->data.data, start - 1), '\n');

    return (size_t)(newline + 1);
}

static bool event_find_snapshot(struct event_reader *reader)
{
    size_t start = event_line_before(reader, reader->data.len + 1);

    while (start > 0) {
        size_t before = event_line_before(reader, start);

        if (event_start_at(reader, before, start)) {
            return true;
        }
        start = before;
    }
    return false;
}

bool event_reader_seek_snapshot(struct event_reader *reader)
{
    struct sys_stat stat;
    uint64_t window = EVENT_WINDOW_BYTES;

    if (sys_fstat(reader->fd, &stat) != 0) {
        return false;
    }
    for (;; window *= 4) {
        uint64_t base = stat.size_bytes > window ? stat.size_bytes - window : 0;

        if (!event_load(reader, base, &reader->failure)) {
            return false;
        }
        if (event_find_snapshot(reader)) {
            return true;
        }
        if (base == 0) {
            return false;
        }
    }
}

/* --- writing --- */

struct event_log {
    int fd;
    char *path;
    struct strbuf pending;
    size_t last;         /* start of the last line in `pending` or `shown` */
    struct strbuf shown; /* the last line, once it was flushed */
    uint64_t size_bytes; /* of the file */
    uint64_t seq;
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
    int fd = sys_openat(dirfd, path, O_WRONLY | O_CREAT | O_EXCL, 0666);

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
    strbuf_printf(&log->pending, "%s%llu,\"time\":\"%s\",\"type\":\"%.*s\"", EVENT_START,
                  (unsigned long long)++log->seq, time, STR_ARG(type));
    if (fields.len > 0) {
        strbuf_putc(&log->pending, ',');
        strbuf_add_str(&log->pending, fields);
    }
    body = str_skip(strbuf_str(&log->pending), log->last);
    log->chain = event_chain(&log->chain, body);
    strbuf_printf(&log->pending, ",\"chain\":\"%s\"}\n", digest_hex(&log->chain, hex));
    return log->seq;
}

uint64_t event_log_add_synced(struct event_log *log, int64_t time_ns)
{
    return event_log_add(log, time_ns, STR("synced"), STR_NONE);
}

bool event_log_flush(struct event_log *log, struct err *err)
{
    ssize_t wrote;

    if (log->pending.len == 0) {
        return true;
    }
    wrote = sys_pwrite(log->fd, log->pending.data, log->pending.len, (int64_t)log->size_bytes);
    if (wrote != (ssize_t)log->pending.len) {
        int reason = wrote < 0 ? errno : ENOSPC;

        sys_truncate(log->fd, (int64_t)log->size_bytes);
        return err_errno(err, reason, "'%s': cannot write", log->path);
    }
    log->size_bytes += log->pending.len;
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

struct digest event_log_head(const struct event_log *log)
{
    return log->chain;
}

struct str event_log_last_line(const struct event_log *log)
{
    const struct strbuf *from = log->pending.len > 0 ? &log->pending : &log->shown;
    struct str line = str_skip(strbuf_str(from), log->last);

    return str_head(line, line.len > 0 ? line.len - 1 : 0);
}
