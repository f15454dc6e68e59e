/* Owns what a stream reads beside its items: programs, models, lists. They are in the key under
 * which results are kept, so a result counts only if they were the same when the command had ended
 * as when the key was made: results wait in memory until that was looked at. What changes meanwhile
 * ends the stream; results that wait are dropped, and the next attempt has another key. */
#include <fcntl.h>

#include "base/sys.h"
#include "os/files.h"
#include "run/stream.h"

enum {
    WATCH_TICK_MS = 20,   /* after which a file's clock has moved on */
    WATCH_FEW = 64,       /* so many are looked at whenever results are kept … */
    WATCH_PERIOD_MS = 100 /* … more of them only so often */
};

static bool watch_fault(struct stream *stream, const struct stream_watched *file)
{
    stream_fail(stream, CAUSE_UNSETTLED, -1, file->path);
    return false;
}

/* Its signature was taken in the tick in which it was written: its bytes tell. */
static bool watch_settle(struct stream *stream, struct stream_watched *file)
{
    struct signature now;
    struct digest digest;
    struct err err = {0};

    if (!signature_read(AT_FDCWD, file->path.data, true, &now, &err)) {
        stream_broken(stream, &err);
        return false;
    }
    if (file->has_digest && (!file_hash(AT_FDCWD, file->path.data, &digest, NULL, &err) ||
                             !digest_equal(&digest, &file->digest))) {
        return watch_fault(stream, file);
    }
    file->signature = now;
    return true;
}

bool stream_watch_open(struct stream *stream)
{
    bool waited = false;

    for (uint32_t i = 0; i < stream->spec.watched_count; i++) {
        struct stream_watched *file = &stream->spec.watched[i];

        if (file->firm) {
            continue;
        }
        if (!waited) {
            sys_poll(NULL, 0, WATCH_TICK_MS);
            waited = true;
        }
        if (!watch_settle(stream, file)) {
            return false;
        }
    }
    return true;
}

static bool watch_same(struct stream *stream)
{
    for (uint32_t i = 0; i < stream->spec.watched_count; i++) {
        const struct stream_watched *file = &stream->spec.watched[i];
        struct signature now;
        struct err err = {0};

        if (!signature_read(AT_FDCWD, file->path.data, true, &now, &err)) {
            stream_broken(stream, &err);
            return false;
        }
        if (!signature_equal(&now, &file->signature)) {
            return watch_fault(stream, file);
        }
    }
    return true;
}

bool stream_watch_lets(struct stream *stream, bool at_once)
{
    int64_t now_ns;

    if (stream->end.cause == CAUSE_UNSETTLED) {
        return false;
    }
    now_ns = stream_now(stream);
    if (!at_once && stream->spec.watched_count > WATCH_FEW &&
        now_ns - stream->watched_ns < WATCH_PERIOD_MS * NS_PER_MS) {
        return false;
    }
    stream->watched_ns = now_ns;
    return watch_same(stream);
}
