/* The index: rows, epochs and marks, log and file, damage anywhere, size. */
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

#include "store/index.h"

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
    unlinkat(dir, "index", 0);
    unlinkat(dir, "index.log", 0);
    close(dir);
    return rmdir(folder);
}

static struct digest digest_n(uint64_t n)
{
    return sha256_of(&n, sizeof(n));
}

static struct index *open_index(unsigned epoch_n, bool *damaged)
{
    struct digest epoch = digest_n(epoch_n);
    struct err err = {0};
    struct index *index = index_open(dir, &epoch, damaged, &err);

    if (index == NULL) {
        fail_msg("%s", err.text);
    }
    return index;
}

static void ok(bool done)
{
    assert_true(done);
}

static struct str name_n(char text[32], const char *form, unsigned n)
{
    int len = snprintf(text, 32, "%s%u", form, n);

    return str_n(text, (size_t)len);
}

static void put(struct index *index, unsigned n, unsigned value)
{
    struct index_path row = {
        .signature = {.ino = n, .size = value, .mtime_ns = -5, .mode = 0100644},
        .digest = digest_n(value),
        .firm = true};
    char name[32];

    index_put_path(index, name_n(name, "p/", n), &row);
}

/* The value put, or -1. */
static int get(const struct index *index, unsigned n)
{
    struct index_path row;
    struct digest digest;
    char name[32];

    if (!index_path(index, name_n(name, "p/", n), &row)) {
        return -1;
    }
    digest = digest_n(row.signature.size);
    assert_memory_equal(row.digest.bytes, digest.bytes, DIGEST_BYTES);
    assert_true(row.signature.ino == n && row.signature.mtime_ns == -5 && row.firm &&
                row.signature.mode == 0100644);
    return (int)row.signature.size;
}

static void put_instance(struct index *index, unsigned n, unsigned value)
{
    struct index_instance row = {
        .key = digest_n(value), .state = INDEX_REFUSED, .peak_bytes = value};
    char name[32];

    for (unsigned i = 0; i < 10; i++) {
        index_instance_add_duration(&row, value + i);
    }
    index_put_instance(index, name_n(name, "i@n=", n), &row);
}

static int get_instance(const struct index *index, unsigned n)
{
    struct index_instance row;
    struct digest key;
    char name[32];

    if (!index_instance(index, name_n(name, "i@n=", n), &row)) {
        return -1;
    }
    key = digest_n(row.peak_bytes);
    assert_memory_equal(row.key.bytes, key.bytes, DIGEST_BYTES);
    assert_int_equal(row.state, INDEX_REFUSED);
    assert_int_equal(row.duration_count, 8);
    assert_int_equal(row.durations_ns[0], row.peak_bytes + 9);
    assert_int_equal(row.durations_ns[7], row.peak_bytes + 2);
    return (int)row.peak_bytes;
}

static void test_round(void **state)
{
    (void)state;
    /* 0: never saved, from the log alone; 1: saved; 2: saved and more in the log */
    for (int saved = 0; saved < 3; saved++) {
        struct index *index = open_index(1, NULL);

        put(index, 1, 11);
        put(index, 2, 22);
        put(index, 2, 23);
        put(index, 3, 33);
        put_instance(index, 1, 5);
        char name[32];
        index_drop_path(index, name_n(name, "p/", 3));
        ok(index_flush(index, NULL));
        if (saved > 0) {
            ok(index_save(index, NULL));
        }
        if (saved > 1) {
            put(index, 4, 44);
            put(index, 1, 12);
            put_instance(index, 1, 6);
            ok(index_flush(index, NULL));
        }
        index_close(index);
        bool damaged = true;
        index = open_index(1, &damaged);
        assert_false(damaged);
        assert_int_equal(get(index, 1), saved > 1 ? 12 : 11);
        assert_int_equal(get(index, 2), 23);
        assert_int_equal(get(index, 3), -1);
        assert_int_equal(get(index, 4), saved > 1 ? 44 : -1);
        assert_int_equal(get_instance(index, 1), saved > 1 ? 6 : 5);
        assert_int_equal(index_path_count(index), saved > 1 ? 3 : 2);
        assert_int_equal(index_instance_count(index), 1);
        index_close(index);
        unlinkat(dir, "index", 0);
        unlinkat(dir, "index.log", 0);
    }
}

/* Looking alone writes nothing. */
static void test_no_write(void **state)
{
    struct index *index = open_index(1, NULL);

    (void)state;
    ok(index_flush(index, NULL));
    ok(index_save(index, NULL));
    index_close(index);
    assert_int_equal(faccessat(dir, "index", F_OK, 0), -1);
    assert_int_equal(faccessat(dir, "index.log", F_OK, 0), -1);
}

/* In another epoch only what a mark covers is left; instances are no such rows. */
static void test_epochs(void **state)
{
    (void)state;
    for (int saved = 0; saved < 4; saved++) {
        struct index *index = open_index(1, NULL);
        uint64_t position;

        put(index, 1, 11);
        put(index, 2, 22);
        position = index_position(index);
        put(index, 2, 23); /* while the barrier runs */
        put(index, 3, 33);
        put_instance(index, 1, 5);
        if (saved == 1) {
            ok(index_save(index, NULL));
        }
        index_mark_synced(index, position);
        ok(index_flush(index, NULL));
        if (saved == 2) {
            ok(index_save(index, NULL));
        }
        index_close(index);
        if (saved == 3) { /* a session in the same epoch saves what the log says */
            index = open_index(1, NULL);
            put(index, 4, 44);
            ok(index_save(index, NULL));
            index_close(index);
        }
        index = open_index(2, NULL);
        assert_int_equal(get(index, 1), 11);
        assert_int_equal(get(index, 2), -1);
        assert_int_equal(get(index, 3), -1);
        assert_int_equal(get(index, 4), -1);
        assert_int_equal(get_instance(index, 1), 5);
        put(index, 5, 55);
        ok(index_flush(index, NULL));
        index_close(index);
        /* back in the first epoch: a row of the second is not trusted, nor is one dropped by it */
        index = open_index(1, NULL);
        assert_int_equal(get(index, 1), 11);
        assert_int_equal(get(index, 5), -1);
        index_close(index);
        index = open_index(2, NULL);
        assert_int_equal(get(index, 5), 55);
        index_close(index);
        unlinkat(dir, "index", 0);
        unlinkat(dir, "index.log", 0);
    }
}

/* A mark says nothing of rows of an earlier epoch: what they say was lost before it, if at all. */
static void test_mark_of_later_epoch(void **state)
{
    (void)state;
    for (int saved = 0; saved < 4; saved++) {
        struct index *index = open_index(1, NULL);

        put(index, 1, 11);
        put(index, 2, 22);
        ok((saved & 1) != 0 ? index_save(index, NULL) : index_flush(index, NULL));
        index_close(index);
        index = open_index(2, NULL);
        put(index, 3, 33);
        index_mark_synced(index, index_position(index));
        assert_int_equal(get(index, 1), -1);
        assert_int_equal(index_path_count(index), 1);
        ok((saved & 2) != 0 ? index_save(index, NULL) : index_flush(index, NULL));
        index_close(index);
        for (unsigned epoch = 2; epoch < 4; epoch++) {
            index = open_index(epoch, NULL);
            assert_int_equal(get(index, 1), -1);
            assert_int_equal(get(index, 2), -1);
            assert_int_equal(get(index, 3), 33);
            index_close(index);
        }
        unlinkat(dir, "index", 0);
        unlinkat(dir, "index.log", 0);
    }
}

/* A row that was dropped does not come back when a mark covers it. */
static void test_dropped_before_mark(void **state)
{
    struct index *index = open_index(1, NULL);
    char name[32];

    (void)state;
    put(index, 1, 11);
    ok(index_save(index, NULL));
    index_drop_path(index, name_n(name, "p/", 1));
    index_mark_synced(index, index_position(index));
    ok(index_flush(index, NULL));
    index_close(index);
    index = open_index(2, NULL);
    assert_int_equal(get(index, 1), -1);
    index_close(index);
}

/* An old mark covers nothing that is put after an index was lost. */
static void test_mark_outlives_index(void **state)
{
    struct index *index = open_index(1, NULL);

    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        put(index, i, i);
    }
    index_mark_synced(index, index_position(index));
    ok(index_flush(index, NULL));
    index_close(index);
    index = open_index(2, NULL);
    put(index, 60, 1);
    ok(index_save(index, NULL));
    index_close(index);
    index = open_index(3, NULL);
    assert_int_equal(get(index, 0), 0);
    assert_int_equal(get(index, 60), -1);
    index_close(index);
}

static void flip_file(const char *path, bool log)
{
    static char data[8192];
    int fd = openat(dir, path, O_RDWR);
    ssize_t size = read(fd, data, sizeof(data));

    for (ssize_t at = 0; at < size; at++) {
        char flipped = (char)(data[at] ^ 0x10);
        bool damaged = false;
        struct index *index;

        assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
        index = open_index(1, &damaged);
        for (unsigned n = 1; n <= 4; n++) {
            int value = get(index, n);

            assert_true(value == -1 || value == (int)(11 * n));
        }
        if (!log) {
            assert_true(damaged);
            assert_int_equal(index_path_count(index), 0);
        }
        index_close(index);
        assert_int_equal(pwrite(fd, &data[at], 1, at), 1);
    }
    for (ssize_t size_cut = size - 1; size_cut >= 0; size_cut--) {
        bool damaged = false;
        struct index *index;

        assert_int_equal(ftruncate(fd, size_cut), 0);
        index = open_index(1, &damaged);
        assert_true(damaged || log);
        index_close(index);
    }
    close(fd);
}

static void test_damage(void **state)
{
    (void)state;
    for (int log = 0; log < 2; log++) {
        struct index *index = open_index(1, NULL);

        for (unsigned n = 1; n <= 4; n++) {
            put(index, n, 11 * n);
        }
        put_instance(index, 1, 5);
        ok(log ? index_flush(index, NULL) : index_save(index, NULL));
        index_close(index);
        flip_file(log ? "index.log" : "index", log);
        unlinkat(dir, "index", 0);
        unlinkat(dir, "index.log", 0);
    }
}

/* A log that is no log is noticed, and gone with the next write. */
static void test_bad_log(void **state)
{
    int fd = openat(dir, "index.log", O_WRONLY | O_CREAT, 0666);
    bool damaged = false;
    struct index *index;

    (void)state;
    assert_int_equal(write(fd, "this is certainly no file of records", 36), 36);
    close(fd);
    index = open_index(1, &damaged);
    assert_true(damaged);
    put(index, 1, 11);
    ok(index_flush(index, NULL));
    index_close(index);
    index = open_index(1, &damaged);
    assert_false(damaged);
    assert_int_equal(get(index, 1), 11);
    index_close(index);
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void test_many(void **state)
{
    struct index *index = open_index(1, NULL);
    double start;

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        put(index, i, i);
        if (i % 2 == 0) {
            put_instance(index, i / 2, i);
        }
    }
    ok(index_save(index, NULL));
    index_close(index);
    start = seconds();
    index = open_index(1, NULL);
    print_message("index of 200,000 paths, 100,000 instances read in %.0f ms\n",
                  (seconds() - start) * 1000);
    assert_int_equal(index_path_count(index), 200000);
    assert_int_equal(index_instance_count(index), 100000);
    assert_int_equal(get(index, 199999), 199999);
    assert_int_equal(get_instance(index, 99999), 199998);
    index_close(index);
}

static void test_frozen(void **state)
{
    int formats = open("testdata/formats", O_RDONLY | O_DIRECTORY);
    struct digest epoch = digest_n(1);
    bool damaged = true;
    struct index *index = index_open(formats, &epoch, &damaged, NULL);

    (void)state;
    assert_false(damaged);
    assert_int_equal(get(index, 1), 11);
    assert_int_equal(get(index, 2), 23);
    assert_int_equal(get(index, 3), -1);
    assert_int_equal(get_instance(index, 1), 5);
    assert_int_equal(get_instance(index, 2), 7);
    index_close(index);
    close(formats);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_round),
        TEST(test_no_write),
        TEST(test_epochs),
        TEST(test_mark_outlives_index),
        TEST(test_mark_of_later_epoch),
        TEST(test_dropped_before_mark),
        TEST(test_damage),
        TEST(test_bad_log),
        TEST(test_many),
        TEST(test_frozen),
    };

    return cmocka_run_group_tests_name("store/index", tests, NULL, NULL);
}
