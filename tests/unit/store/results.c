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
    unlinkat(dir, "results.table", 0);
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
    struct metric metric = {.name = STR("sharpe"), .kind = METRIC_FLOAT, .number = 1.25};
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
                            .metrics = {&metric, 1}};

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
    assert_true(r.metrics.count == 1 && r.metrics.items[0].number == 1.25);
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

/* --- the table beside the file --- */

enum { TABLED = 3000 };

/* So many that whoever wrote them leaves a table; each a key and an instance of its own. */
static void make_tabled(void)
{
    struct results *results = open_results();

    for (unsigned i = 0; i < TABLED; i++) {
        add(results, i, i, i, i, 0);
    }
    flush(results);
    results_close(results);
    assert_int_equal(faccessat(dir, "results.table", F_OK, 0), 0);
}

static off_t size_of(const char *name)
{
    struct stat stat;

    return fstatat(dir, name, &stat, 0) == 0 ? stat.st_size : -1;
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

static void check_tabled(const struct results *results, unsigned step)
{
    for (unsigned i = 0; i < TABLED; i += step) {
        int64_t marks[16];

        assert_int_equal(find(results, i), i);
        assert_int_equal(find_last(results, i), i);
        assert_int_equal(find_declared(results, i, marks), 1);
        assert_int_equal(marks[0], i);
    }
    assert_int_equal(find(results, TABLED), -1);
}

static void test_table(void **state)
{
    struct digest key = digest_n(7);
    struct results *results;
    off_t before;

    (void)state;
    make_tabled();
    before = size_of("results.table");
    results = open_results();
    check_tabled(results, 1);
    assert_int_equal(results_count(results), TABLED);
    assert_true(results_check(results, NULL));
    /* what the table knows and what came later, together */
    results_forget(results, &key);
    add(results, 8, 8, 8, 8888, 0);
    add(results, 20, 20, TABLED, 20, 0);
    flush(results);
    results_close(results);
    assert_int_equal(size_of("results.table"), before); /* too little to write it again */
    for (int again = 0; again < 2; again++) {
        results = open_results();
        assert_int_equal(find(results, 7), -1);
        assert_int_equal(find_last(results, 7), -1);
        assert_int_equal(find(results, 8), 8888);
        assert_int_equal(find_last(results, 8), 8888);
        assert_int_equal(find_last(results, TABLED), 20);
        assert_int_equal(results_count(results), TABLED); /* one forgotten, one more instance */
        results_close(results);
        unlinkat(dir, "results.table", 0);
    }
}

/* What was shadowed, forgotten or without a key is so with the table too. */
static void test_table_flags(void **state)
{
    struct results *results = open_results();
    struct digest key = digest_n(1);
    int64_t marks[16];

    (void)state;
    for (unsigned i = 0; i < TABLED; i++) {
        add(results, i % 40, i % 2, i % 40, i, 0);
    }
    add(results, 50, 1, 50, 12345, RESULT_UNKEYED);
    results_forget(results, &key);
    flush(results);
    results_close(results);
    for (int again = 0; again < 2; again++) {
        results = open_results();
        assert_int_equal(find(results, 1), -1);
        assert_int_equal(find(results, 50), -1);
        assert_int_equal(find_last(results, 50), 12345);
        assert_int_equal(find_declared(results, 0, marks), 16);
        for (int i = 0; i < 16; i++) {
            assert_int_equal(marks[i], TABLED - 2 - 2 * i);
        }
        assert_int_equal(find_declared(results, 1, marks), 16);
        assert_int_equal(marks[0], TABLED - 1);
        results_close(results);
        assert_int_equal(unlinkat(dir, "results.table", 0), again == 0 ? 0 : -1);
    }
}

/* Damage in the table costs the walk. */
static void test_table_damaged(void **state)
{
    struct results *results;

    (void)state;
    make_tabled();
    for (off_t at = 0; at < size_of("results.table"); at += at < 100 ? 1 : 997) {
        flip_byte("results.table", at);
        results = open_results();
        check_tabled(results, 499);
        results_close(results);
        flip_byte("results.table", at);
    }
}

/* Each byte of a record under a table: it is not found, whatever is asked, and all others are. */
static void test_table_record_damaged(void **state)
{
    struct results *results;
    off_t bytes;
    off_t first;

    (void)state;
    make_tabled();
    bytes = (size_of("results") - 32) / TABLED;
    first = 32 + 10 * bytes + bytes / 2; /* names grow with their numbers: about the tenth */
    for (off_t at = first; at < first + bytes; at++) {
        unsigned lost = 0;

        flip_byte("results", at);
        results = open_results();
        for (unsigned i = 0; i < 20; i++) {
            int64_t marks[16];

            assert_true(find(results, i) == i || find(results, i) == -1);
            assert_int_equal(find_last(results, i), find(results, i));
            assert_int_equal(find_declared(results, i, marks), find(results, i) != -1);
            lost += find(results, i) == -1;
        }
        assert_int_equal(lost, 1);
        assert_int_equal(results_count(results), at == first ? TABLED - 1 : TABLED);
        assert_false(results_check(results, NULL));
        assert_true(at != first || !results_compact(results, NULL, NULL, NULL)); /* a walk first */
        results_close(results);
        flip_byte("results", at);
        if (at == first) {
            /* what led to damage is gone; whoever appends leaves another one, of a whole file */
            assert_int_equal(size_of("results.table"), -1);
            results = open_results();
            add(results, TABLED + 1, TABLED + 1, TABLED + 1, 1, 0);
            flush(results);
            results_close(results);
            assert_true(size_of("results.table") > 0);
        }
    }
}

/* A result that was shadowed by one that is damaged now comes back by the walk. */
static void test_table_shadowed(void **state)
{
    struct results *results;
    off_t end;

    (void)state;
    make_tabled();
    results = open_results();
    end = size_of("results");
    for (unsigned i = 0; i < TABLED; i++) {
        add(results, i, i, i, TABLED + i, 0);
    }
    flush(results);
    results_close(results); /* with a table of all */
    flip_byte("results", end + 100);
    results = open_results();
    assert_int_equal(find(results, 1), TABLED + 1);
    assert_int_equal(find_last(results, 0), 0);
    add(results, 1, 1, 1, 7, 0);
    flush(results);
    results_close(results);
    assert_int_equal(size_of("results.table"), -1);
    results = open_results();
    assert_int_equal(find(results, 0), 0);
    assert_int_equal(find(results, 1), 7);
    assert_int_equal(find(results, 2), TABLED + 2);
    results_close(results);
}

/* Somebody cuts the file while it is open: nothing of what is gone is found. */
static void test_cut(void **state)
{
    struct results *results;
    off_t half;
    int fd;

    (void)state;
    make_tabled();
    half = size_of("results") / 2;
    results = open_results();
    check_tabled(results, 499);
    fd = openat(dir, "results", O_RDWR);
    assert_int_equal(ftruncate(fd, half), 0);
    close(fd);
    assert_int_equal(find(results, 5), 5);
    assert_int_equal(find(results, TABLED - 5), -1);
    assert_int_equal(find_last(results, TABLED - 5), -1);
    add(results, TABLED + 5, TABLED + 5, TABLED + 5, 1, 0);
    flush(results);
    assert_int_equal(find(results, TABLED + 5), 1);
    assert_int_equal(find(results, 5), 5);
    assert_int_equal(find(results, TABLED - 5), -1);
    results_close(results);
    results = open_results();
    assert_int_equal(find(results, TABLED + 5), 1);
    assert_int_equal(find(results, 5), 5);
    assert_int_equal(find(results, TABLED - 5), -1);
    results_close(results);
}

/* The table of one file beside another one. */
static void test_table_foreign(void **state)
{
    struct results *results;

    (void)state;
    make_tabled();
    assert_int_equal(unlinkat(dir, "results", 0), 0);
    results = open_results();
    assert_int_equal(results_count(results), 0);
    add(results, 1, 1, 1, 77, 0);
    flush(results);
    results_close(results);
    results = open_results();
    assert_int_equal(find(results, 1), 77);
    assert_int_equal(results_count(results), 1);
    results_close(results);
}

static void check_frozen(const char *folder_of)
{
    int formats = open(folder_of, O_RDONLY | O_DIRECTORY);
    struct results *results = results_open(formats, NULL);

    assert_non_null(results);
    check_whole(results, 10);
    assert_int_equal(find(results, 11), -1); /* forgotten in it */
    assert_true(results_check(results, NULL));
    results_close(results);
    close(formats);
}

/* Figures that are no floats stand behind the others. */
static void check_frozen_metrics(void)
{
    int formats = open("testdata/formats/metrics", O_RDONLY | O_DIRECTORY);
    struct results *results = results_open(formats, NULL);
    struct result result;
    struct arena arena;

    arena_init(&arena);
    assert_non_null(results);
    assert_int_equal(results_count(results), 1);
    assert_true(results_read(results, results_next(results, 0), &arena, &result));
    assert_int_equal(result.metrics.count, 3);
    assert_int_equal(metrics_find(&result.metrics, STR("trades"))->integer, 12);
    assert_true(metrics_find(&result.metrics, STR("sharpe"))->number == 1.25);
    assert_true(str_is(metrics_find(&result.metrics, STR("note"))->is, "a string"));
    results_close(results);
    arena_fini(&arena);
    close(formats);
}

static void test_frozen(void **state)
{
    (void)state;
    check_frozen_metrics();
    check_frozen("testdata/formats");
    check_frozen("testdata/formats/tabled");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_round),          TEST(test_unkeyed),       TEST(test_declared),
        TEST(test_forget),         TEST(test_compact),       TEST(test_shared),
        TEST(test_flips),          TEST(test_many),          TEST(test_table),
        TEST(test_table_flags),    TEST(test_table_damaged), TEST(test_table_record_damaged),
        TEST(test_table_shadowed), TEST(test_table_foreign), TEST(test_cut),
        TEST(test_frozen),
    };

    return cmocka_run_group_tests_name("store/results", tests, NULL, NULL);
}
