/* Owns the judgement of results: metrics to names, checks to verdicts, verdicts to what follows. */
#include "run/judge.h"

#include "base/hex.h"
#include "base/mem.h"
#include "model/metric_value.h"
#include "model/run_state.h"

/* --- metrics --- */

static const struct metrics *metrics_copy(struct facts *facts, const struct metrics *metrics)
{
    struct metrics *copy = ARENA_NEW(&facts->arena, struct metrics);

    copy->count = metrics->count;
    copy->items = ARENA_ARRAY(&facts->arena, struct metric, metrics->count);
    for (uint32_t i = 0; i < metrics->count; i++) {
        copy->items[i] = metrics->items[i];
        copy->items[i].name = str_dup(&facts->arena, metrics->items[i].name);
        copy->items[i].is = str_dup(&facts->arena, metrics->items[i].is);
    }
    return copy;
}

void facts_take_metrics(struct facts *facts, struct inst_fact *fact, const struct metrics *metrics)
{
    fact->has_metrics = true;
    fact->metrics = metrics->count != 0 ? metrics_copy(facts, metrics) : NULL;
}

/* Of one that stands, unlooked at, or takes no part, the result has to be found. */
static struct result_ref metrics_result(struct facts *facts, struct inst_id instance)
{
    const struct session *session = facts->session;
    const struct plan_instance *inst = &facts->plan->instances[instance.n];
    struct index_instance row;

    if (facts->instances[instance.n].good && index_instance(session->index, inst->name, &row) &&
        !digest_is_zero(&row.key)) {
        return results_find(session->results, &row.key);
    }
    return results_find_last(session->results, facts->plan->stages[inst->stage.n].name, inst->name,
                             &session->workspace.id);
}

static bool metrics_may_be_found(const struct facts *facts, struct inst_id instance)
{
    bool apart = facts->decide != NULL && !facts->decide->scope[instance.n];

    return facts->session->results != NULL &&
           (facts->instances[instance.n].good || (facts->options.only && apart));
}

const struct metrics *facts_metrics(struct facts *facts, struct inst_id instance)
{
    static const struct metrics none = {NULL, 0};
    struct inst_fact *fact = &facts->instances[instance.n];
    struct result_ref ref;
    struct result result;
    struct arena scratch;

    if (!fact->has_metrics) {
        if (!metrics_may_be_found(facts, instance)) {
            return NULL;
        }
        ref = metrics_result(facts, instance);
        arena_init(&scratch);
        if (result_ref_is_some(ref) &&
            results_read(facts->session->results, ref, &scratch, &result)) {
            facts_take_metrics(facts, fact, &result.metrics);
        }
        arena_fini(&scratch);
    }
    if (!fact->has_metrics) {
        return NULL;
    }
    return fact->metrics != NULL ? fact->metrics : &none;
}

static enum expr_lookup metrics_lookup(void *ctx, struct inst_id instance, struct str name,
                                       struct arena *arena, struct expr_answer *answer)
{
    struct facts *facts = ctx;
    const struct inst_fact *fact = &facts->instances[instance.n];
    const struct metrics *metrics = facts_metrics(facts, instance);
    const struct metric *metric;
    struct str whose = facts->plan->instances[instance.n].name;

    if (metrics == NULL) {
        answer->reason = str_printf(arena, "'%.*s' %s", STR_ARG(whose),
                                    fact->skipped   ? "was skipped"
                                    : fact->ignored ? "did not end well"
                                                    : "has no result");
        return EXPR_MISSING;
    }
    metric = metrics_find(metrics, name);
    if (metric == NULL) {
        answer->reason = metrics->count == 0
                             ? str_printf(arena, "'%.*s' gave no metrics", STR_ARG(whose))
                             : STR("");
        return EXPR_MISSING;
    }
    return metric_value(metric, arena, answer);
}

static struct str metrics_state(void *ctx, struct inst_id instance)
{
    const struct facts *facts = ctx;

    return str_of(inst_state_name(facts->run->instances[instance.n].state));
}

struct plan_metrics facts_plan_metrics(struct facts *facts)
{
    return (struct plan_metrics){
        .ctx = facts, .find = metrics_lookup, .state = facts->run != NULL ? metrics_state : NULL};
}

struct event_pairs metrics_pairs(const struct metrics *metrics, struct arena *arena)
{
    uint32_t count = metrics != NULL ? metrics->count : 0;
    struct event_pairs pairs = {ARENA_ARRAY(arena, struct event_pair, count), count};

    for (uint32_t i = 0; i < count; i++) {
        pairs.items[i].name = str_dup(arena, metrics->items[i].name);
        pairs.items[i].value = str_dup(arena, metric_text(&metrics->items[i], arena));
    }
    return pairs;
}

/* --- checks with a command --- */

static bool check_add_input(struct facts *facts, struct str path, struct key_fields *fields,
                            struct err *err)
{
    uint32_t output = plan_find_output(facts->plan, path);
    const struct output_fact *made = output != PLAN_NONE ? &facts->outputs[output] : NULL;
    struct source_fact source;

    if (made != NULL && made->state == OUTPUT_MADE) {
        key_fields_add_path(fields, "input", path, STR(""),
                            digest_str(&made->digest, fields->arena));
        return true;
    }
    if (made != NULL || !facts_source(facts, path, &source) || !source.exists) {
        return err_set(err, STATUS_MANIFEST, "its input '%.*s' is not there", STR_ARG(path));
    }
    key_fields_add_path(fields, "input", path, STR(""), digest_str(&source.digest, fields->arena));
    return true;
}

static void check_add_outputs(struct facts *facts, const struct plan_instance *inst,
                              struct key_fields *fields)
{
    for (uint32_t i = inst->outputs_first; i < inst->outputs_first + inst->output_count; i++) {
        const struct output_fact *made = &facts->outputs[i];

        if (made->state == OUTPUT_MADE) {
            key_fields_add_path(fields, "output",
                                plan_path_name(facts->plan, facts->plan->outputs[i].path), STR(""),
                                digest_str(&made->digest, fields->arena));
        }
    }
}

static struct plan_check_names judge_names(struct facts *facts, struct inst_id instance,
                                           struct arena *arena)
{
    struct plan_check_names names = {
        .plan = facts->plan, .instance = instance, .metrics = facts_plan_metrics(facts)};
    struct resolved_inputs *resolved;

    if (facts->plan->instances[instance.n].dynamic) {
        resolved = ARENA_NEW(arena, struct resolved_inputs);
        facts_inputs_of(facts, instance, arena, resolved);
        names.resolved = resolved;
    }
    return names;
}

bool facts_check_command(struct facts *facts, struct inst_id instance, const struct m_check *check,
                         struct arena *arena, struct check_command *command, struct err *err)
{
    struct plan_check_names names = judge_names(facts, instance, arena);
    const struct plan_instance *inst = &facts->plan->instances[instance.n];
    struct key_fields *fields = &command->fields;

    if (!plan_command_of_check(&names, check, arena, &command->command, &command->inputs,
                               &command->input_count, err)) {
        return false;
    }
    key_fields_init(fields, arena);
    key_fields_add(fields, STR("check"), STR("1"));
    key_fields_add(fields, STR("version"), facts->session->manifest.version);
    for (uint32_t i = 0; i < command->command.argc; i++) {
        key_fields_add(fields, STR("word"), command->command.argv[i]);
    }
    for (uint32_t i = 0; i < command->input_count; i++) {
        if (!check_add_input(facts, command->inputs[i], fields, err)) {
            return false;
        }
    }
    check_add_outputs(facts, inst, fields);
    command->key = key_fields_digest(fields);
    return true;
}

void facts_note_verdict(struct facts *facts, const struct digest *key, struct str reason)
{
    struct check_word word = {*key, str_dup(&facts->arena, reason)};

    VEC_PUSH(&facts->verdicts, word);
}

/* Of another workspace or machine only where its results count. */
static bool check_is_ours(const struct facts *facts, const struct result *result)
{
    const struct session *session = facts->session;

    return session->manifest.portable ||
           (digest_equal(&result->workspace, &session->workspace.id) &&
            digest_equal(&result->machine, &session->machine_digest));
}

bool facts_check_kept(struct facts *facts, const struct digest *key, struct arena *arena,
                      bool *passed, struct str *reason)
{
    const struct session *session = facts->session;
    struct result_ref ref = {RESULT_NONE};
    struct result result;

    *passed = false;
    VEC_EACH (word, &facts->verdicts) {
        if (digest_equal(&word->key, key)) {
            *reason = word->reason;
            return true;
        }
    }
    if (session->results != NULL) {
        ref = results_find(session->results, key);
    }
    if (!result_ref_is_some(ref) || !results_read(session->results, ref, arena, &result) ||
        !check_is_ours(facts, &result)) {
        return false;
    }
    *passed = true;
    for (uint32_t i = 0; i < result.field_count; i++) {
        if (str_is(result.fields[i].name, "verdict")) {
            *passed = false;
            *reason = result.fields[i].value;
        }
    }
    return true;
}

const struct m_check *judge_check_at(const struct m_stage *stage, uint32_t number,
                                     enum check_kind *kind)
{
    const struct m_checks *validate = &stage->settings->validate;
    const struct m_checks *gate = &stage->settings->gate;

    *kind = number < validate->count ? CHECK_VALIDATE : CHECK_GATE;
    if (number < validate->count) {
        return &validate->items[number];
    }
    number -= validate->count;
    return number < gate->count ? &gate->items[number] : NULL;
}

/* --- the judgement --- */

struct judging {
    struct facts *facts;
    struct inst_id instance;
    struct arena *arena;
    struct expr_env env;
    struct judgement *out;
};

static void judge_command(struct judging *judging, const struct m_check *check,
                          struct check_verdict *verdict)
{
    struct check_command command;
    struct err err = {0};

    *verdict = (struct check_verdict){.wanted = STR("")};
    if (!facts_check_command(judging->facts, judging->instance, check, judging->arena, &command,
                             &err)) {
        verdict->reason = str_dup(judging->arena, str_of(err.text));
    } else if (!facts_check_kept(judging->facts, &command.key, judging->arena, &verdict->passed,
                                 &verdict->reason)) {
        judging->out->later = true;
        verdict->passed = true;
    }
}

static void judge_one(struct judging *judging, const struct m_check *check, enum check_kind kind)
{
    struct judgement *out = judging->out;
    struct check_verdict verdict;
    enum check_weight weight;

    if (check->expr != NULL) {
        check_judge(check->expr, &judging->env, judging->arena, &verdict);
    } else {
        judge_command(judging, check, &verdict);
    }
    weight = check_weigh(verdict.passed, kind, check->warn, judging->facts->options.lenient);
    if (weight == CHECK_PASSES) {
        return;
    }
    out->rows[out->count++] = (struct judge_row){
        .kind = kind,
        .weight = weight,
        .name = check->name,
        .expression = check->expr != NULL ? expr_text(check->expr)
                                          : str_dup(judging->arena, check->run.items[0].text),
        .reason = verdict.reason,
        .wanted = verdict.wanted,
        .values = verdict.values};
}

static const char *judge_word(enum check_kind kind)
{
    return kind == CHECK_GATE ? "gate" : "validation";
}

static void judge_sum(struct judging *judging)
{
    struct judgement *out = judging->out;
    const struct judge_row *first = NULL;
    uint32_t refusals = 0;

    for (uint32_t i = 0; i < out->count; i++) {
        const struct judge_row *row = &out->rows[i];

        if (row->weight == CHECK_WARNS) {
            out->warned = true;
            continue;
        }
        refusals++;
        if (first == NULL) { /* validations come first */
            first = row;
        }
    }
    out->refused = refusals != 0;
    if (first == NULL) {
        return;
    }
    out->cause = check_cause(first->kind);
    out->reason = str_printf(judging->arena, "%s '%.*s' says no: %.*s", judge_word(first->kind),
                             STR_ARG(first->name), STR_ARG(first->reason));
    if (refusals > 1) {
        out->reason =
            str_printf(judging->arena, "%.*s; and %u more", STR_ARG(out->reason), refusals - 1);
    }
    out->metrics = metrics_pairs(facts_metrics(judging->facts, judging->instance), judging->arena);
}

void facts_judge(struct facts *facts, struct inst_id instance, struct arena *arena,
                 struct judgement *judgement)
{
    const struct plan_instance *inst = &facts->plan->instances[instance.n];
    const struct m_stage *stage = facts->plan->stages[inst->stage.n].source;
    struct judging judging = {
        .facts = facts, .instance = instance, .arena = arena, .out = judgement};
    struct plan_check_names names;
    const struct m_check *check;
    enum check_kind kind;

    *judgement =
        (struct judgement){.checks = stage->settings->validate.count + stage->settings->gate.count};
    if (!inst->checked) {
        return;
    }
    names = judge_names(facts, instance, arena);
    judging.env = plan_check_env(&names);
    judgement->rows = ARENA_ARRAY(arena, struct judge_row, judgement->checks);
    for (uint32_t i = 0; (check = judge_check_at(stage, i, &kind)) != NULL; i++) {
        judge_one(&judging, check, kind);
    }
    judge_sum(&judging);
}
