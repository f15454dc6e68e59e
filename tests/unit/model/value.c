/* Values and numbers: text that reads back, exact comparison, exact decimals. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/number.h"

static void check_float(double number, const char *text)
{
    struct strbuf buf;
    strbuf_init(&buf);
    number_render_float(number, &buf);
    if (text != NULL) {
        assert_string_equal(buf.data, text);
    }
    assert_true(strtod(buf.data, NULL) == number);
    strbuf_fini(&buf);
}

static void test_floats(void **state)
{
    (void)state;
    check_float(0.0, "0.0");
    check_float(-0.0, "-0.0");
    check_float(2.0, "2.0");
    check_float(0.5, "0.5");
    check_float(100.25, "100.25");
    check_float(0.0001, "0.0001");
    check_float(0.00001, "1e-05");
    check_float(1e15, "1000000000000000.0");
    check_float(1e16, "1e+16");
    check_float(1.5e300, "1.5e+300");
    check_float(5e-324, "5e-324");
    check_float(1.7976931348623157e308, "1.7976931348623157e+308");
    check_float(0.1 + 0.2, "0.30000000000000004");
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        double number;
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        memcpy(&number, &seed, sizeof(number));
        if (isfinite(number)) {
            check_float(number, NULL);
        }
    }
}

static void test_compare(void **state)
{
    (void)state;
    assert_int_equal(number_compare_int_float(INT64_MAX, 0x1p63), -1);
    assert_int_equal(number_compare_int_float(INT64_MIN, -0x1p63), 0);
    assert_int_equal(number_compare_int_float(INT64_MIN, -0x1.1p63), 1);
    assert_int_equal(number_compare_int_float(9007199254740993, 9007199254740992.0), 1);
    assert_int_equal(number_compare_int_float(-2, -1.5), -1);
    assert_int_equal(number_compare_int_float(-1, -1.5), 1);
    assert_int_equal(number_compare_int_float(0, -0.0), 0);
    struct value one = value_int(1), truth = value_bool(true), text = value_string(STR("1"));
    struct value real = value_float(1);
    int order;
    assert_true(value_equal(&one, &real));
    assert_false(value_equal(&one, &truth));
    assert_false(value_equal(&one, &text));
    assert_false(value_compare(&one, &text, &order));
}

static struct decimal decimal(const char *text)
{
    struct decimal d;
    assert_true(decimal_parse(str_of(text), &d));
    return d;
}

static void check_axis(const char *from, const char *to, const char *step, const char *wanted)
{
    struct strbuf out;
    uint64_t count;
    struct decimal at = decimal(from);
    strbuf_init(&out);
    strbuf_puts(&out, "");
    assert_true(decimal_count(at, decimal(to), decimal(step), 100, &count));
    for (uint64_t i = 0; i < count; i++) {
        struct value value = decimal_value(at);
        strbuf_puts(&out, i > 0 ? " " : "");
        value_render(&value, &out);
        assert_true(decimal_add(at, decimal(step), &at));
    }
    assert_true(str_is(strbuf_str(&out), wanted));
    strbuf_fini(&out);
}

static void test_decimals(void **state)
{
    struct decimal d;
    uint64_t count;
    struct strbuf out;
    (void)state;
    check_axis("5", "20", "5", "5 10 15 20");
    check_axis("0.0", "1.0", "0.1", "0.0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1.0");
    check_axis("1.0", "0.0", "-0.25", "1.0 0.75 0.5 0.25 0.0");
    check_axis("1", "1", "5", "1");
    check_axis("2", "1", "1", "");
    assert_false(decimal_count(decimal("1"), decimal("2"), decimal("0"), 9, &count));
    assert_false(decimal_count(decimal("1"), decimal("11"), decimal("1"), 10, &count));
    assert_false(decimal_parse(STR("1234567890123456789.5"), &d));
    assert_false(decimal_parse(STR(""), &d));
    assert_false(decimal_parse(STR("1."), &d));
    assert_false(decimal_parse(STR("1e99999999999"), &d));
    assert_int_equal(decimal("1.5e3").mantissa, 1500);
    assert_int_equal(decimal_compare(decimal("0.10"), decimal("0.1")), 0);
    assert_int_equal(decimal_compare(decimal("9223372036854775807"), decimal("0.5")), 1);
    assert_int_equal(decimal_compare(decimal("-0.000000000000000001"), decimal("0")), -1);
    assert_false(decimal_add(decimal("9223372036854775807"), decimal("0.1"), &d));
    struct value tenth = value_float(0.1);
    assert_true(decimal_of_value(&tenth, &d));
    assert_int_equal(d.mantissa, 1);
    assert_int_equal(d.scale, 1);
    strbuf_init(&out);
    decimal_render((struct decimal){-105, 2}, &out);
    assert_string_equal(out.data, "-1.05");
    strbuf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_decimals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
