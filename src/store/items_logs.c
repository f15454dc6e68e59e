/* Owns what those who only look find in logs of items: which there are, and dead items. */
#include "store/items_inside.h"

#include <fcntl.h>
#include <string.h>

#include "base/arena.h"
#include "base/hex.h"
#include "base/map.h"
#include "base/sys.h"
#include "base/vec.h"
#include "os/walk.h"

/* --- the newest log of each instance --- */

struct log_row {
    struct str instance;
    const char *path;
    int64_t mtime_ns;
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

static void logs_take(struct logs *logs, const struct log_row *row)
{
    VEC_EACH (known, &logs->rows) {
        if (str_equal(known->instance, row->instance)) {
            if (row->mtime_ns > known->mtime_ns) {
                *known = *row;
            }
            return;
        }
    }
    VEC_PUSH(&logs->rows, *row);
}

static bool logs_list(struct logs *logs, int pawl_fd, struct str stage, struct err *err)
{
    static const struct walk_options flat = {.flat = true, .all = true};
    struct walk_list list = {NULL, 0};
    struct sys_stat stat;

    if (sys_statat(pawl_fd, ITEMS_FOLDER, 0, &stat) != 0) {
        return true;
    }
    if (!walk_folder(pawl_fd, ITEMS_FOLDER, &flat, &logs->arena, &list, err)) {
        return err_wrap(err, "'.pawl'");
    }
    for (uint32_t i = 0; i < list.count; i++) {
        struct str path = STR_JOIN(&logs->arena, STR(ITEMS_FOLDER "/"), list.items[i].path);
        struct log_row row = {.path = path.data};
        struct items_about about;
        struct digest key;

        if (digest_parse(list.items[i].path, &key) &&
            sys_statat(pawl_fd, row.path, AT_SYMLINK_NOFOLLOW, &stat) == 0 &&
            log_about(pawl_fd, row.path, &logs->arena, &about) && str_equal(about.stage, stage)) {
            row.instance = about.instance;
            row.mtime_ns = stat.mtime_ns;
            logs_take(logs, &row);
        }
    }
    return true;
}

static int log_compare(const void *a, const void *b)
{
    return str_compare(((const struct log_row *)a)->instance,
                       ((const struct log_row *)b)->instance);
}

bool items_logs(int pawl_fd, struct str stage,
                bool (*each)(void *ctx, struct str instance, const char *path, struct err *err),
                void *ctx, struct err *err)
{
    struct logs logs = {0};
    bool ok;

    arena_init(&logs.arena);
    ok = logs_list(&logs, pawl_fd, stage, err);
    if (logs.rows.count != 0) {
        qsort(logs.rows.items, logs.rows.count, sizeof(*logs.rows.items), log_compare);
    }
    for (size_t i = 0; ok && i < logs.rows.count; i++) {
        ok = each(ctx, logs.rows.items[i].instance, logs.rows.items[i].path, err);
    }
    VEC_FREE(&logs.rows);
    arena_fini(&logs.arena);
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
        for (size_t i = 0; i < dead->offsets.count; i++) {
            dead->offsets.items[i] = 0;
        }
    }
    if (!item_parse(record, &digest, &result)) {
        return;
    }
    name = str_n((const char *)digest.bytes, DIGEST_BYTES);
    row = map_get(&dead->places, name);
    if (row != MAP_MISSING) {
        dead->offsets.items[row] = result.state == ITEM_DEAD ? record->offset : 0;
    } else if (result.state == ITEM_DEAD) {
        map_put(&dead->places, str_dup(&dead->arena, name), (uint32_t)dead->offsets.count);
        VEC_PUSH(&dead->offsets, record->offset);
    }
}

bool items_revive(int pawl_fd, const char *path, uint64_t *count, struct err *err)
{
    struct dead dead = {0};
    struct record_file file;
    struct record_batch batch;
    struct record record;
    bool ok;

    if (!record_file_begin_own(&file, pawl_fd, path, ITEMS_KIND, err)) {
        return err_wrap(err, "'.pawl'");
    }
    arena_init(&dead.arena);
    map_init(&dead.places);
    record_batch_init(&batch);
    for (uint64_t pos = 0; record_next(&file, &pos, &record);) {
        dead_take(&dead, &record);
    }
    *count = 0;
    VEC_EACH (offset, &dead.offsets) {
        *count += *offset != 0;
    }
    if (*count != 0) {
        record_batch_add(&batch, ITEMS_RECORD_REVIVED, STR(""));
    }
    ok = (!record_failed(&file, err) && record_append(&file, &batch, err)) ||
         err_wrap(err, "'.pawl'");
    record_batch_fini(&batch);
    map_fini(&dead.places);
    VEC_FREE(&dead.offsets);
    arena_fini(&dead.arena);
    record_file_close(&file);
    return ok;
}
