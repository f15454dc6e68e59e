/* Owns the start of a command: its pipes, its environment, its process. */
#include <errno.h>
#include <fcntl.h>

#include "base/sys.h"
#include "run/attempt_inside.h"
#include "run/checkpoint.h"
#include "run/environment.h"
#include "run/stream_attempt.h"

static void attempt_on_log(void *ctx, unsigned events)
{
    struct attempt *attempt = ctx;

    (void)events;
    if (pipe_log_read(&attempt->log) == PIPE_ENDED) {
        loop_remove(&attempt->executor->loop, &attempt->log_source);
    }
}

static void attempt_on_out(void *ctx, unsigned events)
{
    struct attempt *attempt = ctx;

    (void)events;
    if (pipe_file_read(&attempt->out) == PIPE_ENDED) {
        loop_remove(&attempt->executor->loop, &attempt->out_source);
    }
    stream_relay_more(attempt);
}

static void attempt_on_data(void *ctx, const char *data, size_t len)
{
    struct attempt *attempt = ctx;

    attempt->executor->stream(attempt->executor->show_ctx, attempt->instance, data, len);
}

static bool attempt_open_stdin(struct attempt *attempt, struct spawn *spawn, struct err *err)
{
    const struct plan *plan = attempt->executor->plan;

    for (uint32_t i = 0; i < attempt->what.count; i++) {
        if (plan->inputs[attempt->what.items[i].input].is_stdin) {
            attempt->in_end = sys_open(attempt->what.items[i].path.data, O_RDONLY, 0);
            if (attempt->in_end < 0) {
                return err_sys(err, "'%s': cannot be read", attempt->what.items[i].path.data);
            }
            spawn->stdin_fd = attempt->in_end;
        }
    }
    return true;
}

static const struct attempt_output *attempt_stdout(const struct attempt *attempt)
{
    for (uint32_t i = 0; i < attempt->output_count; i++) {
        if (attempt->executor->plan->outputs[attempt->outputs[i].output].is_stdout) {
            return &attempt->outputs[i];
        }
    }
    return NULL;
}

static bool attempt_open_log(struct attempt *attempt, struct spawn *spawn, struct err *err)
{
    struct executor *executor = attempt->executor;
    struct str path = STR_JOIN(&attempt->arena, STR(".pawl/runs/"), executor->recorder->run,
                               STR("/logs/"), attempt->log_name);

    if (!pipe_log_open(&attempt->log, path.data, attempt->inst->log_max_bytes, &attempt->log_end,
                       err)) {
        return false;
    }
    attempt->has_log = true;
    pipe_log_mask(&attempt->log, &executor->secrets);
    if (executor->stream != NULL) {
        pipe_log_on_data(&attempt->log, attempt_on_data, attempt);
    }
    spawn->stdout_fd = spawn->stderr_fd = attempt->log_end;
    return loop_add(&executor->loop, &attempt->log_source, attempt->log.fd, LOOP_READ,
                    attempt_on_log, attempt, err);
}

static bool attempt_open_stdout(struct attempt *attempt, struct spawn *spawn, struct err *err)
{
    struct executor *executor = attempt->executor;

    if (attempt_stdout(attempt) == NULL) {
        return true;
    }
    attempt->out_tmp = str_printf(&attempt->arena, ".pawl/tmp/%.*s.out", STR_ARG(attempt->id));
    attempt->out_fd =
        sys_open(attempt->out_tmp.data, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, SYS_OWN_FILE);
    if (attempt->out_fd < 0) {
        return err_sys(err, "'%s': cannot be made", attempt->out_tmp.data);
    }
    if (!pipe_file_open(&attempt->out, attempt->out_fd, &attempt->out_end, err)) {
        return false;
    }
    spawn->stdout_fd = attempt->out_end;
    attempt->has_out = true;
    return loop_add(&executor->loop, &attempt->out_source, attempt->out.fd, LOOP_READ,
                    attempt_on_out, attempt, err);
}

/* The terminal itself, for `tty = true`; where there is none the command gets the log as others do.
 */
static void attempt_open_tty(struct attempt *attempt, struct spawn *spawn)
{
    struct executor *executor = attempt->executor;

    if (!attempt->inst->tty) {
        return;
    }
    if (executor->tty_fd < 0) {
        executor->tty_fd = sys_open("/dev/tty", O_RDWR, 0);
    }
    if (executor->tty_fd >= 0) {
        executor_pause(executor, true);
        attempt->has_tty = true;
        spawn->tty_fd = executor->tty_fd;
        spawn->stdin_fd = spawn->stdout_fd = spawn->stderr_fd = executor->tty_fd;
    }
}

static const char *const *attempt_argv(struct attempt *attempt)
{
    const struct plan_command *command = &attempt->what.command;
    const char **argv = ARENA_ARRAY(&attempt->arena, const char *, command->argc + 1);

    for (uint32_t i = 0; i < command->argc; i++) {
        argv[i] = command->argv[i].data;
    }
    return argv;
}

static int64_t attempt_most(const struct attempt *attempt)
{
    const struct executor *executor = attempt->executor;
    bool retries = attempt->inst->retry != 0 && !executor->no_retry;

    return retries ? (int64_t)executor->plan->retries[attempt->inst->retry].max + 1 : 1;
}

static void attempt_about(struct attempt *attempt, struct environment_attempt *about)
{
    struct executor *executor = attempt->executor;

    *about = (struct environment_attempt){.stage = attempt->stage->name,
                                          .instance = attempt->inst->name,
                                          .attempt_id = attempt->id,
                                          .span = attempt->span,
                                          .attempt = attempt->number,
                                          .max_attempts = attempt_most(attempt),
                                          .cpus = attempt->cpus,
                                          .memory_bytes = attempt->memory_bytes,
                                          .makeflags = attempt->loan.makeflags,
                                          .checkpoint_dir = checkpoint_dir(attempt)};

    if (attempt->inst->always) {
        always_about(executor, &attempt->arena, about);
    }
}

/* The input that was not settled may have been written in this very tick of the clock that stamps
 * files: in a later one no write before the start looks like one behind it. Stamps may be ahead of
 * that clock, but not of the time itself. */
static void attempt_leave_tick(const struct clock *clock)
{
    enum { LONGEST_TICK_MS = 20 };
    int64_t now_ns = clock_real_ns(clock);

    for (int i = 0; i < LONGEST_TICK_MS && clock_coarse_real_ns(clock) <= now_ns; i++) {
        sys_poll(NULL, 0, 1);
    }
}

static void attempt_note_time(struct attempt *attempt)
{
    const struct clock *clock = attempt->executor->session->clock;

    if (inst_trouble(attempt->fact)->unsettled.len != 0) {
        attempt_leave_tick(clock);
    }
    attempt->started_real_ns = clock_real_ns(clock);
    attempt->started_coarse_ns = clock_coarse_real_ns(clock);
    attempt->started_mono_ns = clock_mono_ns(clock);
}

/* Without the shell; whatever fails is the shell's to report. */
static bool attempt_spawn_direct(struct attempt *attempt, const struct spawn *spawn)
{
    struct spawn direct = *spawn;

    return !attempt->needs_shell &&
           direct_prepare(&attempt->executor->direct, &attempt->what.command, &attempt->arena,
                          &direct) &&
           spawn_start(&direct, &attempt->child, NULL, NULL);
}

static bool attempt_spawn(struct attempt *attempt, struct spawn *spawn, struct err *err)
{
    const struct plan_command *command = &attempt->what.command;
    struct executor *executor = attempt->executor;
    struct environment_attempt about;
    struct str program;

    spawn->dir = command->dir.len != 0 ? command->dir.data : NULL;
    attempt_about(attempt, &about);
    if (!environment_build(&executor->frame, attempt->stage, command, &about, &attempt->arena,
                           &spawn->envp, err)) {
        return false;
    }
    spawn->origin = executor->session->origin != NULL ? &executor->origin : NULL;
    attempt_note_time(attempt);
    if (attempt->inst->stream != 0) {
        return stream_attempt_start(attempt, &about, spawn, err);
    }
    attempt->direct = attempt_spawn_direct(attempt, spawn);
    if (attempt->direct) {
        return true;
    }
    if (!spawn_find(&attempt->arena, command->argv[0], environment_path(spawn->envp), spawn->dir,
                    &program, err)) {
        return false;
    }
    spawn->program = program.data;
    spawn->argv = attempt_argv(attempt);
    return spawn_start(spawn, &attempt->child, NULL, err);
}

enum { ATTEMPT_MORE_FDS = 3 };

/* What a command has open beyond its streams. */
static void attempt_more_fds(struct attempt *attempt, struct spawn *spawn,
                             struct spawn_fd fds[static ATTEMPT_MORE_FDS])
{
    struct executor *executor = attempt->executor;
    struct tokens_loan *loan = &attempt->loan;
    int lives_fd = executor->session->lives.fd;

    tokens_lend(&executor->tokens, loan, attempt->cpus, attempt->id, &attempt->arena);
    spawn->fds = fds;
    if (lives_fd >= 0) {
        fds[spawn->fd_count++] = (struct spawn_fd){lives_fd, lives_fd};
    }
    for (uint32_t i = 0; i < loan->fd_count; i++) {
        fds[spawn->fd_count++] = loan->fds[i];
    }
}

static bool attempt_launch(struct attempt *attempt, struct err *err)
{
    struct executor *executor = attempt->executor;
    struct spawn spawn = {.stdin_fd = executor->empty_fd,
                          .stdout_fd = -1,
                          .stderr_fd = -1,
                          .early = &attempt->arena,
                          .by_signal = true,
                          .rss_floor_bytes = &executor->rss_floor_bytes,
                          .tty_fd = -1};
    struct spawn_fd fds[ATTEMPT_MORE_FDS];
    bool ok = attempt_open_stdin(attempt, &spawn, err) && attempt_open_log(attempt, &spawn, err) &&
              attempt_open_stdout(attempt, &spawn, err) && stream_relay_open(attempt, err);

    if (ok) {
        attempt_open_tty(attempt, &spawn);
        attempt_more_fds(attempt, &spawn, fds);
        /* Tokens of its own are closed here once it is started. */
        spawn.fds_stay = attempt->loan.own.kind == JOBSERVER_NONE;
        ok = attempt_spawn(attempt, &spawn, err);
        tokens_started(&attempt->loan);
    }
    return ok;
}

/* What it is about to do outside can be undone from now on. */
static bool attempt_note_effect(struct attempt *attempt, struct err *err)
{
    attempt->acts_outside = attempt->inst->compensates;
    return !attempt->acts_outside ||
           compensation_start(attempt->executor, attempt, &attempt->arena, err);
}

static bool attempt_run(struct attempt *attempt, struct err *err)
{
    return attempt_note_reads(attempt, err) && !attempt_finds_strays(attempt) &&
           attempt_hide_missing(attempt, err) && attempt_park(attempt, err) &&
           attempt_note_effect(attempt, err) && attempt_launch(attempt, err);
}

static void attempt_goes(struct attempt *attempt)
{
    attempt->next = attempt->executor->live;
    attempt->executor->live = attempt;
}

void attempt_give_up(struct attempt *attempt, const struct err *err)
{
    struct executor *executor = attempt->executor;

    if (attempt->child.pid != 0) {
        child_kill_group(&attempt->child, SIGKILL);
        child_reap(&attempt->child, &attempt->end);
    }
    tokens_back(&executor->tokens, &attempt->loan);
    if (attempt->has_tty) {
        executor_pause(executor, false);
    }
    attempt->end.exit_code = -1;
    if (attempt->cause == CAUSE_UNSETTLED) {
        facts_forget_source(executor->facts, attempt->changed_path);
        attempt_finish(attempt);
        return;
    }
    if (attempt->cause == CAUSE_NONE) {
        attempt->cause = err->sys == ENOENT || err->sys == EACCES || err->sys == ENOEXEC
                             ? CAUSE_NOT_FOUND
                             : CAUSE_ENVIRONMENT;
    }
    attempt->reason = str_dup(&attempt->arena, str_of(err->text));
    attempt_finish(attempt);
}

void attempt_start(void *ctx, struct inst_id instance)
{
    struct executor *executor = ctx;
    struct attempt *attempt = executor->by_instance[instance.n];
    struct err err = {0};

    if (!attempt_find_reads(attempt, &err)) {
        attempt_give_up(attempt, &err);
    } else if (attempt->inst->checkpoints != 0) {
        checkpoint_prepare(attempt);
    } else {
        attempt_go(attempt);
    }
}

void attempt_go(struct attempt *attempt)
{
    struct err err = {0};

    attempt->started = attempt_run(attempt, &err);
    if (attempt->started) {
        attempt_goes(attempt);
    } else {
        attempt_give_up(attempt, &err);
    }
}

bool attempt_never_ran(struct attempt *attempt)
{
    struct err err = {0};
    bool again = attempt->direct && !attempt->signalled;

    if (!child_never_ran(&attempt->child, &err)) {
        return false;
    }
    child_reap(&attempt->child, &attempt->end);
    tokens_back(&attempt->executor->tokens, &attempt->loan);
    attempt_drop_pipes(attempt);
    attempt->exited = false;
    attempt->needs_shell = true;
    if (again && attempt_launch(attempt, &err)) {
        attempt_goes(attempt);
        return true;
    }
    attempt->started = false;
    attempt_give_up(attempt, &err);
    return true;
}

/* Time in which it stands still is no time that it took. */
static void attempt_freeze(struct attempt *attempt, int signal)
{
    int64_t now_ns = clock_mono_ns(attempt->executor->session->clock);

    if (attempt->frozen_at_ns != 0) {
        attempt->frozen_ns += now_ns - attempt->frozen_at_ns;
    }
    attempt->frozen_at_ns = signal == SIGSTOP ? now_ns : 0;
    child_kill_group(&attempt->child, signal);
}

void attempt_signal(void *ctx, struct inst_id instance, int signal)
{
    struct executor *executor = ctx;
    struct attempt *attempt = executor->by_instance[instance.n];
    struct child_end end;

    if (attempt == NULL || checkpoint_takes_signal(attempt, signal) || !attempt->started ||
        attempt->exited) {
        return;
    }
    if (signal == SIGSTOP || signal == SIGCONT) {
        attempt_freeze(attempt, signal);
    } else {
        attempt->signalled = true;
        attempt->told_to_end |= child_ended(&attempt->child, &end) == 0;
        child_kill_group(&attempt->child, signal);
    }
}
