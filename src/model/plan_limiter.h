#ifndef PAWL_MODEL_PLAN_LIMITER_H
#define PAWL_MODEL_PLAN_LIMITER_H
/* What plan_limits.c, plan_retry.c and plan_checkpoint.c share: texts of a stage, pool or breaker,
 * rendered and read as the types that the keys want. Each is false when that failed (reported); a
 * text that is not given leaves what is there. */
#include "model/plan_build.h"

struct plan_limiter {
    struct plan_build *build;
    const struct plan_stage *stage;
    const struct m_stage *source; /* what limits it: the stage, or a variant of it */
    struct plan_scope scope;      /* without an instance: of what `whose` says */
    struct str whose;
    VEC(struct plan_pool_use) pool_uses;
    VEC(struct plan_retry) retries;
    VEC(struct plan_stream) streams;
    VEC(struct plan_instance) owns;
};

bool plan_limit_fault(struct plan_limiter *limiter, const struct m_text *text, const char *key,
                      struct str rendered, const char *expected);
bool plan_limit_int(struct plan_limiter *limiter, const struct m_text *text, const char *key,
                    int64_t least, int64_t most, int64_t *number);
bool plan_limit_bool(struct plan_limiter *limiter, const struct m_text *text, const char *key,
                     bool *truth);
/* `zero`: may be no time at all. */
bool plan_limit_duration(struct plan_limiter *limiter, const struct m_text *text, const char *key,
                         bool zero, int64_t *duration_ns);

/* plan_retry.c */
bool plan_limit_retry(struct plan_limiter *limiter, struct plan_instance *inst);
bool plan_retry_is_constant(const struct m_stage *source);
void plan_limit_breakers(struct plan_limiter *limiter);
void plan_limit_retries_done(struct plan_limiter *limiter);

/* plan_stream.c: what the instance has by now of times, retries and breakers becomes that of its
 * items. */
bool plan_limit_stream(struct plan_limiter *limiter, struct plan_instance *inst);
bool plan_stream_is_constant(const struct m_stage *source);
void plan_limit_streams_done(struct plan_limiter *limiter);

/* plan_checkpoint.c */
bool plan_limit_checkpoint(struct plan_limiter *limiter, struct plan_instance *inst);
bool plan_checkpoint_is_constant(const struct m_stage *source);

#endif
