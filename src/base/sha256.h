#ifndef PAWL_BASE_SHA256_H
#define PAWL_BASE_SHA256_H
/* SHA-256: the name of everything in the store. One shot, or in pieces: sha256_init, sha256_update
 * as often as needed, sha256_finish once. A `struct sha256` owns no memory and may be dropped at
 * any point. sha256.c is the only user of mbedTLS. Any thread, one context each.
 *
 * The blocks are done by the fastest function that this processor has (base/sha256_engine.h). Many
 * messages that lie in memory are done several at once: base/sha256_many.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_BYTES = 32, DIGEST_HEX_BYTES = 64, SHA256_BLOCK_BYTES = 64, SHA256_WORDS = 8 };

struct digest {
    uint8_t bytes[DIGEST_BYTES];
};

struct sha256_engine;

/* Its members are for base/sha256*.c alone. */
struct sha256 {
    const struct sha256_engine *engine;
    uint64_t len_bytes;
    uint32_t state[SHA256_WORDS];
    unsigned char block[SHA256_BLOCK_BYTES]; /* the last len_bytes % 64, not yet in the state */
};

void sha256_init(struct sha256 *sha);
void sha256_update(struct sha256 *sha, const void *data, size_t len);
void sha256_finish(struct sha256 *sha, struct digest *digest);
struct digest sha256_of(const void *data, size_t len);

bool digest_equal(const struct digest *a, const struct digest *b);
/* By bytes, as memcmp. */
int digest_compare(const struct digest *a, const struct digest *b);
/* All bytes zero: stands for "none". */
bool digest_is_zero(const struct digest *digest);
/* A hash for tables: the first eight bytes. */
uint64_t digest_hash(const struct digest *digest);

#endif
