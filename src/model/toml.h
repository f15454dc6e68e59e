#ifndef PAWL_MODEL_TOML_H
#define PAWL_MODEL_TOML_H
/* TOML 1.1, complete: from text in memory to a tree in an arena.
 *
 * Order of calls: diags_add_source gives the text its number; toml_parse reads it whole; toml_get
 * and the walks below look at the result. Nothing is ever changed afterwards.
 *
 * Lifetime: keys, and strings without escapes, are slices of the text itself; so the text must
 * outlive the tree. They are not followed by a NUL. A string may hold any character, U+0000 among
 * them.
 *
 * A table of the second level (`stage.NAME`) knows the part of the text that alone speaks of it, so
 * that a later reading of the same text can pass over it (toml_parse_between).
 *
 * Errors go to `diags`, each with its place; several of different lines are reported at once. Every
 * value and key keeps its span, so that whoever reads meaning into the tree can complain at the
 * right place: span of a value is what was written (quotes and brackets included); that of a table
 * is its header, its braces or, if it came into being by a dotted name, that part of the name.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/str.h"

enum toml_kind {
    TOML_STRING,
    TOML_INTEGER,
    TOML_FLOAT,
    TOML_BOOLEAN,
    TOML_OFFSET_DATETIME,
    TOML_LOCAL_DATETIME,
    TOML_LOCAL_DATE,
    TOML_LOCAL_TIME,
    TOML_ARRAY,
    TOML_TABLE
};
enum { TOML_KINDS = TOML_TABLE + 1 };

struct toml_value;
struct toml_table;

struct toml_array {
    struct toml_value *items;
    uint32_t count;
    uint32_t cap; /* the parser's: 0 if written as a list, else grown by [[headers]] */
};

struct toml_value {
    struct span span;
    enum toml_kind kind;
    union {
        struct str string; /* TOML_STRING */
        int64_t integer;
        double real; /* TOML_FLOAT; may be infinite or NaN */
        bool boolean;
        struct str time; /* the four kinds of time, checked; `1979-05-27T07:32:00Z`: capital T and
                            Z, seconds always there, the fraction as written */
        struct toml_array array;
        struct toml_table *table;
    };
};

struct toml_entry {
    struct toml_entry *next; /* in order of definition */
    struct str key;          /* without quotes, escapes resolved */
    struct span key_span;
    uint32_t hash; /* of the key */
    struct toml_value value;
};

/* How a table came to be: it decides what may be added to it. */
enum toml_origin {
    TOML_ORIGIN_IMPLIED, /* above a header: [a.b] implies a */
    TOML_ORIGIN_HEADER,  /* [a], [[a]] or the root */
    TOML_ORIGIN_DOTTED,  /* a.b = 1 makes a */
    TOML_ORIGIN_INLINE   /* { … }: closed */
};

struct toml_table {
    struct toml_entry *first, *last;
    uint32_t count;
    uint32_t index_mask;       /* slots of the index less one; 0: small, no index */
    struct toml_entry **index; /* open addressing over key hashes */
    enum toml_origin origin;
    uint32_t depth; /* the root is 0 */
    /* Of a table with depth 2: from its first header up to the next header of another, when all
     * that is said of it stands there and nothing else does; else `to` is 0. */
    struct str_range text;
};

/* Reads `text`, known to `diags` as `source`. Returns the root, a value of kind TOML_TABLE, or NULL
 * if there was an error (then `diags` holds at least one more). */
struct toml_value *toml_parse(struct arena *arena, struct str text, uint16_t source,
                              struct diags *diags);

/* The same with strings that are no slices of the text in an arena of their own: they outlive the
 * tree when `arena` is let go. */
struct toml_value *toml_parse_apart(struct arena *arena, struct arena *strings, struct str text,
                                    uint16_t source, struct diags *diags);

/* The same, passing over the `gaps`: ranges of tables as another reading of this very text found
 * them (struct toml_table), or from a key in a table to the end of its value, ascending. */
struct toml_value *toml_parse_between(struct arena *arena, struct arena *strings, struct str text,
                                      const struct str_range *gaps, uint32_t gap_count,
                                      uint16_t source, struct diags *diags);

/* The entry or value of a key, or NULL. Constant time. */
const struct toml_entry *toml_find(const struct toml_table *table, struct str key);
const struct toml_value *toml_get(const struct toml_table *table, const char *key);

/* Walks: TOML_EACH(entry, table) in order of definition, TOML_ITEMS(item, array) likewise. */
#define TOML_EACH(entry, table_)                                                                   \
    for (const struct toml_entry *entry = (table_)->first; entry != NULL; entry = entry->next)
#define TOML_ITEMS(item, array_)                                                                   \
    for (const struct toml_value *item = (array_)->items;                                          \
         item != (array_)->items + (array_)->count; item++)

/* "a string", "an integer", …, "a table": for messages of the form "expected A, found B". */
const char *toml_kind_name(enum toml_kind kind);

/* Where bytes [offset, offset + len) of a string's *content* were written: the place of a fault
 * inside a string, escapes and line-ending backslashes accounted for. `text` is the source's. A
 * range that is outside the content gives the span of the whole value. */
struct span toml_string_span(struct str text, const struct toml_value *string, size_t offset,
                             size_t len);

/* Appends the tree as JSON: tables as objects in order of definition, arrays as arrays, any other
 * value as {"type": "integer", "value": "42"}. Types: string, integer, float, bool, datetime,
 * datetime-local, date-local, time-local. Floats: inf, -inf, nan or the shortest text that reads
 * back as the same number. No newline at the end. */
void toml_dump_json(struct strbuf *out, const struct toml_value *root);

#endif
