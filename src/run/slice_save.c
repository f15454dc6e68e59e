/* Owns what becomes of the last state after a slice was run.
 *
 * As long as its members rest on the paths that they rested on before, what is different now is
 * noted behind the state. Else, or when much was noted already, the state is written anew: what is
 * not in the slice as it was. */
#include "run/slice_save.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "run/standing_inside.h"

/* Noted changes are folded in beyond this, and beyond a share of the file. */
enum { SLICE_LOG_BYTES = 1 << 20, SLICE_LOG_SHARE = 4 };

struct slice_saving {
    struct saving saving;
    const struct slice *slice;
    const struct last_state *state;
    struct last_change change;
    uint8_t *covered; /* by path of the state: a member rests on it now */
};

/* --- what the slice is now --- */

static bool slice_is_member(const struct slice_saving *own, uint32_t number)
{
    return !own->slice->outline[number];
}

static void slice_save_units(struct slice_saving *own)
{
    struct saving *saving = &own->saving;

    for (uint32_t i = 0; i < own->slice->count; i++) {
        const struct plan_instance *inst = &saving->plan->instances[i];

        if (!slice_is_member(own, i)) {
            continue;
        }
        save_unit(saving, i);
        for (uint32_t k = 0; k < inst->output_count; k++) {
            save_output_facts(saving, inst->outputs_first + k);
        }
    }
}

/* --- as a change --- */

/* The unit's number in the slice, if it is a member; UINT32_MAX: it is none. */
static uint32_t slice_member(const struct slice_saving *own, uint32_t unit)
{
    const uint32_t *found =
        bsearch(&unit, own->slice->units, own->slice->count, sizeof(unit), mem_compare_u32);
    uint32_t number = found != NULL ? (uint32_t)(found - own->slice->units) : UINT32_MAX;

    return number != UINT32_MAX && slice_is_member(own, number) ? number : UINT32_MAX;
}

/* Who else rests on a path that changed while the run went on was decided with what it was before.
 */
static bool slice_has_all_users(const struct slice_saving *own, uint32_t path)
{
    uint32_t count;
    uint32_t first = last_state_users(own->state, path, &count);

    for (uint32_t i = first; i < first + count; i++) {
        if (slice_member(own, last_state_user(own->state, i)) == UINT32_MAX) {
            return false;
        }
    }
    return true;
}

/* `number`: of the path in the state. */
static bool slice_change_path(struct slice_saving *own, const struct last_state_path_row *row,
                              uint32_t number)
{
    struct session *session = own->saving.session;
    struct signature now;
    struct last_path was;
    struct index_path known;

    if (number == UINT32_MAX || !last_state_path(own->state, number, &was) ||
        was.check != row->check) {
        return false;
    }
    if (row->signature == NULL && !index_path(session->index, row->name, &known)) {
        return false;
    }
    now = row->signature != NULL ? *row->signature : known.signature;
    own->covered[number] = 1;
    if (signature_equal(&was.signature, &now)) {
        return true;
    }
    last_change_path(&own->change, number, &now);
    return slice_has_all_users(own, number);
}

/* Did the unit rest on the path before? Users of a path are in order. */
static bool slice_rested(const struct slice_saving *own, uint32_t path, uint32_t unit)
{
    uint32_t count;
    uint32_t low = last_state_users(own->state, path, &count);
    uint32_t high = low + count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t user = last_state_user(own->state, middle);

        if (user == unit) {
            return true;
        }
        if (user < unit) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

/* The paths that members rest on, and that they did so before. */
static bool slice_change_paths(struct slice_saving *own)
{
    const struct last_state_builder *builder = &own->saving.builder;
    uint32_t *numbers = mem_calloc(builder->paths.count, sizeof(*numbers));
    bool same = true;

    for (size_t i = 0; same && i < builder->paths.count; i++) {
        const struct last_state_path_row *row = &builder->paths.items[i];

        numbers[i] = last_state_find_path(own->state, row->name);
        same = slice_change_path(own, row, numbers[i]);
    }
    for (size_t i = 0; same && i < builder->rests.count; i++) {
        const struct last_state_rest_row *rest = &builder->rests.items[i];

        same = slice_rested(own, numbers[rest->path], own->slice->units[rest->unit]);
    }
    free(numbers);
    return same;
}

/* A path that is not as the state has it, and on which nobody rests any more who stands, would be
 * found changed at every look. */
static bool slice_covers(const struct slice_saving *own, uint32_t path)
{
    uint32_t count;
    uint32_t first = last_state_users(own->state, path, &count);

    if (own->covered[path]) {
        return true;
    }
    for (uint32_t i = first; i < first + count; i++) {
        uint32_t number = slice_member(own, last_state_user(own->state, i));

        if (number == UINT32_MAX || own->saving.builder.units[number] != LAST_UNDECIDED) {
            return false;
        }
    }
    return true;
}

static bool slice_covers_all(const struct slice_saving *own, const struct standing *before)
{
    for (uint32_t i = 0; i < last_state_paths(own->state); i++) {
        if (before->changed[i] && !slice_covers(own, i)) {
            return false;
        }
    }
    return true;
}

static bool slice_same_output(const struct last_output *a, const struct last_output *b)
{
    return a->state == b->state && a->type == b->type && a->executable == b->executable &&
           a->stored == b->stored && a->size_bytes == b->size_bytes &&
           digest_equal(&a->digest, &b->digest);
}

static void slice_change_unit(struct slice_saving *own, uint32_t number)
{
    const struct last_state_builder *builder = &own->saving.builder;
    const struct plan_instance *inst = &own->saving.plan->instances[number];
    uint32_t unit = own->slice->units[number];
    uint32_t first = last_state_outputs_first(own->state, unit);

    if (builder->units[number] != last_state_unit_is(own->state, unit)) {
        last_change_unit(&own->change, unit, (enum last_unit)builder->units[number]);
    }
    for (uint32_t i = 0; i < inst->output_count; i++) {
        const struct last_output *now = &builder->outputs[inst->outputs_first + i];
        struct last_output was;

        last_state_output_of(own->state, first + i, &was);
        if (!slice_same_output(&was, now)) {
            last_change_output(&own->change, first + i, now);
        }
    }
}

/* False: it is more than a change of the state can say. */
static bool slice_change(struct slice_saving *own, const struct standing *before)
{
    uint64_t noted;

    if (!slice_change_paths(own) || !slice_covers_all(own, before)) {
        return false;
    }
    for (uint32_t i = 0; i < own->slice->count; i++) {
        if (slice_is_member(own, i)) {
            slice_change_unit(own, i);
        }
    }
    noted = last_state_log_bytes(own->state) + own->change.rows.len;
    return noted < SLICE_LOG_BYTES || noted < last_state_file_bytes(own->state) / SLICE_LOG_SHARE;
}

/* --- as a whole --- */

static void slice_copy_outputs(struct slice_saving *own, struct last_state_builder *whole)
{
    for (uint32_t i = 0; i < whole->output_count; i++) {
        last_state_output_of(own->state, i, &whole->outputs[i]);
    }
    for (uint32_t i = 0; i < own->slice->count; i++) {
        const struct plan_instance *inst = &own->saving.plan->instances[i];
        uint32_t first = last_state_outputs_first(own->state, own->slice->units[i]);

        for (uint32_t k = 0; slice_is_member(own, i) && k < inst->output_count; k++) {
            whole->outputs[first + k] = own->saving.builder.outputs[inst->outputs_first + k];
        }
    }
}

/* Units that were not saved anew rest on what they rested on. */
static void slice_keep_units(struct slice_saving *own, struct last_state_builder *whole)
{
    uint8_t *keep = mem_alloc(whole->unit_count);

    memset(keep, 1, whole->unit_count);
    for (uint32_t i = 0; i < own->slice->count; i++) {
        if (slice_is_member(own, i)) {
            keep[own->slice->units[i]] = 0;
        }
    }
    for (uint32_t i = 0; i < whole->unit_count; i++) {
        last_state_flag(whole, i, last_state_unit_flags(own->state, i));
        last_state_unit(whole, i, last_state_unit_is(own->state, i));
    }
    last_state_keep(whole, own->state, own->saving.session->index, keep);
    free(keep);
}

static void slice_put_units(struct slice_saving *own, struct last_state_builder *whole)
{
    const struct last_state_builder *part = &own->saving.builder;

    for (uint32_t i = 0; i < own->slice->count; i++) {
        if (slice_is_member(own, i)) {
            last_state_unit(whole, own->slice->units[i], (enum last_unit)part->units[i]);
        }
    }
    VEC_EACH (rest, &part->rests) {
        const struct last_state_path_row *row = &part->paths.items[rest->path];
        uint32_t unit = own->slice->units[rest->unit];

        if (row->signature != NULL) {
            last_state_rest_on(whole, unit, row->name, row->check, row->signature);
        } else {
            last_state_rest(whole, unit, row->name, row->check);
        }
    }
}

static void slice_renew_guard(void *ctx, uint32_t offset, const struct signature *signature)
{
    struct strbuf *guards = ctx;

    signature_encode(signature, (unsigned char *)guards->data + offset);
}

static bool slice_save_whole(struct slice_saving *own, struct err *err)
{
    struct session *session = own->saving.session;
    struct str guards = last_state_guards(own->state);
    struct last_state_builder whole;
    bool ok;

    last_state_begin(&whole, last_state_units(own->state), last_state_outputs(own->state));
    strbuf_add_str(&whole.guards, guards);
    if (guards_renew(session, guards, slice_renew_guard, &whole.guards)) {
        slice_keep_units(own, &whole);
        slice_put_units(own, &whole);
        slice_copy_outputs(own, &whole);
        last_state_copy_graph(&whole, own->state);
        ok = index_save_state(session->index, &whole, err);
    } else {
        ok = index_save(session->index, err);
    }
    last_state_builder_fini(&whole);
    return ok;
}

/* --- all --- */

static void slice_note_guard(void *ctx, uint32_t offset, const struct signature *signature)
{
    last_change_guard(ctx, offset, signature);
}

static bool slice_note(struct slice_saving *own, struct err *err)
{
    struct session *session = own->saving.session;

    return guards_renew(session, last_state_guards(own->state), slice_note_guard, &own->change)
               ? index_note_change(session->index, &own->change, err)
               : index_save(session->index, err);
}

bool slice_save(struct session *session, const struct slice *slice, const struct standing_end *end,
                struct err *err)
{
    struct slice_saving own = {.slice = slice, .state = slice->state};
    bool ok;

    saving_init(&own.saving, session, end);
    last_change_begin(&own.change, slice->state);
    own.covered = mem_calloc(last_state_paths(slice->state), 1);
    slice_save_units(&own);
    ok = slice_change(&own, end->before) ? slice_note(&own, err) : slice_save_whole(&own, err);
    free(own.covered);
    last_change_fini(&own.change);
    saving_fini(&own.saving);
    return ok;
}
