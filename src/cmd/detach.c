/* Owns the division of a process in two. Must be called before any thread is started. */
#include "cmd/detach.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "os/spawn.h"
#include "store/run_dir.h"

/* How the other ended, who gave no word. */
static int detach_end(pid_t pid)
{
    struct sys_wait wait = {0};

    if (sys_waitid(P_PID, (id_t)pid, WEXITED, &wait, NULL) != 0) {
        return STATUS_BUG;
    }
    return wait.code == CLD_EXITED ? wait.status : STATUS_SIGNAL + wait.status;
}

static int detach_listen(struct cli *cli, int fd, pid_t pid)
{
    char run[RUN_ID_BYTES + 1] = {0};
    bool begun = sys_read_full(fd, run, RUN_ID_BYTES) == RUN_ID_BYTES;

    sys_close(fd);
    if (!begun) {
        return detach_end(pid);
    }
    strbuf_printf(&cli->out, "%s\n", run);
    return STATUS_OK;
}

/* No make that would wait for its tokens. */
static void detach_leave(struct cli *cli)
{
    struct origin *origin = ARENA_NEW(&cli->arena, struct origin);

    *origin = *cli->origin;
    origin->jobserver = (struct jobserver_offer){.kind = JOBSERVER_NONE};
    cli->origin = origin;
    cli->progress = cli->progress == CLI_PROGRESS_AUTO ? CLI_PROGRESS_PLAIN : cli->progress;
    cli->color = cli->color == CLI_COLOR_AUTO ? CLI_COLOR_NEVER : cli->color;
}

static int detach_fail(struct err *err)
{
    err_sys(err, "a process for the background cannot be started");
    return cli_fail(err);
}

bool detach_start(struct detach *detach, struct cli *cli, int *status)
{
    struct err err = {0};
    int ends[2];
    pid_t pid;

    detach->fd = -1;
    if (sys_pipe(ends, 0) != 0) {
        *status = detach_fail(&err);
        return false;
    }
    pid = sys_fork();
    if (pid < 0) {
        *status = detach_fail(&err);
        sys_close(ends[0]);
    }
    if (pid != 0) {
        sys_close(ends[1]);
        *status = pid < 0 ? *status : detach_listen(cli, ends[0], pid);
        return false;
    }
    sys_close(ends[0]);
    detach->fd = ends[1];
    detach_leave(cli);
    return true;
}

bool detach_tell(struct detach *detach, int run_dir_fd, const char *run, struct err *err)
{
    int in = spawn_open_empty();
    int out = sys_openat(run_dir_fd, "output", O_WRONLY | O_CREAT | O_APPEND, SYS_OWN_FILE);
    bool ok = in >= 0 && out >= 0 && sys_dup_to(in, STDIN_FILENO) == 0 &&
              sys_dup_to(out, STDOUT_FILENO) >= 0 && sys_dup_to(out, STDERR_FILENO) >= 0;

    if (!ok) {
        err_sys(err, "run %s: its file 'output' cannot be written", run);
    }
    if (in >= 0) {
        sys_close(in);
    }
    if (out >= 0) {
        sys_close(out);
    }
    if (ok) {
        sys_setsid();
        sys_write_full(detach->fd, run, strlen(run));
        sys_close(detach->fd);
        detach->fd = -1;
    }
    return ok;
}
