/* The live display on a screen of its own making, and on a real pseudo-terminal. */
#include "scene.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "report/terminal.h"

/* --- a screen: knows CR, LF, cursor up, erase below, colours; nothing may ever wrap --- */

enum { SCREEN_ROWS = 200, SCREEN_COLUMNS = 300 };

struct screen {
    char cells[SCREEN_ROWS][SCREEN_COLUMNS + 1];
    uint32_t row, column, columns, lowest;
    uint32_t widest; /* columns ever used of a row */
};

static void screen_init(struct screen *screen, uint32_t columns)
{
    memset(screen, 0, sizeof(*screen));
    screen->columns = columns;
}

static void screen_erase_below(struct screen *screen)
{
    memset(&screen->cells[screen->row][screen->column], 0, SCREEN_COLUMNS - screen->column);
    for (uint32_t row = screen->row + 1; row < SCREEN_ROWS; row++) {
        memset(screen->cells[row], 0, SCREEN_COLUMNS);
    }
}

static size_t screen_escape(struct screen *screen, const char *data, size_t len)
{
    unsigned count = 0;
    size_t i = 2;

    assert_true(len > 2 && data[1] == '[');
    for (; i < len && data[i] >= '0' && data[i] <= '9'; i++) {
        count = count * 10 + (unsigned)(data[i] - '0');
    }
    assert_true(i < len);
    if (data[i] == 'A') {
        assert_true(count >= 1 && count <= screen->row);
        screen->row -= count;
    } else if (data[i] == 'J') {
        assert_int_equal(count, 0);
        screen_erase_below(screen);
    } else {
        assert_int_equal(data[i], 'm');
    }
    return i + 1;
}

/* A line feed goes to the start of the next line, as terminals are set. */
static void screen_write(void *ctx, const char *data, size_t len)
{
    struct screen *screen = ctx;

    for (size_t i = 0; i < len;) {
        if (data[i] == '\033') {
            i += screen_escape(screen, data + i, len - i);
            continue;
        }
        if (data[i] == '\r') {
            screen->column = 0;
        } else if (data[i] == '\n') {
            screen->row++;
            screen->column = 0;
            assert_true(screen->row < SCREEN_ROWS);
        } else {
            assert_true((unsigned char)data[i] >= 0x20);
            screen->cells[screen->row][screen->column++] = data[i];
            assert_true(screen->column < SCREEN_COLUMNS);
        }
        screen->widest = screen->column > screen->widest ? screen->column : screen->widest;
        screen->lowest = screen->row > screen->lowest ? screen->row : screen->lowest;
        i++;
    }
}

static void screen_expect(const struct screen *screen, const char *want)
{
    struct strbuf have = {0};

    for (uint32_t row = 0; row <= screen->lowest; row++) {
        if (screen->cells[row][0] != '\0') {
            strbuf_printf(&have, "%s\n", screen->cells[row]);
        }
    }
    assert_string_equal(have.data != NULL ? have.data : "", want);
    strbuf_fini(&have);
}

/* --- a display on it --- */

struct fixture {
    struct scene scene;
    struct screen screen;
    struct terminal terminal;
    struct report_options options;
    struct terminal_size size;
    uint32_t writes;
};

static const char *const names[] = {"fetch@of=a", "fetch@of=b", "train", "publish", NULL};
static const uint32_t edges[][2] = {{0, 2}, {1, 2}, {2, 3}};
static const int64_t durations[] = {10 * NS_PER_SEC, 10 * NS_PER_SEC, 10 * NS_PER_SEC,
                                    10 * NS_PER_SEC};

static void counted_write(void *ctx, const char *data, size_t len)
{
    struct fixture *fixture = ctx;

    fixture->writes++;
    screen_write(&fixture->screen, data, len);
}

static struct terminal_size fixture_size(void *ctx)
{
    return ((struct fixture *)ctx)->size;
}

static void show(struct fixture *fixture, uint32_t columns, uint32_t rows)
{
    struct scene *scene = &fixture->scene;
    struct sink sink = {fixture, counted_write};

    fixture->size = (struct terminal_size){columns, rows, false};
    screen_init(&fixture->screen, columns);
    fixture->options.plan = &scene->plan;
    fixture->options.limit = 2;
    fixture->options.duration_ns = durations;
    terminal_init(&fixture->terminal, &fixture->options, &sink, &scene->clock, fixture_size,
                  fixture);
    scene->observer = terminal_observer(&fixture->terminal);
    scene_begin(scene);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    scene_init(&fixture->scene, names, edges, 3);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    terminal_fini(&fixture->terminal);
    scene_fini(&fixture->scene);
    free(fixture);
    return 0;
}

static void test_frames(void **state)
{
    struct fixture *fixture = *state;
    struct scene *scene = &fixture->scene;

    show(fixture, 80, 24);
    scene_start(scene, 0);
    scene_start(scene, 1);
    assert_int_equal(scene_tick(scene), scene->time.mono_ns + 300 * NS_PER_MS);
    scene_wait(scene, 299);
    scene_tick(scene);
    assert_int_equal(fixture->writes, 0);
    scene_wait(scene, 1);
    assert_int_equal(scene_tick(scene), scene->time.mono_ns + NS_PER_SEC);
    assert_int_equal(fixture->writes, 1);
    screen_expect(&fixture->screen,
                  "     0s  fetch@of=a\n"
                  "     0s  fetch@of=b\n"
                  "1 % [0/4] 2 running, 0 up to date, 0 failed, 0s, ETA 29s (23:41)\n");
    /* At rest one a second; something that happens is shown 100 ms after the last frame. */
    scene_wait(scene, 700);
    assert_int_equal(scene_tick(scene), scene->time.mono_ns + 300 * NS_PER_MS);
    assert_int_equal(fixture->writes, 1);
    scene_done(scene, 0, 1000);
    scene_tick(scene);
    assert_int_equal(fixture->writes, 2);
    screen_expect(&fixture->screen,
                  "     1s  fetch@of=b\n"
                  "1 % [1/4] 1 running, 0 up to date, 0 failed, 1s, ETA 29s (23:41)\n");
    scene_done(scene, 1, 1000);
    assert_int_equal(scene_tick(scene), scene->time.mono_ns + 100 * NS_PER_MS);
    assert_int_equal(fixture->writes, 2);
}

static void test_lasting_lines_are_above(void **state)
{
    struct fixture *fixture = *state;
    struct scene *scene = &fixture->scene;

    show(fixture, 80, 24);
    scene_start(scene, 0);
    scene_start(scene, 1);
    scene_wait(scene, 300);
    scene_tick(scene);
    scene_end(scene, 0, INST_FAILED, 300, "exit 1", "");
    scene_wait(scene, 100);
    scene_tick(scene);
    screen_expect(&fixture->screen,
                  "failed    fetch@of=a: exit 1, after 300ms\n"
                  "  at pawl.toml:4:1\n"
                  "  it printed nothing\n"
                  "     0s  fetch@of=b\n"
                  "1 % [1/4] 1 running, 0 up to date, 1 failed, 0s, ETA 29s (23:41)\n");
    scene_end(scene, 1, INST_CANCELLED, 400, "", "");
    terminal_finish(&fixture->terminal, &(struct report_end){.status = 1}, &scene->state);
    screen_expect(&fixture->screen, "failed    fetch@of=a: exit 1, after 300ms\n"
                                    "  at pawl.toml:4:1\n"
                                    "  it printed nothing\n"
                                    "cancelled fetch@of=b\n"
                                    "failed with status 1 (stage-failed): 0 of 4 up to date: "
                                    "1 failed, 1 cancelled, 400ms\n");
    assert_int_equal(fixture->screen.column, 0);
    assert_int_equal(fixture->screen.row, 5);
}

/* Before the first paint, lasting lines do not wait. */
static void test_early_lines(void **state)
{
    struct fixture *fixture = *state;
    struct event event = scene_event(&fixture->scene, EVENT_WARNING, 1);

    show(fixture, 80, 24);
    event.reason = STR("hot");
    scene_tell(&fixture->scene, event);
    scene_tick(&fixture->scene);
    screen_expect(&fixture->screen, "warning   fetch@of=b: hot\n");
    assert_int_equal(fixture->screen.row, 1);
}

static void test_narrow(void **state)
{
    struct fixture *fixture = *state;
    struct scene *scene = &fixture->scene;

    fixture->options.colored = true;
    for (uint32_t columns = 1; columns < 70; columns++) {
        show(fixture, columns, 24);
        if (columns == 1) {
            scene_start(scene, 0);
        } else {
            scene->state.instances[0].started_at_ns = 0;
        }
        scene_wait(scene, 300);
        scene_tick(scene);
        scene_wait(scene, 1000);
        scene_tick(scene);
        assert_true(fixture->screen.widest < columns || columns == 1);
        terminal_finish(&fixture->terminal, &(struct report_end){0}, &scene->state);
        assert_int_equal(fixture->screen.row, 1);
        if (columns != 69) {
            terminal_fini(&fixture->terminal);
            run_state_fini(&scene->state);
            run_state_init(&scene->state);
        }
    }
}

/* Few rows: the last line alone, or nothing that would scroll. */
static void test_low(void **state)
{
    struct fixture *fixture = *state;

    show(fixture, 80, 2);
    scene_start(&fixture->scene, 0);
    scene_wait(&fixture->scene, 300);
    scene_tick(&fixture->scene);
    assert_int_equal(fixture->screen.lowest, 0);
}

/* Made narrower, the old lines take more rows: all of them go. */
static void test_resize(void **state)
{
    struct fixture *fixture = *state;
    struct scene *scene = &fixture->scene;

    show(fixture, 80, 24);
    scene_start(scene, 0);
    scene_wait(scene, 300);
    scene_tick(scene);
    /* The terminal wraps what it has: 20 columns make one row and four of it. */
    fixture->size.columns = 20;
    fixture->screen.row += 3;
    scene_wait(scene, 1000);
    scene_tick(scene);
    screen_expect(&fixture->screen, "     1s  fetch@of=a\n3 % [0/4] ETA 30...\n");
}

static void test_suspend(void **state)
{
    struct fixture *fixture = *state;
    struct scene *scene = &fixture->scene;
    uint32_t writes;

    show(fixture, 80, 24);
    scene_start(scene, 0);
    scene_wait(scene, 300);
    scene_tick(scene);
    terminal_suspend(&fixture->terminal);
    screen_expect(&fixture->screen, "");
    assert_int_equal(fixture->screen.row, 0);
    assert_int_equal(fixture->screen.column, 0);
    writes = fixture->writes;
    scene_wait(scene, 5000);
    assert_int_equal(scene_tick(scene), INT64_MAX);
    assert_int_equal(fixture->writes, writes);
    terminal_suspend(&fixture->terminal);
    terminal_resume(&fixture->terminal);
    assert_int_equal(scene_tick(scene), INT64_MAX);
    terminal_resume(&fixture->terminal);
    scene_tick(scene);
    screen_expect(&fixture->screen,
                  "     5s  fetch@of=a\n"
                  "13 % [0/4] 1 running, 0 up to date, 0 failed, 5s, ETA 30s (23:41)\n");
}

/* Behind another job nothing is drawn over it; what stays is still said. */
static void test_background(void **state)
{
    struct fixture *fixture = *state;
    struct scene *scene = &fixture->scene;

    show(fixture, 80, 24);
    fixture->size.background = true;
    scene_start(scene, 0);
    scene_wait(scene, 5000);
    assert_int_equal(scene_tick(scene), scene->time.mono_ns + NS_PER_SEC);
    assert_int_equal(fixture->writes, 0);
    scene_end(scene, 0, INST_FAILED, 5000, "exit 1", "");
    scene_wait(scene, 1000);
    scene_tick(scene);
    screen_expect(&fixture->screen, "failed    fetch@of=a: exit 1, after 5.0s\n"
                                    "  at pawl.toml:4:1\n"
                                    "  it printed nothing\n");
}

static void test_quiet(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.quiet = true;
    show(fixture, 80, 24);
    scene_start(&fixture->scene, 0);
    scene_wait(&fixture->scene, 5000);
    scene_tick(&fixture->scene);
    scene_done(&fixture->scene, 0, 5000);
    terminal_finish(&fixture->terminal, &(struct report_end){0}, &fixture->scene.state);
    assert_int_equal(fixture->writes, 0);
}

/* --- a real pseudo-terminal --- */

static void drain(int master, struct screen *screen)
{
    char data[4096];
    ssize_t got;

    while ((got = read(master, data, sizeof(data))) > 0) {
        screen_write(screen, data, (size_t)got);
    }
}

static void pty_run(uint32_t columns, uint32_t most)
{
    static struct screen screen;
    struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
    struct scene scene;
    struct terminal terminal;
    struct termios before, after;
    struct report_options options = {.limit = 2, .duration_ns = durations, .colored = true};
    struct sink_fd out;
    struct sink sink;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK), slave;

    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(slave >= 0);
    assert_int_equal(ioctl(slave, TIOCSWINSZ, &size), 0);
    memset(&before, 0, sizeof(before));
    memset(&after, 0, sizeof(after));
    assert_int_equal(tcgetattr(slave, &before), 0);
    screen_init(&screen, columns);
    scene_init(&scene, names, edges, 3);
    options.plan = &scene.plan;
    sink = sink_of_fd(&out, slave);
    terminal_init(&terminal, &options, &sink, &scene.clock, terminal_size_of_fd, &slave);
    scene.observer = terminal_observer(&terminal);
    scene_begin(&scene);
    for (uint32_t i = 0; i < 4; i++) {
        scene_start(&scene, i);
        scene_wait(&scene, 400);
        scene_tick(&scene);
        drain(master, &screen);
        scene_wait(&scene, 1400);
        scene_tick(&scene);
        scene_done(&scene, i, 1800);
        drain(master, &screen);
        assert_int_equal(screen.lowest, 1);
    }
    assert_true(screen.widest > most / 2 && screen.widest < most);
    terminal_suspend(&terminal);
    drain(master, &screen);
    assert_int_equal(screen.row, 0);
    assert_int_equal(screen.column, 0);
    screen_expect(&screen, "");
    assert_int_equal(tcgetattr(slave, &after), 0);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_int_equal(out.error, 0);
    terminal_fini(&terminal);
    scene_fini(&scene);
    close(slave);
    close(master);
}

static void test_pty(void **state)
{
    (void)state;
    pty_run(40, 40);
    pty_run(0, 80);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_frames),      TEST(test_lasting_lines_are_above),
        TEST(test_early_lines), TEST(test_narrow),
        TEST(test_low),         TEST(test_resize),
        TEST(test_suspend),     TEST(test_background),
        TEST(test_quiet),       cmocka_unit_test(test_pty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
