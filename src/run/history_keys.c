/* Owns the way from roots to results. A newer result of a key takes the place of the one before it
 * from the same workspace and machine, so one that ended before the run did, and is there still, is
 * what the run found. */
#include "run/history_keys.h"

#include "store/result_codec.h"

static struct str keys_row_name(const struct roots_row *row)
{
    return str_n((const char *)&row->instance, sizeof(row->instance));
}

bool history_keys_read(struct history_keys *keys, struct session *session, const struct run_id *id,
                       struct arena *arena)
{
    *keys = (struct history_keys){.session = session};
    if (session->store_fd < 0 ||
        !roots_read_run(session->store_fd, &session->workspace.id, id, arena, &keys->run)) {
        return false;
    }
    for (uint32_t i = 0; i < keys->run.row_count; i++) {
        map_put(&keys->rows, keys_row_name(&keys->run.rows[i]), i);
    }
    return true;
}

void history_keys_fini(struct history_keys *keys)
{
    map_fini(&keys->rows);
}

const struct digest *history_keys_find(const struct history_keys *keys, struct str instance)
{
    ptrdiff_t at = str_find(instance, '@');
    struct roots_row wanted = {
        .instance = result_instance_hash(at < 0 ? instance : str_head(instance, (size_t)at),
                                         instance, &keys->session->workspace.id)};
    uint32_t row = map_get(&keys->rows, keys_row_name(&wanted));

    return row == MAP_MISSING ? NULL : &keys->run.rows[row].key;
}

static bool key_is_local(const struct session *session, const struct result *result)
{
    return digest_equal(&result->workspace, &session->workspace.id) &&
           digest_equal(&result->machine, &session->machine_digest);
}

bool history_key_result(const struct session *session, const struct digest *key, int64_t until_ns,
                        struct arena *arena, struct result_ref *ref, struct result *result)
{
    struct result_ref refs[RESULTS_PER_KEY];
    struct result_ref newest = results_find(session->results, key);
    uint32_t count;
    bool found = false;

    if (!result_ref_is_some(newest) || !results_read(session->results, newest, arena, result)) {
        return false;
    }
    count = results_find_declared(session->results, &result->declared, refs);
    for (uint32_t i = 0; i < count; i++) {
        struct result one;

        if (!results_read(session->results, refs[i], arena, &one) || !digest_equal(&one.key, key)) {
            continue;
        }
        if (key_is_local(session, &one)) {
            *ref = refs[i];
            *result = one;
            return one.ended_ns <= until_ns;
        }
        if (!found && one.ended_ns <= until_ns) {
            *ref = refs[i];
            *result = one;
            found = true;
        }
    }
    return found;
}
