/* Owns the loop and the notes of the real world. */
#include "run/executor.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/mem.h"
#include "base/sys.h"
#include "os/remove.h"
#include "run/checkpoint.h"
#include "run/commit_inside.h"
#include "run/hook_process.h"
#include "run/judge.h"
#include "run/progress_file.h"
#include "run/side.h"
#include "run/stream_attempt.h"

enum { EXECUTOR_CHILDREN_LIMIT_S = 5 };

void executor_note(struct executor *executor, const struct note *note)
{
    if (executor->note_count == executor->note_cap) {
        executor->note_cap = executor->note_cap * 2 + 16;
        executor->notes =
            mem_realloc(executor->notes, executor->note_cap, sizeof(*executor->notes));
    }
    executor->notes[executor->note_count++] = *note;
}

void executor_broken(struct executor *executor, const struct err *err)
{
    struct note note = {.kind = NOTE_BROKEN};

    note.event.status = err->status != 0 ? err->status : STATUS_ENVIRONMENT;
    note.event.reason = str_dup(&executor->session->arena, str_of(err->text));
    executor_note(executor, &note);
}

void executor_pause(struct executor *executor, bool pause)
{
    if (executor->pause != NULL) {
        executor->pause(executor->show_ctx, pause);
    }
}

/* The third word is the last: we leave at once, and the next run cleans up. */
static void executor_take_interrupt(struct executor *executor, int signal)
{
    struct note note = {.kind = NOTE_SIGNAL, .signal = signal};

    if (++executor->interrupts >= 3) {
        executor_pause(executor, true);
        tokens_close(&executor->tokens);
        signals_raise_again(signal);
    }
    executor_note(executor, &note);
}

static void executor_stop_self(struct executor *executor)
{
    executor_pause(executor, true);
    signals_stop_self();
    executor_pause(executor, false);
}

static void executor_on_signal(void *ctx, unsigned events)
{
    struct executor *executor = ctx;
    struct signals_note signal;

    (void)events;
    /* One: what else waits is told at the next wait, which does not wait then. */
    if (signals_next(&executor->signals, &signal)) {
        if (signal.number == SIGINT || signal.number == SIGTERM || signal.number == SIGHUP) {
            executor_take_interrupt(executor, signal.number);
        } else if (signal.number == SIGCHLD) {
            executor->child_signal = true;
        } else if (signal.number == SIGTSTP) {
            executor_stop_self(executor);
        }
    }
}

/* The path by which commands call us: what we were executed as. */
static struct str executor_own_path(struct arena *arena)
{
    char path[4096];
    ssize_t len = sys_readlink("/proc/self/exe", path, sizeof(path) - 1);
    const char *name;
    struct str own;
    char *real;

    if (len > 0) {
        path[len] = '\0';
        return str_dup(arena, str_of(path));
    }
    name = (const char *)getauxval(AT_EXECFN);
    real = name != NULL ? sys_realpath(name) : NULL;
    own = str_dup(arena, str_of(real != NULL ? real : name != NULL ? name : "pawl"));
    free(real);
    return own;
}

static bool executor_open_loop(struct executor *executor, struct err *err)
{
    return signals_open(&executor->signals, executor->session->origin, err) &&
           loop_open(&executor->loop, err) &&
           loop_add(&executor->loop, &executor->signal_source, executor->signals.fd, LOOP_READ,
                    executor_on_signal, executor, err);
}

/* What one stage keeps secret is masked in the log of each: it may reach others by a file. */
static void executor_note_secrets(struct executor *executor)
{
    for (uint32_t i = 0; i < executor->plan->stage_count; i++) {
        const struct m_stage *source = executor->plan->stages[i].source;
        const struct m_variants *variants = source->settings->variants;

        environment_secrets(source, &executor->secrets);
        for (uint32_t v = 0; variants != NULL && v < variants->count; v++) {
            environment_secrets(&variants->items[v].stage, &executor->secrets);
        }
    }
    compensation_note_secrets(executor);
    mask_words_done(&executor->secrets);
}

struct ways executor_ways(const struct manifest *manifest)
{
    static const enum way names[] = {
        [M_LINK_REFLINK] = WAY_REFLINK, [M_LINK_COPY] = WAY_COPY, [M_LINK_HARDLINK] = WAY_HARDLINK};
    struct ways ways = {.count = manifest->link_count};

    for (uint32_t i = 0; i < ways.count; i++) {
        ways.items[i] = names[manifest->links[i]];
    }
    return ways;
}

bool executor_init(struct executor *executor, struct session *session, struct facts *facts,
                   struct recorder *recorder, struct err *err)
{
    *executor = (struct executor){.session = session,
                                  .facts = facts,
                                  .recorder = recorder,
                                  .plan = &session->plan,
                                  .direct = {.session = session},
                                  .tty_fd = -1,
                                  .empty_fd = spawn_fd_up(spawn_open_empty())};
    executor->place = (struct park_place){.workspace_fd = session->root_fd,
                                          .pawl_fd = session->workspace.pawlfd,
                                          .clone = &executor->clone};
    executor->ways = executor_ways(&session->manifest);
    executor->ended_last = &executor->ended;
    executor->by_instance = mem_calloc(session->plan.instance_count, sizeof(void *));
    executor->oom_kills = machine_oom_kills(&session->machine, "");
    executor->run_dir =
        STR_JOIN(&session->arena, session->root, STR("/.pawl/runs/"), recorder->run);
    environment_frame_init(&executor->frame, &session->arena, executor_own_path(&session->arena),
                           executor->run_dir, recorder->run, recorder->trace);
    executor_note_secrets(executor);
    executor->multigrain = signature_tick_now(session->times, session->root_fd).multigrain;
    executor->next_barrier_ns = clock_mono_ns(session->clock) + BARRIER_PERIOD_S * NS_PER_SEC;
    if (!children_subreaper(err) || !executor_open_loop(executor, err)) {
        return false;
    }
    if (session->origin != NULL) {
        executor->origin = *session->origin;
        origin_compare(&executor->origin);
    }
    pool_init(&executor->pool, 0, loop_wake_any, &executor->loop);
    return true;
}

void executor_open_tokens(struct executor *executor, uint32_t jobs, bool given)
{
    const struct session *session = executor->session;
    const struct origin *origin = session->origin;
    struct tokens_options options = {.offer = origin != NULL ? &origin->jobserver : NULL,
                                     .jobs_given = given,
                                     .jobs = jobs,
                                     .style = session->manifest.jobserver,
                                     .descriptors =
                                         origin != NULL && origin->has_limit[RLIMIT_NOFILE]
                                             ? origin->limits[RLIMIT_NOFILE].soft
                                             : UINT64_MAX,
                                     .taken_fd = session->lives.fd,
                                     .run_dir = executor->run_dir};

    tokens_open(&executor->tokens, &executor->loop, &options);
}

/* --- waiting --- */

static int64_t executor_now(void *ctx)
{
    return clock_mono_ns(((struct executor *)ctx)->session->clock);
}

static void executor_take_pool(struct executor *executor)
{
    struct pool_job *job = pool_collect(&executor->pool);

    while (job != NULL) {
        struct pool_job *next = job->next;

        if (job == &executor->barrier_job) {
            durable_take(executor);
        } else {
            /* Each kind of job knows how to go on: its `arg` starts with what to call. */
            struct executor_job *head = job->arg;

            head->take(head);
        }
        job = next;
    }
}

/* Where the live attempt of a process stands in the list; the end of it if there is none. NULL: it
 * is the hook. */
struct executor_search {
    struct executor *executor;
    struct attempt **at;
};

static bool executor_is_ours(void *ctx, pid_t pid)
{
    struct executor_search *search = ctx;
    const struct hook_process *hook = search->executor->hook;

    if (hook != NULL && hook->child.pid == pid) {
        search->at = NULL;
        return true;
    }
    search->at = &search->executor->live;
    while (*search->at != NULL && (*search->at)->child.pid != pid) {
        search->at = &(*search->at)->next;
    }
    return *search->at != NULL || sides_have(search->executor, pid);
}

/* One signal may stand for many ends, so all are asked for. */
static void executor_take_exits(struct executor *executor)
{
    while (executor->child_signal) {
        struct executor_search search = {.executor = executor};
        pid_t pid = children_next_ended(executor_is_ours, &search);
        struct attempt *attempt;

        executor->child_signal = pid != 0;
        if (pid <= 0) {
            return;
        }
        if (search.at == NULL) {
            hook_process_take_exit(executor->hook);
            continue;
        }
        attempt = *search.at;
        if (attempt == NULL) {
            sides_take_exit(executor, pid);
            continue;
        }
        *search.at = attempt->next;
        attempt_take_exit(attempt);
    }
}

void executor_commit_later(struct executor *executor, struct attempt *attempt)
{
    attempt->next = NULL;
    *executor->ended_last = attempt;
    executor->ended_last = &attempt->next;
}

static void executor_commit_ended(struct executor *executor)
{
    struct attempt *attempt = executor->ended;

    executor->ended = NULL;
    executor->ended_last = &executor->ended;
    while (attempt != NULL) {
        struct attempt *next = attempt->next;

        commit_begin(attempt);
        attempt = next;
    }
}

static bool executor_has_note(void *ctx)
{
    const struct executor *executor = ctx;

    return executor->note_next < executor->note_count || executor->facts->broken.status != 0;
}

static bool executor_wait(void *ctx, int64_t deadline_ns, struct err *err)
{
    struct executor *executor = ctx;
    int64_t now_ns = executor_now(ctx);
    int64_t tick_ns;

    checkpoints_tell(executor);
    if (executor->note_next == executor->note_count) {
        /* What was taken has been told by now. */
        arena_reset(&executor->note_arena);
    }
    executor_commit_ended(executor);
    tick_ns = control_tick(&executor->control, now_ns);
    deadline_ns = tick_ns < deadline_ns ? tick_ns : deadline_ns;
    tick_ns = durable_next(executor);
    deadline_ns = tick_ns < deadline_ns ? tick_ns : deadline_ns;
    if (executor_has_note(ctx) || executor->child_signal) {
        deadline_ns = 0;
    }
    if (executor->live != NULL) {
        tick_ns = executor->next_usage_ns > now_ns ? executor->next_usage_ns
                                                   : now_ns + USAGE_PERIOD_S * NS_PER_SEC;
        deadline_ns = tick_ns < deadline_ns ? tick_ns : deadline_ns;
    }
    if (executor->sides != NULL) {
        int64_t due_ns = sides_take_time(executor, now_ns);

        deadline_ns = due_ns < deadline_ns ? due_ns : deadline_ns;
    }
    if (!loop_wait(&executor->loop, deadline_ns, err)) {
        return false;
    }
    now_ns = executor_now(ctx);
    executor_take_exits(executor);
    executor_take_pool(executor);
    usage_look(executor, now_ns);
    durable_start(executor);
    return true;
}

bool executor_wait_hook(struct executor *executor, int64_t deadline_ns, struct err *err)
{
    if (!loop_wait(&executor->loop, executor->child_signal ? 0 : deadline_ns, err)) {
        return false;
    }
    executor_take_exits(executor);
    return true;
}

/* A folder's list of members that was met damaged: what it was is made again. */
static void executor_tell_damage(struct executor *executor)
{
    struct session *session = executor->session;
    struct event event = {.type = EVENT_WARNING};
    struct err damage;

    if (objects_take_damage(session->objects, &damage)) {
        event.reason = str_dup(&session->arena, str_of(damage.text));
        recorder_emit(executor->recorder, &event);
    }
}

static bool executor_next_note(void *ctx, struct note *note)
{
    struct executor *executor = ctx;

    executor_tell_damage(executor);
    if (executor->facts->broken.status != 0) {
        struct err err = executor->facts->broken;

        err_clear(&executor->facts->broken);
        executor_broken(executor, &err);
    }
    if (executor->note_next == executor->note_count) {
        executor->note_next = executor->note_count = 0;
        return false;
    }
    *note = executor->notes[executor->note_next++];
    return true;
}

/* --- the facts' side --- */

static bool executor_changed(void *ctx, struct inst_id instance)
{
    return ((struct executor *)ctx)->facts->instances[instance.n].changed;
}

static struct str executor_lack(void *ctx, struct inst_id instance, enum status *status)
{
    const struct facts *facts = ((struct executor *)ctx)->facts;
    const struct inst_trouble *trouble = inst_trouble(&facts->instances[instance.n]);

    *status = trouble->lack_status;
    return trouble->lack.len != 0 ? trouble->lack : STR("an input is missing");
}

static void executor_made_nothing(void *ctx, struct inst_id instance, bool ignored, bool skipped)
{
    facts_take_nothing(((struct executor *)ctx)->facts, instance, ignored, skipped);
}

/* `temp` outputs go once their last consumer is done. */
static void executor_consumed(void *ctx, struct inst_id instance)
{
    struct executor *executor = ctx;
    const struct plan_instance *inst = &executor->plan->instances[instance.n];

    for (uint32_t i = 0; i < inst->output_count; i++) {
        const struct plan_output *output = &executor->plan->outputs[inst->outputs_first + i];
        struct str path = plan_path_name(executor->plan, output->path);
        struct output_look look;
        struct err err = {0};

        if (output->temp && source_look_known(executor->session, path, &look, &err) && look.known &&
            tree_remove(executor->session->root_fd, path.data, &err)) {
            index_drop_path(executor->session->index, path);
        }
    }
}

static void executor_breakers_moved(void *ctx)
{
    struct executor *executor = ctx;
    struct err err = {0};

    if (!breakers_save(executor->breakers, &err)) {
        executor_broken(executor, &err);
    }
}

static void executor_answer(void *ctx, const struct engine_answer *answer)
{
    control_answer(&((struct executor *)ctx)->control, answer);
}

void executor_open_control(struct executor *executor)
{
    struct event event = {.type = EVENT_WARNING};
    struct err err = {0};

    if (!control_open(&executor->control, executor, &err)) {
        event.reason =
            str_printf(&executor->session->arena,
                       "the run cannot be paused or cancelled from outside: %s", err.text);
        recorder_emit(executor->recorder, &event);
    }
}

static void executor_judge(void *ctx, struct inst_id instance, struct arena *arena,
                           struct judgement *judgement)
{
    struct facts *facts = ((struct executor *)ctx)->facts;

    facts_judge(facts, instance, arena, judgement);
    facts->instances[instance.n].warned = judgement->warned;
}

static bool executor_warned(void *ctx, struct inst_id instance)
{
    return ((struct executor *)ctx)->facts->instances[instance.n].warned;
}

static void executor_passed(void *ctx, struct inst_id instance)
{
    commit_made_rows(((struct executor *)ctx)->by_instance[instance.n]);
}

static void executor_leave_variant(void *ctx, struct inst_id instance, enum plan_left how)
{
    plan_leave_variant(&((struct executor *)ctx)->session->plan, instance, how);
}

static struct str executor_place(void *ctx, struct inst_id instance, struct arena *arena)
{
    struct executor *executor = ctx;
    const struct plan_instance *inst = &executor->plan->instances[instance.n];

    return diags_place_text(&executor->session->diags, arena,
                            executor->plan->stages[inst->stage.n].source->span);
}

struct engine_world executor_world(struct executor *executor)
{
    return (struct engine_world){.ctx = executor,
                                 .facts = facts_decide(executor->facts),
                                 .changed = executor_changed,
                                 .lack = executor_lack,
                                 .made_nothing = executor_made_nothing,
                                 .now_ns = executor_now,
                                 .wait = executor_wait,
                                 .next_note = executor_next_note,
                                 .has_note = executor_has_note,
                                 .describe = attempt_describe,
                                 .start = attempt_start,
                                 .signal = attempt_signal,
                                 .restore = restore_begin,
                                 .accept = attempt_accept,
                                 .reject = attempt_reject,
                                 .consumed = executor_consumed,
                                 .breakers_moved = executor_breakers_moved,
                                 .stands = always_stands,
                                 .tokens = tokens_world(&executor->tokens),
                                 .answer = executor_answer,
                                 .load = usage_load,
                                 .memory = usage_memory,
                                 .disk = usage_disk,
                                 .judge = executor_judge,
                                 .warned = executor_warned,
                                 .leave_variant = executor_leave_variant,
                                 .passed = executor_passed,
                                 .run_checks = check_commands_begin,
                                 .recover = remedy_begin,
                                 .end_recovering = remedies_end,
                                 .end_judging = check_commands_end,
                                 .effects = compensation_count,
                                 .effect_next = compensation_next,
                                 .effect_unknown = compensation_unknown,
                                 .condemn = compensation_condemn,
                                 .undo = compensation_begin,
                                 .end_undoing = compensation_end,
                                 .undone = compensation_undone,
                                 .give_up = compensation_give_up,
                                 .refuse = attempt_refuse,
                                 .place = executor_place};
}

/* What commands left behind. */
static void executor_kill_rest(const struct executor *executor)
{
    pid_t hook = executor->hook != NULL ? executor->hook->child.pid : 0;

    if (hook != 0) {
        children_kill_others(hook, EXECUTOR_CHILDREN_LIMIT_S * NS_PER_SEC);
    } else {
        children_kill_all(EXECUTOR_CHILDREN_LIMIT_S * NS_PER_SEC);
    }
}

bool executor_finish(struct executor *executor, struct err *err)
{
    bool ok = true;

    while (executor->live != NULL) {
        struct attempt *attempt = executor->live;

        executor->live = attempt->next;
        child_kill_group(&attempt->child, SIGKILL);
        child_reap(&attempt->child, &attempt->end);
    }
    check_commands_kill(executor);
    remedies_kill(executor);
    compensation_kill(executor);
    stream_earlies_kill(executor);
    executor_kill_rest(executor);
    pool_wait_idle(&executor->pool);
    executor_take_pool(executor);
    progress_files_remove(executor);
    if (executor->barrier_err.status != 0) {
        /* A sync that fails says so once; the next one would look good. */
        *err = executor->barrier_err;
        return false;
    }
    durable_begin(executor);
    ok = barrier_now(executor->session->objects, executor->session->root_fd, err);
    if (ok) {
        executor->barrier_ok = true;
        durable_take(executor);
    }
    return ok;
}

void executor_fini(struct executor *executor)
{
    pool_stop(&executor->pool);
    control_close(&executor->control);
    tokens_close(&executor->tokens);
    loop_remove(&executor->loop, &executor->signal_source);
    loop_close(&executor->loop);
    signals_close(&executor->signals);
    for (uint32_t i = 0; i < executor->plan->instance_count; i++) {
        if (executor->by_instance[i] != NULL) {
            attempt_free(executor->by_instance[i]);
        }
    }
    if (executor->tty_fd >= 0) {
        sys_close(executor->tty_fd);
    }
    if (executor->empty_fd >= 0) {
        sys_close(executor->empty_fd);
    }
    while (executor->spare_count != 0) {
        arena_fini(&executor->spare[--executor->spare_count]);
    }
    if (executor->checkpoints != NULL) {
        checkpoints_close(executor->checkpoints);
        free(executor->checkpoints);
    }
    environment_frame_fini(&executor->frame);
    mask_words_fini(&executor->secrets);
    free(executor->by_instance);
    free(executor->notes);
    arena_fini(&executor->note_arena);
    free(executor->drops);
}
