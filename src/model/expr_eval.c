/* Expressions: tree to value.
 *
 * Arithmetic. Two integers give an integer, and overflow is an error, but `/`, which gives a float;
 * with a float among the two, both are floats. `//` and `%` floor: -7 // 2 is -4, -7 % 2 is 1, the
 * remainder has the sign of the divisor. A division by zero and a result that is infinite or not a
 * number are errors at the operation that makes them. `+` joins two strings.
 *
 * Comparisons. Numbers with numbers, exactly; strings with strings, by bytes; booleans and lists
 * only for == and !=. Anything else is an error.
 *
 * Logic. `and`, `or`, `not` take booleans; what the left side decides, the right one is not looked
 * at.
 */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>

#include "base/mem.h"
#include "model/expr_ast.h"

bool expr_fail(struct expr_run *run, struct span span, const char *hint, const char *format, ...)
{
    struct strbuf buf;
    va_list args;
    strbuf_init(&buf);
    va_start(args, format);
    strbuf_vprintf(&buf, format, args);
    va_end(args);
    *run->error = (struct expr_error){.kind = EXPR_ERROR_WRONG,
                                      .span = span,
                                      .text = strbuf_dup(&buf, run->arena),
                                      .hint = str_of(hint)};
    strbuf_fini(&buf);
    return false;
}

bool expr_float(struct expr_run *run, struct span span, double number, struct value *out)
{
    if (!isfinite(number)) {
        return expr_fail(run, span, NULL, "the result is %s",
                         isnan(number) ? "not a number" : "infinite");
    }
    *out = value_float(number);
    return true;
}

static bool eval_node(struct expr_run *run, const struct expr_node *node, struct value *out);

/* --- names --- */

static bool eval_selectors(struct expr_run *run, const struct expr_node *node,
                           struct expr_name *name)
{
    struct expr_selector *selectors =
        ARENA_ARRAY(run->arena, struct expr_selector, name->selector_count);
    const struct expr_node *child = node->child;
    for (uint32_t i = 0; i < name->selector_count; i++, child = child->next) {
        selectors[i] = name->selectors[i];
        if (!eval_node(run, child, &selectors[i].value)) {
            return false;
        }
        if (selectors[i].value.kind == VALUE_LIST) {
            return expr_fail(run, child->span, NULL, "axis '%.*s' cannot be a list",
                             STR_ARG(selectors[i].axis));
        }
    }
    name->selectors = selectors;
    return true;
}

static bool lookup_fail(struct expr_run *run, const struct expr_name *name, enum expr_lookup lookup,
                        const struct expr_answer *answer)
{
    const char *colon = answer->reason.len > 0 ? ": " : "";
    switch (lookup) {
    case EXPR_FOUND:
        return true;
    case EXPR_UNKNOWN:
        expr_fail(run, name->span, NULL, "unknown name '%.*s'%s%.*s", STR_ARG(name->text), colon,
                  STR_ARG(answer->reason));
        break;
    case EXPR_MISSING:
        expr_fail(run, name->span, NULL, "'%.*s' is missing%s%.*s", STR_ARG(name->text), colon,
                  STR_ARG(answer->reason));
        run->error->kind = EXPR_ERROR_MISSING;
        break;
    case EXPR_REFUSED:
        expr_fail(run, name->span, NULL, "'%.*s' %.*s", STR_ARG(name->text),
                  STR_ARG(answer->reason));
        break;
    }
    run->error->hint = answer->hint;
    return false;
}

static bool eval_name(struct expr_run *run, const struct expr_node *node, struct value *out)
{
    struct expr_name name = node->name;
    struct expr_answer answer = {.reason = STR_NONE};
    enum expr_lookup lookup = EXPR_UNKNOWN;
    if (name.selector_count > 0 && !eval_selectors(run, node, &name)) {
        return false;
    }
    if (run->env != NULL && run->env->lookup != NULL) {
        lookup = run->env->lookup(run->env->ctx, &name, run->arena, &answer);
    }
    if (!lookup_fail(run, &name, lookup, &answer)) {
        return false;
    }
    if (answer.value.kind == VALUE_FLOAT && !isfinite(answer.value.number)) {
        return expr_fail(run, name.span, NULL, "'%.*s' is not a finite number", STR_ARG(name.text));
    }
    *out = answer.value;
    return true;
}

/* --- arithmetic --- */

const char *expr_op_text(enum expr_op op)
{
    static const char *const texts[] = {
        [EXPR_OP_NONE] = "",         [EXPR_OP_ADD] = "+",         [EXPR_OP_SUBTRACT] = "-",
        [EXPR_OP_MULTIPLY] = "*",    [EXPR_OP_DIVIDE] = "/",      [EXPR_OP_FLOOR_DIVIDE] = "//",
        [EXPR_OP_MODULO] = "%",      [EXPR_OP_EQUAL] = "==",      [EXPR_OP_NOT_EQUAL] = "!=",
        [EXPR_OP_LESS] = "<",        [EXPR_OP_LESS_EQUAL] = "<=", [EXPR_OP_MORE] = ">",
        [EXPR_OP_MORE_EQUAL] = ">=", [EXPR_OP_AND] = "and",       [EXPR_OP_OR] = "or",
    };
    return texts[op];
}

static int64_t floor_divide(int64_t a, int64_t b)
{
    int64_t quotient = a / b;
    return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

/* The divisor is neither 0 nor -1. */
static int64_t floor_modulo(int64_t a, int64_t b)
{
    int64_t rest = a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

/* False on overflow. */
static bool int_operate(enum expr_op op, int64_t a, int64_t b, int64_t *result)
{
    if (op == EXPR_OP_ADD) {
        return !__builtin_add_overflow(a, b, result);
    }
    if (op == EXPR_OP_SUBTRACT) {
        return !__builtin_sub_overflow(a, b, result);
    }
    if (op == EXPR_OP_MULTIPLY) {
        return !__builtin_mul_overflow(a, b, result);
    }
    if (b == -1) {
        *result = 0;
        return op == EXPR_OP_MODULO || !__builtin_sub_overflow((int64_t)0, a, result);
    }
    *result = op == EXPR_OP_MODULO ? floor_modulo(a, b) : floor_divide(a, b);
    return true;
}

static double float_modulo(double a, double b)
{
    double rest = fmod(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static double float_operate(enum expr_op op, double a, double b)
{
    switch (op) {
    case EXPR_OP_ADD:
        return a + b;
    case EXPR_OP_SUBTRACT:
        return a - b;
    case EXPR_OP_MULTIPLY:
        return a * b;
    case EXPR_OP_DIVIDE:
        return a / b;
    case EXPR_OP_MODULO:
        return float_modulo(a, b);
    case EXPR_OP_FLOOR_DIVIDE:
        /* By way of the remainder, so that a == b * (a // b) + a % b as far as rounding allows. */
        return rint((a - float_modulo(a, b)) / b);
    case EXPR_OP_NONE:
    case EXPR_OP_EQUAL:
    case EXPR_OP_NOT_EQUAL:
    case EXPR_OP_LESS:
    case EXPR_OP_LESS_EQUAL:
    case EXPR_OP_MORE:
    case EXPR_OP_MORE_EQUAL:
    case EXPR_OP_AND:
    case EXPR_OP_OR:
        break;
    }
    bug("operator %d is not arithmetic", (int)op);
}

static bool number_operate(struct expr_run *run, struct span span, enum expr_op op,
                           const struct value *a, const struct value *b, struct value *out)
{
    bool divides = op == EXPR_OP_DIVIDE || op == EXPR_OP_FLOOR_DIVIDE || op == EXPR_OP_MODULO;
    if (divides && value_as_double(b) == 0) {
        return expr_fail(run, span, NULL, "division by zero");
    }
    if (a->kind == VALUE_FLOAT || b->kind == VALUE_FLOAT || op == EXPR_OP_DIVIDE) {
        return expr_float(run, span, float_operate(op, value_as_double(a), value_as_double(b)),
                          out);
    }
    int64_t result;
    if (!int_operate(op, a->integer, b->integer, &result)) {
        return expr_fail(run, span, "make one of them a float",
                         "%" PRId64 " %s %" PRId64 " does not fit into 64 bits", a->integer,
                         expr_op_text(op), b->integer);
    }
    *out = value_int(result);
    return true;
}

static bool operate(struct expr_run *run, struct span span, enum expr_op op, const struct value *a,
                    const struct value *b, struct value *out)
{
    if (value_is_number(a) && value_is_number(b)) {
        return number_operate(run, span, op, a, b, out);
    }
    if (op == EXPR_OP_ADD && a->kind == VALUE_STRING && b->kind == VALUE_STRING) {
        *out = value_string(str_concat(run->arena, a->text, b->text));
        return true;
    }
    return expr_fail(run, span, NULL, "'%s' cannot take %s and %s", expr_op_text(op),
                     value_kind_name(a->kind), value_kind_name(b->kind));
}

static struct span span_union(struct span a, struct span b)
{
    uint32_t end = b.offset + b.len;
    if (a.source != b.source || end < a.offset + a.len) {
        return a;
    }
    return (struct span){a.offset, end - a.offset, a.source};
}

static bool eval_chain(struct expr_run *run, const struct expr_node *node, struct value *out)
{
    const struct expr_node *child = node->child;
    struct value sum, operand;
    if (!eval_node(run, child, &sum)) {
        return false;
    }
    for (child = child->next; child != NULL; child = child->next) {
        struct span span = span_union(node->child->span, child->span);
        if (!eval_node(run, child, &operand) ||
            !operate(run, span, child->op, &sum, &operand, &sum)) {
            return false;
        }
    }
    *out = sum;
    return true;
}

static bool eval_negate(struct expr_run *run, const struct expr_node *node, struct value *out)
{
    struct value operand;
    if (!eval_node(run, node->child, &operand)) {
        return false;
    }
    if (operand.kind == VALUE_FLOAT) {
        *out = value_float(-operand.number);
        return true;
    }
    if (operand.kind != VALUE_INT) {
        return expr_fail(run, node->span, NULL, "'-' cannot take %s",
                         value_kind_name(operand.kind));
    }
    struct value zero = value_int(0);
    return number_operate(run, node->span, EXPR_OP_SUBTRACT, &zero, &operand, out);
}

/* --- comparison and logic --- */

static bool order_is(enum expr_op op, int order)
{
    return (op == EXPR_OP_LESS && order < 0) || (op == EXPR_OP_LESS_EQUAL && order <= 0) ||
           (op == EXPR_OP_MORE && order > 0) || (op == EXPR_OP_MORE_EQUAL && order >= 0);
}

static bool eval_compare(struct expr_run *run, const struct expr_node *node, struct value *out)
{
    struct value a, b;
    enum expr_op op = node->child->next->op;
    int order = 0;
    if (!eval_node(run, node->child, &a) || !eval_node(run, node->child->next, &b)) {
        return false;
    }
    bool ordered = value_compare(&a, &b, &order);
    if (op == EXPR_OP_EQUAL || op == EXPR_OP_NOT_EQUAL) {
        if (ordered || a.kind == b.kind) {
            *out = value_bool(value_equal(&a, &b) == (op == EXPR_OP_EQUAL));
            return true;
        }
    } else if (ordered) {
        *out = value_bool(order_is(op, order));
        return true;
    }
    return expr_fail(run, node->span, NULL, "'%s' cannot compare %s with %s", expr_op_text(op),
                     value_kind_name(a.kind), value_kind_name(b.kind));
}

static bool eval_truth(struct expr_run *run, const struct expr_node *node, const char *wants,
                       bool *truth)
{
    struct value value;
    if (!eval_node(run, node, &value)) {
        return false;
    }
    if (value.kind != VALUE_BOOL) {
        return expr_fail(run, node->span, "compare it with something", "%s a boolean, not %s",
                         wants, value_kind_name(value.kind));
    }
    *truth = value.truth;
    return true;
}

static bool eval_logic(struct expr_run *run, const struct expr_node *node, struct value *out)
{
    bool is_and = node->child->next->op == EXPR_OP_AND;
    bool truth = is_and;
    for (const struct expr_node *child = node->child; child != NULL && truth == is_and;
         child = child->next) {
        if (!eval_truth(run, child, is_and ? "'and' takes" : "'or' takes", &truth)) {
            return false;
        }
    }
    *out = value_bool(truth);
    return true;
}

static bool eval_not(struct expr_run *run, const struct expr_node *node, struct value *out)
{
    bool truth;
    if (!eval_truth(run, node->child, "'not' takes", &truth)) {
        return false;
    }
    *out = value_bool(!truth);
    return true;
}

/* --- calls --- */

static bool eval_default(struct expr_run *run, const struct expr_node *node, struct value *out)
{
    if (eval_node(run, node->child, out)) {
        return true;
    }
    return run->error->kind == EXPR_ERROR_MISSING && eval_node(run, node->child->next, out);
}

static bool eval_call(struct expr_run *run, const struct expr_node *node, struct value *out)
{
    if (node->function == &expr_function_default) {
        return eval_default(run, node, out);
    }
    struct value *args = ARENA_ARRAY(run->arena, struct value, node->child_count);
    size_t count = 0;
    for (const struct expr_node *child = node->child; child != NULL; child = child->next) {
        if (!eval_node(run, child, &args[count++])) {
            return false;
        }
    }
    return node->function->call(run, node, args, count, out);
}

static bool eval_node(struct expr_run *run, const struct expr_node *node, struct value *out)
{
    switch (node->kind) {
    case EXPR_NODE_LITERAL:
        *out = node->literal;
        return true;
    case EXPR_NODE_NAME:
        return eval_name(run, node, out);
    case EXPR_NODE_CALL:
        return eval_call(run, node, out);
    case EXPR_NODE_CHAIN:
        return eval_chain(run, node, out);
    case EXPR_NODE_LOGIC:
        return eval_logic(run, node, out);
    case EXPR_NODE_COMPARE:
        return eval_compare(run, node, out);
    case EXPR_NODE_NOT:
        return eval_not(run, node, out);
    case EXPR_NODE_NEGATE:
        return eval_negate(run, node, out);
    }
    bug("expression node %d", (int)node->kind);
}

bool expr_eval(const struct expr *expr, const struct expr_env *env, struct arena *arena,
               struct value *out, struct expr_error *error)
{
    struct expr_run run = {.env = env, .arena = arena, .error = error};
    return eval_node(&run, expr->root, out);
}

bool expr_eval_bool(const struct expr *expr, const struct expr_env *env, struct arena *arena,
                    bool *out, struct expr_error *error)
{
    struct expr_run run = {.env = env, .arena = arena, .error = error};
    return eval_truth(&run, expr->root, "the expression must give", out);
}

struct names_in {
    struct expr_run *run;
    expr_name_visitor visit;
    void *ctx;
};

static bool names_in_node(const struct names_in *in, const struct expr_node *node, bool in_default)
{
    bool is_default = node->kind == EXPR_NODE_CALL && node->function == &expr_function_default;
    if (node->kind == EXPR_NODE_NAME) {
        struct expr_name name = node->name;
        if ((name.selector_count > 0 && !eval_selectors(in->run, node, &name)) ||
            !in->visit(in->ctx, &name, in_default)) {
            return false;
        }
    }
    for (const struct expr_node *child = node->child; child != NULL; child = child->next) {
        if (!names_in_node(in, child, in_default || (is_default && child == node->child))) {
            return false;
        }
    }
    return true;
}

bool expr_names_in(const struct expr *expr, const struct expr_env *env, struct arena *arena,
                   expr_name_visitor visit, void *ctx, struct expr_error *error)
{
    struct expr_run run = {.env = env, .arena = arena, .error = error};
    struct names_in in = {.run = &run, .visit = visit, .ctx = ctx};
    *error = (struct expr_error){.text = STR("")};
    return names_in_node(&in, expr->root, false);
}

void expr_error_report(const struct expr_error *error, struct diags *diags)
{
    diag_error(diags, error->span, NULL, "%.*s", STR_ARG(error->text));
    if (error->hint.len > 0) {
        diag_hint(diags, "%.*s", STR_ARG(error->hint));
    }
}
