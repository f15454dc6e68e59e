/* Bundles: the frozen sample, and that none enters in part. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../temp_folder.h"
#include "base/mem.h"
#include "os/files.h"
#include "store/bundle.h"

#define SAMPLE "testdata/formats/bundle-1.tar"
#define RUN    "20261120T234112Z-7f3a"

struct fixture {
    struct temp_folder temp;
    struct bundle_place place;
    struct strbuf sample;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_calloc(1, sizeof(*fixture));
    struct objects_options options = {.shown = ".pawl"};
    struct err err = {0};

    temp_folder_make(&fixture->temp);
    options.dirfd = fixture->place.pawlfd = fixture->temp.fd;
    fixture->place.objects = objects_open(&options, NULL, &err);
    fixture->place.results = results_open(fixture->temp.fd, &err);
    EXPECT_OK(fixture->place.objects != NULL && fixture->place.results != NULL, &err);
    EXPECT_OK(file_read(AT_FDCWD, SAMPLE, 1 << 20, &fixture->sample, &err), &err);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    results_close(fixture->place.results);
    objects_close(fixture->place.objects);
    temp_folder_remove(&fixture->temp);
    strbuf_fini(&fixture->sample);
    free(fixture);
    return 0;
}

static int file_of(struct fixture *fixture, struct str bytes)
{
    int fd = openat(fixture->temp.fd, "in.tar", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0 && write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static bool count_object(void *ctx, const struct objects_item *item)
{
    (void)item;
    ++*(uint32_t *)ctx;
    return true;
}

static uint32_t objects_count(struct fixture *fixture)
{
    uint32_t count = 0;

    assert_true(objects_list(fixture->place.objects, count_object, &count, NULL));
    return count;
}

/* The status of taking these bytes in. */
static int take(struct fixture *fixture, struct str bytes, struct bundle_sums *sums,
                struct err *err)
{
    struct bundle_import *import = bundle_import_open(&fixture->place, err);
    int fd = file_of(fixture, bytes);

    assert_non_null(import);
    err_clear(err);
    if (bundle_import_read(import, fd, err)) {
        bundle_import_enter(import, sums, err);
    }
    bundle_import_close(import);
    close(fd);
    assert_false(temp_exists(fixture->temp.fd, "tmp/import"));
    return err->status;
}

static void expect_nothing(struct fixture *fixture)
{
    assert_int_equal(objects_count(fixture), 0);
    assert_int_equal(results_count(fixture->place.results), 0);
    assert_false(temp_exists(fixture->temp.fd, "runs"));
}

static void make_again(struct fixture *fixture)
{
    struct bundle_export *bundle =
        bundle_export_new(fixture->place.objects, fixture->place.results, fixture->temp.fd);
    struct result_ref ref = results_next(fixture->place.results, 0);
    struct bundle_sums sums;
    struct strbuf bytes = {0};
    struct err err = {0};
    struct run_id id;
    int fd = file_of(fixture, STR(""));
    bool whole;

    assert_true(run_id_parse(STR(RUN), &id));
    EXPECT_OK(bundle_export_run(bundle, &id, &err), &err);
    for (; result_ref_is_some(ref); ref = results_next(fixture->place.results, ref.n + 1)) {
        EXPECT_OK(bundle_export_result(bundle, ref, &whole, &err) && whole, &err);
        /* What is there twice is in it once. */
        EXPECT_OK(bundle_export_result(bundle, ref, &whole, &err) && whole, &err);
    }
    EXPECT_OK(bundle_export_write(bundle, fd, &sums, &err), &err);
    bundle_export_free(bundle);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    EXPECT_OK(file_read_fd(fd, "in.tar", 1 << 20, &bytes, &err), &err);
    close(fd);
    assert_int_equal(sums.size_bytes, bytes.len);
    assert_true(str_equal(strbuf_str(&bytes), strbuf_str(&fixture->sample)));
    strbuf_fini(&bytes);
}

static void test_sample(void **state)
{
    struct fixture *fixture = *state;
    struct bundle_sums sums = {0};
    struct err err = {0};

    assert_int_equal(take(fixture, strbuf_str(&fixture->sample), &sums, &err), 0);
    assert_int_equal(sums.objects, 5);
    assert_int_equal(sums.new_objects, 5);
    assert_int_equal(sums.results, 2);
    assert_int_equal(sums.new_results, 2);
    assert_int_equal(sums.new_runs, 1);
    assert_int_equal(objects_count(fixture), 5);
    assert_int_equal(results_count(fixture->place.results), 2);
    assert_true(temp_exists(fixture->temp.fd, "runs/" RUN "/events.jsonl"));
    assert_true(temp_exists(fixture->temp.fd, "runs/" RUN "/logs"));
    make_again(fixture);
    /* Once more: all of it is here. */
    temp_write(fixture->temp.fd, "runs/" RUN "/mine", "stays");
    assert_int_equal(take(fixture, strbuf_str(&fixture->sample), &sums, &err), 0);
    assert_int_equal(sums.results, 2);
    assert_int_equal(sums.new_results + sums.new_objects + sums.new_runs, 0);
    assert_int_equal(results_count(fixture->place.results), 2);
    temp_expect(fixture->temp.fd, "runs/" RUN "/mine", "stays");
}

static void test_cut(void **state)
{
    struct fixture *fixture = *state;
    struct bundle_sums sums;
    struct err err = {0};

    for (size_t len = 0; len < fixture->sample.len; len += 251) {
        assert_int_equal(take(fixture, str_head(strbuf_str(&fixture->sample), len), &sums, &err),
                         STATUS_CORRUPT);
        expect_nothing(fixture);
    }
}

/* Any byte, but for what ends the number of a checksum. */
static void test_changed(void **state)
{
    struct fixture *fixture = *state;
    struct bundle_sums sums;
    struct err err = {0};

    for (size_t at = 0; at < fixture->sample.len; at += 97) {
        int status;

        if (at % 512 == 154 || at % 512 == 155) {
            continue;
        }
        fixture->sample.data[at] ^= 0x20;
        status = take(fixture, strbuf_str(&fixture->sample), &sums, &err);
        assert_true(status == STATUS_CORRUPT || status == STATUS_ENVIRONMENT);
        expect_nothing(fixture);
        fixture->sample.data[at] ^= 0x20;
    }
}

/* In a store of others, what came stays. */
static void test_shared(void **state)
{
    struct fixture *fixture = *state;
    struct bundle_sums sums;
    struct err err = {0};

    fixture->place.shared = true;
    assert_int_equal(take(fixture,
                          str_head(strbuf_str(&fixture->sample), fixture->sample.len - 512), &sums,
                          &err),
                     STATUS_CORRUPT);
    assert_int_equal(objects_count(fixture), 5);
    assert_int_equal(results_count(fixture->place.results), 0);
}

/* A result whose bytes are gone is not exported; a damaged object is told. */
static void test_lacking(void **state)
{
    struct fixture *fixture = *state;
    struct bundle_sums sums;
    struct err err = {0};
    struct arena arena;
    struct result_ref ref;
    struct result result;
    struct bundle_export *bundle;
    bool whole = true;

    assert_int_equal(take(fixture, strbuf_str(&fixture->sample), &sums, &err), 0);
    arena_init(&arena);
    ref = results_next(fixture->place.results, 0);
    assert_true(results_read(fixture->place.results, ref, &arena, &result));
    assert_true(result.output_count != 0 && result.outputs[0].stored);
    EXPECT_OK(objects_remove(fixture->place.objects, &result.outputs[0].digest, &err), &err);
    bundle = bundle_export_new(fixture->place.objects, fixture->place.results, fixture->temp.fd);
    EXPECT_OK(bundle_export_result(bundle, ref, &whole, &err), &err);
    assert_false(whole);
    bundle_export_free(bundle);
    arena_fini(&arena);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_sample), TEST(test_cut),     TEST(test_changed),
        TEST(test_shared), TEST(test_lacking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
