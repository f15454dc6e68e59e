#ifndef PAWL_REPORT_FAILURE_H
#define PAWL_REPORT_FAILURE_H
/* The block that a failure prints, and logs as lines; for story.c. */
#include "report/story.h"

/* `event`: attempt.finished or instance.failed. */
void failure_add(const struct report_options *options, const struct event *event,
                 const struct run_state *state, struct strbuf *out);
/* The whole log of an attempt, indented; of a very long one the end. */
void failure_add_log(const struct report_options *options, const struct event *event,
                     struct strbuf *out);
/* Words before what is said of an instance: `failed    `. */
void failure_add_word(const struct report_options *options, const char *word, struct strbuf *out);

#endif
