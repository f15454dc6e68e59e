/* Owns the search for the last snapshot of a run's record, from the end backwards. */
#include "store/event_inside.h"

#include "base/sys.h"

enum { EVENT_WINDOW_BYTES = 256 << 10 };

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
