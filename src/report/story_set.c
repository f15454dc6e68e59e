/* Owns what is said of sets of instances: groups, not thousands of lines. */
#include "report/failure.h"
#include "report/story_inside.h"
#include "report/text.h"

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

void story_add_set(struct story *story, const char *word, bool by_stage, const struct event *event,
                   const struct run_state *state, struct strbuf *out)
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
