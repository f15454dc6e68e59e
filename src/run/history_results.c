/* Owns the way from the word of a record to a result. */
#include "run/history_inside.h"

#include "base/hex.h"

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

void past_take(struct past *past, struct result_ref ref, const struct result *result,
               struct str said_by)
{
    past->known = true;
    past->ref = ref;
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
        past_take(&historian->history->items[item], ref, result, seen->run);
    } else {
        historian->near[item] = result;
    }
}

/* Was this adopted between what was heard of an instance and the run? */
static bool historian_was_adopted(const struct historian *historian, uint32_t item,
                                  const struct result *result)
{
    return historian->was_up_to_date[item] && (result->flags & RESULT_ADOPTED) != 0 &&
           digest_equal(&result->workspace, &historian->session->workspace.id) &&
           result->ended_ns < historian->started_ns &&
           result->ended_ns > historian->seen[item].time_ns;
}

static void historian_offer(struct historian *historian, uint32_t item, struct result_ref ref,
                            const struct result *result)
{
    struct past *past = &historian->history->items[item];
    const struct seen *seen = &historian->seen[item];

    if (historian_was_adopted(historian, item, result)) {
        past_take(past, ref, result, STR_NONE);
    } else if (!past->known && seen->time_ns != 0 && seen->outputs.count != 0 &&
               history_agrees(result, &seen->outputs)) {
        past_take(past, ref, result, seen->run);
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
            historian_offer(historian, item, ref, &result);
        }
    }
    arena_fini(&scratch);
}

/* The bytes that the record names, as the newest result of the same key describes them. */
static void historian_redate(struct historian *historian, uint32_t item)
{
    struct past *past = &historian->history->items[item];

    if (!past->known && historian->near[item] != NULL) {
        past_take(past, (struct result_ref){RESULT_NONE}, historian->near[item],
                  historian->seen[item].run);
        past->known = history_redate(&past->result, &historian->seen[item].outputs);
    }
}

void historian_find_all(struct historian *historian)
{
    struct history *history = historian->history;
    struct map open;

    map_init(&open);
    for (uint32_t i = 0; i < history->count; i++) {
        if (!history->items[i].known) {
            historian_find(historian, i);
        }
        if (!history->items[i].known || historian->was_up_to_date[i]) {
            map_put(&open, history->items[i].instance, i);
        }
    }
    if (open.count != 0) {
        historian_search(historian, &open);
    }
    map_fini(&open);
    for (uint32_t i = 0; i < history->count; i++) {
        historian_redate(historian, i);
    }
}
