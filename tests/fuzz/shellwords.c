/* Any text as a shell command: each hole has its place, literal words lie in the text one behind
 * the other, a simple command has the words that are literal in it, and any text that is quoted is
 * one word again. */
#include <assert.h>
#include <string.h>

#include "model/shellwords.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

struct seen {
    struct str text;
    size_t end;
    uint32_t count;
    const struct shell_simple *simple; /* or NULL */
};

static bool see_word(void *ctx, struct str word, size_t offset, size_t len)
{
    struct seen *seen = ctx;

    assert(offset >= seen->end && len <= seen->text.len - offset);
    if (seen->simple != NULL) {
        assert(seen->count < seen->simple->count);
        assert(str_is(word, seen->simple->words[seen->count]));
    }
    seen->end = offset + len;
    seen->count++;
    return true;
}

static bool stop(void *ctx, struct str word, size_t offset, size_t len)
{
    (void)word, (void)offset, (void)len;
    assert(++*(int *)ctx == 1);
    return false;
}

static void check_scan(struct str text, struct arena *arena)
{
    struct shell_scan scan;
    uint32_t holes = 0;

    for (size_t i = 0; i < text.len; i++) {
        holes += text.data[i] == '\0';
    }
    shell_scan(arena, text, &scan);
    assert(scan.hole_count == holes);
    for (uint32_t i = 0; i < holes; i++) {
        assert(shell_place_text(scan.holes[i].place) != NULL);
        assert(!scan.uncertain || (scan.holes[i].place != SHELL_PLACE_WORD &&
                                   scan.holes[i].place != SHELL_PLACE_COMMENT));
    }
}

static void check_words(struct str text, struct arena *arena)
{
    struct shell_simple simple;
    struct seen seen = {.text = text};
    int calls = 0;

    shell_words(text, see_word, &seen);
    shell_words(text, stop, &calls);
    if (shell_read_simple(arena, text, &simple)) {
        seen = (struct seen){.text = text, .simple = &simple};
        shell_words(text, see_word, &seen);
        assert(seen.count == simple.count && simple.words[simple.count] == NULL);
    }
}

static void check_quoted(struct str text)
{
    struct strbuf out = {0};
    const char *words[] = {NULL, NULL};
    struct shell_simple one = {words, 1};
    struct seen seen = {0};

    if (memchr(text.data, '\0', text.len) != NULL) {
        return;
    }
    shell_quote(text, &out);
    seen = (struct seen){.text = strbuf_str(&out), .simple = &one};
    words[0] = text.data;
    shell_words(strbuf_str(&out), see_word, &seen);
    assert(seen.count == 1 && seen.end == out.len);
    strbuf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct arena arena;
    struct str text;

    arena_init(&arena);
    text = str_dup(&arena, str_n((const char *)data, size_bytes));
    check_scan(text, &arena);
    check_words(text, &arena);
    check_quoted(text);
    shell_is_safe(text);
    shell_is_reserved(text);
    shell_is_known(text);
    arena_fini(&arena);
    return 0;
}
