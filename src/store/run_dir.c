/* Owns the names below `runs`. */
#include "store/run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/sys.h"
#include "base/vec.h"
#include "os/files.h"

enum { RUN_TIME_BYTES = 16, RUN_TRIES = 100, RUN_SHOWN = 5 };

struct run_id run_id_make(int64_t time_ns, uint16_t random)
{
    struct run_id id = {{0}};
    char time[TIME_TEXT_BYTES];

    time_format_run_id(time_ns, time);
    snprintf(id.text, sizeof(id.text), "%.16s-%04x", time, random);
    return id;
}

/* `d` a digit, `x` a lower-case hex digit, else itself. */
static bool run_id_has_form(struct str text)
{
    static const char form[] = "ddddddddTddddddZ-xxxx";

    for (size_t i = 0; i < RUN_ID_BYTES; i++) {
        char c = text.data[i];
        bool digit = c >= '0' && c <= '9';

        if (form[i] == 'd'   ? !digit
            : form[i] == 'x' ? !digit && !(c >= 'a' && c <= 'f')
                             : c != form[i]) {
            return false;
        }
    }
    return true;
}

bool run_id_parse(struct str text, struct run_id *id)
{
    if (text.len != RUN_ID_BYTES || !run_id_has_form(text)) {
        return false;
    }
    memcpy(id->text, text.data, RUN_ID_BYTES);
    id->text[RUN_ID_BYTES] = '\0';
    return run_id_seconds(id) >= 0;
}

int64_t run_id_seconds(const struct run_id *id)
{
    const char *t = id->text;
    char rfc[TIME_TEXT_BYTES];
    int64_t ns;

    snprintf(rfc, sizeof(rfc), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", t, t + 4, t + 6, t + 9, t + 11,
             t + 13);
    return time_parse_rfc3339(str_of(rfc), &ns) ? ns / NS_PER_SEC : -1;
}

/* --- folders --- */

static void run_path(const struct run_id *id, const char *part, char path[64])
{
    snprintf(path, 64, "runs/%s%s", id->text, part);
}

int run_dir_open(int pawlfd, const struct run_id *id, struct err *err)
{
    char path[64];
    int fd;

    run_path(id, "", path);
    fd = sys_openat(pawlfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd < 0) {
        err_sys(err, "'.pawl/%s': cannot open", path);
    }
    return fd;
}

static int run_id_compare(const void *a, const void *b)
{
    return strcmp(((const struct run_id *)a)->text, ((const struct run_id *)b)->text);
}

/* The least id behind all others. */
static struct run_id run_id_behind(const struct run_id *newest)
{
    int64_t seconds = run_id_seconds(newest);
    unsigned random = (unsigned)strtoul(newest->text + RUN_ID_BYTES - 4, NULL, 16);

    if (random == UINT16_MAX) {
        return run_id_make((seconds + 1) * NS_PER_SEC, 0);
    }
    return run_id_make(seconds * NS_PER_SEC, (uint16_t)(random + 1));
}

/* Several runs of one second, and runs after the clock was set back, sort in the order in which
 * they were made: what is last in the list is what recovery and `latest` mean. */
static bool run_dir_draw(int pawlfd, int64_t time_ns, uint16_t random, struct run_id *id,
                         struct err *err)
{
    struct arena arena;
    struct run_list list;
    bool ok;

    arena_init(&arena);
    *id = run_id_make(time_ns, random);
    ok = run_dir_list(pawlfd, &arena, &list, err);
    if (ok && list.count != 0 && run_id_compare(id, &list.ids[list.count - 1]) <= 0) {
        *id = run_id_behind(&list.ids[list.count - 1]);
    }
    arena_fini(&arena);
    return ok;
}

int run_dir_create(int pawlfd, int64_t time_ns, uint16_t (*random)(void *context), void *context,
                   struct run_id *id, struct err *err)
{
    char path[64];

    if (!folder_make(pawlfd, "runs", err)) {
        err_wrap(err, "'.pawl'");
        return -1;
    }
    for (int i = 0; i < RUN_TRIES; i++) {
        if (!run_dir_draw(pawlfd, time_ns, random(context), id, err)) {
            return -1;
        }
        run_path(id, "", path);
        if (sys_mkdirat(pawlfd, path, SYS_OWN_FOLDER) == 0) {
            run_path(id, "/logs", path);
            if (sys_mkdirat(pawlfd, path, SYS_OWN_FOLDER) == 0) {
                return run_dir_open(pawlfd, id, err);
            }
        } else if (errno == EEXIST) {
            continue;
        }
        err_sys(err, "'.pawl/%s': cannot make this folder", path);
        return -1;
    }
    err_set(err, STATUS_ENVIRONMENT, "'.pawl/runs': no free name for a run of this second");
    return -1;
}

/* --- lists --- */

static bool run_list_take(DIR *dir, const char *shown, struct arena *arena, struct run_list *list,
                          struct err *err)
{
    VEC(struct run_id) ids = {0};
    struct dirent *entry;
    struct run_id id;
    bool ok;

    while ((entry = sys_readdir(dir)) != NULL) {
        if (run_id_parse(str_of(entry->d_name), &id)) {
            VEC_PUSH(&ids, id);
        }
    }
    ok = errno == 0 || err_sys(err, "'%s': cannot read", shown);
    if (ids.count > 0) {
        qsort(ids.items, ids.count, sizeof(ids.items[0]), run_id_compare);
    }
    list->ids = VEC_DUP(&ids, arena);
    list->count = (uint32_t)ids.count;
    VEC_FREE(&ids);
    return ok;
}

bool run_list_read(int dirfd, const char *folder, const char *shown, struct arena *arena,
                   struct run_list *list, struct err *err)
{
    DIR *dir;
    bool ok;
    int fd;

    *list = (struct run_list){0};
    if (dirfd < 0) {
        return true;
    }
    fd = sys_openat(dirfd, folder, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) {
        return errno == ENOENT ? true : err_sys(err, "'%s': cannot open", shown);
    }
    dir = sys_fdopendir(fd);
    if (dir == NULL) {
        return err_sys(err, "'%s': cannot read", shown);
    }
    ok = run_list_take(dir, shown, arena, list, err);
    sys_closedir(dir);
    return ok;
}

bool run_dir_list(int pawlfd, struct arena *arena, struct run_list *list, struct err *err)
{
    return run_list_read(pawlfd, "runs", ".pawl/runs", arena, list, err);
}

void run_list_merge(struct run_list *list, const struct run_list *other, struct arena *arena)
{
    struct run_list both = {.ids = ARENA_ARRAY(arena, struct run_id, list->count + other->count)};
    uint32_t i = 0;
    uint32_t k = 0;

    while (i < list->count || k < other->count) {
        int order = i == list->count    ? 1
                    : k == other->count ? -1
                                        : run_id_compare(&list->ids[i], &other->ids[k]);

        both.ids[both.count++] = order <= 0 ? list->ids[i] : other->ids[k];
        i += order <= 0;
        k += order >= 0;
    }
    *list = both;
}

/* --- selection --- */

static bool run_dir_ambiguous(const struct run_list *list, struct str prefix, struct err *err)
{
    struct strbuf names;
    uint32_t count = 0;

    strbuf_init(&names);
    for (uint32_t i = list->count; i > 0; i--) {
        struct str text = str_of(list->ids[i - 1].text);

        if (str_has_prefix(text, prefix) && count++ < RUN_SHOWN) {
            strbuf_printf(&names, "%s%.*s", count == 1 ? "" : ", ", STR_ARG(text));
        }
    }
    err_set(err, STATUS_USAGE, "run '%.*s': %u runs begin so: %s%s", STR_ARG(prefix), count,
            names.data, count > RUN_SHOWN ? ", …" : "");
    strbuf_fini(&names);
    return false;
}

static bool run_dir_by_prefix(const struct run_list *list, struct str prefix, struct run_id *id,
                              struct err *err)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < list->count; i++) {
        if (prefix.len > 0 && str_has_prefix(str_of(list->ids[i].text), prefix)) {
            *id = list->ids[i];
            count++;
        }
    }
    if (count > 1) {
        return run_dir_ambiguous(list, prefix, err);
    }
    return count == 1 ||
           err_set(err, STATUS_USAGE, "run '%.*s': there is no such run: 'pawl runs' lists them",
                   STR_ARG(prefix));
}

/* The one `back` before the newest. */
static bool run_dir_by_age(const struct run_list *list, struct str selector, uint32_t back,
                           struct run_id *id, struct err *err)
{
    if (list->count <= back) {
        return err_set(err, STATUS_USAGE, "run '%.*s': there %s", STR_ARG(selector),
                       list->count == 0 ? "are no runs yet" : "is only one run");
    }
    *id = list->ids[list->count - 1 - back];
    return true;
}

bool run_list_resolve(const struct run_list *list, struct str selector, struct run_id *id,
                      struct err *err)
{
    return str_is(selector, "latest")     ? run_dir_by_age(list, selector, 0, id, err)
           : str_is(selector, "previous") ? run_dir_by_age(list, selector, 1, id, err)
                                          : run_dir_by_prefix(list, selector, id, err);
}

bool run_dir_resolve(int pawlfd, struct str selector, struct run_id *id, struct err *err)
{
    struct run_list list;
    struct arena arena;
    bool ok;

    arena_init(&arena);
    ok = run_dir_list(pawlfd, &arena, &list, err) && run_list_resolve(&list, selector, id, err);
    arena_fini(&arena);
    return ok;
}
