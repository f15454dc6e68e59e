/* Owns the reading of a record into a state: all of it, or behind what was saved of its fold. */
#include "run/recorder.h"

#include "base/sys.h"
#include "model/run_state_pack.h"

static bool replay_lines(struct event_reader *reader, struct run_state *state,
                         void (*each)(void *ctx, const struct event *event), void *ctx,
                         struct err *err)
{
    struct arena scratch;
    struct event_line line;
    struct event event;
    bool known;
    bool ok = true;

    arena_init(&scratch);
    while (ok && event_reader_next(reader, &line)) {
        arena_reset(&scratch);
        ok = event_from_json(line.json, &scratch, &event, &known, err);
        if (ok && !known) {
            state->unknown_events++;
        } else if (ok) {
            ok = run_state_apply(state, &event, err);
            if (ok && each != NULL) {
                each(ctx, &event);
            }
        }
    }
    arena_fini(&scratch);
    return ok && event_reader_check(reader, err);
}

bool recorder_replay(int pawl_fd, const struct run_id *id, struct run_state *state,
                     void (*each)(void *ctx, const struct event *event), void *ctx, struct err *err)
{
    int dir_fd = run_dir_open(pawl_fd, id, err);
    struct event_reader *reader;
    bool ok;

    if (dir_fd < 0) {
        return false;
    }
    reader = event_reader_open(dir_fd, "events.jsonl", err);
    ok = reader != NULL && replay_lines(reader, state, each, ctx, err);
    if (reader != NULL) {
        event_reader_close(reader);
    }
    sys_close(dir_fd);
    return ok || err_wrap(err, "run %s", id->text);
}

/* What was saved, and the record behind it in `*reader`. The state is read first: the record is at
 * least as long then. False: there is none that counts; then there may be a reader all the same. */
static bool replay_open_saved(int pawl_fd, const struct run_id *id, struct run_state *state,
                              struct event_reader **reader)
{
    int dir_fd = run_dir_open(pawl_fd, id, NULL);
    struct event_place place;
    bool ok = dir_fd >= 0 && saved_state_read(dir_fd, state, &place);

    *reader = ok ? event_reader_open(dir_fd, "events.jsonl", NULL) : NULL;
    if (dir_fd >= 0) {
        sys_close(dir_fd);
    }
    return *reader != NULL && event_reader_seek(*reader, &place);
}

static bool replay_saved(int pawl_fd, const struct run_id *id, struct run_state *state)
{
    struct event_reader *reader;
    struct err err = {0};
    bool ok = replay_open_saved(pawl_fd, id, state, &reader) &&
              replay_lines(reader, state, NULL, NULL, &err);

    if (reader != NULL) {
        event_reader_close(reader);
    }
    return ok;
}

bool recorder_look(int pawl_fd, const struct run_id *id, struct run_state *state, struct err *err)
{
    if (replay_saved(pawl_fd, id, state)) {
        return true;
    }
    run_state_fini(state);
    run_state_init(state);
    return recorder_replay(pawl_fd, id, state, NULL, NULL, err);
}

/* A record on its way to the event of which something was saved. */
struct replay_until {
    const struct run_state *state;
    uint64_t seq;
    struct strbuf packed;
};

static void replay_pack(void *ctx, const struct event *event)
{
    struct replay_until *until = ctx;

    if (event->seq == until->seq) {
        run_state_pack(until->state, &until->packed);
    }
}

bool recorder_look_is_right(int pawl_fd, const struct run_id *id)
{
    struct run_state saved, state;
    struct replay_until until = {.state = &state};
    struct strbuf packed = {0};
    struct event_reader *reader;
    bool right = true;

    run_state_init(&saved);
    run_state_init(&state);
    if (replay_open_saved(pawl_fd, id, &saved, &reader)) {
        until.seq = saved.last_seq;
        run_state_pack(&saved, &packed);
        right = !recorder_replay(pawl_fd, id, &state, replay_pack, &until, NULL) ||
                str_equal(strbuf_str(&packed), strbuf_str(&until.packed));
    }
    if (reader != NULL) {
        event_reader_close(reader);
    }
    strbuf_fini(&packed);
    strbuf_fini(&until.packed);
    run_state_fini(&saved);
    run_state_fini(&state);
    return right;
}
