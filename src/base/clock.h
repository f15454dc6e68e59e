#ifndef PAWL_BASE_CLOCK_H
#define PAWL_BASE_CLOCK_H
/* Clocks, handed in wherever time matters so that tests turn it by hand, and the forms in which a
 * time is written. All times are nanoseconds in int64_t: `mono` since some start that never jumps
 * (deadlines, durations), `real` since 1970 UTC (records, signatures). `coarse_real` is the clock
 * that file systems stamp with: it stands still between ticks.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define NS_PER_US  INT64_C(1000)
#define NS_PER_MS  INT64_C(1000000)
#define NS_PER_SEC INT64_C(1000000000)

struct clock {
    void *ctx;
    int64_t (*mono_ns)(void *ctx);
    int64_t (*real_ns)(void *ctx);
    int64_t (*coarse_real_ns)(void *ctx);
};

int64_t clock_mono_ns(const struct clock *clock);
int64_t clock_real_ns(const struct clock *clock);
int64_t clock_coarse_real_ns(const struct clock *clock);

/* The kernel's clocks. */
extern const struct clock clock_system;

/* A clock turned by hand; the caller sets the fields. coarse_real_ns gives real_ns. */
struct clock_virtual {
    int64_t mono_ns, real_ns;
};
struct clock clock_of_virtual(struct clock_virtual *state);
void clock_virtual_advance(struct clock_virtual *state, int64_t ns);

enum { TIME_TEXT_BYTES = 40 }; /* room for each of the forms below */

/* `20261120T234112Z`, UTC: the first part of a run id. */
void time_format_run_id(int64_t real_ns, char text[TIME_TEXT_BYTES]);
/* `2026-11-20T23:41:12.345Z`, UTC, milliseconds (cut, not rounded). */
void time_format_rfc3339(int64_t real_ns, char text[TIME_TEXT_BYTES]);
/* `12:31`, by the local time zone. */
void time_format_wall(int64_t real_ns, char text[TIME_TEXT_BYTES]);
/* Reads what time_format_rfc3339 writes (0 to 9 digits of fraction, `Z` only); false otherwise. */
bool time_parse_rfc3339(struct str text, int64_t *real_ns);

#endif
