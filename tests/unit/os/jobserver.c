/* Tokens: what MAKEFLAGS says, taking and giving back by pipe and by name, none lost and none too
 * many, nothing that blocks. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../temp_folder.h"
#include "os/jobserver.h"
#include "os/loop.h"

/* --- MAKEFLAGS --- */

static struct jobserver_offer parsed(const char *makeflags)
{
    struct jobserver_offer offer;

    jobserver_parse(str_of(makeflags), &offer);
    return offer;
}

static void expect_pipe(const char *makeflags, int read_fd, int write_fd, uint32_t jobs)
{
    struct jobserver_offer offer = parsed(makeflags);

    assert_int_equal(offer.kind, JOBSERVER_PIPE);
    assert_int_equal(offer.read_fd, read_fd);
    assert_int_equal(offer.write_fd, write_fd);
    assert_int_equal(offer.jobs, jobs);
}

static void expect_fifo(const char *makeflags, const char *path)
{
    struct jobserver_offer offer = parsed(makeflags);

    assert_int_equal(offer.kind, JOBSERVER_FIFO);
    assert_string_equal(offer.path, path);
}

static void offers(void **unused)
{
    (void)unused;
    expect_pipe(" -j8 --jobserver-auth=3,4", 3, 4, 8);
    expect_pipe("kn -j8 --jobserver-auth=3,4 -- A=--jobserver-auth=5,6", 3, 4, 8);
    expect_pipe(" --jobserver-fds=3,4 -j", 3, 4, 0); /* make before 4.2 */
    expect_pipe(" -j --jobserver-fds=7,9 --jobserver-auth=7,9", 7, 9, 0);
    expect_pipe(" --jobserver-auth=3,4 --jobserver-auth=5,6", 5, 6, 0);
    expect_pipe(" --jobserver-auth=fifo:/a --jobserver-auth=5,6", 5, 6, 0);
    expect_pipe(" -j8 --jobserver-auth=-2,-2", -1, -1, 8); /* make 4.4: not for this one */
    expect_fifo(" -j8 --jobserver-auth=fifo:/tmp/GMfifo12", "/tmp/GMfifo12");
    expect_fifo(" --jobserver-auth=fifo:/a\\ b/$$c", "/a b/$c");
    assert_int_equal(parsed("").kind, JOBSERVER_NONE);
    assert_int_equal(parsed(NULL).kind, JOBSERVER_NONE);
    assert_int_equal(parsed(" -j8").kind, JOBSERVER_NONE);
    assert_int_equal(parsed(" -j8").jobs, 8);
    assert_int_equal(parsed(" -j99999999999").jobs, 0);
    assert_int_equal(parsed(" --jobserver-auth=3").kind, JOBSERVER_NONE);
    assert_int_equal(parsed(" --jobserver-auth=a,b").kind, JOBSERVER_NONE);
    assert_int_equal(parsed(" --jobserver-auth=fifo:").kind, JOBSERVER_NONE);
    assert_int_equal(parsed(" --jobserver-auth=3,4 --jobserver-auth=").kind, JOBSERVER_NONE);
}

static void letters(void **unused)
{
    (void)unused;
    assert_true(parsed("n").dry_run);
    assert_true(parsed("kn -j2 --jobserver-auth=3,4").dry_run);
    assert_true(parsed("t").dry_run);
    assert_true(parsed("q").question);
    assert_false(parsed("q").dry_run);
    assert_false(parsed("k").dry_run);
    assert_false(parsed(" -j2 n").dry_run);
    assert_false(parsed("-n").dry_run); /* make writes the group without a dash */
    assert_false(parsed("name=next").dry_run);
    assert_false(parsed(" -- n").dry_run);
}

static void long_words(void **unused)
{
    char *flags = malloc(JOBSERVER_PATH_BYTES * 2);

    (void)unused;
    for (int more = -40; more < 40; more++) {
        int len = sprintf(flags, " --jobserver-auth=fifo:/");

        memset(flags + len, 'a', (size_t)(JOBSERVER_PATH_BYTES + more));
        flags[len + JOBSERVER_PATH_BYTES + more] = '\0';
        /* All of it or nothing. */
        assert_int_equal(parsed(flags).kind, more < -1 ? JOBSERVER_FIFO : JOBSERVER_NONE);
        if (more < -1) {
            assert_string_equal(parsed(flags).path, strchr(flags, ':') + 1);
        }
    }
    free(flags);
}

static struct jobserver_offer noted(int read_fd, int write_fd)
{
    struct jobserver_offer offer;
    char flags[64];

    snprintf(flags, sizeof(flags), "n -j2 --jobserver-auth=%d,%d", read_fd, write_fd);
    setenv("MAKEFLAGS", flags, 1);
    jobserver_note(&offer);
    unsetenv("MAKEFLAGS");
    return offer;
}

static void descriptors_are_looked_at(void **unused)
{
    int fds[2], others[2];

    (void)unused;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(pipe(others), 0);
    assert_false(noted(fds[0], fds[1]).closed);
    assert_true(noted(fds[1], fds[0]).closed);
    assert_true(noted(fds[0], others[1]).closed);
    assert_true(noted(fds[0], STDERR_FILENO).closed);
    assert_true(noted(-2, -2).closed);
    close(others[0]);
    close(others[1]);
    assert_true(noted(others[0], others[1]).closed);
    close(fds[0]);
    close(fds[1]);
    /* -n of a make that did not start us is nothing to us. */
    unsetenv("MAKELEVEL");
    assert_false(noted(3, 4).dry_run);
    setenv("MAKELEVEL", "1", 1);
    assert_true(noted(3, 4).dry_run);
    unsetenv("MAKELEVEL");
}

/* --- tokens --- */

static int in_pipe(int fd)
{
    int bytes = -1;

    assert_int_equal(ioctl(fd, FIONREAD, &bytes), 0);
    return bytes;
}

/* make's own pipe, seen from a client; each token another byte. */
static void client_of_a_pipe(void **unused)
{
    struct jobserver_offer offer = {.kind = JOBSERVER_PIPE};
    struct jobserver jobserver;
    char back[8];
    int fds[2];

    (void)unused;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "abc", 3), 3);
    offer.read_fd = fds[0];
    offer.write_fd = fds[1];
    assert_true(jobserver_join(&jobserver, &offer, NULL));
    assert_int_equal(jobserver_take(&jobserver, 1, 1), 1);
    assert_int_equal(in_pipe(fds[0]), 2);
    assert_int_equal(jobserver_take(&jobserver, 3, 3), 0); /* all or none */
    assert_int_equal(in_pipe(fds[0]), 2);
    assert_int_equal(jobserver_take(&jobserver, 1, 9), 2);
    assert_int_equal(jobserver_take(&jobserver, 1, 1), 0); /* and does not block */
    assert_int_equal(jobserver_take(&jobserver, 0, 4), 0);
    assert_int_equal(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
    jobserver_give(&jobserver, 1);
    assert_int_equal(in_pipe(fds[0]), 1);
    assert_int_equal(jobserver_take(&jobserver, 1, 1), 1);
    jobserver_close(&jobserver);
    assert_int_equal(read(fds[0], back, sizeof(back)), 3);
    assert_non_null(memchr(back, 'a', 3)); /* the bytes that were taken */
    assert_non_null(memchr(back, 'b', 3));
    assert_non_null(memchr(back, 'c', 3));
    close(fds[0]);
    close(fds[1]);
}

static void client_of_a_name(void **unused)
{
    struct jobserver_offer offer = {.kind = JOBSERVER_FIFO};
    struct jobserver jobserver;
    struct temp_folder folder;
    struct err err = {0};
    int fd;

    (void)unused;
    temp_folder_make(&folder);
    snprintf(offer.path, sizeof(offer.path), "%s/tokens", folder.path);
    assert_false(jobserver_join(&jobserver, &offer, &err)); /* not there */
    close(open(offer.path, O_CREAT | O_WRONLY, 0600));
    assert_false(jobserver_join(&jobserver, &offer, &err)); /* an ordinary file */
    unlink(offer.path);
    assert_int_equal(mkfifo(offer.path, 0600), 0);
    fd = open(offer.path, O_RDWR);
    assert_int_equal(write(fd, "++", 2), 2);
    assert_true(jobserver_join(&jobserver, &offer, &err));
    assert_int_equal(jobserver_take(&jobserver, 1, 3), 2);
    assert_int_equal(jobserver_take(&jobserver, 1, 1), 0);
    jobserver_close(&jobserver);
    assert_int_equal(in_pipe(fd), 2);
    assert_int_equal(access(offer.path, F_OK), 0); /* it is not ours */
    close(fd);
    temp_folder_remove(&folder);
}

static void count_tokens(struct jobserver *jobserver, uint32_t total)
{
    uint32_t got = jobserver_take(jobserver, 0, total + 5);

    assert_int_equal(got, total);
    jobserver_give(jobserver, got);
}

static void use_server(struct jobserver *jobserver)
{
    char byte;

    count_tokens(jobserver, 3);
    assert_true(jobserver_set_total(jobserver, 5));
    count_tokens(jobserver, 5);
    assert_true(jobserver_set_total(jobserver, 2));
    count_tokens(jobserver, 2);
    /* One is out while the number goes down: it goes when it is back. */
    assert_int_equal(read(jobserver->read_fd, &byte, 1), 1);
    assert_false(jobserver_set_total(jobserver, 0));
    assert_int_equal(write(jobserver->write_fd, &byte, 1), 1);
    assert_true(jobserver_set_total(jobserver, 0));
    count_tokens(jobserver, 0);
    /* One is lost, with one out with us; then there is one too many. */
    assert_true(jobserver_set_total(jobserver, 4));
    assert_int_equal(jobserver_take(jobserver, 1, 1), 1);
    assert_int_equal(jobserver_top_up(jobserver), 0);
    assert_int_equal(read(jobserver->read_fd, &byte, 1), 1);
    assert_int_equal(jobserver_top_up(jobserver), 1);
    assert_int_equal(write(jobserver->write_fd, "x", 1), 1);
    assert_int_equal(jobserver_top_up(jobserver), -1);
    jobserver_give(jobserver, 1);
    count_tokens(jobserver, 4);
}

static void server_by_pipe(void **unused)
{
    struct jobserver jobserver;
    struct arena arena;

    (void)unused;
    arena_init(&arena);
    assert_true(jobserver_make_pipe(&jobserver, 3, NULL));
    use_server(&jobserver);
    assert_string_equal(jobserver_makeflags(&jobserver, &arena, 4, 40, 41).data,
                        " -j4 --jobserver-auth=40,41");
    assert_string_equal(jobserver_makeflags(&jobserver, &arena, 0, 40, 41).data,
                        " -j --jobserver-auth=40,41");
    jobserver_close(&jobserver);
    jobserver_close(&jobserver); /* of one that is not open: nothing */
    arena_fini(&arena);
}

static void server_by_name(void **unused)
{
    struct jobserver jobserver;
    struct temp_folder folder;
    struct arena arena;
    struct err err = {0};
    struct str path, odd;

    (void)unused;
    temp_folder_make(&folder);
    arena_init(&arena);
    path = str_printf(&arena, "%s/tokens", folder.path);
    odd = str_printf(&arena, "%s/to kens", folder.path);
    close(open(path.data, O_CREAT | O_WRONLY, 0600)); /* left over */
    assert_true(jobserver_make_fifo(&jobserver, path, 3, &err));
    use_server(&jobserver);
    assert_string_equal(jobserver_makeflags(&jobserver, &arena, 4, -1, -1).data,
                        str_printf(&arena, " -j4 --jobserver-auth=fifo:%s", path.data).data);
    jobserver_close(&jobserver);
    assert_int_equal(access(path.data, F_OK), -1);
    assert_false(jobserver_make_fifo(&jobserver, odd, 3, &err));
    assert_non_null(strstr(err.text, "MAKEFLAGS"));
    arena_fini(&arena);
    temp_folder_remove(&folder);
}

/* More than a small pipe may hold; giving back never blocks. */
static void server_of_many(void **unused)
{
    struct jobserver jobserver;

    (void)unused;
    assert_true(jobserver_make_pipe(&jobserver, 9999, NULL));
    assert_int_equal(in_pipe(jobserver.read_fd), 1024);
    count_tokens(&jobserver, 9999);
    assert_int_equal(jobserver_take(&jobserver, 9000, 9000), 9000);
    assert_int_equal(jobserver_take(&jobserver, 1000, 1000), 0);
    assert_int_equal(jobserver_take(&jobserver, 999, 999), 999);
    jobserver_give(&jobserver, 9999);
    assert_true(in_pipe(jobserver.read_fd) <= 1024);
    assert_int_equal(jobserver_top_up(&jobserver), 0);
    assert_true(jobserver_set_total(&jobserver, 7));
    count_tokens(&jobserver, 7);
    jobserver_close(&jobserver);
}

/* --- waiting for one --- */

static void was_called(void *count, unsigned events)
{
    (void)events;
    ++*(int *)count;
}

/* What was told is not told again until more has come, so that who needs two does not spin over
 * one. */
static void edge_is_told_once(void **unused)
{
    struct loop_source source;
    struct loop loop;
    struct err err = {0};
    int fds[2], calls = 0;

    (void)unused;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "a", 1), 1);
    assert_true(loop_open(&loop, &err));
    assert_true(loop_add(&loop, &source, fds[0], LOOP_READ | LOOP_EDGE, was_called, &calls, &err));
    for (int expected = 1; expected < 4; expected++) {
        assert_true(loop_wait(&loop, 0, &err));
        assert_true(loop_wait(&loop, 0, &err));
        assert_int_equal(calls, expected);
        assert_int_equal(write(fds[1], "b", 1), 1);
    }
    loop_remove(&loop, &source);
    loop_close(&loop);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offers),           cmocka_unit_test(letters),
        cmocka_unit_test(long_words),       cmocka_unit_test(descriptors_are_looked_at),
        cmocka_unit_test(client_of_a_pipe), cmocka_unit_test(client_of_a_name),
        cmocka_unit_test(server_by_pipe),   cmocka_unit_test(server_by_name),
        cmocka_unit_test(server_of_many),   cmocka_unit_test(edge_is_told_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
