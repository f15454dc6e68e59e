#ifndef PAWL_RUN_GUARDS_INSIDE_H
#define PAWL_RUN_GUARDS_INSIDE_H
/* What the files of the guards share; nobody else includes this. guards.c owns their form and asks
 * whether they hold, guards_write.c writes them. */
#include "run/guards.h"

/* On disk: only add. */
enum {
    GUARD_REQUEST = 1,
    GUARD_COUNTS = 2,
    GUARD_STORE = 3,
    GUARD_FILE = 4,
    GUARD_FOLDER = 5,
    GUARD_PROGRAM = 6,
    GUARD_SECRET = 8,
    GUARD_EPOCH = 9,
    GUARD_VARIABLES = 10
};

enum { GUARDS_OWN = 4 };

/* What the command line, the program and the machine say of the plan. */
void guards_request(const struct session *session, struct strbuf *out);
/* pawl's own records. */
void guards_own(struct session *session, struct str store, struct str own[GUARDS_OWN]);
/* What is set now and matches, but for these names. */
void guards_matching(struct str pattern, const struct event_strs *but, struct arena *arena,
                     struct event_strs *set);

#endif
