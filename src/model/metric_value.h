#ifndef PAWL_MODEL_METRIC_VALUE_H
#define PAWL_MODEL_METRIC_VALUE_H
/* A metric as an expression sees it. */
#include "base/metric.h"
#include "model/expr.h"

/* NaN and infinities are missing; what is no number at all is refused. */
enum expr_lookup metric_value(const struct metric *metric, struct arena *arena,
                              struct expr_answer *answer);

#endif
