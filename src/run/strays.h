#ifndef PAWL_RUN_STRAYS_H
#define PAWL_RUN_STRAYS_H
/* Files that lie in a folder which a stage made and that are not of it. A consumer that reads the
 * folder, or files of it by a glob, would read them too, under a key that does not know them. Main
 * thread. */
#include "run/facts.h"

/* The first such file that `instance` would read; its path is in the arena. False: there is none,
 * or the folder is not there. */
bool strays_find(struct facts *facts, struct inst_id instance, struct arena *arena,
                 struct str *stray);

#endif
