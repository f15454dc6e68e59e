/* Expressions: text to tree.
 *
 *     expr       = logic
 *     logic      = and { "or" and }
 *     and        = not { "and" not }
 *     not        = { "not" } comparison
 *     comparison = sum [ ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) sum ]
 *     sum        = term { ( "+" | "-" ) term }
 *     term       = sign { ( "*" | "/" | "//" | "%" ) sign }
 *     sign       = { "-" } primary
 *     primary    = number | string | "true" | "false" | "(" expr ")" | call | name
 *     call       = NAME "(" [ expr { "," expr } ] ")"
 *     name       = NAME                                  parameter, axis, metric
 *                | ( "inputs" | "outputs" ) [ "." NAME ]
 *                | "flag" "." NAME
 *                | "metric" member
 *                | stage [ "@" select { "," select } ] member
 *     stage      = NAME | "`" any "`"
 *     select     = NAME "=" ( [ "-" ] number | string | "true" | "false" | NAME | "(" expr ")" )
 *     member     = ( "." NAME | "[" string "]" ) { "." NAME | "[" string "]" }
 *
 * Blanks, tabs and line ends may stand between all tokens. `-` is always minus. Comparisons do not
 * chain. raw(…) is only ever the whole of an expression. Parsing stops at the first fault.
 */
#include <string.h>

#include "base/limits.h"
#include "model/expr_parser.h"
#include "model/number.h"

/* --- tokens --- */

void parser_advance(struct parser *p)
{
    p->last_end = p->token.offset + p->token.len;
    p->token = token_next(p->text, &p->at);
}

bool parser_is_sign(const struct parser *p, const char *sign)
{
    return p->token.kind == TOKEN_SIGN && str_is(p->token.text, sign);
}

bool parser_is_word(const struct parser *p, const char *word)
{
    return p->token.kind == TOKEN_NAME && str_is(p->token.text, word);
}

bool parser_accept_sign(struct parser *p, const char *sign)
{
    bool is = parser_is_sign(p, sign);
    if (is) {
        parser_advance(p);
    }
    return is;
}

struct span parser_span_from(const struct parser *p, size_t start)
{
    return expr_span_within(p->text, p->where, start, p->last_end - start);
}

struct span parser_token_span(const struct parser *p)
{
    return expr_span_within(p->text, p->where, p->token.offset, p->token.len);
}

/* Reports that something else was expected where the next token stands; returns NULL. */
struct expr_node *parser_unexpected(struct parser *p, const char *wanted)
{
    struct span span = parser_token_span(p);
    switch (p->token.kind) {
    case TOKEN_BAD:
        diag_error(p->diags, span, p->token.hint, "%s", p->token.fault);
        return NULL;
    case TOKEN_END:
        diag_error(p->diags, span, NULL, "the expression ends where %s is expected", wanted);
        return NULL;
    case TOKEN_INT:
    case TOKEN_FLOAT:
    case TOKEN_STRING:
    case TOKEN_NAME:
    case TOKEN_QUOTED:
    case TOKEN_SIGN:
        diag_error(p->diags, span,
                   parser_is_sign(p, "=") && strcmp(wanted, "the end") == 0 ? "a comparison is =="
                                                                            : NULL,
                   "unexpected '%.*s' where %s is expected", (int)p->token.len,
                   p->text.data + p->token.offset, wanted);
        return NULL;
    }
    return NULL;
}

bool parser_expect_sign(struct parser *p, const char *sign, const char *wanted)
{
    if (!parser_accept_sign(p, sign)) {
        parser_unexpected(p, wanted);
        return false;
    }
    return true;
}

/* --- nodes --- */

struct expr_node *parser_node(struct parser *p, enum expr_node_kind kind)
{
    struct expr_node *node = ARENA_NEW(p->arena, struct expr_node);
    node->kind = kind;
    return node;
}

struct expr_node *parser_literal(struct parser *p, struct value value)
{
    struct expr_node *node = parser_node(p, EXPR_NODE_LITERAL);
    node->literal = value;
    node->span = parser_token_span(p);
    parser_advance(p);
    return node;
}

void node_list_add(struct node_list *list, struct expr_node *node)
{
    if (list->last != NULL) {
        list->last->next = node;
    } else {
        list->first = node;
    }
    list->last = node;
    list->count++;
}

struct expr_node *node_adopt(struct expr_node *node, const struct node_list *children)
{
    node->child = children->first;
    node->child_count = children->count;
    return node;
}

/* --- numbers --- */

struct expr_node *parser_read_number(struct parser *p, bool negative)
{
    struct value value;
    struct str text = p->token.text;
    if (negative) {
        text = str_concat(p->arena, STR("-"), text);
    }
    if (p->token.kind == TOKEN_INT ? number_parse_int(text, &value.integer)
                                   : number_parse_float(text, &value.number)) {
        value = p->token.kind == TOKEN_INT ? value_int(value.integer) : value_float(value.number);
        return parser_literal(p, value);
    }
    diag_error(p->diags, parser_token_span(p), NULL, "'%.*s' is out of range: %s", STR_ARG(text),
               p->token.kind == TOKEN_INT ? "integers have 64 bits" : "floats end at 1.8e308");
    return NULL;
}

/* --- calls --- */

static bool parse_arguments(struct parser *p, struct node_list *arguments)
{
    if (parser_accept_sign(p, ")")) {
        return true;
    }
    do {
        struct expr_node *argument = parser_read_expr(p);
        if (argument == NULL) {
            return false;
        }
        node_list_add(arguments, argument);
    } while (parser_accept_sign(p, ","));
    return parser_expect_sign(p, ")", "',' or ')'");
}

static const struct expr_function *find_function(struct parser *p, struct str word,
                                                 struct span span)
{
    struct str near;
    const struct expr_function *function = expr_function_find(word, &near);
    if (function == NULL) {
        diag_error(p->diags, span, NULL, "unknown function '%.*s'", STR_ARG(word));
        if (near.len > 0) {
            diag_hint(p->diags, "did you mean '%.*s'?", STR_ARG(near));
        }
    }
    return function;
}

static struct expr_node *parse_call(struct parser *p, size_t start, struct str word)
{
    struct node_list arguments = {NULL, NULL, 0};
    const struct expr_function *function = find_function(p, word, parser_span_from(p, start));
    parser_advance(p); /* the parenthesis */
    if (function == NULL || !parse_arguments(p, &arguments)) {
        return NULL;
    }
    struct expr_node *node = node_adopt(parser_node(p, EXPR_NODE_CALL), &arguments);
    node->function = function;
    node->span = parser_span_from(p, start);
    if (arguments.count < function->least || arguments.count > function->most) {
        diag_error(p->diags, node->span, function->usage, "'%s' does not take %u argument%s",
                   function->name, arguments.count, arguments.count == 1 ? "" : "s");
        return NULL;
    }
    if (function == &expr_function_raw) {
        p->raw_second = p->raw;
        p->raw = node;
    }
    return node;
}

/* --- operators --- */

static struct expr_node *parse_word(struct parser *p)
{
    size_t start = p->token.offset;
    struct str word = p->token.text;
    bool quoted = p->token.kind == TOKEN_QUOTED;
    if (parser_is_word(p, "true") || parser_is_word(p, "false")) {
        return parser_literal(p, value_bool(parser_is_word(p, "true")));
    }
    parser_advance(p);
    return !quoted && parser_is_sign(p, "(") ? parse_call(p, start, word)
                                             : parser_read_name(p, start, word, quoted);
}

static struct expr_node *parse_primary(struct parser *p)
{
    size_t start = p->token.offset;
    switch (p->token.kind) {
    case TOKEN_INT:
    case TOKEN_FLOAT:
        return parser_read_number(p, false);
    case TOKEN_STRING:
        return parser_literal(p, value_string(p->token.text));
    case TOKEN_NAME:
    case TOKEN_QUOTED:
        return parse_word(p);
    case TOKEN_SIGN:
    case TOKEN_END:
    case TOKEN_BAD:
        break;
    }
    if (!parser_accept_sign(p, "(")) {
        return parser_unexpected(p, "a value");
    }
    struct expr_node *node = parser_read_expr(p);
    if (node == NULL || !parser_expect_sign(p, ")", "')'")) {
        return NULL;
    }
    node->span = parser_span_from(p, start);
    return node;
}

static bool enter(struct parser *p)
{
    if (p->depth == LIMIT_EXPR_DEPTH) {
        diag_error(p->diags, parser_token_span(p), NULL,
                   "the expression is nested deeper than %d levels", LIMIT_EXPR_DEPTH);
        return false;
    }
    p->depth++;
    return true;
}

static struct expr_node *node_unary(struct parser *p, enum expr_node_kind kind, size_t start,
                                    struct expr_node *operand)
{
    if (operand == NULL) {
        return NULL;
    }
    struct expr_node *node =
        node_adopt(parser_node(p, kind), &(struct node_list){operand, operand, 1});
    node->span = parser_span_from(p, start);
    return node;
}

static struct expr_node *parse_sign(struct parser *p)
{
    size_t start = p->token.offset;
    struct expr_node *node;
    if (!parser_accept_sign(p, "-")) {
        return parse_primary(p);
    }
    if (p->token.kind == TOKEN_INT) { /* with its sign: the least integer has no positive */
        node = parser_read_number(p, true);
        if (node != NULL) {
            node->span = parser_span_from(p, start);
        }
        return node;
    }
    if (!enter(p)) {
        return NULL;
    }
    node = node_unary(p, EXPR_NODE_NEGATE, start, parse_sign(p));
    p->depth--;
    return node;
}

static enum expr_op sign_op(const struct parser *p, enum expr_op first, enum expr_op last)
{
    static const char *const signs[] = {
        [EXPR_OP_ADD] = "+",         [EXPR_OP_SUBTRACT] = "-",      [EXPR_OP_MULTIPLY] = "*",
        [EXPR_OP_DIVIDE] = "/",      [EXPR_OP_FLOOR_DIVIDE] = "//", [EXPR_OP_MODULO] = "%",
        [EXPR_OP_EQUAL] = "==",      [EXPR_OP_NOT_EQUAL] = "!=",    [EXPR_OP_LESS] = "<",
        [EXPR_OP_LESS_EQUAL] = "<=", [EXPR_OP_MORE] = ">",          [EXPR_OP_MORE_EQUAL] = ">=",
    };
    for (enum expr_op op = first; op <= last; op++) {
        if (parser_is_sign(p, signs[op])) {
            return op;
        }
    }
    return EXPR_OP_NONE;
}

/* Operands joined by operators between `first` and `last`. */
static struct expr_node *parse_chain(struct parser *p, enum expr_op first, enum expr_op last,
                                     struct expr_node *(*operand)(struct parser *))
{
    size_t start = p->token.offset;
    struct node_list list = {NULL, NULL, 0};
    struct expr_node *node = operand(p);
    enum expr_op op = EXPR_OP_NONE;
    while (node != NULL) {
        node->op = op;
        node_list_add(&list, node);
        op = sign_op(p, first, last);
        if (op == EXPR_OP_NONE) {
            break;
        }
        parser_advance(p);
        node = operand(p);
    }
    if (node == NULL || list.count == 1) {
        return node;
    }
    struct expr_node *chain = node_adopt(parser_node(p, EXPR_NODE_CHAIN), &list);
    chain->span = parser_span_from(p, start);
    return chain;
}

static struct expr_node *parse_term(struct parser *p)
{
    return parse_chain(p, EXPR_OP_MULTIPLY, EXPR_OP_MODULO, parse_sign);
}

static struct expr_node *parse_sum(struct parser *p)
{
    return parse_chain(p, EXPR_OP_ADD, EXPR_OP_SUBTRACT, parse_term);
}

static struct expr_node *parse_comparison(struct parser *p)
{
    size_t start = p->token.offset;
    struct expr_node *left = parse_sum(p);
    enum expr_op op = sign_op(p, EXPR_OP_EQUAL, EXPR_OP_MORE_EQUAL);
    if (left == NULL || op == EXPR_OP_NONE) {
        return left;
    }
    parser_advance(p);
    struct expr_node *right = parse_sum(p);
    if (right == NULL) {
        return NULL;
    }
    if (sign_op(p, EXPR_OP_EQUAL, EXPR_OP_MORE_EQUAL) != EXPR_OP_NONE) {
        diag_error(p->diags, parser_token_span(p), "say a < b and b < c",
                   "comparisons do not chain");
        return NULL;
    }
    struct node_list operands = {NULL, NULL, 0};
    left->op = EXPR_OP_NONE;
    node_list_add(&operands, left);
    right->op = op;
    node_list_add(&operands, right);
    struct expr_node *node = node_adopt(parser_node(p, EXPR_NODE_COMPARE), &operands);
    node->span = parser_span_from(p, start);
    return node;
}

static struct expr_node *parse_not(struct parser *p)
{
    size_t start = p->token.offset;
    if (!parser_is_word(p, "not")) {
        return parse_comparison(p);
    }
    if (!enter(p)) {
        return NULL;
    }
    parser_advance(p);
    struct expr_node *node = node_unary(p, EXPR_NODE_NOT, start, parse_not(p));
    p->depth--;
    return node;
}

static struct expr_node *parse_logic(struct parser *p, const char *word, enum expr_op op,
                                     struct expr_node *(*operand)(struct parser *))
{
    size_t start = p->token.offset;
    struct node_list list = {NULL, NULL, 0};
    bool more;
    do {
        struct expr_node *node = operand(p);
        if (node == NULL) {
            return NULL;
        }
        node->op = list.count > 0 ? op : EXPR_OP_NONE;
        node_list_add(&list, node);
        more = parser_is_word(p, word);
        if (more) {
            parser_advance(p);
        }
    } while (more);
    if (list.count == 1) {
        return list.first;
    }
    struct expr_node *logic = node_adopt(parser_node(p, EXPR_NODE_LOGIC), &list);
    logic->span = parser_span_from(p, start);
    return logic;
}

static struct expr_node *parse_and(struct parser *p)
{
    return parse_logic(p, "and", EXPR_OP_AND, parse_not);
}

struct expr_node *parser_read_expr(struct parser *p)
{
    if (!enter(p)) {
        return NULL;
    }
    struct expr_node *node = parse_logic(p, "or", EXPR_OP_OR, parse_and);
    p->depth--;
    return node;
}

/* --- the whole --- */

static struct expr_node *parse_whole(struct parser *p)
{
    if (p->text.len > LIMIT_EXPR_BYTES) {
        diag_error(p->diags, p->where, NULL, "the expression is longer than %d bytes",
                   LIMIT_EXPR_BYTES);
        return NULL;
    }
    parser_advance(p);
    if (p->token.kind == TOKEN_END) {
        diag_error(p->diags, p->where, NULL, "the expression is empty");
        return NULL;
    }
    struct expr_node *root = parser_read_expr(p);
    if (root != NULL && p->token.kind != TOKEN_END) {
        return parser_unexpected(p, "the end");
    }
    struct expr_node *inner = p->raw == root ? p->raw_second : p->raw;
    if (root != NULL && inner != NULL) {
        diag_error(p->diags, inner->span, "write {{raw(…)}}",
                   "raw(…) can only be the whole of an expression");
        return NULL;
    }
    return root;
}

const struct expr *expr_parse(struct arena *arena, struct str text, struct span where,
                              struct diags *diags)
{
    struct parser p = {.arena = arena, .diags = diags, .text = text, .where = where};
    struct expr_node *root = parse_whole(&p);
    if (root == NULL) {
        return NULL;
    }
    struct expr *expr = ARENA_NEW(arena, struct expr);
    *expr = (struct expr){.text = str_trim(text), .span = root->span, .root = root};
    return expr;
}
