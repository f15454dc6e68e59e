#ifndef PAWL_CMD_RUN_VARIANTS_H
#define PAWL_CMD_RUN_VARIANTS_H
/* What a run says of variants beside its attempts: which instances take which, at its beginning;
 * and whose results stand in for those of a variant that failed, at its end. */
#include "cmd/run_call.h"

void run_record_variants(struct run_call *call);
void run_record_fallbacks(struct run_call *call);
/* The same where nothing is to be done and no record begins: a line for people, and what
 * result.json says. */
void run_tell_fallbacks(struct run_call *call);
void run_apply_variants(struct run_call *call, struct run_state *state);

#endif
