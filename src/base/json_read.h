#ifndef PAWL_BASE_JSON_READ_H
#define PAWL_BASE_JSON_READ_H
/* Reads a JSON text (RFC 8259, UTF-8) into a tree and looks things up in it.
 *
 *     struct json_doc *doc = json_parse(text, &problem);      // NULL: problem says what and where
 *     struct json root = json_root(doc);
 *     if (json_get_uint(root, "seq", &seq)) …
 *     struct json_iter iter = json_iter_of(json_get(root, "outputs"));
 *     while (json_next(&iter, &key, &value)) …
 *     json_free(doc);
 *
 * The tree owns all strings it gives; `text` may go after json_parse. A missing value is a value
 * too (`json_exists` is false, every question answers no), so look-ups chain without checks.
 * Numbers are kept as text and converted when asked: an integer is exact or refused. `\udcXX` with
 * XX from 80 to ff, alone, is the byte XX (base/json_write.h); any other lone surrogate is an
 * error, as are raw bytes that are not UTF-8. Of a key given twice the first counts.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct json_doc;

struct json {
    void *node; /* NULL: there is no such value */
};

enum json_type {
    JSON_MISSING,
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_problem {
    size_t offset; /* in the text, in bytes */
    char text[120];
};

/* NULL on error. `problem` may be NULL. The whole text must be one value (and blanks). */
struct json_doc *json_parse(struct str text, struct json_problem *problem);
/* The same, and NaN and Infinity, with or without a sign, are numbers that no json_as_double gives.
 */
struct json_doc *json_parse_figures(struct str text, struct json_problem *problem);
void json_free(struct json_doc *doc); /* NULL: nothing */
struct json json_root(const struct json_doc *doc);

bool json_exists(struct json value);
enum json_type json_type(struct json value);
const char *json_type_name(enum json_type type); /* "an object", "a number", … */

/* The member of an object; missing when it is not an object or has none. */
struct json json_get(struct json object, const char *key);
struct json json_get_by_str(struct json object, struct str key);
/* The element of an array, missing beyond its end. */
struct json json_at(struct json array, size_t index);
/* Elements of an array, members of an object, else 0. */
size_t json_count(struct json value);

/* Each is false, `*out` untouched, when the value has another type or cannot be held exactly
 * (an integer may be written as 1e3 or 2.0; a double only must be finite). */
bool json_as_str(struct json value, struct str *out);
bool json_as_int(struct json value, int64_t *out);
bool json_as_uint(struct json value, uint64_t *out);
bool json_as_double(struct json value, double *out);
bool json_as_bool(struct json value, bool *out);
/* The text of a number as it was written. */
bool json_as_number_text(struct json value, struct str *out);

/* json_get and json_as_… in one. */
bool json_get_str(struct json object, const char *key, struct str *out);
bool json_get_int(struct json object, const char *key, int64_t *out);
bool json_get_uint(struct json object, const char *key, uint64_t *out);
bool json_get_double(struct json object, const char *key, double *out);
bool json_get_bool(struct json object, const char *key, bool *out);

/* Elements of an array (key stays empty) or members of an object, in order. */
struct json_iter {
    void *next;
    size_t left;
    bool object;
};
struct json_iter json_iter_of(struct json value);
bool json_next(struct json_iter *iter, struct str *key, struct json *value);

#endif
