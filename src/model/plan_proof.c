/* Owns the proof that a command can be rendered, which costs less than rendering it: of a hundred
 * thousand commands nearly all speak of nothing but their axes, inputs and outputs, by name, where
 * any word or path may stand. What can go wrong then is the length.
 *
 * Of a stage its texts are looked at once, of an instance only its axes and files: an axis may have
 * a NUL, a glob gives a list where another input gives a path, an optional file may have no value.
 */
#include "model/plan_build.h"

#include "base/limits.h"

enum {
    PLAN_PROOF_SHELL = 4096, /* more than the words of the default shell take */
    PLAN_PROOF_TEXT = 32     /* quotes, a blank and "./" around a text; a number with them */
};

/* What a text takes at most: a quote within quotes is four bytes. */
static size_t plan_proof_bytes(struct str text)
{
    return PLAN_PROOF_TEXT + text.len * 4;
}

/* Is the value a text without a NUL? Adds what it takes. */
static bool plan_proof_value(const struct value *value, size_t *bytes)
{
    *bytes += value->kind == VALUE_STRING ? plan_proof_bytes(value->text) : PLAN_PROOF_TEXT;
    switch (value->kind) {
    case VALUE_INT:
    case VALUE_BOOL:
        return true;
    case VALUE_STRING:
        return str_find(value->text, '\0') < 0;
    case VALUE_FLOAT:
    case VALUE_LIST:
        break;
    }
    return false;
}

/* --- of a stage --- */

struct plan_prover {
    struct plan_build *build;
    struct plan_scope scope;
    struct plan_proof *proof;
};

static enum template_known_value plan_proof_name(void *ctx, const struct expr_name *name)
{
    struct plan_prover *prover = ctx;
    const struct value *param = NULL;
    enum template_known_value known =
        plan_name_value(&prover->scope, name, &prover->build->scratch, &param);

    if (param != NULL && plan_proof_value(param, &prover->proof->bytes)) {
        return TEMPLATE_VALUE_TEXT;
    }
    return known;
}

static bool plan_proof_text(struct plan_prover *prover, const struct m_text *text)
{
    return template_cannot_fail(text, plan_proof_name, prover, &prover->proof->bytes,
                                &prover->proof->names);
}

static bool plan_proof_tools(const struct m_settings *settings)
{
    struct str text;

    for (uint32_t i = 0; i < settings->tool_count; i++) {
        const struct m_tool *tool = &settings->tools[i];

        if (tool->run.given ? !template_is_literal(&tool->run, &text)
                            : !template_is_literal(&tool->program, &text) || text.len == 0) {
            return false;
        }
    }
    return true;
}

struct plan_proof plan_prove_stage(struct plan_build *build, const struct m_stage *source)
{
    const struct m_settings *settings = source->settings;
    struct plan_proof proof = {.bytes = PLAN_PROOF_SHELL};
    struct plan_prover prover = {
        .build = build,
        .scope = {.plan = build->plan, .stage = source, .phase = PLAN_PHASE_REST},
        .proof = &proof};

    proof.holds = source->run_kind == M_RUN_SHELL && !settings->dir.given &&
                  !settings->shell.given && plan_proof_tools(settings) &&
                  plan_proof_text(&prover, &source->run.items[0]);
    for (uint32_t i = 0; i < settings->env_count && proof.holds; i++) {
        proof.holds = plan_proof_text(&prover, &settings->env[i].value);
    }
    return proof;
}

/* --- of an instance --- */

bool plan_prove(const struct plan_proof *proof, const struct plan *plan,
                const struct plan_instance *inst)
{
    uint32_t axis_count = plan->stages[inst->stage.n].source->settings->axis_count;
    size_t bytes = 0;

    if (!proof->holds || inst->dynamic) {
        return false;
    }
    for (uint32_t i = 0; i < axis_count; i++) {
        if (!plan_proof_value(&inst->axes[i], &bytes)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < inst->input_count; i++) {
        const struct plan_input *input = &plan->inputs[inst->inputs_first + i];

        if (input->kind == PLAN_INPUT_GLOB || input->optional) {
            return false;
        }
        bytes += plan_proof_bytes(plan_path_name(plan, input->path));
    }
    for (uint32_t i = 0; i < inst->output_count; i++) {
        bytes +=
            plan_proof_bytes(plan_path_name(plan, plan->outputs[inst->outputs_first + i].path));
    }
    return proof->bytes + proof->names * bytes <= LIMIT_RENDERED_BYTES;
}
