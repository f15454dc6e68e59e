/* Parking: good outputs come home whatever happened, from anywhere, however often it is asked, and
 * if it is killed at any call. */
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
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>

#include "../temp_folder.h"
#include "store/park.h"

static struct temp_folder here, other;
static struct clone_memory memory;
static struct park_place place;
static struct err err;
static struct arena arena;
static struct str paths[3];

#define RUN      STR("run1")
#define ATTEMPT  STR("a1")
#define INSTANCE STR("stage")

/* A workspace with a file, a folder and a link as good outputs. */
static void make_good(void)
{
    mkdirat(here.fd, "dir", 0777);
    mkdirat(here.fd, "out", 0777);
    mkdirat(here.fd, "out/sub", 0777);
    temp_write(here.fd, "dir/file", "good");
    temp_write(here.fd, "out/a", "good a");
    temp_write(here.fd, "out/sub/b", "good b");
    (void)!symlinkat("dir/file", here.fd, "link");
}

static void expect_good(void)
{
    temp_expect(here.fd, "dir/file", "good");
    temp_expect(here.fd, "out/a", "good a");
    temp_expect(here.fd, "out/sub/b", "good b");
    temp_expect(here.fd, "link", "good");
    assert_false(temp_exists(here.fd, "out/partial"));
}

static void make_partial(void)
{
    temp_write(here.fd, "dir/file", "partial");
    mkdirat(here.fd, "out", 0777);
    temp_write(here.fd, "out/partial", "partial");
}

static void place_in(int pawl_fd)
{
    place = (struct park_place){here.fd, pawl_fd, &memory};
}

static int setup(void **state)
{
    (void)state;
    err_clear(&err);
    arena_init(&arena);
    temp_folder_make(&here);
    mkdirat(here.fd, ".pawl", 0777);
    place_in(openat(here.fd, ".pawl", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    make_good();
    paths[0] = STR("dir/file");
    paths[1] = STR("out");
    paths[2] = STR("link");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close(place.pawl_fd);
    temp_folder_remove(&here);
    arena_fini(&arena);
    return 0;
}

static uint32_t park(void)
{
    uint32_t parked = 0;
    EXPECT_OK(park_outputs(&place, RUN, ATTEMPT, paths, 3, &parked, &err), &err);
    assert_false(temp_exists(here.fd, "dir/file"));
    assert_false(temp_exists(here.fd, "out/a"));
    assert_false(temp_exists(here.fd, "link"));
    return parked;
}

static void bring_back(uint32_t count, int64_t started_ns)
{
    EXPECT_OK(park_return(&place, RUN, ATTEMPT, paths, count, PARK_FATE_FAILED, INSTANCE,
                          started_ns, &err),
              &err);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static uint32_t count_parked(void)
{
    struct parked_list list;
    EXPECT_OK(park_list(&place, &arena, &list, &err), &err);
    return list.count;
}

/* As when killed between the removal of an attempt's folder and its run's. */
static void test_empty_run_goes(void **state)
{
    (void)state;
    mkdirat(here.fd, ".pawl/parked", 0777);
    mkdirat(here.fd, ".pawl/parked/run1", 0777);
    assert_int_equal(count_parked(), 0);
    assert_false(temp_exists(here.fd, ".pawl/parked/run1"));
}

static void test_return(void **state)
{
    (void)state;
    assert_int_equal(park(), 3);
    make_partial();
    bring_back(3, 0);
    expect_good();
    temp_expect(place.pawl_fd, "failed/run1/stage/dir/file", "partial");
    temp_expect(place.pawl_fd, "failed/run1/stage/out/partial", "partial");
    assert_int_equal(count_parked(), 0);
}

static void test_refused(void **state)
{
    (void)state;
    park();
    make_partial();
    EXPECT_OK(park_return(&place, RUN, ATTEMPT, paths, 3, PARK_FATE_REFUSED, INSTANCE, 0, &err),
              &err);
    expect_good();
    temp_expect(place.pawl_fd, "refused/run1/stage/dir/file", "partial");
}

static void test_drop(void **state)
{
    struct strbuf where;
    int dir;
    (void)state;
    strbuf_init(&where);
    park();
    make_partial();
    assert_true(park_find(&place, RUN, ATTEMPT, paths[0], &where, &dir));
    temp_expect(dir, where.data, "good");
    EXPECT_OK(park_drop_path(&place, RUN, ATTEMPT, paths[0], &err), &err);
    assert_false(park_find(&place, RUN, ATTEMPT, paths[0], &where, &dir));
    assert_true(park_find(&place, RUN, ATTEMPT, paths[1], &where, &dir));
    EXPECT_OK(park_drop(&place, RUN, ATTEMPT, paths, 3, &err), &err);
    EXPECT_OK(park_drop(&place, RUN, ATTEMPT, paths, 3, &err), &err);
    temp_expect(here.fd, "dir/file", "partial");
    assert_int_equal(count_parked(), 0);
    assert_false(temp_exists(place.pawl_fd, "parked/run1"));
    strbuf_fini(&where);
}

/* Killed before anything was parked: started is recorded, the outputs are old and stay. */
static void test_killed_before(void **state)
{
    (void)state;
    bring_back(3, now_ns() + 1000000000);
    expect_good();
}

/* Nothing existed, the command began to write, all was killed. */
static void test_killed_without_parked(void **state)
{
    int64_t started = now_ns() - 1000000000;
    (void)state;
    EXPECT_OK(tree_remove(here.fd, "dir/file", &err), &err);
    EXPECT_OK(tree_remove(here.fd, "out", &err), &err);
    EXPECT_OK(tree_remove(here.fd, "link", &err), &err);
    assert_int_equal(park(), 0);
    assert_false(temp_exists(place.pawl_fd, "parked"));
    make_partial();
    bring_back(3, started);
    assert_false(temp_exists(here.fd, "dir/file"));
    assert_false(temp_exists(here.fd, "out"));
    temp_expect(place.pawl_fd, "failed/run1/stage/out/partial", "partial");
}

/* The record of the run was lost: what lies parked finds its way home by its path. */
static void test_record_lost(void **state)
{
    struct parked_list list;
    (void)state;
    park();
    temp_write(here.fd, "dir/file", "partial");
    EXPECT_OK(park_list(&place, &arena, &list, &err), &err);
    assert_int_equal(list.count, 1);
    assert_true(str_equal(list.items[0].run, RUN));
    assert_true(str_equal(list.items[0].attempt, ATTEMPT));
    assert_false(list.items[0].unfinished);
    assert_int_equal(list.items[0].count, 4);
    bring_back(0, 0);
    expect_good();
    temp_expect(place.pawl_fd, "failed/run1/stage/dir/file", "partial");
}

static void test_bounded(void **state)
{
    (void)state;
    park();
    make_partial();
    int fd = openat(here.fd, "out/large", O_WRONLY | O_CREAT, 0666);
    assert_int_equal(ftruncate(fd, (off_t)PARK_FAILED_FILE_BYTES + 1), 0);
    close(fd);
    bring_back(3, 0);
    expect_good();
    temp_expect(place.pawl_fd, "failed/run1/stage/dir/file", "partial");
    assert_false(temp_exists(place.pawl_fd, "failed/run1/stage/out"));
}

static void test_keep(void **state)
{
    struct strbuf kept;
    (void)state;
    strbuf_init(&kept);
    EXPECT_OK(park_keep(&place, RUN, paths[0], &kept, &err), &err);
    assert_string_equal(kept.data, "kept/run1/dir/file");
    temp_write(here.fd, "dir/file", "second");
    EXPECT_OK(park_keep(&place, RUN, paths[0], &kept, &err), &err);
    assert_string_equal(kept.data, "kept/run1/dir/file.2");
    temp_expect(place.pawl_fd, "kept/run1/dir/file", "good");
    temp_expect(place.pawl_fd, "kept/run1/dir/file.2", "second");
    assert_false(park_keep(&place, RUN, paths[0], &kept, &err));
    strbuf_fini(&kept);
}

/* ---- .pawl on another file system: every rename there is EXDEV, so outputs are parked beside */

static int setup_across(void **state)
{
    struct stat a, b;
    setup(state);
    if (access("/dev/shm", W_OK) < 0 || stat("/dev/shm", &b) < 0 || fstat(here.fd, &a) < 0 ||
        a.st_dev == b.st_dev) {
        *state = NULL;
        return 0;
    }
    temp_folder_in(&other, "/dev/shm");
    close(place.pawl_fd);
    place_in(dup(other.fd));
    *state = &other;
    return 0;
}

static int teardown_across(void **state)
{
    if (*state != NULL) {
        temp_folder_remove(&other);
    }
    return teardown(state);
}

static void test_across_return(void **state)
{
    struct parked_list list;
    if (*state == NULL) {
        skip();
    }
    assert_int_equal(park(), 3);
    temp_expect(here.fd, "dir/file.pawl-parked.a1", "good");
    make_partial();
    EXPECT_OK(park_list(&place, &arena, &list, &err), &err);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].beside_count, 3);
    bring_back(3, 0);
    expect_good();
    temp_expect(place.pawl_fd, "failed/run1/stage/dir/file", "partial");
    assert_false(temp_exists(here.fd, "dir/file.pawl-parked.a1"));
    assert_int_equal(count_parked(), 0);
}

static void test_across_record_lost(void **state)
{
    if (*state == NULL) {
        skip();
    }
    park();
    make_partial();
    bring_back(0, 0);
    expect_good();
}

static void test_across_drop(void **state)
{
    if (*state == NULL) {
        skip();
    }
    park();
    EXPECT_OK(park_drop(&place, RUN, ATTEMPT, NULL, 0, &err), &err);
    assert_false(temp_exists(here.fd, "dir/file.pawl-parked.a1"));
    assert_false(temp_exists(here.fd, "out.pawl-parked.a1"));
}

/* ---- an output folder that is a mount point of its own: entry by entry, by copy */

static int in_mount_namespace(void)
{
    setup(NULL);
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        fchdir(here.fd) < 0 || mount("none", "out", "tmpfs", 0, NULL) < 0) {
        return 77;
    }
    make_good();
    assert_int_equal(park(), 3);
    assert_true(temp_exists(place.pawl_fd, "parked/run1/a1/out/sub/b"));
    make_partial();
    bring_back(3, 0);
    expect_good();
    assert_int_equal(umount("out"), 0);
    return 0;
}

static void test_volume(void **state)
{
    int status;
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        _exit(in_mount_namespace());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        skip();
    }
    assert_int_equal(status, 0);
}

/* ---- not ours to move: all or nothing */

static void test_refuses_whole(void **state)
{
    int status;
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    /* As somebody who owns .pawl and the first output, not the folder of the second. */
    assert_int_equal(fchownat(here.fd, "dir", 12345, 12345, 0), 0);
    assert_int_equal(fchownat(here.fd, "dir/file", 12345, 12345, 0), 0);
    assert_int_equal(fchown(place.pawl_fd, 12345, 12345), 0);
    assert_int_equal(fchmod(here.fd, 0755), 0);
    pid_t pid = fork();
    if (pid == 0) {
        bool refused = setresgid(12345, 12345, 12345) == 0 && setresuid(12345, 12345, 12345) == 0 &&
                       !park_outputs(&place, RUN, ATTEMPT, paths, 3, NULL, &err);
        _exit(refused && err.status == STATUS_ENVIRONMENT && strstr(err.text, "'out'") != NULL &&
                      strstr(err.text, "owner 0") != NULL
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    expect_good();
    assert_int_equal(count_parked(), 0);
}

/* ---- killed at each system call */

static void steps_park(void)
{
    (void)park_outputs(&place, RUN, ATTEMPT, paths, 3, NULL, NULL);
}

static void steps_return(void)
{
    (void)park_return(&place, RUN, ATTEMPT, paths, 3, PARK_FATE_FAILED, INSTANCE, 1, NULL);
}

/* Runs `steps` in a child that is killed at its n-th call; true if it was. */
static bool run_killed(int n, void (*steps)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        char rule[32];
        snprintf(rule, sizeof(rule), "any:%d:kill", n);
        setenv("PAWL_FAULT", rule, 1);
        if (!sys_fault_init()) {
            _exit(1);
        }
        steps();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

/* Parking killed anywhere: one recovery brings all home, a second one changes nothing. */
static void kill_parking(void)
{
    int n = 1;
    bool killed;
    do {
        int64_t started = now_ns() + 1000000000;
        killed = run_killed(n++, steps_park);
        if (killed) {
            bring_back(3, started);
            expect_good();
            bring_back(3, started);
            expect_good();
            assert_int_equal(count_parked(), 0);
        }
    } while (killed);
}

/* Returning killed anywhere, and repeated. */
static void kill_returning(void)
{
    int n = 1;
    bool killed;
    bring_back(3, 0);
    do {
        /* Good outputs are older than the attempt, partial ones newer. */
        struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
        int64_t started = INT64_C(2000) * 1000000000;
        tree_remove(here.fd, "out", NULL);
        make_good();
        utimensat(here.fd, "dir/file", old, 0);
        utimensat(here.fd, "out/a", old, 0);
        utimensat(here.fd, "out/sub/b", old, 0);
        utimensat(here.fd, "link", old, AT_SYMLINK_NOFOLLOW);
        park();
        make_partial();
        killed = run_killed(n++, steps_return);
        bring_back(3, started);
        expect_good();
        bring_back(3, started);
        expect_good();
        assert_int_equal(count_parked(), 0);
    } while (killed);
}

static void test_kill_parking(void **state)
{
    (void)state;
    kill_parking();
}

static void test_kill_returning(void **state)
{
    (void)state;
    kill_returning();
}

static void test_across_kill_parking(void **state)
{
    if (*state == NULL) {
        skip();
    }
    kill_parking();
}

static void test_across_kill_returning(void **state)
{
    if (*state == NULL) {
        skip();
    }
    kill_returning();
}

int main(void)
{
#define TEST(name)   cmocka_unit_test_setup_teardown(name, setup, teardown)
#define ACROSS(name) cmocka_unit_test_setup_teardown(name, setup_across, teardown_across)
    const struct CMUnitTest tests[] = {
        TEST(test_return),
        TEST(test_empty_run_goes),
        TEST(test_refused),
        TEST(test_drop),
        TEST(test_killed_before),
        TEST(test_killed_without_parked),
        TEST(test_record_lost),
        TEST(test_bounded),
        TEST(test_keep),
        ACROSS(test_across_return),
        ACROSS(test_across_record_lost),
        ACROSS(test_across_drop),
        TEST(test_volume),
        TEST(test_refuses_whole),
        TEST(test_kill_parking),
        TEST(test_kill_returning),
        ACROSS(test_across_kill_parking),
        ACROSS(test_across_kill_returning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
