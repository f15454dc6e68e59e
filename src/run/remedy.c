/* Owns the command of `recover`: it runs after a failed attempt, when what that left is out of the
 * way, and before the next. */
#include <stdlib.h>

#include "base/mem.h"
#include "run/log_name.h"
#include "run/side.h"

struct remedy {
    struct side side; /* first */
    struct remedy *next;
    struct inst_id instance;
    bool told_to_end;
};

static void remedy_note(struct remedy *remedy, enum cause cause, struct str reason,
                        const struct child_end *end)
{
    struct note note = {.kind = NOTE_RECOVERED, .instance = remedy->instance, .cause = cause};

    side_note(&remedy->side, &note, reason, end);
}

static void remedy_free(struct remedy *remedy)
{
    struct remedy **at = &remedy->side.executor->remedies;

    while (*at != remedy) {
        at = &(*at)->next;
    }
    *at = remedy->next;
    side_fini(&remedy->side);
    free(remedy);
}

/* It may have changed what the stage reads. */
static void remedy_forget_sources(struct remedy *remedy)
{
    struct facts *facts = remedy->side.executor->facts;
    struct resolved_inputs resolved;

    facts_inputs_of(facts, remedy->instance, &remedy->side.arena, &resolved);
    for (uint32_t i = 0; i < resolved.count; i++) {
        if (!inst_is_some(resolved.items[i].producer)) {
            facts_forget_source(facts, resolved.items[i].path);
        }
    }
}

static void remedy_done(struct side *side, const struct child_end *end)
{
    struct remedy *remedy = (struct remedy *)side;

    if (remedy->told_to_end) {
        remedy_note(remedy, CAUSE_CANCELLED, STR("the run ends"), end);
    } else if (!side->timed_out && end->signal == 0 && end->exit_code == 0) {
        remedy_forget_sources(remedy);
        remedy_note(remedy, CAUSE_NONE, STR(""), end);
    } else {
        remedy_note(remedy, CAUSE_EXIT, side_words(side, end), end);
    }
    remedy_free(remedy);
}

static bool remedy_start(struct remedy *remedy, const struct engine_recovery *recovery,
                         struct err *err)
{
    struct executor *executor = remedy->side.executor;
    struct arena *arena = &remedy->side.arena;
    const struct plan_instance *inst = &executor->plan->instances[recovery->instance.n];
    const struct m_stage *stage = plan_source(executor->plan, inst);
    struct resolved_inputs resolved;
    struct plan_command command;
    struct environment_attempt about;

    if (!facts_inputs_of(executor->facts, recovery->instance, arena, &resolved)) {
        return err_set(err, STATUS_STAGE_FAILED, "%.*s", STR_ARG(resolved.missing));
    }
    if (!plan_command_beside(executor->plan, recovery->instance, stage->settings->recover,
                             &resolved, arena, &command, err)) {
        return false;
    }
    about = (struct environment_attempt){
        .stage = stage->name,
        .instance = inst->name,
        .attempt_id = side_attempt_id(executor->recorder->run, SIDE_RECOVER, arena),
        .span = recorder_random_hex(executor->recorder, arena, 16),
        .attempt = recovery->attempt,
        .max_attempts = (int64_t)executor->plan->retries[inst->retry].max + 1,
        .cpus = 1,
        .makeflags = STR(""),
        .cause = str_of(cause_name(recovery->cause)),
        .exit_status = environment_exit_status(recovery->exit_code, recovery->signal, arena),
        .log = recovery->log.len != 0 ? STR_JOIN(arena, executor->run_dir, STR("/"), recovery->log)
                                      : STR("")};
    return side_start_of(&remedy->side, recovery->instance, &command, &about,
                         log_name_make(STR_JOIN(arena, inst->name, STR(".recover")),
                                       (uint32_t)recovery->attempt, arena),
                         err);
}

void remedy_begin(void *ctx, const struct engine_recovery *recovery)
{
    struct executor *executor = ctx;
    struct remedy *remedy = mem_calloc(1, sizeof(*remedy));
    struct child_end end = {.exit_code = -1};
    struct err err = {0};

    side_init(&remedy->side, executor, remedy_done);
    remedy->instance = recovery->instance;
    remedy->next = executor->remedies;
    executor->remedies = remedy;
    if (!remedy_start(remedy, recovery, &err)) {
        remedy_note(remedy, CAUSE_ENVIRONMENT, str_of(err.text), &end);
        remedy_free(remedy);
    }
}

void remedies_end(void *ctx)
{
    struct executor *executor = ctx;

    for (struct remedy *remedy = executor->remedies; remedy != NULL; remedy = remedy->next) {
        remedy->told_to_end = true;
        side_kill(&remedy->side);
    }
}

void remedies_kill(struct executor *executor)
{
    while (executor->remedies != NULL) {
        remedy_free(executor->remedies);
    }
}
