#ifndef PAWL_RUN_LOG_NAME_H
#define PAWL_RUN_LOG_NAME_H
/* What files of an attempt are called below `logs` and `failed`. */
#include "base/str.h"

/* `<60 safe bytes of the instance>.<8 hex>`, and `.<attempt>` from the second on: a name that fits
 * everywhere and that no other attempt of the run has. `attempt` from 1. */
struct str log_name_make(struct str instance, uint32_t attempt, struct arena *arena);

#endif
