#ifndef PAWL_BASE_MASK_H
#define PAWL_BASE_MASK_H
/* Words that must not be seen in a text that comes in pieces: each place where one stands becomes
 * `***`, wherever the pieces are cut. What several words cover together becomes one `***`, so that
 * no part of one shows beside another.
 *
 * Order: mask_words_add for each word, mask_words_done once; then for each text a `struct mask` of
 * zeros with `words` set, mask_add for each piece, mask_end. The words are only read then: several
 * texts may share them. What may be the beginning of a word is held back until it is known, at most
 * one byte less than the longest word; at the end of the text, MASK_LEAST bytes or more of it are
 * masked too.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Shorter words are no secret that a text without them would keep, and would leave of it `***`. */
enum { MASK_LEAST = 4, MASK_LEAST_LINE = 8 };

struct mask_words {
    struct str *items; /* sorted; copies */
    size_t count, cap;
    uint32_t first[257]; /* by first byte: where its words begin, and those of the next */
};
/* Shorter than MASK_LEAST: not taken. Of a word of several lines each of MASK_LEAST_LINE bytes or
 * more is a word by itself, too. */
void mask_words_add(struct mask_words *words, struct str word);
void mask_words_done(struct mask_words *words);
void mask_words_fini(struct mask_words *words);

struct mask {
    const struct mask_words *words;
    struct strbuf held;
    size_t covered; /* bytes from the first held one on that a word covers; its `***` is out */
};
/* Appends to `out` what is known. */
void mask_add(struct mask *mask, const char *data, size_t len, struct strbuf *out);
/* Appends the rest, and frees what the mask holds. */
void mask_end(struct mask *mask, struct strbuf *out);

#endif
