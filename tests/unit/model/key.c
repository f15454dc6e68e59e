/* Keys: the frozen serialisation, and that no two lists of fields share one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/hex.h"
#include "model/key.h"

#define SAMPLE "testdata/formats/key-1.bin"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

/* A field of each kind. */
static struct key_fields sample(void)
{
    static const char file_digest[] =
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    struct str abc = str_n(file_digest, DIGEST_HEX_BYTES);
    struct key_fields fields;

    key_fields_init(&fields, &arena);
    key_fields_add(&fields, STR("format"), STR("1"));
    key_fields_add(&fields, STR("version"), STR(""));
    key_fields_add(&fields, STR("command"), STR("awk -f a.awk 'b c' >\xff"));
    key_fields_add(&fields, STR("shell[0]"), STR("/bin/sh"));
    key_fields_add(&fields, STR("dir"), STR("sub"));
    key_fields_add(&fields, STR("env.A"), STR("x=y\nz"));
    key_fields_add(&fields, STR("tool awk"), abc);
    key_fields_add_path(&fields, "input", STR("a.awk"), STR_NONE, abc);
    key_fields_add_path(&fields, "input", STR("data/b c"), STR("prices"), abc);
    key_fields_add_path(&fields, "output", STR("out/"), STR_NONE, STR("folder"));
    return fields;
}

static const char *hex(const struct digest *digest)
{
    return digest_str(digest, &arena).data;
}

static void test_sample(void **state)
{
    struct key_fields fields = sample();
    struct digest key = key_fields_digest(&fields);
    struct digest frozen;
    char bytes[4096];
    FILE *file = fopen(SAMPLE, "rb");
    size_t len;

    (void)state;
    assert_non_null(file);
    len = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    frozen = sha256_of(bytes, len);
    assert_string_equal(hex(&key), hex(&frozen));
    assert_string_equal(hex(&key),
                        "1c8ccc2ac88086bfd05b2d770c2be3c2abafb8b29487270f5e9d0cfb2fb572bd");
}

static void test_names(void **state)
{
    struct key_fields fields = sample();

    (void)state;
    assert_int_equal(fields.count, 10);
    assert_true(str_is(fields.items[7].name, "input a.awk"));
    assert_true(str_is(fields.items[8].name, "input data/b c (prices)"));
}

static struct digest key_of(const char *const *words, uint32_t count)
{
    struct key_fields fields;

    key_fields_init(&fields, &arena);
    for (uint32_t i = 0; i < count; i += 2) {
        key_fields_add(&fields, str_of(words[i]), str_of(words[i + 1]));
    }
    return key_fields_digest(&fields);
}

/* Bytes that move from a name to a value, or to the next field, make another key. */
static void test_framed(void **state)
{
    static const char *const lists[][4] = {
        {"ab", "c", "d", "e"}, {"a", "bc", "d", "e"}, {"ab", "cd", "", "e"},
        {"d", "e", "ab", "c"}, {"ab", "c", "de", ""}, {"", "abc", "d", "e"},
    };
    struct digest keys[6];
    struct digest none = key_of(NULL, 0);
    struct digest half = key_of(lists[0], 2);

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        keys[i] = key_of(lists[i], 4);
        assert_false(digest_equal(&keys[i], &none));
        assert_false(digest_equal(&keys[i], &half));
        for (size_t j = 0; j < i; j++) {
            assert_false(digest_equal(&keys[i], &keys[j]));
        }
    }
    assert_false(digest_equal(&none, &half));
}

/* More fields than there is room for at first. */
static void test_many(void **state)
{
    struct key_fields fields;
    struct digest before, after;

    (void)state;
    key_fields_init(&fields, &arena);
    for (uint32_t i = 0; i < 1000; i++) {
        key_fields_add(&fields, str_printf(&arena, "env.V%u", i), STR("v"));
    }
    assert_int_equal(fields.count, 1000);
    assert_true(str_is(fields.items[0].name, "env.V0"));
    assert_true(str_is(fields.items[999].name, "env.V999"));
    before = key_fields_digest(&fields);
    fields.items[500].value = STR("w");
    after = key_fields_digest(&fields);
    assert_false(digest_equal(&before, &after));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sample),
        TEST(test_names),
        TEST(test_framed),
        TEST(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
