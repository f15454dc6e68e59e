#ifndef PAWL_REPORT_SINK_H
#define PAWL_REPORT_SINK_H
/* Where displays write to: a function, so that tests catch the text. `sink_fd` writes to a
 * descriptor. Its first error is remembered and ends writing: a display that nobody reads any more
 * must not stop a run. A descriptor that somebody made non-blocking is waited for.
 */
#include "base/str.h"

struct sink {
    void *ctx;
    void (*write)(void *ctx, const char *data, size_t len);
};

void sink_write(const struct sink *sink, struct str text);
/* Writes what the buffer holds, if anything, in one call, and empties it. */
void sink_flush(const struct sink *sink, struct strbuf *buf);

struct sink_fd {
    int fd;
    int error; /* errno of the first write that failed, or 0 */
};
/* `out` stays where it is as long as the sink is used. */
struct sink sink_of_fd(struct sink_fd *out, int fd);

/* Into a strbuf. */
struct sink sink_of_buffer(struct strbuf *buf);

#endif
