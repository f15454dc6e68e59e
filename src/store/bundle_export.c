/* Owns making a bundle: first a row for each member, then, sorted and each once, the archive. What
 * a row needs besides is read again when its member is written, and must be the same by then. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hex.h"
#include "base/path.h"
#include "base/sys.h"
#include "base/vec.h"
#include "os/files.h"
#include "store/bundle_inside.h"
#include "store/kinds.h"
#include "store/result_codec.h"

enum { COPY_BYTES = 64 << 10 };

struct row {
    enum bundle_kind kind;
    struct result_ref ref; /* of a result */
    struct digest digest;
    uint64_t size_bytes;
    struct str name; /* of a file of a run: below `.pawl` */
};

struct bundle_export {
    struct objects *objects;
    const struct results *results;
    int pawlfd;
    struct arena arena;
    VEC(struct row) rows;
};

struct bundle_export *bundle_export_new(struct objects *objects, const struct results *results,
                                        int pawlfd)
{
    struct bundle_export *bundle = mem_calloc(1, sizeof(*bundle));

    bundle->objects = objects;
    bundle->results = results;
    bundle->pawlfd = pawlfd;
    arena_init(&bundle->arena);
    return bundle;
}

void bundle_export_free(struct bundle_export *bundle)
{
    VEC_FREE(&bundle->rows);
    arena_fini(&bundle->arena);
    free(bundle);
}

/* --- objects and results --- */

bool bundle_export_object(struct bundle_export *bundle, const struct digest *digest,
                          struct err *err)
{
    char hex[DIGEST_HEX_BYTES + 1];
    struct sys_stat stat;
    int fd;
    bool ok;

    if (!objects_has(bundle->objects, digest)) {
        return true;
    }
    fd = objects_get(bundle->objects, digest, err);
    if (fd < 0) {
        return false;
    }
    ok = sys_fstat(fd, &stat) == 0 ||
         err_sys(err, "object '%s': cannot be read", digest_hex(digest, hex));
    sys_close(fd);
    if (ok) {
        VEC_PUSH(
            &bundle->rows,
            (struct row){.kind = BUNDLE_OBJECT, .digest = *digest, .size_bytes = stat.size_bytes});
    }
    return ok;
}

static bool export_folder(struct bundle_export *bundle, const struct result_output *output,
                          struct err *err)
{
    struct arena arena;
    struct tree tree;
    bool ok;

    arena_init(&arena);
    ok = objects_read_tree(bundle->objects, &output->digest, &arena, &tree, err);
    for (uint32_t i = 0; ok && output->stored && i < tree.count; i++) {
        ok = tree.items[i].type == TREE_FOLDER ||
             bundle_export_object(bundle, &tree.items[i].digest, err);
    }
    arena_fini(&arena);
    return ok && bundle_export_object(bundle, &output->digest, err);
}

/* Of a folder whose files were not stored the tree alone is needed. */
static bool export_output(struct bundle_export *bundle, const struct result_output *output,
                          struct err *err)
{
    if (output->kind == RESULT_FOLDER) {
        return export_folder(bundle, output, err);
    }
    return !output->stored || bundle_export_object(bundle, &output->digest, err);
}

static void export_row(struct bundle_export *bundle, struct result_ref ref,
                       const struct result *result)
{
    struct strbuf payload = {0};

    result_encode(result, &payload);
    VEC_PUSH(&bundle->rows, (struct row){.kind = BUNDLE_RESULT,
                                         .ref = ref,
                                         .digest = sha256_of(payload.data, payload.len),
                                         .size_bytes = payload.len});
    strbuf_fini(&payload);
}

static bool bundle_has_output(struct objects *objects, const struct result_output *output)
{
    if (output->kind == RESULT_FOLDER && !output->stored) {
        return objects_has(objects, &output->digest);
    }
    return !output->stored ||
           objects_has_output(objects, kind_of_result(output->kind), &output->digest);
}

bool bundle_has_outputs(struct objects *objects, const struct result *result)
{
    for (uint32_t i = 0; i < result->output_count; i++) {
        if (!bundle_has_output(objects, &result->outputs[i])) {
            return false;
        }
    }
    return true;
}

bool bundle_export_result(struct bundle_export *bundle, struct result_ref ref, bool *whole,
                          struct err *err)
{
    struct arena arena;
    struct result result;
    bool ok = true;

    arena_init(&arena);
    *whole = results_read(bundle->results, ref, &arena, &result) &&
             (result.flags & RESULT_UNKEYED) == 0 && bundle_has_outputs(bundle->objects, &result);
    for (uint32_t i = 0; ok && *whole && i < result.output_count; i++) {
        ok = export_output(bundle, &result.outputs[i], err);
    }
    if (ok && *whole) {
        export_row(bundle, ref, &result);
    }
    arena_fini(&arena);
    return ok;
}

/* --- runs --- */

static bool export_file(struct bundle_export *bundle, struct str name, bool needed, struct err *err)
{
    struct row row = {.kind = BUNDLE_RUN, .name = name};
    struct bundle_name parsed;
    struct sys_stat stat;

    /* What pawl did not make has no place in a record. */
    if (!bundle_name_parse(name, &parsed) ||
        (!needed && (sys_statat(bundle->pawlfd, name.data, AT_SYMLINK_NOFOLLOW, &stat) != 0 ||
                     !S_ISREG(stat.mode)))) {
        return true;
    }
    if (!file_hash(bundle->pawlfd, name.data, &row.digest, &row.size_bytes, err)) {
        return false;
    }
    if (needed && row.size_bytes > BUNDLE_EVENTS_BYTES) {
        return err_set(err, STATUS_ENVIRONMENT, "'.pawl/%s' is too large for a bundle", name.data);
    }
    VEC_PUSH(&bundle->rows, row);
    return true;
}

static bool export_logs(struct bundle_export *bundle, struct str folder, struct err *err)
{
    int fd = sys_openat(bundle->pawlfd, folder.data, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    DIR *dir = fd >= 0 ? sys_fdopendir(fd) : NULL;
    const struct dirent *entry;
    bool ok = true;

    if (dir == NULL) {
        return errno == ENOENT || err_sys(err, "'.pawl/%s': cannot be listed", folder.data);
    }
    while (ok && (entry = sys_readdir(dir)) != NULL) {
        ok = export_file(bundle, path_join(&bundle->arena, folder, str_of(entry->d_name)), false,
                         err);
    }
    ok = ok && (errno == 0 || err_sys(err, "'.pawl/%s': cannot be listed", folder.data));
    sys_closedir(dir);
    return ok;
}

bool bundle_export_run(struct bundle_export *bundle, const struct run_id *id, struct err *err)
{
    struct arena *arena = &bundle->arena;
    struct str folder = path_join(arena, STR("runs"), str_of(id->text));

    return export_file(bundle, path_join(arena, folder, STR("events.jsonl")), true, err) &&
           export_file(bundle, path_join(arena, folder, STR("result.json")), false, err) &&
           export_logs(bundle, path_join(arena, folder, STR("logs")), err);
}

/* --- the archive --- */

static int row_compare(const void *a, const void *b)
{
    const struct row *left = a, *right = b;

    if (left->kind != right->kind) {
        return left->kind < right->kind ? -1 : 1;
    }
    return left->kind == BUNDLE_RUN ? str_compare(left->name, right->name)
                                    : digest_compare(&left->digest, &right->digest);
}

static void sort_rows(struct bundle_export *bundle)
{
    size_t kept = 0;

    if (bundle->rows.count == 0) {
        return;
    }
    qsort(bundle->rows.items, bundle->rows.count, sizeof(bundle->rows.items[0]), row_compare);
    for (size_t i = 1; i < bundle->rows.count; i++) {
        if (row_compare(&bundle->rows.items[kept], &bundle->rows.items[i]) != 0) {
            bundle->rows.items[++kept] = bundle->rows.items[i];
        }
    }
    bundle->rows.count = kept + 1;
}

static struct str row_name(const struct row *row, char text[static BUNDLE_NAME_BYTES])
{
    return row->kind == BUNDLE_RUN ? row->name
                                   : str_of(bundle_name_of(row->kind, &row->digest, text));
}

/* An archive on its way out. */
struct out {
    struct bundle_export *bundle;
    struct strbuf bytes; /* not written yet */
    struct bundle_sums *sums;
    int fd;
};

static bool out_flush(struct out *out, struct err *err)
{
    out->sums->size_bytes += out->bytes.len;
    if (!file_write_all(out->fd, out->bytes.data, out->bytes.len)) {
        return err_sys(err, "the bundle cannot be written");
    }
    strbuf_clear(&out->bytes);
    return true;
}

static bool out_drain(struct out *out, struct err *err)
{
    return out->bytes.len < COPY_BYTES || out_flush(out, err);
}

static bool out_manifest(struct out *out, struct err *err)
{
    struct strbuf text = {0};
    char name[BUNDLE_NAME_BYTES];

    strbuf_printf(&text, BUNDLE_HEAD "%d\n", BUNDLE_FORMAT);
    for (size_t i = 0; i < out->bundle->rows.count; i++) {
        const struct row *row = &out->bundle->rows.items[i];

        bundle_line_put(&text, &row->digest, row_name(row, name));
    }
    out->sums->manifest = sha256_of(text.data, text.len);
    tar_put_header(&out->bytes, STR(BUNDLE_MANIFEST), text.len);
    strbuf_add(&out->bytes, text.data, text.len);
    tar_put_padding(&out->bytes, text.len);
    strbuf_fini(&text);
    return out_drain(out, err);
}

static bool out_result(struct out *out, const struct row *row, struct err *err)
{
    struct arena arena;
    struct result result;
    size_t start = out->bytes.len;
    bool ok;

    arena_init(&arena);
    ok = results_read(out->bundle->results, row->ref, &arena, &result);
    if (ok) {
        result_encode(&result, &out->bytes);
    }
    arena_fini(&arena);
    return (ok && out->bytes.len - start == row->size_bytes) ||
           err_set(err, STATUS_CORRUPT, "a result was damaged while it was exported");
}

static int row_open(struct out *out, const struct row *row, struct err *err)
{
    int fd;

    if (row->kind == BUNDLE_OBJECT) {
        return objects_get(out->bundle->objects, &row->digest, err);
    }
    fd = sys_openat(out->bundle->pawlfd, row->name.data, O_RDONLY | O_NOFOLLOW, 0);
    if (fd < 0) {
        err_sys(err, "'.pawl/%s': cannot be opened", row->name.data);
    }
    return fd;
}

/* Exactly the bytes that the header promised, and the digest of them. */
static bool out_copy(struct out *out, int fd, const struct row *row, struct err *err)
{
    char name[BUNDLE_NAME_BYTES];
    struct str shown = row_name(row, name);
    uint64_t left = row->size_bytes;
    struct sha256 sha;
    struct digest found;

    sha256_init(&sha);
    while (left > 0) {
        size_t want = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
        ssize_t got = sys_read(fd, strbuf_reserve(&out->bytes, want), want);

        if (got < 0) {
            return err_sys(err, "'.pawl/%.*s': cannot be read", STR_ARG(shown));
        }
        if (got == 0) {
            break;
        }
        sha256_update(&sha, out->bytes.data + out->bytes.len, (size_t)got);
        out->bytes.len += (size_t)got;
        left -= (uint64_t)got;
        if (!out_drain(out, err)) {
            return false;
        }
    }
    sha256_finish(&sha, &found);
    if (left == 0 && digest_equal(&found, &row->digest)) {
        return true;
    }
    return row->kind == BUNDLE_OBJECT
               ? err_set(err, STATUS_CORRUPT,
                         "'.pawl/%.*s' is damaged: its bytes have another digest", STR_ARG(shown))
               : err_set(err, STATUS_ENVIRONMENT, "'.pawl/%.*s' changed while it was exported",
                         STR_ARG(shown));
}

static bool out_file(struct out *out, const struct row *row, struct err *err)
{
    int fd = row_open(out, row, err);
    bool ok;

    if (fd < 0) {
        return false;
    }
    ok = out_copy(out, fd, row, err);
    sys_close(fd);
    return ok;
}

static bool out_row(struct out *out, const struct row *row, struct err *err)
{
    char name[BUNDLE_NAME_BYTES];

    tar_put_header(&out->bytes, row_name(row, name), row->size_bytes);
    if (!(row->kind == BUNDLE_RESULT ? out_result(out, row, err) : out_file(out, row, err))) {
        return false;
    }
    tar_put_padding(&out->bytes, row->size_bytes);
    out->sums->objects += row->kind == BUNDLE_OBJECT;
    out->sums->results += row->kind == BUNDLE_RESULT;
    out->sums->runs += row->kind == BUNDLE_RUN && str_has_suffix(row->name, STR("/events.jsonl"));
    return out_drain(out, err);
}

bool bundle_export_write(struct bundle_export *bundle, int fd, struct bundle_sums *sums,
                         struct err *err)
{
    struct out out = {.bundle = bundle, .sums = sums, .fd = fd};
    bool ok;

    *sums = (struct bundle_sums){0};
    sort_rows(bundle);
    ok = out_manifest(&out, err);
    for (size_t i = 0; ok && i < bundle->rows.count; i++) {
        ok = out_row(&out, &bundle->rows.items[i], err);
    }
    if (ok) {
        tar_put_end(&out.bytes);
        ok = out_flush(&out, err);
    }
    strbuf_fini(&out.bytes);
    return ok;
}
