/* `.pawl`, run ids and run folders. */
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

#include "base/clock.h"
#include "store/run_dir.h"
#include "store/workspace.h"

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
    char command[256];

    (void)state;
    close(dir);
    snprintf(command, sizeof(command), "chmod -R u+w %s; rm -rf %s", folder, folder);
    return system(command);
}

static void put_file(const char *path, const char *text)
{
    int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC, 0666);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void test_create(void **state)
{
    struct workspace ws;
    struct workspace again;
    char text[128] = "";
    int fd;

    (void)state;
    assert_true(workspace_find(&ws, dir, NULL));
    assert_false(ws.exists);
    assert_int_equal(ws.pawlfd, -1);
    assert_int_equal(faccessat(dir, ".pawl", F_OK, 0), -1);
    assert_true(workspace_find(&again, dir, NULL));
    assert_true(workspace_create(&ws, NULL));
    assert_true(ws.exists && ws.pawlfd >= 0 && !digest_is_zero(&ws.id));
    assert_true(workspace_create(&again, NULL)); /* the other one came first */
    assert_memory_equal(ws.id.bytes, again.id.bytes, DIGEST_BYTES);
    workspace_close(&again);
    assert_true(workspace_find(&again, dir, NULL));
    assert_memory_equal(ws.id.bytes, again.id.bytes, DIGEST_BYTES);
    workspace_close(&again);
    fd = openat(dir, ".pawl/.gitignore", O_RDONLY);
    assert_int_equal(read(fd, text, sizeof(text)), 2);
    assert_string_equal(text, "*\n");
    close(fd);
    fd = openat(dir, ".pawl/format", O_RDONLY);
    assert_int_equal(read(fd, text, sizeof(text)), 7 + 65);
    assert_memory_equal(text, "pawl 1\n", 7);
    close(fd);
    assert_true(workspace_folder(&ws, "tmp/a/b", NULL));
    assert_int_equal(faccessat(ws.pawlfd, "tmp/a/b", F_OK, 0), 0);
    workspace_close(&ws);
}

static void test_foreign(void **state)
{
    static const char *const texts[] = {"pawl 2\nwhatever\n", "hello\n", "pawl 1\nshort\n", ""};
    struct workspace ws;

    (void)state;
    mkdirat(dir, ".pawl", 0777);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct err err = {0};

        put_file(".pawl/format", texts[i]);
        assert_false(workspace_find(&ws, dir, &err));
        assert_int_equal(err.status, STATUS_ENVIRONMENT);
        assert_non_null(strstr(err.text, ".pawl/format"));
    }
    assert_int_equal(faccessat(dir, ".pawl/.gitignore", F_OK, 0), -1);
}

/* A making that was cut short is completed. */
static void test_cut_short(void **state)
{
    struct workspace ws;

    (void)state;
    mkdirat(dir, ".pawl", 0777);
    put_file(".pawl/.gitignore", "*\n");
    assert_true(workspace_find(&ws, dir, NULL));
    assert_false(ws.exists);
    assert_true(workspace_create(&ws, NULL));
    assert_true(ws.exists);
    workspace_close(&ws);
}

static void test_in_the_way(void **state)
{
    struct workspace ws;
    struct err err = {0};

    (void)state;
    put_file(".pawl", "");
    assert_false(workspace_find(&ws, dir, &err));
    assert_int_equal(err.status, STATUS_ENVIRONMENT);
}

static void test_ids(void **state)
{
    static const char *const bad[] = {"",
                                      "20261120T234112Z-7f3",
                                      "20261120T234112Z-7F3A",
                                      "20261120T234112Z-7f3a0",
                                      "20261320T234112Z-7f3a",
                                      "2026112XT234112Z-7f3a"};
    struct run_id id = run_id_make(INT64_C(1795218072999999999), 0x7f3a);
    struct run_id back;

    (void)state;
    assert_string_equal(id.text, "20261120T234112Z-7f3a");
    assert_true(run_id_parse(str_of(id.text), &back));
    assert_int_equal(run_id_seconds(&back), 1795218072);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(run_id_parse(str_of(bad[i]), &back));
    }
}

static uint16_t next_random(void *context)
{
    return (*(uint16_t *)context)++;
}

static void make_run(int64_t seconds, uint16_t random, const char *expected)
{
    struct run_id id;
    struct err err = {0};
    int fd = run_dir_create(dir, seconds * NS_PER_SEC, next_random, &random, &id, &err);

    if (fd < 0) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(id.text, expected);
    assert_int_equal(faccessat(fd, "logs", F_OK, 0), 0);
    close(fd);
}

static void resolve(const char *selector, const char *expected)
{
    struct run_id id;
    struct err err = {0};

    if (run_dir_resolve(dir, str_of(selector), &id, &err)) {
        assert_string_equal(id.text, expected);
    } else {
        assert_int_equal(err.status, STATUS_USAGE);
        assert_string_equal(err.text, expected);
    }
}

static void test_runs(void **state)
{
    struct run_list list;
    struct arena arena;

    (void)state;
    resolve("latest", "run 'latest': there are no runs yet");
    make_run(50, 0xffff, "19700101T000050Z-ffff");
    resolve("previous", "run 'previous': there is only one run");
    make_run(100, 0x10, "19700101T000140Z-0010");
    make_run(100, 0x10, "19700101T000140Z-0011"); /* a clash draws another */
    mkdirat(dir, "runs/other", 0777);
    arena_init(&arena);
    assert_true(run_dir_list(dir, &arena, &list, NULL));
    assert_int_equal(list.count, 3);
    assert_string_equal(list.ids[0].text, "19700101T000050Z-ffff");
    assert_string_equal(list.ids[2].text, "19700101T000140Z-0011");
    assert_true(run_dir_list(-1, &arena, &list, NULL));
    assert_int_equal(list.count, 0);
    arena_fini(&arena);
    resolve("latest", "19700101T000140Z-0011");
    resolve("previous", "19700101T000140Z-0010");
    resolve("19700101T00005", "19700101T000050Z-ffff");
    resolve("19700101T000140Z-0010", "19700101T000140Z-0010");
    resolve("1970", "run '1970': 3 runs begin so: 19700101T000140Z-0011, 19700101T000140Z-0010, "
                    "19700101T000050Z-ffff");
    resolve("2", "run '2': there is no such run: 'pawl runs' lists them");
    resolve("", "run '': there is no such run: 'pawl runs' lists them");
}

/* The last one made is the last in the list, whatever the clock and chance say. */
static void test_runs_in_order(void **state)
{
    (void)state;
    make_run(100, 0x20, "19700101T000140Z-0020");
    make_run(100, 0x10, "19700101T000140Z-0021");
    make_run(99, 0x99, "19700101T000140Z-0022");
    resolve("latest", "19700101T000140Z-0022");
    make_run(100, 0xffff, "19700101T000140Z-ffff");
    make_run(100, 0x10, "19700101T000141Z-0000");
    resolve("latest", "19700101T000141Z-0000");
    resolve("previous", "19700101T000140Z-ffff");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_create), TEST(test_foreign), TEST(test_cut_short),     TEST(test_in_the_way),
        TEST(test_ids),    TEST(test_runs),    TEST(test_runs_in_order),
    };

    return cmocka_run_group_tests_name("store/workspace", tests, NULL, NULL);
}
