/* Workers: every job is done once, the main thread is woken, stopping gives back what waited. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "os/loop.h"
#include "os/pool.h"

enum { JOBS = 1000 };

struct work {
    struct pool_job job;
    atomic_int done;
};

static void work_once(void *arg)
{
    atomic_fetch_add(&((struct work *)arg)->done, 1);
}

static void submit(struct pool *pool, struct work *work, void (*call)(void *))
{
    work->job.work = call;
    work->job.arg = work;
    pool_submit(pool, &work->job);
}

static void test_all_jobs_come_back_through_the_loop(void **state)
{
    static struct work works[JOBS];
    struct loop loop;
    struct pool pool;
    struct err err = {0};
    size_t back = 0;

    (void)state;
    assert_true(loop_open(&loop, &err));
    pool_init(&pool, 3, loop_wake_any, &loop);
    assert_int_equal(pool.workers_started, 0);
    for (size_t i = 0; i < JOBS; i++) {
        submit(&pool, &works[i], work_once);
    }
    while (back < JOBS) {
        int64_t limit_ns = clock_mono_ns(&clock_system) + 10 * NS_PER_SEC;

        assert_int_equal(pool_in_flight(&pool), JOBS - back);
        assert_true(loop_wait(&loop, limit_ns, &err));
        assert_true(clock_mono_ns(&clock_system) < limit_ns);
        for (struct pool_job *job = pool_collect(&pool); job != NULL; job = job->next) {
            back++;
        }
    }
    assert_int_equal(pool_in_flight(&pool), 0);
    assert_null(pool_collect(&pool));
    for (size_t i = 0; i < JOBS; i++) {
        assert_int_equal(works[i].done, 1);
    }
    assert_null(pool_stop(&pool));
    loop_close(&loop);
}

struct gate {
    struct work work;
    pthread_mutex_t *mutex;
};

static void wait_at_gate(void *arg)
{
    struct gate *gate = arg;

    pthread_mutex_lock(gate->mutex);
    pthread_mutex_unlock(gate->mutex);
    atomic_fetch_add(&gate->work.done, 1);
}

static void test_stop_gives_back_what_waited(void **state)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct gate gates[4] = {0};
    struct pool pool;
    struct pool_job *left;
    size_t count = 0, done = 0;

    (void)state;
    pool_init(&pool, 1, NULL, NULL);
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < 4; i++) {
        gates[i].mutex = &mutex;
        submit(&pool, &gates[i].work, wait_at_gate);
    }
    /* The only worker stands at the gate with the first. */
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&pool.mutex);
        count = pool.waiting;
        pthread_mutex_unlock(&pool.mutex);
        if (count == 3) {
            break;
        }
        poll(NULL, 0, 10);
    }
    assert_int_equal(count, 3);
    pthread_mutex_unlock(&mutex);
    left = pool_stop(&pool);
    count = 0;
    for (; left != NULL; left = left->next) {
        count++;
    }
    for (size_t i = 0; i < 4; i++) {
        done += (size_t)gates[i].work.done;
    }
    assert_int_equal(count + done, 4);
}

static void test_waiting_for_idle(void **state)
{
    static struct work works[50];
    struct pool pool;
    size_t back = 0;

    (void)state;
    pool_init(&pool, 0, NULL, NULL);
    assert_in_range(pool.workers_wanted, 1, 4);
    pool_wait_idle(&pool);
    for (size_t i = 0; i < 50; i++) {
        submit(&pool, &works[i], work_once);
    }
    pool_wait_idle(&pool);
    for (struct pool_job *job = pool_collect(&pool); job != NULL; job = job->next) {
        back++;
    }
    assert_int_equal(back, 50);
    assert_null(pool_stop(&pool));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_jobs_come_back_through_the_loop),
        cmocka_unit_test(test_stop_gives_back_what_waited),
        cmocka_unit_test(test_waiting_for_idle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
