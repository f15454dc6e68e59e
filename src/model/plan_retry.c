/* Owns `retry` and `breaker` of instances, and the breakers themselves. Instances with the same
 * retries share a row. */
#include "model/plan_limiter.h"

#include "base/limits.h"
#include "model/number.h"

enum {
    RETRY_MAX = 3,
    RETRY_DELAY_S = 1,
    RETRY_MAX_DELAY_S = 60,
    BREAKER_WINDOW_S = 10,
    BREAKER_MIN_CALLS = 10,
    BREAKER_OPEN_FOR_S = 30
};

#define PLAN_NS_PER_S INT64_C(1000000000)

static bool plan_retry_equal(const struct plan_retry *a, const struct plan_retry *b)
{
    return a->max == b->max && a->backoff == b->backoff && a->delay_ns == b->delay_ns &&
           a->max_delay_ns == b->max_delay_ns && a->jitter == b->jitter && a->on == b->on &&
           a->exit_codes == b->exit_codes && a->exit_code_count == b->exit_code_count;
}

/* The last one is the likeliest to be the same. */
static uint32_t plan_retry_number(struct plan_limiter *limiter, const struct plan_retry *retry)
{
    size_t count = limiter->retries.count;

    if (count == 0) {
        VEC_PUSH(&limiter->retries, (struct plan_retry){0});
        count = 1;
    }
    if (!plan_retry_equal(&limiter->retries.items[count - 1], retry)) {
        VEC_PUSH(&limiter->retries, *retry);
        count++;
    }
    return (uint32_t)count - 1;
}

static uint32_t plan_breaker_number(const struct manifest *manifest, const struct m_stage *source)
{
    const struct m_breaker *breaker =
        source->settings->breaker.name.len != 0
            ? manifest_breaker(manifest, source->settings->breaker.name)
            : NULL;

    return breaker != NULL ? (uint32_t)(breaker - manifest->breakers) + 1 : 0;
}

bool plan_limit_retry(struct plan_limiter *limiter, struct plan_instance *inst)
{
    const struct m_stage *source = limiter->source;
    const struct m_retry *from = source->settings->retry;
    struct plan_retry retry = {.delay_ns = RETRY_DELAY_S * PLAN_NS_PER_S,
                               .max_delay_ns = RETRY_MAX_DELAY_S * PLAN_NS_PER_S,
                               .jitter = true};
    int64_t max = RETRY_MAX;
    bool good;

    inst->breaker = plan_breaker_number(limiter->build->manifest, source);
    inst->recovers = source->settings->recover != NULL;
    inst->retry = 0;
    if (from == NULL && inst->recovers) {
        retry = (struct plan_retry){.max = 1,
                                    .on = RETRY_ON_EXIT | RETRY_ON_TIMEOUT | RETRY_ON_SIGNAL |
                                          RETRY_ON_OOM | RETRY_ON_OUTPUT};
        inst->retry = plan_retry_number(limiter, &retry);
    }
    if (from == NULL) {
        return true;
    }
    good = plan_limit_int(limiter, &from->max, "retry.max", 0, LIMIT_RETRIES, &max);
    good = plan_limit_duration(limiter, &from->delay, "retry.delay", true, &retry.delay_ns) && good;
    good = plan_limit_duration(limiter, &from->max_delay, "retry.max_delay", true,
                               &retry.max_delay_ns) &&
           good;
    good = plan_limit_bool(limiter, &from->jitter, "retry.jitter", &retry.jitter) && good;
    retry.max = (uint32_t)max;
    retry.backoff = from->backoff;
    retry.on = from->on;
    retry.exit_codes = from->exit_codes;
    retry.exit_code_count = from->exit_code_count;
    inst->retry = good ? plan_retry_number(limiter, &retry) : 0;
    return good;
}

bool plan_retry_is_constant(const struct m_stage *source)
{
    const struct m_retry *retry = source->settings->retry;
    struct str constant;

    return retry == NULL ||
           ((!retry->max.given || template_is_literal(&retry->max, &constant)) &&
            (!retry->delay.given || template_is_literal(&retry->delay, &constant)) &&
            (!retry->max_delay.given || template_is_literal(&retry->max_delay, &constant)) &&
            (!retry->jitter.given || template_is_literal(&retry->jitter, &constant)));
}

void plan_limit_retries_done(struct plan_limiter *limiter)
{
    struct plan *plan = limiter->build->plan;

    plan->retry_count = (uint32_t)limiter->retries.count;
    plan->retries = ARENA_ARRAY(limiter->build->arena, struct plan_retry,
                                plan->retry_count != 0 ? plan->retry_count : 1);
    for (uint32_t i = 0; i < plan->retry_count; i++) {
        plan->retries[i] = limiter->retries.items[i];
    }
    VEC_FREE(&limiter->retries);
}

/* --- breakers --- */

static bool plan_breaker_ratio(struct plan_limiter *limiter, const struct m_text *text,
                               double *ratio)
{
    struct str rendered;
    int64_t whole;

    if (!text->given) {
        return true;
    }
    if (!plan_render(limiter->build, &limiter->scope, text, &rendered)) {
        return false;
    }
    if (number_parse_int(rendered, &whole)) {
        *ratio = (double)whole;
    } else if (!number_parse_float(rendered, ratio)) {
        *ratio = 0;
    }
    return (*ratio > 0 && *ratio <= 1) || plan_limit_fault(limiter, text, "failure_ratio", rendered,
                                                           "a number above 0 and at most 1");
}

static bool plan_breaker_when_open(struct plan_limiter *limiter, const struct m_text *text,
                                   bool *fails)
{
    struct str rendered;

    if (!text->given) {
        return true;
    }
    if (!plan_render(limiter->build, &limiter->scope, text, &rendered)) {
        return false;
    }
    *fails = str_is(rendered, "fail");
    return *fails || str_is(rendered, "wait") ||
           plan_limit_fault(limiter, text, "when_open", rendered, "'wait' or 'fail'");
}

static void plan_limit_breaker(struct plan_limiter *limiter, const struct m_breaker *from,
                               struct plan_breaker *breaker)
{
    int64_t min_calls = BREAKER_MIN_CALLS;

    *breaker = (struct plan_breaker){.name = from->name,
                                     .failure_ratio = 0.5,
                                     .window_ns = BREAKER_WINDOW_S * PLAN_NS_PER_S,
                                     .open_for_ns = BREAKER_OPEN_FOR_S * PLAN_NS_PER_S};
    plan_breaker_ratio(limiter, &from->failure_ratio, &breaker->failure_ratio);
    plan_limit_duration(limiter, &from->window, "window", false, &breaker->window_ns);
    plan_limit_duration(limiter, &from->open_for, "open_for", false, &breaker->open_for_ns);
    plan_limit_duration(limiter, &from->slow_call, "slow_call", false, &breaker->slow_call_ns);
    plan_limit_int(limiter, &from->min_calls, "min_calls", 1, LIMIT_BREAKER_CALLS, &min_calls);
    plan_breaker_when_open(limiter, &from->when_open, &breaker->fails_when_open);
    breaker->min_calls = (uint32_t)min_calls;
}

void plan_limit_breakers(struct plan_limiter *limiter)
{
    const struct manifest *manifest = limiter->build->manifest;
    struct plan *plan = limiter->build->plan;

    plan->breaker_count = manifest->breaker_count;
    plan->breakers =
        ARENA_ARRAY(limiter->build->arena, struct plan_breaker, manifest->breaker_count);
    for (uint32_t i = 0; i < manifest->breaker_count; i++) {
        limiter->whose = str_printf(&limiter->build->scratch, "breaker '%.*s'",
                                    STR_ARG(manifest->breakers[i].name));
        plan_limit_breaker(limiter, &manifest->breakers[i], &plan->breakers[i]);
    }
}
