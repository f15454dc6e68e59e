/* Owns the files `roots/<workspace>/<run-id>` of a store, the workspace's id in 64 hexadecimal
 * digits.
 *
 * Format, version 1:
 *
 *      0  "PAWLROOT"
 *      8  version: u32, 1
 *     12  flags: u32; 1: a part; 2: merged of several;
 *         4: written at its beginning
 *     16  time of writing: i64, ns since 1970
 *     24  number of objects: u32
 *     28  number of rows: u32
 *     32  length of the pipeline's name: u32, then the name
 *         objects, 32 bytes each
 *         rows: hash of the instance in its workspace (result_codec.c): u64, key: 32 bytes
 *         checksum of all before (bytes_checksum): u64
 *
 * A file is valid if its length is what the numbers say and the checksum is right. Another version
 * is as good as damage: nothing that it may need is known, so all is kept. Files appear by rename;
 * beside them may lie temporary ones of a writer that was killed, which no name of a run is like.
 */
#include "store/roots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "base/sys.h"
#include "base/vec.h"
#include "os/files.h"
#include "os/remove.h"

#define ROOTS_MAGIC "PAWLROOT"
enum {
    ROOTS_VERSION = 1,
    ROOTS_PART = 1,
    ROOTS_MERGED = 2,
    ROOTS_BEGUN = 4,
    ROOTS_HEAD_BYTES = 36,
    ROOTS_ROW_BYTES = 8 + DIGEST_BYTES,
    ROOTS_LIMIT_BYTES = 1 << 30,
    ROOTS_PATH_BYTES = 6 + DIGEST_HEX_BYTES + 1 + RUN_ID_BYTES + 1
};

static const char *roots_path(const struct digest *workspace, const char *run,
                              char path[static ROOTS_PATH_BYTES])
{
    char hex[DIGEST_HEX_BYTES + 1];

    snprintf(path, ROOTS_PATH_BYTES, "roots/%s%s%s", digest_hex(workspace, hex),
             run[0] != '\0' ? "/" : "", run);
    return path;
}

/* --- writing --- */

static void roots_encode(const struct roots_run *run, struct strbuf *out)
{
    strbuf_puts(out, ROOTS_MAGIC);
    bytes_put_u32(out, ROOTS_VERSION);
    bytes_put_u32(out, (run->part ? ROOTS_PART : 0) | (run->merged ? ROOTS_MERGED : 0) |
                           (run->begun ? ROOTS_BEGUN : 0));
    bytes_put_i64(out, run->time_ns);
    bytes_put_u32(out, run->object_count);
    bytes_put_u32(out, run->row_count);
    bytes_put_str(out, run->pipeline);
    for (uint32_t i = 0; i < run->object_count; i++) {
        bytes_put_digest(out, &run->objects[i]);
    }
    for (uint32_t i = 0; i < run->row_count; i++) {
        bytes_put_u64(out, run->rows[i].instance);
        bytes_put_digest(out, &run->rows[i].key);
    }
    bytes_put_u64(out, bytes_checksum(out->data, out->len));
}

int roots_open_own(int store_fd, const struct digest *workspace)
{
    char path[ROOTS_PATH_BYTES];

    return sys_openat(store_fd, roots_path(workspace, "", path),
                      O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

bool roots_write(int store_fd, const struct digest *workspace, const struct roots_run *run,
                 struct err *err)
{
    char path[ROOTS_PATH_BYTES];
    struct strbuf bytes = {0};
    bool ok;

    roots_encode(run, &bytes);
    roots_path(workspace, run->run.text, path);
    ok = file_write_replace(store_fd, path, strbuf_str(&bytes), sys_mode_in(store_fd, 0666), false,
                            NULL) ||
         (folder_make_parents(store_fd, path, err) &&
          file_write_replace(store_fd, path, strbuf_str(&bytes), sys_mode_in(store_fd, 0666), false,
                             err));
    strbuf_fini(&bytes);
    return ok;
}

bool roots_remove(int store_fd, const struct digest *workspace, const struct run_id *run,
                  struct err *err)
{
    char path[ROOTS_PATH_BYTES];

    return file_remove(store_fd, roots_path(workspace, run->text, path), err);
}

/* --- reading --- */

static bool roots_decode(struct str bytes, struct arena *arena, struct roots_run *run)
{
    struct reader reader = reader_of(bytes.data, bytes.len);
    struct digest *objects;
    struct roots_row *rows;
    struct str magic = reader_raw(&reader, sizeof(ROOTS_MAGIC) - 1);
    uint32_t version = reader_u32(&reader);
    uint32_t flags;

    flags = reader_u32(&reader);
    run->part = (flags & ROOTS_PART) != 0;
    run->merged = (flags & ROOTS_MERGED) != 0;
    run->begun = (flags & ROOTS_BEGUN) != 0;
    run->time_ns = reader_i64(&reader);
    run->object_count = reader_u32(&reader);
    run->row_count = reader_u32(&reader);
    run->pipeline = reader_blob(&reader);
    if (!reader_ok(&reader) || !str_is(magic, ROOTS_MAGIC) || version != ROOTS_VERSION ||
        reader_left(&reader) != (uint64_t)run->object_count * DIGEST_BYTES +
                                    (uint64_t)run->row_count * ROOTS_ROW_BYTES + 8 ||
        bytes_get_u64(bytes.data + bytes.len - 8) != bytes_checksum(bytes.data, bytes.len - 8)) {
        return false;
    }
    run->pipeline = str_dup(arena, run->pipeline);
    run->objects = objects = ARENA_ARRAY(arena, struct digest, run->object_count);
    run->rows = rows = ARENA_ARRAY(arena, struct roots_row, run->row_count);
    for (uint32_t i = 0; i < run->object_count; i++) {
        objects[i] = reader_digest(&reader);
    }
    for (uint32_t i = 0; i < run->row_count; i++) {
        rows[i].instance = reader_u64(&reader);
        rows[i].key = reader_digest(&reader);
    }
    return true;
}

/* False: it cannot be read, or is no whole one. */
static bool roots_read_one(int dir, const char *name, struct arena *arena, struct roots_run *run)
{
    struct strbuf bytes = {0};
    bool ok = file_read(dir, name, ROOTS_LIMIT_BYTES, &bytes, NULL) &&
              roots_decode(strbuf_str(&bytes), arena, run);

    strbuf_fini(&bytes);
    return ok;
}

static int roots_compare(const void *a, const void *b)
{
    return strcmp(((const struct roots_run *)a)->run.text, ((const struct roots_run *)b)->run.text);
}

/* A folder's stream; NULL with errno 0 if there is none. */
static DIR *roots_open_folder(int store_fd, const char *path)
{
    int fd = sys_openat(store_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

    if (fd < 0) {
        errno = errno == ENOENT ? 0 : errno;
        return NULL;
    }
    return sys_fdopendir(fd);
}

bool roots_read(int store_fd, const struct digest *workspace,
                bool (*skip)(void *ctx, const struct run_id *run, uint64_t ino), void *ctx,
                struct arena *arena, struct roots *roots, struct err *err)
{
    VEC(struct roots_run) runs = {0};
    char path[ROOTS_PATH_BYTES];
    DIR *dir = roots_open_folder(store_fd, roots_path(workspace, "", path));
    struct dirent *entry;
    bool ok;

    *roots = (struct roots){0};
    while (dir != NULL && (entry = sys_readdir(dir)) != NULL) {
        struct roots_run run = {.ino = entry->d_ino};

        if (!run_id_parse(str_of(entry->d_name), &run.run) ||
            (skip != NULL && skip(ctx, &run.run, run.ino))) {
            continue;
        }
        if (roots_read_one(dirfd(dir), entry->d_name, arena, &run)) {
            VEC_PUSH(&runs, run);
        } else if (strcmp(run.run.text, roots->damaged.text) > 0) {
            roots->damaged = run.run;
        }
    }
    ok = errno == 0 || err_sys(err, "'%s': cannot be listed", path);
    if (dir != NULL) {
        sys_closedir(dir);
    }
    if (runs.count != 0) {
        qsort(runs.items, runs.count, sizeof(runs.items[0]), roots_compare);
    }
    roots->runs = VEC_DUP(&runs, arena);
    roots->count = (uint32_t)runs.count;
    VEC_FREE(&runs);
    return ok;
}

bool roots_list(int store_fd, const struct digest *workspace, struct arena *arena,
                struct run_list *list, struct err *err)
{
    char path[ROOTS_PATH_BYTES];

    return run_list_read(store_fd, roots_path(workspace, "", path), "roots", arena, list, err);
}

bool roots_read_run(int store_fd, const struct digest *workspace, const struct run_id *id,
                    struct arena *arena, struct roots_run *run)
{
    int dir = roots_open_own(store_fd, workspace);
    bool ok;

    if (dir < 0) {
        return false;
    }
    *run = (struct roots_run){.run = *id};
    ok = roots_read_one(dir, id->text, arena, run);
    sys_close(dir);
    return ok;
}

bool roots_workspaces(int store_fd, struct arena *arena, struct roots_workspaces *list,
                      struct err *err)
{
    VEC(struct digest) ids = {0};
    DIR *dir = roots_open_folder(store_fd, "roots");
    struct dirent *entry;
    struct digest id;
    bool ok;

    *list = (struct roots_workspaces){0};
    while (dir != NULL && (entry = sys_readdir(dir)) != NULL) {
        if (digest_parse(str_of(entry->d_name), &id)) {
            VEC_PUSH(&ids, id);
        }
    }
    ok = errno == 0 || err_sys(err, "'roots': cannot be listed");
    if (dir != NULL) {
        sys_closedir(dir);
    }
    list->items = VEC_DUP(&ids, arena);
    list->count = (uint32_t)ids.count;
    VEC_FREE(&ids);
    return ok;
}
