/* JSON written and read: every byte comes back, numbers are exact or refused, errors have a place.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_read.h"
#include "base/json_write.h"

static void test_write(void **state)
{
    static const char *const expected[] = {
        "{\"name\":\"x\",\"list\":[7,-1,[],true,null],\"in\":{\"e\":{}},\"f\":1.5}",
        "{\n  \"name\": \"x\",\n  \"list\": [\n    7,\n    -1,\n    [],\n    true,\n    null\n  "
        "],\n"
        "  \"in\": {\n    \"e\": {}\n  },\n  \"f\": 1.5\n}"};

    (void)state;
    for (int style = JSON_COMPACT; style <= JSON_PRETTY; style++) {
        struct strbuf buf;
        struct json_writer w;

        strbuf_init(&buf);
        w = json_writer_of(&buf, (enum json_style)style);
        json_object_begin(&w);
        json_field_text(&w, "name", "x");
        json_field_array(&w, "list");
        json_uint(&w, 7);
        json_int(&w, -1);
        json_array_begin(&w);
        json_array_end(&w);
        json_bool(&w, true);
        json_null(&w);
        json_array_end(&w);
        json_field_object(&w, "in");
        json_field_object(&w, "e");
        json_object_end(&w);
        json_object_end(&w);
        json_field_double(&w, "f", 1.5);
        json_object_end(&w);
        assert_string_equal(buf.data, expected[style]);
        strbuf_fini(&buf);
    }
}

static void test_members(void **state)
{
    struct strbuf buf;
    struct json_writer w;

    (void)state;
    strbuf_init(&buf);
    w = json_writer_members(&buf);
    json_field_int(&w, "a", INT64_MIN);
    json_field_uint(&w, "b", UINT64_MAX);
    json_field_array(&w, "c");
    json_array_end(&w);
    assert_string_equal(buf.data, "\"a\":-9223372036854775808,\"b\":18446744073709551615,\"c\":[]");
    strbuf_fini(&buf);
}

static struct json_doc *must_parse(struct str text)
{
    struct json_problem problem = {0};
    struct json_doc *doc = json_parse(text, &problem);

    if (doc == NULL) {
        fail_msg("%.*s: %zu: %s", STR_ARG(text), problem.offset, problem.text);
    }
    return doc;
}

static void check_bytes_back(struct str bytes)
{
    struct json_doc *doc;
    struct strbuf buf;
    struct str back;

    strbuf_init(&buf);
    json_quote(&buf, bytes);
    doc = must_parse(strbuf_str(&buf));
    assert_true(json_as_str(json_root(doc), &back));
    assert_true(str_equal(back, bytes));
    json_free(doc);
    strbuf_fini(&buf);
}

/* All pairs of bytes, alone and between valid text; some longer ones. */
static void test_bytes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 65536; i++) {
        char pair[] = {(char)(i >> 8), (char)i, 'x'};

        check_bytes_back(str_n(pair, 2));
        check_bytes_back(str_n(pair, 3));
    }
    check_bytes_back(STR("\xed\xb3\xbf surrogate \xf0\x9f\x98\x80\xf0\x9f\x98 \\udc80 \\"));
    check_bytes_back(STR(""));
}

/* Each byte at each place of a text that is looked through by words. */
static void test_places(void **state)
{
    enum { LONG = 20 };

    (void)state;
    for (unsigned i = 0; i < 256u * LONG; i++) {
        char text[] = "0123456789abcdef~ xy";

        text[i % LONG] = (char)(i / LONG);
        check_bytes_back(str_n(text, LONG));
        text[(i + 5) % LONG] = '"';
        check_bytes_back(str_n(text, LONG));
    }
}

static void test_escapes(void **state)
{
    struct strbuf buf;

    (void)state;
    strbuf_init(&buf);
    json_quote(&buf, STR("a\"\\\n\t\x01\x7f\xff\xc3\xa9/"));
    assert_string_equal(buf.data, "\"a\\\"\\\\\\n\\t\\u0001\x7f\\udcff\xc3\xa9/\"");
    strbuf_fini(&buf);
}

static void test_doubles(void **state)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {{0, "0.0"},
                {-0.0, "-0.0"},
                {1, "1.0"},
                {0.1, "0.1"},
                {1e300, "1e+300"},
                {5e-324, "5e-324"},
                {1.0 / 3, "0.3333333333333333"},
                {123456789, "123456789.0"},
                {2.5, "2.5"}};
    struct strbuf buf;

    (void)state;
    strbuf_init(&buf);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        strbuf_clear(&buf);
        json_double_text(&buf, rows[i].value);
        assert_string_equal(buf.data, rows[i].text);
    }
    strbuf_clear(&buf);
    struct json_writer w = json_writer_of(&buf, JSON_COMPACT);
    json_array_begin(&w);
    json_double(&w, NAN);
    json_double(&w, -INFINITY);
    json_array_end(&w);
    assert_string_equal(buf.data, "[null,null]");
    strbuf_fini(&buf);
}

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        bool is_int, is_uint, is_double;
        int64_t value;
    } rows[] = {
        {"0", true, true, true, 0},
        {"-0", true, true, true, 0},
        {"9223372036854775807", true, true, true, INT64_MAX},
        {"9223372036854775808", false, true, true, 0},
        {"-9223372036854775808", true, false, true, INT64_MIN},
        {"-9223372036854775809", false, false, true, 0},
        {"18446744073709551615", false, true, true, 0},
        {"18446744073709551616", false, false, true, 0},
        {"1e3", true, true, true, 1000},
        {"2.0", true, true, true, 2},
        {"2.5", false, false, true, 0},
        {"1.0000000000000000001", false, false, true, 0},
        {"1e-400", false, false, true, 0},
        {"1e400", false, false, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct json_doc *doc = must_parse(str_of(rows[i].text));
        struct json root = json_root(doc);
        int64_t number = 0;
        uint64_t natural = 0;
        double real = 0;
        struct str text;

        assert_int_equal(json_as_int(root, &number), rows[i].is_int);
        assert_int_equal(json_as_uint(root, &natural), rows[i].is_uint);
        assert_int_equal(json_as_double(root, &real), rows[i].is_double);
        assert_true(json_as_number_text(root, &text));
        assert_true(str_is(text, rows[i].text));
        assert_int_equal(number, rows[i].value);
        json_free(doc);
    }
}

static void test_look_ups(void **state)
{
    struct json_doc *doc =
        must_parse(STR("{\"a\":{\"b\":[1,\"two\",false]},\"a\":0,\"\":null,\"c\":-1}"));
    struct json root = json_root(doc);
    struct json list = json_get(json_get(root, "a"), "b");
    struct json_iter iter = json_iter_of(root);
    struct json value;
    struct str text;
    struct str key;
    bool truth = true;
    int64_t number = 0;

    (void)state;
    assert_int_equal(json_count(list), 3);
    assert_true(json_as_str(json_at(list, 1), &text) && str_is(text, "two"));
    assert_true(json_as_bool(json_at(list, 2), &truth) && !truth);
    assert_false(json_exists(json_at(list, 3)));
    assert_int_equal(json_type(json_get(root, "")), JSON_NULL);
    assert_false(json_exists(json_get(json_get(json_get(root, "x"), "y"), "z")));
    assert_true(json_get_int(root, "c", &number) && number == -1);
    assert_false(json_get_str(root, "c", &text));
    assert_true(json_next(&iter, &key, &value) && str_is(key, "a"));
    assert_true(json_next(&iter, &key, &value) && str_is(key, "a"));
    assert_true(json_next(&iter, &key, &value) && str_is(key, ""));
    assert_true(json_next(&iter, &key, &value) && str_is(key, "c"));
    assert_false(json_next(&iter, &key, &value));
    iter = json_iter_of(list);
    assert_true(json_next(&iter, &key, &value) && key.len == 0);
    assert_int_equal(json_type(value), JSON_NUMBER);
    json_free(doc);
}

static void test_problems(void **state)
{
    static const struct {
        const char *text;
        size_t offset;
    } rows[] = {{"", 0},
                {"{\"a\":1,}", 6},
                {"[1] x", 4},
                {"\"\xff\"", 1},
                {"\"\\ud800\"", 7},
                {"\"\\udc7f\"", 1},
                {"[\"\\udc80\\udcff\", x]", 17},
                {"NaN", 0},
                {"[01]", 1}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct json_problem problem = {0};
        struct json_doc *doc = json_parse(str_of(rows[i].text), &problem);

        if (doc != NULL) {
            fail_msg("was read: %s", rows[i].text);
        }
        assert_true(problem.text[0] != '\0');
        /* yyjson names the start, the end or the next byte of what is wrong */
        assert_in_range(problem.offset, rows[i].offset, rows[i].offset + 2);
    }
    assert_null(json_parse(STR("{"), NULL));
}

/* Deep nesting takes heap, not stack. */
static void test_deep(void **state)
{
    struct strbuf buf;
    struct json_doc *doc;

    (void)state;
    strbuf_init(&buf);
    for (int i = 0; i < 100000; i++) {
        strbuf_putc(&buf, '[');
    }
    assert_null(json_parse(strbuf_str(&buf), NULL));
    for (int i = 0; i < 100000; i++) {
        strbuf_putc(&buf, ']');
    }
    doc = must_parse(strbuf_str(&buf));
    assert_int_equal(json_count(json_root(doc)), 1);
    json_free(doc);
    strbuf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write),    cmocka_unit_test(test_members),
        cmocka_unit_test(test_bytes),    cmocka_unit_test(test_places),
        cmocka_unit_test(test_escapes),  cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_numbers),  cmocka_unit_test(test_look_ups),
        cmocka_unit_test(test_problems), cmocka_unit_test(test_deep),
    };

    return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
