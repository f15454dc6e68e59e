/* Owns how an instance leaves its variant for its stage's own command: recorded first, then done in
 * the plan, then decided anew like any other. A result that stands in for the variant's is found
 * under the variant's key; one that was made because the breaker was open is the own command's, so
 * the next run asks the variant again. */
#include "run/engine_turn.h"

#include "policy/variant.h"

struct str engine_variant(const struct engine *engine, struct inst_id instance)
{
    const struct plan_instance *inst = &engine->plan->instances[instance.n];

    return inst->variant != 0 && inst->left == PLAN_STAYS ? plan_variant(engine->plan, inst)->name
                                                          : STR("");
}

bool engine_may_leave(const struct engine *engine, struct inst_id instance, enum cause cause)
{
    const struct plan_instance *inst = &engine->plan->instances[instance.n];

    return engine->stop == ENGINE_GOES && plan_may_leave(engine->plan, inst) &&
           variant_gives_way(plan_variant(engine->plan, inst), cause);
}

static void variant_leave(struct engine *engine, struct inst_id instance, enum plan_left how,
                          enum cause cause, struct str reason)
{
    struct event event = engine_event(engine, EVENT_VARIANT_LEFT, instance);

    event.attempt = engine->recorder->state.instances[instance.n].attempts;
    event.variant = engine_variant(engine, instance);
    event.cause = str_of(cause_name(cause));
    event.reason = reason;
    recorder_emit(engine->recorder, &event);
    engine->world.leave_variant(engine->world.ctx, instance, how);
}

void engine_leave_failed(struct engine *engine, struct inst_id instance, enum cause cause,
                         struct str reason)
{
    variant_leave(engine, instance, PLAN_LEFT_FAILED, cause, reason);
    engine->again[engine->again_count++] = instance;
}

bool engine_may_leave_out(const struct engine *engine, struct inst_id instance)
{
    const struct plan_instance *inst = &engine->plan->instances[instance.n];

    return plan_may_leave(engine->plan, inst) && plan_variant(engine->plan, inst)->breaks;
}

void engine_leave_out(struct engine *engine, struct inst_id instance, struct str reason)
{
    variant_leave(engine, instance, PLAN_LEFT_OUT, CAUSE_BREAKER, reason);
}

void engine_leave_again(struct engine *engine)
{
    const struct run_state *state = &engine->recorder->state;

    for (uint32_t i = 0; i < engine->plan->instance_count && i < state->instance_count; i++) {
        if (inst_told(&state->instances[i])->left &&
            plan_may_leave(engine->plan, &engine->plan->instances[i])) {
            engine->world.leave_variant(engine->world.ctx, (struct inst_id){i}, PLAN_LEFT_FAILED);
        }
    }
}
