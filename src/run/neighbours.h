#ifndef PAWL_RUN_NEIGHBOURS_H
#define PAWL_RUN_NEIGHBOURS_H
/* Several manifests may share a workspace (`-f other.toml`), each with a pipeline name and outputs
 * of its own. Which there are is noted in `.pawl/manifests`, one path a line, as they are run.
 */
#include "run/session.h"

/* Notes this session's manifest and compares it with the others that are still there. False: status
 * 3, one of them has the same name or makes the same path. Others that are wrong themselves do not
 * count. With the workspace locked and the plan built. */
bool neighbours_check(struct session *session, struct err *err);

/* Are there others? */
bool neighbours_exist(const struct session *session);

/* Is the path, or a folder above it, an output of another manifest of this workspace? Then it is
 * nobody's orphan here. Any time after session_open_store. */
bool neighbours_make(struct session *session, struct str path);

#endif
