/* Owns clocks and the written forms of a time. Calendar arithmetic is our own (days from civil), so
 * that UTC forms depend on no C library state and any int64_t is safe. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

int64_t clock_mono_ns(const struct clock *clock)
{
    return clock->mono_ns(clock->ctx);
}

int64_t clock_real_ns(const struct clock *clock)
{
    return clock->real_ns(clock->ctx);
}

int64_t clock_coarse_real_ns(const struct clock *clock)
{
    return clock->coarse_real_ns(clock->ctx);
}

static int64_t system_ns(clockid_t id)
{
    struct timespec now = {0};

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

static int64_t system_mono_ns(void *ctx)
{
    (void)ctx;
    return system_ns(CLOCK_MONOTONIC);
}

static int64_t system_real_ns(void *ctx)
{
    (void)ctx;
    return system_ns(CLOCK_REALTIME);
}

static int64_t system_coarse_real_ns(void *ctx)
{
    (void)ctx;
    return system_ns(CLOCK_REALTIME_COARSE);
}

const struct clock clock_system = {NULL, system_mono_ns, system_real_ns, system_coarse_real_ns};

static int64_t virtual_mono_ns(void *ctx)
{
    return ((const struct clock_virtual *)ctx)->mono_ns;
}

static int64_t virtual_real_ns(void *ctx)
{
    return ((const struct clock_virtual *)ctx)->real_ns;
}

struct clock clock_of_virtual(struct clock_virtual *state)
{
    return (struct clock){state, virtual_mono_ns, virtual_real_ns, virtual_real_ns};
}

void clock_virtual_advance(struct clock_virtual *state, int64_t ns)
{
    state->mono_ns += ns;
    state->real_ns += ns;
}

struct civil {
    int year, month, day, hour, minute, second, milli;
};

/* Splits into whole units of `unit`, rounding towards the past. */
static int64_t floor_div(int64_t value, int64_t unit)
{
    return value / unit - (value % unit < 0);
}

/* The Gregorian calendar in eras of 400 years that begin on the first of March. */
static struct civil civil_of(int64_t real_ns)
{
    int64_t seconds = floor_div(real_ns, NS_PER_SEC);
    int64_t days = floor_div(seconds, 86400);
    int rest = (int)(seconds - days * 86400);
    int64_t era = floor_div(days + 719468, 146097);
    int day_of_era = (int)(days + 719468 - era * 146097);
    int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int march_month = (5 * day_of_year + 2) / 153;
    int month = march_month < 10 ? march_month + 3 : march_month - 9;

    return (struct civil){
        .year = (int)(era * 400) + year_of_era + (month <= 2),
        .month = month,
        .day = day_of_year - (153 * march_month + 2) / 5 + 1,
        .hour = rest / 3600,
        .minute = rest / 60 % 60,
        .second = rest % 60,
        .milli = (int)((real_ns - seconds * NS_PER_SEC) / NS_PER_MS),
    };
}

static int64_t days_of(int year, int month, int day)
{
    int64_t shifted = year - (month <= 2);
    int64_t era = floor_div(shifted, 400);
    int64_t year_of_era = shifted - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

void time_format_run_id(int64_t real_ns, char text[TIME_TEXT_BYTES])
{
    struct civil at = civil_of(real_ns);

    snprintf(text, TIME_TEXT_BYTES, "%04d%02d%02dT%02d%02d%02dZ", at.year, at.month, at.day,
             at.hour, at.minute, at.second);
}

/* `count` digits of a value and what stands behind them; returns where to go on. */
static char *put_digits(char *at, int count, int value, char behind)
{
    for (int i = count; i > 0; i--) {
        at[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    at[count] = behind;
    return at + count + 1;
}

void time_format_rfc3339(int64_t real_ns, char text[TIME_TEXT_BYTES])
{
    struct civil at = civil_of(real_ns);

    /* 64 bits of nanoseconds are the years 1677 to 2262: four digits. */
    text = put_digits(text, 4, at.year, '-');
    text = put_digits(text, 2, at.month, '-');
    text = put_digits(text, 2, at.day, 'T');
    text = put_digits(text, 2, at.hour, ':');
    text = put_digits(text, 2, at.minute, ':');
    text = put_digits(text, 2, at.second, '.');
    *put_digits(text, 3, at.milli, 'Z') = '\0';
}

void time_format_wall(int64_t real_ns, char text[TIME_TEXT_BYTES])
{
    time_t seconds = (time_t)floor_div(real_ns, NS_PER_SEC);
    struct tm at;

    if (localtime_r(&seconds, &at) == NULL) {
        snprintf(text, TIME_TEXT_BYTES, "?");
        return;
    }
    snprintf(text, TIME_TEXT_BYTES, "%02d:%02d", at.tm_hour, at.tm_min);
}

/* `count` digits at `text`, or -1. */
static int digits(const char *text, int count)
{
    int value = 0;

    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

static bool parse_date(const char *text, struct civil *at)
{
    at->year = digits(text, 4);
    at->month = digits(text + 5, 2);
    at->day = digits(text + 8, 2);
    /* Years that nanoseconds in 63 bits can hold. */
    return text[4] == '-' && text[7] == '-' && at->year >= 1678 && at->year <= 2261 &&
           at->month >= 1 && at->month <= 12 && at->day >= 1 &&
           at->day <= month_days(at->year, at->month);
}

static bool parse_time(const char *text, struct civil *at)
{
    at->hour = digits(text, 2);
    at->minute = digits(text + 3, 2);
    at->second = digits(text + 6, 2);
    return text[2] == ':' && text[5] == ':' && at->hour >= 0 && at->hour < 24 && at->minute >= 0 &&
           at->minute < 60 && at->second >= 0 && at->second < 60;
}

/* `.` and one to nine digits, or nothing. */
static bool parse_fraction(struct str text, int64_t *ns)
{
    int64_t unit = NS_PER_SEC;

    *ns = 0;
    if (text.len == 0) {
        return true;
    }
    if (text.data[0] != '.' || text.len < 2 || text.len > 10) {
        return false;
    }
    for (size_t i = 1; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        unit /= 10;
        *ns += (text.data[i] - '0') * unit;
    }
    return true;
}

bool time_parse_rfc3339(struct str text, int64_t *real_ns)
{
    struct civil at;
    int64_t fraction_ns;

    if (text.len < 20 || text.data[10] != 'T' || text.data[text.len - 1] != 'Z' ||
        !parse_date(text.data, &at) || !parse_time(text.data + 11, &at) ||
        !parse_fraction(str_n(text.data + 19, text.len - 20), &fraction_ns)) {
        return false;
    }
    *real_ns =
        (days_of(at.year, at.month, at.day) * 86400 + at.hour * 3600 + at.minute * 60 + at.second) *
            NS_PER_SEC +
        fraction_ns;
    return true;
}
