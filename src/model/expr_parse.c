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
#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "model/expr_ast.h"
#include "model/expr_lex.h"
#include "model/number.h"

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

struct span expr_span_within(struct str text, struct span where, size_t offset, size_t len)
{
    if (where.len != text.len || where.source == 0) {
        return where;
    }
    assert(offset + len <= text.len);
    return (struct span){where.offset + (uint32_t)offset, (uint32_t)len, where.source};
}

/* --- tokens --- */

static void advance(struct parser *p)
{
    p->last_end = p->token.offset + p->token.len;
    p->token = token_next(p->text, &p->at);
}

static bool is_sign(const struct parser *p, const char *sign)
{
    return p->token.kind == TOKEN_SIGN && str_is(p->token.text, sign);
}

static bool is_word(const struct parser *p, const char *word)
{
    return p->token.kind == TOKEN_NAME && str_is(p->token.text, word);
}

static bool accept_sign(struct parser *p, const char *sign)
{
    bool is = is_sign(p, sign);
    if (is) {
        advance(p);
    }
    return is;
}

static struct span span_from(const struct parser *p, size_t start)
{
    return expr_span_within(p->text, p->where, start, p->last_end - start);
}

static struct span token_span(const struct parser *p)
{
    return expr_span_within(p->text, p->where, p->token.offset, p->token.len);
}

/* Reports that something else was expected where the next token stands; returns NULL. */
static struct expr_node *unexpected(struct parser *p, const char *wanted)
{
    struct span span = token_span(p);
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
                   is_sign(p, "=") && strcmp(wanted, "the end") == 0 ? "a comparison is ==" : NULL,
                   "unexpected '%.*s' where %s is expected", (int)p->token.len,
                   p->text.data + p->token.offset, wanted);
        return NULL;
    }
    return NULL;
}

static bool expect_sign(struct parser *p, const char *sign, const char *wanted)
{
    if (!accept_sign(p, sign)) {
        unexpected(p, wanted);
        return false;
    }
    return true;
}

/* --- nodes --- */

static struct expr_node *node_new(struct parser *p, enum expr_node_kind kind)
{
    struct expr_node *node = ARENA_NEW(p->arena, struct expr_node);
    node->kind = kind;
    return node;
}

static struct expr_node *node_literal(struct parser *p, struct value value)
{
    struct expr_node *node = node_new(p, EXPR_NODE_LITERAL);
    node->literal = value;
    node->span = token_span(p);
    advance(p);
    return node;
}

struct node_list {
    struct expr_node *first, *last;
    uint32_t count;
};

static void node_list_add(struct node_list *list, struct expr_node *node)
{
    if (list->last != NULL) {
        list->last->next = node;
    } else {
        list->first = node;
    }
    list->last = node;
    list->count++;
}

static struct expr_node *node_adopt(struct expr_node *node, const struct node_list *children)
{
    node->child = children->first;
    node->child_count = children->count;
    return node;
}

static struct expr_node *parse_expr(struct parser *p);

/* --- names --- */

static bool parse_member_part(struct parser *p, struct strbuf *member)
{
    bool bracket = is_sign(p, "[");
    advance(p);
    if (p->token.kind != (bracket ? TOKEN_STRING : TOKEN_NAME)) {
        unexpected(p, bracket ? "a name in quotes" : "a name");
        return false;
    }
    if (member->len > 0) {
        strbuf_putc(member, '.');
    }
    strbuf_add_str(member, p->token.text);
    advance(p);
    return !bracket || expect_sign(p, "]", "']'");
}

static bool parse_member(struct parser *p, struct str *member)
{
    struct strbuf buf;
    bool good = is_sign(p, ".") || is_sign(p, "[");
    strbuf_init(&buf);
    if (!good) {
        unexpected(p, "'.' and a name");
    }
    while (good && (is_sign(p, ".") || is_sign(p, "["))) {
        good = parse_member_part(p, &buf);
    }
    *member = strbuf_dup(&buf, p->arena);
    strbuf_fini(&buf);
    return good;
}

static struct expr_node *parse_number(struct parser *p, bool negative)
{
    struct value value;
    struct str text = p->token.text;
    if (negative) {
        text = str_concat(p->arena, STR("-"), text);
    }
    if (p->token.kind == TOKEN_INT ? number_parse_int(text, &value.integer)
                                   : number_parse_float(text, &value.number)) {
        value = p->token.kind == TOKEN_INT ? value_int(value.integer) : value_float(value.number);
        return node_literal(p, value);
    }
    diag_error(p->diags, token_span(p), NULL, "'%.*s' is out of range: %s", STR_ARG(text),
               p->token.kind == TOKEN_INT ? "integers have 64 bits" : "floats end at 1.8e308");
    return NULL;
}

static struct expr_node *parse_selector_name(struct parser *p)
{
    struct expr_node *node = node_new(p, EXPR_NODE_NAME);
    node->span = token_span(p);
    node->name = (struct expr_name){
        .kind = EXPR_NAME_BARE, .member = p->token.text, .text = p->token.text, .span = node->span};
    advance(p);
    return node;
}

static struct expr_node *parse_selector_value(struct parser *p)
{
    size_t start = p->token.offset;
    bool negative = accept_sign(p, "-");
    if (p->token.kind == TOKEN_INT || p->token.kind == TOKEN_FLOAT) {
        struct expr_node *node = parse_number(p, negative);
        if (node != NULL) {
            node->span = span_from(p, start);
        }
        return node;
    }
    if (negative) {
        return unexpected(p, "a number");
    }
    if (p->token.kind == TOKEN_STRING) {
        return node_literal(p, value_string(p->token.text));
    }
    if (is_word(p, "true") || is_word(p, "false")) {
        return node_literal(p, value_bool(is_word(p, "true")));
    }
    if (p->token.kind == TOKEN_NAME) {
        return parse_selector_name(p);
    }
    if (!expect_sign(p, "(",
                     "a value (a number, a string, a name, or an expression in parentheses)")) {
        return NULL;
    }
    struct expr_node *node = parse_expr(p);
    return node != NULL && expect_sign(p, ")", "')'") ? node : NULL;
}

static bool parse_selector(struct parser *p, struct expr_selector *selector,
                           struct node_list *values)
{
    *selector = (struct expr_selector){.axis = p->token.text};
    size_t start = p->token.offset;
    if (p->token.kind != TOKEN_NAME) {
        unexpected(p, "the name of an axis");
        return false;
    }
    advance(p);
    if (!expect_sign(p, "=", "'=' and the axis' value")) {
        return false;
    }
    struct expr_node *value = parse_selector_value(p);
    if (value == NULL) {
        return false;
    }
    node_list_add(values, value);
    selector->span = span_from(p, start);
    return true;
}

enum { SELECTORS_MAX = LIMIT_AXES };

static bool parse_selectors(struct parser *p, struct expr_node *node)
{
    struct expr_selector selectors[SELECTORS_MAX];
    struct node_list values = {NULL, NULL, 0};
    if (!accept_sign(p, "@")) {
        return true;
    }
    do {
        if (values.count == SELECTORS_MAX) {
            diag_error(p->diags, token_span(p), NULL, "more than %d axes are selected",
                       SELECTORS_MAX);
            return false;
        }
        if (!parse_selector(p, &selectors[values.count], &values)) {
            return false;
        }
    } while (accept_sign(p, ","));
    struct expr_selector *copy = ARENA_ARRAY(p->arena, struct expr_selector, values.count);
    memcpy(copy, selectors, values.count * sizeof(*copy));
    node->name.selectors = copy;
    node->name.selector_count = values.count;
    node_adopt(node, &values);
    return true;
}

/* Words that may not stand alone as a name. */
static bool check_reserved(struct parser *p, struct str word, struct span span)
{
    static const char *const words[] = {"and", "or", "not", "params", "stage"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_is(word, words[i])) {
            diag_error(p->diags, span, i >= 3 ? "the name stands by itself" : NULL,
                       "'%s' is a reserved word", words[i]);
            return false;
        }
    }
    return true;
}

static enum expr_name_kind name_kind(struct parser *p, struct str word, bool quoted)
{
    if (quoted) {
        return EXPR_NAME_STAGE;
    }
    if (str_is(word, "inputs")) {
        return EXPR_NAME_INPUTS;
    }
    if (str_is(word, "outputs")) {
        return EXPR_NAME_OUTPUTS;
    }
    if (str_is(word, "flag")) {
        return EXPR_NAME_FLAG;
    }
    if (str_is(word, "metric")) {
        return EXPR_NAME_METRIC;
    }
    return is_sign(p, ".") || is_sign(p, "@") || is_sign(p, "[") ? EXPR_NAME_STAGE : EXPR_NAME_BARE;
}

/* What follows the first word of a name of this kind. */
static bool parse_name_rest(struct parser *p, struct expr_node *node, struct str word)
{
    struct expr_name *name = &node->name;
    switch (name->kind) {
    case EXPR_NAME_BARE:
        name->member = word;
        return true;
    case EXPR_NAME_INPUTS:
    case EXPR_NAME_OUTPUTS:
        if (!accept_sign(p, ".")) {
            return true;
        }
        name->member = p->token.text;
        if (p->token.kind != TOKEN_NAME) {
            unexpected(p, "a name");
            return false;
        }
        advance(p);
        return true;
    case EXPR_NAME_FLAG:
    case EXPR_NAME_METRIC:
        return parse_member(p, &name->member);
    case EXPR_NAME_STAGE:
        name->stage = word;
        return parse_selectors(p, node) && parse_member(p, &name->member);
    }
    return false;
}

/* The first word was taken; it started at `start`. */
static struct expr_node *parse_name(struct parser *p, size_t start, struct str word, bool quoted)
{
    struct expr_node *node = node_new(p, EXPR_NODE_NAME);
    if (!quoted && !check_reserved(p, word, span_from(p, start))) {
        return NULL;
    }
    node->name.kind = name_kind(p, word, quoted);
    if (!parse_name_rest(p, node, word)) {
        return NULL;
    }
    node->span = node->name.span = span_from(p, start);
    node->name.text = str_n(p->text.data + start, p->last_end - start);
    return node;
}

/* --- calls --- */

static bool parse_arguments(struct parser *p, struct node_list *arguments)
{
    if (accept_sign(p, ")")) {
        return true;
    }
    do {
        struct expr_node *argument = parse_expr(p);
        if (argument == NULL) {
            return false;
        }
        node_list_add(arguments, argument);
    } while (accept_sign(p, ","));
    return expect_sign(p, ")", "',' or ')'");
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
    const struct expr_function *function = find_function(p, word, span_from(p, start));
    advance(p); /* the parenthesis */
    if (function == NULL || !parse_arguments(p, &arguments)) {
        return NULL;
    }
    struct expr_node *node = node_adopt(node_new(p, EXPR_NODE_CALL), &arguments);
    node->function = function;
    node->span = span_from(p, start);
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
    if (is_word(p, "true") || is_word(p, "false")) {
        return node_literal(p, value_bool(is_word(p, "true")));
    }
    advance(p);
    return !quoted && is_sign(p, "(") ? parse_call(p, start, word)
                                      : parse_name(p, start, word, quoted);
}

static struct expr_node *parse_primary(struct parser *p)
{
    size_t start = p->token.offset;
    switch (p->token.kind) {
    case TOKEN_INT:
    case TOKEN_FLOAT:
        return parse_number(p, false);
    case TOKEN_STRING:
        return node_literal(p, value_string(p->token.text));
    case TOKEN_NAME:
    case TOKEN_QUOTED:
        return parse_word(p);
    case TOKEN_SIGN:
    case TOKEN_END:
    case TOKEN_BAD:
        break;
    }
    if (!accept_sign(p, "(")) {
        return unexpected(p, "a value");
    }
    struct expr_node *node = parse_expr(p);
    if (node == NULL || !expect_sign(p, ")", "')'")) {
        return NULL;
    }
    node->span = span_from(p, start);
    return node;
}

static bool enter(struct parser *p)
{
    if (p->depth == LIMIT_EXPR_DEPTH) {
        diag_error(p->diags, token_span(p), NULL, "the expression is nested deeper than %d levels",
                   LIMIT_EXPR_DEPTH);
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
        node_adopt(node_new(p, kind), &(struct node_list){operand, operand, 1});
    node->span = span_from(p, start);
    return node;
}

static struct expr_node *parse_sign(struct parser *p)
{
    size_t start = p->token.offset;
    struct expr_node *node;
    if (!accept_sign(p, "-")) {
        return parse_primary(p);
    }
    if (p->token.kind == TOKEN_INT) { /* with its sign: the least integer has no positive */
        node = parse_number(p, true);
        if (node != NULL) {
            node->span = span_from(p, start);
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
        if (is_sign(p, signs[op])) {
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
        advance(p);
        node = operand(p);
    }
    if (node == NULL || list.count == 1) {
        return node;
    }
    struct expr_node *chain = node_adopt(node_new(p, EXPR_NODE_CHAIN), &list);
    chain->span = span_from(p, start);
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
    advance(p);
    struct expr_node *right = parse_sum(p);
    if (right == NULL) {
        return NULL;
    }
    if (sign_op(p, EXPR_OP_EQUAL, EXPR_OP_MORE_EQUAL) != EXPR_OP_NONE) {
        diag_error(p->diags, token_span(p), "say a < b and b < c", "comparisons do not chain");
        return NULL;
    }
    struct node_list operands = {NULL, NULL, 0};
    left->op = EXPR_OP_NONE;
    node_list_add(&operands, left);
    right->op = op;
    node_list_add(&operands, right);
    struct expr_node *node = node_adopt(node_new(p, EXPR_NODE_COMPARE), &operands);
    node->span = span_from(p, start);
    return node;
}

static struct expr_node *parse_not(struct parser *p)
{
    size_t start = p->token.offset;
    if (!is_word(p, "not")) {
        return parse_comparison(p);
    }
    if (!enter(p)) {
        return NULL;
    }
    advance(p);
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
        more = is_word(p, word);
        if (more) {
            advance(p);
        }
    } while (more);
    if (list.count == 1) {
        return list.first;
    }
    struct expr_node *logic = node_adopt(node_new(p, EXPR_NODE_LOGIC), &list);
    logic->span = span_from(p, start);
    return logic;
}

static struct expr_node *parse_and(struct parser *p)
{
    return parse_logic(p, "and", EXPR_OP_AND, parse_not);
}

static struct expr_node *parse_expr(struct parser *p)
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
    advance(p);
    if (p->token.kind == TOKEN_END) {
        diag_error(p->diags, p->where, NULL, "the expression is empty");
        return NULL;
    }
    struct expr_node *root = parse_expr(p);
    if (root != NULL && p->token.kind != TOKEN_END) {
        return unexpected(p, "the end");
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

struct str expr_text(const struct expr *expr)
{
    return expr->text;
}

struct span expr_span(const struct expr *expr)
{
    return expr->span;
}

bool expr_is_raw(const struct expr *expr)
{
    return expr->root->kind == EXPR_NODE_CALL && expr->root->function == &expr_function_raw;
}

static bool names_of_node(const struct expr_node *node, bool in_default, expr_name_visitor visit,
                          void *ctx)
{
    if (node->kind == EXPR_NODE_NAME && !visit(ctx, &node->name, in_default)) {
        return false;
    }
    bool is_default = node->kind == EXPR_NODE_CALL && node->function == &expr_function_default;
    for (const struct expr_node *child = node->child; child != NULL; child = child->next) {
        if (!names_of_node(child, in_default || (is_default && child == node->child), visit, ctx)) {
            return false;
        }
    }
    return true;
}

bool expr_names(const struct expr *expr, expr_name_visitor visit, void *ctx)
{
    return names_of_node(expr->root, false, visit, ctx);
}

static bool refuse_name(void *ctx, const struct expr_name *name, bool in_default)
{
    (void)ctx, (void)name, (void)in_default;
    return false;
}

bool expr_is_constant(const struct expr *expr)
{
    return expr_names(expr, refuse_name, NULL);
}
