#ifndef PAWL_CMD_PLACE_H
#define PAWL_CMD_PLACE_H
/* Opens as much of a workspace as a command needs, and says what is wrong with it.
 *
 *     struct place place;
 *     int status = place_open(&place, cli, PLACE_PLAN, SESSION_LOOK);
 *     if (status == STATUS_OK) { … place.session … }
 *     place_close(&place);           always
 */
#include "cmd/command.h"
#include "run/session.h"

enum place_need {
    PLACE_WORKSPACE, /* where it is; the manifest is not read */
    PLACE_MANIFEST,  /* the manifest read */
    PLACE_STORE,     /* and what was recorded */
    PLACE_PLAN       /* and the plan */
};

struct place {
    struct cli *cli;
    struct session session;
};

/* The status is 0, or errors were printed. `cli->wait` waits for the lock. */
int place_open(struct place *place, struct cli *cli, enum place_need need,
               enum session_access access);
/* The session that the global options, -p and --params ask for: session_init. */
void place_init_session(struct session *session, struct cli *cli);
/* The same in two steps, for who prints errors himself: place_init, then place_advance. */
void place_init(struct place *place, struct cli *cli);
bool place_advance(struct place *place, enum place_need need, enum session_access access,
                   struct err *err);
/* The manifest, after PLACE_WORKSPACE. One that has mistakes is passed over, and that is said,
 * where the command line says all that is asked of it (`needed` false). */
bool place_read_manifest(struct place *place, bool needed, struct err *err);
/* Sets right what a killed run left, with the lock held and the store open: place_advance does. */
bool place_recover(struct session *session, struct err *err);
void place_close(struct place *place);
/* Prints diagnostics that were not printed yet, then the error if they had none. */
int place_fail(struct place *place, const struct err *err);

#endif
