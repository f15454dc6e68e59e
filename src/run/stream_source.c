/* Owns where items come from: lines of files, whole files, or, early, a socket on which each comes
 * as a u32 length and its bytes, and on which as many places as are free in our queue are told as
 * u32 numbers. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/sys.h"
#include "os/files.h"
#include "run/stream.h"

enum { SOURCE_BUFFER_BYTES = 256 << 10, SOURCE_FRAME_BYTES = 4 };

/* --- opening --- */

static void source_on_socket(void *ctx, unsigned events)
{
    struct stream *stream = ctx;

    (void)events;
    stream->source.readable = true;
}

static bool source_open_socket(struct stream *stream, struct err *err)
{
    struct stream_source *source = &stream->source;

    source->fd = stream->spec.source_fd;
    source->owed = stream->spec.rule.queue;
    sys_set_nonblock(source->fd, true);
    return loop_add(&stream->loop, &source->loop_source, source->fd, LOOP_READ | LOOP_EDGE,
                    source_on_socket, stream, err);
}

bool stream_source_open(struct stream *stream, struct err *err)
{
    struct stream_source *source = &stream->source;

    *source = (struct stream_source){.fd = -1, .cap = SOURCE_BUFFER_BYTES};
    source->loop_source.fd = -1;
    source->buffer = mem_alloc(source->cap);
    if (stream->spec.early) {
        source->readable = true;
        return source_open_socket(stream, err);
    }
    for (uint32_t i = 0; i < stream->spec.path_count; i++) {
        struct sys_stat stat;

        if (sys_stat(stream->spec.paths[i].data, &stat) == 0) {
            source->size_bytes += stat.size_bytes;
        }
    }
    return true;
}

void stream_source_close(struct stream *stream)
{
    struct stream_source *source = &stream->source;

    loop_remove(&stream->loop, &source->loop_source);
    if (source->fd >= 0) {
        sys_close(source->fd);
    }
    free(source->buffer);
    strbuf_fini(&source->whole);
    source->fd = -1;
    source->buffer = NULL;
}

int stream_source_permille(const struct stream *stream)
{
    const struct stream_source *source = &stream->source;

    if (stream->spec.early || source->size_bytes == 0) {
        return -1;
    }
    return source->read_bytes < source->size_bytes
               ? (int)((double)source->read_bytes * 1000 / (double)source->size_bytes)
               : 1000;
}

/* --- bytes --- */

static bool source_fault(struct stream *stream, const char *what)
{
    struct err err = {0};
    struct str path =
        stream->spec.early ? STR("the producer") : stream->spec.paths[stream->source.path];

    err_sys(&err, "'%.*s' %s", STR_ARG(path), what);
    stream_broken(stream, &err);
    stream->source.ended = true;
    return false;
}

/* Makes room behind the bytes that are there. */
static bool source_room(struct stream *stream)
{
    struct stream_source *source = &stream->source;

    if (source->at != 0) {
        memmove(source->buffer, source->buffer + source->at, source->end - source->at);
        source->end -= source->at;
        source->at = 0;
    }
    if (source->end == source->cap) {
        if (source->cap > LIMIT_ITEM_BYTES) {
            errno = EFBIG;
            return source_fault(stream, "holds an item of more than 1 GiB");
        }
        source->cap *= 2;
        source->buffer = mem_realloc(source->buffer, source->cap, 1);
    }
    return true;
}

/* More bytes: false, none now. */
static bool source_read(struct stream *stream)
{
    struct stream_source *source = &stream->source;
    ssize_t got;

    if (source->file_ended || (stream->spec.early && !source->readable) || !source_room(stream)) {
        return false;
    }
    got = sys_read(source->fd, source->buffer + source->end, source->cap - source->end);
    if (got > 0) {
        source->end += (size_t)got;
        return true;
    }
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        source->readable = false;
        return false;
    }
    /* A producer that was killed while it wrote says no more than one that has ended. */
    if (got < 0 && !stream->spec.early) {
        return source_fault(stream, "cannot be read");
    }
    source->file_ended = true;
    return false;
}

/* --- lines --- */

/* The file that is read from now on; false: there is no other. */
static bool source_next_file(struct stream *stream)
{
    struct stream_source *source = &stream->source;

    if (source->fd >= 0) {
        sys_close(source->fd);
        source->fd = -1;
        source->path++;
    }
    if (source->path == stream->spec.path_count) {
        source->ended = true;
        return false;
    }
    source->file_ended = false;
    source->fd = sys_open(stream->spec.paths[source->path].data, O_RDONLY, 0);
    return source->fd >= 0 || source_fault(stream, "cannot be read");
}

/* Up to a line break, or to the end of the file. */
static bool source_line(struct stream_source *source, size_t seen, struct str *line)
{
    const char *from = source->buffer + source->at;
    size_t len = source->end - source->at;
    const char *end = memchr(from + seen, '\n', len - seen);

    if (end == NULL && !(source->file_ended && len != 0)) {
        return false;
    }
    *line = str_n(from, end != NULL ? (size_t)(end - from) : len);
    source->at += line->len + (end != NULL);
    source->read_bytes += line->len + (end != NULL);
    return true;
}

static bool source_next_line(struct stream *stream, struct str *line)
{
    struct stream_source *source = &stream->source;
    size_t seen = 0;

    if (source->fd < 0 && !source_next_file(stream)) {
        return false;
    }
    while (!source_line(source, seen, line)) {
        seen = source->end - source->at;
        if (source->ended) {
            return false;
        }
        if (!source_read(stream) && source->file_ended && seen == 0) {
            if (!source_next_file(stream)) {
                return false;
            }
        }
    }
    return true;
}

/* --- whole files --- */

static bool source_next_whole(struct stream *stream, struct str *bytes, struct str *path)
{
    struct stream_source *source = &stream->source;
    struct err err = {0};

    if (source->path == stream->spec.path_count) {
        source->ended = true;
        return false;
    }
    *path = stream->spec.paths[source->path];
    strbuf_clear(&source->whole);
    if (!file_read(AT_FDCWD, path->data, LIMIT_ITEM_BYTES, &source->whole, &err)) {
        stream_broken(stream, &err);
        source->ended = true;
        return false;
    }
    source->path++;
    source->read_bytes += source->whole.len;
    *bytes = strbuf_str(&source->whole);
    return true;
}

/* --- early --- */

static bool source_next_frame(struct stream *stream, struct str *bytes)
{
    struct stream_source *source = &stream->source;

    for (;;) {
        size_t have = source->end - source->at;
        const char *from = source->buffer + source->at;

        if (have >= SOURCE_FRAME_BYTES && have - SOURCE_FRAME_BYTES >= bytes_get_u32(from)) {
            *bytes = str_n(from + SOURCE_FRAME_BYTES, bytes_get_u32(from));
            source->at += SOURCE_FRAME_BYTES + bytes->len;
            return true;
        }
        if (!source_read(stream)) {
            source->ended |= source->file_ended;
            return false;
        }
    }
}

void stream_source_free_place(struct stream *stream)
{
    stream->source.owed += stream->spec.early;
}

void stream_source_tell_places(struct stream *stream)
{
    struct stream_source *source = &stream->source;
    unsigned char bytes[SOURCE_FRAME_BYTES];

    if (!stream->spec.early || source->owed == 0 || source->fd < 0) {
        return;
    }
    bytes_set_u32(bytes, source->owed);
    /* Where there is no room for four bytes nobody reads, and nothing comes either. */
    if (sys_send(source->fd, bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes)) {
        source->owed = 0;
    }
}

bool stream_source_next(struct stream *stream, struct str *bytes, struct str *path)
{
    *path = STR("");
    if (stream->source.ended) {
        return false;
    }
    if (stream->spec.early) {
        return source_next_frame(stream, bytes);
    }
    return stream->spec.rule.kind == M_EACH_FILES ? source_next_whole(stream, bytes, path)
                                                  : source_next_line(stream, bytes);
}
