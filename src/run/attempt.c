/* Owns one attempt from its first mention to its last: what is parked, the process, its pipes, its
 * end.
 *
 * The order matters and is the commit protocol's: attempt.started is on record (describe) before
 * anything is parked (start); the result is on record before parked files are dropped (accept);
 * what failed is moved away before parked files return (reject). Whoever kills us in between leaves
 * parked/ and the record, from which run/recover.c does the same. */
#include <assert.h>
#include <string.h>

#include "base/hex.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"
#include "os/files.h"
#include "os/remove.h"
#include "os/replace.h"
#include "run/direct_dash.h"
#include "run/environment.h"
#include "run/log_name.h"
#include "run/attempt_inside.h"
#include "run/checkpoint.h"
#include "run/judge.h"
#include "run/progress_file.h"
#include "run/strays.h"
#include "run/stream_attempt.h"

static void attempt_new_output(struct attempt *attempt, uint32_t output)
{
    struct executor *executor = attempt->executor;
    const struct plan_output *declared = &executor->plan->outputs[output];
    struct attempt_output *row = &attempt->outputs[attempt->output_count++];
    struct output_look look;
    struct made_row made;

    row->output = output;
    row->path = plan_path_name(executor->plan, declared->path);
    row->rows = (struct output_rows){.arena = &attempt->arena, .times = executor->session->times};
    if (!source_look_known(executor->session, row->path, &look, &attempt->err)) {
        return;
    }
    row->exists = look.exists;
    row->known = look.known;
    row->parked = look.exists && !declared->persist;
    if (row->known && made_find(executor->session->made, row->path, &made)) {
        row->before = made.digest;
    }
}

/* RUN.INSTANCE.ATTEMPT.RANDOM */
static struct str attempt_id(struct attempt *attempt)
{
    const struct recorder *recorder = attempt->executor->recorder;
    char instance[STR_INT_BYTES], number[STR_INT_BYTES];

    return STR_JOIN(&attempt->arena, recorder->run, STR("."),
                    str_int(event_number(&recorder->numbers, attempt->instance.n), instance),
                    STR("."), str_int(attempt->number, number), STR("."),
                    str_head(attempt->span, 8));
}

static struct attempt *attempt_new(struct executor *executor, struct inst_id instance,
                                   uint32_t number, uint32_t cpus)
{
    const struct plan *plan = executor->plan;
    struct attempt *attempt;
    struct arena arena;

    arena_init(&arena);
    if (executor->spare_count != 0) {
        arena = executor->spare[--executor->spare_count];
    }
    attempt = ARENA_NEW(&arena, struct attempt);
    attempt->arena = arena;
    attempt->executor = executor;
    attempt->instance = instance;
    attempt->inst = &plan->instances[instance.n];
    attempt->stage = plan_source(plan, attempt->inst);
    attempt->fact = &executor->facts->instances[instance.n];
    attempt->number = number;
    attempt->cpus = cpus;
    attempt->in_end = attempt->log_end = attempt->out_end = attempt->out_fd = -1;
    attempt->child.pidfd = -1;
    attempt->log_source.fd = attempt->out_source.fd = -1;
    attempt->span = recorder_random_hex(executor->recorder, &attempt->arena, 16);
    attempt->id = attempt_id(attempt);
    attempt->log_name = log_name_make(attempt->inst->name, number, &attempt->arena);
    attempt->outputs =
        ARENA_ARRAY(&attempt->arena, struct attempt_output, attempt->inst->output_count);
    for (uint32_t i = 0; i < attempt->inst->output_count; i++) {
        attempt_new_output(attempt, attempt->inst->outputs_first + i);
    }
    return attempt;
}

/* The attempt itself lies in it. Its largest block is kept: making and unmapping one for each
 * command costs as much as filling it. */
static void attempt_give_arena(struct attempt *attempt)
{
    struct executor *executor = attempt->executor;
    struct arena arena = attempt->arena;

    if (executor->spare_count == EXECUTOR_SPARE_ARENAS) {
        arena_fini(&arena);
        return;
    }
    arena_reset(&arena);
    executor->spare[executor->spare_count++] = arena;
}

static void attempt_close(int *fd)
{
    if (*fd >= 0) {
        sys_close(*fd);
        *fd = -1;
    }
}

static void attempt_close_ends(struct attempt *attempt)
{
    attempt_close(&attempt->in_end);
    attempt_close(&attempt->log_end);
    attempt_close(&attempt->out_end);
}

void attempt_free(struct attempt *attempt)
{
    if (attempt->has_log) {
        pipe_log_free(&attempt->log);
    }
    stream_relay_close(attempt);
    stream_attempt_free(attempt);
    attempt_close_ends(attempt);
    attempt_close(&attempt->out_fd);
    tokens_back(&attempt->executor->tokens, &attempt->loan);
    checkpoint_free(attempt);
    attempt_give_arena(attempt);
}

void attempt_describe(void *ctx, struct inst_id instance, uint32_t number, uint32_t cpus,
                      struct arena *arena, struct event *event)
{
    struct executor *executor = ctx;
    struct attempt *attempt = attempt_new(executor, instance, number, cpus);

    assert(executor->by_instance[instance.n] == NULL);
    executor->by_instance[instance.n] = attempt;
    attempt->memory_bytes = (uint64_t)event->memory_bytes;
    if (attempt->inst->last_only) {
        commit_mark_start(attempt);
    }
    event->attempt_id = str_dup(arena, attempt->id);
    event->span = str_dup(arena, attempt->span);
    event->place = diags_place_text(&executor->session->diags, arena, attempt->stage->span);
    event->checks = attempt->inst->checked ? attempt->stage->settings->validate.count +
                                                 attempt->stage->settings->gate.count
                                           : 0;
    event->outputs.items = ARENA_ARRAY(arena, struct event_pair, attempt->output_count);
    event->parked.items = ARENA_ARRAY(arena, struct event_pair, attempt->output_count);
    for (uint32_t i = 0; i < attempt->output_count; i++) {
        const struct attempt_output *row = &attempt->outputs[i];
        const struct plan_output *declared = &executor->plan->outputs[row->output];

        if (!declared->persist) {
            event->outputs.items[event->outputs.count++] = (struct event_pair){row->path, STR("")};
        }
        if (row->parked) {
            /* What is somebody's goes to kept/ when the attempt is accepted; a crash in between
             * must know that too. */
            event->parked.items[event->parked.count++] =
                (struct event_pair){row->path, row->known ? STR("parked") : STR("kept")};
        }
    }
}

/* --- its end --- */

static void attempt_close_pipes(struct attempt *attempt)
{
    struct loop *loop = &attempt->executor->loop;
    bool log_has_ended = attempt->log_source.fd < 0;

    loop_remove(loop, &attempt->log_source);
    loop_remove(loop, &attempt->out_source);
    stream_relay_close(attempt);
    attempt_close_ends(attempt);
    if (attempt->has_log) {
        if (!log_has_ended) {
            pipe_log_drain(&attempt->log);
        }
        pipe_log_add(&attempt->log, attempt->last_words);
        if (!pipe_log_close(&attempt->log) && attempt->log.sys != 0 &&
            attempt->cause == CAUSE_NONE) {
            attempt->cause = CAUSE_ENVIRONMENT;
            attempt->reason = str_printf(&attempt->arena, "its log cannot be written: %s",
                                         strerror(attempt->log.sys));
        }
    }
    if (attempt->has_out) {
        pipe_file_drain(&attempt->out);
        if (!pipe_file_close(&attempt->out) && attempt->cause == CAUSE_NONE) {
            attempt->cause = CAUSE_ENVIRONMENT;
            attempt->reason = str_printf(&attempt->arena, "its stdout cannot be written: %s",
                                         strerror(attempt->out.sys));
        }
        attempt->has_out = false;
    }
}

void attempt_drop_pipes(struct attempt *attempt)
{
    struct loop *loop = &attempt->executor->loop;

    loop_remove(loop, &attempt->log_source);
    loop_remove(loop, &attempt->out_source);
    stream_relay_close(attempt);
    if (attempt->has_log) {
        pipe_log_free(&attempt->log);
    }
    if (attempt->has_out) {
        pipe_file_close(&attempt->out);
    }
    attempt_close_ends(attempt);
    attempt_close(&attempt->out_fd);
    attempt->has_log = attempt->has_out = false;
}

/* Killed by the kernel for want of memory? Each kill is laid to one attempt. */
static bool attempt_is_oom(struct attempt *attempt)
{
    struct executor *executor = attempt->executor;
    uint64_t before = executor->oom_kills;

    if (attempt->end.signal != SIGKILL) {
        return false;
    }
    executor->oom_kills = machine_oom_kills(&executor->session->machine, "");
    return executor->oom_kills > before;
}

/* A signal of ours would have ended the shell as well. */
static void attempt_end_as_shell(struct attempt *attempt)
{
    if (attempt->direct && attempt->end.signal != 0 && !attempt->told_to_end) {
        attempt->last_words = dash_end(&attempt->end, &attempt->arena);
    }
}

static void attempt_judge_exit(struct attempt *attempt)
{
    const struct child_end *end = &attempt->end;
    bool shell = attempt->what.command.shell;
    bool oom = attempt_is_oom(attempt);

    if (stream_attempt_ended(attempt)) {
        return;
    }
    attempt_end_as_shell(attempt);
    if (oom) {
        attempt->cause = CAUSE_OOM;
        attempt->reason =
            STR("killed by the kernel for want of memory; 'memory' says what it needs");
    } else if (end->signal != 0) {
        attempt->cause = CAUSE_SIGNAL;
        attempt->reason = str_printf(&attempt->arena, "killed by signal %d (%s)", end->signal,
                                     strsignal(end->signal));
    } else if (shell && (end->exit_code == 126 || end->exit_code == 127)) {
        attempt->cause = CAUSE_NOT_FOUND;
        attempt->reason = str_printf(&attempt->arena, "exit %d: a program was %s", end->exit_code,
                                     end->exit_code == 127 ? "not found" : "not executable");
    } else if (end->exit_code != 0) {
        attempt->cause = CAUSE_EXIT;
        attempt->reason = str_printf(&attempt->arena, "exit %d", end->exit_code);
    } else if (attempt->told_to_end) {
        attempt->cause = CAUSE_CANCELLED;
        attempt->reason = STR("exit 0 after it was told to end");
    }
}

void attempt_ended(struct attempt *attempt)
{
    struct note note = {.kind = NOTE_EXITED, .instance = attempt->instance};

    executor_note(attempt->executor, &note);
    if (attempt->cause != CAUSE_NONE) {
        attempt_finish(attempt);
        return;
    }
    executor_commit_later(attempt->executor, attempt);
}

void attempt_take_exit(struct attempt *attempt)
{
    attempt->exited = attempt->child.ended = true;
    if (attempt_never_ran(attempt)) {
        return;
    }
    if (!child_reap(&attempt->child, &attempt->end)) {
        attempt->end.exit_code = -1;
    }
    tokens_back(&attempt->executor->tokens, &attempt->loan);
    attempt->wall_ns = clock_mono_ns(attempt->executor->session->clock) - attempt->started_mono_ns -
                       attempt->frozen_ns;
    if (attempt->frozen_at_ns != 0) {
        attempt->wall_ns -=
            clock_mono_ns(attempt->executor->session->clock) - attempt->frozen_at_ns;
    }
    if (attempt->has_tty) {
        child_tty_return(attempt->executor->tty_fd);
        executor_pause(attempt->executor, false);
    }
    attempt_judge_exit(attempt);
    attempt_close_pipes(attempt);
    progress_file_drop(attempt);
    if (!checkpoint_holds(attempt)) {
        attempt_ended(attempt);
    }
}

static int64_t attempt_larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void attempt_finish(struct attempt *attempt)
{
    struct executor *executor = attempt->executor;
    struct arena *arena = &executor->note_arena;
    struct note note = {.kind = NOTE_ENDED, .instance = attempt->instance};
    struct event *event = &note.event;
    char hex[DIGEST_HEX_BYTES + 1];

    attempt_close_pipes(attempt);
    if (attempt->acts_outside) {
        compensation_finish(executor, attempt->id, attempt->cause == CAUSE_NONE);
    }
    note.cause = attempt->cause;
    note.changed = attempt->outputs_changed;
    event->attempt = attempt->number;
    event->attempt_id = str_dup(arena, attempt->id);
    event->span = str_dup(arena, attempt->span);
    event->reason = str_dup(arena, attempt->reason);
    event->exit_code = attempt->end.exit_code;
    event->signal = attempt->end.signal;
    event->started_at_ns = attempt->started_real_ns;
    event->wall_ns = attempt->wall_ns;
    event->cpu_user_ns = attempt_larger(attempt->end.cpu_ns, attempt->usage.cpu_ns);
    event->max_rss_bytes = attempt_larger(attempt->end.peak_bytes, attempt->usage.peak_bytes);
    event->bytes = (int64_t)attempt->put_bytes;
    if (attempt->has_log && attempt->log.bytes != 0) {
        event->log = str_concat(arena, STR("logs/"), attempt->log_name);
    }
    if (attempt->cause == CAUSE_NONE) {
        event->metrics = metrics_pairs(&attempt->metrics, arena);
        event->key = str_dup(arena, str_of(digest_hex(&attempt->fact->key, hex)));
        event->outputs.items = ARENA_ARRAY(arena, struct event_pair, attempt->output_count);
        for (uint32_t i = 0; i < attempt->output_count; i++) {
            const struct attempt_output *row = &attempt->outputs[i];

            if (row->made) {
                event->outputs.items[event->outputs.count++] =
                    (struct event_pair){row->path, digest_str(&row->put.digest, arena)};
            }
        }
    }
    executor_note(executor, &note);
}
