/* A signature that is not firm proves nothing: what it belongs to is read again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../temp_folder.h"
#include "run/commit_inside.h"
#include "run/sources.h"

static struct temp_folder here;
static struct session session;
static struct err err;
static int before;

static int setup(void **state)
{
    struct digest epoch = {{1}};

    (void)state;
    err_clear(&err);
    before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    temp_folder_make(&here);
    assert_int_equal(fchdir(here.fd), 0);
    session = (struct session){.root_fd = here.fd, .clock = &clock_system};
    session.times = signature_times_new();
    session.index = index_open(here.fd, &epoch, NULL, &err);
    EXPECT_OK(session.index != NULL, &err);
    arena_init(&session.arena);
    temp_write(here.fd, "in", "these bytes");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&session.arena);
    index_close(session.index);
    signature_times_free(session.times);
    assert_int_equal(fchdir(before), 0);
    close(before);
    temp_folder_remove(&here);
    return 0;
}

/* The signature of the file, noted with the digest of what it may have held in the same tick. */
static struct signature note(bool firm)
{
    struct digest digest = sha256_of("other bytes", 11);
    struct signature now;

    EXPECT_OK(signature_read(AT_FDCWD, "in", true, &now, &err), &err);
    source_note(&session, STR("in"), &now, &digest, firm);
    return now;
}

static void test_row(void **state)
{
    struct digest these = sha256_of("these bytes", 11), other = sha256_of("other bytes", 11);
    struct source_fact fact;

    (void)state;
    note(true);
    EXPECT_OK(source_look(&session, STR("in"), true, false, &fact, &err), &err);
    assert_true(digest_equal(&fact.digest, &other));
    note(false);
    EXPECT_OK(source_look(&session, STR("in"), true, false, &fact, &err), &err);
    assert_true(digest_equal(&fact.digest, &these));
}

/* Where the clock is all that tells two writes apart. */
static void test_same_tick(void **state)
{
    struct source_fact fact;
    int64_t from;

    (void)state;
    do {
        from = signature_clock_ns();
        temp_write(here.fd, "in", "written now");
        EXPECT_OK(source_look(&session, STR("in"), true, false, &fact, &err), &err);
    } while (signature_clock_ns() != from);
    assert_false(fact.firm);
    while (signature_clock_ns() <= fact.signature.ctime_ns) {
    }
    EXPECT_OK(source_look(&session, STR("in"), true, false, &fact, &err), &err);
    assert_true(fact.firm);
}

/* Does an input that was read with this digest count as changed when its command has ended? */
static enum cause check_input(struct plan_input *input, struct digest digest, bool firm)
{
    struct plan plan = {.inputs = input, .input_count = 1};
    struct executor executor = {.session = &session, .plan = &plan};
    struct read_fact read = {
        .path = STR("in"), .has_signature = true, .firm = firm, .digest = digest};
    struct attempt attempt = {.executor = &executor, .what = {.items = &read, .count = 1}};

    arena_init(&attempt.arena);
    EXPECT_OK(signature_read(AT_FDCWD, "in", true, &read.signature, &err), &err);
    commit_check_inputs(&attempt);
    arena_fini(&attempt.arena);
    return attempt.cause;
}

static enum cause check(const char *bytes, bool firm)
{
    struct plan_input input = {.kind = PLAN_INPUT_FILE};

    return check_input(&input, sha256_of(bytes, strlen(bytes)), firm);
}

static void test_input(void **state)
{
    (void)state;
    assert_int_equal(check("these bytes", false), CAUSE_NONE);
    assert_int_equal(check("other bytes", false), CAUSE_UNSETTLED);
    assert_int_equal(check("other bytes", true), CAUSE_NONE);
}

static enum cause check_values(const char *text, bool firm)
{
    struct str key = STR("a");
    struct plan_input input = {.kind = PLAN_INPUT_FILE, .keys = &key, .key_count = 1};
    struct digest digest;

    EXPECT_OK(value_keys_digest(STR("in"), str_of(text), &key, 1, &digest, &err), &err);
    return check_input(&input, digest, firm);
}

static void test_values(void **state)
{
    (void)state;
    temp_write(here.fd, "in", "a = 1\nb = 2\n");
    assert_int_equal(check_values("a = 1", false), CAUSE_NONE);
    assert_int_equal(check_values("a = 2", false), CAUSE_UNSETTLED);
    assert_int_equal(check_values("a = 2", true), CAUSE_NONE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_row), TEST(test_same_tick), TEST(test_input),
                                       TEST(test_values)};

    return cmocka_run_group_tests_name("run/firm", tests, NULL, NULL);
}
