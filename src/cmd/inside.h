#ifndef PAWL_CMD_INSIDE_H
#define PAWL_CMD_INSIDE_H
/* Commands for the script of a stage: which attempt calls them. */
#include "base/err.h"
#include "base/str.h"

/* The `.pawl` of its workspace and its id; status 2 outside of a stage. */
bool inside_find(const char *command, struct arena *arena, struct str *pawl, struct str *attempt,
                 struct err *err);

#endif
