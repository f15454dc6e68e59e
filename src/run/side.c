/* Owns commands beside the attempts: their process, log and time. */
#include "run/side.h"

#include <signal.h>

#include "base/sys.h"

struct str side_attempt_id(struct str run, enum side_kind kind, struct arena *arena)
{
    static const char *const names[SIDE_KIND_COUNT] = {[SIDE_CHECK] = ".check",
                                                       [SIDE_RECOVER] = ".recover",
                                                       [SIDE_COMPENSATE] = ".compensate",
                                                       [SIDE_EARLY] = ".early"};

    return str_concat(arena, run, str_of(names[kind]));
}

void side_init(struct side *side, struct executor *executor,
               void (*done)(struct side *side, const struct child_end *end))
{
    *side = (struct side){.executor = executor,
                          .done = done,
                          .log_end = -1,
                          .log_source = {.fd = -1},
                          .child = {.pidfd = -1}};
    arena_init(&side->arena);
}

/* --- the log --- */

static void side_on_log(void *ctx, unsigned events)
{
    struct side *side = ctx;

    (void)events;
    if (pipe_log_read(&side->log) == PIPE_ENDED) {
        loop_remove(&side->executor->loop, &side->log_source);
    }
}

static bool side_open_log(struct side *side, const struct side_start *start, struct err *err)
{
    struct executor *executor = side->executor;
    struct str path = STR_JOIN(&side->arena, STR(".pawl/runs/"), executor->recorder->run,
                               STR("/logs/"), start->log_name);

    side->log_name = start->log_name;
    if (!pipe_log_open(&side->log, path.data, start->log_max_bytes, &side->log_end, err)) {
        return false;
    }
    side->has_log = true;
    pipe_log_mask(&side->log, &executor->secrets);
    return loop_add(&executor->loop, &side->log_source, side->log.fd, LOOP_READ, side_on_log, side,
                    err);
}

static void side_close_log(struct side *side)
{
    if (!side->has_log) {
        return;
    }
    loop_remove(&side->executor->loop, &side->log_source);
    if (side->log_end >= 0) {
        sys_close(side->log_end);
        side->log_end = -1;
    }
    pipe_log_drain(&side->log);
    side->printed = side->log.bytes != 0;
    pipe_log_close(&side->log);
    pipe_log_free(&side->log);
    side->has_log = false;
}

/* --- its start --- */

static bool side_spawn(struct side *side, const struct side_start *start, struct err *err)
{
    struct executor *executor = side->executor;
    const char **argv = ARENA_ARRAY(&side->arena, const char *, start->argc + 1);
    int lives_fd = executor->session->lives.fd;
    struct spawn_fd *fds = ARENA_ARRAY(&side->arena, struct spawn_fd, start->fd_count + 1);
    struct spawn spawn = {.stdin_fd = executor->empty_fd,
                          .by_signal = true,
                          .rss_floor_bytes = &executor->rss_floor_bytes,
                          .tty_fd = -1,
                          .envp = start->envp,
                          .fds = fds};
    struct str program;

    if (lives_fd >= 0) {
        fds[spawn.fd_count++] = (struct spawn_fd){lives_fd, lives_fd};
    }
    for (uint32_t i = 0; i < start->fd_count; i++) {
        fds[spawn.fd_count++] = start->fds[i];
    }
    for (uint32_t i = 0; i < start->argc; i++) {
        argv[i] = start->argv[i].data;
    }
    spawn.dir = start->dir.len != 0 ? start->dir.data : NULL;
    if (!side_open_log(side, start, err) ||
        !spawn_find(&side->arena, start->argv[0], environment_path(spawn.envp), spawn.dir, &program,
                    err)) {
        return false;
    }
    spawn.stdout_fd = spawn.stderr_fd = side->log_end;
    spawn.origin = executor->session->origin != NULL ? &executor->origin : NULL;
    spawn.program = program.data;
    spawn.argv = argv;
    return spawn_start(&spawn, &side->child, NULL, err);
}

bool side_start(struct side *side, const struct side_start *start, struct err *err)
{
    struct executor *executor = side->executor;
    int64_t now_ns = clock_mono_ns(executor->session->clock);

    side->timed_out = false;
    side->due_ns = start->timeout_ns != 0 ? now_ns + start->timeout_ns : INT64_MAX;
    side->running = side_spawn(side, start, err);
    if (!side->running) {
        side_close_log(side);
        return false;
    }
    side->next = executor->sides;
    executor->sides = side;
    return true;
}

bool side_start_of(struct side *side, struct inst_id instance, const struct plan_command *command,
                   const struct environment_attempt *about, struct str log_name, struct err *err)
{
    struct executor *executor = side->executor;
    const struct plan_instance *inst = &executor->plan->instances[instance.n];
    struct side_start start = {.argv = command->argv,
                               .argc = command->argc,
                               .dir = command->dir,
                               .log_name = log_name,
                               .log_max_bytes = inst->log_max_bytes,
                               .timeout_ns = inst->timeout_ns};

    return environment_build(&executor->frame, plan_source(executor->plan, inst), command, about,
                             &side->arena, &start.envp, err) &&
           side_start(side, &start, err);
}

/* --- its end --- */

static void side_leave(struct side *side, struct child_end *end)
{
    struct side **at = &side->executor->sides;

    while (*at != side) {
        at = &(*at)->next;
    }
    *at = side->next;
    side->running = false;
    child_reap(&side->child, end);
    side_close_log(side);
}

void side_kill(struct side *side)
{
    if (side->running) {
        child_kill_group(&side->child, SIGKILL);
    }
}

void side_fini(struct side *side)
{
    struct child_end end;

    if (side->running) {
        side_kill(side);
        side_leave(side, &end);
    }
    arena_fini(&side->arena);
}

void side_note(struct side *side, struct note *note, struct str reason, const struct child_end *end)
{
    struct arena *arena = &side->executor->note_arena;

    note->event.reason = str_dup(arena, reason);
    note->event.exit_code = end->exit_code;
    note->event.signal = end->signal;
    if (side->printed) {
        note->event.log = STR_JOIN(arena, STR("logs/"), side->log_name);
    }
    executor_note(side->executor, note);
}

struct str side_words(struct side *side, const struct child_end *end)
{
    struct arena *arena = &side->arena;

    if (side->timed_out) {
        return STR("it took longer than the stage's timeout");
    }
    if (end->signal != 0) {
        return str_printf(arena, "killed by signal %d", end->signal);
    }
    if (end->exit_code == 126 || end->exit_code == 127) {
        return str_printf(arena, "exit %d: a program was not found or not executable",
                          end->exit_code);
    }
    return str_printf(arena, "exit %d", end->exit_code);
}

static struct side *side_of(const struct executor *executor, pid_t pid)
{
    struct side *side = executor->sides;

    while (side != NULL && side->child.pid != pid) {
        side = side->next;
    }
    return side;
}

bool sides_have(const struct executor *executor, pid_t pid)
{
    return side_of(executor, pid) != NULL;
}

void sides_take_exit(struct executor *executor, pid_t pid)
{
    struct side *side = side_of(executor, pid);
    struct child_end end = {.exit_code = -1};

    side->child.ended = true;
    side_leave(side, &end);
    side->done(side, &end);
}

int64_t sides_take_time(struct executor *executor, int64_t now_ns)
{
    int64_t due_ns = INT64_MAX;

    for (struct side *side = executor->sides; side != NULL; side = side->next) {
        if (side->timed_out) {
            continue;
        }
        if (now_ns >= side->due_ns) {
            side->timed_out = true;
            side_kill(side);
        } else if (side->due_ns < due_ns) {
            due_ns = side->due_ns;
        }
    }
    return due_ns;
}
