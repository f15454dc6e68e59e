/* Owns [rule.NAME] and the checks of a stage, `validate` and `gate`.
 *
 * A check is a table, or a string: the name of a rule if there is one of that name, else an
 * expression. One alone may stand without brackets. */
#include "model/manifest_read.h"

#include "model/expr.h"

void m_key_check_expr(struct m_reader *reader, const struct manifest_key_row *row,
                      const struct toml_entry *entry, void *into)
{
    (void)row;
    ((struct m_check *)into)->expr = m_expr_read(reader, entry->key, &entry->value);
}

void m_key_check_run(struct m_reader *reader, const struct manifest_key_row *row,
                     const struct toml_entry *entry, void *into)
{
    struct m_check *check = into;
    struct str shell = reader->shell;

    (void)row;
    reader->shell = STR("/bin/sh");
    m_run_read(reader, entry->key, &entry->value, &check->run_kind, &check->run);
    reader->shell = shell;
}

void m_key_check_severity(struct m_reader *reader, const struct manifest_key_row *row,
                          const struct toml_entry *entry, void *into)
{
    struct str word;

    (void)row;
    if (!m_plain_string(reader, entry->key, &entry->value, &word)) {
        return;
    }
    ((struct m_check *)into)->warn = str_is(word, "warn");
    if (!str_is(word, "warn") && !str_is(word, "error")) {
        m_error(reader, entry->value.span, NULL, entry->key, "must be \"error\" or \"warn\"");
    }
}

void m_key_check_inputs(struct m_reader *reader, const struct manifest_key_row *row,
                        const struct toml_entry *entry, void *into)
{
    (void)row;
    m_list_strings(reader, entry->key, &entry->value, TEMPLATE_PATH,
                   &((struct m_check *)into)->inputs);
}

/* What a check without a name is called. */
static struct str m_check_text(const struct m_check *check)
{
    if (check->expr != NULL) {
        return expr_text(check->expr);
    }
    return check->run.count != 0 ? check->run.items[0].text : STR("");
}

static bool m_check_read_table(struct m_reader *reader, const struct toml_value *value,
                               struct m_check *check)
{
    uint32_t before = reader->diags->errors;

    m_table_read(reader, MANIFEST_CHECK, value->table, check);
    if (reader->diags->errors != before) {
        return false;
    }
    if ((check->expr != NULL) == (check->run_kind != M_RUN_NONE)) {
        diag_error(reader->diags, check->span, "an expression, or a command",
                   check->expr != NULL ? "a check has both 'expr' and 'run'"
                                       : "a check has neither 'expr' nor 'run'");
        return false;
    }
    if (check->inputs.given && check->expr != NULL) {
        diag_error(reader->diags, check->span, "only the command of 'run' reads files",
                   "a check with 'expr' has 'inputs'");
        return false;
    }
    if (check->name.len == 0) {
        check->name = m_check_text(check);
    }
    return true;
}

/* --- [rule.NAME] --- */

static bool m_rule_read(struct m_reader *reader, const struct toml_entry *entry,
                        struct m_check *rule)
{
    struct m_owner owner = {.kind = "rule", .name = entry->key};
    bool good;

    *rule = (struct m_check){.name = entry->key, .span = entry->key_span};
    if (entry->value.kind != TOML_TABLE) {
        diag_error(reader->diags, entry->value.span, "write { expr = \"…\" }",
                   "rule '%.*s' must be a table, not %s", STR_ARG(entry->key),
                   toml_kind_name(entry->value.kind));
        return false;
    }
    reader->owner = &owner;
    good = m_check_read_table(reader, &entry->value, rule);
    reader->owner = NULL;
    return good;
}

void m_rules_read(struct m_reader *reader, const struct toml_value *rules)
{
    struct manifest *manifest = reader->manifest;

    if (rules == NULL) {
        return;
    }
    manifest->rules = ARENA_ARRAY(reader->arena, struct m_check, rules->table->count);
    TOML_EACH(entry, rules->table)
    {
        if (m_name_check(reader, "a rule", entry->key, entry->key_span, true)) {
            manifest->rule_count +=
                m_rule_read(reader, entry, &manifest->rules[manifest->rule_count]);
        }
    }
    m_index_build(&manifest->rule_index, reader->arena, manifest->rules, manifest->rule_count,
                  sizeof(*manifest->rules));
}

/* --- validate, gate --- */

static bool m_check_read(struct m_reader *reader, struct str key, const struct toml_value *value,
                         struct m_check *check)
{
    struct m_owner owner = {.kind = "a check", .outer = reader->owner};
    const struct m_check *rule = NULL;
    bool good;

    *check = (struct m_check){.span = value->span};
    if (value->kind == TOML_TABLE) {
        reader->owner = &owner;
        good = m_check_read_table(reader, value, check);
        reader->owner = owner.outer;
        return good;
    }
    if (value->kind != TOML_STRING && value->kind != TOML_BOOLEAN) {
        m_error_kind(reader, value, key, "an expression, the name of a rule or a table", NULL);
        return false;
    }
    if (value->kind == TOML_STRING) {
        rule = manifest_rule(reader->manifest, value->string);
    }
    if (rule != NULL) {
        *check = *rule;
        return true;
    }
    check->expr = m_expr_read(reader, key, value);
    check->name = m_check_text(check);
    return check->expr != NULL;
}

void m_key_checks(struct m_reader *reader, const struct manifest_key_row *row,
                  const struct toml_entry *entry, void *into)
{
    struct m_checks *checks = (struct m_checks *)((char *)into + row->at);
    bool many = entry->value.kind == TOML_ARRAY;

    *checks = (struct m_checks){
        .items = ARENA_ARRAY(reader->arena, struct m_check, many ? entry->value.array.count : 1)};
    if (!many) {
        checks->count = m_check_read(reader, entry->key, &entry->value, &checks->items[0]);
        return;
    }
    TOML_ITEMS(item, &entry->value.array)
    {
        checks->count += m_check_read(reader, entry->key, item, &checks->items[checks->count]);
    }
}
