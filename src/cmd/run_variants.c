/* Owns the events and lines about sets of instances with variants: one for each variant of a stage
 * that has any. */
#include "cmd/run_variants.h"

#include <unistd.h>

#include "base/sys.h"
#include "report/story.h"

/* Is it one of the set? */
typedef bool (*run_in_set)(const struct run_call *call, uint32_t number);
typedef void (*run_take_set)(void *ctx, struct event *event);

static bool run_was_chosen(const struct run_call *call, uint32_t number)
{
    return call->request.scope[number];
}

static bool run_fell_back(const struct run_call *call, uint32_t number)
{
    return call->request.scope[number] && call->facts.instances[number].good &&
           call->facts.instances[number].fallback;
}

static void run_each_variant(struct run_call *call, const struct plan_stage *stage,
                             enum event_type type, run_in_set in_set, run_take_set take, void *ctx)
{
    const struct plan *plan = &call->session.plan;
    const struct m_variants *variants = stage->source->settings->variants;

    for (uint32_t v = 0; variants != NULL && v < variants->count; v++) {
        struct event event = {.type = type,
                              .stage = stage->name,
                              .variant = variants->items[v].name,
                              .flag = variants->items[v].flag->name};

        for (uint32_t i = 0; i < stage->instance_count; i++) {
            uint32_t number = stage->instances_first + i;

            if (plan->instances[number].variant == v + 1 && in_set(call, number)) {
                event_ids_add(&event.ids, &call->session.arena, number);
                event.count++;
            }
        }
        if (event.count != 0) {
            take(ctx, &event);
        }
    }
}

static void run_each_set(struct run_call *call, enum event_type type, run_in_set in_set,
                         run_take_set take, void *ctx)
{
    for (uint32_t s = 0; s < call->session.plan.stage_count; s++) {
        run_each_variant(call, &call->session.plan.stages[s], type, in_set, take, ctx);
    }
}

static void run_emit_set(void *ctx, struct event *event)
{
    recorder_emit(ctx, event);
}

static void run_apply_set(void *ctx, struct event *event)
{
    run_state_apply(ctx, event, NULL);
}

static void run_tell_set(void *ctx, struct event *event)
{
    struct strbuf line = {0};

    (void)ctx;
    strbuf_puts(&line, "fallback  ");
    story_add_fallbacks(event, &line);
    sys_write_full(STDERR_FILENO, line.data, line.len);
    strbuf_fini(&line);
}

void run_record_variants(struct run_call *call)
{
    run_each_set(call, EVENT_VARIANTS_CHOSEN, run_was_chosen, run_emit_set, &call->recorder);
}

void run_record_fallbacks(struct run_call *call)
{
    run_each_set(call, EVENT_FALLBACKS_USED, run_fell_back, run_emit_set, &call->recorder);
}

void run_tell_fallbacks(struct run_call *call)
{
    run_each_set(call, EVENT_FALLBACKS_USED, run_fell_back, run_tell_set, NULL);
}

void run_apply_variants(struct run_call *call, struct run_state *state)
{
    run_each_set(call, EVENT_VARIANTS_CHOSEN, run_was_chosen, run_apply_set, state);
    run_each_set(call, EVENT_FALLBACKS_USED, run_fell_back, run_apply_set, state);
}
