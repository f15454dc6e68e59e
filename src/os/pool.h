#ifndef PAWL_OS_POOL_H
#define PAWL_OS_POOL_H
/* Worker threads for what blocks on disk or burns a processor: hashing, copying, stat. They decide
 * nothing and touch nothing but what their job points to.
 *
 * Order: pool_init (starts no thread); pool_submit from the main thread; `wake` is called from a
 * worker when jobs have ended; pool_collect on the main thread; pool_stop. Between submit and
 * collect a job belongs to the pool.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct pool_job {
    void (*work)(void *arg); /* on a worker */
    void *arg;
    struct pool_job *next; /* the pool's; after pool_collect: the next ended job */
};

enum { POOL_WORKERS_MAX = 16 };

struct pool {
    pthread_mutex_t mutex;
    pthread_cond_t more, idle;
    struct pool_job *first, *last;             /* waiting */
    struct pool_job *ended_first, *ended_last; /* in order of their ends */
    size_t waiting, running, ended;
    unsigned workers_wanted, workers_started;
    bool stopping;
    void (*wake)(void *ctx);
    void *ctx;
    pthread_t workers[POOL_WORKERS_MAX];
};

/* `workers` 0: as many as processors, 4 at most. `wake` may be NULL; it is called with the pool
 * locked and must not call back (loop_wake_any is made for it). */
void pool_init(struct pool *pool, unsigned workers, void (*wake)(void *ctx), void *ctx);
/* Queues a job; starts a worker when all are busy. Where no thread can be had the job is done at
 * once, here. */
void pool_submit(struct pool *pool, struct pool_job *job);
/* The jobs that have ended since the last call, linked by `next`; NULL: none. */
struct pool_job *pool_collect(struct pool *pool);
/* Submitted and not yet collected. */
size_t pool_in_flight(struct pool *pool);
/* Waits until no job waits or runs; the ended ones are still to be collected. */
void pool_wait_idle(struct pool *pool);
/* Lets running jobs end, gives back the waiting ones (linked; not done), joins the threads. The
 * pool may be used again after another pool_init. */
struct pool_job *pool_stop(struct pool *pool);

#endif
