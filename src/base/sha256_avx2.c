/* Eight messages at once in AVX2. */
#if defined(__x86_64__)

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define LANES  8
#define TARGET __attribute__((target("avx2")))

typedef __m256i lanes_vec;

#define lanes_get(from)       _mm256_loadu_si256((const __m256i_u *)(from))
#define lanes_put(to, v)      _mm256_storeu_si256((__m256i_u *)(to), v)
#define lanes_all(word)       _mm256_set1_epi32((int)(word))
#define lanes_add(a, b)       _mm256_add_epi32(a, b)
#define lanes_xor(a, b)       _mm256_xor_si256(a, b)
#define lanes_and(a, b)       _mm256_and_si256(a, b)
#define lanes_xor3(a, b, c)   lanes_xor(lanes_xor(a, b), c)
#define lanes_choose(e, f, g) lanes_xor(g, lanes_and(e, lanes_xor(f, g)))
/* The compiler sees that a ^ b is the b ^ c of the next round. */
#define lanes_majority(a, b, c) lanes_xor(b, lanes_and(lanes_xor(a, b), lanes_xor(b, c)))
#define lanes_right(v, n)       _mm256_or_si256(_mm256_srli_epi32(v, n), _mm256_slli_epi32(v, 32 - (n)))
#define lanes_shift(v, n)       _mm256_srli_epi32(v, n)

/* A transposition of 8 by 8 words: in pairs, in fours, then the halves of the vectors. */
TARGET static inline void lanes_half(lanes_vec words[static 8], const unsigned char *const *data,
                                     size_t offset)
{
    const __m256i swap = _mm256_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203,
                                           0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m256i rows[8], pairs[8], fours[8];

#pragma GCC unroll 8
    for (unsigned i = 0; i < 8; i++) {
        rows[i] = _mm256_shuffle_epi8(lanes_get(data[i] + offset), swap);
    }
#pragma GCC unroll 4
    for (unsigned i = 0; i < 8; i += 2) {
        pairs[i] = _mm256_unpacklo_epi32(rows[i], rows[i + 1]);
        pairs[i + 1] = _mm256_unpackhi_epi32(rows[i], rows[i + 1]);
    }
#pragma GCC unroll 2
    for (unsigned i = 0; i < 8; i += 4) {
        fours[i] = _mm256_unpacklo_epi64(pairs[i], pairs[i + 2]);
        fours[i + 1] = _mm256_unpackhi_epi64(pairs[i], pairs[i + 2]);
        fours[i + 2] = _mm256_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
        fours[i + 3] = _mm256_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
#pragma GCC unroll 4
    for (unsigned i = 0; i < 4; i++) {
        words[i] = _mm256_permute2x128_si256(fours[i], fours[4 + i], 0x20);
        words[4 + i] = _mm256_permute2x128_si256(fours[i], fours[4 + i], 0x31);
    }
}

TARGET static inline void lanes_words(lanes_vec words[static 16], const unsigned char *const *data,
                                      size_t offset)
{
    lanes_half(words, data, offset);
    lanes_half(words + 8, data, offset + 32);
}

#include "base/sha256_lanes.h"

TARGET void sha256_lanes_avx2(uint32_t *state, const unsigned char *const *data, size_t count)
{
    lanes_blocks(state, data, count);
}

#else
typedef int sha256_avx2_is_for_x86;
#endif
