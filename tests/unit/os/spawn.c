/* Children: what they get (arguments, folder, environment, descriptors, signals, limits), what a
 * failed start says, and that whole groups and orphans are killed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "os/spawn.h"

static struct origin origin;

/* Where children that nobody waits for have what they need; NULL: all are waited for. */
static struct arena early_arena;
static struct arena *early;

static const char *const plain_env[] = {"PATH=/usr/bin:/bin", NULL};

struct outcome {
    char out[65536];
    size_t len;
    struct child_end end;
};

static struct spawn spawn_of(const char *program, const char *const *argv)
{
    return (struct spawn){
        .program = program,
        .argv = argv,
        .envp = plain_env,
        .stdin_fd = -1,
        .stdout_fd = STDOUT_FILENO,
        .stderr_fd = STDERR_FILENO,
        .early = early,
        .tty_fd = -1,
        .origin = &origin,
    };
}

/* Runs to the end, keeps standard output. */
static void run(struct spawn *spawn, struct outcome *outcome)
{
    struct child child;
    struct err err = {0};
    int fds[2];
    ssize_t len;

    assert_int_equal(sys_pipe(fds, 0), 0);
    spawn->stdout_fd = fds[1];
    if (!spawn_start(spawn, &child, NULL, &err)) {
        fail_msg("%s", err.text);
    }
    sys_close(fds[1]);
    len = sys_read_full(fds[0], outcome->out, sizeof(outcome->out) - 1);
    assert_true(len >= 0);
    outcome->len = (size_t)len;
    outcome->out[len] = '\0';
    sys_close(fds[0]);
    assert_true(child_reap(&child, &outcome->end));
    assert_int_equal(child.pidfd, -1);
}

static void run_shell(const char *script, struct spawn *spawn, struct outcome *outcome)
{
    const char *const argv[] = {"sh", "-c", script, "arg0", "x y", NULL};
    struct spawn base = spawn_of("/bin/sh", argv);

    if (spawn != NULL) {
        base.dir = spawn->dir;
        base.envp = spawn->envp != NULL ? spawn->envp : plain_env;
        base.fds = spawn->fds;
        base.fd_count = spawn->fd_count;
        base.origin = spawn->origin != NULL ? spawn->origin : &origin;
    }
    run(&base, outcome);
}

static bool wait_until_gone(pid_t pid)
{
    for (int i = 0; i < 500; i++) {
        if (kill(pid, 0) != 0 && errno == ESRCH) {
            return true;
        }
        children_reap_strays();
        poll(NULL, 0, 10);
    }
    return false;
}

static void test_argument_bytes(void **state)
{
    static struct outcome outcome;
    char all[256];
    const char *argv[] = {"sh", "-c", "printf '%s|' \"$@\"", "zero", all, "", "a\nb", NULL};
    struct spawn spawn = spawn_of("/bin/sh", argv);
    char want[300];

    (void)state;
    for (int i = 1; i < 256; i++) {
        all[i - 1] = (char)i;
    }
    all[255] = '\0';
    run(&spawn, &outcome);
    snprintf(want, sizeof(want), "%s||a\nb|", all);
    assert_int_equal(outcome.len, strlen(want));
    assert_memory_equal(outcome.out, want, strlen(want));
    assert_int_equal(outcome.end.exit_code, 0);
    assert_int_equal(outcome.end.signal, 0);
}

static void test_folder_and_environment(void **state)
{
    static struct outcome outcome;
    const char *const env[] = {"PATH=/usr/bin:/bin", "A=1", "B=two words", NULL};
    struct spawn spawn = {.dir = "/usr", .envp = env};

    (void)state;
    setenv("OUTSIDE", "seen", 1);
    run_shell("pwd; echo \"$A,$B,$OUTSIDE\"", &spawn, &outcome);
    assert_string_equal(outcome.out, "/usr\n1,two words,\n");
}

static void test_end_by_code_and_signal(void **state)
{
    static struct outcome outcome;

    (void)state;
    run_shell("exit 75", NULL, &outcome);
    assert_int_equal(outcome.end.exit_code, 75);
    run_shell("kill -9 $$", NULL, &outcome);
    assert_int_equal(outcome.end.exit_code, -1);
    assert_int_equal(outcome.end.signal, SIGKILL);
}

static void test_empty_stdin(void **state)
{
    static struct outcome outcome;

    (void)state;
    run_shell("cat; echo end", NULL, &outcome);
    assert_string_equal(outcome.out, "end\n");
}

static void test_other_descriptors_are_closed(void **state)
{
    static struct outcome outcome;
    int leak = open("/dev/null", O_RDONLY); /* without close-on-exec, as inherited ones are */
    int high = fcntl(leak, F_DUPFD, 150);

    (void)state;
    assert_true(leak > 2 && high >= 150);
    run_shell("ls /proc/self/fd", NULL, &outcome);
    close(leak);
    close(high);
    /* 3 is the folder that ls reads. */
    assert_string_equal(outcome.out, "0\n1\n2\n3\n");
}

static void test_extra_descriptors_arrive(void **state)
{
    static struct outcome outcome;
    int low[2], high[2];
    struct spawn_fd fds[2];
    struct spawn spawn = {.fds = fds, .fd_count = 2};

    (void)state;
    assert_int_equal(sys_pipe(low, 0), 0);
    assert_int_equal(sys_pipe(high, 0), 0);
    assert_int_equal(sys_write(low[1], "low\n", 4), 4);
    assert_int_equal(sys_write(high[1], "high\n", 5), 5);
    /* Each goes to the number that the other has here. */
    fds[0] = (struct spawn_fd){low[0], high[0]};
    fds[1] = (struct spawn_fd){high[0], low[0]};
    {
        char script[100];

        snprintf(script, sizeof(script), "read a <&%d; read b <&%d; echo $a $b", low[0], high[0]);
        assert_true(low[0] < 10 && high[0] < 10);
        sys_close(low[1]);
        sys_close(high[1]);
        run_shell(script, &spawn, &outcome);
    }
    sys_close(low[0]);
    sys_close(high[0]);
    assert_string_equal(outcome.out, "high low\n");
}

/* Signals 32 to 34 are the C library's: nobody sees or sets their dispositions, they are inherited
 * as they come. */
static void expect_signals(const char *text, uint64_t blocked, uint64_t ignored)
{
    const uint64_t own = UINT64_C(7) << 31;
    unsigned long long have_blocked, have_ignored;

    assert_int_equal(sscanf(text, "SigBlk: %llx SigIgn: %llx", &have_blocked, &have_ignored), 2);
    assert_int_equal(have_blocked & ~own, blocked);
    assert_int_equal(have_ignored & ~own, ignored);
}

static void test_signals_are_as_at_start(void **state)
{
    static struct outcome outcome;
    struct signals signals;
    struct err err = {0};
    struct origin other = origin;
    struct spawn spawn = {.origin = &other};

    (void)state;
    assert_true(signals_open(&signals, &origin, &err));
    run_shell("exec grep -E '^Sig(Blk|Ign)' /proc/self/status", NULL, &outcome);
    expect_signals(outcome.out, 0, 0);
    /* What was ignored and blocked when pawl started stays so. */
    other.ignored[SIGHUP] = true;
    sigaddset(&other.mask, SIGUSR2);
    run_shell("exec grep -E '^Sig(Blk|Ign)' /proc/self/status", &spawn, &outcome);
    expect_signals(outcome.out, 1U << (SIGUSR2 - 1), 1U << (SIGHUP - 1));
    signals_close(&signals);
}

static void test_limits_and_umask_are_as_at_start(void **state)
{
    static struct outcome outcome;
    struct rlimit limit;
    rlim_t before;
    mode_t mask = umask(0);

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    before = limit.rlim_cur;
    limit.rlim_cur = before - 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    run_shell("ulimit -n; umask", NULL, &outcome);
    limit.rlim_cur = before;
    setrlimit(RLIMIT_NOFILE, &limit);
    umask(mask);
    {
        char want[64];

        snprintf(want, sizeof(want), "%llu\n%04o\n", (unsigned long long)before, (unsigned)mask);
        assert_string_equal(outcome.out, want);
    }
}

static void test_own_group(void **state)
{
    static struct outcome outcome;
    long pid, group;

    (void)state;
    run_shell("echo $$; exec cut -d' ' -f5 /proc/self/stat", NULL, &outcome);
    assert_int_equal(sscanf(outcome.out, "%ld %ld", &pid, &group), 2);
    assert_int_equal(pid, group);
    assert_int_not_equal(group, (long)getpgrp());
}

static void wait_for_end(const struct child *child)
{
    struct pollfd poll_fd = {.fd = child->pidfd, .events = POLLIN};

    assert_true(child->pidfd >= 0);
    assert_int_equal(poll(&poll_fd, 1, 10000), 1);
}

/* Of a child that nobody waited for the reason comes with its end. */
static bool fails_later(struct child *child, struct err *err)
{
    struct child_end end;
    bool failed;

    assert_non_null(early);
    wait_for_end(child);
    failed = child_never_ran(child, err);
    assert_true(child_reap(child, &end));
    assert_int_equal(end.exit_code, 127);
    return failed;
}

static void expect_failure(const char *program, const char *dir, enum spawn_step step, int sys,
                           const char *text)
{
    const char *const argv[] = {"x", NULL};
    struct spawn spawn = spawn_of(program, argv);
    struct child child;
    struct err err = {0};
    enum spawn_step got = step;

    spawn.dir = dir;
    assert_true(!spawn_start(&spawn, &child, early == NULL ? &got : NULL, &err) ||
                fails_later(&child, &err));
    assert_string_equal(err.text, text);
    assert_int_equal(got, step);
    assert_int_equal(err.sys, sys);
    assert_int_equal(err.status, STATUS_ENVIRONMENT);
    assert_int_equal(child.pid, 0);
    /* No zombie is left behind. */
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void make_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void test_failed_starts_are_explained(void **state)
{
    const char *dir = *state;

    assert_int_equal(chdir(dir), 0);
    make_file("plain", "echo hello\n", 0755);
    make_file("orphan", "#!/no/such/interpreter\n", 0755);
    make_file("closed", "#!/bin/sh\n", 0644);
    expect_failure("/no/such/program", NULL, SPAWN_STEP_EXEC, ENOENT,
                   "'/no/such/program': cannot execute: No such file or directory");
    expect_failure("./plain", NULL, SPAWN_STEP_EXEC, ENOEXEC,
                   "'./plain': cannot execute: neither a program of this machine nor a script with "
                   "a #! line");
    expect_failure("./orphan", NULL, SPAWN_STEP_EXEC, ENOENT,
                   "'./orphan': cannot execute: the interpreter that it names does not exist");
    expect_failure("./closed", NULL, SPAWN_STEP_EXEC, EACCES,
                   "'./closed': cannot execute: Permission denied");
    expect_failure("/bin/sh", "missing", SPAWN_STEP_DIR, ENOENT,
                   "'missing': cannot enter the working folder: No such file or directory");
}

static void test_search(void **state)
{
    const char *dir = *state;
    struct arena arena;
    struct str found;
    struct err err = {0};

    assert_int_equal(chdir(dir), 0);
    assert_true(mkdir("one", 0777) == 0 && mkdir("two", 0777) == 0 && mkdir("three", 0777) == 0);
    make_file("one/tool", "#!/bin/sh\n", 0644);
    make_file("two/tool", "#!/bin/sh\n", 0755);
    make_file("here", "#!/bin/sh\n", 0755);
    make_file("three/near", "#!/bin/sh\n", 0755);
    arena_init(&arena);
    assert_true(spawn_find(&arena, STR("tool"), STR("none:one:two"), NULL, &found, &err));
    assert_true(str_is(found, "two/tool"));
    assert_true(spawn_find(&arena, STR("here"), STR("one:"), NULL, &found, &err));
    assert_true(str_is(found, "./here"));
    assert_true(spawn_find(&arena, STR("./near"), STR("one"), "three", &found, &err));
    assert_true(str_is(found, "./near"));
    assert_false(spawn_find(&arena, STR("tool"), STR("one:none"), NULL, &found, &err));
    assert_int_equal(err.sys, EACCES);
    assert_string_equal(err.text, "'tool': not an executable file; check its mode and type");
    assert_false(spawn_find(&arena, STR("tool"), STR("none"), NULL, &found, &err));
    assert_int_equal(err.sys, ENOENT);
    assert_string_equal(err.text, "'tool': no such program on PATH");
    assert_false(spawn_find(&arena, STR("./one"), STR(""), NULL, &found, &err));
    assert_int_equal(err.sys, EACCES);
    assert_false(spawn_find(&arena, STR("./absent"), STR(""), NULL, &found, &err));
    assert_string_equal(err.text, "'./absent': no such program");
    arena_fini(&arena);
}

/* Starts a shell whose first line of output is read as a number. */
static pid_t start_and_read(const char *script, struct child *child, int *out)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct spawn spawn = spawn_of("/bin/sh", argv);
    struct err err = {0};
    char text[32] = {0};
    int fds[2];

    assert_int_equal(sys_pipe(fds, 0), 0);
    spawn.stdout_fd = fds[1];
    assert_true(spawn_start(&spawn, child, NULL, &err));
    sys_close(fds[1]);
    for (size_t i = 0; i < sizeof(text) - 1 && (i == 0 || text[i - 1] != '\n'); i++) {
        assert_int_equal(read(fds[0], text + i, 1), 1);
    }
    *out = fds[0];
    return (pid_t)atol(text);
}

static void test_group_with_grandchildren_is_killed(void **state)
{
    struct child child;
    struct child_end end;
    int out;
    pid_t grandchild = start_and_read("sleep 1000 & echo $!; wait", &child, &out);

    (void)state;
    assert_int_equal(child_ended(&child, &end), 0);
    assert_int_equal(kill(grandchild, 0), 0);
    assert_true(child_kill_group(&child, SIGTERM));
    assert_true(child_reap(&child, &end));
    assert_int_equal(end.signal, SIGTERM);
    assert_true(wait_until_gone(grandchild));
    close(out);
}

static void test_end_is_seen_before_reaping(void **state)
{
    struct child child;
    struct child_end end;
    int out;
    pid_t grandchild = start_and_read("sleep 1000 & echo $!; exit 3", &child, &out);

    (void)state;
    wait_for_end(&child);
    assert_int_equal(child_ended(&child, &end), 1);
    assert_int_equal(end.exit_code, 3);
    assert_int_equal(child_ended(&child, &end), 1);
    assert_int_equal(kill(grandchild, 0), 0);
    assert_true(child_reap(&child, &end));
    assert_int_equal(end.exit_code, 3);
    assert_true(wait_until_gone(grandchild));
    close(out);
}

static void test_orphans_of_other_groups_are_killed(void **state)
{
    struct child child;
    struct child_end end;
    struct err err = {0};
    int out;
    pid_t stray;

    (void)state;
    assert_true(children_subreaper(&err));
    stray = start_and_read("setsid sh -c 'echo $$; exec sleep 1000' & wait", &child, &out);
    assert_true(child_kill(&child, SIGKILL));
    assert_true(child_reap(&child, &end));
    assert_int_equal(kill(stray, 0), 0);
    assert_true(children_kill_all(10 * NS_PER_SEC));
    assert_int_equal(kill(stray, 0), -1);
    assert_int_equal(errno, ESRCH);
    close(out);
}

/* In a session of its own with a new terminal: 0 when the child's group had it and it came back. */
static int hand_over_terminal(int out)
{
    static const char *const argv[] = {"sh", "-c", "cut -d' ' -f5,8 /proc/self/stat", NULL};
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), tty;
    struct spawn spawn = spawn_of("/bin/sh", argv);
    struct signals signals;
    struct child child;
    struct child_end end;

    if (setsid() < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
        return 2;
    }
    tty = open(ptsname(master), O_RDWR | O_CLOEXEC);
    spawn.tty_fd = tty;
    spawn.stdout_fd = out;
    if (tty < 0 || !signals_open(&signals, &origin, NULL) ||
        !spawn_start(&spawn, &child, NULL, NULL) || !child_reap(&child, &end)) {
        return 3;
    }
    return child_tty_return(tty) && tcgetpgrp(tty) == getpgrp() ? end.exit_code : 4;
}

static void test_terminal_is_handed_over(void **state)
{
    char text[64] = {0};
    int fds[2], status;
    long group, owner;
    pid_t pid;

    (void)state;
    assert_int_equal(sys_pipe(fds, 0), 0);
    pid = fork();
    if (pid == 0) {
        _exit(hand_over_terminal(fds[1]));
    }
    sys_close(fds[1]);
    assert_true(sys_read_full(fds[0], text, sizeof(text) - 1) > 0);
    sys_close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(sscanf(text, "%ld %ld", &group, &owner), 2);
    assert_int_equal(group, owner);
}

/* Whoever is killed before it could make its own group, or even execute, ends by that signal. */
static void test_group_is_killed_at_once(void **state)
{
    static const char *const argv[] = {"sleep", "1000", NULL};
    struct spawn spawn = spawn_of("/bin/sleep", argv);

    (void)state;
    for (int i = 0; i < 200; i++) {
        struct child child;
        struct child_end end;
        struct err err = {0};

        assert_true(spawn_start(&spawn, &child, NULL, &err));
        assert_true(child_kill_group(&child, i % 2 == 0 ? SIGTERM : SIGKILL));
        wait_for_end(&child);
        assert_false(child_never_ran(&child, &err));
        assert_true(child_reap(&child, &end));
        assert_int_equal(end.signal, i % 2 == 0 ? SIGTERM : SIGKILL);
    }
}

/* What the parent does meanwhile is nothing to the children, and the other way round. */
static void test_many_at_once(void **state)
{
    enum { MANY = 64 };
    static const char *const argv[] = {"x", NULL};
    struct spawn good = spawn_of("/bin/true", argv), bad = spawn_of("/nowhere", argv);
    struct child children[MANY];
    bool started[MANY];

    (void)state;
    for (int i = 0; i < MANY; i++) {
        started[i] = spawn_start(i % 2 == 0 ? &good : &bad, &children[i], NULL, NULL);
        assert_int_equal(access("/nowhere/at/all", F_OK), -1);
        assert_int_equal(errno, ENOENT);
        errno = EXDEV;
    }
    assert_int_equal(errno, EXDEV);
    for (int i = 0; i < MANY; i++) {
        struct child_end end;

        assert_true(started[i] || i % 2 != 0);
        if (started[i]) {
            wait_for_end(&children[i]);
            assert_int_equal(child_never_ran(&children[i], NULL), i % 2 != 0);
            assert_true(child_reap(&children[i], &end));
            assert_int_equal(end.exit_code, i % 2 == 0 ? 0 : 127);
        }
    }
}

/* What is not there or may not be executed is passed over; what fails otherwise is the end of it.
 */
static void test_sooner(void **state)
{
    static const char *const argv[] = {"x", NULL};
    static const char *const sooner[] = {"/nowhere/x", "/dev/null/x", "/dev", "/bin/true", NULL};
    static const char *const missing[] = {"/nowhere/x", NULL};
    static const char *const damaged[] = {"/nowhere/x", "damaged", NULL};
    struct spawn spawn = spawn_of("/bin/false", argv);
    struct child child;
    struct child_end end;
    struct err err = {0};
    int fd;

    assert_int_equal(chdir(*state), 0);
    fd = open("damaged", O_WRONLY | O_CREAT, 0755);
    close(fd);
    spawn.early = NULL;
    spawn.sooner = sooner;
    assert_true(spawn_start(&spawn, &child, NULL, &err));
    assert_true(child_reap(&child, &end));
    assert_int_equal(end.exit_code, 0);
    spawn.sooner = missing;
    assert_true(spawn_start(&spawn, &child, NULL, &err));
    assert_true(child_reap(&child, &end));
    assert_int_equal(end.exit_code, 1);
    spawn.sooner = damaged;
    assert_false(spawn_start(&spawn, &child, NULL, &err));
    assert_int_equal(err.sys, ENOEXEC);
}

static unsigned open_fds(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < 1024; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

/* They take what they need from our table, leave the rest, and change nothing in it. */
static void test_descriptors_stay(void **state)
{
    enum { MANY = 32 };
    static const char *const argv[] = {"sh", "-c", "echo /proc/self/fd/*; echo abc >&7", NULL};
    struct spawn spawn = spawn_of("/bin/sh", argv);
    struct child children[MANY];
    char words[4 * MANY];
    int out[MANY][2], word[2];
    unsigned before;

    (void)state;
    spawn.fds_stay = true;
    assert_int_equal(sys_pipe(word, 0), 0);
    word[1] = spawn_fd_up(word[1]);
    spawn.stdin_fd = spawn_fd_up(spawn_open_empty());
    assert_true(spawn.stdin_fd > 7);
    spawn.fds = &(struct spawn_fd){word[1], 7};
    spawn.fd_count = 1;
    before = open_fds();
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(sys_pipe(out[i], 0), 0);
        spawn.stdout_fd = out[i][1];
        assert_true(spawn_start(&spawn, &children[i], NULL, NULL));
    }
    for (int i = 0; i < MANY; i++) {
        char text[200] = "";
        struct child_end end;

        assert_true(child_reap(&children[i], &end));
        assert_int_equal(end.exit_code, 0);
        sys_close(out[i][1]);
        assert_true(sys_read_full(out[i][0], text, sizeof(text) - 1) > 0);
        assert_string_equal(text, "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 "
                                  "/proc/self/fd/3 /proc/self/fd/7\n");
        sys_close(out[i][0]);
    }
    assert_int_equal(sys_read_full(word[0], words, sizeof(words)), sizeof(words));
    assert_memory_equal(words, "abc\nabc\n", 8);
    assert_int_equal(open_fds(), before);
    sys_close(word[0]);
    sys_close(word[1]);
    sys_close(spawn.stdin_fd);
}

static bool is_one_of_two(void *ctx, pid_t pid)
{
    const struct child *two = ctx;

    return pid == two[0].pid || pid == two[1].pid;
}

/* Those that were started are named one by one until they are reaped, orphans are reaped. */
static void test_ends_by_signal(void **state)
{
    static const char *const argv[] = {"sh", "-c", "setsid true & exit 3", NULL};
    struct spawn spawn = spawn_of("/bin/sh", argv);
    struct child two[2], other;
    struct child_end end;
    uint32_t seen = 0;
    siginfo_t left;

    (void)state;
    spawn.by_signal = true;
    assert_true(children_subreaper(NULL));
    for (int i = 0; i < 2; i++) {
        assert_true(spawn_start(&spawn, &two[i], NULL, NULL));
        assert_int_equal(two[i].pidfd, -1);
    }
    assert_true(spawn_start(&spawn, &other, NULL, NULL));
    while (seen < 2) {
        pid_t pid = children_next_ended(is_one_of_two, two);
        struct child *child = pid == two[0].pid ? &two[0] : &two[1];

        assert_true(pid >= 0);
        if (pid == 0) {
            poll(NULL, 0, 1);
            continue;
        }
        assert_int_equal(child->pid, pid);
        assert_int_equal(children_next_ended(is_one_of_two, two), pid);
        child->ended = true;
        assert_true(child_reap(child, &end));
        assert_int_equal(end.exit_code, 3);
        seen++;
    }
    while (waitid(P_ALL, 0, &left, WEXITED | WNOHANG | WNOWAIT) == 0) {
        assert_int_equal(children_next_ended(is_one_of_two, two), 0);
        poll(NULL, 0, 1);
    }
    assert_int_equal(errno, ECHILD);
}

static void test_usage(void **state)
{
    static struct outcome outcome;

    (void)state;
    run_shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done", NULL, &outcome);
    assert_true(outcome.end.cpu_ns > 0);
}

/* A floor that is not known yet is asked for when a peak lies above it. */
static void test_floor(void **state)
{
    static const char *const argv[] = {"true", NULL};
    struct spawn spawn = spawn_of("/bin/true", argv);
    struct child child;
    struct child_end end;
    int64_t floor_bytes = 0;

    (void)state;
    spawn.rss_floor_bytes = &floor_bytes;
    for (int i = 0; i < 2; i++) {
        assert_true(spawn_start(&spawn, &child, NULL, NULL));
        assert_true(child_reap(&child, &end));
        assert_int_equal(end.peak_bytes, 0);
        assert_true(floor_bytes > 0 && floor_bytes <= child_own_peak());
    }
}

static int make_dir(void **state)
{
    static char dir[64];

    strcpy(dir, "/tmp/pawl-spawn-XXXXXX");
    *state = mkdtemp(dir);
    return *state == NULL;
}

static int remove_dir(void **state)
{
    char command[100];

    snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
    return chdir("/") != 0 || system(command) != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_argument_bytes),
        cmocka_unit_test(test_folder_and_environment),
        cmocka_unit_test(test_end_by_code_and_signal),
        cmocka_unit_test(test_empty_stdin),
        cmocka_unit_test(test_other_descriptors_are_closed),
        cmocka_unit_test(test_extra_descriptors_arrive),
        cmocka_unit_test(test_signals_are_as_at_start),
        cmocka_unit_test(test_limits_and_umask_are_as_at_start),
        cmocka_unit_test(test_own_group),
        cmocka_unit_test_setup_teardown(test_failed_starts_are_explained, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_search, make_dir, remove_dir),
        cmocka_unit_test(test_group_with_grandchildren_is_killed),
        cmocka_unit_test(test_end_is_seen_before_reaping),
        cmocka_unit_test(test_orphans_of_other_groups_are_killed),
        cmocka_unit_test(test_terminal_is_handed_over),
        cmocka_unit_test(test_group_is_killed_at_once),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test_setup_teardown(test_sooner, make_dir, remove_dir),
        cmocka_unit_test(test_descriptors_stay),
        cmocka_unit_test(test_ends_by_signal),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_floor),
    };
    int failed;

    origin_note(&origin);
    sigemptyset(&origin.mask);
    for (int i = 0; i < ORIGIN_SIGNALS; i++) {
        origin.ignored[i] = false;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_init(&early_arena);
    early = &early_arena;
    failed += cmocka_run_group_tests(tests, NULL, NULL);
    arena_fini(&early_arena);
    return failed;
}
