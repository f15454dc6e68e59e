/* Owns the rules of requests to a run. */
#include "policy/control.h"

#include <assert.h>

static const char *const control_ask_names[CONTROL_ASK_COUNT] = {
    [CONTROL_STATE] = "state",       [CONTROL_PAUSE] = "pause",
    [CONTROL_RESUME] = "resume",     [CONTROL_CANCEL] = "cancel",
    [CONTROL_STOPPING] = "stopping", [CONTROL_CHECKPOINT] = "checkpoint",
};

const char *control_ask_name(enum control_ask ask)
{
    return control_ask_names[ask];
}

bool control_ask_from_name(struct str name, enum control_ask *ask)
{
    for (unsigned i = 0; i < CONTROL_ASK_COUNT; i++) {
        if (str_is(name, control_ask_names[i])) {
            *ask = (enum control_ask)i;
            return true;
        }
    }
    return false;
}

static enum control_verdict control_refuse(const char **reason, const char *text)
{
    *reason = text;
    return CONTROL_REFUSE;
}

static enum control_verdict control_pause(const struct control_facts *facts, bool now,
                                          const char **reason)
{
    if (facts->status == RUN_INTERRUPTED || facts->status == RUN_PENDING) {
        return control_refuse(reason, "nothing of it runs");
    }
    if (facts->cancelled) {
        return control_refuse(reason, "it is being cancelled");
    }
    if (facts->ending) {
        return control_refuse(reason, "it is about to end");
    }
    if (facts->status == RUN_PAUSED || (facts->status == RUN_PAUSING && (!now || facts->frozen))) {
        return CONTROL_IS_SO;
    }
    return CONTROL_DO;
}

static enum control_verdict control_resume(const struct control_facts *facts, const char **reason)
{
    if (facts->cancelled) {
        return control_refuse(reason, "it is being cancelled");
    }
    if (facts->ending) {
        return control_refuse(reason, "it is about to end");
    }
    return facts->status == RUN_RUNNING ? CONTROL_IS_SO : CONTROL_DO;
}

static enum control_verdict control_cancel(const struct control_facts *facts, bool now,
                                           const char **reason)
{
    if (facts->ending) {
        return control_refuse(reason, "it is about to end");
    }
    return facts->cancelled && (!now || facts->killed) ? CONTROL_IS_SO : CONTROL_DO;
}

enum control_verdict control_decide(const struct control_facts *facts, enum control_ask ask,
                                    bool now, const char **reason)
{
    if (ask == CONTROL_CANCEL && facts->status == RUN_CANCELLED) {
        return CONTROL_IS_SO;
    }
    if (run_status_is_final(facts->status)) {
        return control_refuse(reason, "it is over");
    }
    switch (ask) {
    case CONTROL_PAUSE:
        return control_pause(facts, now, reason);
    case CONTROL_RESUME:
        return control_resume(facts, reason);
    case CONTROL_CANCEL:
        return control_cancel(facts, now, reason);
    case CONTROL_STATE:
    case CONTROL_STOPPING:
    case CONTROL_CHECKPOINT:
    case CONTROL_ASK_COUNT:
        break;
    }
    return CONTROL_IS_SO;
}

enum control_deed control_deed(enum plan_on_pause on_pause, bool now)
{
    static const enum control_deed deeds[] = {
        [PLAN_ON_PAUSE_FINISH] = CONTROL_LET_END,
        [PLAN_ON_PAUSE_FREEZE] = CONTROL_FREEZE,
        [PLAN_ON_PAUSE_STOP] = CONTROL_STOP,
    };

    return now ? CONTROL_FREEZE : deeds[on_pause];
}

const char *control_stop_name(enum control_stop stop)
{
    static const char *const names[] = {[CONTROL_GOES] = "",
                                        [CONTROL_STOP_PAUSE] = "pause",
                                        [CONTROL_STOP_CANCEL] = "cancel",
                                        [CONTROL_STOP_TIMEOUT] = "timeout"};

    return names[stop];
}

int64_t control_later(int64_t moment_ns, int64_t from_ns, int64_t to_ns)
{
    assert(to_ns >= from_ns);
    return moment_ns == INT64_MAX ? moment_ns : moment_ns + (to_ns - from_ns);
}
