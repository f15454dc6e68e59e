#ifndef PAWL_POLICY_CONTROL_H
#define PAWL_POLICY_CONTROL_H
/* What becomes of a request to a run: pause, go on, end. Pure.
 *
 * Each request is idempotent: one that asks for what is so already changes nothing and is no
 * mistake. Where the move is not legal it is refused, with a reason that a person can act on. Of
 * two who ask at once the first decides what the second one finds.
 */
#include <stdbool.h>
#include <stdint.h>

#include "model/plan.h"
#include "model/states.h"

enum control_ask {
    CONTROL_STATE, /* where does it stand? Changes nothing */
    CONTROL_PAUSE,
    CONTROL_RESUME,
    CONTROL_CANCEL,
    CONTROL_STOPPING,   /* is an attempt told to end, why, and how long has it? Changes nothing */
    CONTROL_CHECKPOINT, /* an attempt wants a snapshot: see run/checkpoint.h */
    CONTROL_ASK_COUNT
};

const char *control_ask_name(enum control_ask ask);
bool control_ask_from_name(struct str name, enum control_ask *ask);

struct control_facts {
    enum run_status status; /* RUN_INTERRUPTED: no process works on it */
    bool frozen;            /* a pause `--now` was asked for */
    bool ending;            /* for another reason than a cancel: a signal, a time limit */
    bool cancelled, killed; /* a cancel was asked for, one `--now` */
};

enum control_verdict { CONTROL_DO, CONTROL_IS_SO, CONTROL_REFUSE };

/* `reason` (static) is set when it is refused. */
enum control_verdict control_decide(const struct control_facts *facts, enum control_ask ask,
                                    bool now, const char **reason);

/* What a pause does to an attempt that runs. */
enum control_deed { CONTROL_LET_END, CONTROL_FREEZE, CONTROL_STOP };
enum control_deed control_deed(enum plan_on_pause on_pause, bool now);

/* Why an attempt was told to end, and the word for it that `pawl stopping` prints. */
enum control_stop { CONTROL_GOES, CONTROL_STOP_PAUSE, CONTROL_STOP_CANCEL, CONTROL_STOP_TIMEOUT };
const char *control_stop_name(enum control_stop stop);

/* A moment that was set before time stood still from `from_ns` to `to_ns`; INT64_MAX stays. */
int64_t control_later(int64_t moment_ns, int64_t from_ns, int64_t to_ns);

#endif
