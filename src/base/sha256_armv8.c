/* Blocks by the SHA-256 instructions of ARMv8. */
#if defined(__aarch64__)

#include "base/sha256_engine.h"

#include <arm_neon.h>

#define ARMV8        __attribute__((target("+crypto")))
#define ARMV8_INLINE static inline __attribute__((target("+crypto"), always_inline))

struct armv8 {
    uint32x4_t abcd, efgh;
};

/* Four rounds, from the i-th four on. The message words they use become those of sixteen rounds
 * later. */
ARMV8_INLINE void armv8_rounds(struct armv8 *at, uint32x4_t words[static 4], unsigned i)
{
    uint32x4_t *now = &words[i % 4];
    uint32x4_t sum = vaddq_u32(*now, vld1q_u32(sha256_round + 4 * i));
    uint32x4_t before = at->abcd;

    at->abcd = vsha256hq_u32(at->abcd, at->efgh, sum);
    at->efgh = vsha256h2q_u32(at->efgh, before, sum);
    if (i < 12) {
        *now = vsha256su0q_u32(*now, words[(i + 1) % 4]);
        *now = vsha256su1q_u32(*now, words[(i + 2) % 4], words[(i + 3) % 4]);
    }
}

ARMV8_INLINE void armv8_block(struct armv8 *at, const unsigned char *data)
{
    struct armv8 before = *at;
    uint32x4_t words[4];

#pragma GCC unroll 4
    for (unsigned i = 0; i < 4; i++) {
        words[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data + 16 * i)));
    }
#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; i++) {
        armv8_rounds(at, words, i);
    }
    at->abcd = vaddq_u32(at->abcd, before.abcd);
    at->efgh = vaddq_u32(at->efgh, before.efgh);
}

ARMV8 void sha256_blocks_armv8(uint32_t state[static SHA256_WORDS], const unsigned char *data,
                               size_t count)
{
    struct armv8 at = {vld1q_u32(state), vld1q_u32(state + 4)};

    for (size_t i = 0; i < count; i++) {
        armv8_block(&at, data + i * SHA256_BLOCK_BYTES);
    }
    vst1q_u32(state, at.abcd);
    vst1q_u32(state + 4, at.efgh);
}

#else
typedef int sha256_armv8_is_for_arm;
#endif
