/* Tokens of an expression. A number is digits[.digits][e[±]digits], with a digit on both sides of
 * the point, so that `STAGE@year=2026.metric` reads as it looks. */
#include "model/expr_lex.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static char char_at(struct str text, size_t at)
{
    return at < text.len ? text.data[at] : '\0';
}

static struct token token_bad(struct token token, size_t end, const char *fault, const char *hint)
{
    token.kind = TOKEN_BAD;
    token.len = end - token.offset;
    token.fault = fault;
    token.hint = hint;
    return token;
}

static size_t skip_digits(struct str text, size_t at)
{
    while (is_digit(char_at(text, at))) {
        at++;
    }
    return at;
}

static size_t exponent_end(struct str text, size_t at)
{
    if (char_at(text, at) != 'e' && char_at(text, at) != 'E') {
        return at;
    }
    size_t digits = at + 1;
    digits += char_at(text, digits) == '+' || char_at(text, digits) == '-' ? 1 : 0;
    return is_digit(char_at(text, digits)) ? skip_digits(text, digits) : at;
}

static struct token token_number(struct str text, struct token token)
{
    size_t whole = skip_digits(text, token.offset), end = whole;
    if (char_at(text, end) == '.' && is_digit(char_at(text, end + 1))) {
        end = skip_digits(text, end + 1);
    }
    end = exponent_end(text, end);
    if (is_letter(char_at(text, end))) {
        return token_bad(token, end + 1, "a number runs into a letter", "");
    }
    if (whole - token.offset > 1 && text.data[token.offset] == '0') {
        return token_bad(token, end, "a number starts with a needless 0",
                         "leave it out, or quote the text");
    }
    token.kind = end == whole ? TOKEN_INT : TOKEN_FLOAT;
    token.len = end - token.offset;
    token.text = str_n(text.data + token.offset, token.len);
    return token;
}

static struct token token_name(struct str text, struct token token)
{
    size_t end = token.offset;
    while (is_letter(char_at(text, end)) || is_digit(char_at(text, end))) {
        end++;
    }
    token.kind = TOKEN_NAME;
    token.len = end - token.offset;
    token.text = str_n(text.data + token.offset, token.len);
    return token;
}

static struct token token_quoted(struct str text, struct token token)
{
    char quote = text.data[token.offset];
    ptrdiff_t len = str_find(str_skip(text, token.offset + 1), quote);
    if (len < 0) {
        return token_bad(token, text.len,
                         quote == '`' ? "a backquote has no end" : "a string has no end", "");
    }
    token.kind = quote == '`' ? TOKEN_QUOTED : TOKEN_STRING;
    token.text = str_n(text.data + token.offset + 1, (size_t)len);
    token.len = (size_t)len + 2;
    return token;
}

struct sign_row {
    const char *text;
    const char *fault, *hint; /* of what other languages write and this one does not */
};

/* Longer ones first. */
static const struct sign_row sign_rows[] = {
    {"//", NULL, NULL},
    {"==", NULL, NULL},
    {"!=", NULL, NULL},
    {"<=", NULL, NULL},
    {">=", NULL, NULL},
    {"&&", "unknown operator '&&'", "say and"},
    {"||", "unknown operator '||'", "say or"},
    {"**", "unknown operator '**'", "there is no power; multiply"},
    {"+", NULL, NULL},
    {"-", NULL, NULL},
    {"*", NULL, NULL},
    {"/", NULL, NULL},
    {"%", NULL, NULL},
    {"<", NULL, NULL},
    {">", NULL, NULL},
    {"(", NULL, NULL},
    {")", NULL, NULL},
    {"[", NULL, NULL},
    {"]", NULL, NULL},
    {",", NULL, NULL},
    {".", NULL, NULL},
    {"@", NULL, NULL},
    {"=", NULL, NULL},
    {"!", "unknown operator '!'", "say not"},
    {"&", "unknown operator '&'", "say and"},
    {"|", "unknown operator '|'", "say or; there are no filters, call a function"},
    {"^", "unknown operator '^'", "there is no power; multiply"},
    {"{", "unexpected '{'", "a name stands bare in an expression"},
    {"}", "unexpected '}'", ""},
    {"$", "unexpected '$'", "a name stands bare in an expression"},
};

static struct token token_sign(struct str text, struct token token)
{
    struct str rest = str_skip(text, token.offset);
    for (size_t i = 0; i < sizeof(sign_rows) / sizeof(sign_rows[0]); i++) {
        const struct sign_row *row = &sign_rows[i];
        struct str sign = str_of(row->text);
        if (str_has_prefix(rest, sign)) {
            token.kind = TOKEN_SIGN;
            token.text = str_head(rest, sign.len);
            token.len = sign.len;
            return row->fault == NULL
                       ? token
                       : token_bad(token, token.offset + sign.len, row->fault, row->hint);
        }
    }
    return token_bad(token, token.offset + 1, "a character that no expression has",
                     "text stands in quotes");
}

struct token token_next(struct str text, size_t *at)
{
    while (*at < text.len && strchr(" \t\r\n", text.data[*at]) != NULL && text.data[*at] != '\0') {
        (*at)++;
    }
    struct token token = {.kind = TOKEN_END, .offset = *at};
    if (*at < text.len) {
        char c = text.data[*at];
        if (is_digit(c)) {
            token = token_number(text, token);
        } else if (is_letter(c)) {
            token = token_name(text, token);
        } else if (c == '\'' || c == '"' || c == '`') {
            token = token_quoted(text, token);
        } else {
            token = token_sign(text, token);
        }
    }
    *at = token.offset + token.len;
    return token;
}
