/* Owns the way of a call of `run` to what is to be done: by one look at the last state, by a slice
 * of the plan when little has changed, or by the whole plan. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"
#include "cmd/run_call.h"
#include "run/neighbours.h"
#include "run/owed.h"

/* All still stands as the last run left it: neither manifest nor lock is needed to say so. Who
 * could not take the lock is told so all the same. */
bool run_has_nothing_to_do(struct run_call *call)
{
    const struct guards_counts *counts = &call->standing.counts;

    if (!cli_takes_last_state(call->cli) || call->cli->result_file != NULL ||
        sys_access(AT_FDCWD, ".pawl/lock", W_OK) != 0 ||
        sys_access(AT_FDCWD, ".pawl/owed", F_OK) == 0 ||
        standing_look(&call->standing, &call->session) != STANDING_ALL) {
        return false;
    }
    if (!call->cli->quiet) {
        run_show_nothing(counts->instances, counts->skipped, counts->orphans);
    }
    return true;
}

bool run_keeps_going(const struct run_call *call)
{
    return call->cli->keep_going || call->session.manifest.keep_going;
}

/* --- deciding --- */

/* A variable that is not set ends a run before it begins. A tool that is not there does so, too,
 * but where others are to go on: then its stages fail. */
static bool run_has_surroundings(struct run_call *call, const struct m_stage *stage,
                                 struct err *err)
{
    return facts_has_variables(&call->facts, stage, err) &&
           (run_keeps_going(call) || facts_has_tools(&call->facts, stage, err));
}

/* Does an instance that is asked for run that variant, or, as PLAN_NONE, the own command? */
static bool run_some_run(const struct run_call *call, const struct plan_stage *stage,
                         uint32_t variant)
{
    const struct plan *plan = &call->session.plan;

    for (uint32_t i = 0; i < stage->instance_count; i++) {
        const struct plan_instance *inst = &plan->instances[stage->instances_first + i];

        if (call->request.scope[stage->instances_first + i] &&
            (variant == PLAN_NONE ? plan_may_run_own(plan, inst)
                                  : plan_may_run(plan, inst, variant))) {
            return true;
        }
    }
    return false;
}

static bool run_stage_has_surroundings(struct run_call *call, const struct plan_stage *stage,
                                       struct err *err)
{
    const struct m_variants *variants = stage->source->settings->variants;

    for (uint32_t i = 0; variants != NULL && i < variants->count; i++) {
        if (run_some_run(call, stage, i) &&
            !run_has_surroundings(call, &variants->items[i].stage, err)) {
            return false;
        }
    }
    return (variants != NULL && !run_some_run(call, stage, PLAN_NONE)) ||
           run_has_surroundings(call, stage->source, err);
}

/* What every command of a stage needs from outside is asked for before anything runs. */
static bool run_has_what_it_needs(struct run_call *call, struct err *err)
{
    const struct plan *plan = &call->session.plan;

    for (uint32_t s = 0; s < plan->stage_count; s++) {
        const struct plan_stage *stage = &plan->stages[s];
        bool may_run = false;

        for (uint32_t i = 0; !may_run && i < stage->instance_count; i++) {
            uint32_t number = stage->instances_first + i;

            may_run = call->request.scope[number] && !plan->instances[number].outline;
        }
        if (may_run && !run_stage_has_surroundings(call, stage, err)) {
            return false;
        }
    }
    return true;
}

/* `standing`: what the last state says counts. On failure nothing is left to let go of but the
 * facts. */
static bool run_decide(struct run_call *call, bool standing, struct err *err)
{
    struct facts_options options = {.rehash = call->cli->rehash,
                                    .lenient = call->cli->lenient,
                                    .only = call->cli->only,
                                    .forced = call->request.forced,
                                    .standing = standing ? &call->standing : NULL,
                                    .ran = call->goes_on ? call->recovered.ran : NULL};
    struct decide_facts facts;

    facts_init(&call->facts, &call->session, &options);
    facts = facts_decide(&call->facts);
    decide_init(&call->decide, &call->session.plan, &facts, call->request.scope,
                call->request.target);
    call->facts.decide = &call->decide;
    decide_plan(&call->decide);
    /* From now on things change. */
    call->facts.options.standing = NULL;
    if (call->facts.broken.status != 0) {
        *err = call->facts.broken;
    } else if (run_has_what_it_needs(call, err)) {
        return true;
    }
    decide_fini(&call->decide);
    return false;
}

/* --- by a slice --- */

/* The record speaks of the whole plan by objects that must be there. */
static bool run_has_plan_objects(struct run_call *call)
{
    struct digest manifest = last_state_digest(call->slice.state, LAST_OF_MANIFEST);
    struct digest listing = last_state_digest(call->slice.state, LAST_OF_LISTING);

    return objects_has(call->session.objects, &manifest) &&
           objects_has(call->session.objects, &listing);
}

static bool run_decide_slice(struct run_call *call)
{
    struct err err = {0};

    if (call->recovered.found || owed_exists(call->session.workspace.pawlfd) ||
        neighbours_exist(&call->session) || !run_has_plan_objects(call) ||
        !slice_plan(&call->slice, &call->session, &err)) {
        return false;
    }
    run_request_take_slice(&call->request, &call->slice);
    if (standing_take_slice(&call->standing, &call->slice, &call->session) &&
        run_decide(call, true, &err)) {
        if (facts_has_outlines(&call->facts)) {
            return true;
        }
        decide_fini(&call->decide);
    }
    facts_fini(&call->facts);
    run_request_fini(&call->request);
    standing_forget_slice(&call->standing);
    return false;
}

/* --- all --- */

/* What is found from now on stays until the run's roots name it: run_begin. */
static bool run_open(struct run_call *call, struct err *err)
{
    return session_open_store(&call->session, SESSION_CHANGE, call->cli->wait, err) &&
           recover_workspace(&call->session, &call->recovered, err) &&
           session_has_effects(&call->session, err) &&
           store_lock_enter(&call->session.store_lock, call->session.objects, err);
}

/* `resume` goes on with that run and with nothing else. */
static bool run_is_resumed(struct run_call *call, struct err *err)
{
    const char *run = call->cli->resume;

    if (run == NULL || call->goes_on) {
        return true;
    }
    if (!call->recovered.found || strcmp(call->recovered.run.text, run) != 0) {
        return err_set(err, STATUS_USAGE, "run %s is over by now: 'pawl run' makes a new one", run);
    }
    return err_set(
        err, STATUS_MANIFEST,
        "run %s: what there is to do has changed since it began: 'pawl run' does it, and "
        "keeps all finished work",
        run);
}

static bool run_decide_whole(struct run_call *call, struct err *err)
{
    struct session *session = &call->session;

    if (!session_plan(session, err) || !neighbours_check(session, err) ||
        !run_request_take(&call->request, err)) {
        return false;
    }
    call->goes_on = call->recovered.found && call->recovered.has_plan &&
                    digest_equal(&call->recovered.plan, &call->request.plan_digest) &&
                    call->recovered.instances == session->plan.instance_count;
    if (!run_is_resumed(call, err)) {
        return false;
    }
    session_forget_files(session);
    return run_decide(call, !call->goes_on && standing_take(&call->standing, session), err);
}

/* Anything that a slice cannot tell is left to the whole plan. */
bool run_prepare(struct run_call *call, struct err *err)
{
    struct session *session = &call->session;
    struct str store;

    if (call->standing.state == NULL || !slice_choose(&call->slice, &call->standing) ||
        !slice_read(&call->slice, session, err)) {
        session_forget_plan(session);
        err_clear(err);
        return session_read_manifest(session, err) && run_open(call, err) &&
               run_decide_whole(call, err);
    }
    if (!run_open(call, err)) {
        return false;
    }
    call->sliced = run_decide_slice(call);
    if (call->sliced) {
        return true;
    }
    store = str_dup(&session->arena, session->manifest.store);
    session_forget_plan(session);
    if (!session_read_manifest(session, err)) {
        return false;
    }
    if (!str_equal(store, session->manifest.store)) {
        return err_set(err, STATUS_ENVIRONMENT, "'%.*s' changed while it was read: run again",
                       STR_ARG(session->manifest_path));
    }
    return run_decide_whole(call, err);
}
