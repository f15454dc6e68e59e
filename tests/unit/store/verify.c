/* Verifying a store without a workspace around it: each problem is found once, what a living
 * session uses is none, and a repair leaves what it may not take. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../temp_folder.h"
#include "base/hex.h"
#include "store/barrier.h"
#include "store/event_log.h"
#include "store/verify.h"

static struct temp_folder here;
static struct err err;
static struct objects *store;
static struct results *results;
static struct verify verify;
static struct store_lock lock; /* of a private store, but in the tests of shared ones */
static struct digest workspace;
static bool held;
static int home;

static bool is_held(void *ctx)
{
    (void)ctx;
    return held;
}

static void open_store(void)
{
    struct objects_options options = {.dirfd = here.fd, .shown = "."};

    store = objects_open(&options, NULL, &err);
    results = store != NULL ? results_open(here.fd, &err) : NULL;
    if (results == NULL) {
        fail_msg("%s", err.text);
    }
}

static void close_store(void)
{
    results_close(results);
    objects_close(store);
    results = NULL;
    store = NULL;
}

static int setup(void **state)
{
    (void)state;
    err_clear(&err);
    held = false;
    lock = (struct store_lock){.fd = -1};
    workspace = sha256_of("w", 1);
    temp_folder_make(&here);
    home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(fchdir(here.fd), 0);
    open_store();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close_store();
    assert_int_equal(fchdir(home), 0);
    close(home);
    temp_folder_remove(&here);
    return 0;
}

static struct digest put(const char *text)
{
    struct digest digest;

    EXPECT_OK(objects_put_bytes(store, str_of(text), &digest, &err), &err);
    EXPECT_OK(barrier_now(store, -1, &err), &err);
    return digest;
}

static void add_result(const char *key, const char *path, enum result_kind kind,
                       const struct digest *digest)
{
    struct result_output output = {
        .role = STR(""), .path = str_of(path), .kind = kind, .stored = true, .digest = *digest};
    struct result result = {.key = sha256_of(key, strlen(key)),
                            .declared = sha256_of(key, strlen(key)),
                            .workspace = workspace,
                            .stage = str_of(key),
                            .instance = str_of(key),
                            .run = STR("20261120T234112Z-7f3a"),
                            .attempt = STR("a1"),
                            .outputs = &output,
                            .output_count = 1};

    results_add(results, &result);
    EXPECT_OK(results_flush(results, &err), &err);
}

static void damage(const struct digest *digest)
{
    char hex[DIGEST_HEX_BYTES + 1], path[DIGEST_HEX_BYTES + 16];

    digest_hex(digest, hex);
    snprintf(path, sizeof(path), "objects/%.2s/%s", hex, hex + 2);
    assert_int_equal(fchmodat(here.fd, path, 0644, 0), 0);
    temp_write(here.fd, path, "other");
}

static void look(uint64_t damaged, uint64_t left)
{
    struct verify_options options = {.root_fd = here.fd,
                                     .pawl_fd = here.fd,
                                     .store_fd = here.fd,
                                     .store = ".",
                                     .workspace = workspace,
                                     .is_held = is_held};

    verify_init(&verify, &options);
    verify_look(&verify);
    VEC_EACH (problem, &verify.problems) {
        print_message("%s: %s; %s\n", problem->place.data, problem->reason.data,
                      problem->cost.data);
    }
    assert_int_equal(verify.counts.damaged, damaged);
    assert_int_equal(verify.counts.left, left);
    assert_int_equal(verify.counts.unreadable, 0);
}

static void expect(uint64_t damaged, uint64_t left)
{
    look(damaged, left);
    verify_fini(&verify);
}

static void test_clean(void **state)
{
    struct digest digest = put("one");

    (void)state;
    add_result("k", "out", RESULT_FILE, &digest);
    look(0, 0);
    assert_int_equal(verify.counts.objects, 1);
    assert_int_equal(verify.counts.object_bytes, 3);
    assert_int_equal(verify.counts.results, 1);
    verify_fini(&verify);
}

static void test_damaged_and_forgotten(void **state)
{
    struct digest one = put("one"), two = put("two");

    (void)state;
    add_result("k1", "out", RESULT_FILE, &one);
    add_result("k2", "out2", RESULT_FILE, &two);
    damage(&one);
    look(2, 0);
    assert_false(verify.lost.items[0].here);
    close_store();
    EXPECT_OK(verify_repair_records(&verify, &err), &err);
    open_store();
    EXPECT_OK(verify_repair_objects(&verify, store, results, &lock, &err), &err);
    verify_fini(&verify);
    assert_false(objects_has(store, &one));
    assert_true(objects_has(store, &two));
    assert_int_equal(results_count(results), 1);
    expect(0, 0);
}

/* A member and the tree itself; both come back from the folder. */
static void test_folder_comes_back(void **state)
{
    struct put_output output;
    struct digest member;

    (void)state;
    mkdirat(here.fd, "d", 0777);
    temp_write(here.fd, "d/a", "member");
    assert_int_equal(symlinkat("a", here.fd, "d/l"), 0);
    EXPECT_OK(objects_put_output(store, here.fd, "d", NULL, &output, &err), &err);
    EXPECT_OK(barrier_now(store, -1, &err), &err);
    add_result("k", "d", RESULT_FOLDER, &output.digest);
    expect(0, 0);
    member = sha256_of("member", 6);
    damage(&member);
    damage(&output.digest);
    look(3, 0);
    assert_true(verify.lost.items[0].here);
    EXPECT_OK(verify_repair_objects(&verify, store, results, &lock, &err), &err);
    verify_fini(&verify);
    assert_int_equal(results_count(results), 1);
    assert_true(objects_has_output(store, TREE_FOLDER, &output.digest));
    expect(0, 0);
}

/* What a damaged member makes of the folder in the workspace is no longer what was recorded. */
static void test_folder_that_changed(void **state)
{
    struct put_output output;
    struct digest member = sha256_of("member", 6);

    (void)state;
    mkdirat(here.fd, "d", 0777);
    temp_write(here.fd, "d/a", "member");
    EXPECT_OK(objects_put_output(store, here.fd, "d", NULL, &output, &err), &err);
    EXPECT_OK(barrier_now(store, -1, &err), &err);
    add_result("k", "d", RESULT_FOLDER, &output.digest);
    damage(&member);
    temp_write(here.fd, "d/b", "more");
    look(2, 0);
    assert_false(verify.lost.items[0].here);
    EXPECT_OK(verify_repair_objects(&verify, store, results, &lock, &err), &err);
    verify_fini(&verify);
    assert_int_equal(results_count(results), 0);
    /* The list of members is intact, and stays. */
    assert_true(objects_has(store, &output.digest));
    expect(0, 0);
}

/* Its digest is right, and it is no list of members: only the result goes. */
static void test_no_tree(void **state)
{
    struct digest digest = put("no tree");

    (void)state;
    add_result("k", "d", RESULT_FOLDER, &digest);
    look(1, 0);
    EXPECT_OK(verify_repair_objects(&verify, store, results, &lock, &err), &err);
    verify_fini(&verify);
    assert_true(objects_has(store, &digest));
    expect(0, 0);
}

static void test_another_repaired_it_first(void **state)
{
    struct digest digest = put("one");

    (void)state;
    add_result("k", "out", RESULT_FILE, &digest);
    damage(&digest);
    look(2, 0);
    EXPECT_OK(objects_remove(store, &digest, &err), &err);
    put("one");
    EXPECT_OK(verify_repair_objects(&verify, store, results, &lock, &err), &err);
    verify_fini(&verify);
    assert_int_equal(results_count(results), 1);
    expect(0, 0);
}

/* Another workspace of a shared store met the damage after the look, and its stage gave other bytes
 * this time: that is not forgotten with what was lost. */
static void test_another_made_it_anew(void **state)
{
    struct digest one = put("one"), two;

    (void)state;
    EXPECT_OK(store_lock_open(&lock, here.fd, true, &err), &err);
    add_result("k", "out", RESULT_FILE, &one);
    damage(&one);
    look(2, 0);
    two = put("two");
    add_result("k", "out", RESULT_FILE, &two);
    EXPECT_OK(verify_repair_objects(&verify, store, results, &lock, &err), &err);
    verify_fini(&verify);
    assert_false(objects_has(store, &one));
    assert_int_equal(results_count(results), 1);
    assert_false(lock.held);
    store_lock_close(&lock);
}

/* Who knew of an object that a repair removed puts it again. */
static void test_others_ask_again(void **state)
{
    struct objects_options options = {.dirfd = here.fd, .shown = "."};
    struct digest digest = put("one");
    struct store_lock their_lock;
    struct objects *theirs;

    (void)state;
    EXPECT_OK(store_lock_open(&lock, here.fd, true, &err), &err);
    EXPECT_OK(store_lock_open(&their_lock, here.fd, true, &err), &err);
    theirs = objects_open(&options, NULL, &err);
    assert_true(objects_has(theirs, &digest));
    damage(&digest);
    look(1, 0);
    EXPECT_OK(verify_repair_objects(&verify, store, results, &lock, &err), &err);
    verify_fini(&verify);
    EXPECT_OK(store_lock_enter(&their_lock, theirs, &err), &err);
    assert_false(objects_has(theirs, &digest));
    objects_close(theirs);
    store_lock_close(&their_lock);
    store_lock_close(&lock);
}

/* An object that is being written belongs to a session that lives, until that is gone. */
static void test_temporary_of_the_living(void **state)
{
    struct digest epoch = objects_epoch(store);
    char hex[DIGEST_HEX_BYTES + 1], path[64];

    (void)state;
    digest_hex(&epoch, hex);
    snprintf(path, sizeof(path), "tmp/o.%.16s.00000000.0", hex);
    temp_write(here.fd, path, "half");
    temp_write(here.fd, "tmp/stage", "half");
    held = true;
    expect(0, 0);
    held = false;
    expect(0, 1);
    close_store();
    look(0, 2);
    EXPECT_OK(verify_repair_left(&verify, &err), &err);
    verify_fini(&verify);
    assert_false(temp_exists(here.fd, path));
    assert_false(temp_exists(here.fd, "tmp/stage"));
    open_store();
    expect(0, 0);
}

static void test_parked(void **state)
{
    (void)state;
    mkdirat(here.fd, "parked", 0777);
    mkdirat(here.fd, "parked/r", 0777);
    mkdirat(here.fd, "parked/r/a", 0777);
    temp_write(here.fd, "parked/r/a/out", "good");
    held = true;
    expect(0, 0);
    held = false;
    look(0, 1);
    /* Only who recovers the workspace may bring it back. */
    EXPECT_OK(verify_repair_left(&verify, &err), &err);
    assert_int_equal(verify.problems.items[0].repair.len, 0);
    verify_fini(&verify);
    assert_true(temp_exists(here.fd, "parked/r/a/out"));
}

static void test_index_and_log(void **state)
{
    (void)state;
    temp_write(here.fd, "index", "garbage");
    temp_write(here.fd, "index.log", "garbage garbage garbage garbage garbage");
    look(2, 0);
    EXPECT_OK(verify_repair_records(&verify, &err), &err);
    verify_fini(&verify);
    assert_false(temp_exists(here.fd, "index"));
    expect(0, 0);
}

static void test_head(void **state)
{
    struct event_log *log;
    struct digest first, last;

    (void)state;
    mkdirat(here.fd, "runs", 0777);
    mkdirat(here.fd, "runs/20261120T234112Z-7f3a", 0777);
    log = event_log_create(here.fd, "runs/20261120T234112Z-7f3a/events.jsonl", &err);
    assert_non_null(log);
    event_log_add(log, 1, STR("a"), STR(""));
    first = event_log_head(log);
    event_log_add(log, 2, STR("b"), STR(""));
    last = event_log_head(log);
    EXPECT_OK(event_log_flush(log, &err), &err);
    event_log_close(log);
    for (int i = 0; i < 2; i++) {
        struct verify_options options = {.root_fd = here.fd,
                                         .pawl_fd = here.fd,
                                         .store_fd = here.fd,
                                         .store = ".",
                                         .head = i == 0 ? &last : &first,
                                         .is_held = is_held};

        verify_init(&verify, &options);
        verify_look(&verify);
        assert_int_equal(verify.counts.damaged, i);
        assert_int_equal(verify.counts.runs, 1);
        assert_int_equal(verify.counts.events, 2);
        assert_int_equal(verify.run.len, i == 0 ? 21 : 0);
        verify_fini(&verify);
    }
}

static bool state_is_wrong(void *ctx, const struct run_id *id)
{
    (void)ctx;
    (void)id;
    return false;
}

/* What was saved of a run's state and is not so goes, the record stays. */
static void test_wrong_state(void **state)
{
    struct verify_options options = {.root_fd = here.fd,
                                     .pawl_fd = here.fd,
                                     .store_fd = here.fd,
                                     .store = ".",
                                     .is_held = is_held,
                                     .state_is_right = state_is_wrong};
    struct event_log *log;

    (void)state;
    mkdirat(here.fd, "runs", 0777);
    mkdirat(here.fd, "runs/20261120T234112Z-7f3a", 0777);
    log = event_log_create(here.fd, "runs/20261120T234112Z-7f3a/events.jsonl", &err);
    event_log_add(log, 1, STR("a"), STR(""));
    EXPECT_OK(event_log_flush(log, &err), &err);
    event_log_close(log);
    temp_write(here.fd, "runs/20261120T234112Z-7f3a/state", "made up");
    verify_init(&verify, &options);
    verify_look(&verify);
    assert_int_equal(verify.counts.damaged, 1);
    assert_string_equal(verify.problems.items[0].place.data,
                        ".pawl/runs/20261120T234112Z-7f3a/state");
    EXPECT_OK(verify_repair_left(&verify, &err), &err);
    assert_string_equal(verify.problems.items[0].repair.data, "removed");
    assert_int_equal(faccessat(here.fd, "runs/20261120T234112Z-7f3a/state", F_OK, 0), -1);
    assert_int_equal(faccessat(here.fd, "runs/20261120T234112Z-7f3a/events.jsonl", F_OK, 0), 0);
    verify_fini(&verify);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_clean),
        TEST(test_damaged_and_forgotten),
        TEST(test_folder_comes_back),
        TEST(test_folder_that_changed),
        TEST(test_no_tree),
        TEST(test_another_repaired_it_first),
        TEST(test_another_made_it_anew),
        TEST(test_others_ask_again),
        TEST(test_temporary_of_the_living),
        TEST(test_parked),
        TEST(test_index_and_log),
        TEST(test_head),
        TEST(test_wrong_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
