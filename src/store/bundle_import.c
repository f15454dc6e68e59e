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
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "base/vec.h"
#include "os/files.h"
#include "os/remove.h"
#include "store/barrier.h"
#include "store/bundle_import_inside.h"

/* --- opening and closing --- */

static bool import_prepare(struct bundle_import *import, struct err *err)
{
    int pawlfd = import->place.pawlfd;

    if (!tree_remove(pawlfd, BUNDLE_STAGING, err) ||
        !folder_make(pawlfd, BUNDLE_STAGING "/runs", err)) {
        return err_wrap(err, "'.pawl'");
    }
    import->staging_fd = folder_open(pawlfd, BUNDLE_STAGING, err);
    if (import->staging_fd < 0) {
        return false;
    }
    import->results_fd =
        sys_openat(import->staging_fd, "results", O_RDWR | O_CREAT | O_EXCL, SYS_OWN_FILE);
    import->lines.fd =
        sys_openat(import->staging_fd, "manifest", O_RDWR | O_CREAT | O_EXCL, SYS_OWN_FILE);
    return (import->results_fd >= 0 && import->lines.fd >= 0) ||
           err_sys(err, "'.pawl/" BUNDLE_STAGING "': cannot be written");
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

static bool import_has_added(const struct bundle_import *import, uint64_t member)
{
    return (import->added.items[member / 8] >> member % 8 & 1) != 0;
}

/* Takes back the objects that this import brought. */
static void import_take_back(struct bundle_import *import)
{
    struct str line;

    if (import->place.shared || import->sums.new_objects == 0 ||
        !bundle_lines_rewind(&import->lines, NULL)) {
        return;
    }
    for (uint64_t i = 0; i < import->member_count && bundle_lines_next(&import->lines, &line, NULL);
         i++) {
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
    (void)tree_remove(import->place.pawlfd, BUNDLE_STAGING, NULL);
    VEC_FREE(&import->added);
    VEC_FREE(&import->runs);
    strbuf_fini(&import->payload);
    free(import);
}

/* --- the manifest --- */

static bool import_check_format(const char *bytes, size_t len, struct err *err)
{
    struct str text = str_n(bytes, len);
    struct str line;
    uint64_t format;

    if (!str_has_prefix(text, STR(BUNDLE_HEAD)) || str_find(text, '\n') < 0 ||
        !str_split(&text, '\n', &line) ||
        !str_to_u64(str_skip(line, strlen(BUNDLE_HEAD)), &format) || format == 0) {
        return bundle_lines_fail(err);
    }
    return format == BUNDLE_FORMAT ||
           err_set(err, STATUS_ENVIRONMENT,
                   "the bundle has format %llu, made by a later version of pawl; this one reads %d",
                   (unsigned long long)format, BUNDLE_FORMAT);
}

/* Keeps the first member; nothing else is read of a bundle of another format. */
static bool import_manifest(struct bundle_import *import, struct err *err)
{
    char data[BUNDLE_COPY_BYTES];
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
            return err_sys(err, "'.pawl/" BUNDLE_STAGING "/manifest': cannot be written");
        }
    }
    sha256_finish(&sha, &import->sums.manifest);
    return got == 0 && (!first || bundle_lines_fail(err)) &&
           bundle_lines_rewind(&import->lines, err);
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

bool import_member_fail(const struct bundle_import *import, struct err *err, const char *what)
{
    return err_set(err, STATUS_CORRUPT, "'%.*s' in the bundle: %s", STR_ARG(import->tar.name),
                   what);
}

/* --- all of it --- */

/* The member must be the one that the next line of the manifest names, and that must be behind the
 * one before. */
static bool import_expect(struct bundle_import *import, struct bundle_name *name,
                          struct digest *digest, struct err *err)
{
    struct str line;
    struct str wanted;

    if (!bundle_lines_next(&import->lines, &line, err)) {
        return false;
    }
    if (line.len == 0) {
        return import_member_fail(import, err, "it is not on the list of members");
    }
    if (!bundle_line_parse(line, digest, &wanted) || !bundle_name_parse(wanted, name) ||
        (name->kind != BUNDLE_RUN && !digest_equal(digest, &name->digest)) ||
        str_compare(str_of(import->last), wanted) >= 0) {
        return bundle_lines_fail(err);
    }
    memcpy(import->last, wanted.data, wanted.len);
    import->last[wanted.len] = '\0';
    /* The line does not live as long as the name is asked for. */
    return str_equal(wanted, import->tar.name)
               ? bundle_name_parse(import->tar.name, name)
               : import_member_fail(import, err, "another member should be in its place");
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

    return bundle_lines_next(&import->lines, &line, err) &&
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

bool bundle_import_enter(struct bundle_import *import, struct bundle_sums *sums, struct err *err)
{
    const struct bundle_place *place = &import->place;

    if (!barrier_now(place->objects, place->pawlfd, err)) {
        return false;
    }
    /* From here on results may count on the objects. */
    import->entered = true;
    if (!import_enter_results(import, err) || !import_enter_runs(import, err) ||
        !barrier_now(place->objects, place->pawlfd, err)) {
        return false;
    }
    *sums = import->sums;
    return true;
}
