/* Owns the lines of `--progress json`. */
#include "report/json.h"

#include "base/json_write.h"

void json_display_init(struct json_display *display, const struct report_options *options,
                       const struct sink *sink, const struct clock *clock)
{
    *display = (struct json_display){.sink = *sink, .clock = clock};
    display->shown_at_ns = clock_mono_ns(clock);
    progress_init(&display->progress, options->plan, options->duration_ns, options->scope,
                  options->limit, display->shown_at_ns);
    display->progress.total += options->slice.beyond;
    display->numbers = options->slice.numbers;
    arena_init(&display->scratch);
}

void json_display_fini(struct json_display *display)
{
    progress_fini(&display->progress);
    strbuf_fini(&display->out);
    arena_fini(&display->scratch);
}

static void json_display_tell(void *ctx, const struct event *event, const struct run_state *state)
{
    struct json_display *display = ctx;
    char time[TIME_TEXT_BYTES];
    struct event whole;

    (void)state;
    arena_reset(&display->scratch);
    whole = event_renumber(event, &display->numbers, &display->scratch);
    progress_tell(&display->progress, event, clock_mono_ns(display->clock));
    time_format_rfc3339(event->time_ns, time);
    strbuf_printf(&display->out, "{\"seq\":%llu,\"time\":\"%s\",\"type\":\"%s\",",
                  (unsigned long long)event->seq, time, event_types[event->type].name);
    event_to_json(&whole, &display->out);
    strbuf_puts(&display->out, "}\n");
    display->changed = true;
    sink_flush(&display->sink, &display->out);
}

static void json_display_int_or_null(struct json_writer *w, const char *key, int64_t value)
{
    json_name(w, str_of(key));
    if (value < 0) {
        json_null(w);
    } else {
        json_int(w, value);
    }
}

static void json_display_progress(struct json_display *display, const struct run_state *state,
                                  int64_t now_ns)
{
    struct json_writer w = json_writer_of(&display->out, JSON_COMPACT);
    struct progress_view view;

    progress_look(&display->progress, state, now_ns, &view);
    json_object_begin(&w);
    json_field_text(&w, "type", "progress");
    json_field_uint(&w, "total", view.total);
    json_field_uint(&w, "ended", view.ended);
    json_field_uint(&w, "running", view.running);
    json_field_uint(&w, "up_to_date", view.up_to_date);
    json_field_uint(&w, "failed", view.failed);
    json_display_int_or_null(&w, "percent", view.percent);
    json_field_bool(&w, "estimated", view.estimated);
    json_field_int(&w, "elapsed_ns", view.elapsed_ns);
    json_display_int_or_null(&w, "left_ns", view.left_ns);
    json_object_end(&w);
    strbuf_putc(&display->out, '\n');
    sink_flush(&display->sink, &display->out);
}

static int64_t json_display_tick(void *ctx, int64_t now_ns, const struct run_state *state)
{
    struct json_display *display = ctx;
    bool is_due = now_ns - display->shown_at_ns >= NS_PER_SEC;

    if (!display->changed && display->progress.running_count == 0) {
        return INT64_MAX;
    }
    if (is_due) {
        json_display_progress(display, state, now_ns);
        display->shown_at_ns = now_ns;
        display->changed = false;
    }
    return display->shown_at_ns + NS_PER_SEC;
}

struct observer json_display_observer(struct json_display *display)
{
    return (struct observer){display, json_display_tell, json_display_tick};
}

void json_display_finish(struct json_display *display, const struct report_end *end)
{
    struct json_writer w = json_writer_of(&display->out, JSON_COMPACT);

    json_object_begin(&w);
    json_field_text(&w, "type", "end");
    json_field_int(&w, "status", end->status);
    json_field_text(&w, "name", status_name(end->status));
    json_field_str(&w, "run", end->run);
    json_field_str(&w, "head", end->head);
    json_object_end(&w);
    strbuf_putc(&display->out, '\n');
    sink_flush(&display->sink, &display->out);
}
