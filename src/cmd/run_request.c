/* Owns what a call of `run` asks for: targets, what is forced, and the digest by which a later call
 * knows that it asks for the same. */
#include "cmd/run_request.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool run_select(struct run_request *request, const char *text, uint8_t *selected,
                       struct err *err)
{
    struct str path;
    struct err as_path = {0};

    if (plan_select(&request->session->plan, str_of(text), selected, err)) {
        return true;
    }
    if (session_user_path(request->session, str_of(text), &path) &&
        plan_select(&request->session->plan, path, selected, &as_path)) {
        err_clear(err);
        return true;
    }
    return false;
}

static bool run_take_defaults(struct run_request *request, struct err *err)
{
    const struct manifest *manifest = &request->session->manifest;

    for (uint32_t i = 0; i < manifest->targets.count; i++) {
        if (!plan_select(&request->session->plan, manifest->targets.items[i].text, request->target,
                         err)) {
            return err_wrap(err, "pipeline.default");
        }
    }
    if (manifest->targets.count == 0) {
        memset(request->target, 1, request->session->plan.instance_count);
    }
    return true;
}

static bool run_take_targets(struct run_request *request, struct err *err)
{
    struct cli *cli = request->cli;
    struct arena *arena = &request->session->arena;

    if (cli->operands.count == 0) {
        return run_take_defaults(request, err);
    }
    request->targets.items = ARENA_ARRAY(arena, struct str, cli->operands.count);
    for (uint32_t i = 0; i < cli->operands.count; i++) {
        if (!run_select(request, cli->operands.items[i], request->target, err)) {
            return false;
        }
        request->targets.items[request->targets.count++] = str_of(cli->operands.items[i]);
    }
    return true;
}

static void run_flag(struct run_request *request, const char *name, const char *value)
{
    request->flags.items[request->flags.count++] = (struct event_pair){str_of(name), str_of(value)};
}

static bool run_take_forced(struct run_request *request, struct err *err)
{
    struct cli *cli = request->cli;

    request->flags.items =
        ARENA_ARRAY(&request->session->arena, struct event_pair, cli->force.count + 4u);
    for (uint32_t i = 0; i < cli->force.count; i++) {
        const char *selection = cli->force.items[i];

        run_flag(request, "force", selection);
        if (selection[0] == '\0') {
            memcpy(request->forced, request->target, request->session->plan.instance_count);
        } else if (!run_select(request, selection, request->forced, err)) {
            return false;
        }
    }
    if (cli->from != NULL) {
        uint8_t *from =
            ARENA_ARRAY(&request->session->arena, uint8_t, request->session->plan.instance_count);

        run_flag(request, "from", cli->from);
        if (!run_select(request, cli->from, from, err)) {
            return false;
        }
        plan_close_over_consumers(&request->session->plan, from);
        for (uint32_t i = 0; i < request->session->plan.instance_count; i++) {
            request->forced[i] |= from[i];
        }
    }
    if (cli->only) {
        run_flag(request, "only", "");
    }
    return true;
}

bool run_request_take(struct run_request *request, struct err *err)
{
    uint32_t count = request->session->plan.instance_count;

    request->scope = mem_calloc(count, 1);
    request->target = mem_calloc(count, 1);
    request->forced = mem_calloc(count, 1);
    if (!run_take_targets(request, err) || !run_take_forced(request, err)) {
        return false;
    }
    memcpy(request->scope, request->target, count);
    if (!request->cli->only) {
        plan_close_over_producers(&request->session->plan, request->scope);
    }
    request->plan_digest =
        session_plan_digest(request->session, &request->targets, &request->flags);
    return true;
}

void run_request_fini(struct run_request *request)
{
    free(request->scope);
    free(request->target);
    free(request->forced);
}
