#ifndef PAWL_MODEL_VALUE_H
#define PAWL_MODEL_VALUE_H
/* A value of the manifest's one language: what a parameter, an axis, a metric or an expression is.
 *
 * A value owns nothing: texts and list items lie in an arena (or in the manifest) that outlives it.
 * `is_path` marks a string that is the path of a file: a path that starts with `-` is written
 * `./-…` where a command reads it as an argument. Items of a list carry their own mark.
 *
 * As text: integers in decimal; floats the shortest text that reads back as the same float, always
 * with a point or an exponent, so that it reads back as a float (0.5, 2.0, 1e-07, 1e+16; positional
 * from 1e-4 to below 1e16); booleans `true` and `false`; strings as they are. A list has no text:
 * `join` makes one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum value_kind { VALUE_INT, VALUE_FLOAT, VALUE_STRING, VALUE_BOOL, VALUE_LIST };

struct value {
    enum value_kind kind;
    bool is_path; /* of a string */
    union {
        int64_t integer;
        double number; /* finite, by the rule of the language */
        bool truth;
        struct str text;
        struct {
            const struct value *items;
            size_t count;
        } list;
    };
};

struct value value_int(int64_t integer);
struct value value_float(double number);
struct value value_bool(bool truth);
struct value value_string(struct str text);
struct value value_path(struct str path); /* a string marked as a path */
struct value value_list(const struct value *items, size_t count);

/* "an integer", "a float", "a string", "a boolean", "a list". */
const char *value_kind_name(enum value_kind kind);

/* Appends the text of a value; false, and nothing appended, for a list. */
bool value_render(const struct value *value, struct strbuf *out);
/* The text of a value in the arena (a string is not copied); a list gives STR_NONE. */
struct str value_text(const struct value *value, struct arena *arena);
/* The same; an integer's stands in `digits`. */
struct str value_text_near(const struct value *value, struct arena *arena,
                           char digits[static STR_INT_BYTES]);
/* Appends a value as a person writes it in an expression: strings quoted, lists in brackets. For
 * messages: a long string is cut. */
void value_show(const struct value *value, struct strbuf *out);

/* Equal in kind and content; an integer equals the float of exactly its value; lists item by item;
 * values of other different kinds are not equal. */
bool value_equal(const struct value *a, const struct value *b);
/* Order of two numbers (exact also between integer and float) or two strings (by bytes): `*order`
 * is -1, 0 or 1. False when they have no order: other kinds, a string with a number. */
bool value_compare(const struct value *a, const struct value *b, int *order);

bool value_is_number(const struct value *value);
/* The value of a number as a float (rounded for a large integer). */
double value_as_double(const struct value *value);

#endif
