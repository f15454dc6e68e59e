/* Owns what a call of `run` asks for: targets, what is forced, and the digest by which a later call
 * knows that it asks for the same. */
#include "cmd/run_request.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/targets.h"
#include "run/owed.h"

static bool run_take_targets(struct run_request *request, struct err *err)
{
    const struct cli_texts *operands = &request->cli->operands;

    request->targets.items = ARENA_ARRAY(&request->session->arena, struct str, operands->count);
    for (uint32_t i = 0; i < operands->count; i++) {
        request->targets.items[request->targets.count++] = str_of(operands->items[i]);
    }
    return targets_take(request->session, operands, request->target, err);
}

/* What a killed process left undone is part of this run. */
static bool run_take_owed(struct run_request *request, struct err *err)
{
    struct str gone;

    if (!owed_add(request->session, request->scope, &request->session->arena, &gone, err)) {
        if (err->status != STATUS_CORRUPT) {
            return false;
        }
        cli_warn("%s", err->text);
        err_clear(err);
    }
    if (gone.len != 0) {
        cli_warn("a run that was killed owed %.*s, which the manifest does not have any more: not "
                 "run",
                 STR_ARG(gone));
    }
    return true;
}

static void run_flag(struct run_request *request, const char *name, const char *value)
{
    request->flags.items[request->flags.count++] = (struct event_pair){str_of(name), str_of(value)};
}

/* The options that change what runs: they are part of what a run is. */
static void run_take_flags(struct run_request *request)
{
    const struct cli *cli = request->cli;
    struct event_strs switches = session_flags(request->session);

    request->flags.items = ARENA_ARRAY(&request->session->arena, struct event_pair,
                                       switches.count + cli->force.count + 4u);
    for (uint32_t i = 0; i < switches.count; i++) {
        run_flag(request, SESSION_FLAG, switches.items[i].data);
    }
    for (uint32_t i = 0; i < cli->force.count; i++) {
        run_flag(request, "force", cli->force.items[i]);
    }
    if (cli->from != NULL) {
        run_flag(request, "from", cli->from);
    }
    if (cli->only) {
        run_flag(request, "only", "");
    }
    if (cli->lenient) {
        run_flag(request, "no-fail-on-validation-error", "");
    }
}

bool run_request_take(struct run_request *request, struct err *err)
{
    uint32_t count = request->session->plan.instance_count;

    request->scope = mem_calloc(count, 1);
    request->target = mem_calloc(count, 1);
    request->forced = mem_calloc(count, 1);
    run_take_flags(request);
    if (!run_take_targets(request, err) ||
        !targets_force(request->session, request->cli, request->target, request->forced, err)) {
        return false;
    }
    memcpy(request->scope, request->target, count);
    if (!request->cli->only) {
        plan_close_over_producers(&request->session->plan, request->scope);
    }
    plan_add_always(&request->session->plan, request->scope);
    request->plan_digest =
        session_plan_digest(request->session, &request->targets, &request->flags);
    return run_take_owed(request, err);
}

void run_request_take_slice(struct run_request *request, const struct slice *slice)
{
    request->scope = mem_calloc(slice->count, 1);
    request->target = mem_calloc(slice->count, 1);
    request->forced = mem_calloc(slice->count, 1);
    for (uint32_t i = 0; i < slice->count; i++) {
        uint8_t flags = last_state_unit_flags(slice->state, slice->units[i]);

        request->scope[i] = (flags & LAST_ASKED) != 0;
        request->target[i] = (flags & LAST_TARGET) != 0;
    }
    request->plan_digest = last_state_digest(slice->state, LAST_OF_PLAN);
}

void run_request_fini(struct run_request *request)
{
    free(request->scope);
    free(request->target);
    free(request->forced);
    request->scope = request->target = request->forced = NULL;
}
