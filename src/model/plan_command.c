/* Owns the rendering of commands: whenever one is asked for, and once while planning, so that every
 * mistake shows before anything runs. What is rendered then is not kept: a hundred thousand
 * commands are many, and few are needed at once. Of a stage whose texts are all constant one is
 * tried; one that is proven (plan_proof.c) is not tried.
 *
 * With `dir` the command runs there, so paths of inputs and outputs are written as seen from it. */
#include "model/plan_build.h"

#include <string.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/path.h"
#include "model/shellwords.h"

struct plan_renderer {
    const struct plan *plan;
    const struct m_stage *source;
    struct plan_scope scope;
    struct arena *arena;   /* of the result */
    struct arena *scratch; /* may be the same */
    struct strbuf text;
    struct expr_error error;
};

static bool plan_render_fault(struct plan_renderer *renderer, struct span span, const char *text)
{
    renderer->error =
        (struct expr_error){.kind = EXPR_ERROR_WRONG, .span = span, .text = str_of(text)};
    return false;
}

/* Appends the text to renderer->text. */
static bool plan_render_add(struct plan_renderer *renderer, const struct m_text *text)
{
    struct expr_env env = plan_scope_env(&renderer->scope);

    return template_render_to(text, &env, renderer->scratch, &renderer->text, &renderer->error);
}

static bool plan_render_str(struct plan_renderer *renderer, const struct m_text *text,
                            struct str *out)
{
    strbuf_clear(&renderer->text);
    if (!plan_render_add(renderer, text)) {
        return false;
    }
    *out = strbuf_dup(&renderer->text, renderer->arena);
    return true;
}

/* --- the parts --- */

static bool plan_render_dir(struct plan_renderer *renderer, struct str *dir)
{
    const struct m_text *text = &renderer->source->settings->dir;
    struct str rendered;

    *dir = STR("");
    if (!text->given) {
        return true;
    }
    if (!plan_render_str(renderer, text, &rendered)) {
        return false;
    }
    if (path_normalise(renderer->arena, rendered, dir, NULL) != PATH_FINE ||
        path_is_absolute(*dir)) {
        return plan_render_fault(renderer, text->span, "'dir' is not inside the workspace");
    }
    return true;
}

static bool plan_render_shell(struct plan_renderer *renderer, struct plan_command *command)
{
    const struct m_stage *source = renderer->source;
    const struct plan *plan = renderer->plan;
    uint32_t count =
        source->settings->shell.given ? source->settings->shell.count : plan->default_shell_count;

    command->shell = true;
    command->argv = ARENA_ARRAY(renderer->arena, struct str, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        if (!source->settings->shell.given) {
            command->argv[i] = plan->default_shell[i];
        } else if (!plan_render_str(renderer, &source->settings->shell.items[i],
                                    &command->argv[i])) {
            return false;
        }
    }
    command->argc = count + 1;
    return plan_render_str(renderer, &source->run.items[0], &command->argv[count]);
}

static bool plan_render_argv(struct plan_renderer *renderer, struct plan_command *command)
{
    struct expr_env env = plan_scope_env(&renderer->scope);
    const struct m_list *run = &renderer->source->run;
    struct template_words words = {0};
    bool good = true;

    for (uint32_t i = 0; i < run->count && good; i++) {
        good = template_render_words(&run->items[i], &env, renderer->scratch, &words,
                                     &renderer->error);
    }
    if (good && (words.count == 0 || words.items[0].len == 0)) {
        good = plan_render_fault(renderer, renderer->source->run_span, "'run' names no program");
    }
    if (good) {
        command->argc = (uint32_t)words.count;
        command->argv = ARENA_ARRAY(renderer->arena, struct str, words.count);
        for (size_t i = 0; i < words.count; i++) {
            command->argv[i] = str_dup(renderer->arena, words.items[i]);
        }
    }
    VEC_FREE(&words);
    return good;
}

static bool plan_render_run(struct plan_renderer *renderer, struct plan_command *command)
{
    size_t bytes = 0;

    switch (renderer->source->run_kind) {
    case M_RUN_NONE:
        return true;
    case M_RUN_SHELL:
        if (!plan_render_shell(renderer, command)) {
            return false;
        }
        break;
    case M_RUN_ARGV:
        if (!plan_render_argv(renderer, command)) {
            return false;
        }
        break;
    }
    for (uint32_t i = 0; i < command->argc; i++) {
        bytes += command->argv[i].len + 1;
    }
    return bytes <= LIMIT_ARGV_BYTES || plan_render_fault(renderer, renderer->source->run_span,
                                                          "the command is longer than 1 MiB");
}

struct plan_env_row {
    const struct m_env *env;
};

static int plan_env_compare(const void *a, const void *b)
{
    return str_compare(((const struct plan_env_row *)a)->env->name,
                       ((const struct plan_env_row *)b)->env->name);
}

static bool plan_render_env(struct plan_renderer *renderer, struct plan_command *command)
{
    uint32_t count = renderer->source->settings->env_count;
    struct plan_env_row *sorted = ARENA_ARRAY(renderer->scratch, struct plan_env_row, count);

    for (uint32_t i = 0; i < count; i++) {
        sorted[i].env = &renderer->source->settings->env[i];
    }
    if (count != 0) {
        qsort(sorted, count, sizeof(*sorted), plan_env_compare);
    }
    command->env = ARENA_ARRAY(renderer->arena, struct str, count);
    for (uint32_t i = 0; i < count; i++) {
        strbuf_clear(&renderer->text);
        strbuf_add_str(&renderer->text, sorted[i].env->name);
        strbuf_putc(&renderer->text, '=');
        if (!plan_render_add(renderer, &sorted[i].env->value)) {
            return false;
        }
        command->env[command->env_count++] = strbuf_dup(&renderer->text, renderer->arena);
    }
    return true;
}

static bool plan_render_tool(struct plan_renderer *renderer, const struct m_tool *tool,
                             struct plan_command *command)
{
    struct str *program = &command->tools[command->tool_count];

    if (tool->run.given) {
        return plan_render_str(renderer, &tool->run,
                               &command->tool_runs[command->tool_run_count++]);
    }
    command->tool_count++;
    return plan_render_str(renderer, &tool->program, program) &&
           (program->len != 0 ||
            plan_render_fault(renderer, tool->span, "'tools' holds an empty name"));
}

static bool plan_render_tools(struct plan_renderer *renderer, struct plan_command *command)
{
    const struct m_stage *source = renderer->source;

    command->tools = ARENA_ARRAY(renderer->arena, struct str, source->settings->tool_count);
    command->tool_runs = ARENA_ARRAY(renderer->arena, struct str, source->settings->tool_count);
    for (uint32_t i = 0; i < source->settings->tool_count; i++) {
        if (!plan_render_tool(renderer, &source->settings->tools[i], command)) {
            return false;
        }
    }
    return true;
}

static bool plan_render_command(struct plan_renderer *renderer, struct plan_command *command)
{
    *command = (struct plan_command){.argc = 0};
    if (!plan_render_dir(renderer, &command->dir)) {
        return false;
    }
    renderer->scope.dir = command->dir;
    return plan_render_run(renderer, command) && plan_render_env(renderer, command) &&
           plan_render_tools(renderer, command);
}

static void plan_renderer_init(struct plan_renderer *renderer, const struct plan *plan,
                               const struct plan_instance *inst, struct arena *arena,
                               struct arena *scratch)
{
    *renderer = (struct plan_renderer){.plan = plan,
                                       .source = plan_source(plan, inst),
                                       .scope = {.plan = plan,
                                                 .stage = plan->stages[inst->stage.n].source,
                                                 .inst = inst,
                                                 .phase = PLAN_PHASE_REST,
                                                 .late = true},
                                       .arena = arena,
                                       .scratch = scratch};
}

/* --- later --- */

bool plan_command_of(const struct plan *plan, struct inst_id instance, const struct m_stage *source,
                     const struct resolved_inputs *resolved, struct arena *arena,
                     struct plan_command *command, struct err *err)
{
    const struct plan_instance *inst = &plan->instances[instance.n];
    struct plan_renderer renderer;
    struct str place;
    bool good;

    *command = (struct plan_command){.argc = 0};
    if (inst->skip_reason.len != 0) {
        return true;
    }
    plan_renderer_init(&renderer, plan, inst, arena, arena);
    renderer.source = source;
    renderer.scope.resolved = inst->dynamic ? resolved : NULL;
    if (resolved != NULL) {
        renderer.scope.metrics = resolved->metrics;
    }
    good = plan_render_command(&renderer, command);
    strbuf_fini(&renderer.text);
    if (good) {
        return true;
    }
    place = diags_place_text(plan->diags, arena, renderer.error.span);
    return err_set(err, STATUS_MANIFEST, "%.*s%s%.*s", STR_ARG(place), place.len != 0 ? ": " : "",
                   STR_ARG(renderer.error.text));
}

bool plan_command(const struct plan *plan, struct inst_id instance,
                  const struct resolved_inputs *resolved, struct arena *arena,
                  struct plan_command *command, struct err *err)
{
    const struct plan_instance *inst = &plan->instances[instance.n];

    return plan_command_of(plan, instance, plan_source(plan, inst), resolved, arena, command, err);
}

/* The stage with another command in place of `run`. */
static struct m_stage plan_stage_with(const struct m_stage *source, const struct m_command *command)
{
    struct m_stage stage = *source;

    stage.run_kind = command->run_kind;
    stage.run_span = command->span;
    stage.run = command->run;
    return stage;
}

bool plan_command_beside(const struct plan *plan, struct inst_id instance,
                         const struct m_command *beside, const struct resolved_inputs *resolved,
                         struct arena *arena, struct plan_command *command, struct err *err)
{
    const struct m_stage *source = plan_source(plan, &plan->instances[instance.n]);
    struct m_stage stage = plan_stage_with(source, beside);

    return plan_command_of(plan, instance, &stage, resolved, arena, command, err);
}

/* A command of the default shell, or an array, in the workspace's folder. */
static bool plan_render_check(struct plan_renderer *renderer, const struct m_check *check,
                              struct plan_command *command, struct str **inputs,
                              uint32_t *input_count)
{
    struct m_stage *source = ARENA_NEW(renderer->arena, struct m_stage);
    bool good;

    *command = (struct plan_command){.argc = 0};
    *inputs = ARENA_ARRAY(renderer->arena, struct str, check->inputs.count);
    *source = (struct m_stage){.run_kind = check->run_kind,
                               .run_span = check->span,
                               .run = check->run,
                               .settings = ARENA_NEW(renderer->arena, struct m_settings)};
    renderer->source = source;
    good = plan_render_run(renderer, command);
    for (*input_count = 0; good && *input_count < check->inputs.count; (*input_count)++) {
        good =
            plan_render_str(renderer, &check->inputs.items[*input_count], &(*inputs)[*input_count]);
    }
    return good;
}

bool plan_command_of_check(struct plan_check_names *names, const struct m_check *check,
                           struct arena *arena, struct plan_command *command, struct str **inputs,
                           uint32_t *input_count, struct err *err)
{
    const struct plan_instance *inst = &names->plan->instances[names->instance.n];
    struct plan_renderer renderer;
    bool good;

    plan_renderer_init(&renderer, names->plan, inst, arena, arena);
    renderer.scope.phase = PLAN_PHASE_CHECK;
    renderer.scope.resolved = inst->dynamic ? names->resolved : NULL;
    renderer.scope.metrics = names->metrics;
    good = plan_render_check(&renderer, check, command, inputs, input_count);
    strbuf_fini(&renderer.text);
    return good || err_set(err, STATUS_MANIFEST, "%.*s", STR_ARG(renderer.error.text));
}

/* --- while planning --- */

static bool plan_text_is_constant(const struct m_text *text)
{
    struct str constant;

    return !text->given || template_is_literal(text, &constant);
}

static bool plan_list_is_constant(const struct m_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (!plan_text_is_constant(&list->items[i])) {
            return false;
        }
    }
    return true;
}

static bool plan_command_is_constant(const struct m_stage *source)
{
    bool constant = plan_text_is_constant(&source->settings->dir) &&
                    plan_list_is_constant(&source->settings->shell) &&
                    plan_list_is_constant(&source->run);

    for (uint32_t i = 0; i < source->settings->env_count && constant; i++) {
        constant = plan_text_is_constant(&source->settings->env[i].value);
    }
    for (uint32_t i = 0; i < source->settings->tool_count && constant; i++) {
        constant = plan_text_is_constant(&source->settings->tools[i].program) &&
                   plan_text_is_constant(&source->settings->tools[i].run);
    }
    return constant;
}

/* --- what of a late command can be tried now --- */

static bool plan_is_known_now(void *ctx, const struct expr_name *name, bool in_default)
{
    (void)ctx;
    (void)in_default;
    return name->kind != EXPR_NAME_INPUTS && name->kind != EXPR_NAME_STAGE;
}

/* Renders for its errors what speaks neither of inputs nor of metrics. */
static bool plan_try_text(struct plan_renderer *renderer, const struct m_text *text, bool word)
{
    struct expr_env env = plan_scope_env(&renderer->scope);
    struct template_words words = {0};
    struct str unused;
    bool good;

    if (plan_text_is_constant(text) || !template_names(text, plan_is_known_now, NULL)) {
        return true;
    }
    if (!word) {
        return template_render(text, &env, renderer->scratch, &unused, &renderer->error);
    }
    good = template_render_words(text, &env, renderer->scratch, &words, &renderer->error);
    VEC_FREE(&words);
    return good;
}

static bool plan_try_command(struct plan_renderer *renderer)
{
    const struct m_stage *source = renderer->source;
    bool good = plan_try_text(renderer, &source->settings->dir, false);

    for (uint32_t i = 0; i < source->run.count && good; i++) {
        good = plan_try_text(renderer, &source->run.items[i], source->run_kind == M_RUN_ARGV);
    }
    for (uint32_t i = 0; i < source->settings->env_count && good; i++) {
        good = plan_try_text(renderer, &source->settings->env[i].value, false);
    }
    for (uint32_t i = 0; i < source->settings->tool_count && good; i++) {
        good = plan_try_text(renderer, &source->settings->tools[i].program, false) &&
               plan_try_text(renderer, &source->settings->tools[i].run, false);
    }
    return good;
}

/* --- all --- */

/* Without pipefail only the last command of a pipe can fail. */
static void plan_warn_of_pipe(struct plan_build *build, const struct m_stage *source)
{
    const struct m_list *shell = &source->settings->shell;
    struct shell_scan scan;
    struct str program = shell->given ? shell->items[0].text : STR("/bin/sh");

    if (source->run_kind != M_RUN_SHELL || source->run.count == 0 ||
        str_find(source->run.items[0].text, '|') < 0 ||
        build->files->has_pipefail(build->files->ctx, program)) {
        return;
    }
    if (shell->given && (!plan_list_is_constant(shell) || !shell_is_known(program))) {
        return;
    }
    shell_scan(&build->scratch, source->run.items[0].text, &scan);
    if (scan.has_pipe) {
        diag_warning(build->diags, source->run_span,
                     "write a file between, or name a shell that has pipefail",
                     "'%.*s' has no pipefail: of a pipe in stage '%.*s' only the last command can "
                     "fail",
                     STR_ARG(program), STR_ARG(source->name));
    }
}

static bool plan_check_command(struct plan_build *build, const struct plan_instance *inst,
                               const struct m_stage *source, struct strbuf *text)
{
    const struct m_command *others[] = {source->settings->recover, source->settings->compensate};
    struct plan_renderer renderer;
    struct plan_command command;
    bool good;

    arena_reset(&build->scratch);
    plan_renderer_init(&renderer, build->plan, inst, &build->scratch, &build->scratch);
    renderer.text = *text;
    renderer.source = source;
    good = inst->dynamic ? plan_try_command(&renderer) : plan_render_command(&renderer, &command);
    for (unsigned i = 0; good && i < sizeof(others) / sizeof(others[0]); i++) {
        struct m_stage stage;

        if (others[i] != NULL) {
            stage = plan_stage_with(source, others[i]);
            renderer.source = &stage;
            good = inst->dynamic ? plan_try_command(&renderer)
                                 : plan_render_command(&renderer, &command);
        }
    }
    if (!good) {
        plan_report(build, &renderer.scope, &renderer.error);
    }
    *text = renderer.text;
    return good;
}

static bool plan_check_all_commands(struct plan_build *build, const struct plan_instance *inst,
                                    const struct m_stage *source, struct strbuf *text)
{
    const struct m_variants *variants = source->settings->variants;
    bool good = true;

    for (uint32_t i = 0; i < variants->count && good; i++) {
        good = !plan_may_run(build->plan, inst, i) ||
               plan_check_command(build, inst, &variants->items[i].stage, text);
    }
    return good &&
           (!plan_may_run_own(build->plan, inst) || plan_check_command(build, inst, source, text));
}

/* Of a stage with variants: every command that an instance may run. */
static void plan_check_variant_commands(struct plan_build *build, const struct plan_stage *stage)
{
    const struct plan *plan = build->plan;
    struct strbuf text = {0};
    bool good = true;

    for (uint32_t i = 0; i < stage->instance_count && good; i++) {
        const struct plan_instance *inst = &plan->instances[stage->instances_first + i];

        if (inst->skip_reason.len == 0 && !inst->outline) {
            good = plan_check_all_commands(build, inst, stage->source, &text);
        }
    }
    strbuf_fini(&text);
}

static void plan_check_stage_commands(struct plan_build *build, const struct plan_stage *stage)
{
    const struct plan_instance *instances = build->plan->instances + stage->instances_first;
    bool has_others =
        stage->source->settings->recover != NULL || stage->source->settings->compensate != NULL;
    bool constant = !has_others && plan_command_is_constant(stage->source);
    struct plan_proof proof = plan_prove_stage(build, stage->source);
    struct strbuf text = {0};
    bool tried = false;
    bool good = true;

    plan_warn_of_pipe(build, stage->source);
    if (stage->source->settings->variants != NULL) {
        plan_check_variant_commands(build, stage);
        return;
    }
    for (uint32_t i = 0; i < stage->instance_count && good; i++) {
        if (instances[i].skip_reason.len != 0 || instances[i].outline ||
            (constant && tried && !instances[i].dynamic) ||
            (!has_others && plan_prove(&proof, build->plan, &instances[i]))) {
            continue;
        }
        good = plan_check_command(build, &instances[i], stage->source, &text);
        tried |= !instances[i].dynamic;
    }
    strbuf_fini(&text);
}

void plan_check_commands(struct plan_build *build)
{
    for (uint32_t i = 0; i < build->plan->stage_count; i++) {
        plan_check_stage_commands(build, &build->plan->stages[i]);
    }
}
