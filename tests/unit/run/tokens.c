/* The tokens of a run: where they come from, what commands are lent, what is put back after one
 * that took some with it, and waiting that neither misses a token nor spins. */
#include "run/tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../temp_folder.h"

struct fixture {
    struct temp_folder folder;
    struct arena arena;
    struct loop loop;
    struct tokens tokens;
    struct tokens_options options;
    struct engine_tokens_world world;
};

static void set_up(struct fixture *fixture)
{
    struct err err = {0};

    *fixture = (struct fixture){.options = {.jobs = 4, .descriptors = 1024, .taken_fd = -1}};
    temp_folder_make(&fixture->folder);
    arena_init(&fixture->arena);
    fixture->options.run_dir = str_of(fixture->folder.path);
    assert_true(loop_open(&fixture->loop, &err));
}

static void open_tokens(struct fixture *fixture)
{
    tokens_open(&fixture->tokens, &fixture->loop, &fixture->options);
    fixture->world = tokens_world(&fixture->tokens);
}

static void tear_down(struct fixture *fixture)
{
    tokens_close(&fixture->tokens);
    loop_close(&fixture->loop);
    arena_fini(&fixture->arena);
    temp_folder_remove(&fixture->folder);
}

static uint32_t take(struct fixture *fixture, uint32_t least, uint32_t most)
{
    return fixture->world.take(fixture->world.ctx, least, most);
}

static void give(struct fixture *fixture, uint32_t count)
{
    fixture->world.give(fixture->world.ctx, count);
}

static void expect_loan(struct fixture *fixture, uint32_t slots, const char *makeflags,
                        uint32_t fd_count)
{
    struct tokens_loan loan;

    tokens_lend(&fixture->tokens, &loan, slots, STR("a"), &fixture->arena);
    assert_string_equal(loan.makeflags.len != 0 ? loan.makeflags.data : "", makeflags);
    assert_int_equal(loan.fd_count, fd_count);
    tokens_started(&loan);
    tokens_back(&fixture->tokens, &loan);
    tokens_back(&fixture->tokens, &loan); /* once more: nothing */
    assert_int_equal(fixture->tokens.borrowers, 0);
}

/* --- where they come from --- */

static void our_own(void **unused)
{
    struct fixture fixture;

    (void)unused;
    set_up(&fixture);
    open_tokens(&fixture);
    assert_int_equal(fixture.tokens.note.len, 0);
    assert_int_equal(take(&fixture, 0, 9), 3); /* the first slot needs none */
    expect_loan(&fixture, 1, " -j4 --jobserver-auth=44,45", 2);
    expect_loan(&fixture, 3, " -j3 --jobserver-auth=44,45", 2);
    give(&fixture, 3);
    fixture.world.limit(fixture.world.ctx, 7);
    assert_int_equal(take(&fixture, 0, 9), 6);
    expect_loan(&fixture, 1, " -j7 --jobserver-auth=44,45", 2);
    fixture.world.limit(fixture.world.ctx, 2);
    give(&fixture, 6);
    fixture.world.limit(fixture.world.ctx, 2);
    assert_int_equal(take(&fixture, 0, 9), 1);
    tear_down(&fixture);
}

static void numbers_of_descriptors(void **unused)
{
    struct fixture fixture;

    (void)unused;
    set_up(&fixture);
    fixture.options.taken_fd = 45;
    open_tokens(&fixture);
    expect_loan(&fixture, 1, " -j4 --jobserver-auth=46,47", 2);
    tokens_close(&fixture.tokens);
    fixture.options.descriptors = 63;
    open_tokens(&fixture);
    expect_loan(&fixture, 1, " -j4 --jobserver-auth=30,31", 2);
    tokens_close(&fixture.tokens);
    fixture.options.descriptors = 40;
    open_tokens(&fixture);
    assert_null(fixture.world.take);
    expect_loan(&fixture, 1, "", 0);
    tokens_close(&fixture.tokens);
    fixture.options.style = M_JOBSERVER_FIFO; /* needs none of them */
    open_tokens(&fixture);
    assert_non_null(fixture.world.take);
    tear_down(&fixture);
}

static void of_make(void **unused)
{
    struct jobserver_offer offer = {.kind = JOBSERVER_PIPE, .jobs = 9};
    struct fixture fixture;
    int fds[2];

    (void)unused;
    set_up(&fixture);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "ab", 2), 2);
    offer.read_fd = fds[0];
    offer.write_fd = fds[1];
    fixture.options.offer = &offer;
    open_tokens(&fixture);
    assert_int_equal(take(&fixture, 0, 9), 2);
    fixture.world.limit(fixture.world.ctx, 3); /* it is not ours to change */
    expect_loan(&fixture, 1, " -j9 --jobserver-auth=44,45", 2);
    expect_loan(&fixture, 2, " -j2 --jobserver-auth=44,45", 2);
    tokens_close(&fixture.tokens);
    fixture.options.style = M_JOBSERVER_NONE; /* bounds us, and is not handed on */
    open_tokens(&fixture);
    assert_int_equal(take(&fixture, 0, 9), 2);
    expect_loan(&fixture, 1, "", 0);
    tokens_close(&fixture.tokens);
    fixture.options.jobs_given = true;
    open_tokens(&fixture);
    assert_null(fixture.world.take);
    assert_non_null(strstr(fixture.tokens.note.data, "-j is given"));
    tear_down(&fixture);
    close(fds[0]);
    close(fds[1]);
}

/* --- what a command takes with it --- */

static void lost_ones_come_back(void **unused)
{
    struct tokens_loan first, second, apart;
    struct fixture fixture;
    char byte;

    (void)unused;
    set_up(&fixture);
    open_tokens(&fixture);
    assert_int_equal(take(&fixture, 1, 1), 1);
    tokens_lend(&fixture.tokens, &first, 1, STR("a"), &fixture.arena);
    tokens_lend(&fixture.tokens, &second, 1, STR("b"), &fixture.arena);
    tokens_lend(&fixture.tokens, &apart, 2, STR("c"), &fixture.arena);
    assert_int_equal(read(first.fds[0].from, &byte, 1), 1);
    tokens_back(&fixture.tokens, &first);
    assert_int_equal(take(&fixture, 0, 9), 1); /* the second might hold it */
    give(&fixture, 1);
    tokens_back(&fixture.tokens, &second);
    assert_int_equal(take(&fixture, 0, 9), 2); /* the one apart cannot */
    tokens_back(&fixture.tokens, &apart);
    tear_down(&fixture);
}

/* --- waiting --- */

static void waiting_is_woken_and_does_not_spin(void **unused)
{
    struct fixture fixture;
    struct err err = {0};
    int64_t soon_ns;
    char bytes[2];

    (void)unused;
    set_up(&fixture);
    open_tokens(&fixture);
    assert_int_equal(read(fixture.tokens.jobserver.read_fd, bytes, 2), 2);
    assert_int_equal(take(&fixture, 2, 2), 0); /* one is there */
    fixture.world.want(fixture.world.ctx, true);
    assert_true(loop_wait(&fixture.loop, LOOP_FOREVER, &err)); /* says so once */
    fixture.world.want(fixture.world.ctx, true);
    soon_ns = clock_mono_ns(&clock_system) + 20 * NS_PER_MS;
    while (clock_mono_ns(&clock_system) < soon_ns) {
        assert_true(loop_wait(&fixture.loop, soon_ns, &err));
        /* Nothing but the time ends the wait: no second round before it is over. */
        assert_true(clock_mono_ns(&clock_system) >= soon_ns);
    }
    assert_int_equal(write(fixture.tokens.jobserver.write_fd, bytes, 2), 2);
    assert_true(loop_wait(&fixture.loop, LOOP_FOREVER, &err));
    assert_int_equal(take(&fixture, 2, 2), 2);
    fixture.world.want(fixture.world.ctx, false);
    assert_int_equal(fixture.tokens.source.fd, -1);
    tear_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_own),
        cmocka_unit_test(numbers_of_descriptors),
        cmocka_unit_test(of_make),
        cmocka_unit_test(lost_ones_come_back),
        cmocka_unit_test(waiting_is_woken_and_does_not_spin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
