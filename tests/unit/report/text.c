/* Text for screens, colours, and tables. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "report/color.h"
#include "report/table.h"
#include "report/text.h"

static void expect(struct strbuf *have, const char *want)
{
    assert_string_equal(have->data != NULL ? have->data : "", want);
    strbuf_fini(have);
    *have = (struct strbuf){0};
}

static void test_harmless(void **state)
{
    static const char *const rows[][2] = {
        {"plain", "plain"},
        {"tab\there", "tab\there"},
        {"10 %\r20 %\rdone\r\r", "done"},
        {"\033[1;31mred\033[0m", "red"},
        {"\033]0;title\atext\033]8;;x\033\\link", "textlink"},
        {"\033(Bcharset\0337saved", "charsetsaved"},
        {"cut \033[31", "cut "},
        {"\033", ""},
        {"bell\a\b\x7f", "bell\\x07\\x08\\x7f"},
        {"caf\xc3\xa9 \xe6\x97\xa5", "caf\xc3\xa9 \xe6\x97\xa5"},
        {"bad \xc3 \xff", "bad \\xc3 \\xff"},
        {"c1 \xc2\x9b", "c1 \\xc2\\x9b"},
        {"bidi \xe2\x80\xae", "bidi \\xe2\\x80\\xae"},
    };
    struct strbuf out = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        text_add_harmless(&out, str_of(rows[i][0]));
        expect(&out, rows[i][1]);
    }
    text_add_inline(&out, STR("a\r\n\tb"));
    expect(&out, "a   b");
}

static void test_width(void **state)
{
    struct strbuf out = {0};

    (void)state;
    assert_int_equal(text_width(STR("")), 0);
    assert_int_equal(text_width(STR("abc")), 3);
    assert_int_equal(text_width(STR("\xc3\xa9")), 1);
    assert_int_equal(text_width(STR("e\xcc\x81")), 1);
    assert_int_equal(text_width(STR("\xe6\x97\xa5\xe6\x9c\xac")), 4);
    assert_int_equal(text_add_cut(&out, STR("0123456789"), 10), 10);
    expect(&out, "0123456789");
    assert_int_equal(text_add_cut(&out, STR("0123456789"), 9), 9);
    expect(&out, "012345...");
    assert_int_equal(text_add_cut(&out, STR("0123456789"), 4), 4);
    expect(&out, "0123");
    assert_int_equal(text_add_cut(&out, STR("\xe6\x97\xa5\xe6\x9c\xac"), 3), 2);
    expect(&out, "\xe6\x97\xa5");
    assert_int_equal(text_add_cut(&out, STR("abc"), 0), 0);
    expect(&out, "");
}

static void test_seconds(void **state)
{
    struct strbuf out = {0};

    (void)state;
    text_add_seconds(&out, -1);
    text_add_seconds(&out, 59 * NS_PER_SEC + 999 * NS_PER_MS);
    text_add_seconds(&out, 60 * NS_PER_SEC);
    text_add_seconds(&out, 3720 * NS_PER_SEC);
    expect(&out, "0s59s1m00s1h02m");
}

static void test_color(void **state)
{
    static const struct {
        enum color_choice choice;
        struct color_facts facts;
        bool want;
    } rows[] = {
        {COLOR_AUTO, {NULL, NULL, "xterm", true}, true},
        {COLOR_AUTO, {NULL, NULL, "xterm", false}, false},
        {COLOR_AUTO, {NULL, NULL, "dumb", true}, false},
        {COLOR_AUTO, {NULL, NULL, NULL, true}, false},
        {COLOR_AUTO, {NULL, NULL, "", true}, false},
        {COLOR_AUTO, {"1", NULL, "xterm", true}, false},
        {COLOR_AUTO, {"", NULL, "xterm", true}, true},
        {COLOR_AUTO, {NULL, "1", "dumb", false}, true},
        {COLOR_AUTO, {NULL, "0", "xterm", false}, false},
        {COLOR_AUTO, {NULL, "", "xterm", false}, false},
        {COLOR_AUTO, {"1", "1", "xterm", true}, false},
        {COLOR_ALWAYS, {"1", NULL, "dumb", false}, true},
        {COLOR_NEVER, {NULL, "1", "xterm", true}, false},
    };
    enum color_choice choice;
    struct strbuf out = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(color_decide(rows[i].choice, &rows[i].facts), rows[i].want);
    }
    assert_true(color_choice_from(STR("never"), &choice) && choice == COLOR_NEVER);
    assert_false(color_choice_from(STR("ever"), &choice));
    color_add(&out, false, COLOR_BAD, STR("a"));
    color_add(&out, true, COLOR_BAD, STR("b"));
    color_add(&out, true, COLOR_PLAIN, STR("c"));
    expect(&out, "a\033[31mb\033[0mc");
}

static void test_table(void **state)
{
    static const char *const cells[] = {"name",         "size", "note", "a", "12",
                                        "x|y, \"z\"\n", "bc",   "5",    ""};
    struct strbuf out = {0};
    struct table table;

    (void)state;
    table_init(&table, 3, 1u << 1);
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        table_add(&table, str_of(cells[i]));
    }
    table_render(&table, TABLE_TEXT, &out);
    expect(&out, "name  size  note\n"
                 "a       12  x|y, \"z\"\n"
                 "bc       5\n");
    table_render(&table, TABLE_CSV, &out);
    expect(&out, "name,size,note\n"
                 "a,12,\"x|y, \"\"z\"\"\n\"\n"
                 "bc,5,\n");
    table_render(&table, TABLE_MARKDOWN, &out);
    expect(&out, "| name | size | note |\n"
                 "| --- | ---: | --- |\n"
                 "| a | 12 | x\\|y, \"z\"  |\n"
                 "| bc | 5 |  |\n");
    table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_harmless), cmocka_unit_test(test_width),
        cmocka_unit_test(test_seconds),  cmocka_unit_test(test_color),
        cmocka_unit_test(test_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
