/* Output of commands: no output no file, much output, who holds the pipe open, files that fail. */
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "os/pipe_log.h"

struct fixture {
    char dir[64], path[100];
    struct pipe_log log;
    int child_fd;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct err err = {0};

    strcpy(fixture->dir, "/tmp/pawl-pipe-XXXXXX");
    if (mkdtemp(fixture->dir) == NULL) {
        return 1;
    }
    snprintf(fixture->path, sizeof(fixture->path), "%s/log", fixture->dir);
    *state = fixture;
    return !pipe_log_open(&fixture->log, fixture->path, 64 << 20, &fixture->child_fd, &err);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    pipe_log_free(&fixture->log);
    unlink(fixture->path);
    rmdir(fixture->dir);
    free(fixture);
    return 0;
}

static void expect_file(const char *path, const char *want, size_t len)
{
    char *have = malloc(len + 1);
    int fd = sys_open(path, O_RDONLY, 0);

    assert_true(fd >= 0);
    assert_int_equal(sys_read_full(fd, have, len + 1), len);
    assert_memory_equal(have, want, len);
    sys_close(fd);
    free(have);
}

static void test_no_output_no_file(void **state)
{
    struct fixture *fixture = *state;
    struct sys_stat stat;

    assert_int_equal(pipe_log_read(&fixture->log), PIPE_OPEN);
    sys_close(fixture->child_fd);
    assert_int_equal(pipe_log_read(&fixture->log), PIPE_ENDED);
    pipe_log_drain(&fixture->log);
    assert_true(pipe_log_close(&fixture->log));
    assert_int_equal(sys_stat(fixture->path, &stat), -1);
    assert_int_equal(errno, ENOENT);
}

/* What of `len` bytes in pieces of `step` is in a log of 32 bytes at most: half is the tail. */
static void expect_limited(struct fixture *fixture, const char *text, size_t step, const char *want)
{
    struct err err = {0};
    size_t len = strlen(text);

    pipe_log_free(&fixture->log);
    sys_close(fixture->child_fd);
    unlink(fixture->path);
    assert_true(pipe_log_open(&fixture->log, fixture->path, 32, &fixture->child_fd, &err));
    for (size_t at = 0; at < len; at += step) {
        size_t piece = len - at < step ? len - at : step;

        assert_int_equal(write(fixture->child_fd, text + at, piece), piece);
        assert_int_equal(pipe_log_read(&fixture->log), PIPE_OPEN);
    }
    assert_true(pipe_log_close(&fixture->log));
    assert_int_equal(fixture->log.bytes, len);
    expect_file(fixture->path, want, strlen(want));
}

static void test_head_and_tail(void **state)
{
    static const char *const cases[][2] = {
        {"short", "short"},
        {"0123456789abcdef", "0123456789abcdef"},
        {"0123456789abcdefg", "0123456789abcdefg"},
        {"0123456789abcdef0123456789ABCDEF", "0123456789abcdef0123456789ABCDEF"},
        {"0123456789abcdef_0123456789ABCDEF",
         "0123456789abcdef\n[pawl: log_max of 32 bytes is reached: 1 bytes are left out here]\n"
         "0123456789ABCDEF"},
        {"0123456789abcde\n and this is left out\n01\n456789ABCDEF\n",
         "0123456789abcde\n[pawl: log_max of 32 bytes is reached: 25 bytes are left out here]\n"
         "456789ABCDEF\n"},
        {"0123456789abcdef and this is left out 0123456789ABCDE\n",
         "0123456789abcdef\n[pawl: log_max of 32 bytes is reached: 22 bytes are left out here]\n"
         "0123456789ABCDE\n"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t step = 1; step <= 60; step++) {
            expect_limited(*state, cases[i][0], step, cases[i][1]);
        }
    }
    sys_close(((struct fixture *)*state)->child_fd);
}

static void keep_text(void *ctx, const char *data, size_t len)
{
    strbuf_add(ctx, data, len);
}

static void test_masked(void **state)
{
    struct fixture *fixture = *state;
    struct mask_words words = {0};
    struct strbuf told = {0};

    mask_words_add(&words, STR("secret"));
    mask_words_done(&words);
    pipe_log_mask(&fixture->log, &words);
    pipe_log_on_data(&fixture->log, keep_text, &told);
    assert_int_equal(write(fixture->child_fd, "a sec", 5), 5);
    assert_int_equal(pipe_log_read(&fixture->log), PIPE_OPEN);
    assert_int_equal(told.len, 2);
    assert_int_equal(write(fixture->child_fd, "ret, and se", 11), 11);
    assert_int_equal(pipe_log_read(&fixture->log), PIPE_OPEN);
    sys_close(fixture->child_fd);
    pipe_log_add(&fixture->log, STR("cret and se"));
    assert_true(pipe_log_close(&fixture->log));
    expect_file(fixture->path, "a ***, and *** and se", 21);
    assert_int_equal(told.len, 21);
    assert_memory_equal(told.data, "a ***, and *** and se", 21);
    strbuf_fini(&told);
    mask_words_fini(&words);
}

static void count_bytes(void *ctx, const char *data, size_t len)
{
    (void)data;
    *(size_t *)ctx += len;
}

static pid_t write_much(int fd, size_t size)
{
    pid_t pid = fork();

    if (pid == 0) {
        char *data = malloc(size);

        /* The child's end must block: a command does not expect EAGAIN. */
        if ((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0) {
            _exit(2);
        }
        for (size_t i = 0; i < size; i++) {
            data[i] = (char)(i * 31 / 7);
        }
        _exit(sys_write_full(fd, data, size) == 0 ? 0 : 1);
    }
    sys_close(fd);
    return pid;
}

static char *much(size_t size)
{
    char *data = malloc(size);

    for (size_t i = 0; i < size; i++) {
        data[i] = (char)(i * 31 / 7);
    }
    return data;
}

static void expect_exit(pid_t pid, int code)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), code);
}

static void test_megabytes_arrive(void **state)
{
    struct fixture *fixture = *state;
    size_t size = 3000001, told = 0;
    char *want = much(size);
    pid_t pid = write_much(fixture->child_fd, size);

    pipe_log_on_data(&fixture->log, count_bytes, &told);
    for (;;) {
        struct pollfd ready = {.fd = fixture->log.fd, .events = POLLIN};

        assert_int_equal(poll(&ready, 1, 10000), 1);
        if (pipe_log_read(&fixture->log) == PIPE_ENDED) {
            break;
        }
    }
    assert_true(pipe_log_close(&fixture->log));
    expect_exit(pid, 0);
    assert_int_equal(fixture->log.bytes, size);
    assert_int_equal(told, size);
    expect_file(fixture->path, want, size);
    free(want);
}

/* A process that left the group keeps the pipe open and writes for ever. */
static void test_drain_does_not_wait_for_strangers(void **state)
{
    struct fixture *fixture = *state;
    char data[4096];
    pid_t pid;

    memset(data, 'x', sizeof(data));
    assert_int_equal(write(fixture->child_fd, "last words", 10), 10);
    pid = fork();
    if (pid == 0) {
        for (;;) {
            (void)!write(fixture->child_fd, data, sizeof(data));
        }
    }
    sys_close(fixture->child_fd);
    alarm(20);
    pipe_log_drain(&fixture->log);
    alarm(0);
    assert_true(fixture->log.bytes >= 10);
    assert_true(pipe_log_close(&fixture->log));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    {
        char head[10];
        int fd = sys_open(fixture->path, O_RDONLY, 0);

        assert_int_equal(sys_read_full(fd, head, 10), 10);
        assert_memory_equal(head, "last words", 10);
        sys_close(fd);
    }
}

static void test_drain_of_a_silent_open_pipe(void **state)
{
    struct fixture *fixture = *state;

    alarm(20);
    pipe_log_drain(&fixture->log);
    alarm(0);
    assert_int_equal(fixture->log.bytes, 0);
    sys_close(fixture->child_fd);
}

static void test_log_that_cannot_be_made(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(mkdir(fixture->path, 0777), 0);
    assert_int_equal(write(fixture->child_fd, "abc", 3), 3);
    assert_int_equal(pipe_log_read(&fixture->log), PIPE_OPEN);
    assert_int_equal(write(fixture->child_fd, "def", 3), 3);
    sys_close(fixture->child_fd);
    assert_int_equal(pipe_log_read(&fixture->log), PIPE_ENDED);
    assert_int_equal(fixture->log.bytes, 6);
    assert_int_equal(fixture->log.sys, EISDIR);
    assert_false(pipe_log_close(&fixture->log));
    rmdir(fixture->path);
}

static void run_pipe_file(struct fixture *fixture, int flags, bool want_splice)
{
    size_t size = 1000003;
    char *want = much(size);
    struct pipe_file pipe;
    struct err err = {0};
    int child_fd, fd = sys_open(fixture->path, O_WRONLY | O_CREAT | O_TRUNC | flags, 0666);
    pid_t pid;

    assert_true(pipe_file_open(&pipe, fd, &child_fd, &err));
    pid = write_much(child_fd, size);
    for (;;) {
        struct pollfd ready = {.fd = pipe.fd, .events = POLLIN};

        assert_int_equal(poll(&ready, 1, 10000), 1);
        if (pipe_file_read(&pipe) == PIPE_ENDED) {
            break;
        }
    }
    assert_true(pipe_file_close(&pipe));
    assert_int_equal(pipe.no_splice, !want_splice);
    assert_int_equal(pipe.bytes, size);
    expect_exit(pid, 0);
    sys_close(fd);
    expect_file(fixture->path, want, size);
    free(want);
}

static void test_stdout_to_a_file(void **state)
{
    struct fixture *fixture = *state;

    run_pipe_file(fixture, 0, true);
    /* The kernel does not splice to a file that is opened to append. */
    run_pipe_file(fixture, O_APPEND, false);
    sys_close(fixture->child_fd);
}

static void test_stdout_to_a_full_disk(void **state)
{
    struct fixture *fixture = *state;
    struct pipe_file pipe;
    struct err err = {0};
    int child_fd, fd = sys_open("/dev/full", O_WRONLY, 0);

    assert_true(fd >= 0);
    assert_true(pipe_file_open(&pipe, fd, &child_fd, &err));
    assert_int_equal(write(child_fd, "abcdef", 6), 6);
    assert_int_equal(pipe_file_read(&pipe), PIPE_OPEN);
    assert_int_equal(write(child_fd, "ghi", 3), 3);
    pipe_file_drain(&pipe);
    sys_close(child_fd);
    assert_int_equal(pipe_file_read(&pipe), PIPE_ENDED);
    assert_int_equal(pipe.sys, ENOSPC);
    assert_int_equal(pipe.bytes, 9);
    assert_false(pipe_file_close(&pipe));
    sys_close(fd);
    sys_close(fixture->child_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_output_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_head_and_tail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_masked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_megabytes_arrive, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drain_does_not_wait_for_strangers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drain_of_a_silent_open_pipe, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_log_that_cannot_be_made, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stdout_to_a_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stdout_to_a_full_disk, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
