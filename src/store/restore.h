#ifndef PAWL_STORE_RESTORE_H
#define PAWL_STORE_RESTORE_H
/* Writing outputs back to the workspace, exactly as they were: bytes, type and x-bit; 0666 or 0777
 * less the umask, but read-only where a file is a hard link to its object. What is copied is hashed
 * on the way, what is linked before: another digest is status 12 and changes nothing at the path. A
 * file is replaced by rename, a folder by exchange where the kernel has it (else: old aside, new
 * in, old removed), never merged. Bytes at the path that no result knows must have been moved away
 * by the caller (store/park.h). Any thread.
 */
#include <stdbool.h>

#include "os/signature.h"
#include "store/objects.h"
#include "store/ways.h"

/* Where only something new may be: what came there meanwhile stays, and `err` says EEXIST. */
enum restore_place { RESTORE_REPLACES, RESTORE_IS_NEW };

/* Restores one output to `path` below `workspace_fd`: `output` says type, digest and x-bit, the
 * rest of it is not read. Parents are made, following no link. With `rows` (may be NULL; see
 * objects.h) what lies there afterwards. */
bool restore_output(struct objects *objects, int workspace_fd, const char *path,
                    const struct put_output *output, const struct ways *ways,
                    enum restore_place place, struct output_rows *rows, struct err *err);

/* The same for a folder that holds what `tree` says, in the store under no name of its own: a part
 * of a folder output. */
bool restore_tree(struct objects *objects, int workspace_fd, const char *path,
                  const struct tree *tree, const struct ways *ways, enum restore_place place,
                  struct output_rows *rows, struct err *err);

/* Objects of an output that are not what their names say leave the store: looking again then finds
 * that the output must be made anew, and what makes it writes them anew. */
void restore_drop_damaged(struct objects *objects, enum tree_type type,
                          const struct digest *digest);

/* Where hard links are the first of the ways: the files of an output that was put just now become
 * links to their objects, and `rows` says what lies there afterwards. What cannot be linked, or is
 * no longer what was put, stays as it is. */
void restore_link_put(struct objects *objects, int workspace_fd, const struct ways *ways,
                      struct output_rows *rows);

#endif
