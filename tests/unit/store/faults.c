/* The store while calls fail: the n-th call of a scenario fails, for n = 1, 2, … until none does,
 * in each of some ways. Whatever failed, success is never told wrongly, nothing good is lost, and
 * the same once more without faults ends well. */
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
#include "base/hex.h"
#include "os/replace.h"
#include "store/barrier.h"
#include "store/event_log.h"
#include "store/index.h"
#include "store/items.h"
#include "store/made.h"
#include "store/park.h"
#include "store/restore.h"
#include "store/results.h"

enum { CALLS_MOST = 2000, BIG_BYTES = FILES_SMALL_BYTES + 100 };

static struct temp_folder here;
static struct err err;
static struct arena arena;

static void set_up(void)
{
    /* Memory where there is such a file system: many syncs. */
    temp_folder_in(&here, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NULL);
    arena_init(&arena);
    err_clear(&err);
}

static void tear_down(void)
{
    temp_folder_remove(&here);
    arena_fini(&arena);
}

/* True if the rule fired. */
static bool with_fault(unsigned n, const char *kind, void (*scenario)(void))
{
    char rule[64];
    snprintf(rule, sizeof(rule), "any:%u%s", n, kind);
    setenv("PAWL_FAULT", rule, 1);
    assert_true(sys_fault_init());
    scenario();
    bool fired = atomic_load(&fault_rules[0].seen) >= n;
    setenv("PAWL_FAULT", "", 1);
    assert_true(sys_fault_init());
    return fired;
}

static void each_call(void (*prepare)(void), void (*scenario)(void), void (*judge)(void))
{
    static const char *const kinds[] = {":EIO", ":ENOSYS", ":short", "+:EIO"};
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
        bool fired = true;
        for (unsigned n = 1; fired; n++) {
            assert_true(n < CALLS_MOST);
            set_up();
            prepare();
            fired = with_fault(n, kinds[kind], scenario);
            err_clear(&err);
            judge();
            tear_down();
        }
    }
}

/* --- objects: put, barrier, restore --- */

static char big[BIG_BYTES];
static struct put_output put;
static bool was_put, was_synced, was_restored;
static const struct ways *ways;

static void prepare_output(void)
{
    mkdirat(here.fd, "out", 0777);
    mkdirat(here.fd, "out/sub", 0777);
    temp_write(here.fd, "out/a", "text");
    temp_write(here.fd, "out/sub/x", "program");
    fchmodat(here.fd, "out/sub/x", 0755, 0);
    assert_int_equal(symlinkat("a", here.fd, "out/l"), 0);
    memset(big, 'b', sizeof(big) - 1);
    temp_write(here.fd, "out/sub/big", big);
}

static void expect_output(void)
{
    char target[8];
    struct stat stat;
    temp_expect(here.fd, "out/a", "text");
    temp_expect(here.fd, "out/sub/x", "program");
    assert_int_equal(readlinkat(here.fd, "out/l", target, sizeof(target)), 1);
    assert_int_equal(fstatat(here.fd, "out/sub/big", &stat, 0), 0);
    assert_int_equal(stat.st_size, BIG_BYTES - 1);
}

static struct objects *open_store(void)
{
    struct objects_options options = {.dirfd = here.fd, .shown = ".pawl"};
    return objects_open(&options, NULL, &err);
}

static bool remove_output(void)
{
    return renameat(here.fd, "out", here.fd, "old") == 0;
}

static void use_objects(void)
{
    struct signature_times *times = signature_times_new();
    struct output_rows rows = {.arena = &arena, .times = times};
    struct objects *store = open_store();
    was_put = was_synced = was_restored = false;
    if (store != NULL) {
        was_put = objects_put_output(store, here.fd, "out", &rows, &put, &err);
        if (was_put) {
            restore_link_put(store, here.fd, ways, &rows);
        }
        was_synced = barrier_now(store, here.fd, &err) && was_put;
        if (was_put) {
            was_restored = remove_output() && restore_output(store, here.fd, "out", &put, ways,
                                                             RESTORE_REPLACES, &rows, &err);
        }
    }
    objects_close(store);
    signature_times_free(times);
}

static bool verify_one(void *ctx, const struct objects_item *item)
{
    EXPECT_OK(objects_verify(ctx, &item->digest, NULL, &err), &err);
    return true;
}

static void judge_objects(void)
{
    struct objects *store = open_store();
    EXPECT_OK(store != NULL, &err);
    if (!was_put || was_restored) {
        expect_output();
    } else if (temp_exists(here.fd, "out")) {
        expect_output(); /* whole, or not there */
    }
    EXPECT_OK(objects_list(store, verify_one, store, &err), &err);
    assert_true(!was_synced || objects_is_durable(store, &put.digest));
    if (was_synced) {
        EXPECT_OK(restore_output(store, here.fd, "out", &put, ways, RESTORE_REPLACES, NULL, &err),
                  &err);
    } else {
        const char *from = was_put ? "old" : "out";
        EXPECT_OK(objects_put_output(store, here.fd, from, NULL, &put, &err), &err);
        EXPECT_OK(restore_output(store, here.fd, "out", &put, ways, RESTORE_REPLACES, NULL, &err),
                  &err);
    }
    expect_output();
    EXPECT_OK(barrier_now(store, here.fd, &err), &err);
    assert_true(objects_is_durable(store, &put.digest));
    objects_close(store);
}

static void test_objects(void **state)
{
    (void)state;
    ways = &WAYS_DEFAULT;
    each_call(prepare_output, use_objects, judge_objects);
}

static void test_linked_objects(void **state)
{
    static const struct ways linked = {.items = {WAY_HARDLINK}, .count = 1};
    (void)state;
    ways = &linked;
    each_call(prepare_output, use_objects, judge_objects);
}

/* --- what the system has told once, and does not tell again --- */

static void next_call_fails(const char *rule)
{
    setenv("PAWL_FAULT", rule, 1);
    assert_true(sys_fault_init());
}

static void end_of_faults(void)
{
    assert_true(atomic_load(&fault_rules[0].seen) >= fault_rules[0].nth);
    next_call_fails("");
}

/* The file that an object of this epoch is; 0: it is not there, or synced. */
static uint64_t fresh_inode(const struct objects *store, const struct digest *digest)
{
    char epoch[17], hex[DIGEST_HEX_BYTES + 1], name[128];
    struct digest now = objects_epoch(store);
    struct stat stat;
    hex_encode(now.bytes, 8, epoch);
    snprintf(name, sizeof(name), "fresh/%s/%s", epoch, digest_hex(digest, hex));
    return fstatat(here.fd, name, &stat, 0) == 0 ? stat.st_ino : 0;
}

static struct objects *store_with(const char *text, struct digest *digest, uint64_t *inode)
{
    struct objects *store = open_store();
    EXPECT_OK(store != NULL && objects_put_bytes(store, str_of(text), digest, &err), &err);
    *inode = fresh_inode(store, digest);
    assert_true(*inode != 0);
    return store;
}

/* Its pages may be clean by now and never be written: nothing is named as synced, and what was only
 * written is written again, in another epoch, for the next sync. */
static void expect_written_again(struct objects *store, const struct digest *before,
                                 const struct digest *digest, uint64_t inode)
{
    struct digest after = objects_epoch(store);
    uint64_t again = fresh_inode(store, digest);
    assert_false(digest_equal(before, &after));
    assert_false(objects_is_durable(store, digest));
    assert_true(again != 0 && again != inode);
    EXPECT_OK(barrier_now(store, here.fd, &err), &err);
    assert_true(objects_is_durable(store, digest));
}

static void test_failed_sync(void **state)
{
    struct digest digest, before;
    struct objects *store;
    uint64_t inode;
    (void)state;
    set_up();
    store = store_with("text", &digest, &inode);
    before = objects_epoch(store);
    next_call_fails("syncfs:1:EIO");
    assert_false(barrier_now(store, here.fd, &err));
    end_of_faults();
    expect_written_again(store, &before, &digest, inode);
    objects_close(store);
    tear_down();
}

static void test_failed_close(void **state)
{
    struct digest digest, before, other;
    struct objects *store;
    uint64_t inode;
    (void)state;
    set_up();
    store = store_with("text", &digest, &inode);
    before = objects_epoch(store);
    next_call_fails("close:1:EIO");
    assert_false(objects_put_bytes(store, STR("other"), &other, &err));
    end_of_faults();
    assert_false(objects_has(store, &other));
    expect_written_again(store, &before, &digest, inode);
    objects_close(store);
    tear_down();
}

/* A workspace beside its store, on another file system where there is one. */
static bool is_apart(struct temp_folder *other)
{
    struct stat a, b;
    temp_folder_in(other, NULL);
    return fstat(here.fd, &a) == 0 && fstat(other->fd, &b) == 0 && a.st_dev != b.st_dev;
}

/* The outputs lie in the workspace: its file system must have answered, too. */
static void test_failed_sync_of_the_workspace(void **state)
{
    struct digest digest, before;
    struct temp_folder workspace;
    struct objects *store;
    uint64_t inode;
    (void)state;
    set_up();
    if (is_apart(&workspace)) {
        store = store_with("text", &digest, &inode);
        before = objects_epoch(store);
        next_call_fails("syncfs:2:EIO");
        assert_false(barrier_now(store, workspace.fd, &err));
        end_of_faults();
        expect_written_again(store, &before, &digest, inode);
        objects_close(store);
    }
    temp_folder_remove(&workspace);
    tear_down();
}

/* Where a move must copy, the old file goes only when the new one is on the disk. */
static void test_failed_sync_of_a_move(void **state)
{
    struct clone_memory clone = {0};
    struct temp_folder other;
    (void)state;
    set_up();
    temp_write(here.fd, "from", "text");
    if (is_apart(&other)) {
        next_call_fails("fsync:1:EIO");
        assert_false(file_move(&clone, here.fd, "from", other.fd, "to", &err));
        end_of_faults();
        temp_expect(here.fd, "from", "text");
        assert_false(temp_exists(other.fd, "to"));
        EXPECT_OK(file_move(&clone, here.fd, "from", other.fd, "to", &err), &err);
        temp_expect(other.fd, "to", "text");
    }
    temp_folder_remove(&other);
    tear_down();
}

/* --- parking --- */

#define RUN     STR("run1")
#define ATTEMPT STR("a1")

static struct str paths[2];
static struct clone_memory memory;
static struct park_place place;
static bool was_parked, was_returned;
/* What is good is older than the attempt, what is partial is not. */
static const struct timespec OLD[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
static const int64_t STARTED_NS = INT64_C(2000) * 1000000000;

static void prepare_good(void)
{
    paths[0] = STR("dir/file");
    paths[1] = STR("out");
    mkdirat(here.fd, ".pawl", 0777);
    mkdirat(here.fd, "dir", 0777);
    mkdirat(here.fd, "out", 0777);
    temp_write(here.fd, "dir/file", "good");
    temp_write(here.fd, "out/a", "good a");
    utimensat(here.fd, "dir/file", OLD, 0);
    utimensat(here.fd, "out/a", OLD, 0);
    utimensat(here.fd, "out", OLD, 0);
    place = (struct park_place){
        here.fd, openat(here.fd, ".pawl", O_RDONLY | O_DIRECTORY | O_CLOEXEC), &memory};
}

static void use_parking(void)
{
    was_returned = false;
    was_parked = park_outputs(&place, RUN, ATTEMPT, paths, 2, NULL, &err);
    if (was_parked) {
        temp_write(here.fd, "dir/file", "partial");
        mkdirat(here.fd, "out", 0777);
        temp_write(here.fd, "out/partial", "partial");
        was_returned = park_return(&place, RUN, ATTEMPT, paths, 2, PARK_FATE_FAILED, STR("s"),
                                   STARTED_NS, &err);
    }
}

static void expect_good(void)
{
    temp_expect(here.fd, "dir/file", "good");
    temp_expect(here.fd, "out/a", "good a");
    assert_false(temp_exists(here.fd, "out/partial"));
}

static void judge_parking(void)
{
    struct parked_list list;
    if (was_returned) {
        expect_good();
    }
    EXPECT_OK(park_list(&place, &arena, &list, &err), &err);
    EXPECT_OK(
        park_return(&place, RUN, ATTEMPT, paths, 2, PARK_FATE_FAILED, STR("s"), STARTED_NS, &err),
        &err);
    expect_good();
    EXPECT_OK(park_list(&place, &arena, &list, &err), &err);
    assert_int_equal(list.count, 0);
    close(place.pawl_fd);
}

static void test_parking(void **state)
{
    (void)state;
    each_call(prepare_good, use_parking, judge_parking);
}

/* --- files of records, the record of a run --- */

static bool row_flushed, event_flushed, first_flushed;
static struct result result;
static struct made_row made_one;

static void prepare_nothing(void)
{
    result = (struct result){.key = sha256_of("k", 1),
                             .declared = sha256_of("d", 1),
                             .stage = STR("s"),
                             .instance = STR("s")};
    made_one = (struct made_row){.path = STR("out/a"), .stage = STR("s"), .instance = STR("s")};
}

static void use_results(void)
{
    struct results *results = results_open(here.fd, &err);
    first_flushed = false;
    if (results == NULL) {
        return;
    }
    results_add(results, &result);
    first_flushed = results_flush(results, &err);
    if (first_flushed) {
        (void)results_compact(results, NULL, NULL, &err);
    }
    results_close(results);
}

static void judge_results(void)
{
    struct results *results = results_open(here.fd, &err);
    EXPECT_OK(results != NULL, &err);
    EXPECT_OK(results_check(results, &err), &err);
    if (first_flushed) {
        assert_true(result_ref_is_some(results_find(results, &result.key)));
    }
    results_add(results, &result);
    EXPECT_OK(results_flush(results, &err), &err);
    EXPECT_OK(results_compact(results, NULL, NULL, &err), &err);
    assert_int_equal(results_count(results), 1);
    results_close(results);
}

static void test_results(void **state)
{
    (void)state;
    each_call(prepare_nothing, use_results, judge_results);
}

static void use_made(void)
{
    struct made *made = made_open(here.fd, &err);
    row_flushed = false;
    if (made != NULL) {
        made_put(made, &made_one);
        row_flushed = made_flush(made, &err);
    }
    made_close(made);
}

static void judge_made(void)
{
    struct made_row row;
    struct made *made = made_open(here.fd, &err);
    EXPECT_OK(made != NULL, &err);
    EXPECT_OK(made_check(made, &err), &err);
    assert_true(!row_flushed || made_find(made, made_one.path, &row));
    made_put(made, &made_one);
    EXPECT_OK(made_flush(made, &err), &err);
    assert_int_equal(made_count(made), 1);
    made_close(made);
}

static void test_made(void **state)
{
    (void)state;
    each_call(prepare_nothing, use_made, judge_made);
}

static const struct index_path index_row = {.firm = true};

static void use_index(void)
{
    struct digest epoch = {{1}};
    struct index *index = index_open(here.fd, &epoch, NULL, &err);
    row_flushed = false;
    if (index != NULL) {
        index_put_path(index, STR("a"), &index_row);
        row_flushed = index_flush(index, &err);
        index_put_path(index, STR("b"), &index_row);
        (void)index_save(index, &err);
    }
    index_close(index);
}

static void judge_index(void)
{
    struct digest epoch = {{1}};
    struct index_path row;
    bool damaged;
    struct index *index = index_open(here.fd, &epoch, &damaged, &err);
    EXPECT_OK(index != NULL, &err);
    assert_false(damaged);
    assert_true(!row_flushed || index_path(index, STR("a"), &row));
    index_put_path(index, STR("a"), &index_row);
    EXPECT_OK(index_save(index, &err), &err);
    index_close(index);
}

static void test_index(void **state)
{
    (void)state;
    each_call(prepare_nothing, use_index, judge_index);
}

static void use_events(void)
{
    struct event_log *log = event_log_create(here.fd, "events", &err);
    first_flushed = event_flushed = false;
    if (log == NULL) {
        return;
    }
    event_log_add(log, 1, STR("a"), STR_NONE);
    first_flushed = event_log_flush(log, &err);
    if (first_flushed) {
        event_log_add(log, 2, STR("b"), STR_NONE);
        event_flushed = event_log_flush(log, &err) && event_log_sync(log, &err);
    }
    event_log_close(log);
}

static void judge_events(void)
{
    uint64_t least = event_flushed ? 2 : first_flushed ? 1 : 0;
    struct event_log *log = temp_exists(here.fd, "events")
                                ? event_log_append_to(here.fd, "events", NULL, &err)
                                : event_log_create(here.fd, "events", &err);
    EXPECT_OK(log != NULL, &err);
    assert_true(event_log_seq(log) >= least);
    event_log_add(log, 3, STR("c"), STR_NONE);
    EXPECT_OK(event_log_flush(log, &err), &err);
    event_log_close(log);
}

static void test_events(void **state)
{
    (void)state;
    each_call(prepare_nothing, use_events, judge_events);
}

/* --- logs of items --- */

enum { SOME_ITEMS = 3 };
static const struct digest log_key = {{1}};
static const char log_path[] =
    "items/0100000000000000000000000000000000000000000000000000000000000000";
static const struct items_about log_about = {.stage = {"s", 1}, .instance = {"s@n=1", 5}};
static bool accepted, revived, rewritten;

static struct digest item(unsigned n)
{
    return sha256_of(&n, sizeof(n));
}

static bool put_item(struct items *items, unsigned n, enum item_state state)
{
    struct item_result one = {.state = state, .attempts = n, .bytes = STR("bytes")};
    struct digest digest = item(n);

    return items_put(items, &digest, &one, &err);
}

/* What is said of it is what was put. */
static bool expect_item(struct items *items, unsigned n, bool sure)
{
    struct digest digest = item(n);
    enum item_state state = items_find(items, &digest);
    struct strbuf room = {0};
    struct item_result got;

    if (state != ITEM_UNKNOWN && items_get(items, &digest, &room, &got, sure ? NULL : &err)) {
        assert_true(got.state == state && got.attempts == n && str_is(got.bytes, "bytes"));
    } else {
        assert_false(sure && state != ITEM_UNKNOWN);
    }
    strbuf_fini(&room);
    return state != ITEM_UNKNOWN;
}

static void use_items_log(struct items *items)
{
    for (unsigned n = 0; n < SOME_ITEMS; n++) {
        (void)expect_item(items, n, false);
        (void)put_item(items, n, ITEM_DONE);
    }
    first_flushed = items_flush(items, &err);
    (void)expect_item(items, 1, false);
    accepted = put_item(items, SOME_ITEMS, ITEM_DEAD) && items_accept(items, &err);
}

static void use_items(void)
{
    struct items_gc_done done;
    struct items items;
    uint64_t count = 0;

    first_flushed = accepted = revived = rewritten = false;
    if (items_open(&items, here.fd, &log_key, &log_about, &err)) {
        use_items_log(&items);
        items_close(&items);
    }
    if (items_open(&items, here.fd, &log_key, &log_about, &err)) {
        (void)expect_item(&items, SOME_ITEMS, false);
        items_close(&items);
    }
    rewritten = items_rewrite(here.fd, log_path, &err);
    revived = items_revive(here.fd, log_path, &count, &err) && count == 1;
    (void)items_gc(here.fd, INT64_MIN, false, &done, &err);
}

static void judge_items(void)
{
    struct items_gc_done done;
    struct items items;
    struct digest dead = item(SOME_ITEMS);
    bool known;

    EXPECT_OK(items_open(&items, here.fd, &log_key, &log_about, &err), &err);
    for (unsigned n = 0; n < SOME_ITEMS; n++) {
        known = expect_item(&items, n, true);
        assert_true(known || !first_flushed);
        EXPECT_OK(put_item(&items, n, ITEM_DONE), &err);
        assert_true(expect_item(&items, n, true));
    }
    known = items_find(&items, &dead) == ITEM_DEAD;
    assert_true(known ? !revived : revived || !accepted);
    EXPECT_OK(items_accept(&items, &err), &err);
    items_close(&items);
    EXPECT_OK(items_open(&items, here.fd, &log_key, &log_about, &err), &err);
    assert_true(expect_item(&items, 0, true));
    items_close(&items);
    EXPECT_OK(items_gc(here.fd, INT64_MAX, false, &done, &err), &err);
    assert_int_equal(done.logs, 1);
}

static void test_items(void **state)
{
    (void)state;
    each_call(prepare_nothing, use_items, judge_items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_linked_objects),
        cmocka_unit_test(test_failed_sync),
        cmocka_unit_test(test_failed_close),
        cmocka_unit_test(test_failed_sync_of_the_workspace),
        cmocka_unit_test(test_failed_sync_of_a_move),
        cmocka_unit_test(test_parking),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_made),
        cmocka_unit_test(test_index),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
