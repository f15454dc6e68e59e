/* Owns taking snapshots: what there is, what of it is known, reading the rest, and the tree. */
#include "store/snapshot.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <time.h>

#include "base/limits.h"
#include "base/sys.h"
#include "os/ranges.h"
#include "os/walk.h"

/* Longer waits (network file systems) cost more than reading again the next time. */
enum { FIRM_WAIT_MOST_NS = 25 * 1000 * 1000 };

struct shot {
    const struct snapshot_taking *taking;
    int folder;
    struct snapshot now;
    uint32_t *changed; /* rows that are to be read */
    uint32_t changed_count;
    _Atomic uint32_t next; /* of these */
    _Atomic bool failed;
    _Atomic uint64_t read_bytes;
    struct err errs[RANGES_THREADS];
};

void snapshot_fini(struct snapshot *snapshot)
{
    arena_fini(&snapshot->arena);
    *snapshot = (struct snapshot){.rows = NULL};
}

void snapshot_restored(struct snapshot *last, struct str path, const struct output_rows *rows)
{
    snapshot_fini(last);
    arena_init(&last->arena);
    last->rows = ARENA_ARRAY(&last->arena, struct output_row, rows->count);
    for (uint32_t i = 0; i < rows->count; i++) {
        if (rows->items[i].path.len > path.len) {
            struct output_row *row = &last->rows[last->count++];

            *row = rows->items[i];
            row->path = str_dup(&last->arena, str_skip(rows->items[i].path, path.len + 1));
        }
    }
}

/* --- what there is --- */

static bool shot_link(struct shot *shot, struct output_row *row, struct err *err)
{
    struct strbuf target = {0};
    bool ok = file_read_link(shot->folder, row->path.data, &target, err) &&
              objects_put_bytes(shot->taking->objects, strbuf_str(&target), &row->digest, err);

    row->signature.size = target.len;
    strbuf_fini(&target);
    return ok;
}

static bool shot_look(struct shot *shot, struct output_row *row, struct err *err)
{
    if (!tree_path_is_valid(row->path)) {
        return err_set(err, STATUS_ENVIRONMENT, "'%s': the path is too long", row->path.data);
    }
    if (!signature_read(shot->folder, row->path.data, false, &row->signature, err)) {
        return false;
    }
    switch (signature_type(&row->signature)) {
    case FILE_REGULAR:
        row->type = TREE_FILE;
        row->executable = signature_is_executable(&row->signature);
        return true;
    case FILE_FOLDER:
        row->type = TREE_FOLDER;
        return true;
    case FILE_LINK:
        row->type = TREE_LINK;
        return shot_link(shot, row, err);
    case FILE_MISSING:
        return err_set(err, STATUS_ENVIRONMENT, "'%s': went away while the snapshot was taken",
                       row->path.data);
    case FILE_OTHER:
        break;
    }
    return err_set(err, STATUS_ENVIRONMENT,
                   "'%s': is neither file, folder nor link, and cannot be kept", row->path.data);
}

/* The row of that path from `*at` on; both lists are sorted. */
static const struct output_row *shot_before(const struct snapshot *last, struct str path,
                                            uint32_t *at)
{
    while (*at < last->count && str_compare(last->rows[*at].path, path) < 0) {
        ++*at;
    }
    return *at < last->count && str_equal(last->rows[*at].path, path) ? &last->rows[*at] : NULL;
}

/* Its bytes are known, and in the store. */
static bool shot_is_known(const struct shot *shot, const struct output_row *row,
                          const struct output_row *before)
{
    return before != NULL && before->type == TREE_FILE && before->firm &&
           signature_equal(&before->signature, &row->signature) &&
           objects_has(shot->taking->objects, &before->digest);
}

static bool shot_list(struct shot *shot, const struct snapshot *last, struct err *err)
{
    static const struct walk_options options = {.all = true, .limit = LIMIT_CHECKPOINT_ENTRIES};
    struct arena *arena = &shot->now.arena;
    struct walk_list list;
    uint32_t at = 0;

    if (!walk_folder(shot->folder, "", &options, arena, &list, err)) {
        return false;
    }
    shot->now.rows = ARENA_ARRAY(arena, struct output_row, list.count);
    shot->changed = ARENA_ARRAY(arena, uint32_t, list.count);
    for (; shot->now.count < list.count; shot->now.count++) {
        struct output_row *row = &shot->now.rows[shot->now.count];
        const struct output_row *before = shot_before(last, list.items[shot->now.count].path, &at);

        row->path = list.items[shot->now.count].path;
        if (!shot_look(shot, row, err)) {
            return false;
        }
        if (row->type == TREE_FILE && !shot_is_known(shot, row, before)) {
            shot->changed[shot->changed_count++] = shot->now.count;
        } else if (row->type == TREE_FILE) {
            row->digest = before->digest;
            row->firm = true;
        }
    }
    return true;
}

/* --- reading --- */

/* The signature before the read, after a wait of a tick where that makes it firm. */
static bool shot_sign(const struct shot *shot, int fd, struct signature *before,
                      struct signature_tick *tick, struct err *err)
{
    struct timespec wait = {.tv_sec = 0};

    if (!signature_read_fd(fd, before, err)) {
        return false;
    }
    *tick = signature_tick_now(shot->taking->times, fd);
    wait.tv_nsec = (long)signature_wait_ns(before, tick);
    if (wait.tv_nsec <= 0 || wait.tv_nsec > FIRM_WAIT_MOST_NS) {
        return true;
    }
    (void)nanosleep(&wait, NULL);
    *tick = signature_tick_now(shot->taking->times, fd);
    return signature_read_fd(fd, before, err);
}

static bool shot_read_fd(struct shot *shot, int fd, struct output_row *row, struct err *err)
{
    const char *path = row->path.data;
    struct signature before;
    struct signature_tick tick;
    struct copied copied;

    if (!shot_sign(shot, fd, &before, &tick, err) ||
        !objects_put_fd(shot->taking->objects, fd, path, &copied, err) ||
        !signature_read_fd(fd, &row->signature, err)) {
        return false;
    }
    if (!signature_equal(&before, &row->signature)) {
        return err_set(err, STATUS_ENVIRONMENT, "'%s': changed while the snapshot was taken", path);
    }
    row->firm = signature_is_firm(&before, &row->signature, &tick);
    row->digest = copied.digest;
    row->executable = signature_is_executable(&row->signature);
    shot->read_bytes += copied.size_bytes;
    return true;
}

static bool shot_read(struct shot *shot, struct output_row *row, struct err *err)
{
    int fd =
        sys_openat(shot->folder, row->path.data, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW, 0);
    bool ok;

    if (fd < 0) {
        return err_sys(err, "'%s': cannot be opened", row->path.data);
    }
    ok = shot_read_fd(shot, fd, row, err);
    (void)sys_close(fd);
    return ok;
}

/* A thread takes one file after the other: they may be of very different size. */
static void shot_work(void *ctx, uint32_t first, uint32_t end)
{
    struct shot *shot = ctx;
    uint32_t n;

    (void)end;
    while (!shot->failed && (n = atomic_fetch_add(&shot->next, 1)) < shot->changed_count) {
        if (!shot_read(shot, &shot->now.rows[shot->changed[n]], &shot->errs[first])) {
            shot->failed = true;
        }
    }
}

static bool shot_read_all(struct shot *shot, struct err *err)
{
    uint32_t threads =
        shot->taking->threads < RANGES_THREADS ? shot->taking->threads : (uint32_t)RANGES_THREADS;

    threads = threads < shot->changed_count ? threads : shot->changed_count;
    ranges_run(threads, 1, threads, shot_work, shot);
    for (uint32_t i = 0; shot->failed && i < RANGES_THREADS; i++) {
        if (shot->errs[i].status != 0) {
            *err = shot->errs[i];
            return false;
        }
    }
    return true;
}

/* --- the tree --- */

static bool shot_tree(struct shot *shot, struct put_output *put, struct snapshot_counts *counts,
                      struct err *err)
{
    struct tree tree = {ARENA_ARRAY(&shot->now.arena, struct tree_entry, shot->now.count),
                        shot->now.count};

    for (uint32_t i = 0; i < tree.count; i++) {
        const struct output_row *row = &shot->now.rows[i];

        tree.items[i] =
            (struct tree_entry){.path = row->path,
                                .digest = row->digest,
                                .size_bytes = row->type == TREE_FOLDER ? 0 : row->signature.size,
                                .type = row->type,
                                .executable = row->executable};
        counts->size_bytes += tree.items[i].size_bytes;
    }
    counts->entries = tree.count;
    counts->read = shot->changed_count;
    counts->read_bytes = shot->read_bytes;
    *put = (struct put_output){
        .type = TREE_FOLDER, .size_bytes = counts->size_bytes, .files = tree.count};
    return objects_put_tree(shot->taking->objects, &tree, &put->digest, err);
}

bool snapshot_take(const struct snapshot_taking *taking, struct snapshot *last,
                   struct put_output *put, struct snapshot_counts *counts, struct err *err)
{
    struct shot shot = {.taking = taking};
    bool ok;

    *counts = (struct snapshot_counts){0};
    shot.folder = folder_open(taking->dirfd, taking->path, err);
    if (shot.folder < 0) {
        return false;
    }
    arena_init(&shot.now.arena);
    ok = shot_list(&shot, last, err) && shot_read_all(&shot, err) &&
         shot_tree(&shot, put, counts, err);
    (void)sys_close(shot.folder);
    if (ok) {
        snapshot_fini(last);
        *last = shot.now;
    } else {
        snapshot_fini(&shot.now);
    }
    return ok;
}
