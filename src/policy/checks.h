#ifndef PAWL_POLICY_CHECKS_H
#define PAWL_POLICY_CHECKS_H
/* Whether a result passes its checks. Pure: values come through an environment of names.
 *
 * In an expression each name in the text must have a value that is a finite number (or, of a param
 * or an axis, whatever that is), even where the rest decides without it, unless it stands inside of
 * default(…). What has none refuses, with the reason: a check that cannot be told never passes.
 */
#include <stdbool.h>

#include "model/event.h"
#include "model/expr.h"
#include "policy/outcome.h"

enum check_kind { CHECK_VALIDATE, CHECK_GATE };

/* What an expression says of a result. */
struct check_verdict {
    bool passed;
    struct str reason;         /* not passed: what it saw, or why it cannot be told */
    struct str wanted;         /* what would have passed; "": not known */
    struct event_pairs values; /* what it saw, by name */
};

/* In `arena`. */
void check_judge(const struct expr *expr, const struct expr_env *env, struct arena *arena,
                 struct check_verdict *verdict);

enum check_weight { CHECK_PASSES, CHECK_WARNS, CHECK_REFUSES };

/* What follows. `warn`: its severity; `lenient`: failed validations are told as warnings. */
enum check_weight check_weigh(bool passed, enum check_kind kind, bool warn, bool lenient);
/* The event of a check that did not pass. */
enum event_type check_event(enum check_kind kind, enum check_weight weight);
enum cause check_cause(enum check_kind kind);

#endif
