#ifndef PAWL_MODEL_EXPR_PARSER_H
#define PAWL_MODEL_EXPR_PARSER_H
/* The parser's state and small steps, shared by expr_parse.c and expr_parse_name.c. What returns a
 * node returns NULL once the fault is in the diags. */
#include "model/expr_ast.h"
#include "model/expr_lex.h"

struct parser {
    struct arena *arena;
    struct diags *diags;
    struct str text;
    struct span where;
    struct token token; /* the next one */
    size_t at;          /* behind it */
    size_t last_end;    /* behind the one taken last */
    uint32_t depth;
    struct expr_node *raw, *raw_second; /* calls of raw(…) seen */
};

struct node_list {
    struct expr_node *first, *last;
    uint32_t count;
};

/* Takes the next token. */
void parser_advance(struct parser *p);
bool parser_is_sign(const struct parser *p, const char *sign);
bool parser_is_word(const struct parser *p, const char *word);
/* Takes the next token if it is this sign. */
bool parser_accept_sign(struct parser *p, const char *sign);
bool parser_expect_sign(struct parser *p, const char *sign, const char *wanted);
struct span parser_span_from(const struct parser *p, size_t start); /* to the last token taken */
struct span parser_token_span(const struct parser *p);
/* Reports that something else was expected where the next token stands; returns NULL. */
struct expr_node *parser_unexpected(struct parser *p, const char *wanted);

struct expr_node *parser_node(struct parser *p, enum expr_node_kind kind);
/* The next token as a literal of this value. */
struct expr_node *parser_literal(struct parser *p, struct value value);
void node_list_add(struct node_list *list, struct expr_node *node);
struct expr_node *node_adopt(struct expr_node *node, const struct node_list *children);

struct expr_node *parser_read_expr(struct parser *p);
/* The next token is a number; `negative`: a minus was before it. */
struct expr_node *parser_read_number(struct parser *p, bool negative);
/* The first word was taken; it started at `start`. */
struct expr_node *parser_read_name(struct parser *p, size_t start, struct str word, bool quoted);

#endif
