/* Files of records: torn tails, damage, several writers, replacement, the frozen sample. */
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
#include <sys/wait.h>
#include <unistd.h>

#include "base/record.h"

static char folder[64];
static int dirfd_;

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/pawl-record-XXXXXX");
    assert_non_null(mkdtemp(folder));
    dirfd_ = open(folder, O_RDONLY | O_DIRECTORY);
    return dirfd_ < 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlinkat(dirfd_, "f", 0);
    unlinkat(dirfd_, "f.new", 0);
    close(dirfd_);
    return rmdir(folder);
}

static void put_bytes(const void *data, size_t size)
{
    int fd = openat(dirfd_, "f", O_WRONLY | O_CREAT | O_TRUNC, 0666);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    close(fd);
}

static size_t get_bytes(unsigned char *data, size_t size)
{
    int fd = openat(dirfd_, "f", O_RDONLY);
    ssize_t got = read(fd, data, size);

    close(fd);
    assert_true(got >= 0);
    return (size_t)got;
}

static void open_file(struct record_file *file)
{
    struct err err = {0};

    if (!record_file_open(file, dirfd_, "f", "test", &err)) {
        fail_msg("%s", err.text);
    }
}

/* Appends records of the given texts with one write. */
static void append(struct record_file *file, const char *const *texts, size_t count)
{
    struct record_batch batch;
    struct err err = {0};

    record_batch_init(&batch);
    for (size_t i = 0; i < count; i++) {
        record_batch_add(&batch, (uint32_t)i + 1, str_of(texts[i]));
    }
    if (!record_append(file, &batch, &err)) {
        fail_msg("%s", err.text);
    }
    record_batch_fini(&batch);
}

static const char *const three[] = {"one", "", "the third record"};

/* Every record read must be one of the three, in order; how many. */
static unsigned read_subset(const struct record_file *file)
{
    struct record record;
    unsigned count = 0;
    size_t next = 0;

    for (uint64_t pos = 0; record_next(file, &pos, &record); count++) {
        while (next < 3 && !(record.type == next + 1 && str_is(record.payload, three[next]))) {
            next++;
        }
        assert_true(next < 3);
        next++;
    }
    return count;
}

static size_t make_three(unsigned char *data, size_t size)
{
    struct record_file file;

    unlinkat(dirfd_, "f", 0);
    open_file(&file);
    append(&file, three, 3);
    record_file_close(&file);
    return get_bytes(data, size);
}

static void test_round(void **state)
{
    struct record_file file;
    struct record record;
    uint64_t pos = 0;

    (void)state;
    open_file(&file);
    assert_false(record_next(&file, &pos, &record));
    assert_int_equal(faccessat(dirfd_, "f", F_OK, 0), -1); /* looking makes nothing */
    append(&file, three, 3);
    assert_int_equal(read_subset(&file), 3);
    append(&file, three, 1);
    record_file_close(&file);
    open_file(&file);
    for (int i = 0; i < 4; i++) {
        assert_true(record_next(&file, &pos, &record));
        assert_true(str_is(record.payload, three[i % 3]));
    }
    assert_false(record_next(&file, &pos, &record));
    assert_true(record_check(&file, NULL));
    record_file_close(&file);
}

/* A file cut anywhere holds the whole records before the cut, and goes on behind them. */
static void test_torn(void **state)
{
    unsigned char data[512];
    size_t size = make_three(data, sizeof(data));
    size_t starts[] = {32, 32 + 23, 32 + 23 + 20, 32 + 23 + 20 + 36};

    (void)state;
    assert_int_equal(size, starts[3]);
    for (size_t cut = 0; cut <= size; cut++) {
        struct record_file file;
        unsigned whole = (unsigned)((cut >= starts[1]) + (cut >= starts[2]) + (cut >= starts[3]));

        put_bytes(data, cut);
        open_file(&file);
        assert_int_equal(read_subset(&file), whole);
        assert_true(record_check(&file, NULL));
        append(&file, three, 1);
        record_file_close(&file);
        open_file(&file);
        assert_int_equal(file.torn_bytes, 0);
        assert_int_equal(file.len, (whole > 0 || cut >= 32 ? starts[whole] : 32) + 23);
        record_file_close(&file);
    }
}

/* One flipped bit loses one record at most, never gives a wrong one, and is noticed. */
static void test_flips(void **state)
{
    unsigned char data[512];
    size_t size = make_three(data, sizeof(data));

    (void)state;
    for (size_t bit = 0; bit < size * 8; bit++) {
        struct record_file file;
        struct err err = {0};

        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        put_bytes(data, size);
        if (bit / 8 < 32) {
            assert_false(record_file_open(&file, dirfd_, "f", "test", &err));
            assert_int_equal(err.status, STATUS_CORRUPT);
        } else {
            open_file(&file);
            assert_int_equal(read_subset(&file), 2);
            /* of the last record it is a torn tail */
            assert_int_equal(record_check(&file, NULL), bit / 8 >= 32 + 23 + 20);
            record_file_close(&file);
        }
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}

/* Bytes put in or lost in the middle cost the record they are in. */
static void test_shifted(void **state)
{
    unsigned char data[512];
    size_t size = make_three(data, sizeof(data));
    struct record_file file;

    (void)state;
    memmove(data + 41, data + 40, size - 40);
    put_bytes(data, size + 1);
    open_file(&file);
    assert_int_equal(read_subset(&file), 2);
    assert_int_equal(file.damaged_bytes, 24);
    assert_false(record_check(&file, NULL));
    append(&file, three, 1);
    record_file_close(&file);
    open_file(&file);
    assert_false(record_check(&file, NULL)); /* still there to be seen */
    record_file_close(&file);
}

static void test_zero_tail(void **state)
{
    unsigned char data[512] = {0};
    size_t size;
    struct record_file file;

    (void)state;
    put_bytes(data, 100);
    open_file(&file);
    assert_int_equal(read_subset(&file), 0);
    append(&file, three, 3);
    record_file_close(&file);
    size = get_bytes(data, sizeof(data));
    memset(data + size, 0, 100);
    put_bytes(data, size + 100);
    open_file(&file);
    assert_int_equal(read_subset(&file), 3);
    assert_int_equal(file.torn_bytes, 100);
    record_file_close(&file);
}

static void test_kind(void **state)
{
    unsigned char data[512];
    struct record_file file;
    struct err err = {0};

    (void)state;
    make_three(data, sizeof(data));
    assert_false(record_file_open(&file, dirfd_, "f", "other", &err));
    assert_int_equal(err.status, STATUS_CORRUPT);
}

/* A record inside a payload of another file is no record where it is found after damage. */
static void test_embedded(void **state)
{
    unsigned char data[512];
    size_t size = make_three(data, sizeof(data));
    struct record_batch batch;
    struct record_file file;

    (void)state;
    unlinkat(dirfd_, "f", 0);
    open_file(&file);
    record_batch_init(&batch);
    record_batch_add(&batch, 7, str_n((char *)data, size));
    assert_true(record_append(&file, &batch, NULL));
    record_batch_fini(&batch);
    record_file_close(&file);
    size = get_bytes(data, sizeof(data));
    data[33] ^= 1;
    put_bytes(data, size);
    open_file(&file);
    assert_int_equal(read_subset(&file), 0);
    record_file_close(&file);
}

static void child_appends(char name)
{
    struct record_file file;
    struct record_batch batch;

    open_file(&file);
    record_batch_init(&batch);
    for (int i = 0; i < 200; i++) {
        char text[32];

        record_batch_clear(&batch);
        snprintf(text, sizeof(text), "%c%d", name, i);
        record_batch_add(&batch, (uint32_t)name, str_of(text));
        if (!record_append(&file, &batch, NULL)) {
            _exit(1);
        }
    }
    _exit(0);
}

static void test_two_writers(void **state)
{
    struct record_file file;
    struct record record;
    int next[2] = {0, 0};
    int status;

    (void)state;
    for (int i = 0; i < 2; i++) {
        if (fork() == 0) {
            child_appends((char)('a' + i));
        }
    }
    for (int i = 0; i < 2; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    open_file(&file);
    for (uint64_t pos = 0; record_next(&file, &pos, &record);) {
        char text[32];
        unsigned who = record.type - 'a';

        assert_in_range(who, 0, 1);
        snprintf(text, sizeof(text), "%c%d", 'a' + (char)who, next[who]++);
        assert_true(str_is(record.payload, text));
    }
    assert_int_equal(next[0], 200);
    assert_int_equal(next[1], 200);
    record_file_close(&file);
}

static void test_replace(void **state)
{
    struct record_file a;
    struct record_file b;
    struct record_batch batch;
    struct err err = {0};
    uint32_t generation;

    (void)state;
    open_file(&a);
    append(&a, three, 3);
    open_file(&b);
    record_batch_init(&batch);
    record_batch_add(&batch, 3, str_of(three[2]));
    append(&b, three, 1);
    /* somebody appended: a knows only now, and must look first */
    assert_false(record_replace(&a, &batch, &err));
    assert_int_equal(err.status, STATUS_LOCKED);
    assert_true(record_replace(&a, &batch, NULL));
    record_batch_fini(&batch);
    assert_int_equal(read_subset(&a), 1);
    generation = b.generation;
    append(&b, three, 0);
    assert_int_equal(b.generation, generation);
    assert_true(record_refresh(&b, NULL));
    assert_true(b.generation > generation);
    assert_int_equal(read_subset(&b), 1);
    record_file_close(&b);
    record_file_close(&a);
}

/* The old file's descriptor does not write to what nobody reads. */
static void test_append_after_replace(void **state)
{
    struct record_file a;
    struct record_file b;
    struct record_batch batch;
    struct record record;
    uint64_t pos = 0;

    (void)state;
    open_file(&a);
    append(&a, three, 3);
    open_file(&b);
    record_batch_init(&batch);
    assert_true(record_replace(&a, &batch, NULL));
    record_batch_add(&batch, 9, STR("late"));
    assert_true(record_append(&b, &batch, NULL));
    record_batch_fini(&batch);
    assert_true(record_refresh(&a, NULL));
    assert_true(record_next(&a, &pos, &record));
    assert_int_equal(record.type, 9);
    record_file_close(&a);
    record_file_close(&b);
}

static void test_frozen(void **state)
{
    int dir = open("testdata/formats", O_RDONLY | O_DIRECTORY);
    struct record_file file;
    struct err err = {0};

    (void)state;
    if (!record_file_open(&file, dir, "records", "test", &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(read_subset(&file), 3);
    assert_int_equal(file.torn_bytes, 0);
    record_file_close(&file);
    close(dir);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_round),     TEST(test_torn),
        TEST(test_flips),     TEST(test_shifted),
        TEST(test_zero_tail), TEST(test_kind),
        TEST(test_embedded),  TEST(test_two_writers),
        TEST(test_replace),   TEST(test_append_after_replace),
        TEST(test_frozen),
    };

    return cmocka_run_group_tests_name("base/record", tests, NULL, NULL);
}
