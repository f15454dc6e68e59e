/* Owns `evict`: results are forgotten, what lies in the workspace and in the store is left alone.
 * The next run makes them anew. */
#include <stdlib.h>

#include "base/hex.h"
#include "base/vec.h"
#include "cmd/evict.h"
#include "cmd/place.h"
#include "cmd/targets.h"

enum { EVICT_PREFIX_LEAST = 4, EVICT_SHOWN = 5, EVICT_SHORT = 12 };

struct evicted {
    struct digest key;
    struct str instance;
    bool ours;
};

struct evict {
    struct cli *cli;
    struct session *session;
    VEC(struct evicted) found;
};

/* --- by key --- */

static bool evict_is_key(struct str word)
{
    return word.len >= EVICT_PREFIX_LEAST && word.len <= DIGEST_HEX_BYTES && hex_is(word);
}

/* Every live result for which `is_meant` says yes. */
static void evict_find(struct evict *evict,
                       bool (*is_meant)(const struct evict *evict, const struct result *result,
                                        const void *what),
                       const void *what)
{
    const struct results *results = evict->session->results;
    const struct digest *workspace = &evict->session->workspace.id;
    struct arena arena;
    struct result_ref ref;

    arena_init(&arena);
    for (ref = results_next(results, 0); result_ref_is_some(ref);
         ref = results_next(results, ref.n + 1)) {
        struct result result;

        arena_reset(&arena);
        if (results_read(results, ref, &arena, &result) && (result.flags & RESULT_UNKEYED) == 0 &&
            is_meant(evict, &result, what)) {
            struct evicted found = {.key = result.key,
                                    .instance = str_dup(&evict->cli->arena, result.instance),
                                    .ours = digest_equal(&result.workspace, workspace)};

            VEC_PUSH(&evict->found, found);
        }
    }
    arena_fini(&arena);
}

static bool evict_has_prefix(const struct evict *evict, const struct result *result,
                             const void *what)
{
    char hex[DIGEST_HEX_BYTES + 1];

    (void)evict;
    return str_has_prefix(str_of(digest_hex(&result->key, hex)), *(const struct str *)what);
}

/* Several results may have one key; several keys are one too many. */
static bool evict_is_one_key(const struct evict *evict, struct str prefix, struct err *err)
{
    char hex[DIGEST_HEX_BYTES + 1];
    struct strbuf names = {0};
    uint32_t others = 0;

    VEC_EACH (found, &evict->found) {
        bool same = digest_equal(&found->key, &evict->found.items[0].key);

        others += !same;
        if ((!same || found == evict->found.items) && names.len < EVICT_SHOWN * 2 * EVICT_SHORT) {
            strbuf_printf(&names, "%s%.*s", names.len == 0 ? "" : ", ", 2 * EVICT_SHORT,
                          digest_hex(&found->key, hex));
        }
    }
    if (others != 0) {
        err_set(err, STATUS_USAGE, "key '%.*s': several begin so: %s", STR_ARG(prefix), names.data);
    }
    strbuf_fini(&names);
    return others == 0;
}

/* --- by stage --- */

static bool evict_is_selected(const struct evict *evict, const struct result *result,
                              const void *what)
{
    const struct session *session = evict->session;
    const struct lookup *names = what;
    uint32_t n = lookup_get(names, &session->plan.instances[0].name,
                            sizeof(session->plan.instances[0]), result->instance);

    return n != MAP_MISSING && digest_equal(&result->workspace, &session->workspace.id) &&
           str_equal(result->stage, session->plan.stages[session->plan.instances[n].stage.n].name);
}

static void evict_find_selected(struct evict *evict, const uint8_t *selected)
{
    const struct plan *plan = &evict->session->plan;
    struct lookup names;

    lookup_init(&names);
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        if (selected[i]) {
            lookup_put(&names, plan->instances[i].name, i);
        }
    }
    evict_find(evict, evict_is_selected, &names);
    lookup_fini(&names);
}

static bool evict_select(struct evict *evict, const char *word, struct err *err)
{
    uint8_t *selected =
        ARENA_ARRAY(&evict->cli->arena, uint8_t, evict->session->plan.instance_count);
    bool ok = targets_select(evict->session, word, selected, err);

    if (ok) {
        evict_find_selected(evict, selected);
    }
    return ok;
}

/* --- the command --- */

/* A word of hexadecimal digits that is the beginning of a key is one, whatever stages are called.
 */
static bool evict_take(struct evict *evict, const char *word, struct err *err)
{
    struct str prefix = str_of(word);

    if (evict_is_key(prefix)) {
        evict_find(evict, evict_has_prefix, &prefix);
        if (evict->found.count != 0) {
            return evict_is_one_key(evict, prefix, err);
        }
    }
    return evict_select(evict, word, err);
}

/* The last state says that all stands: it goes with the rows of the instances. */
static bool evict_forget(struct evict *evict, struct err *err)
{
    struct session *session = evict->session;

    VEC_EACH (found, &evict->found) {
        struct index_instance row;

        results_forget(session->results, &found->key);
        if (found->ours && index_instance(session->index, found->instance, &row)) {
            row.key = (struct digest){{0}};
            row.state = INDEX_NEVER;
            index_put_instance(session->index, found->instance, &row);
        }
    }
    return results_flush(session->results, err) && index_save(session->index, err);
}

bool evict_selected(struct cli *cli, struct session *session, const uint8_t *selected,
                    struct err *err)
{
    struct evict evict = {.cli = cli, .session = session};
    bool ok;

    evict_find_selected(&evict, selected);
    ok = evict.found.count == 0 || evict_forget(&evict, err);
    VEC_FREE(&evict.found);
    return ok;
}

static void evict_show(const struct evict *evict)
{
    char hex[DIGEST_HEX_BYTES + 1];

    VEC_EACH (found, &evict->found) {
        strbuf_printf(&evict->cli->out, "forgot %.*s of '%.*s'%s\n", EVICT_SHORT,
                      digest_hex(&found->key, hex), STR_ARG(found->instance),
                      found->ours ? "" : " of another workspace");
    }
    if (evict->found.count == 0) {
        strbuf_puts(&evict->cli->out, "nothing to forget: there is no result\n");
    }
}

int cmd_evict(struct cli *cli)
{
    struct place place;
    struct evict evict = {.cli = cli, .session = &place.session};
    struct err err = {0};
    int status = place_open(&place, cli, PLACE_PLAN, SESSION_CHANGE);

    if (status == STATUS_OK) {
        if (!evict_take(&evict, cli->operands.items[0], &err) ||
            (evict.found.count != 0 && !evict_forget(&evict, &err))) {
            status = cli_fail(&err);
        } else {
            evict_show(&evict);
        }
    }
    VEC_FREE(&evict.found);
    place_close(&place);
    return status;
}
