/* Owns what a process that was killed left behind: temporary files, what it had put aside, objects
 * of an epoch that has ended. Whoever opens the store or takes the workspace's lock next sets that
 * right, so it is no damage; and what a living process is using is nothing at all. Names are listed
 * before it is asked who lives: what came later is not among them. */
#include "store/verify_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/hex.h"
#include "base/sys.h"
#include "os/walk.h"
#include "store/epoch.h"
#include "store/park.h"

static const struct walk_options flat = {.flat = true, .all = true};

/* A folder that is not there has nothing in it; the walk of one that changes may fail, too. */
static bool left_list(struct verify *verify, int dirfd, const char *path, struct walk_list *list)
{
    *list = (struct walk_list){NULL, 0};
    return walk_folder(dirfd, path, &flat, &verify->arena, list, NULL);
}

static bool left_is_there(int dirfd, const char *name)
{
    struct sys_stat stat;

    return sys_statat(dirfd, name, AT_SYMLINK_NOFOLLOW, &stat) == 0;
}

void verify_say_left(struct verify *verify, int dirfd, const char *base, struct str name,
                     const char *reason, bool removable)
{
    struct str place;
    size_t problem;

    if (!left_is_there(dirfd, name.data)) {
        return;
    }
    place = STR_JOIN(&verify->arena, str_of(base), STR("/"), name);
    problem =
        verify_say(verify, VERIFY_LEFT, place, str_of(reason), STR("the next run sets it right"));
    verify->problems.items[problem].dirfd = dirfd;
    verify->problems.items[problem].name = name;
    verify->problems.items[problem].removable = removable;
}

/* --- the store: epochs and what is being written in them --- */

/* Does a session of the epoch live? Where that cannot be known: yes. */
static bool epoch_lives(const struct verify *verify, struct str epoch)
{
    struct arena arena;
    bool lives;
    int fd;

    arena_init(&arena);
    fd = sys_openat(verify->options.store_fd,
                    STR_JOIN(&arena, STR("fresh/"), epoch, STR("/lock")).data,
                    O_RDONLY | O_NOFOLLOW, 0);
    lives = fd >= 0 ? sys_lock_probe(fd, F_WRLCK, 0, 0) != 0 : errno != ENOENT;
    if (fd >= 0) {
        sys_close(fd);
    }
    arena_fini(&arena);
    return lives;
}

static bool is_epoch(struct str name)
{
    unsigned char bytes[EPOCH_NAME_BYTES / 2];

    return hex_decode(name, bytes, sizeof(bytes));
}

static void left_epochs(struct verify *verify)
{
    int store = verify->options.store_fd;
    struct walk_list list;
    struct epoch now;
    char ours[EPOCH_NAME_BYTES + 1] = "";
    int fresh = folder_open(store, "fresh", NULL);

    if (fresh < 0) {
        return;
    }
    if (epoch_read(fresh, false, &now, NULL)) {
        epoch_name(&now, ours);
    }
    sys_close(fresh);
    (void)left_list(verify, store, "fresh", &list);
    for (uint32_t i = 0; i < list.count; i++) {
        struct str name = list.items[i].path;
        struct str path = STR_JOIN(&verify->arena, STR("fresh/"), name);
        int fd;

        if (!is_epoch(name) || str_is(name, ours)) {
            continue;
        }
        fd = folder_open(store, path.data, NULL);
        if (fd >= 0) {
            VEC_PUSH(&verify->foreign, (struct verify_epoch){fd, path});
        }
        if (!epoch_lives(verify, name)) {
            verify_say_left(
                verify, store, verify->options.store, path,
                "holds what no sync is known to have covered, of processes that are gone", false);
        }
    }
}

/* `o.<epoch>.…` in tmp/. */
static bool left_is_of_store(struct str name)
{
    return str_has_prefix(name, STR("o.")) && name.len > EPOCH_NAME_BYTES + 2 &&
           name.data[EPOCH_NAME_BYTES + 2] == '.' &&
           is_epoch(str_head(str_skip(name, 2), EPOCH_NAME_BYTES));
}

static void left_temp_of_store(struct verify *verify)
{
    struct walk_list list;

    (void)left_list(verify, verify->options.store_fd, "tmp", &list);
    for (uint32_t i = 0; i < list.count; i++) {
        struct str name = list.items[i].path;

        if (left_is_of_store(name) &&
            !epoch_lives(verify, str_head(str_skip(name, 2), EPOCH_NAME_BYTES))) {
            verify_say_left(verify, verify->options.store_fd, verify->options.store,
                            STR_JOIN(&verify->arena, STR("tmp/"), name),
                            "an object that was being written", true);
        }
    }
}

/* --- the workspace --- */

struct left_workspace {
    struct walk_list temp, top;
    struct parked_list parked;
};

static bool left_is_new(struct str name)
{
    return file_is_temp_name(name.data) || str_is(name, "results.new") ||
           str_is(name, "made.new") || str_is(name, "index.log.new");
}

static void left_parked(struct verify *verify, const struct parked_attempt *attempt)
{
    struct str path =
        STR_JOIN(&verify->arena, STR("parked/"), attempt->run, STR("/"), attempt->attempt);

    verify_say_left(verify, verify->options.pawl_fd, ".pawl", path,
                    "what lay at the outputs of an attempt that was killed", false);
}

static void left_of_workspace(struct verify *verify)
{
    struct clone_memory clone = {0};
    struct park_place park = {verify->options.root_fd, verify->options.pawl_fd, &clone};
    int pawl = verify->options.pawl_fd;
    struct left_workspace left = {.parked = {NULL, 0}};
    struct err err = {0};

    (void)left_list(verify, pawl, "tmp", &left.temp);
    (void)left_list(verify, pawl, "", &left.top);
    if (!park_list(&park, &verify->arena, &left.parked, &err) &&
        !verify->options.is_held(verify->options.ctx)) {
        verify_say_err(verify, STR(".pawl/parked"), &err, "");
    }
    if (verify->options.is_held(verify->options.ctx)) {
        return;
    }
    for (uint32_t i = 0; i < left.temp.count; i++) {
        if (!left_is_of_store(left.temp.items[i].path)) {
            verify_say_left(verify, pawl, ".pawl",
                            STR_JOIN(&verify->arena, STR("tmp/"), left.temp.items[i].path),
                            "a temporary file of an attempt that was killed", true);
        }
    }
    for (uint32_t i = 0; i < left.top.count; i++) {
        if (left_is_new(left.top.items[i].path)) {
            verify_say_left(verify, pawl, ".pawl", left.top.items[i].path,
                            "a file that was about to replace another", true);
        }
    }
    for (uint32_t i = 0; i < left.parked.count; i++) {
        left_parked(verify, &left.parked.items[i]);
    }
}

void verify_left(struct verify *verify)
{
    left_epochs(verify);
    left_temp_of_store(verify);
    left_of_workspace(verify);
}
