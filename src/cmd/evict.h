#ifndef PAWL_CMD_EVICT_H
#define PAWL_CMD_EVICT_H
/* Forgetting results, for whoever else has a stage run again. */
#include "cmd/command.h"
#include "run/session.h"

/* Forgets every result of the instances selected, one byte each; the session is open for a change.
 * Outputs stay where they are. */
bool evict_selected(struct cli *cli, struct session *session, const uint8_t *selected,
                    struct err *err);

#endif
