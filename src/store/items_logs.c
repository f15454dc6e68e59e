/* Owns what is done with logs of items from outside: which there are, what is dead in them,
 * removing those that are not used any more, and writing a damaged one anew. */
#include "store/items_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/hex.h"
#include "base/map.h"
#include "base/sys.h"
#include "base/vec.h"
#include "os/walk.h"

/* --- which there are --- */

struct log_row {
    struct items_about about;
    const char *path;
    uint64_t ino, bytes;
    int64_t mtime_ns;
    bool newest; /* of its instance */
};

struct logs {
    struct arena arena;
    VEC(struct log_row) rows;
};

/* The first head in it; false: there is none, or it cannot be read. */
static bool log_about(int pawl_fd, const char *path, struct arena *arena, struct items_about *about)
{
    struct record_file file;
    struct record record;
    bool found = false;

    if (!record_file_begin(&file, pawl_fd, path, ITEMS_KIND, NULL, NULL)) {
        return false;
    }
    for (uint64_t pos = 0; !found && record_next(&file, &pos, &record);) {
        found = items_parse_head(&record, about);
    }
    if (found) {
        about->stage = str_dup(arena, about->stage);
        about->instance = str_dup(arena, about->instance);
    }
    record_file_close(&file);
    return found;
}

static void logs_take(struct logs *logs, int pawl_fd, struct str name)
{
    struct str path = STR_JOIN(&logs->arena, STR(ITEMS_FOLDER "/"), name);
    struct log_row row = {.path = path.data};
    struct sys_stat stat;
    struct digest key;

    if (digest_parse(name, &key) &&
        sys_statat(pawl_fd, row.path, AT_SYMLINK_NOFOLLOW, &stat) == 0 &&
        log_about(pawl_fd, row.path, &logs->arena, &row.about)) {
        row.ino = stat.ino;
        row.bytes = stat.size_bytes;
        row.mtime_ns = stat.mtime_ns;
        VEC_PUSH(&logs->rows, row);
    }
}

/* By stage and instance, the newest first. */
static int log_compare(const void *a, const void *b)
{
    const struct log_row *x = a, *y = b;
    int order = str_compare(x->about.stage, y->about.stage);

    order = order != 0 ? order : str_compare(x->about.instance, y->about.instance);
    if (order == 0 && x->mtime_ns != y->mtime_ns) {
        order = x->mtime_ns > y->mtime_ns ? -1 : 1;
    }
    return order != 0 ? order : strcmp(x->path, y->path);
}

static bool log_is_of(const struct log_row *row, const struct log_row *other)
{
    return str_equal(row->about.stage, other->about.stage) &&
           str_equal(row->about.instance, other->about.instance);
}

static void logs_sort(struct logs *logs)
{
    struct log_row *rows = logs->rows.items;

    if (logs->rows.count != 0) {
        qsort(rows, logs->rows.count, sizeof(*rows), log_compare);
    }
    for (size_t i = 0; i < logs->rows.count; i++) {
        rows[i].newest = i == 0 || !log_is_of(&rows[i], &rows[i - 1]);
    }
}

static bool logs_open(struct logs *logs, int pawl_fd, struct err *err)
{
    static const struct walk_options flat = {.flat = true, .all = true};
    struct walk_list list = {NULL, 0};
    struct sys_stat stat;

    *logs = (struct logs){0};
    arena_init(&logs->arena);
    if (sys_statat(pawl_fd, ITEMS_FOLDER, 0, &stat) != 0) {
        return errno == ENOENT || err_sys(err, "'.pawl/" ITEMS_FOLDER "': cannot read");
    }
    if (!walk_folder(pawl_fd, ITEMS_FOLDER, &flat, &logs->arena, &list, err)) {
        return err_wrap(err, "'.pawl'");
    }
    for (uint32_t i = 0; i < list.count; i++) {
        logs_take(logs, pawl_fd, list.items[i].path);
    }
    logs_sort(logs);
    return true;
}

static void logs_close(struct logs *logs)
{
    VEC_FREE(&logs->rows);
    arena_fini(&logs->arena);
}

bool items_logs(int pawl_fd, struct str stage,
                bool (*each)(void *ctx, struct str instance, const char *path, struct err *err),
                void *ctx, struct err *err)
{
    struct logs logs;
    bool ok = logs_open(&logs, pawl_fd, err);

    for (size_t i = 0; ok && i < logs.rows.count; i++) {
        const struct log_row *row = &logs.rows.items[i];

        if (row->newest && str_equal(row->about.stage, stage)) {
            ok = each(ctx, row->about.instance, row->path, err);
        }
    }
    logs_close(&logs);
    return ok;
}

/* --- dead items --- */

struct dead {
    struct arena arena;
    struct map places;     /* digest to row */
    VEC(uint64_t) offsets; /* by row; 0: not dead any more */
};

static void dead_take(struct dead *dead, const struct record *record)
{
    struct item_result result;
    struct digest digest;
    struct str name;
    uint32_t row;

    if (record->type == ITEMS_RECORD_REVIVED) {
        VEC_EACH (offset, &dead->offsets) {
            *offset = 0;
        }
    }
    if (!item_parse(record, &digest, &result)) {
        return;
    }
    name = str_n((const char *)digest.bytes, DIGEST_BYTES);
    row = map_get(&dead->places, name);
    if (row != MAP_MISSING) {
        dead->offsets.items[row] = 0;
    }
    if (result.state == ITEM_DEAD) {
        if (row == MAP_MISSING) {
            name = str_dup(&dead->arena, name);
        }
        map_put(&dead->places, name, (uint32_t)dead->offsets.count);
        VEC_PUSH(&dead->offsets, record->offset);
    }
}

static bool dead_read(struct dead *dead, struct record_file *file, struct err *err)
{
    struct record record;

    *dead = (struct dead){0};
    arena_init(&dead->arena);
    map_init(&dead->places);
    for (uint64_t pos = 0; record_next(file, &pos, &record);) {
        dead_take(dead, &record);
    }
    return !record_failed(file, err);
}

static void dead_fini(struct dead *dead)
{
    map_fini(&dead->places);
    VEC_FREE(&dead->offsets);
    arena_fini(&dead->arena);
}

/* Those that are gone by now are passed by. */
static bool dead_tell(const struct dead *dead, struct record_file *file,
                      bool (*each)(void *ctx, const struct item_result *result), void *ctx)
{
    VEC_EACH (offset, &dead->offsets) {
        struct item_result result;
        struct record record;
        struct digest digest;

        if (*offset != 0 && record_at(file, *offset, &record, NULL) &&
            item_parse(&record, &digest, &result) && !each(ctx, &result)) {
            return false;
        }
    }
    return true;
}

bool items_dead(int pawl_fd, const char *path,
                bool (*each)(void *ctx, const struct item_result *result), void *ctx,
                struct err *err)
{
    struct record_file file;
    struct dead dead;
    bool ok;

    if (!record_file_begin(&file, pawl_fd, path, ITEMS_KIND, NULL, err)) {
        return err_wrap(err, "'.pawl'");
    }
    ok = dead_read(&dead, &file, err) || err_wrap(err, "'.pawl'");
    if (ok) {
        dead_tell(&dead, &file, each, ctx);
    }
    dead_fini(&dead);
    record_file_close(&file);
    return ok;
}

static bool dead_revive(struct record_file *file, uint64_t *count, struct err *err)
{
    struct record_batch batch;
    struct dead dead;
    bool ok = dead_read(&dead, file, err);

    *count = 0;
    record_batch_init(&batch);
    VEC_EACH (offset, &dead.offsets) {
        *count += *offset != 0;
    }
    if (*count != 0) {
        record_batch_add(&batch, ITEMS_RECORD_REVIVED, STR(""));
    }
    ok = ok && record_append(file, &batch, err);
    record_batch_fini(&batch);
    dead_fini(&dead);
    return ok;
}

bool items_revive(int pawl_fd, const char *path, uint64_t *count, struct err *err)
{
    struct record_file file;
    bool ok;

    if (!record_file_begin_own(&file, pawl_fd, path, ITEMS_KIND, err)) {
        return err_wrap(err, "'.pawl'");
    }
    ok = dead_revive(&file, count, err) || err_wrap(err, "'.pawl'");
    record_file_close(&file);
    return ok;
}

/* --- removing --- */

/* Nobody has it open, and it is the one that was looked at: who waits for it sees that it is gone.
 */
static bool log_remove(int pawl_fd, const struct log_row *row, bool dry)
{
    int fd = sys_openat(pawl_fd, row->path, O_RDWR | O_NOFOLLOW, 0);
    struct sys_stat stat;
    bool gone;

    if (fd < 0) {
        return false;
    }
    gone =
        sys_fstat(fd, &stat) == 0 && stat.ino == row->ino && stat.mtime_ns == row->mtime_ns &&
        (dry ? sys_lock_probe(fd, F_WRLCK, 0, 0) == 0
             : sys_lock(fd, F_WRLCK, 0, 0, false) == 0 && sys_unlinkat(pawl_fd, row->path, 0) == 0);
    sys_close(fd);
    return gone;
}

bool items_gc(int pawl_fd, int64_t cutoff_ns, bool dry, struct items_gc_done *done, struct err *err)
{
    struct logs logs;
    bool ok = logs_open(&logs, pawl_fd, err);

    *done = (struct items_gc_done){0};
    VEC_EACH (row, &logs.rows) {
        if ((!row->newest || row->mtime_ns < cutoff_ns) && log_remove(pawl_fd, row, dry)) {
            done->logs++;
            done->freed_bytes += row->bytes;
        }
    }
    logs_close(&logs);
    return ok;
}

bool items_forget_others(int pawl_fd, const struct items_about *about, const struct digest *key,
                         struct err *err)
{
    char hex[DIGEST_HEX_BYTES + 1];
    struct logs logs;
    bool ok = logs_open(&logs, pawl_fd, err);

    digest_hex(key, hex);
    VEC_EACH (row, &logs.rows) {
        if (str_equal(row->about.stage, about->stage) &&
            str_equal(row->about.instance, about->instance) &&
            strcmp(row->path + sizeof(ITEMS_FOLDER), hex) != 0) {
            log_remove(pawl_fd, row, false);
        }
    }
    logs_close(&logs);
    return ok;
}

/* --- writing anew --- */

enum { REWRITE_BYTES = 1 << 20 };

/* All whole records of one to the other, a batch at a time. */
static bool log_copy(struct record_file *from, struct record_file *to, struct err *err)
{
    struct record_batch batch;
    struct record record;
    bool ok = true;

    record_batch_init(&batch);
    for (uint64_t pos = 0; ok && record_next(from, &pos, &record);) {
        record_batch_add(&batch, record.type, record.payload);
        if (batch.bytes.len >= REWRITE_BYTES) {
            ok = record_append(to, &batch, err);
            record_batch_clear(&batch);
        }
    }
    ok = ok && !record_failed(from, err) && record_append(to, &batch, err);
    record_batch_fini(&batch);
    return ok;
}

static bool log_rewrite(int pawl_fd, struct record_file *file, const char *fresh_path,
                        struct err *err)
{
    struct record_file fresh;
    bool ok;

    sys_unlinkat(pawl_fd, fresh_path, 0);
    if (!record_file_begin_own(&fresh, pawl_fd, fresh_path, ITEMS_KIND, err)) {
        return false;
    }
    ok = log_copy(file, &fresh, err) && (sys_fsync(fresh.fd) == 0 || err_sys(err, "cannot sync")) &&
         (sys_renameat(pawl_fd, fresh_path, pawl_fd, file->path) == 0 ||
          err_sys(err, "'%s': cannot write", file->path));
    if (!ok) {
        sys_unlinkat(pawl_fd, fresh_path, 0);
    }
    record_file_close(&fresh);
    return ok;
}

bool items_rewrite(int pawl_fd, const char *path, struct err *err)
{
    struct strbuf fresh_path = {0};
    struct record_file file;
    bool ok;

    if (!record_file_begin_own(&file, pawl_fd, path, ITEMS_KIND, err)) {
        return err_wrap(err, "'.pawl'");
    }
    strbuf_printf(&fresh_path, "%s" ITEMS_FRESH, path);
    ok = log_rewrite(pawl_fd, &file, fresh_path.data, err) || err_wrap(err, "'.pawl'");
    strbuf_fini(&fresh_path);
    record_file_close(&file);
    return ok;
}
