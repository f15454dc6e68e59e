/* Owns what is known of instances and outputs. Which file has which of the halves: reads.c makes
 * keys, lookup.c finds results, tools.c and value_keys.c make their digests. */
#include "run/facts.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "run/judge.h"
#include "run/standing.h"
#include "store/kinds.h"

void facts_init(struct facts *facts, struct session *session, const struct facts_options *options)
{
    const struct plan *plan = &session->plan;

    *facts = (struct facts){.session = session, .plan = plan, .options = *options};
    arena_init(&facts->arena);
    arena_init(&facts->scratch);
    facts->outputs = mem_calloc(plan->output_count, sizeof(*facts->outputs));
    facts->instances = mem_calloc(plan->instance_count, sizeof(*facts->instances));
    sources_ahead_init(&facts->ahead);
}

void facts_fini(struct facts *facts)
{
    sources_ahead_fini(&facts->ahead);
    lookup_fini(&facts->source_numbers);
    map_fini(&facts->tool_numbers);
    VEC_FREE(&facts->sources);
    VEC_FREE(&facts->verdicts);
    free(facts->tools);
    free(facts->tool_problems);
    free(facts->outputs);
    free(facts->instances);
    arena_fini(&facts->scratch);
    arena_fini(&facts->arena);
    *facts = (struct facts){0};
}

static uint32_t facts_source_number(const struct facts *facts, struct str path)
{
    return LOOKUP_GET(&facts->source_numbers, &facts->sources, path, path);
}

const struct source_fact *facts_known_source(const struct facts *facts, struct str path)
{
    uint32_t number = facts_source_number(facts, path);

    return number != MAP_MISSING ? &facts->sources.items[number].fact : NULL;
}

bool facts_regular_source(struct facts *facts, struct str path, struct source_fact *fact,
                          struct err *err)
{
    const struct source_fact *seen = facts_known_source(facts, path);
    struct signature signature;

    *fact = (struct source_fact){0};
    if (!signature_read(AT_FDCWD, path.data, true, &signature, err)) {
        return false;
    }
    /* Whoever declared it saw it when he was decided; a depfile names what is there now. */
    if (seen != NULL && !signature_equal(&seen->signature, &signature)) {
        facts_forget_source(facts, path);
    }
    if (signature_type(&signature) != FILE_REGULAR || facts_source(facts, path, fact)) {
        return true;
    }
    /* What cannot be read is a matter of the one who asks, not of the run. */
    if (err != NULL) {
        *err = facts->broken;
    }
    err_clear(&facts->broken);
    return false;
}

static bool facts_must_rehash(const struct facts *facts, struct str path)
{
    return facts->options.rehash && !sources_were_read(facts, path);
}

/* What has to be read is read together with what will be asked for next. */
static bool facts_look_at(struct facts *facts, struct str path, struct source_fact *found)
{
    bool unread;

    if (!source_look_cached(facts->session, path, true, facts_must_rehash(facts, path), found,
                            &unread, &facts->broken)) {
        return false;
    }
    if (!unread) {
        return true;
    }
    sources_read_ahead(facts);
    return source_look(facts->session, path, true, facts_must_rehash(facts, path), found,
                       &facts->broken);
}

bool facts_source(struct facts *facts, struct str path, struct source_fact *fact)
{
    uint32_t number = facts_source_number(facts, path);
    struct source_fact found;

    if (number != MAP_MISSING) {
        *fact = facts->sources.items[number].fact;
        return true;
    }
    if (!facts_look_at(facts, path, &found)) {
        return false;
    }
    path = str_dup(&facts->arena, path);
    lookup_put(&facts->source_numbers, path, (uint32_t)facts->sources.count);
    VEC_PUSH(&facts->sources, (struct source_row){path, found});
    *fact = found;
    return true;
}

void facts_forget_source(struct facts *facts, struct str path)
{
    uint32_t number = facts_source_number(facts, path);
    struct err err = {0};

    if (number != MAP_MISSING) {
        source_look(facts->session, path, true, true, &facts->sources.items[number].fact, &err);
    }
}

const struct tree *facts_tree(struct facts *facts, uint32_t output)
{
    struct output_fact *fact = &facts->outputs[output];
    struct tree *tree;
    struct err err = {0};

    if (fact->tree != NULL) {
        return fact->tree;
    }
    tree = ARENA_NEW(&facts->arena, struct tree);
    if (facts->session->objects == NULL) {
        return NULL;
    }
    if (!objects_read_tree(facts->session->objects, &fact->digest, &facts->arena, tree, &err)) {
        /* What is damaged or missing is made again; what cannot be read is not taken for empty. */
        if (err.status == STATUS_ENVIRONMENT && facts->broken.status == 0) {
            facts->broken = err;
        }
        return NULL;
    }
    fact->tree = tree;
    return tree;
}

/* --- results --- */

static bool facts_take_output(struct facts *facts, uint32_t output, const struct result *result)
{
    struct output_fact *fact = &facts->outputs[output];
    struct output_fact before = *fact;
    struct str path = plan_path_name(facts->plan, facts->plan->outputs[output].path);

    *fact = (struct output_fact){.state = OUTPUT_MISSING};
    for (uint32_t i = 0; i < result->output_count; i++) {
        const struct result_output *made = &result->outputs[i];

        if (str_equal(made->path, path)) {
            *fact = (struct output_fact){.state = OUTPUT_MADE,
                                         .executable = made->executable,
                                         .stored = made->stored,
                                         .type = kind_of_result(made->kind),
                                         .digest = made->digest,
                                         .size_bytes = made->size_bytes};
            break;
        }
    }
    return before.state != OUTPUT_UNKNOWN &&
           (before.state != fact->state || before.executable != fact->executable ||
            before.type != fact->type || !digest_equal(&before.digest, &fact->digest));
}

/* --- trouble --- */

const struct inst_trouble *inst_trouble(const struct inst_fact *fact)
{
    static const struct inst_trouble none = {.lack = {.len = 0}};

    return fact->trouble != NULL ? fact->trouble : &none;
}

static struct inst_trouble *facts_trouble(struct facts *facts, struct inst_fact *fact)
{
    if (fact->trouble == NULL) {
        fact->trouble = ARENA_NEW(&facts->arena, struct inst_trouble);
    }
    return fact->trouble;
}

static void facts_note_lack(struct facts *facts, struct inst_fact *fact,
                            const struct inst_reads *reads)
{
    struct inst_trouble *trouble = facts_trouble(facts, fact);

    /* What could not be looked at is not missing. */
    if (facts->broken.status != 0) {
        trouble->lack = str_dup(&facts->arena, str_of(facts->broken.text));
        trouble->lack_status = STATUS_ENVIRONMENT;
        return;
    }
    trouble->lack = str_dup(&facts->arena, reads->lack);
    trouble->lack_status = reads->lack_status;
}

static void facts_forget_lack(struct inst_fact *fact)
{
    if (fact->trouble != NULL) {
        fact->trouble->lack = STR_NONE;
    }
}

void facts_note_unsettled(struct facts *facts, struct inst_fact *fact, struct str path)
{
    facts_trouble(facts, fact)->unsettled = str_dup(&facts->arena, path);
}

static void facts_take_discovered(struct facts *facts, struct inst_fact *fact,
                                  const struct result *result)
{
    fact->discovered_count = result->discovered_count;
    fact->discovered = NULL;
    if (result->discovered_count == 0) {
        return;
    }
    fact->discovered = ARENA_ARRAY(&facts->arena, struct result_input, result->discovered_count);
    for (uint32_t i = 0; i < result->discovered_count; i++) {
        fact->discovered[i] = result->discovered[i];
        fact->discovered[i].path = str_dup(&facts->arena, result->discovered[i].path);
    }
}

void facts_take_result(struct facts *facts, struct inst_id instance, const struct result *result,
                       bool *changed)
{
    const struct plan_instance *inst = &facts->plan->instances[instance.n];
    struct inst_fact *fact = &facts->instances[instance.n];

    *changed = false;
    for (uint32_t i = 0; i < inst->output_count; i++) {
        *changed |= facts_take_output(facts, inst->outputs_first + i, result);
    }
    facts_take_discovered(facts, fact, result);
    facts_take_metrics(facts, fact, &result->metrics);
    fact->seen = index_position(facts->session->index);
    fact->fallback = (result->flags & RESULT_FALLBACK) != 0;
    fact->key = result->key;
    fact->good = true;
    fact->skipped = fact->ignored = fact->refused = false;
}

void facts_take_nothing(struct facts *facts, struct inst_id instance, bool ignored, bool skipped)
{
    const struct plan_instance *inst = &facts->plan->instances[instance.n];

    for (uint32_t i = 0; i < inst->output_count; i++) {
        facts->outputs[inst->outputs_first + i] = (struct output_fact){.state = OUTPUT_MISSING};
    }
    facts->instances[instance.n].good = facts->instances[instance.n].has_metrics = false;
    facts->instances[instance.n].ignored = ignored;
    facts->instances[instance.n].skipped = skipped;
}

/* --- what policy/decide.h asks --- */

/* Nothing is executed: a name for what it needs. */
static bool facts_is_name(const struct plan *plan, struct inst_id instance)
{
    const struct plan_instance *inst = &plan->instances[instance.n];

    return plan->stages[inst->stage.n].source->run_kind == M_RUN_NONE;
}

/* A required input is missing: because its producer was skipped, or for good. */
static enum decide_verdict facts_lack(const struct facts *facts, struct inst_id instance)
{
    const struct plan_instance *inst = &facts->plan->instances[instance.n];

    for (uint32_t i = 0; i < inst->input_count; i++) {
        const struct plan_input *input = &facts->plan->inputs[inst->inputs_first + i];

        if (input->kind == PLAN_INPUT_FILE && !input->optional && inst_is_some(input->producer) &&
            facts->instances[input->producer.n].skipped) {
            return DECIDE_SKIP;
        }
    }
    return DECIDE_LACK;
}

static bool facts_is_forced(const struct facts *facts, struct inst_id instance)
{
    return facts->options.forced != NULL && facts->options.forced[instance.n];
}

/* The last state's answer for it counts: no key, no result, no file is looked at. */
static bool facts_is_standing(const struct facts *facts, struct inst_id instance)
{
    return facts->options.standing != NULL && facts->options.standing->stands[instance.n];
}

static enum decide_verdict facts_take_standing(struct facts *facts, struct inst_id instance)
{
    struct inst_fact *fact = &facts->instances[instance.n];

    if (standing_load(facts->options.standing, facts, instance) == LAST_SKIPPED) {
        facts_take_nothing(facts, instance, false, true);
        return DECIDE_SKIP;
    }
    fact->good = fact->hit = true;
    return DECIDE_HIT;
}

static enum decide_verdict facts_judge_hit(struct facts *facts, struct inst_id instance)
{
    struct inst_fact *fact = &facts->instances[instance.n];
    struct judgement judgement;

    if (!facts->plan->instances[instance.n].checked) {
        return DECIDE_HIT;
    }
    facts_judge(facts, instance, &facts->scratch, &judgement);
    fact->warned = judgement.warned;
    fact->refused = judgement.refused;
    if (judgement.refused) {
        return DECIDE_REFUSED;
    }
    return judgement.later ? DECIDE_UNJUDGED : DECIDE_HIT;
}

static enum decide_verdict facts_find_hit(struct facts *facts, struct inst_id instance,
                                          const struct digest *declared)
{
    struct inst_fact *fact = &facts->instances[instance.n];
    struct result result;
    bool changed;

    if (!facts_look_up(facts, instance, declared, &facts->scratch, &result)) {
        return DECIDE_MISS;
    }
    facts_take_result(facts, instance, &result, &changed);
    fact->changed = changed;
    fact->hit = true;
    return facts_judge_hit(facts, instance);
}

/* A `when` that speaks of metrics. False: it is not true, or cannot be told. */
static bool facts_when(struct facts *facts, struct inst_id instance, enum decide_verdict *verdict)
{
    struct plan_metrics metrics = facts_plan_metrics(facts);
    struct inst_trouble *trouble = facts_trouble(facts, &facts->instances[instance.n]);
    struct str reason;
    bool truth = false;

    arena_reset(&facts->scratch);
    *verdict = DECIDE_SKIP;
    if (!plan_when(facts->plan, instance, &metrics, &facts->scratch, &truth, &reason)) {
        *verdict = DECIDE_LACK;
        trouble->lack_status = STATUS_MANIFEST;
    }
    if (!truth) {
        trouble->lack = str_dup(&facts->arena, reason);
        facts_take_nothing(facts, instance, false, *verdict == DECIDE_SKIP);
    }
    return truth;
}

static enum decide_verdict facts_look(void *ctx, struct inst_id instance)
{
    struct facts *facts = ctx;
    const struct plan_instance *inst = &facts->plan->instances[instance.n];
    struct inst_fact *fact = &facts->instances[instance.n];
    bool ran = facts->options.ran != NULL && facts->options.ran[instance.n] && !inst->always;
    enum decide_verdict verdict;
    struct inst_reads reads;

    if (inst->outline && facts->options.standing == NULL) {
        return fact->skipped ? DECIDE_SKIP : DECIDE_HIT; /* as it was when it was decided */
    }
    fact->hit = fact->good = fact->changed = fact->keyed = fact->has_metrics = false;
    fact->warned = fact->refused = fact->fallback = false;
    facts_forget_lack(fact);
    if (facts_is_standing(facts, instance)) {
        return facts_take_standing(facts, instance);
    }
    if (inst->skip_reason.len != 0) {
        facts_take_nothing(facts, instance, false, true);
        return DECIDE_SKIP;
    }
    if (inst->late_when && !facts_when(facts, instance, &verdict)) {
        return verdict;
    }
    if (facts_is_name(facts->plan, instance)) {
        fact->good = true;
        return DECIDE_HIT;
    }
    arena_reset(&facts->scratch);
    fact->keyed = facts_reads_of(facts, instance, &facts->scratch, &reads);
    if (!fact->keyed) {
        facts_note_lack(facts, fact, &reads);
        return facts_lack(facts, instance);
    }
    if ((facts_is_forced(facts, instance) || inst->no_cache) && !ran) {
        return DECIDE_MISS;
    }
    return facts_find_hit(facts, instance, &reads.declared);
}

/* An optional output that its command did not make: what lies there from before has to go. */
static enum decide_bytes facts_missing_bytes(struct facts *facts, uint32_t output, struct str path)
{
    struct output_look look;

    if (facts->plan->outputs[output].persist ||
        !source_look_known(facts->session, path, &look, &facts->broken) || !look.exists) {
        return DECIDE_BYTES_PRESENT;
    }
    return DECIDE_BYTES_IN_STORE;
}

/* Its maker has to run again. An outline cannot, and must not be tried: without a slice it could.
 */
static enum decide_bytes facts_lost_bytes(struct facts *facts, struct str path, bool outline)
{
    if (!outline) {
        return DECIDE_BYTES_NOWHERE;
    }
    if (facts->broken.status == 0) {
        err_set(&facts->broken, STATUS_ENVIRONMENT,
                "'%.*s' was changed or removed while the run went on, and is not in the store: run "
                "again",
                STR_ARG(path));
    }
    return DECIDE_BYTES_PRESENT;
}

static bool facts_is_stored(const struct facts *facts, const struct output_fact *fact)
{
    return fact->stored && facts->session->objects != NULL &&
           objects_has_output(facts->session->objects, fact->type, &fact->digest);
}

static enum decide_bytes facts_output_bytes(struct facts *facts, uint32_t output, bool outline)
{
    const struct output_fact *fact = &facts->outputs[output];
    struct str path = plan_path_name(facts->plan, facts->plan->outputs[output].path);
    struct output_look look;

    if (fact->state == OUTPUT_MISSING) {
        return facts_missing_bytes(facts, output, path);
    }
    if (!source_look_output(facts->session, path, fact->type, fact->executable, &fact->digest,
                            facts->options.rehash, &look, &facts->broken)) {
        return DECIDE_BYTES_NOWHERE;
    }
    if (look.same) {
        return DECIDE_BYTES_PRESENT;
    }
    if (facts_is_stored(facts, fact)) {
        return DECIDE_BYTES_IN_STORE;
    }
    return facts_lost_bytes(facts, path, outline);
}

static enum decide_bytes facts_bytes(void *ctx, struct inst_id instance)
{
    struct facts *facts = ctx;
    const struct plan_instance *inst = &facts->plan->instances[instance.n];
    enum decide_bytes worst = DECIDE_BYTES_PRESENT;
    /* A target's outputs were seen to be there; see standing_save.c. */
    bool seen = facts_is_standing(facts, instance) && facts->decide->target[instance.n];

    for (uint32_t i = 0; i < inst->output_count && worst != DECIDE_BYTES_NOWHERE; i++) {
        uint32_t output = inst->outputs_first + i;

        if (decide_is_demanded(facts->decide, output) &&
            (!seen || facts->plan->outputs[output].temp)) {
            enum decide_bytes bytes = facts_output_bytes(facts, output, inst->outline);

            worst = bytes > worst ? bytes : worst;
        }
    }
    return worst;
}

struct decide_facts facts_decide(struct facts *facts)
{
    return (struct decide_facts){.ctx = facts,
                                 .look = facts_look,
                                 .bytes = facts_bytes,
                                 .demand_inputs = facts_demand_inputs};
}

static bool facts_has_output(struct facts *facts, uint32_t output)
{
    const struct output_fact *fact = &facts->outputs[output];
    struct output_look look;

    return fact->state != OUTPUT_MADE || facts_is_stored(facts, fact) ||
           (source_look_output(facts->session,
                               plan_path_name(facts->plan, facts->plan->outputs[output].path),
                               fact->type, fact->executable, &fact->digest, false, &look, NULL) &&
            look.same);
}

bool facts_has_outlines(struct facts *facts)
{
    for (uint32_t i = 0; i < facts->plan->instance_count; i++) {
        const struct plan_instance *inst = &facts->plan->instances[i];

        for (uint32_t k = 0; inst->outline && k < inst->output_count; k++) {
            if (!facts_has_output(facts, inst->outputs_first + k)) {
                return false;
            }
        }
    }
    return true;
}
