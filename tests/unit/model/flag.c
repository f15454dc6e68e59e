/* Tests of model/flag: buckets that stay what they are, shares that grow, how a share is written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "model/flag.h"

static bool is_on(const char *name, double percent, const char *unit)
{
    struct m_flag flag = {.name = str_of(name), .percent = percent};

    return flag_is_on(&flag, str_of(unit));
}

/* By hashlib: the first 53 bits of sha256(name + "\0" + unit) / 2^53. */
static void buckets_are_those_of_every_version(void **state)
{
    static const struct {
        const char *name, *unit;
        double percent;
    } vectors[] = {
        {"new_model", "embed@x=1", 33.1484330267},
        {"new_model", "embed@x=9", 15.1764562977},
        {"a", "", 99.9659235271},
        {"a", "b", 35.0379090316},
        {"ab", "", 58.8328058648},
        {"flag", "unit", 43.1161160262},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        assert_true(is_on(vectors[i].name, vectors[i].percent + 1e-9, vectors[i].unit));
        assert_false(is_on(vectors[i].name, vectors[i].percent - 1e-9, vectors[i].unit));
    }
}

static uint32_t count_on(const char *name, double percent)
{
    char unit[32];
    uint32_t on = 0;

    for (uint32_t i = 0; i < 10000; i++) {
        snprintf(unit, sizeof(unit), "embed@n=%u", i);
        on += is_on(name, percent, unit);
    }
    return on;
}

static void shares_are_near_the_percentage(void **state)
{
    static const double percents[] = {0.5, 1, 10, 25, 50, 99.5};

    (void)state;
    for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
        double on = count_on("new_model", percents[i]);
        double wanted = percents[i] * 100;

        assert_true(on > wanted - 150 && on < wanted + 150);
    }
    assert_true(count_on("new_model", 0.5) > 20);
    assert_int_equal(count_on("new_model", 0), 0);
    assert_int_equal(count_on("new_model", 100), 10000);
}

static void a_unit_stays_in_when_the_share_grows(void **state)
{
    static const double percents[] = {0, 0.1, 0.5, 1, 10, 25, 33.3, 50, 99, 100};
    char unit[32];

    (void)state;
    for (uint32_t i = 0; i < 2000; i++) {
        bool before = false;

        snprintf(unit, sizeof(unit), "u%u", i);
        for (size_t p = 0; p < sizeof(percents) / sizeof(percents[0]); p++) {
            bool now = is_on("f", percents[p], unit);

            assert_true(now || !before);
            before = now;
        }
    }
}

static void flags_choose_independently(void **state)
{
    char unit[32];
    uint32_t both = 0;

    (void)state;
    for (uint32_t i = 0; i < 10000; i++) {
        snprintf(unit, sizeof(unit), "u%u", i);
        both += is_on("one", 50, unit) && is_on("other", 50, unit);
    }
    assert_in_range(both, 2300, 2700);
}

static void check_written(const char *text, double percent, const char *again)
{
    struct strbuf out = {0};
    double read = -1;

    assert_true(flag_parse(str_of(text), &read));
    assert_true(read >= percent && read <= percent);
    flag_render(read, &out);
    assert_string_equal(out.data, again);
    strbuf_fini(&out);
}

static void shares_are_written(void **state)
{
    static const char *const wrong[] = {"", "true", "On", "-1", "101", "100.5", "10%", "nan", "1e"};
    double percent;

    (void)state;
    check_written("on", 100, "on");
    check_written("off", 0, "off");
    check_written("100", 100, "on");
    check_written("0", 0, "off");
    check_written("25", 25, "25");
    check_written("25.0", 25, "25");
    check_written("0.5", 0.5, "0.5");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(flag_parse(str_of(wrong[i]), &percent));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_are_those_of_every_version),
        cmocka_unit_test(shares_are_near_the_percentage),
        cmocka_unit_test(a_unit_stays_in_when_the_share_grows),
        cmocka_unit_test(flags_choose_independently),
        cmocka_unit_test(shares_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
