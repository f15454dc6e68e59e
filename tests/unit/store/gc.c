/* What a collection takes: by roots, by what is behind them, by age and size; beside others. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "../temp_folder.h"
#include "base/hex.h"
#include "base/sys.h"
#include "store/barrier.h"
#include "store/gc_inside.h"
#include "store/result_codec.h"

static struct temp_folder here;
static struct arena arena;
static struct err err;
static struct objects *objects;
static struct results *results;
static struct store_lock lock;
static struct digest own, other;
static bool shared;
static struct gc_options options;
static struct gc_done done;

static void open_all(void)
{
    struct objects_options how = {.dirfd = here.fd, .shown = ".pawl"};

    EXPECT_OK(store_lock_open(&lock, here.fd, shared, &err), &err);
    objects = objects_open(&how, NULL, &err);
    results = results_open(here.fd, &err);
    assert_non_null(objects);
    assert_non_null(results);
}

static int setup(void **state)
{
    err_clear(&err);
    arena_init(&arena);
    temp_folder_make(&here);
    shared = *state != NULL;
    own = sha256_of("own", 3);
    other = sha256_of("other", 5);
    options = (struct gc_options){.keep_runs = 1, .cutoff_ns = INT64_MIN, .max_bytes = UINT64_MAX};
    open_all();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    results_close(results);
    objects_close(objects);
    store_lock_close(&lock);
    temp_folder_remove(&here);
    arena_fini(&arena);
    return 0;
}

static struct digest key_of(const char *name)
{
    return sha256_of(name, strlen(name));
}

/* The object a result of this name has: ten bytes at most. */
static struct digest put(const char *name)
{
    struct digest digest;

    EXPECT_OK(objects_put_bytes(objects, str_of(name), &digest, &err), &err);
    return digest;
}

static bool has(const char *name)
{
    struct digest digest = sha256_of(name, strlen(name));

    return objects_has(objects, &digest);
}

static bool has_result(const char *name)
{
    struct digest key = key_of(name);

    return result_ref_is_some(results_find(results, &key));
}

static void add(const struct digest *workspace, const char *run, const char *instance,
                const char *name, int64_t ended_ns)
{
    struct result_output output = {.path = STR("out"), .kind = RESULT_FILE, .stored = true};
    struct result result = {.key = key_of(name),
                            .workspace = *workspace,
                            .stage = STR("s"),
                            .instance = str_of(instance),
                            .run = str_of(run),
                            .attempt = STR("a"),
                            .ended_ns = ended_ns,
                            .outputs = &output,
                            .output_count = 1};

    result.declared = result.key;
    output.digest = put(name);
    results_add(results, &result);
    EXPECT_OK(results_flush(results, &err), &err);
}

/* A run that ended with one or two instances. */
static void root(const struct digest *workspace, const char *id, bool part, const char *a,
                 const char *b)
{
    struct roots_row rows[2];
    struct roots_run run = {.pipeline = STR("p"), .part = part, .time_ns = 1000, .rows = rows};

    assert_true(run_id_parse(str_of(id), &run.run));
    if (a != NULL) {
        rows[run.row_count].instance = result_instance_hash(STR("s"), STR("a"), workspace);
        rows[run.row_count++].key = key_of(a);
    }
    if (b != NULL) {
        rows[run.row_count].instance = result_instance_hash(STR("s"), STR("b"), workspace);
        rows[run.row_count++].key = key_of(b);
    }
    EXPECT_OK(roots_write(here.fd, workspace, &run, &err), &err);
}

/* A run of a shared store that begins, and has found this. */
static void begin(const struct digest *workspace, const char *id)
{
    struct roots_row row = {.key = key_of("a2")};
    struct roots_run run = {.pipeline = STR("p"),
                            .part = true,
                            .begun = true,
                            .time_ns = 1000,
                            .rows = &row,
                            .row_count = 1};

    assert_true(run_id_parse(str_of(id), &run.run));
    EXPECT_OK(roots_write(here.fd, workspace, &run, &err), &err);
}

static struct gc_store store_of(void)
{
    return (struct gc_store){.fd = here.fd,
                             .shared = shared,
                             .lock = &lock,
                             .objects = objects,
                             .results = results,
                             .workspace = own};
}

static void collect(void)
{
    struct gc_store store = store_of();

    EXPECT_OK(barrier_now(objects, -1, &err), &err);
    EXPECT_OK(gc_store(&store, &options, &done, &err), &err);
}

#define RUN_1  "20261101T000000Z-0001"
#define RUN_2  "20261102T000000Z-0002"
#define RUN_25 "20261102T000000Z-0025"
#define RUN_3  "20261103T000000Z-0003"
#define RUN_4  "20261104T000000Z-0004"

static void test_no_roots(void **state)
{
    (void)state;
    add(&own, RUN_1, "a", "one", 1);
    put("stray");
    collect();
    assert_true(has("one"));
    assert_true(has_result("one"));
    assert_false(has("stray"));
    assert_int_equal(done.objects, 1);
    assert_int_equal(done.results, 0);
    assert_int_equal(done.freed_bytes, 5);
    assert_int_equal(done.kept_objects, 1);
}

static void make_three(void)
{
    add(&own, RUN_1, "a", "a1", 1);
    add(&own, RUN_1, "b", "b1", 2);
    root(&own, RUN_1, false, "a1", "b1");
    add(&own, RUN_2, "a", "a2", 3);
    root(&own, RUN_2, true, "a2", NULL);
    add(&own, RUN_3, "a", "a3", 4);
    root(&own, RUN_3, true, "a3", NULL);
}

static void test_window(void **state)
{
    (void)state;
    make_three();
    options.keep_runs = 2;
    collect();
    assert_false(has("a1"));
    assert_false(has_result("a1"));
    assert_true(has("b1") && has("a2") && has("a3"));
    assert_true(has_result("b1") && has_result("a2") && has_result("a3"));
    options.keep_runs = 1;
    collect();
    assert_int_equal(done.results, 1);
    assert_true(has("b1") && has("a3"));
    assert_false(has("a2"));
    /* A whole run says that an instance is there no more. */
    root(&own, RUN_4, false, "a3", NULL);
    collect();
    assert_true(has("a3"));
    assert_false(has("b1"));
}

static void test_behind_roots(void **state)
{
    (void)state;
    make_three();
    add(&own, RUN_4, "a", "a4", 5);
    add(&own, RUN_4, "a", "a5", 6);
    add(&own, "adopted", "b", "b0", 999);
    add(&own, "adopted", "b", "b2", 1000);
    options.max_bytes = 0;
    options.cutoff_ns = INT64_MAX;
    collect();
    assert_true(has("a4") && has("a5") && has("b2") && has("b1") && has("a3"));
    assert_false(has("a2") || has("a1") || has("b0"));
}

/* Runs that never said what they need: results of theirs stay until a whole run follows. */
static void test_unended(void **state)
{
    (void)state;
    make_three();
    add(&own, RUN_2, "b", "b2", 3); /* ended, and does not need it */
    add(&own, RUN_25, "b", "killed", 3);
    options.keep_runs = 1;
    for (int i = 0; i < 2; i++) {
        collect();
        assert_true(has("killed") && has_result("killed"));
        assert_true(has("b1") && has("a3"));
        assert_false(has("b2"));
    }
    root(&own, RUN_4, false, "a3", "b1");
    collect();
    assert_false(has("killed"));
}

/* A run that lives in a shared store has said so, and names nothing yet. */
static void test_begun(void **state)
{
    (void)state;
    make_three();
    root(&other, RUN_1, false, "a3", NULL);
    add(&other, RUN_2, "b", "killed", 3);
    begin(&other, RUN_2);
    add(&other, RUN_3, "b", "last", 3);
    root(&other, RUN_3, true, "last", NULL);
    collect();
    assert_true(has("killed") && has("last") && has("a2"));
}

/* Another pipeline's whole run says nothing of this one's. */
static void test_pipelines(void **state)
{
    struct roots_run run = {.pipeline = STR("q"), .time_ns = 1000};

    (void)state;
    make_three();
    add(&own, RUN_25, "b", "killed", 3);
    assert_true(run_id_parse(STR(RUN_4), &run.run));
    EXPECT_OK(roots_write(here.fd, &own, &run, &err), &err);
    collect();
    assert_true(has("killed"));
}

/* What another workspace needs is not known: all may be needed. */
static void test_damaged_roots(void **state)
{
    char hex[DIGEST_HEX_BYTES + 1], path[160];
    int fd;

    (void)state;
    make_three();
    root(&other, RUN_1, false, "a1", NULL);
    snprintf(path, sizeof(path), "roots/%s/" RUN_1, digest_hex(&other, hex));
    fd = openat(here.fd, path, O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    close(fd);
    put("stray");
    collect();
    assert_true(has("a1") && has("a2") && has("a3") && has("b1"));
    assert_false(has("stray"));
    assert_int_equal(done.unreadable_roots, 1);
    assert_int_equal(unlinkat(here.fd, path, 0), 0);
    /* Damage of the own ones before a whole run hides nothing. */
    root(&own, RUN_2, true, "a2", NULL);
    root(&own, RUN_4, false, "a3", "b1");
    snprintf(path, sizeof(path), "roots/%s/" RUN_2, digest_hex(&own, hex));
    fd = openat(here.fd, path, O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    close(fd);
    collect();
    assert_true(has("a3") && has("b1"));
    assert_false(has("a1") || has("a2"));
}

static void test_age_and_size(void **state)
{
    (void)state;
    make_three();
    options.keep_runs = 3;
    options.max_bytes = 6;
    collect();
    /* Two bytes each: what the last run needs, and the newest that fits. */
    assert_true(has("a3") && has("b1") && has("a2"));
    assert_false(has("a1"));
    options.max_bytes = UINT64_MAX;
    options.cutoff_ns = 4;
    collect();
    assert_true(has("a3") && has("b1"));
    assert_false(has("a2"));
}

static void test_dry(void **state)
{
    (void)state;
    make_three();
    options.dry = true;
    collect();
    assert_int_equal(done.results, 2);
    assert_int_equal(done.objects, 2);
    assert_true(has("a1") && has("a2") && has_result("a1"));
}

static void test_others(void **state)
{
    (void)state;
    make_three();
    add(&other, RUN_1, "a", "o1", 1);
    add(&other, RUN_2, "a", "o2", 2);
    root(&other, RUN_1, false, "o1", "a1");
    root(&other, RUN_2, false, "o2", NULL);
    options.max_bytes = 0;
    options.cutoff_ns = INT64_MAX;
    collect();
    assert_true(has("o1") && has("o2") && has("a1") && has("a3") && has("b1"));
    assert_false(has("a2"));
}

/* Another session of a shared store knows an object that goes; when it commits it asks again. */
static void test_removed_under_others(void **state)
{
    struct objects_options how = {.dirfd = here.fd, .shown = ".pawl"};
    struct store_lock their_lock;
    struct objects *theirs;
    struct digest digest = put("both");

    (void)state;
    EXPECT_OK(barrier_now(objects, -1, &err), &err);
    EXPECT_OK(store_lock_open(&their_lock, here.fd, true, &err), &err);
    theirs = objects_open(&how, NULL, &err);
    assert_true(objects_has(theirs, &digest));
    collect();
    assert_false(has("both"));
    EXPECT_OK(store_lock_enter(&their_lock, theirs, &err), &err);
    assert_false(objects_has(theirs, &digest));
    EXPECT_OK(objects_put_bytes(theirs, STR("both"), &digest, &err), &err);
    store_lock_leave(&their_lock);
    store_lock_settle(&their_lock);
    assert_false(their_lock.held);
    objects_close(theirs);
    store_lock_close(&their_lock);
    assert_true(has("both"));
    /* Fresh ones are of sessions that live. */
    objects_close(objects);
    results_close(results);
    store_lock_close(&lock);
    open_all();
    assert_true(has("both"));
}

/* What another session put and a barrier of this one made durable may go; the other one does not
 * take it for one of its own that is there. */
static void test_fresh_of_others(void **state)
{
    struct objects_options how = {.dirfd = here.fd, .shown = ".pawl"};
    struct store_lock their_lock;
    struct objects *theirs = objects_open(&how, NULL, &err);
    struct digest digest;
    uint64_t count, size_bytes;

    (void)state;
    EXPECT_OK(store_lock_open(&their_lock, here.fd, true, &err), &err);
    EXPECT_OK(objects_put_bytes(theirs, STR("theirs"), &digest, &err), &err);
    results_close(results);
    objects_close(objects);
    store_lock_close(&lock);
    open_all();
    collect();
    assert_false(has("theirs"));
    EXPECT_OK(store_lock_enter(&their_lock, theirs, &err), &err);
    assert_false(objects_has(theirs, &digest));
    objects_fresh(theirs, &count, &size_bytes);
    assert_int_equal(count + size_bytes, 0);
    objects_close(theirs);
    store_lock_close(&their_lock);
}

/* Another process rewrites the results between two batches, and adds one for an object that was
 * listed. */
static void test_rewritten(void **state)
{
    struct gc_store store = store_of();
    struct gc gc;
    struct results *mine = results;

    (void)state;
    make_three();
    put("late");
    for (int i = 0; i < 5; i++) {
        add(&own, RUN_4, "c", "same", 10 + i); /* of which four are dead */
    }
    gc_init(&gc, &store, &options);
    EXPECT_OK(gc_list_objects(&gc, &err), &err);
    EXPECT_OK(gc_mark(&gc, &err), &err);
    results = results_open(here.fd, &err);
    EXPECT_OK(results_compact(results, NULL, NULL, &err), &err);
    add(&other, RUN_1, "a", "late", 20);
    results_close(results);
    results = mine;
    EXPECT_OK(gc_mark_new(&gc, &err), &err);
    VEC_EACH (object, &gc.objects) {
        struct digest late = key_of("late");

        assert_true(object->needed || !digest_equal(&object->digest, &late));
    }
    gc_fini(&gc);
}

/* --- the lock: two who commit and never leave it free, and one who wants it alone */

struct committer {
    pthread_t thread;
    struct store_lock lock;
    struct objects *objects;
    _Atomic bool *stop, inside;
    struct committer *peer;
};

static void *commit_on(void *arg)
{
    struct committer *me = arg;
    struct err failed = {0};

    while (!atomic_load(me->stop)) {
        if (!store_lock_enter(&me->lock, me->objects, &failed)) {
            return me;
        }
        atomic_store(&me->inside, true);
        /* Until the other one is inside, too, or waits. */
        for (int i = 0; i < 100 && !atomic_load(&me->peer->inside); i++) {
            sys_poll(NULL, 0, 1);
        }
        atomic_store(&me->inside, false);
        store_lock_leave(&me->lock);
        store_lock_settle(&me->lock);
    }
    return NULL;
}

static void test_lock_is_fair(void **state)
{
    _Atomic bool stop = false;
    struct committer both[2] = {{.stop = &stop, .objects = objects, .peer = &both[1]},
                                {.stop = &stop, .objects = objects, .peer = &both[0]}};
    void *failed;

    (void)state;
    alarm(60);
    for (int i = 0; i < 2; i++) {
        EXPECT_OK(store_lock_open(&both[i].lock, here.fd, true, &err), &err);
        assert_int_equal(pthread_create(&both[i].thread, NULL, commit_on, &both[i]), 0);
    }
    for (int i = 0; i < 5; i++) {
        while (!atomic_load(&both[0].inside) && !atomic_load(&both[1].inside)) {
            sys_poll(NULL, 0, 1);
        }
        EXPECT_OK(store_lock_take(&lock, &err), &err);
        assert_false(atomic_load(&both[0].inside) || atomic_load(&both[1].inside));
        store_lock_give(&lock);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(both[i].thread, &failed), 0);
        assert_null(failed);
        store_lock_close(&both[i].lock);
    }
    alarm(0);
}

static void *take_alone(void *arg)
{
    struct err failed = {0};

    return store_lock_take(arg, &failed) ? NULL : arg;
}

/* Who waits for one that holds it long does not keep the others waiting as long. */
static void test_lock_lets_pass(void **state)
{
    struct store_lock longer, shorter;
    pthread_t alone;
    void *failed;

    (void)state;
    alarm(60);
    EXPECT_OK(store_lock_open(&longer, here.fd, true, &err), &err);
    EXPECT_OK(store_lock_open(&shorter, here.fd, true, &err), &err);
    EXPECT_OK(store_lock_enter(&longer, objects, &err), &err);
    assert_int_equal(pthread_create(&alone, NULL, take_alone, &lock), 0);
    while (sys_lock_probe(shorter.fd, F_RDLCK, 2, 1) == 0) {
        sys_poll(NULL, 0, 1);
    }
    EXPECT_OK(store_lock_enter(&shorter, objects, &err), &err);
    store_lock_leave(&shorter);
    store_lock_settle(&shorter);
    store_lock_leave(&longer);
    store_lock_settle(&longer);
    assert_int_equal(pthread_join(alone, &failed), 0);
    assert_null(failed);
    assert_true(lock.held);
    store_lock_give(&lock);
    store_lock_close(&longer);
    store_lock_close(&shorter);
    alarm(0);
}

static void test_one_gc(void **state)
{
    struct gc_store store = store_of();
    struct store_lock their_lock;

    (void)state;
    EXPECT_OK(store_lock_open(&their_lock, here.fd, true, &err), &err);
    EXPECT_OK(store_lock_begin_gc(&their_lock, &err), &err);
    assert_false(gc_store(&store, &options, &done, &err));
    assert_int_equal(err.status, STATUS_LOCKED);
    store_lock_close(&their_lock);
    err_clear(&err);
    EXPECT_OK(gc_store(&store, &options, &done, &err), &err);
}

int main(void)
{
#define TEST(name)   cmocka_unit_test_setup_teardown(name, setup, teardown)
#define SHARED(name) cmocka_unit_test_prestate_setup_teardown(name, setup, teardown, &arena)
    const struct CMUnitTest tests[] = {
        TEST(test_no_roots),
        TEST(test_window),
        TEST(test_behind_roots),
        TEST(test_age_and_size),
        TEST(test_dry),
        TEST(test_others),
        TEST(test_unended),
        TEST(test_pipelines),
        TEST(test_damaged_roots),
        SHARED(test_begun),
        SHARED(test_no_roots),
        SHARED(test_window),
        SHARED(test_others),
        SHARED(test_removed_under_others),
        SHARED(test_one_gc),
        SHARED(test_fresh_of_others),
        SHARED(test_rewritten),
        SHARED(test_lock_is_fair),
        SHARED(test_lock_lets_pass),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
