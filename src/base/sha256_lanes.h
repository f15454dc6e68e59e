/* The body of a lane engine: SHA-256 of LANES messages at once, word by word, in vectors of LANES
 * words. The including file, one for each width, defines LANES, TARGET (the attribute that its
 * intrinsics need), lanes_vec and the functions below; it gets lanes_blocks().
 *
 *     lanes_get, lanes_put      a vector from and to memory of any alignment
 *     lanes_all                 one word for all lanes
 *     lanes_add, lanes_xor3     of two, of three
 *     lanes_choose(e, f, g)     bits of f where e has ones, else of g
 *     lanes_majority(a, b, c)
 *     lanes_right, lanes_shift  rotate and shift right by a constant
 *     lanes_words               the sixteen message words of a block of each lane
 */
#include "base/sha256_engine.h"

#define LANES_BIG_0(x)   lanes_xor3(lanes_right(x, 2), lanes_right(x, 13), lanes_right(x, 22))
#define LANES_BIG_1(x)   lanes_xor3(lanes_right(x, 6), lanes_right(x, 11), lanes_right(x, 25))
#define LANES_SMALL_0(x) lanes_xor3(lanes_right(x, 7), lanes_right(x, 18), lanes_shift(x, 3))
#define LANES_SMALL_1(x) lanes_xor3(lanes_right(x, 17), lanes_right(x, 19), lanes_shift(x, 10))

/* The word of sixteen rounds later takes the place of the one that was just used. */
#define LANES_NEXT(w, i)                                                                           \
    (w)[i] = lanes_add(lanes_add((w)[i], LANES_SMALL_0((w)[((i) + 1) & 15])),                      \
                       lanes_add((w)[((i) + 9) & 15], LANES_SMALL_1((w)[((i) + 14) & 15])))

#define LANES_KEEP(w, i) ((void)0)

#define LANES_ROUND(a, b, c, d, e, f, g, h, i, next)                                               \
    do {                                                                                           \
        lanes_vec sum_ = lanes_add(lanes_add(h, lanes_add(words[i], lanes_all(round[i]))),         \
                                   lanes_add(LANES_BIG_1(e), lanes_choose(e, f, g)));              \
        d = lanes_add(d, sum_);                                                                    \
        h = lanes_add(sum_, lanes_add(LANES_BIG_0(a), lanes_majority(a, b, c)));                   \
        next(words, i);                                                                            \
    } while (0)

#define LANES_EIGHT_ROUNDS(i, next)                                                                \
    do {                                                                                           \
        LANES_ROUND(a, b, c, d, e, f, g, h, (i) + 0, next);                                        \
        LANES_ROUND(h, a, b, c, d, e, f, g, (i) + 1, next);                                        \
        LANES_ROUND(g, h, a, b, c, d, e, f, (i) + 2, next);                                        \
        LANES_ROUND(f, g, h, a, b, c, d, e, (i) + 3, next);                                        \
        LANES_ROUND(e, f, g, h, a, b, c, d, (i) + 4, next);                                        \
        LANES_ROUND(d, e, f, g, h, a, b, c, (i) + 5, next);                                        \
        LANES_ROUND(c, d, e, f, g, h, a, b, (i) + 6, next);                                        \
        LANES_ROUND(b, c, d, e, f, g, h, a, (i) + 7, next);                                        \
    } while (0)

/* One block of each lane, `words` its message words, into the state. */
TARGET static inline void lanes_block(lanes_vec state[static SHA256_WORDS],
                                      lanes_vec words[static 16])
{
    lanes_vec a = state[0], b = state[1], c = state[2], d = state[3];
    lanes_vec e = state[4], f = state[5], g = state[6], h = state[7];
    const uint32_t *round = sha256_round;

    for (; round != sha256_round + 48; round += 16) {
        LANES_EIGHT_ROUNDS(0, LANES_NEXT);
        LANES_EIGHT_ROUNDS(8, LANES_NEXT);
    }
    LANES_EIGHT_ROUNDS(0, LANES_KEEP);
    LANES_EIGHT_ROUNDS(8, LANES_KEEP);
    state[0] = lanes_add(state[0], a);
    state[1] = lanes_add(state[1], b);
    state[2] = lanes_add(state[2], c);
    state[3] = lanes_add(state[3], d);
    state[4] = lanes_add(state[4], e);
    state[5] = lanes_add(state[5], f);
    state[6] = lanes_add(state[6], g);
    state[7] = lanes_add(state[7], h);
}

TARGET static inline void lanes_blocks(uint32_t *state, const unsigned char *const *data,
                                       size_t count)
{
    lanes_vec at[SHA256_WORDS], words[16];

    for (unsigned w = 0; w < SHA256_WORDS; w++) {
        at[w] = lanes_get(state + (size_t)w * LANES);
    }
    for (size_t i = 0; i < count; i++) {
        lanes_words(words, data, i * SHA256_BLOCK_BYTES);
        lanes_block(at, words);
    }
    for (unsigned w = 0; w < SHA256_WORDS; w++) {
        lanes_put(state + (size_t)w * LANES, at[w]);
    }
}
