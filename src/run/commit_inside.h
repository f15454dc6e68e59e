#ifndef PAWL_RUN_COMMIT_INSIDE_H
#define PAWL_RUN_COMMIT_INSIDE_H
/* What the parts of a commit share among themselves (commit.c and commit_*.c); nobody else includes
 * this. What commit_check_inputs and commit_put do may be done in a worker. */
#include "run/executor.h"

enum { COMMIT_SMALL_BYTES = 256 << 10 };

/* The attempt failed, unless it already had. */
void commit_fail(struct attempt *attempt, enum cause cause, struct str reason);
void commit_fail_err(struct attempt *attempt, const struct err *err);

/* commit_check.c: is everything there as declared, and as it was when the command started? */
bool commit_place_stdout(struct attempt *attempt);
bool commit_check_output(struct attempt *attempt, struct attempt_output *row, uint64_t *size_bytes);
void commit_check_inputs(struct attempt *attempt);
/* The first input that is not what it was when the command started; NULL: none is, or `err`. */
const struct read_fact *commit_changed_input(const struct attempt *attempt, struct err *err);

/* commit_metrics.c: the figures that it gave. */
bool commit_metrics(struct attempt *attempt);

/* commit_put.c: outputs into the store. */
bool commit_is_stored(const struct plan_output *declared);
void commit_put(struct attempt *attempt);

/* commit_depfile.c: what the command says that it read. */
bool commit_depfiles(struct attempt *attempt);

/* commit_result.c: the result into the record of this turn. */
void commit_result(struct attempt *attempt);
/* What it made is pawl's now: at once, or when its checks let it pass. */
void commit_made_rows(struct attempt *attempt);

#endif
