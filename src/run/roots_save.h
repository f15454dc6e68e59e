#ifndef PAWL_RUN_ROOTS_SAVE_H
#define PAWL_RUN_ROOTS_SAVE_H
/* What a run leaves for gc: the keys that its instances have now (store/roots.h). Best effort: what
 * is not written is kept.
 *
 * roots_save_begin: in a shared store, so that nobody takes the objects of its record, or a result
 * that it found, as long as it lives; a private store belongs to whoever holds the workspace's
 * lock. roots_save: at its end.
 */
#include "run/facts.h"
#include "store/run_dir.h"

struct roots_end {
    const struct facts *facts;
    struct run_id run;
    struct digest listing; /* object with the names of all instances */
    const uint8_t *scope;  /* by instance */
    bool whole;            /* the plan is all there is, and all of it was asked for */
};

void roots_save_begin(struct session *session, const struct roots_end *end);
void roots_save(struct session *session, const struct roots_end *end);

#endif
