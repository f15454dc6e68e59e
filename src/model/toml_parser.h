#ifndef PAWL_MODEL_TOML_PARSER_H
#define PAWL_MODEL_TOML_PARSER_H
/* What the files of the TOML parser share; nobody else includes this.
 *
 * toml.c reads statements and recovers after errors, toml_key.c names and what they define,
 * toml_value.c values that hold values, toml_string.c strings, toml_scalar.c numbers and times;
 * toml_table.c knows tables and nothing of text.
 *
 * Every reader moves `at` behind what it read and returns true; or it reports one error, leaves
 * `at` at the fault and returns false. The text was checked to be UTF-8 before, so readers only
 * look for what matters to them.
 */
#include "base/vec.h"
#include "model/toml.h"

struct toml_parser {
    const char *begin, *at, *end;
    struct arena *arena, *strings;
    struct diags *diags;
    uint16_t source;
    uint32_t nesting;             /* brackets and braces open at `at` */
    VEC(struct toml_value) items; /* of all open arrays; an array is copied when it closes */
    struct strbuf scratch;        /* content of a string that is not a slice */
    struct toml_table *root;
    struct toml_table *current; /* what the last header named */
    struct toml_table *owner;   /* its table of depth 2, or NULL */
    const struct str_range *gaps;
    uint32_t gap_count;
};

/* Classes of bytes: may stand in a bare key; in a comment or a literal string as it is; in a basic
 * string as it is; ends a bare word. */
enum {
    TOML_CLASS_BARE = 1,
    TOML_CLASS_PLAIN = 2,
    TOML_CLASS_BASIC = 4,
    TOML_CLASS_END = 8,
    TOML_CLASS_LITERAL = 16,
    TOML_CLASS_DIGIT = 32
};
extern const uint8_t toml_classes[256];

static inline bool toml_is(char c, unsigned classes)
{
    return (toml_classes[(unsigned char)c] & classes) != 0;
}

/* The byte at `at`, or -1 at the end. */
static inline int toml_peek(const struct toml_parser *p)
{
    return p->at < p->end ? (unsigned char)*p->at : -1;
}

static inline bool toml_next_is(const struct toml_parser *p, char c)
{
    return p->at < p->end && *p->at == c;
}

static inline void toml_skip_blanks(struct toml_parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t')) {
        p->at++;
    }
}

static inline struct span toml_span(const struct toml_parser *p, const char *from, const char *to)
{
    return (struct span){(uint32_t)(from - p->begin), (uint32_t)(to - from), p->source};
}

/* toml.c */
/* A newline, if one is there (LF or CR LF). */
bool toml_skip_newline(struct toml_parser *p);
/* A comment if one is there; false if it holds what a comment must not. */
bool toml_skip_comment(struct toml_parser *p);
/* Blanks, newlines and comments. */
bool toml_skip_space(struct toml_parser *p);
/* Reports what stands at `at` instead of `expected`. */
bool toml_unexpected(struct toml_parser *p, const char *expected);

/* toml_key.c */
/* `key = value`, the key perhaps dotted, into `table`. */
bool toml_read_pair(struct toml_parser *p, struct toml_table *table);
/* The name in a header, [[…]] if `item`; `*defined` is the value it defined, or NULL if it may not
 * (reported); `*owner` the table of depth 2 at or above it, or NULL. */
bool toml_read_header_name(struct toml_parser *p, bool item, struct toml_value **defined,
                           struct toml_table **owner);

/* toml_value.c */
bool toml_read_value(struct toml_parser *p, struct toml_value *value, uint32_t depth);

/* toml_string.c */
/* A string in any of the four forms; `at` is at its first quote. */
bool toml_read_string(struct toml_parser *p, struct str *content);

/* toml_scalar.c */
/* A bare word: number, boolean or time. */
bool toml_read_word(struct toml_parser *p, struct toml_value *value);

/* toml_table.c */
enum { TOML_OWNER_DEPTH = 2 };
/* What stands at `at` says something of this table (may be NULL), or ends what another's header
 * began: see struct toml_table, `text`. */
void toml_owner_begin(struct toml_table *table, uint32_t at);
void toml_owner_end(struct toml_table *table, uint32_t at);
/* Something is said of it outside its headers. */
void toml_owner_scatter(struct toml_table *table);
struct toml_table *toml_table_new(struct arena *arena, enum toml_origin origin, uint32_t depth);
uint32_t toml_key_hash(struct str key);
struct toml_entry *toml_table_find(const struct toml_table *table, struct str key, uint32_t hash);
/* Appends an entry with an empty value; the key must not be there yet. Entries never move. */
struct toml_entry *toml_table_add(struct arena *arena, struct toml_table *table, struct str key,
                                  uint32_t hash);
/* Appends a value to an array of tables; earlier items may move. */
struct toml_value *toml_array_add(struct arena *arena, struct toml_array *array);

#endif
