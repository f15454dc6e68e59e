/* Owns the lines that stay: one function for each type of event that prints. */
#include "report/story.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/units.h"
#include "report/checks.h"
#include "report/failure.h"
#include "report/progress.h"
#include "report/story_inside.h"
#include "report/text.h"

enum {
    STORY_BLOCKS = 10, /* failures that are said again at the end */
    STORY_PATHS = 5
};

bool report_output_from(struct str text, enum report_output *output)
{
    static const char *const names[] = {[REPORT_OUTPUT_FAILED] = "failed",
                                        [REPORT_OUTPUT_STREAM] = "stream",
                                        [REPORT_OUTPUT_GROUP] = "group",
                                        [REPORT_OUTPUT_NONE] = "none"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (str_is(text, names[i])) {
            *output = (enum report_output)i;
            return true;
        }
    }
    return false;
}

void story_init(struct story *story, const struct report_options *options, bool brief)
{
    *story = (struct story){.options = options, .brief = brief};
}

void story_fini(struct story *story)
{
    for (uint32_t i = 0; i < story->partial_count; i++) {
        strbuf_fini(&story->partials[i].text);
    }
    for (uint32_t i = 0; i < story->block_count; i++) {
        strbuf_fini(&story->blocks[i].text);
    }
    free(story->partials);
    free(story->blocks);
    *story = (struct story){0};
}

void story_add_name(const struct plan *plan, const struct run_state *state, uint32_t number,
                    struct strbuf *out)
{
    if (plan != NULL && number < plan->instance_count) {
        text_add_inline(out, plan->instances[number].name);
    } else if (number < state->instance_count && state->instances[number].name.len != 0) {
        text_add_inline(out, state->instances[number].name);
    } else {
        strbuf_printf(out, "#%u", number);
    }
}

/* --- what is said of one instance --- */

static void story_line(struct story *story, const char *word, const struct event *event,
                       const struct run_state *state, struct strbuf *out)
{
    failure_add_word(story->options, word, out);
    if (event->instance.len != 0) {
        story_add_name(story->options->plan, state, event->number, out);
    }
}

void story_reason(const struct event *event, const char *before, struct strbuf *out)
{
    if (event->reason.len != 0) {
        strbuf_puts(out, before);
        text_add_inline(out, event->reason);
    }
    strbuf_putc(out, '\n');
}

static void story_failure(struct story *story, const struct event *event,
                          const struct run_state *state, struct strbuf *out)
{
    struct strbuf text = {0};

    failure_add(story->options, event, state, &text);
    strbuf_add_str(out, strbuf_str(&text));
    story->failure_count++;
    if (story->block_count < STORY_BLOCKS) {
        story->blocks = mem_realloc(story->blocks, story->block_count + 1, sizeof(*story->blocks));
        story->blocks[story->block_count++] = (struct story_block){0, text};
    } else {
        strbuf_fini(&text);
    }
}

static void story_group(struct story *story, const struct event *event, struct strbuf *out)
{
    if (story->options->output == REPORT_OUTPUT_GROUP && !story->options->quiet) {
        failure_add_log(story->options, event, out);
    }
}

static void story_done(struct story *story, const struct event *event,
                       const struct run_state *state, struct strbuf *out)
{
    char took[UNITS_TEXT_BYTES];
    bool shows_log = story->options->output == REPORT_OUTPUT_GROUP && event->log.len != 0;

    if (story->options->quiet || (story->brief && !shows_log && !story->options->verbose)) {
        return;
    }
    story_line(story, "done", event, state, out);
    duration_format(event->wall_ns, took);
    strbuf_printf(out, "  %s\n", took);
    story_group(story, event, out);
}

static const char *story_stop_word(const struct event *event, enum inst_state to)
{
    if (to == INST_CANCELLED) {
        return "cancelled";
    }
    return str_is(event->cause, "paused") ? "stopped" : "again";
}

/* What is ready again though its command failed leaves its variant: that has a line of its own. */
static bool story_is_left(const struct event *event, enum inst_state to)
{
    return to == INST_READY && event->variant.len != 0 && !str_is(event->cause, "paused") &&
           !str_is(event->cause, "unsettled");
}

static void story_finished(struct story *story, const struct event *event,
                           const struct run_state *state, struct strbuf *out)
{
    enum inst_state to;

    story_partial_end(story, event->number, state, out);
    if (!inst_state_from_name(event->state, &to)) {
        return;
    }
    if (to == INST_DONE) {
        story_done(story, event, state, out);
    } else if (to == INST_FAILED || to == INST_UNSETTLED || to == INST_REFUSED) {
        story_failure(story, event, state, out);
    } else if (to == INST_WAITING || story_is_left(event, to)) {
        story_group(story, event, out);
    } else if (!story->options->quiet) {
        story_line(story, story_stop_word(event, to), event, state, out);
        story_reason(event, ": ", out);
        story_group(story, event, out);
    }
}

static void story_started(struct story *story, const struct event *event,
                          const struct run_state *state, struct strbuf *out)
{
    const struct report_options *options = story->options;
    struct strbuf why = {0};

    if (!options->verbose) {
        return;
    }
    story_line(story, "start", event, state, out);
    if (options->why != NULL) {
        options->why(options->ctx, (struct inst_id){event->number}, &why);
    }
    if (why.len != 0) {
        strbuf_puts(out, ": ");
        text_add_inline(out, strbuf_str(&why));
    }
    strbuf_putc(out, '\n');
    strbuf_fini(&why);
}

/* Paths of an event: the first few, and how many more. */
static void story_paths(const struct event_strs *paths, struct strbuf *out)
{
    for (uint32_t i = 0; i < paths->count && i < STORY_PATHS; i++) {
        strbuf_puts(out, i == 0 ? "'" : ", '");
        path_show(out, paths->items[i]);
        strbuf_putc(out, '\'');
    }
    if (paths->count > STORY_PATHS) {
        strbuf_printf(out, " and %u more", paths->count - STORY_PATHS);
    }
}

static void story_kept(struct story *story, const struct event *event, struct strbuf *out)
{
    failure_add_word(story->options, "kept", out);
    story_paths(&event->paths, out);
    strbuf_puts(out, event->paths.count == 1 ? " was not made by pawl: it is at '"
                                             : " were not made by pawl: they are at '");
    path_show(out, event->place);
    strbuf_puts(out, "' now\n");
}

static void story_differs(struct story *story, const struct event *event,
                          const struct run_state *state, struct strbuf *out)
{
    story_line(story, "differs", event, state, out);
    strbuf_puts(out, ": the same inputs gave other bytes: ");
    story_paths(&event->paths, out);
    strbuf_putc(out, '\n');
}

static void story_orphans(struct story *story, const struct event *event, struct strbuf *out)
{
    failure_add_word(story->options, "orphans", out);
    story_paths(&event->paths, out);
    strbuf_puts(out, ": made by pawl, declared by no stage now; 'pawl clean --orphans' removes "
                     "them\n");
}

static void story_said(struct story *story, const char *word, const struct event *event,
                       const struct run_state *state, struct strbuf *out)
{
    story_line(story, word, event, state, out);
    story_reason(event, event->instance.len != 0 ? ": " : "", out);
}

/* retry 2 of 3 of fetch in 4s: exit 75 */
static void story_retry(struct story *story, const struct event *event,
                        const struct run_state *state, struct strbuf *out)
{
    char delay[UNITS_TEXT_BYTES];

    failure_add_word(story->options, "retry", out);
    strbuf_printf(out, "%" PRId64 " of %" PRId64 " of ", event->retry, event->retries);
    story_add_name(story->options->plan, state, event->number, out);
    duration_format(event->delay_ns, delay);
    strbuf_printf(out, " in %s", delay);
    story_reason(event, ": ", out);
}

static void story_progress(struct story *story, const struct event *event,
                           const struct run_state *state, struct strbuf *out)
{
    const struct inst_progress *said = inst_told(&state->instances[event->number])->progress;

    if (story->options->verbose && said != NULL) {
        story_line(story, "progress", event, state, out);
        strbuf_puts(out, ": ");
        progress_format_said(said, 0, out);
        strbuf_putc(out, '\n');
    }
}

static void story_recover(struct story *story, const struct event *event,
                          const struct run_state *state, struct strbuf *out)
{
    if (event->type == EVENT_RECOVER_STARTED) {
        if (story->options->verbose) {
            story_line(story, "recover", event, state, out);
            strbuf_putc(out, '\n');
        }
        return;
    }
    if (event->reason.len != 0 || story->options->verbose) {
        story_line(story, "recover", event, state, out);
        story_reason(event, event->reason.len != 0 ? " failed: " : " helped", out);
    }
}

/* fallback  embed@x=1: variant 'new' failed: exit 3; the stage's own command runs instead
 *
 * Of those that find the breaker open only the first is told, unless all is. */
static void story_variant_left(struct story *story, const struct event *event,
                               const struct run_state *state, struct strbuf *out)
{
    bool failed = !str_is(event->cause, "breaker");

    if (!failed && story->said_out && !story->options->verbose) {
        return;
    }
    story->said_out |= !failed;
    story_line(story, "fallback", event, state, out);
    strbuf_printf(out, ": variant '%.*s' %s", STR_ARG(event->variant),
                  failed ? "failed: " : "is out: ");
    text_add_inline(out, event->reason);
    strbuf_puts(out, "; the stage's own command runs instead\n");
}

void story_add_fallbacks(const struct event *event, struct strbuf *out)
{
    strbuf_printf(out,
                  "%" PRId64 " instance%s of '%.*s' %s the result of the stage's own command: "
                  "variant '%.*s' had failed; --force tries it again\n",
                  event->count, event->count == 1 ? "" : "s", STR_ARG(event->stage),
                  event->count == 1 ? "has" : "have", STR_ARG(event->variant));
}

static void story_fallbacks(struct story *story, const struct event *event, struct strbuf *out)
{
    failure_add_word(story->options, "fallback", out);
    story_add_fallbacks(event, out);
}

static void story_breaker(struct story *story, const struct event *event, struct strbuf *out)
{
    char open_for[UNITS_TEXT_BYTES];

    failure_add_word(story->options, "breaker", out);
    text_add_inline(out, event->breaker);
    if (event->type == EVENT_BREAKER_OPENED) {
        duration_format(event->delay_ns, open_for);
        strbuf_printf(out, " is open for %s", open_for);
    } else {
        strbuf_puts(out, event->type == EVENT_BREAKER_CLOSED ? " is closed" : " lets one through");
    }
    story_reason(event, ": ", out);
}

static void story_checkpoint_of(const struct event *event, const char *before, struct strbuf *out)
{
    char time[TIME_TEXT_BYTES];

    time_format_rfc3339(event->taken_at_ns, time);
    strbuf_printf(out, "%s%s", before, time);
}

static void story_checkpoint(struct story *story, const struct event *event,
                             const struct run_state *state, struct strbuf *out)
{
    const struct report_options *options = story->options;
    char size[UNITS_TEXT_BYTES], took[UNITS_TEXT_BYTES];

    if (event->type == EVENT_CHECKPOINT_DAMAGED) {
        story_line(story, "warning", event, state, out);
        story_checkpoint_of(event, ": damaged checkpoint of ", out);
        story_reason(event, ": ", out);
    } else if (event->type == EVENT_CHECKPOINT_RESTORED && !options->quiet) {
        story_line(story, "goes on", event, state, out);
        story_checkpoint_of(event, " from its checkpoint of ", out);
        strbuf_putc(out, '\n');
    } else if (options->verbose) {
        story_line(story, "saved", event, state, out);
        size_format((uint64_t)event->bytes, size);
        duration_format(event->wall_ns, took);
        strbuf_printf(out, ": a checkpoint, %s read in %s\n", size, took);
    }
}

static void story_asked(struct story *story, const char *word, const struct event *event,
                        struct strbuf *out)
{
    failure_add_word(story->options, word, out);
    strbuf_puts(out, "asked by ");
    text_add_inline(out, event->user);
    story_reason(event, ": ", out);
}

static void story_hook(struct story *story, const struct event *event, struct strbuf *out)
{
    failure_add_word(story->options, "warning", out);
    strbuf_puts(out, "hook '");
    text_add_inline(out, event->hook);
    strbuf_printf(out, "' of event %" PRId64, event->told);
    story_reason(event, ": ", out);
}

/* Once, at the start: what comes later is in the last line. */
static void story_up_to_date(struct story *story, const struct event *event, struct strbuf *out)
{
    if (story->said_up_to_date || story->brief || event->count <= 0) {
        return;
    }
    story->said_up_to_date = true;
    strbuf_printf(out, "%" PRId64 " up to date\n",
                  event->whole ? (int64_t)story->options->slice.up_to_date : event->count);
}

/* --- all events --- */

static void story_dispatch(struct story *story, const struct event *event,
                           const struct run_state *state, struct strbuf *out)
{
    switch (event->type) {
    case EVENT_INSTANCES_UP_TO_DATE:
        story_up_to_date(story, event, out);
        return;
    case EVENT_INSTANCES_SKIPPED:
        story_add_set(story, "skipped", true, event, state, out);
        return;
    case EVENT_INSTANCES_BLOCKED:
        story_add_set(story, "blocked", false, event, state, out);
        return;
    case EVENT_INSTANCES_CANCELLED:
        story_add_set(story, "cancelled", false, event, state, out);
        return;
    case EVENT_INSTANCE_RESTORED:
        if (!story->brief || story->options->verbose) {
            story_line(story, "restored", event, state, out);
            strbuf_putc(out, '\n');
        }
        return;
    case EVENT_INSTANCE_REOPENED:
    case EVENT_INSTANCE_WAITING:
        if (story->options->verbose) {
            story_said(story, event->type == EVENT_INSTANCE_WAITING ? "waiting" : "reopened", event,
                       state, out);
        }
        return;
    case EVENT_ATTEMPT_STARTED:
        story_started(story, event, state, out);
        return;
    case EVENT_ATTEMPT_PROGRESS:
        story_progress(story, event, state, out);
        return;
    case EVENT_ATTEMPT_LOST:
        story_said(story, "lost", event, state, out);
        return;
    case EVENT_RESULT_DIFFERS:
        story_differs(story, event, state, out);
        return;
    case EVENT_OUTPUT_KEPT:
        story_kept(story, event, out);
        return;
    case EVENT_ORPHANS_FOUND:
        story_orphans(story, event, out);
        return;
    case EVENT_STOPPING:
        story_said(story, "stopping", event, state, out);
        return;
    case EVENT_RUN_PAUSING:
        story_asked(story, "pausing", event, out);
        return;
    case EVENT_RUN_PAUSED:
        failure_add_word(story->options, "paused", out);
        strbuf_printf(out, "'pawl resume %.*s' goes on\n", STR_ARG(state->run));
        return;
    case EVENT_RUN_CONTINUED:
        story_asked(story, "resumed", event, out);
        return;
    case EVENT_RUN_CANCELLING:
        story_asked(story, "cancelling", event, out);
        return;
    case EVENT_WARNING:
        story_said(story, "warning", event, state, out);
        return;
    case EVENT_RECOVER_STARTED:
    case EVENT_RECOVER_FINISHED:
        story_recover(story, event, state, out);
        return;
    case EVENT_RETRY:
        story_retry(story, event, state, out);
        return;
    case EVENT_BREAKER_OPENED:
    case EVENT_BREAKER_HALF_OPENED:
    case EVENT_BREAKER_CLOSED:
        story_breaker(story, event, out);
        return;
    case EVENT_VARIANT_LEFT:
        story_variant_left(story, event, state, out);
        return;
    case EVENT_FALLBACKS_USED:
        story_fallbacks(story, event, out);
        return;
    case EVENT_WARNING_ENDED:
        story_said(story, "over", event, state, out);
        return;
    case EVENT_HOOK_FAILED:
        story_hook(story, event, out);
        return;
    case EVENT_CHECK_WARNED:
        story_line(story, "warning", event, state, out);
        strbuf_puts(out, ": ");
        checks_add_warning(event, out);
        return;
    case EVENT_CHECKPOINT_SAVED:
    case EVENT_CHECKPOINT_RESTORED:
    case EVENT_CHECKPOINT_DAMAGED:
        story_checkpoint(story, event, state, out);
        return;
    case EVENT_RUN_COMPENSATING:
    case EVENT_COMPENSATION_STARTED:
    case EVENT_COMPENSATION_FINISHED:
    case EVENT_COMPENSATION_FAILED:
        story_effect(story, event, state, out);
        return;
    case EVENT_LIMIT_CHANGED:
        if (story->options->verbose) {
            failure_add_word(story->options, "limit", out);
            strbuf_printf(out, "%" PRId64 " slots", event->limit);
            story_reason(event, ": ", out);
        }
        return;
    case EVENT_ATTEMPT_FINISHED:
    case EVENT_INSTANCE_ENDED:
    case EVENT_INSTANCE_REFUSED:
    case EVENT_CHECKS_PASSED:
    case EVENT_GATE_REFUSED:
    case EVENT_VALIDATION_FAILED:
    case EVENT_INSTANCES_COMPENSATED:
    case EVENT_RUN_STARTED:
    case EVENT_RUN_RESUMED:
    case EVENT_INSTANCES_READY:
    case EVENT_HOOK_STARTED:
    case EVENT_HOOKS_TOLD:
    case EVENT_VARIANTS_CHOSEN:
    case EVENT_SYNCED:
    case EVENT_SNAPSHOT:
    case EVENT_RUN_COMPLETED:
    case EVENT_RUN_FAILED:
    case EVENT_RUN_CANCELLED:
    case EVENT_RUN_INTERRUPTED:
    case EVENT_RUN_ABANDONED:
    case EVENT_TYPE_COUNT:
        return;
    }
}

void story_count(struct story *story, const struct strbuf *out, size_t from)
{
    for (size_t i = from; i < out->len; i++) {
        story->lines += out->data[i] == '\n';
    }
}

void story_tell(struct story *story, const struct event *event, const struct run_state *state,
                struct strbuf *out)
{
    size_t from = out->len;
    uint32_t blocks = story->block_count;

    if (event->type == EVENT_ATTEMPT_FINISHED) {
        story_finished(story, event, state, out);
    } else if (event->type == EVENT_INSTANCE_ENDED || event->type == EVENT_INSTANCE_REFUSED) {
        story_failure(story, event, state, out);
    } else if (!story->options->quiet || event->type == EVENT_COMPENSATION_FAILED) {
        story_dispatch(story, event, state, out);
    }
    story_count(story, out, from);
    if (story->block_count != blocks) {
        story->blocks[blocks].at_line = story->lines;
    }
}
