/* Owns the loop of a stream: what is taken, what becomes of each item, when it is over. */
#include "run/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/sys.h"
#include "os/files.h"
#include "policy/retry.h"

enum { STREAM_TAKEN_A_TURN = 4096, STREAM_TICK_MS = 500 };

int64_t stream_now(const struct stream *stream)
{
    return clock_mono_ns(&stream->clock);
}

/* --- why it ends --- */

bool stream_is_over(const struct stream *stream)
{
    return stream->end.cause != CAUSE_NONE || stream->stopping;
}

void stream_fail(struct stream *stream, enum cause cause, int exit_code, struct str reason)
{
    if (stream->end.cause == CAUSE_NONE) {
        stream->end = (struct stream_word){.kind = STREAM_ENDED,
                                           .cause = cause,
                                           .exit_code = exit_code,
                                           .reason = str_dup(&stream->arena, reason)};
    }
}

void stream_broken(struct stream *stream, const struct err *err)
{
    stream_fail(stream, err->status == STATUS_CORRUPT ? CAUSE_CORRUPT : CAUSE_ENVIRONMENT, -1,
                str_of(err->text));
}

void stream_fail_dead(struct stream *stream, uint64_t dead, uint64_t all,
                      const struct item_result *first)
{
    enum { SHOWN_BYTES = 60 };
    const struct plan_stream *rule = &stream->spec.rule;
    struct strbuf text = {0};

    strbuf_printf(&text, "%" PRIu64, dead);
    if (all != 0) {
        strbuf_printf(&text, " of %" PRIu64 " items", all);
    } else {
        strbuf_puts(&text, dead == 1 ? " item" : " items");
    }
    strbuf_puts(&text, dead == 1 ? " is dead" : " are dead");
    if (rule->max_dead_is_share) {
        strbuf_printf(&text, ", more than %g%%", (double)rule->max_dead / 10000);
    } else if (rule->max_dead != 0) {
        strbuf_printf(&text, ", more than %" PRIu64, rule->max_dead);
    }
    strbuf_puts(&text, "; the first, '");
    path_show(&text, str_head(first->item, SHOWN_BYTES));
    strbuf_printf(&text, "%s': %.*s", first->item.len > SHOWN_BYTES ? "…" : "",
                  STR_ARG(first->bytes));
    stream_fail(stream, (enum cause)first->cause, stream->first_exit_code, strbuf_str(&text));
    strbuf_fini(&text);
}

/* --- what becomes of an item --- */

static void stream_call_ended(struct stream *stream, const struct stream_item *item,
                              enum breaker_end end)
{
    struct stream_way *way = &stream->ways[item->way];

    if (way->spec->has_breaker) {
        breaker_end(&way->breaker, item->breaker_began, end, clock_real_ns(&stream->clock));
        stream_way_tell_moves(stream, way);
    }
}

void stream_item_back(struct stream *stream, struct stream_item *item, bool alone)
{
    stream_call_ended(stream, item, BREAKER_NOT_COUNTED);
    item->alone |= alone;
    stream_queue_push_first(&stream->ways[item->way].ready, item);
}

static void stream_item_over(struct stream *stream, struct stream_item *item)
{
    stream_flight_drop(stream, item);
    stream_source_free_place(stream);
}

/* Keeps the results that wait, if what they were made with is still the same. */
static void stream_flush(struct stream *stream, bool at_once)
{
    struct err err = {0};

    if (stream->waiting_bytes != 0 && stream_watch_lets(stream, at_once)) {
        stream->waiting_bytes = 0;
        if (!stream_ways_flush(stream, &err)) {
            stream_broken(stream, &err);
        }
    }
}

/* What is put may be written at once where much of it waits: then it is looked at before. */
static bool stream_may_put(struct stream *stream, size_t bytes)
{
    enum { WAITING_MOST_BYTES = 512 << 10, WAITING_ROW_BYTES = 64 };

    if (stream->waiting_bytes + bytes + WAITING_ROW_BYTES > WAITING_MOST_BYTES) {
        if (!stream_watch_lets(stream, true)) {
            return false;
        }
        stream_flush(stream, true);
    }
    stream->waiting_bytes += bytes + WAITING_ROW_BYTES;
    return stream->end.cause != CAUSE_UNSETTLED;
}

void stream_item_known(struct stream *stream, struct stream_item *item)
{
    struct item_result result;
    struct err err = {0};

    stream->tally.known++;
    strbuf_clear(&stream->text);
    if (stream->spec.link_count != 0 &&
        !items_get(&stream->ways[item->way].items, &item->digest, &stream->text, &result, &err)) {
        stream_broken(stream, &err);
    } else if (stream->spec.link_count != 0 && result.state == ITEM_DONE) {
        stream_links_send(&stream->links, result.bytes);
    }
    stream_item_over(stream, item);
}

/* The variant is not used for it: the stage's own command has it, unless it had it before. */
void stream_item_to_own(struct stream *stream, struct stream_item *item)
{
    item->way = 0;
    item->attempts = 0;
    if (items_find(&stream->ways[0].items, &item->digest) != ITEM_UNKNOWN) {
        stream_item_known(stream, item);
    } else {
        stream_queue_push(&stream->ways[0].ready, item);
    }
}

static void stream_item_left(struct stream *stream, struct stream_item *item)
{
    stream->tally.fell_back++;
    stream_item_to_own(stream, item);
}

static void stream_item_dead(struct stream *stream, struct stream_item *item,
                             const struct item_end *end, struct str reason)
{
    struct str line = str_head(strbuf_str(&item->bytes), item->bytes.len - 1);
    struct str text = item->path.len != 0 ? item->path : line;
    bool left = stream->ways[item->way].spec->fallback;
    struct item_result result = {.state = ITEM_DEAD,
                                 .attempts = item->attempts,
                                 .cause = (uint32_t)end->cause | (left ? ITEM_CAUSE_LEFT : 0),
                                 .bytes = reason,
                                 .item = str_head(text, LIMIT_DEAD_ITEM_BYTES)};
    struct stream_tally *tally = &stream->tally;
    struct err err = {0};

    if (!stream_may_put(stream, result.item.len + reason.len)) {
        stream_item_over(stream, item);
        return;
    }
    if (!items_put(&stream->ways[item->way].items, &item->digest, &result, &err)) {
        stream_broken(stream, &err);
    }
    if (left) {
        stream_item_left(stream, item);
        return;
    }
    if (tally->dead++ == 0) {
        stream->first_exit_code = end->exit_code;
    }
    if (!stream->spec.early &&
        items_too_many_dead(&stream->spec.rule, tally->dead, tally->taken, stream->source_done)) {
        stream_fail_dead(stream, tally->dead, stream->source_done ? tally->taken : 0, &result);
    }
    stream_item_over(stream, item);
}

static void stream_item_kept(struct stream *stream, struct stream_item *item, struct str bytes)
{
    struct item_result result = {.state = ITEM_DONE, .attempts = item->attempts, .bytes = bytes};
    struct item_end end = {.cause = CAUSE_OUTPUT, .for_good = true};
    struct err err = {0};

    if (!stream_may_put(stream, bytes.len)) {
        stream_item_over(stream, item);
        return;
    }
    if (!items_put(&stream->ways[item->way].items, &item->digest, &result, &err)) {
        if (err.status == STATUS_STAGE_FAILED) {
            stream_item_dead(stream, item, &end, str_of(err.text));
        } else {
            stream_broken(stream, &err);
            stream_item_over(stream, item);
        }
        return;
    }
    stream->tally.kept++;
    stream_links_send(&stream->links, bytes);
    stream_item_over(stream, item);
}

static void stream_item_again(struct stream *stream, struct stream_item *item)
{
    uint64_t draw = 0;

    sys_getrandom(&draw, sizeof(draw));
    stream->tally.retried++;
    item->alone = true;
    item->due_ns = stream_now(stream) + retry_delay_ns(&stream->spec.retry, item->attempts, draw);
    stream_queue_insert(&stream->waiting, item);
}

void stream_item_ended(struct stream *stream, struct stream_item *item, const struct item_end *end,
                       struct str bytes)
{
    const struct stream_spec *spec = &stream->spec;
    int64_t took_ns = stream_now(stream) - item->began_ns;
    bool failed = end->cause != CAUSE_NONE &&
                  (spec->retry.on == 0 || retry_names(&spec->retry, end->cause, end->exit_code));

    if (end->cause != CAUSE_BREAKER) {
        stream_tally_latency(stream, took_ns);
        stream_call_ended(stream, item,
                          breaker_judge(&spec->ways[item->way].breaker, failed, took_ns));
    }
    switch (item_fate(&spec->retry, item->attempts, end)) {
    case ITEM_IS_KEPT:
        stream_item_kept(stream, item, bytes);
        break;
    case ITEM_IS_TRIED_AGAIN:
        stream_item_again(stream, item);
        break;
    case ITEM_IS_DEAD:
        stream_item_dead(stream, item, end, bytes);
        break;
    }
}

/* --- taking --- */

/* What an item is known by: its bytes, and of a file its name, unless equal ones are one. */
static struct digest stream_digest(const struct stream *stream, struct str bytes, struct str path)
{
    struct sha256 sha;
    struct digest digest;

    sha256_init(&sha);
    if (path.len != 0 && !stream->spec.rule.dedupe) {
        sha256_update(&sha, path.data, path.len + 1);
    }
    sha256_update(&sha, bytes.data, bytes.len);
    sha256_finish(&sha, &digest);
    return digest;
}

/* Those who take our results early know nothing yet of what was known here before. */
static void stream_take_known(struct stream *stream, const struct digest *digest, uint8_t way)
{
    struct item_result result;
    struct err err = {0};

    stream->tally.known++;
    stream_source_free_place(stream);
    if (stream->spec.link_count == 0) {
        return;
    }
    strbuf_clear(&stream->text);
    if (!items_get(&stream->ways[way].items, digest, &stream->text, &result, &err)) {
        stream_broken(stream, &err);
    } else if (result.state == ITEM_DONE) {
        stream_links_send(&stream->links, result.bytes);
    }
}

static void stream_take_new(struct stream *stream, const struct digest *digest, struct str bytes,
                            struct str path, uint8_t way)
{
    struct stream_item *item = stream_flight_add(stream, digest);

    item->way = way;
    strbuf_add_str(&item->bytes, bytes);
    if (path.len != 0) {
        strbuf_add_str(&item->path_bytes, path);
        item->path = strbuf_str(&item->path_bytes);
    } else {
        strbuf_putc(&item->bytes, '\n');
    }
    stream->bytes_in_flight += item->bytes.len;
    stream_queue_push(&stream->ways[way].ready, item);
}

static void stream_take(struct stream *stream, struct str bytes, struct str path)
{
    struct digest digest = stream_digest(stream, bytes, path);
    uint8_t chosen = stream_way_choose(stream, path.len != 0 ? path : bytes);
    uint8_t way;
    struct err err = {0};

    stream->tally.taken++;
    if (!stream->spec.early && !stream_order_put(&stream->order, &digest, chosen, &err)) {
        stream_broken(stream, &err);
        return;
    }
    if (stream_flight_has(stream, &digest)) {
        stream->tally.repeated++;
        stream_source_free_place(stream);
        return;
    }
    switch (stream_way_find(stream, &digest, chosen, &way)) {
    case ITEM_DONE:
        stream_take_known(stream, &digest, way);
        break;
    case ITEM_DEAD:
        stream->tally.dead++;
        stream_source_free_place(stream);
        break;
    case ITEM_UNKNOWN:
        stream_take_new(stream, &digest, bytes, path, way);
        break;
    }
}

static bool stream_may_take(const struct stream *stream)
{
    return !stream->source.ended && !stream_is_over(stream) && !stream_links_hold(&stream->links) &&
           items_may_take(stream->spec.rule.queue, stream->in_flight, stream->bytes_in_flight);
}

/* Some of what may be taken: the loop has its turn in between. True: there is more at once. */
static bool stream_take_some(struct stream *stream)
{
    for (uint32_t i = 0; i < STREAM_TAKEN_A_TURN; i++) {
        struct str bytes, path;

        if (!stream_may_take(stream) || !stream_source_next(stream, &bytes, &path)) {
            stream->source_done = stream->source.ended;
            return false;
        }
        stream_take(stream, bytes, path);
    }
    return true;
}

static void stream_wake_waiting(struct stream *stream, int64_t now_ns)
{
    while (stream->waiting.first != NULL && stream->waiting.first->due_ns <= now_ns) {
        struct stream_item *item = stream_queue_pop(&stream->waiting);

        stream_queue_push(&stream->ways[item->way].ready, item);
    }
}

/* --- the loop --- */

static void stream_on_signal(void *ctx, unsigned events)
{
    struct stream *stream = ctx;
    struct signals_note note;

    (void)events;
    while (signals_next(&stream->signals, &note)) {
        if (note.number == SIGCHLD) {
            stream->child_signal = true;
        } else if (note.number == SIGTERM || note.number == SIGINT || note.number == SIGHUP) {
            stream->stopping = true;
            stream_slots_signal(stream, SIGTERM);
        }
    }
}

/* Nothing comes any more. Early also where all that is left waits for a time, or for a breaker: the
 * stage itself waits for the log. */
static bool stream_has_all(const struct stream *stream)
{
    uint32_t idle = stream->waiting.count;

    if (!stream->source_done || !stream->spec.early) {
        return stream->source_done && stream->in_flight == 0;
    }
    for (uint32_t i = 0; i < stream->spec.way_count; i++) {
        idle += stream->ways[i].ready.count;
    }
    return stream->in_flight == 0 || (stream->in_flight == idle && !stream_ways_may_hand(stream) &&
                                      !stream_links_hold(&stream->links));
}

static bool stream_is_idle(const struct stream *stream)
{
    return !stream_slots_run(stream) && stream_links_are_empty(&stream->links) &&
           (stream_is_over(stream) || stream_has_all(stream));
}

static int64_t stream_next_time(const struct stream *stream, int64_t now_ns, bool more)
{
    int64_t next_ns = stream_slots_next_time(stream);
    int64_t ways_ns = stream_ways_next_time(stream, now_ns);

    if (more || stream->child_signal) {
        return 0;
    }
    if (stream->waiting.first != NULL && stream->waiting.first->due_ns < next_ns) {
        next_ns = stream->waiting.first->due_ns;
    }
    next_ns = ways_ns < next_ns ? ways_ns : next_ns;
    return now_ns + STREAM_TICK_MS * NS_PER_MS < next_ns ? now_ns + STREAM_TICK_MS * NS_PER_MS
                                                         : next_ns;
}

static bool stream_turn(struct stream *stream)
{
    struct err err = {0};
    int64_t now_ns = stream_now(stream);
    bool more;

    stream_ways_tick(stream);
    stream_wake_waiting(stream, now_ns);
    more = stream_take_some(stream);
    stream_slots_dispatch(stream);
    stream_flush(stream, false);
    stream_source_tell_places(stream);
    stream_tell_progress(stream, now_ns);
    if (stream_is_over(stream) || stream_has_all(stream)) {
        stream_slots_end_input(stream);
    }
    if (stream_is_idle(stream)) {
        return false;
    }
    if (!loop_wait(&stream->loop, stream_next_time(stream, now_ns, more), &err)) {
        stream_broken(stream, &err);
        return false;
    }
    stream_slots_take_exits(stream);
    stream_slots_take_time(stream, stream_now(stream));
    return true;
}

/* --- its life --- */

static bool stream_read_spec(struct stream *stream, int spec_fd, struct err *err)
{
    struct strbuf bytes = {0};
    bool ok = sys_seek(spec_fd, 0, SEEK_SET) == 0 &&
              file_read_fd(spec_fd, "the spec", LIMIT_ITEM_BYTES, &bytes, err) &&
              stream_spec_read(&stream->spec, strbuf_str(&bytes), &stream->arena);

    strbuf_fini(&bytes);
    sys_close(spec_fd);
    return ok || err->status != 0 ||
           err_set(err, STATUS_USAGE, "'stream' is started by pawl itself");
}

/* Only now may it be told to end in order: until it has the log, which another that works ahead may
 * still have, there is nothing to put in order. */
static bool stream_open_loop(struct stream *stream, struct err *err)
{
    return loop_open(&stream->loop, err) && signals_open(&stream->signals, &stream->origin, err) &&
           loop_add(&stream->loop, &stream->signal_source, stream->signals.fd, LOOP_READ,
                    stream_on_signal, stream, err);
}

static void stream_open_fds(const struct stream_spec *spec)
{
    sys_set_cloexec(spec->channel_fd, true);
    for (uint32_t i = 0; i < spec->link_count; i++) {
        sys_set_cloexec(spec->links[i], true);
    }
    if (spec->source_fd >= 0) {
        sys_set_cloexec(spec->source_fd, true);
    }
}

static bool stream_open(struct stream *stream, struct err *err)
{
    const struct stream_spec *spec = &stream->spec;
    int pawl_fd = folder_open(AT_FDCWD, ".pawl", err);

    stream_open_fds(spec);
    stream_queue_init(&stream->waiting);
    for (uint32_t i = 0; spec->afresh && i < spec->way_count; i++) {
        stream_way_forget(&spec->ways[i].key);
    }
    stream->has_ways = pawl_fd >= 0 && stream_ways_open(stream, pawl_fd, err);
    stream->tally.began_ns = stream->tally.told_ns = stream_now(stream);
    if (!stream->has_ways || !children_subreaper(err) || !stream_open_loop(stream, err)) {
        return false;
    }
    origin_compare(&stream->origin);
    return (spec->early || stream_order_open(&stream->order, err)) && stream_watch_open(stream) &&
           stream_slots_open(stream) && stream_source_open(stream, err) &&
           stream_links_open(&stream->links, &stream->loop, spec->links, spec->link_count, err);
}

static void stream_close(struct stream *stream)
{
    stream_slots_close(stream);
    stream_links_close(&stream->links);
    stream_flight_fini(stream);
    stream_source_close(stream);
    stream_order_close(&stream->order);
    stream_ways_close(stream);
    strbuf_fini(&stream->text);
    arena_fini(&stream->arena);
}

/* The second pass, if the first came to its end. */
static void stream_finish(struct stream *stream)
{
    struct err err = {0};

    stream_flush(stream, true);
    if (!stream_ways_take_back(stream, &err)) {
        stream_broken(stream, &err);
    }
    if (!stream_is_over(stream) && !stream->spec.early) {
        stream_write(stream);
    }
}

int stream_main(int spec_fd, const struct origin *origin)
{
    struct stream stream = {
        .clock = clock_system, .origin = *origin, .order = {.fd = -1}, .source = {.fd = -1}};
    struct err err = {0};
    int status;

    arena_init(&stream.arena);
    stream.signal_source.fd = -1;
    stream.source.loop_source.fd = -1;
    if (!stream_read_spec(&stream, spec_fd, &err)) {
        arena_fini(&stream.arena);
        return STATUS_USAGE;
    }
    if (stream_open(&stream, &err)) {
        while (stream_turn(&stream)) {
        }
        stream_finish(&stream);
    } else if (stream.end.cause == CAUSE_NONE) {
        stream_broken(&stream, &err);
    }
    if (stream.end.cause != CAUSE_NONE) {
        stream_tell_word(&stream, &stream.end);
    }
    status = stream.end.cause != CAUSE_NONE ? STATUS_STAGE_FAILED
             : stream.stopping              ? STATUS_SIGNAL + SIGTERM
                                            : STATUS_OK;
    stream_close(&stream);
    return status;
}
