#ifndef PAWL_STORE_KNOWN_H
#define PAWL_STORE_KNOWN_H
/* A set of digests with what is known of each: the session's memory of which objects exist, so that
 * asking again costs no system call. Not thread-safe: the store locks around it. */
#include <stdbool.h>
#include <stdint.h>

#include "base/sha256.h"
#include "base/vec.h"

enum known_state { KNOWN_NOT, KNOWN_FRESH, KNOWN_DURABLE };

struct known_row {
    struct digest digest;
    uint8_t state; /* enum known_state */
};

struct known {
    VEC(struct known_row) rows;
    uint32_t *slots; /* number of a row + 1, 0: free; open addressing; mask + 1 of them */
    uint32_t mask;
};

void known_init(struct known *known);
void known_fini(struct known *known);
enum known_state known_get(const struct known *known, const struct digest *digest);
/* Sets, adds or (KNOWN_NOT) forgets one. */
void known_set(struct known *known, const struct digest *digest, enum known_state state);

#endif
