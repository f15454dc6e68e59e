/* SHA-256: the vectors of FIPS 180-4, and every engine that this processor has against mbedTLS, on
 * random lengths, splits and sets of messages. The first line says which engines those are. */
#include "base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"
#include "base/sha256_engine.h"
#include "base/sha256_many.h"

enum { ROUNDS = 600, LENGTH_MOST = 5000, MESSAGES_MOST = 70, MILLION = 1000000 };

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % below;
}

/* Exactly as long as said, so that a sanitizer sees a read behind the end. */
static unsigned char *random_bytes(size_t len)
{
    unsigned char *bytes = malloc(len == 0 ? 1 : len);

    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (unsigned char)random_below(256);
    }
    return bytes;
}

/* Lengths around the edges of blocks as often as any others. */
static size_t random_length(void)
{
    switch (random_below(4)) {
    case 0:
        return random_below(3);
    case 1:
        return random_below(6) * SHA256_BLOCK_BYTES + SHA256_BLOCK_BYTES - 12 + random_below(15);
    case 2:
        return random_below(300);
    default:
        return random_below(LENGTH_MOST);
    }
}

static bool is_usable(unsigned needs)
{
    return (needs & ~sha256_features()) == 0;
}

static void assert_digest(const struct digest *digest, const char *expected)
{
    char hex[DIGEST_HEX_BYTES + 1];

    assert_string_equal(digest_hex(digest, hex), expected);
}

static struct digest digest_by(const struct sha256_engine *engine, const void *data, size_t len)
{
    struct sha256 sha;
    struct digest digest;

    sha256_init_by(&sha, engine);
    sha256_update(&sha, data, len);
    sha256_finish(&sha, &digest);
    return digest;
}

/* --- the standard's own --- */

static const struct {
    const char *text, *digest;
} vectors[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnop"
     "qrsmnopqrstnopqrstu",
     "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"}};
enum { VECTORS = sizeof(vectors) / sizeof(*vectors) };

#define MILLION_A "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

static void test_vectors(void **state)
{
    (void)state;
    for (const struct sha256_engine *engine = sha256_engines; engine->name != NULL; engine++) {
        for (size_t i = 0; is_usable(engine->needs) && i < VECTORS; i++) {
            struct digest digest = digest_by(engine, vectors[i].text, strlen(vectors[i].text));

            assert_digest(&digest, vectors[i].digest);
        }
    }
}

static void test_million(void **state)
{
    unsigned char *bytes = malloc(MILLION);

    (void)state;
    assert_non_null(bytes);
    memset(bytes, 'a', MILLION);
    for (const struct sha256_engine *engine = sha256_engines; engine->name != NULL; engine++) {
        if (is_usable(engine->needs)) {
            struct digest digest = digest_by(engine, bytes, MILLION);

            assert_digest(&digest, MILLION_A);
        }
    }
    free(bytes);
}

static void test_vectors_in_lanes(void **state)
{
    unsigned char *bytes = malloc(MILLION);

    (void)state;
    assert_non_null(bytes);
    memset(bytes, 'a', MILLION);
    for (const struct sha256_lane_engine *engine = sha256_lane_engines; engine->name != NULL;
         engine++) {
        struct sha256_message messages[VECTORS + 2] = {{.data = bytes, .len = MILLION}};

        if (!is_usable(engine->needs)) {
            continue;
        }
        for (size_t i = 0; i < VECTORS; i++) {
            messages[1 + i].data = vectors[i].text;
            messages[1 + i].len = strlen(vectors[i].text);
        }
        messages[VECTORS + 1].data = NULL;
        sha256_many_by(engine, messages, VECTORS + 2);
        assert_digest(&messages[0].digest, MILLION_A);
        for (size_t i = 0; i < VECTORS; i++) {
            assert_digest(&messages[1 + i].digest, vectors[i].digest);
        }
        assert_digest(&messages[VECTORS + 1].digest, vectors[0].digest);
    }
    free(bytes);
}

/* --- against mbedTLS --- */

static void check_splits(const struct sha256_engine *engine, const unsigned char *bytes, size_t len,
                         const struct digest *expected)
{
    struct sha256 sha;
    struct digest digest;
    size_t at = 0;

    sha256_init_by(&sha, engine);
    while (at < len) {
        size_t part = random_below(3) == 0 ? random_below(200) : random_below((uint32_t)len + 1);

        part = part < len - at ? part : len - at;
        sha256_update(&sha, bytes + at, part);
        at += part;
    }
    sha256_finish(&sha, &digest);
    assert_memory_equal(&digest, expected, sizeof(digest));
}

static void test_splits(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        size_t len = random_length();
        unsigned char *bytes = random_bytes(len);
        struct digest expected = sha256_reference(bytes, len);
        struct digest digest = sha256_of(bytes, len);

        assert_memory_equal(&digest, &expected, sizeof(digest));
        for (const struct sha256_engine *engine = sha256_engines; engine->name != NULL; engine++) {
            if (is_usable(engine->needs)) {
                check_splits(engine, bytes, len, &expected);
            }
        }
        free(bytes);
    }
}

/* Unaligned, and block by block against many at once. */
static void test_blocks(void **state)
{
    unsigned char *bytes = random_bytes(33 * SHA256_BLOCK_BYTES + 1);

    (void)state;
    for (const struct sha256_engine *engine = sha256_engines; engine->name != NULL; engine++) {
        uint32_t one[SHA256_WORDS], many[SHA256_WORDS];

        if (!is_usable(engine->needs)) {
            continue;
        }
        memcpy(one, sha256_start, sizeof(one));
        memcpy(many, sha256_start, sizeof(many));
        engine->blocks(many, bytes + 1, 33);
        for (size_t i = 0; i < 33; i++) {
            sha256_blocks_portable(one, bytes + 1 + i * SHA256_BLOCK_BYTES, 1);
        }
        assert_memory_equal(one, many, sizeof(one));
    }
    free(bytes);
}

static void check_messages(const struct sha256_message *messages, const struct digest *expected,
                           uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_memory_equal(&messages[i].digest, &expected[i], sizeof(expected[i]));
    }
}

static void forget(struct sha256_message *messages, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        memset(&messages[i].digest, 0, sizeof(messages[i].digest));
    }
}

static void check_set(uint32_t count)
{
    struct sha256_message messages[MESSAGES_MOST];
    struct digest expected[MESSAGES_MOST];

    for (uint32_t i = 0; i < count; i++) {
        messages[i].len = random_length();
        messages[i].data = random_bytes(messages[i].len);
        expected[i] = sha256_reference(messages[i].data, messages[i].len);
    }
    for (const struct sha256_lane_engine *engine = sha256_lane_engines; engine->name != NULL;
         engine++) {
        if (is_usable(engine->needs)) {
            forget(messages, count);
            sha256_many_by(engine, messages, count);
            check_messages(messages, expected, count);
        }
    }
    forget(messages, count);
    sha256_many_by(NULL, messages, count);
    check_messages(messages, expected, count);
    forget(messages, count);
    sha256_many(messages, count);
    check_messages(messages, expected, count);
    for (uint32_t i = 0; i < count; i++) {
        free((void *)(uintptr_t)messages[i].data);
    }
}

static void test_many(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < ROUNDS / 6; round++) {
        check_set(random_below(MESSAGES_MOST + 1));
    }
}

/* --- which --- */

static void tell(const char *kind, const char *name, unsigned needs)
{
    printf("# %s %s: %s\n", kind, name, is_usable(needs) ? "run" : "not in this processor");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),          cmocka_unit_test(test_million),
        cmocka_unit_test(test_vectors_in_lanes), cmocka_unit_test(test_splits),
        cmocka_unit_test(test_blocks),           cmocka_unit_test(test_many)};

    for (const struct sha256_engine *engine = sha256_engines; engine->name != NULL; engine++) {
        tell("engine", engine->name, engine->needs);
    }
    for (const struct sha256_lane_engine *lanes = sha256_lane_engines; lanes->name != NULL;
         lanes++) {
        tell("lanes", lanes->name, lanes->needs);
    }
    fflush(stdout);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
