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
/* The bytes of all files in a tree (apparent size), counting no further than `limit_bytes`. A
 * missing path has none. */
uint64_t tree_size_bytes(int dirfd, const char *path, uint64_t limit_bytes);

#endif
