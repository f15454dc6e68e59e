/* Owns `report`: a recorded run as tables. Names of instances that no event says, and the critical
 * path, come from the plan, when the manifest still gives the plan of that run. */
#include "report/tables.h"

#include "base/hex.h"
#include "cmd/place.h"
#include "cmd/run_view.h"
#include "cmd/targets.h"

struct report_call {
    struct cli *cli;
    struct place place;
    struct run_view view;
    struct result_options options;
};

/* Whether the manifest, as it is now, plans what the run planned. What is wrong with a manifest is
 * no fault of a report of an earlier run. */
static bool report_plan(struct report_call *call)
{
    struct session *session = &call->place.session;
    const struct run_state *state = &call->view.state;
    struct err err = {0};
    struct digest digest;

    if (!session_read_manifest(session, &err) ||
        !session_open_store(session, SESSION_LOOK, false, &err) || !session_plan(session, &err)) {
        return false;
    }
    digest = session_plan_digest(session, &state->targets, &state->flags);
    return session->plan.instance_count == state->instance_count &&
           str_equal(digest_str(&digest, &session->arena), state->plan);
}

/* What the run was asked for, with all that it needs; NULL: everything. */
static uint8_t *report_scope(struct report_call *call)
{
    struct session *session = &call->place.session;
    const struct run_state *state = &call->view.state;
    const struct manifest *manifest = &session->manifest;
    uint8_t *scope = ARENA_ARRAY(&session->arena, uint8_t, session->plan.instance_count);
    bool only = false;
    struct err err = {0};

    if (state->targets.count == 0 && manifest->targets.count == 0) {
        return NULL;
    }
    for (uint32_t i = 0; i < state->targets.count; i++) {
        if (!targets_select(&call->place.session, state->targets.items[i].data, scope, &err)) {
            return NULL;
        }
    }
    for (uint32_t i = 0; state->targets.count == 0 && i < manifest->targets.count; i++) {
        if (!plan_select(&session->plan, manifest->targets.items[i].text, scope, &err)) {
            return NULL;
        }
    }
    for (uint32_t i = 0; i < state->flags.count; i++) {
        only = only || str_is(state->flags.items[i].name, "only");
    }
    if (!only) {
        plan_close_over_producers(&session->plan, scope);
    }
    return scope;
}

static bool report_read(struct report_call *call, struct err *err)
{
    struct cli *cli = call->cli;
    const char *selector = cli->operands.count != 0 ? cli->operands.items[0] : NULL;
    struct run_id id;

    return run_view_find(&call->place.session, selector, &id, err) &&
           run_view_read(&call->place.session, &id, &call->view, err);
}

static int report_run(struct report_call *call)
{
    static const enum report_format formats[] = {[CLI_REPORT_TEXT] = REPORT_TEXT,
                                                 [CLI_REPORT_JSON] = REPORT_JSON,
                                                 [CLI_REPORT_CSV] = REPORT_CSV,
                                                 [CLI_REPORT_MARKDOWN] = REPORT_MARKDOWN};
    struct cli *cli = call->cli;
    struct err err = {0};

    run_state_init(&call->view.state);
    if (!report_read(call, &err)) {
        run_view_fini(&call->view);
        return cli_fail(&err);
    }
    call->options =
        (struct result_options){.all = cli->all, .run_status = call->view.status, .status = -1};
    if (report_plan(call)) {
        call->options.plan = &call->place.session.plan;
        call->options.scope = report_scope(call);
    }
    report_add(&call->view.state, &call->options, formats[cli->format], &cli->out);
    run_view_fini(&call->view);
    return STATUS_OK;
}

int cmd_report(struct cli *cli)
{
    struct report_call call = {.cli = cli};
    int status = place_open(&call.place, cli, PLACE_WORKSPACE, SESSION_LOOK);

    if (status == STATUS_OK) {
        status = report_run(&call);
    }
    place_close(&call.place);
    return status;
}
