/* Owns what a run learns from those before it: how long instances took, and what memory they held.
 * The index has the last few durations of each instance, so what is known of a stage is bounded by
 * its instances. */
#include "cmd/run_call.h"

#include <stdlib.h>

#include "base/mem.h"
#include "policy/quantile.h"
#include "policy/warn.h"

/* Of a stage of many instances so many are asked. */
enum { HISTORY_INSTANCES = 512 };

static bool history_of(const struct run_call *call, uint32_t number, struct index_instance *row)
{
    const struct plan_instance *inst = &call->session.plan.instances[number];

    return !inst->outline && index_instance(call->session.index, inst->name, row) &&
           row->duration_count != 0;
}

/* The median of the last few good attempts, and the peak of the last. */
void run_load_history(struct run_call *call)
{
    const struct plan *plan = &call->session.plan;

    call->duration_ns = mem_calloc(plan->instance_count, sizeof(*call->duration_ns));
    call->peak_bytes = mem_calloc(plan->instance_count, sizeof(*call->peak_bytes));
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        struct index_instance row;

        if (history_of(call, i, &row)) {
            quantile_sort(row.durations_ns, row.duration_count);
            call->duration_ns[i] = (int64_t)row.durations_ns[row.duration_count / 2];
            call->peak_bytes[i] = row.peak_bytes;
        }
    }
}

int64_t run_slow_limit_ns(void *ctx, uint32_t stage)
{
    struct run_call *call = ctx;
    const struct plan_stage *of = &call->session.plan.stages[stage];
    uint32_t step = of->instance_count / HISTORY_INSTANCES + 1;
    uint64_t *durations_ns = mem_calloc((size_t)(of->instance_count / step + 1) * INDEX_DURATIONS,
                                        sizeof(*durations_ns));
    size_t count = 0;
    int64_t limit_ns;

    for (uint32_t i = 0; i < of->instance_count; i += step) {
        struct index_instance row;

        if (history_of(call, of->instances_first + i, &row)) {
            for (uint32_t d = 0; d < row.duration_count; d++) {
                durations_ns[count++] = row.durations_ns[d];
            }
        }
    }
    limit_ns = warn_slow_limit_ns(durations_ns, count);
    free(durations_ns);
    return limit_ns;
}
