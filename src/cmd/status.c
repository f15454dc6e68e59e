/* Owns `status` and the list of `runs`: where runs stand, as text and as JSON. */
#include <string.h>

#include "base/json_write.h"
#include "base/units.h"
#include "cmd/place.h"
#include "cmd/run_view.h"
#include "report/progress.h"
#include "report/variants.h"
#include "run/breakers.h"

/* --- what both show --- */

static void status_json_pairs(struct json_writer *w, const char *key,
                              const struct event_pairs *pairs)
{
    json_field_object(w, key);
    for (uint32_t i = 0; i < pairs->count; i++) {
        json_key(w, pairs->items[i].name);
        json_str(w, pairs->items[i].value);
    }
    json_object_end(w);
}

static void status_json_time(struct json_writer *w, const char *key, int64_t time_ns)
{
    char text[TIME_TEXT_BYTES];

    if (time_ns != 0) {
        time_format_rfc3339(time_ns, text);
        json_field_text(w, key, text);
    }
}

static void status_json_counts(struct json_writer *w, const struct run_state *state)
{
    json_field_object(w, "counts");
    for (unsigned i = 0; i < INST_STATE_COUNT; i++) {
        if (state->counts[i] != 0) {
            json_field_uint(w, inst_state_name((enum inst_state)i), state->counts[i]);
        }
    }
    json_object_end(w);
}

static void status_json_head(struct json_writer *w, const struct run_view *view)
{
    const struct run_state *state = &view->state;

    json_field_text(w, "run", view->id.text);
    json_field_str(w, "pipeline", state->pipeline);
    json_field_text(w, "state", run_status_name(view->status));
    if (run_status_is_final(view->status) && run_state_exit(state) >= 0) {
        json_field_int(w, "status", run_state_exit(state));
        json_field_text(w, "name", status_name(run_state_exit(state)));
    }
    if (state->reason.len != 0) {
        json_field_str(w, "reason", state->reason);
    }
    status_json_time(w, "started", state->started_at_ns);
    status_json_time(w, "ended", state->ended_at_ns);
    status_json_time(w, "paused", state->paused_at_ns);
    if (state->asked_by.len != 0) {
        json_field_str(w, "asked_by", state->asked_by);
    }
    json_field_int(w, "wall_ns", run_view_wall_ns(view));
    json_field_uint(w, "instances_total", state->instance_count);
    status_json_counts(w, state);
    json_field_uint(w, "attempts", state->attempts_started);
    json_field_uint(w, "resumes", state->resumes);
    status_json_pairs(w, "params", &state->params);
    status_json_pairs(w, "labels", &state->labels);
    json_field_array(w, "targets");
    for (uint32_t i = 0; i < state->targets.count; i++) {
        json_str(w, state->targets.items[i]);
    }
    json_array_end(w);
}

static void status_counts(struct strbuf *out, const struct run_state *state)
{
    bool first = true;

    for (unsigned i = 0; i < INST_STATE_COUNT; i++) {
        if (state->counts[i] != 0) {
            struct str name = str_of(inst_state_name((enum inst_state)i));

            strbuf_printf(out, "%s%u ", first ? "" : ", ", state->counts[i]);
            for (size_t c = 0; c < name.len; c++) {
                strbuf_putc(out, name.data[c] == '_' ? ' ' : name.data[c]);
            }
            first = false;
        }
    }
}

/* --- status --- */

static void status_json_progress(struct json_writer *w, const struct inst_progress *progress)
{
    json_field_object(w, "progress");
    json_field_uint(w, "permille", progress->permille);
    json_field_str(w, "text", inst_progress_text(progress));
    json_field_int(w, "left_ns", progress->left_ns);
    status_json_time(w, "at", progress->at_ns);
    json_object_end(w);
}

static void status_json_variant(struct json_writer *w, const struct inst_status *inst)
{
    struct str fallback = variants_fallback(inst);

    if (inst_told(inst)->variant.len != 0) {
        json_field_str(w, "variant", inst_told(inst)->variant);
    }
    if (fallback.len != 0) {
        json_field_str(w, "fallback", fallback);
    }
}

static void status_json_instance(struct json_writer *w, const struct inst_status *inst)
{
    json_object_begin(w);
    json_field_str(w, "instance", inst->name);
    json_field_str(w, "stage", inst->stage);
    json_field_text(w, "state", inst_state_name(inst->state));
    status_json_variant(w, inst);
    if (inst_told(inst)->cause.len != 0) {
        json_field_str(w, "cause", inst_told(inst)->cause);
    }
    if (inst_told(inst)->reason.len != 0) {
        json_field_str(w, "reason", inst_told(inst)->reason);
    }
    if (inst->place.len != 0) {
        json_field_str(w, "place", inst->place);
    }
    json_field_uint(w, "attempts", inst->attempts);
    status_json_time(w, "started", inst->started_at_ns);
    status_json_time(w, "ended", inst->ended_at_ns);
    if (inst->wall_ns != 0) {
        json_field_int(w, "wall_ns", inst->wall_ns);
        json_field_int(w, "cpu_ns", inst->cpu_ns);
        json_field_int(w, "max_rss_bytes", inst->max_rss_bytes);
    }
    if (inst_told(inst)->progress != NULL) {
        status_json_progress(w, inst_told(inst)->progress);
    }
    if (inst_told(inst)->log.len != 0) {
        json_field_str(w, "log", inst_told(inst)->log);
    }
    json_object_end(w);
}

/* Circuit breakers that are not closed: they are the workspace's, whatever the run. */
static void status_json_breaker(void *ctx, struct str name, enum breaker_state state,
                                int64_t opened_ns)
{
    struct json_writer *w = ctx;

    json_object_begin(w);
    json_field_str(w, "name", name);
    json_field_text(w, "state", breaker_state_name(state));
    status_json_time(w, "opened", opened_ns);
    json_object_end(w);
}

static void status_show_breaker(void *ctx, struct str name, enum breaker_state state,
                                int64_t opened_ns)
{
    char opened[TIME_TEXT_BYTES];

    time_format_rfc3339(opened_ns, opened);
    strbuf_printf(ctx, "breaker    %.*s is %s, opened %s\n", STR_ARG(name),
                  breaker_state_name(state), opened);
}

static void status_show_json(struct strbuf *out, const struct run_view *view, int pawl_fd)
{
    struct json_writer w = json_writer_of(out, JSON_PRETTY);

    json_object_begin(&w);
    json_field_int(&w, "schema", 1);
    status_json_head(&w, view);
    json_field_array(&w, "instances");
    for (uint32_t i = 0; i < view->state.instance_count; i++) {
        if (view->state.instances[i].name.len != 0) {
            status_json_instance(&w, &view->state.instances[i]);
        }
    }
    json_array_end(&w);
    json_field_array(&w, "breakers");
    breakers_each_open(pawl_fd, status_json_breaker, &w);
    json_array_end(&w);
    json_object_end(&w);
    strbuf_putc(out, '\n');
}

static void status_show_list(struct strbuf *out, const char *head, const struct event_strs *list)
{
    if (list->count != 0) {
        strbuf_puts(out, head);
        for (uint32_t i = 0; i < list->count; i++) {
            strbuf_printf(out, " %.*s", STR_ARG(list->items[i]));
        }
        strbuf_putc(out, '\n');
    }
}

static void status_show_pairs(struct strbuf *out, const char *head, const struct event_pairs *pairs)
{
    if (pairs->count != 0) {
        strbuf_puts(out, head);
        for (uint32_t i = 0; i < pairs->count; i++) {
            strbuf_printf(out, " %.*s=%.*s", STR_ARG(pairs->items[i].name),
                          STR_ARG(pairs->items[i].value));
        }
        strbuf_putc(out, '\n');
    }
}

static bool status_goes(const struct run_view *view)
{
    return view->status == RUN_RUNNING || view->status == RUN_PAUSING;
}

/* A run that somebody told to pause: who, and since when nothing runs. */
static void status_show_pause(struct strbuf *out, const struct run_view *view)
{
    char since[TIME_TEXT_BYTES];

    if (view->status != RUN_PAUSING && view->status != RUN_PAUSED) {
        return;
    }
    strbuf_printf(out, "paused     by %.*s", STR_ARG(view->state.asked_by));
    if (view->state.paused_at_ns != 0) {
        time_format_rfc3339(view->state.paused_at_ns, since);
        strbuf_printf(out, ", since %s", since);
    }
    strbuf_puts(out, ": 'pawl resume' goes on\n");
}

/* Of a run whose process is gone, or that stands still, only how far it was. */
static void status_show_progress(struct strbuf *out, const struct run_view *view,
                                 const struct inst_status *inst)
{
    const struct inst_progress *said = inst_told(inst)->progress;
    bool goes = inst->state == INST_RUNNING && status_goes(view);

    if (said != NULL) {
        strbuf_puts(out, goes ? ", " : "  ");
        progress_format_said(said, goes ? clock_real_ns(&clock_system) - said->at_ns : INT64_MAX,
                             out);
    }
}

static void status_show_instance(struct strbuf *out, const struct run_view *view,
                                 const struct inst_status *inst)
{
    char wall[UNITS_TEXT_BYTES];

    strbuf_printf(out, "  %-10s %.*s", inst_state_name(inst->state), STR_ARG(inst->name));
    if (inst_told(inst)->variant.len != 0) {
        strbuf_printf(out, " (variant %.*s%s)", STR_ARG(inst_told(inst)->variant),
                      variants_fallback(inst).len != 0 ? ", own command" : "");
    }
    if (inst->state == INST_RUNNING && status_goes(view)) {
        duration_format(clock_real_ns(&clock_system) - inst->started_at_ns, wall);
        strbuf_printf(out, "  %s", wall);
    }
    status_show_progress(out, view, inst);
    if (inst_told(inst)->reason.len != 0) {
        strbuf_printf(out, ": %.*s", STR_ARG(inst_told(inst)->reason));
    }
    if (inst->attempts > 1) {
        strbuf_printf(out, " (attempt %u)", (unsigned)inst->attempts);
    }
    strbuf_putc(out, '\n');
    if (inst_told(inst)->log.len != 0) {
        strbuf_printf(out, "             log: .pawl/runs/%s/%.*s\n", view->id.text,
                      STR_ARG(inst_told(inst)->log));
    }
}

/* What a person must know of: what runs, and what ended badly. */
static bool status_is_shown(const struct inst_status *inst)
{
    switch (inst->state) {
    case INST_RUNNING:
    case INST_WAITING:
    case INST_REFUSED:
    case INST_FAILED:
    case INST_UNSETTLED:
    case INST_COMPENSATED:
        return inst->name.len != 0;
    case INST_PENDING:
    case INST_READY:
    case INST_DONE:
    case INST_UP_TO_DATE:
    case INST_RESTORED:
    case INST_SKIPPED:
    case INST_CANCELLED:
    case INST_BLOCKED:
    case INST_STATE_COUNT:
        break;
    }
    return false;
}

/* How many instances a variant was chosen for, and how many run the own command all the same. */
static void status_show_variants(struct strbuf *out, const struct run_state *state)
{
    uint32_t chosen = 0;
    uint32_t own = 0;

    for (uint32_t i = 0; i < state->instance_count; i++) {
        chosen += inst_told(&state->instances[i])->variant.len != 0;
        own += variants_fallback(&state->instances[i]).len != 0;
    }
    if (chosen != 0) {
        strbuf_printf(out, "variants   of %u instance%s", chosen, chosen == 1 ? "" : "s");
        if (own != 0) {
            strbuf_printf(out, ", %u with the own command instead", own);
        }
        strbuf_putc(out, '\n');
    }
}

static void status_show(struct strbuf *out, const struct run_view *view)
{
    const struct run_state *state = &view->state;
    char started[TIME_TEXT_BYTES];
    char wall[UNITS_TEXT_BYTES];

    time_format_rfc3339(state->started_at_ns, started);
    duration_format(run_view_wall_ns(view), wall);
    strbuf_printf(out, "run %s: %s", view->id.text, run_status_name(view->status));
    if (run_status_is_final(view->status) && state->exit_status != 0) {
        strbuf_printf(out, ", status %lld (%s)", (long long)state->exit_status,
                      status_name((int)state->exit_status));
    }
    if (state->reason.len != 0 && !str_is(state->reason, status_name((int)state->exit_status))) {
        strbuf_printf(out, ": %.*s", STR_ARG(state->reason));
    }
    strbuf_printf(out, "\npipeline   %.*s\nstarted    %s, %s %s\n", STR_ARG(state->pipeline),
                  started, status_goes(view) ? "for" : "took", wall);
    status_show_pause(out, view);
    strbuf_printf(out, "instances  %u: ", state->instance_count);
    status_counts(out, state);
    strbuf_printf(out, "\nattempts   %u", state->attempts_started);
    if (state->resumes != 0) {
        strbuf_printf(out, ", continued %u time%s", state->resumes, state->resumes == 1 ? "" : "s");
    }
    strbuf_putc(out, '\n');
    status_show_list(out, "targets   ", &state->targets);
    status_show_pairs(out, "params    ", &state->params);
    status_show_variants(out, state);
    status_show_pairs(out, "labels    ", &state->labels);
    for (uint32_t i = 0; i < state->instance_count; i++) {
        if (status_is_shown(&state->instances[i])) {
            status_show_instance(out, view, &state->instances[i]);
        }
    }
}

static int status_of_run(struct cli *cli, const struct session *session)
{
    const char *selector = cli->operands.count != 0 ? cli->operands.items[0] : NULL;
    struct run_view view;
    struct run_id id;
    struct err err = {0};
    bool ok;

    if (!run_view_find(session, selector, &id, &err)) {
        return cli_fail(&err);
    }
    ok = run_view_look(session, &id, &view, &err);
    if (ok && cli->json) {
        status_show_json(&cli->out, &view, session->workspace.pawlfd);
    } else if (ok) {
        status_show(&cli->out, &view);
        breakers_each_open(session->workspace.pawlfd, status_show_breaker, &cli->out);
    }
    run_view_fini(&view);
    return ok ? STATUS_OK : cli_fail(&err);
}

int cmd_status(struct cli *cli)
{
    struct place place;
    int status = place_open(&place, cli, PLACE_WORKSPACE, SESSION_LOOK);

    if (status == STATUS_OK) {
        status = status_of_run(cli, &place.session);
    }
    place_close(&place);
    return status;
}

/* --- runs --- */

static void runs_show(struct strbuf *out, const struct run_view *view)
{
    const struct run_state *state = &view->state;
    char wall[UNITS_TEXT_BYTES], digits[STR_INT_BYTES];
    struct str status = STR("-");

    duration_format(run_view_wall_ns(view), wall);
    if (run_state_exit(state) >= 0) {
        status = str_int(run_state_exit(state), digits);
    }
    strbuf_printf(out, "%s  %-11s %3.*s  %7s  ", view->id.text, run_status_name(view->status),
                  STR_ARG(status), wall);
    status_counts(out, state);
    for (uint32_t i = 0; i < state->labels.count; i++) {
        strbuf_printf(out, "  %.*s=%.*s", STR_ARG(state->labels.items[i].name),
                      STR_ARG(state->labels.items[i].value));
    }
    strbuf_putc(out, '\n');
}

/* One run that cannot be read hides no other: it is named, and the status says so. */
int runs_show_all(struct cli *cli, const struct session *session, const struct run_list *list)
{
    struct json_writer w = json_writer_of(&cli->out, JSON_PRETTY);
    int status = STATUS_OK;

    if (cli->json) {
        json_array_begin(&w);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        struct run_view view;
        struct err err = {0};

        if (!run_view_look(session, &list->ids[i], &view, &err)) {
            status = cli_fail(&err);
        } else if (cli->json) {
            json_object_begin(&w);
            status_json_head(&w, &view);
            json_object_end(&w);
        } else {
            runs_show(&cli->out, &view);
        }
        run_view_fini(&view);
    }
    if (cli->json) {
        json_array_end(&w);
        strbuf_putc(&cli->out, '\n');
    }
    return status;
}
