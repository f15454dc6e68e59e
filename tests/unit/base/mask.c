/* Words masked in a text, whole and cut at every place. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mask.h"

static void words_of(struct mask_words *words, const char *const *list)
{
    *words = (struct mask_words){0};
    for (; *list != NULL; list++) {
        mask_words_add(words, str_of(*list));
    }
    mask_words_done(words);
}

static void expect_in_pieces(const struct mask_words *words, const char *text, const char *want,
                             size_t first, size_t second)
{
    struct mask mask = {.words = words};
    struct strbuf out = {0};
    size_t len = strlen(text);

    mask_add(&mask, text, first, &out);
    mask_add(&mask, text + first, second - first, &out);
    mask_add(&mask, text + second, len - second, &out);
    mask_end(&mask, &out);
    assert_int_equal(out.len, strlen(want));
    assert_memory_equal(out.len != 0 ? out.data : "", want, out.len);
    strbuf_fini(&out);
}

/* Cut at every two places. */
static void expect(const char *const *list, const char *text, const char *want)
{
    struct mask_words words;

    words_of(&words, list);
    for (size_t first = 0; first <= strlen(text); first++) {
        for (size_t second = first; second <= strlen(text); second++) {
            expect_in_pieces(&words, text, want, first, second);
        }
    }
    mask_words_fini(&words);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_words(void **state)
{
    (void)state;
    expect(WORDS("secret"), "", "");
    expect(WORDS("secret"), "nothing of it", "nothing of it");
    expect(WORDS("secret"), "secret", "***");
    expect(WORDS("secret"), "a secret, secretsecret.", "a ***, ******.");
    expect(WORDS("secret"), "ssecresecret", "ssecre***");
    expect(WORDS("aaab"), "aaaaab", "aa***");
    expect(WORDS("aaaa"), "aaaaaaa", "***");
}

static void test_several(void **state)
{
    (void)state;
    expect(WORDS("pass", "password"), "pass passwor password passx", "*** ***wor *** ***x");
    expect(WORDS("password", "word"), "password words", "*** ***s");
    expect(WORDS("abcd", "cdef"), "abcdef cdef", "*** ***");
    expect(WORDS("abcdef", "bcde", "cdefgh"), "abcdefgh", "***");
    expect(WORDS("abcd", "abcd"), "abcd", "***");
}

static void test_cut_short(void **state)
{
    (void)state;
    expect(WORDS("0123456789"), "it is 0123", "it is ***");
    expect(WORDS("0123456789"), "it is 012", "it is 012");
    expect(WORDS("0123456789", "23456"), "it is 0123456", "it is ***");
}

static void test_short_and_lines(void **state)
{
    struct mask_words words;

    (void)state;
    words_of(&words, WORDS("", "a", "abc"));
    assert_int_equal(words.count, 0);
    mask_words_fini(&words);
    expect(WORDS("abcd"), "abc abcd", "abc ***");
    expect(WORDS("line number one\nshort\nline number two\n"),
           "- line number one\n- short\n- line number two", "- ***\n- short\n- ***");
}

static void test_any_bytes(void **state)
{
    static const char text[] = "x\xff\x00\xff\xfey\x00";
    struct mask_words words = {0};
    struct mask mask = {.words = &words};
    struct strbuf out = {0};

    (void)state;
    mask_words_add(&words, str_n("\xff\x00\xff\xfe", 4));
    mask_words_done(&words);
    mask_add(&mask, text, sizeof(text) - 1, &out);
    mask_end(&mask, &out);
    assert_int_equal(out.len, 6);
    assert_memory_equal(out.data, "x***y\0", 6);
    strbuf_fini(&out);
    mask_words_fini(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),     cmocka_unit_test(test_several),
        cmocka_unit_test(test_cut_short), cmocka_unit_test(test_short_and_lines),
        cmocka_unit_test(test_any_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
