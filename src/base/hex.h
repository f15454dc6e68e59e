#ifndef PAWL_BASE_HEX_H
#define PAWL_BASE_HEX_H
/* Bytes as lower-case hexadecimal text and back. */
#include "base/sha256.h"
#include "base/str.h"

/* Writes 2 * len characters and a NUL to `text`. */
void hex_encode(const void *data, size_t len, char *text);
/* Exactly 2 * len lower-case digits, or false (upper case is refused: one digest has one text). */
bool hex_decode(struct str text, void *data, size_t len);

/* `text` has room for DIGEST_HEX_BYTES + 1 characters; returned for printf. */
const char *digest_hex(const struct digest *digest, char text[static DIGEST_HEX_BYTES + 1]);
struct str digest_str(const struct digest *digest, struct arena *arena);
/* Lower-case digits alone? */
bool hex_is(struct str text);
/* Exactly 64 lower-case digits, or false. */
bool digest_parse(struct str text, struct digest *digest);

#endif
