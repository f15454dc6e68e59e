/* Blocks by the SHA instructions of x86-64. Two rounds of one message depend on each other for
 * longer than the processor is busy with them, so two messages in turn take little more than one:
 * the same code for one stream and for two. */
#if defined(__x86_64__)

#include "base/sha256_engine.h"

#include <immintrin.h>

#define SHA_NI        __attribute__((target("sha,ssse3,sse4.1")))
#define SHA_NI_INLINE static inline __attribute__((target("sha,ssse3,sse4.1"), always_inline))

enum { SHA_NI_STREAMS = 2 };

/* The instructions hold the state as words ABEF and CDGH. */
struct sha_ni {
    __m128i abef, cdgh;
};

SHA_NI_INLINE __m128i sha_ni_get(const void *from)
{
    return _mm_loadu_si128((const __m128i_u *)from);
}

SHA_NI_INLINE void sha_ni_put(void *to, __m128i value)
{
    _mm_storeu_si128((__m128i_u *)to, value);
}

SHA_NI_INLINE struct sha_ni sha_ni_load(const uint32_t state[static SHA256_WORDS])
{
    __m128i cdab = _mm_shuffle_epi32(sha_ni_get(state), 0xb1);
    __m128i efgh = _mm_shuffle_epi32(sha_ni_get(state + 4), 0x1b);

    return (struct sha_ni){_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0)};
}

SHA_NI_INLINE void sha_ni_store(uint32_t state[static SHA256_WORDS], struct sha_ni words)
{
    __m128i feba = _mm_shuffle_epi32(words.abef, 0x1b);
    __m128i dchg = _mm_shuffle_epi32(words.cdgh, 0xb1);

    sha_ni_put(state, _mm_blend_epi16(feba, dchg, 0xf0));
    sha_ni_put(state + 4, _mm_alignr_epi8(dchg, feba, 8));
}

/* Four rounds, from the i-th four on. The message words they use become those of sixteen rounds
 * later. */
SHA_NI_INLINE void sha_ni_rounds(struct sha_ni *at, __m128i words[static 4], unsigned i)
{
    __m128i *now = &words[i % 4];
    __m128i sum = _mm_add_epi32(*now, sha_ni_get(sha256_round + 4 * i));

    at->cdgh = _mm_sha256rnds2_epu32(at->cdgh, at->abef, sum);
    at->abef = _mm_sha256rnds2_epu32(at->abef, at->cdgh, _mm_shuffle_epi32(sum, 0x0e));
    if (i < 12) {
        __m128i last = words[(i + 3) % 4];

        *now = _mm_add_epi32(_mm_sha256msg1_epu32(*now, words[(i + 1) % 4]),
                             _mm_alignr_epi8(last, words[(i + 2) % 4], 4));
        *now = _mm_sha256msg2_epu32(*now, last);
    }
}

/* One block of each stream. `streams` is a constant where this is called. */
SHA_NI_INLINE void sha_ni_block(struct sha_ni *at, const unsigned char *const *data, size_t offset,
                                unsigned streams)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    struct sha_ni before[SHA_NI_STREAMS];
    __m128i words[SHA_NI_STREAMS][4];

    for (unsigned s = 0; s < streams; s++) {
        before[s] = at[s];
#pragma GCC unroll 4
        for (unsigned i = 0; i < 4; i++) {
            words[s][i] = _mm_shuffle_epi8(sha_ni_get(data[s] + offset + 16 * i), swap);
        }
    }
#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; i++) {
        for (unsigned s = 0; s < streams; s++) {
            sha_ni_rounds(&at[s], words[s], i);
        }
    }
    for (unsigned s = 0; s < streams; s++) {
        at[s].abef = _mm_add_epi32(at[s].abef, before[s].abef);
        at[s].cdgh = _mm_add_epi32(at[s].cdgh, before[s].cdgh);
    }
}

SHA_NI void sha256_blocks_sha_ni(uint32_t state[static SHA256_WORDS], const unsigned char *data,
                                 size_t count)
{
    struct sha_ni at = sha_ni_load(state);

    for (size_t i = 0; i < count; i++) {
        sha_ni_block(&at, &data, i * SHA256_BLOCK_BYTES, 1);
    }
    sha_ni_store(state, at);
}

SHA_NI void sha256_lanes_sha_ni(uint32_t *state, const unsigned char *const *data, size_t count)
{
    const unsigned char *from[SHA_NI_STREAMS] = {data[0], data[1]};
    uint32_t words[SHA_NI_STREAMS][SHA256_WORDS];
    struct sha_ni at[SHA_NI_STREAMS];

    for (unsigned w = 0; w < SHA256_WORDS; w++) {
        words[0][w] = state[2 * w];
        words[1][w] = state[2 * w + 1];
    }
    at[0] = sha_ni_load(words[0]);
    at[1] = sha_ni_load(words[1]);
    for (size_t i = 0; i < count; i++) {
        sha_ni_block(at, from, i * SHA256_BLOCK_BYTES, SHA_NI_STREAMS);
    }
    sha_ni_store(words[0], at[0]);
    sha_ni_store(words[1], at[1]);
    for (unsigned w = 0; w < SHA256_WORDS; w++) {
        state[2 * w] = words[0][w];
        state[2 * w + 1] = words[1][w];
    }
}

#else
typedef int sha256_sha_ni_is_for_x86;
#endif
