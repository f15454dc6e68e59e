/* Owns steps 4 to 6 of the commit protocol: what a good command left behind is checked, its inputs
 * are checked again, its outputs enter the store, and its result is added to the record of this
 * turn.
 *
 * What reads and copies may run in a worker: it touches only the attempt, the store (which has its
 * own locks) and files. What is cheap and small is done at once, here. */
#include "run/stream_attempt.h"
#include "run/commit_inside.h"
#include "run/strays.h"

void commit_fail(struct attempt *attempt, enum cause cause, struct str reason)
{
    if (attempt->cause == CAUSE_NONE) {
        attempt->cause = cause;
        attempt->reason = reason;
    }
}

void commit_fail_err(struct attempt *attempt, const struct err *err)
{
    commit_fail(attempt, err->status == STATUS_CORRUPT ? CAUSE_CORRUPT : CAUSE_ENVIRONMENT,
                str_dup(&attempt->arena, str_of(err->text)));
}

static void commit_work(void *arg)
{
    struct attempt *attempt = arg;

    commit_check_inputs(attempt);
    if (attempt->cause == CAUSE_NONE) {
        commit_put(attempt);
    }
}

static void commit_take_job(struct executor_job *job)
{
    commit_take((struct attempt *)job);
}

void commit_begin(struct attempt *attempt)
{
    struct session *session = attempt->executor->session;
    uint64_t size_bytes = 0;
    struct err err = {0};

    attempt->head.take = commit_take_job;
    if (!commit_place_stdout(attempt)) {
        attempt_finish(attempt);
        return;
    }
    for (uint32_t i = 0; i < attempt->output_count; i++) {
        if (!commit_check_output(attempt, &attempt->outputs[i], &size_bytes)) {
            attempt_finish(attempt);
            return;
        }
    }
    if (!commit_metrics(attempt)) {
        attempt_finish(attempt);
        return;
    }
    for (uint32_t i = 0; i < attempt->what.count; i++) {
        size_bytes += attempt->what.items[i].firm ? 0 : attempt->what.items[i].signature.size;
    }
    if (!store_lock_enter(&session->store_lock, session->objects, &err)) {
        commit_fail_err(attempt, &err);
        attempt_finish(attempt);
        return;
    }
    if (size_bytes <= COMMIT_SMALL_BYTES && attempt->executor->multigrain) {
        commit_work(attempt);
        commit_take(attempt);
        return;
    }
    attempt->in_pool = true;
    attempt->job = (struct pool_job){.work = commit_work, .arg = attempt};
    pool_submit(&attempt->executor->pool, &attempt->job);
}

/* An input that changed in both attempts is most likely written by the command. */
void commit_note_changed(struct attempt *attempt)
{
    struct inst_fact *fact = attempt->fact;

    if (str_equal(inst_trouble(fact)->unsettled, attempt->changed_path)) {
        attempt->reason = str_printf(&attempt->arena,
                                     "input '%.*s' changed while it ran, again: the command "
                                     "itself seems to write it",
                                     STR_ARG(attempt->changed_path));
    }
    facts_note_unsettled(attempt->executor->facts, fact, attempt->changed_path);
    facts_forget_source(attempt->executor->facts, attempt->changed_path);
}

/* Did somebody put a file into a producer's folder while it read that? */
static bool commit_strays(struct attempt *attempt)
{
    struct str stray;

    if (!strays_find(attempt->executor->facts, attempt->instance, &attempt->arena, &stray)) {
        return true;
    }
    attempt->changed_path = stray;
    commit_fail(attempt, CAUSE_UNSETTLED,
                str_printf(&attempt->arena, "'%.*s' came into an input folder while it ran",
                           STR_ARG(stray)));
    return false;
}

void commit_take(struct attempt *attempt)
{
    if (attempt->cause == CAUSE_NONE && commit_strays(attempt) && commit_depfiles(attempt)) {
        commit_result(attempt);
    }
    if (attempt->changed_path.len != 0) {
        stream_attempt_forget(attempt);
        commit_note_changed(attempt);
    }
    store_lock_leave(&attempt->executor->session->store_lock);
    attempt_finish(attempt);
}
