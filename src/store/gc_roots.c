/* Owns what roots say: which keys are needed, and of which results they say nothing yet.
 *
 * A run that ended says which keys it needs. One that was killed, or that the world broke, and that
 * nobody went on with, never does, nor does what was adopted; others that look only at a part may
 * follow it. So its results are needed until a whole run came after it. Where several pipelines
 * have runs, it is not known of which of them it was: until each of them had a whole run.
 *
 * Where the roots of another workspace cannot be read, it may need anything that is there: nothing
 * that has a result goes. Damage of the own ones hides the same until a whole run. */
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

static struct str gc_ended_name(struct strbuf *name, const struct digest *workspace,
                                const struct run_id *run)
{
    strbuf_add(name, workspace->bytes, DIGEST_BYTES);
    strbuf_puts(name, run->text);
    return strbuf_str(name);
}

static void gc_note_end(struct gc *gc, const struct digest *workspace, const struct run_id *run)
{
    struct strbuf name = {0};

    map_put(&gc->ended, str_dup(&gc->arena, gc_ended_name(&name, workspace, run)), 1);
    strbuf_fini(&name);
}

/* The last run of a pipeline that said by itself what all of it needs; NULL: none. */
static const struct roots_run *gc_last_whole(const struct roots *roots, uint32_t first)
{
    const struct roots_run *whole = NULL;

    for (uint32_t i = first; i < roots->count; i++) {
        const struct roots_run *run = &roots->runs[i];

        if (!run->part && !run->merged && str_equal(run->pipeline, roots->runs[first].pipeline)) {
            whole = run;
        }
    }
    return whole;
}

/* The oldest of the last whole runs of all pipelines. */
static const struct roots_run *gc_whole(const struct roots *roots)
{
    const struct roots_run *oldest = NULL;
    uint32_t count;

    for (uint32_t i = 0; i < roots->count; i++) {
        const struct roots_run *whole;

        if (!gc_is_first_of_pipeline(roots, i, &count)) {
            continue;
        }
        whole = gc_last_whole(roots, i);
        if (whole == NULL) {
            return NULL;
        }
        oldest = oldest == NULL || whole < oldest ? whole : oldest;
    }
    return oldest;
}

/* Damage before a whole run hides nothing that is needed now, unless others rely on older runs. */
static bool gc_is_hidden(const struct roots *roots, const struct roots_run *whole, bool own)
{
    return roots->damaged.text[0] != '\0' &&
           (!own || whole == NULL || strcmp(roots->damaged.text, whole->run.text) > 0);
}

static void gc_add_workspace(struct gc *gc, const struct digest *id, const struct roots *roots,
                             bool own)
{
    const struct roots_run *whole = gc_whole(roots);
    struct gc_workspace row = {.id = *id, .whole_ns = INT64_MIN};
    struct str name;

    if (gc_is_hidden(roots, whole, own)) {
        gc->unknown++;
    }
    if (roots->count == 0) {
        return;
    }
    row.newest = roots->runs[roots->count - 1].run;
    if (whole != NULL) {
        row.whole = whole->run;
        row.whole_ns = whole->time_ns;
    }
    for (uint32_t i = 0; i < roots->count; i++) {
        if (!roots->runs[i].begun) {
            gc_note_end(gc, id, &roots->runs[i].run);
        }
    }
    name = str_dup(&gc->arena, str_n((const char *)id->bytes, DIGEST_BYTES));
    map_put(&gc->workspace_numbers, name, (uint32_t)gc->workspaces.count);
    VEC_PUSH(&gc->workspaces, row);
}

static bool gc_has_ended(const struct gc *gc, const struct digest *workspace,
                         const struct run_id *run)
{
    struct strbuf name = {0};
    bool ended = map_get(&gc->ended, gc_ended_name(&name, workspace, run)) != MAP_MISSING;

    strbuf_fini(&name);
    return ended;
}

bool gc_is_unsaid(const struct gc *gc, const struct result *result)
{
    uint32_t n =
        map_get(&gc->workspace_numbers, str_n((const char *)result->workspace.bytes, DIGEST_BYTES));
    const struct gc_workspace *workspace;
    struct run_id run;

    if (n == MAP_MISSING) {
        return true;
    }
    workspace = &gc->workspaces.items[n];
    if (!run_id_parse(result->run, &run)) {
        return result->ended_ns >= workspace->whole_ns; /* adopted */
    }
    return strcmp(run.text, workspace->newest.text) >= 0 ||
           (strcmp(run.text, workspace->whole.text) > 0 &&
            !gc_has_ended(gc, &result->workspace, &run));
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
    bool own = digest_equal(id, &gc->store->workspace);
    struct arena arena;
    struct roots roots;
    bool ok;

    arena_init(&arena);
    ok = roots_read(gc->store->fd, id, gc_skip_seen, &seen, &arena, &roots, err);
    if (ok && first && own) {
        gc_take_own(gc, &roots);
    } else if (ok) {
        gc_take_other(gc, &roots);
    }
    if (ok && first) {
        gc_add_workspace(gc, id, &roots, own);
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
        merged.merged = true;
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
