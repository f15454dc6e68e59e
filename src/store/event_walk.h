#ifndef PAWL_STORE_EVENT_WALK_H
#define PAWL_STORE_EVENT_WALK_H
/* The lines of a run's record one after the other, a window of the file at a time: for who goes
 * through it beside its writer, or through many of them, in little memory. Nothing is verified:
 * that is for who wrote the record or verified it (store/event_log.h), or takes a damaged one as
 * it is.
 *
 * Order: event_walk_open; event_walk_next until it is false, and again when more was written;
 * event_walk_close.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct event_walk {
    int fd;
    uint64_t offset; /* of data[0] in the file */
    char *data;
    size_t cap, len, at; /* room, read, given */
};

bool event_walk_open(struct event_walk *walk, int dirfd, const char *path, struct err *err);
void event_walk_close(struct event_walk *walk); /* also of zeros */
/* The next whole line without its newline, until the next call. False: there is none yet, or it
 * cannot be read. */
bool event_walk_next(struct event_walk *walk, struct str *line);

/* The type of a line as its writer puts it; "" of what is no event. */
struct str event_walk_type(struct str line);
/* Members that the line has of itself and before any that holds names: as they are written,
 * without escapes resolved. False: it has none of that name. */
bool event_walk_text(struct str line, const char *name, struct str *text);
bool event_walk_number(struct str line, const char *name, uint64_t *number);

#endif
