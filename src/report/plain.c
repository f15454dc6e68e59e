/* Owns the heartbeat; the lines themselves are in story.c. */
#include "report/plain.h"

#include "report/text.h"

enum { PLAIN_NAMES = 3 };
#define PLAIN_SILENCE_NS (10 * NS_PER_SEC)

void plain_init(struct plain *plain, const struct report_options *options, const struct sink *sink,
                const struct clock *clock)
{
    *plain = (struct plain){.options = *options, .sink = *sink, .clock = clock};
    plain->said_at_ns = clock_mono_ns(clock);
    story_init(&plain->story, &plain->options, false);
    progress_init(&plain->progress, options->plan, options->duration_ns, options->scope,
                  options->limit, plain->said_at_ns);
    plain->progress.total += options->slice.beyond;
}

void plain_fini(struct plain *plain)
{
    story_fini(&plain->story);
    progress_fini(&plain->progress);
    strbuf_fini(&plain->out);
}

static void plain_flush(struct plain *plain)
{
    plain->said = plain->said || plain->out.len != 0;
    sink_flush(&plain->sink, &plain->out);
}

static void plain_tell(void *ctx, const struct event *event, const struct run_state *state)
{
    struct plain *plain = ctx;

    progress_tell(&plain->progress, event, clock_mono_ns(plain->clock));
    story_tell(&plain->story, event, state, &plain->out);
    plain_flush(plain);
}

void plain_stream(void *ctx, struct inst_id instance, const char *data, size_t len)
{
    struct plain *plain = ctx;

    story_stream(&plain->story, instance.n, data, len, &plain->out);
    plain_flush(plain);
}

static void plain_add_running(struct plain *plain, const struct run_state *state, int64_t now_ns)
{
    struct progress_running longest[PLAIN_NAMES];
    uint32_t count = progress_longest(&plain->progress, longest, PLAIN_NAMES);

    strbuf_puts(&plain->out, count != 0 ? "still running:" : "still at work");
    for (uint32_t i = 0; i < count; i++) {
        strbuf_puts(&plain->out, i == 0 ? " " : ", ");
        story_add_name(plain->options.plan, state, longest[i].number, &plain->out);
        strbuf_putc(&plain->out, ' ');
        text_add_seconds(&plain->out, now_ns - longest[i].started_ns);
        progress_add_said(&plain->progress, &longest[i], state, now_ns, " (", ")", &plain->out);
    }
    if (plain->progress.running_count > count) {
        strbuf_printf(&plain->out, " and %u more", plain->progress.running_count - count);
    }
}

static void plain_heartbeat(struct plain *plain, const struct run_state *state, int64_t now_ns)
{
    struct progress_view view;

    progress_look(&plain->progress, state, now_ns, &view);
    plain_add_running(plain, state, now_ns);
    strbuf_puts(&plain->out, "; ");
    progress_format_percent(&view, &plain->out);
    strbuf_printf(&plain->out, " [%u/%u], ", view.ended, view.total);
    progress_format_eta(&view, clock_real_ns(plain->clock), &plain->out);
    strbuf_putc(&plain->out, '\n');
    plain_flush(plain);
}

static int64_t plain_tick(void *ctx, int64_t now_ns, const struct run_state *state)
{
    struct plain *plain = ctx;

    /* That it is paused was said once. */
    if (plain->options.quiet || plain->progress.paused_at_ns != 0) {
        return INT64_MAX;
    }
    if (plain->said) {
        plain->said = false;
        plain->said_at_ns = now_ns;
    } else if (now_ns - plain->said_at_ns >= PLAIN_SILENCE_NS) {
        plain_heartbeat(plain, state, now_ns);
        plain->said = false;
        plain->said_at_ns = now_ns;
    }
    return plain->said_at_ns + PLAIN_SILENCE_NS;
}

struct observer plain_observer(struct plain *plain)
{
    return (struct observer){plain, plain_tell, plain_tick};
}

void plain_finish(struct plain *plain, const struct report_end *end, const struct run_state *state)
{
    struct report_end known = *end;

    if (known.elapsed_ns == 0) {
        known.elapsed_ns = clock_mono_ns(plain->clock) - plain->progress.started_ns;
    }
    story_end(&plain->story, &known, state, &plain->out);
    plain_flush(plain);
}
