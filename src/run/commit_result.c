/* Owns step 6 of the commit protocol: the result of an attempt, and the rows that follow from it.
 * All of it is only buffered: the turn writes it before it records the end of the attempt. */
#include "base/hex.h"
#include "run/commit_inside.h"
#include "store/kinds.h"

static void commit_result_outputs(struct attempt *attempt, struct result *result)
{
    const struct plan *plan = attempt->executor->plan;

    result->outputs = ARENA_ARRAY(&attempt->arena, struct result_output, attempt->output_count);
    for (uint32_t i = 0; i < attempt->output_count; i++) {
        const struct attempt_output *row = &attempt->outputs[i];
        const struct plan_output *declared = &plan->outputs[row->output];

        if (row->made) {
            result->outputs[result->output_count++] =
                (struct result_output){.role = intern_str(&plan->names, declared->role),
                                       .path = row->path,
                                       .kind = kind_in_result(row->put.type),
                                       .executable = row->put.executable,
                                       .stored = commit_is_stored(declared),
                                       .digest = row->put.digest,
                                       .size_bytes = row->put.size_bytes};
        }
    }
}

/* Made by the stage's own command under the key of the variant that failed. */
static void commit_mark_fallback(struct attempt *attempt, struct result *result)
{
    struct digest own;

    if (attempt->inst->left != PLAN_LEFT_FAILED) {
        return;
    }
    result->flags |= RESULT_FALLBACK;
    if (facts_own_key(attempt->executor->facts, attempt->instance, &own)) {
        result->fields[result->field_count++] =
            (struct result_field){STR(RESULT_FIELD_FALLBACK), digest_str(&own, &attempt->arena)};
    }
}

static void commit_result_key(struct attempt *attempt, struct result *result)
{
    const struct inst_reads *what = &attempt->what;
    struct key_fields fields;

    result->fields = ARENA_ARRAY(&attempt->arena, struct result_field, what->fields.count + 1u);
    for (uint32_t i = 0; i < what->fields.count; i++) {
        result->fields[i] =
            (struct result_field){what->fields.items[i].name, what->fields.items[i].value};
    }
    result->field_count = what->fields.count;
    commit_mark_fallback(attempt, result);
    result->declared = what->declared;
    result->discovered = attempt->discovered;
    result->discovered_count = attempt->discovered_count;
    result->key = what->declared;
    if (attempt->discovered_count == 0) {
        return;
    }
    key_fields_init(&fields, &attempt->arena);
    key_fields_add_path(&fields, "declared", STR(""), STR(""),
                        digest_str(&what->declared, &attempt->arena));
    for (uint32_t i = 0; i < attempt->discovered_count; i++) {
        key_fields_add_path(&fields, "found", attempt->discovered[i].path, STR(""),
                            attempt->discovered[i].missing
                                ? STR("missing")
                                : digest_str(&attempt->discovered[i].digest, &attempt->arena));
    }
    result->key = key_fields_digest(&fields);
}

/* The command ran before on exactly these inputs and gave other bytes. */
static void commit_compare(struct attempt *attempt, struct result *result)
{
    struct executor *executor = attempt->executor;
    struct arena *arena = &executor->session->arena;
    struct event event = {.type = EVENT_RESULT_DIFFERS,
                          .number = attempt->instance.n,
                          .instance = attempt->inst->name,
                          .stage = attempt->stage->name,
                          .key = digest_str(&result->key, arena)};
    struct result before;

    if (attempt->inst->no_cache ||
        !facts_look_up(executor->facts, attempt->instance, &result->declared, &attempt->arena,
                       &before) ||
        ((before.flags ^ result->flags) & RESULT_FALLBACK) != 0) {
        return;
    }
    event.paths.items = ARENA_ARRAY(arena, struct str, result->output_count);
    for (uint32_t i = 0; i < result->output_count; i++) {
        for (uint32_t b = 0; b < before.output_count; b++) {
            if (str_equal(before.outputs[b].path, result->outputs[i].path) &&
                !digest_equal(&before.outputs[b].digest, &result->outputs[i].digest)) {
                event.paths.items[event.paths.count++] = str_dup(arena, result->outputs[i].path);
            }
        }
    }
    if (event.paths.count != 0) {
        result->flags |= RESULT_DIFFERS;
        recorder_emit(executor->recorder, &event);
    }
}

void commit_made_rows(struct attempt *attempt)
{
    struct executor *executor = attempt->executor;

    for (uint32_t i = 0; i < attempt->output_count; i++) {
        const struct attempt_output *row = &attempt->outputs[i];
        struct made_row made = {.path = row->path,
                                .executable = row->put.executable,
                                .digest = row->put.digest,
                                .size_bytes = row->put.size_bytes,
                                .stage = attempt->stage->name,
                                .instance = attempt->inst->name,
                                .run = executor->recorder->run};

        if (!row->made) {
            continue;
        }
        made.kind = kind_in_made(row->put.type);
        made_put(executor->session->made, &made);
        source_put_rows(executor->session, &row->rows);
    }
}

static void commit_index_row(struct attempt *attempt, const struct result *result)
{
    struct index *index = attempt->executor->session->index;
    struct index_instance row = {0};

    index_instance(index, attempt->inst->name, &row);
    row.key = result->key;
    row.state = INDEX_OK;
    row.peak_bytes = result->peak_bytes;
    index_instance_add_duration(&row, result->wall_ns);
    index_put_instance(index, attempt->inst->name, &row);
}

static struct result commit_new_result(const struct attempt *attempt)
{
    const struct executor *executor = attempt->executor;
    const struct session *session = executor->session;

    return (struct result){
        .workspace = session->workspace.id,
        .machine = session->machine_digest,
        .stage = attempt->stage->name,
        .instance = attempt->inst->name,
        .run = executor->recorder->run,
        .attempt = attempt->id,
        .started_ns = attempt->started_real_ns,
        .ended_ns = clock_real_ns(session->clock),
        .wall_ns = (uint64_t)attempt->wall_ns,
        .cpu_user_ns =
            (uint64_t)(attempt->end.cpu_ns > attempt->usage.cpu_ns ? attempt->end.cpu_ns
                                                                   : attempt->usage.cpu_ns),
        .peak_bytes = (uint64_t)(attempt->end.peak_bytes > attempt->usage.peak_bytes
                                     ? attempt->end.peak_bytes
                                     : attempt->usage.peak_bytes),
        .flags = attempt->stage->settings->tools_given || session->manifest.portable
                     ? RESULT_PORTABLE
                     : 0};
}

void commit_mark_start(struct attempt *attempt)
{
    struct result result = commit_new_result(attempt);

    commit_result_key(attempt, &result);
    result.flags |= RESULT_UNKEYED;
    results_add(attempt->executor->session->results, &result);
}

void commit_result(struct attempt *attempt)
{
    struct executor *executor = attempt->executor;
    struct session *session = executor->session;
    struct result result = commit_new_result(attempt);

    commit_result_outputs(attempt, &result);
    commit_result_key(attempt, &result);
    commit_compare(attempt, &result);
    result.metrics = attempt->metrics;
    results_add(session->results, &result);
    if (!attempt->inst->checked) {
        commit_made_rows(attempt);
    }
    commit_index_row(attempt, &result);
    facts_take_result(executor->facts, attempt->instance, &result, &attempt->outputs_changed);
}
