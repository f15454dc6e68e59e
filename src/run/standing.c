/* Owns the look whether the last state still stands. */
#include "run/standing.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "os/ranges.h"
#include "run/slice.h"

enum { STANDING_RANGE_LEAST = 1000 };

/* --- before the files --- */

static bool standing_open(struct standing *standing, struct session *session)
{
    /* Who works on the workspace has to say himself what he changed. */
    if (!session->workspace.exists || session_is_held(session) != SESSION_FREE) {
        return false;
    }
    /* What was undone, or is to be, does not stand, whatever its files say. */
    if (effects_exist(session->workspace.pawlfd)) {
        return false;
    }
    standing->state = last_state_open(session->workspace.pawlfd);
    return standing->state != NULL &&
           guards_hold(session, last_state_guards(standing->state), &standing->counts);
}

/* --- the files --- */

struct standing_files {
    const struct last_state *state;
    uint8_t *changed; /* by path */
};

static void standing_look_range(void *ctx, uint32_t first, uint32_t end)
{
    const struct standing_files *files = ctx;

    for (uint32_t i = first; i < end; i++) {
        struct last_path path;
        struct signature now;

        if (last_state_path(files->state, i, &path)) {
            files->changed[i] =
                !signature_read(AT_FDCWD, path.name, path.check == LAST_FOLLOWED, &now, NULL) ||
                !signature_equal(&now, &path.signature);
        }
    }
}

static bool standing_mark_users(struct standing *standing, const uint8_t *changed)
{
    const struct last_state *state = standing->state;
    bool some = false;

    for (uint32_t i = 0; i < last_state_paths(state); i++) {
        uint32_t count = 0;
        uint32_t first = changed[i] ? last_state_users(state, i, &count) : 0;

        for (uint32_t u = first; u < first + count; u++) {
            standing->moved[last_state_user(state, u)] = 1;
            some = true;
        }
    }
    return some;
}

/* Those that must be decided whatever their files say. */
static bool standing_mark_undecided(struct standing *standing)
{
    bool some = false;

    for (uint32_t i = 0; i < last_state_units(standing->state); i++) {
        standing->moved[i] = last_state_unit_is(standing->state, i) == LAST_UNDECIDED;
        some |= standing->moved[i];
    }
    return some;
}

enum standing_answer standing_look(struct standing *standing, struct session *session)
{
    struct standing_files files;
    bool some;

    *standing = (struct standing){0};
    if (!standing_open(standing, session)) {
        standing_fini(standing);
        return STANDING_UNKNOWN;
    }
    files.state = standing->state;
    files.changed = standing->changed = mem_calloc(last_state_paths(standing->state), 1);
    standing->moved = mem_calloc(last_state_units(standing->state), 1);
    ranges_run(last_state_paths(standing->state), STANDING_RANGE_LEAST, session->machine.cpus,
               standing_look_range, &files);
    session->last = standing->state;
    some = standing_mark_undecided(standing);
    some = standing_mark_users(standing, files.changed) || some;
    last_state_was_looked_at(standing->state);
    return some ? STANDING_SOME : STANDING_ALL;
}

void standing_fini(struct standing *standing)
{
    last_state_close(standing->state);
    free(standing->changed);
    free(standing->moved);
    free(standing->stands);
    *standing = (struct standing){0};
}

/* --- deciding with it --- */

/* Looked at under the lock, once all that the state is about was read. */
static bool standing_counts(const struct standing *standing, struct session *session)
{
    struct digest epoch = objects_epoch(session->objects);
    struct guards_counts counts;

    return !effects_exist(session->workspace.pawlfd) && last_state_is_current(standing->state) &&
           last_state_is_of(standing->state, &epoch) &&
           guards_hold(session, last_state_guards(standing->state), &counts);
}

bool standing_take(struct standing *standing, struct session *session)
{
    const struct plan *plan = &session->plan;
    uint8_t *moved = standing->moved;

    if (standing->state == NULL || last_state_units(standing->state) != plan->instance_count ||
        last_state_outputs(standing->state) != plan->output_count ||
        !last_state_load_outputs(standing->state) || !standing_counts(standing, session)) {
        return false;
    }
    plan_close_over_consumers(plan, moved);
    standing->stands = mem_calloc(plan->instance_count, 1);
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        standing->stands[i] = !moved[i];
    }
    return true;
}

bool standing_take_slice(struct standing *standing, const struct slice *slice,
                         struct session *session)
{
    if (!standing_counts(standing, session)) {
        return false;
    }
    standing->units = slice->units;
    standing->stands = mem_calloc(slice->count, 1);
    memcpy(standing->stands, slice->outline, slice->count);
    return true;
}

void standing_forget_slice(struct standing *standing)
{
    free(standing->stands);
    standing->stands = NULL;
    standing->units = NULL;
}

enum last_unit standing_load(const struct standing *standing, struct facts *facts,
                             struct inst_id instance)
{
    const struct plan_instance *inst = &facts->plan->instances[instance.n];
    uint32_t unit = standing->units != NULL ? standing->units[instance.n] : instance.n;
    uint32_t first = standing->units != NULL ? last_state_outputs_first(standing->state, unit)
                                             : inst->outputs_first;

    for (uint32_t i = 0; i < inst->output_count; i++) {
        struct last_output was;

        last_state_output_of(standing->state, first + i, &was);
        facts->outputs[inst->outputs_first + i] =
            (struct output_fact){.state = was.state == LAST_OUTPUT_MADE      ? OUTPUT_MADE
                                          : was.state == LAST_OUTPUT_MISSING ? OUTPUT_MISSING
                                                                             : OUTPUT_UNKNOWN,
                                 .executable = was.executable,
                                 .stored = was.stored,
                                 .type = was.type,
                                 .digest = was.digest,
                                 .size_bytes = was.size_bytes};
    }
    return last_state_unit_is(standing->state, unit);
}
