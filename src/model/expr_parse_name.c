/* Names in expressions: `x`, `inputs.NAME`, `metric['p-value']`, `STAGE@axis=value.metric`. The
 * grammar is at the head of expr_parse.c. */
#include <string.h>

#include "base/limits.h"
#include "model/expr_parser.h"

static bool parse_member_part(struct parser *p, struct strbuf *member)
{
    bool bracket = parser_is_sign(p, "[");
    parser_advance(p);
    if (p->token.kind != (bracket ? TOKEN_STRING : TOKEN_NAME)) {
        parser_unexpected(p, bracket ? "a name in quotes" : "a name");
        return false;
    }
    if (member->len > 0) {
        strbuf_putc(member, '.');
    }
    strbuf_add_str(member, p->token.text);
    parser_advance(p);
    return !bracket || parser_expect_sign(p, "]", "']'");
}

static bool parse_member(struct parser *p, struct str *member)
{
    struct strbuf buf;
    bool good = parser_is_sign(p, ".") || parser_is_sign(p, "[");
    strbuf_init(&buf);
    if (!good) {
        parser_unexpected(p, "'.' and a name");
    }
    while (good && (parser_is_sign(p, ".") || parser_is_sign(p, "["))) {
        good = parse_member_part(p, &buf);
    }
    *member = strbuf_dup(&buf, p->arena);
    strbuf_fini(&buf);
    return good;
}

static struct expr_node *parse_selector_name(struct parser *p)
{
    struct expr_node *node = parser_node(p, EXPR_NODE_NAME);
    node->span = parser_token_span(p);
    node->name = (struct expr_name){
        .kind = EXPR_NAME_BARE, .member = p->token.text, .text = p->token.text, .span = node->span};
    parser_advance(p);
    return node;
}

static struct expr_node *parse_selector_value(struct parser *p)
{
    size_t start = p->token.offset;
    bool negative = parser_accept_sign(p, "-");
    if (p->token.kind == TOKEN_INT || p->token.kind == TOKEN_FLOAT) {
        struct expr_node *node = parser_read_number(p, negative);
        if (node != NULL) {
            node->span = parser_span_from(p, start);
        }
        return node;
    }
    if (negative) {
        return parser_unexpected(p, "a number");
    }
    if (p->token.kind == TOKEN_STRING) {
        return parser_literal(p, value_string(p->token.text));
    }
    if (parser_is_word(p, "true") || parser_is_word(p, "false")) {
        return parser_literal(p, value_bool(parser_is_word(p, "true")));
    }
    if (p->token.kind == TOKEN_NAME) {
        return parse_selector_name(p);
    }
    if (!parser_expect_sign(
            p, "(", "a value (a number, a string, a name, or an expression in parentheses)")) {
        return NULL;
    }
    struct expr_node *node = parser_read_expr(p);
    return node != NULL && parser_expect_sign(p, ")", "')'") ? node : NULL;
}

static bool parse_selector(struct parser *p, struct expr_selector *selector,
                           struct node_list *values)
{
    *selector = (struct expr_selector){.axis = p->token.text};
    size_t start = p->token.offset;
    if (p->token.kind != TOKEN_NAME) {
        parser_unexpected(p, "the name of an axis");
        return false;
    }
    parser_advance(p);
    if (!parser_expect_sign(p, "=", "'=' and the axis' value")) {
        return false;
    }
    struct expr_node *value = parse_selector_value(p);
    if (value == NULL) {
        return false;
    }
    node_list_add(values, value);
    selector->span = parser_span_from(p, start);
    return true;
}

enum { SELECTORS_MAX = LIMIT_AXES };

static bool parse_selectors(struct parser *p, struct expr_node *node)
{
    struct expr_selector selectors[SELECTORS_MAX];
    struct node_list values = {NULL, NULL, 0};
    if (!parser_accept_sign(p, "@")) {
        return true;
    }
    do {
        if (values.count == SELECTORS_MAX) {
            diag_error(p->diags, parser_token_span(p), NULL, "more than %d axes are selected",
                       SELECTORS_MAX);
            return false;
        }
        if (!parse_selector(p, &selectors[values.count], &values)) {
            return false;
        }
    } while (parser_accept_sign(p, ","));
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
    return parser_is_sign(p, ".") || parser_is_sign(p, "@") || parser_is_sign(p, "[")
               ? EXPR_NAME_STAGE
               : EXPR_NAME_BARE;
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
        if (!parser_accept_sign(p, ".")) {
            return true;
        }
        name->member = p->token.text;
        if (p->token.kind != TOKEN_NAME) {
            parser_unexpected(p, "a name");
            return false;
        }
        parser_advance(p);
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
struct expr_node *parser_read_name(struct parser *p, size_t start, struct str word, bool quoted)
{
    struct expr_node *node = parser_node(p, EXPR_NODE_NAME);
    if (!quoted && !check_reserved(p, word, parser_span_from(p, start))) {
        return NULL;
    }
    node->name.kind = name_kind(p, word, quoted);
    if (!parse_name_rest(p, node, word)) {
        return NULL;
    }
    node->span = node->name.span = parser_span_from(p, start);
    node->name.text = str_n(p->text.data + start, p->last_end - start);
    return node;
}
