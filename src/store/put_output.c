/* Owns putting of whole outputs: what type they are, what is in them, and what their signatures are
 * worth afterwards. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/path.h"
#include "base/sys.h"
#include "os/walk.h"
#include "store/objects_inside.h"

/* Longer waits (network file systems) cost more than reading again. */
enum { FIRM_WAIT_MOST_NS = 25 * 1000 * 1000 };

struct putting {
    struct objects *objects;
    struct output_rows *rows; /* NULL: not wanted */
    const char *path;         /* of the output */
    struct put_output *output;
    VEC(struct output_row) found;
};

/* Adds a row for `below` in the output, "" for itself. */
static void putting_row(struct putting *putting, struct str below, const struct output_row *row)
{
    if (putting->rows == NULL) {
        return;
    }
    VEC_PUSH(&putting->found, *row);
    putting->found.items[putting->found.count - 1].path =
        below.len > 0 ? path_join(putting->rows->arena, str_of(putting->path), below)
                      : str_dup(putting->rows->arena, str_of(putting->path));
}

static void wait_ns(int64_t ns)
{
    struct timespec time = {.tv_sec = 0, .tv_nsec = (long)ns};
    (void)nanosleep(&time, NULL);
}

/* The signature before the read, after a wait of a tick where that makes it firm. */
static bool sign_before(struct putting *putting, int fd, struct signature *before,
                        struct signature_tick *tick, struct err *err)
{
    if (!signature_read_fd(fd, before, err)) {
        return false;
    }
    if (putting->rows == NULL) {
        return true;
    }
    *tick = signature_tick_now(putting->rows->times, fd);
    int64_t wait = signature_wait_ns(before, tick);
    if (wait > 0 && wait <= FIRM_WAIT_MOST_NS) {
        wait_ns(wait);
        *tick = signature_tick_now(putting->rows->times, fd);
        return signature_read_fd(fd, before, err);
    }
    return true;
}

static bool put_open(struct putting *putting, int fd, const char *shown, struct output_row *row,
                     uint64_t *size_bytes, struct err *err)
{
    struct signature before;
    struct signature_tick tick;
    struct copied copied;
    if (!sign_before(putting, fd, &before, &tick, err) ||
        !objects_put_fd(putting->objects, fd, shown, &copied, err)) {
        return false;
    }
    *row = (struct output_row){.signature = before,
                               .digest = copied.digest,
                               .type = TREE_FILE,
                               .executable = signature_is_executable(&before)};
    *size_bytes = copied.size_bytes;
    if (putting->rows == NULL) {
        return true;
    }
    if (!signature_read_fd(fd, &row->signature, err)) {
        return false;
    }
    row->firm = signature_is_firm(&before, &row->signature, &tick);
    return true;
}

static bool put_regular(struct putting *putting, int dir, const char *name, struct output_row *row,
                        uint64_t *size_bytes, struct err *err)
{
    int fd = sys_openat(dir, name, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW, 0);
    if (fd < 0) {
        return err_sys(err, "'%s': cannot be opened", name);
    }
    bool ok = put_open(putting, fd, name, row, size_bytes, err);
    (void)sys_close(fd);
    putting->output->files++;
    putting->output->size_bytes += ok ? *size_bytes : 0;
    return ok;
}

static bool put_link(struct putting *putting, int dir, const char *name, struct output_row *row,
                     uint64_t *size_bytes, struct err *err)
{
    struct strbuf target;
    *row = (struct output_row){.type = TREE_LINK};
    strbuf_init(&target);
    bool ok = signature_read(dir, name, false, &row->signature, err) &&
              file_read_link(dir, name, &target, err) &&
              objects_put_bytes(putting->objects, strbuf_str(&target), &row->digest, err);
    *size_bytes = target.len;
    /* A link's text cannot be written anew: another text is another inode or another ctime, and a
     * link that is not firm is read again, which costs one call. */
    strbuf_fini(&target);
    return ok;
}

static bool put_entry(struct putting *putting, int folder, const struct walk_entry *walked,
                      struct tree_entry *entry, struct err *err)
{
    struct output_row row = {.type = TREE_FOLDER};
    const char *name = walked->path.data;
    bool ok = true;
    *entry = (struct tree_entry){.path = walked->path};
    if (!tree_path_is_valid(walked->path)) {
        return err_set(err, STATUS_ENVIRONMENT, "'%s': the path is too long", name);
    }
    switch (walked->type) {
    case FILE_REGULAR:
        ok = put_regular(putting, folder, name, &row, &entry->size_bytes, err);
        break;
    case FILE_LINK:
        ok = put_link(putting, folder, name, &row, &entry->size_bytes, err);
        break;
    case FILE_FOLDER:
        ok = signature_read(folder, name, false, &row.signature, err);
        break;
    case FILE_MISSING:
    case FILE_OTHER:
        return err_set(err, STATUS_ENVIRONMENT, "'%s': is neither file, folder nor link", name);
    }
    entry->type = row.type;
    entry->digest = row.digest;
    entry->executable = row.executable;
    putting_row(putting, walked->path, &row);
    return ok;
}

static bool put_listed(struct putting *putting, int folder, const struct walk_list *list,
                       struct arena *arena, struct err *err)
{
    struct tree tree = {ARENA_ARRAY(arena, struct tree_entry, list->count), list->count};
    for (uint32_t i = 0; i < list->count; i++) {
        if (!put_entry(putting, folder, &list->items[i], &tree.items[i], err)) {
            return err_wrap(err, "in '%s'", putting->path);
        }
    }
    return objects_put_tree(putting->objects, &tree, &putting->output->digest, err);
}

static bool put_folder(struct putting *putting, int dir, const char *name, struct err *err)
{
    static const struct walk_options everything = {.all = true};
    struct output_row row = {.type = TREE_FOLDER};
    struct walk_list list;
    struct arena arena;
    int folder = folder_open(dir, name, err);
    if (folder < 0) {
        return false;
    }
    arena_init(&arena);
    bool ok = signature_read_fd(folder, &row.signature, err);
    putting_row(putting, STR_NONE, &row);
    ok = ok && walk_folder(folder, "", &everything, &arena, &list, err) &&
         put_listed(putting, folder, &list, &arena, err);
    arena_fini(&arena);
    (void)sys_close(folder);
    putting->output->type = TREE_FOLDER;
    return ok;
}

static bool put_single(struct putting *putting, int dir, const char *name, bool is_link,
                       struct err *err)
{
    struct output_row row;
    uint64_t size_bytes = 0;
    if (!(is_link ? put_link(putting, dir, name, &row, &size_bytes, err)
                  : put_regular(putting, dir, name, &row, &size_bytes, err))) {
        return false;
    }
    putting->output->type = row.type;
    putting->output->digest = row.digest;
    putting->output->executable = row.executable;
    putting_row(putting, STR_NONE, &row);
    return true;
}

static bool put_any(struct putting *putting, int dir, const char *name, struct err *err)
{
    struct signature signature;
    if (!signature_read(dir, name, false, &signature, err)) {
        return false;
    }
    switch (signature_type(&signature)) {
    case FILE_REGULAR:
        return put_single(putting, dir, name, false, err);
    case FILE_LINK:
        return put_single(putting, dir, name, true, err);
    case FILE_FOLDER:
        return put_folder(putting, dir, name, err);
    case FILE_MISSING:
        return err_errno(err, ENOENT, "'%s'", putting->path);
    case FILE_OTHER:
        break;
    }
    return err_set(err, STATUS_ENVIRONMENT, "'%s': is neither file, folder nor link",
                   putting->path);
}

void output_rows_take(struct output_rows *rows, const struct output_row *items, size_t count)
{
    rows->count = (uint32_t)count;
    rows->items = ARENA_ARRAY(rows->arena, struct output_row, count);
    for (size_t i = 0; i < count; i++) {
        rows->items[i] = items[i];
    }
}

bool objects_put_output(struct objects *objects, int dirfd, const char *path,
                        struct output_rows *rows, struct put_output *output, struct err *err)
{
    struct putting putting = {.objects = objects, .rows = rows, .path = path, .output = output};
    const char *name;
    *output = (struct put_output){.type = TREE_FILE};
    int dir = folder_open_parent(dirfd, path, false, &name, NULL, err);
    if (dir < 0) {
        return false;
    }
    bool ok = put_any(&putting, dir, name, err);
    (void)sys_close(dir);
    if (ok && rows != NULL) {
        output_rows_take(rows, putting.found.items, putting.found.count);
    }
    VEC_FREE(&putting.found);
    return ok;
}
