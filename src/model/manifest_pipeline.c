/* Owns [pipeline]. */
#include "model/manifest_read.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "base/units.h"

/* --- requires: N, N.N or N.N.N, each below a thousand (the first below 2,000) --- */

enum { VERSION_MAJOR_MAX = 1999, VERSION_PART_MAX = 999 };

static bool m_version_parse(struct str text, uint32_t *version)
{
    static const uint32_t weights[] = {1000000, 1000, 1};
    struct str part;
    size_t count = 0;

    *version = 0;
    while (str_split(&text, '.', &part)) {
        uint64_t number;

        if (count == 3 || !str_to_u64(part, &number) ||
            number > (count == 0 ? VERSION_MAJOR_MAX : VERSION_PART_MAX)) {
            return false;
        }
        *version += (uint32_t)number * weights[count++];
    }
    return count != 0;
}

static const struct m_owner pipeline_owner = {.kind = "[pipeline]"};

bool m_requires_check(struct m_reader *reader, const struct toml_table *root)
{
    const struct toml_value *pipeline = toml_get(root, "pipeline");
    const struct toml_value *value;
    uint32_t version;
    uint32_t ours = reader->request->pawl_version;

    if (pipeline == NULL || pipeline->kind != TOML_TABLE) {
        return true;
    }
    value = toml_get(pipeline->table, "requires");
    if (value == NULL || value->kind != TOML_STRING || !m_version_parse(value->string, &version) ||
        version <= ours) {
        return true;
    }
    diag_error(reader->diags, value->span, "use a later pawl",
               "this manifest requires pawl %.*s, this is pawl %u.%u.%u", STR_ARG(value->string),
               ours / 1000000, ours / 1000 % 1000, ours % 1000);
    return false;
}

/* What m_requires_check let pass: here its form is checked. */
void m_key_requires(struct m_reader *reader, const struct manifest_key_row *row,
                    const struct toml_entry *entry, void *into)
{
    struct str text;
    uint32_t version;

    (void)row;
    (void)into;
    if (m_plain_string(reader, entry->key, &entry->value, &text) &&
        !m_version_parse(text, &version)) {
        m_error(reader, entry->value.span, "write it as in \"0.1\" or \"0.1.2\"", entry->key,
                "is no version");
    }
}

/* --- other keys --- */

void m_key_pipeline_name(struct m_reader *reader, const struct manifest_key_row *row,
                         const struct toml_entry *entry, void *into)
{
    struct manifest *manifest = into;
    struct str name;

    (void)row;
    manifest->name_span = entry->value.span;
    if (!m_plain_string(reader, entry->key, &entry->value, &name)) {
        return;
    }
    for (size_t i = 0; i < name.len; i++) {
        if ((unsigned char)name.data[i] < 0x20 || name.data[i] == 0x7f) {
            m_error(reader, entry->value.span, NULL, entry->key, "holds a control character");
            return;
        }
    }
    if (name.len > LIMIT_NAME_BYTES) {
        m_error(reader, entry->value.span, NULL, entry->key, "is longer than %d bytes",
                LIMIT_NAME_BYTES);
        return;
    }
    manifest->name = name;
}

void m_key_targets(struct m_reader *reader, const struct manifest_key_row *row,
                   const struct toml_entry *entry, void *into)
{
    struct manifest *manifest = into;

    (void)row;
    m_list_strings(reader, entry->key, &entry->value, TEMPLATE_TEXT, &manifest->targets);
}

static bool m_link_parse(struct str text, enum m_link *link)
{
    static const char *const words[] = {
        [M_LINK_REFLINK] = "reflink", [M_LINK_COPY] = "copy", [M_LINK_HARDLINK] = "hardlink"};

    for (uint32_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (str_is(text, words[i])) {
            *link = (enum m_link)i;
            return true;
        }
    }
    return false;
}

static void m_link_add(struct m_reader *reader, struct manifest *manifest,
                       const struct toml_entry *entry, const struct m_text *text)
{
    enum m_link link;

    if (!m_link_parse(text->text, &link)) {
        m_error(reader, text->span, "one of reflink, copy, hardlink", entry->key,
                "does not know '%.*s'", STR_ARG(text->text));
        return;
    }
    for (uint32_t i = 0; i < manifest->link_count; i++) {
        if (manifest->links[i] == link) {
            m_error(reader, text->span, NULL, entry->key, "names '%.*s' twice",
                    STR_ARG(text->text));
            return;
        }
    }
    manifest->links[manifest->link_count++] = link;
}

void m_key_link(struct m_reader *reader, const struct manifest_key_row *row,
                const struct toml_entry *entry, void *into)
{
    struct manifest *manifest = into;
    struct m_list list;

    (void)row;
    m_list_strings(reader, entry->key, &entry->value, TEMPLATE_TEXT, &list);
    if (entry->value.kind == TOML_ARRAY && entry->value.array.count == 0) {
        m_error(reader, entry->value.span, NULL, entry->key, "must name at least one way");
        return;
    }
    manifest->link_count = 0;
    for (uint32_t i = 0; i < list.count; i++) {
        m_link_add(reader, manifest, entry, &list.items[i]);
    }
}

void m_key_jobserver(struct m_reader *reader, const struct manifest_key_row *row,
                     const struct toml_entry *entry, void *into)
{
    static const char *const words[] = {
        [M_JOBSERVER_PIPE] = "pipe", [M_JOBSERVER_FIFO] = "fifo", [M_JOBSERVER_NONE] = "none"};
    struct manifest *manifest = into;
    struct str text;

    (void)row;
    if (!m_plain_string(reader, entry->key, &entry->value, &text)) {
        return;
    }
    for (uint32_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (str_is(text, words[i])) {
            manifest->jobserver = (enum m_jobserver)i;
            return;
        }
    }
    m_error(reader, entry->value.span, "one of pipe, fifo, none", entry->key,
            "does not know '%.*s'", STR_ARG(text));
}

void m_key_ignore(struct m_reader *reader, const struct manifest_key_row *row,
                  const struct toml_entry *entry, void *into)
{
    struct manifest *manifest = into;
    struct m_list list;

    (void)row;
    m_list_strings(reader, entry->key, &entry->value, TEMPLATE_TEXT, &list);
    manifest->ignore = ARENA_ARRAY(reader->arena, struct str, list.count);
    for (uint32_t i = 0; i < list.count; i++) {
        struct str name = list.items[i].text;

        if (name.len > 1 && name.data[name.len - 1] == '/') {
            name.len--;
        }
        if (str_find(name, '/') >= 0) {
            m_error(reader, list.items[i].span, "a name is one part of a path", entry->key,
                    "holds names, not paths");
        } else {
            manifest->ignore[manifest->ignore_count++] = name;
        }
    }
}

void m_key_retain(struct m_reader *reader, const struct manifest_key_row *row,
                  const struct toml_entry *entry, void *into)
{
    static const struct m_owner owner = {.kind = "'retain'", .outer = &pipeline_owner};

    (void)row;
    if (entry->value.kind != TOML_TABLE) {
        m_error_kind(reader, &entry->value, entry->key, "a table",
                     "as in { runs = 20, age = \"30d\", size = \"10G\" }");
        return;
    }
    reader->owner = &owner;
    m_table_read(reader, MANIFEST_RETAIN, entry->value.table, into);
    reader->owner = &pipeline_owner;
}

void m_key_retain_runs(struct m_reader *reader, const struct manifest_key_row *row,
                       const struct toml_entry *entry, void *into)
{
    struct manifest *manifest = into;

    (void)row;
    if (entry->value.kind != TOML_INTEGER) {
        m_error_kind(reader, &entry->value, entry->key, "an integer",
                     entry->value.kind == TOML_STRING ? "write it without quotes" : NULL);
    } else if (entry->value.integer < 1 || entry->value.integer > 1000000) {
        m_error(reader, entry->value.span, NULL, entry->key, "must be from 1 to 1000000");
    } else {
        manifest->retain_runs = (uint32_t)entry->value.integer;
    }
}

/* The text of a plain duration or size that is more than nothing. */
static bool m_key_amount(struct m_reader *reader, const struct toml_entry *entry,
                         const struct manifest_key_row *typed_as, struct str *text)
{
    struct m_text amount = {0};
    struct manifest_key_row row = *typed_as;
    uint32_t before = reader->diags->errors;

    row.at = 0;
    row.read(reader, &row, entry, &amount);
    *text = amount.text;
    return reader->diags->errors == before;
}

void m_key_retain_age(struct m_reader *reader, const struct manifest_key_row *row,
                      const struct toml_entry *entry, void *into)
{
    static const struct manifest_key_row duration = {.read = m_key_duration};
    struct manifest *manifest = into;
    struct str text;

    (void)row;
    if (m_key_amount(reader, entry, &duration, &text)) {
        duration_parse(text, &manifest->retain_age_ns);
    }
}

void m_key_retain_size(struct m_reader *reader, const struct manifest_key_row *row,
                       const struct toml_entry *entry, void *into)
{
    static const struct manifest_key_row size = {.read = m_key_size};
    struct manifest *manifest = into;
    struct str text;
    int64_t size_bytes = 0;

    (void)row;
    if (m_key_amount(reader, entry, &size, &text)) {
        size_parse(text, &size_bytes);
        manifest->retain_size_bytes = (uint64_t)size_bytes;
    }
}

void m_pipeline_read(struct m_reader *reader, const struct toml_value *value)
{
    struct span start = {0, 0, reader->request->document->span.source};

    if (value == NULL) {
        if (toml_get(reader->request->document->table, "pipeline") == NULL) {
            diag_error(reader->diags, start, "start with [pipeline] and name = \"…\"",
                       "[pipeline] is missing");
        }
        return;
    }
    reader->owner = &pipeline_owner;
    reader->plain = true;
    m_table_read(reader, MANIFEST_PIPELINE, value->table, reader->manifest);
    reader->plain = false;
    if (toml_get(value->table, "name") == NULL) {
        diag_error(reader->diags, value->span, "add name = \"…\"", "[pipeline] has no 'name'");
    }
}
