/* Owns [stage.NAME] and [defaults]: the walk over stages and the keys that say how a stage runs.
 *
 * `shell` is read before all other keys, because what a `run` string may hold depends on it. */
#include "model/manifest_read.h"

#include <string.h>

#include "base/limits.h"
#include "model/expr.h"

enum { M_STAGES_DROPPED = 1024 }; /* read between two looks at what can be given back */

/* --- shell and run --- */

/* The word by which template_parse knows a shell: its program, for busybox with the applet. */
static struct str m_shell_word(struct m_reader *reader, const struct m_list *shell)
{
    struct str program;
    struct str applet;

    if (!shell->given || shell->count == 0) {
        return STR("/bin/sh");
    }
    program = shell->items[0].text;
    if (shell->count > 1 &&
        (str_is(program, "busybox") || str_has_suffix(program, STR("/busybox")))) {
        applet = shell->items[1].text;
        return str_printf(reader->arena, "busybox %.*s", STR_ARG(applet));
    }
    return program;
}

void m_key_shell(struct m_reader *reader, const struct manifest_key_row *row,
                 const struct toml_entry *entry, void *into)
{
    struct m_settings *settings = into;

    (void)row;
    if (entry->value.kind == TOML_STRING) {
        m_error_kind(reader, &entry->value, entry->key, "an array of strings",
                     "as in [\"bash\", \"-eu\", \"-c\"]");
        return;
    }
    m_list_strings(reader, entry->key, &entry->value, TEMPLATE_TEXT, &settings->shell);
    if (entry->value.kind == TOML_ARRAY && entry->value.array.count == 0) {
        m_error(reader, entry->value.span, NULL, entry->key, "must name a program");
    }
}

static void m_run_read_argv(struct m_reader *reader, struct str key, const struct toml_value *value,
                            struct m_list *run)
{
    run->items = ARENA_ARRAY(reader->arena, struct m_text, value->array.count);
    if (value->array.count == 0) {
        m_error(reader, value->span, NULL, key, "must name a program");
    }
    TOML_ITEMS(item, &value->array)
    {
        bool first = item == value->array.items;

        if (item->kind != TOML_STRING) {
            m_error(reader, item->span, "write it in quotes", key,
                    "holds %s where a string is expected", toml_kind_name(item->kind));
        } else if ((first ? m_text_filled : m_text_string)(reader, key, item, TEMPLATE_ARGV,
                                                           &run->items[run->count])) {
            run->count++;
        }
    }
}

void m_run_read(struct m_reader *reader, struct str key, const struct toml_value *value,
                enum m_run_kind *kind, struct m_list *run)
{
    if (value->kind != TOML_ARRAY && value->kind != TOML_STRING) {
        m_error_kind(reader, value, key, "a string or an array of strings", NULL);
        return;
    }
    *run = (struct m_list){.given = true};
    if (value->kind == TOML_ARRAY) {
        *kind = M_RUN_ARGV;
        m_run_read_argv(reader, key, value, run);
    } else {
        *kind = M_RUN_SHELL;
        run->items = ARENA_NEW(reader->arena, struct m_text);
        run->count = m_text_filled(reader, key, value, TEMPLATE_SHELL, &run->items[0]);
    }
}

void m_key_run(struct m_reader *reader, const struct manifest_key_row *row,
               const struct toml_entry *entry, void *into)
{
    struct m_stage *stage = into;

    (void)row;
    stage->run_span = entry->value.span;
    m_run_read(reader, entry->key, &entry->value, &stage->run_kind, &stage->run);
}

/* --- other keys --- */

void m_key_needs(struct m_reader *reader, const struct manifest_key_row *row,
                 const struct toml_entry *entry, void *into)
{
    m_list_strings(reader, entry->key, &entry->value, TEMPLATE_TEXT,
                   (struct m_list *)((char *)into + row->at));
}

const struct expr *m_expr_read(struct m_reader *reader, struct str key,
                               const struct toml_value *value)
{
    if (value->kind == TOML_BOOLEAN) {
        return expr_parse(reader->arena, value->boolean ? STR("true") : STR("false"), value->span,
                          reader->diags);
    }
    if (value->kind != TOML_STRING) {
        m_error_kind(reader, value, key, "an expression in quotes", NULL);
    } else if (value->string.len == 0) {
        m_error(reader, value->span, NULL, key, "must not be empty");
    } else if (str_find_str(value->string, STR("{{")) >= 0) {
        m_error(reader, value->span, "write the expression without {{ }}", key,
                "is an expression by itself");
    } else {
        return expr_parse(reader->arena, value->string, m_content_span(reader, value),
                          reader->diags);
    }
    return NULL;
}

void m_key_when(struct m_reader *reader, const struct manifest_key_row *row,
                const struct toml_entry *entry, void *into)
{
    struct m_settings *settings = into;

    (void)row;
    settings->when_span = entry->value.span;
    settings->when = m_expr_read(reader, entry->key, &entry->value);
}

void m_key_on_failure(struct m_reader *reader, const struct manifest_key_row *row,
                      const struct toml_entry *entry, void *into)
{
    struct m_settings *settings = into;
    struct str constant;

    (void)row;
    if (m_text_string(reader, entry->key, &entry->value, TEMPLATE_TEXT, &settings->on_failure) &&
        m_text_constant(&settings->on_failure, &constant) && !str_is(constant, "stop") &&
        !str_is(constant, "ignore")) {
        m_error(reader, entry->value.span, NULL, entry->key, "must be \"stop\" or \"ignore\"");
    }
}

void m_key_on_pause(struct m_reader *reader, const struct manifest_key_row *row,
                    const struct toml_entry *entry, void *into)
{
    struct m_settings *settings = into;
    struct str constant;

    (void)row;
    if (m_text_string(reader, entry->key, &entry->value, TEMPLATE_TEXT, &settings->on_pause) &&
        m_text_constant(&settings->on_pause, &constant) && !str_is(constant, "finish") &&
        !str_is(constant, "freeze") && !str_is(constant, "stop")) {
        m_error(reader, entry->value.span, NULL, entry->key,
                "must be \"finish\", \"freeze\" or \"stop\"");
    }
}

void m_key_cpu(struct m_reader *reader, const struct manifest_key_row *row,
               const struct toml_entry *entry, void *into)
{
    struct m_settings *settings = into;
    struct str constant;

    (void)row;
    if (entry->value.kind == TOML_INTEGER) {
        m_text_integer(reader, entry->key, &entry->value, 1, LIMIT_JOBS, &settings->cpu);
    } else if (entry->value.kind != TOML_STRING) {
        m_error_kind(reader, &entry->value, entry->key, "an integer or \"all\"", NULL);
    } else if (m_text_string(reader, entry->key, &entry->value, TEMPLATE_TEXT, &settings->cpu) &&
               m_text_constant(&settings->cpu, &constant) && !str_is(constant, "all")) {
        m_error(reader, entry->value.span, "write a number without quotes", entry->key,
                "must be an integer or \"all\"");
    }
}

void m_key_priority(struct m_reader *reader, const struct manifest_key_row *row,
                    const struct toml_entry *entry, void *into)
{
    struct m_settings *settings = into;

    (void)row;
    m_text_integer(reader, entry->key, &entry->value, -1000000, 1000000, &settings->priority);
}

/* --- tables --- */

struct m_settings *m_stage_settings(struct m_reader *reader, struct m_stage *stage)
{
    struct m_settings *own;

    if (reader->own_settings != stage) {
        own = ARENA_NEW(reader->arena, struct m_settings);
        *own = *stage->settings;
        stage->settings = own;
        reader->own_settings = stage;
    }
    return (struct m_settings *)stage->settings;
}

void m_shell_take(struct m_reader *reader, const struct toml_table *table,
                  const struct m_stage *stage)
{
    const struct toml_entry *shell = toml_find(table, STR("shell"));

    /* Read for its word alone; the walk reads it again, with its messages. */
    if (shell != NULL && shell->value.kind == TOML_ARRAY && shell->value.array.count != 0) {
        struct m_list list = {.given = true, .count = shell->value.array.count};

        list.items = ARENA_ARRAY(reader->arena, struct m_text, list.count);
        for (uint32_t i = 0; i < list.count; i++) {
            const struct toml_value *item = &shell->value.array.items[i];

            list.items[i].text = item->kind == TOML_STRING ? item->string : STR("");
        }
        reader->shell = m_shell_word(reader, &list);
    } else {
        reader->shell = m_shell_word(reader, &stage->settings->shell);
    }
}

static void m_stage_read_keys(struct m_reader *reader, const struct toml_table *table,
                              struct m_stage *stage)
{
    m_shell_take(reader, table, stage);
    m_table_read(reader, MANIFEST_STAGE, table, stage);
}

void m_defaults_read(struct m_reader *reader, const struct toml_value *value, bool local)
{
    static const struct m_owner owner = {.kind = "[defaults]"};

    if (value == NULL) {
        return;
    }
    reader->owner = &owner;
    reader->in_defaults = true;
    reader->local = local;
    m_stage_read_keys(reader, value->table, &reader->defaults);
    reader->in_defaults = false;
    reader->local = false;
}

static void m_stage_check_always(struct m_reader *reader, const struct m_stage *stage)
{
    if (stage->settings->always && stage->settings->compensate != NULL) {
        diag_error(
            reader->diags, stage->span, "let another stage do what is to be undone",
            "stage '%.*s' has both 'always' and 'compensate': it runs behind all that undoes",
            STR_ARG(stage->name));
    }
}

/* What only the whole stage shows. */
static void m_stage_check(struct m_reader *reader, const struct m_stage *stage)
{
    m_env_check(reader, stage->settings);
    if (!m_stream_check(reader, stage)) {
        return;
    }
    if (stage->run_kind != M_RUN_NONE) {
        m_stage_check_always(reader, stage);
        m_checkpoint_check(reader, stage);
        return;
    }
    if (stage->settings != reader->defaults.settings &&
        stage->settings->gate.count + stage->settings->validate.count != 0) {
        diag_error(reader->diags, stage->span, "add 'run'",
                   "stage '%.*s' has checks but no 'run': it has no result to judge",
                   STR_ARG(stage->name));
    } else if (stage->output_count != 0 || stage->settings->std_out.given ||
               stage->settings->depfile.given) {
        diag_error(reader->diags, stage->span, "add 'run'", "stage '%.*s' has outputs but no 'run'",
                   STR_ARG(stage->name));
    } else if (stage->settings != reader->defaults.settings && stage->settings->always) {
        diag_error(reader->diags, stage->span, "add 'run'",
                   "stage '%.*s' has 'always' but no 'run'", STR_ARG(stage->name));
    } else if (stage->settings->std_in.given) {
        diag_error(reader->diags, stage->span, "add 'run'", "stage '%.*s' has 'stdin' but no 'run'",
                   STR_ARG(stage->name));
    } else if (stage->needs.count == 0 && stage->input_count == 0) {
        diag_error(reader->diags, stage->span, "add 'run', or 'needs' to name other stages",
                   "stage '%.*s' does nothing", STR_ARG(stage->name));
    }
}

/* Stops at a name of an input. */
static bool m_is_no_input(void *ctx, const struct expr_name *name, bool in_default)
{
    (void)ctx;
    (void)in_default;
    return name->kind != EXPR_NAME_INPUTS;
}

static bool m_names_inputs(const struct m_text *text)
{
    return text->given && !template_names(text, m_is_no_input, NULL);
}

bool manifest_outputs_name_inputs(const struct m_stage *stage)
{
    bool names = m_names_inputs(&stage->settings->std_out) ||
                 m_names_inputs(&stage->settings->depfile) ||
                 m_names_inputs(&stage->settings->dead_letter);

    for (uint32_t i = 0; !names && i < stage->output_count; i++) {
        names = m_names_inputs(&stage->outputs[i].path);
    }
    return names;
}

void manifest_forget_files(struct manifest *manifest)
{
    for (uint32_t i = 0; i < manifest->stage_count; i++) {
        manifest->stages[i].inputs = NULL;
        manifest->stages[i].outputs = NULL;
    }
}

/* Without its inputs at first; see struct manifest_request. */
static void m_stage_read_outline(struct m_reader *reader, const struct toml_table *table,
                                 struct m_stage *stage)
{
    const struct toml_entry *inputs = toml_find(table, STR("inputs"));

    reader->outline = true;
    m_stage_read_keys(reader, table, stage);
    reader->outline = false;
    if (inputs != NULL && manifest_outputs_name_inputs(stage)) {
        m_key_inputs(reader, NULL, inputs, stage);
    }
}

static bool m_stage_is_outline(const struct m_reader *reader)
{
    return reader->request->outlines != NULL &&
           reader->request->outlines[reader->manifest->stage_count] != 0;
}

static void m_stage_read(struct m_reader *reader, const struct toml_entry *entry,
                         struct m_stage *stage)
{
    struct m_owner owner = {.kind = "stage", .name = entry->key};
    uint32_t before = reader->diags->errors;

    *stage = reader->defaults;
    stage->name = entry->key;
    stage->span = entry->key_span;
    if (entry->value.kind != TOML_TABLE) {
        diag_error(reader->diags, entry->key_span,
                   entry->value.kind == TOML_ARRAY ? "write the name in single brackets" : NULL,
                   "stage '%.*s' must be a table, not %s", STR_ARG(entry->key),
                   toml_kind_name(entry->value.kind));
        return;
    }
    reader->owner = &owner;
    if (m_stage_is_outline(reader)) {
        m_stage_read_outline(reader, entry->value.table, stage);
    } else {
        m_stage_read_keys(reader, entry->value.table, stage);
        m_variants_read(reader, entry->value.table, stage);
        if (reader->diags->errors == before) {
            m_stage_check(reader, stage);
        }
    }
    reader->owner = NULL;
}

static struct str_range m_stage_text(const struct toml_value *value)
{
    return value->kind == TOML_TABLE && value->table->text.to != 0 ? value->table->text
                                                                   : (struct str_range){0, 0};
}

/* `inputs = …` in the stage's own table, from the key to the end of the value. */
static struct str_range m_stage_inputs_text(const struct toml_value *value,
                                            const struct m_stage *stage)
{
    const struct toml_entry *inputs =
        m_stage_text(value).to != 0 ? toml_find(value->table, STR("inputs")) : NULL;
    bool scattered =
        inputs == NULL ||
        (inputs->value.kind == TOML_TABLE && inputs->value.table->origin != TOML_ORIGIN_INLINE) ||
        inputs->value.span.offset <= inputs->key_span.offset;

    if (scattered || manifest_outputs_name_inputs(stage)) {
        return (struct str_range){0, 0};
    }
    return (struct str_range){inputs->key_span.offset,
                              inputs->value.span.offset + inputs->value.span.len};
}

/* Room for the stages, not zeroed: each is written whole, as a copy of the defaults, and for many
 * of them a first pass over all that memory would be felt. */
static struct m_stage *m_stages_room(struct arena *arena, uint32_t count)
{
    const size_t align = _Alignof(struct m_stage);
    uintptr_t room = (uintptr_t)arena_bytes(arena, (size_t)count * sizeof(struct m_stage) + align);

    return (struct m_stage *)((room + align - 1) / align * align);
}

/* The stages stand in the document's arena in the order in which they are read here, and nothing is
 * read after them: what is behind us is given back, so that document and manifest are never there
 * as a whole at once. */
static void m_stages_drop_read(struct m_reader *reader, const struct toml_entry *entry)
{
    if (reader->request->document_arena != NULL &&
        reader->manifest->stage_count % M_STAGES_DROPPED == 0) {
        arena_drop_before(reader->request->document_arena, entry);
    }
}

void m_stages_read(struct m_reader *reader, const struct toml_value *value)
{
    struct manifest *manifest = reader->manifest;
    const struct toml_table *root = reader->request->document->table;

    if (value == NULL || value->table->count == 0) {
        if (value != NULL || toml_get(root, "stage") == NULL) {
            diag_error(reader->diags,
                       value != NULL ? value->span
                                     : (struct span){0, 0, reader->request->document->span.source},
                       "add a table [stage.NAME]", "there are no stages");
        }
        return;
    }
    manifest->stages = m_stages_room(reader->arena, value->table->count);
    manifest->stage_texts = ARENA_ARRAY(reader->arena, struct str_range, value->table->count);
    manifest->stage_inputs = ARENA_ARRAY(reader->arena, struct str_range, value->table->count);
    TOML_EACH(entry, value->table)
    {
        m_stages_drop_read(reader, entry);
        if (m_name_check(reader, "a stage", entry->key, entry->key_span, true)) {
            struct m_stage *stage = &manifest->stages[manifest->stage_count];

            m_stage_read(reader, entry, stage);
            manifest->stage_texts[manifest->stage_count] = m_stage_text(&entry->value);
            manifest->stage_inputs[manifest->stage_count++] =
                m_stage_inputs_text(&entry->value, stage);
        }
    }
    m_index_build(&manifest->stage_index, reader->arena, manifest->stages, manifest->stage_count,
                  sizeof(*manifest->stages));
}
