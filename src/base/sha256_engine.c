/* Owns the choice of an engine: the tables, and what the processor has.
 *
 * That is asked once in the life of a process and then kept in one atomic word, the only variable
 * of this kind: on a virtual machine `cpuid` leaves the guest and costs some microseconds, which a
 * context for each small file must not pay, and a choice handed down from main would go through
 * every function that hashes. Whoever comes first writes it; all write the same. */
#include "base/sha256_engine.h"

#include <stdatomic.h>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

const uint32_t sha256_round[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

const struct sha256_engine sha256_engines[] = {
#if defined(__x86_64__)
    {"sha-ni", SHA256_X86_SHA, sha256_blocks_sha_ni},
#elif defined(__aarch64__)
    {"armv8", SHA256_ARM_SHA2, sha256_blocks_armv8},
#endif
    {"portable", 0, sha256_blocks_portable},
    {NULL, 0, NULL}};

const struct sha256_lane_engine sha256_lane_engines[] = {
#if defined(__x86_64__)
    {"avx512", SHA256_X86_AVX512, 16, 2, 8, sha256_lanes_avx512},
    {"sha-ni", SHA256_X86_SHA, 2, 2, 2, sha256_lanes_sha_ni},
    {"avx2", SHA256_X86_AVX2, 8, 2, 8, sha256_lanes_avx2},
#endif
    {NULL, 0, 0, 0, 0, NULL}};

#if defined(__x86_64__)

enum { XCR0_AVX = 0x06, XCR0_AVX512 = 0xe6 };

/* Which registers the kernel keeps for us when it switches. */
static unsigned features_kept(void)
{
    unsigned low, high;

    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static unsigned features_ask(void)
{
    unsigned a, b, c, d, kept, features = 0;

    if (!__get_cpuid(1, &a, &b, &c, &d)) {
        return 0;
    }
    bool has_sse = (c & bit_SSSE3) != 0 && (c & bit_SSE4_1) != 0;
    kept = (c & bit_OSXSAVE) != 0 ? features_kept() : 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        return 0;
    }
    features |= has_sse && (b & bit_SHA) != 0 ? SHA256_X86_SHA : 0;
    features |= (kept & XCR0_AVX) == XCR0_AVX && (b & bit_AVX2) != 0 ? SHA256_X86_AVX2 : 0;
    if ((kept & XCR0_AVX512) == XCR0_AVX512 && (b & bit_AVX512F) != 0 && (b & bit_AVX512BW) != 0) {
        features |= SHA256_X86_AVX512;
    }
    return features;
}

#elif defined(__aarch64__)

enum { FEATURES_HWCAP_SHA2 = 1 << 6 };

static unsigned features_ask(void)
{
    return (getauxval(AT_HWCAP) & FEATURES_HWCAP_SHA2) != 0 ? SHA256_ARM_SHA2 : 0;
}

#else

static unsigned features_ask(void)
{
    return 0;
}

#endif

unsigned sha256_features(void)
{
    enum { FEATURES_ASKED = 1u << 31 };
    static _Atomic unsigned known;
    unsigned features = atomic_load_explicit(&known, memory_order_relaxed);

    if (features == 0) {
        features = features_ask() | (unsigned)FEATURES_ASKED;
        atomic_store_explicit(&known, features, memory_order_relaxed);
    }
    return features & ~(unsigned)FEATURES_ASKED;
}

const struct sha256_engine *sha256_engine_best(void)
{
    const struct sha256_engine *engine = sha256_engines;
    unsigned features = sha256_features();

    while ((engine->needs & ~features) != 0) {
        engine++;
    }
    return engine;
}

const struct sha256_lane_engine *sha256_lane_engine_best(void)
{
    const struct sha256_lane_engine *engine = sha256_lane_engines;
    unsigned features = sha256_features();

    while (engine->name != NULL && (engine->needs & ~features) != 0) {
        engine++;
    }
    return engine->name != NULL ? engine : NULL;
}
