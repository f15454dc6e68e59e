/* Tables of names: a look-up of rows by the name in them, interned strings, chains of rows. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/chains.h"
#include "base/map.h"
#include "base/vec.h"

enum { MANY = 5000 };

struct row {
    uint32_t number;
    struct str name;
};

static struct str name_n(struct arena *arena, unsigned n)
{
    return str_printf(arena, "row %u", n);
}

static void test_lookup(void **state)
{
    VEC(struct row) rows = {0};
    struct lookup lookup;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    lookup_init(&lookup);
    assert_int_equal(LOOKUP_GET(&lookup, &rows, name, STR("row 0")), MAP_MISSING);
    for (unsigned n = 0; n < MANY; n++) {
        struct row row = {n, name_n(&arena, n)};

        lookup_put(&lookup, row.name, (uint32_t)rows.count);
        VEC_PUSH(&rows, row);
    }
    for (unsigned n = 0; n < MANY; n++) {
        assert_int_equal(LOOKUP_GET(&lookup, &rows, name, name_n(&arena, n)), n);
    }
    assert_int_equal(LOOKUP_GET(&lookup, &rows, name, name_n(&arena, MANY)), MAP_MISSING);
    assert_int_equal(LOOKUP_GET(&lookup, &rows, name, STR("")), MAP_MISSING);
    lookup_fini(&lookup);
    VEC_FREE(&rows);
    arena_fini(&arena);
}

static void test_intern(void **state)
{
    struct intern intern;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    intern_init(&intern, &arena);
    assert_int_equal(intern_find(&intern, STR("row 0")), MAP_MISSING);
    for (unsigned again = 0; again < 2; again++) {
        for (unsigned n = 0; n < MANY; n++) {
            assert_int_equal(intern_add(&intern, name_n(&arena, n)), n);
        }
    }
    assert_int_equal(intern.count, MANY);
    assert_int_equal(intern_find(&intern, STR("row 77")), 77);
    assert_true(str_is(intern_str(&intern, 77), "row 77"));
    assert_int_equal(intern_find(&intern, STR("none")), MAP_MISSING);
    intern_fini(&intern);
    arena_fini(&arena);
}

/* A batch numbers as if each had been added alone, whatever its length, and knows what is there. */
static void test_intern_batch(void **state)
{
    struct intern_batch batch = {0};
    struct intern intern;
    struct arena arena;
    uint32_t numbers[MANY];
    uint32_t last[4];
    char *text;

    (void)state;
    arena_init(&arena);
    intern_init(&intern, &arena);
    intern_reserve(&intern, MANY, MANY);
    intern_batch_flush(&batch, &intern);
    for (unsigned again = 0; again < 2; again++) {
        for (unsigned n = 0; n < MANY; n++) {
            intern_batch_add(&batch, &intern, name_n(&arena, n), &numbers[n]);
        }
        intern_batch_flush(&batch, &intern);
        for (unsigned n = 0; n < MANY; n++) {
            assert_int_equal(numbers[n], n);
        }
        assert_int_equal(intern.count, MANY);
    }
    text = arena_alloc(&arena, INTERN_BATCH_BYTES + 1);
    memset(text, 'x', INTERN_BATCH_BYTES + 1);
    intern_batch_add(&batch, &intern, STR("short"), &last[0]);
    intern_batch_add(&batch, &intern, str_n(text, INTERN_BATCH_BYTES), &last[1]);
    intern_batch_add(&batch, &intern, str_n(text, INTERN_BATCH_BYTES + 1), &last[2]);
    intern_batch_add(&batch, &intern, STR(""), &last[3]);
    intern_batch_flush(&batch, &intern);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(last[i], MANY + i);
    }
    assert_int_equal(intern_str(&intern, last[1]).len, INTERN_BATCH_BYTES);
    assert_true(str_is(intern_str(&intern, last[0]), "short"));
    intern_fini(&intern);
    arena_fini(&arena);
}

/* Memory that is touched ahead keeps its bytes, and what comes of an arena is zero. */
static void test_touch(void **state)
{
    enum { LARGE = 5 * MEM_STEP_BYTES + 123 };
    struct arena arena;
    char *text = mem_alloc(LARGE);

    (void)state;
    memset(text, 'x', LARGE);
    mem_touch(text + 1, LARGE - 2);
    arena_init(&arena);
    for (unsigned i = 0; i < 3; i++) {
        char *zero;

        arena_reset(&arena);
        zero = arena_alloc(&arena, LARGE);
        for (unsigned n = 0; n < LARGE; n++) {
            assert_true(zero[n] == 0 && text[n] == 'x');
        }
        memset(zero, 'y', LARGE);
        for (unsigned n = 0; n < 1000; n++) {
            char *little = arena_alloc(&arena, 1000);

            assert_true(little[0] == 0 && little[999] == 0);
            memset(little, 'z', 1000);
        }
        assert_true(zero[0] == 'y' && zero[LARGE - 1] == 'y');
    }
    arena_fini(&arena);
    free(text);
}

/* Rows of one bucket come newest first, and those passed by do not. */
static void test_chains(void **state)
{
    struct chains chains = {0};

    (void)state;
    for (uint32_t count = 10; count <= MANY; count *= 5) {
        chains_fit(&chains, count);
        while (chains.linked < count) {
            if (chains.linked % 3 == 0) {
                chains_pass(&chains);
            } else {
                chains_link(&chains, chains.linked % 7);
            }
        }
        for (uint32_t hash = 0; hash < 7; hash++) {
            uint32_t n = chains_newest(&chains, hash);
            uint32_t found = 0;
            uint32_t want = 0;

            for (uint32_t before = count; n != CHAINS_NONE; before = n, n = chains.older[n]) {
                assert_true(n < before && n % 7 == hash && n % 3 != 0);
                found++;
            }
            for (uint32_t i = hash; i < count; i += 7) {
                want += i % 3 != 0;
            }
            assert_int_equal(found, want);
        }
        assert_int_equal(chains_newest(&chains, 8), CHAINS_NONE);
    }
    chains_clear(&chains);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lookup),       cmocka_unit_test(test_intern),
        cmocka_unit_test(test_intern_batch), cmocka_unit_test(test_touch),
        cmocka_unit_test(test_chains),
    };

    return cmocka_run_group_tests_name("base/map", tests, NULL, NULL);
}
