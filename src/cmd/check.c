/* Owns `check`: everything that can be found wrong without running. Beyond what reading and
 * planning report: files of the workspace that a command names and its stage does not declare. */
#include <unistd.h>

#include "base/json_write.h"
#include "base/map.h"
#include "base/path.h"
#include "cmd/place.h"
#include "model/glob.h"
#include "model/shellwords.h"
#include "run/sources.h"

struct check {
    struct place *place;
    struct plan_files files;
    struct map said;      /* stage and path: warned of */
    struct arena scratch; /* one instance */
    /* the instance looked at */
    const struct plan_instance *inst;
    const struct plan_stage *stage;
    struct plan_command command;
};

/* --- undeclared files --- */

static bool check_input_covers(const struct plan *plan, const struct plan_input *input,
                               struct str path)
{
    struct str name = plan_path_name(plan, input->path);

    switch (input->kind) {
    case PLAN_INPUT_FILE:
        return str_equal(name, path);
    case PLAN_INPUT_FOLDER:
        return path_is_below(path, name);
    case PLAN_INPUT_GLOB:
        break;
    }
    return glob_match(name, path);
}

static bool check_is_declared(const struct check *check, struct str path)
{
    const struct plan *plan = &check->place->session.plan;
    const struct plan_instance *inst = check->inst;

    for (uint32_t i = 0; i < inst->input_count; i++) {
        if (check_input_covers(plan, &plan->inputs[inst->inputs_first + i], path)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < inst->output_count; i++) {
        if (path_is_below(path,
                          plan_path_name(plan, plan->outputs[inst->outputs_first + i].path))) {
            return true;
        }
    }
    for (uint32_t i = 0; i < check->command.tool_count; i++) {
        if (str_equal(check->command.tools[i], path)) {
            return true;
        }
    }
    return false;
}

static void check_path(struct check *check, struct str word)
{
    struct session *session = &check->place->session;
    struct arena *arena = &session->arena;
    struct str path;

    if (word.len == 0 || path_is_absolute(word) ||
        path_normalise(arena, path_join(arena, check->command.dir, word), &path, NULL) !=
            PATH_FINE ||
        path.len == 0 || check->files.exists(check->files.ctx, path) != PLAN_EXISTS_FILE ||
        check_is_declared(check, path) ||
        map_put_new(&check->said,
                    str_printf(arena, "%.*s %.*s", STR_ARG(check->stage->name), STR_ARG(path)),
                    0) != MAP_MISSING) {
        return;
    }
    diag_warning(&session->diags, plan_source(&session->plan, check->inst)->run_span,
                 "declare it in 'inputs', so that a change of it counts",
                 "stage '%.*s' names the file '%.*s' and does not declare it",
                 STR_ARG(check->stage->name), STR_ARG(path));
}

/* `--file=PATH` and `name=PATH` name a file too. */
static bool check_word(void *ctx, struct str word, size_t offset, size_t len)
{
    ptrdiff_t equals = str_find(word, '=');

    (void)offset;
    (void)len;
    if (word.len > 0 && word.data[0] != '-') {
        check_path(ctx, word);
    }
    if (equals >= 0) {
        check_path(ctx, str_skip(word, (size_t)equals + 1));
    }
    return true;
}

static void check_instance(struct check *check, uint32_t number)
{
    const struct plan *plan = &check->place->session.plan;

    check->inst = &plan->instances[number];
    check->stage = &plan->stages[check->inst->stage.n];
    arena_reset(&check->scratch);
    if (check->inst->dynamic ||
        !plan_command(plan, (struct inst_id){number}, NULL, &check->scratch, &check->command,
                      NULL) ||
        check->command.argc == 0) {
        return;
    }
    if (check->command.shell) {
        shell_words(check->command.argv[check->command.argc - 1], check_word, check);
        return;
    }
    /* argv[0] is a tool or an input by itself. */
    for (uint32_t i = 1; i < check->command.argc; i++) {
        check_word(check, check->command.argv[i], 0, 0);
    }
}

static void check_undeclared(struct place *place)
{
    struct check check = {.place = place, .files = session_plan_files(&place->session)};

    map_init(&check.said);
    arena_init(&check.scratch);
    for (uint32_t i = 0; i < place->session.plan.instance_count; i++) {
        check_instance(&check, i);
    }
    arena_fini(&check.scratch);
    map_fini(&check.said);
}

/* --- what is said --- */

static const char *check_severity(enum diag_severity severity)
{
    switch (severity) {
    case DIAG_ERROR:
        return "error";
    case DIAG_WARNING:
        return "warning";
    case DIAG_NOTE:
        break;
    }
    return "note";
}

static void check_json_diag(struct json_writer *w, const struct diags *diags,
                            const struct diag *diag)
{
    uint32_t line;
    uint32_t column;

    json_object_begin(w);
    json_field_text(w, "severity", check_severity(diag->severity));
    if (diags_place(diags, diag->span, &line, &column)) {
        json_field_str(w, "file", diags->sources[diag->span.source - 1].name);
        json_field_uint(w, "line", line);
        json_field_uint(w, "column", column);
    }
    json_field_str(w, "text", diag->text);
    if (diag->hint.len != 0) {
        json_field_str(w, "hint", diag->hint);
    }
    json_object_end(w);
}

static void check_show_json(const struct place *place, const struct err *err)
{
    const struct session *session = &place->session;
    struct json_writer w = json_writer_of(&place->cli->out, JSON_PRETTY);

    json_object_begin(&w);
    json_field_int(&w, "schema", 1);
    json_field_bool(&w, "good", err->status == 0);
    if (err->status != 0 && !diags_has_errors(&session->diags)) {
        json_field_text(&w, "reason", err->text);
    }
    json_field_uint(&w, "errors", session->diags.errors);
    json_field_uint(&w, "warnings", session->diags.warnings);
    json_field_array(&w, "diagnostics");
    for (uint32_t i = 0; i < session->diags.count; i++) {
        check_json_diag(&w, &session->diags, &session->diags.items[i]);
    }
    json_array_end(&w);
    json_field_uint(&w, "stages", session->planned ? session->plan.stage_count : 0);
    json_field_uint(&w, "instances", session->planned ? session->plan.instance_count : 0);
    json_object_end(&w);
    strbuf_putc(&place->cli->out, '\n');
}

static void check_show(struct place *place)
{
    const struct session *session = &place->session;
    uint32_t warnings = session->diags.warnings;

    session_show_diags(&place->session, cli_is_colored(place->cli, STDERR_FILENO));
    strbuf_printf(&place->cli->out, "%.*s: %u stage%s, %u instance%s, ",
                  STR_ARG(session->manifest_path), session->plan.stage_count,
                  session->plan.stage_count == 1 ? "" : "s", session->plan.instance_count,
                  session->plan.instance_count == 1 ? "" : "s");
    if (warnings != 0) {
        strbuf_printf(&place->cli->out, "%u warning%s\n", warnings, warnings == 1 ? "" : "s");
    } else {
        strbuf_puts(&place->cli->out, "no mistakes\n");
    }
}

int cmd_check(struct cli *cli)
{
    struct place place;
    struct err err = {0};
    int status = STATUS_OK;

    place_init(&place, cli);
    if (place_advance(&place, PLACE_PLAN, SESSION_LOOK, &err)) {
        check_undeclared(&place);
    }
    if (cli->json) {
        check_show_json(&place, &err);
        status = err.status;
    } else if (err.status != 0) {
        status = place_fail(&place, &err);
    } else {
        check_show(&place);
    }
    place_close(&place);
    return status;
}
