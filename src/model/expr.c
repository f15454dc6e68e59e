/* Questions about a parsed expression. */
#include <assert.h>

#include "model/expr_ast.h"

struct span expr_span_within(struct str text, struct span where, size_t offset, size_t len)
{
    if (where.len != text.len || where.source == 0) {
        return where;
    }
    assert(offset + len <= text.len);
    return (struct span){where.offset + (uint32_t)offset, (uint32_t)len, where.source};
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

const struct expr_name *expr_sole_name(const struct expr *expr)
{
    return expr->root->kind == EXPR_NODE_NAME ? &expr->root->name : NULL;
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
