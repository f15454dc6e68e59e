/* Owns `report`: a recorded run as tables, and what [report] of the manifest says of it. Names of
 * instances that no event says, and the critical path, come from the plan, when the manifest still
 * gives the plan of that run. The [report] is that of now; params have the values of the run. */
#include "report/tables.h"

#include "base/hex.h"
#include "cmd/place.h"
#include "cmd/run_view.h"
#include "cmd/targets.h"
#include "model/flag.h"
#include "run/history.h"

/* One of the runs that are looked at. */
struct report_side {
    struct run_view view;
    struct result_options options;
    struct figures_run run;
    struct figures figures;
};

struct report_call {
    struct cli *cli;
    struct place place;
    struct report_side now, then;
    bool manifest_read;
    bool opened; /* the store */
    struct err unopened;
};

/* --- the manifest --- */

/* What is wrong with a manifest is no fault of a report of an earlier run. */
static void report_read_manifest(struct report_call *call)
{
    struct session *session = &call->place.session;
    struct err err = {0};

    call->manifest_read = session_read_manifest(session, &err);
    if (!call->manifest_read) {
        cli_warn("'%.*s' cannot be read, and its [report] does not count: 'pawl check' says why",
                 STR_ARG(session->manifest_path));
        session_forget_plan(session);
    }
}

/* Flags as they were in a run: as the manifest says, but for those that `--flag` had set. */
static void report_take_flags(struct manifest *manifest, const struct event_pairs *options)
{
    struct str name, value;

    for (uint32_t i = 0; i < manifest->flag_count; i++) {
        manifest->flags[i].percent = manifest->flags[i].preset;
    }
    for (uint32_t i = 0; i < options->count; i++) {
        value = options->items[i].value;
        if (str_is(options->items[i].name, SESSION_FLAG) && str_split(&value, '=', &name)) {
            struct m_flag *flag = (struct m_flag *)manifest_flag(manifest, name);
            double percent;

            if (flag != NULL && flag_parse(value, &percent)) {
                flag->percent = percent;
            }
        }
    }
}

/* Params as they were in a run. */
static void report_take_params(struct report_call *call, const struct run_state *state)
{
    struct manifest *manifest = &call->place.session.manifest;

    for (uint32_t i = 0; call->manifest_read && i < manifest->param_count; i++) {
        struct m_param *param = &manifest->params[i];
        struct str then = event_pairs_find(&state->params, param->name);

        param->value = param->preset;
        if (then.data != NULL) {
            manifest_param_take(param, then);
        }
    }
    if (call->manifest_read) {
        report_take_flags(manifest, &state->flags);
    }
}

/* Whether the manifest, as it is now, plans what the run planned. */
static bool report_plan(struct report_call *call)
{
    struct session *session = &call->place.session;
    const struct run_state *state = &call->now.view.state;
    struct err err = {0};
    struct digest digest;

    if (!call->manifest_read || !session_plan(session, &err)) {
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
    const struct run_state *state = &call->now.view.state;
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

/* --- metrics --- */

static bool report_wants(void *ctx, struct str instance)
{
    return figures_run_wants(ctx, instance);
}

/* What a run found up to date has its metrics in its result. */
static bool report_read_results(struct report_call *call, struct report_side *side, struct err *err)
{
    struct session *session = &call->place.session;
    struct history history;

    if (!call->opened) {
        *err = call->unopened;
        return false;
    }
    if (!history_of_run(session, &side->view.id, report_wants, &side->run, &session->arena,
                        &history, err)) {
        return false;
    }
    for (uint32_t i = 0; i < history.count; i++) {
        if (history.items[i].known) {
            figures_run_set(&side->run, history.items[i].instance,
                            &history.items[i].result.metrics);
        }
    }
    return true;
}

static void report_find_metrics(struct report_call *call, struct report_side *side)
{
    struct err err = {0};
    bool wanted = false;

    figures_run_init(&side->run, &side->view.state, &side->options, &call->place.session.arena);
    for (uint32_t i = 0; i < side->run.count && !wanted; i++) {
        wanted = figures_run_wants(&side->run, side->run.instances[i].name);
    }
    if (wanted && !report_read_results(call, side, &err)) {
        cli_warn("metrics of what run %s found up to date are not known: %s", side->view.id.text,
                 err.text);
    }
}

static void report_make_figures(struct report_call *call, struct report_side *side,
                                const struct report_side *other)
{
    report_take_params(call, &side->view.state);
    figures_make(&side->figures, &side->run, other != NULL ? &other->run : NULL,
                 call->manifest_read ? &call->place.session.manifest : NULL);
}

/* --- all of it --- */

static bool report_read(struct report_call *call, struct report_side *side, const char *selector,
                        struct err *err)
{
    struct run_id id;

    if (!run_view_find(&call->place.session, selector, &id, err) ||
        !run_view_read(&call->place.session, &id, &side->view, err)) {
        return false;
    }
    side->options = (struct result_options){
        .all = call->cli->all, .run_status = side->view.status, .status = -1};
    return true;
}

static void report_print(struct report_call *call)
{
    static const enum report_format formats[] = {[CLI_REPORT_TEXT] = REPORT_TEXT,
                                                 [CLI_REPORT_JSON] = REPORT_JSON,
                                                 [CLI_REPORT_CSV] = REPORT_CSV,
                                                 [CLI_REPORT_MARKDOWN] = REPORT_MARKDOWN};
    struct cli *cli = call->cli;
    struct report_view shown = {.state = &call->now.view.state,
                                .options = &call->now.options,
                                .figures = &call->now.figures,
                                .other = cli->compare != NULL ? &call->then.figures : NULL};

    report_add(&shown, formats[cli->format], &cli->out);
}

static void report_make(struct report_call *call)
{
    struct session *session = &call->place.session;
    bool two = call->cli->compare != NULL;

    report_read_manifest(call);
    report_take_params(call, &call->now.view.state);
    call->opened = session_open_store(session, SESSION_LOOK, false, &call->unopened);
    if (call->opened && report_plan(call)) {
        call->now.options.plan = &session->plan;
        call->now.options.scope = report_scope(call);
    }
    report_find_metrics(call, &call->now);
    if (two) {
        report_find_metrics(call, &call->then);
        report_make_figures(call, &call->then, NULL);
    }
    report_make_figures(call, &call->now, two ? &call->then : NULL);
}

static void report_close(struct report_side *side)
{
    figures_fini(&side->figures);
    figures_run_fini(&side->run);
    run_view_fini(&side->view);
}

static int report_run(struct report_call *call)
{
    const struct cli_texts *operands = &call->cli->operands;
    struct err err = {0};
    int status = STATUS_OK;

    run_state_init(&call->now.view.state);
    run_state_init(&call->then.view.state);
    if (!report_read(call, &call->now, operands->count != 0 ? operands->items[0] : NULL, &err) ||
        (call->cli->compare != NULL && !report_read(call, &call->then, call->cli->compare, &err))) {
        status = cli_fail(&err);
    } else {
        report_make(call);
        report_print(call);
    }
    report_close(&call->now);
    report_close(&call->then);
    return status;
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
