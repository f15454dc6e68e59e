/* Roots of workspaces: written, read back, damaged, frozen. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../temp_folder.h"
#include "base/hex.h"
#include "store/roots.h"

#define SAMPLE_WORKSPACE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SAMPLE_RUN       "20261120T234112Z-7f3a"

static struct temp_folder here;
static struct arena arena;
static struct err err;
static struct digest workspace;

static int setup(void **state)
{
    (void)state;
    err_clear(&err);
    arena_init(&arena);
    temp_folder_make(&here);
    workspace = sha256_of("w", 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_folder_remove(&here);
    arena_fini(&arena);
    return 0;
}

static const struct roots_row rows[] = {{UINT64_C(0x1122334455667788), {{1}}}, {7, {{2, 3}}}};
static const struct digest objects[] = {{{9}}, {{8, 7}}, {{6}}};

static struct roots_run run_of(const char *id, bool part)
{
    struct roots_run run = {.pipeline = STR("main"),
                            .part = part,
                            .time_ns = INT64_C(1700000000123456789),
                            .objects = objects,
                            .object_count = 3,
                            .rows = rows,
                            .row_count = 2};

    assert_true(run_id_parse(str_of(id), &run.run));
    return run;
}

static void write_run(const char *id, bool part)
{
    struct roots_run run = run_of(id, part);

    EXPECT_OK(roots_write(here.fd, &workspace, &run, &err), &err);
}

static struct roots read_all(void)
{
    struct roots roots;

    EXPECT_OK(roots_read(here.fd, &workspace, NULL, NULL, &arena, &roots, &err), &err);
    return roots;
}

static void check_run(const struct roots_run *run, const char *id, bool part)
{
    assert_string_equal(run->run.text, id);
    assert_true(str_is(run->pipeline, "main"));
    assert_int_equal(run->part, part);
    assert_int_equal(run->time_ns, INT64_C(1700000000123456789));
    assert_int_equal(run->object_count, 3);
    assert_memory_equal(run->objects, objects, sizeof(objects));
    assert_int_equal(run->row_count, 2);
    assert_int_equal(run->rows[0].instance, rows[0].instance);
    assert_true(digest_equal(&run->rows[1].key, &rows[1].key));
}

static void test_round(void **state)
{
    struct roots roots;
    struct roots_workspaces list;

    (void)state;
    roots = read_all();
    assert_int_equal(roots.count, 0);
    EXPECT_OK(roots_workspaces(here.fd, &arena, &list, &err), &err);
    assert_int_equal(list.count, 0);
    write_run("20261120T234113Z-0001", true);
    write_run(SAMPLE_RUN, false);
    roots = read_all();
    assert_int_equal(roots.count, 2);
    assert_string_equal(roots.damaged.text, "");
    check_run(&roots.runs[0], SAMPLE_RUN, false);
    check_run(&roots.runs[1], "20261120T234113Z-0001", true);
    EXPECT_OK(roots_workspaces(here.fd, &arena, &list, &err), &err);
    assert_int_equal(list.count, 1);
    assert_true(digest_equal(&list.items[0], &workspace));

    write_run(SAMPLE_RUN, true);
    roots = read_all();
    assert_int_equal(roots.count, 2);
    check_run(&roots.runs[0], SAMPLE_RUN, true);
    EXPECT_OK(roots_remove(here.fd, &workspace, &roots.runs[0].run, &err), &err);
    assert_int_equal(read_all().count, 1);
}

static void test_empty(void **state)
{
    struct roots_run run = {.pipeline = STR("")};
    struct roots roots;

    (void)state;
    assert_true(run_id_parse(STR(SAMPLE_RUN), &run.run));
    EXPECT_OK(roots_write(here.fd, &workspace, &run, &err), &err);
    roots = read_all();
    assert_int_equal(roots.count, 1);
    assert_int_equal(roots.runs[0].row_count + roots.runs[0].object_count, 0);
}

static bool skip_inode(void *ctx, const struct run_id *run, uint64_t ino)
{
    (void)run;
    return *(uint64_t *)ctx == ino;
}

static void test_skip(void **state)
{
    struct roots roots;

    (void)state;
    write_run(SAMPLE_RUN, false);
    write_run("20261120T234113Z-0001", false);
    roots = read_all();
    EXPECT_OK(roots_read(here.fd, &workspace, skip_inode, &roots.runs[0].ino, &arena, &roots, &err),
              &err);
    assert_int_equal(roots.count, 1);
    assert_string_equal(roots.runs[0].run.text, "20261120T234113Z-0001");
}

/* Each byte that changes, and each length that is wrong, is told. */
static void test_damage(void **state)
{
    char path[128], hex[DIGEST_HEX_BYTES + 1];
    unsigned char bytes[512];
    ssize_t len;
    int fd;

    (void)state;
    write_run(SAMPLE_RUN, false);
    snprintf(path, sizeof(path), "roots/%s/%s", digest_hex(&workspace, hex), SAMPLE_RUN);
    fd = openat(here.fd, path, O_RDWR);
    assert_true(fd >= 0);
    len = pread(fd, bytes, sizeof(bytes), 0);
    assert_in_range(len, 100, sizeof(bytes) - 1);
    for (ssize_t at = 0; at < len; at++) {
        unsigned char changed = bytes[at] ^ 0x81;

        assert_int_equal(pwrite(fd, &changed, 1, at), 1);
        assert_string_not_equal(read_all().damaged.text, "");
        assert_int_equal(read_all().count, 0);
        assert_int_equal(pwrite(fd, &bytes[at], 1, at), 1);
    }
    assert_string_equal(read_all().damaged.text, "");
    for (ssize_t to = len - 1; to >= 0; to--) {
        assert_int_equal(ftruncate(fd, to), 0);
        assert_string_not_equal(read_all().damaged.text, "");
    }
    assert_int_equal(pwrite(fd, bytes, (size_t)len, 0), len);
    assert_int_equal(ftruncate(fd, len + 1), 0);
    assert_string_not_equal(read_all().damaged.text, "");
    close(fd);
}

static void test_frozen(void **state)
{
    int formats = open("testdata/formats", O_RDONLY | O_DIRECTORY);
    struct roots roots;

    (void)state;
    assert_true(digest_parse(STR(SAMPLE_WORKSPACE), &workspace));
    EXPECT_OK(roots_read(formats, &workspace, NULL, NULL, &arena, &roots, &err), &err);
    close(formats);
    assert_string_equal(roots.damaged.text, "");
    assert_int_equal(roots.count, 1);
    check_run(&roots.runs[0], SAMPLE_RUN, true);
}

static void test_one(void **state)
{
    static const struct run_id other = {"20261120T234112Z-0001"};
    struct run_list list;
    struct run_list more = {(struct run_id[]){other, {SAMPLE_RUN}}, 2};
    struct roots_run run;

    (void)state;
    EXPECT_OK(roots_list(here.fd, &workspace, &arena, &list, &err), &err);
    assert_int_equal(list.count, 0);
    write_run(SAMPLE_RUN, true);
    EXPECT_OK(roots_list(here.fd, &workspace, &arena, &list, &err), &err);
    assert_int_equal(list.count, 1);
    assert_true(roots_read_run(here.fd, &workspace, &list.ids[0], &arena, &run));
    check_run(&run, SAMPLE_RUN, true);
    assert_false(roots_read_run(here.fd, &workspace, &other, &arena, &run));
    /* With those that have a folder, each once. */
    run_list_merge(&list, &more, &arena);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.ids[0].text, other.text);
    assert_string_equal(list.ids[1].text, SAMPLE_RUN);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_round), TEST(test_one),    TEST(test_empty),
        TEST(test_skip),  TEST(test_damage), TEST(test_frozen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
