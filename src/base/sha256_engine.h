#ifndef PAWL_BASE_SHA256_ENGINE_H
#define PAWL_BASE_SHA256_ENGINE_H
/* The functions that do SHA-256's blocks, for base/sha256*.c and their test. Two kinds: an engine
 * takes one message forward; a lane engine takes several at once, one in each lane of a vector.
 * All give what mbedTLS gives, to the bit; they differ in what the processor must have.
 *
 * To add one: a file of its own with the function, its declaration here, and its row in
 * sha256_engine.c, with what it needs. No file needs flags of its own: functions say by
 * __attribute__((target)) which instructions they use, and nobody calls them without a look at the
 * processor.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"

/* What a processor, and the kernel under it, lets us use. */
enum sha256_feature {
    SHA256_X86_SHA = 1,    /* SHA instructions, SSSE3, SSE4.1 */
    SHA256_X86_AVX2 = 2,   /* with the upper halves kept by the kernel */
    SHA256_X86_AVX512 = 4, /* F and BW, the same */
    SHA256_ARM_SHA2 = 8
};

/* `count` blocks of 64 bytes into `state`. */
typedef void sha256_blocks_fn(uint32_t state[static SHA256_WORDS], const unsigned char *data,
                              size_t count);
/* The same for each lane: word `w` of lane `l` is state[w * lanes + l], its blocks are at data[l].
 */
typedef void sha256_lanes_fn(uint32_t *state, const unsigned char *const *data, size_t count);

struct sha256_engine {
    const char *name;
    unsigned needs; /* enum sha256_feature, ored */
    sha256_blocks_fn *blocks;
};

enum { SHA256_LANES_MAX = 16 };

struct sha256_lane_engine {
    const char *name;
    unsigned needs;
    uint32_t lanes;
    uint32_t worth_alone; /* with fewer messages than this one after the other is faster, … */
    uint32_t worth_sha;   /* … or than this, where one message has SHA instructions */
    sha256_lanes_fn *blocks;
};

/* Fastest first, ended by name == NULL. The last engine needs nothing. */
extern const struct sha256_engine sha256_engines[];
extern const struct sha256_lane_engine sha256_lane_engines[];

/* The processor's. */
unsigned sha256_features(void);
/* The first that can be used; for lanes NULL where there is none. */
const struct sha256_engine *sha256_engine_best(void);
const struct sha256_lane_engine *sha256_lane_engine_best(void);

extern const uint32_t sha256_start[SHA256_WORDS];
extern const uint32_t sha256_round[64];

void sha256_init_by(struct sha256 *sha, const struct sha256_engine *engine);
/* What stands behind a message of `len_bytes`: its last bytes, the padding and its length. Returns
 * the number of blocks in `tail`, 1 or 2. */
size_t sha256_tail(const unsigned char *rest, uint64_t len_bytes,
                   unsigned char tail[static 2 * SHA256_BLOCK_BYTES]);
void sha256_digest_of(const uint32_t state[static SHA256_WORDS], struct digest *digest);

/* mbedTLS from end to end: what the engines are held against. */
struct digest sha256_reference(const void *data, size_t len);

sha256_blocks_fn sha256_blocks_portable;
#if defined(__x86_64__)
sha256_blocks_fn sha256_blocks_sha_ni;
sha256_lanes_fn sha256_lanes_sha_ni; /* 2 */
sha256_lanes_fn sha256_lanes_avx2;   /* 8 */
sha256_lanes_fn sha256_lanes_avx512; /* 16 */
#elif defined(__aarch64__)
sha256_blocks_fn sha256_blocks_armv8;
#endif

#endif
