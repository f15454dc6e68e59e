/* Owns the grammar of durations and sizes, and how they are shown. */
#include "base/units.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"

struct unit {
    const char *name;
    int64_t value;
};

/* In falling order; `ms` is looked for before `m` by taking all letters that follow the number. */
static const struct unit duration_units[] = {
    {"w", 7 * 86400 * NS_PER_SEC}, {"d", 86400 * NS_PER_SEC}, {"h", 3600 * NS_PER_SEC},
    {"m", 60 * NS_PER_SEC},        {"s", NS_PER_SEC},         {"ms", NS_PER_MS},
};
static const struct unit size_units[] = {
    {"T", INT64_C(1) << 40},
    {"G", INT64_C(1) << 30},
    {"M", INT64_C(1) << 20},
    {"K", INT64_C(1) << 10},
    {"B", 1},
};

enum { DURATION_UNITS = 6, SIZE_UNITS = 5 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes the digits at the head of `*rest`. */
static enum units_problem take_number(struct str *rest, int64_t *number)
{
    size_t used = 0;

    if (rest->data[0] == '-' || rest->data[0] == '+') {
        return UNITS_SIGN;
    }
    *number = 0;
    for (; used < rest->len && is_digit(rest->data[used]); used++) {
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, rest->data[used] - '0', number)) {
            return UNITS_TOO_LARGE;
        }
    }
    if (used < rest->len && rest->data[used] == '.') {
        return UNITS_FRACTION;
    }
    if (used == 0) {
        return UNITS_NO_NUMBER;
    }
    *rest = str_skip(*rest, used);
    return UNITS_FINE;
}

/* Takes everything up to the next digit as a unit of the table, at index `*from` or later. */
static enum units_problem take_unit(struct str *rest, const struct unit *units, unsigned count,
                                    unsigned *from, int64_t *value)
{
    size_t len = 0;

    while (len < rest->len && !is_digit(rest->data[len])) {
        len++;
    }
    if (len == 0) {
        return UNITS_NO_UNIT;
    }
    for (unsigned i = 0; i < count; i++) {
        if (str_is(str_head(*rest, len), units[i].name)) {
            if (i < *from) {
                return UNITS_ORDER;
            }
            *from = i + 1;
            *value = units[i].value;
            *rest = str_skip(*rest, len);
            return UNITS_FINE;
        }
    }
    return UNITS_UNKNOWN_UNIT;
}

static enum units_problem take_term(struct str *rest, const struct unit *units, unsigned count,
                                    unsigned *from, int64_t *sum)
{
    int64_t number, value;
    enum units_problem problem = take_number(rest, &number);

    if (problem == UNITS_FINE) {
        problem = take_unit(rest, units, count, from, &value);
    }
    if (problem == UNITS_FINE && (__builtin_mul_overflow(number, value, &number) ||
                                  __builtin_add_overflow(*sum, number, sum))) {
        problem = UNITS_TOO_LARGE;
    }
    return problem;
}

enum units_problem duration_parse(struct str text, int64_t *duration_ns)
{
    enum units_problem problem = text.len == 0 ? UNITS_EMPTY : UNITS_FINE;
    unsigned from = 0;
    int64_t sum = 0;

    while (problem == UNITS_FINE && text.len > 0) {
        problem = take_term(&text, duration_units, DURATION_UNITS, &from, &sum);
    }
    if (problem == UNITS_FINE && sum > DURATION_MAX_NS) {
        problem = UNITS_TOO_LARGE;
    }
    if (problem == UNITS_FINE) {
        *duration_ns = sum;
    }
    return problem;
}

enum units_problem size_parse(struct str text, int64_t *size_bytes)
{
    enum units_problem problem = text.len == 0 ? UNITS_EMPTY : UNITS_FINE;
    unsigned from = 0;
    int64_t sum = 0;

    if (problem == UNITS_FINE) {
        problem = take_term(&text, size_units, SIZE_UNITS, &from, &sum);
    }
    if (problem == UNITS_FINE && text.len > 0) {
        problem = UNITS_ORDER;
    }
    if (problem == UNITS_FINE) {
        *size_bytes = sum;
    }
    return problem;
}

const char *duration_problem(enum units_problem problem)
{
    switch (problem) {
    case UNITS_FINE:
        return "";
    case UNITS_EMPTY:
        return "a duration is empty; write a number and a unit, as in '90s'";
    case UNITS_NO_UNIT:
        return "a duration needs a unit: w, d, h, m, s or ms, as in '90s'";
    case UNITS_SIGN:
        return "a duration has no sign";
    case UNITS_FRACTION:
        return "a duration has no fraction; use a smaller unit, as in '1h30m' or '1500ms'";
    case UNITS_NO_NUMBER:
        return "a duration is a number and a unit, as in '90s' or '1h30m', without blanks";
    case UNITS_UNKNOWN_UNIT:
        return "unknown unit of time; units are w, d, h, m, s and ms";
    case UNITS_ORDER:
        return "units of a duration come once each and in falling order, as in '1h30m'";
    case UNITS_TOO_LARGE:
        return "a duration is at most a hundred years";
    }
    bug("units problem %d", (int)problem);
}

const char *size_problem(enum units_problem problem)
{
    switch (problem) {
    case UNITS_FINE:
        return "";
    case UNITS_EMPTY:
        return "a size is empty; write a number and a unit, as in '512M'";
    case UNITS_NO_UNIT:
        return "a size needs a unit: B, K, M, G or T, as in '512M'";
    case UNITS_SIGN:
        return "a size has no sign";
    case UNITS_FRACTION:
        return "a size has no fraction; use a smaller unit, as in '1536M'";
    case UNITS_NO_NUMBER:
        return "a size is a number and a unit, as in '512M', without blanks";
    case UNITS_UNKNOWN_UNIT:
        return "unknown unit of size; units are B, K, M, G and T, powers of 1024";
    case UNITS_ORDER:
        return "a size is one number and one unit, as in '512M'";
    case UNITS_TOO_LARGE:
        return "a size is at most 8388607T";
    }
    bug("units problem %d", (int)problem);
}

void duration_format(int64_t duration_ns, char text[UNITS_TEXT_BYTES])
{
    int64_t ms = duration_ns > 0 ? duration_ns / NS_PER_MS : 0;
    int64_t seconds = ms / 1000;

    if (seconds < 1) {
        snprintf(text, UNITS_TEXT_BYTES, "%dms", (int)ms);
    } else if (seconds < 60) {
        snprintf(text, UNITS_TEXT_BYTES, "%d.%ds", (int)seconds, (int)(ms % 1000 / 100));
    } else if (seconds < 3600) {
        snprintf(text, UNITS_TEXT_BYTES, "%dm%02ds", (int)(seconds / 60), (int)(seconds % 60));
    } else if (seconds < 86400) {
        snprintf(text, UNITS_TEXT_BYTES, "%dh%02dm", (int)(seconds / 3600),
                 (int)(seconds / 60 % 60));
    } else {
        snprintf(text, UNITS_TEXT_BYTES, "%lldd%02dh", (long long)(seconds / 86400),
                 (int)(seconds / 3600 % 24));
    }
}

void size_format(uint64_t size_bytes, char text[UNITS_TEXT_BYTES])
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned step = 0;
    uint64_t unit = 1;

    while (step < 6 && size_bytes / unit >= 1024) {
        unit <<= 10;
        step++;
    }
    if (step == 0 || size_bytes / unit >= 10) {
        snprintf(text, UNITS_TEXT_BYTES, "%llu %s", (unsigned long long)(size_bytes / unit),
                 names[step]);
    } else {
        snprintf(text, UNITS_TEXT_BYTES, "%u.%u %s", (unsigned)(size_bytes / unit),
                 (unsigned)((size_bytes % unit) / (unit / 1024) * 10 / 1024), names[step]);
    }
}

void duration_format_exact(int64_t duration_ns, char text[UNITS_TEXT_BYTES])
{
    int64_t rest = duration_ns > 0 ? duration_ns : 0;
    size_t len = 0;

    if (rest < NS_PER_MS) {
        snprintf(text, UNITS_TEXT_BYTES, "0s");
        return;
    }
    for (unsigned i = 0; i < DURATION_UNITS; i++) {
        int64_t count = rest / duration_units[i].value;

        rest %= duration_units[i].value;
        if (count > 0 && len < UNITS_TEXT_BYTES) {
            len += (size_t)snprintf(text + len, UNITS_TEXT_BYTES - len, "%lld%s", (long long)count,
                                    duration_units[i].name);
        }
    }
}

void size_format_exact(int64_t size_bytes, char text[UNITS_TEXT_BYTES])
{
    int64_t size = size_bytes > 0 ? size_bytes : 0;
    unsigned i = 0;

    while (i < SIZE_UNITS - 1 && (size == 0 || size % size_units[i].value != 0)) {
        i++;
    }
    snprintf(text, UNITS_TEXT_BYTES, "%lld%s", (long long)(size / size_units[i].value),
             size_units[i].name);
}

bool share_parse(struct str text, uint32_t *share_ppm)
{
    enum { PPM_OF_PERCENT = 10000, MOST_PPM = 1000000 };
    uint64_t value = 0;
    uint32_t unit = PPM_OF_PERCENT;
    size_t digits = 0;
    bool behind = false;

    if (text.len < 2 || text.data[text.len - 1] != '%') {
        return false;
    }
    for (size_t i = 0; i + 1 < text.len; i++) {
        char c = text.data[i];

        if (c == '.' && !behind && digits != 0) {
            behind = true;
            digits = 0;
            continue;
        }
        if (c < '0' || c > '9' || (behind && unit == 1) || value > MOST_PPM) {
            return false;
        }
        digits++;
        if (behind) {
            unit /= 10;
            value += (uint64_t)(c - '0') * unit;
        } else {
            value = value * 10 + (uint64_t)(c - '0') * PPM_OF_PERCENT;
        }
    }
    *share_ppm = (uint32_t)value;
    return digits != 0 && value <= MOST_PPM;
}
