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

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return -1;
}

bool hex_decode(struct str text, void *data, size_t len)
{
    unsigned char *bytes = data;
    if (text.len / 2 != len || text.len % 2 != 0) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(text.data[2 * i]);
        int low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

bool hex_is(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
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
