#ifndef PAWL_REPORT_RESULT_JSON_H
#define PAWL_REPORT_RESULT_JSON_H
/* `result.json`: what became of a run, as one JSON object for programs. Made from the state of a
 * run, finished or not. docs/result-json.md documents each field; a field never changes its
 * meaning, new ones may come, and a change that breaks readers makes another `schema`.
 */
#include "model/plan.h"
#include "model/run_state.h"
#include "report/story.h"

struct json_writer;

enum { RESULT_JSON_SCHEMA = 1 };

struct result_options {
    const struct plan *plan;    /* may be NULL: names are those that events said */
    const uint8_t *scope;       /* by instance of the plan; NULL: all */
    struct report_slice slice;  /* of what the plan is a part */
    bool all;                   /* every instance, not only those something happened to */
    enum run_status run_status; /* RUN_PENDING: as the state says */
    int status;                 /* exit status; negative: as the state says, none before the end */
    struct str head;            /* head digest of the events, or "" */
    /* Takes what was written so far, now and then, and clears it; NULL: all of it stays. */
    void (*drain)(void *ctx, struct strbuf *text);
    void *drain_ctx;
    /* Adds members behind ours; NULL: none. */
    void (*more)(void *ctx, struct json_writer *w);
    void *more_ctx;
};

void result_json(const struct run_state *state, const struct result_options *options,
                 struct strbuf *out);

/* --- what the tables show alike --- */

/* Whether something happened to it (or `all`), and it is in scope. */
bool result_has_instance(const struct run_state *state, const struct result_options *options,
                         uint32_t number);
struct str result_instance_name(const struct run_state *state, const struct result_options *options,
                                uint32_t number);
struct str result_stage_name(const struct run_state *state, const struct result_options *options,
                             uint32_t number);
struct str result_reason(const struct run_state *state, const struct result_options *options,
                         uint32_t number);
enum run_status result_run_status(const struct run_state *state,
                                  const struct result_options *options);
/* -1: it has not ended. */
int result_status(const struct run_state *state, const struct result_options *options);

#endif
