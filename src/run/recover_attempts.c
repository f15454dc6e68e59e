/* Owns what is done about the attempts of a dead process: those that live on are ended, what they
 * left half done is moved away, what they put aside returns or goes. */
#include <fcntl.h>

#include "base/hex.h"
#include "base/path.h"
#include "os/survivors.h"
#include "run/recover_inside.h"
#include "run/side.h"
#include "store/kinds.h"

/* --- survivors --- */

/* The same boot and pid namespace, so that looking through /proc can tell. */
static bool recover_can_see(struct str boot)
{
    char scope[SURVIVORS_SCOPE_BYTES];

    survivors_scope(scope);
    return scope[0] != '\0' && str_is(boot, scope);
}

bool recover_kill_survivors(struct recovery *recovery, struct err *err)
{
    struct survivors_result result;
    VEC(struct str) cookies = {0};
    bool ok = true;

    VEC_EACH (attempt, &recovery->attempts) {
        if (!attempt->ended && recover_can_see(attempt->boot)) {
            VEC_PUSH(&cookies, attempt->id);
        }
    }
    for (int kind = 0; recover_can_see(recovery->boot) && kind < SIDE_KIND_COUNT; kind++) {
        VEC_PUSH(&cookies, side_attempt_id(str_of(recovery->run.text), (enum side_kind)kind,
                                           &recovery->arena));
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

/* One line and one event name both places. */
static void recover_tell_kept(struct recovery *recovery, const struct recover_attempt *attempt,
                              struct str path, struct str kept)
{
    struct str place = str_concat(&recovery->arena, STR(".pawl/"), kept);
    struct event event = {.type = EVENT_OUTPUT_KEPT,
                          .run = str_of(recovery->run.text),
                          .trace = recovery->state.trace,
                          .number = attempt->number,
                          .instance = attempt->instance,
                          .stage = attempt->stage,
                          .paths = {&path, 1},
                          .place = place};
    struct strbuf members = {0};

    strbuf_puts(&recovery->recovered->kept, "kept      '");
    path_show(&recovery->recovered->kept, path);
    strbuf_puts(&recovery->recovered->kept, "' was not made by pawl: it is at '");
    path_show(&recovery->recovered->kept, place);
    strbuf_puts(&recovery->recovered->kept, "'\n");
    if (recovery->log != NULL) {
        event_to_json(&event, &members);
        event_log_add(recovery->log, clock_real_ns(recovery->session->clock),
                      str_of(event_types[EVENT_OUTPUT_KEPT].name), strbuf_str(&members));
    }
    strbuf_fini(&members);
}

static bool recover_keep(const struct park_place *place, struct recovery *recovery,
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
            if (ok) {
                recover_tell_kept(recovery, attempt, attempt->parked.items[i].name,
                                  strbuf_str(&kept));
            }
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

/* Whole outputs that no check let pass are kept whatever their size. */
static enum park_fate recover_fate(const struct recover_attempt *attempt)
{
    return attempt->checked && attempt->whole ? PARK_FATE_REFUSED : PARK_FATE_FAILED;
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

    return park_return(place, run, attempt->id, outputs, attempt->outputs.count,
                       recover_fate(attempt), name, INT64_MAX, err) &&
           park_return(place, run, attempt->id, outputs, recover_new_paths(attempt, outputs),
                       recover_fate(attempt), name, INT64_MIN, err);
}

/* Killed between the record of a bad end and what it asks for: partial outputs lie there, older
 * than that record, whose time is in whole milliseconds. What is younger is somebody's. */
static uint32_t recover_partial_paths(const struct park_place *place,
                                      const struct recover_attempt *attempt, struct str *paths)
{
    uint32_t count = recover_new_paths(attempt, paths);
    uint32_t left = 0;
    struct sys_stat stat;

    for (uint32_t i = 0; i < count; i++) {
        if (sys_statat(place->workspace_fd, paths[i].data, AT_SYMLINK_NOFOLLOW, &stat) == 0 &&
            stat.ctime_ns < attempt->ended_ns + NS_PER_MS) {
            paths[left++] = paths[i];
        }
    }
    return left;
}

static bool recover_partial(struct recovery *recovery, const struct park_place *place,
                            const struct recover_attempt *attempt, struct err *err)
{
    struct str *paths = recover_paths(&attempt->outputs, &recovery->arena);
    uint32_t left = recover_partial_paths(place, attempt, paths);

    return left == 0 || park_return(place, str_of(recovery->run.text), attempt->id, paths, left,
                                    recover_fate(attempt), recover_name(attempt, &recovery->arena),
                                    INT64_MIN, err);
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
bool recover_attempts(struct recovery *recovery, struct err *err)
{
    struct event_log *log = recovery->log;
    struct session *session = recovery->session;
    struct clone_memory clone = {0};
    struct park_place place = {session->root_fd, session->workspace.pawlfd, &clone};

    for (uint32_t i = 0; i < recovery->attempts.count; i++) {
        struct recover_attempt *attempt = &recovery->attempts.items[i];
        bool recorded = !attempt->ended && recover_has_result(recovery, attempt, &recovery->arena);
        bool parked = map_get(&recovery->parked, attempt->id) != MAP_MISSING;
        bool good =
            (recorded && !attempt->checked) ||
            (attempt->good && (!parked || recover_stands(recovery, attempt, &recovery->arena)));

        attempt->whole |= recorded;
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
            if (!attempt->good && !attempt->settled && !parked &&
                map_get(&recovery->last, attempt->instance) == i &&
                !recover_partial(recovery, &place, attempt, err)) {
                return false;
            }
            continue;
        }
        if (recorded && good) {
            recover_claim(recovery, attempt);
        }
        if (recorded) {
            VEC_PUSH(&recovery->done, attempt->number);
        }
        /* Its end may be on the list of effects, if the kill fell between that and its result. */
        if (!recorded && !effects_finish(&session->effects, attempt->id, false, err)) {
            return false;
        }
        recovery->recovered->attempts++;
        recover_record_lost(recovery, log, attempt, recorded);
    }
    return made_flush(session->made, err) && (log == NULL || event_log_flush(log, err));
}

/* --- looking --- */

static void recover_foresee_at(struct str path, struct arena *arena, struct map *paths)
{
    map_put(paths, str_dup(arena, path), 0);
}

/* Where a file of pawl's own is parked, it returns in place of what was left half done. What was
 * somebody's returns, too, but to be kept. */
static void recover_foresee_parked(const struct recovery *recovery, const struct park_place *place,
                                   const struct recover_attempt *attempt, struct arena *arena,
                                   struct map *paths)
{
    for (uint32_t i = 0; i < attempt->parked.count; i++) {
        const struct event_pair *parked = &attempt->parked.items[i];
        struct strbuf where = {0};
        int dir_fd;

        if (!str_is(parked->value, "kept") &&
            park_find(place, str_of(recovery->run.text), attempt->id, parked->name, &where,
                      &dir_fd)) {
            recover_foresee_at(parked->name, arena, paths);
        }
        strbuf_fini(&where);
    }
}

static void recover_foresee_all(struct recovery *recovery, struct arena *arena, struct map *paths)
{
    struct session *session = recovery->session;
    struct clone_memory clone = {0};
    struct park_place place = {session->root_fd, session->workspace.pawlfd, &clone};

    for (uint32_t i = 0; i < recovery->attempts.count; i++) {
        const struct recover_attempt *attempt = &recovery->attempts.items[i];
        struct str *left = recover_paths(&attempt->outputs, &recovery->arena);
        uint32_t count;

        if (attempt->good || attempt->settled || map_get(&recovery->last, attempt->instance) != i ||
            (!attempt->ended && recover_has_result(recovery, attempt, &recovery->arena))) {
            continue;
        }
        count = attempt->ended ? recover_partial_paths(&place, attempt, left)
                               : recover_new_paths(attempt, left);
        for (uint32_t k = 0; k < count; k++) {
            recover_foresee_at(left[k], arena, paths);
        }
        recover_foresee_parked(recovery, &place, attempt, arena, paths);
    }
}

bool recover_foresee(struct session *session, struct arena *arena, struct map *paths,
                     struct err *err)
{
    struct recovery recovery;
    struct run_list list = {0};
    bool ok;

    recovery_init(&recovery, session, NULL);
    ok = session->results != NULL &&
         run_dir_list(session->workspace.pawlfd, &recovery.arena, &list, err);
    if (ok && list.count != 0) {
        recovery.run = list.ids[list.count - 1];
        ok = recorder_replay(session->workspace.pawlfd, &recovery.run, &recovery.state,
                             recover_note, &recovery, err);
        if (ok && !run_status_is_final(recovery.state.status)) {
            recover_foresee_all(&recovery, arena, paths);
        }
    }
    recovery_fini(&recovery);
    return ok;
}
