/* Owns the way from the record of a run to results. Events are gathered by the instance's name,
 * because numbers are those of each run's own plan. Runs before are read newest first, and only
 * until each instance that was up to date has been heard of.
 *
 * The file `restored` in the folder of a run: which instances were touched by hand after that run
 * and before the next one. A record is the SHA-256 of the instance's name as 64 hex digits and a
 * line feed, appended before anything is changed; a line of another length counts for nothing. */
#include "run/history.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/hex.h"
#include "base/limits.h"
#include "base/sys.h"
#include "base/vec.h"
#include "run/recorder.h"

/* The last good word of a record on one instance. */
struct seen {
    struct str run, key;
    struct event_pairs outputs;
    int64_t time_ns;
};

struct gather {
    struct arena *arena;
    struct map numbers; /* by name of the instance */
    VEC(struct seen) seen;
    bool closed;    /* only names that are there */
    struct str run; /* that is read; once something of it is kept */
};

/* --- pure --- */

bool history_agrees(const struct result *result, const struct event_pairs *outputs)
{
    char hex[DIGEST_HEX_BYTES + 1];
    uint32_t found = 0;

    for (uint32_t p = 0; p < outputs->count; p++) {
        for (uint32_t i = 0; i < result->output_count; i++) {
            const struct result_output *output = &result->outputs[i];

            found += str_equal(output->path, outputs->items[p].name) &&
                     str_is(outputs->items[p].value, digest_hex(&output->digest, hex));
        }
    }
    return found == outputs->count;
}

bool history_redate(struct result *result, const struct event_pairs *outputs)
{
    uint32_t found = 0;

    for (uint32_t p = 0; p < outputs->count; p++) {
        for (uint32_t i = 0; i < result->output_count; i++) {
            found += str_equal(result->outputs[i].path, outputs->items[p].name) &&
                     digest_parse(outputs->items[p].value, &result->outputs[i].digest);
        }
    }
    return found == outputs->count && found == result->output_count;
}

/* --- events --- */

static struct event_pairs gather_copy(struct arena *arena, const struct event_pairs *pairs)
{
    struct event_pairs copy = {.items = ARENA_ARRAY(arena, struct event_pair, pairs->count),
                               .count = pairs->count};

    for (uint32_t i = 0; i < pairs->count; i++) {
        copy.items[i] = (struct event_pair){str_dup(arena, pairs->items[i].name),
                                            str_dup(arena, pairs->items[i].value)};
    }
    return copy;
}

static bool gather_is_good(const struct event *event)
{
    return event->type == EVENT_INSTANCE_RESTORED ||
           (event->type == EVENT_ATTEMPT_FINISHED &&
            str_is(event->state, inst_state_name(INST_DONE)));
}

static void gather_take(void *ctx, const struct event *event)
{
    struct gather *gather = ctx;
    uint32_t number;

    if (!gather_is_good(event)) {
        return;
    }
    number = map_get(&gather->numbers, event->instance);
    if (number == MAP_MISSING) {
        if (gather->closed) {
            return;
        }
        number = (uint32_t)gather->seen.count;
        VEC_PUSH(&gather->seen, (struct seen){.time_ns = 0});
        map_put(&gather->numbers, str_dup(gather->arena, event->instance), number);
    }
    gather->seen.items[number] =
        (struct seen){.run = gather->run,
                      .key = str_dup(gather->arena, event->key),
                      .outputs = gather_copy(gather->arena, &event->outputs),
                      .time_ns = event->time_ns};
}

static void gather_fini(struct gather *gather)
{
    map_fini(&gather->numbers);
    VEC_FREE(&gather->seen);
}

static bool gather_run(struct gather *gather, struct session *session, const struct run_id *id,
                       struct run_state *state, struct err *err)
{
    gather->run = str_dup(gather->arena, str_of(id->text));
    return recorder_replay(session->workspace.pawlfd, id, state, gather_take, gather, err);
}

/* --- by hand --- */

static void hand_add(struct strbuf *lines, struct str instance)
{
    char hex[DIGEST_HEX_BYTES + 1];
    struct digest digest = sha256_of(instance.data, instance.len);

    strbuf_puts(lines, digest_hex(&digest, hex));
    strbuf_putc(lines, '\n');
}

static bool hand_append(struct session *session, const struct run_id *id,
                        const struct strbuf *lines, struct err *err)
{
    struct str path = str_printf(&session->arena, "runs/%s/restored", id->text);
    int fd = sys_openat(session->workspace.pawlfd, path.data,
                        O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, SYS_OWN_FILE);
    bool ok = fd >= 0 && sys_write_full(fd, lines->data, lines->len) == 0;

    if (!ok) {
        err_sys(err, "'.pawl/%s': cannot be written", path.data);
    }
    if (fd >= 0 && sys_close(fd) != 0 && ok) {
        ok = err_sys(err, "'.pawl/%s': cannot be written", path.data);
    }
    return ok;
}

bool history_note_hand(struct session *session, const struct str *instances, uint32_t count,
                       struct err *err)
{
    struct strbuf lines = {0};
    struct run_list list;
    bool ok = run_dir_list(session->workspace.pawlfd, &session->arena, &list, err);

    /* The end of a record that was torn is no line with the next one. */
    strbuf_putc(&lines, '\n');
    for (uint32_t i = 0; i < count; i++) {
        hand_add(&lines, instances[i]);
    }
    if (ok && list.count != 0) {
        ok = hand_append(session, &list.ids[list.count - 1], &lines, err);
    }
    strbuf_fini(&lines);
    return ok;
}

/* --- what a run says --- */

struct historian {
    struct session *session;
    struct arena *arena;
    struct history *history;
    struct run_id id;
    int64_t started_ns;
    struct seen *seen;          /* by item */
    bool *was_up_to_date;       /* by item: what is known of it comes from before the run */
    struct map hands;           /* digests of names to items, of those that were up to date */
    const struct result **near; /* by item: the newest of its key, with other bytes */
    struct gather earlier;      /* of those without a word of the run itself, by name to item */
};

static void history_name_instances(struct session *session, struct run_state *state)
{
    struct strbuf text = {0};
    struct digest digest;

    if (digest_parse(state->listing, &digest) && session->objects != NULL &&
        objects_read(session->objects, &digest, LIMIT_TOML_BYTES, &text, NULL)) {
        run_state_take_listing(state, strbuf_str(&text));
    }
    strbuf_fini(&text);
}

static bool history_is_good(const struct inst_status *inst)
{
    return inst->state == INST_DONE || inst->state == INST_RESTORED ||
           inst->state == INST_UP_TO_DATE;
}

static struct str historian_hex(const struct historian *historian, struct str name)
{
    struct digest digest = sha256_of(name.data, name.len);

    return digest_str(&digest, historian->arena);
}

static void historian_add(struct historian *historian, const struct gather *gather, struct str name)
{
    uint32_t item = historian->history->count++;
    uint32_t number = map_get(&gather->numbers, name);

    historian->history->items[item].instance = name;
    if (number != MAP_MISSING) {
        historian->seen[item] = gather->seen.items[number];
        return;
    }
    historian->was_up_to_date[item] = true;
    map_put(&historian->earlier.numbers, name, item);
    map_put(&historian->hands, historian_hex(historian, name), item);
}

static void historian_take(struct historian *historian, const struct run_state *state,
                           const struct gather *gather,
                           bool (*wants)(void *ctx, struct str instance), void *ctx)
{
    struct arena *arena = historian->arena;

    historian->started_ns = state->started_at_ns;
    historian->history->items = ARENA_ARRAY(arena, struct past, state->instance_count);
    historian->seen = ARENA_ARRAY(arena, struct seen, state->instance_count);
    historian->was_up_to_date = ARENA_ARRAY(arena, bool, state->instance_count);
    historian->near = ARENA_ARRAY(arena, const struct result *, state->instance_count);
    for (uint32_t i = 0; i < state->instance_count; i++) {
        const struct inst_status *inst = &state->instances[i];

        if (!history_is_good(inst)) {
            continue;
        }
        if (inst->name.len == 0) {
            historian->history->unnamed++;
        } else if (wants == NULL || wants(ctx, inst->name)) {
            historian_add(historian, gather, str_dup(arena, inst->name));
        }
    }
}

static bool historian_read_run(struct historian *historian,
                               bool (*wants)(void *ctx, struct str instance), void *ctx,
                               struct err *err)
{
    struct gather gather = {.arena = historian->arena};
    struct run_state state;
    bool ok;

    run_state_init(&state);
    ok = gather_run(&gather, historian->session, &historian->id, &state, err);
    if (ok) {
        history_name_instances(historian->session, &state);
        historian_take(historian, &state, &gather, wants, ctx);
    }
    run_state_fini(&state);
    gather_fini(&gather);
    return ok;
}

/* --- what runs before say --- */

/* What was touched by hand after this run, and not heard of since. */
static bool historian_read_hands(struct historian *historian, const struct run_id *id,
                                 uint32_t *missing, struct err *err)
{
    struct str path = str_printf(historian->arena, "runs/%s/restored", id->text);
    struct strbuf text = {0};
    struct str rest;
    struct str line;
    int pawl_fd = historian->session->workspace.pawlfd;
    struct err failed = {0};
    bool ok =
        file_read(pawl_fd, path.data, LIMIT_TOML_BYTES, &text, &failed) || failed.sys == ENOENT;

    rest = strbuf_str(&text);
    while (ok && str_split(&rest, '\n', &line)) {
        uint32_t item = map_get(&historian->hands, line);

        if (item != MAP_MISSING && historian->seen[item].time_ns == 0) {
            /* Heard of, and nothing that a result could agree with. */
            historian->seen[item].time_ns = INT64_MAX;
            --*missing;
        }
    }
    if (!ok) {
        *err = failed;
    }
    strbuf_fini(&text);
    return ok;
}

/* Only what was not heard of in a later run. */
static bool historian_read_earlier(struct historian *historian, const struct run_id *id,
                                   uint32_t *missing, struct err *err)
{
    struct gather *gather = &historian->earlier;
    struct run_state state;
    bool ok;

    VEC_CLEAR(&gather->seen);
    for (uint32_t i = 0; i < historian->history->count; i++) {
        VEC_PUSH(&gather->seen, (struct seen){.time_ns = 0});
    }
    run_state_init(&state);
    ok = gather_run(gather, historian->session, id, &state, err);
    run_state_fini(&state);
    for (uint32_t i = 0; ok && i < historian->history->count; i++) {
        if (historian->seen[i].time_ns == 0 && gather->seen.items[i].time_ns != 0) {
            historian->seen[i] = gather->seen.items[i];
            --*missing;
        }
    }
    return ok;
}

static bool historian_read_all_earlier(struct historian *historian, struct err *err)
{
    uint32_t missing = historian->earlier.numbers.count;
    struct run_list list;

    if (missing == 0) {
        return true;
    }
    if (!run_dir_list(historian->session->workspace.pawlfd, historian->arena, &list, err)) {
        return false;
    }
    for (uint32_t i = list.count; i > 0 && missing > 0; i--) {
        const struct run_id *id = &list.ids[i - 1];

        if (strcmp(id->text, historian->id.text) < 0 &&
            (!historian_read_hands(historian, id, &missing, err) ||
             !historian_read_earlier(historian, id, &missing, err))) {
            return false;
        }
    }
    return true;
}

/* --- results --- */

static void past_take(struct past *past, const struct result *result, struct str said_by)
{
    past->known = true;
    past->result = *result;
    past->said_by = said_by;
}

/* By the key that the event says. */
static void historian_find(struct historian *historian, uint32_t item)
{
    const struct results *results = historian->session->results;
    const struct seen *seen = &historian->seen[item];
    struct result *result = ARENA_ARRAY(historian->arena, struct result, 1);
    struct digest key;
    struct result_ref ref;

    if (!digest_parse(seen->key, &key)) {
        return;
    }
    ref = results_find(results, &key);
    if (!result_ref_is_some(ref) || !results_read(results, ref, historian->arena, result)) {
        return;
    }
    if (history_agrees(result, &seen->outputs)) {
        past_take(&historian->history->items[item], result, seen->run);
    } else {
        historian->near[item] = result;
    }
}

/* May this result be what an instance had that was up to date, without a word of a record? */
static bool historian_may_count(const struct historian *historian, uint32_t item,
                                const struct result *result)
{
    const struct seen *seen = &historian->seen[item];

    return historian->was_up_to_date[item] && (result->flags & RESULT_UNKEYED) == 0 &&
           digest_equal(&result->workspace, &historian->session->workspace.id) &&
           result->ended_ns < historian->started_ns &&
           (seen->time_ns == 0 ||
            ((result->flags & RESULT_ADOPTED) != 0 && result->ended_ns > seen->time_ns));
}

static void historian_offer(struct historian *historian, uint32_t item, const struct result *result)
{
    struct past *past = &historian->history->items[item];
    const struct seen *seen = &historian->seen[item];

    if (historian_may_count(historian, item, result)) {
        past_take(past, result, STR_NONE);
    } else if (!past->known && seen->time_ns != 0 && seen->outputs.count != 0 &&
               history_agrees(result, &seen->outputs)) {
        past_take(past, result, seen->run);
    }
}

/* One look at all that is recorded, for those that are not found by key alone. */
static void historian_search(struct historian *historian, const struct map *open)
{
    const struct results *results = historian->session->results;
    struct result_ref ref = results_next(results, 0);
    struct arena scratch;

    arena_init(&scratch);
    for (; result_ref_is_some(ref); ref = results_next(results, ref.n + 1)) {
        struct result result;
        uint32_t item;

        arena_reset(&scratch);
        if (results_read(results, ref, &scratch, &result) &&
            (item = map_get(open, result.instance)) != MAP_MISSING &&
            results_read(results, ref, historian->arena, &result)) {
            historian_offer(historian, item, &result);
        }
    }
    arena_fini(&scratch);
}

static void historian_find_all(struct historian *historian)
{
    struct history *history = historian->history;
    struct map open;

    map_init(&open);
    for (uint32_t i = 0; i < history->count; i++) {
        historian_find(historian, i);
        if (!history->items[i].known || historian->was_up_to_date[i]) {
            map_put(&open, history->items[i].instance, i);
        }
    }
    if (open.count != 0) {
        historian_search(historian, &open);
    }
    map_fini(&open);
    for (uint32_t i = 0; i < history->count; i++) {
        if (!history->items[i].known && historian->near[i] != NULL) {
            past_take(&history->items[i], historian->near[i], historian->seen[i].run);
            history->items[i].known =
                history_redate(&history->items[i].result, &historian->seen[i].outputs);
        }
    }
}

bool history_of_run(struct session *session, const struct run_id *id,
                    bool (*wants)(void *ctx, struct str instance), void *ctx, struct arena *arena,
                    struct history *history, struct err *err)
{
    struct historian historian = {.session = session,
                                  .arena = arena,
                                  .history = history,
                                  .id = *id,
                                  .earlier = {.arena = arena, .closed = true}};
    bool ok;

    *history = (struct history){0};
    ok = historian_read_run(&historian, wants, ctx, err) &&
         historian_read_all_earlier(&historian, err);
    if (ok && session->results != NULL) {
        historian_find_all(&historian);
    }
    gather_fini(&historian.earlier);
    map_fini(&historian.hands);
    return ok;
}

void history_last(struct session *session, struct str stage, struct str instance,
                  struct arena *arena, struct past *past)
{
    struct result_ref ref = {RESULT_NONE};

    *past = (struct past){.instance = instance};
    if (session->results != NULL) {
        ref = results_find_last(session->results, stage, instance, &session->workspace.id);
    }
    past->known = result_ref_is_some(ref) &&
                  results_read(session->results, ref, arena, &past->result) &&
                  ((past->result.flags & RESULT_UNKEYED) == 0 || past->result.output_count != 0);
}
