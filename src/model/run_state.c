/* Owns the fold. Each type of event has one function here; the tables in states.c decide whether
 * the move it asks for is legal. Nothing is changed by an event that is refused. */
#include "model/run_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

void run_state_init(struct run_state *state)
{
    *state = (struct run_state){0};
    arena_init(&state->arena);
}

void run_state_fini(struct run_state *state)
{
    arena_fini(&state->arena);
    free(state->instances);
    *state = (struct run_state){0};
}

void run_state_take_listing(struct run_state *state, struct str listing)
{
    struct str name;

    for (uint32_t i = 0; i < state->instance_count && str_split(&listing, '\n', &name); i++) {
        if (state->instances[i].name.len == 0 && name.len != 0) {
            struct str stage = str_dup(&state->arena, name);

            state->instances[i].name = stage;
            if (str_find(name, '@') >= 0) {
                stage = str_head(stage, (size_t)str_find(name, '@'));
            }
            state->instances[i].stage = stage;
        }
    }
}

void run_state_add_beyond(struct run_state *state, enum inst_state is, uint32_t count)
{
    state->counts[is] += count;
}

int run_state_exit(const struct run_state *state)
{
    return state->ended_at_ns != 0 && state->status != RUN_ABANDONED ? (int)state->exit_status : -1;
}

uint32_t run_state_ended(const struct run_state *state)
{
    uint32_t ended = 0;

    for (unsigned i = 0; i < INST_STATE_COUNT; i++) {
        ended += inst_state_is_final((enum inst_state)i) ? state->counts[i] : 0;
    }
    return ended;
}

/* A copy of `s`, or what was there when the event does not say it. */
static void run_state_keep(struct run_state *state, struct str *slot, struct str s)
{
    if (s.len != 0 && !str_equal(*slot, s)) {
        *slot = str_dup(&state->arena, s);
    }
}

const struct inst_told *inst_told(const struct inst_status *inst)
{
    static const struct inst_told nothing = {.reason = {.len = 0}};

    return inst->told != NULL ? inst->told : &nothing;
}

struct str inst_progress_text(const struct inst_progress *progress)
{
    return progress != NULL ? str_n(progress->text, progress->text_bytes) : STR("");
}

static struct inst_told *inst_tell(struct run_state *state, struct inst_status *inst)
{
    if (inst->told == NULL) {
        inst->told = ARENA_NEW(&state->arena, struct inst_told);
    }
    return inst->told;
}

/* Where; instances of one stage, which share a place, are often told of one after the other. */
static void run_state_place(struct run_state *state, struct inst_status *inst, struct str place)
{
    if (place.len != 0) {
        run_state_keep(state, &state->last_place, place);
        inst->place = state->last_place;
    }
}

/* What the event says of why. */
static void run_state_tell(struct run_state *state, struct inst_status *inst,
                           const struct inst_told *says)
{
    struct inst_told *told;

    if (says->reason.len + says->cause.len + says->log.len == 0) {
        return;
    }
    told = inst_tell(state, inst);
    run_state_keep(state, &told->reason, says->reason);
    run_state_keep(state, &told->cause, says->cause);
    run_state_keep(state, &told->log, says->log);
}

static void run_state_name(struct run_state *state, struct inst_status *inst,
                           const struct event *event)
{
    if (state->borrows_names) {
        inst->name = event->instance.len != 0 ? event->instance : inst->name;
        inst->stage = event->stage.len != 0 ? event->stage : inst->stage;
    } else {
        run_state_keep(state, &inst->name, event->instance);
        run_state_keep(state, &inst->stage, event->stage);
    }
}

static struct event_pairs run_state_pairs(struct run_state *state, struct event_pairs pairs)
{
    struct event_pairs copy = {ARENA_ARRAY(&state->arena, struct event_pair, pairs.count),
                               pairs.count};

    for (uint32_t i = 0; i < pairs.count; i++) {
        copy.items[i].name = str_dup(&state->arena, pairs.items[i].name);
        copy.items[i].value = str_dup(&state->arena, pairs.items[i].value);
    }
    return copy;
}

static struct event_strs run_state_strs(struct run_state *state, struct event_strs strs)
{
    struct event_strs copy = {ARENA_ARRAY(&state->arena, struct str, strs.count), strs.count};

    for (uint32_t i = 0; i < strs.count; i++) {
        copy.items[i] = str_dup(&state->arena, strs.items[i]);
    }
    return copy;
}

static bool run_state_move_run(struct run_state *state, enum run_status to,
                               const struct event *event, struct err *err)
{
    if (!run_status_may_move(state->status, to, event->type)) {
        return err_set(err, STATUS_CORRUPT, "event %llu '%s': a run that is %s cannot become %s",
                       (unsigned long long)event->seq, event_types[event->type].name,
                       run_status_name(state->status), run_status_name(to));
    }
    state->status = to;
    return true;
}

static bool run_state_started(struct run_state *state, const struct event *event, struct err *err)
{
    if (event->instances < 0 || event->instances > LIMIT_INSTANCES) {
        return err_set(err, STATUS_CORRUPT, "event %llu: %lld instances is out of bounds",
                       (unsigned long long)event->seq, (long long)event->instances);
    }
    if (!run_state_move_run(state, RUN_RUNNING, event, err)) {
        return false;
    }
    state->instance_count = (uint32_t)event->instances;
    state->instances = mem_calloc(state->instance_count, sizeof(*state->instances));
    state->counts[INST_PENDING] = state->instance_count;
    state->started_at_ns = event->time_ns;
    run_state_keep(state, &state->run, event->run);
    run_state_keep(state, &state->trace, event->trace);
    run_state_keep(state, &state->pipeline, event->pipeline);
    run_state_keep(state, &state->workspace, event->workspace);
    run_state_keep(state, &state->plan, event->plan);
    run_state_keep(state, &state->listing, event->listing);
    run_state_keep(state, &state->manifest, event->manifest);
    run_state_keep(state, &state->version, event->version);
    run_state_keep(state, &state->user, event->user);
    run_state_keep(state, &state->host, event->host);
    run_state_keep(state, &state->boot, event->boot);
    state->pid = event->pid;
    state->params = run_state_pairs(state, event->params);
    state->labels = run_state_pairs(state, event->labels);
    state->flags = run_state_pairs(state, event->flags);
    state->options = run_state_pairs(state, event->options);
    state->targets = run_state_strs(state, event->targets);
    state->command_line = run_state_strs(state, event->command_line);
    return true;
}

static void run_state_set(struct run_state *state, uint32_t number, enum inst_state to)
{
    struct inst_status *inst = &state->instances[number];

    assert(state->counts[inst->state] != 0);
    state->counts[inst->state]--;
    state->counts[to]++;
    inst->state = to;
}

static bool run_state_refuse(const struct run_state *state, const struct event *event,
                             uint32_t number, enum inst_state to, struct err *err)
{
    if (number >= state->instance_count) {
        return err_set(err, STATUS_CORRUPT, "event %llu: instance number %u is out of bounds",
                       (unsigned long long)event->seq, number);
    }
    return err_set(err, STATUS_CORRUPT, "event %llu '%s': instance %u that is %s cannot become %s",
                   (unsigned long long)event->seq, event_types[event->type].name, number,
                   inst_state_name(state->instances[number].state), inst_state_name(to));
}

static bool run_state_can(const struct run_state *state, const struct event *event, uint32_t number,
                          enum inst_state to)
{
    return number < state->instance_count &&
           inst_state_may_move(state->instances[number].state, to, event->type);
}

static bool run_state_move_one(struct run_state *state, const struct event *event,
                               enum inst_state to, struct err *err)
{
    struct inst_status *inst;

    if (!run_state_can(state, event, event->number, to)) {
        return run_state_refuse(state, event, event->number, to, err);
    }
    inst = &state->instances[event->number];
    run_state_set(state, event->number, to);
    run_state_name(state, inst, event);
    if (inst_state_is_final(to)) {
        inst->ended_at_ns = event->time_ns;
    }
    return true;
}

/* All of a set move, or none. */
static bool run_state_move_set(struct run_state *state, const struct event *event,
                               enum inst_state to, struct err *err)
{
    const struct event_ids *ids = &event->ids;

    for (uint32_t i = 0; i < ids->count; i++) {
        for (uint64_t n = ids->items[i].first; n <= ids->items[i].last; n++) {
            if (!run_state_can(state, event, (uint32_t)n, to)) {
                return run_state_refuse(state, event, (uint32_t)n, to, err);
            }
        }
    }
    for (uint32_t i = 0; i < ids->count; i++) {
        for (uint64_t n = ids->items[i].first; n <= ids->items[i].last; n++) {
            run_state_set(state, (uint32_t)n, to);
            if (to == INST_READY) {
                state->instances[n].ready_at_ns = event->time_ns;
            } else if (inst_state_is_final(to)) {
                state->instances[n].ended_at_ns = event->time_ns;
                run_state_tell(state, &state->instances[n],
                               &(struct inst_told){.reason = event->reason});
            }
        }
    }
    return true;
}

static void run_state_metrics(struct run_state *state, struct inst_status *inst,
                              const struct event_pairs *metrics)
{
    if (metrics->count != 0) {
        inst_tell(state, inst)->metrics = run_state_pairs(state, *metrics);
    }
}

static bool run_state_attempt_started(struct run_state *state, const struct event *event,
                                      struct err *err)
{
    struct inst_status *inst;

    if (!run_state_move_one(state, event, INST_RUNNING, err)) {
        return false;
    }
    inst = &state->instances[event->number];
    inst->attempts++;
    if (inst->told != NULL) {
        inst->told->checks = NULL;
        inst->told->progress = NULL;
    }
    inst->started_at_ns = event->time_ns;
    run_state_place(state, inst, event->place);
    run_state_keep(state, &inst->attempt_id, event->attempt_id);
    state->attempts_started++;
    return true;
}

static bool run_state_attempt_finished(struct run_state *state, const struct event *event,
                                       struct err *err)
{
    enum inst_state to;
    struct inst_status *inst;

    if (!inst_state_from_name(event->state, &to)) {
        return err_set(err, STATUS_CORRUPT, "event %llu: unknown state '%.*s'",
                       (unsigned long long)event->seq, STR_ARG(event->state));
    }
    if (!run_state_move_one(state, event, to, err)) {
        return false;
    }
    inst = &state->instances[event->number];
    if (event->type == EVENT_ATTEMPT_FINISHED) {
        state->attempts_finished++;
        inst->wall_ns = event->wall_ns;
        inst->cpu_ns = event->cpu_user_ns + event->cpu_system_ns;
        inst->max_rss_bytes = event->max_rss_bytes;
        inst->exit_code = (int32_t)event->exit_code;
        inst->signal = (int32_t)event->signal;
        run_state_metrics(state, inst, &event->metrics);
    }
    run_state_tell(
        state, inst,
        &(struct inst_told){.reason = event->reason, .cause = event->cause, .log = event->log});
    return true;
}

/* The state is that of attempt.finished before it. */
static bool run_state_retry(struct run_state *state, const struct event *event, struct err *err)
{
    if (event->number >= state->instance_count) {
        return run_state_refuse(state, event, event->number, INST_WAITING, err);
    }
    if (state->instances[event->number].retries < UINT16_MAX) {
        state->instances[event->number].retries++;
    }
    return true;
}

/* In place: there may be many in one attempt. */
static bool run_state_progress(struct run_state *state, const struct event *event, struct err *err)
{
    struct inst_told *told;
    struct inst_progress *progress;
    struct str text = event->text;

    if (event->number >= state->instance_count ||
        state->instances[event->number].state != INST_RUNNING) {
        return run_state_refuse(state, event, event->number, INST_RUNNING, err);
    }
    told = inst_tell(state, &state->instances[event->number]);
    if (told->progress == NULL) {
        told->progress = ARENA_NEW(&state->arena, struct inst_progress);
    }
    progress = told->progress;
    progress->at_ns = event->time_ns;
    progress->left_ns = event->left_ns;
    progress->permille =
        event->permille >= 0 && event->permille <= 1000 ? (uint32_t)event->permille : 0;
    progress->text_bytes =
        (uint32_t)(text.len < PROGRESS_TEXT_BYTES ? text.len : PROGRESS_TEXT_BYTES);
    memcpy(progress->text, text.data != NULL ? text.data : "", progress->text_bytes);
    return true;
}

/* --- variants --- */

static bool run_state_variants(struct run_state *state, const struct event *event, struct err *err)
{
    struct str variant = STR_NONE;

    for (uint32_t i = 0; i < event->ids.count; i++) {
        if (event->ids.items[i].last >= state->instance_count) {
            return run_state_refuse(state, event, event->ids.items[i].last, INST_PENDING, err);
        }
    }
    run_state_keep(state, &variant, event->variant);
    for (uint32_t i = 0; i < event->ids.count; i++) {
        for (uint32_t n = event->ids.items[i].first; n <= event->ids.items[i].last; n++) {
            struct inst_told *told = inst_tell(state, &state->instances[n]);

            told->variant = variant;
            told->fallback |= event->type == EVENT_FALLBACKS_USED;
        }
    }
    return true;
}

/* Its own command has its own retries. */
static bool run_state_variant_left(struct run_state *state, const struct event *event,
                                   struct err *err)
{
    struct inst_told *told;

    if (event->number >= state->instance_count) {
        return run_state_refuse(state, event, event->number, INST_READY, err);
    }
    told = inst_tell(state, &state->instances[event->number]);
    told->out = str_is(event->cause, "breaker");
    told->left = !told->out;
    state->instances[event->number].retries = 0;
    return true;
}

/* --- checks --- */

static bool run_state_check(struct run_state *state, const struct event *event, struct err *err)
{
    struct inst_told *told;
    struct inst_check *check;

    if (event->number >= state->instance_count) {
        return run_state_refuse(state, event, event->number, INST_REFUSED, err);
    }
    told = inst_tell(state, &state->instances[event->number]);
    if (event->type == EVENT_CHECKS_PASSED) {
        told->checks_passed = event->checks;
        return true;
    }
    check = ARENA_NEW(&state->arena, struct inst_check);
    *check = (struct inst_check){.type = event->type,
                                 .check = str_dup(&state->arena, event->check),
                                 .expression = str_dup(&state->arena, event->expression),
                                 .reason = str_dup(&state->arena, event->reason),
                                 .wanted = str_dup(&state->arena, event->wanted),
                                 .metrics = run_state_pairs(state, event->metrics)};
    if (told->checks == NULL) {
        told->checks_end = &told->checks;
    }
    *told->checks_end = check;
    told->checks_end = &check->next;
    return true;
}

static bool run_state_instance_refused(struct run_state *state, const struct event *event,
                                       struct err *err)
{
    struct inst_status *inst;

    if (!run_state_move_one(state, event, INST_REFUSED, err)) {
        return false;
    }
    inst = &state->instances[event->number];
    run_state_tell(state, inst,
                   &(struct inst_told){.reason = event->reason, .cause = event->cause});
    run_state_metrics(state, inst, &event->metrics);
    run_state_place(state, inst, event->place);
    return true;
}

static bool run_state_instance_ended(struct run_state *state, const struct event *event,
                                     struct err *err)
{
    struct inst_status *inst;

    if (!run_state_move_one(state, event, INST_FAILED, err)) {
        return false;
    }
    inst = &state->instances[event->number];
    run_state_tell(state, inst,
                   &(struct inst_told){.reason = event->reason, .cause = event->cause});
    run_state_place(state, inst, event->place);
    return true;
}

/* One that was out is asked again, with all its retries. */
static void run_state_ask_variant(struct inst_status *inst)
{
    inst->told->fallback = false;
    if (inst->told->out) {
        inst->told->out = false;
        inst->retries = 0;
    }
}

/* A run that goes on decides everything anew: results, not states, say what is finished. Attempts
 * and times of what ended stay. */
static bool run_state_resumed(struct run_state *state, const struct event *event, struct err *err)
{
    if (!run_state_move_run(state, RUN_RUNNING, event, err)) {
        return false;
    }
    for (uint32_t i = 0; i < state->instance_count; i++) {
        run_state_set(state, i, INST_PENDING);
        if (state->instances[i].told != NULL) {
            state->instances[i].told->reason = state->instances[i].told->cause = STR_NONE;
            state->instances[i].told->checks = NULL;
            state->instances[i].told->progress = NULL;
            state->instances[i].told->checks_passed = 0;
            run_state_ask_variant(&state->instances[i]);
        }
    }
    state->resumes++;
    state->paused_at_ns = 0;
    state->pid = event->pid;
    run_state_keep(state, &state->boot, event->boot);
    run_state_keep(state, &state->host, event->host);
    return true;
}

/* Pausing, paused, going on or told to end. */
static bool run_state_turned(struct run_state *state, enum run_status to, const struct event *event,
                             struct err *err)
{
    if (!run_state_move_run(state, to, event, err)) {
        return false;
    }
    state->paused_at_ns = to == RUN_PAUSED ? event->time_ns : 0;
    run_state_keep(state, &state->asked_by, event->user);
    return true;
}

static bool run_state_ended_by(struct run_state *state, enum run_status to,
                               const struct event *event, struct err *err)
{
    if (!run_state_move_run(state, to, event, err)) {
        return false;
    }
    state->exit_status = event->status;
    state->ended_at_ns = event->time_ns;
    state->paused_at_ns = 0;
    run_state_keep(state, &state->reason, event->reason);
    return true;
}

static bool run_state_dispatch(struct run_state *state, const struct event *event, struct err *err)
{
    switch (event->type) {
    case EVENT_RUN_STARTED:
        return run_state_started(state, event, err);
    case EVENT_RUN_RESUMED:
        return run_state_resumed(state, event, err);
    case EVENT_INSTANCES_UP_TO_DATE:
        return run_state_move_set(state, event, INST_UP_TO_DATE, err);
    case EVENT_INSTANCES_READY:
        return run_state_move_set(state, event, INST_READY, err);
    case EVENT_INSTANCES_SKIPPED:
        return run_state_move_set(state, event, INST_SKIPPED, err);
    case EVENT_INSTANCES_BLOCKED:
        return run_state_move_set(state, event, INST_BLOCKED, err);
    case EVENT_INSTANCES_CANCELLED:
        return run_state_move_set(state, event, INST_CANCELLED, err);
    case EVENT_INSTANCES_COMPENSATED:
        return run_state_move_set(state, event, INST_COMPENSATED, err);
    case EVENT_INSTANCE_REOPENED:
        return run_state_move_one(state, event, INST_PENDING, err);
    case EVENT_INSTANCE_WAITING:
        return run_state_move_one(state, event, INST_WAITING, err);
    case EVENT_INSTANCE_RESTORED:
        return run_state_move_one(state, event, INST_RESTORED, err);
    case EVENT_INSTANCE_ENDED:
        return run_state_instance_ended(state, event, err);
    case EVENT_INSTANCE_REFUSED:
        return run_state_instance_refused(state, event, err);
    case EVENT_CHECKS_PASSED:
    case EVENT_GATE_REFUSED:
    case EVENT_VALIDATION_FAILED:
    case EVENT_CHECK_WARNED:
        return run_state_check(state, event, err);
    case EVENT_ATTEMPT_STARTED:
        return run_state_attempt_started(state, event, err);
    case EVENT_ATTEMPT_PROGRESS:
        return run_state_progress(state, event, err);
    case EVENT_ATTEMPT_FINISHED:
    case EVENT_ATTEMPT_LOST:
        return run_state_attempt_finished(state, event, err);
    case EVENT_RESULT_DIFFERS:
        state->differing_results++;
        return true;
    case EVENT_OUTPUT_KEPT:
        state->kept_files += (uint32_t)event->paths.count;
        return true;
    case EVENT_LIMIT_CHANGED:
        state->limit = event->limit > 0 && event->limit < UINT32_MAX ? (uint32_t)event->limit : 0;
        return true;
    case EVENT_RETRY:
        return run_state_retry(state, event, err);
    case EVENT_VARIANTS_CHOSEN:
    case EVENT_FALLBACKS_USED:
        return run_state_variants(state, event, err);
    case EVENT_VARIANT_LEFT:
        return run_state_variant_left(state, event, err);
    case EVENT_CHECKPOINT_SAVED:
    case EVENT_CHECKPOINT_RESTORED:
    case EVENT_CHECKPOINT_DAMAGED:
    case EVENT_RECOVER_STARTED:
    case EVENT_RECOVER_FINISHED:
    case EVENT_BREAKER_OPENED:
    case EVENT_BREAKER_HALF_OPENED:
    case EVENT_BREAKER_CLOSED:
    case EVENT_RUN_COMPENSATING:
    case EVENT_COMPENSATION_STARTED:
    case EVENT_COMPENSATION_FINISHED:
    case EVENT_COMPENSATION_FAILED:
        return true;
    case EVENT_RUN_PAUSING:
        return run_state_turned(state, RUN_PAUSING, event, err);
    case EVENT_RUN_PAUSED:
        return run_state_turned(state, RUN_PAUSED, event, err);
    case EVENT_RUN_CONTINUED:
    case EVENT_RUN_CANCELLING:
        return run_state_turned(state, RUN_RUNNING, event, err);
    case EVENT_STOPPING:
        return state->status != RUN_PAUSED || run_state_turned(state, RUN_RUNNING, event, err);
    case EVENT_ORPHANS_FOUND:
    case EVENT_WARNING:
    case EVENT_WARNING_ENDED:
    case EVENT_HOOK_STARTED:
    case EVENT_HOOK_FAILED:
    case EVENT_HOOKS_TOLD:
    case EVENT_SYNCED:
    case EVENT_SNAPSHOT:
        return true;
    case EVENT_RUN_COMPLETED:
        return run_state_ended_by(state, RUN_COMPLETED, event, err);
    case EVENT_RUN_FAILED:
        return run_state_ended_by(state, RUN_FAILED, event, err);
    case EVENT_RUN_CANCELLED:
        return run_state_ended_by(state, RUN_CANCELLED, event, err);
    case EVENT_RUN_INTERRUPTED:
        return run_state_ended_by(state, RUN_INTERRUPTED, event, err);
    case EVENT_RUN_ABANDONED:
        return run_state_ended_by(state, RUN_ABANDONED, event, err);
    case EVENT_TYPE_COUNT:
        break;
    }
    bug("event type %d is none", (int)event->type);
}

bool run_state_apply(struct run_state *state, const struct event *event, struct err *err)
{
    if (!run_state_dispatch(state, event, err)) {
        return false;
    }
    state->last_seq = event->seq;
    state->last_event_ns = event->time_ns;
    return true;
}
