/* Owns listing. Folders wait in a list and are opened one at a time by their path from the top, so
 * depth costs no descriptors; the result is sorted at the end. */
#include "os/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/sys.h"

enum { WALK_READ_BYTES = 16384 };

struct walk {
    const struct walk_options *options;
    struct arena *arena;
    struct walk_room *room;
    VEC(struct str) pending; /* folders to look into */
    uint32_t limit;
};

/* `*`: any bytes, `?`: one. */
static bool name_matches(struct str pattern, struct str name)
{
    size_t p = 0, n = 0, star = SIZE_MAX, retry = 0;
    while (n < name.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            star = p++;
            retry = n;
        } else if (p < pattern.len && (pattern.data[p] == '?' || pattern.data[p] == name.data[n])) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            n = ++retry;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

static bool pattern_ignores(struct str pattern, struct str name, enum file_type type)
{
    if (pattern.len > 0 && pattern.data[pattern.len - 1] == '/') {
        pattern = str_head(pattern, pattern.len - 1);
        if (type != FILE_FOLDER) {
            return false;
        }
    }
    return pattern.len > 0 && name_matches(pattern, name);
}

bool walk_is_ignored(const struct walk_options *options, struct str name, enum file_type type)
{
    static const char *const built_in[] = {".git/",     ".pawl/",      "__pycache__/",
                                           "*.pyc",     "*~",          ".*.sw?",
                                           ".DS_Store", ".pawl-new.*", "*.pawl-parked.*"};
    if (options->all) {
        return false;
    }
    for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++) {
        if (pattern_ignores(str_of(built_in[i]), name, type)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < options->ignore_count; i++) {
        if (pattern_ignores(options->ignore[i], name, type)) {
            return true;
        }
    }
    return false;
}

static enum file_type type_of_mode(uint32_t mode)
{
    return S_ISREG(mode)   ? FILE_REGULAR
           : S_ISDIR(mode) ? FILE_FOLDER
           : S_ISLNK(mode) ? FILE_LINK
                           : FILE_OTHER;
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* FILE_MISSING: it went away meanwhile. */
static enum file_type entry_type(int folder, const struct sys_dirent *entry)
{
    struct sys_stat stat;
    switch (entry->type) {
    case DT_REG:
        return FILE_REGULAR;
    case DT_DIR:
        return FILE_FOLDER;
    case DT_LNK:
        return FILE_LINK;
    case DT_UNKNOWN:
        if (sys_statat(folder, entry->name, AT_SYMLINK_NOFOLLOW, &stat) < 0) {
            return FILE_MISSING;
        }
        return type_of_mode(stat.mode);
    default:
        return FILE_OTHER;
    }
}

static bool walk_add(struct walk *walk, struct str folder, const char *name, enum file_type type,
                     struct err *err)
{
    struct str base = str_of(name);
    if (type == FILE_MISSING || walk_is_ignored(walk->options, base, type)) {
        return true;
    }
    if (walk->room->found.count >= walk->limit) {
        return err_set(err, STATUS_ENVIRONMENT, "more than %u files", walk->limit);
    }
    struct str path = folder.len > 0 ? str_printf(walk->arena, "%s/%s", folder.data, name)
                                     : str_dup(walk->arena, base);
    VEC_PUSH(&walk->room->found, (struct walk_entry){path, type});
    if (type == FILE_FOLDER && !walk->options->flat) {
        VEC_PUSH(&walk->pending, path);
    }
    return true;
}

/* Without a stream of the C library, which costs more than a short folder's list. */
static bool walk_entries(struct walk *walk, int fd, struct str folder, struct err *err)
{
    _Alignas(struct sys_dirent) char data[WALK_READ_BYTES];

    for (;;) {
        ssize_t size = sys_getdents(fd, data, sizeof(data));
        const struct sys_dirent *entry;

        if (size <= 0) {
            return size == 0 || err_sys(err, "cannot be listed");
        }
        for (ssize_t at = 0; at < size; at += entry->record_bytes) {
            entry = (const struct sys_dirent *)(const void *)(data + at);
            if (!is_dots(entry->name) &&
                !walk_add(walk, folder, entry->name, entry_type(fd, entry), err)) {
                return false;
            }
        }
    }
}

/* Lists one folder below the top. */
static bool walk_one(struct walk *walk, int top, struct str folder, struct err *err)
{
    int fd = sys_openat(top, folder.data, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) {
        return true; /* it went away, or became another thing, meanwhile */
    }
    if (fd < 0) {
        return err_sys(err, "'%.*s': cannot be listed", STR_ARG(folder));
    }
    bool ok = walk_entries(walk, fd, folder, err);
    (void)sys_close(fd);
    return ok;
}

static int entry_compare(const void *a, const void *b)
{
    const struct walk_entry *x = a, *y = b;
    return str_compare(x->path, y->path);
}

/* File systems mostly list a folder in the order in which its entries were made, or the latest
 * first: then there is nothing to sort. */
static void walk_sort(struct walk_entry *items, uint32_t count)
{
    uint32_t rising = 1;
    uint32_t falling = 1;

    while (rising < count && entry_compare(&items[rising - 1], &items[rising]) < 0) {
        rising++;
    }
    while (falling < count && entry_compare(&items[falling - 1], &items[falling]) > 0) {
        falling++;
    }
    if (rising < count && falling < count) {
        qsort(items, count, sizeof(*items), entry_compare);
    } else if (rising < count) {
        for (uint32_t i = 0; i < count / 2; i++) {
            struct walk_entry entry = items[i];

            items[i] = items[count - 1 - i];
            items[count - 1 - i] = entry;
        }
    }
}

static void walk_take(struct walk *walk, struct walk_list *list)
{
    list->count = (uint32_t)walk->room->found.count;
    list->items = VEC_DUP(&walk->room->found, walk->arena);
    walk_sort(list->items, list->count);
}

void walk_room_fini(struct walk_room *room)
{
    VEC_FREE(&room->found);
}

/* The top may be reached through links. */
bool walk_folder(int dirfd, const char *path, const struct walk_options *options,
                 struct arena *arena, struct walk_list *list, struct err *err)
{
    static const struct walk_options plain;
    struct walk_room own = {{0}};
    struct walk walk = {.options = options != NULL ? options : &plain, .arena = arena};
    walk.limit = walk.options->limit != 0 ? walk.options->limit : LIMIT_INSTANCES;
    walk.room = walk.options->room != NULL ? walk.options->room : &own;
    VEC_CLEAR(&walk.room->found);
    int top = sys_openat(dirfd, path[0] != '\0' ? path : ".", O_RDONLY | O_DIRECTORY, 0);
    if (top < 0) {
        return err_sys(err, "'%s': cannot be listed", path);
    }
    bool ok = walk_entries(&walk, top, STR_NONE, err);
    while (ok && walk.pending.count > 0) {
        ok = walk_one(&walk, top, VEC_POP(&walk.pending), err);
    }
    (void)sys_close(top);
    if (ok) {
        walk_take(&walk, list);
    } else {
        err_wrap(err, "'%s'", path);
    }
    walk_room_fini(&own);
    VEC_FREE(&walk.pending);
    return ok;
}

static uint64_t list_size_bytes(int dirfd, const struct walk_list *list, uint64_t limit_bytes)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < list->count && sum < limit_bytes; i++) {
        struct sys_stat stat;
        if (list->items[i].type == FILE_REGULAR &&
            sys_statat(dirfd, list->items[i].path.data, AT_SYMLINK_NOFOLLOW, &stat) == 0) {
            sum = stat.size_bytes < limit_bytes - sum ? sum + stat.size_bytes : limit_bytes;
        }
    }
    return sum;
}

uint64_t walk_size_bytes(int dirfd, const char *path, uint64_t limit_bytes)
{
    static const struct walk_options everything = {.all = true};
    struct sys_stat stat;
    if (sys_statat(dirfd, path, AT_SYMLINK_NOFOLLOW, &stat) < 0) {
        return errno == ENOENT || errno == ENOTDIR ? 0 : limit_bytes;
    }
    if (!S_ISDIR(stat.mode)) {
        return stat.size_bytes < limit_bytes ? stat.size_bytes : limit_bytes;
    }
    struct arena arena;
    struct walk_list list;
    uint64_t sum = limit_bytes;
    arena_init(&arena);
    int folder = sys_openat(dirfd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    if (folder >= 0) {
        if (walk_folder(folder, "", &everything, &arena, &list, NULL)) {
            sum = list_size_bytes(folder, &list, limit_bytes);
        }
        (void)sys_close(folder);
    }
    arena_fini(&arena);
    return sum;
}
