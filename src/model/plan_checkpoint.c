/* Owns `checkpoint` of instances. */
#include "model/plan_limiter.h"

#include "base/limits.h"

enum { CHECKPOINT_EVERY_S = 5 * 60, CHECKPOINT_KEEP = 2 };

bool plan_limit_checkpoint(struct plan_limiter *limiter, struct plan_instance *inst)
{
    const struct m_stage *source = limiter->source;
    const struct m_checkpoint *from = source->settings->checkpoint;
    int64_t keep = CHECKPOINT_KEEP;
    bool good;

    if (from == NULL || source->run_kind == M_RUN_NONE) {
        return true;
    }
    inst->checkpoint_every_ns = INT64_C(1000000000) * CHECKPOINT_EVERY_S;
    good = plan_limit_duration(limiter, &from->every, "checkpoint.every", true,
                               &inst->checkpoint_every_ns);
    good = plan_limit_int(limiter, &from->keep, "checkpoint.keep", 1, LIMIT_CHECKPOINTS, &keep) &&
           good;
    good = plan_limit_bool(limiter, &from->required, "checkpoint.required",
                           &inst->checkpoint_required) &&
           good;
    inst->checkpoints = (uint32_t)keep;
    if (!source->settings->on_pause.given) {
        inst->on_pause = PLAN_ON_PAUSE_STOP;
    }
    return good;
}

bool plan_checkpoint_is_constant(const struct m_stage *source)
{
    const struct m_checkpoint *checkpoint = source->settings->checkpoint;
    struct str constant;

    return checkpoint == NULL ||
           ((!checkpoint->every.given || template_is_literal(&checkpoint->every, &constant)) &&
            (!checkpoint->keep.given || template_is_literal(&checkpoint->keep, &constant)) &&
            (!checkpoint->required.given || template_is_literal(&checkpoint->required, &constant)));
}
