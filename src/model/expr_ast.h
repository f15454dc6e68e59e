#ifndef PAWL_MODEL_EXPR_AST_H
#define PAWL_MODEL_EXPR_AST_H
/* The tree of an expression, shared by the files expr*.c alone.
 *
 * Operators of one level that follow each other (`a + b - c`) are one node with a list of operands,
 * so that the depth of the tree is the depth of nesting, not the length of the text.
 */
#include "base/arena.h"
#include "model/expr.h"

enum expr_op {
    EXPR_OP_NONE,
    EXPR_OP_ADD,
    EXPR_OP_SUBTRACT,
    EXPR_OP_MULTIPLY,
    EXPR_OP_DIVIDE,
    EXPR_OP_FLOOR_DIVIDE,
    EXPR_OP_MODULO,
    EXPR_OP_EQUAL,
    EXPR_OP_NOT_EQUAL,
    EXPR_OP_LESS,
    EXPR_OP_LESS_EQUAL,
    EXPR_OP_MORE,
    EXPR_OP_MORE_EQUAL,
    EXPR_OP_AND,
    EXPR_OP_OR
};

enum expr_node_kind {
    EXPR_NODE_LITERAL, /* literal */
    EXPR_NODE_NAME,    /* name; the children are the values of its selectors, in order */
    EXPR_NODE_CALL,    /* function; the children are the arguments */
    EXPR_NODE_CHAIN,   /* arithmetic: operands, each but the first with the op that joins it */
    EXPR_NODE_LOGIC,   /* the same with `and`, or with `or` */
    EXPR_NODE_COMPARE, /* two operands, the second with the op */
    EXPR_NODE_NOT,
    EXPR_NODE_NEGATE
};

const char *expr_op_text(enum expr_op op); /* ">=", "and"; of none: "" */

struct expr_function;

struct expr_node {
    enum expr_node_kind kind;
    enum expr_op op; /* joins this operand to the one before */
    struct span span;
    struct expr_node *child, *next;
    uint32_t child_count;
    union {
        struct value literal;
        struct expr_name name;
        const struct expr_function *function;
    };
};

struct expr {
    struct str text;
    struct span span;
    struct expr_node *root;
};

/* State of one evaluation. */
struct expr_run {
    const struct expr_env *env;
    struct arena *arena;
    struct expr_error *error;
};

typedef bool (*expr_function_call)(struct expr_run *run, const struct expr_node *node,
                                   const struct value *args, size_t count, struct value *out);

struct expr_function {
    const char *name;
    uint32_t least, most; /* number of arguments */
    expr_function_call call;
    const char *usage;
};

/* NULL when there is none; then `*near` is the likeliest meant, or empty. */
const struct expr_function *expr_function_find(struct str name, struct str *near);
extern const struct expr_function expr_function_default; /* evaluates its first argument itself */
extern const struct expr_function expr_function_raw;

/* Sets the error of a run and returns false. `hint` may be NULL. */
bool expr_fail(struct expr_run *run, struct span span, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A float as a result: fails when it is infinite or not a number. */
bool expr_float(struct expr_run *run, struct span span, double number, struct value *out);

#endif
