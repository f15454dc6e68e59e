/* The loop and the signals that come through it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "os/loop.h"
#include "os/signals.h"

struct pipe_source {
    struct loop_source source;
    struct loop *loop;
    struct pipe_source *removes; /* in its callback */
    int fds[2];
    unsigned calls, events;
};

static void note(void *ctx, unsigned events)
{
    struct pipe_source *source = ctx;

    source->calls++;
    source->events |= events;
    if (source->removes != NULL) {
        loop_remove(source->loop, &source->removes->source);
    }
}

static void add(struct loop *loop, struct pipe_source *source)
{
    struct err err = {0};

    *source = (struct pipe_source){.loop = loop};
    assert_int_equal(sys_pipe(source->fds, O_NONBLOCK), 0);
    assert_true(loop_add(loop, &source->source, source->fds[0], LOOP_READ, note, source, &err));
}

static void drop(struct pipe_source *source)
{
    loop_remove(source->loop, &source->source);
    sys_close(source->fds[0]);
    if (source->fds[1] >= 0) {
        sys_close(source->fds[1]);
    }
}

static void wait_past(struct loop *loop)
{
    struct err err = {0};

    assert_true(loop_wait(loop, 0, &err));
}

static void test_events(void **state)
{
    struct loop loop;
    struct pipe_source source;
    struct err err = {0};
    char byte;

    (void)state;
    assert_true(loop_open(&loop, &err));
    add(&loop, &source);
    wait_past(&loop);
    assert_int_equal(source.calls, 0);
    assert_int_equal(sys_write(source.fds[1], "x", 1), 1);
    wait_past(&loop);
    wait_past(&loop);
    assert_int_equal(source.calls, 2);
    assert_int_equal(source.events, LOOP_READ);
    assert_true(loop_change(&loop, &source.source, 0, &err));
    wait_past(&loop);
    assert_int_equal(source.calls, 2);
    assert_int_equal(sys_read(source.fds[0], &byte, 1), 1);
    sys_close(source.fds[1]);
    source.fds[1] = -1;
    assert_true(loop_wait(&loop, LOOP_FOREVER, &err));
    assert_int_equal(source.events & LOOP_HANGUP, LOOP_HANGUP);
    drop(&source);
    loop_close(&loop);
}

/* One that was told once is forgotten, even while somebody else has the pipe open. */
static void test_once(void **state)
{
    struct loop loop;
    struct pipe_source source = {.loop = &loop};
    struct err err = {0};
    int held;

    (void)state;
    assert_true(loop_open(&loop, &err));
    assert_int_equal(sys_pipe(source.fds, O_NONBLOCK), 0);
    assert_true(
        loop_add(&loop, &source.source, source.fds[0], LOOP_READ | LOOP_ONCE, note, &source, &err));
    held = sys_dup(source.fds[0]);
    assert_true(held >= 0);
    assert_int_equal(sys_write(source.fds[1], "x", 1), 1);
    wait_past(&loop);
    wait_past(&loop);
    assert_int_equal(source.calls, 1);
    loop_forget(&loop, &source.source);
    sys_close(source.fds[0]);
    assert_int_equal(sys_write(source.fds[1], "x", 1), 1);
    wait_past(&loop);
    assert_int_equal(source.calls, 1);
    sys_close(held);
    sys_close(source.fds[1]);
    loop_close(&loop);
}

static void test_removed_in_a_batch(void **state)
{
    struct loop loop;
    struct pipe_source a, b;
    struct err err = {0};

    (void)state;
    assert_true(loop_open(&loop, &err));
    add(&loop, &a);
    add(&loop, &b);
    a.removes = &b;
    b.removes = &a;
    assert_int_equal(sys_write(a.fds[1], "x", 1), 1);
    assert_int_equal(sys_write(b.fds[1], "x", 1), 1);
    wait_past(&loop);
    wait_past(&loop);
    /* Whoever came first is alone from then on. */
    assert_int_equal(a.calls == 0 ? b.calls : a.calls, 2);
    assert_int_equal(a.calls + b.calls, 2);
    drop(&a);
    drop(&b);
    loop_close(&loop);
}

static void test_deadline(void **state)
{
    struct loop loop;
    struct err err = {0};
    int64_t start_ns = clock_mono_ns(&clock_system);

    (void)state;
    assert_true(loop_open(&loop, &err));
    for (int i = 1; i <= 3; i++) {
        int64_t deadline_ns = start_ns + i * 7 * NS_PER_MS;

        while (clock_mono_ns(&clock_system) < deadline_ns) {
            assert_true(loop_wait(&loop, deadline_ns, &err));
        }
    }
    /* A deadline that is over does not end a later wait for ever. */
    loop_wake(&loop);
    assert_true(loop_wait(&loop, LOOP_FOREVER, &err));
    assert_true(clock_mono_ns(&clock_system) - start_ns < 10 * NS_PER_SEC);
    loop_close(&loop);
}

static void test_wake_is_kept(void **state)
{
    struct loop loop;
    struct loop_source none;
    struct err err = {0};

    (void)state;
    assert_true(loop_open(&loop, &err));
    loop_wake(&loop);
    loop_wake(&loop);
    alarm(20);
    assert_true(loop_wait(&loop, LOOP_FOREVER, &err));
    alarm(0);
    assert_false(loop_add(&loop, &none, -1, LOOP_READ, note, NULL, &err));
    loop_close(&loop);
}

static void test_signals_come_as_facts(void **state)
{
    struct origin origin;
    struct signals signals;
    struct signals_note note_of = {0};
    struct err err = {0};

    (void)state;
    origin_note(&origin);
    assert_true(signals_open(&signals, &origin, &err));
    assert_false(signals_next(&signals, &note_of));
    kill(getpid(), SIGTERM);
    kill(getpid(), SIGHUP);
    assert_true(signals_next(&signals, &note_of));
    assert_true(note_of.number == SIGTERM || note_of.number == SIGHUP);
    assert_int_equal(note_of.sender, getpid());
    assert_true(signals_next(&signals, &note_of));
    assert_false(signals_next(&signals, &note_of));
    signals_close(&signals);
}

static void test_ignored_hangup_stays_ignored(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        struct origin origin;
        struct signals signals;
        struct signals_note note_of;
        struct err err = {0};

        signal(SIGHUP, SIG_IGN);
        origin_note(&origin);
        if (!origin.ignored[SIGHUP] || !signals_open(&signals, &origin, &err)) {
            _exit(1);
        }
        kill(getpid(), SIGHUP);
        _exit(signals_next(&signals, &note_of) ? 2 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_raising_again_ends_by_the_signal(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        struct origin origin;
        struct signals signals;
        struct signals_note note_of;
        struct err err = {0};

        origin_note(&origin);
        signals_open(&signals, &origin, &err);
        kill(getpid(), SIGINT);
        if (signals_next(&signals, &note_of)) {
            signals_raise_again(note_of.number);
        }
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
}

static void test_names(void **state)
{
    char text[16];

    (void)state;
    assert_string_equal(signals_name(SIGTERM, text), "SIGTERM");
    assert_string_equal(signals_name(63, text), "signal 63");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_removed_in_a_batch),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_wake_is_kept),
        cmocka_unit_test(test_signals_come_as_facts),
        cmocka_unit_test(test_ignored_hangup_stays_ignored),
        cmocka_unit_test(test_raising_again_ends_by_the_signal),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
