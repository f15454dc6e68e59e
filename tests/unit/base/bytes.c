/* SHA-256 against published vectors, in every cutting; digests as text; the codec. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/bytes.h"
#include "base/hex.h"

static void test_vectors(void **state)
{
    static const struct {
        const char *text, *hex;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char hex[DIGEST_HEX_BYTES + 1];
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct digest digest = sha256_of(rows[i].text, strlen(rows[i].text));
        assert_string_equal(digest_hex(&digest, hex), rows[i].hex);
    }
}

static void test_pieces(void **state)
{
    char data[200];
    (void)state;
    memset(data, 'x', sizeof(data));
    struct digest whole = sha256_of(data, sizeof(data));
    for (size_t cut = 0; cut <= sizeof(data); cut++) {
        struct sha256 sha;
        struct digest digest;
        sha256_init(&sha);
        sha256_update(&sha, data, cut);
        sha256_update(&sha, data + cut, sizeof(data) - cut);
        sha256_finish(&sha, &digest);
        assert_true(digest_equal(&digest, &whole));
    }
}

static void test_hex(void **state)
{
    struct digest digest = sha256_of("abc", 3), back;
    char hex[DIGEST_HEX_BYTES + 1];
    (void)state;
    assert_true(digest_parse(str_of(digest_hex(&digest, hex)), &back));
    assert_true(digest_equal(&digest, &back));
    assert_false(digest_parse(str_n(hex, 63), &back));
    hex[0] = 'B';
    assert_false(digest_parse(str_of(hex), &back));
    hex[0] = 'g';
    assert_false(digest_parse(str_of(hex), &back));
}

static void test_codec(void **state)
{
    struct strbuf out;
    struct digest digest = sha256_of("d", 1);
    (void)state;
    strbuf_init(&out);
    bytes_put_u8(&out, 0xab);
    bytes_put_u16(&out, 0x1234);
    bytes_put_u32(&out, 0xdeadbeef);
    bytes_put_u64(&out, UINT64_C(0x0123456789abcdef));
    bytes_put_i64(&out, -5);
    bytes_put_f64(&out, 1.5);
    bytes_put_digest(&out, &digest);
    bytes_put_str(&out, STR("text"));
    /* Little endian, whatever the machine. */
    assert_memory_equal(out.data, "\xab\x34\x12\xef\xbe\xad\xde\xef\xcd\xab\x89\x67\x45\x23\x01",
                        15);
    for (size_t len = 0; len <= out.len; len++) {
        struct reader reader = reader_of(out.data, len);
        uint8_t a = reader_u8(&reader);
        uint16_t b = reader_u16(&reader);
        uint32_t c = reader_u32(&reader);
        uint64_t d = reader_u64(&reader);
        int64_t e = reader_i64(&reader);
        double f = reader_f64(&reader);
        struct digest g = reader_digest(&reader);
        struct str s = reader_str(&reader);
        assert_int_equal(reader_ok(&reader), len == out.len);
        assert_int_equal(reader_done(&reader), len == out.len);
        if (len == out.len) {
            assert_int_equal(a, 0xab);
            assert_int_equal(b, 0x1234);
            assert_int_equal(c, 0xdeadbeef);
            assert_true(d == UINT64_C(0x0123456789abcdef) && e == -5 && f == 1.5);
            assert_true(digest_equal(&g, &digest) && str_is(s, "text"));
        }
    }
    strbuf_fini(&out);
}

static void test_hostile_lengths(void **state)
{
    struct reader reader = reader_of("\xff\xff\xff\xffrest", 8);
    (void)state;
    assert_int_equal(reader_str(&reader).len, 0);
    assert_false(reader_ok(&reader));
    reader = reader_of("\x02\0\0\0abcd", 8);
    assert_int_equal(reader_count(&reader, 2), 2);
    reader = reader_of("\x03\0\0\0abcd", 8);
    assert_int_equal(reader_count(&reader, 2), 0);
    assert_false(reader_ok(&reader));
    reader = reader_of(NULL, 0);
    assert_true(reader_done(&reader));
    assert_int_equal(reader_u8(&reader), 0);
    assert_false(reader_ok(&reader));
}

/* Records on disk carry these: they must never change. */
static void test_checksum(void **state)
{
    unsigned char data[64];
    (void)state;
    for (unsigned i = 0; i < sizeof(data); i++) {
        data[i] = (unsigned char)i;
    }
    assert_true(bytes_checksum("", 0) == UINT64_C(0x9d30245bf57ed01d));
    assert_true(bytes_checksum("pawl", 4) == UINT64_C(0xb1a2e3bbf1759135));
    assert_true(bytes_checksum(data, 64) == UINT64_C(0xd745274cd4b112bf));
    uint64_t whole = bytes_checksum(data, sizeof(data));
    for (unsigned bit = 0; bit < 8 * sizeof(data); bit++) {
        data[bit / 8] ^= (unsigned char)(1U << bit % 8);
        assert_true(bytes_checksum(data, sizeof(data)) != whole);
        data[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
    assert_true(bytes_checksum("\0", 1) != bytes_checksum("\0\0", 2));
}

static void test_varints(void **state)
{
    static const struct {
        uint64_t value;
        size_t len;
    } rows[] = {{0, 1},     {127, 1},       {128, 2},        {16383, 2},
                {16384, 3}, {INT64_MAX, 9}, {UINT64_MAX, 10}};
    static const int64_t numbers[] = {0, -1, 1, -64, 64, INT64_MIN, INT64_MAX};
    struct reader reader;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct strbuf out = {0};

        bytes_put_varint(&out, rows[i].value);
        assert_int_equal(out.len, rows[i].len);
        for (size_t len = 0; len <= out.len; len++) {
            reader = reader_of(out.data, len);
            assert_true(reader_varint(&reader) == rows[i].value || len < out.len);
            assert_int_equal(reader_done(&reader), len == out.len);
        }
        strbuf_fini(&out);
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct strbuf out = {0};

        bytes_put_signed(&out, numbers[i]);
        reader = reader_of(out.data, out.len);
        assert_true(reader_signed(&reader) == numbers[i] && reader_done(&reader));
        strbuf_fini(&out);
    }
    reader = reader_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10);
    assert_int_equal(reader_varint(&reader), 0);
    assert_false(reader_ok(&reader));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),  cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_hex),      cmocka_unit_test(test_varints),
        cmocka_unit_test(test_codec),    cmocka_unit_test(test_hostile_lengths),
        cmocka_unit_test(test_checksum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
