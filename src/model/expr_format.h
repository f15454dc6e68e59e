#ifndef PAWL_MODEL_EXPR_FORMAT_H
#define PAWL_MODEL_EXPR_FORMAT_H
/* format('%05.2f', x): the form is at the head of expr_format.c. */
#include "model/expr_ast.h"

bool expr_call_format(struct expr_run *run, const struct expr_node *node, const struct value *args,
                      size_t count, struct value *out);

#endif
