/* Owns the moves of a circuit breaker. */
#include "policy/breaker.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"

static const char *const breaker_names[] = {
    [BREAKER_CLOSED] = "closed", [BREAKER_OPEN] = "open", [BREAKER_HALF_OPEN] = "half-open"};

const char *breaker_state_name(enum breaker_state state)
{
    return breaker_names[state];
}

bool breaker_state_from_name(struct str name, enum breaker_state *state)
{
    for (unsigned i = 0; i < sizeof(breaker_names) / sizeof(breaker_names[0]); i++) {
        if (str_is(name, breaker_names[i])) {
            *state = (enum breaker_state)i;
            return true;
        }
    }
    return false;
}

void breaker_init(struct breaker *breaker, const struct plan_breaker *rule)
{
    *breaker = (struct breaker){.rule = rule};
}

void breaker_fini(struct breaker *breaker)
{
    free(breaker->calls);
    *breaker = (struct breaker){0};
}

/* --- the window --- */

static void breaker_forget_oldest(struct breaker *breaker)
{
    breaker->failed -= breaker->calls[breaker->first].failed;
    breaker->first = (breaker->first + 1) % breaker->cap;
    breaker->count--;
}

static void breaker_grow(struct breaker *breaker)
{
    uint32_t cap = breaker->cap == 0 ? 16 : breaker->cap * 2;
    struct breaker_call *calls;

    if (cap > LIMIT_BREAKER_CALLS) {
        cap = LIMIT_BREAKER_CALLS;
    }
    calls = mem_calloc(cap, sizeof(*calls));
    for (uint32_t i = 0; i < breaker->count; i++) {
        calls[i] = breaker->calls[(breaker->first + i) % breaker->cap];
    }
    free(breaker->calls);
    breaker->calls = calls;
    breaker->cap = cap;
    breaker->first = 0;
}

void breaker_remember(struct breaker *breaker, int64_t ended_ns, bool failed)
{
    if (breaker->count == LIMIT_BREAKER_CALLS) {
        breaker_forget_oldest(breaker);
    } else if (breaker->count == breaker->cap) {
        breaker_grow(breaker);
    }
    breaker->calls[(breaker->first + breaker->count++) % breaker->cap] =
        (struct breaker_call){ended_ns, failed};
    breaker->failed += failed;
}

/* Calls that ended `window` ago or earlier do not count any more. */
static void breaker_slide(struct breaker *breaker, int64_t now_ns)
{
    while (breaker->count != 0 &&
           now_ns - breaker->calls[breaker->first].ended_ns >= breaker->rule->window_ns) {
        breaker_forget_oldest(breaker);
    }
    for (uint32_t i = 0; i < breaker->count; i++) {
        struct breaker_call *call = &breaker->calls[(breaker->first + i) % breaker->cap];

        if (call->ended_ns <= now_ns) {
            break;
        }
        call->ended_ns = now_ns; /* the clock was set back */
    }
}

static void breaker_clear(struct breaker *breaker)
{
    breaker->first = breaker->count = breaker->failed = 0;
}

/* --- moves --- */

void breaker_set(struct breaker *breaker, enum breaker_state state, int64_t opened_ns)
{
    breaker->state = state;
    breaker->opened_ns = opened_ns;
}

static void breaker_move(struct breaker *breaker, enum breaker_state to, int64_t now_ns)
{
    breaker->state = to;
    breaker->moved = true;
    breaker->probing = false;
    if (to == BREAKER_OPEN) {
        breaker->opened_ns = now_ns;
        breaker->openings++;
    }
    breaker_clear(breaker);
}

enum breaker_answer breaker_ask(const struct breaker *breaker)
{
    if (breaker->state == BREAKER_CLOSED ||
        (breaker->state == BREAKER_HALF_OPEN && !breaker->probing)) {
        return BREAKER_CALL;
    }
    return breaker->rule->fails_when_open ? BREAKER_FAIL : BREAKER_WAIT;
}

uint32_t breaker_begin(struct breaker *breaker)
{
    if (breaker->state == BREAKER_HALF_OPEN) {
        breaker->probing = true;
    }
    return breaker->openings;
}

static void breaker_probe_ended(struct breaker *breaker, enum breaker_end end, int64_t now_ns)
{
    breaker->probing = false;
    if (end != BREAKER_NOT_COUNTED) {
        breaker_move(breaker, end == BREAKER_GOOD ? BREAKER_CLOSED : BREAKER_OPEN, now_ns);
    }
}

void breaker_end(struct breaker *breaker, uint32_t began, enum breaker_end end, int64_t now_ns)
{
    if (began != breaker->openings) {
        return;
    }
    if (breaker->state == BREAKER_HALF_OPEN) {
        breaker_probe_ended(breaker, end, now_ns);
        return;
    }
    if (end == BREAKER_NOT_COUNTED) {
        return;
    }
    breaker_slide(breaker, now_ns);
    breaker_remember(breaker, now_ns, end == BREAKER_FAILED);
    if (breaker->count >= breaker->rule->min_calls &&
        (double)breaker->failed / breaker->count >= breaker->rule->failure_ratio) {
        breaker_move(breaker, BREAKER_OPEN, now_ns);
    }
}

int64_t breaker_next_ns(const struct breaker *breaker, int64_t now_ns)
{
    int64_t opened_ns = breaker->opened_ns < now_ns ? breaker->opened_ns : now_ns;

    return breaker->state == BREAKER_OPEN ? opened_ns + breaker->rule->open_for_ns : INT64_MAX;
}

void breaker_tick(struct breaker *breaker, int64_t now_ns)
{
    if (breaker->state == BREAKER_OPEN && breaker->opened_ns > now_ns) {
        breaker->opened_ns = now_ns;
    }
    if (breaker_next_ns(breaker, now_ns) <= now_ns) {
        breaker_move(breaker, BREAKER_HALF_OPEN, now_ns);
    }
}

bool breaker_take_move(struct breaker *breaker)
{
    bool moved = breaker->moved;

    breaker->moved = false;
    return moved;
}

enum breaker_end breaker_judge(const struct plan_breaker *rule, bool failed, int64_t wall_ns)
{
    bool slow = rule->slow_call_ns != 0 && wall_ns > rule->slow_call_ns;

    return failed || slow ? BREAKER_FAILED : BREAKER_GOOD;
}
