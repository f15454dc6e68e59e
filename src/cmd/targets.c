/* Owns reading targets and what is forced. */
#include "cmd/targets.h"

#include <string.h>

bool targets_select(struct session *session, const char *typed, uint8_t *selected, struct err *err)
{
    struct err other = {0};
    struct str path;

    if (plan_select(&session->plan, str_of(typed), selected, err)) {
        return true;
    }
    if (session_user_path(session, str_of(typed), &path) && !str_is(path, typed) &&
        plan_select(&session->plan, path, selected, &other)) {
        err_clear(err);
        return true;
    }
    return false;
}

bool targets_select_all(struct session *session, const struct cli_texts *typed, uint8_t *selected,
                        struct err *err)
{
    for (uint32_t i = 0; i < typed->count; i++) {
        if (!targets_select(session, typed->items[i], selected, err)) {
            return false;
        }
    }
    return true;
}

static bool targets_default(struct session *session, uint8_t *selected, struct err *err)
{
    const struct m_list *targets = &session->manifest.targets;

    if (targets->count == 0) {
        memset(selected, 1, session->plan.instance_count);
    }
    for (uint32_t i = 0; i < targets->count; i++) {
        if (!plan_select(&session->plan, targets->items[i].text, selected, err)) {
            return err_wrap(err, "pipeline.default");
        }
    }
    return true;
}

bool targets_take(struct session *session, const struct cli_texts *typed, uint8_t *selected,
                  struct err *err)
{
    return typed->count != 0 ? targets_select_all(session, typed, selected, err)
                             : targets_default(session, selected, err);
}

static bool targets_force_from(struct session *session, const char *typed, uint8_t *forced,
                               struct err *err)
{
    const struct plan *plan = &session->plan;
    uint8_t *from = ARENA_ARRAY(&session->arena, uint8_t, plan->instance_count);

    if (!targets_select(session, typed, from, err)) {
        return false;
    }
    plan_close_over_consumers(plan, from);
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        forced[i] |= from[i];
    }
    return true;
}

bool targets_force(struct session *session, const struct cli *cli, const uint8_t *target,
                   uint8_t *forced, struct err *err)
{
    for (uint32_t i = 0; i < cli->force.count; i++) {
        if (cli->force.items[i][0] == '\0') {
            memcpy(forced, target, session->plan.instance_count);
        } else if (!targets_select(session, cli->force.items[i], forced, err)) {
            return false;
        }
    }
    return cli->from == NULL || targets_force_from(session, cli->from, forced, err);
}
