/* Numbers as text and exact decimals.
 *
 * A float's text is found by asking for 15, 16, 17 significant digits until one reads back: 15
 * always suffice where a text of at most 15 digits exists, 17 always. (Subnormal numbers carry
 * fewer digits, so for them the search starts at one.) The digits are then laid out here:
 * positional from 1e-4 to below 1e16, else with an exponent of at least two digits.
 */
#include "model/number.h"

#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef __int128 int128;

enum { DIGITS_MAX = 17, EXPONENT_LOW = -4, EXPONENT_HIGH = 16, EXPONENT_MAX = 100000 };

struct float_digits {
    char digits[DIGITS_MAX + 1]; /* without trailing zeros, at least one */
    int count;
    int exponent; /* of the first digit */
};

/* Takes "d.ddde±xx" apart. */
static void float_digits_read(const char *text, struct float_digits *digits)
{
    const char *e = strchr(text, 'e');
    assert(e != NULL);
    digits->count = 0;
    for (const char *c = text; c < e; c++) {
        if (*c != '.') {
            digits->digits[digits->count++] = *c;
        }
    }
    while (digits->count > 1 && digits->digits[digits->count - 1] == '0') {
        digits->count--;
    }
    digits->exponent = (int)strtol(e + 1, NULL, 10);
}

static void float_shortest(double magnitude, struct float_digits *digits)
{
    char text[40];
    for (int count = magnitude < DBL_MIN ? 1 : DBL_DIG;; count++) {
        snprintf(text, sizeof(text), "%.*e", count - 1, magnitude);
        if (count == DIGITS_MAX || strtod(text, NULL) == magnitude) {
            break;
        }
    }
    float_digits_read(text, digits);
}

static void float_layout_exponent(const struct float_digits *digits, struct strbuf *out)
{
    strbuf_putc(out, digits->digits[0]);
    if (digits->count > 1) {
        strbuf_putc(out, '.');
        strbuf_add(out, digits->digits + 1, (size_t)digits->count - 1);
    }
    strbuf_printf(out, "e%c%02d", digits->exponent < 0 ? '-' : '+', abs(digits->exponent));
}

static void float_layout_positional(const struct float_digits *digits, struct strbuf *out)
{
    int shown = 0;
    if (digits->exponent < 0) {
        strbuf_puts(out, "0.");
        for (int i = digits->exponent + 1; i < 0; i++) {
            strbuf_putc(out, '0');
        }
    } else {
        for (; shown <= digits->exponent; shown++) {
            strbuf_putc(out, shown < digits->count ? digits->digits[shown] : '0');
        }
        strbuf_puts(out, shown < digits->count ? "." : ".0");
    }
    for (; shown < digits->count; shown++) {
        strbuf_putc(out, digits->digits[shown]);
    }
}

void number_render_float(double number, struct strbuf *out)
{
    assert(isfinite(number));
    struct float_digits digits = {.digits = "0", .count = 1, .exponent = 0};
    if (signbit(number)) {
        strbuf_putc(out, '-');
    }
    if (number != 0) {
        float_shortest(fabs(number), &digits);
    }
    if (digits.exponent < EXPONENT_LOW || digits.exponent >= EXPONENT_HIGH) {
        float_layout_exponent(&digits, out);
    } else {
        float_layout_positional(&digits, out);
    }
}

bool number_parse_int(struct str text, int64_t *integer)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    size_t at = negative || (text.len > 0 && text.data[0] == '+') ? 1 : 0;
    if (at == text.len) {
        return false;
    }
    int64_t sum = 0; /* kept negative: there is one more of them */
    for (; at < text.len; at++) {
        int digit = text.data[at] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(sum, (int64_t)10, &sum) ||
            __builtin_sub_overflow(sum, (int64_t)digit, &sum)) {
            return false;
        }
    }
    if (!negative && sum == INT64_MIN) {
        return false;
    }
    *integer = negative ? sum : -sum;
    return true;
}

static size_t skip_digits(struct str text, size_t at)
{
    while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9') {
        at++;
    }
    return at;
}

static bool char_at_is(struct str text, size_t at, const char *set)
{
    return at < text.len && text.data[at] != '\0' && strchr(set, text.data[at]) != NULL;
}

/* The parts of [-+]digits[.digits][e[-+]digits]. */
struct number_parts {
    bool negative;
    struct str whole, fraction, exponent; /* exponent with its sign */
};

static bool number_split(struct str text, struct number_parts *parts)
{
    *parts = (struct number_parts){.negative = char_at_is(text, 0, "-")};
    size_t at = char_at_is(text, 0, "-+") ? 1 : 0;
    size_t end = skip_digits(text, at);
    parts->whole = str_n(text.data + at, end - at);
    if (char_at_is(text, end, ".")) {
        at = end + 1;
        end = skip_digits(text, at);
        parts->fraction = str_n(text.data + at, end - at);
        if (parts->fraction.len == 0) {
            return false;
        }
    }
    if (char_at_is(text, end, "eE")) {
        at = end + 1;
        size_t digits = char_at_is(text, at, "-+") ? at + 1 : at;
        end = skip_digits(text, digits);
        parts->exponent = str_n(text.data + at, end - at);
        if (end == digits) {
            return false;
        }
    }
    return parts->whole.len > 0 && end == text.len;
}

bool number_parse_float(struct str text, double *number)
{
    struct number_parts parts;
    if (!number_split(text, &parts)) {
        return false;
    }
    struct strbuf buf;
    strbuf_init(&buf);
    strbuf_add_str(&buf, text);
    *number = strtod(buf.data, NULL);
    strbuf_fini(&buf);
    return isfinite(*number);
}

int number_compare_int_float(int64_t integer, double number)
{
    assert(!isnan(number));
    if (number >= 0x1p63) {
        return -1;
    }
    if (number < -0x1p63) {
        return 1;
    }
    int64_t whole = (int64_t)number; /* towards zero, exact */
    if (integer != whole) {
        return integer < whole ? -1 : 1;
    }
    double rest = number - (double)whole; /* exact: |whole| < 2^53 wherever there is a rest */
    return rest > 0 ? -1 : rest < 0 ? 1 : 0;
}

static bool decimal_add_digits(struct str digits, int64_t *mantissa)
{
    for (size_t i = 0; i < digits.len; i++) {
        if (__builtin_mul_overflow(*mantissa, (int64_t)10, mantissa) ||
            __builtin_add_overflow(*mantissa, (int64_t)(digits.data[i] - '0'), mantissa)) {
            return false;
        }
    }
    return true;
}

bool decimal_parse(struct str text, struct decimal *decimal)
{
    struct number_parts parts;
    int64_t exponent = 0, mantissa = 0;
    if (!number_split(text, &parts) || parts.fraction.len > EXPONENT_MAX ||
        (parts.exponent.len > 0 && !number_parse_int(parts.exponent, &exponent)) ||
        exponent > EXPONENT_MAX || exponent < -EXPONENT_MAX ||
        !decimal_add_digits(parts.whole, &mantissa) ||
        !decimal_add_digits(parts.fraction, &mantissa)) {
        return false;
    }
    int64_t scale = (int64_t)parts.fraction.len - exponent;
    if (mantissa == 0 && (scale < 0 || scale > DECIMAL_SCALE_MAX)) {
        scale = 0;
    }
    for (; scale < 0; scale++) {
        if (__builtin_mul_overflow(mantissa, (int64_t)10, &mantissa)) {
            return false;
        }
    }
    for (; scale > DECIMAL_SCALE_MAX && mantissa % 10 == 0; scale--) {
        mantissa /= 10;
    }
    if (scale > DECIMAL_SCALE_MAX) {
        return false;
    }
    *decimal = (struct decimal){parts.negative ? -mantissa : mantissa, (uint8_t)scale};
    return true;
}

bool decimal_of_value(const struct value *value, struct decimal *decimal)
{
    if (!value_is_number(value)) {
        return false;
    }
    struct strbuf buf;
    strbuf_init(&buf);
    value_render(value, &buf);
    bool known = value->kind == VALUE_INT || isfinite(value->number);
    known = known && decimal_parse(strbuf_str(&buf), decimal);
    strbuf_fini(&buf);
    /* A float stays one: scale 0 is how an integer is told. */
    return known && (value->kind == VALUE_INT || decimal->scale > 0 || decimal_rescale(decimal, 1));
}

bool decimal_rescale(struct decimal *decimal, uint8_t scale)
{
    assert(scale >= decimal->scale);
    int64_t mantissa = decimal->mantissa;
    for (uint8_t at = decimal->scale; at < scale; at++) {
        if (__builtin_mul_overflow(mantissa, (int64_t)10, &mantissa)) {
            return false;
        }
    }
    *decimal = (struct decimal){mantissa, scale};
    return true;
}

static bool decimal_align(struct decimal *a, struct decimal *b)
{
    return a->scale < b->scale ? decimal_rescale(a, b->scale) : decimal_rescale(b, a->scale);
}

bool decimal_add(struct decimal a, struct decimal b, struct decimal *sum)
{
    int64_t mantissa;
    if (!decimal_align(&a, &b) || __builtin_add_overflow(a.mantissa, b.mantissa, &mantissa)) {
        return false;
    }
    *sum = (struct decimal){mantissa, a.scale};
    return true;
}

/* At most 10^18 · 2^63 < 2^123. */
static int128 decimal_widen(struct decimal decimal, uint8_t scale)
{
    int128 wide = decimal.mantissa;
    for (uint8_t at = decimal.scale; at < scale; at++) {
        wide *= 10;
    }
    return wide;
}

int decimal_compare(struct decimal a, struct decimal b)
{
    int128 x = decimal_widen(a, DECIMAL_SCALE_MAX), y = decimal_widen(b, DECIMAL_SCALE_MAX);
    return x < y ? -1 : x > y ? 1 : 0;
}

void decimal_render(struct decimal decimal, struct strbuf *out)
{
    uint64_t magnitude =
        decimal.mantissa < 0 ? 0 - (uint64_t)decimal.mantissa : (uint64_t)decimal.mantissa;
    uint64_t unit = 1;
    for (uint8_t at = 0; at < decimal.scale; at++) {
        unit *= 10;
    }
    strbuf_printf(out, "%s%" PRIu64, decimal.mantissa < 0 ? "-" : "", magnitude / unit);
    if (decimal.scale > 0) {
        strbuf_printf(out, ".%0*" PRIu64, (int)decimal.scale, magnitude % unit);
    }
}

struct value decimal_value(struct decimal decimal)
{
    if (decimal.scale == 0) {
        return value_int(decimal.mantissa);
    }
    struct strbuf buf;
    strbuf_init(&buf);
    decimal_render(decimal, &buf);
    double number = strtod(buf.data, NULL);
    strbuf_fini(&buf);
    return value_float(number);
}

bool decimal_count(struct decimal from, struct decimal to, struct decimal step, uint64_t most,
                   uint64_t *count)
{
    int128 first = decimal_widen(from, DECIMAL_SCALE_MAX);
    int128 last = decimal_widen(to, DECIMAL_SCALE_MAX);
    int128 stride = decimal_widen(step, DECIMAL_SCALE_MAX);
    if (stride == 0) {
        return false;
    }
    int128 steps = (last - first) / stride;
    bool away = first != last && (last > first) != (stride > 0);
    if (!away && steps >= (int128)most) {
        return false;
    }
    *count = away ? 0 : (uint64_t)steps + 1;
    return true;
}
