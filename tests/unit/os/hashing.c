/* Many files at once: the same digests as one after the other, firm only where a later write shows,
 * and silence about what must be looked at alone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "../temp_folder.h"
#include "base/clock.h"
#include "os/files.h"
#include "os/hash_relay.h"
#include "os/hashing.h"

enum { FILES = 1500, BYTES_MOST = 3 * HASHING_SMALL_BYTES, WRITES = 300, WRITTEN_BYTES = 9000 };

static struct temp_folder here;
static uint64_t random_state;
static unsigned char bytes[BYTES_MOST];
static char paths[FILES][300];
static struct hashing_file files[FILES];

static uint32_t random_below(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % below;
}

static int setup(void **state)
{
    (void)state;
    temp_folder_make(&here);
    random_state = 88172645463325252u;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char)random_below(256);
    }
    for (uint32_t i = 0; i < FILES; i++) {
        snprintf(paths[i], sizeof(paths[i]), "%s/%u", here.path, i);
        files[i] = (struct hashing_file){.path = paths[i]};
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_folder_remove(&here);
    return 0;
}

static void write_bytes(const char *path, const unsigned char *from, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, from, len), (ssize_t)len);
    close(fd);
}

/* Mostly small ones, some empty, some around the edge, a few large. */
static size_t random_size(void)
{
    switch (random_below(20)) {
    case 0:
        return 0;
    case 1:
        return (size_t)HASHING_SMALL_BYTES - 2 + random_below(5);
    case 2:
        return random_below(BYTES_MOST);
    default:
        return random_below(6000);
    }
}

static void make_files(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        size_t len = random_size();

        write_bytes(paths[i], bytes + random_below((uint32_t)(BYTES_MOST - len) + 1), len);
    }
}

static void look_and_read(uint32_t count)
{
    hashing_look(files, count);
    for (uint32_t i = 0; i < count; i++) {
        files[i].wanted = true;
    }
    hashing_read(NULL, files, count);
}

static void check_file(const struct hashing_file *file)
{
    struct digest digest;
    struct signature signature;
    uint64_t size_bytes;
    struct err err = {0};

    EXPECT_OK(file_hash(AT_FDCWD, file->path, &digest, &size_bytes, &err), &err);
    EXPECT_OK(signature_read(AT_FDCWD, file->path, true, &signature, &err), &err);
    assert_true(file->looked);
    assert_true(file->read);
    assert_memory_equal(&file->digest, &digest, sizeof(digest));
    assert_int_equal(file->signature.size, size_bytes);
    assert_true(signature_equal(&file->signature, &signature));
    assert_true(signature_equal(&file->found, &signature));
}

/* Until what was just written is older than a tick of the clock. */
static void let_tick_pass(void)
{
    int64_t from = clock_real_ns(&clock_system);

    while (clock_coarse_real_ns(&clock_system) <= from) {
    }
}

static void test_equal_to_one_by_one(void **state)
{
    static const uint32_t counts[] = {0, 1, 2, 17, 200, FILES};

    (void)state;
    make_files(FILES);
    let_tick_pass();
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        for (uint32_t n = 0; n < FILES; n++) {
            files[n] = (struct hashing_file){.path = paths[n]};
        }
        look_and_read(counts[i]);
        for (uint32_t n = 0; n < counts[i]; n++) {
            check_file(&files[n]);
            assert_true(files[n].firm);
        }
    }
}

/* One large file: a thread reads, another hashes. */
static void test_relay(void **state)
{
    static const uint32_t sizes[] = {0, 1, 262143, 262144, 262145, 5000000};
    struct digest expected, digest;
    uint64_t size_bytes;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        int fd = open(paths[i], O_RDWR | O_CREAT | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        for (uint32_t at = 0; at < sizes[i]; at += BYTES_MOST) {
            uint32_t left = sizes[i] - at;

            assert_true(write(fd, bytes, left < BYTES_MOST ? left : BYTES_MOST) > 0);
        }
        assert_true(file_hash(AT_FDCWD, paths[i], &expected, NULL, NULL));
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_true(hash_relay(fd, &digest, &size_bytes));
        assert_int_equal(size_bytes, sizes[i]);
        assert_memory_equal(&digest, &expected, sizeof(digest));
        close(fd);
    }
    assert_false(hash_relay(here.fd, &digest, &size_bytes)); /* EISDIR */
}

static void test_only_large(void **state)
{
    (void)state;
    write_bytes(paths[0], bytes, BYTES_MOST);
    assert_int_equal(truncate(paths[0], 50 << 20), 0);
    write_bytes(paths[1], bytes, 10);
    let_tick_pass();
    look_and_read(1);
    check_file(&files[0]);
    assert_true(files[0].firm);
    look_and_read(2);
    check_file(&files[0]);
    check_file(&files[1]);
}

static void test_only_wanted(void **state)
{
    (void)state;
    make_files(100);
    hashing_look(files, 100);
    for (uint32_t i = 0; i < 100; i++) {
        files[i].wanted = i % 3 == 0;
    }
    hashing_read(NULL, files, 100);
    for (uint32_t i = 0; i < 100; i++) {
        assert_true(files[i].looked);
        assert_int_equal(files[i].read, i % 3 == 0);
    }
}

static void test_what_is_no_file(void **state)
{
    (void)state;
    make_files(10);
    assert_int_equal(unlink(paths[1]), 0);
    assert_int_equal(unlink(paths[2]), 0);
    assert_int_equal(mkdir(paths[2], 0777), 0);
    assert_int_equal(unlink(paths[3]), 0);
    assert_int_equal(mkfifo(paths[3], 0666), 0);
    assert_int_equal(unlink(paths[4]), 0);
    assert_int_equal(symlink("nowhere", paths[4]), 0);
    assert_int_equal(unlink(paths[5]), 0);
    assert_int_equal(symlink("6", paths[5]), 0);
    look_and_read(10);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(files[i].read, i == 0 || i > 4);
        assert_true(files[i].looked);
    }
    assert_int_equal(signature_type(&files[1].found), FILE_MISSING);
    assert_int_equal(signature_type(&files[2].found), FILE_FOLDER);
    assert_int_equal(signature_type(&files[3].found), FILE_OTHER);
    assert_int_equal(signature_type(&files[4].found), FILE_MISSING);
    check_file(&files[5]);
    assert_memory_equal(&files[5].digest, &files[6].digest, sizeof(files[5].digest));
}

/* Between the look and the read it vanished, grew, shrank, or became something else. */
static void test_changed_after_the_look(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        write_bytes(paths[i], bytes, 5000);
    }
    hashing_look(files, 6);
    unlink(paths[0]);
    write_bytes(paths[1], bytes, 6000);
    assert_int_equal(truncate(paths[2], 100), 0);
    unlink(paths[3]);
    mkfifo(paths[3], 0666);
    unlink(paths[4]);
    mkdir(paths[4], 0777);
    for (uint32_t i = 0; i < 6; i++) {
        files[i].wanted = true;
    }
    hashing_read(NULL, files, 6);
    for (uint32_t i = 0; i < 5; i++) {
        assert_false(files[i].read);
        assert_false(files[i].firm);
    }
    check_file(&files[5]);
}

static void *write_once(void *arg)
{
    const uint32_t *number = arg;
    int fd = open(paths[*number % 8], O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        (void)!pwrite(fd, bytes + *number, WRITTEN_BYTES, 0);
        close(fd);
    }
    return NULL;
}

/* Where the clock is all that tells two writes apart: what was written in the tick of the look may
 * be written again in it. */
static void test_same_tick(void **state)
{
    int64_t from;

    (void)state;
    do {
        let_tick_pass();
        from = clock_coarse_real_ns(&clock_system);
        write_bytes(paths[0], bytes, WRITTEN_BYTES);
        look_and_read(1);
    } while (clock_coarse_real_ns(&clock_system) != from);
    check_file(&files[0]);
    assert_false(files[0].firm);
    let_tick_pass();
    look_and_read(1);
    assert_true(files[0].firm);
}

/* The law of firm signatures: as long as it is the same, so are the bytes. */
static void test_firm_under_a_writer(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 8; i++) {
        write_bytes(paths[i], bytes, WRITTEN_BYTES);
    }
    for (uint32_t round = 0; round < WRITES; round++) {
        pthread_t writer;

        if (round % 7 == 0) {
            let_tick_pass();
        }
        assert_int_equal(pthread_create(&writer, NULL, write_once, &round), 0);
        look_and_read(8);
        assert_int_equal(pthread_join(writer, NULL), 0);
        for (uint32_t i = 0; i < 8; i++) {
            struct signature now;

            assert_true(signature_read(AT_FDCWD, paths[i], true, &now, NULL));
            if (files[i].firm && signature_equal(&now, &files[i].signature)) {
                check_file(&files[i]);
            }
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_equal_to_one_by_one), TEST(test_relay),
        TEST(test_only_large),          TEST(test_only_wanted),
        TEST(test_what_is_no_file),     TEST(test_changed_after_the_look),
        TEST(test_same_tick),           TEST(test_firm_under_a_writer)};

    return cmocka_run_group_tests_name("os/hashing", tests, NULL, NULL);
}
