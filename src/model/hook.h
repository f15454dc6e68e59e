#ifndef PAWL_MODEL_HOOK_H
#define PAWL_MODEL_HOOK_H
/* What a manifest may have commands told of, `[[on.NAME]]`, and which events of a record that is:
 * one table. Pure.
 */
#include "model/event.h"

enum hook {
    HOOK_STARTED,
    HOOK_STAGE_STARTED,
    HOOK_STAGE_FINISHED,
    HOOK_STAGE_FAILED,
    HOOK_GATE_REFUSED,
    HOOK_VALIDATION_FAILED,
    HOOK_RETRY,
    HOOK_BREAKER_OPENED,
    HOOK_PAUSED,
    HOOK_RESUMED,
    HOOK_INTERRUPTED,
    HOOK_COMPENSATED,
    HOOK_COMPLETED,
    HOOK_FAILED,
    HOOK_CANCELLED,
    HOOK_WARNING,
    HOOK_COUNT /* none */
};

enum {
    HOOK_MOST = 16,     /* commands of one name */
    HOOK_TIMEOUT_S = 30 /* at most, and unless less is said */
};

const char *hook_name(enum hook hook);
const char *hook_meaning(enum hook hook);
bool hook_from_name(struct str name, enum hook *hook);

/* Is something told of events of that type, whatever they say? */
bool hook_is_about(enum event_type type);
/* What is told of the event; HOOK_COUNT: nothing. */
enum hook hook_of(const struct event *event);

/* As `hook.started` has it: the name, and which of the commands of that name, from 1, as in
 * "stage_failed.2". Names no event ever has: false. */
struct str hook_format(enum hook hook, uint32_t number, struct arena *arena);
bool hook_parse(struct str text, enum hook *hook, uint32_t *number);

#endif
