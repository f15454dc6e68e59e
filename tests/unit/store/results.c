/* Results: look-ups, superseding, forgetting, compaction, other processes, damage, size. */
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

#include "store/results.h"

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
    unlinkat(dir, "results", 0);
    unlinkat(dir, "results.new", 0);
    close(dir);
    return rmdir(folder);
}

static struct digest digest_n(uint64_t n)
{
    return sha256_of(&n, sizeof(n));
}

static struct results *open_results(void)
{
    struct err err = {0};
    struct results *results = results_open(dir, &err);

    if (results == NULL) {
        fail_msg("%s", err.text);
    }
    return results;
}

static void flush(struct results *results)
{
    struct err err = {0};

    if (!results_flush(results, &err)) {
        fail_msg("%s", err.text);
    }
}

static struct str text_n(char text[32], const char *form, unsigned n)
{
    int len = snprintf(text, 32, "%s%u", form, n);

    return str_n(text, (size_t)len);
}

/* A result of `instance` with this key; `mark` is told apart by its start time. */
static void add(struct results *results, uint64_t key, uint64_t declared, unsigned instance,
                int64_t mark, uint32_t flags)
{
    char name[32];
    struct result_output output = {.role = STR("csv"),
                                   .path = STR("out/a\xff.csv"),
                                   .kind = RESULT_FOLDER,
                                   .executable = true,
                                   .stored = true,
                                   .digest = digest_n(77),
                                   .size_bytes = 12345678901};
    struct result_input input = {.path = STR("src/a.h"), .digest = digest_n(78), .missing = true};
    struct result_field fields[2] = {{STR("command"), STR("awk -f x.awk")},
                                     {STR("env.FOO"), STR("")}};
    struct result_metric metric = {STR("sharpe"), 1.25};
    struct result result = {.key = digest_n(key),
                            .declared = digest_n(declared),
                            .workspace = digest_n(1),
                            .machine = digest_n(2),
                            .stage = STR("stage"),
                            .instance = text_n(name, "stage@n=", instance),
                            .run = STR("20261120T234112Z-7f3a"),
                            .attempt = STR("a1"),
                            .started_ns = mark,
                            .ended_ns = mark + 1,
                            .wall_ns = 3,
                            .cpu_user_ns = 4,
                            .cpu_sys_ns = 5,
                            .peak_bytes = 6,
                            .flags = flags,
                            .outputs = &output,
                            .output_count = 1,
                            .discovered = &input,
                            .discovered_count = 1,
                            .fields = fields,
                            .field_count = 2,
                            .metrics = &metric,
                            .metric_count = 1};

    results_add(results, &result);
}

/* The mark of a result, -1 for none. */
static int64_t mark_of(const struct results *results, struct result_ref ref)
{
    struct arena arena;
    struct result result;
    int64_t mark = -1;

    arena_init(&arena);
    if (result_ref_is_some(ref)) {
        assert_true(results_read(results, ref, &arena, &result));
        mark = result.started_ns;
    }
    arena_fini(&arena);
    return mark;
}

static int64_t find(const struct results *results, uint64_t key)
{
    struct digest digest = digest_n(key);

    return mark_of(results, results_find(results, &digest));
}

static int64_t find_last(const struct results *results, unsigned instance)
{
    struct digest workspace = digest_n(1);
    char name[32];

    return mark_of(results, results_find_last(results, STR("stage"),
                                              text_n(name, "stage@n=", instance), &workspace));
}

static uint32_t find_declared(const struct results *results, uint64_t declared, int64_t marks[16])
{
    struct digest digest = digest_n(declared);
    struct result_ref refs[RESULTS_PER_KEY];
    uint32_t count = results_find_declared(results, &digest, refs);

    for (uint32_t i = 0; i < count; i++) {
        marks[i] = mark_of(results, refs[i]);
    }
    return count;
}

static void check_whole(const struct results *results, uint64_t key)
{
    struct digest digest = digest_n(key);
    struct digest there = digest_n(77);
    struct arena arena;
    struct result r;

    arena_init(&arena);
    assert_true(results_read(results, results_find(results, &digest), &arena, &r));
    assert_memory_equal(r.key.bytes, digest.bytes, DIGEST_BYTES);
    assert_true(str_is(r.stage, "stage") && str_is(r.instance, "stage@n=5"));
    assert_true(str_is(r.run, "20261120T234112Z-7f3a") && str_is(r.attempt, "a1"));
    assert_true(r.ended_ns == r.started_ns + 1 && r.wall_ns == 3 && r.cpu_user_ns == 4 &&
                r.cpu_sys_ns == 5 && r.peak_bytes == 6);
    assert_int_equal(r.output_count, 1);
    assert_true(str_is(r.outputs[0].role, "csv") && str_is(r.outputs[0].path, "out/a\xff.csv"));
    assert_true(r.outputs[0].kind == RESULT_FOLDER && r.outputs[0].executable &&
                r.outputs[0].stored && r.outputs[0].size_bytes == 12345678901);
    assert_memory_equal(r.outputs[0].digest.bytes, there.bytes, DIGEST_BYTES);
    assert_true(r.discovered_count == 1 && r.discovered[0].missing &&
                str_is(r.discovered[0].path, "src/a.h"));
    assert_true(r.field_count == 2 && str_is(r.fields[1].name, "env.FOO") &&
                r.fields[1].value.len == 0);
    assert_true(r.metric_count == 1 && r.metrics[0].value == 1.25);
    arena_fini(&arena);
}

static void test_round(void **state)
{
    struct results *results = open_results();

    (void)state;
    assert_int_equal(find(results, 10), -1);
    assert_int_equal(faccessat(dir, "results", F_OK, 0), -1);
    add(results, 10, 10, 5, 100, RESULT_PORTABLE);
    check_whole(results, 10); /* before it is written */
    flush(results);
    check_whole(results, 10);
    add(results, 11, 11, 5, 200, 0);
    flush(results);
    results_close(results);
    results = open_results();
    check_whole(results, 10);
    assert_int_equal(find(results, 11), 200);
    assert_int_equal(find_last(results, 5), 200);
    assert_int_equal(find_last(results, 6), -1);
    assert_int_equal(results_count(results), 2);
    results_close(results);
}

static void test_unkeyed(void **state)
{
    struct results *results = open_results();
    int64_t marks[16];

    (void)state;
    add(results, 10, 10, 5, 100, 0);
    add(results, 12, 10, 5, 200, RESULT_UNKEYED);
    assert_int_equal(find(results, 12), -1);
    assert_int_equal(find_last(results, 5), 200);
    assert_int_equal(find_declared(results, 10, marks), 1);
    assert_int_equal(marks[0], 100);
    results_close(results);
}

/* Newest first, at most sixteen; the same key again takes the place of the older one. */
static void test_declared(void **state)
{
    struct results *results = open_results();
    int64_t marks[16];

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        add(results, 100 + i, 9, 5, i, 0);
        if (i % 3 == 0) {
            flush(results);
        }
    }
    assert_int_equal(find_declared(results, 9, marks), 16);
    for (int i = 0; i < 16; i++) {
        assert_int_equal(marks[i], 19 - i);
    }
    assert_int_equal(results_count(results), 16);
    add(results, 110, 9, 5, 999, 0);
    assert_int_equal(find_declared(results, 9, marks), 16);
    assert_int_equal(marks[0], 999);
    assert_int_equal(marks[1], 19);
    assert_int_equal(marks[15], 4);
    assert_int_equal(find(results, 110), 999);
    results_close(results);
}

static void test_forget(void **state)
{
    struct results *results = open_results();

    (void)state;
    add(results, 10, 10, 5, 100, 0);
    add(results, 11, 11, 5, 200, 0);
    for (int again = 0; again < 3; again++) {
        struct digest key = digest_n(11);

        if (again == 0) {
            results_forget(results, &key);
        } else if (again == 1) {
            flush(results);
            results_close(results);
            results = open_results();
        } else {
            assert_true(results_compact(results, NULL, NULL, NULL));
            results_close(results);
            results = open_results();
        }
        assert_int_equal(find(results, 11), -1);
        assert_int_equal(find(results, 10), 100);
        assert_int_equal(find_last(results, 5), -1); /* the older one does not come back */
    }
    add(results, 11, 11, 5, 300, 0);
    assert_int_equal(find(results, 11), 300);
    assert_int_equal(find_last(results, 5), 300);
    results_close(results);
}

static void test_compact(void **state)
{
    struct results *results = open_results();
    struct stat before;
    struct stat after;

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        add(results, i % 10, i % 10, i % 10, i, 0);
    }
    flush(results);
    assert_true(results_should_compact(results));
    fstatat(dir, "results", &before, 0);
    assert_true(results_compact(results, NULL, NULL, NULL));
    fstatat(dir, "results", &after, 0);
    assert_in_range(after.st_size, 1, before.st_size / 50);
    assert_false(results_should_compact(results));
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(find(results, i), 990 + i);
        assert_int_equal(find_last(results, i), 990 + i);
    }
    assert_int_equal(results_count(results), 10);
    results_close(results);
}

/* Two open the same store: each sees what the other wrote, also across a compaction. */
static void test_shared(void **state)
{
    struct results *a = open_results();
    struct results *b = open_results();

    (void)state;
    add(a, 1, 1, 1, 10, 0);
    flush(a);
    add(b, 2, 2, 2, 20, 0);
    assert_true(results_refresh(b, NULL)); /* with something not written yet */
    assert_int_equal(find(b, 1), 10);
    assert_int_equal(find(b, 2), 20);
    flush(b);
    add(a, 3, 3, 3, 30, 0);
    flush(a);
    assert_int_equal(find(a, 2), 20);
    assert_int_equal(find(a, 3), 30);
    assert_true(results_compact(a, NULL, NULL, NULL));
    add(b, 4, 4, 4, 40, 0);
    flush(b);
    for (unsigned i = 1; i <= 4; i++) {
        assert_int_equal(find(b, i), 10 * i);
    }
    assert_true(results_refresh(a, NULL));
    assert_int_equal(find(a, 4), 40);
    results_close(a);
    results_close(b);
}

/* A flipped byte loses at most its own result and is told. */
static void test_flips(void **state)
{
    struct results *results = open_results();
    static char data[8192];
    ssize_t size;
    int fd;

    (void)state;
    add(results, 1, 1, 1, 10, 0);
    add(results, 2, 2, 2, 20, 0);
    flush(results);
    results_close(results);
    fd = openat(dir, "results", O_RDWR);
    size = read(fd, data, sizeof(data));
    for (ssize_t at = 32; at < size; at++) {
        char flipped = (char)(data[at] ^ 0x10);
        bool first = at < 32 + (size - 32) / 2;

        assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
        results = open_results();
        assert_int_equal(find(results, 1), first ? -1 : 10);
        assert_int_equal(find(results, 2), first ? 20 : -1);
        assert_int_equal(results_check(results, NULL), !first);
        results_close(results);
        assert_int_equal(pwrite(fd, &data[at], 1, at), 1);
    }
    close(fd);
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void test_many(void **state)
{
    struct results *results = open_results();
    double start;

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        add(results, i, i, i, i, 0);
    }
    flush(results);
    results_close(results);
    start = seconds();
    results = open_results();
    print_message("100,000 results read in %.0f ms\n", (seconds() - start) * 1000);
    for (unsigned i = 0; i < 100000; i += 997) {
        assert_int_equal(find(results, i), i);
        assert_int_equal(find_last(results, i), i);
    }
    assert_int_equal(results_count(results), 100000);
    results_close(results);
}

static void test_frozen(void **state)
{
    int formats = open("testdata/formats", O_RDONLY | O_DIRECTORY);
    struct results *results = results_open(formats, NULL);

    (void)state;
    assert_non_null(results);
    check_whole(results, 10);
    assert_int_equal(find(results, 11), -1); /* forgotten in it */
    assert_true(results_check(results, NULL));
    results_close(results);
    close(formats);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_round),  TEST(test_unkeyed), TEST(test_declared),
        TEST(test_forget), TEST(test_compact), TEST(test_shared),
        TEST(test_flips),  TEST(test_many),    TEST(test_frozen),
    };

    return cmocka_run_group_tests_name("store/results", tests, NULL, NULL);
}
