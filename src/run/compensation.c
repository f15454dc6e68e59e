/* Owns the command of `compensate` and what the engine asks of effects: one runs at a time. */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "run/log_name.h"
#include "run/side.h"
#include "run/undo.h"

struct compensation {
    struct side side; /* first */
    bool told_to_end;
};

/* --- effects --- */

bool compensation_start(struct executor *executor, const struct attempt *attempt,
                        struct arena *arena, struct err *err)
{
    struct effect effect = {.id = attempt->id,
                            .run = executor->recorder->run,
                            .stage = attempt->stage->name,
                            .instance = attempt->inst->name,
                            .number = attempt->instance.n};
    struct strbuf bytes = {0};
    struct undo undo;
    bool ok = undo_take(executor->facts, attempt->instance, attempt->number, arena, &undo, err);

    if (ok) {
        undo_write(&undo, &bytes);
        effect.undo = strbuf_str(&bytes);
        ok = effects_start(&executor->session->effects, &effect, err);
    }
    strbuf_fini(&bytes);
    return ok;
}

void compensation_finish(struct executor *executor, struct str id, bool good)
{
    struct err err = {0};

    if (!effects_finish(&executor->session->effects, id, good, &err)) {
        executor_broken(executor, &err);
    }
}

void compensation_note_secrets(struct executor *executor)
{
    struct session *session = executor->session;
    struct undo undo;

    VEC_EACH (row, &session->effects.rows) {
        if (!undo_read(row->undo, &session->arena, &undo, NULL)) {
            continue;
        }
        for (uint32_t i = 0; i < undo.kept.secrets.count; i++) {
            const char *value = getenv(undo.kept.secrets.items[i].data);

            mask_words_add(&executor->secrets, str_of(value != NULL ? value : ""));
        }
    }
}

uint32_t compensation_count(void *ctx, bool condemned)
{
    const struct effects *effects = &((struct executor *)ctx)->session->effects;

    return effects_count(effects, condemned);
}

/* Its number in the plan, or, of a record without one, in the run that it is of. */
static struct inst_id compensation_number(const struct executor *executor,
                                          const struct effect *effect)
{
    if (executor->session->planned) {
        return plan_find_instance(executor->plan, effect->instance);
    }
    return (struct inst_id){str_equal(effect->run, executor->recorder->run) ? effect->number
                                                                            : PLAN_NONE};
}

static bool compensation_describe(const struct executor *executor, const struct effect *effect,
                                  struct engine_effect *into)
{
    struct arena *arena = &executor->session->arena;
    struct undo undo;

    if (effect == NULL) {
        return false;
    }
    *into = (struct engine_effect){.id = effect->id,
                                   .stage = effect->stage,
                                   .instance = effect->instance,
                                   .number = compensation_number(executor, effect)};
    /* Of one that cannot be read the command will say so. */
    if (undo_read(effect->undo, arena, &undo, NULL)) {
        into->place = undo.place;
        into->retry = undo.retry;
    }
    return true;
}

bool compensation_next(void *ctx, bool condemned, struct engine_effect *effect)
{
    struct executor *executor = ctx;

    return compensation_describe(executor, effects_newest(&executor->session->effects, condemned),
                                 effect);
}

bool compensation_unknown(void *ctx, struct inst_id instance, struct engine_effect *effect)
{
    struct executor *executor = ctx;
    struct str name = executor->plan->instances[instance.n].name;

    return compensation_describe(executor, effects_unknown(&executor->session->effects, name),
                                 effect);
}

void compensation_condemn(void *ctx, const struct engine_effect *effect)
{
    struct executor *executor = ctx;
    struct err err = {0};

    if (!effects_condemn(&executor->session->effects, effect != NULL ? effect->id : STR(""),
                         &err)) {
        executor_broken(executor, &err);
    }
}

void compensation_undone(void *ctx, const struct engine_effect *effect)
{
    struct executor *executor = ctx;
    struct err err = {0};

    /* Else it would be undone again at once, and for ever: the next command does it. */
    if (!effects_undone(&executor->session->effects, effect->id, &err)) {
        effects_give_up(&executor->session->effects, effect->id);
        executor_broken(executor, &err);
    }
}

void compensation_give_up(void *ctx, const struct engine_effect *effect)
{
    effects_give_up(&((struct executor *)ctx)->session->effects, effect->id);
}

/* --- the command --- */

static void compensation_note(struct compensation *compensation, enum cause cause,
                              struct str reason, const struct child_end *end)
{
    struct note note = {.kind = NOTE_UNDONE, .cause = cause};

    side_note(&compensation->side, &note, reason, end);
}

static void compensation_free(struct compensation *compensation)
{
    compensation->side.executor->compensation = NULL;
    side_fini(&compensation->side);
    free(compensation);
}

static void compensation_done(struct side *side, const struct child_end *end)
{
    struct compensation *compensation = (struct compensation *)side;

    if (compensation->told_to_end) {
        compensation_note(compensation, CAUSE_CANCELLED, STR("the run ends"), end);
    } else if (side->timed_out) {
        compensation_note(compensation, CAUSE_TIMEOUT, side_words(side, end), end);
    } else if (end->signal != 0) {
        compensation_note(compensation, CAUSE_SIGNAL, side_words(side, end), end);
    } else if (end->exit_code != 0) {
        compensation_note(compensation, CAUSE_EXIT, side_words(side, end), end);
    } else {
        compensation_note(compensation, CAUSE_NONE, STR(""), end);
    }
    compensation_free(compensation);
}

static struct environment_attempt compensation_about(const struct executor *executor,
                                                     const struct engine_effect *effect,
                                                     const struct undo *undo, bool cancelled,
                                                     struct arena *arena)
{
    struct environment_attempt about = {
        .stage = effect->stage,
        .instance = effect->instance,
        .attempt_id = side_attempt_id(executor->recorder->run, SIDE_COMPENSATE, arena),
        .span = recorder_random_hex(executor->recorder, arena, 16),
        .attempt = undo->attempt,
        .max_attempts = (int64_t)undo->retry.max + 1,
        .cpus = 1,
        .makeflags = STR(""),
        .effect = effect->id};

    failure_about(executor, arena, &about);
    if (cancelled || about.cause.len == 0) {
        about.cause = str_of(cause_name(CAUSE_CANCELLED));
    }
    if (about.exit_status.len == 0) {
        about.exit_status = STR("0");
    }
    return about;
}

static bool compensation_run(struct compensation *compensation, const struct engine_effect *effect,
                             uint32_t tries, bool cancelled, struct err *err)
{
    struct executor *executor = compensation->side.executor;
    struct arena *arena = &compensation->side.arena;
    const struct effect *row = effects_get(&executor->session->effects, effect->id);
    struct environment_attempt about;
    struct side_start start;
    struct undo undo;

    assert(row != NULL);
    if (!row->condemned) {
        return err_set(err, STATUS_ENVIRONMENT, "'.pawl/effects' could not be written");
    }
    if (!undo_read(row->undo, arena, &undo, err)) {
        return false;
    }
    about = compensation_about(executor, effect, &undo, cancelled, arena);
    start = (struct side_start){
        .argv = undo.argv.items,
        .argc = undo.argv.count,
        .dir = undo.dir,
        .log_name =
            log_name_make(STR_JOIN(arena, effect->instance, STR(".compensate")), tries, arena),
        .log_max_bytes = undo.log_max_bytes,
        .timeout_ns = undo.timeout_ns};
    return environment_build_kept(&executor->frame, &undo.kept, &about, arena, &start.envp, err) &&
           side_start(&compensation->side, &start, err);
}

void compensation_begin(void *ctx, const struct engine_effect *effect, uint32_t tries,
                        bool cancelled)
{
    struct executor *executor = ctx;
    struct compensation *compensation = mem_calloc(1, sizeof(*compensation));
    struct child_end end = {.exit_code = -1};
    struct err err = {0};

    side_init(&compensation->side, executor, compensation_done);
    executor->compensation = compensation;
    if (!compensation_run(compensation, effect, tries, cancelled, &err)) {
        compensation_note(compensation, CAUSE_ENVIRONMENT, str_of(err.text), &end);
        compensation_free(compensation);
    }
}

void compensation_end(void *ctx)
{
    struct executor *executor = ctx;

    if (executor->compensation != NULL) {
        executor->compensation->told_to_end = true;
        side_kill(&executor->compensation->side);
    }
}

void compensation_kill(struct executor *executor)
{
    if (executor->compensation != NULL) {
        compensation_free(executor->compensation);
    }
}
