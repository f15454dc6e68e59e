/* Any line as a request and as an answer of the control protocol: each is refused with a reason, or
 * one that is written as it was read. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "run/control_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/* Without the end of line. */
static struct str line_of(const struct strbuf *text)
{
    assert(text->len != 0 && memchr(text->data, '\n', text->len) == text->data + text->len - 1);
    return str_n(text->data, text->len - 1);
}

static void check_request(struct str line, struct arena *arena)
{
    struct control_request request, again;
    struct strbuf first = {0}, second = {0};
    struct err err = {0};

    if (!control_request_read(line, arena, &request, &err)) {
        assert(err.text[0] != '\0');
        return;
    }
    assert(request.reason.len <= CONTROL_REASON_BYTES);
    control_request_write(&request, &first);
    assert(control_request_read(line_of(&first), arena, &again, &err));
    control_request_write(&again, &second);
    assert(str_equal(strbuf_str(&first), strbuf_str(&second)));
    strbuf_fini(&first);
    strbuf_fini(&second);
}

static void check_reply(struct str line, struct arena *arena)
{
    struct control_reply reply, again;
    struct strbuf first = {0}, second = {0};
    struct err err = {0};

    if (!control_reply_read(line, arena, &reply, &err)) {
        assert(err.text[0] != '\0');
        return;
    }
    control_reply_write(&reply, &first);
    assert(control_reply_read(line_of(&first), arena, &again, &err));
    control_reply_write(&again, &second);
    assert(str_equal(strbuf_str(&first), strbuf_str(&second)));
    strbuf_fini(&first);
    strbuf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct str line = str_n((const char *)data, size_bytes);
    struct arena arena;

    arena_init(&arena);
    check_request(line, &arena);
    check_reply(line, &arena);
    arena_fini(&arena);
    return 0;
}
