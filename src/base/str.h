#ifndef PAWL_BASE_STR_H
#define PAWL_BASE_STR_H
/* Strings. `struct str` is a slice of bytes somebody else owns: any encoding, any byte but that a
 * path never holds NUL. A slice made by str_dup and the functions that take an arena is followed by
 * a NUL, so its `data` can be handed to the kernel. `struct strbuf` is a growing buffer on the
 * heap.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"

struct str {
    const char *data;
    size_t len;
};

/* Bytes [from, to) of a text. */
struct str_range {
    uint32_t from, to;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NONE     ((struct str){NULL, 0})
/* For printf: printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).len, (s).data != NULL ? (s).data : ""

static inline struct str str_n(const char *data, size_t len)
{
    return (struct str){data, len};
}

/* The slice of a C string; NULL gives STR_NONE. */
static inline struct str str_of(const char *text)
{
    return str_n(text, text != NULL ? strlen(text) : 0);
}

bool str_equal(struct str a, struct str b);
bool str_is(struct str a, const char *text);
int str_compare(struct str a, struct str b); /* by bytes, unsigned, shorter first */
bool str_has_prefix(struct str s, struct str prefix);
bool str_has_suffix(struct str s, struct str suffix);
struct str str_skip(struct str s, size_t count);         /* without the first `count` bytes */
struct str str_head(struct str s, size_t count);         /* the first `count` bytes at most */
ptrdiff_t str_find(struct str s, char c);                /* index of the first `c`, or -1 */
ptrdiff_t str_find_str(struct str s, struct str needle); /* index of the first `needle`, or -1 */
ptrdiff_t str_rfind(struct str s, char c);               /* index of the last `c`, or -1 */
struct str str_trim(struct str s); /* without spaces, tabs, CR, LF at the ends */
/* Cuts `*rest` at the first `c`: returns what is before, leaves what is behind; false at the end.
 */
bool str_split(struct str *rest, char c, struct str *part);
uint64_t str_hash(struct str s); /* not cryptographic, the same on every machine */

struct str str_dup(struct arena *arena, struct str s);
struct str str_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct str str_concat(struct arena *arena, struct str a, struct str b);
/* Many, one behind the other: STR_JOIN(arena, dir, STR("/"), name). What printf does with "%.*s" in
 * a tenth of the time. */
struct str str_join(struct arena *arena, const struct str *parts, size_t count);
#define STR_JOIN(arena, ...)                                                                       \
    str_join((arena), (const struct str[]){__VA_ARGS__},                                           \
             sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))

/* The decimal text of a number, within `digits`. */
enum { STR_INT_BYTES = 20 };
struct str str_int(int64_t value, char digits[static STR_INT_BYTES]);
struct str str_uint(uint64_t value, char digits[static STR_INT_BYTES]);
/* Decimal numbers, whole slice or false; no sign, no blanks. */
bool str_to_u64(struct str s, uint64_t *value);

struct strbuf {
    char *data; /* always NUL-terminated once something was added */
    size_t len, cap;
};

void strbuf_init(struct strbuf *buf);
void strbuf_fini(struct strbuf *buf);
void strbuf_clear(struct strbuf *buf);
/* Makes room for `more` bytes behind the end (and the NUL); strbuf_reserve does so only where there
 * is none, and returns where they go. */
void strbuf_grow(struct strbuf *buf, size_t more);
static inline char *strbuf_reserve(struct strbuf *buf, size_t more)
{
    if (buf->cap - buf->len <= more) {
        strbuf_grow(buf, more);
    }
    return buf->data + buf->len;
}

void strbuf_add(struct strbuf *buf, const void *data, size_t len);
void strbuf_add_str(struct strbuf *buf, struct str s);
static inline void strbuf_puts(struct strbuf *buf, const char *text)
{
    strbuf_add(buf, text, strlen(text));
}

void strbuf_putc(struct strbuf *buf, char c);
/* In decimal. */
void strbuf_put_u64(struct strbuf *buf, uint64_t value);
void strbuf_put_i64(struct strbuf *buf, int64_t value);
void strbuf_printf(struct strbuf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
struct str strbuf_str(const struct strbuf *buf);
/* A copy of the content in the arena. */
struct str strbuf_dup(const struct strbuf *buf, struct arena *arena);

#endif
