/* Survivors: those with the cookie die, wherever they hid; all others live. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "os/survivors.h"

static pid_t start(const char *entry)
{
    char *const argv[] = {(char *)"sleep", (char *)"1000", NULL};
    char *const envp[] = {(char *)"A=1", (char *)entry, NULL};
    int fds[2];
    char byte;
    pid_t pid;

    /* The pipe closes at exec: from then on the environment is the new one. */
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        setsid();
        execve("/bin/sleep", argv, envp);
        _exit(1);
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], &byte, 1), 0);
    close(fds[0]);
    return pid;
}

static bool is_killed(pid_t pid)
{
    int status;

    return waitpid(pid, &status, WNOHANG) == pid && WIFSIGNALED(status) &&
           WTERMSIG(status) == SIGKILL;
}

static void test_only_those_with_the_cookie_die(void **state)
{
    const struct str cookies[] = {STR("c-1"), STR("c-2")};
    pid_t one = start("PAWL_ATTEMPT_ID=c-1"), two = start("PAWL_ATTEMPT_ID=c-2");
    pid_t longer = start("PAWL_ATTEMPT_ID=c-11"), other = start("XPAWL_ATTEMPT_ID=c-1");
    struct survivors_result result;
    struct err err = {0};

    (void)state;
    assert_true(survivors_kill(cookies, 2, 10 * NS_PER_SEC, &result, &err));
    assert_int_equal(result.found, 2);
    assert_int_equal(result.killed, 2);
    assert_true(is_killed(one));
    assert_true(is_killed(two));
    assert_int_equal(waitpid(longer, NULL, WNOHANG), 0);
    assert_int_equal(waitpid(other, NULL, WNOHANG), 0);
    kill(longer, SIGKILL);
    kill(other, SIGKILL);
    waitpid(longer, NULL, 0);
    waitpid(other, NULL, 0);
    assert_true(survivors_kill(cookies, 2, 10 * NS_PER_SEC, &result, &err));
    assert_int_equal(result.found, 0);
}

/* A pawl inside a stage has the cookie itself. */
static void test_never_ourselves(void **state)
{
    char *const argv[] = {(char *)"survivors", (char *)"self", NULL};
    char *const envp[] = {(char *)"PAWL_ATTEMPT_ID=c-self", NULL};
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        execve("/proc/self/exe", argv, envp);
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int kill_own_cookie(void)
{
    const struct str cookie = STR("c-self");
    struct survivors_result result;

    return survivors_kill(&cookie, 1, NS_PER_SEC, &result, NULL) && result.found == 0 ? 0 : 1;
}

static void test_scope(void **state)
{
    char scope[SURVIVORS_SCOPE_BYTES];

    (void)state;
    survivors_scope(scope);
    assert_int_equal(strlen(scope) > 36 + 1, 1);
    assert_non_null(strstr(scope, " pid:["));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_those_with_the_cookie_die),
        cmocka_unit_test(test_never_ourselves),
        cmocka_unit_test(test_scope),
    };

    if (argc == 2 && strcmp(argv[1], "self") == 0) {
        return kill_own_cookie();
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
