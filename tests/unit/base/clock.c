/* Times as text, both ways, and clocks that are turned by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

static void test_forms(void **state)
{
    static const struct {
        int64_t ns;
        const char *run_id, *rfc3339;
    } rows[] = {
        {0, "19700101T000000Z", "1970-01-01T00:00:00.000Z"},
        {-1, "19691231T235959Z", "1969-12-31T23:59:59.999Z"},
        {1795218072345999999, "20261120T234112Z", "2026-11-20T23:41:12.345Z"},
        {951782400 * NS_PER_SEC, "20000229T000000Z", "2000-02-29T00:00:00.000Z"},
        {4107542399 * NS_PER_SEC, "21000228T235959Z", "2100-02-28T23:59:59.000Z"},
        {4107542400 * NS_PER_SEC, "21000301T000000Z", "2100-03-01T00:00:00.000Z"},
    };
    char text[TIME_TEXT_BYTES];
    int64_t back;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        time_format_run_id(rows[i].ns, text);
        assert_string_equal(text, rows[i].run_id);
        time_format_rfc3339(rows[i].ns, text);
        assert_string_equal(text, rows[i].rfc3339);
        assert_true(time_parse_rfc3339(str_of(text), &back));
        assert_in_range((uint64_t)(rows[i].ns - back), 0, NS_PER_MS - 1);
    }
}

/* Our calendar against the C library's, over four centuries in odd steps. */
static void test_calendar(void **state)
{
    (void)state;
    for (int64_t seconds = -9000000000; seconds < 9000000000; seconds += 8640007) {
        time_t at = (time_t)seconds;
        char want[TIME_TEXT_BYTES], have[TIME_TEXT_BYTES];
        struct tm tm;
        int64_t back;

        strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.000Z", gmtime_r(&at, &tm));
        time_format_rfc3339(seconds * NS_PER_SEC, have);
        assert_string_equal(have, want);
        assert_true(time_parse_rfc3339(str_of(have), &back));
        assert_true(back == seconds * NS_PER_SEC);
    }
}

static void test_reading(void **state)
{
    static const char *const bad[] = {
        "",
        "2026-11-20",
        "2026-11-20T23:41:12",
        "2026-11-20T23:41:12.Z",
        "2026-11-20 23:41:12Z",
        "2026-13-20T23:41:12Z",
        "2026-02-29T23:41:12Z",
        "2026-11-31T23:41:12Z",
        "2026-00-20T23:41:12Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T23:60:12Z",
        "2026-11-20T23:41:60Z",
        "2026-11-20T23:41:12.1234567890Z",
        "2026-11-20T23:41:12+01:00Z",
        "0026-11-20T23:41:12Z",
        "2026-11-20T23:41:12.12aZ",
        "-026-11-20T23:41:12Z",
    };
    int64_t ns;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (time_parse_rfc3339(str_of(bad[i]), &ns)) {
            fail_msg("'%s' was read", bad[i]);
        }
    }
    assert_true(time_parse_rfc3339(STR("2026-11-20T23:41:12.000000001Z"), &ns));
    assert_true(ns == 1795218072000000001);
}

static void test_wall(void **state)
{
    char text[TIME_TEXT_BYTES];

    (void)state;
    setenv("TZ", "XYZ-2", 1);
    tzset();
    time_format_wall(1795218072 * NS_PER_SEC, text);
    assert_string_equal(text, "01:41");
}

static void test_clocks(void **state)
{
    struct clock_virtual hands = {.mono_ns = 5, .real_ns = 7};
    struct clock clock = clock_of_virtual(&hands);
    int64_t before = clock_mono_ns(&clock_system), coarse, real;

    (void)state;
    clock_virtual_advance(&hands, 10);
    assert_true(clock_mono_ns(&clock) == 15);
    assert_true(clock_real_ns(&clock) == 17);
    assert_true(clock_coarse_real_ns(&clock) == 17);
    assert_true(clock_mono_ns(&clock_system) >= before);
    coarse = clock_coarse_real_ns(&clock_system);
    real = clock_real_ns(&clock_system);
    assert_true(coarse <= real);
    assert_true(real - coarse < NS_PER_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),   cmocka_unit_test(test_calendar),
        cmocka_unit_test(test_reading), cmocka_unit_test(test_wall),
        cmocka_unit_test(test_clocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
