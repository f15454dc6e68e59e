/* Owns which instances a slice has, which part of the manifest speaks of them, and whether what was
 * planned is what the last state knows. */
#include "run/slice.h"

#include <stdlib.h>

#include "base/mem.h"

enum slice_mark { SLICE_LEFT_OUT = 0, SLICE_OUTLINE = 1, SLICE_MEMBER = 2 };

/* --- which instances --- */

struct slice_walk {
    const struct last_state *state;
    uint8_t *marks; /* by unit: enum slice_mark */
    uint32_t *queue;
    uint32_t queued;
};

static bool slice_is_asked(const struct last_state *state, uint32_t unit)
{
    return (last_state_unit_flags(state, unit) & LAST_ASKED) != 0;
}

static void slice_add(struct slice_walk *walk, uint32_t unit, enum slice_mark mark)
{
    if (walk->marks[unit] < mark) {
        walk->marks[unit] = (uint8_t)mark;
        walk->queue[walk->queued++] = unit;
    }
}

/* All that is behind what moved, as far as it is asked for. */
static void slice_add_members(struct slice_walk *walk, const uint8_t *moved)
{
    uint32_t units = last_state_units(walk->state);

    for (uint32_t i = 0; i < units; i++) {
        if (moved[i] && slice_is_asked(walk->state, i)) {
            slice_add(walk, i, SLICE_MEMBER);
        }
    }
    for (uint32_t at = 0; at < walk->queued; at++) {
        struct last_units consumers = last_state_consumers(walk->state, walk->queue[at]);

        for (uint32_t i = 0; i < consumers.count; i++) {
            uint32_t unit = last_units_get(consumers, i);

            if (slice_is_asked(walk->state, unit)) {
                slice_add(walk, unit, SLICE_MEMBER);
            }
        }
    }
}

/* Returns whether what it reads may be anything that an ancestor makes. */
static bool slice_add_producers(struct slice_walk *walk, uint32_t unit)
{
    struct last_units producers = last_state_producers(walk->state, unit);

    for (uint32_t i = 0; i < producers.count; i++) {
        slice_add(walk, last_units_get(producers, i), SLICE_OUTLINE);
    }
    return (last_state_unit_flags(walk->state, unit) & LAST_READS_MORE) != 0;
}

/* Each is named, with the reason, in what is told of a run. */
static void slice_add_skipped(struct slice_walk *walk)
{
    uint32_t units = last_state_units(walk->state);

    for (uint32_t i = 0; i < units; i++) {
        if (last_state_unit_is(walk->state, i) == LAST_SKIPPED && slice_is_asked(walk->state, i)) {
            slice_add(walk, i, SLICE_OUTLINE);
        }
    }
}

/* Who makes what the members, the first in the queue, read; all ancestors if one of them may read
 * what any of these makes. */
static void slice_add_outlines(struct slice_walk *walk)
{
    uint32_t members = walk->queued;
    bool all = false;

    for (uint32_t at = 0; at < members; at++) {
        all = slice_add_producers(walk, walk->queue[at]) || all;
    }
    for (uint32_t at = members; all && at < walk->queued; at++) {
        slice_add_producers(walk, walk->queue[at]);
    }
    slice_add_skipped(walk);
}

bool slice_is_beyond(const struct slice *slice, uint32_t unit)
{
    return slice->taken[unit] == SLICE_LEFT_OUT && slice_is_asked(slice->state, unit);
}

static void slice_take(struct slice *slice, struct slice_walk *walk)
{
    uint32_t units = last_state_units(slice->state);

    slice->taken = walk->marks;
    slice->units = mem_calloc(walk->queued, sizeof(*slice->units));
    slice->outline = mem_calloc(walk->queued, 1);
    for (uint32_t i = 0; i < units; i++) {
        if (walk->marks[i] != SLICE_LEFT_OUT) {
            slice->outline[slice->count] = walk->marks[i] == SLICE_OUTLINE;
            slice->units[slice->count++] = i;
        }
        slice->beyond += slice_is_beyond(slice, i);
    }
}

/* --- which part of the manifest --- */

static void slice_add_gap(struct slice *slice, struct str_range text)
{
    struct str_range *last = slice->gap_count != 0 ? &slice->gaps[slice->gap_count - 1] : NULL;

    if (last != NULL && last->to == text.from) {
        last->to = text.to;
    } else {
        slice->gaps[slice->gap_count++] = text;
    }
}

static void slice_add_part(struct slice *slice, struct str_range range, uint32_t line,
                           uint32_t column)
{
    slice->parts[slice->part_count++] = (struct diag_part){range, line, column};
}

/* A stage that is read, with the instances from `first` up to `end`. */
static void slice_add_stage(struct slice *slice, struct last_stage stage, uint32_t first,
                            uint32_t end)
{
    bool outline = true;

    for (uint32_t i = first; i < end; i++) {
        outline = outline && slice->outline[i] &&
                  last_state_unit_is(slice->state, slice->units[i]) != LAST_SKIPPED;
    }
    slice->outlines[slice->stage_count] = outline;
    slice->firsts[slice->stage_count++] = first;
    if (outline && stage.inputs.to != 0) {
        slice_add_gap(slice, stage.inputs);
    }
    if (stage.text.to != 0) {
        slice_add_part(slice, stage.text, stage.line, stage.column);
    }
}

/* A stage without an instance in the slice is passed over where its text can be; of one that is
 * only an outline, what it says of its inputs. */
static void slice_divide(struct slice *slice)
{
    uint32_t stages = last_state_stages(slice->state);
    uint32_t at = 0;

    slice->gaps = mem_calloc(stages, sizeof(*slice->gaps));
    slice->parts = mem_calloc((size_t)stages + 1, sizeof(*slice->parts));
    slice->firsts = mem_calloc((size_t)stages + 1, sizeof(*slice->firsts));
    slice->outlines = mem_calloc(stages, 1);
    slice->ordinals = mem_calloc(slice->count, sizeof(*slice->ordinals));
    slice_add_part(slice, (struct str_range){0, last_state_stage(slice->state, 0).text.from}, 1, 1);
    for (uint32_t i = 0; i < stages; i++) {
        struct last_stage stage = last_state_stage(slice->state, i);
        uint32_t first = at;

        for (; at < slice->count && slice->units[at] - stage.units_first < stage.unit_count; at++) {
            slice->ordinals[at] = slice->units[at] - stage.units_first;
        }
        if (at == first && stage.text.to != 0) {
            slice_add_gap(slice, stage.text);
        } else {
            slice_add_stage(slice, stage, first, at);
        }
    }
    slice->firsts[slice->stage_count] = at;
}

bool slice_choose(struct slice *slice, const struct standing *standing)
{
    struct last_state *state = standing->state;
    struct slice_walk walk = {.state = state};

    *slice = (struct slice){.state = state};
    /* An orphan is told by what all stages make. */
    if (standing->counts.orphans != 0 || !last_state_load_graph(state) ||
        !last_state_load_outputs(state)) {
        return false;
    }
    walk.marks = mem_calloc(last_state_units(state), 1);
    /* Members are all there before the first outline, so no unit comes twice. */
    walk.queue = mem_calloc(last_state_units(state), sizeof(*walk.queue));
    slice_add_members(&walk, standing->moved);
    slice_add_outlines(&walk);
    slice_take(slice, &walk);
    free(walk.queue);
    slice_divide(slice);
    return slice->count != 0 && slice->count < last_state_units(state);
}

void slice_fini(struct slice *slice)
{
    free(slice->units);
    free(slice->outline);
    free(slice->taken);
    free(slice->gaps);
    free(slice->firsts);
    free(slice->ordinals);
    free(slice->outlines);
    free(slice->parts);
    *slice = (struct slice){0};
}

/* --- what is made beyond --- */

static bool slice_has_beyond(const struct slice *slice, struct str name)
{
    uint32_t units = last_state_units(slice->state);

    for (uint32_t i = 0; i < units; i++) {
        if (slice->taken[i] == SLICE_LEFT_OUT && last_state_unit_is_named(slice->state, i, name)) {
            return true;
        }
    }
    return false;
}

/* The last result of whoever made it names it: the path was not left to somebody else since. */
static bool slice_still_makes(const struct session *session, const struct made_row *row,
                              struct arena *arena)
{
    struct result_ref ref =
        results_find_last(session->results, row->stage, row->instance, &session->workspace.id);
    struct result result;

    if (!result_ref_is_some(ref) || !results_read(session->results, ref, arena, &result)) {
        return false;
    }
    for (uint32_t i = 0; i < result.output_count; i++) {
        if (str_equal(result.outputs[i].path, row->path)) {
            return true;
        }
    }
    return false;
}

bool slice_is_made_beyond(const struct slice *slice, const struct session *session, struct str path,
                          struct arena *arena, struct str *maker)
{
    struct made_row row;

    if (!made_find(session->made, path, &row)) {
        return false;
    }
    row.path = path;
    row.stage = str_dup(arena, row.stage);
    row.instance = *maker = str_dup(arena, row.instance);
    return slice_has_beyond(slice, row.instance) && slice_still_makes(session, &row, arena);
}

/* --- reading and planning --- */

bool slice_read(struct slice *slice, struct session *session, struct err *err)
{
    struct session_part part = {.gaps = slice->gaps,
                                .gap_count = slice->gap_count,
                                .parts = slice->parts,
                                .part_count = slice->part_count,
                                .outlines = slice->outlines,
                                .manifest = last_state_digest(slice->state, LAST_OF_MANIFEST)};

    return session_read_part(session, &part, err) &&
           session->manifest.stage_count == slice->stage_count;
}

static bool slice_has_same_producers(const struct slice *slice, const struct plan *plan,
                                     uint32_t number)
{
    const struct plan_instance *inst = &plan->instances[number];
    struct last_units producers = last_state_producers(slice->state, slice->units[number]);

    if (inst->producer_count != producers.count) {
        return false;
    }
    for (uint32_t i = 0; i < producers.count; i++) {
        uint32_t producer = plan->edges[inst->producers_first + i].n;

        if (slice->units[producer] != last_units_get(producers, i)) {
            return false;
        }
    }
    return true;
}

/* The same instances with as many outputs, that wait for the same others. */
static bool slice_is_of_plan(const struct slice *slice, const struct plan *plan)
{
    bool same = plan->instance_count == slice->count && plan->orphan_count == 0;

    for (uint32_t i = 0; same && i < slice->count; i++) {
        const struct plan_instance *inst = &plan->instances[i];
        uint32_t unit = slice->units[i];

        same = last_state_unit_is_named(slice->state, unit, inst->name) &&
               inst->output_count == last_state_outputs_first(slice->state, unit + 1) -
                                         last_state_outputs_first(slice->state, unit) &&
               (inst->outline || slice_has_same_producers(slice, plan, i));
    }
    return same;
}

bool slice_plan(struct slice *slice, struct session *session, struct err *err)
{
    struct plan_slice part = {
        .first = slice->firsts, .ordinals = slice->ordinals, .outline = slice->outline};

    return session_plan_slice(session, &part, err) && slice_is_of_plan(slice, &session->plan);
}
