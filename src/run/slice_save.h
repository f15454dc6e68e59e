#ifndef PAWL_RUN_SLICE_SAVE_H
#define PAWL_RUN_SLICE_SAVE_H
/* The end of a run of a slice: saves the index with a last state of the whole plan. As
 * standing_save(), with numbers of the slice; `end->before` is the state that the slice was chosen
 * by. */
#include "run/slice.h"

bool slice_save(struct session *session, const struct slice *slice, const struct standing_end *end,
                struct err *err);

#endif
