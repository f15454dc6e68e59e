/* Barriers of a run: what one covers is what there was before it began, and nothing counts as on
 * disk, nor goes because something else is, before it has ended well. */
#ifndef PAWL_FAULT
#define PAWL_FAULT
#endif
#include "base/sys.c"
#include "base/sys_fault.c"
#include "base/sys_fd.c"
#include "base/sys_names.c"
#include "base/sys_process.c"
#include "base/sys_stat.c"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../temp_folder.h"
#include "run/executor.h"

#define RUN STR("run1")

static struct temp_folder here;
static struct session session;
static struct recorder recorder;
static struct executor executor;
static struct err err;

static void open_index(const struct digest *epoch)
{
    session.index = index_open(here.fd, epoch, NULL, &err);
    EXPECT_OK(session.index != NULL, &err);
}

static int setup(void **state)
{
    struct objects_options options = {.shown = "."};
    struct digest epoch;

    (void)state;
    err_clear(&err);
    temp_folder_make(&here);
    options.dirfd = here.fd;
    session = (struct session){.root_fd = here.fd, .clock = &clock_system};
    session.objects = objects_open(&options, NULL, &err);
    EXPECT_OK(session.objects != NULL, &err);
    epoch = objects_epoch(session.objects);
    open_index(&epoch);
    arena_init(&session.arena);
    recorder = (struct recorder){.run = RUN};
    executor = (struct executor){.session = &session, .recorder = &recorder};
    executor.place = (struct park_place){here.fd, here.fd, &executor.clone};
    pool_init(&executor.pool, 1, NULL, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pool_stop(&executor.pool);
    free(executor.notes);
    free(executor.drops);
    index_close(session.index);
    objects_close(session.objects);
    arena_fini(&session.arena);
    temp_folder_remove(&here);
    return 0;
}

/* An attempt that replaced the file of this name: an object, a row, and what was there before. */
static void accept_attempt(const char *name)
{
    struct str path = str_of(name);
    struct digest digest;
    struct index_path row = {.firm = true};

    temp_write(here.fd, name, "before");
    EXPECT_OK(park_outputs(&executor.place, RUN, path, &path, 1, NULL, &err), &err);
    EXPECT_OK(objects_put_bytes(session.objects, path, &digest, &err), &err);
    row.digest = digest;
    index_put_path(session.index, path, &row);
    durable_drop_later(&executor, path);
}

static bool is_parked(const char *name)
{
    struct strbuf where = {0};
    int dir;
    bool found = park_find(&executor.place, RUN, str_of(name), str_of(name), &where, &dir);

    strbuf_fini(&where);
    return found;
}

static bool is_durable(const char *name)
{
    struct digest digest = sha256_of(name, strlen(name));

    return objects_is_durable(session.objects, &digest);
}

static void begin_barrier(void)
{
    executor.next_barrier_ns = 0;
    durable_start(&executor);
    assert_true(executor.barrier_running);
}

static void end_barrier(void)
{
    pool_wait_idle(&executor.pool);
    assert_non_null(pool_collect(&executor.pool));
    durable_take(&executor);
}

/* As after a power cut: which rows are believed. */
static void expect_rows(bool first, bool second)
{
    struct digest other = {{1}};
    struct index_path row;

    EXPECT_OK(index_flush(session.index, &err), &err);
    index_close(session.index);
    open_index(&other);
    assert_int_equal(index_path(session.index, STR("first"), &row), first);
    assert_int_equal(index_path(session.index, STR("second"), &row), second);
}

static void test_covers_what_was_before(void **state)
{
    (void)state;
    accept_attempt("first");
    begin_barrier();
    accept_attempt("second");
    assert_true(is_parked("first"));
    end_barrier();
    assert_int_equal(executor.note_count, 0);
    assert_false(is_parked("first"));
    assert_true(is_durable("first"));
    assert_true(is_parked("second"));
    assert_false(is_durable("second"));
    expect_rows(true, false);
}

static void fail_sync(void)
{
    setenv("PAWL_FAULT", "syncfs:1:EIO", 1);
    assert_true(sys_fault_init());
}

/* The next sync would look good: the one that failed is told, and is the last. */
static void test_failed(void **state)
{
    (void)state;
    accept_attempt("first");
    fail_sync();
    begin_barrier();
    end_barrier();
    assert_int_equal(executor.note_count, 1);
    assert_int_equal(executor.notes[0].kind, NOTE_BROKEN);
    assert_int_equal(executor.notes[0].event.status, STATUS_ENVIRONMENT);
    assert_true(is_parked("first"));
    assert_false(executor_finish(&executor, &err));
    assert_int_equal(err.status, STATUS_ENVIRONMENT);
    assert_true(is_parked("first"));
    expect_rows(false, false);
}

/* Nobody takes notes any more when it fails only then. */
static void test_failed_at_the_end(void **state)
{
    (void)state;
    accept_attempt("first");
    fail_sync();
    begin_barrier();
    assert_false(executor_finish(&executor, &err));
    assert_int_equal(err.status, STATUS_ENVIRONMENT);
    assert_true(is_parked("first"));
}

static void test_last(void **state)
{
    (void)state;
    accept_attempt("first");
    EXPECT_OK(executor_finish(&executor, &err), &err);
    assert_false(is_parked("first"));
    assert_true(is_durable("first"));
    expect_rows(true, false);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_covers_what_was_before),
        TEST(test_failed),
        TEST(test_failed_at_the_end),
        TEST(test_last),
    };

    return cmocka_run_group_tests_name("run/durable", tests, NULL, NULL);
}
