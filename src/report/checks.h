#ifndef PAWL_REPORT_CHECKS_H
#define PAWL_REPORT_CHECKS_H
/* What is said of checks that did not pass: as lines, and in result.json. */
#include "base/json_write.h"
#include "model/run_state.h"

/* "gate 'sharpe': sharpe >= 0.8" and what it saw and wanted, below the line of a refused instance.
 */
void checks_add_lines(const struct inst_told *told, struct strbuf *out);
/* "validation 'rows' does not pass: rows = 0; passes with rows > 10", as one line. */
void checks_add_warning(const struct event *event, struct strbuf *out);
/* `metrics`, `checks` and `refusals` of an instance, as far as there are any. */
void checks_write_json(const struct inst_told *told, struct json_writer *w);

#endif
