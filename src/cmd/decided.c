/* Owns deciding without acting. */
#include "cmd/decided.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* --force and --from. */
static bool decided_force(struct decided *decided, struct err *err)
{
    struct cli *cli = decided->place.cli;
    const struct plan *plan = &decided->place.session.plan;
    uint8_t *from;

    for (uint32_t i = 0; i < cli->force.count; i++) {
        if (cli->force.items[i][0] == '\0') {
            memcpy(decided->forced, decided->target, plan->instance_count);
        } else if (!place_select_one(&decided->place, cli->force.items[i], decided->forced, err)) {
            return false;
        }
    }
    if (cli->from == NULL) {
        return true;
    }
    from = ARENA_ARRAY(&cli->arena, uint8_t, plan->instance_count);
    if (!place_select_one(&decided->place, cli->from, from, err)) {
        return false;
    }
    plan_close_over_consumers(plan, from);
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        decided->forced[i] |= from[i];
    }
    return true;
}

static bool decided_take_request(struct decided *decided, enum decided_what what, struct err *err)
{
    struct cli *cli = decided->place.cli;
    const struct plan *plan = &decided->place.session.plan;
    bool ok = what == DECIDED_TARGETS ? place_targets(&decided->place, decided->target, err)
                                      : place_select(&decided->place, decided->target, err);

    if (!ok || !decided_force(decided, err)) {
        return false;
    }
    memcpy(decided->scope, decided->target, plan->instance_count);
    if (!cli->only) {
        plan_close_over_producers(plan, decided->scope);
    }
    return true;
}

static bool decided_decide(struct decided *decided, struct err *err)
{
    struct session *session = &decided->place.session;
    struct facts_options options = {.rehash = decided->place.cli->rehash,
                                    .only = decided->place.cli->only,
                                    .forced = decided->forced};
    struct decide_facts facts;

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
