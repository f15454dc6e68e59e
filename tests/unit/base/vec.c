/* Growing arrays: what is taken to an arena. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/vec.h"

struct pair {
    uint64_t number;
    char letter;
};

static void test_dup_outlives_the_array(void **state)
{
    VEC(struct pair) pairs = {0};
    struct arena arena;
    struct pair *copy;

    (void)state;
    arena_init(&arena);
    for (unsigned i = 0; i < 100; i++) {
        VEC_PUSH(&pairs, (struct pair){i, (char)('a' + i % 26)});
    }
    arena_bytes(&arena, 1); /* the next free byte is not aligned */
    copy = VEC_DUP(&pairs, &arena);
    VEC_FREE(&pairs);
    assert_int_equal((uintptr_t)copy % _Alignof(struct pair), 0);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(copy[i].number, i);
        assert_int_equal(copy[i].letter, 'a' + i % 26);
    }
    arena_fini(&arena);
}

static void test_dup_of_none(void **state)
{
    VEC(struct pair) pairs = {0};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_non_null(VEC_DUP(&pairs, &arena));
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dup_outlives_the_array),
        cmocka_unit_test(test_dup_of_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
