/* Places of diagnostics: line and column wherever in a source, also far behind its start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/diag.h"

static void assert_place(const struct diags *diags, uint32_t offset, uint32_t line, uint32_t column)
{
    struct span span = {.offset = offset, .len = 1, .source = 1};
    uint32_t found_line = 0;
    uint32_t found_column = 0;

    assert_true(diags_place(diags, span, &found_line, &found_column));
    assert_int_equal(found_line, line);
    assert_int_equal(found_column, column);
}

/* 3,000 lines of "é234567\n", nine bytes each: lines cross every boundary that counting might use.
 */
static void test_place_far_from_the_start(void **state)
{
    struct strbuf text = {0};
    struct diags diags;

    (void)state;
    for (int i = 0; i < 3000; i++) {
        strbuf_add(&text,
                   "\xc3\xa9"
                   "234567\n",
                   9);
    }
    diags_init(&diags);
    diags_add_source(&diags, STR("a.toml"), strbuf_str(&text));
    for (uint32_t line = 3000; line >= 1; line--) {
        assert_place(&diags, (line - 1) * 9, line, 1);
        assert_place(&diags, (line - 1) * 9 + 2, line, 2);
        assert_place(&diags, (line - 1) * 9 + 8, line, 8);
    }
    assert_place(&diags, 27000, 3001, 1);
    assert_place(&diags, UINT32_MAX, 3001, 1);
    diags_fini(&diags);
    strbuf_fini(&text);
}

static void test_place_in_an_empty_source(void **state)
{
    struct diags diags;
    uint32_t line;
    uint32_t column;

    (void)state;
    diags_init(&diags);
    diags_add_source(&diags, STR("a.toml"), STR(""));
    assert_place(&diags, 0, 1, 1);
    assert_false(diags_place(&diags, SPAN_NONE, &line, &column));
    diags_fini(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_place_far_from_the_start),
        cmocka_unit_test(test_place_in_an_empty_source),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
