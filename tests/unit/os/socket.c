/* Named sockets: who listens, who is at the other end, and where nobody is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../temp_folder.h"
#include "base/sys.h"
#include "os/socket.h"

static struct temp_folder folder;

static int set_up(void **state)
{
    (void)state;
    temp_folder_in(&folder, NULL);
    return fchdir(folder.fd);
}

static int tear_down(void **state)
{
    (void)state;
    if (chdir("/") == 0) {
        temp_folder_remove(&folder);
    }
    return 0;
}

static void both_ends_know_each_other(void **state)
{
    struct err err = {0};
    struct socket_peer peer;
    struct stat stat_of;
    int listens = socket_listen("s", 4, &err), asks, hears;
    char byte = 0;

    (void)state;
    assert_true(listens >= 0);
    assert_int_equal(stat("s", &stat_of), 0);
    assert_int_equal(stat_of.st_mode & 0777, 0600);
    assert_int_equal(sys_accept(listens, NULL, NULL, 0), -1); /* it does not block */
    assert_int_equal(errno, EAGAIN);
    asks = socket_connect("s", &err);
    assert_true(asks >= 0);
    hears = sys_accept(listens, NULL, NULL, 0);
    assert_true(hears >= 0);
    assert_true(socket_peer(hears, &peer));
    assert_int_equal(peer.uid, geteuid());
    assert_int_equal(peer.pid, getpid());
    assert_true(socket_peer(asks, &peer));
    assert_int_equal(peer.pid, getpid());
    assert_int_equal(sys_send(asks, "x", 1, 0), 1);
    assert_int_equal(sys_recv(hears, &byte, 1, 0), 1);
    assert_int_equal(byte, 'x');
    close(asks);
    close(hears);
    close(listens);
}

/* What a killed process left is in nobody's way. */
static void a_stale_one_is_replaced(void **state)
{
    struct err err = {0};
    int first = socket_listen("s", 4, &err), second;

    (void)state;
    close(first);
    assert_int_equal(socket_connect("s", &err), -1);
    assert_int_equal(err.sys, ECONNREFUSED);
    second = socket_listen("s", 4, &err);
    assert_true(second >= 0);
    close(second);
}

static void where_nobody_is(void **state)
{
    struct err err = {0};
    char path[200];

    (void)state;
    assert_int_equal(socket_connect("none", &err), -1);
    assert_int_equal(err.sys, ENOENT);
    memset(path, 'x', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(socket_connect(path, &err), -1);
    assert_int_equal(err.sys, ENAMETOOLONG);
    assert_int_equal(socket_listen(path, 4, &err), -1);
    assert_int_equal(err.sys, ENAMETOOLONG);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(both_ends_know_each_other),
        TEST(a_stale_one_is_replaced),
        TEST(where_nobody_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
