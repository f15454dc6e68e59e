/* The command `run`: what is asked for, what is to be done about it, and the run itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/sys.h"
#include "base/units.h"
#include "cmd/command.h"
#include "cmd/place.h"
#include "cmd/run_call.h"
#include "cmd/run_result.h"
#include "cmd/run_show.h"
#include "cmd/run_variants.h"
#include "os/files.h"
#include "os/survivors.h"
#include "run/executor.h"
#include "run/owed.h"
#include "run/recover.h"
#include "run/roots_save.h"
#include "run/standing.h"
#include "run/version.h"

/* --- the run --- */

/* What `resume` gives again, with paths that mean the same from anywhere. What has its own place in
 * the record, and what was for that call alone, is left out. */
static struct event_pairs run_options_given(struct run_call *call)
{
    static const char *const others[] = {"param", "params", "force",   "from", "only", "label",
                                         "flag",  "detach", "dry-run", "wait", NULL};
    struct session *session = &call->session;
    const struct cli_pairs *given = &call->cli->given;
    struct event_pairs options = {
        ARENA_ARRAY(&session->arena, struct event_pair, given->count + 1u), 0};

    for (uint32_t i = 0; i < given->count; i++) {
        struct event_pair pair = {given->items[i].name, given->items[i].value};
        const char *const *other = others;

        while (*other != NULL && !str_is(pair.name, *other)) {
            other++;
        }
        if (*other != NULL || option_find_global(pair.name)) {
            continue;
        }
        if (str_is(pair.name, "result")) {
            pair.value = path_join(&session->arena, session->root,
                                   path_join(&session->arena, session->prefix, pair.value));
        }
        options.items[options.count++] = pair;
    }
    return options;
}

static struct event run_first_event(struct run_call *call)
{
    struct session *session = &call->session;
    struct cli *cli = call->cli;
    struct arena *arena = &session->arena;
    char scope[SURVIVORS_SCOPE_BYTES];
    struct event event = {.pipeline = session->manifest.name,
                          .workspace = session->root,
                          .manifest = digest_str(&session->manifest_digest, arena),
                          .plan = digest_str(&call->request.plan_digest, arena),
                          .instances = session->plan.instance_count,
                          .params = session_params(session),
                          .flags = call->request.flags,
                          .targets = call->request.targets,
                          .user = str_of(session->machine.user),
                          .host = str_of(session->machine.host),
                          .version = STR(PAWL_VERSION),
                          .pid = getpid()};

    survivors_scope(scope);
    event.boot = str_dup(arena, str_of(scope));
    event.labels.items = ARENA_ARRAY(arena, struct event_pair, cli->labels.count);
    for (uint32_t i = 0; i < cli->labels.count; i++) {
        event.labels.items[event.labels.count++] =
            (struct event_pair){cli->labels.items[i].name, cli->labels.items[i].value};
    }
    event.options = run_options_given(call);
    event.command_line.items = ARENA_ARRAY(arena, struct str, (size_t)cli->argc);
    for (int i = 0; i < cli->argc; i++) {
        event.command_line.items[event.command_line.count++] = str_of(cli->argv[i]);
    }
    return event;
}

/* What the slice leaves out is up to date as the last run left it, or nobody asked for it. */
static void run_record_beyond(struct run_call *call)
{
    struct recorder *recorder = &call->recorder;
    uint32_t units = last_state_units(call->slice.state);
    struct event_ids standing = {NULL, 0};

    for (uint32_t i = 0; i < units; i++) {
        if (slice_is_beyond(&call->slice, i)) {
            event_ids_add(&standing, &recorder->turn, i);
        }
    }
    recorder_emit_beyond(recorder, &standing);
    run_state_add_beyond(&recorder->state, INST_PENDING,
                         units - call->slice.count - call->slice.beyond);
}

static bool run_begin_record(struct run_call *call, struct err *err)
{
    struct event event = run_first_event(call);

    event.limit = run_jobs(call);
    if (call->goes_on) {
        return recorder_go_on(&call->recorder, &call->recovered.run, &event, err);
    }
    if (call->recovered.found && !recover_abandon(&call->session, &call->recovered, err)) {
        return false;
    }
    event.listing = digest_str(&call->listing, &call->session.arena);
    if (!recorder_begin(&call->recorder, &event, getenv("TRACEPARENT"), err)) {
        return false;
    }
    if (call->sliced) {
        run_record_beyond(call);
    }
    return true;
}

static bool run_begin(struct run_call *call, struct err *err)
{
    struct session *session = &call->session;
    struct roots_end end;

    if (!run_keep_plan(call, err) || !owed_write(session, call->request.scope, err) ||
        !run_begin_record(call, err)) {
        return false;
    }
    end = run_roots_end(call);
    roots_save_begin(session, &end);
    store_lock_leave(&session->store_lock);
    return true;
}

static void run_record_orphans(struct run_call *call)
{
    const struct plan *plan = &call->session.plan;
    enum { ORPHANS_NAMED = 1000 };
    struct event event = {.type = EVENT_ORPHANS_FOUND, .count = plan->orphan_count};

    if (plan->orphan_count == 0) {
        return;
    }
    event.paths.items = ARENA_ARRAY(&call->recorder.turn, struct str, plan->orphan_count);
    for (uint32_t i = 0; i < plan->orphan_count && i < ORPHANS_NAMED; i++) {
        event.paths.items[event.paths.count++] = plan_path_name(plan, plan->orphans[i]);
    }
    recorder_emit(&call->recorder, &event);
}

/* Whether the make that started us bounds this run is worth a line in the record. */
static void run_record_tokens(struct run_call *call)
{
    struct event event = {.type = EVENT_WARNING, .reason = call->executor.tokens.note};

    if (event.reason.len != 0) {
        recorder_emit(&call->recorder, &event);
    }
}

static void run_record_breakers(struct run_call *call)
{
    struct event event = {.type = EVENT_WARNING, .reason = str_of(call->breakers.damage.text)};

    if (call->breakers.damage.status != 0) {
        recorder_emit(&call->recorder, &event);
    }
}

/* The status may be that of something behind the engine. */
static enum run_status run_end_of(const struct run_call *call, int status)
{
    if (status == STATUS_OK) {
        return RUN_COMPLETED;
    }
    if (call->engine.outcome.cancelled) {
        return RUN_CANCELLED;
    }
    return status >= STATUS_SIGNAL ? RUN_INTERRUPTED : RUN_FAILED;
}

static void run_record_end(struct run_call *call, int status, struct err *err)
{
    struct recorder *recorder = &call->recorder;

    recorder_emit_end(recorder, run_end_of(call, status), status);
    if (recorder_flush(recorder, err)) {
        recorder_tell(recorder);
    }
}

/* Its last part is over, or the next run has to see to it: the world broke, or signals ended stages
 * that no request of a person gave up. */
static bool run_leaves_owed(const struct run_call *call, int status)
{
    const struct engine *engine = &call->engine;
    bool left = engine->broken.status != 0;

    for (uint32_t i = 0; status >= STATUS_SIGNAL && i < engine->always_count; i++) {
        left |= call->recorder.state.instances[engine->always[i].n].state == INST_CANCELLED;
    }
    return left;
}

/* Runs the engine between the first and the last event; the exit status. */
static int run_engine(struct run_call *call, struct err *err)
{
    struct engine_world world = executor_world(&call->executor);
    struct engine_options options = {.jobs = run_jobs(call),
                                     .jobs_most = run_jobs_most(call),
                                     .memory_limit_bytes = call->session.machine.memory_bytes /
                                                           100 * ADAPT_MEMORY_PERCENT,
                                     .keep_going = run_keeps_going(call),
                                     .timeout_ns = session_timeout_ns(&call->session),
                                     .duration_ns = call->duration_ns,
                                     .peak_bytes = call->peak_bytes,
                                     .no_retry = call->cli->no_retry,
                                     .breakers = call->breakers.items,
                                     .slow_limit_ns = run_slow_limit_ns,
                                     .slow_limit_ctx = call};
    int status, told;

    engine_init(&call->engine, &call->decide, &world, &options, &call->recorder);
    call->facts.decide = &call->engine.decide;
    call->facts.run = &call->recorder.state;
    call->show.view = (struct reason_view){.session = &call->session,
                                           .facts = &call->facts,
                                           .decide = &call->engine.decide,
                                           .forced = call->request.forced};
    run_record_orphans(call);
    run_record_variants(call);
    run_record_tokens(call);
    run_record_breakers(call);
    status = engine_run(&call->engine, err);
    call->facts.last_part = false;
    if (err->status == 0 && !run_leaves_owed(call, status)) {
        owed_remove(&call->session, err);
    }
    if (!executor_finish(&call->executor, err) && status == STATUS_OK) {
        status = err->status;
    }
    if (err->status == 0 && status == STATUS_OK) {
        run_effects_release(call, err);
    }
    if (err->status == 0) {
        run_record_fallbacks(call);
        run_record_end(call, status, err);
    }
    if (err->status == 0) {
        breakers_save(&call->breakers, err);
    }
    told = err->status == 0 ? run_hooks_finish(call, status, err) : status;
    if (err->status == 0) {
        session_close_records(&call->session);
        run_save(call, told, err);
    }
    if (err->status == 0) {
        run_result_write(call->cli, &call->recorder, &call->show.options, status, err);
    }
    if (err->status != 0 && told < STATUS_SIGNAL) {
        told = err->status;
    }
    engine_fini(&call->engine);
    return told;
}

static struct report_slice run_report_slice(const struct run_call *call)
{
    struct report_slice report = {.beyond = 0};

    if (!call->sliced) {
        return report;
    }
    report.numbers.units = call->slice.units;
    report.numbers.count = last_state_units(call->slice.state);
    report.beyond = report.up_to_date = call->slice.beyond;
    for (uint32_t i = 0; i < call->slice.count; i++) {
        report.up_to_date += call->request.scope[i] && call->decide.action[i] == DECIDE_NOTHING;
    }
    return report;
}

/* Whoever called is told the run's id: its record has begun, and it can be asked for things. */
static bool run_leave(struct run_call *call, struct err *err)
{
    return recorder_flush(&call->recorder, err) &&
           detach_tell(&call->detach, call->recorder.dir_fd, call->recorder.id.text, err);
}

static int run_work(struct run_call *call, struct err *err)
{
    struct report_slice report;
    int status;

    run_load_history(call);
    recorder_init(&call->recorder, &call->session);
    report = run_report_slice(call);
    call->recorder.numbers = report.numbers;
    run_show_watch(&call->show, call->cli, &call->session, &call->recorder, &call->facts,
                   call->duration_ns, call->request.scope, &report, run_jobs(call));
    run_hooks_watch(call);
    if (!breakers_load(&call->breakers, &call->session, err) || !run_begin(call, err) ||
        !run_effects_take(call, err) ||
        !executor_init(&call->executor, &call->session, &call->facts, &call->recorder, err) ||
        !run_hooks_open(call, err)) {
        decide_fini(&call->decide);
        return err->status;
    }
    call->executor.slice = call->sliced ? &call->slice : NULL;
    call->executor.breakers = &call->breakers;
    call->executor.no_retry = call->cli->no_retry;
    executor_open_tokens(&call->executor, run_jobs(call),
                         call->cli->jobs.given && call->cli->jobs.count != 0);
    session_tell_holder(&call->session, call->recorder.id.text);
    executor_open_control(&call->executor);
    if (call->detach.fd >= 0 && !run_leave(call, err)) {
        executor_fini(&call->executor);
        decide_fini(&call->decide);
        return err->status;
    }
    if (call->cli->output == CLI_OUTPUT_STREAM) {
        call->executor.stream = run_show_stream;
    }
    call->executor.pause = run_show_pause;
    call->executor.show_ctx = &call->show;
    status = run_engine(call, err);
    run_show_end(&call->show, status);
    run_hooks_close(call);
    executor_fini(&call->executor);
    return status;
}

/* --- no work --- */

static void run_tell_nothing(struct run_call *call, const uint8_t *skipped)
{
    const struct guards_counts *counts = &call->standing.counts;
    uint32_t scope = 0;
    uint32_t left_out = 0;

    if (call->cli->quiet) {
        return;
    }
    if (call->sliced) {
        run_show_nothing(counts->instances, counts->skipped, counts->orphans);
        return;
    }
    for (uint32_t i = 0; i < call->session.plan.instance_count; i++) {
        scope += call->request.scope[i];
        left_out += call->request.scope[i] && skipped[i];
    }
    run_show_nothing(scope, left_out, call->session.plan.orphan_count);
}

static int run_nothing(struct run_call *call, struct err *err)
{
    uint32_t count = call->session.plan.instance_count;
    uint8_t *skipped = ARENA_ARRAY(&call->session.arena, uint8_t, count);
    uint8_t *good = ARENA_ARRAY(&call->session.arena, uint8_t, count);
    struct event first = run_first_event(call);

    for (uint32_t i = 0; i < count; i++) {
        skipped[i] = call->decide.action[i] == DECIDE_END_SKIPPED;
        good[i] = (uint8_t)run_last_unit(call, i, skipped[i] ? INST_SKIPPED : INST_UP_TO_DATE);
    }
    run_show_warnings(&call->facts);
    run_tell_fallbacks(call);
    run_tell_nothing(call, skipped);
    decide_fini(&call->decide);
    /* What the interrupted run was about is done: nobody will go on with it. */
    if (call->recovered.found && !recover_abandon(&call->session, &call->recovered, err)) {
        return err->status;
    }
    /* A file that had to be read because its times had changed need not be read again. */
    if (!run_effects_release(call, err) || !run_keep_plan(call, err) ||
        !owed_remove(&call->session, err) || !run_save_state(call, good, err) ||
        !run_result_write_nothing(call, &first, skipped, err)) {
        return err->status;
    }
    return STATUS_OK;
}

/* --- the command --- */

/* A stage that runs its own workspace would wait for itself. */
static bool run_is_outside(const struct run_call *call, struct err *err)
{
    const char *run_dir = getenv("PAWL_RUN_DIR");
    struct str root = call->session.root;

    if (run_dir == NULL || !path_is_below(str_of(run_dir), root) ||
        !str_has_prefix(str_skip(str_of(run_dir), root.len), STR("/.pawl/"))) {
        return true;
    }
    return err_set(err, STATUS_USAGE,
                   "a run inside a stage of the same workspace cannot end; make its work stages of "
                   "this manifest, or use another workspace");
}

static int run_command(struct run_call *call, struct err *err)
{
    bool prepared;
    bool shown;
    int status;

    if (!session_find(&call->session, err) || !run_is_outside(call, err)) {
        return cli_fail(err);
    }
    if (call->cli->resume == NULL && run_has_nothing_to_do(call)) {
        return STATUS_OK;
    }
    prepared = run_prepare(call, err);
    shown = session_show_diags(&call->session, cli_is_colored(call->cli, STDERR_FILENO));

    if (!prepared) {
        if (!shown || err->status != STATUS_MANIFEST) {
            cli_fail(err);
        }
        return err->status;
    }
    run_show_kept(&call->recovered);
    if (call->recovered.found && !call->cli->quiet) {
        run_show_recovered(&call->recovered, call->goes_on);
    }
    call->worked = true;
    status = run_hooks_tell_left(call, err);
    if (status != STATUS_OK) {
        decide_fini(&call->decide);
        return status;
    }
    if (engine_work(&call->decide) == 0 && !call->goes_on && !run_effects_wait(call)) {
        return run_nothing(call, err);
    }
    return run_work(call, err);
}

static void run_close(struct run_call *call)
{
    breakers_fini(&call->breakers);
    slice_fini(&call->slice);
    standing_fini(&call->standing);
    run_show_fini(&call->show);
    recorder_fini(&call->recorder);
    facts_fini(&call->facts);
    recovered_fini(&call->recovered);
    run_request_fini(&call->request);
    free(call->duration_ns);
    free(call->peak_bytes);
    session_fini(&call->session);
}

/* make runs a line with '+' also under -n, -t and -q, in which it makes nothing, and relies on us
 * to do likewise. */
static bool run_is_only_asked(struct cli *cli)
{
    const struct jobserver_offer *make = &cli->origin->jobserver;

    cli->check |= make->question;
    return make->dry_run || make->question;
}

int cmd_run(struct cli *cli)
{
    struct detach detach = {.fd = -1};
    struct run_call *call;
    struct err err = {0};
    int status;

    if (cli->dry || run_is_only_asked(cli)) {
        return cmd_plan(cli);
    }
    if (cli->detach && !detach_start(&detach, cli, &status)) {
        return status;
    }
    call = mem_calloc(1, sizeof(*call));
    call->detach = detach;
    call->cli = call->request.cli = cli;
    call->request.session = &call->session;
    call->recorder.dir_fd = -1;
    place_init_session(&call->session, cli);
    status = run_command(call, &err);
    if (err.status != 0 && call->worked) {
        cli_fail(&err);
    }
    run_close(call);
    free(call);
    return status;
}
