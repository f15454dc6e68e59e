#ifndef PAWL_CMD_REASON_H
#define PAWL_CMD_REASON_H
/* Why an instance is up to date or not, in words. One that is up to date has the result that makes
 * it so; of any other the present key is held against that of its last result, field by field.
 */
#include "run/facts.h"

/* One field of the key that differs; `was` or `now` without data: it was not there, is not. */
struct reason_change {
    struct str name; /* as in model/key.h */
    struct str was, now;
};

struct reason {
    bool has_last; /* the result that counts, or the last one of the instance here */
    struct result last;
    bool has_key; /* the present key is known */
    struct reason_change *changes;
    uint32_t change_count;
};

/* What a decision is looked at with: after decide_plan, before or while its run. */
struct reason_view {
    struct session *session;
    struct facts *facts;
    const struct decide *decide;
    const uint8_t *forced; /* by instance */
};

/* All in `arena`. */
void reason_find(const struct reason_view *view, struct inst_id instance, struct arena *arena,
                 struct reason *reason);
/* The one line: why it would run, be brought back, be skipped, or fail. */
struct str reason_text(const struct reason_view *view, struct inst_id instance,
                       const struct reason *reason, struct arena *arena);
/* "input 'a.csv' changed", "the command changed", … */
void reason_change_text(const struct reason_change *change, struct strbuf *out);

#endif
