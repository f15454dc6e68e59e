/* Owns taking a bundle in.
 *
 * What is read goes where it counts for nothing: objects to tmp/ of the store and, once they have
 * the digest that names them, to their names, where nobody asks for them; the manifest, results and
 * files of runs to `.pawl/tmp/import`. Only when the whole archive was right results are added,
 * after a sync that covers what they need, and runs moved to `runs`. So a bundle that is refused at
 * its last byte, a full disk and a kill leave no result and no run.
 *
 * Memory: one result, one line of the manifest, a bit for each member and an id for each run. The
 * manifest is read again from its copy, in step with the members. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "base/path.h"
#include "base/sys.h"
#include "base/vec.h"
#include "os/files.h"
#include "os/remove.h"
#include "store/barrier.h"
#include "store/bundle_inside.h"
#include "store/result_codec.h"

enum { LINES_BYTES = 16 << 10, COPY_BYTES = 32 << 10, RESULTS_AT_ONCE = 1024 };

#define STAGING "tmp/import"

/* The copy of the manifest, a line at a time. */
struct lines {
    int fd;
    size_t at, len;
    char bytes[LINES_BYTES];
};

struct bundle_import {
    struct bundle_place place;
    int staging_fd;
    int results_fd; /* results that will enter: each a u32 length and its bytes */
    struct lines lines;
    struct tar tar;
    char last[TAR_NAME_BYTES + 1]; /* name of the member before */
    VEC(uint8_t) added;            /* by line of the manifest, a bit: an object that was not here */
    uint64_t member_count;
    VEC(struct run_id) runs; /* staged */
    struct run_id run;       /* that the members are of now, or "" */
    bool run_is_here;        /* then its files are checked and dropped */
    struct bundle_sums sums;
    struct strbuf payload;
    bool entered;
};

/* --- opening and closing --- */

static bool import_prepare(struct bundle_import *import, struct err *err)
{
    int pawlfd = import->place.pawlfd;

    if (!tree_remove(pawlfd, STAGING, err) || !folder_make(pawlfd, STAGING "/runs", err)) {
        return err_wrap(err, "'.pawl'");
    }
    import->staging_fd = folder_open(pawlfd, STAGING, err);
    if (import->staging_fd < 0) {
        return false;
    }
    import->results_fd =
        sys_openat(import->staging_fd, "results", O_RDWR | O_CREAT | O_EXCL, SYS_OWN_FILE);
    import->lines.fd =
        sys_openat(import->staging_fd, "manifest", O_RDWR | O_CREAT | O_EXCL, SYS_OWN_FILE);
    return (import->results_fd >= 0 && import->lines.fd >= 0) ||
           err_sys(err, "'.pawl/" STAGING "': cannot be written");
}

struct bundle_import *bundle_import_open(const struct bundle_place *place, struct err *err)
{
    struct bundle_import *import = mem_calloc(1, sizeof(*import));

    import->place = *place;
    import->staging_fd = import->results_fd = import->lines.fd = -1;
    if (!import_prepare(import, err)) {
        bundle_import_close(import);
        return NULL;
    }
    return import;
}

static bool lines_next(struct lines *lines, struct str *line, struct err *err);
static bool lines_rewind(struct lines *lines, struct err *err);

static bool import_has_added(const struct bundle_import *import, uint64_t member)
{
    return (import->added.items[member / 8] >> member % 8 & 1) != 0;
}

/* Takes back the objects that this import brought. */
static void import_take_back(struct bundle_import *import)
{
    struct str line;

    if (import->place.shared || import->sums.new_objects == 0 ||
        !lines_rewind(&import->lines, NULL)) {
        return;
    }
    for (uint64_t i = 0; i < import->member_count && lines_next(&import->lines, &line, NULL); i++) {
        struct digest digest;
        struct str name;

        if (import_has_added(import, i) && bundle_line_parse(line, &digest, &name)) {
            (void)objects_remove(import->place.objects, &digest, NULL);
        }
    }
}

static void close_if_open(int fd)
{
    if (fd >= 0) {
        (void)sys_close(fd);
    }
}

void bundle_import_close(struct bundle_import *import)
{
    if (!import->entered) {
        import_take_back(import);
    }
    close_if_open(import->lines.fd);
    close_if_open(import->results_fd);
    close_if_open(import->staging_fd);
    (void)tree_remove(import->place.pawlfd, STAGING, NULL);
    VEC_FREE(&import->added);
    VEC_FREE(&import->runs);
    strbuf_fini(&import->payload);
    free(import);
}

/* --- the manifest --- */

static bool manifest_fail(struct err *err)
{
    return err_set(err, STATUS_CORRUPT, "the bundle's list of its members is damaged");
}

static bool lines_fill(struct lines *lines, struct err *err)
{
    ssize_t got;

    memmove(lines->bytes, lines->bytes + lines->at, lines->len - lines->at);
    lines->len -= lines->at;
    lines->at = 0;
    got = sys_read_full(lines->fd, lines->bytes + lines->len, sizeof(lines->bytes) - lines->len);
    if (got < 0) {
        return err_sys(err, "'.pawl/" STAGING "/manifest': cannot be read");
    }
    lines->len += (size_t)got;
    return true;
}

/* The next line without its newline, until the next call; empty at the end. */
static bool lines_next(struct lines *lines, struct str *line, struct err *err)
{
    const char *end;

    if (lines->len - lines->at < BUNDLE_LINE_BYTES && !lines_fill(lines, err)) {
        return false;
    }
    *line = STR("");
    if (lines->at == lines->len) {
        return true;
    }
    end = memchr(lines->bytes + lines->at, '\n', lines->len - lines->at);
    if (end == NULL || end == lines->bytes + lines->at) {
        return manifest_fail(err);
    }
    *line = str_n(lines->bytes + lines->at, (size_t)(end - lines->bytes) - lines->at);
    lines->at += line->len + 1;
    return true;
}

/* Back to the first member. */
static bool lines_rewind(struct lines *lines, struct err *err)
{
    struct str head;

    lines->at = lines->len = 0;
    return (sys_seek(lines->fd, 0, SEEK_SET) == 0 ||
            err_sys(err, "'.pawl/" STAGING "/manifest': cannot be read")) &&
           lines_next(lines, &head, err);
}

static bool import_check_format(const char *bytes, size_t len, struct err *err)
{
    struct str text = str_n(bytes, len);
    struct str line;
    uint64_t format;

    if (!str_has_prefix(text, STR(BUNDLE_HEAD)) || str_find(text, '\n') < 0 ||
        !str_split(&text, '\n', &line) ||
        !str_to_u64(str_skip(line, strlen(BUNDLE_HEAD)), &format) || format == 0) {
        return manifest_fail(err);
    }
    return format == BUNDLE_FORMAT ||
           err_set(err, STATUS_ENVIRONMENT,
                   "the bundle has format %llu, made by a later version of pawl; this one reads %d",
                   (unsigned long long)format, BUNDLE_FORMAT);
}

/* Keeps the first member; nothing else is read of a bundle of another format. */
static bool import_manifest(struct bundle_import *import, struct err *err)
{
    char data[COPY_BYTES];
    struct sha256 sha;
    bool first = true;
    ssize_t got;

    switch (tar_next(&import->tar, err)) {
    case TAR_FAILED:
        return false;
    case TAR_END:
        return err_set(err, STATUS_CORRUPT, "the archive is empty");
    case TAR_MEMBER:
        break;
    }
    if (!str_is(import->tar.name, BUNDLE_MANIFEST)) {
        return err_set(err, STATUS_CORRUPT, "the archive is no bundle of pawl");
    }
    sha256_init(&sha);
    while ((got = tar_read(&import->tar, data, sizeof(data), err)) > 0) {
        if (first && !import_check_format(data, (size_t)got, err)) {
            return false;
        }
        first = false;
        sha256_update(&sha, data, (size_t)got);
        if (!file_write_all(import->lines.fd, data, (size_t)got)) {
            return err_sys(err, "'.pawl/" STAGING "/manifest': cannot be written");
        }
    }
    sha256_finish(&sha, &import->sums.manifest);
    return got == 0 && (!first || manifest_fail(err)) && lines_rewind(&import->lines, err);
}

/* --- members --- */

static ssize_t import_feed(void *ctx, void *data, size_t size, struct err *err)
{
    return tar_read(ctx, data, size, err);
}

static bool import_object(struct bundle_import *import, const struct digest *digest,
                          struct err *err)
{
    struct objects_feed feed = {import_feed, &import->tar};
    bool added = false;
    bool ok = objects_put_feed(import->place.objects, digest, &feed, &added, err);

    import->sums.objects++;
    if (ok && added) {
        import->sums.new_objects++;
        import->added.items[import->member_count / 8] |= (uint8_t)(1 << import->member_count % 8);
    }
    return ok;
}

static bool member_fail(const struct bundle_import *import, struct err *err, const char *what)
{
    return err_set(err, STATUS_CORRUPT, "'%.*s' in the bundle: %s", STR_ARG(import->tar.name),
                   what);
}

/* The member's bytes, in `payload`. */
static bool import_payload(struct bundle_import *import, const struct digest *digest,
                           struct err *err)
{
    struct strbuf *payload = &import->payload;
    struct digest found;
    ssize_t got;

    strbuf_clear(payload);
    if (import->tar.size_bytes > BUNDLE_RESULT_BYTES) {
        return member_fail(import, err, "it is too large");
    }
    /* Room for what came, whatever the header says will come. */
    while ((got = tar_read(&import->tar, strbuf_reserve(payload, COPY_BYTES), COPY_BYTES, err)) >
           0) {
        payload->len += (size_t)got;
    }
    if (got < 0) {
        return false;
    }
    found = sha256_of(payload->data, payload->len);
    return digest_equal(&found, digest) ||
           member_fail(import, err, "its bytes have another digest");
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
           err_sys(err, "'.pawl/" STAGING "/results': cannot be written");
}

static bool import_result(struct bundle_import *import, const struct digest *digest,
                          struct err *err)
{
    struct arena arena;
    struct result result;
    bool ok = import_payload(import, digest, err);

    import->sums.results++;
    arena_init(&arena);
    if (ok && (!result_decode(strbuf_str(&import->payload), &arena, &result) ||
               !result_is_valid(&result))) {
        ok = member_fail(import, err, "it is no result");
    }
    if (ok && !bundle_has_outputs(import->place.objects, &result)) {
        ok = member_fail(import, err, "it names an object that is neither there nor here");
    }
    ok = ok && (import_has(import, &result, &arena) || import_keep_result(import, &result, err));
    arena_fini(&arena);
    return ok;
}

/* --- runs --- */

static bool import_begin_run(struct bundle_import *import, const struct bundle_name *name,
                             struct err *err)
{
    char path[64];
    struct sys_stat stat;

    if (!str_is(name->file, "events.jsonl")) {
        return member_fail(import, err, "there is no record of this run");
    }
    import->run = name->run;
    import->sums.runs++;
    snprintf(path, sizeof(path), "runs/%s", name->run.text);
    import->run_is_here = sys_statat(import->place.pawlfd, path, AT_SYMLINK_NOFOLLOW, &stat) == 0;
    if (import->run_is_here) {
        return true;
    }
    VEC_PUSH(&import->runs, name->run);
    snprintf(path, sizeof(path), "runs/%s/logs", name->run.text);
    return folder_make(import->staging_fd, path, err);
}

/* Hashes a member's bytes and, with a descriptor, writes them. */
static bool import_copy(struct bundle_import *import, int fd, const struct digest *digest,
                        struct err *err)
{
    unsigned char data[COPY_BYTES];
    struct digest found;
    struct sha256 sha;
    ssize_t got;

    sha256_init(&sha);
    while ((got = tar_read(&import->tar, data, sizeof(data), err)) > 0) {
        sha256_update(&sha, data, (size_t)got);
        if (fd >= 0 && !file_write_all(fd, data, (size_t)got)) {
            return err_sys(err, "'.pawl/" STAGING "/%.*s': cannot be written",
                           STR_ARG(import->tar.name));
        }
    }
    if (got < 0) {
        return false;
    }
    sha256_finish(&sha, &found);
    return digest_equal(&found, digest) ||
           member_fail(import, err, "its bytes have another digest");
}

static bool import_file(struct bundle_import *import, const struct bundle_name *name,
                        const struct digest *digest, struct err *err)
{
    int fd = -1;
    bool ok;

    if (strcmp(import->run.text, name->run.text) != 0 && !import_begin_run(import, name, err)) {
        return false;
    }
    if (str_is(name->file, "events.jsonl") && import->tar.size_bytes > BUNDLE_EVENTS_BYTES) {
        return member_fail(import, err, "it is too large");
    }
    if (!import->run_is_here) {
        fd = sys_openat(import->staging_fd, import->tar.name_text, O_WRONLY | O_CREAT | O_EXCL,
                        SYS_OWN_FILE);
        if (fd < 0) {
            return err_sys(err, "'.pawl/" STAGING "/%.*s': cannot be made",
                           STR_ARG(import->tar.name));
        }
    }
    ok = import_copy(import, fd, digest, err);
    if (fd >= 0 && sys_close(fd) != 0 && ok) {
        ok = err_sys(err, "'.pawl/" STAGING "/%.*s': cannot be written", STR_ARG(import->tar.name));
    }
    return ok;
}

/* --- all of it --- */

/* The member must be the one that the next line of the manifest names, and that must be behind the
 * one before. */
static bool import_expect(struct bundle_import *import, struct bundle_name *name,
                          struct digest *digest, struct err *err)
{
    struct str line;
    struct str wanted;

    if (!lines_next(&import->lines, &line, err)) {
        return false;
    }
    if (line.len == 0) {
        return member_fail(import, err, "it is not on the list of members");
    }
    if (!bundle_line_parse(line, digest, &wanted) || !bundle_name_parse(wanted, name) ||
        (name->kind != BUNDLE_RUN && !digest_equal(digest, &name->digest)) ||
        str_compare(str_of(import->last), wanted) >= 0) {
        return manifest_fail(err);
    }
    memcpy(import->last, wanted.data, wanted.len);
    import->last[wanted.len] = '\0';
    /* The line does not live as long as the name is asked for. */
    return str_equal(wanted, import->tar.name)
               ? bundle_name_parse(import->tar.name, name)
               : member_fail(import, err, "another member should be in its place");
}

static bool import_member(struct bundle_import *import, struct err *err)
{
    struct bundle_name name;
    struct digest digest;
    bool ok = false;

    if (!import_expect(import, &name, &digest, err)) {
        return false;
    }
    if (import->member_count % 8 == 0) {
        VEC_PUSH(&import->added, 0);
    }
    switch (name.kind) {
    case BUNDLE_OBJECT:
        ok = import_object(import, &digest, err);
        break;
    case BUNDLE_RESULT:
        ok = import_result(import, &digest, err);
        break;
    case BUNDLE_RUN:
        ok = import_file(import, &name, &digest, err);
        break;
    }
    import->member_count++;
    return ok;
}

static bool import_end(struct bundle_import *import, struct err *err)
{
    struct str line;

    return lines_next(&import->lines, &line, err) &&
           (line.len == 0 || err_set(err, STATUS_CORRUPT, "the bundle lacks members of its list"));
}

static ssize_t import_source(void *ctx, void *data, size_t size, struct err *err)
{
    const int *fd = ctx;
    ssize_t got = sys_read(*fd, data, size);

    if (got < 0) {
        err_sys(err, "the bundle cannot be read");
    }
    return got;
}

bool bundle_import_read(struct bundle_import *import, int fd, struct err *err)
{
    struct tar_source source = {import_source, &fd};
    enum tar_answer answer;

    tar_begin(&import->tar, &source);
    if (!import_manifest(import, err)) {
        return false;
    }
    while ((answer = tar_next(&import->tar, err)) == TAR_MEMBER) {
        if (!import_member(import, err)) {
            return false;
        }
    }
    import->sums.size_bytes = import->tar.offset;
    return answer == TAR_END && import_end(import, err);
}

const struct run_id *bundle_import_runs(const struct bundle_import *import, uint32_t *count,
                                        int *fd)
{
    *count = (uint32_t)import->runs.count;
    *fd = import->staging_fd;
    return import->runs.items;
}

/* --- entering --- */

static bool enter_read(struct bundle_import *import, void *data, size_t len, bool *end,
                       struct err *err)
{
    ssize_t got = sys_read_full(import->results_fd, data, len);

    *end = got == 0;
    return got == (ssize_t)len || *end ||
           err_sys(err, "'.pawl/" STAGING "/results': cannot be read");
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

static bool enter_results(struct bundle_import *import, struct err *err)
{
    bool end = false;

    if (sys_seek(import->results_fd, 0, SEEK_SET) != 0) {
        return err_sys(err, "'.pawl/" STAGING "/results': cannot be read");
    }
    for (uint32_t i = 1; !end; i++) {
        if (!enter_result(import, &end, err) ||
            ((end || i % RESULTS_AT_ONCE == 0) && !results_flush(import->place.results, err))) {
            return false;
        }
    }
    return true;
}

/* The lock is held, so nobody makes a run of this id meanwhile. */
static bool enter_runs(struct bundle_import *import, struct err *err)
{
    if (import->runs.count != 0 && !folder_make(import->place.pawlfd, "runs", err)) {
        return false;
    }
    VEC_EACH (id, &import->runs) {
        char path[64];

        snprintf(path, sizeof(path), "runs/%s", id->text);
        if (sys_renameat(import->staging_fd, path, import->place.pawlfd, path) != 0) {
            return err_sys(err, "'.pawl/%s': cannot be made", path);
        }
        import->sums.new_runs++;
    }
    return true;
}

bool bundle_import_enter(struct bundle_import *import, struct bundle_sums *sums, struct err *err)
{
    const struct bundle_place *place = &import->place;

    if (!barrier_now(place->objects, place->pawlfd, err)) {
        return false;
    }
    /* From here on results may count on the objects. */
    import->entered = true;
    if (!enter_results(import, err) || !enter_runs(import, err) ||
        !barrier_now(place->objects, place->pawlfd, err)) {
        return false;
    }
    *sums = import->sums;
    return true;
}
