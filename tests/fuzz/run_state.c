/* Any bytes as the state of a run: they are none, or a state that gives the same bytes however
 * often it is packed. */
#include <assert.h>

#include "model/run_state_pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static bool pack_again(struct str packed, struct strbuf *out)
{
    struct run_state state;
    bool ok;

    run_state_init(&state);
    ok = run_state_unpack(&state, packed);
    strbuf_clear(out);
    if (ok) {
        run_state_pack(&state, out);
    }
    run_state_fini(&state);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct strbuf given = {0}, once = {0}, twice = {0};

    strbuf_add(&given, data, size_bytes);
    strbuf_putc(&given, '\0'); /* texts are slices that a NUL follows */
    given.len--;
    if (pack_again(strbuf_str(&given), &once)) {
        assert(pack_again(strbuf_str(&once), &twice));
        assert(str_equal(strbuf_str(&once), strbuf_str(&twice)));
    }
    strbuf_fini(&given);
    strbuf_fini(&once);
    strbuf_fini(&twice);
    return 0;
}
