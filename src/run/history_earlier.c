/* Owns what is known from before a run. Records are read newest first, and only until each instance
 * that is asked for has been heard of; then, in the same order, roots. */
#include "run/history_inside.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"

/* Only what was not heard of in a later run. */
static bool historian_read_earlier(struct historian *historian, const struct run_id *id,
                                   struct err *err)
{
    struct gather *gather = &historian->earlier;
    struct run_state state;
    bool ok;

    VEC_CLEAR(&gather->seen);
    for (size_t i = 0; i < historian->asked.count; i++) {
        VEC_PUSH(&gather->seen, (struct seen){.time_ns = 0});
    }
    run_state_init(&state);
    ok = gather_run(gather, historian->session, id, &state, err);
    run_state_fini(&state);
    for (size_t i = 0; ok && i < historian->asked.count; i++) {
        uint32_t item = historian->asked.items[i];

        if (historian_is_open(historian, item) && gather->seen.items[i].time_ns != 0) {
            historian->seen[item] = gather->seen.items[i];
            historian->open--;
        }
    }
    return ok;
}

bool history_has(const struct session *session, const struct run_id *id, const char *what)
{
    char path[64];

    snprintf(path, sizeof(path), "runs/%s%s", id->text, what);
    return session->workspace.pawlfd >= 0 && sys_access(session->workspace.pawlfd, path, F_OK) == 0;
}

bool history_is_imported(const struct session *session, const struct run_id *id)
{
    return history_has(session, id, "/imported");
}

bool historian_read_all_earlier(struct historian *historian, struct err *err)
{
    struct run_list list = {0};

    historian->open = (uint32_t)historian->asked.count;
    if (historian->open != 0 &&
        !run_dir_list(historian->session->workspace.pawlfd, historian->arena, &list, err)) {
        return false;
    }
    for (uint32_t i = list.count; i > 0 && historian->open > 0; i--) {
        const struct run_id *id = &list.ids[i - 1];

        if (strcmp(id->text, historian->id.text) >= 0) {
            continue;
        }
        if (!historian_read_hands(historian, id, err) ||
            (!history_is_imported(historian->session, id) &&
             !historian_read_earlier(historian, id, err))) {
            return false;
        }
    }
    return true;
}

/* --- roots --- */

static bool historian_wants_roots(const struct historian *historian, uint32_t item)
{
    return historian_is_open(historian, item) && historian->was_up_to_date[item];
}

/* One look at the roots of a run before: what they name is settled, and, if they are whole, what
 * they do not name was not there then. */
static void historian_take_keys(struct historian *historian, const struct history_keys *keys)
{
    for (size_t i = 0; i < historian->asked.count; i++) {
        uint32_t item = historian->asked.items[i];
        struct past *past = &historian->history->items[item];
        const struct digest *key;
        struct result_ref ref;
        struct result result;

        if (!historian_wants_roots(historian, item)) {
            continue;
        }
        key = history_keys_find(keys, past->instance);
        if (key == NULL && keys->run.part) {
            continue;
        }
        historian->open--;
        historian->seen[item].time_ns = keys->run.time_ns;
        if (key != NULL && history_key_result(historian->session, key, keys->run.time_ns,
                                              historian->arena, &ref, &result)) {
            past_take(past, ref, &result, STR_NONE);
        }
    }
}

bool historian_read_roots(struct historian *historian, struct err *err)
{
    struct session *session = historian->session;
    struct run_list list = {0};

    if (historian->open != 0 && session->results != NULL &&
        !roots_list(session->store_fd, &session->workspace.id, historian->arena, &list, err)) {
        return false;
    }
    for (uint32_t i = list.count; i > 0 && historian->open > 0; i--) {
        struct history_keys keys;

        if (strcmp(list.ids[i - 1].text, historian->id.text) >= 0) {
            continue;
        }
        if (history_keys_read(&keys, session, &list.ids[i - 1], historian->arena) &&
            str_equal(keys.run.pipeline, historian->pipeline)) {
            historian_take_keys(historian, &keys);
        }
        history_keys_fini(&keys);
    }
    return true;
}
