/* Tar archives: what is written, and what the reader must refuse. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "store/tar.h"

struct stream {
    struct str left;
    size_t piece; /* most at once */
    bool fails;   /* at the end */
};

static ssize_t stream_read(void *ctx, void *data, size_t size, struct err *err)
{
    struct stream *stream = ctx;
    size_t len = size < stream->piece ? size : stream->piece;

    len = len < stream->left.len ? len : stream->left.len;
    if (len == 0 && stream->fails) {
        err_set(err, STATUS_ENVIRONMENT, "broken");
        return -1;
    }
    memcpy(data, stream->left.data, len);
    stream->left = str_skip(stream->left, len);
    return (ssize_t)len;
}

/* Reads all of an archive; names and bytes as text: "name=bytes;". */
static int read_all(struct str bytes, size_t piece, struct strbuf *said)
{
    struct stream stream = {bytes, piece, false};
    struct tar_source source = {stream_read, &stream};
    struct err err = {0};
    struct tar tar;
    enum tar_answer answer;

    strbuf_clear(said);
    tar_begin(&tar, &source);
    while ((answer = tar_next(&tar, &err)) == TAR_MEMBER) {
        char data[7];
        ssize_t got;

        strbuf_printf(said, "%.*s=", STR_ARG(tar.name));
        while ((got = tar_read(&tar, data, sizeof(data), &err)) > 0) {
            strbuf_add(said, data, (size_t)got);
        }
        if (got < 0) {
            break;
        }
        strbuf_puts(said, ";");
    }
    assert_int_equal(answer != TAR_END, err.status != 0);
    assert_true(err.status == 0 || err.status == STATUS_CORRUPT);
    return err.status;
}

static void put(struct strbuf *out, const char *name, const char *data)
{
    tar_put_header(out, str_of(name), strlen(data));
    strbuf_puts(out, data);
    tar_put_padding(out, strlen(data));
}

static void set_checksum(unsigned char *block)
{
    unsigned sum = 8 * ' ';

    for (size_t i = 0; i < TAR_BLOCK_BYTES; i++) {
        sum += i >= 148 && i < 156 ? 0 : block[i];
    }
    snprintf((char *)block + 148, 8, "%06o", sum);
    block[155] = ' ';
}

/* --- good ones --- */

static const char long_name[] =
    "runs/20261120T234112Z-7f3a/logs/"
    "simulate@region=north,year=2026,scenario=baseline,fast=1,more=1.0123abcd.12345678";

static void test_round(void **state)
{
    struct strbuf out = {0}, said = {0}, wanted = {0};

    (void)state;
    put(&out, "a", "");
    put(&out, "b/c", "12345");
    put(&out, long_name, "said\n");
    tar_put_end(&out);
    strbuf_printf(&wanted, "a=;b/c=12345;%s=said\n;", long_name);
    for (size_t piece = 1; piece < 1100; piece += 61) {
        assert_int_equal(read_all(strbuf_str(&out), piece, &said), 0);
        assert_string_equal(said.data, wanted.data);
    }
    /* Cut anywhere, it is no archive. */
    for (size_t len = 0; len < out.len; len++) {
        assert_int_equal(read_all(str_head(strbuf_str(&out), len), 512, &said), STATUS_CORRUPT);
    }
    strbuf_fini(&out);
    strbuf_fini(&said);
    strbuf_fini(&wanted);
}

static void test_empty(void **state)
{
    struct strbuf out = {0}, said = {0};

    (void)state;
    tar_put_end(&out);
    assert_int_equal(out.len, 1024);
    assert_int_equal(read_all(strbuf_str(&out), 100, &said), 0);
    assert_int_equal(said.len, 0);
    strbuf_fini(&out);
    strbuf_fini(&said);
}

static void test_names(void **state)
{
    char longest[TAR_NAME_BYTES + 2];

    (void)state;
    assert_true(tar_name_is_valid(STR("a")));
    assert_true(tar_name_is_valid(STR("a/..b/c..")));
    assert_false(tar_name_is_valid(STR("")));
    assert_false(tar_name_is_valid(STR("/a")));
    assert_false(tar_name_is_valid(STR("a/")));
    assert_false(tar_name_is_valid(STR("a//b")));
    assert_false(tar_name_is_valid(STR("./a")));
    assert_false(tar_name_is_valid(STR("..")));
    assert_false(tar_name_is_valid(STR("a/../b")));
    assert_false(tar_name_is_valid(STR("a\nb")));
    assert_false(tar_name_is_valid(STR("a\0b")));
    assert_false(tar_name_is_valid(STR("a b")));
    assert_false(tar_name_is_valid(STR("a\\b")));
    assert_false(tar_name_is_valid(STR("a\xc3\xa4")));
    memset(longest, 'n', sizeof(longest));
    assert_true(tar_name_is_valid(str_n(longest, TAR_NAME_BYTES)));
    assert_false(tar_name_is_valid(str_n(longest, TAR_NAME_BYTES + 1)));
}

/* What ustar cannot say: a name that cannot be divided, and eight GiB. */
static void test_extended(void **state)
{
    struct strbuf out = {0};
    char name[300];
    struct stream stream;
    struct tar_source source = {stream_read, &stream};
    struct err err = {0};
    struct tar tar;

    (void)state;
    for (size_t len = 90; len < sizeof(name); len++) {
        memset(name, 'n', len);
        name[len / 2] = '/';
        strbuf_clear(&out);
        tar_put_header(&out, str_n(name, len), UINT64_C(1) << 33);
        stream = (struct stream){strbuf_str(&out), 1000, true};
        tar_begin(&tar, &source);
        assert_int_equal(tar_next(&tar, &err), TAR_MEMBER);
        assert_true(str_equal(tar.name, str_n(name, len)));
        assert_true(tar.size_bytes == UINT64_C(1) << 33);
        /* A source that fails is not an archive that is damaged. */
        assert_int_equal(tar_next(&tar, &err), TAR_FAILED);
        assert_int_equal(err.status, STATUS_ENVIRONMENT);
    }
    strbuf_clear(&out);
    tar_put_header(&out, STR("a"), UINT64_C(077777777777));
    assert_int_equal(out.len, TAR_BLOCK_BYTES);
    strbuf_fini(&out);
}

/* A member that is not read is passed over. */
static void test_skip(void **state)
{
    struct strbuf out = {0};
    struct stream stream;
    struct tar_source source = {stream_read, &stream};
    struct err err = {0};
    struct tar tar;
    char data[2];

    (void)state;
    put(&out, "a", "1234567");
    put(&out, "b", "1");
    tar_put_end(&out);
    stream = (struct stream){strbuf_str(&out), 100, false};
    tar_begin(&tar, &source);
    assert_int_equal(tar_next(&tar, &err), TAR_MEMBER);
    assert_int_equal(tar_read(&tar, data, 2, &err), 2);
    assert_int_equal(tar_next(&tar, &err), TAR_MEMBER);
    assert_true(str_is(tar.name, "b"));
    assert_int_equal(tar_next(&tar, &err), TAR_END);
    assert_int_equal(tar.offset, out.len);
    strbuf_fini(&out);
}

/* --- bad ones --- */

/* One member `a` with five bytes, and what is done to its header; the checksum is set right. */
static int read_changed(size_t at, const void *bytes, size_t len)
{
    struct strbuf out = {0}, said = {0};
    int status;

    put(&out, "a", "12345");
    tar_put_end(&out);
    memcpy(out.data + at, bytes, len);
    set_checksum((unsigned char *)out.data);
    status = read_all(strbuf_str(&out), 4096, &said);
    strbuf_fini(&out);
    strbuf_fini(&said);
    return status;
}

static void expect_refused(size_t at, const char *bytes, size_t len)
{
    if (read_changed(at, bytes, len) != STATUS_CORRUPT) {
        fail_msg("%.*s at %zu is taken", (int)len, bytes, at);
    }
}

static void test_types(void **state)
{
    (void)state;
    for (int type = 1; type < 256; type++) {
        unsigned char byte = (unsigned char)type;

        assert_int_equal(read_changed(156, &byte, 1), type == '0' ? 0 : STATUS_CORRUPT);
    }
    assert_int_equal(read_changed(156, "\0", 1), 0);
}

static void test_headers(void **state)
{
    (void)state;
    assert_int_equal(read_changed(124, "          5 ", 12), 0);
    expect_refused(124, "00000001006", 12); /* a block more than there is, and less */
    expect_refused(124, "00000000004", 12);
    expect_refused(124, "00000000000", 12);
    expect_refused(124, "77777777777", 12);
    expect_refused(124, "-0000000005", 12);
    expect_refused(124, "0000000005x", 12);
    expect_refused(124, "00000000095", 12);
    expect_refused(124, "\0\0\0\0\0\0\0\0\0\0\0", 12);
    expect_refused(124, "           ", 12);
    expect_refused(124, "\x80\0\0\0\0\0\0\0\0\0\0\5", 12);                       /* base-256 */
    expect_refused(124, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfb", 12); /* and negative */
    expect_refused(257, "ustar  ", 8);                                           /* GNU's own */
    expect_refused(257, "\0\0\0\0\0", 5);
    expect_refused(0, "/a", 2);
    expect_refused(0, "..", 2);
    expect_refused(0, "a\nb", 3);
    expect_refused(0, "a\0b", 3);
    expect_refused(0, "\0", 1);
    expect_refused(345, "..", 2);
    expect_refused(345, "/etc", 4);
    expect_refused(345, "p\0q", 3);
}

static void test_checksum(void **state)
{
    struct strbuf out = {0}, said = {0};

    (void)state;
    put(&out, "a", "12345");
    tar_put_end(&out);
    for (size_t i = 0; i < TAR_BLOCK_BYTES; i++) {
        out.data[i] ^= 1;
        assert_true(read_all(strbuf_str(&out), 512, &said) == STATUS_CORRUPT);
        out.data[i] ^= 1;
    }
    strbuf_fini(&out);
    strbuf_fini(&said);
}

static void test_around(void **state)
{
    struct strbuf out = {0}, said = {0};
    size_t whole;

    (void)state;
    put(&out, "a", "12345");
    whole = out.len;
    out.data[whole - 1] = 'x'; /* in what fills up the block */
    tar_put_end(&out);
    assert_int_equal(read_all(strbuf_str(&out), 512, &said), STATUS_CORRUPT);
    out.data[whole - 1] = 0;
    assert_int_equal(read_all(strbuf_str(&out), 512, &said), 0);
    tar_put_end(&out); /* zeros behind the end are fine, whole blocks of them */
    assert_int_equal(read_all(strbuf_str(&out), 512, &said), 0);
    strbuf_putc(&out, 0);
    assert_int_equal(read_all(strbuf_str(&out), 512, &said), STATUS_CORRUPT);
    out.data[out.len - 1] = 1;
    assert_int_equal(read_all(strbuf_str(&out), 512, &said), STATUS_CORRUPT);
    out.len = whole + TAR_BLOCK_BYTES; /* one block of zeros, then a member */
    put(&out, "b", "");
    tar_put_end(&out);
    assert_int_equal(read_all(strbuf_str(&out), 512, &said), STATUS_CORRUPT);
    strbuf_fini(&out);
    strbuf_fini(&said);
}

static int read_pax(const char *records, size_t len)
{
    struct strbuf out = {0}, said = {0};
    int status;

    tar_put_header(&out, STR("pax"), len);
    out.data[156] = 'x';
    set_checksum((unsigned char *)out.data);
    strbuf_add(&out, records, len);
    tar_put_padding(&out, len);
    put(&out, "a", "12345");
    tar_put_end(&out);
    status = read_all(strbuf_str(&out), 4096, &said);
    if (status == 0) {
        assert_string_equal(said.data, "b/c=12345;");
    }
    strbuf_fini(&out);
    strbuf_fini(&said);
    return status;
}
#define PAX(literal) read_pax(literal, sizeof(literal) - 1)

static void test_pax(void **state)
{
    static char large[TAR_PAX_BYTES + 1];

    (void)state;
    assert_int_equal(PAX("12 path=b/c\n"), 0);
    assert_int_equal(PAX("12 path=b/c\n9 size=5\n"), 0);
    assert_int_equal(PAX("11 path=b/c\n"), STATUS_CORRUPT);
    assert_int_equal(PAX("13 path=b/c\n"), STATUS_CORRUPT);
    assert_int_equal(PAX("99999999999999999999 path=b/c\n"), STATUS_CORRUPT);
    assert_int_equal(PAX("12 path=b/cx"), STATUS_CORRUPT);
    assert_int_equal(PAX("12 path=b/c\n12 path=b/c\n"), STATUS_CORRUPT);
    assert_int_equal(PAX("12 path=../\n"), STATUS_CORRUPT);
    assert_int_equal(PAX("12 path=b\0c\n"), STATUS_CORRUPT);
    assert_int_equal(PAX("8 path=\n"), STATUS_CORRUPT);
    assert_int_equal(PAX("11 size=518\n"), STATUS_CORRUPT);
    assert_int_equal(PAX("10 size=-5\n"), STATUS_CORRUPT);
    assert_int_equal(PAX("28 size=9223372036854775808\n"), STATUS_CORRUPT);
    assert_int_equal(PAX("12 mtime=12\n"), STATUS_CORRUPT);
    assert_int_equal(PAX("14 linkpath=x\n"), STATUS_CORRUPT);
    assert_int_equal(PAX("4 =\n"), STATUS_CORRUPT);
    assert_int_equal(PAX(" \n"), STATUS_CORRUPT);
    assert_int_equal(PAX(""), STATUS_CORRUPT);
    assert_int_equal(read_pax(large, sizeof(large)), STATUS_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round),   cmocka_unit_test(test_empty),
        cmocka_unit_test(test_names),   cmocka_unit_test(test_extended),
        cmocka_unit_test(test_skip),    cmocka_unit_test(test_types),
        cmocka_unit_test(test_headers), cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_around),  cmocka_unit_test(test_pax),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
