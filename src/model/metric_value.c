/* Owns what a metric is worth in an expression. */
#include "model/metric_value.h"

enum expr_lookup metric_value(const struct metric *metric, struct arena *arena,
                              struct expr_answer *answer)
{
    switch (metric->kind) {
    case METRIC_INT:
        answer->value = value_int(metric->integer);
        return EXPR_FOUND;
    case METRIC_FLOAT:
        answer->value = value_float(metric->number);
        return EXPR_FOUND;
    case METRIC_NONE:
        break;
    }
    if (str_is(metric->is, "NaN") || str_is(metric->is, "infinite")) {
        answer->reason = str_printf(arena, "what was given is %.*s", STR_ARG(metric->is));
        return EXPR_MISSING;
    }
    answer->reason = str_printf(arena, "is %.*s, not a number", STR_ARG(metric->is));
    return EXPR_REFUSED;
}
