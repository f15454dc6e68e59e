#ifndef PAWL_BASE_UTF8_H
#define PAWL_BASE_UTF8_H
/* UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#include <stdbool.h>

#include "base/str.h"

/* Length of the valid sequence that starts at `at`, 1 to 4; 0 when the bytes there are none. */
size_t utf8_sequence(struct str s, size_t at);
/* Offset of the first byte that is not part of a valid sequence, or s.len. */
size_t utf8_valid_len(struct str s);
/* The code point of the valid sequence at `at`. */
uint32_t utf8_decode(struct str s, size_t at);
/* Appends a code point (a Unicode scalar value; the caller checked). */
void utf8_encode(struct strbuf *out, uint32_t code);
bool utf8_is_scalar(uint32_t code);

#endif
