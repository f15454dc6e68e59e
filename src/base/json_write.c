/* Owns how JSON is written. `levels` holds for each open object or array whether it is an object
 * and whether it has an element; the comma before the next one follows from that. */
#include "base/json_write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

enum { LEVEL_OBJECT = 1, LEVEL_USED = 2, LEVEL_BARE = 4 };

struct json_writer json_writer_of(struct strbuf *out, enum json_style style)
{
    return (struct json_writer){.out = out, .style = style};
}

struct json_writer json_writer_members(struct strbuf *out)
{
    struct json_writer w = json_writer_of(out, JSON_COMPACT);

    w.levels[w.depth++] = LEVEL_OBJECT | LEVEL_BARE;
    return w;
}

static void json_indent(struct json_writer *w)
{
    if (w->style == JSON_PRETTY) {
        strbuf_putc(w->out, '\n');
        for (uint32_t i = 0; i < w->depth; i++) {
            strbuf_puts(w->out, "  ");
        }
    }
}

/* The comma and the line break before an element or a key. */
static void json_element(struct json_writer *w)
{
    unsigned char *level = &w->levels[w->depth - 1];

    if ((*level & LEVEL_USED) != 0) {
        strbuf_putc(w->out, ',');
    }
    *level |= LEVEL_USED;
    json_indent(w);
}

static void json_value(struct json_writer *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->depth == 0) {
        return;
    }
    if ((w->levels[w->depth - 1] & LEVEL_OBJECT) != 0) {
        bug("a JSON value where a key belongs");
    }
    json_element(w);
}

static void json_open(struct json_writer *w, char bracket, unsigned char level)
{
    json_value(w);
    if (w->depth == JSON_WRITE_DEPTH) {
        bug("JSON nested deeper than %d", JSON_WRITE_DEPTH);
    }
    strbuf_putc(w->out, bracket);
    w->levels[w->depth++] = level;
}

static void json_close(struct json_writer *w, char bracket, unsigned char level)
{
    unsigned char open = w->depth > 0 ? w->levels[w->depth - 1] : LEVEL_BARE;

    if (w->after_key || (open & ~LEVEL_USED) != level) {
        bug("a JSON '%c' that closes nothing", bracket);
    }
    w->depth--;
    if ((open & LEVEL_USED) != 0) {
        json_indent(w);
    }
    strbuf_putc(w->out, bracket);
}

void json_object_begin(struct json_writer *w)
{
    json_open(w, '{', LEVEL_OBJECT);
}

void json_object_end(struct json_writer *w)
{
    json_close(w, '}', LEVEL_OBJECT);
}

void json_array_begin(struct json_writer *w)
{
    json_open(w, '[', 0);
}

void json_array_end(struct json_writer *w)
{
    json_close(w, ']', 0);
}

static void json_before_key(struct json_writer *w)
{
    if (w->after_key || w->depth == 0 || (w->levels[w->depth - 1] & LEVEL_OBJECT) == 0) {
        bug("a JSON key outside an object");
    }
    w->after_key = true;
    json_element(w);
}

void json_key(struct json_writer *w, struct str key)
{
    json_before_key(w);
    json_quote(w->out, key);
    strbuf_puts(w->out, w->style == JSON_PRETTY ? ": " : ":");
}

void json_name(struct json_writer *w, struct str name)
{
    char *to;

    json_before_key(w);
    to = strbuf_reserve(w->out, name.len + sizeof("\"\": "));
    *to = '"';
    memcpy(to + 1, name.data, name.len);
    memcpy(to + 1 + name.len, "\": ", sizeof("\": "));
    w->out->len += name.len + (w->style == JSON_PRETTY ? 4 : 3);
    w->out->data[w->out->len] = '\0';
}

static void json_escape(struct strbuf *out, unsigned char c)
{
    static const char *const names[] = {
        ['\b'] = "\\b", ['\f'] = "\\f", ['\n'] = "\\n", ['\r'] = "\\r", ['\t'] = "\\t"};

    if (c == '"' || c == '\\') {
        strbuf_putc(out, '\\');
        strbuf_putc(out, (char)c);
    } else if (c < sizeof(names) / sizeof(names[0]) && names[c] != NULL) {
        strbuf_puts(out, names[c]);
    } else if (c >= 0x80) {
        strbuf_printf(out, "\\udc%02x", c);
    } else {
        strbuf_printf(out, "\\u%04x", c);
    }
}

static bool json_is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Eight bytes at once: of each its upper bit is set if it is no plain one, and perhaps if a byte
 * below it in the word is none. */
static bool json_is_plain_word(uint64_t word)
{
    const uint64_t each = UINT64_C(0x0101010101010101), upper = each << 7;
    uint64_t quote = word ^ each * '"', backslash = word ^ each * '\\';

    return (((word - each * 0x20) | (quote - each) | (backslash - each) | word) & upper) == 0;
}

/* Most texts need no escape: copied while that is seen. False: nothing is done. */
static bool json_quote_plain(struct strbuf *out, struct str value)
{
    char *to = strbuf_reserve(out, value.len + 2);
    uint64_t word;
    size_t at = 0;
    bool plain = true;

    *to++ = '"';
    for (; plain && at + sizeof(word) <= value.len; at += sizeof(word)) {
        memcpy(&word, value.data + at, sizeof(word));
        memcpy(to + at, &word, sizeof(word));
        plain = json_is_plain_word(word);
    }
    for (; plain && at < value.len; at++) {
        to[at] = value.data[at];
        plain = json_is_plain((unsigned char)to[at]);
    }
    if (!plain) {
        out->data[out->len] = '\0';
        return false;
    }
    to[value.len] = '"';
    to[value.len + 1] = '\0';
    out->len += value.len + 2;
    return true;
}

void json_quote(struct strbuf *out, struct str value)
{
    size_t plain = 0; /* start of what needs no escape */
    size_t at = 0;

    if (json_quote_plain(out, value)) {
        return;
    }
    strbuf_putc(out, '"');
    while (at < value.len) {
        unsigned char c = (unsigned char)value.data[at];
        size_t len = c < 0x80 ? 1 : utf8_sequence(value, at);

        if (len != 0 && c >= 0x20 && c != '"' && c != '\\') {
            at += len;
            continue;
        }
        strbuf_add(out, value.data + plain, at - plain);
        json_escape(out, c);
        plain = ++at;
    }
    if (plain < at) {
        strbuf_add(out, value.data + plain, at - plain);
    }
    strbuf_putc(out, '"');
}

void json_str(struct json_writer *w, struct str value)
{
    json_value(w);
    json_quote(w->out, value);
}

void json_int(struct json_writer *w, int64_t value)
{
    json_value(w);
    strbuf_put_i64(w->out, value);
}

void json_uint(struct json_writer *w, uint64_t value)
{
    json_value(w);
    strbuf_put_u64(w->out, value);
}

void json_double_text(struct strbuf *out, double value)
{
    char text[40];

    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    strbuf_puts(out, text);
    if (strpbrk(text, ".e") == NULL) {
        strbuf_puts(out, ".0");
    }
}

void json_double(struct json_writer *w, double value)
{
    json_value(w);
    if (isfinite(value)) {
        json_double_text(w->out, value);
    } else {
        strbuf_puts(w->out, "null");
    }
}

void json_bool(struct json_writer *w, bool value)
{
    json_value(w);
    strbuf_puts(w->out, value ? "true" : "false");
}

void json_null(struct json_writer *w)
{
    json_value(w);
    strbuf_puts(w->out, "null");
}

void json_raw(struct json_writer *w, struct str json)
{
    json_value(w);
    strbuf_add_str(w->out, json);
}

void json_field_str(struct json_writer *w, const char *key, struct str value)
{
    json_name(w, str_of(key));
    json_str(w, value);
}

void json_field_text(struct json_writer *w, const char *key, const char *value)
{
    json_field_str(w, key, str_of(value));
}

void json_field_int(struct json_writer *w, const char *key, int64_t value)
{
    json_name(w, str_of(key));
    json_int(w, value);
}

void json_field_uint(struct json_writer *w, const char *key, uint64_t value)
{
    json_name(w, str_of(key));
    json_uint(w, value);
}

void json_field_double(struct json_writer *w, const char *key, double value)
{
    json_name(w, str_of(key));
    json_double(w, value);
}

void json_field_bool(struct json_writer *w, const char *key, bool value)
{
    json_name(w, str_of(key));
    json_bool(w, value);
}

void json_field_object(struct json_writer *w, const char *key)
{
    json_name(w, str_of(key));
    json_object_begin(w);
}

void json_field_array(struct json_writer *w, const char *key)
{
    json_name(w, str_of(key));
    json_array_begin(w);
}
