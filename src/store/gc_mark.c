/* Owns the mark: which results are needed, and which objects these need. */
#include <stdlib.h>

#include "store/gc_inside.h"
#include "store/kinds.h"

/* --- rows by digest --- */

static uint32_t gc_number(struct gc *gc, struct map *numbers, const struct digest *digest,
                          size_t next)
{
    struct str name = str_n((const char *)digest->bytes, DIGEST_BYTES);
    uint32_t n = map_get(numbers, name);

    if (n == MAP_MISSING) {
        map_put(numbers, str_dup(&gc->arena, name), (uint32_t)next);
        return (uint32_t)next;
    }
    return n;
}

struct gc_key *gc_key(struct gc *gc, const struct digest *key)
{
    uint32_t n = gc_number(gc, &gc->key_numbers, key, gc->keys.count);

    if (n == gc->keys.count) {
        VEC_PUSH(&gc->keys, (struct gc_key){.key = *key, .ended_ns = INT64_MIN});
    }
    return &gc->keys.items[n];
}

/* An object that was listed, or NULL. */
static struct gc_object *gc_object(const struct gc *gc, const struct digest *digest)
{
    uint32_t n = map_get(&gc->object_numbers, str_n((const char *)digest->bytes, DIGEST_BYTES));

    return n != MAP_MISSING ? &gc->objects.items[n] : NULL;
}

static bool gc_list_one(void *ctx, const struct objects_item *item)
{
    struct gc *gc = ctx;
    uint32_t n = gc_number(gc, &gc->object_numbers, &item->digest, gc->objects.count);

    if (n == gc->objects.count) {
        VEC_PUSH(&gc->objects, (struct gc_object){.digest = item->digest,
                                                  .size_bytes = item->size_bytes,
                                                  .durable = item->durable});
    }
    return true;
}

bool gc_list_objects(struct gc *gc, struct err *err)
{
    return objects_list(gc->store->objects, gc_list_one, gc, err);
}

/* --- objects of a result --- */

void gc_need_object(struct gc *gc, const struct digest *digest)
{
    struct gc_object *object = gc_object(gc, digest);

    if (object != NULL && !object->needed) {
        object->needed = true;
        gc->needed_bytes += object->size_bytes;
    }
}

/* How many bytes more are needed with an object. */
static uint64_t gc_more_bytes(const struct gc *gc, const struct digest *digest)
{
    const struct gc_object *object = gc_object(gc, digest);

    return object != NULL && !object->needed ? object->size_bytes : 0;
}

typedef void gc_visit(struct gc *gc, const struct digest *digest, uint64_t *bytes);

static void gc_visit_need(struct gc *gc, const struct digest *digest, uint64_t *bytes)
{
    (void)bytes;
    gc_need_object(gc, digest);
}

static void gc_visit_size(struct gc *gc, const struct digest *digest, uint64_t *bytes)
{
    *bytes += gc_more_bytes(gc, digest);
}

/* A tree that cannot be read needs nothing: without it its members are of no use. */
static void gc_visit_tree(struct gc *gc, const struct digest *digest, gc_visit *visit,
                          uint64_t *bytes)
{
    struct tree tree;

    if (gc_object(gc, digest) == NULL ||
        !objects_read_tree(gc->store->objects, digest, &gc->scratch, &tree, NULL)) {
        return;
    }
    for (uint32_t i = 0; i < tree.count; i++) {
        if (tree.items[i].type != TREE_FOLDER) {
            visit(gc, &tree.items[i].digest, bytes);
        }
    }
}

void gc_need_tree(struct gc *gc, const struct digest *digest)
{
    arena_reset(&gc->scratch);
    gc_visit_tree(gc, digest, gc_visit_need, NULL);
    gc_need_object(gc, digest);
}

static void gc_visit_result(struct gc *gc, struct result_ref ref, gc_visit *visit, uint64_t *bytes)
{
    struct result result;

    arena_reset(&gc->scratch);
    if (!results_read(gc->store->results, ref, &gc->scratch, &result)) {
        return;
    }
    for (uint32_t i = 0; i < result.output_count; i++) {
        const struct result_output *output = &result.outputs[i];

        if (output->kind == RESULT_FOLDER) {
            gc_visit_tree(gc, &output->digest, visit, bytes);
        }
        visit(gc, &output->digest, bytes);
    }
}

/* --- results --- */

static bool gc_is_keyed(const struct result *result)
{
    return (result->flags & RESULT_UNKEYED) == 0;
}

static void gc_take_result(struct gc *gc, struct result_ref ref)
{
    struct result result;
    struct gc_key *key;

    gc->next_ref = ref.n + 1;
    arena_reset(&gc->scratch);
    if (!results_read(gc->store->results, ref, &gc->scratch, &result) || !gc_is_keyed(&result)) {
        return;
    }
    key = gc_key(gc, &result.key);
    key->live = true;
    key->ended_ns = key->ended_ns > result.ended_ns ? key->ended_ns : result.ended_ns;
    if (gc->unknown != 0 || gc_is_unsaid(gc, &result)) {
        key->need = GC_NEED_LAST;
    }
    VEC_PUSH(&gc->results,
             (struct gc_result){ref, result.ended_ns, (uint32_t)(key - gc->keys.items)});
}

static bool gc_is_old(const struct gc *gc, const struct gc_key *key)
{
    return key->need == GC_NEED_EARLIER && key->live && key->ended_ns < gc->options->cutoff_ns;
}

static int gc_compare_newest_first(const void *a, const void *b)
{
    const struct gc_result *x = a;
    const struct gc_result *y = b;

    return x->ended_ns != y->ended_ns ? (x->ended_ns < y->ended_ns ? 1 : -1)
                                      : (x->ref.n < y->ref.n) - (x->ref.n > y->ref.n);
}

static void gc_need_results(struct gc *gc, enum gc_need need)
{
    VEC_EACH (result, &gc->results) {
        if (gc->keys.items[result->key].need == need) {
            gc_visit_result(gc, result->ref, gc_visit_need, NULL);
        }
    }
}

/* The newest first, as many as there is room for. */
static void gc_need_as_fits(struct gc *gc)
{
    bool full = false;

    qsort(gc->results.items, gc->results.count, sizeof(*gc->results.items),
          gc_compare_newest_first);
    VEC_EACH (result, &gc->results) {
        struct gc_key *key = &gc->keys.items[result->key];
        uint64_t more = 0;

        if (key->need != GC_NEED_EARLIER) {
            continue;
        }
        gc_visit_result(gc, result->ref, gc_visit_size, &more);
        full = full || gc->needed_bytes > gc->options->max_bytes ||
               more > gc->options->max_bytes - gc->needed_bytes;
        if (full) {
            key->need = GC_NEED_NONE;
        } else {
            gc_visit_result(gc, result->ref, gc_visit_need, NULL);
        }
    }
}

bool gc_mark(struct gc *gc, struct err *err)
{
    struct result_ref ref;

    if (!results_refresh(gc->store->results, err) || !gc_take_roots(gc, err)) {
        return false;
    }
    gc->generation = results_generation(gc->store->results);
    for (ref = results_next(gc->store->results, 0); result_ref_is_some(ref);
         ref = results_next(gc->store->results, ref.n + 1)) {
        gc_take_result(gc, ref);
    }
    VEC_EACH (key, &gc->keys) {
        key->need = gc_is_old(gc, key) ? GC_NEED_NONE : key->need;
    }
    for (uint32_t i = 0; i < gc->store->needed_count; i++) {
        gc_need_object(gc, &gc->store->needed[i]);
    }
    gc_need_results(gc, GC_NEED_LAST);
    if (gc->options->max_bytes == UINT64_MAX) {
        gc_need_results(gc, GC_NEED_EARLIER);
    } else {
        gc_need_as_fits(gc);
    }
    return true;
}

bool gc_mark_new(struct gc *gc, struct err *err)
{
    struct result_ref ref;

    if (!results_refresh(gc->store->results, err) || !gc_take_new_roots(gc, err) ||
        !gc_take_new_checkpoints(gc, err)) {
        return false;
    }
    if (results_generation(gc->store->results) != gc->generation) {
        /* Somebody rewrote the file: all have other numbers. */
        gc->generation = results_generation(gc->store->results);
        gc->next_ref = 0;
    }
    for (ref = results_next(gc->store->results, gc->next_ref); result_ref_is_some(ref);
         ref = results_next(gc->store->results, ref.n + 1)) {
        gc->next_ref = ref.n + 1;
        gc_visit_result(gc, ref, gc_visit_need, NULL);
    }
    return true;
}
