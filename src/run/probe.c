/* Owns short questions to programs. The answer about a shell is kept by the path, for this process.
 */
#include "run/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "os/spawn.h"
#include "run/environment.h"

enum { PROBE_LIMIT_S = 60 };

static bool probe_collect(struct session *session, int fd, uint64_t limit_bytes, struct strbuf *out,
                          struct err *err)
{
    int64_t deadline = clock_mono_ns(session->clock) + PROBE_LIMIT_S * NS_PER_SEC;

    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int64_t left_ms = (deadline - clock_mono_ns(session->clock)) / NS_PER_MS;
        ssize_t got;

        if (left_ms <= 0) {
            return err_set(err, STATUS_ENVIRONMENT, "no answer within %d s", PROBE_LIMIT_S);
        }
        if (sys_poll(&wait, 1, (int)left_ms) <= 0) {
            continue;
        }
        got = sys_read(fd, strbuf_reserve(out, 4096), 4096);
        if (got < 0) {
            return err_sys(err, "its output cannot be read");
        }
        if (got == 0) {
            return true;
        }
        out->len += (size_t)got;
        if (out->len > limit_bytes) {
            return err_set(err, STATUS_ENVIRONMENT, "it prints more than %llu bytes",
                           (unsigned long long)limit_bytes);
        }
    }
}

bool probe_run(struct session *session, const struct str *argv, uint32_t argc, uint64_t limit_bytes,
               struct strbuf *out, int *exit_code, struct err *err)
{
    struct arena scratch;
    struct spawn spawn = {.stdin_fd = -1, .stderr_fd = -1, .tty_fd = -1, .origin = session->origin};
    struct child child = {.pidfd = -1};
    struct child_end end;
    const char **words;
    int fds[2];
    bool ok;

    if (sys_pipe(fds, 0) != 0) {
        return err_sys(err, "no pipe");
    }
    arena_init(&scratch);
    words = ARENA_ARRAY(&scratch, const char *, argc + 1);
    for (uint32_t i = 0; i < argc; i++) {
        words[i] = str_dup(&scratch, argv[i]).data;
    }
    spawn.program = words[0];
    spawn.argv = words;
    spawn.envp = environment_plain(&scratch);
    spawn.stdout_fd = fds[1];
    spawn.stderr_fd = fds[1];
    ok = spawn_start(&spawn, &child, NULL, err);
    sys_close(fds[1]);
    if (ok) {
        ok = probe_collect(session, fds[0], limit_bytes, out, err);
        if (!ok) {
            child_kill_group(&child, SIGKILL);
        }
        child_reap(&child, &end);
        *exit_code = end.signal != 0 ? 128 + end.signal : end.exit_code;
    }
    sys_close(fds[0]);
    arena_fini(&scratch);
    return ok;
}

bool probe_pipefail(struct session *session, struct str shell)
{
    struct str argv[] = {shell, STR("-o"), STR("pipefail"), STR("-c"), STR(":")};
    struct strbuf out = {0};
    int exit_code = 1;
    struct arena scratch;
    bool ok;

    arena_init(&scratch);
    argv[0] = consulted_program(&session->consulted, shell, &scratch, NULL);
    ok = argv[0].len != 0 && probe_run(session, argv, 5, 64 << 10, &out, &exit_code, NULL);
    arena_fini(&scratch);
    strbuf_fini(&out);
    return ok && exit_code == 0;
}
