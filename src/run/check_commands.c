/* Owns the commands of checks: one after the other for each instance, as many at once as there are
 * processors. Each runs in the workspace, where what the stage made lies, with the stage's
 * environment and its timeout, and prints into a log of its own.
 *
 * Exit 0 passes, another exit code does not; both are verdicts, kept in the store by the key of the
 * check. Of one that was killed, took too long or could not be started the verdict is kept for this
 * run alone. */
#include <stdlib.h>

#include "base/mem.h"
#include "run/judge.h"
#include "run/log_name.h"
#include "run/side.h"

struct check_process {
    struct side side; /* first; its arena is of the check that runs */
    struct check_process *next;
    struct inst_id instance;
    const struct m_stage *stage;
    uint32_t number; /* the check, among those of its stage */
    bool told_to_end;
    struct check_command what;
    struct str attempt_id;
};

static bool check_spawn(struct check_process *process, struct err *err)
{
    struct side *side = &process->side;
    const struct plan_instance *inst = &side->executor->plan->instances[process->instance.n];
    struct str name = STR_JOIN(&side->arena, inst->name, STR(".check"));
    struct environment_attempt about = {.stage = process->stage->name,
                                        .instance = inst->name,
                                        .attempt_id = process->attempt_id,
                                        .span = STR("0000000000000000"),
                                        .attempt = 1,
                                        .max_attempts = 1,
                                        .cpus = 1,
                                        .makeflags = STR("")};

    return side_start_of(side, process->instance, &process->what.command, &about,
                         log_name_make(name, process->number + 1, &side->arena), err);
}

/* --- verdicts --- */

static void check_keep(struct check_process *process, struct str verdict)
{
    struct executor *executor = process->side.executor;
    const struct session *session = executor->session;
    const struct plan_instance *inst = &executor->plan->instances[process->instance.n];
    struct key_fields *fields = &process->what.fields;
    struct result result = {.key = process->what.key,
                            .declared = process->what.key,
                            .workspace = session->workspace.id,
                            .machine = session->machine_digest,
                            .stage = process->stage->name,
                            .instance = STR_JOIN(&process->side.arena, inst->name, STR("#check")),
                            .run = executor->recorder->run,
                            .attempt = process->attempt_id,
                            .started_ns = clock_real_ns(session->clock),
                            .ended_ns = clock_real_ns(session->clock)};

    result.fields = ARENA_ARRAY(&process->side.arena, struct result_field, fields->count + 1u);
    for (uint32_t i = 0; i < fields->count; i++) {
        result.fields[result.field_count++] =
            (struct result_field){fields->items[i].name, fields->items[i].value};
    }
    if (verdict.len != 0) {
        result.fields[result.field_count++] = (struct result_field){STR("verdict"), verdict};
    }
    results_add(session->results, &result);
}

static struct str check_words(struct check_process *process, struct str what)
{
    return str_printf(&process->side.arena, "%.*s; log .pawl/runs/%.*s/logs/%.*s", STR_ARG(what),
                      STR_ARG(process->side.executor->recorder->run),
                      STR_ARG(process->side.log_name));
}

/* --- one after the other --- */

static void check_leave(struct check_process *process, enum cause cause, struct str reason)
{
    struct executor *executor = process->side.executor;
    struct check_process **at = &executor->checks;
    struct note note = {.kind = NOTE_JUDGED, .instance = process->instance, .cause = cause};

    while (*at != process) {
        at = &(*at)->next;
    }
    *at = process->next;
    note.event.reason = str_dup(&executor->note_arena, reason);
    executor_note(executor, &note);
    side_fini(&process->side);
    free(process);
}

/* The next check of which no verdict is known; false: there is none. */
static bool check_find_next(struct check_process *process)
{
    struct facts *facts = process->side.executor->facts;
    const struct m_check *check;
    enum check_kind kind;

    for (; (check = judge_check_at(process->stage, process->number, &kind)) != NULL;
         process->number++) {
        struct err err = {0};
        struct str reason;
        bool passed;

        arena_reset(&process->side.arena);
        if (check->expr == NULL &&
            facts_check_command(facts, process->instance, check, &process->side.arena,
                                &process->what, &err) &&
            !facts_check_kept(facts, &process->what.key, &process->side.arena, &passed, &reason)) {
            return true;
        }
    }
    return false;
}

static void check_start(struct check_process *process)
{
    struct executor *executor = process->side.executor;
    struct err err = {0};

    process->attempt_id =
        side_attempt_id(executor->recorder->run, SIDE_CHECK, &process->side.arena);
    if (check_spawn(process, &err)) {
        executor->checks_running++;
        return;
    }
    facts_note_verdict(executor->facts, &process->what.key,
                       str_printf(&process->side.arena, "it cannot be run: %s", err.text));
}

static uint32_t check_most(const struct executor *executor)
{
    uint32_t cpus = executor->session->machine.cpus;

    return cpus != 0 ? cpus : 1;
}

/* Starts what may start, and lets go of those that are done. */
static void check_go_on(struct executor *executor)
{
    struct check_process *next;

    for (struct check_process *process = executor->checks; process != NULL; process = next) {
        next = process->next;
        while (!process->side.running && !process->told_to_end &&
               executor->checks_running < check_most(executor)) {
            if (!check_find_next(process)) {
                check_leave(process, CAUSE_NONE, STR(""));
                break;
            }
            check_start(process);
        }
    }
}

static void check_take_end(struct check_process *process, const struct child_end *end)
{
    struct facts *facts = process->side.executor->facts;
    bool verdict = !process->side.timed_out && end->signal == 0 && end->exit_code != 126 &&
                   end->exit_code != 127;
    struct str words = verdict && end->exit_code == 0
                           ? STR("")
                           : check_words(process, side_words(&process->side, end));

    if (verdict) {
        check_keep(process, words);
    } else {
        facts_note_verdict(facts, &process->what.key, words);
    }
}

static void check_done(struct side *side, const struct child_end *end)
{
    struct check_process *process = (struct check_process *)side;
    struct executor *executor = side->executor;

    executor->checks_running--;
    if (process->told_to_end) {
        check_leave(process, CAUSE_CANCELLED, STR(""));
    } else {
        check_take_end(process, end);
    }
    check_go_on(executor);
}

void check_commands_begin(void *ctx, struct inst_id instance)
{
    struct executor *executor = ctx;
    const struct plan_instance *inst = &executor->plan->instances[instance.n];
    struct check_process *process = mem_calloc(1, sizeof(*process));
    struct check_process **at = &executor->checks;

    side_init(&process->side, executor, check_done);
    process->instance = instance;
    process->stage = executor->plan->stages[inst->stage.n].source;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = process;
    check_go_on(executor);
}

void check_commands_end(void *ctx)
{
    struct executor *executor = ctx;
    struct check_process *next;

    for (struct check_process *process = executor->checks; process != NULL; process = next) {
        next = process->next;
        process->told_to_end = true;
        if (process->side.running) {
            side_kill(&process->side);
        } else {
            check_leave(process, CAUSE_CANCELLED, STR(""));
        }
    }
}

void check_commands_kill(struct executor *executor)
{
    while (executor->checks != NULL) {
        struct check_process *process = executor->checks;

        executor->checks = process->next;
        side_fini(&process->side);
        free(process);
    }
}
