#ifndef PAWL_BASE_SUGGEST_H
#define PAWL_BASE_SUGGEST_H
/* "did you mean": the nearest of several words, or none when all are far. Distance is optimal
 * string alignment (insert, delete, replace, swap of neighbours); near means at most a third of the
 * length of the longer word, and at least sharing one letter. */
#include "base/str.h"

struct suggest {
    struct str word; /* what was typed */
    struct str best; /* the nearest so far; empty: none is near */
    uint32_t distance;
};

void suggest_init(struct suggest *suggest, struct str word);
void suggest_offer(struct suggest *suggest, struct str candidate);

#endif
