/* Any bytes as the spec of a stream and as its words: refused, or written as they were read. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "run/stream_spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_spec(struct str bytes, struct arena *arena)
{
    struct stream_spec spec, again;
    struct strbuf first = {0}, second = {0};

    if (!stream_spec_read(&spec, bytes, arena)) {
        return;
    }
    stream_spec_write(&spec, &first);
    assert(stream_spec_read(&again, strbuf_str(&first), arena));
    stream_spec_write(&again, &second);
    assert(str_equal(strbuf_str(&first), strbuf_str(&second)));
    strbuf_fini(&first);
    strbuf_fini(&second);
}

static void check_words(struct str bytes)
{
    struct str rest = bytes;
    struct stream_word word, again;

    while (stream_word_take(&rest, &word)) {
        struct strbuf written = {0};
        struct str back;

        assert(word.cause < CAUSE_COUNT);
        stream_word_write(&word, &written);
        back = strbuf_str(&written);
        assert(stream_word_take(&back, &again) && back.len == 0);
        assert(again.kind == word.kind && again.exit_code == word.exit_code);
        strbuf_fini(&written);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct str bytes = str_n((const char *)data, size_bytes);
    struct arena arena;

    arena_init(&arena);
    check_spec(bytes, &arena);
    check_words(bytes);
    arena_fini(&arena);
    return 0;
}
