#ifndef PAWL_RUN_GUARDS_H
#define PAWL_RUN_GUARDS_H
/* Guards: everything but the files of instances on which a plan and its keys depend, as it was when
 * the last state was saved. While they hold, reading the manifest and planning would give the same
 * plan with the same commands, tools and environment.
 *
 * They are the manifest and the files beside it, listed folders, programs looked for, variables
 * passed through, what the command line says, the program itself, the machine, the epoch of the
 * store (store/epoch.h), and pawl's own records. The head of guards.c has the format. Main thread.
 */
#include "run/session.h"

/* What a call without work says. */
struct guards_counts {
    uint32_t instances; /* asked for */
    uint32_t named;     /* of them: stages without a command */
    uint32_t skipped;   /* of them: `when` is false */
    uint32_t orphans;
};

/* Appends the guards of a session that has read and planned, at its end; false if something is not
 * sure, so that no state can be saved. Takes the signatures of pawl's own records: nothing may be
 * written to them afterwards. */
bool guards_write(struct session *session, const struct guards_counts *counts, struct strbuf *out);

/* What a run changed of what guards are about although they hold: pawl's own records, and listed
 * folders in which it replaced what was there. Calls `renew` for each signature that is another
 * now, with its offset in the guards. False: something else is different. */
bool guards_renew(struct session *session, struct str guards,
                  void (*renew)(void *ctx, uint32_t offset, const struct signature *signature),
                  void *ctx);

/* Do they hold for a session that was only found (session_find)? Nothing is digested. */
bool guards_hold(struct session *session, struct str guards, struct guards_counts *counts);

#endif
