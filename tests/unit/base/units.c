/* Tables of durations and sizes: what is read, what is refused and why, what is shown. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "base/units.h"

struct row {
    const char *text;
    enum units_problem problem;
    int64_t value;
};

static const struct row durations[] = {
    {"90s", UNITS_FINE, 90 * NS_PER_SEC},
    {"0s", UNITS_FINE, 0},
    {"1500ms", UNITS_FINE, 1500 * NS_PER_MS},
    {"1h30m", UNITS_FINE, 5400 * NS_PER_SEC},
    {"1w2d3h4m5s6ms", UNITS_FINE,
     (7 * 86400 + 2 * 86400 + 3 * 3600 + 4 * 60 + 5) * NS_PER_SEC + 6 * NS_PER_MS},
    {"14d", UNITS_FINE, 14 * 86400 * NS_PER_SEC},
    {"1m1ms", UNITS_FINE, 60 * NS_PER_SEC + NS_PER_MS},
    {"36500d", UNITS_FINE, DURATION_MAX_NS},
    {"007s", UNITS_FINE, 7 * NS_PER_SEC},
    {"", UNITS_EMPTY, 0},
    {"90", UNITS_NO_UNIT, 0},
    {"1h30", UNITS_NO_UNIT, 0},
    {"-5s", UNITS_SIGN, 0},
    {"+5s", UNITS_SIGN, 0},
    {"1.5h", UNITS_FRACTION, 0},
    {"1h1.5m", UNITS_FRACTION, 0},
    {"s", UNITS_NO_NUMBER, 0},
    {" 5s", UNITS_NO_NUMBER, 0},
    {"5 s", UNITS_UNKNOWN_UNIT, 0},
    {"5s ", UNITS_UNKNOWN_UNIT, 0},
    {"5sec", UNITS_UNKNOWN_UNIT, 0},
    {"5S", UNITS_UNKNOWN_UNIT, 0},
    {"5us", UNITS_UNKNOWN_UNIT, 0},
    {"5s5s", UNITS_ORDER, 0},
    {"5ms5s", UNITS_ORDER, 0},
    {"30m1h", UNITS_ORDER, 0},
    {"36500d1ms", UNITS_TOO_LARGE, 0},
    {"99999999999999999999s", UNITS_TOO_LARGE, 0},
    {"9223372036854775807w", UNITS_TOO_LARGE, 0},
};

static const struct row sizes[] = {
    {"0B", UNITS_FINE, 0},
    {"812B", UNITS_FINE, 812},
    {"1K", UNITS_FINE, 1024},
    {"512M", UNITS_FINE, INT64_C(512) << 20},
    {"2G", UNITS_FINE, INT64_C(2) << 30},
    {"8388607T", UNITS_FINE, INT64_C(8388607) << 40},
    {"", UNITS_EMPTY, 0},
    {"2", UNITS_NO_UNIT, 0},
    {"-2G", UNITS_SIGN, 0},
    {"1.5G", UNITS_FRACTION, 0},
    {"G", UNITS_NO_NUMBER, 0},
    {"2GB", UNITS_UNKNOWN_UNIT, 0},
    {"2g", UNITS_UNKNOWN_UNIT, 0},
    {"2GiB", UNITS_UNKNOWN_UNIT, 0},
    {"1G512M", UNITS_ORDER, 0},
    {"8388608T", UNITS_TOO_LARGE, 0},
};

static void check(const struct row *row, enum units_problem problem, int64_t value)
{
    if (problem != row->problem) {
        fail_msg("'%s': problem %d, not %d", row->text, (int)problem, (int)row->problem);
    }
    if (value != row->value) {
        fail_msg("'%s': %lld", row->text, (long long)value);
    }
}

static void test_durations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
        int64_t value = 0;
        enum units_problem problem = duration_parse(str_of(durations[i].text), &value);

        check(&durations[i], problem, value);
        assert_int_equal(duration_problem(problem)[0] == '\0', problem == UNITS_FINE);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int64_t value = 0;
        enum units_problem problem = size_parse(str_of(sizes[i].text), &value);

        check(&sizes[i], problem, value);
        assert_int_equal(size_problem(problem)[0] == '\0', problem == UNITS_FINE);
    }
}

static void test_durations_shown(void **state)
{
    static const struct {
        int64_t ns;
        const char *text;
    } rows[] = {
        {-5, "0ms"},
        {999999, "0ms"},
        {350 * NS_PER_MS, "350ms"},
        {999999999, "999ms"},
        {NS_PER_SEC, "1.0s"},
        {12399 * NS_PER_MS, "12.3s"},
        {59999 * NS_PER_MS, "59.9s"},
        {60 * NS_PER_SEC, "1m00s"},
        {252 * NS_PER_SEC, "4m12s"},
        {3599 * NS_PER_SEC, "59m59s"},
        {3720 * NS_PER_SEC, "1h02m"},
        {(3 * 86400 + 4 * 3600) * NS_PER_SEC, "3d04h"},
        {INT64_MAX, "106751d23h"},
    };
    char text[UNITS_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        duration_format(rows[i].ns, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void test_sizes_shown(void **state)
{
    static const struct {
        uint64_t size;
        const char *text;
    } rows[] = {
        {0, "0 B"},
        {812, "812 B"},
        {1023, "1023 B"},
        {1024, "1.0 KiB"},
        {1536, "1.5 KiB"},
        {10239, "9.9 KiB"},
        {23 << 20, "23 MiB"},
        {UINT64_C(4) << 30, "4.0 GiB"},
        {UINT64_MAX, "15 EiB"},
    };
    char text[UNITS_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_format(rows[i].size, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void test_exact_forms_read_back(void **state)
{
    static const int64_t values[] = {0,     1,       59,        1000,         1500,
                                     60000, 5400000, 788645006, 3153600000000};
    char text[UNITS_TEXT_BYTES];
    int64_t back;

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        duration_format_exact(values[i] * NS_PER_MS, text);
        assert_int_equal(duration_parse(str_of(text), &back), UNITS_FINE);
        assert_true(back == values[i] * NS_PER_MS);
        size_format_exact(values[i], text);
        assert_int_equal(size_parse(str_of(text), &back), UNITS_FINE);
        assert_true(back == values[i]);
    }
    duration_format_exact(5400 * NS_PER_SEC, text);
    assert_string_equal(text, "1h30m");
    size_format_exact(INT64_C(10) << 30, text);
    assert_string_equal(text, "10G");
}

static void test_shares(void **state)
{
    static const struct {
        const char *text;
        uint32_t share_ppm;
    } good[] = {
        {"0%", 0},           {"1%", 10000},          {"100%", 1000000}, {"007%", 70000},
        {"0.25%", 2500},     {"12.5%", 125000},      {"0.0001%", 1},    {"99.9999%", 999999},
        {"100.0%", 1000000}, {"100.0000%", 1000000},
    };
    static const char *const bad[] = {
        "",
        "%",
        "1",
        "1.%",
        ".5%",
        "-1%",
        "+1%",
        " 1%",
        "1 %",
        "1%%",
        "1.2.3%",
        "101%",
        "100.1%",
        "0.00001%",
        "1e1%",
        "1.5x%",
        "0x1%",
        "1%\n",
        "100.0001%",
        "99999999999999999999999%",
        "18446744073709551616%",
    };
    uint32_t share_ppm;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(share_parse(str_of(good[i].text), &share_ppm));
        assert_int_equal(share_ppm, good[i].share_ppm);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(share_parse(str_of(bad[i]), &share_ppm));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_durations_shown),
        cmocka_unit_test(test_sizes_shown),
        cmocka_unit_test(test_exact_forms_read_back),
        cmocka_unit_test(test_shares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
