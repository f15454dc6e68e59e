/* Owns the rules of UTF-8. */
#include "base/utf8.h"

#include <string.h>

static bool utf8_tail(struct str s, size_t at, size_t count)
{
    if (s.len - at <= count) {
        return false;
    }
    for (size_t i = 1; i <= count; i++) {
        if (((unsigned char)s.data[at + i] & 0xc0) != 0x80) {
            return false;
        }
    }
    return true;
}

size_t utf8_sequence(struct str s, size_t at)
{
    unsigned char a = at < s.len ? (unsigned char)s.data[at] : 0x80;
    unsigned char b;

    if (a < 0x80) {
        return 1;
    }
    if (a < 0xc2 || a > 0xf4) {
        return 0;
    }
    if (a < 0xe0) {
        return utf8_tail(s, at, 1) ? 2 : 0;
    }
    b = at + 1 < s.len ? (unsigned char)s.data[at + 1] : 0;
    if (a < 0xf0) {
        /* E0 starts at A0 (else overlong), ED ends at 9F (else a surrogate). */
        return utf8_tail(s, at, 2) && !(a == 0xe0 && b < 0xa0) && !(a == 0xed && b > 0x9f) ? 3 : 0;
    }
    /* F0 starts at 90 (else overlong), F4 ends at 8F (else above U+10FFFF). */
    return utf8_tail(s, at, 3) && !(a == 0xf0 && b < 0x90) && !(a == 0xf4 && b > 0x8f) ? 4 : 0;
}

/* Skips ASCII eight bytes at a time: nearly all of nearly every text. */
static size_t utf8_skip_ascii(struct str s, size_t at)
{
    uint64_t word;

    while (s.len - at >= sizeof(word)) {
        memcpy(&word, s.data + at, sizeof(word));
        if ((word & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
        at += sizeof(word);
    }
    return at;
}

size_t utf8_valid_len(struct str s)
{
    size_t at = 0;

    while ((at = utf8_skip_ascii(s, at)) < s.len) {
        size_t len = utf8_sequence(s, at);

        if (len == 0) {
            return at;
        }
        at += len;
    }
    return at;
}

uint32_t utf8_decode(struct str s, size_t at)
{
    static const unsigned char lead[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t len = utf8_sequence(s, at);
    uint32_t code = (unsigned char)s.data[at] & lead[len];

    for (size_t i = 1; i < len; i++) {
        code = code << 6 | ((unsigned char)s.data[at + i] & 0x3f);
    }
    return code;
}

void utf8_encode(struct strbuf *out, uint32_t code)
{
    if (code < 0x80) {
        strbuf_putc(out, (char)code);
    } else if (code < 0x800) {
        strbuf_putc(out, (char)(0xc0 | code >> 6));
        strbuf_putc(out, (char)(0x80 | (code & 0x3f)));
    } else if (code < 0x10000) {
        strbuf_putc(out, (char)(0xe0 | code >> 12));
        strbuf_putc(out, (char)(0x80 | (code >> 6 & 0x3f)));
        strbuf_putc(out, (char)(0x80 | (code & 0x3f)));
    } else {
        strbuf_putc(out, (char)(0xf0 | code >> 18));
        strbuf_putc(out, (char)(0x80 | (code >> 12 & 0x3f)));
        strbuf_putc(out, (char)(0x80 | (code >> 6 & 0x3f)));
        strbuf_putc(out, (char)(0x80 | (code & 0x3f)));
    }
}

bool utf8_is_scalar(uint32_t code)
{
    return code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
}
