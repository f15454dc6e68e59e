/* Owns the search for words in a text that comes in pieces. Each byte is looked at once: a word may
 * begin there, which the table of first bytes says of few. */
#include "base/mask.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/vec.h"

static void words_take(struct mask_words *words, struct str word)
{
    char *copy = mem_alloc(word.len);

    memcpy(copy, word.data, word.len);
    VEC_PUSH(words, str_n(copy, word.len));
}

void mask_words_add(struct mask_words *words, struct str word)
{
    struct str rest = word, line;

    if (word.len < MASK_LEAST) {
        return;
    }
    words_take(words, word);
    while (str_split(&rest, '\n', &line)) {
        if (line.len >= MASK_LEAST_LINE && line.len != word.len) {
            words_take(words, line);
        }
    }
}

static int words_compare(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

void mask_words_done(struct mask_words *words)
{
    size_t at = 0;

    if (words->count != 0) {
        qsort(words->items, words->count, sizeof(*words->items), words_compare);
    }
    for (unsigned byte = 0; byte < 256; byte++) {
        words->first[byte] = (uint32_t)at;
        while (at < words->count && (unsigned char)words->items[at].data[0] == byte) {
            at++;
        }
    }
    words->first[256] = (uint32_t)at;
}

void mask_words_fini(struct mask_words *words)
{
    VEC_EACH (word, words) {
        free((char *)word->data);
    }
    VEC_FREE(words);
}

/* The longest word that begins the text; `*more`: a longer one may, once more of it is known. */
static size_t mask_match(const struct mask_words *words, const char *text, size_t len, bool *more)
{
    unsigned char byte = (unsigned char)text[0];
    size_t longest = 0;

    *more = false;
    for (uint32_t i = words->first[byte]; i < words->first[byte + 1U]; i++) {
        struct str word = words->items[i];

        if (memcmp(word.data, text, word.len < len ? word.len : len) != 0) {
            continue;
        }
        if (word.len > len) {
            *more = true;
        } else if (word.len > longest) {
            longest = word.len;
        }
    }
    return longest;
}

static void mask_cover(struct mask *mask, size_t len, struct strbuf *out)
{
    if (len == 0) {
        return;
    }
    if (mask->covered == 0) {
        strbuf_puts(out, "***");
    }
    if (len > mask->covered) {
        mask->covered = len;
    }
}

static void mask_step(struct mask *mask, char byte, struct strbuf *out)
{
    if (mask->covered != 0) {
        mask->covered--;
    } else {
        strbuf_putc(out, byte);
    }
}

/* How many bytes are done; at the end of the text that is all of them. */
static size_t mask_go(struct mask *mask, struct str text, bool end, struct strbuf *out)
{
    size_t at = 0;

    for (; at < text.len; at++) {
        bool more;
        size_t len = mask_match(mask->words, text.data + at, text.len - at, &more);

        if (more && !end) {
            break;
        }
        if (more && text.len - at >= MASK_LEAST) {
            len = text.len - at;
        }
        mask_cover(mask, len, out);
        mask_step(mask, text.data[at], out);
    }
    return at;
}

void mask_add(struct mask *mask, const char *data, size_t len, struct strbuf *out)
{
    size_t done;

    strbuf_add(&mask->held, data, len);
    done = mask_go(mask, strbuf_str(&mask->held), false, out);
    memmove(mask->held.data, mask->held.data + done, mask->held.len - done);
    mask->held.len -= done;
}

void mask_end(struct mask *mask, struct strbuf *out)
{
    mask_go(mask, strbuf_str(&mask->held), true, out);
    strbuf_fini(&mask->held);
    mask->covered = 0;
}
