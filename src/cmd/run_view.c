/* Owns reading recorded runs for people. */
#include "cmd/run_view.h"

#include "base/hex.h"
#include "base/limits.h"
#include "cmd/place.h"
#include "run/recorder.h"

bool run_view_find(const struct session *session, const char *selector, struct run_id *id,
                   struct err *err)
{
    struct arena arena;
    struct run_list list;
    bool ok;

    arena_init(&arena);
    ok = run_dir_list(session->workspace.pawlfd, &arena, &list, err);
    if (ok && list.count == 0) {
        ok = err_set(err, STATUS_USAGE, "there is no run yet: 'pawl run' makes one");
    }
    ok = ok && run_dir_resolve(session->workspace.pawlfd,
                               str_of(selector != NULL ? selector : "latest"), id, err);
    arena_fini(&arena);
    return ok;
}

enum run_status run_view_status(const struct run_state *state, bool live)
{
    if (!run_status_is_final(state->status) && !live) {
        return RUN_INTERRUPTED;
    }
    return state->status;
}

static bool run_view_has_names(const struct run_state *state)
{
    for (uint32_t i = 0; i < state->instance_count; i++) {
        if (state->instances[i].name.len == 0) {
            return false;
        }
    }
    return true;
}

/* The listing is a help: a run without one, or one that is gone (or in a shared store), has numbers
 * for names. */
static void run_view_name_instances(const struct session *session, struct run_state *state)
{
    struct objects_options options = {
        .dirfd = session->workspace.pawlfd, .shown = ".pawl", .read_only = true};
    struct objects_settled settled;
    struct strbuf text = {0};
    struct digest digest;
    struct objects *objects;
    struct err err;

    if (run_view_has_names(state) || !digest_parse(state->listing, &digest)) {
        return;
    }
    objects = objects_open(&options, &settled, &err);
    if (objects == NULL) {
        return;
    }
    if (objects_read(objects, &digest, LIMIT_TOML_BYTES, &text, &err)) {
        run_state_take_listing(state, strbuf_str(&text));
    }
    objects_close(objects);
    strbuf_fini(&text);
}

static bool run_view_take(const struct session *session, const struct run_id *id, bool whole,
                          struct run_view *view, struct err *err)
{
    bool live = session_is_held(session) == SESSION_HELD;
    int pawl_fd = session->workspace.pawlfd;
    bool ok;

    view->id = *id;
    run_state_init(&view->state);
    ok = whole ? recorder_replay(pawl_fd, id, &view->state, NULL, NULL, err)
               : recorder_look(pawl_fd, id, &view->state, err);
    view->status = run_view_status(&view->state, live);
    run_view_name_instances(session, &view->state);
    return ok;
}

bool run_view_read(const struct session *session, const struct run_id *id, struct run_view *view,
                   struct err *err)
{
    return run_view_take(session, id, true, view, err);
}

bool run_view_look(const struct session *session, const struct run_id *id, struct run_view *view,
                   struct err *err)
{
    return run_view_take(session, id, false, view, err);
}

void run_view_fini(struct run_view *view)
{
    run_state_fini(&view->state);
}

int64_t run_view_wall_ns(const struct run_view *view)
{
    const struct run_state *state = &view->state;
    int64_t end_ns = state->last_event_ns;

    if (state->started_at_ns == 0) {
        return 0;
    }
    if (view->status == RUN_RUNNING || view->status == RUN_PAUSING) {
        end_ns = clock_real_ns(&clock_system);
    } else if (run_status_is_final(state->status)) {
        end_ns = state->ended_at_ns; /* hooks are told of it behind that */
    }
    return end_ns - state->started_at_ns;
}
