/* Owns the last lines of a run. */
#include "base/units.h"
#include "report/color.h"
#include "report/story_inside.h"

enum { STORY_MUCH_LINES = 20 }; /* that much after a failure, and it is said again */

void story_add_summary(const struct run_state *state, uint32_t total, int64_t elapsed_ns,
                       struct strbuf *out)
{
    static const struct {
        enum inst_state state;
        const char *words;
    } parts[] = {
        {INST_DONE, "ran"},
        {INST_RESTORED, "restored"},
        {INST_UP_TO_DATE, "were up to date"},
        {INST_SKIPPED, "skipped"},
        {INST_REFUSED, "refused"},
        {INST_FAILED, "failed"},
        {INST_UNSETTLED, "unsettled"},
        {INST_CANCELLED, "cancelled"},
        {INST_BLOCKED, "blocked"},
        {INST_COMPENSATED, "compensated"},
    };
    const uint32_t *counts = state->counts;
    char took[UNITS_TEXT_BYTES];

    strbuf_printf(out, "%u of %u up to date:",
                  counts[INST_DONE] + counts[INST_UP_TO_DATE] + counts[INST_RESTORED], total);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (counts[parts[i].state] != 0) {
            bool one = parts[i].state == INST_UP_TO_DATE && counts[INST_UP_TO_DATE] == 1;

            strbuf_printf(out, " %u %s,", counts[parts[i].state],
                          one ? "was up to date" : parts[i].words);
        }
    }
    duration_format(elapsed_ns, took);
    strbuf_printf(out, " %s", took);
}

/* The failures that much was printed after. */
static void story_repeat(struct story *story, struct strbuf *out)
{
    uint32_t said = 0;

    for (uint32_t i = 0; i < story->block_count; i++) {
        if (story->lines - story->blocks[i].at_line > STORY_MUCH_LINES) {
            strbuf_add_str(out, strbuf_str(&story->blocks[i].text));
            said++;
        }
    }
    if (said != 0 && story->failure_count > story->block_count) {
        strbuf_printf(out, "and %u more that failed\n", story->failure_count - story->block_count);
    }
}

static uint32_t story_total(const struct report_options *options, const struct run_state *state)
{
    uint32_t total = 0;

    if (options->scope == NULL || options->plan == NULL) {
        return state->instance_count;
    }
    for (uint32_t i = 0; i < options->plan->instance_count; i++) {
        total += options->scope[i] != 0;
    }
    return total + options->slice.beyond;
}

void story_end(struct story *story, const struct report_end *end, const struct run_state *state,
               struct strbuf *out)
{
    bool colored = story->options->colored;
    struct strbuf text = {0};

    story_repeat(story, out);
    if (end->status == STATUS_OK && story->options->quiet) {
        return;
    }
    story_effects_end(story, out);
    if (end->status >= STATUS_SIGNAL) {
        strbuf_printf(&text, "interrupted by signal %d: ", end->status - STATUS_SIGNAL);
    } else if (end->status == STATUS_CANCELLED) {
        strbuf_puts(&text, "cancelled: ");
    } else if (end->status != STATUS_OK) {
        strbuf_printf(&text, "failed with status %d (%s): ", end->status, status_name(end->status));
    }
    story_add_summary(state, story_total(story->options, state), end->elapsed_ns, &text);
    color_add(out, colored, end->status == STATUS_OK ? COLOR_GOOD : COLOR_BAD, strbuf_str(&text));
    strbuf_putc(out, '\n');
    if (end->run.len != 0) {
        strbuf_printf(out, "run %.*s", STR_ARG(end->run));
        if (end->head.len != 0) {
            strbuf_printf(out, ", head %.*s", STR_ARG(end->head));
        }
        strbuf_putc(out, '\n');
    }
    strbuf_fini(&text);
}
