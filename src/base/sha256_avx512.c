/* Sixteen messages at once in AVX-512: it has rotation, and any function of three bits. */
#if defined(__x86_64__)

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define LANES  16
#define TARGET __attribute__((target("avx512f,avx512bw")))

typedef __m512i lanes_vec;

#define lanes_get(from)         _mm512_loadu_si512(from)
#define lanes_put(to, v)        _mm512_storeu_si512(to, v)
#define lanes_all(word)         _mm512_set1_epi32((int)(word))
#define lanes_add(a, b)         _mm512_add_epi32(a, b)
#define lanes_xor3(a, b, c)     _mm512_ternarylogic_epi32(a, b, c, 0x96)
#define lanes_choose(e, f, g)   _mm512_ternarylogic_epi32(e, f, g, 0xca)
#define lanes_majority(a, b, c) _mm512_ternarylogic_epi32(a, b, c, 0xe8)
#define lanes_right(v, n)       _mm512_ror_epi32(v, n)
#define lanes_shift(v, n)       _mm512_srli_epi32(v, n)

/* A transposition of 16 by 16 words: in pairs, in fours, then the quarters of the vectors. */
TARGET static inline void lanes_words(lanes_vec words[static 16], const unsigned char *const *data,
                                      size_t offset)
{
    const __m512i swap = _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
    __m512i rows[16], pairs[16], fours[16];

#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; i++) {
        rows[i] = _mm512_shuffle_epi8(_mm512_loadu_si512(data[i] + offset), swap);
    }
#pragma GCC unroll 8
    for (unsigned i = 0; i < 16; i += 2) {
        pairs[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        pairs[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
#pragma GCC unroll 4
    for (unsigned i = 0; i < 16; i += 4) {
        fours[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
        fours[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
        fours[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
        fours[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
#pragma GCC unroll 4
    for (unsigned i = 0; i < 4; i++) {
        __m512i low = _mm512_shuffle_i32x4(fours[i], fours[4 + i], 0x44);
        __m512i high = _mm512_shuffle_i32x4(fours[i], fours[4 + i], 0xee);
        __m512i low_2 = _mm512_shuffle_i32x4(fours[8 + i], fours[12 + i], 0x44);
        __m512i high_2 = _mm512_shuffle_i32x4(fours[8 + i], fours[12 + i], 0xee);

        words[i] = _mm512_shuffle_i32x4(low, low_2, 0x88);
        words[4 + i] = _mm512_shuffle_i32x4(low, low_2, 0xdd);
        words[8 + i] = _mm512_shuffle_i32x4(high, high_2, 0x88);
        words[12 + i] = _mm512_shuffle_i32x4(high, high_2, 0xdd);
    }
}

#include "base/sha256_lanes.h"

TARGET void sha256_lanes_avx512(uint32_t *state, const unsigned char *const *data, size_t count)
{
    lanes_blocks(state, data, count);
}

#else
typedef int sha256_avx512_is_for_x86;
#endif
