/* Which commands are simple, and their words. tests/unit/run/direct.c holds them against a shell.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "model/shellwords.h"

/* The words, each between < and >; "" for a text that is not simple. */
static void expect(const char *text, const char *expected)
{
    struct strbuf out = {0};
    struct shell_simple simple;
    struct arena arena;

    arena_init(&arena);
    strbuf_puts(&out, "");
    if (shell_read_simple(&arena, str_of(text), &simple)) {
        for (uint32_t i = 0; i < simple.count; i++) {
            strbuf_printf(&out, "<%s>", simple.words[i]);
        }
        assert_null(simple.words[simple.count]);
    }
    if (strcmp(out.data != NULL ? out.data : "", expected) != 0) {
        fail_msg("%s: %s instead of %s", text, out.data, expected);
    }
    strbuf_fini(&out);
    arena_fini(&arena);
}

static void simple_commands_are_read(void **state)
{
    static const char *const cases[][2] = {
        {"cp a b", "<cp><a><b>"},
        {"  cp\ta  b ", "<cp><a><b>"},
        {"./x.sh --n=3 +4 5% a:b,c@d _", "<./x.sh><--n=3><+4><5%><a:b,c@d><_>"},
        {"x 'a b' \"c d\" e\\ f", "<x><a b><c d><e f>"},
        {"x 'a'\"b\"c\\d", "<x><abcd>"},
        {"x '' \"\"", "<x><><>"},
        {"x 'a\nb\tc' \"d\te\"", "<x><a\nb\tc><d\te>"},
        {"x '$a `b` \\ \" ! * ~ #'", "<x><$a `b` \\ \" ! * ~ #>"},
        {"x \"' * ~ # ; & | < > ( ) { } [ ]\"", "<x><' * ~ # ; & | < > ( ) { } [ ]>"},
        {"x \\$a \\\" \\' \\\\ \\* \\~ \\# \\;", "<x><$a><\"><'><\\><*><~><#><;>"},
        {"x 'gr\303\274n' \"\303\274\"", "<x><gr\303\274n><\303\274>"},
        {"/bin/echo a", "</bin/echo><a>"},
        {"'my prog' a", "<my prog><a>"},
        {"x if then { } echo=1", ""},
        {"x if then echo a=1", "<x><if><then><echo><a=1>"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect(cases[i][0], cases[i][1]);
    }
}

static void what_is_in_doubt_is_not_simple(void **state)
{
    static const char *const texts[] = {
        "",         " ",        "''",         "'' a",       "a\n",
        "\na",      "a\\\nb",   "x $a",       "x ${a}",     "x $(a)",
        "x `a`",    "x \"$a\"", "x \"`a`\"",  "x \"a\\b\"", "x \"!\"",
        "x *",      "x a?",     "x [a]",      "x ~",        "x ~/a",
        "x a=~",    "x #a",     "x a#b",      "x !",        "! x",
        "x {a,b}",  "{ x; }",   "x; y",       "x & y",      "x &",
        "x | y",    "x || y",   "x && y",     "x > a",      "x >a",
        "x 2>&1",   "x < a",    "x <<a",      "(x)",        "x (a)",
        "a=1 x",    "a=1",      "a+=1",       "a[1]=2",     "'a=b' c",
        "x 'a",     "x \"a",    "x a\\",      "x \\\001",   "x '\001'",
        "x '\177'", "x \r",     "x \303\274", "x ^a",       "x =a",
        "=a",       "%1",       "-x",         "+x",         "@x",
        "if",       "'if' a",   "while x",    "time x",     "echo a",
        "'echo' a", "e\\cho a", "cd a",       ". a",        ": a",
        "test a",   "[ a ]",    "true",       "exec a",     "kill 1",
        "printf a", "source a", "let a",      "setsid a",   "/usr/bin/setsid a",
        "wait",     "trap a",   "unset a",    "function a", "x \"a\nb\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        expect(texts[i], "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simple_commands_are_read),
        cmocka_unit_test(what_is_in_doubt_is_not_simple),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
