#ifndef PAWL_POLICY_BREAKER_H
#define PAWL_POLICY_BREAKER_H
/* A circuit breaker: calls of something that fails are stopped for a while (Nygard, "Release It!").
 * Pure.
 *
 * Closed: every call is let through, and remembered when it ends, as good or failed. When at least
 * `min_calls` ended in the last `window` and the share of failed ones is `failure_ratio` or more,
 * it opens. Open: no call, for `open_for`. Then half-open: one call, the probe; good closes it,
 * failed opens it again for `open_for`. A call that began before it opened does not move it when it
 * ends.
 *
 * Times are nanoseconds since 1970, because the state outlives the process; a clock that was set
 * back makes what lies in the future count as now, so that it never opens for longer than
 * `open_for`. At most LIMIT_BREAKER_CALLS calls are remembered, the last ones.
 *
 * Order of calls: breaker_ask; if the answer is BREAKER_CALL, breaker_begin; breaker_end when the
 * call has ended. breaker_tick when breaker_next_ns has come.
 */
#include "model/plan.h"

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

enum breaker_end {
    BREAKER_GOOD,
    BREAKER_FAILED,
    BREAKER_NOT_COUNTED /* cancelled or paused */
};

struct breaker_call {
    int64_t ended_ns;
    bool failed;
};

struct breaker {
    const struct plan_breaker *rule;
    enum breaker_state state;
    int64_t opened_ns;          /* OPEN, HALF_OPEN: when it opened */
    struct breaker_call *calls; /* a ring, oldest first from `first` */
    uint32_t first, count, cap, failed;
    bool probing;      /* HALF_OPEN: the probe is under way */
    uint32_t openings; /* calls that began before the last one do not count */
    bool moved;        /* its state changed since breaker_take_move() */
};

void breaker_init(struct breaker *breaker, const struct plan_breaker *rule);
void breaker_fini(struct breaker *breaker);

enum breaker_answer { BREAKER_CALL, BREAKER_WAIT, BREAKER_FAIL };
enum breaker_answer breaker_ask(const struct breaker *breaker);
/* A call begins. The answer goes to breaker_end. */
uint32_t breaker_begin(struct breaker *breaker);
void breaker_end(struct breaker *breaker, uint32_t began, enum breaker_end end, int64_t now_ns);
/* Open becomes half-open when its time has come. */
void breaker_tick(struct breaker *breaker, int64_t now_ns);
/* When that is; INT64_MAX: never. */
int64_t breaker_next_ns(const struct breaker *breaker, int64_t now_ns);
/* Whether it moved since the last call. */
bool breaker_take_move(struct breaker *breaker);
/* How an end counts: a success that took longer than `slow_call` failed. */
enum breaker_end breaker_judge(const struct plan_breaker *rule, bool failed, int64_t wall_ns);
/* Of what earlier runs left; see store/breakers.h. */
void breaker_remember(struct breaker *breaker, int64_t ended_ns, bool failed);
void breaker_set(struct breaker *breaker, enum breaker_state state, int64_t opened_ns);

/* "closed", "open", "half-open" */
const char *breaker_state_name(enum breaker_state state);
bool breaker_state_from_name(struct str name, enum breaker_state *state);

#endif
