#ifndef PAWL_CMD_DECIDED_H
#define PAWL_CMD_DECIDED_H
/* What a run would do, for commands that only look: the plan with facts and decisions.
 *
 *     struct decided decided;
 *     int status = decided_open(&decided, cli, DECIDED_TARGETS);
 *     if (status == STATUS_OK) { … decided.decide.action[i] … }
 *     decided_close(&decided);       always
 */
#include "cmd/place.h"
#include "cmd/reason.h"
#include "run/facts.h"

enum decided_what {
    DECIDED_TARGETS, /* operands are targets of a run; none: as `run` without any */
    DECIDED_OPERANDS /* what the operands name, all of it */
};

struct decided {
    struct place place;
    struct facts facts;
    struct decide decide;
    bool has_facts;
    uint8_t *scope, *target, *forced; /* by instance */
    struct reason_view view;          /* for reasons in words */
};

int decided_open(struct decided *decided, struct cli *cli, enum decided_what what);
void decided_close(struct decided *decided);
/* Whether the instance is but a name for what it needs. */
bool decided_is_name(const struct decided *decided, uint32_t instance);

#endif
