#ifndef PAWL_OS_REMOVE_H
#define PAWL_OS_REMOVE_H
/* Removing whole trees. Links are removed, never followed; folders without write permission are
 * given it; a missing path is success. */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

bool file_remove(int dirfd, const char *path, struct err *err);
/* A file, link or folder with all that is in it. */
bool tree_remove(int dirfd, const char *path, struct err *err);

#endif
