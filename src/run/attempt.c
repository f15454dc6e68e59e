/* Owns one attempt from its first mention to its last: what is parked, the process, its pipes, its
 * end.
 *
 * The order matters and is the commit protocol's: attempt.started is on record (describe) before
 * anything is parked (start); the result is on record before parked files are dropped (accept);
 * what failed is moved away before parked files return (reject). Whoever kills us in between leaves
 * parked/ and the record, from which run/recover.c does the same. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/sys.h"
#include "os/files.h"
#include "os/remove.h"
#include "os/replace.h"
#include "run/environment.h"
#include "run/log_name.h"
#include "run/executor.h"
#include "run/strays.h"

enum { ATTEMPT_TAIL_BYTES = 64 << 10 };

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

static struct attempt *attempt_new(struct executor *executor, struct inst_id instance,
                                   uint32_t number, uint32_t cpus)
{
    struct attempt *attempt = mem_calloc(1, sizeof(*attempt));
    const struct plan *plan = executor->plan;

    arena_init(&attempt->arena);
    attempt->executor = executor;
    attempt->instance = instance;
    attempt->inst = &plan->instances[instance.n];
    attempt->stage = plan->stages[attempt->inst->stage.n].source;
    attempt->fact = &executor->facts->instances[instance.n];
    attempt->number = number;
    attempt->cpus = cpus;
    attempt->out_fd = -1;
    attempt->child.pidfd = -1;
    attempt->exit_source.fd = attempt->log_source.fd = attempt->out_source.fd = -1;
    attempt->span = recorder_random_hex(&attempt->arena, 16);
    attempt->id = str_printf(&attempt->arena, "%.*s.%u.%u.%.*s", STR_ARG(executor->recorder->run),
                             instance.n, number, 8, attempt->span.data);
    attempt->log_name = log_name_make(attempt->inst->name, number, &attempt->arena);
    attempt->outputs =
        ARENA_ARRAY(&attempt->arena, struct attempt_output, attempt->inst->output_count);
    for (uint32_t i = 0; i < attempt->inst->output_count; i++) {
        attempt_new_output(attempt, attempt->inst->outputs_first + i);
    }
    return attempt;
}

void attempt_free(struct attempt *attempt)
{
    if (attempt->has_log) {
        pipe_log_free(&attempt->log);
    }
    if (attempt->out_fd >= 0) {
        sys_close(attempt->out_fd);
    }
    arena_fini(&attempt->arena);
    free(attempt);
}

void attempt_describe(void *ctx, struct inst_id instance, uint32_t number, uint32_t cpus,
                      struct arena *arena, struct event *event)
{
    struct executor *executor = ctx;
    struct attempt *attempt = attempt_new(executor, instance, number, cpus);

    assert(executor->by_instance[instance.n] == NULL);
    executor->by_instance[instance.n] = attempt;
    if (attempt->inst->last_only) {
        commit_mark_start(attempt);
    }
    event->attempt_id = str_dup(arena, attempt->id);
    event->span = str_dup(arena, attempt->span);
    event->place = diags_place_text(&executor->session->diags, arena, attempt->stage->span);
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

/* --- starting --- */

static void attempt_on_exit(void *ctx, unsigned events)
{
    struct attempt *attempt = ctx;

    (void)events;
    if (child_ended(&attempt->child, &attempt->end) != 0) {
        attempt->exited = true;
        loop_remove(&attempt->executor->loop, &attempt->exit_source);
    }
}

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
}

static void attempt_on_data(void *ctx, const char *data, size_t len)
{
    struct attempt *attempt = ctx;

    attempt->executor->stream(attempt->executor->show_ctx, attempt->instance, data, len);
}

static bool attempt_reads(const struct attempt *attempt, uint32_t input)
{
    for (uint32_t i = 0; i < attempt->fact->read_count; i++) {
        if (attempt->fact->reads[i].input == input) {
            return true;
        }
    }
    return false;
}

/* An optional input that nobody made in this run is not in the key: the command must not find what
 * lies there from before. */
static bool attempt_hide_missing(struct attempt *attempt, struct err *err)
{
    struct executor *executor = attempt->executor;
    const struct plan *plan = executor->plan;

    for (uint32_t i = 0; i < attempt->inst->input_count; i++) {
        uint32_t number = attempt->inst->inputs_first + i;
        const struct plan_input *input = &plan->inputs[number];
        const struct plan_path *path = &plan->paths[input->path.n];

        if (input->kind == PLAN_INPUT_FILE && input->optional && inst_is_some(input->producer) &&
            path->producer.n == input->producer.n && !plan->outputs[path->output].persist &&
            !attempt_reads(attempt, number) &&
            !restore_clear(executor, input->producer, path->output, err)) {
            return false;
        }
    }
    return true;
}

static bool attempt_park(struct attempt *attempt, struct err *err)
{
    struct executor *executor = attempt->executor;
    struct str *paths = ARENA_ARRAY(&attempt->arena, struct str, attempt->output_count);
    uint32_t count = 0;

    if (attempt->err.status != 0) {
        *err = attempt->err;
        return false;
    }
    for (uint32_t i = 0; i < attempt->output_count; i++) {
        if (!folder_make_parents(executor->session->root_fd, attempt->outputs[i].path.data, err)) {
            return false;
        }
        if (attempt->outputs[i].parked) {
            paths[count++] = attempt->outputs[i].path;
        }
    }
    attempt->parked = count == 0 || park_outputs(&executor->place, executor->recorder->run,
                                                 attempt->id, paths, count, NULL, err);
    return attempt->parked;
}

/* Does a producer's file still have the bytes that are in the key? Somebody may have written to it
 * since the decision. */
static bool attempt_is_as_decided(const struct attempt *attempt, const struct read_fact *read,
                                  const struct source_fact *source)
{
    const struct plan_input *input = &attempt->executor->plan->inputs[read->input];
    struct strbuf text = {0};
    struct source_fact itself;
    struct digest digest;
    bool same;

    if (read->link && input->key_count == 0) {
        return source_look(attempt->executor->session, read->path, false, false, &itself, NULL) &&
               itself.exists && digest_equal(&itself.digest, &read->digest);
    }
    if (!source->exists) {
        return false;
    }
    if (input->key_count == 0) {
        return digest_equal(&source->digest, &read->digest) &&
               source->executable == read->executable;
    }
    same = file_read(AT_FDCWD, read->path.data, LIMIT_TOML_BYTES, &text, NULL) &&
           value_keys_digest(read->path, strbuf_str(&text), input->keys, input->key_count, &digest,
                             NULL) &&
           digest_equal(&digest, &read->digest);
    strbuf_fini(&text);
    return same;
}

/* Signatures of what it reads as they are just before it starts, so that step 4 can tell a change.
 */
static bool attempt_note_reads(struct attempt *attempt, struct err *err)
{
    struct session *session = attempt->executor->session;
    const struct inst_fact *fact = attempt->fact;

    attempt->read_count = fact->read_count;
    attempt->reads = ARENA_ARRAY(&attempt->arena, struct read_fact, fact->read_count);
    for (uint32_t i = 0; i < fact->read_count; i++) {
        struct read_fact *read = &attempt->reads[i];
        struct source_fact source;

        *read = fact->reads[i];
        if (read->has_signature) {
            continue;
        }
        if (!source_look(session, read->path, true, false, &source, err)) {
            return false;
        }
        if (source.folder && !read->link) {
            continue;
        }
        read->has_signature = source.exists && !source.folder;
        read->signature = source.signature;
        read->firm = source.firm;
        if (!attempt_is_as_decided(attempt, read, &source)) {
            attempt->changed_path = read->path;
            attempt->reason =
                str_printf(&attempt->arena, "input '%.*s' is no more what its stage made",
                           STR_ARG(read->path));
            attempt->cause = CAUSE_UNSETTLED;
            return false;
        }
        read->digest = source.digest;
    }
    return true;
}

/* A file in a producer's folder that is not of it would be read, and is not in the key. */
static bool attempt_finds_strays(struct attempt *attempt)
{
    struct str stray;

    if (!strays_find(attempt->executor->facts, attempt->instance, &attempt->arena, &stray)) {
        return false;
    }
    attempt->changed_path = stray;
    attempt->reason =
        str_printf(&attempt->arena, "'%.*s' lies in an input folder, whose stage did not make it",
                   STR_ARG(stray));
    attempt->cause = CAUSE_UNSETTLED;
    return true;
}

static bool attempt_open_stdin(struct attempt *attempt, struct spawn *spawn, struct err *err)
{
    const struct plan *plan = attempt->executor->plan;

    for (uint32_t i = 0; i < attempt->read_count; i++) {
        if (plan->inputs[attempt->reads[i].input].is_stdin) {
            spawn->stdin_fd = sys_open(attempt->reads[i].path.data, O_RDONLY, 0);
            if (spawn->stdin_fd < 0) {
                return err_sys(err, "'%s': cannot be read", attempt->reads[i].path.data);
            }
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
    struct str path = str_printf(&attempt->arena, ".pawl/runs/%.*s/logs/%.*s",
                                 STR_ARG(executor->recorder->run), STR_ARG(attempt->log_name));
    int fd;

    if (!pipe_log_open(&attempt->log, path.data, ATTEMPT_TAIL_BYTES, &fd, err)) {
        return false;
    }
    attempt->has_log = true;
    if (executor->stream != NULL) {
        pipe_log_on_data(&attempt->log, attempt_on_data, attempt);
    }
    spawn->stdout_fd = spawn->stderr_fd = fd;
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
    attempt->out_fd = sys_open(attempt->out_tmp.data, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (attempt->out_fd < 0) {
        return err_sys(err, "'%s': cannot be made", attempt->out_tmp.data);
    }
    if (!pipe_file_open(&attempt->out, attempt->out_fd, &spawn->stdout_fd, err)) {
        return false;
    }
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
    const struct plan_command *command = &attempt->fact->command;
    const char **argv = ARENA_ARRAY(&attempt->arena, const char *, command->argc + 1);

    for (uint32_t i = 0; i < command->argc; i++) {
        argv[i] = command->argv[i].data;
    }
    return argv;
}

static bool attempt_environment(struct attempt *attempt, struct spawn *spawn, struct err *err)
{
    struct executor *executor = attempt->executor;
    struct environment_attempt about = {
        .run = executor->recorder->run,
        .run_dir = str_printf(&attempt->arena, "%.*s/.pawl/runs/%.*s",
                              STR_ARG(executor->session->root), STR_ARG(executor->recorder->run)),
        .stage = attempt->stage->name,
        .instance = attempt->inst->name,
        .attempt_id = attempt->id,
        .trace = executor->recorder->trace,
        .span = attempt->span,
        .pawl = executor->pawl_path,
        .attempt = attempt->number,
        .max_attempts = 1,
        .cpus = attempt->cpus,
        .memory_bytes = attempt->inst->memory_bytes};

    return environment_build(attempt->stage, &attempt->fact->command, &about, &attempt->arena,
                             &spawn->envp, err);
}

static const char *attempt_path_of(const char *const *envp)
{
    for (; *envp != NULL; envp++) {
        if (strncmp(*envp, "PATH=", 5) == 0) {
            return *envp + 5;
        }
    }
    return "";
}

static bool attempt_spawn(struct attempt *attempt, struct spawn *spawn, struct err *err)
{
    const struct plan_command *command = &attempt->fact->command;
    struct str program;

    spawn->dir = command->dir.len != 0 ? command->dir.data : NULL;
    if (!attempt_environment(attempt, spawn, err) ||
        !spawn_find(&attempt->arena, command->argv[0], str_of(attempt_path_of(spawn->envp)),
                    spawn->dir, &program, err)) {
        return false;
    }
    spawn->program = program.data;
    spawn->argv = attempt_argv(attempt);
    spawn->origin = attempt->executor->session->origin != NULL ? &attempt->executor->origin : NULL;
    attempt->started_real_ns = clock_real_ns(attempt->executor->session->clock);
    attempt->started_coarse_ns = clock_coarse_real_ns(attempt->executor->session->clock);
    attempt->started_mono_ns = clock_mono_ns(attempt->executor->session->clock);
    return spawn_start(spawn, &attempt->child, NULL, err);
}

static void attempt_close_ends(struct spawn *spawn, int tty_fd)
{
    int fds[] = {spawn->stdin_fd, spawn->stdout_fd, spawn->stderr_fd};

    for (unsigned i = 0; i < 3; i++) {
        bool again = false;

        for (unsigned before = 0; before < i; before++) {
            again |= fds[before] == fds[i];
        }
        if (fds[i] >= 0 && fds[i] != tty_fd && !again) {
            sys_close(fds[i]);
        }
    }
}

static bool attempt_run(struct attempt *attempt, struct err *err)
{
    struct executor *executor = attempt->executor;
    struct spawn spawn = {.stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .tty_fd = -1};
    struct spawn_fd lives = {executor->session->lives.fd, executor->session->lives.fd};
    bool ok = attempt_note_reads(attempt, err) && !attempt_finds_strays(attempt) &&
              attempt_hide_missing(attempt, err) && attempt_park(attempt, err) &&
              attempt_open_stdin(attempt, &spawn, err) && attempt_open_log(attempt, &spawn, err) &&
              attempt_open_stdout(attempt, &spawn, err);

    if (ok) {
        attempt_open_tty(attempt, &spawn);
        if (lives.from >= 0) {
            spawn.fds = &lives;
            spawn.fd_count = 1;
        }
        ok = attempt_spawn(attempt, &spawn, err);
    }
    attempt_close_ends(&spawn, executor->tty_fd);
    return ok && loop_add(&executor->loop, &attempt->exit_source, attempt->child.pidfd, LOOP_READ,
                          attempt_on_exit, attempt, err);
}

void attempt_start(void *ctx, struct inst_id instance)
{
    struct executor *executor = ctx;
    struct attempt *attempt = executor->by_instance[instance.n];
    struct err err = {0};

    attempt->started = attempt_run(attempt, &err);
    if (attempt->started) {
        attempt->next = executor->live;
        executor->live = attempt;
        return;
    }
    if (attempt->child.pid != 0) {
        child_kill_group(&attempt->child, SIGKILL);
        child_reap(&attempt->child, &attempt->end);
    }
    if (attempt->has_tty) {
        executor_pause(executor, false);
    }
    attempt->end.exit_code = -1;
    if (attempt->cause == CAUSE_UNSETTLED) {
        facts_forget_source(executor->facts, attempt->changed_path);
        attempt_finish(attempt);
        return;
    }
    attempt->cause = err.sys == ENOENT || err.sys == EACCES || err.sys == ENOEXEC
                         ? CAUSE_NOT_FOUND
                         : CAUSE_ENVIRONMENT;
    attempt->reason = str_dup(&attempt->arena, str_of(err.text));
    attempt->end.exit_code = -1;
    attempt_finish(attempt);
}

void attempt_signal(void *ctx, struct inst_id instance, int signal)
{
    struct executor *executor = ctx;
    struct attempt *attempt = executor->by_instance[instance.n];
    struct child_end end;

    if (attempt != NULL && attempt->started && !attempt->exited) {
        attempt->told_to_end |= child_ended(&attempt->child, &end) == 0;
        child_kill_group(&attempt->child, signal);
    }
}

/* --- its end --- */

static void attempt_close_pipes(struct attempt *attempt)
{
    struct loop *loop = &attempt->executor->loop;

    loop_remove(loop, &attempt->exit_source);
    loop_remove(loop, &attempt->log_source);
    loop_remove(loop, &attempt->out_source);
    if (attempt->has_log) {
        pipe_log_drain(&attempt->log);
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

static void attempt_judge_exit(struct attempt *attempt)
{
    const struct child_end *end = &attempt->end;
    bool shell = attempt->fact->command.shell;

    if (attempt_is_oom(attempt)) {
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

void attempt_take_exit(struct attempt *attempt)
{
    struct note note = {.kind = NOTE_EXITED, .instance = attempt->instance};

    loop_remove(&attempt->executor->loop, &attempt->exit_source);
    if (!child_reap(&attempt->child, &attempt->end)) {
        attempt->end.exit_code = -1;
    }
    attempt->wall_ns = clock_mono_ns(attempt->executor->session->clock) - attempt->started_mono_ns;
    if (attempt->has_tty) {
        child_tty_return(attempt->executor->tty_fd);
        executor_pause(attempt->executor, false);
    }
    attempt_judge_exit(attempt);
    attempt_close_pipes(attempt);
    executor_note(attempt->executor, &note);
    if (attempt->cause != CAUSE_NONE) {
        attempt_finish(attempt);
        return;
    }
    executor_commit_later(attempt->executor, attempt);
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
        event->log = str_printf(arena, "logs/%.*s", STR_ARG(attempt->log_name));
    }
    if (attempt->cause == CAUSE_NONE) {
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

/* --- afterwards --- */

static void attempt_done(struct attempt *attempt)
{
    struct err err = {0};

    if (attempt->out_tmp.len != 0) {
        file_remove(AT_FDCWD, attempt->out_tmp.data, &err);
    }
    attempt->executor->by_instance[attempt->instance.n] = NULL;
    attempt_free(attempt);
}

/* What was somebody's goes to kept/, and is told; the rest is dropped once its successor is safe.
 */
static bool attempt_keep(struct attempt *attempt, struct attempt_output *row)
{
    struct executor *executor = attempt->executor;
    struct arena *arena = &executor->session->arena;
    struct strbuf kept = {0};
    struct event event = {.type = EVENT_OUTPUT_KEPT,
                          .number = attempt->instance.n,
                          .instance = attempt->inst->name,
                          .stage = attempt->stage->name};
    struct err err = {0};

    if (!park_keep_parked(&executor->place, executor->recorder->run, attempt->id, row->path, &kept,
                          &err)) {
        executor_broken(executor, &err);
        strbuf_fini(&kept);
        return false;
    }
    event.paths.items = ARENA_NEW(arena, struct str);
    event.paths.items[event.paths.count++] = str_dup(arena, row->path);
    event.place = str_concat(arena, STR(".pawl/"), strbuf_str(&kept));
    recorder_emit(executor->recorder, &event);
    strbuf_fini(&kept);
    return true;
}

/* Is what lay there before on disk under its name, so that nothing is lost when it goes? Of a
 * folder the name says nothing of its files. */
static bool attempt_was_durable(const struct attempt *attempt, const struct attempt_output *row)
{
    const struct executor *executor = attempt->executor;

    return !executor->plan->outputs[row->output].folder &&
           objects_is_durable(executor->session->objects, &row->before);
}

void attempt_accept(void *ctx, struct inst_id instance)
{
    struct executor *executor = ctx;
    struct attempt *attempt = executor->by_instance[instance.n];
    bool later = false;
    bool some = false;
    bool ok = true;
    struct err err = {0};

    for (uint32_t i = 0; i < attempt->output_count; i++) {
        struct attempt_output *row = &attempt->outputs[i];

        if (!row->parked) {
            continue;
        }
        some = true;
        if (!row->known) {
            /* What cannot be kept stays parked, and the next command tries again. */
            ok = attempt_keep(attempt, row) && ok;
        } else if (!attempt_was_durable(attempt, row)) {
            later = true;
        }
    }
    if (ok && later) {
        durable_drop_later(executor, attempt->id);
    } else if (ok && some &&
               !park_drop(&executor->place, executor->recorder->run, attempt->id, NULL, 0, &err)) {
        executor_broken(executor, &err);
    }
    attempt_done(attempt);
}

void attempt_reject(void *ctx, struct inst_id instance)
{
    struct executor *executor = ctx;
    struct attempt *attempt = executor->by_instance[instance.n];
    struct str *paths = ARENA_ARRAY(&attempt->arena, struct str, attempt->output_count);
    uint32_t count = 0;
    struct err err = {0};

    for (uint32_t i = 0; i < attempt->output_count; i++) {
        if (!executor->plan->outputs[attempt->outputs[i].output].persist) {
            paths[count++] = attempt->outputs[i].path;
        }
    }
    /* Where nothing was put aside nothing of this attempt lies there. */
    if (attempt->parked &&
        !park_return(&executor->place, executor->recorder->run, attempt->id, paths, count,
                     PARK_FATE_FAILED, attempt->log_name, 0, &err)) {
        executor_broken(executor, &err);
    }
    attempt_done(attempt);
}
