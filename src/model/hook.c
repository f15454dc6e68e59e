/* Owns the tables of hooks. */
#include "model/hook.h"

#include "model/states.h"

static const struct {
    const char *name;
    const char *meaning;
} hook_names[HOOK_COUNT] = {
    [HOOK_STARTED] = {"started", "a run began"},
    [HOOK_STAGE_STARTED] = {"stage_started", "an attempt is about to start"},
    [HOOK_STAGE_FINISHED] = {"stage_finished", "an attempt ended well, and its result is kept"},
    [HOOK_STAGE_FAILED] = {"stage_failed", "an instance failed for good"},
    [HOOK_GATE_REFUSED] = {"gate_refused", "a gate said no"},
    [HOOK_VALIDATION_FAILED] = {"validation_failed", "a validation of severity error failed"},
    [HOOK_RETRY] = {"retry", "a failed attempt will be repeated"},
    [HOOK_BREAKER_OPENED] = {"breaker_opened", "a circuit breaker opened"},
    [HOOK_PAUSED] = {"paused", "a run was paused"},
    [HOOK_RESUMED] = {"resumed", "a run goes on"},
    [HOOK_INTERRUPTED] = {"interrupted", "a run was ended by a signal, and can go on"},
    [HOOK_COMPENSATED] = {"compensated", "an effect was undone"},
    [HOOK_COMPLETED] = {"completed", "a run ended, and all is up to date"},
    [HOOK_FAILED] = {"failed", "a run ended, and something could not be made"},
    [HOOK_CANCELLED] = {"cancelled", "a run was ended by request"},
    [HOOK_WARNING] = {"warning", "something a person should know began, or is over"},
};

/* Each type of event that is told, and with a state: only if that is what the instance is now. */
static const struct {
    enum event_type type;
    const char *state;
    enum hook hook;
} hook_rows[] = {
    {EVENT_RUN_STARTED, NULL, HOOK_STARTED},
    {EVENT_ATTEMPT_STARTED, NULL, HOOK_STAGE_STARTED},
    {EVENT_ATTEMPT_FINISHED, "done", HOOK_STAGE_FINISHED},
    {EVENT_ATTEMPT_FINISHED, "failed", HOOK_STAGE_FAILED},
    {EVENT_ATTEMPT_FINISHED, "unsettled", HOOK_STAGE_FAILED},
    {EVENT_INSTANCE_REFUSED, NULL, HOOK_STAGE_FAILED},
    {EVENT_GATE_REFUSED, NULL, HOOK_GATE_REFUSED},
    {EVENT_VALIDATION_FAILED, NULL, HOOK_VALIDATION_FAILED},
    {EVENT_CHECK_WARNED, NULL, HOOK_WARNING},
    {EVENT_INSTANCE_ENDED, NULL, HOOK_STAGE_FAILED},
    {EVENT_RETRY, NULL, HOOK_RETRY},
    {EVENT_COMPENSATION_FINISHED, "compensated", HOOK_COMPENSATED},
    {EVENT_BREAKER_OPENED, NULL, HOOK_BREAKER_OPENED},
    {EVENT_RUN_PAUSED, NULL, HOOK_PAUSED},
    {EVENT_RUN_CONTINUED, NULL, HOOK_RESUMED},
    {EVENT_RUN_RESUMED, NULL, HOOK_RESUMED},
    {EVENT_RUN_INTERRUPTED, NULL, HOOK_INTERRUPTED},
    {EVENT_RUN_COMPLETED, NULL, HOOK_COMPLETED},
    {EVENT_RUN_FAILED, NULL, HOOK_FAILED},
    {EVENT_RUN_CANCELLED, NULL, HOOK_CANCELLED},
    {EVENT_WARNING, NULL, HOOK_WARNING},
    {EVENT_WARNING_ENDED, NULL, HOOK_WARNING},
};
enum { HOOK_ROWS = sizeof(hook_rows) / sizeof(hook_rows[0]) };

const char *hook_name(enum hook hook)
{
    return hook_names[hook].name;
}

const char *hook_meaning(enum hook hook)
{
    return hook_names[hook].meaning;
}

bool hook_from_name(struct str name, enum hook *hook)
{
    for (unsigned i = 0; i < HOOK_COUNT; i++) {
        if (str_is(name, hook_names[i].name)) {
            *hook = (enum hook)i;
            return true;
        }
    }
    return false;
}

bool hook_is_about(enum event_type type)
{
    for (unsigned i = 0; i < HOOK_ROWS; i++) {
        if (hook_rows[i].type == type) {
            return true;
        }
    }
    return false;
}

enum hook hook_of(const struct event *event)
{
    for (unsigned i = 0; i < HOOK_ROWS; i++) {
        if (hook_rows[i].type == event->type &&
            (hook_rows[i].state == NULL || str_is(event->state, hook_rows[i].state))) {
            return hook_rows[i].hook;
        }
    }
    return HOOK_COUNT;
}

struct str hook_format(enum hook hook, uint32_t number, struct arena *arena)
{
    return str_printf(arena, "%s.%u", hook_names[hook].name, number);
}

bool hook_parse(struct str text, enum hook *hook, uint32_t *number)
{
    struct str name;
    uint64_t value;

    if (!str_split(&text, '.', &name) || text.data == NULL || !hook_from_name(name, hook) ||
        !str_to_u64(text, &value) || value == 0 || value > HOOK_MOST) {
        return false;
    }
    *number = (uint32_t)value;
    return true;
}
