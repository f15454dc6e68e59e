#ifndef PAWL_REPORT_JSON_H
#define PAWL_REPORT_JSON_H
/* The display for programs: each event as one JSON object a line, as in the record of the run but
 * without its chain; at most once a second, when something changed or runs,
 *
 *     {"type":"progress","total":28,"ended":12,"running":3,"up_to_date":9,"failed":0,"percent":43,
 *      "estimated":false,"elapsed_ns":…,"left_ns":…}
 *
 * (one line; `percent` and `left_ns` null where they are not known); and one `end` with exit
 * status, its name, run and head digest. Order of calls as in plain.h.
 */
#include "base/clock.h"
#include "model/observer.h"
#include "report/progress.h"
#include "report/sink.h"
#include "report/story.h"

struct json_display {
    struct sink sink;
    const struct clock *clock;
    struct progress progress;
    struct event_numbers numbers;
    struct arena scratch; /* one event */
    struct strbuf out;
    int64_t shown_at_ns;
    bool changed;
};

void json_display_init(struct json_display *display, const struct report_options *options,
                       const struct sink *sink, const struct clock *clock);
void json_display_fini(struct json_display *display);
struct observer json_display_observer(struct json_display *display);
void json_display_finish(struct json_display *display, const struct report_end *end);

#endif
