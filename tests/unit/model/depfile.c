/* Depfiles: what compilers write, and what no compiler would. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "model/depfile.h"

/* The paths, each between < and >, or "!" and the message. */
static void expect_bytes(struct str text, const char *expected)
{
    struct strbuf out = {0};
    struct depfile depfile;
    struct arena arena;
    struct err err = {0};

    arena_init(&arena);
    if (depfile_parse(text, &arena, &depfile, &err)) {
        for (uint32_t i = 0; i < depfile.count; i++) {
            strbuf_printf(&out, "<%.*s>", STR_ARG(depfile.paths[i]));
        }
    } else {
        assert_int_equal(err.status, STATUS_STAGE_FAILED);
        strbuf_printf(&out, "!%s", err.text);
    }
    assert_string_equal(out.data != NULL ? out.data : "", expected);
    strbuf_fini(&out);
    arena_fini(&arena);
}

static void expect(const char *text, const char *expected)
{
    expect_bytes(str_of(text), expected);
}

static void test_rules(void **state)
{
    (void)state;
    expect("", "");
    expect("\n\n", "");
    expect("a.o: a.c", "<a.c>");
    expect("a.o: a.c a.h\n", "<a.c><a.h>");
    expect("a.o : a.c", "<a.c>");
    expect("a.o b.o: a.c", "<a.c>");
    expect("a.o:\n", "");
    expect("a.o: a.c \\\n  a.h\\\n\tb.h\n", "<a.c><a.h><b.h>");
    expect("a.o: \\\n a.c\n\na.h:\nb.h:\n", "<a.c>");
    expect("a.o: a.c a.h a.c\nb.o: a.h b.c\n", "<a.c><a.h><b.c>");
}

static void test_windows_lines(void **state)
{
    (void)state;
    expect("a.o: a.c \\\r\n a.h\r\n", "<a.c><a.h>");
    expect("a.o:a\r\n", "!line 1 has no ':' behind its target");
    expect("a.o:\\\r\n a.h", "<a.h>");
}

static void test_escapes(void **state)
{
    (void)state;
    expect("a.o: my\\ file a\\#b a$$b a\\:b a\\\\b", "<my file><a#b><a$b><a:b><a\\b>");
    expect("a.o: $x a\\b a:b C:/x", "<$x><a\\b><a:b><C:/x>");
    expect("C:/a.o: a.c", "<a.c>");
    expect("my\\ a.o: a.c", "<a.c>");
    expect("a.o: \xff\xfe", "<\xff\xfe>");
}

/* Backslashes and returns that end nothing, at every place. */
static void test_ends(void **state)
{
    (void)state;
    expect("a.o: a\\", "<a\\>");
    expect("a.o: a \\", "<a><\\>");
    expect("a.o: \\\n", "");
    expect("a.o: \\\r", "<\\>");
    expect("a.o: a\\\rb c", "<a\\><b><c>");
    expect("a.o: a$", "<a$>");
    expect("a.o:\\\n", "");
    expect("\\", "!line 1 has no ':' behind its target");
    expect("\\\r", "!line 1 has no ':' behind its target");
}

static void test_no_depfile(void **state)
{
    (void)state;
    expect("a.c", "!line 1 has no ':' behind its target");
    expect("a.o: a.c\nb.o b.c\nc.o: c.c\n", "!line 2 has no ':' behind its target");
    expect("a.o: a.c\nb.o\n", "!line 2 has no ':' behind its target");
    expect("a.o: \\\n a.c\nb.o", "!line 3 has no ':' behind its target");
}

/* Any bytes, cut anywhere: an answer, and in a buffer of just that length. */
static void test_any_cut(void **state)
{
    static const char text[] = "a.o b\\ c.o : a\\\r\n\\\r b$$\\#\0 \\\n\n:\\:\\\\ x:\n\ty\\ \r\\";
    const size_t len = sizeof(text) - 1;

    (void)state;
    for (size_t from = 0; from <= len; from++) {
        for (size_t to = from; to <= len; to++) {
            char *copy = malloc(to - from + (to == from));
            struct depfile depfile;
            struct arena arena;
            struct err err = {0};

            assert_non_null(copy);
            memcpy(copy, text + from, to - from);
            arena_init(&arena);
            if (depfile_parse(str_n(copy, to - from), &arena, &depfile, &err)) {
                assert_true(depfile.count <= to - from);
                for (uint32_t i = 0; i < depfile.count; i++) {
                    assert_true(depfile.paths[i].len > 0);
                }
            } else {
                assert_int_equal(err.status, STATUS_STAGE_FAILED);
            }
            arena_fini(&arena);
            free(copy);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),      cmocka_unit_test(test_windows_lines),
        cmocka_unit_test(test_escapes),    cmocka_unit_test(test_ends),
        cmocka_unit_test(test_no_depfile), cmocka_unit_test(test_any_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
