#ifndef PAWL_STORE_WAYS_H
#define PAWL_STORE_WAYS_H
/* How files of the workspace come from objects: the first way that works, from the front of the
 * list on. Behind its end is always a copy, for what no way of the list can do: hard links do not
 * reach another file system, and an object has no x-bit, so an executable is a file of its own. */
#include <stdbool.h>
#include <stdint.h>

enum way { WAY_REFLINK, WAY_COPY, WAY_HARDLINK, WAY_COUNT };

struct ways {
    enum way items[WAY_COUNT];
    uint32_t count;
};

/* Reflink, copy. */
extern const struct ways WAYS_DEFAULT;

bool ways_have(const struct ways *ways, enum way way);

#endif
