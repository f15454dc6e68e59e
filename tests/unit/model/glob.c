/* Globs: tables of patterns and paths, and that no pattern takes long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/glob.h"

struct row {
    const char *pattern, *path;
    bool yes;
};

static void check(const struct row *rows, size_t count, bool (*question)(struct str, struct str))
{
    for (size_t i = 0; i < count; i++) {
        if (question(str_of(rows[i].pattern), str_of(rows[i].path)) != rows[i].yes) {
            fail_msg("'%s' and '%s': not %d", rows[i].pattern, rows[i].path, rows[i].yes);
        }
    }
}

#define CHECK(rows, question) check(rows, sizeof(rows) / sizeof((rows)[0]), question)

static void test_match(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"a", "a", true},
        {"a", "b", false},
        {"", "", true},
        {"*.csv", "a.csv", true},
        {"*.csv", ".csv", false},
        {"*.csv", "d/a.csv", false},
        {"*", ".hidden", false},
        {".*", ".hidden", true},
        {"?a", ".a", false},
        {"[.]a", ".a", false},
        {"a*", "a", true},
        {"*a*b*", "xaxxbx", true},
        {"*a*b*", "xbxxax", false},
        {"?", "é", true},
        {"?", "\xff", true},
        {"??", "é", false},
        {"[abc]", "b", true},
        {"[!abc]", "b", false},
        {"[^abc]", "d", true},
        {"[a-c]x", "bx", true},
        {"[a-c]x", "dx", false},
        {"[]]", "]", true},
        {"[!]]", "a", true},
        {"[!]]", "]", false},
        {"[a-]", "-", true},
        {"[a", "[a", true},
        {"[*]", "*", true},
        {"[*]", "a", false},
        {"[a/b]", "a", false},
        {"d/e/*", "d/e/x", true},
        {"d/e/*", "d/f/x", false},
        {"d/e/*", "d/e/", false},
        {"d/e/*", "d/e", false},
        {"d/e/*", "d/e/.x", false},
        {"d/e/*", "d/e/x/y", false},
        {"d/e/**", "d/e/x/y", true},
        {"d/e/**", "d/f/x", false},
        {".d/*", ".d/x", true},
        {"d/", "d", false},
        {"[a/b]", "[a/b]", true},
        {"out/*", "out/a", true},
        {"out/*", "out/a/b", false},
        {"out/*", "out", false},
        {"**", "a", true},
        {"**", "a/b/c", true},
        {"**", "a/.b/c", false},
        {"**/*.c", "a.c", true},
        {"**/*.c", "x/y/a.c", true},
        {"**/.x", "a/.x", true},
        {"a/**/b", "a/b", true},
        {"a/**/b", "a/x/y/b", true},
        {"a/**/b", "a/x/y/c", false},
        {"a/**", "a/x", true},
        {"a**", "a/b", false},
        {"a**", "abc", true},
        {"**/**/a", "a", true},
        {"**/a/**/b", "x/a/y/a/b", true},
    };
    CHECK(rows, glob_match);
}

static void test_below(void **state)
{
    (void)state;
    static const struct row below[] = {
        {"a/*.csv", "a", true},    {"a/*.csv", "", true},       {"a/*.csv", "b", false},
        {"a/*.csv", "a/b", false}, {"a/*/c", "a/b", true},      {"**/x", "a/b", true},
        {"**/x", "a/.b", false},   {"a", "a", false},           {"*", "a", false},
        {"*/b", "a", true},        {"out/**", "out/a/b", true}, {"a/b/c", "a/b", true},
    };
    static const struct row may[] = {
        {"a", "a", true},    {"*", "a", true},        {"a/b", "a", true},
        {"b/*", "a", false}, {"*.csv", "out", false}, {"out/x/*.csv", "out", true},
    };
    CHECK(below, glob_could_be_below);
    CHECK(may, glob_may_match_below);
}

static void test_prefix(void **state)
{
    (void)state;
    assert_true(str_is(glob_static_prefix(STR("a/b/*.c")), "a/b"));
    assert_true(str_is(glob_static_prefix(STR("*.c")), ""));
    assert_true(str_is(glob_static_prefix(STR("a/b")), "a/b"));
    assert_true(str_is(glob_static_prefix(STR("a/[x]/c")), "a"));
    assert_true(glob_has_magic(STR("a/?")));
    assert_true(glob_has_magic(STR("[a")));
    assert_false(glob_has_magic(STR("a/b.c")));
}

static void test_names(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"sim*", "simulate@year=1", true},
        {"*", "", true},
        {"?", "a", true},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"*.x", ".x", true},
        {"[a]", "a", false},
        {"[a]", "[a]", true},
        {"*/b", "a/b", true},
        {"*a*a*b", "aaaaaaaaaac", false},
        {"**", "abc", true},
    };
    CHECK(rows, name_match);
}

/* Exponential in a matcher that tries every way. */
static void test_hard_patterns(void **state)
{
    (void)state;
    struct strbuf pattern, path;
    strbuf_init(&pattern);
    strbuf_init(&path);
    for (int i = 0; i < 200; i++) {
        strbuf_puts(&pattern, "**/a*a*a*b/");
        strbuf_puts(&path, "aaaaaaaaaaaaaaaaaaaaaaa/");
    }
    strbuf_puts(&pattern, "x");
    strbuf_puts(&path, "y");
    assert_false(glob_match(strbuf_str(&pattern), strbuf_str(&path)));
    strbuf_fini(&pattern);
    strbuf_fini(&path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),         cmocka_unit_test(test_below),
        cmocka_unit_test(test_prefix),        cmocka_unit_test(test_names),
        cmocka_unit_test(test_hard_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
