/* Owns the record of a live run. */
#include "run/recorder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "base/sys.h"

void recorder_init(struct recorder *recorder, struct session *session)
{
    *recorder = (struct recorder){.session = session,
                                  .dir_fd = -1,
                                  .next_snapshot = RECORDER_SNAPSHOT_EVERY,
                                  .saved = saved_state_none()};
    arena_init(&recorder->turn);
    run_state_init(&recorder->state);
}

void recorder_fini(struct recorder *recorder)
{
    if (recorder->log != NULL) {
        event_log_close(recorder->log);
    }
    if (recorder->dir_fd >= 0) {
        sys_close(recorder->dir_fd);
    }
    run_state_fini(&recorder->state);
    arena_fini(&recorder->turn);
    strbuf_fini(&recorder->members);
    free(recorder->pending);
    *recorder = (struct recorder){.dir_fd = -1};
}

void recorder_watch(struct recorder *recorder, const struct observer *observer)
{
    assert(recorder->observer_count < RECORDER_OBSERVERS);
    recorder->observers[recorder->observer_count++] = *observer;
}

/* Without the kernel's: of the time. */
static void recorder_draw_poor(unsigned char *bytes, size_t size)
{
    int64_t now = clock_real_ns(&clock_system) ^ clock_mono_ns(&clock_system);
    struct digest mixed = sha256_of(&now, sizeof(now));

    memcpy(bytes, mixed.bytes, size < sizeof(mixed.bytes) ? size : sizeof(mixed.bytes));
}

/* Many at a time: each attempt needs some. */
static void recorder_draw(struct recorder *recorder, unsigned char *bytes, size_t size)
{
    if (recorder->random_left < size) {
        if (sys_getrandom(recorder->random, sizeof(recorder->random)) != 0) {
            recorder_draw_poor(bytes, size);
            return;
        }
        recorder->random_left = sizeof(recorder->random);
    }
    recorder->random_left -= size;
    memcpy(bytes, recorder->random + recorder->random_left, size);
}

uint64_t recorder_random64(struct recorder *recorder)
{
    uint64_t bits;

    recorder_draw(recorder, (unsigned char *)&bits, sizeof(bits));
    return bits;
}

struct str recorder_random_hex(struct recorder *recorder, struct arena *arena, size_t digits)
{
    unsigned char bytes[RECORDER_ID_BYTES];
    char text[2 * sizeof(bytes) + 1];

    assert(digits <= 2 * sizeof(bytes));
    recorder_draw(recorder, bytes, digits / 2);
    bytes[0] |= 1; /* an id of all zeroes is none */
    hex_encode(bytes, digits / 2, text);
    return str_dup(arena, str_n(text, digits));
}

static uint16_t recorder_random16(void *ctx)
{
    uint16_t value = 0;

    (void)ctx;
    if (sys_getrandom(&value, sizeof(value)) != 0) {
        value = (uint16_t)clock_mono_ns(&clock_system);
    }
    return value;
}

/* An id of all zeroes is none. */
static bool recorder_is_id(struct str text)
{
    return hex_is(text) && strspn(text.data, "0") < text.len;
}

/* The trace of a valid W3C traceparent, `00-<32 hex>-<16 hex>-<2 hex>`, else a random one. */
static struct str recorder_trace(struct recorder *recorder, const char *traceparent)
{
    struct str text = str_of(traceparent);

    if (text.len == 55 && str_has_prefix(text, STR("00-")) && text.data[35] == '-' &&
        text.data[52] == '-' && recorder_is_id(str_n(text.data + 3, 32)) &&
        recorder_is_id(str_n(text.data + 36, 16))) {
        return str_dup(&recorder->session->arena, str_n(text.data + 3, 32));
    }
    return recorder_random_hex(recorder, &recorder->session->arena, 2 * RECORDER_ID_BYTES);
}

bool recorder_begin(struct recorder *recorder, struct event *started, const char *traceparent,
                    struct err *err)
{
    struct session *session = recorder->session;

    recorder->dir_fd = run_dir_create(session->workspace.pawlfd, clock_real_ns(session->clock),
                                      recorder_random16, NULL, &recorder->id, err);
    if (recorder->dir_fd < 0) {
        return false;
    }
    recorder->log = event_log_create(recorder->dir_fd, "events.jsonl", err);
    if (recorder->log == NULL) {
        return false;
    }
    recorder->run = str_dup(&session->arena, str_of(recorder->id.text));
    recorder->trace = recorder_trace(recorder, traceparent);
    recorder->state.borrows_names = true;
    started->type = EVENT_RUN_STARTED;
    recorder_emit(recorder, started);
    return true;
}

bool recorder_reopen(struct recorder *recorder, const struct run_id *id, struct err *err)
{
    struct session *session = recorder->session;

    recorder->id = *id;
    recorder->run = str_dup(&session->arena, str_of(id->text));
    recorder->dir_fd = run_dir_open(session->workspace.pawlfd, id, err);
    /* A power cut may have taken the folder of the logs and left the record. */
    if (recorder->dir_fd < 0 || !folder_make(recorder->dir_fd, "logs", err)) {
        return false;
    }
    recorder->log = event_log_append_to(recorder->dir_fd, "events.jsonl", NULL, err);
    if (recorder->log == NULL ||
        !recorder_replay(session->workspace.pawlfd, id, &recorder->state, NULL, NULL, err)) {
        return false;
    }
    recorder->trace = recorder->state.trace;
    recorder->next_snapshot = event_log_seq(recorder->log) + RECORDER_SNAPSHOT_EVERY;
    return true;
}

bool recorder_go_on(struct recorder *recorder, const struct run_id *id, struct event *resumed,
                    struct err *err)
{
    if (!recorder_reopen(recorder, id, err)) {
        return false;
    }
    recorder->state.borrows_names = true;
    resumed->type = EVENT_RUN_RESUMED;
    recorder_emit(recorder, resumed);
    return true;
}

static void recorder_keep_to_tell(struct recorder *recorder, const struct event *event)
{
    if (recorder->pending_count == recorder->pending_cap) {
        recorder->pending_cap = recorder->pending_cap * 2 + 16;
        recorder->pending =
            mem_realloc(recorder->pending, recorder->pending_cap, sizeof(*recorder->pending));
    }
    recorder->pending[recorder->pending_count++] = *event;
}

/* Appends to the log, in the numbers of the whole plan. */
static void recorder_write(struct recorder *recorder, struct event *event)
{
    struct strbuf *members = &recorder->members;
    struct event whole;

    event->time_ns = clock_real_ns(recorder->session->clock);
    event->run = recorder->run;
    event->trace = recorder->trace;
    whole = event_renumber(event, &recorder->numbers, &recorder->turn);
    strbuf_clear(members);
    event_to_json(&whole, members);
    event->seq = event_log_add(recorder->log, event->time_ns, str_of(event_types[event->type].name),
                               strbuf_str(members));
    recorder_keep_to_tell(recorder, event);
}

static void recorder_record(struct recorder *recorder, struct event *event)
{
    struct err err;

    recorder_write(recorder, event);
    if (!run_state_apply(&recorder->state, event, &err)) {
        bug("%s", err.text);
    }
}

void recorder_emit_beyond(struct recorder *recorder, const struct event_ids *units)
{
    struct event event = {.type = EVENT_INSTANCES_UP_TO_DATE, .ids = *units, .whole = true};

    for (uint32_t i = 0; i < units->count; i++) {
        event.count += units->items[i].last - units->items[i].first + 1;
    }
    if (event.count != 0) {
        recorder_write(recorder, &event);
        run_state_add_beyond(&recorder->state, INST_UP_TO_DATE, (uint32_t)event.count);
    }
}

struct event_pairs recorder_counts(struct recorder *recorder, bool zeros)
{
    struct event_pairs pairs = {ARENA_ARRAY(&recorder->turn, struct event_pair, INST_STATE_COUNT),
                                0};

    for (unsigned i = 0; i < INST_STATE_COUNT; i++) {
        uint32_t count = recorder->state.counts[i];

        if (zeros || count != 0) {
            pairs.items[pairs.count++] =
                (struct event_pair){str_of(inst_state_name((enum inst_state)i)),
                                    str_printf(&recorder->turn, "%u", count)};
        }
    }
    return pairs;
}

static void recorder_snapshot(struct recorder *recorder)
{
    struct event event = {.type = EVENT_SNAPSHOT, .limit = recorder->state.limit};

    event.counts = recorder_counts(recorder, true);
    event.running = recorder->state.counts[INST_RUNNING];
    event.ready = recorder->state.counts[INST_READY];
    recorder_record(recorder, &event);
}

void recorder_emit(struct recorder *recorder, struct event *event)
{
    recorder_record(recorder, event);
    if (event->seq >= recorder->next_snapshot) {
        recorder->next_snapshot = event->seq + RECORDER_SNAPSHOT_EVERY;
        recorder_snapshot(recorder);
    }
}

void recorder_emit_end(struct recorder *recorder, enum run_status how, int status)
{
    static const enum event_type types[] = {[RUN_COMPLETED] = EVENT_RUN_COMPLETED,
                                            [RUN_FAILED] = EVENT_RUN_FAILED,
                                            [RUN_CANCELLED] = EVENT_RUN_CANCELLED,
                                            [RUN_INTERRUPTED] = EVENT_RUN_INTERRUPTED};
    struct event event = {.type = types[how],
                          .status = status,
                          .reason = str_of(status_name(status)),
                          .signal = how == RUN_INTERRUPTED ? status - STATUS_SIGNAL : 0};

    event.counts = recorder_counts(recorder, false);
    recorder_emit(recorder, &event);
}

bool recorder_flush(struct recorder *recorder, struct err *err)
{
    struct session *session = recorder->session;

    if (!results_flush(session->results, err) || !made_flush(session->made, err) ||
        !index_flush(session->index, err) || !event_log_flush(recorder->log, err)) {
        return false;
    }
    store_lock_settle(&session->store_lock);
    if (recorder->numbers.units == NULL) {
        saved_state_keep(&recorder->saved, recorder->dir_fd, &recorder->state, recorder->log);
    }
    recorder->flushed_count = recorder->pending_count;
    return true;
}

void recorder_tell(struct recorder *recorder)
{
    for (uint32_t i = 0; i < recorder->flushed_count; i++) {
        for (uint32_t o = 0; o < recorder->observer_count; o++) {
            recorder->observers[o].tell(recorder->observers[o].ctx, &recorder->pending[i],
                                        &recorder->state);
        }
    }
    recorder->pending_count -= recorder->flushed_count;
    if (recorder->pending_count != 0) {
        memmove(recorder->pending, recorder->pending + recorder->flushed_count,
                recorder->pending_count * sizeof(*recorder->pending));
    }
    recorder->flushed_count = 0;
    arena_reset(&recorder->turn);
}

int64_t recorder_tick(struct recorder *recorder, int64_t now_ns)
{
    int64_t next = INT64_MAX;

    for (uint32_t o = 0; o < recorder->observer_count; o++) {
        const struct observer *observer = &recorder->observers[o];

        if (observer->tick != NULL) {
            int64_t at = observer->tick(observer->ctx, now_ns, &recorder->state);

            next = at < next ? at : next;
        }
    }
    return next;
}
