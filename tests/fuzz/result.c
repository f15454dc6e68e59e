/* Any bytes as a result: what is read is written in one form that reads the same, and the parts
 * that are read alone agree with the whole. */
#include <assert.h>

#include "store/result_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_parts(struct str payload, const struct result *result)
{
    struct result_head head;
    struct str stage, instance;

    assert(result_decode_head(payload, &head) && head.flags == result->flags);
    assert(digest_equal(&head.key, &result->key));
    assert(result_decode_names(payload, &stage, &instance));
    assert(str_equal(stage, result->stage) && str_equal(instance, result->instance));
}

static void check_again(const struct result *result, struct arena *arena)
{
    struct strbuf first = {0}, second = {0};
    struct result again;

    result_encode(result, &first);
    assert(result_decode(strbuf_str(&first), arena, &again));
    result_encode(&again, &second);
    assert(str_equal(strbuf_str(&first), strbuf_str(&second)));
    strbuf_fini(&first);
    strbuf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct str payload = str_n((const char *)data, size_bytes);
    struct result_head head;
    struct str stage, instance;
    struct result result;
    struct arena arena;

    arena_init(&arena);
    result_decode_head(payload, &head);
    result_decode_names(payload, &stage, &instance);
    if (result_decode(payload, &arena, &result)) {
        check_parts(payload, &result);
        check_again(&result, &arena);
    }
    arena_fini(&arena);
    return 0;
}
