/* memcpy, memmove and memcmp of the static binary: every length up to some hundred bytes, from and
 * to every alignment, every distance of overlapping ranges, a difference at every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem_copy.h"

#if defined(__x86_64__)

enum { ROOM = 4096 };

static void fill(unsigned char *bytes)
{
    for (size_t i = 0; i < ROOM; i++) {
        bytes[i] = (unsigned char)(i * 31 + i / 251);
    }
}

static void check_copy(size_t to, size_t from, size_t size)
{
    unsigned char source[ROOM];
    unsigned char made[ROOM];
    unsigned char expected[ROOM];

    fill(source);
    memset(made, 0xa5, ROOM);
    memset(expected, 0xa5, ROOM);
    for (size_t i = 0; i < size; i++) {
        expected[to + i] = source[from + i];
    }
    assert_ptr_equal(mem_copy(made + to, source + from, size), made + to);
    assert_memory_equal(made, expected, ROOM);
}

static void check_move(size_t to, size_t from, size_t size)
{
    unsigned char source[ROOM];
    unsigned char made[ROOM];
    unsigned char expected[ROOM];

    fill(source);
    fill(made);
    fill(expected);
    for (size_t i = 0; i < size; i++) {
        expected[to + i] = source[from + i];
    }
    assert_ptr_equal(mem_move(made + to, made + from, size), made + to);
    assert_memory_equal(made, expected, ROOM);
}

static void test_every_length_is_copied(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 300; size++) {
        check_copy(32 + size % 16, 48 + size % 7, size);
    }
    for (size_t size = 1000; size <= 1050; size++) {
        check_copy(33, 47, size);
    }
    check_copy(1, 3, 3000);
}

static void test_overlapping_ranges_are_moved(void **state)
{
    static const size_t sizes[] = {0, 1, 3, 7, 8, 15, 17, 31, 33, 63, 65, 100, 128, 129, 200, 1500};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        for (size_t apart = 0; apart <= 140; apart++) {
            check_move(1000 + apart, 1000, sizes[i]);
            check_move(1000, 1000 + apart, sizes[i]);
        }
    }
}

static void check_order(const unsigned char *less, const unsigned char *more, size_t size)
{
    assert_true(mem_compare(less, more, size) < 0);
    assert_true(mem_compare(more, less, size) > 0);
}

static void test_every_difference_is_seen(void **state)
{
    unsigned char one[128];
    unsigned char other[128];

    (void)state;
    for (size_t size = 0; size <= 70; size++) {
        for (size_t i = 0; i < sizeof(one); i++) {
            one[i] = (unsigned char)(i * 37);
            other[(i + 3) % sizeof(other)] = one[i];
        }
        assert_int_equal(mem_compare(one, other + 3, size), 0);
        for (size_t at = 0; at < size; at++) {
            unsigned char was = one[at];

            /* Bytes are without sign, and the first difference decides. */
            one[at] = 0x7f;
            other[at + 3] = 0x80;
            if (at + 1 < size) {
                one[at + 1] ^= 0xff;
            }
            check_order(one, other + 3, size);
            if (at + 1 < size) {
                one[at + 1] ^= 0xff;
            }
            one[at] = was;
            other[at + 3] = was;
        }
    }
}

#endif

/* Whichever it is that the program calls. */
static void test_memcpy_takes_any_length(void **state)
{
    unsigned char source[2000];
    unsigned char made[2000];

    (void)state;
    for (size_t i = 0; i < sizeof(source); i++) {
        source[i] = (unsigned char)(i % 253);
    }
    for (size_t size = 0; size < sizeof(source); size += 13) {
        memset(made, 0, sizeof(made));
        memcpy(made, source, size);
        assert_memory_equal(made, source, size);
        assert_int_equal(made[size], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#if defined(__x86_64__)
        cmocka_unit_test(test_every_length_is_copied),
        cmocka_unit_test(test_overlapping_ranges_are_moved),
        cmocka_unit_test(test_every_difference_is_seen),
#endif
        cmocka_unit_test(test_memcpy_takes_any_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
