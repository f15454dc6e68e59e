#ifndef PAWL_STORE_EVENT_LOG_H
#define PAWL_STORE_EVENT_LOG_H
/* `events.jsonl`, the record of a run: one JSON object a line, numbered, timed and chained.
 *
 *     {"seq":1,"time":"2026-11-20T23:41:12.000123Z","type":"run.started",…,"chain":"64 hex"}
 *
 * `chain` is the SHA-256 over the chain before and the line's bytes up to it, so that a torn tail
 * is told from damage and tampering shows against the head digest. See event_log.c for the format.
 *
 * Writing: event_log_create (a new run) or event_log_append_to (a run that goes on), event_log_add
 * for each event, event_log_flush once a turn (one write), event_log_close. The caller holds the
 * workspace's lock. Reading: event_reader_open, event_reader_next until it is false, then
 * event_reader_end tells why; safe beside a writer.
 *
 * Errors: status 11; status 12 for a bad line of which a `synced` mark says that it is on the disk.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sha256.h"
#include "base/str.h"

/* Longest line; a longer one is refused by add (bug) and damage to a reader. */
enum { EVENT_LINE_BYTES = 16 << 20 };

struct event_log;

/* Makes `path` below `dirfd`, which must not exist. NULL on error. */
struct event_log *event_log_create(int dirfd, const char *path, struct err *err);
/* Verifies the whole file, cuts a torn tail, goes on behind it. `*cut_bytes` (may be NULL): how
 * much was cut. A bad line that a `synced` mark covers: NULL, status 12, nothing is changed. */
struct event_log *event_log_append_to(int dirfd, const char *path, uint64_t *cut_bytes,
                                      struct err *err);
void event_log_close(struct event_log *log); /* what was not flushed is lost */

/* Buffers one event and returns its number. `type`: a plain word as in the table of events.
 * `fields`: the members behind it, as json_writer_members makes them (`"stage":"x","n":1`), or
 * empty; no newline in it. */
uint64_t event_log_add(struct event_log *log, int64_t time_ns, struct str type, struct str fields);
/* One write of what is buffered. On failure the file is truncated back, the buffer stays. */
bool event_log_flush(struct event_log *log, struct err *err);
/* fdatasync of the file. Flush first. */
bool event_log_sync(struct event_log *log, struct err *err);
/* The number of the last event added (0: none), and the chain with it. */
uint64_t event_log_seq(const struct event_log *log);
/* The number of the last event that was written. A sync that begins now covers it; a mark of that
 * sync, an event of type `synced`, names it as `through`. */
uint64_t event_log_flushed(const struct event_log *log);
struct digest event_log_head(const struct event_log *log);
/* Where a line is, and enough to tell it again. */
struct event_place {
    uint64_t offset, seq; /* of its first byte; its number */
    struct digest before; /* the chain of the line before */
    struct digest chain;  /* and its own */
};
/* Of the last event that was written. False: this log has written none yet. */
bool event_log_place(const struct event_log *log, struct event_place *place);
/* The line of the last event added, without newline; valid until the next add. What is told to
 * watchers is what was recorded. */
struct str event_log_last_line(const struct event_log *log);

struct event_line {
    uint64_t seq;
    uint64_t line;   /* from 1; 0 when reading started at a snapshot */
    uint64_t offset; /* of its first byte in the file */
    struct str time, type;
    struct str json; /* all of it, an object, without the newline */
};

enum event_end {
    EVENT_END_WHOLE,  /* the last line was good */
    EVENT_END_TORN,   /* no good line, and no mark covers it: crash, or being written */
    EVENT_END_DAMAGED /* a bad line that a `synced` mark covers */
};

struct event_reader;

struct event_reader *event_reader_open(int dirfd, const char *path, struct err *err);
void event_reader_close(struct event_reader *reader);
/* Starts at the last whole line of type `snapshot`, if there is one: false, and at the first line,
 * if not. Only lines from there on are verified. */
bool event_reader_seek_snapshot(struct event_reader *reader);
/* Starts behind the line at this place, if it is there and good; only lines behind are read and
 * verified. Else false, and at the first line. */
bool event_reader_seek(struct event_reader *reader, const struct event_place *place);
/* The next good line; slices live until the reader is closed or refreshed. */
bool event_reader_next(struct event_reader *reader, struct event_line *line);
/* After event_reader_next was false. `line` (may be NULL): number of the bad line. */
enum event_end event_reader_end(const struct event_reader *reader, uint64_t *line);
/* Sets status 12 with the place if the end is EVENT_END_DAMAGED, status 11 if reading failed; else
 * true. */
bool event_reader_check(const struct event_reader *reader, struct err *err);
/* Takes in what was appended since, so that event_reader_next goes on (following a live run). */
bool event_reader_refresh(struct event_reader *reader, struct err *err);
/* The chain of the last line given. */
struct digest event_reader_head(const struct event_reader *reader);

#endif
