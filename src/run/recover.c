/* Owns what is done after a crash. The record says which attempts were under way and what they had
 * put aside; parked/ says the same where the record was lost. */

#include <errno.h>

#include "base/hex.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/sys.h"
#include "os/remove.h"
#include "os/walk.h"
#include "run/recover_inside.h"
#include "store/roots.h"

static bool recover_unfinished(struct recovery *recovery, struct err *err)
{
    struct session *session = recovery->session;
    int dir_fd = run_dir_open(session->workspace.pawlfd, &recovery->run, err);
    struct event_log *log;
    bool ok;

    if (dir_fd < 0) {
        return false;
    }
    log = event_log_append_to(dir_fd, "events.jsonl", NULL, err);
    recovery->log = log;
    ok = log != NULL &&
         recorder_replay(session->workspace.pawlfd, &recovery->run, &recovery->state, recover_note,
                         recovery, err) &&
         recover_kill_survivors(recovery, err) && recovery_find_parked(recovery, err) &&
         recover_attempts(recovery, err) && recover_checkpoints(recovery, err);
    recovery->log = NULL;
    if (log != NULL) {
        event_log_close(log);
    }
    sys_close(dir_fd);
    return ok;
}

static bool recover_run(struct session *session, const struct run_id *run,
                        struct recovered *recovered, struct err *err)
{
    struct recovery recovery;
    bool ok;

    recovery_init(&recovery, session, recovered);
    recovery.run = *run;
    ok = recover_unfinished(&recovery, err);
    if (ok) {
        recovered->run = *run;
        /* A torn tail, cut by now, may have hidden that it has ended. */
        recovered->found =
            recovery.state.status != RUN_PENDING && !run_status_is_final(recovery.state.status);
        recovered->has_plan = digest_parse(recovery.state.plan, &recovered->plan);
        recovered->instances = recovery.state.instance_count;
        recovered->done = 0;
        recovered->ran = mem_calloc(recovered->instances, 1);
        for (uint32_t i = 0; i < recovered->instances; i++) {
            enum inst_state state = recovery.state.instances[i].state;

            recovered->done += inst_state_is_good(state);
        }
        VEC_EACH (number, &recovery.done) {
            if (*number < recovered->instances) {
                recovered->ran[*number] = 1;
            }
        }
    }
    recovery_fini(&recovery);
    return ok;
}

/* --- what lies in parked/ --- */

/* Of a run that ended, or of one whose record was lost: its record, as far as there is one, says
 * which attempts were good. */
static bool recover_parked_of(struct session *session, const struct parked_attempt *stray,
                              struct recovered *recovered, struct err *err)
{
    struct clone_memory clone = {0};
    struct park_place place = {session->root_fd, session->workspace.pawlfd, &clone};
    struct recovery recovery;
    struct err unread = {0};
    bool ok = true;
    bool known = false;

    recovery_init(&recovery, session, recovered);
    if (run_id_parse(stray->run, &recovery.run) &&
        recorder_replay(session->workspace.pawlfd, &recovery.run, &recovery.state, recover_note,
                        &recovery, &unread)) {
        known = map_get(&recovery.by_id, stray->attempt) != MAP_MISSING;
        ok = recovery_find_parked(&recovery, err) && recover_attempts(&recovery, err);
    }
    if (ok && !known) {
        ok = park_return(&place, stray->run, stray->attempt, stray->paths, stray->count,
                         PARK_FATE_FAILED, stray->attempt, 0, err);
    }
    recovery_fini(&recovery);
    return ok;
}

static bool recover_parked(struct session *session, struct recovered *recovered, struct err *err)
{
    struct clone_memory clone = {0};
    struct park_place place = {session->root_fd, session->workspace.pawlfd, &clone};
    struct parked_list list = {NULL, 0};
    struct arena arena;
    bool ok;

    arena_init(&arena);
    ok = park_list(&place, &arena, &list, err);
    for (uint32_t i = 0; ok && i < list.count; i++) {
        ok = recover_parked_of(session, &list.items[i], recovered, err);
    }
    arena_fini(&arena);
    return ok;
}

static bool recover_lives(struct session *session, struct err *err)
{
    int64_t limit_ns = clock_mono_ns(session->clock) + RECOVER_LIMIT_S * NS_PER_SEC;

    for (;;) {
        enum lock_answer answer = lock_take_lives(&session->lives, ".pawl/lives", err);

        if (answer == LOCK_HELD) {
            return true;
        }
        if (answer == LOCK_FAILED || clock_mono_ns(session->clock) > limit_ns) {
            return false;
        }
        err_clear(err);
        sys_poll(NULL, 0, 20);
    }
}

/* --- temporary files --- */

static bool recover_is_of_store(struct str name)
{
    return str_has_prefix(name, STR("o."));
}

/* What dead attempts were writing. The store looks after its own files there, which sessions of
 * other workspaces may be writing now. */
static bool recover_temp(struct session *session, struct err *err)
{
    struct walk_options all = {.flat = true, .all = true};
    struct walk_list list = {NULL, 0};
    struct arena arena;
    bool ok;

    arena_init(&arena);
    ok = walk_folder(session->workspace.pawlfd, "tmp", &all, &arena, &list, err);
    for (uint32_t i = 0; ok && i < list.count; i++) {
        struct str name = list.items[i].path;

        ok = recover_is_of_store(name) ||
             tree_remove(session->workspace.pawlfd, path_join(&arena, STR("tmp"), name).data, err);
    }
    arena_fini(&arena);
    return ok;
}

static bool recover_roots(struct session *session, struct err *err)
{
    int dir_fd = roots_open_own(session->store_fd, &session->workspace.id);
    struct arena arena;
    bool ok;

    if (dir_fd < 0) {
        return errno == ENOENT ||
               err_sys(err, "the workspace's folder in 'roots' cannot be opened");
    }
    arena_init(&arena);
    ok = recover_remove_new(dir_fd, &arena, err);
    arena_fini(&arena);
    sys_close(dir_fd);
    return ok;
}

bool recover_workspace(struct session *session, struct recovered *recovered, struct err *err)
{
    struct arena arena;
    bool ok;

    *recovered = (struct recovered){0};
    arena_init(&arena);
    ok = recover_find(session, &arena, recovered, err);
    arena_fini(&arena);
    return ok && (!recovered->found || recover_run(session, &recovered->last, recovered, err)) &&
           recover_lives(session, err) && recover_parked(session, recovered, err) &&
           recover_temp(session, err) && recover_roots(session, err);
}

void recovered_fini(struct recovered *recovered)
{
    strbuf_fini(&recovered->kept);
    free(recovered->ran);
    *recovered = (struct recovered){0};
}

bool recover_abandon(struct session *session, const struct recovered *recovered, struct err *err)
{
    int dir_fd = run_dir_open(session->workspace.pawlfd, &recovered->run, err);
    struct event event = {.type = EVENT_RUN_ABANDONED,
                          .run = str_of(recovered->run.text),
                          .reason = STR("a newer run of another plan took its place")};
    struct strbuf members = {0};
    struct event_log *log;
    bool ok = false;

    if (dir_fd < 0) {
        return false;
    }
    log = event_log_append_to(dir_fd, "events.jsonl", NULL, err);
    if (log != NULL) {
        event_to_json(&event, &members);
        event_log_add(log, clock_real_ns(session->clock),
                      str_of(event_types[EVENT_RUN_ABANDONED].name), strbuf_str(&members));
        ok = event_log_flush(log, err);
        event_log_close(log);
        strbuf_fini(&members);
    }
    sys_close(dir_fd);
    return ok;
}
