#ifndef PAWL_MODEL_NUMBER_H
#define PAWL_MODEL_NUMBER_H
/* Numbers as text, and exact decimals for axes.
 *
 * A decimal is mantissa / 10^scale, so that `{ from = 0.1, to = 0.5, step = 0.1 }` gives exactly
 * 0.1, 0.2, 0.3, 0.4, 0.5. Axes are walked with decimal_add at the common scale of the three and
 * turned into values by decimal_value.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "model/value.h"

/* Appends the shortest text that reads back as `number`, with a point or an exponent (head of
 * value.h). Finite numbers only. */
void number_render_float(double number, struct strbuf *out);
/* Reads a whole slice as an integer: [-+]digits. False: no such number, or not in 64 bits. */
bool number_parse_int(struct str text, int64_t *integer);
/* Reads a whole slice as a finite float: [-+]digits[.digits][e[-+]digits], digits on both sides of
 * the point. False: no such number, or infinite. */
bool number_parse_float(struct str text, double *number);
/* -1, 0 or 1, exactly; `number` is not a NaN. */
int number_compare_int_float(int64_t integer, double number);

enum { DECIMAL_SCALE_MAX = 18 };

struct decimal {
    int64_t mantissa;
    uint8_t scale; /* digits behind the point, at most DECIMAL_SCALE_MAX */
};

/* Reads [-+]digits[.digits][e[-+]digits] exactly. False: no such number, or one that needs more
 * than 18 digits. */
bool decimal_parse(struct str text, struct decimal *decimal);
/* The decimal that a number shows when rendered (0.1 is exactly one tenth). False: not a number, or
 * too many digits. */
bool decimal_of_value(const struct value *value, struct decimal *decimal);
/* The same number at a larger scale; false on overflow. A smaller scale is a bug. */
bool decimal_rescale(struct decimal *decimal, uint8_t scale);
/* a + b at the larger of both scales; false on overflow. */
bool decimal_add(struct decimal a, struct decimal b, struct decimal *sum);
int decimal_compare(struct decimal a, struct decimal b); /* -1, 0 or 1, exactly */
/* Appends all digits of its scale: mantissa 100, scale 2 gives 1.00. */
void decimal_render(struct decimal decimal, struct strbuf *out);
/* An integer at scale 0, otherwise the nearest float (which renders as the decimal does, without
 * trailing zeros beyond one). */
struct value decimal_value(struct decimal decimal);
/* How many values from, from+step, … lie within `to`, both ends included, for a positive or a
 * negative step; 0 when `to` is on the other side. False: step 0, overflow, or more than `most`. */
bool decimal_count(struct decimal from, struct decimal to, struct decimal step, uint64_t most,
                   uint64_t *count);

#endif
