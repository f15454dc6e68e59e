/* Owns the lines that stay: one function for each type of event that prints. */
#include "report/story.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/units.h"
#include "report/color.h"
#include "report/failure.h"
#include "report/text.h"

enum {
    STORY_BLOCKS = 10,     /* failures that are said again at the end */
    STORY_MUCH_LINES = 20, /* that much after a failure, and it is */
    STORY_PARTIAL_BYTES = 4096,
    STORY_PATHS = 5
};

struct story_partial {
    uint32_t number;
    struct strbuf text;
};

struct story_block {
    uint64_t at_line; /* where it ended */
    struct strbuf text;
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

static void story_reason(const struct event *event, const char *before, struct strbuf *out)
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

static void story_partial_end(struct story *story, uint32_t number, const struct run_state *state,
                              struct strbuf *out);

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
    } else if (!story->options->quiet) {
        story_line(story, to == INST_CANCELLED ? "cancelled" : "again", event, state, out);
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

/* --- what is said of sets --- */

struct story_set {
    struct story *story;
    const struct event *event;
    const struct run_state *state;
    const char *word;
    bool by_stage;
    uint32_t first, count; /* the group under way: its first member and how many */
    struct str reason;
};

static struct str story_set_reason(const struct story_set *set, uint32_t number)
{
    const struct plan *plan = set->story->options->plan;

    if (set->event->reason.len == 0 && plan != NULL && number < plan->instance_count) {
        return plan->instances[number].skip_reason;
    }
    return set->event->reason;
}

static bool story_set_has(const struct story_set *set, uint32_t number, struct str reason)
{
    const struct plan *plan = set->story->options->plan;

    if (!str_equal(reason, set->reason)) {
        return false;
    }
    return !set->by_stage || plan == NULL || number >= plan->instance_count ||
           plan->instances[number].stage.n == plan->instances[set->first].stage.n;
}

static void story_set_end(const struct story_set *set, struct strbuf *out)
{
    if (set->count == 0) {
        return;
    }
    failure_add_word(set->story->options, set->word, out);
    story_add_name(set->story->options->plan, set->state, set->first, out);
    if (set->count > 1) {
        strbuf_printf(out, " and %u more", set->count - 1);
    }
    if (set->reason.len != 0) {
        strbuf_puts(out, ": ");
        text_add_inline(out, set->reason);
    }
    strbuf_putc(out, '\n');
}

static void story_add_set(struct story *story, const char *word, bool by_stage,
                          const struct event *event, const struct run_state *state,
                          struct strbuf *out)
{
    struct story_set set = {
        .story = story, .event = event, .state = state, .word = word, .by_stage = by_stage};

    for (uint32_t i = 0; i < event->ids.count; i++) {
        for (uint64_t n = event->ids.items[i].first; n <= event->ids.items[i].last; n++) {
            struct str reason = story_set_reason(&set, (uint32_t)n);

            if (set.count == 0 || !story_set_has(&set, (uint32_t)n, reason)) {
                story_set_end(&set, out);
                set.first = (uint32_t)n;
                set.count = 0;
                set.reason = reason;
            }
            set.count++;
        }
    }
    story_set_end(&set, out);
}

/* Once, at the start: what comes later is in the last line. */
static void story_up_to_date(struct story *story, const struct event *event, struct strbuf *out)
{
    if (story->said_up_to_date || story->brief || event->count <= 0) {
        return;
    }
    story->said_up_to_date = true;
    strbuf_printf(out, "%" PRId64 " up to date\n", event->count);
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
    case EVENT_WARNING:
        story_said(story, "warning", event, state, out);
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
    case EVENT_RUN_STARTED:
    case EVENT_RUN_RESUMED:
    case EVENT_INSTANCES_READY:
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

/* Lines that were added behind `from`. */
static void story_count(struct story *story, const struct strbuf *out, size_t from)
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
    } else if (event->type == EVENT_INSTANCE_ENDED) {
        story_failure(story, event, state, out);
    } else if (!story->options->quiet) {
        story_dispatch(story, event, state, out);
    }
    story_count(story, out, from);
    if (story->block_count != blocks) {
        story->blocks[blocks].at_line = story->lines;
    }
}

/* --- lines of commands --- */

static struct story_partial *story_partial_of(struct story *story, uint32_t number)
{
    for (uint32_t i = 0; i < story->partial_count; i++) {
        if (story->partials[i].number == number) {
            return &story->partials[i];
        }
    }
    if (story->partial_count == story->partial_cap) {
        story->partial_cap = story->partial_cap * 2 + 8;
        story->partials =
            mem_realloc(story->partials, story->partial_cap, sizeof(*story->partials));
    }
    story->partials[story->partial_count] = (struct story_partial){.number = number};
    return &story->partials[story->partial_count++];
}

static void story_stream_line(struct story *story, uint32_t number, const struct run_state *state,
                              struct str line, struct strbuf *out)
{
    struct strbuf name = {0};

    story_add_name(story->options->plan, state, number, &name);
    strbuf_puts(&name, " | ");
    color_add(out, story->options->colored, COLOR_FAINT, strbuf_str(&name));
    text_add_harmless(out, line);
    strbuf_putc(out, '\n');
    strbuf_fini(&name);
}

void story_stream(struct story *story, uint32_t number, const char *data, size_t len,
                  struct strbuf *out)
{
    static const struct run_state nothing;
    struct story_partial *partial;
    size_t from = out->len;

    if (story->options->output != REPORT_OUTPUT_STREAM || story->options->quiet) {
        return;
    }
    partial = story_partial_of(story, number);
    for (size_t i = 0; i < len; i++) {
        if (data[i] != '\n') {
            strbuf_putc(&partial->text, data[i]);
        }
        if (data[i] == '\n' || partial->text.len >= STORY_PARTIAL_BYTES) {
            story_stream_line(story, number, &nothing, strbuf_str(&partial->text), out);
            strbuf_clear(&partial->text);
        }
    }
    story_count(story, out, from);
}

static void story_partial_end(struct story *story, uint32_t number, const struct run_state *state,
                              struct strbuf *out)
{
    for (uint32_t i = 0; i < story->partial_count; i++) {
        struct story_partial *partial = &story->partials[i];

        if (partial->number == number) {
            if (partial->text.len != 0) {
                story_stream_line(story, number, state, strbuf_str(&partial->text), out);
            }
            strbuf_fini(&partial->text);
            *partial = story->partials[--story->partial_count];
            return;
        }
    }
}

/* --- the end --- */

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
    };
    const uint32_t *counts = state->counts;
    char took[UNITS_TEXT_BYTES];

    strbuf_printf(out, "%u of %u up to date:",
                  counts[INST_DONE] + counts[INST_UP_TO_DATE] + counts[INST_RESTORED], total);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (counts[parts[i].state] != 0) {
            strbuf_printf(out, " %u %s,", counts[parts[i].state], parts[i].words);
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
    return total;
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
    if (end->status >= STATUS_SIGNAL) {
        strbuf_printf(&text, "interrupted by signal %d: ", end->status - STATUS_SIGNAL);
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
