/* What a condition that is false would need to be true: each part that is false, and of a
 * comparison the value of its right side, so that a person sees the bound and not how it is made.
 */
#include "model/expr_ast.h"

struct wanted {
    const struct expr *expr;
    const struct expr_env *env;
    struct arena *arena;
    struct strbuf *out;
};

/* The part of the text that the node is; all of it where places are not known (escapes). */
static struct str wanted_text(const struct wanted *wanted, const struct expr_node *node)
{
    const struct expr *expr = wanted->expr;
    size_t offset = node->span.offset - expr->span.offset;

    if (expr->span.len != expr->text.len || offset > expr->text.len) {
        return expr->text;
    }
    return str_head(str_skip(expr->text, offset), node->span.len);
}

static bool wanted_eval(const struct wanted *wanted, const struct expr_node *node,
                        struct value *value)
{
    struct expr part = {.root = (struct expr_node *)node};
    struct expr_error error;

    return expr_eval(&part, wanted->env, wanted->arena, value, &error);
}

static bool wanted_is_constant(const struct expr_node *node)
{
    return expr_is_constant(&(struct expr){.root = (struct expr_node *)node});
}

static void wanted_side(const struct wanted *wanted, const struct expr_node *node, bool as_value)
{
    struct value value;

    if (as_value && wanted_eval(wanted, node, &value)) {
        value_show(&value, wanted->out);
    } else {
        strbuf_add_str(wanted->out, wanted_text(wanted, node));
    }
}

/* `0.8 <= sharpe`: the bound may be on the left. */
static void wanted_compare(const struct wanted *wanted, const struct expr_node *node)
{
    const struct expr_node *right = node->child->next;
    bool bound_is_left = wanted_is_constant(node->child);

    wanted_side(wanted, node->child, bound_is_left);
    strbuf_printf(wanted->out, " %s ", expr_op_text(right->op));
    wanted_side(wanted, right, !bound_is_left);
}

static bool wanted_is_true(const struct wanted *wanted, const struct expr_node *node)
{
    struct value value;

    return wanted_eval(wanted, node, &value) && value.kind == VALUE_BOOL && value.truth;
}

static void wanted_node(const struct wanted *wanted, const struct expr_node *node)
{
    const char *between = "";

    if (node->kind == EXPR_NODE_COMPARE) {
        wanted_compare(wanted, node);
    } else if (node->kind != EXPR_NODE_LOGIC) {
        strbuf_add_str(wanted->out, wanted_text(wanted, node));
    }
    for (const struct expr_node *child = node->child;
         node->kind == EXPR_NODE_LOGIC && child != NULL; child = child->next) {
        if (!wanted_is_true(wanted, child)) {
            strbuf_puts(wanted->out, between);
            wanted_node(wanted, child);
            between = node->child->next->op == EXPR_OP_AND ? " and " : " or ";
        }
    }
}

void expr_wanted(const struct expr *expr, const struct expr_env *env, struct arena *arena,
                 struct strbuf *out)
{
    struct wanted wanted = {expr, env, arena, out};

    wanted_node(&wanted, expr->root);
}
