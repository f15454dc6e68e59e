/* Owns slices and the growing buffer. */
#include "base/str.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool str_is(struct str s, const char *text)
{
    /* Most differ in their first byte. */
    for (size_t i = 0; i < s.len; i++) {
        if (text[i] == '\0' || text[i] != s.data[i]) {
            return false;
        }
    }
    return text[s.len] == '\0';
}

int str_compare(struct str a, struct str b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len != 0 ? memcmp(a.data, b.data, len) : 0;

    if (order != 0) {
        return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

bool str_has_prefix(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_equal(str_head(s, prefix.len), prefix);
}

bool str_has_suffix(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_equal(str_skip(s, s.len - suffix.len), suffix);
}

struct str str_skip(struct str s, size_t count)
{
    if (count >= s.len) {
        return (struct str){s.data != NULL ? s.data + s.len : NULL, 0};
    }
    return (struct str){s.data + count, s.len - count};
}

struct str str_head(struct str s, size_t count)
{
    return (struct str){s.data, count < s.len ? count : s.len};
}

ptrdiff_t str_find(struct str s, char c)
{
    const char *at = s.len != 0 ? memchr(s.data, c, s.len) : NULL;

    return at != NULL ? at - s.data : -1;
}

ptrdiff_t str_find_str(struct str s, struct str needle)
{
    const char *at;

    if (needle.len == 0) {
        return 0;
    }
    at = s.len != 0 ? memmem(s.data, s.len, needle.data, needle.len) : NULL;
    return at != NULL ? at - s.data : -1;
}

ptrdiff_t str_rfind(struct str s, char c)
{
    const char *at = s.len != 0 ? memrchr(s.data, c, s.len) : NULL;

    return at != NULL ? at - s.data : -1;
}

static bool str_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.len != 0 && str_is_blank(s.data[0])) {
        s = str_skip(s, 1);
    }
    while (s.len != 0 && str_is_blank(s.data[s.len - 1])) {
        s.len--;
    }
    return s;
}

bool str_split(struct str *rest, char c, struct str *part)
{
    ptrdiff_t at;

    if (rest->data == NULL) {
        return false;
    }
    at = str_find(*rest, c);
    if (at < 0) {
        *part = *rest;
        *rest = STR_NONE;
    } else {
        *part = str_head(*rest, (size_t)at);
        *rest = str_skip(*rest, (size_t)at + 1);
    }
    return true;
}

/* FNV-1a over eight bytes at a time, with a final mix; good enough for tables, stable on disk. */
uint64_t str_hash(struct str s)
{
    uint64_t hash = 0xcbf29ce484222325u ^ s.len;
    size_t i = 0;

    for (; i + 8 <= s.len; i += 8) {
        const unsigned char *p = (const unsigned char *)s.data + i;
        uint64_t word = (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
                        (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
                        (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;

        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    for (; i < s.len; i++) {
        hash = (hash ^ (unsigned char)s.data[i]) * 0x100000001b3u;
    }
    hash ^= hash >> 29;
    hash *= 0xbf58476d1ce4e5b9u;
    return hash ^ hash >> 32;
}

struct str str_dup(struct arena *arena, struct str s)
{
    return (struct str){arena_copy(arena, s.data, s.len), s.len};
}

struct str str_printf(struct arena *arena, const char *format, ...)
{
    char text[256]; /* most fit, and formatting costs more than copying */
    va_list args;
    va_list again;
    int len;
    char *data;

    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(text, sizeof(text), format, args);
    assert(len >= 0);
    data = arena_bytes(arena, (size_t)len + 1);
    if ((size_t)len < sizeof(text)) {
        memcpy(data, text, (size_t)len + 1);
    } else {
        vsnprintf(data, (size_t)len + 1, format, again);
    }
    va_end(again);
    va_end(args);
    return (struct str){data, (size_t)len};
}

/* Most of what is put together is a few bytes, for which a library's memcpy takes a long run-up. */
static void put_bytes(char *to, const char *from, size_t len)
{
    enum { FEW = 16, WORD = 8, HALF = 4 };

    if (len > FEW) {
        memcpy(to, from, len);
    } else if (len >= WORD) {
        memcpy(to, from, WORD);
        memcpy(to + len - WORD, from + len - WORD, WORD);
    } else if (len >= HALF) {
        memcpy(to, from, HALF);
        memcpy(to + len - HALF, from + len - HALF, HALF);
    } else {
        for (size_t i = 0; i < len; i++) {
            to[i] = from[i];
        }
    }
}

struct str str_join(struct arena *arena, const struct str *parts, size_t count)
{
    size_t len = 0, at = 0;
    char *data;

    for (size_t i = 0; i < count; i++) {
        len += parts[i].len;
    }
    data = arena_bytes(arena, len + 1);
    for (size_t i = 0; i < count; i++) {
        put_bytes(data + at, parts[i].data, parts[i].len);
        at += parts[i].len;
    }
    data[len] = '\0';
    return (struct str){data, len};
}

struct str str_concat(struct arena *arena, struct str a, struct str b)
{
    return STR_JOIN(arena, a, b);
}

struct str str_uint(uint64_t value, char digits[static STR_INT_BYTES])
{
    size_t at = STR_INT_BYTES;

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return str_n(digits + at, STR_INT_BYTES - at);
}

struct str str_int(int64_t value, char digits[static STR_INT_BYTES])
{
    struct str text = str_uint(value < 0 ? -(uint64_t)value : (uint64_t)value, digits);

    if (value < 0) {
        digits[STR_INT_BYTES - ++text.len] = '-';
        text.data--;
    }
    return text;
}

bool str_to_u64(struct str s, uint64_t *value)
{
    uint64_t sum = 0;

    if (s.len == 0) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.data[i] - '0';

        if (digit > 9 || sum > (UINT64_MAX - digit) / 10) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

void strbuf_init(struct strbuf *buf)
{
    *buf = (struct strbuf){0};
}

void strbuf_fini(struct strbuf *buf)
{
    free(buf->data);
    *buf = (struct strbuf){0};
}

void strbuf_clear(struct strbuf *buf)
{
    buf->len = 0;
    if (buf->data != NULL) {
        buf->data[0] = '\0';
    }
}

void strbuf_grow(struct strbuf *buf, size_t more)
{
    size_t cap = buf->cap + buf->cap / 2;

    assert(more < SIZE_MAX / 2 - buf->len);
    if (cap < buf->len + more + 1) {
        cap = buf->len + more + 1;
    }
    if (cap < 64) {
        cap = 64;
    }
    buf->data = mem_realloc(buf->data, cap, 1);
    buf->cap = cap;
}

void strbuf_putc(struct strbuf *buf, char c)
{
    char *to = strbuf_reserve(buf, 1);

    to[0] = c;
    to[1] = '\0';
    buf->len++;
}

void strbuf_add(struct strbuf *buf, const void *data, size_t len)
{
    put_bytes(strbuf_reserve(buf, len), data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void strbuf_add_str(struct strbuf *buf, struct str s)
{
    strbuf_add(buf, s.data, s.len);
}

void strbuf_put_u64(struct strbuf *buf, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    strbuf_add(buf, digits + at, sizeof(digits) - at);
}

void strbuf_put_i64(struct strbuf *buf, int64_t value)
{
    char digits[STR_INT_BYTES];

    strbuf_add_str(buf, str_int(value, digits));
}

void strbuf_vprintf(struct strbuf *buf, const char *format, va_list args)
{
    va_list again;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    assert(len >= 0);
    vsnprintf(strbuf_reserve(buf, (size_t)len), (size_t)len + 1, format, again);
    buf->len += (size_t)len;
    va_end(again);
}

void strbuf_printf(struct strbuf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    strbuf_vprintf(buf, format, args);
    va_end(args);
}

struct str strbuf_str(const struct strbuf *buf)
{
    return (struct str){buf->data != NULL ? buf->data : "", buf->len};
}

struct str strbuf_dup(const struct strbuf *buf, struct arena *arena)
{
    return str_dup(arena, strbuf_str(buf));
}
