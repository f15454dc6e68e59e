/* Hexadecimal text: one form only, lower case, so that a digest has one name. */
#include "base/hex.h"

void hex_encode(const void *data, size_t len, char *text)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = data;
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * len] = '\0';
}

/* The value of a digit and one more, so that 0 is none: a reader of a record does this for the
 * chain of every line. */
static const unsigned char hex_values[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

bool hex_decode(struct str text, void *data, size_t len)
{
    const unsigned char *digits = (const unsigned char *)text.data;
    unsigned char *bytes = data;
    if (text.len / 2 != len || text.len % 2 != 0) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned high = hex_values[digits[2 * i]];
        unsigned low = hex_values[digits[2 * i + 1]];
        if (high == 0 || low == 0) {
            return false;
        }
        bytes[i] = (unsigned char)((high - 1) << 4 | (low - 1));
    }
    return true;
}

bool hex_is(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (hex_values[(unsigned char)text.data[i]] == 0) {
            return false;
        }
    }
    return true;
}

const char *digest_hex(const struct digest *digest, char text[static DIGEST_HEX_BYTES + 1])
{
    hex_encode(digest->bytes, DIGEST_BYTES, text);
    return text;
}

struct str digest_str(const struct digest *digest, struct arena *arena)
{
    char text[DIGEST_HEX_BYTES + 1];
    digest_hex(digest, text);
    return str_dup(arena, str_n(text, DIGEST_HEX_BYTES));
}

bool digest_parse(struct str text, struct digest *digest)
{
    return hex_decode(text, digest->bytes, DIGEST_BYTES);
}
