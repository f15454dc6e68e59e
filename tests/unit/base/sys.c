/* The wrappers, built here with faults compiled in: which call fails, when, how, and what the
 * wrappers hide (EINTR, short writes). */
#ifndef PAWL_FAULT
#define PAWL_FAULT
#endif
#include "base/sys.c"
#include "base/sys_fault.c"
#include "base/sys_fd.c"
#include "base/sys_names.c"
#include "base/sys_process.c"
#include "base/sys_stat.c"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static char dir[64];

static void faults(const char *rules)
{
    setenv("PAWL_FAULT", rules, 1);
    assert_true(sys_fault_init());
}

static void test_nth_call_fails(void **state)
{
    (void)state;
    faults("mkdir:2:ENOSPC");
    assert_int_equal(sys_mkdir("a", 0777), 0);
    assert_int_equal(sys_mkdir("b", 0777), -1);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(sys_mkdir("b", 0777), 0);
}

static void test_every_later_call(void **state)
{
    (void)state;
    faults("mkdir:2+:EROFS,unlink:1:EIO");
    assert_int_equal(sys_mkdir("a", 0777), 0);
    assert_int_equal(sys_mkdir("b", 0777), -1);
    assert_int_equal(sys_mkdir("c", 0777), -1);
    assert_int_equal(errno, EROFS);
    assert_int_equal(sys_rmdir("a"), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(sys_rmdir("a"), 0);
}

static void test_any_counts_all(void **state)
{
    struct sys_stat stat;

    (void)state;
    faults("any:3:EMFILE");
    assert_int_equal(sys_mkdir("a", 0777), 0);
    assert_int_equal(sys_stat("a", &stat), 0);
    assert_int_equal(sys_open("a", O_RDONLY, 0), -1);
    assert_int_equal(errno, EMFILE);
}

static void test_interruption_is_hidden(void **state)
{
    int fd;

    (void)state;
    faults("open:1:EINTR,write:1:EINTR,close:1:EINTR");
    fd = sys_open("f", O_RDWR | O_CREAT, 0666);
    assert_true(fd >= 0);
    assert_int_equal(sys_write(fd, "abc", 3), 3);
    assert_int_equal(sys_close(fd), 0);
}

static void test_short_moves(void **state)
{
    char text[8] = {0};
    int fd;

    (void)state;
    faults("write:1:short,read:1+:short");
    fd = sys_open("f", O_RDWR | O_CREAT, 0666);
    assert_int_equal(sys_write(fd, "abcdef", 6), 3);
    assert_int_equal(sys_seek(fd, 0, SEEK_SET), 0);
    faults("write:1+:short,read:1+:short");
    assert_int_equal(sys_write_full(fd, "uvwxyz", 6), 0);
    assert_int_equal(sys_seek(fd, 0, SEEK_SET), 0);
    assert_int_equal(sys_read_full(fd, text, sizeof(text)), 6);
    assert_string_equal(text, "uvwxyz");
    sys_close(fd);
}

static void test_close_fails_but_closes(void **state)
{
    int fd;

    (void)state;
    faults("close:1:EIO");
    fd = sys_open("f", O_RDWR | O_CREAT, 0666);
    assert_int_equal(sys_close(fd), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void test_killed(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        faults("rename:1:kill");
        sys_rename("none", "other");
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_what_fired_is_written(void **state)
{
    char text[64] = {0};
    int fd;

    (void)state;
    setenv("PAWL_FAULT_FILE", "fired", 1);
    faults("mkdir:1:EIO,stat:100:EIO,any:1:pass");
    sys_mkdir("a", 0777);
    sys_mkdir("a", 0777);
    unsetenv("PAWL_FAULT_FILE");
    faults("");
    fd = sys_open("fired", O_RDONLY, 0);
    assert_int_equal(sys_read_full(fd, text, sizeof(text)), 35);
    assert_string_equal(text, "mkdir:1:EIO mkdir\nany:1:pass mkdir\n");
    sys_close(fd);
}

static void test_wrong_rules_are_refused(void **state)
{
    static const char *const bad[] = {"mkdir",       "mkdir:1",      "mkdir:0:EIO",
                                      "mkdir:x:EIO", "mkdir:1:EFOO", "mkdirs:1:EIO",
                                      ":1:EIO",      "mkdir:1:EIO,,"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        setenv("PAWL_FAULT", bad[i], 1);
        if (sys_fault_init()) {
            fail_msg("'%s' was taken", bad[i]);
        }
    }
}

static void test_stat(void **state)
{
    struct sys_stat by_fd, by_path, old, link;
    struct timespec times[2] = {{5, 6}, {-7, 8}};
    int fd;

    (void)state;
    faults("");
    fd = sys_open("f", O_RDWR | O_CREAT, 0640);
    assert_int_equal(sys_write_full(fd, "12345", 5), 0);
    assert_int_equal(sys_futimens(fd, times), 0);
    assert_int_equal(sys_fstat(fd, &by_fd), 0);
    assert_int_equal(sys_stat("f", &by_path), 0);
    assert_int_equal(by_fd.ino, by_path.ino);
    assert_int_equal(by_fd.size_bytes, 5);
    assert_true(by_fd.mtime_ns == -7 * INT64_C(1000000000) + 8);
    assert_true(S_ISREG(by_fd.mode));
    assert_int_equal(stat_old(AT_FDCWD, "f", 0, &old), 0);
    old.mount_id = by_path.mount_id;
    old.has_mount_id = by_path.has_mount_id;
    assert_int_equal(old.ino, by_path.ino);
    assert_true(old.ctime_ns == by_path.ctime_ns && old.mtime_ns == by_path.mtime_ns);
    assert_int_equal(old.dev_major, by_path.dev_major);
    assert_int_equal(old.dev_minor, by_path.dev_minor);
    assert_int_equal(old.mode, by_path.mode);
    assert_int_equal(sys_symlink("f", "l"), 0);
    assert_int_equal(sys_lstat("l", &link), 0);
    assert_true(S_ISLNK(link.mode));
    assert_int_equal(sys_stat("gone", &link), -1);
    assert_int_equal(errno, ENOENT);
    sys_close(fd);
}

static void test_descriptors_close_at_exec(void **state)
{
    int fds[2], fd, copy;

    (void)state;
    faults("");
    fd = sys_open("f", O_RDWR | O_CREAT, 0666);
    copy = sys_dup(fd);
    assert_int_equal(sys_pipe(fds, 0), 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(copy, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
    assert_int_equal(sys_set_cloexec(copy, false), 0);
    assert_int_equal(fcntl(copy, F_GETFD), 0);
    sys_close(fd);
    sys_close(copy);
    sys_close(fds[0]);
    sys_close(fds[1]);
}

static void test_folders_are_listed_both_ways(void **state)
{
    char data[4096];
    struct dirent *entry;
    int count = 0, raw = 0, fd;
    ssize_t len;
    DIR *stream;

    (void)state;
    faults("");
    sys_mkdir("d", 0777);
    sys_mkdir("d/one", 0777);
    sys_mkdir("d/..two", 0777);
    stream = sys_opendir("d");
    while ((entry = sys_readdir(stream)) != NULL) {
        count++;
    }
    assert_int_equal(errno, 0);
    sys_closedir(stream);
    assert_int_equal(count, 2);
    fd = sys_open("d", O_RDONLY | O_DIRECTORY, 0);
    len = sys_getdents(fd, data, sizeof(data));
    for (ssize_t at = 0; at < len;) {
        const struct sys_dirent *record = (const void *)(data + at);

        raw += strcmp(record->name, "one") == 0 || strcmp(record->name, "..two") == 0;
        at += record->record_bytes;
    }
    sys_close(fd);
    assert_int_equal(raw, 2);
}

static void test_copies_inside_the_kernel(void **state)
{
    char text[8] = {0};
    int64_t in_at = 1, out_at = 0;
    int in, out;

    (void)state;
    faults("");
    in = sys_open("in", O_RDWR | O_CREAT, 0666);
    out = sys_open("out", O_RDWR | O_CREAT, 0666);
    assert_int_equal(sys_write_full(in, "abcdef", 6), 0);
    assert_int_equal(sys_copy_file_range(in, &in_at, out, &out_at, 3), 3);
    assert_int_equal(in_at, 4);
    assert_int_equal(sys_seek(out, 3, SEEK_SET), 3);
    assert_int_equal(sys_sendfile(out, in, &in_at, 2), 2);
    assert_int_equal(in_at, 6);
    assert_int_equal(sys_pread_full(out, text, sizeof(text), 0), 5);
    assert_string_equal(text, "bcdef");
    sys_close(in);
    sys_close(out);
}

static void test_wait_tells_usage(void **state)
{
    struct sys_wait wait;
    struct rusage usage = {0};
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        _exit(7);
    }
    faults("");
    assert_int_equal(sys_waitid(P_PID, (id_t)pid, WEXITED, &wait, &usage), 0);
    assert_int_equal(wait.pid, pid);
    assert_int_equal(wait.code, CLD_EXITED);
    assert_int_equal(wait.status, 7);
    assert_true(usage.ru_maxrss > 0);
    assert_true(sys_affinity_count() >= 1);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/pawl-sys-XXXXXX");
    return mkdtemp(dir) == NULL || chdir(dir) != 0;
}

static int tear_down(void **state)
{
    char command[100];

    (void)state;
    fault_rule_count = 0;
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return chdir("/") != 0 || system(command) != 0;
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nth_call_fails),
        TEST(test_every_later_call),
        TEST(test_any_counts_all),
        TEST(test_interruption_is_hidden),
        TEST(test_short_moves),
        TEST(test_close_fails_but_closes),
        TEST(test_killed),
        TEST(test_what_fired_is_written),
        TEST(test_wrong_rules_are_refused),
        TEST(test_stat),
        TEST(test_descriptors_close_at_exec),
        TEST(test_folders_are_listed_both_ways),
        TEST(test_copies_inside_the_kernel),
        TEST(test_wait_tells_usage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
