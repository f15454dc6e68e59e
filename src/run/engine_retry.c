/* Owns what waits for a time or a breaker: attempts to be made again, and instances whose circuit
 * breaker lets nothing through. What waits holds no slot; when its time has come it is decided anew
 * and is ready like any other. */
#include "run/engine_turn.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "policy/retry.h"

static const struct plan_retry *retry_of(const struct engine *engine, struct inst_id instance)
{
    return &engine->plan->retries[engine->plan->instances[instance.n].retry];
}

static struct engine_breaker *breaker_of(const struct engine *engine, struct inst_id instance)
{
    uint32_t number = engine->plan->instances[instance.n].breaker;

    return number != 0 && engine->breakers != NULL ? &engine->breakers[number - 1] : NULL;
}

static int64_t retry_real_ns(const struct engine *engine)
{
    return clock_real_ns(engine->recorder->session->clock);
}

void engine_retry_init(struct engine *engine)
{
    uint32_t count = engine->options.breakers != NULL ? engine->plan->breaker_count : 0;

    if (count == 0) {
        return;
    }
    engine->breakers = mem_calloc(count, sizeof(*engine->breakers));
    for (uint32_t i = 0; i < count; i++) {
        engine->breakers[i].breaker = &engine->options.breakers[i];
        engine->breakers[i].woken.n = PLAN_NONE;
    }
}

void engine_retry_fini(struct engine *engine)
{
    for (uint32_t i = 0; engine->breakers != NULL && i < engine->plan->breaker_count; i++) {
        free(engine->breakers[i].waiting);
    }
    free(engine->breakers);
    free(engine->recoveries);
    free(engine->retries);
}

/* --- what waits for a time: a heap, the earliest first --- */

static bool wait_before(const struct engine_wait *a, const struct engine_wait *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->instance.n < b->instance.n;
}

static void wait_swap(struct engine *engine, uint32_t a, uint32_t b)
{
    struct engine_wait kept = engine->retries[a];

    engine->retries[a] = engine->retries[b];
    engine->retries[b] = kept;
}

static void wait_up(struct engine *engine, uint32_t at)
{
    while (at > 0 && wait_before(&engine->retries[at], &engine->retries[(at - 1) / 2])) {
        wait_swap(engine, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static void wait_down(struct engine *engine, uint32_t at)
{
    for (;;) {
        uint32_t best = at;

        for (uint32_t child = at * 2 + 1; child <= at * 2 + 2 && child < engine->retry_count;
             child++) {
            best = wait_before(&engine->retries[child], &engine->retries[best]) ? child : best;
        }
        if (best == at) {
            return;
        }
        wait_swap(engine, at, best);
        at = best;
    }
}

static void wait_push(struct engine *engine, struct inst_id instance, int64_t due_ns)
{
    if (engine->retry_count == engine->retry_cap) {
        engine->retry_cap = engine->retry_cap * 2 + 16;
        engine->retries = mem_realloc(engine->retries, engine->retry_cap, sizeof(*engine->retries));
    }
    engine->retries[engine->retry_count++] = (struct engine_wait){instance, due_ns};
    wait_up(engine, engine->retry_count - 1);
}

static void wait_drop(struct engine *engine, uint32_t at)
{
    engine->retries[at] = engine->retries[--engine->retry_count];
    if (at < engine->retry_count) {
        wait_up(engine, at);
        wait_down(engine, at);
    }
}

/* --- what waits for a breaker: in order of their coming --- */

static void queue_push(struct engine_breaker *of, struct inst_id instance)
{
    if (of->end == of->cap) {
        of->cap = of->cap * 2 + 16;
        of->waiting = mem_realloc(of->waiting, of->cap, sizeof(*of->waiting));
    }
    of->waiting[of->end++] = instance;
}

static struct inst_id queue_pop(struct engine_breaker *of)
{
    struct inst_id instance = of->waiting[of->next++];

    if (of->next == of->end) {
        of->next = of->end = 0;
    }
    return instance;
}

static void queue_drop(struct engine_breaker *of, struct inst_id instance)
{
    uint32_t end = of->next;

    for (uint32_t i = of->next; i < of->end; i++) {
        if (of->waiting[i].n != instance.n) {
            of->waiting[end++] = of->waiting[i];
        }
    }
    of->end = end;
    if (of->next == of->end) {
        of->next = of->end = 0;
    }
}

void engine_forget_wait(struct engine *engine, struct inst_id instance)
{
    struct engine_breaker *of = breaker_of(engine, instance);

    for (uint32_t i = 0; i < engine->retry_count; i++) {
        if (engine->retries[i].instance.n == instance.n) {
            wait_drop(engine, i);
            return;
        }
    }
    if (of != NULL) {
        queue_drop(of, instance);
    }
}

bool engine_waits(const struct engine *engine)
{
    bool waits = engine->retry_count != 0;

    for (uint32_t i = 0; !waits && engine->breakers != NULL && i < engine->plan->breaker_count;
         i++) {
        waits = engine->breakers[i].next != engine->breakers[i].end;
    }
    return waits;
}

/* It waits no longer. What it reads may have been sent for meanwhile: then it is decided when that
 * is there. */
void engine_wake(struct engine *engine, struct inst_id instance)
{
    struct event event = engine_event(engine, EVENT_INSTANCE_REOPENED, instance);

    if (engine_may_settle(engine, instance)) {
        engine_settle(engine, instance);
        return;
    }
    event.reason = STR("what it reads must be brought back");
    recorder_emit(engine->recorder, &event);
}

/* --- retries --- */

bool engine_may_retry(const struct engine *engine, const struct note *note, enum cause cause)
{
    const struct plan_retry *retry = retry_of(engine, note->instance);
    const struct inst_status *status = &engine->recorder->state.instances[note->instance.n];

    return engine->plan->instances[note->instance.n].retry != 0 && !engine->options.no_retry &&
           engine->stop == ENGINE_GOES && status->retries < retry->max &&
           retry_names(retry, cause, note->event.exit_code);
}

/* What it was given was not enough. */
static void retry_ask_memory(struct engine *engine, const struct note *note)
{
    uint64_t had_bytes = schedule_memory(&engine->schedule, note->instance);
    uint64_t saw_bytes = (uint64_t)note->event.max_rss_bytes;
    uint64_t bytes = had_bytes > saw_bytes ? had_bytes : saw_bytes;

    schedule_ask_memory(&engine->schedule, note->instance,
                        bytes <= UINT64_MAX / 2 ? bytes * 2 : UINT64_MAX);
}

static void retry_schedule(struct engine *engine, const struct engine_recovery *failed)
{
    const struct plan_retry *retry = retry_of(engine, failed->instance);
    const struct inst_status *status = &engine->recorder->state.instances[failed->instance.n];
    struct event event = engine_event(engine, EVENT_RETRY, failed->instance);

    event.attempt = failed->attempt;
    event.cause = str_of(cause_name(failed->cause));
    event.reason = failed->reason;
    event.retry = status->retries + 1;
    event.retries = retry->max;
    event.delay_ns =
        retry_delay_ns(retry, (uint32_t)event.retry, recorder_random64(engine->recorder));
    recorder_emit(engine->recorder, &event);
    wait_push(engine, failed->instance, engine_now(engine) + event.delay_ns);
}

static void recovery_begin(struct engine *engine, const struct engine_recovery *failed)
{
    struct event event = engine_event(engine, EVENT_RECOVER_STARTED, failed->instance);
    struct arena *arena = &engine->recorder->session->arena;

    if (engine->recovery_count == engine->recovery_cap) {
        engine->recovery_cap = engine->recovery_cap * 2 + 4;
        engine->recoveries =
            mem_realloc(engine->recoveries, engine->recovery_cap, sizeof(*engine->recoveries));
    }
    engine->recoveries[engine->recovery_count] = *failed;
    engine->recoveries[engine->recovery_count].reason = str_dup(arena, failed->reason);
    engine->recoveries[engine->recovery_count++].log = str_dup(arena, failed->log);
    event.attempt = failed->attempt;
    event.cause = str_of(cause_name(failed->cause));
    recorder_emit(engine->recorder, &event);
    engine_act_later(engine, ACT_RECOVER, failed->instance, 0);
}

void engine_retry_later(struct engine *engine, const struct note *note, enum cause cause,
                        struct str reason)
{
    struct engine_recovery failed = {.instance = note->instance,
                                     .attempt = note->event.attempt,
                                     .exit_code = note->event.exit_code,
                                     .signal = note->event.signal,
                                     .cause = cause,
                                     .reason = reason,
                                     .log = note->event.log};

    if (cause == CAUSE_OOM) {
        retry_ask_memory(engine, note);
    }
    if (engine->plan->instances[note->instance.n].recovers) {
        recovery_begin(engine, &failed);
    } else {
        retry_schedule(engine, &failed);
    }
}

/* --- what helps before a retry --- */

static uint32_t recovery_find(const struct engine *engine, struct inst_id instance)
{
    uint32_t at = 0;

    while (at < engine->recovery_count && engine->recoveries[at].instance.n != instance.n) {
        at++;
    }
    return at;
}

void engine_recover(struct engine *engine, struct inst_id instance)
{
    engine->world.recover(engine->world.ctx, &engine->recoveries[recovery_find(engine, instance)]);
}

/* Neither helped: the first failure is the reason. */
static void recovery_failed(struct engine *engine, const struct engine_recovery *failed,
                            struct str reason)
{
    struct event event = engine_event(engine, EVENT_INSTANCE_ENDED, failed->instance);

    if (engine_may_leave(engine, failed->instance, failed->cause)) {
        engine_leave_failed(engine, failed->instance, failed->cause, failed->reason);
        return;
    }
    event.cause = str_of(cause_name(failed->cause));
    event.reason = str_printf(&engine->recorder->turn, "%.*s; 'recover' failed too: %.*s",
                              STR_ARG(failed->reason), STR_ARG(reason));
    recorder_emit(engine->recorder, &event);
    engine_failed(
        engine, failed->instance, failed->cause,
        retry_status(retry_of(engine, failed->instance), failed->cause, failed->exit_code));
}

void engine_take_recovered(struct engine *engine, const struct note *note)
{
    uint32_t at = recovery_find(engine, note->instance);
    struct engine_recovery failed = engine->recoveries[at];
    struct event event = note->event;
    struct event frame = engine_event(engine, EVENT_RECOVER_FINISHED, note->instance);

    engine->recoveries[at] = engine->recoveries[--engine->recovery_count];
    event.type = EVENT_RECOVER_FINISHED;
    event.number = frame.number;
    event.instance = frame.instance;
    event.stage = frame.stage;
    event.attempt = failed.attempt;
    recorder_emit(engine->recorder, &event);
    /* Of a run that ends, or behind something that failed meanwhile, nothing is made again. */
    if (engine->stop != ENGINE_GOES || engine->batch[note->instance.n] != 0 ||
        engine_state(engine, note->instance) != INST_WAITING) {
        return;
    }
    if (note->cause == CAUSE_NONE) {
        retry_schedule(engine, &failed);
    } else {
        recovery_failed(engine, &failed, event.reason);
    }
}

void engine_end_recovering(struct engine *engine)
{
    if (engine->recovery_count != 0) {
        engine->world.end_recovering(engine->world.ctx);
    }
}

/* --- breakers --- */

static void breaker_tell_move(struct engine *engine, struct engine_breaker *of, struct str reason)
{
    struct breaker *breaker = of->breaker;
    static const enum event_type types[] = {[BREAKER_CLOSED] = EVENT_BREAKER_CLOSED,
                                            [BREAKER_OPEN] = EVENT_BREAKER_OPENED,
                                            [BREAKER_HALF_OPEN] = EVENT_BREAKER_HALF_OPENED};
    struct event event = {.type = types[breaker->state],
                          .breaker = breaker->rule->name,
                          .reason = reason,
                          .delay_ns = breaker->rule->open_for_ns};

    if (breaker_take_move(breaker)) {
        of->woken.n = PLAN_NONE;
        recorder_emit(engine->recorder, &event);
        engine_act_later(engine, ACT_BREAKERS, (struct inst_id){PLAN_NONE}, 0);
    }
}

static void breaker_look(struct engine *engine, struct engine_breaker *of)
{
    breaker_tick(of->breaker, retry_real_ns(engine));
    breaker_tell_move(engine, of, STR(""));
}

/* Some words on the call that moved it. One that went well opens it where it makes the calls
 * enough to be judged. */
static struct str breaker_reason(const struct engine *engine, struct inst_id instance,
                                 bool was_probe, bool failed, enum breaker_end end)
{
    struct str name = engine->plan->instances[instance.n].name;
    const char *how = failed ? "failed" : end == BREAKER_FAILED ? "was too slow" : "went well";

    return was_probe
               ? str_printf(&engine->recorder->turn, "the probe '%.*s' %s", STR_ARG(name), how)
               : str_printf(&engine->recorder->turn, "too many calls failed, last '%.*s' %s",
                            STR_ARG(name), how);
}

void engine_call_begins(struct engine *engine, struct engine_live *live)
{
    struct engine_breaker *of = breaker_of(engine, live->instance);

    if (of != NULL) {
        live->breaker_began = breaker_begin(of->breaker);
        of->woken.n = PLAN_NONE;
    }
}

/* A call failed if its cause is one that `retry` names; without `retry`, whatever it is. */
static bool breaker_sees_failure(const struct engine *engine, const struct note *note,
                                 enum cause cause)
{
    const struct plan_retry *retry = retry_of(engine, note->instance);

    return engine->plan->instances[note->instance.n].retry != 0
               ? retry_names(retry, cause, note->event.exit_code)
               : cause != CAUSE_NONE;
}

void engine_call_ended(struct engine *engine, const struct engine_live *live,
                       const struct note *note, enum cause cause)
{
    struct engine_breaker *of = breaker_of(engine, note->instance);
    bool failed, was_probe;
    enum breaker_end end;

    if (of == NULL) {
        return;
    }
    failed = breaker_sees_failure(engine, note, cause);
    end = cause == CAUSE_CANCELLED || cause == CAUSE_PAUSED || cause == CAUSE_UNSETTLED
              ? BREAKER_NOT_COUNTED
              : breaker_judge(of->breaker->rule, failed, note->event.wall_ns);
    was_probe = of->breaker->state == BREAKER_HALF_OPEN;
    breaker_end(of->breaker, live->breaker_began, end, retry_real_ns(engine));
    breaker_tell_move(engine, of, breaker_reason(engine, note->instance, was_probe, failed, end));
}

void engine_take_breaker(struct engine *engine, const struct note *note)
{
    struct engine_breaker *of;

    if (engine->breakers == NULL) {
        return;
    }
    of = &engine->breakers[note->breaker];
    if (of->breaker->state != note->breaker_state) {
        breaker_set(of->breaker, note->breaker_state, note->opened_ns);
        of->breaker->moved = true;
        breaker_tell_move(engine, of, note->event.reason);
    }
}

static void breaker_holds(struct engine *engine, struct inst_id instance, struct engine_breaker *of)
{
    struct event event = engine_event(engine, EVENT_INSTANCE_WAITING, instance);

    event.reason =
        str_printf(&engine->recorder->turn, "breaker '%.*s' is %s",
                   STR_ARG(of->breaker->rule->name), breaker_state_name(of->breaker->state));
    recorder_emit(engine->recorder, &event);
    queue_push(of, instance);
}

/* The variant is out: its stage's own command comes in the next turn. */
static void breaker_leaves(struct engine *engine, struct inst_id instance,
                           const struct engine_breaker *of)
{
    struct event event = engine_event(engine, EVENT_INSTANCE_WAITING, instance);

    event.reason =
        str_printf(&engine->recorder->turn, "breaker '%.*s' is %s",
                   STR_ARG(of->breaker->rule->name), breaker_state_name(of->breaker->state));
    recorder_emit(engine->recorder, &event);
    engine_leave_out(engine, instance, event.reason);
    wait_push(engine, instance, engine_now(engine));
}

static void breaker_refuses(struct engine *engine, struct inst_id instance,
                            const struct engine_breaker *of)
{
    struct event event = engine_event(engine, EVENT_INSTANCE_ENDED, instance);

    event.cause = str_of(cause_name(CAUSE_BREAKER));
    event.reason =
        str_printf(&engine->recorder->turn, "breaker '%.*s' is %s",
                   STR_ARG(of->breaker->rule->name), breaker_state_name(of->breaker->state));
    recorder_emit(engine->recorder, &event);
    engine_failed(engine, instance, CAUSE_BREAKER, cause_status(CAUSE_BREAKER));
    engine_spread(engine);
}

bool engine_may_call(struct engine *engine, struct inst_id instance)
{
    struct engine_breaker *of = breaker_of(engine, instance);
    enum breaker_answer answer;

    if (of == NULL) {
        return true;
    }
    breaker_look(engine, of);
    answer = breaker_ask(of->breaker);
    if (answer == BREAKER_CALL) {
        return true;
    }
    schedule_remove(&engine->schedule, instance);
    if (engine_may_leave_out(engine, instance)) {
        breaker_leaves(engine, instance, of);
    } else if (answer == BREAKER_WAIT) {
        breaker_holds(engine, instance, of);
    } else {
        breaker_refuses(engine, instance, of);
    }
    return false;
}

/* Of what waits for it: all when it is closed, when it is half-open the one that will be the probe,
 * unless one was woken already and may still become it. */
static uint32_t breaker_lets(const struct engine *engine, const struct engine_breaker *of)
{
    uint32_t waiting = of->end - of->next;

    switch (of->breaker->state) {
    case BREAKER_CLOSED:
        return waiting;
    case BREAKER_HALF_OPEN:
        return waiting != 0 && !of->breaker->probing &&
               (of->woken.n == PLAN_NONE || engine_state(engine, of->woken) != INST_READY);
    case BREAKER_OPEN:
        break;
    }
    return 0;
}

static void breaker_wakes(struct engine *engine, struct engine_breaker *of)
{
    if (of->next == of->end) {
        return;
    }
    breaker_look(engine, of);
    for (uint32_t count = breaker_lets(engine, of); count > 0; count--) {
        of->woken = queue_pop(of);
        engine_wake(engine, of->woken);
    }
}

/* --- time --- */

void engine_move_due(struct engine *engine, int64_t from_ns, int64_t to_ns)
{
    for (uint32_t i = 0; i < engine->retry_count; i++) {
        engine->retries[i].due_ns = control_later(engine->retries[i].due_ns, from_ns, to_ns);
    }
}

void engine_take_due(struct engine *engine)
{
    int64_t now_ns;

    if (engine->stop != ENGINE_GOES || engine_is_paused(engine) || !engine_waits(engine)) {
        return;
    }
    now_ns = engine_now(engine);
    while (engine->retry_count != 0 && engine->retries[0].due_ns <= now_ns) {
        struct inst_id instance = engine->retries[0].instance;

        wait_drop(engine, 0);
        engine_wake(engine, instance);
    }
    for (uint32_t i = 0; engine->breakers != NULL && i < engine->plan->breaker_count; i++) {
        breaker_wakes(engine, &engine->breakers[i]);
    }
}

int64_t engine_next_due(const struct engine *engine)
{
    int64_t next = engine->retry_count != 0 ? engine->retries[0].due_ns : INT64_MAX;

    if (engine->stop != ENGINE_GOES || engine_is_paused(engine)) {
        return INT64_MAX;
    }
    for (uint32_t i = 0; engine->breakers != NULL && i < engine->plan->breaker_count; i++) {
        const struct engine_breaker *of = &engine->breakers[i];
        int64_t real_ns = retry_real_ns(engine);
        int64_t due_ns = breaker_next_ns(of->breaker, real_ns);

        if (breaker_lets(engine, of) != 0) {
            return engine_now(engine);
        }
        if (of->next != of->end && due_ns != INT64_MAX &&
            engine_now(engine) + (due_ns - real_ns) < next) {
            next = engine_now(engine) + (due_ns - real_ns);
        }
    }
    return next;
}
