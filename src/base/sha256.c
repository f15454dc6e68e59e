/* Owns the form of a message: blocks, the rest, padding and length. What is done to a block is the
 * engine's; the portable one is mbedTLS', which is also what the others are tested against. */
#include "base/sha256.h"

#include <mbedtls/sha256.h>
#include <string.h>

#include "base/sha256_engine.h"

const uint32_t sha256_start[SHA256_WORDS] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                             0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

void sha256_blocks_portable(uint32_t state[static SHA256_WORDS], const unsigned char *data,
                            size_t count)
{
    mbedtls_sha256_context context;

    mbedtls_sha256_init(&context);
    memcpy(context.MBEDTLS_PRIVATE(state), state, sizeof(sha256_start));
    for (size_t i = 0; i < count; i++) {
        /* The portable implementation cannot fail: the answers are zero by construction. */
        (void)mbedtls_internal_sha256_process(&context, data + i * SHA256_BLOCK_BYTES);
    }
    memcpy(state, context.MBEDTLS_PRIVATE(state), sizeof(sha256_start));
}

struct digest sha256_reference(const void *data, size_t len)
{
    struct digest digest;

    (void)mbedtls_sha256(data, len, digest.bytes, 0);
    return digest;
}

void sha256_init_by(struct sha256 *sha, const struct sha256_engine *engine)
{
    sha->engine = engine;
    sha->len_bytes = 0;
    memcpy(sha->state, sha256_start, sizeof(sha->state));
}

void sha256_init(struct sha256 *sha)
{
    sha256_init_by(sha, sha256_engine_best());
}

/* Fills the block that was begun; returns how much of the data went into it. */
static size_t sha256_fill(struct sha256 *sha, const unsigned char *data, size_t len)
{
    size_t used = sha->len_bytes % SHA256_BLOCK_BYTES;
    size_t taken = SHA256_BLOCK_BYTES - used < len ? SHA256_BLOCK_BYTES - used : len;

    if (used == 0) {
        return 0;
    }
    memcpy(sha->block + used, data, taken);
    if (used + taken == SHA256_BLOCK_BYTES) {
        sha->engine->blocks(sha->state, sha->block, 1);
    }
    return taken;
}

void sha256_update(struct sha256 *sha, const void *data, size_t len)
{
    const unsigned char *at = data;
    size_t filled;

    if (len == 0) {
        return;
    }
    filled = sha256_fill(sha, at, len);
    sha->len_bytes += len;
    at += filled;
    len -= filled;
    if (len >= SHA256_BLOCK_BYTES) {
        sha->engine->blocks(sha->state, at, len / SHA256_BLOCK_BYTES);
    }
    if (len % SHA256_BLOCK_BYTES != 0) {
        memcpy(sha->block, at + (len - len % SHA256_BLOCK_BYTES), len % SHA256_BLOCK_BYTES);
    }
}

size_t sha256_tail(const unsigned char *rest, uint64_t len_bytes,
                   unsigned char tail[static 2 * SHA256_BLOCK_BYTES])
{
    size_t used = len_bytes % SHA256_BLOCK_BYTES;
    size_t blocks = used + 1 + sizeof(uint64_t) <= SHA256_BLOCK_BYTES ? 1 : 2;
    unsigned char *end = tail + blocks * SHA256_BLOCK_BYTES;

    memset(tail, 0, blocks * SHA256_BLOCK_BYTES);
    if (used != 0) {
        memcpy(tail, rest, used);
    }
    tail[used] = 0x80;
    for (unsigned i = 0; i < sizeof(uint64_t); i++) {
        *--end = (unsigned char)(len_bytes << 3 >> (8 * i));
    }
    return blocks;
}

void sha256_digest_of(const uint32_t state[static SHA256_WORDS], struct digest *digest)
{
    for (unsigned i = 0; i < DIGEST_BYTES; i++) {
        digest->bytes[i] = (uint8_t)(state[i / 4] >> (24 - i % 4 * 8));
    }
}

void sha256_finish(struct sha256 *sha, struct digest *digest)
{
    unsigned char tail[2 * SHA256_BLOCK_BYTES];

    sha->engine->blocks(sha->state, tail, sha256_tail(sha->block, sha->len_bytes, tail));
    sha256_digest_of(sha->state, digest);
}

struct digest sha256_of(const void *data, size_t len)
{
    struct sha256 sha;
    struct digest digest;

    sha256_init(&sha);
    sha256_update(&sha, data, len);
    sha256_finish(&sha, &digest);
    return digest;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0;
}

int digest_compare(const struct digest *a, const struct digest *b)
{
    return memcmp(a->bytes, b->bytes, DIGEST_BYTES);
}

bool digest_is_zero(const struct digest *digest)
{
    static const struct digest zero;
    return digest_equal(digest, &zero);
}

uint64_t digest_hash(const struct digest *digest)
{
    uint64_t hash;
    memcpy(&hash, digest->bytes, sizeof(hash));
    return hash;
}
