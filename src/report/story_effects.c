/* Owns the lines about effects that are undone. */
#include <inttypes.h>

#include "base/units.h"
#include "report/failure.h"
#include "report/story_inside.h"
#include "report/text.h"

static void effect_all(struct story *story, const struct event *event, struct strbuf *out)
{
    story->effects.total += (uint32_t)event->count;
    failure_add_word(story->options, "undoing", out);
    strbuf_printf(out, "%" PRId64 " %s, newest first", event->count,
                  event->count == 1 ? "effect" : "effects");
    story_reason(event, ": ", out);
}

static void effect_started(struct story *story, const struct event *event, struct strbuf *out)
{
    if (event->attempt == 1 && ++story->effects.begun > story->effects.total) {
        story->effects.total = story->effects.begun;
    }
    if (story->options->verbose) {
        failure_add_word(story->options, "undoing", out);
        text_add_inline(out, event->instance);
        strbuf_putc(out, '\n');
    }
}

static void effect_finished(struct story *story, const struct event *event, struct strbuf *out)
{
    bool undone = event->state.len != 0;
    char delay[UNITS_TEXT_BYTES];

    if (!undone && event->delay_ns == 0) {
        return; /* what follows says it */
    }
    story->effects.undone += undone;
    failure_add_word(story->options, undone ? "undone" : "retry", out);
    text_add_inline(out, event->instance);
    if (undone) {
        strbuf_putc(out, '\n');
        return;
    }
    duration_format(event->delay_ns, delay);
    strbuf_printf(out, " is undone in %s", delay);
    story_reason(event, ": ", out);
}

/* A person has to know where it came from and what it said. */
static void effect_failed(struct story *story, const struct event *event,
                          const struct run_state *state, struct strbuf *out)
{
    const struct report_options *options = story->options;

    failure_add_word(options, "NOT UNDONE", out);
    text_add_inline(out, event->instance);
    story_reason(event, ": ", out);
    if (event->place.len != 0) {
        strbuf_puts(out, "  at ");
        text_add_inline(out, event->place);
        strbuf_putc(out, '\n');
    }
    if (event->log.len != 0) {
        failure_add_log(options, event, out);
        strbuf_puts(out, "  log: ");
        if (options->runs_path.len != 0) {
            text_add_inline(out, options->runs_path);
        } else {
            strbuf_puts(out, ".pawl/runs");
        }
        strbuf_printf(out, "/%.*s/%.*s\n", STR_ARG(state->run), STR_ARG(event->log));
    }
    strbuf_puts(out, "  undo it by hand, or mend what kept its 'compensate' from it: the next "
                     "'pawl run' or 'pawl cancel' calls that again\n");
}

void story_effect(struct story *story, const struct event *event, const struct run_state *state,
                  struct strbuf *out)
{
    if (event->type == EVENT_RUN_COMPENSATING) {
        effect_all(story, event, out);
    } else if (event->type == EVENT_COMPENSATION_STARTED) {
        effect_started(story, event, out);
    } else if (event->type == EVENT_COMPENSATION_FINISHED) {
        effect_finished(story, event, out);
    } else {
        effect_failed(story, event, state, out);
    }
}

void story_effects_end(const struct story *story, struct strbuf *out)
{
    uint32_t undone = story->effects.undone, total = story->effects.total;

    if (total != 0) {
        strbuf_printf(out,
                      undone == total ? "compensation completed: %u of %u\n"
                                      : "compensation incomplete: %u of %u are undone\n",
                      undone, total);
    }
}
