/* Owns the order of a collection.
 *
 * The objects are listed first, so that what others put afterwards is never in question. Under the
 * lock: what results and roots say now is taken in, and what is not needed is forgotten, so that
 * nobody finds it any more. Then objects go, a thousand under each lock, after a look at what
 * others committed in between. The file of results is rewritten last, when there is room again; a
 * collection that is killed anywhere left results without objects at worst, and these are no worse
 * than results whose objects were never stored.
 *
 * In a shared store what is in fresh/ belongs to live sessions and stays; what dead ones left there
 * was moved when the store was opened. */
#include "store/gc_inside.h"

#include <errno.h>

enum { GC_BATCH = 1000, GC_COMPACT_TRIES = 8 };

void gc_init(struct gc *gc, const struct gc_store *store, const struct gc_options *options)
{
    *gc = (struct gc){.store = store, .options = options};
    arena_init(&gc->arena);
    arena_init(&gc->scratch);
    map_init(&gc->key_numbers);
    map_init(&gc->object_numbers);
    map_init(&gc->workspace_numbers);
    map_init(&gc->roots_seen);
    map_init(&gc->ended);
}

void gc_fini(struct gc *gc)
{
    map_fini(&gc->key_numbers);
    map_fini(&gc->object_numbers);
    map_fini(&gc->workspace_numbers);
    map_fini(&gc->roots_seen);
    map_fini(&gc->ended);
    VEC_FREE(&gc->keys);
    VEC_FREE(&gc->objects);
    VEC_FREE(&gc->workspaces);
    VEC_FREE(&gc->results);
    arena_fini(&gc->scratch);
    arena_fini(&gc->arena);
}

bool gc_is_full(const struct err *err)
{
    return err->sys == ENOSPC || err->sys == EDQUOT;
}

/* What cannot be written because the disk is full is written again when something was removed. */
static bool gc_flush(struct gc *gc, struct err *err)
{
    struct err full = {0};

    if (results_flush(gc->store->results, &full) || gc_is_full(&full)) {
        return true;
    }
    *err = full;
    return false;
}

static bool gc_forget(struct gc *gc, struct gc_done *done, struct err *err)
{
    VEC_EACH (key, &gc->keys) {
        if (key->live && key->need == GC_NEED_NONE) {
            done->results++;
            if (!gc->options->dry) {
                results_forget(gc->store->results, &key->key);
            }
        }
    }
    return gc->options->dry || gc_flush(gc, err);
}

static bool gc_may_go(const struct gc *gc, const struct gc_object *object)
{
    return !object->needed && (object->durable || !gc->store->shared);
}

static void gc_count_kept(const struct gc *gc, struct gc_done *done)
{
    VEC_EACH (object, &gc->objects) {
        if (!gc_may_go(gc, object)) {
            done->kept_objects++;
            done->kept_bytes += object->size_bytes;
        } else if (gc->options->dry) {
            done->objects++;
            done->freed_bytes += object->size_bytes;
        }
    }
}

/* Up to a thousand from object `*next` on. */
static bool gc_remove_batch(struct gc *gc, size_t *next, struct gc_done *done, struct err *err)
{
    uint32_t count = 0;

    while (*next < gc->objects.count && count < GC_BATCH) {
        const struct gc_object *object = &gc->objects.items[(*next)++];

        if (!gc_may_go(gc, object)) {
            continue;
        }
        if (!objects_remove(gc->store->objects, &object->digest, err)) {
            return false;
        }
        count++;
        done->objects++;
        done->freed_bytes += object->size_bytes;
    }
    return true;
}

static bool gc_remove(struct gc *gc, struct gc_done *done, struct err *err)
{
    bool ok = true;

    for (size_t next = 0; ok && next < gc->objects.count;) {
        ok = store_lock_take(gc->store->lock, err) &&
             (!gc->store->shared || gc_mark_new(gc, err)) && gc_remove_batch(gc, &next, done, err);
        store_lock_give(gc->store->lock);
    }
    return ok;
}

/* A file that cannot be rewritten, for lack of room or because others never stop writing to it, is
 * as good as it was. */
static bool gc_compact(struct gc *gc, struct err *err)
{
    struct results *results = gc->store->results;
    struct err why = {.status = STATUS_LOCKED};
    bool ok = false;

    for (int i = 0; !ok && i < GC_COMPACT_TRIES && why.status == STATUS_LOCKED; i++) {
        err_clear(&why);
        if (!store_lock_take(gc->store->lock, err)) {
            return false;
        }
        ok = results_flush(results, &why) && results_refresh(results, &why) &&
             results_compact(results, NULL, NULL, &why);
        store_lock_give(gc->store->lock);
    }
    if (ok || why.status == STATUS_LOCKED || gc_is_full(&why)) {
        return true;
    }
    *err = why;
    return false;
}

static bool gc_work(struct gc *gc, struct gc_done *done, struct err *err)
{
    bool dry = gc->options->dry;
    bool ok = gc_list_objects(gc, err) && (dry || store_lock_take(gc->store->lock, err));

    if (ok) {
        ok = gc_take_checkpoints(gc, done, err) && gc_mark(gc, err) && gc_forget(gc, done, err);
        store_lock_give(gc->store->lock);
    }
    if (!ok || dry) {
        gc_count_kept(gc, done);
        return ok;
    }
    ok = gc_remove(gc, done, err) && (done->results == 0 || gc_compact(gc, err)) &&
         (!gc->checkpoints_left || gc_take_checkpoints(gc, done, err));
    gc_count_kept(gc, done);
    if (ok) {
        gc_prune_roots(gc);
    }
    return ok;
}

bool gc_store(const struct gc_store *store, const struct gc_options *options, struct gc_done *done,
              struct err *err)
{
    struct gc gc;
    bool ok;

    *done = (struct gc_done){0};
    if (!options->dry && !store_lock_begin_gc(store->lock, err)) {
        return false;
    }
    gc_init(&gc, store, options);
    ok = gc_work(&gc, done, err);
    done->unreadable_roots = gc.unknown;
    gc_fini(&gc);
    return ok;
}
