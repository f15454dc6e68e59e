/* Owns which snapshots are needed. Of the own workspace: those of the key that an instance was last
 * worked on with, from runs that are kept. The others can only be gone on from by going back to
 * inputs of before. Of other workspaces all are: only they know. */
#include <string.h>

#include "store/checkpoints.h"
#include "store/gc_inside.h"

struct gc_checkpoints {
    struct checkpoints all;
    struct map keys; /* by instance: the number of its newest row */
};

static bool checkpoint_is_own(const struct gc *gc, const struct checkpoint_row *row)
{
    return digest_equal(&row->whose.workspace, &gc->store->workspace);
}

static void checkpoints_find_newest(struct gc *gc, struct gc_checkpoints *checkpoints)
{
    for (uint32_t i = 0; i < checkpoints->all.rows.count; i++) {
        const struct checkpoint_row *row = &checkpoints->all.rows.items[i];

        if (checkpoint_is_own(gc, row)) {
            map_put(&checkpoints->keys, str_dup(&gc->arena, row->whose.instance), i);
        }
    }
}

static bool checkpoint_is_needed(const struct gc *gc, const struct gc_checkpoints *checkpoints,
                                 const struct checkpoint_row *row)
{
    const char *first = gc->store->first_run;
    uint32_t newest;

    if (!checkpoint_is_own(gc, row)) {
        return true;
    }
    newest = map_get(&checkpoints->keys, row->whose.instance);
    return newest != MAP_MISSING &&
           digest_equal(&checkpoints->all.rows.items[newest].whose.key, &row->whose.key) &&
           first[0] != '\0' && str_compare(row->run, str_of(first)) >= 0;
}

/* One at a time: dropping renumbers the rows. */
static bool checkpoints_forget(struct gc *gc, struct gc_checkpoints *checkpoints,
                               struct gc_done *done, struct err *err)
{
    VEC(struct checkpoint_row) dead = {0};
    struct err full = {0};
    bool ok = true;

    VEC_EACH (row, &checkpoints->all.rows) {
        if (!checkpoint_is_needed(gc, checkpoints, row)) {
            VEC_PUSH(&dead, *row);
        } else {
            gc_need_tree(gc, &row->tree);
        }
    }
    done->checkpoints = (uint32_t)dead.count;
    for (size_t i = 0; ok && i < dead.count && !gc->options->dry; i++) {
        ok = checkpoints_drop_one(&checkpoints->all, &dead.items[i].whose, &dead.items[i].tree,
                                  &full);
    }
    if (ok && !gc->options->dry) {
        checkpoints_compact(&checkpoints->all);
    }
    VEC_FREE(&dead);
    gc->checkpoints_left = !ok && gc_is_full(&full);
    if (!ok && !gc->checkpoints_left) {
        *err = full;
    }
    return ok || gc->checkpoints_left;
}

bool gc_take_checkpoints(struct gc *gc, struct gc_done *done, struct err *err)
{
    struct gc_checkpoints checkpoints;
    bool ok;

    if (!checkpoints_open(&checkpoints.all, gc->store->fd, err)) {
        return false;
    }
    map_init(&checkpoints.keys);
    checkpoints_find_newest(gc, &checkpoints);
    ok = checkpoints_forget(gc, &checkpoints, done, err);
    map_fini(&checkpoints.keys);
    checkpoints_close(&checkpoints.all);
    return ok;
}

bool gc_take_new_checkpoints(struct gc *gc, struct err *err)
{
    struct checkpoints all;

    if (!checkpoints_open(&all, gc->store->fd, err)) {
        return false;
    }
    VEC_EACH (row, &all.rows) {
        gc_need_tree(gc, &row->tree);
    }
    checkpoints_close(&all);
    return true;
}
