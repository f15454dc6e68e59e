/* Owns the commands of checks: one after the other for each instance, as many at once as there are
 * processors. Each runs in the workspace, where what the stage made lies, with the stage's
 * environment and its timeout, and prints into a log of its own.
 *
 * Exit 0 passes, another exit code does not; both are verdicts, kept in the store by the key of the
 * check. Of one that was killed, took too long or could not be started the verdict is kept for this
 * run alone. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "base/sys.h"
#include "run/environment.h"
#include "run/executor.h"
#include "run/judge.h"
#include "run/log_name.h"

struct check_process {
    struct check_process *next;
    struct executor *executor;
    struct inst_id instance;
    const struct m_stage *stage;
    struct arena arena; /* of the check that runs */
    uint32_t number;    /* the check, among those of its stage */
    bool running, ended, timed_out, told_to_end, has_log;
    int64_t due_ns;
    struct check_command what;
    struct child child;
    struct pipe_log log;
    struct loop_source log_source;
    int log_end;
    struct str log_name, attempt_id;
};

/* --- the log --- */

static void check_on_log(void *ctx, unsigned events)
{
    struct check_process *process = ctx;

    (void)events;
    if (pipe_log_read(&process->log) == PIPE_ENDED) {
        loop_remove(&process->executor->loop, &process->log_source);
    }
}

static bool check_open_log(struct check_process *process, struct err *err)
{
    struct executor *executor = process->executor;
    const struct plan_instance *inst = &executor->plan->instances[process->instance.n];
    struct str name = STR_JOIN(&process->arena, inst->name, STR(".check"));
    struct str path;

    process->log_name = log_name_make(name, process->number + 1, &process->arena);
    path = STR_JOIN(&process->arena, STR(".pawl/runs/"), executor->recorder->run, STR("/logs/"),
                    process->log_name);
    if (!pipe_log_open(&process->log, path.data, inst->log_max_bytes, &process->log_end, err)) {
        return false;
    }
    process->has_log = true;
    pipe_log_mask(&process->log, &executor->secrets);
    return loop_add(&executor->loop, &process->log_source, process->log.fd, LOOP_READ, check_on_log,
                    process, err);
}

static void check_close_log(struct check_process *process)
{
    if (!process->has_log) {
        return;
    }
    loop_remove(&process->executor->loop, &process->log_source);
    if (process->log_end >= 0) {
        sys_close(process->log_end);
        process->log_end = -1;
    }
    pipe_log_drain(&process->log);
    pipe_log_close(&process->log);
    pipe_log_free(&process->log);
    process->has_log = false;
}

/* --- its start --- */

static bool check_environment(struct check_process *process, struct spawn *spawn, struct err *err)
{
    struct executor *executor = process->executor;
    const struct plan_instance *inst = &executor->plan->instances[process->instance.n];
    struct environment_attempt about = {.stage = process->stage->name,
                                        .instance = inst->name,
                                        .attempt_id = process->attempt_id,
                                        .span = STR("0000000000000000"),
                                        .attempt = 1,
                                        .max_attempts = 1,
                                        .cpus = 1,
                                        .makeflags = STR("")};

    return environment_build(&executor->frame, process->stage, &process->what.command, &about,
                             &process->arena, &spawn->envp, err);
}

static const char *check_path_of(const char *const *envp)
{
    for (; *envp != NULL; envp++) {
        if (strncmp(*envp, "PATH=", 5) == 0) {
            return *envp + 5;
        }
    }
    return "";
}

static bool check_spawn(struct check_process *process, struct err *err)
{
    struct executor *executor = process->executor;
    const struct plan_command *command = &process->what.command;
    const char **argv = ARENA_ARRAY(&process->arena, const char *, command->argc + 1);
    int lives_fd = executor->session->lives.fd;
    struct spawn_fd fds[1] = {{lives_fd, lives_fd}};
    struct spawn spawn = {.stdin_fd = executor->empty_fd,
                          .by_signal = true,
                          .rss_floor_bytes = &executor->rss_floor_bytes,
                          .tty_fd = -1,
                          .fds = fds,
                          .fd_count = lives_fd >= 0};
    struct str program;

    for (uint32_t i = 0; i < command->argc; i++) {
        argv[i] = command->argv[i].data;
    }
    if (!check_open_log(process, err) || !check_environment(process, &spawn, err) ||
        !spawn_find(&process->arena, command->argv[0], str_of(check_path_of(spawn.envp)), NULL,
                    &program, err)) {
        return false;
    }
    spawn.stdout_fd = spawn.stderr_fd = process->log_end;
    spawn.origin = executor->session->origin != NULL ? &executor->origin : NULL;
    spawn.program = program.data;
    spawn.argv = argv;
    return spawn_start(&spawn, &process->child, NULL, err);
}

/* --- verdicts --- */

static void check_keep(struct check_process *process, struct str verdict)
{
    struct executor *executor = process->executor;
    const struct session *session = executor->session;
    const struct plan_instance *inst = &executor->plan->instances[process->instance.n];
    struct key_fields *fields = &process->what.fields;
    struct result result = {.key = process->what.key,
                            .declared = process->what.key,
                            .workspace = session->workspace.id,
                            .machine = session->machine_digest,
                            .stage = process->stage->name,
                            .instance = STR_JOIN(&process->arena, inst->name, STR("#check")),
                            .run = executor->recorder->run,
                            .attempt = process->attempt_id,
                            .started_ns = clock_real_ns(session->clock),
                            .ended_ns = clock_real_ns(session->clock)};

    result.fields = ARENA_ARRAY(&process->arena, struct result_field, fields->count + 1u);
    for (uint32_t i = 0; i < fields->count; i++) {
        result.fields[result.field_count++] =
            (struct result_field){fields->items[i].name, fields->items[i].value};
    }
    if (verdict.len != 0) {
        result.fields[result.field_count++] = (struct result_field){STR("verdict"), verdict};
    }
    results_add(session->results, &result);
}

static struct str check_words(struct check_process *process, const char *what)
{
    return str_printf(&process->arena, "%s; log .pawl/runs/%.*s/logs/%.*s", what,
                      STR_ARG(process->executor->recorder->run), STR_ARG(process->log_name));
}

/* --- one after the other --- */

static void check_leave(struct check_process *process, enum cause cause, struct str reason)
{
    struct executor *executor = process->executor;
    struct check_process **at = &executor->checks;
    struct note note = {.kind = NOTE_JUDGED, .instance = process->instance, .cause = cause};

    while (*at != process) {
        at = &(*at)->next;
    }
    *at = process->next;
    note.event.reason = str_dup(&executor->note_arena, reason);
    executor_note(executor, &note);
    arena_fini(&process->arena);
    free(process);
}

/* The next check of which no verdict is known; false: there is none. */
static bool check_find_next(struct check_process *process)
{
    struct facts *facts = process->executor->facts;
    const struct m_check *check;
    enum check_kind kind;

    for (; (check = judge_check_at(process->stage, process->number, &kind)) != NULL;
         process->number++) {
        struct err err = {0};
        struct str reason;
        bool passed;

        arena_reset(&process->arena);
        if (check->expr == NULL &&
            facts_check_command(facts, process->instance, check, &process->arena, &process->what,
                                &err) &&
            !facts_check_kept(facts, &process->what.key, &process->arena, &passed, &reason)) {
            return true;
        }
    }
    return false;
}

static void check_start(struct check_process *process)
{
    struct executor *executor = process->executor;
    const struct plan_instance *inst = &executor->plan->instances[process->instance.n];
    int64_t now_ns = clock_mono_ns(executor->session->clock);
    struct err err = {0};

    process->attempt_id = STR_JOIN(&process->arena, executor->recorder->run, STR(".check"));
    process->due_ns = inst->timeout_ns != 0 ? now_ns + inst->timeout_ns : INT64_MAX;
    process->timed_out = false;
    process->running = check_spawn(process, &err);
    if (process->running) {
        executor->checks_running++;
        return;
    }
    check_close_log(process);
    facts_note_verdict(executor->facts, &process->what.key,
                       str_printf(&process->arena, "it cannot be run: %s", err.text));
}

static uint32_t check_most(const struct executor *executor)
{
    uint32_t cpus = executor->session->machine.cpus;

    return cpus != 0 ? cpus : 1;
}

/* Starts what may start, and lets go of those that are done. */
static void check_go_on(struct executor *executor)
{
    struct check_process *next;

    for (struct check_process *process = executor->checks; process != NULL; process = next) {
        next = process->next;
        while (!process->running && !process->told_to_end &&
               executor->checks_running < check_most(executor)) {
            if (!check_find_next(process)) {
                check_leave(process, CAUSE_NONE, STR(""));
                break;
            }
            check_start(process);
        }
    }
}

void check_commands_begin(void *ctx, struct inst_id instance)
{
    struct executor *executor = ctx;
    const struct plan_instance *inst = &executor->plan->instances[instance.n];
    struct check_process *process = mem_calloc(1, sizeof(*process));
    struct check_process **at = &executor->checks;

    process->executor = executor;
    process->instance = instance;
    process->stage = executor->plan->stages[inst->stage.n].source;
    process->log_end = -1;
    process->log_source.fd = -1;
    process->child.pidfd = -1;
    arena_init(&process->arena);
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = process;
    check_go_on(executor);
}

/* --- ends --- */

bool check_commands_has(const struct executor *executor, pid_t pid)
{
    for (const struct check_process *process = executor->checks; process != NULL;
         process = process->next) {
        if (process->running && process->child.pid == pid) {
            return true;
        }
    }
    return false;
}

static void check_take_end(struct check_process *process, const struct child_end *end)
{
    struct facts *facts = process->executor->facts;
    char what[80];

    if (process->timed_out) {
        facts_note_verdict(facts, &process->what.key,
                           check_words(process, "it took longer than the stage's timeout"));
    } else if (end->signal != 0) {
        snprintf(what, sizeof(what), "killed by signal %d", end->signal);
        facts_note_verdict(facts, &process->what.key, check_words(process, what));
    } else if (end->exit_code == 126 || end->exit_code == 127) {
        snprintf(what, sizeof(what), "exit %d: a program was not found or not executable",
                 end->exit_code);
        facts_note_verdict(facts, &process->what.key, check_words(process, what));
    } else if (end->exit_code != 0) {
        snprintf(what, sizeof(what), "exit %d", end->exit_code);
        check_keep(process, check_words(process, what));
    } else {
        check_keep(process, STR(""));
    }
}

void check_commands_take_exit(struct executor *executor, pid_t pid)
{
    struct check_process *process = executor->checks;
    struct child_end end = {.exit_code = -1};

    while (process->child.pid != pid || !process->running) {
        process = process->next;
    }
    process->child.ended = true;
    child_reap(&process->child, &end);
    check_close_log(process);
    process->running = false;
    executor->checks_running--;
    if (process->told_to_end) {
        check_leave(process, CAUSE_CANCELLED, STR(""));
    } else {
        check_take_end(process, &end);
    }
    check_go_on(executor);
}

int64_t check_commands_take_time(struct executor *executor, int64_t now_ns)
{
    int64_t due_ns = INT64_MAX;

    for (struct check_process *process = executor->checks; process != NULL;
         process = process->next) {
        if (!process->running || process->timed_out) {
            continue;
        }
        if (now_ns >= process->due_ns) {
            process->timed_out = true;
            child_kill_group(&process->child, SIGKILL);
        } else if (process->due_ns < due_ns) {
            due_ns = process->due_ns;
        }
    }
    return due_ns;
}

void check_commands_end(void *ctx)
{
    struct executor *executor = ctx;
    struct check_process *next;

    for (struct check_process *process = executor->checks; process != NULL; process = next) {
        next = process->next;
        process->told_to_end = true;
        if (process->running) {
            child_kill_group(&process->child, SIGKILL);
        } else {
            check_leave(process, CAUSE_CANCELLED, STR(""));
        }
    }
}

void check_commands_kill(struct executor *executor)
{
    while (executor->checks != NULL) {
        struct check_process *process = executor->checks;
        struct child_end end;

        if (process->running) {
            child_kill_group(&process->child, SIGKILL);
            child_reap(&process->child, &end);
            check_close_log(process);
        }
        executor->checks = process->next;
        arena_fini(&process->arena);
        free(process);
    }
}
