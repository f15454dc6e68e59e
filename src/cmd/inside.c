/* Owns finding the attempt that a command is called from. */
#include "cmd/inside.h"

#include <stdlib.h>

#include "base/path.h"

bool inside_find(const char *command, struct arena *arena, struct str *pawl, struct str *attempt,
                 struct err *err)
{
    const char *run_dir = getenv("PAWL_RUN_DIR"), *id = getenv("PAWL_ATTEMPT_ID");

    if (run_dir == NULL || id == NULL || str_find(str_of(id), '/') >= 0 || id[0] == '\0') {
        return err_set(err, STATUS_USAGE,
                       "'%s' is for the command of a stage: it finds neither PAWL_RUN_DIR nor "
                       "PAWL_ATTEMPT_ID here",
                       command);
    }
    *pawl = str_dup(arena, path_dir(path_dir(str_of(run_dir))));
    *attempt = str_of(id);
    return true;
}
