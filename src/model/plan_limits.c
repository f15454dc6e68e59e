/* Owns how an instance runs, read as the types that the keys want: times, memory, cores, pools,
 * priority, and what its result is worth. What needs no rendering is read once a stage. */
#include "model/plan_limiter.h"

#include "base/limits.h"
#include "base/units.h"
#include "model/number.h"

enum {
    PLAN_GRACE_S = 10,
    PLAN_ALWAYS_TIMEOUT_S = 5 * 60,
    PLAN_LOG_MAX_BYTES = 64 << 20,
    PLAN_LOG_LEAST_BYTES = 1 << 10
};

bool plan_limit_fault(struct plan_limiter *limiter, const struct m_text *text, const char *key,
                      struct str rendered, const char *expected)
{
    const struct plan_instance *inst = limiter->scope.inst;
    struct str whose = inst != NULL ? plan_whose(limiter->build, inst) : limiter->whose;

    diag_error(limiter->build->diags, text->span, NULL, "'%s' of %.*s is '%.*s', but must be %s",
               key, STR_ARG(whose), STR_ARG(rendered), expected);
    return false;
}

bool plan_limit_int(struct plan_limiter *limiter, const struct m_text *text, const char *key,
                    int64_t least, int64_t most, int64_t *number)
{
    struct str rendered;

    if (!text->given) {
        return true;
    }
    if (!plan_render(limiter->build, &limiter->scope, text, &rendered)) {
        return false;
    }
    if (!number_parse_int(rendered, number) || *number < least || *number > most) {
        return plan_limit_fault(limiter, text, key, rendered,
                                str_printf(&limiter->build->scratch, "an integer from %lld to %lld",
                                           (long long)least, (long long)most)
                                    .data);
    }
    return true;
}

bool plan_limit_bool(struct plan_limiter *limiter, const struct m_text *text, const char *key,
                     bool *truth)
{
    struct str rendered;

    if (!text->given) {
        return true;
    }
    if (!plan_render(limiter->build, &limiter->scope, text, &rendered)) {
        return false;
    }
    *truth = str_is(rendered, "true");
    return *truth || str_is(rendered, "false") ||
           plan_limit_fault(limiter, text, key, rendered, "true or false");
}

bool plan_limit_duration(struct plan_limiter *limiter, const struct m_text *text, const char *key,
                         bool zero, int64_t *duration_ns)
{
    enum units_problem problem;
    struct str rendered;

    if (!text->given) {
        return true;
    }
    if (!plan_render(limiter->build, &limiter->scope, text, &rendered)) {
        return false;
    }
    problem = duration_parse(rendered, duration_ns);
    if (problem != UNITS_FINE) {
        return plan_limit_fault(
            limiter, text, key, rendered,
            str_printf(&limiter->build->scratch, "a duration: %s", duration_problem(problem)).data);
    }
    return zero || *duration_ns != 0 ||
           plan_limit_fault(limiter, text, key, rendered, "longer than nothing");
}

static bool plan_limit_size(struct plan_limiter *limiter, const struct m_text *text,
                            const char *key, int64_t least_bytes, const char *least,
                            uint64_t *bytes)
{
    enum units_problem problem;
    struct str rendered;
    int64_t size_bytes;

    if (!text->given) {
        return true;
    }
    if (!plan_render(limiter->build, &limiter->scope, text, &rendered)) {
        return false;
    }
    problem = size_parse(rendered, &size_bytes);
    if (problem != UNITS_FINE) {
        return plan_limit_fault(
            limiter, text, key, rendered,
            str_printf(&limiter->build->scratch, "a size: %s", size_problem(problem)).data);
    }
    *bytes = (uint64_t)size_bytes;
    return size_bytes >= least_bytes || plan_limit_fault(limiter, text, key, rendered, least);
}

static bool plan_limit_cpu(struct plan_limiter *limiter, const struct m_text *text, uint16_t *cpu)
{
    struct str rendered;
    int64_t number;

    *cpu = 1;
    if (!text->given) {
        return true;
    }
    if (!plan_render(limiter->build, &limiter->scope, text, &rendered)) {
        return false;
    }
    if (str_is(rendered, "all")) {
        *cpu = PLAN_CPU_ALL;
        return true;
    }
    if (!number_parse_int(rendered, &number) || number < 1 || number > LIMIT_JOBS) {
        return plan_limit_fault(limiter, text, "cpu", rendered, "a number of cores or 'all'");
    }
    *cpu = (uint16_t)number;
    return true;
}

static bool plan_limit_failure(struct plan_limiter *limiter, const struct m_text *text,
                               bool *ignore)
{
    struct str rendered;

    if (!text->given) {
        return true;
    }
    if (!plan_render(limiter->build, &limiter->scope, text, &rendered)) {
        return false;
    }
    *ignore = str_is(rendered, "ignore");
    return *ignore || str_is(rendered, "stop") ||
           plan_limit_fault(limiter, text, "on_failure", rendered, "'stop' or 'ignore'");
}

static bool plan_limit_pause(struct plan_limiter *limiter, const struct m_text *text,
                             struct plan_instance *inst)
{
    static const char *const names[] = {[PLAN_ON_PAUSE_FINISH] = "finish",
                                        [PLAN_ON_PAUSE_FREEZE] = "freeze",
                                        [PLAN_ON_PAUSE_STOP] = "stop"};
    struct str rendered;

    if (!text->given) {
        return true;
    }
    if (!plan_render(limiter->build, &limiter->scope, text, &rendered)) {
        return false;
    }
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (str_is(rendered, names[i])) {
            inst->on_pause = (uint8_t)i;
            return true;
        }
    }
    return plan_limit_fault(limiter, text, "on_pause", rendered, "'finish', 'freeze' or 'stop'");
}

/* --- pools --- */

static bool plan_limit_pools(struct plan_limiter *limiter, struct plan_instance *inst)
{
    const struct m_stage *source = limiter->source;
    const struct manifest *manifest = limiter->build->manifest;

    inst->pools_first = (uint32_t)limiter->pool_uses.count;
    for (uint32_t i = 0; i < source->settings->pool_count; i++) {
        const struct m_pool *pool = manifest_pool(manifest, source->settings->pools[i].name);
        int64_t slots = 1;

        if (pool == NULL) {
            diag_error(limiter->build->diags, source->settings->pools[i].span, NULL,
                       "'pool' of stage '%.*s' names '%.*s', which is no pool",
                       STR_ARG(source->name), STR_ARG(source->settings->pools[i].name));
            return false;
        }
        if (!plan_limit_int(limiter, &source->settings->pools[i].slots, "pool", 1, LIMIT_JOBS,
                            &slots)) {
            return false;
        }
        VEC_PUSH(&limiter->pool_uses,
                 ((struct plan_pool_use){(uint32_t)(pool - manifest->pools), (uint32_t)slots}));
    }
    inst->pool_count = source->settings->pool_count;
    return true;
}

static void plan_limit_pool_slots(struct plan_limiter *limiter)
{
    const struct manifest *manifest = limiter->build->manifest;
    struct plan *plan = limiter->build->plan;

    plan->pool_slots = ARENA_ARRAY(limiter->build->arena, uint32_t, manifest->pool_count);
    for (uint32_t i = 0; i < manifest->pool_count; i++) {
        int64_t slots = 1;

        if (plan_limit_int(limiter, &manifest->pools[i].slots, "slots", 1, LIMIT_JOBS, &slots)) {
            plan->pool_slots[i] = (uint32_t)slots;
        }
    }
}

/* --- what a result is worth --- */

static bool plan_has_persist(const struct m_stage *source)
{
    for (uint32_t i = 0; i < source->output_count; i++) {
        if (source->outputs[i].persist) {
            return true;
        }
    }
    return false;
}

static void plan_limit_worth(const struct m_stage *source, bool cache, struct plan_instance *inst)
{
    bool reads = source->input_count != 0 || source->settings->std_in.given ||
                 source->settings->each != NULL;
    bool writes = source->output_count != 0 || source->settings->std_out.given;
    bool runs = source->run_kind != M_RUN_NONE;

    inst->always = runs && source->settings->always;
    inst->no_cache = runs && (!cache || inst->always || (!reads && !writes));
    inst->compensates = runs && source->settings->compensate != NULL;
    inst->last_only = runs && ((reads && !writes) || inst->compensates || plan_has_persist(source));
}

/* --- instances --- */

static bool plan_limit_instance(struct plan_limiter *limiter, struct plan_instance *inst)
{
    const struct m_stage *source = limiter->source;
    const struct m_text *grace =
        source->settings->grace.given ? &source->settings->grace : &limiter->build->manifest->grace;
    bool cache = true;
    int64_t priority = 0;
    bool good;

    inst->grace_ns = (int64_t)PLAN_GRACE_S * 1000000000;
    inst->log_max_bytes = PLAN_LOG_MAX_BYTES;
    good = plan_limit_duration(limiter, &source->settings->timeout, "timeout", false,
                               &inst->timeout_ns);
    good = plan_limit_duration(limiter, grace, "grace", true, &inst->grace_ns) && good;
    good = plan_limit_size(limiter, &source->settings->memory, "memory", 1, "more than nothing",
                           &inst->memory_bytes) &&
           good;
    good = plan_limit_size(limiter, &source->settings->log_max, "log_max", PLAN_LOG_LEAST_BYTES,
                           "1K at least", &inst->log_max_bytes) &&
           good;
    good = plan_limit_cpu(limiter, &source->settings->cpu, &inst->cpu) && good;
    good = plan_limit_int(limiter, &source->settings->priority, "priority", -1000000, 1000000,
                          &priority) &&
           good;
    good = plan_limit_bool(limiter, &source->settings->cache, "cache", &cache) && good;
    good = plan_limit_bool(limiter, &source->settings->tty, "tty", &inst->tty) && good;
    good =
        plan_limit_failure(limiter, &source->settings->on_failure, &inst->ignore_failure) && good;
    good = plan_limit_pause(limiter, &source->settings->on_pause, inst) && good;
    good = plan_limit_pools(limiter, inst) && good;
    good = plan_limit_retry(limiter, inst) && good;
    good = plan_limit_checkpoint(limiter, inst) && good;
    good = plan_limit_stream(limiter, inst) && good;
    inst->priority = (int32_t)priority;
    plan_limit_worth(limiter->stage->source, cache, inst);
    if (inst->always && inst->timeout_ns == 0) {
        inst->timeout_ns = (int64_t)PLAN_ALWAYS_TIMEOUT_S * 1000000000;
    }
    return good;
}

static bool plan_limits_are_constant(const struct m_stage *source)
{
    const struct m_text *texts[] = {&source->settings->timeout,
                                    &source->settings->grace,
                                    &source->settings->memory,
                                    &source->settings->cpu,
                                    &source->settings->tty,
                                    &source->settings->priority,
                                    &source->settings->on_failure,
                                    &source->settings->cache,
                                    &source->settings->on_pause,
                                    &source->settings->log_max,
                                    NULL};
    struct str constant;

    for (const struct m_text *const *text = texts; *text != NULL; text++) {
        if ((*text)->given && !template_is_literal(*text, &constant)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < source->settings->pool_count; i++) {
        const struct m_text *slots = &source->settings->pools[i].slots;

        if (slots->given && !template_is_literal(slots, &constant)) {
            return false;
        }
    }
    return plan_retry_is_constant(source) && plan_stream_is_constant(source) &&
           plan_checkpoint_is_constant(source);
}

static void plan_limits_copy(const struct plan_instance *from, struct plan_instance *to)
{
    to->always = from->always;
    to->no_cache = from->no_cache;
    to->last_only = from->last_only;
    to->compensates = from->compensates;
    to->ignore_failure = from->ignore_failure;
    to->tty = from->tty;
    to->on_pause = from->on_pause;
    to->cpu = from->cpu;
    to->priority = from->priority;
    to->memory_bytes = from->memory_bytes;
    to->log_max_bytes = from->log_max_bytes;
    to->timeout_ns = from->timeout_ns;
    to->grace_ns = from->grace_ns;
    to->pools_first = from->pools_first;
    to->pool_count = from->pool_count;
    to->retry = from->retry;
    to->recovers = from->recovers;
    to->breaker = from->breaker;
    to->stream = from->stream;
    to->checkpoints = from->checkpoints;
    to->checkpoint_required = from->checkpoint_required;
    to->checkpoint_every_ns = from->checkpoint_every_ns;
}

/* How it runs once it left its variant. */
static bool plan_limit_own(struct plan_limiter *limiter, struct plan_instance *inst)
{
    struct plan_instance own = *inst;

    limiter->source = limiter->stage->source;
    own.left = PLAN_LEFT_OUT;
    if (!plan_limit_instance(limiter, &own)) {
        return false;
    }
    VEC_PUSH(&limiter->owns, own);
    inst->own = (uint32_t)limiter->owns.count;
    return true;
}

void plan_leave_variant(struct plan *plan, struct inst_id instance, enum plan_left how)
{
    struct plan_instance *inst = &plan->instances[instance.n];

    plan_limits_copy(&plan->owns[inst->own - 1], inst);
    inst->left = (uint8_t)how;
}

static void plan_limit_stage(struct plan_limiter *limiter, struct plan_instance *instances)
{
    const struct plan *plan = limiter->build->plan;
    bool constant = limiter->stage->source->settings->variants == NULL &&
                    plan_limits_are_constant(limiter->stage->source);

    for (uint32_t i = 0; i < limiter->stage->instance_count; i++) {
        if (i > 0 && constant) {
            plan_limits_copy(&instances[0], &instances[i]);
            continue;
        }
        arena_reset(&limiter->build->scratch);
        limiter->scope.inst = &instances[i];
        if (plan_may_leave(plan, &instances[i]) && !plan_limit_own(limiter, &instances[i])) {
            return;
        }
        limiter->source = plan_source(plan, &instances[i]);
        if (!plan_limit_instance(limiter, &instances[i])) {
            return;
        }
    }
}

void plan_make_limits(struct plan_build *build)
{
    struct plan *plan = build->plan;
    struct plan_limiter limiter = {.build = build, .scope = {.plan = plan}, .whose = STR("a pool")};

    plan_limit_pool_slots(&limiter);
    plan_limit_breakers(&limiter);
    limiter.scope.phase = PLAN_PHASE_REST;
    for (uint32_t i = 0; i < plan->stage_count; i++) {
        limiter.stage = &plan->stages[i];
        limiter.scope.stage = plan->stages[i].source;
        plan_limit_stage(&limiter, plan->instances + plan->stages[i].instances_first);
    }
    plan->pool_use_count = (uint32_t)limiter.pool_uses.count;
    plan->pool_uses = ARENA_ARRAY(build->arena, struct plan_pool_use, limiter.pool_uses.count);
    for (size_t i = 0; i < limiter.pool_uses.count; i++) {
        plan->pool_uses[i] = limiter.pool_uses.items[i];
    }
    VEC_FREE(&limiter.pool_uses);
    plan->own_count = (uint32_t)limiter.owns.count;
    plan->owns = ARENA_ARRAY(build->arena, struct plan_instance, limiter.owns.count);
    for (size_t i = 0; i < limiter.owns.count; i++) {
        plan->owns[i] = limiter.owns.items[i];
    }
    VEC_FREE(&limiter.owns);
    plan_limit_retries_done(&limiter);
    plan_limit_streams_done(&limiter);
}
