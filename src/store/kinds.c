/* Owns the translation of kinds between the formats. */
#include "store/kinds.h"

enum tree_type kind_of_result(enum result_kind kind)
{
    switch (kind) {
    case RESULT_FILE:
        return TREE_FILE;
    case RESULT_FOLDER:
        return TREE_FOLDER;
    case RESULT_LINK:
        break;
    }
    return TREE_LINK;
}

enum tree_type kind_of_made(enum made_kind kind)
{
    switch (kind) {
    case MADE_FILE:
        return TREE_FILE;
    case MADE_FOLDER:
        return TREE_FOLDER;
    case MADE_LINK:
        break;
    }
    return TREE_LINK;
}

enum result_kind kind_in_result(enum tree_type type)
{
    switch (type) {
    case TREE_FILE:
        return RESULT_FILE;
    case TREE_FOLDER:
        return RESULT_FOLDER;
    case TREE_LINK:
        break;
    }
    return RESULT_LINK;
}

enum made_kind kind_in_made(enum tree_type type)
{
    switch (type) {
    case TREE_FILE:
        return MADE_FILE;
    case TREE_FOLDER:
        return MADE_FOLDER;
    case TREE_LINK:
        break;
    }
    return MADE_LINK;
}
