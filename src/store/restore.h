#ifndef PAWL_STORE_RESTORE_H
#define PAWL_STORE_RESTORE_H
/* Writing outputs back to the workspace, exactly as they were: bytes, type and x-bit; 0666 or 0777
 * less the umask. What is copied is hashed on the way: another digest is status 12 and changes
 * nothing at the path. A file is replaced by rename, a folder by exchange where the kernel has it
 * (else: old aside, new in, old removed), never merged. Bytes at the path that no result knows must
 * have been moved away by the caller (store/park.h). Any thread.
 */
#include <stdbool.h>

#include "os/signature.h"
#include "store/objects.h"

/* Restores one output to `path` below `workspace_fd`. Parents are made, following no link. With
 * `rows` (may be NULL; see objects.h) what lies there afterwards. */
bool restore_output(struct objects *objects, int workspace_fd, const char *path,
                    enum tree_type type, bool executable, const struct digest *digest,
                    struct output_rows *rows, struct err *err);

#endif
