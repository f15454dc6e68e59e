#ifndef PAWL_OS_REPLACE_H
#define PAWL_OS_REPLACE_H
/* Moving things from one place to another whatever the file systems say, and exchanging them.
 * Nothing here follows links. */
#include <stdbool.h>

#include "base/err.h"
#include "os/files.h"

/* Moves a file, link or folder. First rename; where that is refused (EXDEV: another file system, a
 * bind mount, a lower overlay layer): a folder is made anew and its entries moved one by one, a
 * file is copied, synced, renamed into place and the old one unlinked, a link made anew. What is at
 * `to` already: a file or link is replaced by a file or link; a folder takes the entries of a
 * folder (so that a move that was killed can be repeated and ends the same). Parents of `to` must
 * be there. Mode and times of files are kept. A missing `from` is ENOENT. */
bool file_move(struct clone_memory *memory, int from_dir, const char *from, int to_dir,
               const char *to, struct err *err);

/* Exchanges two paths at once (RENAME_EXCHANGE). `*unsupported` when kernel or file system has no
 * such thing (then nothing changed and err is not set). */
bool file_exchange(int a_dir, const char *a, int b_dir, const char *b, bool *unsupported,
                   struct err *err);

#endif
