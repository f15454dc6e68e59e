/* Owns what a run does about the effects of earlier ones, and about its own once all went well. */
#include "cmd/run_call.h"

static bool effect_has_stage(const struct run_call *call, const struct effect *row)
{
    return inst_is_some(plan_find_instance(&call->session.plan, row->instance));
}

/* It is unknown how much of it was done, and its stage is gone: no further attempt will ask. */
static bool effect_is_left(const struct run_call *call, const struct effect *row)
{
    return (row->state == EFFECT_RUNS || row->state == EFFECT_FAILED) && !row->condemned &&
           cli_asks_for_all(call->cli) && !effect_has_stage(call, row);
}

bool run_effects_wait(const struct run_call *call)
{
    const struct effects *effects = &call->session.effects;

    if (effects_count(effects, true) != 0) {
        return true;
    }
    VEC_EACH (row, &effects->rows) {
        if (effect_is_left(call, row)) {
            return true;
        }
    }
    return false;
}

bool run_effects_take(struct run_call *call, struct err *err)
{
    struct effects *effects = &call->session.effects;

    VEC_EACH (row, &effects->rows) {
        if (effect_is_left(call, row) && !effects_condemn(effects, row->id, err)) {
            return false;
        }
    }
    return true;
}

/* What was undone is remembered until it is done again: by a stage that has `compensate` no more,
 * its start did not say so. A run without work has no states. */
static bool effect_is_redone(const struct run_call *call, struct inst_id instance)
{
    const struct run_state *state = &call->recorder.state;

    return instance.n < state->instance_count && state->instances[instance.n].state == INST_DONE;
}

/* One that would count again; a mark that an attempt began is none. */
static bool effect_has_result(struct run_call *call, const struct effect *row)
{
    struct session *session = &call->session;
    struct result_ref ref =
        results_find_last(session->results, row->stage, row->instance, &session->workspace.id);
    struct result result;

    return result_ref_is_some(ref) &&
           results_read(session->results, ref, &session->arena, &result) &&
           (result.flags & RESULT_UNKEYED) == 0;
}

static bool effect_is_covered(void *ctx, const struct effect *row)
{
    struct run_call *call = ctx;
    struct inst_id instance = plan_find_instance(&call->session.plan, row->instance);

    if (row->state == EFFECT_UNDONE && effect_has_result(call, row)) {
        return effect_is_redone(call, instance);
    }
    return inst_is_some(instance) ? call->request.scope[instance.n] != 0
                                  : cli_asks_for_all(call->cli);
}

bool run_effects_release(struct run_call *call, struct err *err)
{
    struct effects *effects = &call->session.effects;

    return effects->rows.count == 0 || effects_release(effects, effect_is_covered, call, err);
}
