#ifndef PAWL_BASE_UNITS_H
#define PAWL_BASE_UNITS_H
/* Durations and sizes as people write and read them.
 *
 * A duration is one or more of `N` with `w d h m s ms`, each unit once, in falling order: `14d`,
 * `1h30m`. A size is one `N` with `B K M G T`, powers of 1024: `2G`. A bare number, a sign, a
 * fraction, blanks, an unknown unit, more than a hundred years (of 365 days) or 2^63-1 bytes are
 * errors. Zero is fine where the caller finds it so.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define DURATION_MAX_NS (INT64_C(100) * 365 * 86400 * 1000000000)

enum units_problem {
    UNITS_FINE,
    UNITS_EMPTY,
    UNITS_NO_UNIT,
    UNITS_SIGN,
    UNITS_FRACTION,
    UNITS_NO_NUMBER,
    UNITS_UNKNOWN_UNIT,
    UNITS_ORDER,
    UNITS_TOO_LARGE
};

enum units_problem duration_parse(struct str text, int64_t *duration_ns);
enum units_problem size_parse(struct str text, int64_t *size_bytes);
/* A share: `1%`, `0.25%`, in millionths; at most 100 %, four digits behind the point. */
bool share_parse(struct str text, uint32_t *share_ppm);
/* The reason in words, to stand behind "'90': " in a message: `a duration needs a unit, as in
 * '90s'`. UNITS_FINE gives "". */
const char *duration_problem(enum units_problem problem);
const char *size_problem(enum units_problem problem);

enum { UNITS_TEXT_BYTES = 32 };

/* For people, three figures at most: `0ms` `350ms` `12.3s` `4m12s` `1h02m` `3d04h`. Cut, never
 * rounded up to the next unit; negative counts as 0. */
void duration_format(int64_t duration_ns, char text[UNITS_TEXT_BYTES]);
/* For people: `0 B` `812 B` `1.5 KiB` `23 MiB` `4.0 GiB`: one digit behind the point below ten. */
void size_format(uint64_t size_bytes, char text[UNITS_TEXT_BYTES]);
/* What duration_parse and size_parse read back exactly (a duration cut to milliseconds). */
void duration_format_exact(int64_t duration_ns, char text[UNITS_TEXT_BYTES]);
void size_format_exact(int64_t size_bytes, char text[UNITS_TEXT_BYTES]);

#endif
