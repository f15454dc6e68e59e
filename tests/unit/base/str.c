/* Decimal texts of the smallest and the largest numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

static void assert_text(struct str text, const char *expected)
{
    assert_true(str_is(text, expected));
}

static void test_numbers_as_text(void **state)
{
    char digits[STR_INT_BYTES];

    (void)state;
    assert_text(str_int(0, digits), "0");
    assert_text(str_int(-7, digits), "-7");
    assert_text(str_int(INT64_MAX, digits), "9223372036854775807");
    assert_text(str_int(INT64_MIN, digits), "-9223372036854775808");
    assert_text(str_uint(0, digits), "0");
    assert_text(str_uint(UINT64_MAX, digits), "18446744073709551615");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers_as_text)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
