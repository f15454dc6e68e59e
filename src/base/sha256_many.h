#ifndef PAWL_BASE_SHA256_MANY_H
#define PAWL_BASE_SHA256_MANY_H
/* SHA-256 of many messages that lie in memory, several at once where the processor has vectors for
 * it. The same digests as sha256_of; any thread.
 *
 * Messages may be of any lengths: a lane whose message ends takes the next one. With the longest
 * first all lanes end together, which is fastest.
 */
#include "base/sha256.h"

struct sha256_message {
    const void *data; /* may be NULL when `len` is 0 */
    size_t len;
    struct digest digest; /* out */
};

void sha256_many(struct sha256_message *messages, size_t count);

/* With this lane engine (NULL: none), down to one message: for tests. */
struct sha256_lane_engine;
void sha256_many_by(const struct sha256_lane_engine *engine, struct sha256_message *messages,
                    size_t count);

#endif
