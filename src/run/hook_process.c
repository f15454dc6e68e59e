/* Owns the start and the end of a hook's command.
 *
 * The event comes as a file, not through a pipe: a command that never reads it holds nobody up,
 * however long the line is. */
#include "run/hook_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/sys.h"

enum { HOOK_LOG_BYTES = 1 << 20 };
#define HOOK_LOG "logs/hooks.log"

void hook_process_init(struct hook_process *process, struct executor *executor, struct hooks *hooks)
{
    *process = (struct hook_process){
        .executor = executor, .hooks = hooks, .log_end = -1, .log_source = {.fd = -1}};
    arena_init(&process->arena);
}

void hook_process_fini(struct hook_process *process)
{
    struct child_end end;

    if (process->child.pid != 0) {
        child_kill_group(&process->child, SIGKILL);
        child_reap(&process->child, &end);
    }
    children_kill_all(NS_PER_SEC); /* what they left behind */
    if (process->log_end >= 0) {
        loop_remove(&process->executor->loop, &process->log_source);
        sys_close(process->log_end);
        pipe_log_close(&process->log);
        pipe_log_free(&process->log);
    }
    arena_fini(&process->arena);
}

/* --- what it prints --- */

static bool hook_log_waits(const struct hook_process *process)
{
    struct pollfd poll = {.fd = process->log.fd, .events = POLLIN};

    return sys_poll(&poll, 1, 0) > 0;
}

static void hook_log_title(struct hook_process *process)
{
    if (!process->titled) {
        process->titled = true;
        pipe_log_add(&process->log, process->title);
    }
}

static void hook_on_log(void *ctx, unsigned events)
{
    struct hook_process *process = ctx;

    (void)events;
    hook_log_title(process);
    pipe_log_read(&process->log);
}

static bool hook_open_log(struct hook_process *process, struct err *err)
{
    struct executor *executor = process->executor;
    struct str path =
        STR_JOIN(&process->arena, STR(".pawl/runs/"), executor->recorder->run, STR("/" HOOK_LOG));

    if (process->log_end >= 0) {
        return true;
    }
    if (!pipe_log_open(&process->log, path.data, HOOK_LOG_BYTES, &process->log_end, err)) {
        process->log_end = -1;
        return false;
    }
    pipe_log_mask(&process->log, &executor->secrets);
    return loop_add(&executor->loop, &process->log_source, process->log.fd, LOOP_READ, hook_on_log,
                    process, err);
}

/* --- what it finds --- */

static struct str hook_masked(struct hook_process *process, struct str line)
{
    struct mask mask = {.words = &process->executor->secrets};
    struct strbuf text = {0};
    struct str masked;

    mask_add(&mask, line.data, line.len, &text);
    mask_end(&mask, &text);
    strbuf_putc(&text, '\n');
    masked = strbuf_dup(&text, &process->arena);
    strbuf_fini(&text);
    return masked;
}

/* A file that holds the event and has no name; -1: `err`. */
static int hook_open_event(struct hook_process *process, struct str line, struct err *err)
{
    struct str path =
        STR_JOIN(&process->arena, STR(".pawl/tmp/hook."), process->executor->recorder->run);
    struct str text = hook_masked(process, line);
    int fd = sys_open(path.data, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, SYS_OWN_FILE);

    if (fd < 0) {
        err_sys(err, "'%s': cannot be made", path.data);
        return -1;
    }
    if (sys_unlink(path.data) != 0 || sys_write_full(fd, text.data, text.len) != 0 ||
        sys_seek(fd, 0, SEEK_SET) != 0) {
        err_sys(err, "'%s': cannot be written", path.data);
        sys_close(fd);
        return -1;
    }
    return fd;
}

static bool hook_is_of_run(const struct event *event)
{
    return event->type == EVENT_RUN_COMPLETED || event->type == EVENT_RUN_FAILED ||
           event->type == EVENT_RUN_CANCELLED || event->type == EVENT_RUN_INTERRUPTED;
}

/* Of a run its own status; of a command as a shell has it; "" where nothing ended. */
static struct str hook_exit_status(const struct event *event, struct arena *arena)
{
    if (hook_is_of_run(event)) {
        return str_printf(arena, "%lld", (long long)event->status);
    }
    if (event->type != EVENT_ATTEMPT_FINISHED || (event->exit_code < 0 && event->signal == 0)) {
        return STR("");
    }
    return environment_exit_status(event->exit_code, event->signal, arena);
}

static const char *const *hook_environment(struct hook_process *process, const struct m_hook *hook,
                                           const struct event *event)
{
    struct executor *executor = process->executor;
    struct arena *arena = &process->arena;
    struct environment_hook about = {
        .hook = str_of(hook_name(hook->hook)),
        .stage = event->stage,
        .instance = event->instance,
        .attempt = event->attempt,
        .cause = str_is(event->cause, "none") ? STR("") : event->cause,
        .exit_status = hook_exit_status(event, arena),
        .span = event->span.len != 0 ? event->span
                                     : recorder_random_hex(executor->recorder, arena, 16)};

    if (event->log.len != 0) {
        about.log = STR_JOIN(arena, executor->run_dir, STR("/"), event->log);
    }
    return environment_hook(&executor->frame, &about, arena);
}

/* --- its life --- */

static bool hook_spawn(struct hook_process *process, const struct m_hook *hook, struct spawn *spawn,
                       struct err *err)
{
    struct str program;

    if (!spawn_find(&process->arena, str_of(hook->argv[0]), environment_path(spawn->envp), NULL,
                    &program, err)) {
        return false;
    }
    spawn->program = program.data;
    spawn->argv = hook->argv;
    return spawn_start(spawn, &process->child, NULL, err);
}

static bool hook_process_start(void *ctx, const struct m_hook *hook, const struct event *event,
                               struct str line, struct err *err)
{
    struct hook_process *process = ctx;
    const struct session *session = process->executor->session;
    struct spawn spawn = {.by_signal = true, .tty_fd = -1};
    bool ok;

    arena_reset(&process->arena);
    process->titled = false;
    process->title = str_printf(&process->arena, "--- %s.%u of event %llu\n", hook_name(hook->hook),
                                hook->number, (unsigned long long)event->seq);
    if (!hook_open_log(process, err)) {
        return false;
    }
    spawn.stdin_fd = hook_open_event(process, line, err);
    if (spawn.stdin_fd < 0) {
        return false;
    }
    spawn.stdout_fd = spawn.stderr_fd = process->log_end;
    spawn.origin = session->origin != NULL ? &process->executor->origin : NULL;
    spawn.envp = hook_environment(process, hook, event);
    ok = hook_spawn(process, hook, &spawn, err);
    sys_close(spawn.stdin_fd);
    return ok;
}

static void hook_process_kill(void *ctx)
{
    struct hook_process *process = ctx;

    if (process->child.pid != 0) {
        child_kill_group(&process->child, SIGKILL);
    }
}

static int64_t hook_process_now(void *ctx)
{
    return clock_mono_ns(((struct hook_process *)ctx)->executor->session->clock);
}

struct hooks_world hook_process_world(struct hook_process *process)
{
    return (struct hooks_world){.ctx = process,
                                .start = hook_process_start,
                                .kill = hook_process_kill,
                                .now_ns = hook_process_now};
}

void hook_process_take_exit(struct hook_process *process)
{
    struct child_end child;
    struct hooks_end end;

    process->child.ended = true;
    if (!child_reap(&process->child, &child)) {
        child.exit_code = -1;
    }
    if (hook_log_waits(process)) {
        hook_log_title(process);
        pipe_log_drain(&process->log);
    }
    end = (struct hooks_end){.exit_code = child.exit_code,
                             .signal = child.signal,
                             .log = process->titled ? STR(HOOK_LOG) : STR("")};
    hooks_take_end(process->hooks, &end);
}
