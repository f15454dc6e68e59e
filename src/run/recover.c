/* Owns what is done after a crash. The record says which attempts were under way and what they had
 * put aside; parked/ says the same where the record was lost. */
#include "run/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hex.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/sys.h"
#include "base/vec.h"
#include "os/remove.h"
#include "os/survivors.h"
#include "os/walk.h"
#include "store/park.h"
#include "store/kinds.h"

/* File systems stamp with a clock that may lag by so much. */
#define RECOVER_TICK_NS (10 * NS_PER_MS)

enum { RECOVER_LIMIT_S = 5, RECOVER_TAIL_BYTES = 64 << 10 };

/* An attempt that started, and what is known of its end. */
struct recover_attempt {
    struct str id, instance, stage, boot, host;
    uint32_t number;
    int64_t attempt, started_ns, ended_ns;
    struct event_pairs outputs, parked;
    bool ended, good;
};

struct recovery {
    struct session *session;
    struct arena arena;
    struct run_id run;
    struct run_state state;
    VEC(struct recover_attempt) attempts;
    struct map by_id;
    struct map parked;  /* ids of attempts with a folder below parked/ */
    VEC(uint32_t) done; /* instances that ended well at some time in this run */
    struct map last; /* of each instance: its last attempt, the only one that lies at its outputs */
    struct str boot, host;
};

static struct event_pairs recover_pairs(struct arena *arena, const struct event_pairs *pairs)
{
    struct event_pairs copy = {ARENA_ARRAY(arena, struct event_pair, pairs->count), pairs->count};

    for (uint32_t i = 0; i < pairs->count; i++) {
        copy.items[i] = (struct event_pair){str_dup(arena, pairs->items[i].name),
                                            str_dup(arena, pairs->items[i].value)};
    }
    return copy;
}

static void recover_note_start(struct recovery *recovery, const struct event *event)
{
    struct recover_attempt attempt = {.id = str_dup(&recovery->arena, event->attempt_id),
                                      .instance = str_dup(&recovery->arena, event->instance),
                                      .stage = str_dup(&recovery->arena, event->stage),
                                      .boot = recovery->boot,
                                      .host = recovery->host,
                                      .number = event->number,
                                      .attempt = event->attempt,
                                      .started_ns = event->time_ns,
                                      .outputs = recover_pairs(&recovery->arena, &event->outputs),
                                      .parked = recover_pairs(&recovery->arena, &event->parked)};

    map_put(&recovery->by_id, attempt.id, (uint32_t)recovery->attempts.count);
    map_put(&recovery->last, attempt.instance, (uint32_t)recovery->attempts.count);
    VEC_PUSH(&recovery->attempts, attempt);
}

static void recover_note(void *ctx, const struct event *event)
{
    struct recovery *recovery = ctx;
    uint32_t at;

    if (event->type == EVENT_RUN_STARTED || event->type == EVENT_RUN_RESUMED) {
        recovery->boot = str_dup(&recovery->arena, event->boot);
        recovery->host = str_dup(&recovery->arena, event->host);
    } else if (event->type == EVENT_ATTEMPT_STARTED) {
        recover_note_start(recovery, event);
    } else if (event->type == EVENT_ATTEMPT_FINISHED || event->type == EVENT_ATTEMPT_LOST) {
        at = map_get(&recovery->by_id, event->attempt_id);
        if (at != MAP_MISSING) {
            recovery->attempts.items[at].ended = true;
            recovery->attempts.items[at].ended_ns = event->time_ns;
            recovery->attempts.items[at].good = str_is(event->state, "done");
            if (recovery->attempts.items[at].good) {
                VEC_PUSH(&recovery->done, event->number);
            }
        }
    }
}

/* --- survivors --- */

/* The same boot and pid namespace, so that looking through /proc can tell. */
static bool recover_can_see(const struct recover_attempt *attempt)
{
    char scope[SURVIVORS_SCOPE_BYTES];

    survivors_scope(scope);
    return scope[0] != '\0' && str_is(attempt->boot, scope);
}

static bool recover_kill_survivors(struct recovery *recovery, struct err *err)
{
    struct survivors_result result;
    VEC(struct str) cookies = {0};
    bool ok = true;

    VEC_EACH (attempt, &recovery->attempts) {
        if (!attempt->ended && recover_can_see(attempt)) {
            VEC_PUSH(&cookies, attempt->id);
        }
    }
    if (cookies.count != 0) {
        ok = survivors_kill(cookies.items, cookies.count, RECOVER_LIMIT_S * NS_PER_SEC, &result,
                            err);
    }
    VEC_FREE(&cookies);
    return ok;
}

/* --- outputs --- */

/* The last result of its instance; a mark that an attempt began is none. */
static bool recover_result(const struct recovery *recovery, const struct recover_attempt *attempt,
                           struct arena *arena, struct result *result)
{
    struct session *session = recovery->session;
    struct result_ref ref = results_find_last(session->results, attempt->stage, attempt->instance,
                                              &session->workspace.id);

    return result_ref_is_some(ref) && results_read(session->results, ref, arena, result) &&
           (result->flags & RESULT_UNKEYED) == 0;
}

/* Whether its result is on record: then its outputs are complete and stay. */
static bool recover_has_result(const struct recovery *recovery,
                               const struct recover_attempt *attempt, struct arena *arena)
{
    struct result result;

    return recover_result(recovery, attempt, arena, &result) &&
           str_equal(result.attempt, attempt->id);
}

/* Does the successor of what a good attempt parked stand? A power cut may have taken its objects.
 */
static bool recover_stands(const struct recovery *recovery, const struct recover_attempt *attempt,
                           struct arena *arena)
{
    struct result result;

    if (!recover_result(recovery, attempt, arena, &result) ||
        (!str_equal(result.attempt, attempt->id) && result.started_ns < attempt->started_ns)) {
        return false;
    }
    for (uint32_t i = 0; i < result.output_count; i++) {
        const struct result_output *output = &result.outputs[i];

        if (output->stored && !objects_has_output(recovery->session->objects,
                                                  kind_of_result(output->kind), &output->digest)) {
            return false;
        }
    }
    return true;
}

static struct str recover_name(const struct recover_attempt *attempt, struct arena *arena)
{
    struct digest digest = sha256_of(attempt->instance.data, attempt->instance.len);
    char hex[DIGEST_HEX_BYTES + 1];

    digest_hex(&digest, hex);
    return str_printf(arena, "%.*s.%.8s", STR_ARG(attempt->stage), hex);
}

static bool recover_keep(const struct park_place *place, const struct recovery *recovery,
                         const struct recover_attempt *attempt, struct err *err)
{
    struct strbuf kept = {0};
    bool ok = true;

    for (uint32_t i = 0; ok && i < attempt->parked.count; i++) {
        struct strbuf where = {0};
        int dir_fd;

        if (str_is(attempt->parked.items[i].value, "kept") &&
            park_find(place, str_of(recovery->run.text), attempt->id, attempt->parked.items[i].name,
                      &where, &dir_fd)) {
            ok = park_keep_parked(place, str_of(recovery->run.text), attempt->id,
                                  attempt->parked.items[i].name, &kept, err);
        }
        strbuf_fini(&where);
    }
    strbuf_fini(&kept);
    return ok;
}

static struct str *recover_paths(const struct event_pairs *pairs, struct arena *arena)
{
    struct str *paths = ARENA_ARRAY(arena, struct str, pairs->count);

    for (uint32_t i = 0; i < pairs->count; i++) {
        paths[i] = pairs->items[i].name;
    }
    return paths;
}

/* Outputs at which nothing lay when it started: what is there now it made. */
static uint32_t recover_new_paths(const struct recover_attempt *attempt, struct str *paths)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < attempt->outputs.count; i++) {
        bool before = false;

        for (uint32_t p = 0; p < attempt->parked.count; p++) {
            before |= str_equal(attempt->outputs.items[i].name, attempt->parked.items[p].name);
        }
        if (!before) {
            paths[count++] = attempt->outputs.items[i].name;
        }
    }
    return count;
}

/* Where something is parked, partial outputs go and it returns. Where nothing is, what had to be
 * parked either was not yet or is back: it stays, whatever its times say, which commands may set.
 */
static bool recover_bad(struct recovery *recovery, const struct park_place *place,
                        const struct recover_attempt *attempt, struct err *err)
{
    struct str run = str_of(recovery->run.text);
    struct str name = recover_name(attempt, &recovery->arena);
    struct str *outputs = recover_paths(&attempt->outputs, &recovery->arena);

    return park_return(place, run, attempt->id, outputs, attempt->outputs.count, PARK_FATE_FAILED,
                       name, INT64_MAX, err) &&
           park_return(place, run, attempt->id, outputs, recover_new_paths(attempt, outputs),
                       PARK_FATE_FAILED, name, INT64_MIN, err);
}

/* Killed between the record of a bad end and what it asks for: partial outputs lie there, older
 * than that record. What is younger is somebody's. */
static bool recover_partial(struct recovery *recovery, const struct park_place *place,
                            const struct recover_attempt *attempt, struct err *err)
{
    struct str *paths = recover_paths(&attempt->outputs, &recovery->arena);
    uint32_t count = recover_new_paths(attempt, paths);
    uint32_t left = 0;
    struct sys_stat stat;

    for (uint32_t i = 0; i < count; i++) {
        if (sys_statat(place->workspace_fd, paths[i].data, AT_SYMLINK_NOFOLLOW, &stat) == 0 &&
            stat.ctime_ns <= attempt->ended_ns) {
            paths[left++] = paths[i];
        }
    }
    return left == 0 ||
           park_return(place, str_of(recovery->run.text), attempt->id, paths, left,
                       PARK_FATE_FAILED, recover_name(attempt, &recovery->arena), INT64_MIN, err);
}

static bool recover_outputs(struct recovery *recovery, const struct park_place *place,
                            const struct recover_attempt *attempt, bool good, struct err *err)
{
    struct str run = str_of(recovery->run.text);
    struct str *parked = recover_paths(&attempt->parked, &recovery->arena);

    if (good) {
        return recover_keep(place, recovery, attempt, err) &&
               park_drop(place, run, attempt->id, parked, attempt->parked.count, err);
    }
    return recover_bad(recovery, place, attempt, err);
}

/* The outputs of an attempt whose result was recorded but whose end was not: they are pawl's. */
static void recover_claim(struct recovery *recovery, const struct recover_attempt *attempt)
{
    struct session *session = recovery->session;
    struct result result;

    if (!recover_result(recovery, attempt, &recovery->arena, &result)) {
        return;
    }
    for (uint32_t i = 0; i < result.output_count; i++) {
        const struct result_output *output = &result.outputs[i];

        made_put(session->made, &(struct made_row){.path = output->path,
                                                   .kind = (enum made_kind)output->kind,
                                                   .executable = output->executable,
                                                   .digest = output->digest,
                                                   .size_bytes = output->size_bytes,
                                                   .stage = attempt->stage,
                                                   .instance = attempt->instance,
                                                   .run = str_of(recovery->run.text)});
    }
}

static void recover_record_lost(struct recovery *recovery, struct event_log *log,
                                const struct recover_attempt *attempt, bool recorded)
{
    struct strbuf members = {0};
    struct event lost = {.type = EVENT_ATTEMPT_LOST,
                         .run = str_of(recovery->run.text),
                         .trace = recovery->state.trace,
                         .number = attempt->number,
                         .instance = attempt->instance,
                         .stage = attempt->stage,
                         .attempt = attempt->attempt,
                         .attempt_id = attempt->id,
                         .state = STR("pending"),
                         .reason = recorded ? STR("its pawl was killed; its result is recorded")
                                            : STR("its pawl was killed; cleaned up")};

    event_to_json(&lost, &members);
    event_log_add(log, clock_real_ns(recovery->session->clock),
                  str_of(event_types[EVENT_ATTEMPT_LOST].name), strbuf_str(&members));
    strbuf_fini(&members);
}

/* `log`: NULL for a run that ended, whose record stays as it is. */
static bool recover_attempts(struct recovery *recovery, struct event_log *log, uint32_t *cleaned,
                             struct err *err)
{
    struct session *session = recovery->session;
    struct clone_memory clone = {0};
    struct park_place place = {session->root_fd, session->workspace.pawlfd, &clone};

    for (uint32_t i = 0; i < recovery->attempts.count; i++) {
        const struct recover_attempt *attempt = &recovery->attempts.items[i];
        bool recorded = !attempt->ended && recover_has_result(recovery, attempt, &recovery->arena);
        bool parked = map_get(&recovery->parked, attempt->id) != MAP_MISSING;
        bool good = recorded || (attempt->good &&
                                 (!parked || recover_stands(recovery, attempt, &recovery->arena)));

        /* Of an attempt whose end is on record only what it parked can be left: what lies at its
         * outputs may be anybody's by now. */
        if ((!attempt->ended || parked) &&
            (good || map_get(&recovery->last, attempt->instance) == i) &&
            !recover_outputs(recovery, &place, attempt, good, err)) {
            return false;
        }
        if (log == NULL) {
            continue;
        }
        if (attempt->ended) {
            if (!attempt->good && !parked && map_get(&recovery->last, attempt->instance) == i &&
                !recover_partial(recovery, &place, attempt, err)) {
                return false;
            }
            continue;
        }
        if (recorded) {
            recover_claim(recovery, attempt);
            VEC_PUSH(&recovery->done, attempt->number);
        }
        (*cleaned)++;
        recover_record_lost(recovery, log, attempt, recorded);
    }
    return made_flush(session->made, err) && (log == NULL || event_log_flush(log, err));
}

/* --- which run --- */

/* Files that were about to replace others when their writer was killed. */
static bool recover_remove_new(int dir_fd, struct arena *arena, struct err *err)
{
    struct walk_options all = {.flat = true, .all = true};
    struct walk_list list = {NULL, 0};
    bool ok = walk_folder(dir_fd, "", &all, arena, &list, err);

    for (uint32_t i = 0; ok && i < list.count; i++) {
        ok = !file_is_temp_name(list.items[i].path.data) ||
             file_remove(dir_fd, list.items[i].path.data, err);
    }
    return ok;
}

/* The type of the last whole line of a log, without reading it all; "" when there is none. */
static struct str recover_last_type(int dir_fd, struct arena *arena)
{
    int fd = sys_openat(dir_fd, "events.jsonl", O_RDONLY, 0);
    int64_t size = fd >= 0 ? sys_seek(fd, 0, SEEK_END) : -1;
    int64_t from = size > RECOVER_TAIL_BYTES ? size - RECOVER_TAIL_BYTES : 0;
    char *bytes = arena_bytes(arena, RECOVER_TAIL_BYTES);
    ssize_t got = size > 0 ? sys_pread_full(fd, bytes, RECOVER_TAIL_BYTES, from) : 0;
    struct str tail = str_n(bytes, got > 0 ? (size_t)got : 0);
    struct err err;
    struct event event;
    bool known = false;
    ptrdiff_t start;

    if (fd >= 0) {
        sys_close(fd);
    }
    while (tail.len != 0 && tail.data[tail.len - 1] != '\n') {
        tail.len--;
    }
    tail.len -= tail.len != 0;
    start = str_rfind(tail, '\n');
    tail = str_skip(tail, (size_t)(start + 1));
    if (tail.len == 0 || !event_from_json(tail, arena, &event, &known, &err) || !known) {
        return STR("");
    }
    return str_of(event_types[event.type].name);
}

static bool recover_is_final(struct str type)
{
    return str_is(type, "run.completed") || str_is(type, "run.failed") ||
           str_is(type, "run.cancelled") || str_is(type, "run.abandoned");
}

/* Its pawl was killed before it recorded anything: nothing was started, no log was written. */
static bool recover_is_blank(int dir_fd)
{
    struct sys_stat events;
    bool blank = sys_statat(dir_fd, "events.jsonl", AT_SYMLINK_NOFOLLOW, &events) == 0
                     ? S_ISREG(events.mode) && events.size_bytes == 0
                     : errno == ENOENT;

    return blank && (sys_unlinkat(dir_fd, "logs", AT_REMOVEDIR) == 0 || errno == ENOENT);
}

static bool recover_remove_blank(struct session *session, const struct run_id *run,
                                 struct arena *arena, struct err *err)
{
    return tree_remove(session->workspace.pawlfd,
                       path_join(arena, STR("runs"), str_of(run->text)).data, err);
}

static bool recover_look(struct session *session, const struct run_id *run, struct arena *arena,
                         bool *blank, bool *found, struct err *err)
{
    int dir_fd = run_dir_open(session->workspace.pawlfd, run, err);
    bool ok;

    if (dir_fd < 0) {
        return false;
    }
    *blank = recover_is_blank(dir_fd);
    *found = !*blank && !recover_is_final(recover_last_type(dir_fd, arena));
    ok = recover_remove_new(dir_fd, arena, err);
    sys_close(dir_fd);
    return ok && (!*blank || recover_remove_blank(session, run, arena, err));
}

static bool recover_find(struct session *session, struct arena *arena, struct run_id *run,
                         bool *found, struct err *err)
{
    struct run_list list;
    bool blank = true;
    bool ok = run_dir_list(session->workspace.pawlfd, arena, &list, err) &&
              recover_remove_new(session->workspace.pawlfd, arena, err);

    *found = false;
    while (ok && blank && list.count != 0) {
        *run = list.ids[--list.count];
        ok = recover_look(session, run, arena, &blank, found, err);
    }
    return ok;
}

static void recovery_init(struct recovery *recovery, struct session *session)
{
    *recovery = (struct recovery){.session = session};
    arena_init(&recovery->arena);
    run_state_init(&recovery->state);
}

/* Which attempts have something parked. */
static bool recovery_find_parked(struct recovery *recovery, struct err *err)
{
    struct session *session = recovery->session;
    struct clone_memory clone = {0};
    struct park_place place = {session->root_fd, session->workspace.pawlfd, &clone};
    struct parked_list list = {NULL, 0};

    if (!park_list(&place, &recovery->arena, &list, err)) {
        return false;
    }
    for (uint32_t i = 0; i < list.count; i++) {
        map_put(&recovery->parked, list.items[i].attempt, i);
    }
    return true;
}

static void recovery_fini(struct recovery *recovery)
{
    map_fini(&recovery->parked);
    VEC_FREE(&recovery->done);
    map_fini(&recovery->by_id);
    map_fini(&recovery->last);
    VEC_FREE(&recovery->attempts);
    run_state_fini(&recovery->state);
    arena_fini(&recovery->arena);
}

static bool recover_unfinished(struct recovery *recovery, struct recovered *recovered,
                               struct err *err)
{
    struct session *session = recovery->session;
    int dir_fd = run_dir_open(session->workspace.pawlfd, &recovery->run, err);
    struct event_log *log;
    bool ok;

    if (dir_fd < 0) {
        return false;
    }
    log = event_log_append_to(dir_fd, "events.jsonl", NULL, err);
    ok = log != NULL &&
         recorder_replay(session->workspace.pawlfd, &recovery->run, &recovery->state, recover_note,
                         recovery, err) &&
         recover_kill_survivors(recovery, err) && recovery_find_parked(recovery, err) &&
         recover_attempts(recovery, log, &recovered->attempts, err);
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

    recovery_init(&recovery, session);
    recovery.run = *run;
    ok = recover_unfinished(&recovery, recovered, err);
    if (ok) {
        recovered->run = *run;
        recovered->found = recovery.state.status != RUN_PENDING;
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
                              struct err *err)
{
    struct clone_memory clone = {0};
    struct park_place place = {session->root_fd, session->workspace.pawlfd, &clone};
    struct recovery recovery;
    struct err unread = {0};
    uint32_t cleaned = 0;
    bool ok = true;
    bool known = false;

    recovery_init(&recovery, session);
    if (run_id_parse(stray->run, &recovery.run) &&
        recorder_replay(session->workspace.pawlfd, &recovery.run, &recovery.state, recover_note,
                        &recovery, &unread)) {
        known = map_get(&recovery.by_id, stray->attempt) != MAP_MISSING;
        ok = recovery_find_parked(&recovery, err) &&
             recover_attempts(&recovery, NULL, &cleaned, err);
    }
    if (ok && !known) {
        ok = park_return(&place, stray->run, stray->attempt, stray->paths, stray->count,
                         PARK_FATE_FAILED, stray->attempt, 0, err);
    }
    recovery_fini(&recovery);
    return ok;
}

static bool recover_parked(struct session *session, struct err *err)
{
    struct clone_memory clone = {0};
    struct park_place place = {session->root_fd, session->workspace.pawlfd, &clone};
    struct parked_list list = {NULL, 0};
    struct arena arena;
    bool ok;

    arena_init(&arena);
    ok = park_list(&place, &arena, &list, err);
    for (uint32_t i = 0; ok && i < list.count; i++) {
        ok = recover_parked_of(session, &list.items[i], err);
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

bool recover_workspace(struct session *session, struct recovered *recovered, struct err *err)
{
    struct arena arena;
    struct run_id run;
    bool found = false;
    bool ok;

    *recovered = (struct recovered){0};
    arena_init(&arena);
    ok = recover_find(session, &arena, &run, &found, err);
    arena_fini(&arena);
    return ok && (!found || recover_run(session, &run, recovered, err)) &&
           recover_lives(session, err) && recover_parked(session, err) &&
           recover_temp(session, err);
}

void recovered_fini(struct recovered *recovered)
{
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
