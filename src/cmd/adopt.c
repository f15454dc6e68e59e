/* Owns `adopt`: outputs that lie in the workspace become the result for the present key, as if the
 * stage had run. In order of the graph, so that a chain of stages can be adopted at once: what an
 * adopted stage made is known to those behind it. */
#include <string.h>

#include "cmd/place.h"
#include "cmd/targets.h"
#include "run/judge.h"
#include "store/barrier.h"
#include "store/kinds.h"

struct adopt {
    struct cli *cli;
    struct session *session;
    struct facts facts;
    struct decide_facts ask;
    uint8_t *target, *scope; /* by instance */
    uint32_t count;
};

/* --- one instance --- */

static bool adopt_output(struct adopt *adopt, const struct plan_instance *inst, uint32_t output,
                         struct result *result, struct err *err)
{
    struct session *session = adopt->session;
    const struct plan *plan = &session->plan;
    const struct plan_output *declared = &plan->outputs[output];
    struct str path = plan_path_name(plan, declared->path);
    struct output_rows rows = {.arena = &session->arena, .times = session->times};
    struct put_output put;
    struct output_look look;

    if (!source_look_known(session, path, &look, err)) {
        return false;
    }
    if (!look.exists) {
        return declared->optional ||
               err_set(err, STATUS_USAGE,
                       "'%.*s' cannot be adopted: its output '%.*s' is not there",
                       STR_ARG(inst->name), STR_ARG(path));
    }
    if (!objects_put_output(session->objects, session->root_fd, path.data, &rows, &put, err)) {
        return false;
    }
    if (declared->folder != (put.type == TREE_FOLDER)) {
        return err_set(err, STATUS_USAGE, "'%.*s' cannot be adopted: '%.*s' is %s",
                       STR_ARG(inst->name), STR_ARG(path),
                       declared->folder ? "no folder" : "a folder");
    }
    result->outputs[result->output_count++] =
        (struct result_output){.role = intern_str(&plan->names, declared->role),
                               .path = path,
                               .kind = kind_in_result(put.type),
                               .executable = put.executable,
                               .stored = declared->store && !declared->temp,
                               .digest = put.digest,
                               .size_bytes = put.size_bytes};
    made_put(session->made, &(struct made_row){.path = path,
                                               .kind = kind_in_made(put.type),
                                               .executable = put.executable,
                                               .digest = put.digest,
                                               .size_bytes = put.size_bytes,
                                               .stage = result->stage,
                                               .instance = inst->name,
                                               .run = result->run});
    source_put_rows(session, &rows);
    return true;
}

static bool adopt_metrics(struct adopt *adopt, const struct plan_instance *inst,
                          struct result *result, struct err *err)
{
    const struct plan *plan = &adopt->session->plan;
    struct metric_list list;

    metric_list_init(&list, &adopt->session->arena);
    for (uint32_t i = inst->outputs_first; i < inst->outputs_first + inst->output_count; i++) {
        if (plan->outputs[i].is_metrics &&
            !metrics_add_file(&list, plan_path_name(plan, plan->outputs[i].path), err)) {
            return false;
        }
    }
    result->metrics = metrics_of(&list);
    return true;
}

static bool adopt_fields(struct adopt *adopt, struct inst_id instance, struct result *result,
                         struct err *err)
{
    struct arena *arena = &adopt->session->arena;
    struct inst_reads reads;

    if (!facts_reads_of(&adopt->facts, instance, arena, &reads)) {
        if (adopt->facts.broken.status != 0) {
            *err = adopt->facts.broken;
            return false;
        }
        return err_set(err, reads.lack_status, "%.*s", STR_ARG(reads.lack));
    }
    result->fields = ARENA_ARRAY(arena, struct result_field, reads.fields.count);
    for (uint32_t i = 0; i < reads.fields.count; i++) {
        result->fields[i] =
            (struct result_field){reads.fields.items[i].name, reads.fields.items[i].value};
    }
    result->field_count = reads.fields.count;
    result->declared = result->key = reads.declared;
    return true;
}

static void adopt_index_row(struct session *session, const struct plan_instance *inst,
                            const struct result *result)
{
    struct index_instance row = {0};

    index_instance(session->index, inst->name, &row);
    row.key = result->key;
    row.state = INDEX_OK;
    index_put_instance(session->index, inst->name, &row);
}

static bool adopt_take(struct adopt *adopt, struct inst_id instance, struct err *err)
{
    struct session *session = adopt->session;
    const struct plan *plan = &session->plan;
    const struct plan_instance *inst = &plan->instances[instance.n];
    const struct m_stage *stage = plan_source(plan, inst);
    struct result result = {.workspace = session->workspace.id,
                            .machine = session->machine_digest,
                            .stage = stage->name,
                            .instance = inst->name,
                            .run = STR("adopted"),
                            .attempt = STR("adopted"),
                            .started_ns = clock_real_ns(session->clock),
                            .flags = RESULT_ADOPTED};
    bool changed;

    result.ended_ns = result.started_ns;
    result.flags |=
        stage->settings->tools_given || session->manifest.portable ? RESULT_PORTABLE : 0;
    result.outputs = ARENA_ARRAY(&session->arena, struct result_output, inst->output_count);
    for (uint32_t i = 0; i < inst->output_count; i++) {
        if (!adopt_output(adopt, inst, inst->outputs_first + i, &result, err)) {
            return false;
        }
    }
    if (!adopt_metrics(adopt, inst, &result, err) || !adopt_fields(adopt, instance, &result, err)) {
        return false;
    }
    results_add(session->results, &result);
    adopt_index_row(session, inst, &result);
    facts_take_result(&adopt->facts, instance, &result, &changed);
    strbuf_printf(&adopt->cli->out, "adopted '%.*s'\n", STR_ARG(inst->name));
    adopt->count++;
    return true;
}

/* --- which may be adopted --- */

static bool adopt_producers_are_done(const struct adopt *adopt, const struct plan_instance *inst,
                                     struct str *missing)
{
    const struct plan *plan = &adopt->session->plan;

    for (uint32_t i = 0; i < inst->producer_count; i++) {
        uint32_t p = plan->edges[inst->producers_first + i].n;

        if (!adopt->facts.instances[p].good && !adopt->facts.instances[p].skipped) {
            *missing = plan->instances[p].name;
            return false;
        }
    }
    return true;
}

static bool adopt_is_possible(const struct adopt *adopt, const struct plan_instance *inst,
                              struct err *err)
{
    const struct plan *plan = &adopt->session->plan;

    if (inst->output_count == 0) {
        return err_set(err, STATUS_USAGE, "'%.*s' cannot be adopted: it has no outputs",
                       STR_ARG(inst->name));
    }
    if (inst->no_cache) {
        return err_set(err, STATUS_USAGE, "'%.*s' cannot be adopted: it runs in each run",
                       STR_ARG(inst->name));
    }
    for (uint32_t i = 0; i < inst->output_count; i++) {
        if (plan->outputs[inst->outputs_first + i].is_depfile) {
            return err_set(err, STATUS_USAGE,
                           "'%.*s' cannot be adopted: what it reads is known only from the depfile "
                           "of a run",
                           STR_ARG(inst->name));
        }
    }
    return true;
}

static bool adopt_look(struct adopt *adopt, struct inst_id instance, struct err *err)
{
    const struct plan_instance *inst = &adopt->session->plan.instances[instance.n];
    bool wanted = adopt->target[instance.n];
    struct str missing;

    if (!adopt_producers_are_done(adopt, inst, &missing)) {
        return !wanted || err_set(err, STATUS_USAGE,
                                  "'%.*s' cannot be adopted: '%.*s' is not up to date; adopt or "
                                  "run it first",
                                  STR_ARG(inst->name), STR_ARG(missing));
    }
    switch (adopt->ask.look(adopt->ask.ctx, instance)) {
    case DECIDE_HIT:
    case DECIDE_UNJUDGED:
    case DECIDE_SKIP:
        if (wanted) {
            strbuf_printf(&adopt->cli->out, "'%.*s' is up to date\n", STR_ARG(inst->name));
        }
        return true;
    case DECIDE_MISS:
        return !wanted || (adopt_is_possible(adopt, inst, err) && adopt_take(adopt, instance, err));
    case DECIDE_REFUSED:
        return !wanted || err_set(err, STATUS_USAGE,
                                  "'%.*s' cannot be adopted: its result is known, and refused",
                                  STR_ARG(inst->name));
    case DECIDE_LACK:
    case DECIDE_UNKNOWN:
        break;
    }
    return !wanted ||
           err_set(err, STATUS_MANIFEST, "'%.*s' cannot be adopted: %.*s", STR_ARG(inst->name),
                   STR_ARG(inst_trouble(&adopt->facts.instances[instance.n])->lack));
}

static bool adopt_all(struct adopt *adopt, struct err *err)
{
    const struct plan *plan = &adopt->session->plan;

    for (uint32_t i = 0; i < plan->instance_count; i++) {
        struct inst_id instance = plan->topo[i];

        if (adopt->scope[instance.n] && !adopt_look(adopt, instance, err)) {
            return false;
        }
        if (adopt->facts.broken.status != 0) {
            *err = adopt->facts.broken;
            return false;
        }
    }
    return true;
}

/* Results first: a row that says what pawl made follows from a result. */
static bool adopt_save(struct adopt *adopt, struct err *err)
{
    struct session *session = adopt->session;

    if (adopt->count == 0) {
        return true;
    }
    return barrier_now(session->objects, session->root_fd, err) &&
           results_flush(session->results, err) && made_flush(session->made, err) &&
           index_flush(session->index, err);
}

static int adopt_workspace(struct cli *cli, struct place *place)
{
    uint32_t count = place->session.plan.instance_count;
    struct adopt adopt = {.cli = cli, .session = &place->session};
    struct facts_options options = {.rehash = false};
    struct err err = {0};
    bool ok;

    adopt.target = ARENA_ARRAY(&cli->arena, uint8_t, count);
    adopt.scope = ARENA_ARRAY(&cli->arena, uint8_t, count);
    if (!targets_select_all(&place->session, &place->cli->operands, adopt.target, &err)) {
        return cli_fail(&err);
    }
    memcpy(adopt.scope, adopt.target, count);
    plan_close_over_producers(&place->session.plan, adopt.scope);
    facts_init(&adopt.facts, &place->session, &options);
    adopt.ask = facts_decide(&adopt.facts);
    ok = store_lock_enter(&place->session.store_lock, place->session.objects, &err) &&
         adopt_all(&adopt, &err) && adopt_save(&adopt, &err);
    facts_fini(&adopt.facts);
    if (!ok) {
        strbuf_clear(&cli->out);
        return cli_fail(&err);
    }
    return STATUS_OK;
}

int cmd_adopt(struct cli *cli)
{
    struct place place;
    int status = place_open(&place, cli, PLACE_PLAN, SESSION_CHANGE);

    if (status == STATUS_OK) {
        status = adopt_workspace(cli, &place);
    }
    place_close(&place);
    return status;
}
