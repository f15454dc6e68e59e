/* Owns the paths of a stage: inputs, outputs, stdin, stdout, depfile, dir.
 *
 * A path without templates is checked here: an input may be absolute, but a relative one stays in
 * the workspace; an output is always inside. What has templates is checked when it is rendered. */
#include "model/manifest_read.h"

#include <string.h>

#include "base/path.h"

/* --- constant paths --- */

enum m_path_role { M_PATH_INPUT, M_PATH_OUTPUT, M_PATH_DIR };

static bool m_path_problem(struct m_reader *reader, struct str key, const struct m_text *text,
                           enum m_path_role role, enum path_problem problem)
{
    switch (problem) {
    case PATH_FINE:
        return false;
    case PATH_EMPTY:
        m_error(reader, text->span, NULL, key, "must not be empty");
        return true;
    case PATH_TOO_LONG:
        m_error(reader, text->span, NULL, key, "is a path that is too long");
        return true;
    case PATH_HAS_NUL:
        m_error(reader, text->span, NULL, key, "is a path with a NUL character");
        return true;
    case PATH_OUTSIDE:
        m_error(reader, text->span,
                role == M_PATH_INPUT ? "name a file outside by its absolute path" : NULL, key,
                "leads out of the workspace");
        return true;
    }
    return false;
}

/* False (reported) if the path cannot be what it is for. `*folder` as path_normalise says. */
static bool m_path_check(struct m_reader *reader, struct str key, const struct m_text *text,
                         enum m_path_role role, bool *folder)
{
    struct str constant;
    struct str normal;

    *folder = false;
    if (!m_text_constant(text, &constant) ||
        (role == M_PATH_INPUT && constant.len != 0 && constant.data[constant.len - 1] != '/' &&
         constant.len < 4096 && str_find_str(constant, STR("..")) < 0 &&
         memchr(constant.data, 0, constant.len) == NULL)) {
        return true;
    }
    arena_reset(&reader->scratch);
    if (m_path_problem(reader, key, text, role,
                       path_normalise(&reader->scratch, constant, &normal, folder))) {
        return false;
    }
    if (role != M_PATH_INPUT && path_is_absolute(normal)) {
        m_error(reader, text->span, "write it relative to the workspace", key,
                "must be inside the workspace");
        return false;
    }
    if (role == M_PATH_OUTPUT && normal.len == 0) {
        m_error(reader, text->span, "name a folder or a file in it", key,
                "is the workspace itself");
        return false;
    }
    if (role == M_PATH_OUTPUT && (str_find(constant, '*') >= 0 || str_find(constant, '?') >= 0)) {
        m_error(reader, text->span, "name the folder, as in \"out/\"", key,
                "is a pattern; an output is a path or a folder");
        return false;
    }
    return true;
}

static bool m_path_read(struct m_reader *reader, struct str key, const struct toml_value *value,
                        enum m_path_role role, struct m_text *text)
{
    bool folder;

    return m_text_filled(reader, key, value, TEMPLATE_PATH, text) &&
           m_path_check(reader, key, text, role, &folder);
}

/* A path that cannot be a folder. */
static void m_file_read(struct m_reader *reader, const struct toml_entry *entry,
                        enum m_path_role role, struct m_text *text)
{
    bool folder;

    if (m_text_filled(reader, entry->key, &entry->value, TEMPLATE_PATH, text) &&
        m_path_check(reader, entry->key, text, role, &folder) && folder) {
        m_error(reader, entry->value.span, NULL, entry->key, "must be a file, not a folder");
    }
}

void m_key_dir(struct m_reader *reader, const struct manifest_key_row *row,
               const struct toml_entry *entry, void *into)
{
    m_path_read(reader, entry->key, &entry->value, M_PATH_DIR,
                (struct m_text *)((char *)into + row->at));
}

void m_key_stdin(struct m_reader *reader, const struct manifest_key_row *row,
                 const struct toml_entry *entry, void *into)
{
    m_file_read(reader, entry, M_PATH_INPUT, (struct m_text *)((char *)into + row->at));
}

void m_key_out_file(struct m_reader *reader, const struct manifest_key_row *row,
                    const struct toml_entry *entry, void *into)
{
    m_file_read(reader, entry, M_PATH_OUTPUT, (struct m_text *)((char *)into + row->at));
}

/* --- one item --- */

void m_key_input_path(struct m_reader *reader, const struct manifest_key_row *row,
                      const struct toml_entry *entry, void *into)
{
    struct m_input *input = into;

    (void)row;
    m_path_read(reader, entry->key, &entry->value, M_PATH_INPUT, &input->path);
}

bool m_input_path_read(struct m_reader *reader, struct str key, const struct toml_value *value,
                       struct m_text *path)
{
    return m_path_read(reader, key, value, M_PATH_INPUT, path);
}

void m_key_output_path(struct m_reader *reader, const struct manifest_key_row *row,
                       const struct toml_entry *entry, void *into)
{
    struct m_output *output = into;

    (void)row;
    m_path_read(reader, entry->key, &entry->value, M_PATH_OUTPUT, &output->path);
}

void m_key_input_keys(struct m_reader *reader, const struct manifest_key_row *row,
                      const struct toml_entry *entry, void *into)
{
    struct m_input *input = into;
    struct m_list list;
    struct str key;

    (void)row;
    m_list_strings(reader, entry->key, &entry->value, TEMPLATE_TEXT, &list);
    if (entry->value.kind == TOML_ARRAY && entry->value.array.count == 0) {
        m_error(reader, entry->value.span, NULL, entry->key, "must not be empty");
    }
    input->keys = ARENA_ARRAY(reader->arena, struct str, list.count);
    for (uint32_t i = 0; i < list.count; i++) {
        if (m_text_constant(&list.items[i], &key)) {
            input->keys[input->key_count++] = key;
        } else {
            m_error(reader, list.items[i].span, NULL, entry->key, "cannot hold a template");
        }
    }
}

/* An item in its long form; false if it has no path. */
static bool m_item_read_table(struct m_reader *reader, enum manifest_table kind, const char *what,
                              struct str name, const struct toml_value *value, void *into,
                              const struct m_text *path)
{
    struct m_owner owner = {.kind = what, .name = name, .outer = reader->owner};

    reader->owner = &owner;
    m_table_read(reader, kind, value->table, into);
    reader->owner = owner.outer;
    if (toml_get(value->table, "path") == NULL) {
        struct str text = m_owner_text(reader, &owner);

        diag_error(reader->diags, value->span, "add path = \"…\"", "%.*s has no 'path'",
                   STR_ARG(text));
    }
    return path->given;
}

static bool m_item_is_none(struct m_reader *reader, struct str key, const struct toml_value *value)
{
    if (value->kind == TOML_STRING || value->kind == TOML_TABLE) {
        return false;
    }
    m_error(reader, value->span, NULL, key, "holds %s where a path or a table is expected",
            toml_kind_name(value->kind));
    return true;
}

static bool m_input_read(struct m_reader *reader, struct str key, struct str name,
                         const struct toml_value *value, struct m_input *input)
{
    *input = (struct m_input){.name = name};
    if (m_item_is_none(reader, key, value)) {
        return false;
    }
    if (value->kind == TOML_TABLE) {
        return m_item_read_table(reader, MANIFEST_INPUT, name.len != 0 ? "input" : "an input", name,
                                 value, input, &input->path);
    }
    return m_path_read(reader, key, value, M_PATH_INPUT, &input->path);
}

static bool m_output_read(struct m_reader *reader, struct str key, struct str name,
                          const struct toml_value *value, struct m_output *output)
{
    *output = (struct m_output){.name = name, .store = true};
    if (m_item_is_none(reader, key, value)) {
        return false;
    }
    if (value->kind == TOML_STRING) {
        return m_path_read(reader, key, value, M_PATH_OUTPUT, &output->path);
    }
    if (!m_item_read_table(reader, MANIFEST_OUTPUT, name.len != 0 ? "output" : "an output", name,
                           value, output, &output->path)) {
        return false;
    }
    if (output->temp && output->persist) {
        m_error(reader, value->span, NULL, key, "cannot have both 'temp' and 'persist'");
    }
    return true;
}

/* --- all items --- */

/* How many items there may be; 0 with an error for what is neither array nor table. */
static uint32_t m_items_most(struct m_reader *reader, const struct toml_entry *entry)
{
    if (entry->value.kind == TOML_ARRAY) {
        return entry->value.array.count;
    }
    if (entry->value.kind == TOML_TABLE) {
        return entry->value.table->count;
    }
    m_error_kind(reader, &entry->value, entry->key, "an array or a table of names",
                 entry->value.kind == TOML_STRING ? "write it in [ ]" : NULL);
    return 0;
}

void m_key_inputs(struct m_reader *reader, const struct manifest_key_row *row,
                  const struct toml_entry *entry, void *into)
{
    struct m_stage *stage = into;
    uint32_t *count = &stage->input_count;

    (void)row;
    if (reader->outline) {
        return;
    }
    stage->inputs = ARENA_ARRAY(reader->files, struct m_input, m_items_most(reader, entry));
    if (entry->value.kind == TOML_ARRAY) {
        TOML_ITEMS(item, &entry->value.array)
        {
            *count += m_input_read(reader, entry->key, STR(""), item, &stage->inputs[*count]);
        }
    } else if (entry->value.kind == TOML_TABLE) {
        TOML_EACH(named, entry->value.table)
        {
            if (m_name_check(reader, "an input", named->key, named->key_span, false)) {
                *count += m_input_read(reader, entry->key, named->key, &named->value,
                                       &stage->inputs[*count]);
            }
        }
    }
}

void m_key_outputs(struct m_reader *reader, const struct manifest_key_row *row,
                   const struct toml_entry *entry, void *into)
{
    struct m_stage *stage = into;
    uint32_t *count = &stage->output_count;

    (void)row;
    stage->outputs = ARENA_ARRAY(reader->files, struct m_output, m_items_most(reader, entry));
    stage->outputs_given = true;
    if (entry->value.kind == TOML_ARRAY) {
        TOML_ITEMS(item, &entry->value.array)
        {
            *count += m_output_read(reader, entry->key, STR(""), item, &stage->outputs[*count]);
        }
    } else if (entry->value.kind == TOML_TABLE) {
        TOML_EACH(named, entry->value.table)
        {
            if (m_name_check(reader, "an output", named->key, named->key_span, false)) {
                *count += m_output_read(reader, entry->key, named->key, &named->value,
                                        &stage->outputs[*count]);
            }
        }
    }
}
