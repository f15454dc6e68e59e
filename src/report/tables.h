#ifndef PAWL_REPORT_TABLES_H
#define PAWL_REPORT_TABLES_H
/* What `pawl report` prints of a run in any state: a head, its figures, how they differ from those
 * of another run, its instances, totals by stage, failures, and the critical path where the plan is
 * known. CSV has the instances with their figures, with exact numbers (nanoseconds, bytes), or the
 * comparison; JSON is result.json with `report` and `compare`. */
#include "report/compare.h"

enum report_format { REPORT_TEXT, REPORT_JSON, REPORT_CSV, REPORT_MARKDOWN };

/* `text`, `json`, `csv`, `markdown`. */
bool report_format_from(struct str text, enum report_format *format);

struct report_view {
    const struct run_state *state;
    const struct result_options *options;
    const struct figures *figures;
    const struct figures *other; /* of the run to compare with; NULL: none */
};

void report_add(const struct report_view *view, enum report_format format, struct strbuf *out);

/* The chain of instances, first to last, whose times add up to most, by the edges of the plan; in
 * `arena`. Only what ran counts. */
uint32_t report_critical_path(const struct run_state *state, const struct plan *plan,
                              struct arena *arena, uint32_t **numbers);

#endif
