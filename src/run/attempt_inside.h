#ifndef PAWL_RUN_ATTEMPT_INSIDE_H
#define PAWL_RUN_ATTEMPT_INSIDE_H
/* What the parts of an attempt share among themselves (attempt.c and attempt_*.c); nobody else
 * includes this. */
#include "run/executor.h"

/* attempt_ready.c: what is made sure of just before the command starts. Each is false with `err`,
 * or with the attempt's own cause. */
bool attempt_find_reads(struct attempt *attempt, struct err *err);
bool attempt_note_reads(struct attempt *attempt, struct err *err);
bool attempt_hide_missing(struct attempt *attempt, struct err *err);
bool attempt_park(struct attempt *attempt, struct err *err);
bool attempt_finds_strays(struct attempt *attempt);
/* attempt_start.c: the process has ended without having executed its program. Then it is started
 * once more, through its shell, whose word counts; or it has failed. */
bool attempt_never_ran(struct attempt *attempt);
/* attempt.c: of a process that wrote nothing. */
void attempt_drop_pipes(struct attempt *attempt);

#endif
