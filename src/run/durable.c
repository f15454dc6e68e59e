/* Owns the barriers of a run and what waits for them: rows of the stat cache that may be trusted
 * after a power cut, and parked files whose successor is not on disk yet. */
#include <string.h>

#include "base/mem.h"
#include "run/executor.h"
#include "store/checkpoints.h"

static void durable_work(void *arg)
{
    struct executor *executor = arg;

    executor->barrier_ok = barrier_run(executor->session->objects, &executor->barrier,
                                       executor->session->root_fd, &executor->barrier_err);
}

void durable_begin(struct executor *executor)
{
    executor->barrier_position = index_position(executor->session->index);
    executor->barrier_drops = executor->drop_count;
    executor->barrier_checkpoints =
        executor->checkpoints != NULL ? executor->checkpoints->added : 0;
    executor->barrier_event =
        executor->recorder->log != NULL ? event_log_flushed(executor->recorder->log) : 0;
}

void durable_start(struct executor *executor)
{
    int64_t now_ns = clock_mono_ns(executor->session->clock);
    uint64_t count;
    uint64_t size_bytes;

    if (executor->barrier_running) {
        return;
    }
    objects_fresh(executor->session->objects, &count, &size_bytes);
    if (size_bytes < BARRIER_SIZE_BYTES && now_ns < executor->next_barrier_ns) {
        return;
    }
    executor->next_barrier_ns = now_ns + BARRIER_PERIOD_S * NS_PER_SEC;
    if (count == 0 && executor->drop_count == 0) {
        return;
    }
    barrier_note(executor->session->objects, &executor->barrier);
    durable_begin(executor);
    executor->barrier_running = true;
    executor->barrier_ok = false;
    executor->barrier_job = (struct pool_job){.work = durable_work, .arg = executor};
    pool_submit(&executor->pool, &executor->barrier_job);
}

/* While nothing runs, nothing else wakes us. */
int64_t durable_next(const struct executor *executor)
{
    uint64_t count;
    uint64_t size_bytes;

    if (executor->barrier_running || executor->recorder->state.status != RUN_PAUSED) {
        return INT64_MAX;
    }
    objects_fresh(executor->session->objects, &count, &size_bytes);
    return count != 0 || executor->drop_count != 0 ? executor->next_barrier_ns : INT64_MAX;
}

void durable_drop_later(struct executor *executor, struct str attempt_id)
{
    if (executor->drop_count == executor->drop_cap) {
        executor->drop_cap = executor->drop_cap * 2 + 16;
        executor->drops =
            mem_realloc(executor->drops, executor->drop_cap, sizeof(*executor->drops));
    }
    executor->drops[executor->drop_count++] = str_dup(&executor->session->arena, attempt_id);
}

/* What was parked before the barrier began has a successor on disk now. */
static void durable_drop(struct executor *executor)
{
    struct err err = {0};

    if (executor->barrier_drops == 0) {
        return;
    }
    for (uint32_t i = 0; i < executor->barrier_drops; i++) {
        park_drop(&executor->place, executor->recorder->run, executor->drops[i], NULL, 0, &err);
    }
    executor->drop_count -= executor->barrier_drops;
    memmove(executor->drops, executor->drops + executor->barrier_drops,
            executor->drop_count * sizeof(*executor->drops));
    executor->barrier_drops = 0;
}

void durable_take(struct executor *executor)
{
    executor->barrier_running = false;
    if (!executor->barrier_ok) {
        executor_broken(executor, &executor->barrier_err);
        return;
    }
    index_mark_synced(executor->session->index, executor->barrier_position);
    if (executor->recorder->log != NULL) {
        struct event event = {.type = EVENT_SYNCED, .through = (int64_t)executor->barrier_event};

        recorder_emit(executor->recorder, &event);
    }
    if (executor->checkpoints != NULL) {
        /* Where that fails they count as before: until a power cut. */
        (void)checkpoints_synced(executor->checkpoints, executor->barrier_checkpoints, NULL);
    }
    durable_drop(executor);
}
