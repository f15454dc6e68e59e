/* Owns the question what a run had: who is asked for each instance. */
#include "run/history_inside.h"

#include "base/hex.h"
#include "base/limits.h"

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

/* Is a part of the pipeline asked for? */
static bool history_has_scope(const struct event_pairs *flags)
{
    for (uint32_t i = 0; i < flags->count; i++) {
        if (str_is(flags->items[i].name, "only") || str_is(flags->items[i].name, "from")) {
            return true;
        }
    }
    return false;
}

static bool history_is_good(const struct inst_status *inst)
{
    return inst->state == INST_DONE || inst->state == INST_RESTORED ||
           inst->state == INST_UP_TO_DATE;
}

/* Asks the runs before; `key`: only what they say of that. */
static void historian_ask(struct historian *historian, uint32_t item, struct str key)
{
    VEC_PUSH(&historian->asked, item);
    VEC_PUSH(&historian->earlier.keys, key);
    map_put(&historian->earlier.numbers, historian->history->items[item].instance,
            (uint32_t)historian->asked.count - 1);
}

/* The key that an up-to-date instance had is known. */
static void historian_add_key(struct historian *historian, uint32_t item, const struct digest *key)
{
    struct past *past = &historian->history->items[item];
    struct result_ref ref;
    struct result result;

    if (historian->session->results != NULL &&
        history_key_result(historian->session, key, historian->keys.run.time_ns, historian->arena,
                           &ref, &result)) {
        past_take(past, ref, &result, STR_NONE);
    } else {
        historian_ask(historian, item, digest_str(key, historian->arena));
    }
}

static void historian_add(struct historian *historian, const struct gather *gather, struct str name)
{
    uint32_t item = historian->history->count++;
    uint32_t number = map_get(&gather->numbers, name);
    const struct digest *key =
        historian->has_keys ? history_keys_find(&historian->keys, name) : NULL;

    historian->history->items[item].instance = name;
    if (number != MAP_MISSING) {
        historian->seen[item] = gather->seen.items[number];
    } else if (key != NULL) {
        historian_add_key(historian, item, key);
    } else if (historian->asked_for_all) {
        historian->was_up_to_date[item] = true;
        historian_ask(historian, item, STR_NONE);
        map_put(&historian->hands, history_hand_name(name, historian->arena), item);
    }
}

static void historian_take(struct historian *historian, const struct run_state *state,
                           const struct gather *gather,
                           bool (*wants)(void *ctx, struct str instance), void *ctx)
{
    struct arena *arena = historian->arena;

    historian->started_ns = state->started_at_ns;
    historian->asked_for_all =
        !historian->imported && state->targets.count == 0 && !history_has_scope(&state->flags);
    historian->pipeline = str_dup(arena, state->pipeline);
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

/* --- without a record --- */

/* The names of all instances, a line each: the object that a record calls its listing. */
static struct str historian_listing(struct historian *historian)
{
    const struct roots_run *run = &historian->keys.run;
    struct strbuf text = {0};
    struct str listing = STR_NONE;

    if (run->object_count > 1 && objects_read(historian->session->objects, &run->objects[1],
                                              LIMIT_TOML_BYTES, &text, NULL)) {
        listing = strbuf_dup(&text, historian->arena);
    }
    strbuf_fini(&text);
    return listing;
}

/* The roots name what the run looked at and found, made or restored. */
static void historian_read_keys(struct historian *historian,
                                bool (*wants)(void *ctx, struct str instance), void *ctx)
{
    struct history *history = historian->history;
    struct str listing = historian_listing(historian);
    uint32_t named = 0;
    struct str name;

    history->part = historian->keys.run.part;
    history->items = ARENA_ARRAY(historian->arena, struct past, historian->keys.run.row_count);
    while (named < historian->keys.run.row_count && str_split(&listing, '\n', &name)) {
        const struct digest *key = history_keys_find(&historian->keys, name);
        struct past *past = &history->items[history->count];

        if (key == NULL) {
            continue;
        }
        named++;
        if (wants != NULL && !wants(ctx, name)) {
            continue;
        }
        history->count++;
        past->instance = name;
        past->known = history_key_result(historian->session, key, historian->keys.run.time_ns,
                                         historian->arena, &past->ref, &past->result);
    }
    history->unnamed = historian->keys.run.row_count - named;
}

/* --- all of it --- */

bool history_find_run(struct session *session, const char *selector, struct run_id *id,
                      struct err *err)
{
    struct run_list list;
    struct run_list rooted = {0};

    if (!run_dir_list(session->workspace.pawlfd, &session->arena, &list, err) ||
        (session->store_fd >= 0 &&
         !roots_list(session->store_fd, &session->workspace.id, &session->arena, &rooted, err))) {
        return false;
    }
    run_list_merge(&list, &rooted, &session->arena);
    return list.count != 0
               ? run_list_resolve(&list, str_of(selector), id, err)
               : err_set(err, STATUS_USAGE, "there is no run yet: 'pawl run' makes one");
}

static bool historian_read(struct historian *historian,
                           bool (*wants)(void *ctx, struct str instance), void *ctx,
                           struct err *err)
{
    struct session *session = historian->session;

    if (historian->has_keys && !history_has(session, &historian->id, "")) {
        historian_read_keys(historian, wants, ctx);
        return true;
    }
    historian->imported = history_is_imported(session, &historian->id);
    if (!historian_read_run(historian, wants, ctx, err) ||
        !historian_read_all_earlier(historian, err) || !historian_read_roots(historian, err)) {
        return false;
    }
    if (session->results != NULL) {
        historian_find_all(historian);
    }
    return true;
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
    historian.has_keys =
        session->results != NULL && history_keys_read(&historian.keys, session, id, arena);
    ok = historian_read(&historian, wants, ctx, err);
    gather_fini(&historian.earlier);
    VEC_FREE(&historian.asked);
    map_fini(&historian.hands);
    history_keys_fini(&historian.keys);
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
    past->ref = ref;
    past->known = result_ref_is_some(ref) &&
                  results_read(session->results, ref, arena, &past->result) &&
                  ((past->result.flags & RESULT_UNKEYED) == 0 || past->result.output_count != 0);
}
