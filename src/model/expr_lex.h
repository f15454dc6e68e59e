#ifndef PAWL_MODEL_EXPR_LEX_H
#define PAWL_MODEL_EXPR_LEX_H
/* Tokens of an expression. */
#include <stdbool.h>

#include "base/str.h"

enum token_kind {
    TOKEN_END,
    TOKEN_INT,
    TOKEN_FLOAT,
    TOKEN_STRING, /* `text` without the quotes */
    TOKEN_NAME,   /* [A-Za-z_][A-Za-z0-9_]* */
    TOKEN_QUOTED, /* `text` without the backquotes */
    TOKEN_SIGN,   /* an operator or a bracket: `text` */
    TOKEN_BAD     /* `fault` and `hint` say why */
};

struct token {
    enum token_kind kind;
    struct str text;
    size_t offset, len; /* in the expression, quotes included */
    const char *fault, *hint;
};

/* The token at or behind `*at`, which moves behind it. */
struct token token_next(struct str text, size_t *at);

#endif
