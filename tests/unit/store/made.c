/* What pawl made: rows by path, the last one counts; compaction, damage, the frozen sample. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/made.h"

static char folder[64];
static int dir;

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/pawl-store-XXXXXX");
    assert_non_null(mkdtemp(folder));
    dir = open(folder, O_RDONLY | O_DIRECTORY);
    return dir < 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlinkat(dir, "made", 0);
    unlinkat(dir, "made.new", 0);
    unlinkat(dir, "made.table", 0);
    close(dir);
    return rmdir(folder);
}

static struct made *open_made(void)
{
    struct err err = {0};
    struct made *made = made_open(dir, &err);

    if (made == NULL) {
        fail_msg("%s", err.text);
    }
    return made;
}

static struct str path_n(char text[32], unsigned n)
{
    int len = snprintf(text, 32, "out/%u", n);

    return str_n(text, (size_t)len);
}

static void put(struct made *made, unsigned n, uint64_t size_bytes)
{
    char path[32];
    struct made_row row = {.path = path_n(path, n),
                           .kind = MADE_LINK,
                           .executable = true,
                           .digest = sha256_of(&size_bytes, sizeof(size_bytes)),
                           .size_bytes = size_bytes,
                           .stage = STR("stage"),
                           .instance = STR("stage@n=1"),
                           .run = STR("20261120T234112Z-7f3a")};

    made_put(made, &row);
}

static void take_out(struct made *made, unsigned n)
{
    char path[32];

    made_remove(made, path_n(path, n));
}

static int64_t get(const struct made *made, unsigned n)
{
    struct made_row row;
    char path[32];

    if (!made_find(made, path_n(path, n), &row)) {
        return -1;
    }
    struct digest digest = sha256_of(&row.size_bytes, sizeof(row.size_bytes));

    assert_memory_equal(row.digest.bytes, digest.bytes, DIGEST_BYTES);
    assert_true(row.kind == MADE_LINK && row.executable && str_equal(row.path, path_n(path, n)) &&
                str_is(row.stage, "stage") && str_is(row.instance, "stage@n=1") &&
                str_is(row.run, "20261120T234112Z-7f3a"));
    return (int64_t)row.size_bytes;
}

static off_t size_of_file(void)
{
    struct stat stat = {0};

    return fstatat(dir, "made", &stat, 0) == 0 ? stat.st_size : -1;
}

static void flush(struct made *made)
{
    struct err err = {0};

    if (!made_flush(made, &err)) {
        fail_msg("%s", err.text);
    }
}

static void test_round(void **state)
{
    struct made *made = open_made();
    struct made_row row;
    uint32_t pos = 0;
    off_t size;

    (void)state;
    flush(made);
    assert_int_equal(size_of_file(), -1);
    put(made, 1, 10);
    put(made, 2, 20);
    put(made, 3, 30);
    put(made, 1, 11);
    take_out(made, 2);
    take_out(made, 4);
    flush(made);
    size = size_of_file();
    put(made, 3, 30); /* nothing new */
    flush(made);
    assert_int_equal(size_of_file(), size);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(get(made, 1), 11);
        assert_int_equal(get(made, 2), -1);
        assert_int_equal(get(made, 3), 30);
        assert_int_equal(made_count(made), 2);
        made_close(made);
        made = open_made();
    }
    assert_true(made_next(made, &pos, &row) && str_is(row.path, "out/1"));
    assert_true(made_next(made, &pos, &row) && str_is(row.path, "out/3"));
    assert_false(made_next(made, &pos, &row));
    put(made, 2, 21);
    assert_int_equal(get(made, 2), 21);
    made_close(made);
}

static void test_no_folder(void **state)
{
    struct made *made = made_open(-1, NULL);

    (void)state;
    assert_non_null(made);
    assert_int_equal(made_count(made), 0);
    made_close(made);
}

static void test_compaction(void **state)
{
    struct made *made = open_made();
    off_t largest = 0;

    (void)state;
    for (unsigned turn = 0; turn < 400; turn++) {
        for (unsigned n = 0; n < 10; n++) {
            put(made, n, turn * 10 + n);
        }
        flush(made);
        largest = size_of_file() > largest ? size_of_file() : largest;
    }
    assert_in_range(largest, 1, 300 * 160); /* 4,000 rows would be more */
    made_close(made);
    made = open_made();
    for (unsigned n = 0; n < 10; n++) {
        assert_int_equal(get(made, n), 3990 + n);
    }
    assert_int_equal(made_count(made), 10);
    made_close(made);
}

static void test_flips(void **state)
{
    struct made *made = open_made();
    static char data[4096];
    ssize_t size;
    int fd;

    (void)state;
    put(made, 1, 10);
    put(made, 2, 20);
    flush(made);
    made_close(made);
    fd = openat(dir, "made", O_RDWR);
    size = read(fd, data, sizeof(data));
    for (ssize_t at = 32; at < size; at++) {
        char flipped = (char)(data[at] ^ 2);
        bool first = at < 32 + (size - 32) / 2;

        assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
        made = open_made();
        assert_int_equal(get(made, 1), first ? -1 : 10);
        assert_int_equal(get(made, 2), first ? 20 : -1);
        assert_int_equal(made_check(made, NULL), !first);
        made_close(made);
        assert_int_equal(pwrite(fd, &data[at], 1, at), 1);
    }
    close(fd);
}

static void test_many(void **state)
{
    struct made *made = open_made();

    (void)state;
    for (unsigned n = 0; n < 100000; n++) {
        put(made, n, n);
    }
    flush(made);
    made_close(made);
    made = open_made();
    assert_int_equal(made_count(made), 100000);
    assert_int_equal(get(made, 99999), 99999);
    made_close(made);
}

/* --- the table beside the file --- */

enum { TABLED = 10000 };

static off_t size_of_table(void)
{
    struct stat stat = {0};

    return fstatat(dir, "made.table", &stat, 0) == 0 ? stat.st_size : -1;
}

/* So many that whoever wrote them leaves a table; each fifth one is gone. */
static void make_tabled(void)
{
    struct made *made = open_made();

    for (unsigned n = 0; n < TABLED; n++) {
        put(made, n, n);
    }
    flush(made);
    for (unsigned n = 0; n < TABLED; n += 5) {
        take_out(made, n);
    }
    flush(made);
    made_close(made);
    assert_true(size_of_table() > 0);
}

static void check_tabled(const struct made *made, unsigned step)
{
    for (unsigned n = 0; n < TABLED; n += step) {
        assert_int_equal(get(made, n), n % 5 == 0 ? -1 : (int64_t)n);
    }
    assert_int_equal(get(made, TABLED), -1);
    assert_int_equal(made_count(made), TABLED - TABLED / 5);
}

static void flip_byte(const char *name, off_t at)
{
    int fd = openat(dir, name, O_RDWR);
    char byte;

    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x42;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void test_table(void **state)
{
    struct made *made;
    struct made_row row;
    uint32_t pos = 0;
    off_t table;

    (void)state;
    make_tabled();
    table = size_of_table();
    made = open_made();
    check_tabled(made, 1);
    put(made, 5, 55);
    put(made, 4, 44);
    take_out(made, 6);
    put(made, TABLED, 1);
    flush(made);
    made_close(made);
    assert_int_equal(size_of_table(), table); /* too little to write it again */
    for (int again = 0; again < 2; again++) {
        made = open_made();
        assert_int_equal(get(made, 5), 55);
        assert_int_equal(get(made, 4), 44);
        assert_int_equal(get(made, 6), -1);
        assert_int_equal(get(made, TABLED), 1);
        pos = 0;
        assert_true(made_next(made, &pos, &row) && str_is(row.path, "out/1"));
        assert_true(made_next(made, &pos, &row) && str_is(row.path, "out/2"));
        assert_true(made_next(made, &pos, &row) && str_is(row.path, "out/3"));
        made_close(made);
        unlinkat(dir, "made.table", 0);
    }
}

static void test_table_damaged(void **state)
{
    struct made *made;

    (void)state;
    make_tabled();
    for (off_t at = 0; at < size_of_table(); at += at < 100 ? 1 : 9973) {
        flip_byte("made.table", at);
        made = open_made();
        check_tabled(made, 499);
        made_close(made);
        flip_byte("made.table", at);
    }
}

/* Each byte of a row under a table: no other one is found for it, and all others are. */
static void test_table_row_damaged(void **state)
{
    off_t bytes = 32 + 20 + 4 + 8 + 42 + 3 * 4 + 5 + 9 + 21; /* more than one row's */
    struct made *made;

    (void)state;
    make_tabled();
    for (off_t at = 32 + 500; at < 32 + 500 + bytes; at++) {
        unsigned lost = 0;

        flip_byte("made", at);
        made = open_made();
        for (unsigned n = 0; n < 20; n++) {
            int64_t there = get(made, n);

            assert_true(there == -1 || (there == (int64_t)n && n % 5 != 0));
            lost += there == -1;
        }
        assert_in_range(lost, 4, 5);
        assert_false(made_check(made, NULL));
        made_close(made);
        flip_byte("made", at);
    }
    made = open_made();
    check_tabled(made, 1);
    assert_true(made_check(made, NULL));
    made_close(made);
}

/* A row that is damaged is put anew; what led to it is gone then. */
static void test_table_put_damaged(void **state)
{
    struct made *made;

    (void)state;
    make_tabled();
    flip_byte("made", 32 + 60);
    made = open_made();
    put(made, 0, 5);
    put(made, 1, 1);
    flush(made);
    assert_int_equal(get(made, 0), 5);
    assert_int_equal(get(made, 1), 1);
    made_close(made);
    assert_int_equal(size_of_table(), -1);
    made = open_made();
    assert_int_equal(get(made, 0), 5);
    assert_int_equal(get(made, 1), 1);
    made_close(made);
}

static void check_frozen(const char *folder_of)
{
    int formats = open(folder_of, O_RDONLY | O_DIRECTORY);
    struct made *made = made_open(formats, NULL);

    assert_non_null(made);
    assert_int_equal(get(made, 1), 11);
    assert_int_equal(get(made, 2), -1);
    assert_int_equal(get(made, 3), 30);
    made_close(made);
    close(formats);
}

static void test_frozen(void **state)
{
    (void)state;
    check_frozen("testdata/formats");
    check_frozen("testdata/formats/tabled");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_round),
        TEST(test_no_folder),
        TEST(test_compaction),
        TEST(test_flips),
        TEST(test_many),
        TEST(test_table),
        TEST(test_table_damaged),
        TEST(test_table_row_damaged),
        TEST(test_table_put_damaged),
        TEST(test_frozen),
    };

    return cmocka_run_group_tests_name("store/made", tests, NULL, NULL);
}
