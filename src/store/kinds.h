#ifndef PAWL_STORE_KINDS_H
#define PAWL_STORE_KINDS_H
/* File, folder or link: the same three kinds have their own numbers in each format on disk. */
#include "store/made.h"
#include "store/results.h"
#include "store/tree.h"

enum tree_type kind_of_result(enum result_kind kind);
enum tree_type kind_of_made(enum made_kind kind);
enum result_kind kind_in_result(enum tree_type type);
enum made_kind kind_in_made(enum tree_type type);

#endif
