/* Owns the reading of a run's record from its start or any line on: which lines are good, and how
 * they end. The form of a line and the rule of validity are in event_line.c. */
#include "store/event_inside.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sys.h"

static const char EVENT_MARK[] = "Z\",\"type\":\"synced\"";
#define EVENT_THROUGH ",\"through\":"

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

bool event_load(struct event_reader *reader, uint64_t base, struct err *err)
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

bool event_line_at(const struct event_reader *reader, size_t at, struct str *json)
{
    struct str rest = str_skip(strbuf_str(&reader->data), at);
    ptrdiff_t newline = rest.len == 0 ? -1 : str_find(rest, '\n');

    if (newline < 0) {
        return false;
    }
    *json = str_head(rest, (size_t)newline);
    return true;
}

/* The last line that a mark says is on the disk; 0 when its text is damaged: of a torn mark the end
 * of a later line may be what follows its beginning, so one without a number says nothing. */
static uint64_t event_mark_through(struct str mark)
{
    ptrdiff_t end = str_find_str(mark, STR(",\"chain\":\""));
    ptrdiff_t at = str_find_str(mark, STR(EVENT_THROUGH));
    struct str digits;
    uint64_t through;

    if (end < 0 || at < 0 || at > end) {
        return 0;
    }
    digits = str_skip(str_head(mark, (size_t)end), (size_t)at + sizeof(EVENT_THROUGH) - 1);
    return str_to_u64(digits, &through) ? through : 0;
}

/* Whether a mark's line begins behind the start of the bad line at `at` and speaks of that. */
static bool event_mark_behind(const struct event_reader *reader, size_t at)
{
    struct str all = strbuf_str(&reader->data);
    struct str rest = str_skip(all, at);

    for (;;) {
        ptrdiff_t mark = rest.len == 0 ? -1 : str_find_str(rest, str_of(EVENT_MARK));
        struct str line;
        struct str text;
        size_t start;

        if (mark < 0) {
            return false;
        }
        start = (size_t)(rest.data - all.data) + (size_t)mark;
        rest = str_skip(rest, (size_t)mark + 1);
        line = rest;
        str_split(&line, '\n', &text);
        while (start > at && !str_has_prefix(str_skip(all, start), STR(EVENT_START))) {
            start--;
        }
        if (start > at && event_mark_through(text) > reader->seq) {
            return true;
        }
    }
}

/* Whether the line at `at` is a mark, whole and well formed, that speaks of the line before and
 * does not follow from it. No line is written with a NUL in it: that one was not written whole. */
static bool event_mark_at(const struct event_reader *reader, size_t at)
{
    struct event_line line;
    struct digest chain;
    struct str json;
    struct str body;
    uint64_t through;

    if (!event_line_at(reader, at, &json) || !event_parse(json, &line, &body, &chain) ||
        !str_is(line.type, "synced") || str_find(json, '\0') >= 0) {
        return false;
    }
    through = event_mark_through(json);
    return through != 0 && through >= reader->seq;
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

/* A line's number is its place in the file: lines have no gaps. */
static void event_reader_put(struct event_reader *reader, uint64_t seq, const struct digest *chain)
{
    reader->chain = *chain;
    reader->seq = reader->line = seq;
    reader->numbered = true;
    reader->ended = false;
    reader->failure = (struct err){0};
}

bool event_reader_seek(struct event_reader *reader, const struct event_place *place)
{
    struct digest genesis = event_genesis();
    struct event_line line;

    event_reader_put(reader, place->seq - 1, &place->before);
    if (place->seq != 0 && event_load(reader, place->offset, &reader->failure) &&
        event_reader_next(reader, &line) && digest_equal(&reader->chain, &place->chain)) {
        return true;
    }
    event_reader_put(reader, 0, &genesis);
    reader->loaded = false;
    return false;
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
