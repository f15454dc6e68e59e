/* Owns the look at logs of items, and their repair. */
#include "store/verify_inside.h"

#include "base/hex.h"
#include "base/record.h"
#include "os/walk.h"
#include "store/items.h"

static void verify_items_log(struct verify *verify, struct str path)
{
    struct record_file file;
    struct err err = {0};
    enum verify_state state = VERIFY_NO_HEAD;
    bool whole = false;

    if (record_file_open(&file, verify->options.pawl_fd, path.data, ITEMS_KIND, &err)) {
        whole = record_check(&file, &err);
        state = VERIFY_HOLES;
        record_file_close(&file);
    }
    if (!whole) {
        size_t problem = verify_say_err(verify, STR_JOIN(&verify->arena, STR(".pawl/"), path), &err,
                                        "items whose results were there are worked again");

        if (err.status == STATUS_CORRUPT) {
            VEC_PUSH(&verify->items, (struct verify_items_log){problem, path, state});
        }
    }
}

void verify_items(struct verify *verify)
{
    static const struct walk_options flat = {.flat = true, .all = true};
    struct walk_list list = {NULL, 0};
    struct digest key;

    /* A folder that is not there has nothing in it. */
    (void)walk_folder(verify->options.pawl_fd, ITEMS_FOLDER, &flat, &verify->arena, &list, NULL);
    for (uint32_t i = 0; i < list.count; i++) {
        struct str name = list.items[i].path;
        struct str path = STR_JOIN(&verify->arena, STR(ITEMS_FOLDER "/"), name);

        if (digest_parse(name, &key)) {
            verify_items_log(verify, path);
        } else if (str_has_suffix(name, STR(ITEMS_FRESH)) &&
                   !verify->options.is_held(verify->options.ctx)) {
            verify_say_left(verify, verify->options.pawl_fd, ".pawl", path,
                            "a file that was about to replace another", true);
        }
    }
}

bool verify_repair_items(struct verify *verify, struct err *err)
{
    VEC_EACH (log, &verify->items) {
        struct str aside = STR_JOIN(&verify->arena, log->path, STR(VERIFY_SET_ASIDE));
        int pawl = verify->options.pawl_fd;

        if (log->state == VERIFY_NO_HEAD) {
            if (!verify_set_aside(pawl, log->path.data, ITEMS_KIND, aside.data, err)) {
                return false;
            }
            verify_repaired(verify, log->problem,
                            STR_JOIN(&verify->arena, STR("set aside as '"), aside, STR("'")));
        } else {
            if (!items_rewrite(pawl, log->path.data, err)) {
                return false;
            }
            verify_repaired(verify, log->problem, STR("written anew with its whole records"));
        }
    }
    return true;
}
