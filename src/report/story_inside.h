#ifndef PAWL_REPORT_STORY_INSIDE_H
#define PAWL_REPORT_STORY_INSIDE_H
/* What the parts of the story share; for story*.c alone. */
#include "report/story.h"

struct story_partial {
    uint32_t number;
    struct strbuf text;
};

struct story_block {
    uint64_t at_line; /* where it ended */
    struct strbuf text;
};

/* One line for each group of instances with one reason (and, `by_stage`, of one stage). */
void story_add_set(struct story *story, const char *word, bool by_stage, const struct event *event,
                   const struct run_state *state, struct strbuf *out);
/* Why, behind `before`, and the line's end. */
void story_reason(const struct event *event, const char *before, struct strbuf *out);
/* story_effects.c: events about effects that are undone. */
void story_effect(struct story *story, const struct event *event, const struct run_state *state,
                  struct strbuf *out);
/* What a command printed last without a line end. */
void story_partial_end(struct story *story, uint32_t number, const struct run_state *state,
                       struct strbuf *out);
/* Counts the lines that were added behind `from`. */
void story_count(struct story *story, const struct strbuf *out, size_t from);

#endif
