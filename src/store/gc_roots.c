/* Owns what roots say: which keys are needed, and from when on the results of a workspace are not
 * in its roots yet. */
#include <string.h>

#include "store/gc_inside.h"

static void gc_need_key(struct gc *gc, const struct digest *key, enum gc_need need)
{
    struct gc_key *row = gc_key(gc, key);

    row->need = row->need > need ? row->need : need;
}

/* --- the runs of one pipeline --- */

/* The keys of its instances, as run after run changes them. */
struct gc_state {
    struct map numbers;
    VEC(struct roots_row) rows;
};

static void state_clear(struct gc_state *state)
{
    map_fini(&state->numbers);
    map_init(&state->numbers);
    VEC_CLEAR(&state->rows);
}

static void state_fini(struct gc_state *state)
{
    map_fini(&state->numbers);
    VEC_FREE(&state->rows);
}

static void state_take(struct gc_state *state, const struct roots_run *run)
{
    if (!run->part) {
        state_clear(state);
    }
    for (uint32_t i = 0; i < run->row_count; i++) {
        struct str name = str_n((const char *)&run->rows[i].instance, sizeof(uint64_t));
        uint32_t n = map_put_new(&state->numbers, name, (uint32_t)state->rows.count);

        if (n == MAP_MISSING) {
            VEC_PUSH(&state->rows, run->rows[i]);
        } else {
            state->rows.items[n] = run->rows[i];
        }
    }
}

static void gc_need_rows(struct gc *gc, const struct roots_row *rows, size_t count,
                         enum gc_need need)
{
    for (size_t i = 0; i < count; i++) {
        gc_need_key(gc, &rows[i].key, need);
    }
}

static void gc_need_objects(struct gc *gc, const struct roots_run *run)
{
    for (uint32_t i = 0; i < run->object_count; i++) {
        gc_need_object(gc, &run->objects[i]);
    }
}

/* How many runs the pipeline of run `n` has, and whether `n` is the first of them. */
static bool gc_is_first_of_pipeline(const struct roots *roots, uint32_t n, uint32_t *count)
{
    *count = 0;
    for (uint32_t i = 0; i < roots->count; i++) {
        if (str_equal(roots->runs[i].pipeline, roots->runs[n].pipeline)) {
            if (i < n) {
                return false;
            }
            ++*count;
        }
    }
    return true;
}

static void gc_take_pipeline(struct gc *gc, const struct roots *roots, uint32_t first,
                             uint32_t skip)
{
    struct gc_state state = {.numbers = {0}};
    uint32_t n = 0;

    map_init(&state.numbers);
    for (uint32_t i = first; i < roots->count; i++) {
        const struct roots_run *run = &roots->runs[i];

        if (!str_equal(run->pipeline, roots->runs[first].pipeline)) {
            continue;
        }
        state_take(&state, run);
        if (n == skip) {
            gc_need_rows(gc, state.rows.items, state.rows.count, GC_NEED_EARLIER);
        }
        if (n >= skip) {
            gc_need_rows(gc, run->rows, run->row_count, GC_NEED_EARLIER);
            gc_need_objects(gc, run);
        }
        n++;
    }
    gc_need_rows(gc, state.rows.items, state.rows.count, GC_NEED_LAST);
    state_fini(&state);
}

/* --- one workspace --- */

static bool gc_saw_roots(void *ctx, const struct digest *workspace, const struct run_id *run,
                         uint64_t ino)
{
    struct gc *gc = ctx;
    struct strbuf name = {0};
    bool seen;

    strbuf_add(&name, workspace->bytes, DIGEST_BYTES);
    strbuf_add(&name, &ino, sizeof(ino));
    strbuf_puts(&name, run->text);
    seen = map_get(&gc->roots_seen, strbuf_str(&name)) != MAP_MISSING;
    if (!seen) {
        map_put(&gc->roots_seen, strbuf_dup(&name, &gc->arena), 1);
    }
    strbuf_fini(&name);
    return seen;
}

struct gc_seen {
    struct gc *gc;
    const struct digest *workspace;
};

static bool gc_skip_seen(void *ctx, const struct run_id *run, uint64_t ino)
{
    struct gc_seen *seen = ctx;

    return gc_saw_roots(seen->gc, seen->workspace, run, ino);
}

static void gc_add_workspace(struct gc *gc, const struct digest *id, const struct roots *roots)
{
    const struct roots_run *newest;
    struct gc_workspace row = {.id = *id};
    struct str name;

    if (roots->damaged || roots->count == 0) {
        return;
    }
    newest = &roots->runs[roots->count - 1];
    row.newest = newest->run;
    row.time_ns = newest->time_ns;
    name = str_dup(&gc->arena, str_n((const char *)id->bytes, DIGEST_BYTES));
    map_put(&gc->workspace_numbers, name, (uint32_t)gc->workspaces.count);
    VEC_PUSH(&gc->workspaces, row);
}

static void gc_take_own(struct gc *gc, const struct roots *roots)
{
    for (uint32_t i = 0; i < roots->count; i++) {
        uint32_t count;

        if (gc_is_first_of_pipeline(roots, i, &count)) {
            gc_take_pipeline(gc, roots, i,
                             count > gc->options->keep_runs ? count - gc->options->keep_runs : 0);
        }
    }
}

static void gc_take_other(struct gc *gc, const struct roots *roots)
{
    for (uint32_t i = 0; i < roots->count; i++) {
        gc_need_rows(gc, roots->runs[i].rows, roots->runs[i].row_count, GC_NEED_LAST);
        gc_need_objects(gc, &roots->runs[i]);
    }
}

static bool gc_take_workspace(struct gc *gc, const struct digest *id, bool first, struct err *err)
{
    struct gc_seen seen = {gc, id};
    struct arena arena;
    struct roots roots;
    bool ok;

    arena_init(&arena);
    ok = roots_read(gc->store->fd, id, gc_skip_seen, &seen, &arena, &roots, err);
    if (ok && first && digest_equal(id, &gc->store->workspace)) {
        gc_take_own(gc, &roots);
    } else if (ok) {
        gc_take_other(gc, &roots);
    }
    if (ok && first) {
        gc_add_workspace(gc, id, &roots);
    }
    arena_fini(&arena);
    return ok;
}

static bool gc_take_all(struct gc *gc, bool first, struct err *err)
{
    struct roots_workspaces list;
    bool ok = roots_workspaces(gc->store->fd, &gc->arena, &list, err);

    for (uint32_t i = 0; ok && i < list.count; i++) {
        ok = gc_take_workspace(gc, &list.items[i], first, err);
    }
    return ok;
}

bool gc_take_roots(struct gc *gc, struct err *err)
{
    return gc_take_all(gc, true, err);
}

bool gc_take_new_roots(struct gc *gc, struct err *err)
{
    return gc_take_all(gc, false, err);
}

/* --- pruning --- */

/* The first kept run of a pipeline gets the keys of all instances, and those before it go. */
static bool gc_merge_roots(struct gc *gc, const struct roots *roots, uint32_t first, uint32_t skip)
{
    struct gc_state state = {.numbers = {0}};
    struct roots_run merged = {.part = true};
    uint32_t n = 0;
    bool ok;

    map_init(&state.numbers);
    for (uint32_t i = first; i < roots->count && n <= skip; i++) {
        if (str_equal(roots->runs[i].pipeline, roots->runs[first].pipeline)) {
            merged = roots->runs[i];
            state_take(&state, &merged);
            n++;
        }
    }
    ok = !merged.part;
    if (!ok) {
        merged.part = false;
        merged.rows = state.rows.items;
        merged.row_count = (uint32_t)state.rows.count;
        ok = roots_write(gc->store->fd, &gc->store->workspace, &merged, NULL);
    }
    state_fini(&state);
    return ok;
}

static void gc_prune_pipeline(struct gc *gc, const struct roots *roots, uint32_t first,
                              uint32_t skip)
{
    if (skip == 0 || !gc_merge_roots(gc, roots, first, skip)) {
        return;
    }
    for (uint32_t i = first; i < roots->count && skip > 0; i++) {
        if (str_equal(roots->runs[i].pipeline, roots->runs[first].pipeline)) {
            roots_remove(gc->store->fd, &gc->store->workspace, &roots->runs[i].run, NULL);
            skip--;
        }
    }
}

void gc_prune_roots(struct gc *gc)
{
    struct roots roots = {.count = 0};
    uint32_t count;

    if (!roots_read(gc->store->fd, &gc->store->workspace, NULL, NULL, &gc->arena, &roots, NULL)) {
        return;
    }
    for (uint32_t i = 0; i < roots.count; i++) {
        if (gc_is_first_of_pipeline(&roots, i, &count)) {
            gc_prune_pipeline(gc, &roots, i,
                              count > gc->options->keep_runs ? count - gc->options->keep_runs : 0);
        }
    }
}
