#ifndef PAWL_RUN_HISTORY_H
#define PAWL_RUN_HISTORY_H
/* Which result an instance had: in its last attempt, or in a run. Reads records, roots and results
 * of the store; changes nothing. Main thread, with the store open.
 *
 * What a run made or restored stands in its events, output by output with the digest. An instance
 * that was up to date has no event of its own. Which key it had then is in the roots of the run
 * (run/history_keys.h), and with it the result; of a key that ran again since, the newest run
 * before says the digests.
 *
 * A run that only looked at what had changed since the one before has no keys of the rest. Where
 * all of the pipeline was asked for, the rest lay there as it was put last: what the newest run
 * before made or restored (or, newer still, what was adopted), or, where no record says anything,
 * what the newest roots before say. What was brought back by hand between the two
 * (history_note_hand) is not known, nor what a run found that asked for a part of the pipeline.
 * Runs that came from elsewhere say nothing of what lay here.
 *
 * Of a run whose record is gone its roots alone tell what it looked at, and with which keys.
 *
 * Digests come from the record. Type and x-bit come from the result of the same key: of a command
 * that ran again and gave other bytes, only the newest result is kept, and is taken for these.
 */
#include "run/session.h"
#include "store/run_dir.h"

struct past {
    struct str instance;
    struct str said_by;    /* the run whose record it is taken from; "": by its key, or adopted */
    bool known;            /* its result is on record */
    struct result_ref ref; /* if so and the bytes are that result's own; else none */
    struct result result;  /* if known */
};
struct history {
    struct past *items; /* in order of the plan of that time; the wanted ones */
    uint32_t count;
    uint32_t unnamed; /* were up to date, and their names are not on record any more */
    bool part;        /* the record is gone, and what else was up to date is not known */
};

/* The run that a selector means (run_list_resolve), among those with a record or roots. Status 2:
 * none, or several. */
bool history_find_run(struct session *session, const char *selector, struct run_id *id,
                      struct err *err);

/* Instances of a run that were good in it. `wants` chooses by name; NULL: all. In `arena`. Status
 * 12: a record is damaged. */
bool history_of_run(struct session *session, const struct run_id *id,
                    bool (*wants)(void *ctx, struct str instance), void *ctx, struct arena *arena,
                    struct history *history, struct err *err);
/* The last result of an instance in this workspace; `known` is false when there is none. */
void history_last(struct session *session, struct str stage, struct str instance,
                  struct arena *arena, struct past *past);

/* Before outputs of these instances are brought back without a run: whatever the runs so far say of
 * them does not tell what later runs find. */
bool history_note_hand(struct session *session, const struct str *instances, uint32_t count,
                       struct err *err);

/* Does the result have each of these outputs (path, digest as text)? Pure. */
bool history_agrees(const struct result *result, const struct event_pairs *outputs);
/* The result with the digests of `outputs` in place of its own. False: it has another set of
 * outputs. Pure. */
bool history_redate(struct result *result, const struct event_pairs *outputs);

#endif
