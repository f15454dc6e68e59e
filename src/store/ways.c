#include "store/ways.h"

const struct ways WAYS_DEFAULT = {.items = {WAY_REFLINK, WAY_COPY}, .count = 2};

bool ways_have(const struct ways *ways, enum way way)
{
    for (uint32_t i = 0; i < ways->count; i++) {
        if (ways->items[i] == way) {
            return true;
        }
    }
    return false;
}
