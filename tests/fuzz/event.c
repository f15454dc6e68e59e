/* Any lines as events: each is none, or one that is written as it was read, however often, and
 * that the fold takes or refuses with a reason, leaving what it had. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/run_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

enum { INSTANCES_MAX = 10000 };

/* --- read, written, read --- */

static void write_line(const struct event *event, struct strbuf *out)
{
    char time[TIME_TEXT_BYTES];

    time_format_rfc3339(event->time_ns, time);
    strbuf_clear(out);
    strbuf_printf(out, "{\"seq\":%llu,\"time\":\"%s\",\"type\":\"%s\",",
                  (unsigned long long)event->seq, time, event_types[event->type].name);
    event_to_json(event, out);
    strbuf_puts(out, "}");
}

static void check_again(const struct event *event, struct arena *arena)
{
    struct strbuf first = {0}, second = {0};
    struct event again;
    bool known;

    write_line(event, &first);
    assert(event_from_json(strbuf_str(&first), arena, &again, &known, NULL) && known);
    assert(again.type == event->type && again.number == event->number);
    write_line(&again, &second);
    assert(str_equal(strbuf_str(&first), strbuf_str(&second)));
    strbuf_fini(&first);
    strbuf_fini(&second);
}

/* --- the fold --- */

static void check_counts(const struct run_state *state)
{
    uint32_t counts[INST_STATE_COUNT] = {0};

    for (uint32_t i = 0; i < state->instance_count; i++) {
        counts[state->instances[i].state]++;
    }
    assert(memcmp(counts, state->counts, sizeof(counts)) == 0);
}

static void fold(struct run_state *state, const struct event *event)
{
    uint64_t seq_before = state->last_seq;
    struct err err = {0};

    if (event->type == EVENT_RUN_STARTED && event->instances > INSTANCES_MAX) {
        return;
    }
    if (run_state_apply(state, event, &err)) {
        assert(state->last_seq == event->seq);
    } else {
        assert(err.status == STATUS_CORRUPT && state->last_seq == seq_before);
    }
    check_counts(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct str rest = str_n((const char *)data, size_bytes);
    struct run_state state;
    struct arena arena;
    struct str line;

    arena_init(&arena);
    run_state_init(&state);
    while (str_split(&rest, '\n', &line)) {
        struct event event;
        struct err err = {0};
        bool known;

        if (!event_from_json(line, &arena, &event, &known, &err)) {
            assert(err.status == STATUS_CORRUPT);
        } else if (known) {
            check_again(&event, &arena);
            fold(&state, &event);
        }
        arena_reset(&arena);
    }
    run_state_fini(&state);
    arena_fini(&arena);
    return 0;
}
