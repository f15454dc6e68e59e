#ifndef PAWL_BASE_JSON_WRITE_H
#define PAWL_BASE_JSON_WRITE_H
/* Writes JSON into a strbuf, value by value; commas, colons, indentation and escapes are ours.
 *
 *     struct json_writer w = json_writer_of(&buf, JSON_COMPACT);
 *     json_object_begin(&w);
 *     json_field_str(&w, "name", name);
 *     json_key(&w, STR("sizes"));
 *     json_array_begin(&w);
 *     json_uint(&w, 7);
 *     json_array_end(&w);
 *     json_object_end(&w);                    {"name":"x","sizes":[7]}
 *
 * A writer made by json_writer_members stands inside an object whose braces somebody else writes:
 * its text is `"a":1,"b":2`, what the event log takes.
 *
 * Strings may hold any bytes: what is not UTF-8 is written as `\udcXX`, one escape a byte (XX from
 * 80 to ff), and base/json_read.h gives the bytes back. Other readers see a lone surrogate, which
 * no valid text contains, so nothing is mistaken. `<`, `/` and DEL are left alone; control
 * characters are escaped.
 *
 * Doubles are the shortest text that reads back, with `.0` where it would look like an integer; NaN
 * and infinities, which JSON has not, are null. Misuse (a value where a key belongs) is a bug().
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum json_style {
    JSON_COMPACT, /* one line, no blanks */
    JSON_PRETTY   /* two blanks a level */
};

enum { JSON_WRITE_DEPTH = 64 };

struct json_writer {
    struct strbuf *out;
    enum json_style style;
    uint32_t depth;                         /* open objects and arrays */
    bool after_key;                         /* a value must come now */
    unsigned char levels[JSON_WRITE_DEPTH]; /* per level: is it an object, has it an element */
};

struct json_writer json_writer_of(struct strbuf *out, enum json_style style);
/* Compact, inside an object that is not written. */
struct json_writer json_writer_members(struct strbuf *out);

void json_object_begin(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_key(struct json_writer *w, struct str key);
/* A key that needs no escape: a name of the program's own. */
void json_name(struct json_writer *w, struct str name);
void json_str(struct json_writer *w, struct str value);
void json_int(struct json_writer *w, int64_t value);
void json_uint(struct json_writer *w, uint64_t value);
void json_double(struct json_writer *w, double value);
void json_bool(struct json_writer *w, bool value);
void json_null(struct json_writer *w);
/* JSON text as it is; the caller vouches for it. */
void json_raw(struct json_writer *w, struct str json);

/* Key (a name as json_name has it) and value in one call. */
void json_field_str(struct json_writer *w, const char *key, struct str value);
void json_field_text(struct json_writer *w, const char *key, const char *value);
void json_field_int(struct json_writer *w, const char *key, int64_t value);
void json_field_uint(struct json_writer *w, const char *key, uint64_t value);
void json_field_double(struct json_writer *w, const char *key, double value);
void json_field_bool(struct json_writer *w, const char *key, bool value);
void json_field_object(struct json_writer *w, const char *key); /* opens it */
void json_field_array(struct json_writer *w, const char *key);  /* opens it */

/* A string with its quotes, without a writer. */
void json_quote(struct strbuf *out, struct str value);
/* The text of a finite double as json_double writes it. */
void json_double_text(struct strbuf *out, double value);

#endif
