/* Which snapshots count: the newest of each key, what is dropped, and what others append. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "../temp_folder.h"
#include "store/checkpoints.h"

static struct temp_folder folder;
static struct checkpoints all;

static int set_up(void **state)
{
    (void)state;
    temp_folder_in(&folder, NULL);
    return checkpoints_open(&all, folder.fd, NULL) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    checkpoints_close(&all);
    temp_folder_remove(&folder);
    return 0;
}

static struct digest digest_of(const char *text)
{
    return sha256_of(text, strlen(text));
}

static struct checkpoint_whose whose(const char *instance, const char *key)
{
    return (struct checkpoint_whose){
        .workspace = digest_of("w"), .key = digest_of(key), .instance = str_of(instance)};
}

static void add_to(struct checkpoints *to, const char *instance, const char *key, const char *tree,
                   uint32_t keep)
{
    struct checkpoint_row row = {.whose = whose(instance, key),
                                 .tree = digest_of(tree),
                                 .run = STR("run"),
                                 .attempt = STR("attempt"),
                                 .taken_ns = -7,
                                 .size_bytes = UINT64_C(1) << 40,
                                 .entries = 3,
                                 .keep = keep};

    assert_true(checkpoints_add(to, &row, NULL));
}

static void add(const char *instance, const char *key, const char *tree, uint32_t keep)
{
    add_to(&all, instance, key, tree, keep);
}

/* Those of an instance and key, the newest first, are these: one letter each. */
static void are(const char *instance, const char *key, const char *trees)
{
    struct checkpoint_whose of = whose(instance, key);
    const struct checkpoint_row *row;
    uint32_t n = 0;

    for (; *trees != '\0'; trees++) {
        char name[2] = {*trees, '\0'};
        struct digest tree = digest_of(name);

        row = checkpoints_next(&all, &of, &n);
        assert_non_null(row);
        assert_true(digest_equal(&row->tree, &tree));
        assert_true(str_is(row->run, "run") && str_is(row->attempt, "attempt"));
        assert_true(row->taken_ns == -7 && row->size_bytes == UINT64_C(1) << 40);
        assert_int_equal(row->entries, 3);
    }
    assert_null(checkpoints_next(&all, &of, &n));
}

static void again(void)
{
    checkpoints_close(&all);
    assert_true(checkpoints_open(&all, folder.fd, NULL));
}

static void none_at_first(void **state)
{
    (void)state;
    are("a", "k", "");
    assert_int_equal(faccessat(folder.fd, "checkpoints", F_OK, 0), -1);
}

static void the_last_of_each_key_are_kept(void **state)
{
    (void)state;
    add("a", "k", "1", 2);
    add("a", "l", "2", 2);
    add("b", "k", "3", 2);
    add("a", "k", "4", 2);
    add("a", "k", "5", 2);
    for (int i = 0; i < 2; i++) {
        are("a", "k", "54");
        are("a", "l", "2");
        are("b", "k", "3");
        again();
    }
    add("a", "k", "6", 1);
    are("a", "k", "6");
}

static void the_same_again_pushes_none_out(void **state)
{
    (void)state;
    add("a", "k", "1", 2);
    add("a", "k", "2", 2);
    add("a", "k", "2", 2);
    are("a", "k", "21");
}

static void dropped_ones_stay_away(void **state)
{
    struct checkpoint_whose of = whose("a", "k");
    struct digest tree = digest_of("2");

    (void)state;
    add("a", "k", "1", 3);
    add("a", "k", "2", 3);
    add("a", "k", "3", 3);
    add("b", "k", "4", 3);
    assert_true(checkpoints_drop_one(&all, &of, &tree, NULL));
    are("a", "k", "31");
    again();
    are("a", "k", "31");
    assert_true(checkpoints_drop(&all, &of, NULL));
    are("a", "k", "");
    again();
    are("a", "k", "");
    are("b", "k", "4");
}

static uint32_t count_synced(void)
{
    uint32_t count = 0;

    VEC_EACH (row, &all.rows) {
        count += row->synced;
    }
    return count;
}

/* Those that this process added before the barrier, and they stay so. */
static void what_a_barrier_covered_is_synced(void **state)
{
    uint64_t through;

    (void)state;
    add("a", "k", "1", 9);
    again();
    add("a", "k", "2", 9);
    through = all.added;
    add("b", "k", "3", 9);
    assert_int_equal(count_synced(), 0);
    assert_true(checkpoints_synced(&all, through, NULL));
    assert_int_equal(count_synced(), 1);
    assert_true(all.rows.items[1].synced);
    again();
    assert_int_equal(count_synced(), 1);
    assert_true(checkpoints_synced(&all, 100, NULL));
    assert_int_equal(count_synced(), 1);
    for (int i = 0; i < 2000; i++) {
        add("c", "k", i % 2 == 0 ? "4" : "5", 1);
    }
    checkpoints_compact(&all);
    again();
    assert_int_equal(count_synced(), 1);
    are("a", "k", "21");
}

/* In a store that is shared: theirs are seen, and come between. */
static void others_append_too(void **state)
{
    struct checkpoints other;

    (void)state;
    assert_true(checkpoints_open(&other, folder.fd, NULL));
    add("a", "k", "1", 5);
    add_to(&other, "a", "k", "2", 5);
    add("a", "k", "3", 5);
    are("a", "k", "321");
    add_to(&other, "a", "k", "4", 5);
    assert_true(checkpoints_refresh(&all, NULL));
    are("a", "k", "4321");
    checkpoints_close(&other);
}

static void a_long_file_gets_short(void **state)
{
    struct checkpoints other;
    struct stat before, after;
    char tree[2] = "?";

    (void)state;
    for (int i = 0; i < 2000; i++) {
        tree[0] = (char)('a' + i % 3);
        add("a", "k", tree, 2);
    }
    assert_true(checkpoints_open(&other, folder.fd, NULL));
    assert_int_equal(fstatat(folder.fd, "checkpoints", &before, 0), 0);
    checkpoints_compact(&all);
    assert_int_equal(fstatat(folder.fd, "checkpoints", &after, 0), 0);
    assert_true(after.st_size < before.st_size / 100);
    are("a", "k", "ba");
    add_to(&other, "a", "k", "c", 2);
    assert_int_equal(other.rows.count, 2);
    checkpoints_close(&other);
    again();
    are("a", "k", "cb");
}

/* Cut at each byte: those that were whole before it count, and the next append goes on behind. */
static void a_torn_end_is_cut(void **state)
{
    struct stat one, two;

    (void)state;
    add("a", "k", "1", 9);
    assert_int_equal(fstatat(folder.fd, "checkpoints", &one, 0), 0);
    add("a", "k", "2", 9);
    assert_int_equal(fstatat(folder.fd, "checkpoints", &two, 0), 0);
    for (off_t size = two.st_size - 1; size >= one.st_size; size -= 7) {
        int fd = openat(folder.fd, "checkpoints", O_WRONLY | O_CLOEXEC);

        assert_int_equal(ftruncate(fd, size), 0);
        close(fd);
        again();
        are("a", "k", "1");
        add("a", "k", "2", 9);
        again();
        are("a", "k", "21");
    }
}

static void damage_is_told_and_the_rest_counts(void **state)
{
    struct stat one;
    char byte = 0;
    int fd;

    (void)state;
    add("a", "k", "1", 9);
    assert_int_equal(fstatat(folder.fd, "checkpoints", &one, 0), 0);
    add("a", "k", "2", 9);
    fd = openat(folder.fd, "checkpoints", O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, &byte, 1, one.st_size - 3), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, one.st_size - 3), 1);
    close(fd);
    again();
    assert_false(checkpoints_check(&all, NULL));
    are("a", "k", "2");
}

static void a_file_of_another_kind_is_none(void **state)
{
    struct err err = {0};
    struct record_file other;
    struct record_batch batch;

    (void)state;
    assert_true(record_file_open(&other, folder.fd, "checkpoints", "made", NULL));
    record_batch_init(&batch);
    record_batch_add(&batch, 1, STR("x"));
    assert_true(record_append(&other, &batch, NULL));
    record_batch_fini(&batch);
    record_file_close(&other);
    checkpoints_close(&all);
    assert_false(checkpoints_open(&all, folder.fd, &err));
    assert_int_equal(err.status, STATUS_CORRUPT);
}

static void the_frozen_sample_is_read_for_ever(void **state)
{
    int formats = open("testdata/formats", O_RDONLY | O_DIRECTORY);

    (void)state;
    checkpoints_close(&all);
    assert_true(checkpoints_open(&all, formats, NULL));
    are("a", "k", "32");
    are("a", "l", "4");
    are("b", "k", "");
    assert_int_equal(count_synced(), 2);
    assert_true(checkpoints_check(&all, NULL));
    close(formats);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(none_at_first),
        TEST(the_last_of_each_key_are_kept),
        TEST(the_same_again_pushes_none_out),
        TEST(dropped_ones_stay_away),
        TEST(what_a_barrier_covered_is_synced),
        TEST(others_append_too),
        TEST(a_long_file_gets_short),
        TEST(a_torn_end_is_cut),
        TEST(damage_is_told_and_the_rest_counts),
        TEST(a_file_of_another_kind_is_none),
        TEST(the_frozen_sample_is_read_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
