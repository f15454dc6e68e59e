#ifndef PAWL_REPORT_COMPARE_H
#define PAWL_REPORT_COMPARE_H
/* Two runs side by side: what each has of a figure, and how they differ. Pure.
 *
 * Rows belong together by the names of instances. `then` is what is compared with: a difference is
 * now - then, a relative one that divided by the size of then.
 */
#include "report/figures.h"

struct compare {
    const struct figures *now, *then;
};

struct compare_difference {
    bool known; /* both are numbers, and the difference is one */
    struct value value;
    bool relative_known; /* then is not 0 */
    double relative;
};
/* Exact for integers where it fits, else as a float. */
struct compare_difference compare_values(const struct value *now, const struct value *then);

void compare_add(const struct compare *compare, bool markdown, struct strbuf *out);
/* One table: kind (`state`, `metric`, `score`, `param`, `stage`), instance, name, value,
 * other, difference, relative. */
void compare_add_csv(const struct compare *compare, struct strbuf *out);
/* The member `compare` of an object. */
void compare_write(const struct compare *compare, struct json_writer *w);

#endif
