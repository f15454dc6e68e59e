#ifndef PAWL_RUN_DIRECT_DASH_H
#define PAWL_RUN_DIRECT_DASH_H
/* What dash makes of one simple command, for run/direct.c. */
#include "run/direct.h"

/* The environment in which dash, given `envp` and started in `folder`, starts a command; NULL: it
 * cannot be told, as variables of the shell itself are in it. Of the arena. */
const char *const *dash_environment(const char *const *envp, struct str folder,
                                    struct arena *arena);

/* What dash makes of a command that a signal killed: the status becomes its exit code. Returns what
 * it prints, with its line end, or "" for nothing. */
struct str dash_end(struct child_end *end, struct arena *arena);

#endif
