/* Owns the rule of names: [A-Za-z_][A-Za-z0-9_]*, for some with `-` inside, and the words that the
 * expression language keeps for itself. */
#include "model/manifest_read.h"

#include "base/limits.h"

static const struct str reserved_words[] = {
    {"true", 4},    {"false", 5}, {"and", 3},    {"or", 2},     {"not", 3},   {"inputs", 6},
    {"outputs", 7}, {"flag", 4},  {"params", 6}, {"metric", 6}, {"stage", 5},
};

static bool m_name_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool m_name_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool m_name_has_form(struct str name, bool dash)
{
    if (name.len == 0 || !m_name_is_letter(name.data[0]) || name.data[name.len - 1] == '-') {
        return false;
    }
    for (size_t i = 1; i < name.len; i++) {
        char c = name.data[i];

        if (!m_name_is_letter(c) && !m_name_is_digit(c) && !(dash && c == '-')) {
            return false;
        }
    }
    return true;
}

bool m_name_is_word(struct str name)
{
    return m_name_has_form(name, false);
}

static bool m_name_is_reserved(struct str name)
{
    for (size_t i = 0; i < sizeof(reserved_words) / sizeof(*reserved_words); i++) {
        if (str_equal(name, reserved_words[i])) {
            return true;
        }
    }
    return false;
}

bool m_name_check(struct m_reader *reader, const char *what, struct str name, struct span span,
                  bool dash)
{
    if (!m_name_has_form(name, dash)) {
        diag_error(reader->diags, span,
                   dash
                       ? "a name has letters, digits, '_' and '-', starts with a letter or '_' and "
                         "does not end with '-'"
                       : "a name has letters, digits and '_' and does not start with a digit",
                   "'%.*s' is no name for %s", STR_ARG(name), what);
        return false;
    }
    if (name.len > LIMIT_NAME_BYTES) {
        diag_error(reader->diags, span, NULL, "the name of %s is longer than %d bytes", what,
                   LIMIT_NAME_BYTES);
        return false;
    }
    if (m_name_is_reserved(name)) {
        diag_error(reader->diags, span, "choose another name",
                   "'%.*s' cannot name %s: it is a word of the expression language", STR_ARG(name),
                   what);
        return false;
    }
    return true;
}
