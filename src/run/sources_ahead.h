#ifndef PAWL_RUN_SOURCES_AHEAD_H
#define PAWL_RUN_SOURCES_AHEAD_H
/* Reads the sources that the deciding pass is about to ask for, many at once, before it does. What
 * is found goes into the stat cache as source_look() would have put it there; source_look() then
 * finds it, after another look at the file's signature. So an answer is never another one than
 * without this, only sooner. Main thread; the threads that read are gone when it comes back.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "model/plan.h"

struct facts;

struct sources_ahead {
    struct inst_id from; /* whose inputs are being looked at; set by its owner */
    uint32_t window;     /* this many paths at once; 0: never */
    uint8_t *instances;  /* by instance: its inputs had their turn */
    uint8_t *paths;      /* by path: enum source_ahead */
    uint32_t *places;    /* of instances in plan->topo */
};

void sources_ahead_init(struct sources_ahead *ahead);
void sources_ahead_fini(struct sources_ahead *ahead);

/* A source of `from` must be read: reads it, the other unread ones of `from`, and those of
 * instances that come after it and are asked for in any case. Each instance has its turn once. */
void sources_read_ahead(struct facts *facts);
/* Was it read in this session, so that the cache is as good as another read? */
bool sources_were_read(const struct facts *facts, struct str path);

#endif
