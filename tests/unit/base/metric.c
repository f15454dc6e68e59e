/* Figures of results: numbers are exact, what is none says what it is. */
#include "base/metric.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"

static struct arena arena;

static struct metrics of_json(const char *text)
{
    struct metric_list list;
    struct err err = {0};

    metric_list_init(&list, &arena);
    assert_true(metrics_add_json(&list, str_of(text), &err));
    return metrics_of(&list);
}

static const char *text_of(const struct metrics *metrics, const char *name)
{
    const struct metric *metric = metrics_find(metrics, str_of(name));

    return metric != NULL ? metric_text(metric, &arena).data : NULL;
}

static void numbers(void **state)
{
    struct metrics metrics =
        of_json("{\"i\": 9007199254740993, \"n\": -9223372036854775808, \"f\": 0.1, \"w\": 3.0,"
                " \"e\": 1e3, \"z\": 0, \"m\": -0.0}");

    (void)state;
    assert_int_equal(metrics.count, 7);
    assert_int_equal(metrics_find(&metrics, STR("i"))->integer, 9007199254740993);
    assert_int_equal(metrics_find(&metrics, STR("n"))->integer, INT64_MIN);
    assert_int_equal(metrics_find(&metrics, STR("w"))->kind, METRIC_FLOAT);
    assert_int_equal(metrics_find(&metrics, STR("e"))->kind, METRIC_FLOAT);
    assert_string_equal(text_of(&metrics, "i"), "9007199254740993");
    assert_string_equal(text_of(&metrics, "f"), "0.1");
    assert_string_equal(text_of(&metrics, "w"), "3.0");
    assert_null(metrics_find(&metrics, STR("x")));
    assert_null(metrics_find(&metrics, STR("")));
}

static void nested_names(void **state)
{
    struct metrics metrics =
        of_json("{\"a\": {\"b\": 1, \"c\": {\"d\": 2}}, \"a.b\": 3, \"e\": {}}");

    (void)state;
    assert_int_equal(metrics.count, 2);
    assert_string_equal(text_of(&metrics, "a.b"), "1"); /* the first counts */
    assert_string_equal(text_of(&metrics, "a.c.d"), "2");
}

static void what_is_no_number(void **state)
{
    static const struct {
        const char *json, *is;
    } rows[] = {
        {"\"1\"", "a string"},
        {"null", "null"},
        {"true", "true"},
        {"false", "false"},
        {"[1]", "an array"},
        {"NaN", "NaN"},
        {"-Infinity", "infinite"},
        {"Infinity", "infinite"},
        {"1e400", "beyond 1.8e308"},
        {"9223372036854775808", "an integer that does not fit into 64 bits"},
        {"-9223372036854775809", "an integer that does not fit into 64 bits"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[80];
        struct metrics metrics;

        snprintf(text, sizeof(text), "{\"x\": %s}", rows[i].json);
        metrics = of_json(text);
        assert_int_equal(metrics.items[0].kind, METRIC_NONE);
        assert_string_equal(text_of(&metrics, "x"), rows[i].is);
    }
}

static void what_is_no_object(void **state)
{
    static const char *const texts[] = {"",    "1",      "[]",         "\"x\"", "{", "{\"x\": 1,}",
                                        "nan", "{x: 1}", "{\"x\": 01}"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct metric_list list;
        struct err err = {0};

        metric_list_init(&list, &arena);
        assert_false(metrics_add_json(&list, str_of(texts[i]), &err));
        assert_int_equal(err.status, STATUS_STAGE_FAILED);
        assert_true(err.text[0] != '\0');
    }
}

static void words(void **state)
{
    static const struct {
        const char *text, *is;
    } rows[] = {
        {"1", "1"},         {"-3", "-3"},        {"1.50", "1.5"},      {"nan", "NaN"},
        {"-nan", "NaN"},    {"NaN", "NaN"},      {"inf", "infinite"},  {"-INF", "infinite"},
        {"", "a string"},   {"abc", "a string"}, {"0x10", "a string"}, {"1 2", "a string"},
        {"{}", "a string"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct metric_list list;
        struct metrics metrics;
        struct err err = {0};

        metric_list_init(&list, &arena);
        assert_true(metrics_add_text(&list, STR("x"), str_of(rows[i].text), &err));
        metrics = metrics_of(&list);
        assert_string_equal(text_of(&metrics, "x"), rows[i].is);
    }
}

static void too_many_and_too_deep(void **state)
{
    struct strbuf text = {0};
    struct metric_list list;
    struct metrics metrics;
    struct err err = {0};

    (void)state;
    strbuf_puts(&text, "{");
    for (int i = 0; i <= LIMIT_METRICS; i++) {
        strbuf_printf(&text, "%s\"m%d\": %d", i == 0 ? "" : ",", i, i);
    }
    strbuf_puts(&text, "}");
    metric_list_init(&list, &arena);
    assert_false(metrics_add_json(&list, strbuf_str(&text), &err));
    strbuf_clear(&text);
    for (int i = 0; i < 40; i++) {
        strbuf_puts(&text, "{\"a\": ");
    }
    strbuf_puts(&text, "1");
    for (int i = 0; i < 40; i++) {
        strbuf_puts(&text, "}");
    }
    metrics = of_json(text.data);
    assert_int_equal(metrics.count, 1);
    assert_int_equal(metrics.items[0].kind, METRIC_NONE);
    strbuf_fini(&text);
}

static void names(void **state)
{
    (void)state;
    assert_true(metric_is_name(STR("a b-c.d")));
    assert_false(metric_is_name(STR("")));
    assert_false(metric_is_name(STR("a\nb")));
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(nested_names),
        cmocka_unit_test(what_is_no_number),
        cmocka_unit_test(what_is_no_object),
        cmocka_unit_test(words),
        cmocka_unit_test(too_many_and_too_deep),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
