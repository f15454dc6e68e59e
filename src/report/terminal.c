/* Owns the live lines. The cursor rests at the end of the last of them; a frame goes up to the
 * first, writes what stays, then the live lines anew, and clears what is left below. When the
 * terminal was made narrower meanwhile, the lines on it may have wrapped: they are counted at the
 * new width. */
#include "report/terminal.h"

#include <assert.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/sys.h"
#include "report/color.h"
#include "report/text.h"

#define TERMINAL_FIRST_NS (300 * NS_PER_MS)
#define TERMINAL_FRAME_NS (100 * NS_PER_MS)

struct terminal_size terminal_size_of_fd(void *fd)
{
    struct winsize size = {0};
    pid_t group = 0;
    bool known = sys_ioctl(*(int *)fd, TIOCGPGRP, &group) == 0;

    if (sys_ioctl(*(int *)fd, TIOCGWINSZ, &size) != 0) {
        size = (struct winsize){0};
    }
    return (struct terminal_size){size.ws_col, size.ws_row, known && group != getpgrp()};
}

static struct terminal_size terminal_size_now(const struct terminal *terminal)
{
    struct terminal_size size = terminal->size(terminal->size_ctx);

    size.columns = size.columns == 0 ? 80 : size.columns;
    size.rows = size.rows == 0 ? 24 : size.rows;
    return size;
}

void terminal_init(struct terminal *terminal, const struct report_options *options,
                   const struct sink *sink, const struct clock *clock,
                   struct terminal_size (*size)(void *ctx), void *size_ctx)
{
    int64_t now_ns = clock_mono_ns(clock);

    *terminal = (struct terminal){.options = *options,
                                  .sink = *sink,
                                  .clock = clock,
                                  .size = size,
                                  .size_ctx = size_ctx,
                                  .painted_at_ns = now_ns + TERMINAL_FIRST_NS - TERMINAL_FRAME_NS,
                                  .changed = true};
    story_init(&terminal->story, &terminal->options, true);
    progress_init(&terminal->progress, options->plan, options->duration_ns, options->scope,
                  options->limit, now_ns);
    terminal->progress.total += options->slice.beyond;
}

void terminal_fini(struct terminal *terminal)
{
    story_fini(&terminal->story);
    progress_fini(&terminal->progress);
    strbuf_fini(&terminal->lasting);
    strbuf_fini(&terminal->frame);
}

static void terminal_tell(void *ctx, const struct event *event, const struct run_state *state)
{
    struct terminal *terminal = ctx;

    progress_tell(&terminal->progress, event, clock_mono_ns(terminal->clock));
    story_tell(&terminal->story, event, state, &terminal->lasting);
    terminal->changed = true;
}

void terminal_stream(void *ctx, struct inst_id instance, const char *data, size_t len)
{
    struct terminal *terminal = ctx;

    story_stream(&terminal->story, instance.n, data, len, &terminal->lasting);
    terminal->changed = terminal->changed || terminal->lasting.len != 0;
}

/* --- a frame --- */

/* To the start of the first live line, everything from there on cleared. */
static void terminal_add_home(struct terminal *terminal, struct terminal_size size)
{
    uint32_t up = 0;

    if (terminal->live == 0) {
        return;
    }
    for (uint32_t i = 0; i < terminal->live; i++) {
        uint32_t width = terminal->widths[i];

        up += width > size.columns ? (width + size.columns - 1) / size.columns : 1;
    }
    strbuf_putc(&terminal->frame, '\r');
    if (up > 1) {
        strbuf_printf(&terminal->frame, "\033[%uA", up - 1);
    }
    strbuf_puts(&terminal->frame, "\033[J");
    terminal->live = 0;
}

/* Of a line: never the last column, and room for the `^C` that a terminal echoes. */
static uint32_t terminal_room(uint32_t columns)
{
    return columns > 20 ? columns - 3 : columns - 1;
}

static void terminal_add_line(struct terminal *terminal, const struct strbuf *line,
                              uint32_t columns, enum color color)
{
    struct strbuf cut = {0};
    uint32_t width = text_add_cut(&cut, strbuf_str(line), terminal_room(columns));

    strbuf_puts(&terminal->frame, terminal->live != 0 ? "\n" : "");
    color_add(&terminal->frame, terminal->options.colored, color, strbuf_str(&cut));
    terminal->widths[terminal->live++] = width;
    strbuf_fini(&cut);
}

static void terminal_add_running(struct terminal *terminal, const struct run_state *state,
                                 struct terminal_size size, int64_t now_ns)
{
    struct progress_running longest[TERMINAL_LIVE_LINES - 1];
    uint32_t room = size.rows > TERMINAL_LIVE_LINES ? TERMINAL_LIVE_LINES - 1
                    : size.rows > 2                 ? size.rows - 2
                                                    : 0;
    uint32_t count = progress_longest(&terminal->progress, longest, room);

    for (uint32_t i = 0; i < count; i++) {
        struct strbuf line = {0}, took = {0};

        text_add_seconds(&took, progress_now(&terminal->progress, now_ns) - longest[i].started_ns);
        strbuf_printf(&line, "%7s  ", took.data);
        strbuf_fini(&took);
        story_add_name(terminal->options.plan, state, longest[i].number, &line);
        progress_add_said(&terminal->progress, &longest[i], state, now_ns, "  ", "", &line);
        terminal_add_line(terminal, &line, size.columns, COLOR_FAINT);
        strbuf_fini(&line);
    }
}

static void terminal_add_live(struct terminal *terminal, const struct run_state *state,
                              struct terminal_size size, int64_t now_ns)
{
    struct progress_view view;
    struct strbuf line = {0};

    progress_look(&terminal->progress, state, now_ns, &view);
    terminal_add_running(terminal, state, size, now_ns);
    progress_format(&view, clock_real_ns(terminal->clock), &line);
    if (text_width(strbuf_str(&line)) > terminal_room(size.columns)) {
        strbuf_clear(&line);
        progress_format_short(&view, clock_real_ns(terminal->clock), &line);
    }
    terminal_add_line(terminal, &line, size.columns, COLOR_PLAIN);
    strbuf_fini(&line);
}

static void terminal_paint(struct terminal *terminal, const struct run_state *state, int64_t now_ns,
                           bool with_live)
{
    struct terminal_size size = terminal_size_now(terminal);

    terminal_add_home(terminal, size);
    strbuf_add_str(&terminal->frame, strbuf_str(&terminal->lasting));
    strbuf_clear(&terminal->lasting);
    if (with_live && !size.background) {
        terminal_add_live(terminal, state, size, now_ns);
    }
    if (with_live) {
        terminal->painted_at_ns = now_ns;
    }
    terminal->changed = false;
    sink_flush(&terminal->sink, &terminal->frame);
}

static int64_t terminal_due_ns(const struct terminal *terminal)
{
    return terminal->painted_at_ns + (terminal->changed ? TERMINAL_FRAME_NS : NS_PER_SEC);
}

static int64_t terminal_tick(void *ctx, int64_t now_ns, const struct run_state *state)
{
    struct terminal *terminal = ctx;

    if (terminal->suspended != 0) {
        return INT64_MAX;
    }
    if (terminal->options.quiet) {
        terminal_paint(terminal, state, now_ns, false);
        return INT64_MAX;
    }
    if (now_ns >= terminal_due_ns(terminal)) {
        terminal_paint(terminal, state, now_ns, true);
    } else if (terminal->live == 0 && terminal->lasting.len != 0) {
        terminal_paint(terminal, state, now_ns, false);
        terminal->changed = true;
    }
    return terminal_due_ns(terminal);
}

struct observer terminal_observer(struct terminal *terminal)
{
    return (struct observer){terminal, terminal_tell, terminal_tick};
}

void terminal_suspend(struct terminal *terminal)
{
    terminal_paint(terminal, NULL, 0, false);
    terminal->suspended++;
}

void terminal_resume(struct terminal *terminal)
{
    assert(terminal->suspended != 0);
    terminal->suspended--;
    terminal->changed = true;
}

void terminal_finish(struct terminal *terminal, const struct report_end *end,
                     const struct run_state *state)
{
    struct report_end known = *end;

    if (known.elapsed_ns == 0) {
        known.elapsed_ns = clock_mono_ns(terminal->clock) - terminal->progress.started_ns;
    }
    story_end(&terminal->story, &known, state, &terminal->lasting);
    terminal_suspend(terminal);
}
