/* Locks between processes: who holds, what others read, that the kernel frees them, and that the
 * lives lock stays with a child. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "os/lock.h"

static char dir[64], path[100];

static const struct lock_holder me = {
    .pid = 4711,
    .since_ns = 1795218072000000000,
    .run = "20261120T234112Z-7f3a",
    .host = "build-3",
    .what = "run",
};

/* A process that holds the lock until it is killed. */
static pid_t hold_in_child(void)
{
    int fds[2];
    char go = 0;
    pid_t pid;

    assert_int_equal(sys_pipe(fds, 0), 0);
    pid = fork();
    if (pid == 0) {
        struct lock lock;

        if (lock_take(&lock, path, &me, NULL, NULL) != LOCK_HELD) {
            _exit(1);
        }
        (void)!write(fds[1], "x", 1);
        for (;;) {
            pause();
        }
    }
    sys_close(fds[1]);
    assert_int_equal(read(fds[0], &go, 1), 1);
    sys_close(fds[0]);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_another_process_is_kept_out(void **state)
{
    struct lock_holder other, mine = {.pid = getpid()};
    struct lock lock;
    struct err err = {0};
    pid_t pid = hold_in_child();

    (void)state;
    assert_int_equal(lock_take(&lock, path, &mine, &other, &err), LOCK_BUSY);
    assert_int_equal(lock.fd, -1);
    assert_int_equal(err.status, STATUS_LOCKED);
    assert_non_null(strstr(err.text, "held by process 4711 on build-3, pawl run, run "
                                     "20261120T234112Z-7f3a"));
    assert_int_equal(other.pid, 4711);
    assert_true(other.since_ns == me.since_ns);
    assert_string_equal(other.run, me.run);
    assert_string_equal(other.host, me.host);
    assert_string_equal(other.what, me.what);
    /* It dies with its holder; what is written there is not believed. */
    end(pid);
    assert_int_equal(lock_take(&lock, path, &mine, &other, &err), LOCK_HELD);
    lock_release(&lock);
}

static void test_closing_another_descriptor_keeps_it(void **state)
{
    struct lock lock, second;
    struct err err = {0};
    int fd;

    (void)state;
    assert_int_equal(lock_take(&lock, path, &me, NULL, &err), LOCK_HELD);
    fd = lock_file_open(path, &err);
    sys_close(fd);
    assert_int_equal(lock_take(&second, path, &me, NULL, &err), LOCK_BUSY);
    lock_release(&lock);
    assert_int_equal(lock_take(&second, path, &me, NULL, &err), LOCK_HELD);
    lock_release(&second);
}

static void test_facts_can_be_told_later(void **state)
{
    struct lock lock, second;
    struct lock_holder holder = {.pid = 1, .since_ns = 5}, other;
    struct err err = {0};

    (void)state;
    assert_int_equal(lock_take(&lock, path, &me, NULL, &err), LOCK_HELD);
    assert_true(lock_tell(&lock, &holder, &err));
    assert_int_equal(lock_take(&second, path, &me, &other, &err), LOCK_BUSY);
    assert_int_equal(other.pid, 1);
    assert_string_equal(other.run, "");
    lock_release(&lock);
}

static void test_any_content_is_survived(void **state)
{
    static const char *const contents[] = {
        "",
        "\n",
        "pawl-lock 1 ",
        "pawl-lock 1 1 2 a b c",
        "pawl-lock 1 99999999999999 2 a b c\n",
        "pawl-lock 1 1 2 a b\n",
        "pawl-lock 2 1 2 a b c\n",
        "pawl-lock 1 1 2 "
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx b c\n",
    };
    struct lock lock, second;
    struct lock_holder other;
    struct err err = {0};

    (void)state;
    assert_int_equal(lock_take(&lock, path, &me, NULL, &err), LOCK_HELD);
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        assert_int_equal(sys_truncate(lock.fd, 0), 0);
        assert_int_equal(sys_pwrite_full(lock.fd, contents[i], strlen(contents[i]), 0), 0);
        assert_int_equal(lock_take(&second, path, &me, &other, &err), LOCK_BUSY);
        assert_int_equal(other.pid, 0);
    }
    lock_release(&lock);
}

static void test_a_child_keeps_the_lives_lock(void **state)
{
    struct lock lock, second;
    struct err err = {0};
    pid_t pid;

    (void)state;
    assert_int_equal(lock_take_lives(&lock, path, &err), LOCK_HELD);
    pid = fork();
    if (pid == 0) {
        for (;;) {
            pause();
        }
    }
    lock_release(&lock);
    assert_int_equal(lock_take_lives(&second, path, &err), LOCK_BUSY);
    assert_int_equal(err.status, STATUS_LOCKED);
    end(pid);
    assert_int_equal(lock_take_lives(&second, path, &err), LOCK_HELD);
    lock_release(&second);
}

static void test_ranges(void **state)
{
    struct err err = {0};
    int a = lock_file_open(path, &err), b = lock_file_open(path, &err);

    (void)state;
    assert_int_equal(sys_lock(a, F_RDLCK, 0, 1, false), 0);
    assert_int_equal(sys_lock(b, F_RDLCK, 0, 1, false), 0);
    assert_int_equal(sys_lock(b, F_WRLCK, 0, 1, false), -1);
    assert_int_equal(sys_lock(b, F_WRLCK, 1, 1, false), 0);
    assert_int_equal(sys_lock_probe(a, F_WRLCK, 1, 1), 1);
    assert_int_equal(sys_lock_probe(a, F_WRLCK, 2, 1), 0);
    sys_close(a);
    sys_close(b);
}

static void test_probe(void **state)
{
    struct err err = {0};

    (void)state;
    assert_true(lock_probe(dir, &err));
    assert_false(lock_probe("/no/such/folder", &err));
    assert_int_equal(err.status, STATUS_ENVIRONMENT);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/pawl-lock-XXXXXX");
    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    snprintf(path, sizeof(path), "%s/lock", dir);
    return 0;
}

/* Fails when something else than the lock file was left behind. */
static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_another_process_is_kept_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_closing_another_descriptor_keeps_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_facts_can_be_told_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_any_content_is_survived, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_child_keeps_the_lives_lock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ranges, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_probe, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
