/* Owns the worker threads and two queues: jobs that wait and jobs that have ended, both under one
 * mutex. Threads start one by one, when a job finds all of them busy, so that a run that needs none
 * has none. Workers block all signals: those belong to the main thread's descriptor. */
#include "os/pool.h"

#include <assert.h>
#include <signal.h>

#include "base/sys.h"

/* musl gives threads 128 KiB, which is little for reading folders and buffers on the stack. */
enum { POOL_STACK_BYTES = 512 << 10, POOL_WORKERS_AUTO = 4 };

void pool_init(struct pool *pool, unsigned workers, void (*wake)(void *ctx), void *ctx)
{
    *pool = (struct pool){.wake = wake, .ctx = ctx};
    if (workers == 0) {
        int cpus = sys_affinity_count();

        workers = cpus < 1 ? 1 : (unsigned)cpus;
        workers = workers > POOL_WORKERS_AUTO ? POOL_WORKERS_AUTO : workers;
    }
    pool->workers_wanted = workers > POOL_WORKERS_MAX ? POOL_WORKERS_MAX : workers;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->more, NULL);
    pthread_cond_init(&pool->idle, NULL);
}

static struct pool_job *take_waiting(struct pool *pool)
{
    struct pool_job *job = pool->first;

    pool->first = job->next;
    if (pool->first == NULL) {
        pool->last = NULL;
    }
    job->next = NULL;
    pool->waiting--;
    pool->running++;
    return job;
}

/* True if the main thread has to be told: it was told already of an unread one before this. */
static bool put_ended(struct pool *pool, struct pool_job *job)
{
    bool tell = pool->ended_first == NULL;

    if (tell) {
        pool->ended_first = job;
    } else {
        pool->ended_last->next = job;
    }
    pool->ended_last = job;
    pool->ended++;
    pool->running--;
    if (pool->running == 0 && pool->waiting == 0) {
        pthread_cond_broadcast(&pool->idle);
    }
    return tell;
}

static void *worker_main(void *arg)
{
    struct pool *pool = arg;

    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        struct pool_job *job;
        bool tell;

        while (pool->first == NULL && !pool->stopping) {
            pthread_cond_wait(&pool->more, &pool->mutex);
        }
        if (pool->stopping) {
            break;
        }
        job = take_waiting(pool);
        pthread_mutex_unlock(&pool->mutex);
        job->work(job->arg);
        pthread_mutex_lock(&pool->mutex);
        tell = put_ended(pool, job);
        if (tell && pool->wake != NULL) {
            pool->wake(pool->ctx);
        }
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* Needs the mutex. False: no thread could be had. */
static bool start_worker(struct pool *pool)
{
    pthread_attr_t attributes;
    sigset_t all, old;
    int failed;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, POOL_STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    failed = pthread_create(&pool->workers[pool->workers_started], &attributes, worker_main, pool);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
    pool->workers_started += failed == 0;
    return failed == 0;
}

static void do_here(struct pool *pool)
{
    while (pool->first != NULL) {
        struct pool_job *job = take_waiting(pool);

        job->work(job->arg);
        if (put_ended(pool, job) && pool->wake != NULL) {
            pool->wake(pool->ctx);
        }
    }
}

void pool_submit(struct pool *pool, struct pool_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&pool->mutex);
    assert(!pool->stopping);
    if (pool->last != NULL) {
        pool->last->next = job;
    } else {
        pool->first = job;
    }
    pool->last = job;
    pool->waiting++;
    if (pool->running + pool->waiting > pool->workers_started &&
        pool->workers_started < pool->workers_wanted && !start_worker(pool) &&
        pool->workers_started == 0) {
        do_here(pool);
    } else {
        pthread_cond_signal(&pool->more);
    }
    pthread_mutex_unlock(&pool->mutex);
}

struct pool_job *pool_collect(struct pool *pool)
{
    struct pool_job *ended;

    pthread_mutex_lock(&pool->mutex);
    ended = pool->ended_first;
    pool->ended_first = pool->ended_last = NULL;
    pool->ended = 0;
    pthread_mutex_unlock(&pool->mutex);
    return ended;
}

size_t pool_in_flight(struct pool *pool)
{
    size_t count;

    pthread_mutex_lock(&pool->mutex);
    count = pool->waiting + pool->running + pool->ended;
    pthread_mutex_unlock(&pool->mutex);
    return count;
}

void pool_wait_idle(struct pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    while (pool->waiting + pool->running > 0) {
        pthread_cond_wait(&pool->idle, &pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
}

struct pool_job *pool_stop(struct pool *pool)
{
    struct pool_job *left;

    pthread_mutex_lock(&pool->mutex);
    pool->stopping = true;
    left = pool->first;
    pool->first = pool->last = NULL;
    pool->waiting = 0;
    pthread_cond_broadcast(&pool->more);
    pthread_mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < pool->workers_started; i++) {
        pthread_join(pool->workers[i], NULL);
    }
    pool->workers_started = 0;
    pthread_mutex_destroy(&pool->mutex);
    pthread_cond_destroy(&pool->more);
    pthread_cond_destroy(&pool->idle);
    return left;
}
