/* Owns what a run leaves for later calls besides its results and its record: the plan that the
 * record speaks of, what must not be collected, and the last state. */
#include <stdlib.h>

#include "base/mem.h"
#include "cmd/run_call.h"

bool run_keep_plan(struct run_call *call, struct err *err)
{
    const struct plan *plan = &call->session.plan;
    struct strbuf text = {0};
    struct digest kept;
    bool ok;

    if (call->sliced) {
        call->listing = last_state_digest(call->slice.state, LAST_OF_LISTING);
        return true; /* they are there: run_prepare */
    }
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        strbuf_add_str(&text, plan->instances[i].name);
        strbuf_putc(&text, '\n');
    }
    ok = objects_put_bytes(call->session.objects, strbuf_str(&text), &call->listing, err) &&
         objects_put_bytes(call->session.objects, call->session.manifest_text, &kept, err);
    strbuf_fini(&text);
    return ok;
}

struct roots_end run_roots_end(const struct run_call *call)
{
    return (struct roots_end){.facts = &call->facts,
                              .run = call->recorder.id,
                              .listing = call->listing,
                              .scope = call->request.scope,
                              .whole = cli_asks_for_all(call->cli) && !call->sliced};
}

/* The digest of the plan as a call without options asks for it. */
static struct digest run_plain_digest(const struct run_call *call)
{
    struct event_strs no_targets = {NULL, 0};
    struct event_pairs no_flags = {NULL, 0};

    return call->request.flags.count == 0
               ? call->request.plan_digest
               : session_plan_digest(&call->session, &no_targets, &no_flags);
}

bool run_save_state(struct run_call *call, const uint8_t *good, struct err *err)
{
    struct standing_end end = {.facts = &call->facts,
                               .before = &call->standing,
                               .scope = call->request.scope,
                               .target = call->request.target,
                               .good = good};
    struct digest plan;

    if (!cli_asks_for_all(call->cli)) {
        return index_save(call->session.index, err);
    }
    plan = run_plain_digest(call);
    end.plan = &plan;
    end.listing = &call->listing;
    return call->sliced ? slice_save(&call->session, &call->slice, &end, err)
                        : standing_save(&call->session, &end, err);
}

/* Each run says whose result stands in for that of a variant, and asks a variant that was out. */
static bool run_is_beside_variant(const struct run_call *call, uint32_t number)
{
    return call->facts.instances[number].fallback ||
           call->session.plan.instances[number].left != PLAN_STAYS;
}

enum last_unit run_last_unit(const struct run_call *call, uint32_t number, enum inst_state state)
{
    if (state == INST_SKIPPED) {
        return call->session.plan.instances[number].late_when ? LAST_UNDECIDED : LAST_SKIPPED;
    }
    return inst_state_is_good(state) && !call->facts.instances[number].warned &&
                   !run_is_beside_variant(call, number)
               ? LAST_STANDS
               : LAST_UNDECIDED;
}

/* What this run ended with. Of one that is to go on, or that the world broke, all is kept as long
 * as no later run says what it needs. */
static void run_save_roots(struct run_call *call, int status)
{
    struct roots_end end = run_roots_end(call);

    if (status < STATUS_SIGNAL && call->engine.broken.status == 0) {
        roots_save(&call->session, &end);
    }
}

/* A run that was interrupted, or that the world broke, leaves no last state: the next call has to
 * look after it. */
static bool run_save_after(struct run_call *call, int status, struct err *err)
{
    uint32_t count = call->session.plan.instance_count;
    uint8_t *good;
    bool ok;

    if (call->engine.broken.status != 0) {
        return index_save(call->session.index, err);
    }
    if (status >= STATUS_SIGNAL) {
        return call->sliced ? index_flush(call->session.index, err)
                            : index_save(call->session.index, err);
    }
    good = mem_calloc(count, 1);
    for (uint32_t i = 0; i < count; i++) {
        good[i] = (uint8_t)run_last_unit(call, i, call->recorder.state.instances[i].state);
    }
    ok = run_save_state(call, good, err);
    free(good);
    return ok;
}

bool run_save(struct run_call *call, int status, struct err *err)
{
    run_save_roots(call, status);
    return run_save_after(call, status, err);
}
