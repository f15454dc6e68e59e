#ifndef PAWL_RUN_UNDO_H
#define PAWL_RUN_UNDO_H
/* What is needed to call a compensation, whatever has become of the manifest: taken from the plan
 * before the stage's command starts, kept as bytes in `.pawl/effects` (store/effects.h).
 *
 * The bytes (base/bytes.h): version u8, 1; dir, place: strings; argv, env, passed, secrets: each a
 * u32 count and strings; timeout_ns, log_max_bytes u64; retry: max u32, backoff u8, delay_ns,
 * max_delay_ns u64, jitter u8, on u32, exit codes as a u32 count and u32 each; attempt u64.
 */
#include "run/environment.h"
#include "run/facts.h"

struct undo {
    struct str dir, place;
    struct event_strs argv;
    struct environment_kept kept;
    int64_t timeout_ns;
    uint64_t log_max_bytes;
    struct plan_retry retry; /* of all zeroes: none */
    int64_t attempt;         /* whose effect it is */
};

/* The compensation of an instance, about to be started for the `attempt`-th time. False: it cannot
 * be rendered, or a variable is not set. */
bool undo_take(struct facts *facts, struct inst_id instance, int64_t attempt, struct arena *arena,
               struct undo *undo, struct err *err);
void undo_write(const struct undo *undo, struct strbuf *out);
/* Texts are slices of `bytes` or lie in `arena`. False: damaged (status 12). */
bool undo_read(struct str bytes, struct arena *arena, struct undo *undo, struct err *err);

#endif
