/* Owns workers: processes that answer each line with a line.
 *
 * A worker is handed a batch of items and answers each with one line on its standard output, or
 * with `fail TEXT` (for good) or `retry TEXT` on PAWL_STATUS_FD. Nothing says which item an answer
 * is for but their order, so a batch is believed only as a whole: as many lines as items, nothing
 * said on the other descriptor, nothing left over. Else what of it failed is not known, and its
 * items are handed out again, each alone, where every answer is clear. Of a stage whose effects are
 * seen outside every item is alone from the start.
 *
 * A worker that has answered some and writes more lines than it has items may have answered each of
 * them with what belongs to another: the stage fails, and nothing of it is kept. One that has
 * answered some and ends well, with an item in hand that it may never have seen, leaves that to the
 * next. */
#include <errno.h>
#include <string.h>

#include "base/sys.h"
#include "run/stream.h"

enum { WORKER_SILENCE_S = 10 };

static void worker_watch_in(struct stream_slot *slot)
{
    struct err err = {0};

    loop_change(&slot->stream->loop, &slot->in_source,
                slot->in_at < slot->in.len ? (unsigned)LOOP_WRITE : 0U, &err);
}

static void worker_in_fault(struct stream_slot *slot)
{
    struct err err = {0};

    if (errno == EPIPE) {
        /* It reads no more: its end says why. */
        stream_slot_end_input(slot);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
        err_sys(&err, "a worker cannot be written to");
        stream_broken(slot->stream, &err);
    }
}

void stream_worker_in(void *ctx, unsigned events)
{
    struct stream_slot *slot = ctx;

    if ((events & (LOOP_HANGUP | LOOP_ERROR)) != 0) {
        stream_slot_end_input(slot);
    }
    while (slot->in_fd >= 0 && slot->in_at < slot->in.len) {
        ssize_t sent =
            sys_write(slot->in_fd, slot->in.data + slot->in_at, slot->in.len - slot->in_at);

        if (sent < 0) {
            worker_in_fault(slot);
            break;
        }
        slot->in_at += (size_t)sent;
    }
    if (slot->in_fd >= 0) {
        worker_watch_in(slot);
    }
}

void stream_worker_hand(struct stream_slot *slot)
{
    strbuf_clear(&slot->in);
    slot->in_at = 0;
    for (uint32_t i = 0; i < slot->item_count; i++) {
        strbuf_add_str(&slot->in, strbuf_str(&slot->items[i]->bytes));
    }
    slot->warn_ns = stream_now(slot->stream) + WORKER_SILENCE_S * NS_PER_SEC;
    stream_worker_in(slot, 0);
    /* What it wrote unasked is the answer of nobody. */
    if (slot->out.len + slot->status.len != 0) {
        stream_worker_look(slot);
    }
}

static uint32_t worker_lines(struct str out)
{
    uint32_t lines = 0;
    const char *end = out.data + out.len;

    for (const char *at = out.data; at < end; lines++) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at == NULL) {
            break;
        }
        at++;
    }
    return lines;
}

static void worker_batch_over(struct stream_slot *slot)
{
    slot->item_count = 0;
    slot->due_ns = slot->warn_ns = INT64_MAX;
    strbuf_clear(&slot->out);
    strbuf_clear(&slot->status);
}

/* Of a batch it is not known which failed: each alone will tell. */
static void worker_alone(struct stream_slot *slot)
{
    while (slot->item_count != 0) {
        struct stream_item *item = slot->items[--slot->item_count];

        item->attempts--;
        stream_item_back(slot->stream, item, true);
    }
    slot->batch = 1;
    worker_batch_over(slot);
}

static void worker_take_answers(struct stream_slot *slot)
{
    struct stream *stream = slot->stream;
    struct str rest = strbuf_str(&slot->out);
    struct item_end good = {.cause = CAUSE_NONE};
    int64_t took_ns = stream_now(stream) - slot->items[0]->began_ns;
    uint32_t count = slot->item_count;

    slot->has_answered = true;
    slot->batch = items_batch_next(slot->batch > count ? count : slot->batch, took_ns);
    for (uint32_t i = 0; i < count; i++) {
        size_t len = (size_t)str_find(rest, '\n') + 1;

        stream_item_ended(stream, slot->items[i], &good, str_head(rest, len));
        rest = str_skip(rest, len);
    }
    worker_batch_over(slot);
}

/* What it said instead of an answer. */
static void worker_take_status(struct stream_slot *slot)
{
    static const struct item_end broken = {.cause = CAUSE_OUTPUT, .exit_code = -1};
    struct str said = strbuf_str(&slot->status);
    struct item_end end = {.exit_code = -1};
    struct stream_item *item = slot->items[0];
    ptrdiff_t line = str_find(said, '\n');

    if (line < 0) {
        return;
    }
    if ((size_t)line + 1 != said.len || slot->out.len != 0) {
        stream_slot_kill(slot, &broken, "the worker answered more than once");
        return;
    }
    said = str_head(said, (size_t)line);
    end.for_good = str_has_prefix(said, STR("fail ")) || str_is(said, "fail");
    if (!end.for_good && !str_has_prefix(said, STR("retry ")) && !str_is(said, "retry")) {
        stream_slot_kill(slot, &broken,
                         "the worker said neither 'fail TEXT' nor 'retry TEXT' on PAWL_STATUS_FD");
        return;
    }
    end.cause = end.for_good ? CAUSE_EXIT : CAUSE_TRANSIENT;
    said = str_trim(str_skip(said, end.for_good ? 4 : 5));
    strbuf_clear(&slot->stream->text);
    strbuf_add_str(&slot->stream->text, said.len != 0 ? said : STR("the worker gave no reason"));
    worker_batch_over(slot);
    stream_item_ended(slot->stream, item, &end, strbuf_str(&slot->stream->text));
}

/* What it has answered before may belong to other items. */
static void worker_doubtful(struct stream_slot *slot)
{
    static const struct item_end broken = {.cause = CAUSE_OUTPUT, .exit_code = -1};
    struct stream *stream = slot->stream;

    stream_fail(stream, CAUSE_OUTPUT, -1,
                STR("a worker wrote what nobody asked for: which of its answers is for which item "
                    "cannot be told"));
    stream->ways[slot->way].is_doubtful = true;
    stream_slot_kill(slot, &broken, "");
}

/* More than one answer for each item that it has? */
static bool worker_says_too_much(const struct stream_slot *slot, uint32_t lines)
{
    struct str out = strbuf_str(&slot->out);
    bool whole = out.len == 0 || out.data[out.len - 1] == '\n';

    return lines > slot->item_count || (lines == slot->item_count && !whole);
}

static void worker_judge(struct stream_slot *slot)
{
    static const struct item_end broken = {.cause = CAUSE_OUTPUT, .exit_code = -1};
    uint32_t lines = worker_lines(strbuf_str(&slot->out));
    bool says_both = lines == slot->item_count && slot->status.len != 0;

    if (slot->item_count == 0) {
        if (slot->out.len + slot->status.len != 0) {
            worker_doubtful(slot);
        }
    } else if (worker_says_too_much(slot, lines) && slot->has_answered) {
        worker_doubtful(slot);
    } else if (slot->item_count > 1 &&
               (slot->status.len != 0 || worker_says_too_much(slot, lines))) {
        stream_slot_kill(slot, &broken, "");
    } else if (worker_says_too_much(slot, lines) || says_both) {
        stream_slot_kill(slot, &broken, "the worker answered more than once");
    } else if (slot->status.len != 0) {
        worker_take_status(slot);
    } else if (lines == slot->item_count) {
        worker_take_answers(slot);
    }
}

void stream_worker_look(struct stream_slot *slot)
{
    if (!slot->killed && !slot->stream->stopping && slot->child.pid != 0) {
        worker_judge(slot);
    }
}

void stream_worker_exited(struct stream_slot *slot, const struct child_end *end)
{
    struct stream *stream = slot->stream;
    struct str reason;
    struct item_end how;

    /* It may have answered all before, and more. */
    if (!slot->killed && !stream->stopping) {
        worker_judge(slot);
    }
    how = stream_slot_end(slot, end, &reason);
    if (stream->stopping) {
        while (slot->item_count != 0) {
            stream_item_back(stream, slot->items[--slot->item_count], false);
        }
        return;
    }
    if (slot->item_count > 1 || (slot->item_count == 1 && how.cause == CAUSE_NONE &&
                                 slot->has_answered && !stream->spec.one_by_one)) {
        worker_alone(slot);
        return;
    }
    if (slot->item_count == 1) {
        struct stream_item *item = slot->items[0];

        if (how.cause == CAUSE_NONE) {
            how = (struct item_end){.cause = CAUSE_OUTPUT};
            reason = STR("the worker ended without an answer");
        } else if (!slot->killed) {
            reason = str_printf(&slot->arena, "the worker ended without an answer: %.*s",
                                STR_ARG(reason));
        }
        worker_batch_over(slot);
        stream_item_ended(stream, item, &how, reason);
    }
}
