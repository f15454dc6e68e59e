/* Owns the question whether a key is known: which recorded results count, and what a depfile's
 * discoveries must still be. */
#include "base/hex.h"
#include "run/facts.h"

/* The output of an ancestor that a discovered path is, or lies below. */
static bool lookup_made_digest(struct facts *facts, struct str path, struct digest *digest,
                               bool *made)
{
    struct path_id id = plan_find_path(facts->plan, path);
    const struct plan_path *row;

    *made = false;
    if (id.n == PLAN_NONE || !inst_is_some(facts->plan->paths[id.n].producer)) {
        return false;
    }
    row = &facts->plan->paths[id.n];
    *made =
        facts->instances[row->producer.n].good && facts->outputs[row->output].state == OUTPUT_MADE;
    *digest = facts->outputs[row->output].digest;
    return true;
}

static bool lookup_discovered_holds(struct facts *facts, const struct result_input *input)
{
    struct digest digest;
    struct source_fact source;
    bool made;

    if (lookup_made_digest(facts, input->path, &digest, &made)) {
        return made && !input->missing && digest_equal(&digest, &input->digest);
    }
    if (!facts_regular_source(facts, input->path, &source, NULL)) {
        return false;
    }
    if (!source.exists) {
        return input->missing;
    }
    return !input->missing && digest_equal(&source.digest, &input->digest);
}

/* A result of another workspace or machine says nothing here unless the stage names its tools or
 * the manifest vouches for it. */
static bool lookup_is_ours(const struct facts *facts, const struct plan_instance *inst,
                           const struct result *result)
{
    const struct session *session = facts->session;
    const struct m_stage *stage = (result->flags & RESULT_FALLBACK) != 0
                                      ? facts->plan->stages[inst->stage.n].source
                                      : plan_source(facts->plan, inst);
    bool local = digest_equal(&result->workspace, &session->workspace.id) &&
                 digest_equal(&result->machine, &session->machine_digest);

    if (inst->last_only) {
        return local;
    }
    return local || stage->settings->tools_given || session->manifest.portable;
}

/* What the stage's own command made counts as long as that would make it again. */
static bool lookup_stands_in(struct facts *facts, const struct plan_instance *inst,
                             const struct result *result)
{
    const struct m_variant *variant = plan_variant(facts->plan, inst);
    struct inst_id instance = {(uint32_t)(inst - facts->plan->instances)};
    struct digest own;

    return variant != NULL && variant->fallback && inst->left != PLAN_LEFT_OUT &&
           facts_own_key(facts, instance, &own) &&
           str_equal(result_fallback(result), digest_str(&own, &facts->scratch));
}

static bool lookup_counts(struct facts *facts, const struct plan_instance *inst,
                          const struct result *result)
{
    if ((result->flags & RESULT_UNKEYED) != 0 || !lookup_is_ours(facts, inst, result) ||
        ((result->flags & RESULT_FALLBACK) != 0 && !lookup_stands_in(facts, inst, result))) {
        return false;
    }
    for (uint32_t i = 0; i < result->discovered_count; i++) {
        if (!lookup_discovered_holds(facts, &result->discovered[i])) {
            return false;
        }
    }
    /* Of a folder the tree must be there: what is in it is asked by whoever reads it. */
    for (uint32_t i = 0; i < result->output_count; i++) {
        if (result->outputs[i].kind == RESULT_FOLDER &&
            !objects_has(facts->session->objects, &result->outputs[i].digest)) {
            return false;
        }
    }
    return true;
}

/* Only its own last finished attempt in this workspace. */
static bool lookup_last(struct facts *facts, struct inst_id instance, const struct digest *declared,
                        struct arena *arena, struct result *result)
{
    const struct plan_instance *inst = &facts->plan->instances[instance.n];
    const struct session *session = facts->session;
    struct result_ref ref =
        results_find_last(session->results, facts->plan->stages[inst->stage.n].name, inst->name,
                          &session->workspace.id);

    return result_ref_is_some(ref) && results_read(session->results, ref, arena, result) &&
           digest_equal(&result->declared, declared) && lookup_counts(facts, inst, result);
}

bool facts_look_up(struct facts *facts, struct inst_id instance, const struct digest *declared,
                   struct arena *arena, struct result *result)
{
    const struct plan_instance *inst = &facts->plan->instances[instance.n];
    const struct session *session = facts->session;
    struct result_ref refs[RESULTS_PER_KEY];
    uint32_t count;

    /* What was undone does not count, also once the stage has no `compensate` any more. */
    if (session->results == NULL || effects_forget(&session->effects, inst->name)) {
        return false;
    }
    if (inst->last_only) {
        return lookup_last(facts, instance, declared, arena, result);
    }
    count = results_find_declared(session->results, declared, refs);
    for (uint32_t i = 0; i < count; i++) {
        if (results_read(session->results, refs[i], arena, result) &&
            lookup_counts(facts, inst, result)) {
            return true;
        }
    }
    return false;
}
