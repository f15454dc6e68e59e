/* SHA-256 by mbedTLS, behind an opaque state so that no other file sees mbedTLS and a faster block
 * function can take its place. */
#include "base/sha256.h"

#include <mbedtls/sha256.h>
#include <string.h>

_Static_assert(sizeof(mbedtls_sha256_context) <= sizeof(((struct sha256 *)NULL)->state),
               "the opaque state holds mbedTLS' context");

static mbedtls_sha256_context *sha256_context(struct sha256 *sha)
{
    return (mbedtls_sha256_context *)(void *)sha->state;
}

void sha256_init(struct sha256 *sha)
{
    mbedtls_sha256_init(sha256_context(sha));
    /* The portable implementation cannot fail: the answers are zero by construction. */
    (void)mbedtls_sha256_starts(sha256_context(sha), 0);
}

void sha256_update(struct sha256 *sha, const void *data, size_t len)
{
    if (len > 0) {
        (void)mbedtls_sha256_update(sha256_context(sha), data, len);
    }
}

void sha256_finish(struct sha256 *sha, struct digest *digest)
{
    (void)mbedtls_sha256_finish(sha256_context(sha), digest->bytes);
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
