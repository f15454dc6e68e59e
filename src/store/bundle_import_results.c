/* Owns results on their way in: each is checked when it is met, for the objects that it needs are
 * before it, and waits in a file until all of the bundle was right. */
#include "base/bytes.h"
#include "base/sys.h"
#include "os/files.h"
#include "store/bundle_import_inside.h"
#include "store/result_codec.h"

enum { RESULTS_AT_ONCE = 1024 };

/* The member's bytes, in `payload`. */
static bool import_payload(struct bundle_import *import, const struct digest *digest,
                           struct err *err)
{
    struct strbuf *payload = &import->payload;
    struct digest found;
    ssize_t got;

    strbuf_clear(payload);
    if (import->tar.size_bytes > BUNDLE_RESULT_BYTES) {
        return import_member_fail(import, err, "it is too large");
    }
    /* Room for what came, whatever the header says will come. */
    while ((got = tar_read(&import->tar, strbuf_reserve(payload, BUNDLE_COPY_BYTES),
                           BUNDLE_COPY_BYTES, err)) > 0) {
        payload->len += (size_t)got;
    }
    if (got < 0) {
        return false;
    }
    found = sha256_of(payload->data, payload->len);
    return digest_equal(&found, digest) ||
           import_member_fail(import, err, "its bytes have another digest");
}

static bool result_is_valid(const struct result *result)
{
    if ((result->flags & RESULT_UNKEYED) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < result->output_count; i++) {
        if (!tree_path_is_valid(result->outputs[i].path)) {
            return false;
        }
    }
    return true;
}

static bool is_of(const struct result *result, const struct digest *workspace,
                  const struct digest *machine)
{
    return digest_equal(&result->workspace, workspace) && digest_equal(&result->machine, machine);
}

/* What is here stays: a result of this key that is ours, or of the same origin, and has its bytes.
 */
static bool import_has(const struct bundle_import *import, const struct result *result,
                       struct arena *arena)
{
    const struct bundle_place *place = &import->place;
    struct result_ref refs[RESULTS_PER_KEY];
    uint32_t count = results_find_declared(place->results, &result->declared, refs);

    for (uint32_t i = 0; i < count; i++) {
        struct result here;

        if (results_read(place->results, refs[i], arena, &here) &&
            digest_equal(&here.key, &result->key) &&
            (is_of(&here, &place->workspace, &place->machine) ||
             is_of(&here, &result->workspace, &result->machine)) &&
            bundle_has_outputs(place->objects, &here)) {
            return true;
        }
    }
    return false;
}

static bool import_keep_result(struct bundle_import *import, const struct result *result,
                               struct err *err)
{
    const struct bundle_place *place = &import->place;
    unsigned char len[4];

    import->sums.new_results++;
    import->sums.strangers += (result->flags & RESULT_PORTABLE) == 0 &&
                              !is_of(result, &place->workspace, &place->machine);
    bytes_set_u32(len, (uint32_t)import->payload.len);
    return (file_write_all(import->results_fd, len, sizeof(len)) &&
            file_write_all(import->results_fd, import->payload.data, import->payload.len)) ||
           err_sys(err, "'.pawl/" BUNDLE_STAGING "/results': cannot be written");
}

bool import_result(struct bundle_import *import, const struct digest *digest, struct err *err)
{
    struct arena arena;
    struct result result;
    bool ok = import_payload(import, digest, err);

    import->sums.results++;
    arena_init(&arena);
    if (ok && (!result_decode(strbuf_str(&import->payload), &arena, &result) ||
               !result_is_valid(&result))) {
        ok = import_member_fail(import, err, "it is no result");
    }
    if (ok && !bundle_has_outputs(import->place.objects, &result)) {
        ok = import_member_fail(import, err, "it names an object that is neither there nor here");
    }
    ok = ok && (import_has(import, &result, &arena) || import_keep_result(import, &result, err));
    arena_fini(&arena);
    return ok;
}

/* --- entering --- */

static bool enter_read(struct bundle_import *import, void *data, size_t len, bool *end,
                       struct err *err)
{
    ssize_t got = sys_read_full(import->results_fd, data, len);

    *end = got == 0;
    return got == (ssize_t)len || *end ||
           err_sys(err, "'.pawl/" BUNDLE_STAGING "/results': cannot be read");
}

static bool enter_result(struct bundle_import *import, bool *end, struct err *err)
{
    struct strbuf *payload = &import->payload;
    unsigned char len[4];
    struct arena arena;
    struct result result;

    if (!enter_read(import, len, sizeof(len), end, err) || *end) {
        return *end;
    }
    strbuf_clear(payload);
    strbuf_reserve(payload, bytes_get_u32(len));
    if (!enter_read(import, payload->data, bytes_get_u32(len), end, err)) {
        return false;
    }
    payload->len = bytes_get_u32(len);
    arena_init(&arena);
    if (result_decode(strbuf_str(payload), &arena, &result)) {
        results_add(import->place.results, &result);
    }
    arena_fini(&arena);
    *end = false;
    return true;
}

bool import_enter_results(struct bundle_import *import, struct err *err)
{
    bool end = false;

    if (sys_seek(import->results_fd, 0, SEEK_SET) != 0) {
        return err_sys(err, "'.pawl/" BUNDLE_STAGING "/results': cannot be read");
    }
    for (uint32_t i = 1; !end; i++) {
        if (!enter_result(import, &end, err) ||
            ((end || i % RESULTS_AT_ONCE == 0) && !results_flush(import->place.results, err))) {
            return false;
        }
    }
    return true;
}
