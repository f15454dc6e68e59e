/* Owns overrides of params: what `-p name=value` and a params file say, read as the type that the
 * param has (rules in manifest.h). */
#include "model/manifest_read.h"

#include <string.h>

#include "base/suggest.h"
#include "model/number.h"

/* "-p name=text: ", or "" for a params file, whose place says it. */
static struct str m_override_before(struct m_reader *reader, const struct m_override *override)
{
    return override->value != NULL
               ? STR("")
               : str_printf(&reader->diags->arena, "-p %.*s=%.*s: ", STR_ARG(override->name),
                            STR_ARG(override->text));
}

static void m_override_unknown(struct m_reader *reader, const struct m_override *override)
{
    const struct manifest *manifest = reader->manifest;
    struct str before = m_override_before(reader, override);
    struct suggest suggest;

    suggest_init(&suggest, override->name);
    for (uint32_t i = 0; i < manifest->param_count; i++) {
        suggest_offer(&suggest, manifest->params[i].name);
    }
    diag_error(reader->diags, override->span, NULL, "%.*sthere is no param '%.*s'", STR_ARG(before),
               STR_ARG(override->name));
    if (suggest.best.len != 0) {
        diag_hint(reader->diags, "did you mean '%.*s'?", STR_ARG(suggest.best));
    }
}

/* --- text --- */

static bool m_scalar_parse(struct str text, enum value_kind kind, struct value *out)
{
    switch (kind) {
    case VALUE_STRING:
        *out = value_string(text);
        return true;
    case VALUE_INT:
        out->kind = kind;
        return number_parse_int(text, &out->integer);
    case VALUE_FLOAT:
        out->kind = kind;
        return number_parse_float(text, &out->number);
    case VALUE_BOOL:
        *out = value_bool(str_is(text, "true"));
        return out->truth || str_is(text, "false");
    case VALUE_LIST:
        return false;
    }
    return false;
}

bool manifest_param_take(struct m_param *param, struct str text)
{
    struct value value = {0};

    if (!m_scalar_parse(text, param->preset.kind, &value)) {
        return false;
    }
    param->value = value;
    return true;
}

/* The kind that all elements of a list have; VALUE_STRING if there is none. */
static enum value_kind m_list_kind(const struct value *list)
{
    for (size_t i = 1; i < list->list.count; i++) {
        if (list->list.items[i].kind != list->list.items[0].kind) {
            return VALUE_STRING;
        }
    }
    return list->list.count != 0 ? list->list.items[0].kind : VALUE_STRING;
}

static bool m_list_parse_commas(struct m_reader *reader, struct str text, enum value_kind kind,
                                struct value *out, struct str *wrong)
{
    struct value *items;
    struct str part;
    size_t count = 0;

    items = ARENA_ARRAY(reader->arena, struct value, text.len + 1);
    while (text.len != 0 && str_split(&text, ',', &part)) {
        *wrong = str_trim(part);
        items[count] = (struct value){0};
        if (!m_scalar_parse(*wrong, kind, &items[count++])) {
            return false;
        }
        if (text.len == 0) {
            break;
        }
    }
    *out = value_list(items, count);
    return true;
}

/* An array in TOML: read as `name = text`, a source of its own, so that a mistake has its place. */
static const struct toml_value *m_list_parse_toml(struct m_reader *reader,
                                                  const struct m_override *override)
{
    struct str text = str_printf(&reader->diags->arena, "%.*s = %.*s", STR_ARG(override->name),
                                 STR_ARG(override->text));
    struct str name = str_printf(&reader->diags->arena, "-p %.*s", STR_ARG(override->name));
    uint16_t source = diags_add_source(reader->diags, name, text);
    const struct toml_value *root = toml_parse(reader->arena, text, source, reader->diags);

    return root != NULL ? &root->table->first->value : NULL;
}

/* --- agreement of types --- */

static void m_override_complain(struct m_reader *reader, const struct m_param *param,
                                const struct m_override *override, struct span span,
                                enum value_kind wanted, const char *found)
{
    struct str before = m_override_before(reader, override);
    const char *whose =
        param->preset.kind == VALUE_LIST && wanted != VALUE_LIST ? "an element of param" : "param";

    diag_error(reader->diags, span, NULL, "%.*s%s '%.*s' is %s, not %s", STR_ARG(before), whose,
               STR_ARG(param->name), value_kind_name(wanted), found);
}

/* Makes an integer the float that is wanted; false if the kinds do not agree. */
static bool m_value_agree(struct value *value, enum value_kind wanted)
{
    if (value->kind == VALUE_INT && wanted == VALUE_FLOAT) {
        *value = value_float((double)value->integer);
    }
    return value->kind == wanted;
}

static bool m_override_list_agree(struct m_reader *reader, const struct m_param *param,
                                  const struct m_override *override, const struct toml_value *from,
                                  struct value *value)
{
    const struct value *preset = &param->preset;
    enum value_kind wanted = m_list_kind(preset);
    struct value *items = ARENA_ARRAY(reader->arena, struct value, value->list.count);
    bool mixed = preset->list.count == 0;

    for (size_t i = 0; i < preset->list.count; i++) {
        mixed = mixed || preset->list.items[i].kind != wanted;
    }
    for (size_t i = 0; i < value->list.count; i++) {
        items[i] = value->list.items[i];
        if (!mixed && !m_value_agree(&items[i], wanted)) {
            m_override_complain(reader, param, override, from->array.items[i].span, wanted,
                                value_kind_name(items[i].kind));
            return false;
        }
    }
    *value = value_list(items, value->list.count);
    return true;
}

static bool m_override_from_toml(struct m_reader *reader, const struct m_param *param,
                                 const struct m_override *override, const struct toml_value *from,
                                 struct value *value)
{
    struct m_owner owner = {.kind = override->value != NULL ? "the params file" : "-p"};
    bool fine;

    reader->owner = &owner;
    fine = m_value_read(reader, param->name, from, value);
    reader->owner = NULL;
    if (!fine) {
        return false;
    }
    if (!m_value_agree(value, param->preset.kind)) {
        m_override_complain(reader, param, override, from->span, param->preset.kind,
                            value_kind_name(value->kind));
        return false;
    }
    return value->kind != VALUE_LIST || m_override_list_agree(reader, param, override, from, value);
}

static bool m_override_from_text(struct m_reader *reader, const struct m_param *param,
                                 const struct m_override *override, struct value *value)
{
    enum value_kind wanted = param->preset.kind;
    struct str wrong = override->text;
    bool fine;

    if (wanted == VALUE_LIST && override->text.len != 0 && override->text.data[0] == '[') {
        const struct toml_value *from = m_list_parse_toml(reader, override);

        return from != NULL && m_override_from_toml(reader, param, override, from, value);
    }
    if (wanted == VALUE_LIST) {
        wanted = m_list_kind(&param->preset);
        fine = m_list_parse_commas(reader, override->text, wanted, value, &wrong);
    } else {
        fine = m_scalar_parse(override->text, wanted, value);
    }
    if (!fine) {
        struct str found = str_printf(&reader->diags->arena, "'%.*s'", STR_ARG(wrong));

        m_override_complain(reader, param, override, SPAN_NONE, wanted, found.data);
    }
    return fine;
}

static void m_override_apply(struct m_reader *reader, const struct m_override *override)
{
    struct manifest *manifest = reader->manifest;
    uint32_t number = m_index_find(&manifest->param_index, manifest->params,
                                   sizeof(*manifest->params), override->name);
    struct m_param *param;
    struct value value = {0};
    bool fine;

    if (number == MAP_MISSING) {
        m_override_unknown(reader, override);
        return;
    }
    param = &manifest->params[number];
    fine = override->value != NULL
               ? m_override_from_toml(reader, param, override, override->value, &value)
               : m_override_from_text(reader, param, override, &value);
    if (fine && m_param_allows(reader, param, &value,
                               override->value != NULL ? override->value->span : SPAN_NONE,
                               m_override_before(reader, override))) {
        param->value = value;
    }
}

void m_overrides_apply(struct m_reader *reader)
{
    for (uint32_t i = 0; i < reader->request->override_count; i++) {
        m_override_apply(reader, &reader->request->overrides[i]);
    }
}
