/* Owns deciding without acting. */
#include "cmd/decided.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "cmd/run_view.h"
#include "cmd/targets.h"
#include "run/owed.h"

/* As the next run would; what is wrong with the file is told by that. */
static void decided_add_always(struct decided *decided)
{
    struct session *session = &decided->place.session;
    struct err err = {0};
    struct str gone;

    plan_add_always(&session->plan, decided->scope);
    owed_add(session, decided->scope, &session->arena, &gone, &err);
}

static bool decided_take_request(struct decided *decided, enum decided_what what, struct err *err)
{
    struct cli *cli = decided->place.cli;
    const struct plan *plan = &decided->place.session.plan;
    struct session *session = &decided->place.session;
    bool ok = what == DECIDED_TARGETS
                  ? targets_take(session, &cli->operands, decided->target, err)
                  : targets_select_all(session, &cli->operands, decided->target, err);

    if (!ok || !targets_force(session, cli, decided->target, decided->forced, err)) {
        return false;
    }
    memcpy(decided->scope, decided->target, plan->instance_count);
    if (!cli->only) {
        plan_close_over_producers(plan, decided->scope);
    }
    if (what == DECIDED_TARGETS) {
        decided_add_always(decided);
    }
    return true;
}

/* Whether `run` with the same arguments would go on with the run that `view` shows. */
static bool decided_goes_on(const struct decided *decided, const struct run_view *view)
{
    struct cli *cli = decided->place.cli;
    const struct session *session = &decided->place.session;
    struct event_strs targets = {ARENA_ARRAY(&cli->arena, struct str, cli->operands.count), 0};
    struct event_pairs flags = {0};
    char hex[DIGEST_HEX_BYTES + 1];
    struct digest plan;

    if (run_status_is_final(view->state.status) || cli->force.count != 0 || cli->from != NULL ||
        cli->only || view->state.instance_count != session->plan.instance_count) {
        return false;
    }
    for (uint32_t i = 0; i < cli->operands.count; i++) {
        targets.items[targets.count++] = str_of(cli->operands.items[i]);
    }
    plan = session_plan_digest(session, &targets, &flags);
    return str_is(view->state.plan, digest_hex(&plan, hex));
}

static bool decided_has_uncached(const struct decided *decided)
{
    const struct plan *plan = &decided->place.session.plan;

    for (uint32_t i = 0; i < plan->instance_count; i++) {
        if (decided->scope[i] && plan->instances[i].no_cache) {
            return true;
        }
    }
    return false;
}

/* A stage with `cache = false` that an interrupted run already ran is not run again by the run that
 * goes on with it. */
static void decided_take_ran(struct decided *decided, struct facts_options *options)
{
    const struct session *session = &decided->place.session;
    struct run_view view;
    struct run_id id;
    struct err err = {0};

    if (!decided_has_uncached(decided) || !run_view_find(session, NULL, &id, &err)) {
        return;
    }
    if (run_view_read(session, &id, &view, &err) && decided_goes_on(decided, &view)) {
        uint8_t *ran = ARENA_ARRAY(&decided->place.cli->arena, uint8_t, view.state.instance_count);

        for (uint32_t i = 0; i < view.state.instance_count; i++) {
            ran[i] = view.state.instances[i].state == INST_DONE;
        }
        options->ran = ran;
    }
    run_view_fini(&view);
}

static bool decided_decide(struct decided *decided, struct err *err)
{
    struct session *session = &decided->place.session;
    struct facts_options options = {.rehash = decided->place.cli->rehash,
                                    .lenient = decided->place.cli->lenient,
                                    .only = decided->place.cli->only,
                                    .forced = decided->forced};
    struct decide_facts facts;

    if (!session_has_effects(session, err)) {
        return false;
    }
    decided_take_ran(decided, &options);
    facts_init(&decided->facts, session, &options);
    facts = facts_decide(&decided->facts);
    decide_init(&decided->decide, &session->plan, &facts, decided->scope, decided->target);
    decided->has_facts = true;
    decided->facts.decide = &decided->decide;
    decided->view = (struct reason_view){.session = session,
                                         .facts = &decided->facts,
                                         .decide = &decided->decide,
                                         .forced = decided->forced};
    decide_plan(&decided->decide);
    if (decided->facts.broken.status != 0) {
        *err = decided->facts.broken;
        return false;
    }
    return true;
}

int decided_open(struct decided *decided, struct cli *cli, enum decided_what what)
{
    struct err err = {0};
    int status;
    uint32_t count;

    *decided = (struct decided){.has_facts = false};
    status = place_open(&decided->place, cli, PLACE_PLAN, SESSION_LOOK);
    if (status != STATUS_OK) {
        return status;
    }
    count = decided->place.session.plan.instance_count;
    decided->scope = mem_calloc(count, 1);
    decided->target = mem_calloc(count, 1);
    decided->forced = mem_calloc(count, 1);
    if (!decided_take_request(decided, what, &err) || !decided_decide(decided, &err)) {
        return place_fail(&decided->place, &err);
    }
    return STATUS_OK;
}

void decided_close(struct decided *decided)
{
    if (decided->has_facts) {
        decide_fini(&decided->decide);
        facts_fini(&decided->facts);
    }
    free(decided->scope);
    free(decided->target);
    free(decided->forced);
    place_close(&decided->place);
}

bool decided_is_name(const struct decided *decided, uint32_t instance)
{
    const struct plan *plan = &decided->place.session.plan;

    return plan->stages[plan->instances[instance].stage.n].source->run_kind == M_RUN_NONE;
}
