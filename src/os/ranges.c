/* Owns the split of rows among threads. */
#include "os/ranges.h"

#include "os/pool.h"

struct range {
    struct pool_job job;
    void (*work)(void *ctx, uint32_t first, uint32_t end);
    void *ctx;
    uint32_t first, end;
};

static void range_work(void *arg)
{
    const struct range *range = arg;

    range->work(range->ctx, range->first, range->end);
}

static uint32_t ranges_for(uint32_t count, uint32_t least, uint32_t processors)
{
    uint32_t most = processors < RANGES_THREADS ? processors : RANGES_THREADS;
    uint32_t wanted = count / (least != 0 ? least : 1);

    return wanted < 1 ? 1 : wanted < most ? wanted : most;
}

void ranges_run(uint32_t count, uint32_t least, uint32_t processors,
                void (*work)(void *ctx, uint32_t first, uint32_t end), void *ctx)
{
    struct range ranges[RANGES_THREADS];
    uint32_t parts = ranges_for(count, least, processors);
    struct pool pool;

    if (parts == 1) {
        work(ctx, 0, count);
        return;
    }
    pool_init(&pool, parts - 1, NULL, NULL);
    for (uint32_t i = 0; i < parts; i++) {
        ranges[i] = (struct range){.work = work,
                                   .ctx = ctx,
                                   .first = (uint32_t)((uint64_t)count * i / parts),
                                   .end = (uint32_t)((uint64_t)count * (i + 1) / parts)};
        ranges[i].job = (struct pool_job){.work = range_work, .arg = &ranges[i]};
        if (i != 0) {
            pool_submit(&pool, &ranges[i].job);
        }
    }
    range_work(&ranges[0]);
    pool_wait_idle(&pool);
    pool_stop(&pool);
}
