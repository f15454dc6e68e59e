/* Owns the environment of commands. */
#include "run/environment.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "model/glob.h"

extern char **environ;

static const char *const environment_outside[] = {"PATH", "HOME", "USER", "LOGNAME", "TMPDIR"};

static struct str environment_name(struct str var)
{
    ptrdiff_t at = str_find(var, '=');

    return at < 0 ? var : str_head(var, (size_t)at);
}

/* Replaces the variable of that name, or adds it. */
static void environment_set(struct environment_vars *vars, struct str var)
{
    size_t len = environment_name(var).len;

    for (size_t i = 0; i < vars->count; i++) {
        struct str item = vars->items[i];

        if ((item.len == len || (item.len > len && item.data[len] == '=')) &&
            memcmp(item.data, var.data, len) == 0) {
            vars->items[i] = var;
            return;
        }
    }
    VEC_PUSH(vars, var);
}

static void environment_base(struct environment_vars *vars, struct arena *arena)
{
    for (size_t i = 0; i < sizeof(environment_outside) / sizeof(environment_outside[0]); i++) {
        const char *value = getenv(environment_outside[i]);

        if (value != NULL) {
            environment_set(
                vars, STR_JOIN(arena, str_of(environment_outside[i]), STR("="), str_of(value)));
        }
    }
    if (getenv("PATH") == NULL) {
        environment_set(vars, STR("PATH=/usr/local/bin:/usr/bin:/bin"));
    }
    environment_set(vars, STR("LC_ALL=C.UTF-8"));
    environment_set(vars, STR("TZ=UTC"));
}

static const char *const *environment_list(const struct environment_vars *vars, struct arena *arena)
{
    const char **envp = ARENA_ARRAY(arena, const char *, vars->count + 1);

    for (size_t i = 0; i < vars->count; i++) {
        envp[i] = vars->items[i].data;
    }
    return envp;
}

const char *const *environment_plain(struct arena *arena)
{
    struct environment_vars vars = {0};
    const char *const *envp;

    environment_base(&vars, arena);
    envp = environment_list(&vars, arena);
    VEC_FREE(&vars);
    return envp;
}

static int environment_compare(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static bool environment_is_named(const struct m_pass *rows, uint32_t count, struct str name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (str_equal(rows[i].name, name)) {
            return true;
        }
    }
    return false;
}

static bool environment_is_passed(const struct m_pass *rows, uint32_t count, struct str name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (name_match(rows[i].name, name)) {
            return true;
        }
    }
    return false;
}

bool environment_is_secret(const struct m_stage *stage, struct str name)
{
    const struct m_settings *settings = stage->settings;

    return settings->secret_env_count != 0 &&
           environment_is_passed(settings->secret_env, settings->secret_env_count, name) &&
           !environment_is_named(settings->pass_env, settings->pass_env_count, name);
}

/* With a stage: only its secrets, or only what is none of them. */
static bool environment_match(struct str pattern, const struct m_stage *stage, bool secret,
                              struct environment_vars *vars)
{
    bool found = false;

    for (char **var = environ; *var != NULL; var++) {
        struct str name = environment_name(str_of(*var));

        if (name_match(pattern, name)) {
            found = true;
            if (stage == NULL || environment_is_secret(stage, name) == secret) {
                environment_set(vars, str_of(*var));
            }
        }
    }
    return found;
}

/* Takes the variables, sorted, to the arena. */
static void environment_take(struct environment_vars *vars, struct arena *arena,
                             struct event_strs *taken)
{
    if (vars->count != 0) {
        qsort(vars->items, vars->count, sizeof(*vars->items), environment_compare);
    }
    *taken = (struct event_strs){VEC_DUP(vars, arena), (uint32_t)vars->count};
    VEC_FREE(vars);
}

void environment_matching(struct str pattern, struct arena *arena, struct event_strs *found)
{
    struct environment_vars vars = {0};

    environment_match(pattern, NULL, false, &vars);
    environment_take(&vars, arena, found);
}

void environment_matching_secrets(struct str pattern, const struct m_stage *stage,
                                  struct arena *arena, struct event_strs *names)
{
    struct environment_vars vars = {0};

    environment_match(pattern, stage, true, &vars);
    environment_take(&vars, arena, names);
    for (uint32_t i = 0; i < names->count; i++) {
        names->items[i] = environment_name(names->items[i]);
    }
}

void environment_secrets(const struct m_stage *stage, struct mask_words *words)
{
    const struct m_settings *settings = stage->settings;
    struct environment_vars vars = {0};

    for (uint32_t i = 0; i < settings->secret_env_count; i++) {
        environment_match(settings->secret_env[i].name, stage, true, &vars);
    }
    VEC_EACH (var, &vars) {
        mask_words_add(words, str_skip(*var, environment_name(*var).len + 1));
    }
    VEC_FREE(&vars);
}

bool environment_passed(const struct m_stage *stage, bool counted, struct arena *arena,
                        struct event_strs *passed, struct err *err)
{
    const struct m_pass *rows = counted ? stage->settings->pass_env : stage->settings->secret_env;
    uint32_t count = counted ? stage->settings->pass_env_count : stage->settings->secret_env_count;
    struct environment_vars vars = {0};

    *passed = (struct event_strs){NULL, 0};
    for (uint32_t i = 0; i < count; i++) {
        if (!environment_match(rows[i].name, stage, !counted, &vars) && !rows[i].may_be_unset) {
            VEC_FREE(&vars);
            return err_set(err, STATUS_ENVIRONMENT,
                           "environment variable '%.*s' of stage '%.*s' is not set; set it, or "
                           "write \"%.*s?\" if it may be missing",
                           STR_ARG(rows[i].name), STR_ARG(stage->name), STR_ARG(rows[i].name));
        }
    }
    environment_take(&vars, arena, passed);
    return true;
}

static bool environment_add_passed(struct environment_vars *vars, const struct m_stage *stage,
                                   bool counted, struct arena *arena, struct err *err)
{
    struct event_strs passed;

    if (!environment_passed(stage, counted, arena, &passed, err)) {
        return false;
    }
    for (uint32_t i = 0; i < passed.count; i++) {
        environment_set(vars, passed.items[i]);
    }
    return true;
}

static void environment_set_number(struct environment_vars *vars, struct arena *arena,
                                   struct str name, int64_t value)
{
    char digits[STR_INT_BYTES];

    environment_set(vars, STR_JOIN(arena, name, str_int(value, digits)));
}

static void environment_own(struct environment_vars *vars, const struct environment_frame *frame,
                            const struct environment_attempt *attempt, struct arena *arena)
{
    char digits[STR_INT_BYTES];

    environment_set(vars, frame->pawl);
    environment_set(vars, frame->run_dir);
    environment_set(vars, frame->run);
    environment_set(vars, STR_JOIN(arena, STR("PAWL_STAGE="), attempt->stage));
    environment_set(vars, STR_JOIN(arena, STR("PAWL_INSTANCE="), attempt->instance));
    environment_set_number(vars, arena, STR("PAWL_ATTEMPT="), attempt->attempt);
    environment_set_number(vars, arena, STR("PAWL_MAX_ATTEMPTS="), attempt->max_attempts);
    environment_set(vars, STR_JOIN(arena, STR("PAWL_ATTEMPT_ID="), attempt->attempt_id));
    environment_set_number(vars, arena, STR("PAWL_CPUS="), attempt->cpus);
    if (attempt->memory_bytes != 0) {
        environment_set(
            vars, STR_JOIN(arena, STR("PAWL_MEMORY="), str_uint(attempt->memory_bytes, digits)));
    }
    if (attempt->checkpoint_dir.len != 0) {
        environment_set(vars,
                        STR_JOIN(arena, STR("PAWL_CHECKPOINT_DIR="), attempt->checkpoint_dir));
    }
    environment_set(vars, STR_JOIN(arena, frame->traceparent, attempt->span, STR("-01")));
    if (attempt->run_state.len != 0) {
        environment_set(vars, STR_JOIN(arena, STR("PAWL_RUN_STATE="), attempt->run_state));
    }
    if (attempt->cause.len != 0 || attempt->run_state.len != 0) {
        environment_set(vars, STR_JOIN(arena, STR("PAWL_CAUSE="), attempt->cause));
        environment_set(vars, STR_JOIN(arena, STR("PAWL_EXIT_STATUS="), attempt->exit_status));
        environment_set(vars, STR_JOIN(arena, STR("PAWL_LOG="), attempt->log));
    }
    if (attempt->effect.len != 0) {
        environment_set(vars, STR_JOIN(arena, STR("PAWL_EFFECT_ID="), attempt->effect));
    }
}

void environment_frame_init(struct environment_frame *frame, struct arena *arena, struct str pawl,
                            struct str run_dir, struct str run, struct str trace)
{
    struct environment_vars vars = {0};

    environment_base(&vars, arena);
    *frame = (struct environment_frame){
        .outside = VEC_DUP(&vars, arena),
        .outside_count = (uint32_t)vars.count,
        .pawl = str_concat(arena, STR("PAWL="), pawl),
        .run_dir = str_concat(arena, STR("PAWL_RUN_DIR="), run_dir),
        .run = str_concat(arena, STR("PAWL_RUN_ID="), run),
        .traceparent = STR_JOIN(arena, STR("TRACEPARENT=00-"), trace, STR("-"))};
    VEC_FREE(&vars);
}

void environment_frame_fini(struct environment_frame *frame)
{
    VEC_FREE(&frame->vars);
}

struct str environment_exit_status(int64_t exit_code, int64_t signal, struct arena *arena)
{
    return str_printf(arena, "%lld", (long long)(signal != 0 ? 128 + signal : exit_code));
}

static struct environment_vars *environment_begin(struct environment_frame *frame)
{
    struct environment_vars *vars = &frame->vars;

    VEC_CLEAR(vars);
    for (uint32_t i = 0; i < frame->outside_count; i++) {
        VEC_PUSH(vars, frame->outside[i]);
    }
    return vars;
}

static void environment_set_all(struct environment_vars *vars, const struct event_strs *all)
{
    for (uint32_t i = 0; i < all->count; i++) {
        environment_set(vars, all->items[i]);
    }
}

bool environment_build(struct environment_frame *frame, const struct m_stage *stage,
                       const struct plan_command *command,
                       const struct environment_attempt *attempt, struct arena *arena,
                       const char *const **envp, struct err *err)
{
    struct environment_vars *vars = environment_begin(frame);

    if (attempt->makeflags.len != 0) {
        environment_set(vars, str_concat(arena, STR("MAKEFLAGS="), attempt->makeflags));
    }
    if (!environment_add_passed(vars, stage, true, arena, err) ||
        !environment_add_passed(vars, stage, false, arena, err)) {
        return false;
    }
    environment_set_all(vars, &(struct event_strs){command->env, command->env_count});
    environment_own(vars, frame, attempt, arena);
    *envp = environment_list(vars, arena);
    return true;
}

bool environment_keep(const struct m_stage *stage, const struct plan_command *command,
                      struct arena *arena, struct environment_kept *kept, struct err *err)
{
    const struct m_settings *settings = stage->settings;
    struct environment_vars secrets = {0};

    kept->env = (struct event_strs){command->env, command->env_count};
    for (uint32_t i = 0; i < settings->secret_env_count; i++) {
        environment_match(settings->secret_env[i].name, stage, true, &secrets);
    }
    environment_take(&secrets, arena, &kept->secrets);
    for (uint32_t i = 0; i < kept->secrets.count; i++) {
        kept->secrets.items[i] = environment_name(kept->secrets.items[i]);
    }
    return environment_passed(stage, true, arena, &kept->passed, err);
}

bool environment_build_kept(struct environment_frame *frame, const struct environment_kept *kept,
                            const struct environment_attempt *attempt, struct arena *arena,
                            const char *const **envp, struct err *err)
{
    struct environment_vars *vars = environment_begin(frame);

    environment_set_all(vars, &kept->passed);
    for (uint32_t i = 0; i < kept->secrets.count; i++) {
        struct str name = kept->secrets.items[i];
        const char *value = getenv(str_dup(arena, name).data);

        if (value == NULL) {
            return err_set(err, STATUS_ENVIRONMENT,
                           "environment variable '%.*s', a secret of stage '%.*s', is not set",
                           STR_ARG(name), STR_ARG(attempt->stage));
        }
        environment_set(vars, STR_JOIN(arena, name, STR("="), str_of(value)));
    }
    environment_set_all(vars, &kept->env);
    environment_own(vars, frame, attempt, arena);
    *envp = environment_list(vars, arena);
    return true;
}

const char *const *environment_hook(const struct environment_frame *frame,
                                    const struct environment_hook *about, struct arena *arena)
{
    struct environment_vars vars = {0};
    const char *const *envp;
    char digits[STR_INT_BYTES];

    for (uint32_t i = 0; i < frame->outside_count; i++) {
        VEC_PUSH(&vars, frame->outside[i]);
    }
    environment_set(&vars, frame->pawl);
    environment_set(&vars, frame->run_dir);
    environment_set(&vars, frame->run);
    environment_set(&vars, STR_JOIN(arena, STR("PAWL_HOOK="), about->hook));
    environment_set(&vars, STR_JOIN(arena, STR("PAWL_STAGE="), about->stage));
    environment_set(&vars, STR_JOIN(arena, STR("PAWL_INSTANCE="), about->instance));
    environment_set(&vars,
                    STR_JOIN(arena, STR("PAWL_ATTEMPT="),
                             about->attempt != 0 ? str_int(about->attempt, digits) : STR("")));
    environment_set(&vars, STR_JOIN(arena, STR("PAWL_CAUSE="), about->cause));
    environment_set(&vars, STR_JOIN(arena, STR("PAWL_EXIT_STATUS="), about->exit_status));
    environment_set(&vars, STR_JOIN(arena, STR("PAWL_LOG="), about->log));
    environment_set(&vars, STR_JOIN(arena, frame->traceparent, about->span, STR("-01")));
    envp = environment_list(&vars, arena);
    VEC_FREE(&vars);
    return envp;
}

struct str environment_path(const char *const *envp)
{
    static const char name[] = "PATH=";

    for (; *envp != NULL; envp++) {
        if (strncmp(*envp, name, sizeof(name) - 1) == 0) {
            return str_of(*envp + sizeof(name) - 1);
        }
    }
    return STR("");
}

uint32_t environment_left_out(const struct m_stage *stage)
{
    uint32_t count = 0;

    for (char **var = environ; *var != NULL; var++) {
        struct str name = environment_name(str_of(*var));
        bool outside = false;

        for (size_t i = 0; i < sizeof(environment_outside) / sizeof(environment_outside[0]); i++) {
            outside |= str_is(name, environment_outside[i]);
        }
        count += !outside &&
                 !environment_is_passed(stage->settings->pass_env, stage->settings->pass_env_count,
                                        name) &&
                 !environment_is_passed(stage->settings->secret_env,
                                        stage->settings->secret_env_count, name);
    }
    return count;
}
