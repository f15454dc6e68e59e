#ifndef PAWL_RUN_JUDGE_H
#define PAWL_RUN_JUDGE_H
/* What the checks of an instance say of the result that it has: of an attempt that has just ended
 * well, or of a known key. Nothing is decided here but by policy/checks; metrics come from results.
 *
 * A check with a command has a verdict of its own, kept in the store by a key of the command, the
 * files that it reads and what the stage made. Where none is kept the judgement is `later`: whoever
 * asked has the commands run (run/check_commands.h) and asks again.
 */
#include "policy/checks.h"
#include "run/facts.h"

/* A check that did not pass. */
struct judge_row {
    enum check_kind kind;
    enum check_weight weight;
    struct str name, expression, reason, wanted;
    struct event_pairs values;
};

struct judgement {
    struct judge_row *rows;
    uint32_t count;
    uint32_t checks; /* all that were asked */
    bool refused;
    bool warned;
    bool later;                 /* a command has to be run first */
    enum cause cause;           /* refused: validation before gate */
    struct str reason;          /* refused: the first, and how many more */
    struct event_pairs metrics; /* refused: all that the result has */
};

/* In `arena`. */
void facts_judge(struct facts *facts, struct inst_id instance, struct arena *arena,
                 struct judgement *judgement);

/* The figures of the result that an instance has now; NULL: it has none. */
const struct metrics *facts_metrics(struct facts *facts, struct inst_id instance);
/* For the plan. */
struct plan_metrics facts_plan_metrics(struct facts *facts);
/* Adds those of a JSON file of the workspace, whose size is looked at first. `err` names it. */
bool metrics_add_file(struct metric_list *list, struct str path, struct err *err);
struct event_pairs metrics_pairs(const struct metrics *metrics, struct arena *arena);

/* --- checks with a command --- */

struct check_command {
    struct plan_command command;
    struct str *inputs; /* files that it reads beside what the stage made */
    uint32_t input_count;
    struct key_fields fields;
    struct digest key;
};
/* Renders it and makes its key. False: a file that it reads is not there; `err` says which. */
bool facts_check_command(struct facts *facts, struct inst_id instance, const struct m_check *check,
                         struct arena *arena, struct check_command *command, struct err *err);
/* The number of a check among those of its stage, validations first; NULL: there are no more. */
const struct m_check *judge_check_at(const struct m_stage *stage, uint32_t number,
                                     enum check_kind *kind);
/* Is its verdict kept? `*passed`, and what it said when it did not. */
bool facts_check_kept(struct facts *facts, const struct digest *key, struct arena *arena,
                      bool *passed, struct str *reason);
/* It did not pass, in this run: its command did not come to a verdict of its own. */
void facts_note_verdict(struct facts *facts, const struct digest *key, struct str reason);

#endif
